"""Budgets, and what work cost and was worth (spec 2.4 *Economics*, 3.3 *Budgets*)."""

from __future__ import annotations

from typing import Any, Literal

from watchfloor.http.bodies.fields import (
    Answer,
    Body,
    Count,
    Id,
    Instant,
    NoId,
    Paged,
    Seq,
)

Scope = Literal["organisation", "agent", "task", "lineage"]
Measure = Literal["money", "tokens", "actions", "time"]
Period = Literal["day", "month", "total"]


class SetBudgetBody(Body, frozen=True, kw_only=True):
    """At most `limit` of a measure for a scope in a period (UTC); again with another `limit`: that is in force from now.

    `target_id` is the agent or task. `task` holds for the task alone, `lineage` for the task and what was submitted
    under it. Units: money in micro units (10^-6), tokens and actions are counts, time is milliseconds in hand.
    """

    scope: Scope
    measure: Measure
    limit: Count
    period: Period = "total"
    target_id: NoId = ""


class BudgetRecorded(Answer, frozen=True, kw_only=True):
    budget_id: str
    seq: Seq


class BudgetsParams(Paged, frozen=True, kw_only=True):
    """`state`: in_force (the default), exhausted (of those in force), removed."""

    state: Literal["in_force", "exhausted", "removed"] = "in_force"
    scope: Scope | None = None
    measure: Measure | None = None
    target: Id | None = None


class BudgetItem(Answer, frozen=True, kw_only=True):
    """`spent` and `reserved` are as of now: `left` = `limit` - `spent` - `reserved`, never below 0.

    `warned_at`, `exhausted_at`: in the present period, 0 for not.
    """

    budget_id: str
    scope: str
    target_id: str
    measure: str
    period: str
    limit: Count
    spent: Count
    reserved: Count
    left: Count
    since_at: Instant
    set_at: Instant
    set_by: str
    warned_at: Instant
    exhausted_at: Instant
    removed_at: Instant
    reason: str = ""


class BudgetPage(Answer, frozen=True, kw_only=True):
    items: tuple[BudgetItem, ...]
    next: str | None = None
    seq: Seq


_ITEM = {
    "budget_id": "bud_q0d1k7m9x2v4",
    "scope": "agent",
    "target_id": "agt_q0d1k7m9x2v4",
    "measure": "money",
    "period": "day",
    "limit": 5_000_000,
    "spent": 4_100_000,
    "reserved": 200_000,
    "left": 700_000,
    "since_at": 1_763_683_200_000_000,
    "set_at": 1_763_600_000_000_000,
    "set_by": "per_4h2k9d0s7b1",
    "warned_at": 1_763_700_000_000_000,
    "exhausted_at": 0,
    "removed_at": 0,
    "reason": "",
}
EXAMPLES: dict[type, dict[str, Any]] = {
    SetBudgetBody: {
        "scope": "agent",
        "target_id": "agt_q0d1k7m9x2v4",
        "measure": "money",
        "period": "day",
        "limit": 5_000_000,
    },
    BudgetRecorded: {"budget_id": "bud_q0d1k7m9x2v4", "seq": 1042},
    BudgetItem: _ITEM,
    BudgetPage: {"items": [_ITEM], "next": None, "seq": 1042},
}
