"""Reclaim: what a vanished agent held is orphaned, at once or in slices (spec 2.3, DESIGN 2b.7)."""

from __future__ import annotations

from watchfloor.fleet.messages import (
    AgentDisconnected,
    AgentQuarantined,
    AgentRetired,
    DisconnectAgent,
)
from watchfloor.kernel.messages import Command, Effect, Event, Facts
from watchfloor.kernel.subject import React, Read
from watchfloor.kernel.system import Continued
from watchfloor.registers.delivery import DIRECT_ORPHANS_MAX, Continuation, session_current
from watchfloor.work.messages import OrphanTask

Wishes = list[Command | Effect]


def gone(event: Event, read: Read) -> Wishes:
    held: tuple[int, ...] = read("load", event.subject) or ()
    if len(held) > DIRECT_ORPHANS_MAX:
        return []  # the delivery register began a continuation
    return [OrphanTask(subject=task, agent=event.subject) for task in held]


def continued(event: Event, read: Read) -> Wishes:
    """One slice: the register has already put it into `now`."""
    facts = event.facts
    assert isinstance(facts, Continued)
    work: Continuation | None = read("continuation", facts.name)
    if work is None:
        return []
    if work.kind == "disconnect":
        wishes: Wishes = []
        for agent in work.now:
            state = read("agent", agent)
            # Who is back before its slice comes has a session of this incarnation: that one is not over.
            if state is not None and state.session and not session_current(state, read):
                wishes.append(DisconnectAgent(subject=agent, session=state.session, reason="node_restarted"))
        return wishes
    if work.kind != "orphan":
        return []
    return [OrphanTask(subject=task, agent=work.agent) for task in work.now]


REACTS: tuple[tuple[type[Facts], React], ...] = (
    (AgentDisconnected, gone),
    (AgentQuarantined, gone),
    (AgentRetired, gone),
    (Continued, continued),
)
