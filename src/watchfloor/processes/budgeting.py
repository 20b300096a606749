"""Budgeting: people hear when a budget is nearly used up, used up, or turned something away (spec 3.3 *Budgets*).

Whatever reserves, spends or is denied → NoteBudget for the budgets it touched. Without budgets this asks one cell.
"""

from __future__ import annotations

from watchfloor.actions.messages import (
    ActionCompleted,
    ActionDecided,
    ActionFailed,
    ActionSettled,
)
from watchfloor.kernel.amounts import began, turned_away
from watchfloor.kernel.messages import Command, Effect, Event, Facts
from watchfloor.kernel.subject import React, Read
from watchfloor.registers.budgets import in_force, use_of
from watchfloor.work.budget_messages import NoteBudget
from watchfloor.work.budgets import WARNED_PERMILLE

Wishes = list[Command | Effect]


def touched(agent: int, task: int, at: int, read: Read) -> Wishes:
    """Budgets of which people have not heard in this period although four fifths are gone."""
    wishes: Wishes = []
    for budget in in_force(agent, task, read):
        use = use_of(budget, at, read)
        if (use.spent + use.reserved) * 1000 < budget.limit * WARNED_PERMILLE:
            continue
        known = read("budget", budget.budget)
        since_at = began(budget.period, at)
        exhausted = turned_away(budget.limit, use.spent, use.reserved, 0)
        if known.warned_since != since_at or (exhausted and known.exhausted_since != since_at):
            wishes.append(NoteBudget(subject=budget.budget))
    return wishes


def decided(event: Event, read: Read) -> Wishes:
    """Reserved, or turned away."""
    facts = event.facts
    assert isinstance(facts, ActionDecided)
    if read("budgeted", "all") is None:
        return []
    if facts.verdict != "denied":
        return touched(facts.agent, facts.task, event.at, read)
    return [
        NoteBudget(subject=row.budget, asked=row.asked)
        for row in facts.evidence.budgets
        if row.asked >= 0 and turned_away(row.limit, row.spent, row.reserved, row.asked)
    ]


def over(event: Event, read: Read) -> Wishes:
    """An outcome may have cost more than was estimated."""
    if read("budgeted", "all") is None:
        return []
    action = read("action", event.subject)
    return [] if action is None else touched(action.agent, action.task, event.at, read)


REACTS: tuple[tuple[type[Facts], React], ...] = (
    (ActionDecided, decided),
    (ActionCompleted, over),
    (ActionFailed, over),
    (ActionSettled, over),
)
