"""`watchfloor analytics …`: how much runs without people, and how they decide."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import Any, Literal

from cyclopts import App, Parameter

from watchfloor.cli.client import Client
from watchfloor.cli.days import day_begins
from watchfloor.cli.output import Limit, show, table

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
_OVERRIDES = [
    ("key", "OF"),
    ("answered", "ANSWERED"),
    ("gate", "AGAINST THE GATE"),
    ("forced", "FORCED"),
    ("tribunal", "AGAINST THE TRIBUNAL"),
]
_REVIEWERS = [
    ("key", "OF"),
    ("votes", "VOTES"),
    ("yes", "APPROVED"),
    ("pending", "PENDING"),
    ("busiest_day", "BUSIEST DAY"),
    ("measured", "MEASURED"),
    ("mean", "MEAN"),
    ("p95", "P95"),
    ("quick", "BELOW 3 S"),
]


@Parameter(name="*")
@dataclass(frozen=True)
class Narrowed:
    """What every report can be narrowed to, and how it is shown.

    Parameters
    ----------
    since
        First UTC day, such as 2026-11-01.
    until
        The UTC day after the last one.
    """

    since: str = ""
    until: str = ""
    agent: str = ""
    action_type: str = ""
    owner: str = ""
    form: Literal["table", "json", "csv"] = "table"


_ALL = Narrowed()


def _percent(permille: int | None) -> str:
    return "-" if permille is None else f"{permille / 10:g} %"


def _ask(path: str, by: str, narrowed: Narrowed, rows: Any, columns: list[tuple[str, str]]) -> None:
    params = {
        "by": by,
        "agent": narrowed.agent,
        "type": narrowed.action_type,
        "owner": narrowed.owner,
        "from_at": day_begins(narrowed.since, "--since"),
        "to_at": day_begins(narrowed.until, "--until"),
    }
    filters = {name: value for name, value in params.items() if value}
    if narrowed.form == "csv":
        sys.stdout.write(Client().get(f"/api/v1/analytics/{path}.csv", **filters))
        return
    answer = Client().get(f"/api/v1/analytics/{path}", **filters)
    text = table([rows(item) for item in answer["items"]], columns, "Nothing in this period.")
    show(answer, json=narrowed.form == "json", text=text)


@app.command
def automation(
    *,
    by: Literal["type", "agent", "class", "day", "organisation"] = "type",
    narrowed: Narrowed = _ALL,
) -> None:
    """How much the gate permits by itself, and how much of that turned out wrong."""

    def row(item: dict[str, Any]) -> dict[str, Any]:
        rate, wrong = item["low_risk_automatic_permille"], item["wrong_permille"]
        return {
            **item,
            "key": item["key"] or "organisation",
            "low": item["low_risk"],
            "rate": _percent(rate),
            "wrong": f"{item['wrong']} ({_percent(wrong)})",
        }

    _ask("automation", by, narrowed, row, _AUTOMATION)


@app.command
def decisions(
    *,
    by: Literal["risk", "type", "agent", "day", "approver", "organisation"] = "risk",
    narrowed: Narrowed = _ALL,
) -> None:
    """How people decide, how fast, and how often nobody did."""

    def row(item: dict[str, Any]) -> dict[str, Any]:
        times = {name: f"{item[f'{name}_ms'] / 1000:g} s" for name in ("mean", "p50", "p95")}
        return {**item, **times, "key": item["key"] or "organisation"}

    _ask("decisions", by, narrowed, row, _DECISIONS)


@app.command
def overrides(
    *,
    by: Literal["risk", "type", "agent", "day", "organisation"] = "organisation",
    narrowed: Narrowed = _ALL,
) -> None:
    """How often people decided against the gate's advice, and against the tribunal's."""

    def row(item: dict[str, Any]) -> dict[str, Any]:
        gate = f"{item['gate_overridden']} of {item['gate_advised']} ({_percent(item['gate_permille'])})"
        tribunal = f"{item['tribunal_overridden']} of {item['tribunal_advised']} ({_percent(item['tribunal_permille'])})"
        return {**item, "key": item["key"] or "organisation", "gate": gate, "tribunal": tribunal}

    _ask("overrides", by, narrowed, row, _OVERRIDES)


@app.command
def reviewers(
    *,
    by: Literal["person", "type", "day", "organisation"] = "person",
    narrowed: Narrowed = _ALL,
) -> None:
    """How much reviewers have to do, how they vote, and how long they look."""

    def row(item: dict[str, Any]) -> dict[str, Any]:
        times = {name: f"{item[f'{name}_ms'] / 1000:g} s" for name in ("mean", "p95")}
        return {
            **item,
            **times,
            "key": item["key"] or "organisation",
            "yes": _percent(item["approved_permille"]),
        }

    _ask("reviewers", by, narrowed, row, _REVIEWERS)


@app.command
def behind(
    report: Literal["automation", "decisions", "approvers", "overrides", "reviewers"],
    figure: str,
    *,
    by: str = "organisation",
    of: str = "",
    since: str = "",
    until: str = "",
    limit: Limit = 100,
    json: bool = False,
) -> None:
    """What a number of the other reports counts, one by one: `behind automation wrong --by type --of file.read`."""
    period = {"from_at": day_begins(since, "--since"), "to_at": day_begins(until, "--until")}
    params = {name: value for name, value in {"by": by, "of": of, **period}.items() if value}
    client = Client()
    ids: list[str] = []
    cursor = ""
    while len(ids) < limit:
        more = {"cursor": cursor} if cursor else {}
        page = client.get(
            "/api/v1/analytics/behind",
            report=report,
            figure=figure,
            limit=min(200, limit - len(ids)),
            **more,
            **params,
        )
        ids += page["ids"]
        cursor = page["next"] or ""
        if not cursor:
            break
    show(ids, json=json, text="\n".join(ids) or "Nothing.")


@app.command
def trends(*, days: int = 7, json: bool = False) -> None:
    """The rates and times that matter, now and in as many days before."""

    def shown(value: int | None, unit: str) -> str:
        return _percent(value) if unit == "permille" else "-" if value is None else f"{value / 1000:g} s"

    answer = Client().get("/api/v1/analytics/trends", days=days)
    rows = [
        {
            "name": item["name"].replace("_", " "),
            "now": shown(item["now"], item["unit"]),
            "before": shown(item["before"], item["unit"]),
            "of": f"{item['part']} of {item['whole']}" if item["unit"] == "permille" else str(item["whole"]),
            "target": _percent(item["target"]),
        }
        for item in answer["items"]
    ]
    columns = [("name", "WHAT"), ("now", "NOW"), ("before", "BEFORE"), ("of", "OF"), ("target", "TARGET")]
    show(answer, json=json, text=table(rows, columns, "Nothing."))


@app.command
def suggestions(*, days: int = 30, json: bool = False) -> None:
    """What the recorded decisions suggest for the policy; try one with `watchfloor policy backtest`."""
    answer = Client().get("/api/v1/analytics/suggestions", days=days)
    lines = [
        f"{item['path']} ({item['direction']}{', now ' + item['now'] if item['now'] else ''}"
        f"{', try ' + item['suggested'] if item['suggested'] else ''}): {item['text']}"
        f" {item['answers']} decisions, {_percent(item['agreed_permille'])} of them speak for it."
        for item in answer["items"]
    ]
    show(answer, json=json, text="\n".join(lines) or "Nothing: too few decisions, or all is well.")
