"""Bypasses: for hours, by a person with a reason, never of what the platform does (spec 3.2 *Inbox*)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.transcripts.world import START, World

from watchfloor.actions.bypass_messages import BypassEnded, BypassOpened, EndBypass, OpenBypass
from watchfloor.kernel.instants import HOUR
from watchfloor.kernel.limits import BYPASSES_MAX
from watchfloor.kernel.messages import SYSTEM, Actor, Facts
from watchfloor.registers.containment import REGISTER, Bypass

DAN = Actor(kind="person", id="per_dan")


def command(**said: Any) -> OpenBypass:
    usual: dict[str, Any] = {
        "agent": 7,
        "type": "File.Write",
        "expires_at": START + HOUR,
        "reason": "migration night",
    }
    return OpenBypass(**(usual | said))


def test_it_is_opened_once_and_taken_back_once() -> None:
    world = World()
    (event,) = world.perform(command(), DAN)
    assert isinstance(event.facts, BypassOpened)
    assert (event.facts.action_type, event.facts.agent) == ("file.write", 7)
    assert world.perform(command(subject=1), DAN) == []
    (ended,) = world.perform(EndBypass(subject=1), DAN)
    assert ended.facts == BypassEnded()
    assert world.perform(EndBypass(subject=1), DAN) == []
    assert World().refusal(EndBypass(subject=5), DAN) == ("unknown_bypass", "", 404)


@pytest.mark.parametrize(
    ("said", "actor", "code"),
    [
        ({}, SYSTEM, "not_your_vote"),
        ({"reason": " "}, DAN, "reason_missing"),
        ({"agent": -1}, DAN, "out_of_range"),
        ({"type": " x"}, DAN, "invalid_name"),
        ({"type": "Policy.Apply"}, DAN, "reserved_type"),
        ({"expires_at": START}, DAN, "out_of_range"),
        ({"expires_at": START + 13 * HOUR}, DAN, "out_of_range"),
    ],
)
def test_what_is_no_bypass_is_refused(said: dict[str, Any], actor: Actor, code: str) -> None:
    assert World().refusal(command(**said), actor)[0] == code


def test_only_so_many_are_in_force_and_those_that_ended_are_forgotten() -> None:
    world, cells = World(), dict[tuple[str, Any], Any]()
    fold: dict[type[Facts], Any] = dict(REGISTER.folds)

    def see(*commands: Any) -> tuple[Bypass, ...]:
        for one in commands:
            for event in world.perform(one, DAN):
                for name, key, value in fold[type(event.facts)](event, lambda n, k: cells.get((n, k))):
                    cells[name, key] = value
        return cells.get(("bypasses", "all")) or ()

    see(command(expires_at=START + 1))
    world.at += 2
    assert [one.subject for one in see(command(type="", agent=0))] == [2]
    assert len(see(*(command() for _ in range(BYPASSES_MAX + 3)))) == BYPASSES_MAX
    assert 5 + BYPASSES_MAX not in [one.subject for one in see(EndBypass(subject=5 + BYPASSES_MAX))]
