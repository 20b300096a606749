"""Break-glass: who may force, what it takes, what must follow (spec 3.2)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.transcripts.world import START, World
from tests.unit.councils.test_rules import DEADLINE, decision, opened, person, votes

from watchfloor.councils import messages as m
from watchfloor.councils.forcing import ForceEvidence
from watchfloor.councils.messages import DecisionTimePassed, ForceDecision, ReviewForced
from watchfloor.councils.rules import SUBJECTS
from watchfloor.kernel.instants import DAY, MINUTE
from watchfloor.kernel.messages import SYSTEM, Actor, Facts, Refused


def forces(world: World, name: str, *roles: str, actor: Actor | None = None, **said: Any) -> list[Facts]:
    """What somebody's forcing leads to; a director unless said otherwise."""
    fields = {"digest": "9f2c", "reason": "the site is down"}
    fields |= {key: said.pop(key) for key in list(said) if key in fields}
    evidence = ForceEvidence(roles=roles or ("director",), **{"enabled": True, **said})
    command = ForceDecision(subject=1, person=name, **fields)
    return [event.facts for event in world.perform(command, actor or person(name), evidence)]


def reviews(world: World, name: str, verdict: str = "justified", *roles: str, **said: Any) -> list[Facts]:
    """What somebody's review leads to; a supervisor unless said otherwise."""
    evidence = ForceEvidence(roles=roles or ("supervisor",), **{"enabled": True, **said})
    command = ReviewForced(subject=1, person=name, verdict=verdict)
    return [event.facts for event in world.perform(command, person(name), evidence)]


@pytest.mark.parametrize("role", ["director", "admin"])
@pytest.mark.parametrize("level", [2, 3])
def test_one_director_or_admin_forces_up_to_level_3_and_all_are_told_at_once(role: str, level: int) -> None:
    world = opened(level=level)
    forced, alert = forces(world, "per_dee", role)
    assert isinstance(forced, m.DecisionForced)
    assert isinstance(alert, m.DecisionAlerted)
    assert (forced.by, forced.grant_ms, forced.review_by_at) == (("per_dee",), 300_000, START + DAY)
    assert (alert.alert, alert.tell) == ("forced", ("role:director", "role:admin"))
    assert decision(world).status == "approved"


def test_a_forced_grant_never_lives_longer_than_another() -> None:
    forced, _ = forces(opened(grant_ms=60_000), "per_dee")
    assert isinstance(forced, m.DecisionForced)
    assert forced.grant_ms == 60_000


def test_level_4_takes_two_who_may_still() -> None:
    world = opened(level=4)
    assert forces(world, "per_dee") == [
        m.DecisionForceAsked(action=41, agent=7, person="per_dee", reason="the site is down")
    ]
    with pytest.raises(Refused, match="second person"):
        forces(world, "per_dee", able=("per_dee",))
    # The first one has lost the role since: the second becomes the first.
    assert isinstance(forces(world, "per_dan")[0], m.DecisionForceAsked)
    (forced, _) = forces(world, "per_ada", able=("per_dan",))
    assert isinstance(forced, m.DecisionForced)
    assert forced.by == ("per_dan", "per_ada")


@pytest.mark.parametrize(
    ("name", "roles", "said", "reason"),
    [
        ("per_dee", ("director",), {"enabled": False}, "person_disabled"),
        ("per_olaf", ("director",), {}, "own_agent"),
        ("per_rita", ("director",), {}, "party_to_it"),
        ("per_sue", ("supervisor",), {}, "role_missing"),
        ("per_dee", ("director",), {"loosened": True}, "loosened_it"),
    ],
)
def test_who_may_not_force_it_is_recorded_once(
    name: str, roles: tuple[str, ...], said: dict[str, Any], reason: str
) -> None:
    world = opened(parties=("per_rita",))
    assert forces(world, name, *roles, **said) == [m.VoteRefused(person=name, reason=reason)]
    with pytest.raises(Refused) as refused:
        forces(world, name, *roles, **said)
    assert refused.value.code == reason
    assert decision(world).status == "pending"


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ({"reason": "  "}, "reason_missing"),
        ({"digest": "ffff"}, "digest_mismatch"),
        ({"actor": SYSTEM}, "not_your_vote"),
        ({"actor": Actor(kind="person", id="per_eve")}, "not_your_vote"),
    ],
)
def test_forcing_that_makes_no_sense_is_refused(said: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as refused:
        forces(opened(), "per_dee", **said)
    assert refused.value.code == code


def test_what_is_over_is_not_forced() -> None:
    world = opened()
    votes(world, "per_sue", "deny")
    with pytest.raises(Refused, match="waits for people"):
        forces(world, "per_dee")
    world = opened()
    world.at = DEADLINE
    with pytest.raises(Refused, match="waits for people"):
        forces(world, "per_dee")


def test_another_person_reviews_it_and_then_nobody_is_told_again() -> None:
    world = opened(parties=("per_rita",))
    with pytest.raises(Refused, match="nobody forced"):
        reviews(world, "per_sue")
    forces(world, "per_dee")
    for name, code in (
        ("per_dee", "needs_another_person"),
        ("per_olaf", "own_agent"),
        ("per_rita", "party_to_it"),
    ):
        with pytest.raises(Refused) as refused:
            reviews(world, name)
        assert refused.value.code == code
    with pytest.raises(Refused, match="one of justified"):
        reviews(world, "per_sue", "fine")
    said = m.DecisionReviewed(action=41, agent=7, late=False, person="per_sue", verdict="unjustified")
    assert reviews(world, "per_sue", "unjustified") == [said]
    with pytest.raises(Refused, match="already"):
        reviews(world, "per_sam")
    assert world.ring(START + 2 * DAY) == []


def test_a_review_that_nobody_gives_is_told_once_and_still_asked_for() -> None:
    world = opened()
    forces(world, "per_dee")
    assert world.perform(DecisionTimePassed(subject=1)) == []
    told = [event.facts for event in world.ring(START + 3 * DAY)]
    assert told == [
        m.DecisionAlerted(action=41, agent=7, alert="review_overdue", tell=("role:director", "role:admin"))
    ]
    (late,) = reviews(world, "per_sue")
    assert isinstance(late, m.DecisionReviewed)
    assert late.late


def test_events_of_forcing_that_come_out_of_order_change_nothing() -> None:
    world = opened()
    votes(world, "per_sue", "deny")
    before = decision(world)
    world.at += MINUTE
    for facts in (
        m.DecisionForceAsked(action=41, agent=7, person="per_dee", reason=""),
        m.DecisionForced(
            action=41,
            agent=7,
            by=("per_dee",),
            digest="9f2c",
            execution_ms=1,
            grant_ms=1,
            level=3,
            reason="",
            review_by_at=9,
            tell=(),
        ),
        m.DecisionAlerted(action=41, agent=7, alert="forced", tell=()),
        m.DecisionReviewed(action=41, agent=7, late=False, person="per_sue", verdict="justified"),
    ):
        event = world.events[-1]
        changed = SUBJECTS[0].evolve[type(facts)](
            before, msgspec.structs.replace(event, seq=event.seq + 1, facts=facts, type=facts.TYPE)
        )
        assert msgspec.structs.replace(changed, seq=before.seq) == before
