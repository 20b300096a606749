"""Who has opened a decision: once each, while it waits (spec 3.2 *Inbox*)."""

from __future__ import annotations

import msgspec
import pytest
from tests.transcripts.world import World
from tests.unit.councils.test_rules import decision, opened, person, votes

from watchfloor.councils import messages as m
from watchfloor.councils.rules import SUBJECTS
from watchfloor.kernel.limits import SEEN_MAX
from watchfloor.kernel.messages import Facts, Refused


def looks(world: World, name: str, actor: str = "") -> list[Facts]:
    """What somebody's look leads to."""
    command = m.NoteSeen(subject=1, person=name)
    return [event.facts for event in world.perform(command, person(actor or name))]


def test_the_first_look_of_each_person_is_recorded_and_gives_no_say() -> None:
    world = opened()
    assert looks(world, "per_sue") == [m.DecisionSeen(person="per_sue")]
    assert looks(world, "per_sue") == []
    assert looks(world, "per_olaf") == [m.DecisionSeen(person="per_olaf")], "an owner may look"
    assert decision(world).seen == ("per_sue", "per_olaf")
    assert (decision(world).status, decision(world).votes) == ("pending", ())
    votes(world, "per_sue")
    assert looks(world, "per_dee") == [], "it is over: nothing is reviewed any more"


def test_nobody_looks_in_anothers_name() -> None:
    with pytest.raises(Refused) as refused:
        looks(opened(), "per_sue", "per_eve")
    assert refused.value.code == "not_your_vote"


def test_looks_beyond_the_bound_are_not_kept_and_the_same_event_twice_adds_nobody() -> None:
    world = opened()
    for number in range(SEEN_MAX):
        looks(world, f"per_{number}")
    assert looks(world, "per_late") == []
    event = world.events[-1]
    again = msgspec.structs.replace(event, seq=event.seq + 1)
    assert SUBJECTS[0].evolve[m.DecisionSeen](decision(world), again).seen == decision(world).seen
