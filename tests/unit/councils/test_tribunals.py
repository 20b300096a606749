"""Tribunals: who counts, what they come to, and that they rule once (spec 3.2 *Tribunal*, fault F8)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.transcripts.world import START, SUBJECTS, World
from tests.unit.councils.test_rules import decision, denied, opened, votes

from watchfloor.councils import consensus
from watchfloor.councils import messages as m
from watchfloor.councils import tribunal_messages as t
from watchfloor.councils.consensus import Judgement, count
from watchfloor.councils.rules import SettlingEvidence
from watchfloor.councils.tribunals import ConveningEvidence, Tribunal, ValidatorEvidence, may_settle
from watchfloor.kernel.instants import MINUTE
from watchfloor.kernel.messages import SYSTEM, Actor, Event, Facts, Refused
from watchfloor.kernel.tribunal_terms import TribunalTerms

MEMBERS = (
    t.Validator(11, "per_ann", 800),
    t.Validator(12, "per_ben", 600),
    t.Validator(13, "per_cid", 1_000),
)
TERMS = TribunalTerms(level_min=2, decides="unanimous")
AGENT = Actor(kind="agent", id="agt_11")
END = START + MINUTE


def convened(level: int = 2, members: tuple[t.Validator, ...] = MEMBERS, **terms: Any) -> World:
    """A decision with its tribunal, which has the same integer."""
    world = opened(level=level)
    said = msgspec.structs.replace(TERMS, **terms)
    evidence = ConveningEvidence(decision=decision(world), members=members, terms=said)
    world.perform(t.ConveneTribunal(subject=1), evidence=evidence)
    return world


def says(
    world: World, agent: int, vote: str = "approve", confidence: int = 900, score: int = 800, **how: Any
) -> list[Facts]:
    """What a validator's vote leads to."""
    evidence = ValidatorEvidence(score=score, able=how.pop("able", True))
    command = t.VoteInTribunal(subject=1, agent=agent, vote=vote, confidence_milli=confidence)
    return [event.facts for event in world.perform(command, how.pop("actor", AGENT), evidence)]


def tribunal(world: World) -> Tribunal:
    state = world.states["tribunal", 1]
    assert isinstance(state, Tribunal)
    return state


def settles(world: World, recommendation: str = "approve", **seen: Any) -> list[Facts]:
    evidence = SettlingEvidence(**{"may": True, **seen})
    command = m.SettleByTribunal(subject=1, recommendation=recommendation)
    return [event.facts for event in world.perform(command, evidence=evidence)]


@pytest.mark.parametrize(
    ("said", "comes_to"),
    [
        ("a900 a900 a900", ("unanimous", "approve")),
        ("d900 d900", ("unanimous", "deny")),
        ("a900 a900 a10", ("unanimous", "approve")),
        ("a900 a900 d10", ("majority", "approve")),
        ("a900 a900 d900", ("split", "")),
        ("a900 a900 d400", ("majority", "approve")),
        ("d900 d900 a300", ("majority", "deny")),
        ("a900 d900", ("split", "")),
        ("a10", ("no_quorum", "")),
        ("a1000", ("no_quorum", "")),
        ("a10 a10 a10", ("no_quorum", "")),
        ("a900 a299", ("no_quorum", "")),
        ("a900 n900 n900", ("no_quorum", "")),
        ("", ("no_quorum", "")),
    ],
)
def test_votes_come_to_what_their_weights_say_and_too_few_to_nothing(
    said: str, comes_to: tuple[str, str]
) -> None:
    names = {"a": "approve", "d": "deny", "n": "abstain"}
    judgements = [
        Judgement(number, names[one[0]], int(one[1:]), consensus.weigh(800, int(one[1:])))
        for number, one in enumerate(said.split())
    ]
    found = count(judgements, 2, 300, 667)
    assert (found.consensus, found.recommendation) == comes_to


def test_validators_without_any_trust_have_no_quorum_however_sure_they_are() -> None:
    said = [Judgement(number, "approve", 1_000, consensus.weigh(0, 1_000)) for number in range(3)]
    assert count(said, 2, 300, 667).consensus == "no_quorum"


def test_the_last_members_vote_brings_the_ruling_and_a_later_one_changes_nothing() -> None:
    world = convened()
    assert says(world, 11) == [
        t.TribunalVoted(agent=11, confidence_milli=900, late=False, score=800, vote="approve", weight=720)
    ]
    says(world, 12, score=500)
    voted, ruled = says(world, 13, "abstain", 100)
    assert isinstance(voted, t.TribunalVoted)
    assert ruled == t.TribunalRuled(
        action=41,
        against=0,
        agent=7,
        complete=True,
        consensus="unanimous",
        recommendation="approve",
        weight=1_170,
    )
    assert world.perform(t.TribunalTimePassed(subject=1)) == []
    assert world.perform(t.DissolveTribunal(subject=1)) == []


def test_time_rules_with_what_was_said_and_late_votes_are_kept() -> None:
    world = convened()
    says(world, 11)
    assert world.perform(t.TribunalTimePassed(subject=1)) == []
    (ruled,) = world.ring(END)
    assert isinstance(ruled.facts, t.TribunalRuled)
    assert (ruled.facts.consensus, ruled.facts.complete) == ("no_quorum", False)
    (late,) = says(world, 12)
    assert isinstance(late, t.TribunalVoted)
    assert late.late
    assert tribunal(world).consensus == "no_quorum"


def test_a_vote_at_the_deadline_is_late_and_ends_it_in_the_same_breath() -> None:
    world = convened()
    says(world, 11)
    says(world, 12)
    world.at = END
    voted, ruled = says(world, 13, "deny")
    assert isinstance(voted, t.TribunalVoted)
    assert voted.late
    assert isinstance(ruled, t.TribunalRuled)
    assert (ruled.consensus, ruled.complete, ruled.against) == ("unanimous", False, 0)


def test_too_few_validators_are_no_quorum_at_once() -> None:
    world = convened(members=())
    kinds = [event.type for event in world.events]
    assert kinds == ["decision.opened/1", "tribunal.convened/1", "tribunal.ruled/1"]
    assert tribunal(world).consensus == "no_quorum"


def test_a_decision_that_is_over_convenes_nobody_and_one_has_one_tribunal() -> None:
    world = opened()
    votes(world, "per_sue", "deny")
    seen = ConveningEvidence(decision=decision(world), members=MEMBERS, terms=TERMS)
    assert world.perform(t.ConveneTribunal(subject=1), evidence=seen) == []
    assert world.perform(t.ConveneTribunal(subject=1), evidence=ConveningEvidence(decision=None)) == []
    with pytest.raises(Refused) as refused:
        world = convened()
        world.perform(t.ConveneTribunal(subject=1), evidence=seen)
    assert refused.value.code == "already_convened"


def test_people_who_are_faster_dissolve_it() -> None:
    world = convened()
    (over,) = world.perform(t.DissolveTribunal(subject=1))
    assert over.facts == t.TribunalDissolved(agent=7)
    (late,) = says(world, 11)
    assert isinstance(late, t.TribunalVoted)
    assert late.late
    assert world.ring(END) == []
    assert tribunal(world).consensus == ""


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"agent": 14}, "not_a_member"),
        ({"agent": 11, "actor": SYSTEM}, "not_a_member"),
        ({"agent": 11, "vote": "maybe"}, "unknown_choice"),
        ({"agent": 11, "confidence": 1_001}, "out_of_range"),
        ({"agent": 11, "confidence": -1}, "out_of_range"),
        ({"agent": 11, "able": False}, "contained"),
        ({"agent": 12}, "already_voted"),
    ],
)
def test_who_may_not_judge_and_what_is_nonsense_is_refused(how: dict[str, Any], code: str) -> None:
    world = convened()
    says(world, 12)
    with pytest.raises(Refused) as refused:
        says(world, **how)
    assert refused.value.code == code


def test_there_is_no_tribunal_without_one() -> None:
    with pytest.raises(Refused) as refused:
        says(World(), 11)
    assert refused.value.code == "unknown_tribunal"


@pytest.mark.parametrize(
    ("level", "then", "now", "last", "may"),
    [
        (2, "unanimous", "unanimous", 900, True),
        (2, "majority", "majority", 900, True),
        (2, "never", "unanimous", 900, False),
        (2, "unanimous", "never", 900, False),
        (3, "unanimous", "unanimous", 900, False),
        (4, "majority", "majority", 900, False),
    ],
)
def test_it_decides_alone_at_level_2_and_as_the_policies_of_then_and_now_say(
    level: int, then: str, now: str, last: int, may: bool
) -> None:
    world = convened(level, decides=then)
    for number in (11, 12, 13):
        says(world, number, confidence=last)
    assert may_settle(tribunal(world), msgspec.structs.replace(TERMS, decides=now)) is may
    assert not may_settle(None, TERMS)


def test_an_incomplete_ruling_decides_nothing_alone() -> None:
    world = convened()
    says(world, 11)
    says(world, 12)
    world.ring(END)
    assert tribunal(world).consensus == "unanimous"
    assert not may_settle(tribunal(world), TERMS)


def test_a_ruling_settles_level_2_and_nothing_else() -> None:
    assert settles(opened(level=2)) == [
        m.DecisionApproved(
            action=41, agent=7, execution_ms=600_000, grant_ms=900_000, level=2, voters=(), tribunal=True
        )
    ]
    assert settles(opened(level=2), "deny") == [denied("tribunal")]
    assert settles(opened(level=3)) == []
    assert settles(opened(level=2), may=False) == []
    assert settles(opened(level=2), also=(m.Demand(2, "director", 1),)) == []
    world = opened(level=2)
    votes(world, "per_sue", "deny")
    assert settles(world) == []


STEPS = st.lists(
    st.one_of(
        st.tuples(
            st.sampled_from([11, 12, 13, 14]),
            st.sampled_from(["approve", "approve", "deny", "abstain"]),
            st.integers(0, 1_000),
            st.integers(0, 1_000),
        ),
        st.sampled_from(["time", "dissolve", "wait"]),
    ),
    max_size=12,
)


@given(STEPS)
def test_there_is_one_ruling_at_most_and_it_is_of_what_was_said_in_time(steps: list[Any]) -> None:
    """Law: whatever the order and race, a tribunal rules once, and nothing that comes later moves it."""
    world = convened()
    said: dict[int, tuple[str, int, int]] = {}
    for step in steps:
        events: list[Event] = []
        if step == "wait":
            world.ring(world.at + MINUTE // 2)
        elif step == "time":
            events = world.perform(t.TribunalTimePassed(subject=1))
        elif step == "dissolve":
            events = world.perform(t.DissolveTribunal(subject=1))
        else:
            agent, vote, confidence, score = step
            before = [e for e in world.events if e.type in ("tribunal.ruled/1", "tribunal.dissolved/1")]
            try:
                says(world, agent, vote, confidence, score)
            except Refused:
                continue
            if not before and world.at < END:
                said[agent] = (vote, confidence, score * confidence // 1_000)
        del events
    rulings = [e.facts for e in world.events if isinstance(e.facts, t.TribunalRuled)]
    assert len(rulings) <= 1
    for ruling in rulings:
        sure = [one for one in said.values() if one[0] != "abstain" and one[1] >= TERMS.confidence_min_milli]
        for_it = sum(weight for vote, _, weight in sure if vote == "approve")
        against = sum(weight for vote, _, weight in sure if vote == "deny")
        assert (ruling.weight, ruling.against) == (for_it, against)
        assert (ruling.consensus == "no_quorum") == (len(sure) < 2 or not for_it + against)
        if ruling.recommendation == "approve":
            assert for_it > against
        state = tribunal(world)
        assert (state.consensus, state.recommendation) == (ruling.consensus, ruling.recommendation)


def test_events_that_come_twice_or_late_change_nothing() -> None:
    world = convened()
    says(world, 11)
    says(world, 12)
    says(world, 13)
    before = tribunal(world)
    for facts in (
        t.TribunalVoted(agent=11, confidence_milli=1, late=False, score=1, vote="deny", weight=1),
        t.TribunalRuled(
            action=41,
            against=9,
            agent=7,
            complete=True,
            consensus="unanimous",
            recommendation="deny",
            weight=0,
        ),
        t.TribunalDissolved(agent=7),
    ):
        event = world.events[-1]
        again = msgspec.structs.replace(event, seq=event.seq + 1, facts=facts, type=facts.TYPE)
        changed = SUBJECTS["tribunal"].evolve[type(facts)](before, again)
        assert msgspec.structs.replace(changed, seq=before.seq) == before
