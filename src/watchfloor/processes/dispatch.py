"""Dispatch: a waiting task meets a free agent, event by event, without polling (spec 2.4 *Scheduler*).

A task that enters the queue looks for an agent; an agent that becomes free, or appears, looks for tasks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from watchfloor.actions.messages import BreakerHalfOpened
from watchfloor.fleet.messages import (
    AgentConnected,
    AgentRecovered,
    AgentRegistered,
    AgentReleased,
    WorkerAnswered,
    WorkerBreakerClosed,
    WorkerBreakerHalfOpened,
    WorkerCallFailed,
    WorkerMoved,
)
from watchfloor.kernel.messages import Command, Effect, Event, Facts, Later
from watchfloor.kernel.subject import React, Read
from watchfloor.kernel.system import Continued
from watchfloor.registers.capacity import room
from watchfloor.registers.containment import Breaker, half_open, shut_until
from watchfloor.registers.delivery import session_current
from watchfloor.registers.lineage import contained
from watchfloor.registers.queue import SHARDS, candidates, free_agents
from watchfloor.registers.stops import held_back
from watchfloor.registers.task_budgets import without_room
from watchfloor.trust.messages import TrustChanged, TrustReassessed
from watchfloor.work.budget_messages import BudgetSet, NoteBudget
from watchfloor.work.economic_messages import TaskEstimated
from watchfloor.work.matching import Offer, choose, eligible
from watchfloor.work.messages import (
    CALL_FAILURES,
    AssignTask,
    TaskAccepted,
    TaskAttemptFailed,
    TaskCancelled,
    TaskDeadLettered,
    TaskHandedOver,
    TaskReady,
    TaskRequeued,
    TaskRetried,
    TaskSubmitted,
    TaskSucceeded,
    TaskUnpaused,
)

Wishes = list[Command | Effect]
_AT_ONCE = 8  # tasks given to an agent that appears, before it has accepted any
_IN_ONES_PLACE = 2  # tasks given to an agent for one that it is rid of
_PASSED_OVER = (
    32  # waiting tasks an agent looks past because a budget has no room for them, or they came through it
)


def queued(event: Event, read: Read) -> Wishes:
    """A task waits: it seeks when its turn comes, because those before it change who is free."""
    return [Later(flow="seek", about=event.subject)] if read("links", event.subject) is not None else []


def seek(subject: int, read: Read, at: int = 0) -> list[Command]:
    """The best of the free agents that fit, beginning at a place of the task's own."""
    task = read("task", subject)
    if task is None or read("links", subject) is None:
        return []
    if task.only_agent:
        pool: Iterable[int] = (task.only_agent,) if _free(task.only_agent, read) else ()
    else:
        near = (task.near,) if task.near and _free(task.near, read) else ()
        pool = chain(near, free_agents(task.needs, subject, read))
    short: list[Command] = []
    agent = choose(
        _affording(subject, _offers(pool, subject, task.needs, task.chain, at, read), short, at, read),
        task.near,
    )
    return [AssignTask(subject=subject, agent=agent)] if agent else short[:1]


def _affording(
    subject: int, offers: Iterable[Offer], short: list[Command], at: int, read: Read
) -> Iterable[Offer]:
    """The offers with which every budget has room for the task; what to do about the others goes into `short`."""
    if read("budgeted", "all") is None:
        return offers

    def afforded() -> Iterator[Offer]:
        for one in offers:
            over = over_budget(subject, one.agent, at, read)
            short.extend(over)
            if not over:
                yield one

    return afforded()


def over_budget(subject: int, agent: int, at: int, read: Read) -> list[Command]:
    """Empty where every budget has room for the task with this agent, else what to do about it: people shall hear."""
    found = without_room(subject, read("task", subject), agent, at, read)
    return [NoteBudget(subject=found[0].budget, asked=found[1])] if found is not None else []


def _offers(
    pool: Iterable[int], task: int, needs: tuple[str, ...], chain: tuple[int, ...], at: int, read: Read
) -> Iterator[Offer]:
    """Those of the pool that may have the task now, each looked at when it is asked for."""
    for agent in pool:
        state = read("agent", agent)
        held = read("load", agent) or ()
        if (
            room(agent, state, held, read)
            and agent not in chain
            and eligible(needs, state.capabilities)
            and session_current(state, read)
            and not contained(state, read)
            and _may_begin(agent, task, at, read)
        ):
            yield Offer(agent, len(held))


def _may_begin(agent: int, task: int, at: int, read: Read) -> bool:
    """Nobody gets work under a stop or while their breaker is open; one that is to be tried out has one task at a time."""
    breaker: Breaker | None = read("breakers", f"agent:{agent}")
    if breaker is not None:
        trying = half_open(breaker, at)
        if shut_until(breaker, at) or (trying and read("load", agent)):
            return False
    return not held_back(agent, task, read)


def _free(agent: int, read: Read) -> bool:
    return agent in (read("free", ("", agent % SHARDS)) or ())


def offer(agent: int, read: Read, at: int = 0) -> list[Command]:
    """As many of the next tasks as the agent has room for."""
    return _offer(agent, _AT_ONCE, read, at)


def refill(agent: int, read: Read, at: int = 0) -> list[Command]:
    """A slice of work may set many agents free at once: each takes little more than it gave."""
    return _offer(agent, _IN_ONES_PLACE, read, at)


def _offer(agent: int, most: int, read: Read, at: int) -> list[Command]:
    state = read("agent", agent)
    if state is None or not _free(agent, read) or not session_current(state, read):
        return []
    waiting = candidates(agent, state.capabilities, most, read)
    if not waiting:  # as mostly: nothing else need be looked at
        return []
    count = min(most, room(agent, state, read("load", agent) or (), read))
    if not count or contained(state, read) or not _may_begin(agent, 0, at, read):
        return []
    if half_open(read("breakers", f"agent:{agent}"), at):
        count = 1
    bounded = read("budgeted", "all") is not None
    first = waiting[:count]
    fit = _others(agent, first, read)
    if bounded or len(fit) < len(first):  # some may not be for it: it looks further
        fit = _others(agent, candidates(agent, state.capabilities, count + _PASSED_OVER, read), read)
    if read("stops", "active"):
        fit = [task for task in fit if not held_back(agent, task, read)]
    if bounded:
        return _affordable(agent, fit, count, read, at)
    return [AssignTask(subject=task, agent=agent) for task in fit[:count]]


def _others(agent: int, tasks: list[int], read: Read) -> list[int]:
    """What came through this agent does not come back to it."""
    return [task for task in tasks if agent not in read("task", task).chain]


def _affordable(agent: int, tasks: list[int], count: int, read: Read, at: int) -> list[Command]:
    """Those of the tasks that budgets have room for; the others are passed over."""
    wishes: list[Command] = []
    short: list[Command] = []
    for task in tasks:
        over = over_budget(task, agent, at, read)
        short.extend(over)
        if not over and len(wishes) < count:
            wishes.append(AssignTask(subject=task, agent=agent))
    return wishes or short[:1]


def appeared(event: Event, read: Read) -> Wishes:
    return [Later(flow="offer", about=event.subject)]


def reassessed(event: Event, read: Read) -> Wishes:
    """A higher tier has more room."""
    facts = event.facts
    assert isinstance(facts, TrustChanged | TrustReassessed)
    return [Later(flow="offer", about=event.subject)] if facts.tier > facts.tier_before else []


def freed(event: Event, read: Read) -> Wishes:
    """An agent has room again. A worker that gave no answer gets new work when its breaker has been told."""
    if getattr(event.facts, "reason", "") in CALL_FAILURES:
        return []
    agent: int = getattr(event.facts, "agent", 0)
    return [Later(flow="refill", about=agent)] if agent else []


def accepted(event: Event, read: Read) -> Wishes:
    """Who has taken what it was given may be given more, up to its room."""
    facts = event.facts
    assert isinstance(facts, TaskAccepted)
    return [Later(flow="refill", about=facts.agent)]


def handed_over(event: Event, read: Read) -> Wishes:
    """The agent it was taken from has room again, if it is there."""
    facts = event.facts
    assert isinstance(facts, TaskHandedOver)
    return [Later(flow="refill", about=facts.agent_before)]


def room_again(event: Event, read: Read) -> Wishes:
    """A slice of those who are free, because a budget has room (again)."""
    facts = event.facts
    assert isinstance(facts, Continued)
    work = read("continuation", facts.name)
    if work is None or work.kind != "offer":
        return []
    return [Later(flow="offer", about=agent) for agent in work.now]


def tried_again(event: Event, read: Read) -> Wishes:
    """Its breaker lets one through: it may have a task again."""
    facts = event.facts
    assert isinstance(facts, BreakerHalfOpened)
    return [Later(flow="offer", about=int(facts.target))] if facts.scope == "agent" else []


def own_budget(event: Event, read: Read) -> Wishes:
    """What is bounded by a budget of its own need not wait for want of an estimate."""
    facts = event.facts
    assert isinstance(facts, BudgetSet)
    task = facts.target if facts.scope in ("task", "lineage") else 0
    return [Later(flow="seek", about=task)] if task and read("links", task) is not None else []


LATER = {"seek": seek, "offer": offer, "refill": refill}
REACTS: tuple[tuple[type[Facts], React], ...] = (
    (TaskSubmitted, queued),
    (TaskReady, queued),
    (TaskRequeued, queued),
    (TaskRetried, queued),
    (TaskUnpaused, queued),
    (AgentConnected, appeared),
    (AgentRecovered, appeared),
    (AgentReleased, appeared),
    (AgentRegistered, appeared),
    (WorkerMoved, appeared),
    (WorkerCallFailed, appeared),
    (WorkerAnswered, appeared),
    (WorkerBreakerHalfOpened, appeared),
    (WorkerBreakerClosed, appeared),
    (TrustChanged, reassessed),
    (TrustReassessed, reassessed),
    (TaskSucceeded, freed),
    (TaskAttemptFailed, freed),
    (TaskDeadLettered, freed),
    (TaskCancelled, freed),
    (TaskAccepted, accepted),
    (TaskHandedOver, handed_over),
    (TaskEstimated, queued),
    (BudgetSet, own_budget),
    (BreakerHalfOpened, tried_again),
    (Continued, room_again),
)
