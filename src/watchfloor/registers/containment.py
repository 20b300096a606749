"""Breakers, stops and standing approvals in force (spec 3.1 rules 2, 3, 8; 3.3).

Cells: `breakers` by "agent:<integer>" or "tool:<name>", `stops` by "active", `standing_in_force` by (agent, action type),
`bypasses` by "all".
"""

from __future__ import annotations

import msgspec

from watchfloor.actions.bypass_messages import BypassEnded, BypassOpened
from watchfloor.actions.messages import (
    ActionCompleted,
    ActionFailed,
    ActionStarted,
    ActionUnknown,
    BreakerOpened,
    StandingGranted,
    StandingRevoked,
    StopEased,
    StopLifted,
    StopRecorded,
)
from watchfloor.kernel.limits import BYPASSES_MAX
from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Read, Register
from watchfloor.registers.stops import Stop, obeyed

Cells = list[tuple[str, object, object]]
_KEPT = 16


class Breaker(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`failures` newest instants since it was last closed; `open_until` 0 when closed, in the past when half-open.

    Half-open, one probe runs at a time: until `probe_until` (0: none runs) nothing else does.
    """

    failures: tuple[int, ...] = ()
    open_until: int = 0
    probe_until: int = 0


def shut_until(breaker: Breaker | None, at: int) -> int:
    """The instant until which it lets nothing through, 0 where it does."""
    if breaker is None:
        return 0
    return max((end for end in (breaker.open_until, breaker.probe_until) if end > at), default=0)


def half_open(breaker: Breaker | None, at: int) -> bool:
    """Is it to be tried out?"""
    return breaker is not None and 0 < breaker.open_until <= at


class Standing(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`by` is the public id of the person who gave it, empty when it was the system or nobody noted it."""

    subject: int
    expires_at: int
    by: str = ""


def _failed(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, ActionFailed | ActionUnknown)
    if obeyed(facts, read):
        return []
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


def _started(event: Event, read: Read) -> Cells:
    """The first start after the open time is the probe."""
    facts = event.facts
    assert isinstance(facts, ActionStarted)
    cells: Cells = []
    for key in (f"agent:{facts.agent}", f"tool:{facts.tool}"):
        old: Breaker | None = read("breakers", key)
        if old is not None and half_open(old, event.at):
            cells.append(("breakers", key, Breaker(old.failures, old.open_until, facts.until_at)))
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


def _eased(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, StopEased)
    active: tuple[Stop, ...] = read("stops", "active") or ()
    stage = (facts.scope, facts.target)
    return [
        (
            "stops",
            "active",
            tuple(
                msgspec.structs.replace(stop, eased=(*stop.eased, stage))
                if stop.subject == event.subject and stage not in stop.eased
                else stop
                for stop in active
            ),
        )
    ]


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


class Bypass(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`agent` 0: every agent, `action_type` empty: every type; `by` the public id of the person who answers for it."""

    subject: int
    agent: int
    action_type: str
    expires_at: int
    by: str


def _bypassed(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, BypassOpened)
    known: tuple[Bypass, ...] = read("bypasses", "all") or ()
    mine = Bypass(event.subject, facts.agent, facts.action_type, facts.expires_at, event.actor.id)
    rest = tuple(one for one in known if one.expires_at > event.at and one.subject != event.subject)
    return [("bypasses", "all", (*rest[1 - BYPASSES_MAX :], mine))]


def _asked_again(event: Event, read: Read) -> Cells:
    known: tuple[Bypass, ...] = read("bypasses", "all") or ()
    return [("bypasses", "all", tuple(one for one in known if one.subject != event.subject) or None)]


REGISTER = Register(
    name="containment",
    cells={
        "breakers": Breaker,
        "stops": tuple[Stop, ...],
        "standing_in_force": Standing,
        "bypasses": tuple[Bypass, ...],
    },
    folds={
        ActionFailed: _failed,
        ActionUnknown: _failed,
        ActionCompleted: _completed,
        ActionStarted: _started,
        BreakerOpened: _opened,
        StopRecorded: _stopped,
        StopLifted: _lifted,
        StopEased: _eased,
        StandingGranted: _standing,
        BypassOpened: _bypassed,
        BypassEnded: _asked_again,
        StandingRevoked: _revoked,
    },
)
