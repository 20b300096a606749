"""Shadow policies: kept by name, a few, replaced and removed; the event twice changes nothing (spec 3.1)."""

from __future__ import annotations

import pytest
from tests.transcripts.world import World

from watchfloor.kernel.terms import AutoTerms, Policy
from watchfloor.policy.messages import ApplyPolicy
from watchfloor.policy.rules import POLICY, PolicyState
from watchfloor.policy.shadow_messages import RemoveShadow, SetShadow
from watchfloor.policy.shadows import SHADOWS_MAX, find

OTHER = Policy(auto=AutoTerms(score_min=500))


@pytest.fixture
def world() -> World:
    made = World()
    made.perform(ApplyPolicy(document=Policy()))
    return made


def state(world: World) -> PolicyState:
    found = world.states["policy", 1]
    assert isinstance(found, PolicyState)
    return found


def keep(world: World, name: str, document: Policy = OTHER) -> int:
    return len(world.perform(SetShadow(subject=1, name=name, document=document, reason="r")))


def test_a_shadow_is_kept_with_the_seq_it_begins_at_and_the_policy_stays(world: World) -> None:
    assert keep(world, "one") == 1
    shadow = find(state(world).shadows, "one")
    assert shadow is not None
    assert (shadow.number, shadow.document, shadow.since) == (1, OTHER, state(world).seq)
    assert (state(world).version, state(world).document) == (1, Policy())
    assert keep(world, "one") == 0, "the same again is no news"


def test_another_document_takes_the_place_of_the_first_and_begins_anew(world: World) -> None:
    keep(world, "one")
    since = state(world).shadows[0].since
    assert keep(world, "one", Policy(name="third")) == 1
    (shadow,) = state(world).shadows
    assert (shadow.number, shadow.document.name) == (2, "third")
    assert shadow.since > since


def test_a_few_are_kept_and_no_more(world: World) -> None:
    for number in range(SHADOWS_MAX):
        keep(world, f"s{number}")
    more = SetShadow(subject=1, name="more", document=OTHER)
    assert world.refusal(more)[0] == "too_many_shadows"
    world.perform(RemoveShadow(subject=1, name="s0"))
    assert keep(world, "more") == 1
    assert [one.name for one in state(world).shadows] == ["s1", "s2", "s3", "more"]


def test_a_new_policy_in_force_leaves_them(world: World) -> None:
    keep(world, "one")
    event = world.events[0]
    folded = POLICY.evolve[type(event.facts)](state(world), event)
    assert folded.shadows == state(world).shadows


@pytest.mark.parametrize(
    ("command", "refusal"),
    [
        (SetShadow(subject=1, name="No", document=OTHER), ("invalid_name", "/name", 422)),
        (SetShadow(subject=1, name="x", document=Policy(grant_ms=0)), ("invalid_policy", "/document/grant_ms", 422)),
        (SetShadow(subject=1, name="x", document=OTHER, reason="r" * 2000), ("too_long", "/reason", 422)),
        (RemoveShadow(subject=1, name="x"), ("unknown_shadow", "", 404)),
    ],
)  # fmt: skip
def test_nonsense_is_refused(
    world: World, command: SetShadow | RemoveShadow, refusal: tuple[str, str, int]
) -> None:
    assert world.refusal(command) == refusal
