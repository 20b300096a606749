"""Pieces that several pages show: times, badges, meters, traces, stories."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime

from watchfloor.http.bodies.actions import Risk, RuleReason
from watchfloor.http.bodies.decisions import DecisionItem
from watchfloor.http.bodies.timeline import TimelineItem
from watchfloor.http.html import Child, Safe, tag
from watchfloor.kernel.instants import SECOND
from watchfloor.kernel.terms import TIERS

COMMENT_CHARS_MAX = 4_000  # in a form, which holds other fields too; the API takes more
SOON_S = 300  # less than this, and a deadline is shown in red
LEVELS = ("autonomous", "notify", "confirm", "approve", "committee")
_BAND = {"low": "good", "medium": "warn", "high": "bad", "critical": "bad"}
_GOOD = frozenset(
    ("approved", "granted", "completed", "succeeded", "permitted", "idle", "working", "running")
)
_BAD = frozenset(("denied", "failed", "unknown", "dead_letter", "quarantined", "offline", "expired"))
_WARN = frozenset(("pending", "executing", "assigned", "blocked", "degraded", "orphaned", "queued"))
_SIGNS = {"pass": "✓", "lifted": "✓", "raise": "↑", "throttle": "‖", "deny": "✕"}
_PEOPLE_EVENTS = ("decision.voted", "decision.approved", "decision.denied", "stop.")
_BAD_EVENTS = (
    "denied",
    "failed",
    "refused",
    "misused",
    "revoked",
    "dead_lettered",
    "unknown",
    "stop.recorded",
)
_GOOD_EVENTS = ("approved", "succeeded", "completed", "granted")


def words(code: str) -> str:
    """A code as people say it."""
    return code.replace("_", " ")


def moment(at: int) -> Safe | str:
    """An instant in UTC."""
    if not at:
        return "never"
    when = datetime.fromtimestamp(at / SECOND, UTC)
    return tag("time", when.strftime("%Y-%m-%d %H:%M:%S UTC"), datetime=when.isoformat(timespec="seconds"))


def span(seconds: int) -> str:
    """A duration in the two largest units that matter."""
    seconds = max(0, seconds)
    if seconds < 60:
        return f"{seconds} s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if minutes < 10 else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours < 48 else f"{hours // 24} days"


def ago(at: int, now: int) -> str:
    """How long ago, in words."""
    return "just now" if now - at < 5 * SECOND else f"{span((now - at) // SECOND)} ago"


def clock(deadline_at: int, now: int) -> Safe:
    """The time left, which the optional script lets run down."""
    left_s = (deadline_at - now) // SECOND
    return tag(
        "span",
        "time is up" if left_s <= 0 else span(left_s),
        class_="clock soon" if left_s < SOON_S else "clock",
        data_deadline_ms=max(0, left_s * 1_000),
    )


def badge(text: str, kind: str = "") -> Safe:
    """A small label."""
    return tag("span", words(text), class_=f"badge {kind}".strip())


def status_badge(status: str) -> Safe:
    """A status, coloured by what it means."""
    kind = "good" if status in _GOOD else "bad" if status in _BAD else "warn" if status in _WARN else ""
    return badge(status, kind)


def risk_badge(score: int, band: str) -> Safe:
    """The risk and its band."""
    return badge(f"{band} risk, {score}", _BAND.get(band, ""))


def band_of(score: int) -> str:
    """The band of a risk score (spec 3.1)."""
    return "low" if score < 25 else "medium" if score < 50 else "high" if score < 75 else "critical"


def level_badge(level: int) -> Safe:
    """The authorization level by number and name."""
    return badge(f"level {level}, {LEVELS[level]}", "info")


def facts(pairs: Iterable[tuple[str, Child]]) -> Safe:
    """Names and values."""
    return tag("dl", [(tag("dt", name), tag("dd", value)) for name, value in pairs], class_="facts")


def waterfall(risk: Risk) -> Safe:
    """The factors of the risk score: what each added, and where that led."""
    rows = []
    reached = 0
    for factor in risk.factors:
        before, reached = reached, reached + factor.points
        rows.append(
            tag(
                "tr",
                tag("th", words(factor.name), scope="row"),
                tag("td", f"{factor.points:+d}", class_="number"),
                tag(
                    "td",
                    _bar(min(before, reached), max(before, reached), "up" if factor.points > 0 else "down"),
                ),
            )
        )
    total = tag(
        "tr",
        tag("th", "score", scope="row"),
        tag("td", str(risk.score), class_="number"),
        tag("td", _bar(0, risk.score, "sum")),
    )
    head = tag(
        "thead",
        tag(
            "tr",
            tag("th", "factor", scope="col"),
            tag("th", "points", scope="col", class_="number"),
            tag("th", tag("span", "0 to 100", class_="quiet"), scope="col"),
        ),
    )
    return tag("table", head, tag("tbody", rows), tag("tfoot", total), class_="plain")


def _bar(begin: int, end: int, kind: str) -> Safe:
    low, high = max(0, min(100, begin)), max(0, min(100, end))
    return tag(
        "svg",
        tag("rect", class_="track", x="0", y="3", width="100", height="4"),
        tag("rect", class_=kind, x=str(low), y="1", width=str(max(1, high - low)), height="8"),
        class_="fall",
        viewbox="0 0 100 10",
        preserveaspectratio="none",
        aria_hidden="true",
    )


def trust_meter(score: int, tier: str) -> Safe:
    """The trust score on its scale with the bounds of the tiers."""
    ticks = [
        tag("rect", class_="tick", x=str(bound // 10), y="0", width="0.4", height="6")
        for bound in (200, 400, 600, 800, 950)
    ]
    bar = tag(
        "svg",
        tag("rect", class_="track", x="0", y="0", width="100", height="6", rx="1"),
        tag("rect", class_="value", x="0", y="0", width=str(max(1, score // 10)), height="6", rx="1"),
        ticks,
        class_="meter",
        viewbox="0 0 100 6",
        preserveaspectratio="none",
        role="img",
        aria_label=f"trust {score} of 1000, tier {tier}",
    )
    position = TIERS.index(tier) if tier in TIERS else 0
    return tag(
        "div",
        tag("strong", f"{score}"),
        tag("span", f" of 1000 · {tier.lower()} (tier {position} of 5)", class_="quiet"),
        bar,
    )


def trace(lines: Sequence[RuleReason]) -> Safe:
    """What the gate's rules said: those that bite first, the others folded away."""
    biting = [line for line in lines if line.answer not in ("pass",)]
    passing = [line for line in lines if line.answer == "pass"]
    return tag(
        "div",
        tag("ul", [_rule(line) for line in biting], class_="trace")
        if biting
        else tag("p", "Every rule passes.", class_="quiet"),
        tag(
            "details",
            tag("summary", f"{len(passing)} rules pass"),
            tag("ul", [_rule(line) for line in passing], class_="trace"),
        )
        if passing
        else None,
    )


def _rule(line: RuleReason) -> Safe:
    demand = f" → level {line.level}" if line.answer == "raise" else ""
    return tag(
        "li",
        tag("span", _SIGNS.get(line.answer, "·"), class_="sign", aria_hidden="true"),
        tag("div", line.text, tag("div", f"{line.rule}: {line.answer}{demand}", class_="rule")),
        class_=line.answer,
    )


def story(items: Sequence[TimelineItem]) -> Safe:
    """A story in order."""
    lines = []
    for item in items:
        kind = ""
        if any(mark in item.type for mark in _BAD_EVENTS):
            kind = "bad"
        elif any(mark in item.type for mark in _GOOD_EVENTS):
            kind = "good"
        elif item.type.startswith(_PEOPLE_EVENTS):
            kind = "people"
        who = item.actor_name or ("Watchfloor" if item.actor_kind in ("process", "system") else item.actor_id)
        lines.append(
            tag(
                "li",
                tag("div", tag("strong", tag("bdi", who)), " ", item.sentence),
                tag("div", moment(item.at), f" · seq {item.seq}", class_="when"),
                class_=kind or None,
            )
        )
    return (
        tag("ol", lines, class_="story") if lines else tag("p", "Nothing has happened yet.", class_="quiet")
    )


def back(item: DecisionItem) -> Safe:
    """The way from a form about a decision to its page."""
    return tag("a", "Back", href=f"/inbox/{item.decision_id}", class_="button")
