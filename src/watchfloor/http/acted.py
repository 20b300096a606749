"""The list of actions and its filters: pages by the key, by an index or by slabs (fault J10).

What is common is found by reading backwards; what people were asked, and every level above 0, by an index that a level-0
decision never touches; an agent's by its slabs; a span of time is a span of the key, since the key is the seq of the ruling
and time never runs backwards in a ledger. A status or a type that is rare among all reads backwards until it has a page.
"""

from __future__ import annotations

import asyncio
from typing import Any

from watchfloor.actions.views import ABOVE_0
from watchfloor.http import lists
from watchfloor.http.asking import Call
from watchfloor.http.bodies import actions as wire
from watchfloor.kernel.limits import INTEGER_MAX


async def page(call: Call, params: wire.ActionsParams, agent: int | None) -> tuple[list[dict[str, Any]], Any]:
    """Rows of `actions`, newest first, and the cursor of the next page."""
    conditions, bound = narrowed(params)
    if params.from_at:
        conditions.append("action >= :first")
        bound["first"] = await asyncio.to_thread(first_since, call, params.from_at)
    if params.to_at:
        conditions.append("action < :last")
        bound["last"] = await asyncio.to_thread(first_since, call, params.to_at)
    if agent is None:
        return await lists.page(call, "actions", ("action",), also=tuple(conditions), bound=bound)
    before = lists.read_cursor(params.cursor, 1)[0] if params.cursor else INTEGER_MAX
    rows = await asyncio.to_thread(
        call.services.views.newest_of_agent,
        call.org,
        agent,
        params.limit + 1,
        before,
        " AND ".join(f"a.{condition}" for condition in conditions),
        bound,
    )
    following = lists.cursor_of(rows[params.limit - 1]["action"]) if len(rows) > params.limit else None
    return rows[: params.limit], following


def narrowed(params: wire.ActionsParams) -> tuple[list[str], dict[str, object]]:
    """SQL conditions and the values in them. What an index is partial by is said in its own words."""
    conditions: list[str] = []
    bound: dict[str, object] = {}
    for column in ("status", "verdict", "type", "level"):
        value = getattr(params, column)
        if value is not None:
            conditions.append(f"{column} = :{column}")
            bound[column] = value
    if params.level or params.by == "people":  # people are asked from level 2 on
        conditions.append(ABOVE_0)
    if params.by == "people":
        conditions.append("decision > 0")
    elif params.by == "automatic":
        conditions += ["verdict = 'permitted'", "observed = 0"]  # as the analytics count it (http/figures.py)
    return conditions, bound


def first_since(call: Call, at: int) -> int:
    """The first action that was ruled on at or after an instant; one past the newest when there is none. Blocking."""
    views = call.services.views
    low, high = 1, views.seq(call.org) + 1
    sql = "SELECT action, decided_at FROM actions WHERE org = :org AND action >= :middle ORDER BY action LIMIT 1"
    while low < high:
        middle = (low + high) // 2
        found = views.rows(sql, {"org": call.org, "middle": middle})
        if found and found[0]["decided_at"] < at:
            low = found[0]["action"] + 1
        else:
            high = middle
    return low
