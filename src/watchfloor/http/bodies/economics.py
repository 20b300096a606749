"""Budgets, and what work cost and was worth (spec 2.4 *Economics*, 3.3 *Budgets*)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from watchfloor.http.bodies.fields import (
    AgentName,
    Answer,
    Body,
    Count,
    Id,
    Instant,
    Millis,
    Money,
    NoAgentName,
    Paged,
    Seq,
    Text,
    Word,
)
from watchfloor.kernel.limits import TASK_MS_MAX

Scope = Literal["organisation", "agent", "spawned", "task", "lineage"]
Measure = Literal["money", "tokens", "actions", "time"]
Period = Literal["day", "month", "total"]


class SetBudgetBody(Body, frozen=True, kw_only=True):
    """At most `limit` of a measure for a scope in a period (UTC); again with another `limit`: that is in force from now.

    `target_id` is the agent or task. `spawned` holds for the agent and all it has spawned. `task` holds for the task alone, `lineage` for the task and what was submitted
    under it. Units: money in micro units (10^-6), tokens and actions are counts, time is milliseconds in hand.
    """

    scope: Scope
    measure: Measure
    limit: Count
    period: Period = "total"
    target_id: NoAgentName = ""


class BudgetRecorded(Answer, frozen=True, kw_only=True):
    budget_id: str
    seq: Seq


class BudgetsParams(Paged, frozen=True, kw_only=True):
    """`state`: in_force (the default), exhausted (of those in force: all is spent now), turned_away (of those in force:
    something is left, and in the present period something was turned away), removed. The two in the middle look at what
    is spent right now, so a page may be shorter than `limit` before the last one.
    """

    state: Literal["in_force", "exhausted", "turned_away", "removed"] = "in_force"
    scope: Scope | None = None
    measure: Measure | None = None
    target: AgentName | None = None


class BudgetItem(Answer, frozen=True, kw_only=True):
    """`spent` and `reserved` are as of now: `left` = `limit` - `spent` - `reserved`, never below 0.

    `state` as of now: exhausted (all is spent), turned_away (something is left, and something was turned away in the
    present period), low (four fifths are gone), in_force, removed. `warned_at`, `exhausted_at`, `turned_away_at`: in the
    present period, 0 for not.
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
    state: str
    warned_at: Instant
    exhausted_at: Instant
    turned_away_at: Instant
    removed_at: Instant
    reason: str = ""


class BudgetPage(Answer, frozen=True, kw_only=True):
    items: tuple[BudgetItem, ...]
    next: str | None = None
    seq: Seq


class EconomicsParams(Paged, frozen=True, kw_only=True):
    """Totals by agent, task, workflow, UTC day, or of the whole organisation; from and to whole UTC days around these
    instants. By workflow: only what belongs to one."""

    by: Literal["agent", "task", "workflow", "organisation", "day"] = "organisation"
    agent: AgentName | None = None
    task: Id | None = None
    workflow: Word | None = None
    from_at: Instant = 0
    to_at: Instant = 0


class Total(Answer, frozen=True, kw_only=True):
    """`key` is an agent's or task's id, a workflow's name, a date, or empty. `roi_permille` is null where nothing was spent.

    Cost is what attempts and actions took as their agents say; `unreported` attempts did not say (their budgets were
    charged all that was reserved, these sums nothing). `time_ms` is measured. `value_micro` is what was assessed.
    """

    key: str
    cost_micro: Count
    tokens: Count
    time_ms: Count
    attempts: Count
    actions: Count
    unreported: Count
    value_estimated_micro: Count
    value_micro: Count
    assessed: Count
    roi_permille: int | None = None


class TotalPage(Answer, frozen=True, kw_only=True):
    items: tuple[Total, ...]
    next: str | None = None
    seq: Seq


class AssessTaskBody(Body, frozen=True, kw_only=True):
    """What a finished task was worth. The reason can be erased."""

    value_micro: Money
    reason: Text = ""


class EstimateBody(Body, frozen=True, kw_only=True):
    """What a task is expected to take and to be worth, and its own budget; what is left out is not estimated.

    Under a budget of money or tokens, a task without an estimate of it waits, unless it has a budget of its own.
    """

    cost_micro: Money | None = None
    tokens: Count | None = None
    time_ms: Millis | None = None
    value_micro: Money | None = None
    rationale: Text = ""


class TaskBudget(Body, frozen=True, kw_only=True):
    """Limits of a task and everything submitted under it."""

    money_micro: Money | None = None
    tokens: Count | None = None
    seconds: Annotated[int, Meta(ge=0, le=TASK_MS_MAX // 1000)] | None = None


class TaskEconomics(Answer, frozen=True, kw_only=True):
    """Expected and actual. Null: not estimated, not assessed; the return is null too where nothing was spent.

    `rationale` is null where there is none, or it was erased. `assessed_by` is person or system.
    """

    estimated_cost_micro: Count | None = None
    estimated_tokens: Count | None = None
    estimated_ms: Count | None = None
    estimated_value_micro: Count | None = None
    rationale: str | None = None
    cost_micro: Count = 0
    tokens: Count = 0
    time_ms: Count = 0
    unreported: Count = 0
    value_micro: Count | None = None
    assessed_by: str = ""
    assessment: str | None = None
    roi_permille: int | None = None


_TOTAL = {
    "key": "agt_q0d1k7m9x2v4",
    "cost_micro": 4_100_000,
    "tokens": 182_000,
    "time_ms": 912_000,
    "attempts": 31,
    "actions": 12,
    "unreported": 0,
    "value_estimated_micro": 9_000_000,
    "value_micro": 8_200_000,
    "assessed": 28,
    "roi_permille": 1_000,
}
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
    "turned_away_at": 0,
    "state": "in_force",
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
    TotalPage: {"items": [_TOTAL], "next": None, "seq": 1042},
    AssessTaskBody: {"value_micro": 250_000, "reason": "saved an hour of review"},
    EstimateBody: {
        "cost_micro": 20_000,
        "tokens": 15_000,
        "value_micro": 250_000,
        "rationale": "as the last ten",
    },
    BudgetPage: {"items": [_ITEM], "next": None, "seq": 1042},
}
