"""Budgeting: people hear when a budget is nearly used up, used up, or turned something away (spec 3.3 *Budgets*).

Whatever reserves, spends or is denied → NoteBudget for the budgets it touched. Without budgets this asks one cell.
"""

from __future__ import annotations

from itertools import islice

from watchfloor.actions.messages import (
    ActionClosed,
    ActionCompleted,
    ActionDecided,
    ActionFailed,
    ActionSettled,
)
from watchfloor.actions.retry_messages import ActionRetried
from watchfloor.fleet.messages import AgentRegistered
from watchfloor.kernel.amounts import UNSAID, began, turned_away
from watchfloor.kernel.limits import SHARE_MILLI
from watchfloor.kernel.messages import Command, Effect, Event, Facts, Later
from watchfloor.kernel.subject import React, Read
from watchfloor.registers.budgets import in_force, use_of
from watchfloor.registers.queue import free_agents
from watchfloor.work.budget_messages import TASK_OVER, NoteBudget, RemoveBudget, SetBudget
from watchfloor.work.budgets import low
from watchfloor.work.economic_messages import TaskEstimated
from watchfloor.work.life import CANCELLED, SUCCEEDED
from watchfloor.work.messages import (
    TaskAssigned,
    TaskAttemptFailed,
    TaskCancelled,
    TaskDeadLettered,
    TaskPurged,
    TaskSubmitted,
    TaskSucceeded,
)

Wishes = list[Command | Effect]


def touched(agent: int, task: int, at: int, read: Read) -> Wishes:
    """Budgets of which people have not heard in this period although four fifths are gone."""
    wishes: Wishes = []
    for budget in in_force(agent, task, read):
        use = use_of(budget, at, read)
        if not low(budget.scope, budget.limit, use.spent, use.reserved):
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


def held(event: Event, read: Read) -> Wishes:
    """A task was assigned, or its attempt is over."""
    agent: int = getattr(event.facts, "agent", 0)
    if not agent or read("budgeted", "all") is None:
        return []
    return touched(agent, event.subject, event.at, read)


def estimated(event: Event, read: Read) -> Wishes:
    """The limits a task came with are budgets of it and of what is submitted under it; said again, they change."""
    facts = event.facts
    assert isinstance(facts, TaskEstimated)
    said = facts.economics
    limits = (("money", said.limit_micro), ("tokens", said.limit_tokens), ("time", said.limit_ms))
    known = {budget.measure for budget in read("budgets", ("lineage", event.subject)) or ()}
    return [
        SetBudget(scope="lineage", target=event.subject, measure=measure, limit=limit)
        for measure, limit in limits
        if limit != UNSAID and measure not in known
    ]


def shared(event: Event, read: Read) -> Wishes:
    """A task that was handed on with a share of its parent's budget has budgets of its own, and counts in the parent's."""
    facts = event.facts
    assert isinstance(facts, TaskSubmitted)
    if not facts.share_milli or not facts.parent:
        return []
    return [
        SetBudget(
            scope="lineage",
            target=event.subject,
            measure=budget.measure,
            period=budget.period,
            limit=budget.limit * facts.share_milli // SHARE_MILLI,
        )
        for budget in read("budgets", ("lineage", facts.parent)) or ()
    ]


def spawned(event: Event, read: Read) -> Wishes:
    """An agent that was given a share of the budget of the one that spawned it has that much, and counts in it, too."""
    facts = event.facts
    assert isinstance(facts, AgentRegistered)
    if not facts.share_milli or not facts.parent:
        return []
    known = {budget.measure for budget in read("budgets", ("spawned", event.subject)) or ()}
    return [
        SetBudget(
            scope="spawned",
            target=event.subject,
            measure=budget.measure,
            period=budget.period,
            limit=budget.limit * facts.share_milli // SHARE_MILLI,
        )
        for budget in read("budgets", ("spawned", facts.parent)) or ()
        if budget.measure not in known
    ]


def ended(event: Event, read: Read) -> Wishes:
    """A task that is over for good, with everything under it, needs no budget of its own any more."""
    wishes: Wishes = []
    task = event.subject
    while task:
        state = read("task", task)
        family = read("family", task)
        members = family.members if family is not None else ()
        if not _for_good(task, read) or not all(_for_good(member, read) for member in members):
            break
        for scope in ("task", "lineage"):
            for budget in read("budgets", (scope, task)) or ():
                wishes.append(RemoveBudget(subject=budget.budget, reason=TASK_OVER))
        task = state.parent
    return wishes


def _for_good(task: int, read: Read) -> bool:
    state = read("task", task)
    return state is not None and state.stage in (SUCCEEDED, CANCELLED)


def room_made(event: Event, read: Read) -> Wishes:
    """Less was used than was reserved: where a budget had turned work away, some who are free look again."""
    agent, task = getattr(event.facts, "agent", 0), event.subject
    if read("budgeted", "all") is None or not agent:
        return []
    if event.kind == "action":
        action = read("action", event.subject)
        task = action.task if action is not None else 0
    for budget in in_force(agent, task, read):
        known = read("budget", budget.budget)
        if max(known.exhausted_since, known.turned_away_since) == began(budget.period, event.at):
            return [
                Later(flow="offer", about=free)
                for free in islice(free_agents((), event.seq, read), _LOOK_AGAIN)
            ]
    return []


_LOOK_AGAIN = 8  # agents, of those that are free; the others do when something of theirs is over

REACTS: tuple[tuple[type[Facts], React], ...] = (
    (ActionDecided, decided),
    (ActionCompleted, over),
    (ActionFailed, over),
    (ActionSettled, over),
    (ActionRetried, over),
    (TaskSubmitted, shared),
    (AgentRegistered, spawned),
    (TaskEstimated, estimated),
    (TaskAssigned, held),
    (TaskSucceeded, held),
    (TaskAttemptFailed, held),
    (TaskDeadLettered, held),
    (TaskCancelled, held),
    (TaskSucceeded, ended),
    (TaskCancelled, ended),
    (TaskPurged, ended),
    (ActionCompleted, room_made),
    (ActionFailed, room_made),
    (ActionSettled, room_made),
    (ActionClosed, room_made),
    (TaskSucceeded, room_made),
    (TaskAttemptFailed, room_made),
    (TaskDeadLettered, room_made),
    (TaskCancelled, room_made),
)
