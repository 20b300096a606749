"""`watchfloor budget …`: what agents and tasks may spend."""

from __future__ import annotations

from typing import Any

from cyclopts import App

from watchfloor.cli.client import Client
from watchfloor.cli.output import Failure, Limit, instant, show, table

app = App(name="budget", help="Limit what an organisation, an agent or a task may spend; see what is left.")
_COLUMNS = [
    ("budget_id", "BUDGET"),
    ("of", "OF"),
    ("measure", "MEASURE"),
    ("period", "PERIOD"),
    ("limit", "LIMIT"),
    ("spent", "SPENT"),
    ("reserved", "RESERVED"),
    ("left", "LEFT"),
    ("state", "STATE"),
]


def micro(text: str) -> int:
    """An amount of money such as `12.50` in micro units, or a plain count. Raises Failure."""
    whole, _, fraction = text.partition(".")
    if not whole.isdigit() or (fraction and not fraction.isdigit()) or len(fraction) > 6:
        raise Failure(f"{text!r} is no amount", 2)
    return int(whole) * 1_000_000 + int(fraction.ljust(6, "0") or 0)


def amount(measure: str, value: int) -> str:
    """An amount for people: money with its fraction, time in seconds."""
    if measure == "money":
        return f"{value // 1_000_000}.{value % 1_000_000:06d}".rstrip("0").rstrip(".")
    return f"{value / 1000:g} s" if measure == "time" else str(value)


def expected(cost: str, tokens: int | None, value: str, rationale: str) -> dict[str, Any]:
    """The estimate of a submission; empty when nothing was said."""
    said = {
        "cost_micro": micro(cost) if cost else None,
        "tokens": tokens,
        "value_micro": micro(value) if value else None,
        "rationale": rationale or None,
    }
    given = {name: amount for name, amount in said.items() if amount is not None}
    return {"estimate": given} if given else {}


def bounded(money: str, tokens: int | None, seconds: int | None) -> dict[str, Any]:
    """The budget of a submission; empty when nothing was said."""
    said = {"money_micro": micro(money) if money else None, "tokens": tokens, "seconds": seconds}
    given = {name: amount for name, amount in said.items() if amount is not None}
    return {"budget": given} if given else {}


@app.command(name="set")
def set_(
    measure: str,
    limit: str,
    *,
    agent: str = "",
    task: str = "",
    alone: bool = False,
    spawned: bool = False,
    period: str = "total",
    json: bool = False,
) -> None:
    """Set a budget, or another limit for one that exists.

    Parameters
    ----------
    measure
        money (LIMIT in units of money, such as 12.50), tokens, actions or time (LIMIT in seconds).
    agent
        For this agent; without AGENT and TASK for the whole organisation.
    task
        For this task and everything submitted under it.
    alone
        With TASK: for the task alone.
    spawned
        With AGENT: for the agent and all it has spawned, together.
    period
        day, month (UTC) or total.
    """
    if measure == "money":
        number = micro(limit)
    elif limit.isdigit():
        number = int(limit) * (1000 if measure == "time" else 1)
    else:
        raise Failure(f"{limit!r} is no whole number", 2)
    if agent and task:
        raise Failure("a budget is for an agent or for a task", 2)
    scope = (
        ("spawned" if spawned else "agent")
        if agent
        else ("task" if alone else "lineage")
        if task
        else "organisation"
    )
    body = {"scope": scope, "target_id": agent or task, "measure": measure, "limit": number, "period": period}
    answer = Client().post("/api/v1/budgets", body)
    show(answer, json=json, text=answer["budget_id"])


@app.command(name="list")
def list_(*, state: str = "in_force", target: str = "", limit: Limit = 100, json: bool = False) -> None:
    """List budgets with what is left of them. STATE: in_force, exhausted, turned_away or
    removed; TARGET an agent or task.
    """
    items = Client().pages("/api/v1/budgets", limit, state=state, target=target)
    show(items, json=json, text=table([_row(item) for item in items], _COLUMNS, "No budgets."))


def _row(item: dict[str, Any]) -> dict[str, Any]:
    measure = item["measure"]
    numbers = {name: amount(measure, item[name]) for name in ("limit", "spent", "reserved", "left")}
    state = "in force"
    if item["removed_at"]:
        state = f"removed {instant(item['removed_at'])}"
    elif item["state"] == "exhausted":
        state = f"used up {instant(item['exhausted_at'])}".rstrip()
    elif item["state"] == "turned_away":
        state = f"turned something away {instant(item['turned_away_at'])}"
    elif item["state"] == "low":
        state = f"low {instant(item['warned_at'])}".rstrip()
    of = item["target_id"] or "organisation"
    return {**item, **numbers, "of": f"{of} (alone)" if item["scope"] == "task" else of, "state": state}


@app.command
def remove(budget: str, *, reason: str = "", json: bool = False) -> None:
    """Remove a budget; work that waited for it is given out."""
    answer = Client().post(f"/api/v1/budgets/{budget}/remove", {"reason": reason})
    show(answer, json=json, text=f"{budget}: removed")
