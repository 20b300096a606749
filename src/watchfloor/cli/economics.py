"""`watchfloor economics`: what work cost and was worth."""

from __future__ import annotations

from typing import Any, Literal

from cyclopts import App

from watchfloor.cli.budget import amount
from watchfloor.cli.client import Client
from watchfloor.cli.days import day_begins
from watchfloor.cli.output import Limit, show, table

app = App(
    name="economics",
    help="What work cost and was worth: by agent, task, workflow or day, or of the organisation.",
)
_COLUMNS = [
    ("key", "OF"),
    ("cost", "COST"),
    ("tokens", "TOKENS"),
    ("time", "TIME"),
    ("attempts", "ATTEMPTS"),
    ("actions", "ACTIONS"),
    ("unreported", "UNREPORTED"),
    ("expected", "EXPECTED"),
    ("value", "VALUE"),
    ("return", "RETURN"),
]


@app.default
def economics(
    *,
    by: Literal["agent", "task", "workflow", "organisation", "day"] = "organisation",
    agent: str = "",
    task: str = "",
    workflow: str = "",
    since: str = "",
    until: str = "",
    limit: Limit = 100,
    json: bool = False,
) -> None:
    """Totals of cost, tokens, time in hand and value.

    Parameters
    ----------
    since
        First UTC day, such as 2026-11-01.
    until
        Last UTC day.
    """
    items = Client().pages(
        "/api/v1/economics",
        limit,
        by=by,
        agent=agent,
        task=task,
        workflow=workflow,
        from_at=day_begins(since, "--since"),
        to_at=day_begins(until, "--until"),
    )
    show(items, json=json, text=table([_row(item) for item in items], _COLUMNS, "Nothing was spent."))


def _row(item: dict[str, Any]) -> dict[str, Any]:
    ratio = item["roi_permille"]
    return {
        **item,
        "key": item["key"] or "organisation",
        "cost": amount("money", item["cost_micro"]),
        "time": amount("time", item["time_ms"]),
        "expected": amount("money", item["value_estimated_micro"]),
        "value": amount("money", item["value_micro"]),
        "return": "-" if ratio is None else f"{ratio / 10:g} %",
    }
