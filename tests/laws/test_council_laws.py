"""Laws of decisions: approved by enough different people who may, and by nothing else (spec 3.2, promise 2).

The laws compare the rules with a judge written from the specification alone, who looks at each vote in order.
"""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.effort import examples
from tests.laws.any_facts import streams
from tests.transcripts.world import START, SUBJECTS, World

from watchfloor.councils import messages as m
from watchfloor.councils.decision import Decision
from watchfloor.councils.quorum import APPROVED, DENIED, PENDING, VOTES, Vote, approvers, count
from watchfloor.councils.rules import PoolEvidence, VoterEvidence
from watchfloor.kernel.instants import DAY, MINUTE
from watchfloor.kernel.messages import SYSTEM, Actor, Event, Facts, Refused
from watchfloor.kernel.subject import fold
from watchfloor.kernel.terms import ROLES, holds

PEOPLE = ("per_ada", "per_ben", "per_cleo", "per_olaf")
OWNER = "per_olaf"
DEADLINE = START + 5 * MINUTE
OPENINGS = st.builds(
    m.OpenDecision,
    action=st.just(41),
    agent=st.just(7),
    owner=st.just(OWNER),
    digest=st.just("9f2c"),
    level=st.integers(2, 4),
    risk=st.just(60),
    urgency=st.just("high"),
    role=st.sampled_from(["operator", "supervisor", "director"]),
    needed=st.integers(0, 3),
    deadline_at=st.just(DEADLINE),
    unanswered=st.sampled_from(["expired", "denied", "approved", ""]),
    grant_ms=st.just(900_000),
    execution_ms=st.just(600_000),
)
BALLOTS = st.fixed_dictionaries(
    {
        "what": st.just("vote"),
        "person": st.sampled_from(PEOPLE),
        "actor": st.sampled_from(["person", "person", "person", "agent", "system", "another"]),
        "vote": st.sampled_from([*VOTES, "approve", "approve"]),
        "digest": st.sampled_from(["9f2c", "9f2c", "9f2c", "", "ffff"]),
        "roles": st.sampled_from([(role,) for role in ROLES] + [("admin",), ()]),
        "enabled": st.sampled_from([True, True, True, False]),
    }
)
OTHERS = st.sampled_from([{"what": "wait", "us": us} for us in (0, MINUTE, 5 * MINUTE)])
TIME = st.just({"what": "time"})
CANCEL = st.just({"what": "cancel"})
SILENT = st.lists(st.one_of(OTHERS, TIME, CANCEL), max_size=10)
# Mostly people who may vote as they should, so that decisions come about; long stories, because lists are short by
# themselves.
SENSIBLE = st.builds(
    lambda ballot: ballot | {"actor": "person", "digest": "9f2c", "roles": ("director",), "enabled": True},
    BALLOTS,
)
STEP = st.sampled_from([SENSIBLE] * 6 + [BALLOTS] * 8 + [OTHERS] * 3 + [TIME, CANCEL]).flatmap(
    lambda kind: kind
)
STEPS = st.lists(STEP, max_size=5) | st.lists(STEP, min_size=8, max_size=25)
Step = dict[str, Any]


def begin(opening: m.OpenDecision, eligible: int = 3) -> World:
    """The decision is open."""
    world = World()
    world.perform(opening, evidence=PoolEvidence(eligible=eligible))
    return world


def take(world: World, step: Step, *, clocks: bool = True) -> list[Event]:
    """One step; refusals are no events. Without clocks, nobody gets round to the deadline."""
    if step["what"] == "wait":
        if clocks:
            return world.ring(world.at + step["us"])
        world.at += step["us"]
        return []
    if step["what"] == "time":
        return world.perform(m.DecisionTimePassed(subject=1))
    if step["what"] == "cancel":
        return world.perform(m.CancelDecision(subject=1))
    actors = {
        "person": Actor(kind="person", id=step["person"]),
        "agent": Actor(kind="agent", id=step["person"]),
        "system": SYSTEM,
        "another": Actor(kind="person", id="per_eve"),
    }
    ballot = m.CastVote(subject=1, person=step["person"], vote=step["vote"], digest=step["digest"])
    evidence = VoterEvidence(roles=step["roles"], enabled=step["enabled"], handle="x")
    try:
        return world.perform(ballot, actors[step["actor"]], evidence)
    except Refused:
        return []


def decision(world: World) -> Decision:
    """The one decision."""
    state = world.states["decision", 1]
    assert isinstance(state, Decision)
    return state


class Judge:
    """What the specification says of the same steps, vote by vote."""

    def __init__(self, opening: m.OpenDecision, eligible: int) -> None:
        self.needed = max(1, opening.needed)
        self.role = opening.role
        self.status = "pending" if eligible >= self.needed else "denied"
        self.silence = "expired" if opening.unanswered == "expired" else "denied"
        self.approvals: set[str] = set()
        self.voted: set[str] = set()

    def see(self, step: Step, at: int) -> None:
        """One step, at that instant."""
        if self.status == "pending" and at >= DEADLINE:
            if step["what"] in ("time", "wait") or self.counts(step):
                self.status = self.silence
            elif step["what"] == "cancel":
                self.status = "cancelled"
        if step["what"] == "cancel" and self.status == "pending":
            self.status = "cancelled"
        if not self.counts(step):
            return
        self.voted.add(step["person"])
        if self.status != "pending":
            return
        if step["vote"] == "deny":
            self.status = "denied"
        elif step["vote"] == "approve":
            self.approvals.add(step["person"])
            if len(self.approvals) >= self.needed:
                self.status = "approved"

    def counts(self, step: Step) -> bool:
        """Is it a vote of somebody who may, for themselves, once, about what they saw?"""
        return (
            step["what"] == "vote"
            and step["actor"] == "person"
            and step["person"] not in self.voted
            and step["person"] != OWNER
            and step["enabled"]
            and holds(step["roles"], self.role)
            and (step["digest"] == "9f2c" or (step["digest"] == "" and step["vote"] != "approve"))
        )


@given(OPENINGS, STEPS, st.sampled_from([3, 3, 3, 0, 1, 2]), st.booleans())
@settings(max_examples=examples(500))
def test_a_decision_ends_as_the_specification_says(
    opening: m.OpenDecision, steps: list[Step], eligible: int, clocks: bool
) -> None:
    """Approved if and only if enough different people who may approved in time, and nobody who may denied before."""
    world, judge = begin(opening, eligible), Judge(opening, eligible)
    for step in steps:
        take(world, step, clocks=clocks)
        if clocks or step["what"] != "wait":
            judge.see(step, world.at)
        assert decision(world).status == judge.status
    if judge.status == "approved":
        (facts,) = [e.facts for e in world.events if isinstance(e.facts, m.DecisionApproved)]
        assert set(facts.voters) == judge.approvals
        assert len(facts.voters) == len(judge.approvals) >= judge.needed


@given(OPENINGS, SILENT, st.integers(0, 4))
def test_there_is_no_way_from_silence_to_approval(
    opening: m.OpenDecision, steps: list[Step], eligible: int
) -> None:
    world = begin(opening, eligible)
    for step in steps:
        take(world, step)
    world.ring(DEADLINE + MINUTE * 60)
    assert decision(world).status in ("expired", "denied", "cancelled")
    assert not [event for event in world.events if isinstance(event.facts, m.DecisionApproved)]


LADDERS = st.lists(
    st.builds(m.Step, tell=st.just(("role:director",)), wait_ms=st.integers(1, 600_000)), max_size=4
).map(tuple)


@given(OPENINGS, LADDERS, STEPS, st.integers(0, 999))
def test_a_ladder_is_climbed_rung_by_rung_and_never_approves(
    opening: m.OpenDecision, ladder: tuple[m.Step, ...], steps: list[Step], permille: int
) -> None:
    """Each deadline is later than the one before; after the last rung silence ends it; votes before that count."""
    climbing = msgspec.structs.replace(opening, ladder=ladder, warn_permille=permille)
    world = begin(climbing)
    for step in steps:
        take(world, step)
    world.ring(world.at + DAY)
    facts = [event.facts for event in world.events]
    climbed = [one for one in facts if isinstance(one, m.DecisionEscalated)]
    assert [one.rung for one in climbed] == list(range(1, len(climbed) + 1))
    assert len(climbed) <= len(ladder)
    deadlines = [DEADLINE, *(one.deadline_at for one in climbed)]
    assert deadlines == sorted(set(deadlines))
    assert decision(world).status != "pending"
    if decision(world).status == decision(world).unanswered and not world_was_voted(facts):
        assert len(climbed) == len(ladder)
    voted = {
        one.person for one in facts if isinstance(one, m.VoteCast) and one.vote == "approve" and not one.late
    }
    assert all(set(one.voters) <= voted for one in facts if isinstance(one, m.DecisionApproved))
    warned = [one.rung for one in facts if isinstance(one, m.DecisionWarned)]
    assert len(warned) == len(set(warned))


def world_was_voted(facts: list[Facts]) -> bool:
    """Did people, a full pool or its lack end it, rather than time?"""
    return any(isinstance(one, m.DecisionDenied) and one.reason != "unanswered" for one in facts) or any(
        isinstance(one, m.VoteCast) and one.late for one in facts
    )


MEMBERS = st.lists(
    st.builds(m.Member, st.sampled_from("abcdef"), st.just(""), st.integers(1, 5), st.booleans()),
    min_size=1,
    max_size=6,
    unique_by=lambda member: member.person,
).map(tuple)


@given(
    MEMBERS,
    st.lists(
        st.builds(Vote, st.sampled_from("abcdefgh"), st.sampled_from(VOTES)),
        max_size=8,
        unique_by=lambda vote: vote.person,
    ),
    st.integers(1, 12),
)
@settings(max_examples=examples(500))
def test_a_committee_agrees_when_the_weight_is_there_and_denies_when_it_cannot_be(
    members: tuple[m.Member, ...], votes: list[Vote], needed: int
) -> None:
    said = {vote.person: vote.vote for vote in votes}
    outcome = count(votes, needed, members)
    assert outcome == count(list(reversed(votes)), needed, members)
    outsiders = [Vote("z", "approve"), Vote("y", "deny")]
    assert outcome == count([*votes, *outsiders], needed, members), "who is no member has no say"
    vetoed = any(member.veto and said.get(member.person) == "deny" for member in members)
    won = sum(member.weight for member in members if said.get(member.person) == "approve")
    unsaid = sum(member.weight for member in members if member.person not in said)
    if outcome == APPROVED:
        assert won >= needed
        assert not vetoed
    elif outcome == PENDING:
        assert won < needed <= won + unsaid
        assert not vetoed
    else:
        assert vetoed or won + unsaid < needed


@given(OPENINGS, STEPS)
def test_a_decision_ends_once_and_every_vote_is_kept(opening: m.OpenDecision, steps: list[Step]) -> None:
    world = begin(opening)
    ends = (m.DecisionApproved, m.DecisionDenied, m.DecisionExpired, m.DecisionCancelled)
    for step in steps:
        take(world, step)
    assert len([event for event in world.events if isinstance(event.facts, ends)]) <= 1
    cast = [event.facts for event in world.events if isinstance(event.facts, m.VoteCast)]
    assert [(vote.person, vote.vote, vote.late) for vote in decision(world).votes] == [
        (facts.person, facts.vote, facts.late) for facts in cast
    ]
    assert len({facts.person for facts in cast}) == len(cast)


@given(OPENINGS, STEPS)
def test_showing_events_again_changes_nothing(opening: m.OpenDecision, steps: list[Step]) -> None:
    world = begin(opening)
    for step in steps:
        take(world, step)
    subject = SUBJECTS["decision"]
    assert fold(subject, world.events) == decision(world)
    assert fold(subject, [event for event in world.events for _ in range(2)]) == decision(world)
    assert fold(subject, world.events, decision(world)) == decision(world)


SAYS = st.sampled_from(["approve", "approve", "approve", "abstain", "deny"])


@given(
    st.lists(st.builds(Vote, st.sampled_from("abcde"), SAYS, st.booleans()), max_size=6), st.integers(0, 4)
)
@settings(max_examples=examples(500))
def test_counting_does_not_depend_on_the_order_and_more_approvals_never_hurt(
    votes: list[Vote], needed: int
) -> None:
    outcome = count(votes, needed)
    assert outcome == count(list(reversed(votes)), needed) == count(votes + votes, needed)
    if outcome == APPROVED:
        assert approvers(votes)
        assert count([*votes, Vote("f", "approve")], needed) == APPROVED
    if outcome == PENDING:
        assert count(votes, needed + 1) == PENDING
        assert count([*votes, Vote("f", "deny")], needed) == DENIED


@given(streams(SUBJECTS["decision"].evolve, begin=m.DecisionOpened))
def test_in_any_order_of_events_the_first_end_is_the_end(events: list[Event]) -> None:
    """Whatever other rules than these may have written: a decision never flips."""
    state: Decision | None = None
    for event in events:
        before, state = state, fold(SUBJECTS["decision"], [event], state)
        if before is not None and before.status != "pending":
            assert state is not None
            assert (state.status, state.decided_at) == (before.status, before.decided_at)
