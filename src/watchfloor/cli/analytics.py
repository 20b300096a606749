"""`watchfloor analytics …`: how much runs without people, and how they decide."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from typing import Any, Literal

from cyclopts import App

from watchfloor.cli.client import Client
from watchfloor.cli.output import Failure, show, table

app = App(name="analytics", help="See how much runs without people, and how they decide.")
_AUTOMATION = [
    ("key", "OF"),
    ("actions", "ACTIONS"),
    ("automatic", "AUTOMATIC"),
    ("held", "HELD"),
    ("denied", "DENIED"),
    ("low", "LOW RISK"),
    ("rate", "OF IT AUTOMATIC"),
    ("wrong", "WRONG"),
]
_DECISIONS = [
    ("key", "OF"),
    ("decisions", "DECISIONS"),
    ("approved", "APPROVED"),
    ("denied", "DENIED"),
    ("expired", "EXPIRED"),
    ("unanswered", "UNANSWERED"),
    ("escalated", "ESCALATED"),
    ("mean", "MEAN"),
    ("p50", "P50"),
    ("p95", "P95"),
]


def _day(text: str, option: str) -> int | None:
    """The beginning of a UTC day such as 2026-11-01 in µs. Raises Failure."""
    if not text:
        return None
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000
    except ValueError as error:
        raise Failure(f"{option} {text!r} is no day", 2) from error


def _percent(permille: int | None) -> str:
    return "-" if permille is None else f"{permille / 10:g} %"


def _ask(path: str, form: str, rows: Any, columns: list[tuple[str, str]], **params: Any) -> None:
    filters = {name: value for name, value in params.items() if value}
    if form == "csv":
        sys.stdout.write(Client().get(f"/api/v1/analytics/{path}.csv", **filters))
        return
    answer = Client().get(f"/api/v1/analytics/{path}", **filters)
    text = table([rows(item) for item in answer["items"]], columns, "Nothing in this period.")
    show(answer, json=form == "json", text=text)


@app.command
def automation(
    *,
    by: Literal["type", "agent", "class", "day", "organisation"] = "type",
    since: str = "",
    until: str = "",
    agent: str = "",
    action_type: str = "",
    owner: str = "",
    form: Literal["table", "json", "csv"] = "table",
) -> None:
    """How much the gate permits by itself, and how much of that turned out wrong.

    Parameters
    ----------
    since
        First UTC day, such as 2026-11-01.
    until
        The UTC day after the last one.
    """

    def row(item: dict[str, Any]) -> dict[str, Any]:
        rate, wrong = item["low_risk_automatic_permille"], item["wrong_permille"]
        return {
            **item,
            "key": item["key"] or "organisation",
            "low": item["low_risk"],
            "rate": _percent(rate),
            "wrong": f"{item['wrong']} ({_percent(wrong)})",
        }

    period = {"from_at": _day(since, "--since"), "to_at": _day(until, "--until")}
    _ask("automation", form, row, _AUTOMATION, by=by, agent=agent, type=action_type, owner=owner, **period)


@app.command
def decisions(
    *,
    by: Literal["risk", "type", "agent", "day", "approver", "organisation"] = "risk",
    since: str = "",
    until: str = "",
    agent: str = "",
    action_type: str = "",
    owner: str = "",
    form: Literal["table", "json", "csv"] = "table",
) -> None:
    """How people decide, how fast, and how often nobody did."""

    def row(item: dict[str, Any]) -> dict[str, Any]:
        times = {name: f"{item[f'{name}_ms'] / 1000:g} s" for name in ("mean", "p50", "p95")}
        return {**item, **times, "key": item["key"] or "organisation"}

    period = {"from_at": _day(since, "--since"), "to_at": _day(until, "--until")}
    _ask("decisions", form, row, _DECISIONS, by=by, agent=agent, type=action_type, owner=owner, **period)
