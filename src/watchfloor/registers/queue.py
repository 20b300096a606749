"""The queue and the pool: which tasks wait, which agents are there, who has what (spec 2.4, scheduler).

Cells
  queue   by group (priority, agent, needs) → ends of a doubly linked list of tasks, first in first out
  links   by task → its neighbours
  groups  by (agent, first need) → the groups that hold a task for this agent (0: anybody) beginning with this need
  pool    by (capability, shard) → connected, active agents with that capability ("" holds every one)
  free    by (capability, shard) → those of the pool that have room, in order
  connected  by shard → agents that have a session, the degraded and the quarantined included
  load    by agent → the tasks it holds (assigned, running, reported, orphaned)
Taking a task out of the middle (cancelled, deadline) costs the same as taking it from the head.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
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
from watchfloor.policy.messages import PolicyApplied
from watchfloor.registers.capacity import tasks_max
from watchfloor.trust.messages import TrustChanged, TrustReassessed
from watchfloor.work.life import QUEUED
from watchfloor.work.matching import turn
from watchfloor.work.messages import (
    TaskAssigned,
    TaskAttemptFailed,
    TaskCancelled,
    TaskDeadLettered,
    TaskHandedOver,
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


def _filed(group: Group) -> tuple[int, str]:
    """Where an agent finds the group without looking at those of others."""
    return group[1], group[2][0] if group[2] else ""


def _enqueue(task: int, group: Group, at: int, read: Read) -> Cells:
    if read("links", task) is not None:
        return []
    ends: Ends | None = read("queue", group)
    if ends is None:
        groups: tuple[Group, ...] = read("groups", _filed(group)) or ()
        return [
            ("queue", group, Ends(task, task, 1)),
            ("links", task, Link(0, 0, group, at)),
            ("groups", _filed(group), (*groups, group)),
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
        groups: tuple[Group, ...] = read("groups", _filed(link.group)) or ()
        left = tuple(group for group in groups if group != link.group)
        cells.append(("queue", link.group, None))
        cells.append(("groups", _filed(link.group), left or None))
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
    assert isinstance(facts, TaskAssigned | TaskHandedOver)
    held: tuple[int, ...] = read("load", facts.agent) or ()
    cells = _dequeue(event.subject, read)
    if event.subject not in held:
        cells.append(("load", facts.agent, (*held, event.subject)))
        cells += _room(facts.agent, read, len(held) + 1)
    return cells


def _handed_over(event: Event, read: Read) -> Cells:
    """From one agent to another without waiting in between."""
    facts = event.facts
    assert isinstance(facts, TaskHandedOver)
    cells: Cells = []
    before: tuple[int, ...] = read("load", facts.agent_before) or ()
    if event.subject in before:
        cells.append(
            ("load", facts.agent_before, tuple(task for task in before if task != event.subject) or None)
        )
    return cells + _assigned(event, read)


def _freed(event: Event, read: Read) -> Cells:
    facts: Any = event.facts
    cells = _dequeue(event.subject, read)
    held: tuple[int, ...] = read("load", facts.agent) or ()
    if event.subject in held:
        left = tuple(task for task in held if task != event.subject)
        cells.append(("load", facts.agent, left or None))
        cells += _room(facts.agent, read, len(left))
    return cells


def _room(agent: int, read: Read, held: int) -> Cells:
    """Enter the agent among the free, or take it out, now that it holds so many tasks."""
    state = read("agent", agent)
    if state is None:
        return []
    free = available(state) and held < tasks_max(agent, read)
    shard = agent % SHARDS
    if free == _among(agent, read("free", ("", shard)) or ())[1]:
        return []
    cells: Cells = []
    for capability in ("", *state.capabilities):
        members: tuple[int, ...] = read("free", (capability, shard)) or ()
        place, there = _among(agent, members)
        if free and not there:
            cells.append(("free", (capability, shard), (*members[:place], agent, *members[place:])))
        elif there and not free:
            cells.append(("free", (capability, shard), (members[:place] + members[place + 1 :]) or None))
    return cells


def _among(agent: int, members: tuple[int, ...]) -> tuple[int, bool]:
    """Its place in the order, and whether it is there."""
    place = bisect_left(members, agent)
    return place, place < len(members) and members[place] == agent


def _reassessed(event: Event, read: Read) -> Cells:
    """Another tier has another room."""
    facts = event.facts
    assert isinstance(facts, TrustChanged | TrustReassessed)
    if facts.tier == facts.tier_before:
        return []
    return _room(event.subject, read, len(read("load", event.subject) or ()))


def _other_terms(event: Event, read: Read) -> Cells:
    """Another policy may give everybody another room."""
    free: dict[tuple[str, int], list[int]] = {}
    for shard in range(SHARDS):
        for agent in sorted(read("pool", ("", shard)) or ()):
            there = len(read("load", agent) or ()) < tasks_max(agent, read)
            for capability in ("", *read("agent", agent).capabilities):
                free.setdefault((capability, shard), []).extend([agent] if there else [])
    return [("free", key, tuple(members) or None) for key, members in free.items()]


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
    cells += _room(event.subject, read, len(read("load", event.subject) or ()))
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
        "free": tuple[int, ...],
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
        TaskHandedOver: _handed_over,
        TaskAttemptFailed: _freed,
        TaskSucceeded: _freed,
        TaskDeadLettered: _freed,
        TaskCancelled: _freed,
        TrustChanged: _reassessed,
        TrustReassessed: _reassessed,
        PolicyApplied: _other_terms,
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


def _groups_for(agent: int, capabilities: tuple[str, ...], read: Read) -> Iterator[Group]:
    for whom in (0, agent):
        for need in ("", *capabilities):
            yield from read("groups", (whom, need)) or ()


def candidates(agent: int, capabilities: tuple[str, ...], count: int, read: Read) -> list[int]:
    """The next `count` tasks for this agent: by lane with ageing, then first come first served (pure)."""
    mine = set(capabilities)
    heads: list[tuple[int, int]] = []
    for group in _groups_for(agent, capabilities, read):
        if mine.issuperset(group[2]):
            task = read("queue", group).head
            taken = 0
            while task and taken < count:
                link: Link = read("links", task)
                heads.append(turn(group[0], link.since, task))
                task, taken = link.after, taken + 1
    return [task for _, task in sorted(heads)[:count]]


def free_agents(needs: tuple[str, ...], start: int, read: Read) -> Iterator[int]:
    """Everybody who has room and all of these capabilities, shard by shard beginning at a place that `start` gives.

    However many have one of the capabilities and not the others: nobody is overlooked.
    """
    for offset in range(SHARDS):
        shard = (start + offset) % SHARDS
        found: list[tuple[int, ...]] = [read("free", (need, shard)) or () for need in needs or ("",)]
        members = found[0]
        if len(found) > 1:
            fewest = min(found, key=len)
            members = tuple(sorted(set(fewest).intersection(*found))) if fewest else ()
        if members:
            begin = start // SHARDS % len(members)
            yield from members[begin:]
            yield from members[:begin]
