"""Enrolment tokens: what they let in and what not (spec 2.1)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.transcripts.world import START, World
from tests.unit.fleet.test_rules import registration

from watchfloor.fleet import rules
from watchfloor.fleet.enrolments import Enrolment, check_use
from watchfloor.fleet.messages import AgentRegistered, EnrolmentRevoked, IssueEnrolment, RevokeEnrolment
from watchfloor.fleet.rules import NameEvidence
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.limits import ENROLMENT_DAYS_MAX, ENROLMENT_USES_MAX
from watchfloor.kernel.messages import Actor, Event, Refused

ADA = Actor(kind="person", id="per_ada")


def token(**fields: Any) -> IssueEnrolment:
    usual: dict[str, Any] = {"credential": "ent_a", "expires_at": START + DAY, "owner": "per_bo"}
    return IssueEnrolment(**(usual | fields))


@pytest.fixture
def world() -> World:
    """One token, integer 1, for two workers with python or git."""
    world = World()
    world.perform(token(uses=2, types=("worker",), capabilities=("python", "git")), ADA)
    return world


def state(world: World) -> Enrolment:
    found = world.states["enrolment", 1]
    assert isinstance(found, Enrolment)
    return found


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"uses": 0}, "/uses"),
        ({"uses": ENROLMENT_USES_MAX + 1}, "/uses"),
        ({"expires_at": START}, "/expires_at"),
        ({"expires_at": START + ENROLMENT_DAYS_MAX * DAY + 1}, "/expires_at"),
        ({"owner": ""}, "/owner"),
        ({"types": ("a", "a")}, "/types"),
    ],
)
def test_terms_have_bounds(fields: dict[str, Any], field: str) -> None:
    assert World().refusal(token(**fields), ADA)[1:] == (field, 422)


def test_a_token_is_issued_once_and_revoked_once(world: World) -> None:
    assert world.refusal(token(subject=1), ADA)[0] == "already_issued"
    (event,) = world.perform(RevokeEnrolment(subject=1), ADA)
    assert isinstance(event.facts, EnrolmentRevoked)
    assert world.perform(RevokeEnrolment(subject=1), ADA) == []
    assert World().refusal(RevokeEnrolment(subject=9), ADA)[0] == "unknown_enrolment"


def test_a_token_is_in_memory_until_it_is_revoked(world: World) -> None:
    (subject,) = (entry for entry in rules.SUBJECTS if entry.kind == "enrolment")
    assert subject.live(state(world))
    world.perform(RevokeEnrolment(subject=1))
    assert not subject.live(state(world))


def test_its_agent_belongs_to_the_tokens_owner_whatever_was_said(world: World) -> None:
    evidence = NameEvidence(taken_by=0, enrolment=state(world), enrolment_used=1)
    (event,) = world.perform(registration(enrolment=1, owner="per_eve"), evidence=evidence)
    assert isinstance(event.facts, AgentRegistered)
    assert (event.facts.owner, event.facts.sponsor) == ("per_bo", "per_ada")
    agent = world.states["agent", 2]
    assert (agent.owner, agent.registrar, agent.enrolment) == ("per_bo", "per_ada", 1)


def test_what_it_is_not_for_is_refused(world: World) -> None:
    found = state(world)

    def code(used: int = 0, at: int = START, enrolment: Enrolment | None = found, **fields: Any) -> str:
        with pytest.raises(Refused) as refused:
            check_use(enrolment, used, registration(**fields), at)
        return refused.value.code

    assert code(enrolment=None) == "unknown_enrolment"
    assert code(used=2) == "enrolment_used_up"
    assert code(at=START + DAY) == "enrolment_over"
    assert code(type="planner") == "not_enrolled_for"
    assert code(capabilities=("python", "cobol")) == "not_enrolled_for"
    world.perform(RevokeEnrolment(subject=1))
    assert code(enrolment=state(world)) == "enrolment_over"
    open_to_all = World()
    open_to_all.perform(token(), ADA)
    assert check_use(state(open_to_all), 0, registration(type="planner"), START).uses == 1


def test_uses_are_counted_once_each() -> None:
    from watchfloor.registers.enrolments import REGISTER, EnrolmentUse

    cells: dict[Any, Any] = {}
    world = World()
    world.perform(token(uses=2), ADA)
    evidence = NameEvidence(taken_by=0, enrolment=state(world))

    def see(event: Event) -> None:
        for name, key, value in REGISTER.folds[AgentRegistered](event, lambda n, k: cells.get((n, k))):
            cells[name, key] = value

    for name in ("one", "two"):
        (event,) = world.perform(registration(name=name, enrolment=1), evidence=evidence)
        see(event)
        see(event)
    (plain,) = world.perform(registration(name="three"), evidence=NameEvidence(taken_by=0))
    see(plain)
    assert cells == {("enrolment_use", 1): EnrolmentUse(2, 3)}
