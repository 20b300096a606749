"""Succession: a supervising agent that is gone is doubted, its domain passes on, and its open work goes with it (spec 2.3).

What it held passes to the new holder in slices (a continuation, see `registers/delivery`), each task with a new
generation; what the new holder has no room for, or may not have, takes the ordinary way of a reclaim.
"""

from __future__ import annotations

from watchfloor.fleet.messages import (
    AgentConnected,
    AgentDegraded,
    AgentDisconnected,
    AgentQuarantined,
    AgentRecovered,
    AgentReleased,
    AgentRetired,
)
from watchfloor.fleet.supervision import (
    DEGRADED,
    OFFLINE,
    OVERLOADED,
    PEOPLE,
    QUARANTINED,
    RETIRED,
)
from watchfloor.fleet.supervision_messages import (
    ConfirmSupervisor,
    DoubtSupervisor,
    PassSupervision,
    SupervisionPassed,
)
from watchfloor.kernel.limits import CONTINUATION_SLICE
from watchfloor.kernel.messages import Command, Effect, Event, Facts
from watchfloor.kernel.subject import React, Read
from watchfloor.kernel.system import Continued
from watchfloor.registers.delivery import DIRECT_ORPHANS_MAX, Continuation
from watchfloor.registers.supervision import domains_of
from watchfloor.work.life import ASSIGNED
from watchfloor.work.messages import HandOverTask, TaskAssigned

Wishes = list[Command | Effect]


def gone(event: Event, read: Read) -> Wishes:
    """Perhaps only for a moment: its domains wait for it as long as they are patient."""
    reason = DEGRADED if isinstance(event.facts, AgentDegraded) else OFFLINE
    return [
        DoubtSupervisor(subject=domain, agent=event.subject, reason=reason)
        for domain, state in domains_of(event.subject, read)
        if state.holder == event.subject
    ]


def contained(event: Event, read: Read) -> Wishes:
    """At once."""
    reason = RETIRED if isinstance(event.facts, AgentRetired) else QUARANTINED
    return [
        PassSupervision(subject=domain, agent_before=event.subject, reason=reason)
        for domain, state in domains_of(event.subject, read)
        if state.holder == event.subject
    ]


def back(event: Event, read: Read) -> Wishes:
    """No longer doubted; and what people had to take over for want of an agent is its again."""
    return [
        ConfirmSupervisor(subject=domain, agent=event.subject)
        for domain, state in domains_of(event.subject, read)
        if state.holder in (event.subject, PEOPLE)
    ]


def assigned(event: Event, read: Read) -> Wishes:
    """More open work than its domain allows."""
    facts = event.facts
    assert isinstance(facts, TaskAssigned)
    if read("supervises", facts.agent) is None:
        return []
    held = len(read("load", facts.agent) or ())
    return [
        PassSupervision(subject=domain, agent_before=facts.agent, reason=OVERLOADED)
        for domain, state in domains_of(facts.agent, read)
        if state.holder == facts.agent and 0 < state.tasks_max < held
    ]


def passed(event: Event, read: Read) -> Wishes:
    """Its open work goes with it; of one that is only overloaded, what it has not begun."""
    facts = event.facts
    assert isinstance(facts, SupervisionPassed)
    held: tuple[int, ...] = read("load", facts.agent_before) or ()
    if not facts.agent or not facts.agent_before:
        return []  # to people: its tasks wait for it, then go back to the queue
    if facts.reason == OVERLOADED:
        held = tuple(task for task in held if read("task", task).stage == ASSIGNED)[:CONTINUATION_SLICE]
    elif len(held) > DIRECT_ORPHANS_MAX:
        return []  # the delivery register began a continuation
    return _hand_over(held, facts.agent_before, facts.agent)


def continued(event: Event, read: Read) -> Wishes:
    """A slice of much work."""
    facts = event.facts
    assert isinstance(facts, Continued)
    work: Continuation | None = read("continuation", facts.name)
    if work is None or work.kind != "hand_over":
        return []
    return _hand_over(work.now, work.agent, work.to)


def _hand_over(tasks: tuple[int, ...], before: int, to: int) -> Wishes:
    return [HandOverTask(subject=task, agent_before=before, agent=to) for task in tasks]


REACTS: tuple[tuple[type[Facts], React], ...] = (
    (AgentDisconnected, gone),
    (AgentDegraded, gone),
    (AgentQuarantined, contained),
    (AgentRetired, contained),
    (AgentConnected, back),
    (AgentRecovered, back),
    (AgentReleased, back),
    (TaskAssigned, assigned),
    (SupervisionPassed, passed),
    (Continued, continued),
)
