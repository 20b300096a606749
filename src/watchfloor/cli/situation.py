"""`watchfloor situation`: how things stand, what is about to happen, what happened meanwhile."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cyclopts import App

from watchfloor.cli import alerts
from watchfloor.cli.client import Client
from watchfloor.cli.output import Failure, instant, show, table

app = App(name="situation", help="See how things stand, what is about to happen, what happened meanwhile.")
_WAITING = [
    ("decision_id", "DECISION"),
    ("type", "ACTION"),
    ("level", "LEVEL"),
    ("risk", "RISK"),
    ("who", "WHO"),
    ("left", "LEFT"),
]
_BOTTLENECKS = [
    ("kind", "WHERE"),
    ("name", "WHICH"),
    ("waiting", "WAITING"),
    ("able", "ABLE"),
    ("free", "FREE"),
]


def _since(text: str) -> dict[str, int]:
    """A seq, or an instant such as 2026-11-01T18:00 (UTC unless it says otherwise). Raises Failure."""
    if not text:
        return {}
    if text.isdigit():
        return {"since_seq": int(text)}
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise Failure(f"--since {text!r} is neither a seq nor an instant", 2) from error
    parsed = parsed if parsed.tzinfo is not None else parsed.replace(tzinfo=UTC)
    return {"since_at": int(parsed.timestamp()) * 1_000_000}


def _numbers(counts: dict[str, int]) -> str:
    return ", ".join(f"{count} {name.replace('_', ' ')}" for name, count in sorted(counts.items())) or "none"


@app.default
def situation(*, since: str = "", json: bool = False) -> None:
    """The report; with --since also what happened since then.

    Parameters
    ----------
    since
        A seq of the ledger or an instant, such as 2026-11-01T18:00 (UTC).
    """
    now = Client().get("/api/v1/situation", **_since(since))
    show(now, json=json, text="\n".join(_lines(now)))


def _lines(now: dict[str, Any]) -> list[str]:
    mode, found, waiting = now["mode"], now["alerts"], now["decisions"]
    trouble = f"; not well: {', '.join(mode['trouble'])}" if mode["trouble"] else ""
    stops = f"; {mode['stops']} stops in force" if mode["stops"] else ""
    by_severity = ", ".join(f"{found[name]} {name}" for name in ("critical", "warning", "info"))
    by_time = ", ".join(
        f"{waiting[name]} {says}"
        for name, says in (
            ("under_5_min", "in less than 5 min"),
            ("under_1_h", "in less than 1 h"),
            ("later", "later"),
        )
    )
    lines = [
        f"Mode:      {mode['name']}{trouble}{stops}",
        f"Agents:    {_numbers(now['fleet'])}",
        f"Tasks:     {_numbers(now['tasks'])}",
        f"Alerts:    {by_severity}; {found['unseen']} not acknowledged",
        f"Decisions: {waiting['pending']} pending: {by_time}",
        f"24 hours:  {_lately(now['lately'])}",
    ]
    if found["items"]:
        lines += ["", table([alerts.row(item) for item in found["items"]], alerts.COLUMNS, "")]
    if waiting["items"]:
        lines += ["", table([_decision(item) for item in waiting["items"]], _WAITING, "")]
    return [*lines, *_predicted(now["predictions"]), *_meanwhile(now["away"])]


def _lately(found: dict[str, Any]) -> str:
    """Two sentences' worth: how fast people answered, how much of what ended succeeded."""
    mean, rate = found["decision_ms_mean"], found["success_permille"]
    answered = "no decision answered" if mean is None else f"answered in {mean / 1_000:.1f} s on average"
    ended = "no task ended" if rate is None else f"{rate / 10:.1f} % of {found['ended']} tasks succeeded"
    return f"{answered} ({found['decided']}), {ended}" if mean is not None else f"{answered}, {ended}"


def _decision(item: dict[str, Any]) -> dict[str, Any]:
    minutes, seconds = divmod(item["left_ms"] // 1000, 60)
    return {**item, "who": item["committee"] or item["role"], "left": f"{minutes} min {seconds} s"}


def _predicted(found: dict[str, Any]) -> list[str]:
    lines = [
        f"Budget {one['budget_id']} ({one['measure']} of the {one['scope']}, per {one['period']}) is used up at"
        f" {instant(one['exhausted_at'])}: {one['spent']} of {one['limit']} are gone."
        for one in found["budgets"]
    ]
    lines += [
        f"Task {one['task_id']} ({one['why']}) ends about {instant(one['expected_at'])}, after its deadline"
        f" {instant(one['deadline_at'])}."
        for one in found["tasks"]
    ]
    if found["bottlenecks"]:
        lines += [table(found["bottlenecks"], _BOTTLENECKS, "")]
    return ["", *lines] if lines else []


def _meanwhile(away: dict[str, Any] | None) -> list[str]:
    if away is None:
        return []
    lines = ["", f"Since seq {away['since_seq']} ({instant(away['since_at'])}), {away['events']} events:"]
    lines += [f"  {one['count']:>6}  {one['what'].replace('_', ' ')}" for one in away["items"]]
    return lines
