"""Dispatch: a waiting task meets a free agent, event by event, without polling (spec 2.4 *Scheduler*).

A task that enters the queue looks for an agent; an agent that becomes free, or appears, looks for tasks.
"""

from __future__ import annotations

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
from watchfloor.fleet.workers import probing
from watchfloor.kernel.messages import Command, Effect, Event, Facts, Later
from watchfloor.kernel.subject import React, Read
from watchfloor.kernel.terms import TrustTerms
from watchfloor.registers.delivery import session_current
from watchfloor.registers.queue import SHARDS, agents_with, candidates
from watchfloor.work.life import ASSIGNED
from watchfloor.work.messages import (
    CALL_FAILURES,
    AssignTask,
    TaskAttemptFailed,
    TaskCancelled,
    TaskDeadLettered,
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
_LOOKED_AT = 256  # agents looked at for one task: beyond it the pool is busy and the next free agent takes it


def tasks_max(agent: int, read: Read) -> int:
    """How many tasks the agent's tier lets it hold; an agent without history has the tier of the base score."""
    policy = read("active_policy", "active")
    terms: TrustTerms = policy.document.trust
    trust = read("trust", agent)
    tier = trust.tier if trust is not None else _base_tier(terms)
    return terms.tasks_per_tier[tier]


def _base_tier(terms: TrustTerms) -> int:
    return max(tier for tier, bound in enumerate(terms.tiers) if terms.base >= bound)


def room(agent: int, read: Read) -> int:
    """How many more tasks the agent may hold; of a worker whose breaker is half-open one that waits for its answer."""
    held: tuple[int, ...] = read("load", agent) or ()
    free = max(0, tasks_max(agent, read) - len(held))
    if free and probing(read("agent", agent)):
        return 0 if any(read("task", task).stage == ASSIGNED for task in held) else 1
    return free


def queued(event: Event, read: Read) -> Wishes:
    """A task waits: it seeks when its turn comes, because those before it change who is free."""
    return [Later(flow="seek", about=event.subject)] if read("links", event.subject) is not None else []


def seek(subject: int, read: Read) -> list[Command]:
    """The least loaded of the free agents that fit, starting at a shard of the task's own."""
    task = read("task", subject)
    if task is None or read("links", subject) is None:
        return []
    needed = set(task.needs)
    if task.only_agent:
        pool = [task.only_agent] if task.only_agent in _present(task.only_agent, read) else []
    else:
        pool = []
        for looked, agent in enumerate(agents_with(task.needs[0] if task.needs else "", subject, read)):
            if looked >= _LOOKED_AT:
                break
            pool.append(agent)
    best, best_load = 0, 0
    for agent in pool:
        state = read("agent", agent)
        if needed <= set(state.capabilities) and session_current(state, read) and room(agent, read):
            load = len(read("load", agent) or ())
            if not best or load < best_load:
                best, best_load = agent, load
                if not load:
                    break
    return [AssignTask(subject=subject, agent=best)] if best else []


def _present(agent: int, read: Read) -> frozenset[int]:
    members: frozenset[int] = read("pool", ("", agent % SHARDS)) or frozenset()
    return members


def offer(agent: int, read: Read) -> list[Command]:
    """As many of the next tasks as the agent has room for."""
    return _offer(agent, _AT_ONCE, read)


def refill(agent: int, read: Read) -> list[Command]:
    """A slice of work may set many agents free at once: each takes little more than it gave."""
    return _offer(agent, _IN_ONES_PLACE, read)


def _offer(agent: int, most: int, read: Read) -> list[Command]:
    state = read("agent", agent)
    if state is None or agent not in _present(agent, read) or not session_current(state, read):
        return []
    count = min(most, room(agent, read))
    tasks = candidates(agent, state.capabilities, count, read) if count else []
    return [AssignTask(subject=task, agent=agent) for task in tasks]


def appeared(event: Event, read: Read) -> Wishes:
    return [Later(flow="offer", about=event.subject)]


def freed(event: Event, read: Read) -> Wishes:
    """An agent has room again. A worker that gave no answer gets new work when its breaker has been told."""
    if getattr(event.facts, "reason", "") in CALL_FAILURES:
        return []
    agent: int = getattr(event.facts, "agent", 0)
    return [Later(flow="refill", about=agent)] if agent and read("groups", "all") else []


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
    (TaskSucceeded, freed),
    (TaskAttemptFailed, freed),
    (TaskDeadLettered, freed),
    (TaskCancelled, freed),
)
