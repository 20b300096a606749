"""Budgets: commands and facts (spec 2.4 *Economics*, 3.3). Amounts in the unit of the measure (kernel/amounts.py)."""

from __future__ import annotations

from typing import ClassVar

from watchfloor.kernel.messages import Command, Facts

# `lineage` is of tasks; `spawned` is an agent with all it has spawned.
SCOPES = ("organisation", "agent", "spawned", "task", "lineage")
TASK_OVER = "task_over"  # why a budget of a task that is over was removed


class SetBudget(Command, frozen=True, kw_only=True):
    """So much and no more. `target` is the agent or task (0: the organisation); of a budget that exists, `limit` changes.

    `task` holds for the task alone, `lineage` for the task and everything that was submitted under it.
    """

    KIND: ClassVar[str] = "budget"
    scope: str
    target: int = 0
    measure: str
    period: str = "total"
    limit: int


class RemoveBudget(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "budget"
    reason: str = ""


class NoteBudget(Command, frozen=True, kw_only=True):
    """Something was reserved, spent or (`asked` > 0) turned away: look whether people must hear of it."""

    KIND: ClassVar[str] = "budget"
    asked: int = 0


class RenewBudget(Command, frozen=True, kw_only=True):
    """The period of a budget that was warned of or used up is over."""

    KIND: ClassVar[str] = "budget"


class BudgetSet(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "budget.set/1"
    KIND: ClassVar[str] = "budget"
    limit: int
    measure: str
    nonce: int
    period: str
    scope: str
    target: int


class BudgetChanged(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "budget.changed/1"
    KIND: ClassVar[str] = "budget"
    limit: int
    limit_before: int


class BudgetRemoved(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "budget.removed/1"
    KIND: ClassVar[str] = "budget"
    reason: str


class BudgetWarned(Facts, frozen=True, kw_only=True):
    """Four fifths are spent or reserved; once in a period. `since_at`: beginning of the period."""

    TYPE: ClassVar[str] = "budget.warned/1"
    KIND: ClassVar[str] = "budget"
    limit: int
    reserved: int
    since_at: int
    spent: int


class BudgetExhausted(Facts, frozen=True, kw_only=True):
    """All is spent (`spent` ≥ `limit`), or something was turned away because less is left than was `asked` for: each once
    in a period.
    """

    TYPE: ClassVar[str] = "budget.exhausted/1"
    KIND: ClassVar[str] = "budget"
    asked: int
    limit: int
    reserved: int
    since_at: int
    spent: int


class BudgetRenewed(Facts, frozen=True, kw_only=True):
    """A new period began for a budget that had been warned of or used up."""

    TYPE: ClassVar[str] = "budget.renewed/1"
    KIND: ClassVar[str] = "budget"
    since_at: int
