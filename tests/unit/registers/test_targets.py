"""Where each agent has been: a bounded register of coarse zones (spec 3.1 rule 9)."""

from __future__ import annotations

import msgspec
from tests.unit.registers.board import Board, decided

from watchfloor.actions.life import ActionState
from watchfloor.actions.messages import ActionDecided, ActionGranted, Derived, Grant
from watchfloor.registers.targets import REGISTER, ZONES_MAX


def ruling(verdict: str, *zones: int) -> ActionDecided:
    return msgspec.structs.replace(decided(verdict), derived=Derived("read", zones=zones))


def test_what_was_permitted_was_touched_and_what_was_refused_was_not() -> None:
    shown = Board(REGISTER)
    shown.show(ruling("permitted", 5, 6))
    shown.show(ruling("denied", 7))
    shown.show(ruling("pending", 8))
    shown.show(ruling("permitted", 6))
    shown.show(ruling("permitted"))
    assert shown.read("touched", 1) == (5, 6)


def test_people_who_say_yes_make_a_place_known() -> None:
    shown = Board(REGISTER)
    event = shown.show(ruling("pending", 8))
    state = ActionState(
        seq=1,
        status="granted",
        agent=1,
        action_type="file.read",
        tool="",
        task=0,
        cls="read",
        digest="",
        level=2,
        risk=1,
        urgency="normal",
        reserved_micro=0,
        nonce=1,
        zones=(8,),
    )
    shown.cells["action", event.subject] = state
    granted = ActionGranted(agent=1, decision=2, grant=Grant(basis="approved", execution_ms=1, expires_at=1))
    shown.show(granted, subject=event.subject)
    assert shown.read("touched", 1) == (8,)
    shown.cells["action", event.subject] = msgspec.structs.replace(state, zones=())
    shown.show(granted, subject=event.subject)
    assert shown.read("touched", 1) == (8,)


def test_the_oldest_places_are_forgotten() -> None:
    shown = Board(REGISTER)
    for zone in range(200):
        shown.show(ruling("permitted", zone))
    assert shown.read("touched", 1) == tuple(range(200 - ZONES_MAX, 200))
