"""What the recorded decisions suggest for the policy's thresholds (spec 3.5 *suggestions*).

A suggestion is never applied by itself: it names a path of the policy, what it is now, and the decisions that speak for it;
`policy backtest` says what it would have changed. Held actions count for a path when everything that held them is set by
that path alone, so that nothing else would have held them anyway.
"""

from __future__ import annotations

from typing import Any

import msgspec

from watchfloor.actions.messages import ActionDecided
from watchfloor.http import figures, lists
from watchfloor.http.asking import Call
from watchfloor.http.bodies import analytics as wire
from watchfloor.kernel.strict import pointer_escape
from watchfloor.kernel.terms import Policy

ENOUGH = 20  # answers, fewer suggest nothing
AGREED_PERMILLE = 980  # so many of them were yes: asking people added nothing
WRONG_PERMILLE = 50
EXPIRED_PERMILLE = 200
_LOOKED_AT = 200  # rulings whose score is read
_names = msgspec.json.Decoder(tuple[str, ...]).decode
PATHS = {
    "the_trust_is_not_above_the_threshold": "/auto/score_min",
    "the_hours_automatic_approvals_are_used_up": "/auto/per_hour",
    "it_is_the_first_time_for_this_type": "/auto/bootstrap_actions",
    "the_hour_is_outside_the_usual_ones": "/auto/usual_hour_from",
    "the_hour_is_unusual": "/auto/usual_hour_from",
    "the_target_is_novel": "/auto/novel_after_zones",
    "the_risk_demands_people": "/levels/medium",
    "the_risk_is_too_high_to_run_unasked": "/levels/medium",
}
_SAYS = {
    "/auto/score_min": "People agreed to what only the agents' trust kept from running at once: a lower score would do.",
    "/auto/per_hour": "People agreed to what only the hourly limit of automatic approvals held: a higher one would do.",
    "/auto/bootstrap_actions": "People agreed to first actions of a type: a few supervised ones would do.",
    "/auto/usual_hour_from": "People agreed to what only the hour held: these hours are usual.",
    "/auto/novel_after_zones": "People agreed to what only a new target held: agents may be in more places.",
    "/levels/medium": "People agreed to medium risk almost always: telling them (level 1) would do.",
}

_HELD = """
    SELECT a.rules, d.status = 'approved' AND d.reason = 'voted' AS yes, d.status = 'denied' AND d.reason IN ('voted', 'vetoed') AS no,
      a.action AS subject, a.id
    FROM actions a JOIN decisions d ON d.org = a.org AND d.decision = a.decision
    WHERE a.org = :org AND a.decided_at >= :from_at AND a.verdict = 'pending' AND a.risk < 50 AND a.level <= 2
    ORDER BY a.action DESC LIMIT 50000"""


def path_of(rules: tuple[str, ...]) -> str:
    """The one path that set all of these rules; empty when there is none, or more than one."""
    paths = {PATHS.get(rule, "") for rule in rules}
    return paths.pop() if len(paths) == 1 else ""


def value_at(document: Policy, path: str) -> Any:
    """What the policy says at a path of attributes."""
    found: Any = document
    for name in path.split("/")[1:]:
        found = getattr(found, name)
    return found


async def suggestions(call: Call, from_at: int) -> tuple[wire.Suggestion, ...]:
    """What the decisions since an instant suggest, the best founded first."""
    document: Policy = call.read("active_policy", "active").document
    found = [
        *await _loosen(call, document, from_at),
        *await _tighten(call, from_at),
        *await _reach(call, from_at),
    ]
    found.sort(key=lambda one: (-one.answers, one.path))
    return tuple(found)


async def _loosen(call: Call, document: Policy, from_at: int) -> list[wire.Suggestion]:
    by: dict[str, list[dict[str, Any]]] = {}
    for row in await call.rows(_HELD, from_at=from_at):
        if (row["yes"] or row["no"]) and (path := path_of(_names(row["rules"]))):
            by.setdefault(path, []).append(row)
    found = []
    for path, rows in by.items():
        yes = sum(row["yes"] for row in rows)
        if len(rows) < ENOUGH or 1000 * yes < AGREED_PERMILLE * len(rows):
            continue
        better = await _score(call, rows) if path == "/auto/score_min" else None
        if better is not None and better >= document.auto.score_min:
            continue
        found.append(
            wire.Suggestion(
                path=path,
                direction="loosen",
                now=str(value_at(document, path)),
                suggested="" if better is None else str(better),
                text=_SAYS[path],
                answers=len(rows),
                agreed_permille=1000 * yes // len(rows),
                ids=tuple(row["id"] for row in rows[: figures.IDS]),
            )
        )
    return found


async def _score(call: Call, rows: list[dict[str, Any]]) -> int | None:
    """The score that nine tenths of the newest approved ones had, rounded down to tens: what would have let them pass."""
    scores = []
    for row in rows[:_LOOKED_AT]:
        event = await call.event(row["subject"])
        if row["yes"] and event is not None and isinstance(event.facts, ActionDecided):
            scores.append(event.facts.evidence.score)
    if not scores:
        return None
    scores.sort()
    return max(0, (scores[len(scores) // 10] - 1) // 10 * 10)


def _everything(from_at: int) -> dict[str, Any]:
    return {"from_at": from_at, "to_at": 0, "agent": 0, "type": "", "owner": ""}


async def _tighten(call: Call, from_at: int) -> list[wire.Suggestion]:
    """Types of which too much went wrong after the gate had let it through."""
    rows = await figures.sums(call, figures.AUTOMATION, "type", _everything(from_at), 1_000)
    return [
        wire.Suggestion(
            path=f"/types/{pointer_escape(row['key'])}",
            direction="tighten",
            now="",
            suggested="",
            text="What ran automatically often turned out wrong: a class with a higher base would ask people.",
            answers=row["automatic"],
            agreed_permille=1000 - 1000 * row["wrong"] // row["automatic"],
            ids=lists.listed(row["wrong_ids"]),
        )
        for row in rows
        if row["automatic"] >= ENOUGH and 1000 * row["wrong"] >= WRONG_PERMILLE * row["automatic"]
    ]


async def _reach(call: Call, from_at: int) -> list[wire.Suggestion]:
    """Nobody came in time, too often."""
    bound = _everything(from_at)
    rows = await figures.sums(call, figures.DECISIONS, "organisation", bound, 1)
    ended = sum(row["decisions"] - row["pending"] - row["cancelled"] for row in rows)
    silent = sum(row["expired"] + row["unanswered"] for row in rows)
    if ended < ENOUGH or 1000 * silent < EXPIRED_PERMILLE * ended:
        return []
    shown = await figures.behind(
        call, figures.DECISIONS, "expired", "organisation", "", bound, figures.IDS, 0
    )
    return [
        wire.Suggestion(
            path="/routing",
            direction="either",
            now="",
            suggested="",
            text="Many decisions found nobody in time: more people, backups, or longer deadlines.",
            answers=ended,
            agreed_permille=1000 - 1000 * silent // ended,
            ids=tuple(row["id"] for row in shown),
        )
    ]
