"""The queue and the pool: which tasks wait, which agents are there, who has what (spec 2.4, scheduler).

Cells
  queue   by group (priority, agent, needs) → ends of a doubly linked list of tasks, first in first out
  links   by task → its neighbours
  groups  by "all" → the groups that hold a task
  pool    by (capability, shard) → connected, active agents with that capability ("" holds every one)
  connected  by shard → agents that have a session, the degraded and the quarantined included
  load    by agent → the tasks it holds (assigned, running, reported, orphaned)
Taking a task out of the middle (cancelled, deadline) costs the same as taking it from the head.
"""

from __future__ import annotations

from typing import Any

import msgspec

from watchfloor.fleet.agent import available
from watchfloor.fleet.messages import (
    AgentConnected,
    AgentDegraded,
    AgentDisconnected,
    AgentQuarantined,
    AgentRecovered,
    AgentRegistered,
    AgentReleased,
    AgentRetired,
    WorkerBreakerClosed,
    WorkerBreakerHalfOpened,
    WorkerBreakerOpened,
    WorkerMoved,
)
from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Read, Register
from watchfloor.work.life import QUEUED
from watchfloor.work.matching import turn
from watchfloor.work.messages import (
    TaskAssigned,
    TaskAttemptFailed,
    TaskCancelled,
    TaskDeadLettered,
    TaskPaused,
    TaskReady,
    TaskRequeued,
    TaskRetried,
    TaskSubmitted,
    TaskSucceeded,
    TaskUnpaused,
)

Cells = list[tuple[str, object, object]]
Group = tuple[str, int, tuple[str, ...]]

SHARDS = 32


class Ends(msgspec.Struct, frozen=True, array_like=True, gc=False):
    head: int
    tail: int
    count: int


class Link(msgspec.Struct, frozen=True, array_like=True):
    before: int
    after: int
    group: Group
    since: int  # instant at which it began to wait


def _enqueue(task: int, group: Group, at: int, read: Read) -> Cells:
    if read("links", task) is not None:
        return []
    ends: Ends | None = read("queue", group)
    if ends is None:
        groups: tuple[Group, ...] = read("groups", "all") or ()
        return [
            ("queue", group, Ends(task, task, 1)),
            ("links", task, Link(0, 0, group, at)),
            ("groups", "all", (*groups, group)),
        ]
    tail: Link = read("links", ends.tail)
    return [
        ("queue", group, Ends(ends.head, task, ends.count + 1)),
        ("links", ends.tail, Link(tail.before, task, group, tail.since)),
        ("links", task, Link(ends.tail, 0, group, at)),
    ]


def _dequeue(task: int, read: Read) -> Cells:
    link: Link | None = read("links", task)
    if link is None:
        return []
    ends: Ends = read("queue", link.group)
    cells: Cells = [("links", task, None)]
    if link.before:
        before: Link = read("links", link.before)
        cells.append(("links", link.before, Link(before.before, link.after, link.group, before.since)))
    if link.after:
        after: Link = read("links", link.after)
        cells.append(("links", link.after, Link(link.before, after.after, link.group, after.since)))
    if ends.count == 1:
        groups: tuple[Group, ...] = read("groups", "all") or ()
        cells.append(("queue", link.group, None))
        cells.append(("groups", "all", tuple(group for group in groups if group != link.group)))
    else:
        head = ends.head if link.before else link.after
        tail = ends.tail if link.after else link.before
        cells.append(("queue", link.group, Ends(head, tail, ends.count - 1)))
    return cells


def _submitted(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, TaskSubmitted)
    if facts.unmet or facts.not_before_at > event.at:
        return []
    return _enqueue(event.subject, (facts.priority, facts.agent, facts.needs), event.at, read)


def _again(event: Event, read: Read) -> Cells:
    """Where it waits for nothing but an agent."""
    task = read("task", event.subject)
    if task is None or task.stage != QUEUED or task.paused_at:
        return []
    return _enqueue(event.subject, (task.priority, task.only_agent, task.needs), event.at, read)


def _paused(event: Event, read: Read) -> Cells:
    return _dequeue(event.subject, read)


def _assigned(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, TaskAssigned)
    held: tuple[int, ...] = read("load", facts.agent) or ()
    cells = _dequeue(event.subject, read)
    if event.subject not in held:
        cells.append(("load", facts.agent, (*held, event.subject)))
    return cells


def _freed(event: Event, read: Read) -> Cells:
    facts: Any = event.facts
    cells = _dequeue(event.subject, read)
    held: tuple[int, ...] = read("load", facts.agent) or ()
    if event.subject in held:
        left = tuple(task for task in held if task != event.subject)
        cells.append(("load", facts.agent, left or None))
    return cells


def _pool(agent: int, read: Read, present: bool) -> Cells:
    state = read("agent", agent)
    if state is None:
        return []
    cells: Cells = []
    shard = agent % SHARDS
    for capability in ("", *state.capabilities):
        members: frozenset[int] = read("pool", (capability, shard)) or frozenset()
        if present != (agent in members):
            members = members | {agent} if present else members - {agent}
            cells.append(("pool", (capability, shard), members or None))
    return cells


def _present(event: Event, read: Read) -> Cells:
    state = read("agent", event.subject)
    cells = _pool(event.subject, read, state is not None and available(state))
    shard = event.subject % SHARDS
    connected: frozenset[int] = read("connected", shard) or frozenset()
    has_session = state is not None and bool(state.session)
    if has_session != (event.subject in connected):
        connected = connected | {event.subject} if has_session else connected - {event.subject}
        cells.append(("connected", shard, connected or None))
    return cells


REGISTER = Register(
    name="queue",
    cells={
        "queue": Ends,
        "links": Link,
        "groups": tuple[Group, ...],
        "pool": frozenset[int],
        "connected": frozenset[int],
        "load": tuple[int, ...],
    },
    folds={
        TaskSubmitted: _submitted,
        TaskReady: _again,
        TaskRequeued: _again,
        TaskUnpaused: _again,
        TaskPaused: _paused,
        TaskRetried: _again,
        TaskAssigned: _assigned,
        TaskAttemptFailed: _freed,
        TaskSucceeded: _freed,
        TaskDeadLettered: _freed,
        TaskCancelled: _freed,
        AgentConnected: _present,
        AgentDisconnected: _present,
        AgentDegraded: _present,
        AgentRecovered: _present,
        AgentQuarantined: _present,
        AgentReleased: _present,
        AgentRetired: _present,
        AgentRegistered: _present,  # an HTTP worker is there from the beginning
        WorkerBreakerOpened: _present,
        WorkerBreakerHalfOpened: _present,
        WorkerBreakerClosed: _present,
        WorkerMoved: _present,
    },
)


def candidates(agent: int, capabilities: tuple[str, ...], count: int, read: Read) -> list[int]:
    """The next `count` tasks for this agent: by lane with ageing, then first come first served (pure)."""
    mine = set(capabilities)
    heads: list[tuple[int, int]] = []
    for group in read("groups", "all") or ():
        if group[1] in (0, agent) and mine.issuperset(group[2]):
            task = read("queue", group).head
            taken = 0
            while task and taken < count:
                link: Link = read("links", task)
                heads.append(turn(group[0], link.since, task))
                task, taken = link.after, taken + 1
    return [task for _, task in sorted(heads)[:count]]


def agents_with(capability: str, start: int, read: Read) -> Any:
    """Connected agents with this capability ("": any), shard by shard beginning at `start`, a generator."""
    for offset in range(SHARDS):
        yield from sorted(read("pool", (capability, (start + offset) % SHARDS)) or ())
