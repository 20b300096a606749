"""Breakers, stops and standing approvals in force (spec 3.1 rules 2, 3, 8; 3.3).

Cells: `breakers` by "agent:<integer>" or "tool:<name>", `stops` by "active", `standing_in_force` by (agent, action type).
"""

from __future__ import annotations

import msgspec

from watchfloor.actions.messages import (
    ActionCompleted,
    ActionFailed,
    ActionUnknown,
    BreakerOpened,
    StandingGranted,
    StandingRevoked,
    StopLifted,
    StopRecorded,
)
from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Read, Register

Cells = list[tuple[str, object, object]]
_KEPT = 16


class Breaker(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`failures` newest instants since it was last closed; `open_until` 0 when closed, in the past when half-open."""

    failures: tuple[int, ...] = ()
    open_until: int = 0


class Stop(msgspec.Struct, frozen=True, array_like=True, gc=False):
    subject: int
    scope: str
    target: str
    journal: str


class Standing(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`by` is the public id of the person who gave it, empty when it was the system or nobody noted it."""

    subject: int
    expires_at: int
    by: str = ""


def _failed(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, ActionFailed | ActionUnknown)
    keys = [f"agent:{facts.agent}"] + ([f"tool:{facts.tool}"] if facts.tool else [])
    cells: Cells = []
    for key in keys:
        old: Breaker = read("breakers", key) or Breaker()
        cells.append(("breakers", key, Breaker((*old.failures[1 - _KEPT :], event.at), old.open_until)))
    return cells


def _completed(event: Event, read: Read) -> Cells:
    """A success after the open time is the probe that closes the breaker; before it, it changes nothing."""
    facts = event.facts
    assert isinstance(facts, ActionCompleted)
    cells: Cells = []
    for key in (f"agent:{facts.agent}", f"tool:{facts.tool}"):
        old: Breaker | None = read("breakers", key)
        if old is not None and old.open_until and event.at >= old.open_until:
            cells.append(("breakers", key, None))
    return cells


def _opened(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, BreakerOpened)
    key = f"{facts.scope}:{facts.target}"
    old: Breaker = read("breakers", key) or Breaker()
    return [("breakers", key, Breaker(old.failures, facts.until_at))]


def _stopped(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, StopRecorded)
    active: tuple[Stop, ...] = read("stops", "active") or ()
    if any(stop.subject == event.subject for stop in active):
        return []
    return [("stops", "active", (*active, Stop(event.subject, facts.scope, facts.target, facts.journal)))]


def _lifted(event: Event, read: Read) -> Cells:
    active: tuple[Stop, ...] = read("stops", "active") or ()
    return [("stops", "active", tuple(stop for stop in active if stop.subject != event.subject))]


def _standing(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, StandingGranted)
    return [
        (
            "standing_in_force",
            (facts.agent, facts.action_type),
            Standing(event.subject, facts.expires_at, event.actor.id if event.actor.kind == "person" else ""),
        )
    ]


def _revoked(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, StandingRevoked)
    key = (facts.agent, facts.action_type)
    old: Standing | None = read("standing_in_force", key)
    return [("standing_in_force", key, None)] if old is not None and old.subject == event.subject else []


def stops_for(
    active: tuple[Stop, ...] | None, *, agent: str, agent_type: str, action_type: str, tool: str
) -> tuple[int, ...]:
    """Subjects of the stops that hit this request. `agent` is the public id."""
    if not active:
        return ()
    targets = {
        "organisation": "",
        "agent": agent,
        "agent_type": agent_type,
        "action_type": action_type,
        "tool": tool,
    }
    return tuple(
        stop.subject
        for stop in active
        if stop.scope == "organisation" or (stop.target and targets.get(stop.scope) == stop.target)
    )


REGISTER = Register(
    name="containment",
    cells={"breakers": Breaker, "stops": tuple[Stop, ...], "standing_in_force": Standing},
    folds={
        ActionFailed: _failed,
        ActionUnknown: _failed,
        ActionCompleted: _completed,
        BreakerOpened: _opened,
        StopRecorded: _stopped,
        StopLifted: _lifted,
        StandingGranted: _standing,
        StandingRevoked: _revoked,
    },
)
