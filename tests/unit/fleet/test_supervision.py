"""Who holds a domain, and when it passes on: every branch of its rules (spec 2.3)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.transcripts.world import World

from watchfloor.fleet.supervision import SupervisionEvidence
from watchfloor.fleet.supervision_messages import (
    ArrangeSupervision,
    ConfirmSupervisor,
    DoubtSupervisor,
    EndSupervision,
    PassSupervision,
    SupervisionTimePassed,
)
from watchfloor.kernel.messages import Facts

ALL = SupervisionEvidence(fit=(7, 8), present=(7, 8), known=(9,))


def arrangement(**changes: Any) -> ArrangeSupervision:
    usual: dict[str, Any] = {"domain": "night", "primary": 7, "backups": (8,), "members": (9,)}
    return ArrangeSupervision(**(usual | changes))


def night(evidence: SupervisionEvidence = ALL) -> World:
    world = World()
    world.perform(arrangement(), evidence=evidence)
    return world


def holder(world: World) -> tuple[int, int]:
    state = world.states["supervision", 1]
    return state.holder, state.generation


def said(world: World, command: Any, present: tuple[int, ...] = ()) -> list[Facts]:
    evidence = SupervisionEvidence(fit=(7, 8), present=present, known=(9,))
    return [event.facts for event in world.perform(command, evidence=evidence)]


def test_the_first_that_is_there_holds_it_and_who_holds_it_keeps_it_when_it_is_arranged_anew() -> None:
    assert holder(night()) == (7, 1)
    assert holder(night(SupervisionEvidence(fit=(7, 8), present=(8,), known=(9,)))) == (8, 1)
    assert holder(night(SupervisionEvidence(fit=(7, 8), known=(9,)))) == (0, 1)
    world = night(SupervisionEvidence(fit=(7, 8), present=(8,), known=(9,)))
    said(world, DoubtSupervisor(subject=1, agent=8, reason="offline"))
    world.perform(
        arrangement(subject=1), evidence=SupervisionEvidence(fit=(7, 8), present=(7,), known=(9,), taken_by=1)
    )
    assert holder(world) == (8, 2)
    assert world.states["supervision", 1].until_at  # still doubted
    only_first = arrangement(subject=1, backups=())
    world.perform(only_first, evidence=SupervisionEvidence(fit=(7,), present=(7,), known=(9,)))
    assert holder(world) == (7, 3)
    assert not world.states["supervision", 1].until_at


@pytest.mark.parametrize(
    ("code", "changes", "gathered"),
    [
        ("domain_taken", {}, {"taken_by": 3}),
        ("repeated", {"members": (7,)}, {}),
        ("repeated", {"backups": (7,)}, {}),
        ("not_orchestrator", {}, {"fit": (7,)}),
        ("unknown_agent", {}, {"known": ()}),
        ("out_of_range", {"members": ()}, {}),
        ("out_of_range", {"patience_ms": 10_001}, {}),
        ("out_of_range", {"backups": tuple(range(10, 19))}, {}),
        ("invalid_name", {"domain": ""}, {}),
    ],
)
def test_what_is_no_arrangement_is_refused(
    code: str, changes: dict[str, Any], gathered: dict[str, Any]
) -> None:
    evidence = SupervisionEvidence(**({"fit": (7, 8), "present": (7, 8), "known": (9,)} | gathered))
    assert World().refusal(arrangement(**changes), evidence=evidence)[0] == code


def test_only_the_holder_is_doubted_and_once_and_confirmed_only_when_doubted() -> None:
    world = night()
    assert said(world, DoubtSupervisor(subject=1, agent=8, reason="offline")) == []
    assert len(said(world, DoubtSupervisor(subject=1, agent=7, reason="offline"))) == 1
    assert said(world, DoubtSupervisor(subject=1, agent=7, reason="offline")) == []
    assert len(said(world, ConfirmSupervisor(subject=1, agent=7), (7,))) == 1
    assert said(world, ConfirmSupervisor(subject=1, agent=7), (7,)) == []
    assert said(world, ConfirmSupervisor(subject=1, agent=8), (8,)) == []


def test_when_patience_ends_who_is_back_is_confirmed_and_nobody_means_people() -> None:
    for present, expected in (((7, 8), (7, 1)), ((8,), (8, 2)), ((), (0, 2))):
        world = night()
        said(world, DoubtSupervisor(subject=1, agent=7, reason="offline"))
        assert said(world, SupervisionTimePassed(subject=1), present) == []  # not yet
        world.at += 6_000_000
        said(world, SupervisionTimePassed(subject=1), present)
        assert holder(world) == expected
        assert said(world, SupervisionTimePassed(subject=1), present) == []


def test_people_pass_it_to_one_of_its_agents_that_is_there() -> None:
    world = night()
    wrong = PassSupervision(subject=1, agent=9, reason="x")
    assert world.refusal(wrong, evidence=ALL)[0] == "no_backup"
    away = PassSupervision(subject=1, agent=8, reason="x")
    assert world.refusal(away, evidence=SupervisionEvidence(present=(7,)))[0] == "agent_unavailable"
    assert said(world, PassSupervision(subject=1, agent=7, reason="x"), (7, 8)) == []
    said(world, PassSupervision(subject=1, agent=8, reason="x"), (7, 8))
    assert holder(world) == (8, 2)
    assert said(world, PassSupervision(subject=1, agent_before=7, reason="late"), (7, 8)) == []


def test_from_people_it_goes_to_the_first_that_appears_and_nobody_twice() -> None:
    world = night(SupervisionEvidence(fit=(7, 8), known=(9,)))
    assert said(world, PassSupervision(subject=1, reason="x")) == []
    assert said(world, ConfirmSupervisor(subject=1, agent=8)) == []
    said(world, ConfirmSupervisor(subject=1, agent=8), (8,))
    assert holder(world) == (8, 2)


def test_what_has_ended_is_nobodys_for_ever() -> None:
    world = night()
    assert len(said(world, EndSupervision(subject=1, reason="over"))) == 1
    assert said(world, EndSupervision(subject=1)) == []
    for command in (
        DoubtSupervisor(subject=1, agent=7, reason="offline"),
        ConfirmSupervisor(subject=1, agent=7),
        SupervisionTimePassed(subject=1),
    ):
        assert said(world, command, (7,)) == []
    assert world.refusal(PassSupervision(subject=1, reason="x"), evidence=ALL)[0] == "supervision_ended"
    assert world.refusal(arrangement(subject=1), evidence=ALL)[0] == "supervision_ended"
    assert World().refusal(PassSupervision(subject=5, reason="x"), evidence=ALL)[0] == "unknown_supervision"
