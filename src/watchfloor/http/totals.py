"""Totals of what work cost and was worth, summed from the rows of the views (spec 2.4 *Economics*).

Cost is what attempts and actions took; value is what was assessed. Rows are absolute, so a total is the sum over the
events, whatever it is grouped by. A sum that no JSON number holds saturates instead of failing (fault F12).
"""

from __future__ import annotations

from typing import Any

from watchfloor.http import lists
from watchfloor.http.asking import Call
from watchfloor.kernel.limits import INTEGER_MAX

_NUMBERS = (
    "cost_micro",
    "tokens",
    "time_ms",
    "attempts",
    "actions",
    "unreported",
    "value_estimated_micro",
    "value_micro",
    "assessed",
)
# One source of rows each: key columns first, then _NUMBERS in order. Of actions only those that took something count.
_SOURCES = (
    """SELECT task, agent, day, cost_micro, tokens, time_ms, 1, 0, unsaid <> '[]', 0, 0, 0
       FROM attempts WHERE org = :org""",
    """SELECT task, agent, finished_at / 86400000000, cost_micro, tokens, 0, 0, 1, 0, 0, 0, 0
       FROM actions WHERE org = :org AND (cost_micro > 0 OR tokens > 0) AND status IN ('completed', 'failed')""",
    """SELECT e.task, coalesce(t.agent, 0), e.day, 0, 0, 0, 0, 0, 0, e.value_micro, 0, 0
       FROM estimates e LEFT JOIN tasks t ON t.org = e.org AND t.task = e.task
       WHERE e.org = :org AND e.value_micro > 0""",
    """SELECT a.task, coalesce(t.agent, 0), a.day, 0, 0, 0, 0, 0, 0, 0, a.value_micro, 1
       FROM assessments a LEFT JOIN tasks t ON t.org = a.org AND t.task = a.task WHERE a.org = :org""",
)
_WORKFLOW = "coalesce((SELECT t.workflow FROM tasks t WHERE t.org = :org AND t.task = took.task), '')"
KEYS = {"agent": "agent", "task": "task", "day": "day", "organisation": "0", "workflow": _WORKFLOW}


async def page(
    call: Call,
    by: str,
    where: dict[str, int | str | None],
    *,
    first_day: int = 0,
    last_day: int = 0,
    limit: int,
) -> tuple[list[dict[str, Any]], str | None]:
    """One page of totals, newest key first: rows of `key` and the numbers, and the cursor of the next page."""
    conditions = ["1"]
    bound: dict[str, Any] = {"most": INTEGER_MAX}
    for column, value in where.items():
        if value is not None:
            conditions.append(f"{KEYS[column]} = :{column}")
            bound[column] = value
    if first_day:
        conditions.append("day >= :first_day")
        bound["first_day"] = first_day
    if last_day:
        conditions.append("day <= :last_day")
        bound["last_day"] = last_day
    key = KEYS[by]
    if by in ("agent", "task"):
        conditions.append(f"{key} > 0")  # what belongs to none is in the total of the organisation
    if by == "workflow":
        conditions.append(f"{key} <> ''")
    if call.params.cursor:
        conditions.append(f"{key} < :after")
        (bound["after"],) = lists.read_cursor(call.params.cursor, 1)
    names = ", ".join(("task", "agent", "day", *_NUMBERS))
    sums = ", ".join(f"CAST(min(total({name}), :most) AS INTEGER) AS {name}" for name in _NUMBERS)
    sql = (
        f"WITH took({names}) AS ({' UNION ALL '.join(_SOURCES)}) "  # noqa: S608 - names from code, values bound
        f"SELECT {key} AS key, {sums} FROM took WHERE {' AND '.join(conditions)}"
        f" GROUP BY 1 ORDER BY 1 DESC LIMIT {limit + 1:d}"
    )
    rows = await call.rows(sql, **bound)
    following = lists.cursor_of(rows[limit - 1]["key"]) if len(rows) > limit else None
    return rows[:limit], following


async def of_task(call: Call, task: int) -> dict[str, int]:
    """What the attempts and actions of one task took."""
    names = ("cost_micro", "tokens", "time_ms", "unreported")
    sums = ", ".join(f"CAST(min(total({name}), :most) AS INTEGER) AS {name}" for name in names)
    sql = (
        f"WITH took({', '.join(('task', 'agent', 'day', *_NUMBERS))}) AS ({' UNION ALL '.join(_SOURCES[:2])}) "  # noqa: S608 - as above
        f"SELECT {sums} FROM took WHERE task = :task"
    )
    (row,) = await call.rows(sql, task=task, most=INTEGER_MAX)
    return row
