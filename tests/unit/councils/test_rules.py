"""Decisions by people: who may decide, what ends a decision, what stays (spec 3.2; faults C8, F11, G1, G2)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.transcripts.world import START, World

from watchfloor.councils import decision as states
from watchfloor.councils import messages as m
from watchfloor.councils import rules
from watchfloor.councils.decision import Decision
from watchfloor.councils.messages import CancelDecision, CastVote, DecisionTimePassed, OpenDecision
from watchfloor.councils.rules import PoolEvidence, VoterEvidence
from watchfloor.kernel.instants import HOUR, MINUTE
from watchfloor.kernel.messages import SYSTEM, Actor, Command, Event, Facts

POOL = PoolEvidence(eligible=3)
DEADLINE = START + HOUR


def opened(pool: PoolEvidence = POOL, **fields: Any) -> World:
    """One decision, integer 1: a supervisor, one vote, an hour, denied when unanswered."""
    usual: dict[str, Any] = {
        "action": 41,
        "agent": 7,
        "owner": "per_olaf",
        "digest": "9f2c",
        "level": 3,
        "risk": 60,
        "urgency": "high",
        "role": "supervisor",
        "needed": 1,
        "deadline_at": DEADLINE,
        "unanswered": "denied",
        "grant_ms": 900_000,
        "execution_ms": 600_000,
    }
    world = World()
    world.perform(OpenDecision(**(usual | fields)), evidence=pool)
    return world


def decision(world: World) -> Decision:
    """The one decision."""
    state = world.states["decision", 1]
    assert isinstance(state, Decision)
    return state


def voter(*roles: str, enabled: bool = True) -> VoterEvidence:
    """Somebody with these roles, a supervisor without any said."""
    return VoterEvidence(roles=roles or ("supervisor",), enabled=enabled, handle="x")


def person(name: str) -> Actor:
    """A person who asks."""
    return Actor(kind="person", id=name)


def votes(
    world: World,
    name: str,
    vote: str = "approve",
    digest: str = "9f2c",
    evidence: VoterEvidence | None = None,
    private: bytes = b"",
) -> list[Facts]:
    """What a vote leads to."""
    command = CastVote(subject=1, person=name, vote=vote, digest=digest, private=private)
    return [event.facts for event in world.perform(command, person(name), evidence or voter())]


def approved(*voters: str, level: int = 3) -> m.DecisionApproved:
    """The approval these people made."""
    return m.DecisionApproved(
        action=41, agent=7, execution_ms=600_000, grant_ms=900_000, level=level, voters=voters
    )


def denied(reason: str) -> m.DecisionDenied:
    """The denial for this reason."""
    return m.DecisionDenied(action=41, agent=7, reason=reason)


def cast(name: str, vote: str = "approve", *, late: bool = False) -> m.VoteCast:
    """The vote as recorded."""
    return m.VoteCast(late=late, person=name, vote=vote)


@pytest.mark.parametrize(("links_level_max", "counts"), [(2, False), (3, True)])
def test_the_link_of_a_notice_is_enough_up_to_the_level_the_policy_says(
    links_level_max: int, counts: bool
) -> None:
    world = opened()
    voting = VoterEvidence(roles=("supervisor",), enabled=True, handle="ada", links_level_max=links_level_max)
    command = CastVote(subject=1, person="per_ada", vote="approve", digest="9f2c", session="link")
    if not counts:
        assert world.refusal(command, person("per_ada"), voting) == ("sign_in_to_vote", "", 403)
        return
    events = world.perform(command, person("per_ada"), voting)
    assert events[0].facts == m.VoteCast(late=False, person="per_ada", vote="approve", session="link")


@pytest.mark.parametrize(
    ("maker", "more", "refused"),
    [
        ("per_far", {}, ""),
        ("per_olaf", {}, "own_sign_in_needed"),
        ("per_party", {"parties": ("per_party",)}, "own_sign_in_needed"),
        ("per_far", {"needed": 2}, "own_sign_in_needed"),
    ],
)
def test_by_the_link_of_another_one_votes_as_that_person_could_alone(
    maker: str, more: dict[str, Any], refused: str
) -> None:
    world = opened(**more)
    voting = VoterEvidence(roles=("supervisor",), enabled=True, handle="ada", through=maker)
    command = CastVote(subject=1, person="per_ada", vote="approve", digest="9f2c", session="browser")
    facts = world.perform(command, person("per_ada"), voting)[0].facts
    if refused:
        assert facts == m.VoteRefused(person="per_ada", reason=refused)
    else:
        assert facts == msgspec.structs.replace(cast("per_ada"), session="browser", through=maker)


def test_a_vote_comes_by_a_known_kind_of_session() -> None:
    command = CastVote(subject=1, person="per_ada", vote="deny", session="telepathy")
    assert opened().refusal(command, person("per_ada"), voter())[1] == "/session"


@pytest.mark.parametrize(
    "command",
    [
        CastVote(subject=5, person="per_ada", vote="approve"),
        CancelDecision(subject=5),
        DecisionTimePassed(subject=5),
    ],
    ids=lambda command: type(command).__name__,
)
def test_nobody_decides_on_what_does_not_exist(command: Command) -> None:
    refused = World().refusal(command, person("per_ada"), voter())
    assert refused == ("unknown_decision", "", 404)


def test_a_decision_opens_once() -> None:
    world = opened()
    again = OpenDecision(
        subject=1,
        action=41,
        agent=7,
        owner="system",
        digest="",
        level=3,
        risk=60,
        urgency="high",
        role="supervisor",
        needed=1,
        deadline_at=DEADLINE,
        unanswered="denied",
        grant_ms=1,
        execution_ms=1,
    )
    assert world.refusal(again, evidence=POOL) == ("already_opened", "", 409)


@pytest.mark.parametrize(
    ("needed", "eligible", "open_"), [(1, 1, True), (2, 2, True), (2, 1, False), (1, 0, False)]
)
def test_a_decision_that_nobody_can_approve_is_denied_at_once(
    needed: int, eligible: int, open_: bool
) -> None:
    world = opened(PoolEvidence(eligible=eligible), needed=needed)
    assert decision(world).status == ("pending" if open_ else "denied")
    if not open_:
        missing = m.DecisionDenied(
            action=41,
            agent=7,
            reason="unanswerable",
            missing=max(1, needed) - eligible,
            lacks=("role:supervisor",),
        )
        assert [event.facts for event in world.events][1:] == [missing]


def test_terms_out_of_range_are_read_strictly() -> None:
    world = opened(needed=0, unanswered="approved", deadline_at=0)
    state = decision(world)
    assert (state.needed, state.unanswered, state.deadline_at) == (1, "denied", START)
    assert [event.facts for event in world.ring(START)] == [denied("unanswered")]


def test_one_eligible_person_approves_where_one_is_needed() -> None:
    world = opened()
    assert votes(world, "per_ada", private=b"{}") == [cast("per_ada"), approved("per_ada")]
    assert (decision(world).status, decision(world).decided_at) == ("approved", START)
    assert world.events[1].private


def test_n_different_persons_approve_where_n_are_needed() -> None:
    world = opened(needed=3)
    assert votes(world, "per_ada") == [cast("per_ada")]
    assert votes(world, "per_ben", "abstain") == [cast("per_ben", "abstain")]
    assert votes(world, "per_cleo") == [cast("per_cleo")]
    assert votes(world, "per_dora") == [cast("per_dora"), approved("per_ada", "per_cleo", "per_dora")]


def test_one_denial_denies() -> None:
    world = opened(needed=2)
    votes(world, "per_ada")
    assert votes(world, "per_ben", "deny") == [cast("per_ben", "deny"), denied("voted")]
    assert decision(world).status == "denied"


@pytest.mark.parametrize("vote", ["approve", "deny", "abstain"])
def test_a_second_vote_is_refused_whatever_the_first_was(vote: str) -> None:
    world = opened(needed=2)
    votes(world, "per_ada", vote)
    command = CastVote(subject=1, person="per_ada", vote="approve", digest="9f2c")
    assert world.refusal(command, person("per_ada"), voter()) == ("already_voted", "", 409)


def test_a_vote_is_one_of_three_words() -> None:
    command = CastVote(subject=1, person="per_ada", vote="yes", digest="9f2c")
    assert opened().refusal(command, person("per_ada"), voter()) == ("unknown_choice", "/vote", 422)


@pytest.mark.parametrize(
    "actor",
    [
        person("per_ben"),
        Actor(kind="agent", id="per_ada"),
        Actor(kind="process", id="per_ada"),
        SYSTEM,
    ],
    ids=lambda actor: f"{actor.kind} {actor.id}",
)
def test_nobody_and_nothing_votes_for_a_person(actor: Actor) -> None:
    command = CastVote(subject=1, person="per_ada", vote="approve", digest="9f2c")
    assert opened().refusal(command, actor, voter()) == ("not_your_vote", "/person", 403)


@pytest.mark.parametrize(
    ("vote", "digest", "counts"),
    [
        ("approve", "9f2c", True),
        ("approve", "", False),
        ("approve", "9f2d", False),
        ("deny", "", True),
        ("deny", "9f2d", False),
        ("abstain", "", True),
    ],
)
def test_a_vote_is_about_the_action_that_the_person_saw(vote: str, digest: str, counts: bool) -> None:
    world = opened()
    if counts:
        assert votes(world, "per_ada", vote, digest)
    else:
        command = CastVote(subject=1, person="per_ada", vote=vote, digest=digest)
        assert world.refusal(command, person("per_ada"), voter()) == ("digest_mismatch", "/digest", 409)


@pytest.mark.parametrize(
    ("name", "evidence", "reason"),
    [
        ("per_olaf", voter("admin"), "own_agent"),
        ("per_ada", voter("operator"), "role_missing"),
        ("per_ada", voter("auditor"), "role_missing"),
        ("per_ada", voter("admin", enabled=False), "person_disabled"),
    ],
)
@pytest.mark.parametrize("vote", ["approve", "deny"])
def test_who_may_not_decide_leaves_a_trace_and_no_vote(
    name: str, evidence: VoterEvidence, reason: str, vote: str
) -> None:
    world = opened()
    assert votes(world, name, vote, evidence=evidence) == [m.VoteRefused(person=name, reason=reason)]
    assert (decision(world).status, decision(world).votes) == ("pending", ())
    command = CastVote(subject=1, person=name, vote=vote, digest="9f2c")
    assert world.refusal(command, person(name), evidence) == (reason, "", 403)
    assert votes(world, "per_eve") == [cast("per_eve"), approved("per_eve")]


def test_each_reason_of_a_person_who_may_not_decide_is_recorded_once() -> None:
    world = opened()
    votes(world, "per_ada", evidence=voter("operator"))
    facts = votes(world, "per_ada", evidence=voter("operator", enabled=False))
    assert facts == [m.VoteRefused(person="per_ada", reason="person_disabled")]


def test_who_gains_the_role_may_decide_after_all() -> None:
    world = opened()
    votes(world, "per_ada", evidence=voter("operator"))
    assert votes(world, "per_ada", evidence=voter("director")) == [cast("per_ada"), approved("per_ada")]


@pytest.mark.parametrize("first", ["approve", "deny"])
def test_a_vote_after_the_end_is_kept_and_changes_nothing(first: str) -> None:
    world = opened()
    votes(world, "per_ada", first)
    status = decision(world).status
    assert votes(world, "per_ben", "deny" if first == "approve" else "approve") == [
        cast("per_ben", "deny" if first == "approve" else "approve", late=True)
    ]
    assert decision(world).status == status
    assert len(decision(world).votes) == 2


@pytest.mark.parametrize("unanswered", ["expired", "denied"])
def test_the_deadline_is_judged_by_its_instant(unanswered: str) -> None:
    """A vote at the deadline is late, even if the clock has not rung yet (fault C8: approve and expire)."""
    world = opened(unanswered=unanswered)
    world.at = DEADLINE
    end = m.DecisionExpired(action=41, agent=7) if unanswered == "expired" else denied("unanswered")
    assert votes(world, "per_ada") == [cast("per_ada", late=True), end]
    assert decision(world).status == unanswered
    assert world.perform(DecisionTimePassed(subject=1)) == []


def test_a_vote_just_before_the_deadline_counts() -> None:
    world = opened()
    world.at = DEADLINE - 1
    assert votes(world, "per_ada") == [cast("per_ada"), approved("per_ada")]


def test_silence_ends_as_the_policy_says_and_never_before_the_deadline() -> None:
    world = opened(unanswered="expired")
    world.at = DEADLINE - 1
    assert world.perform(DecisionTimePassed(subject=1)) == []
    assert [event.facts for event in world.ring(DEADLINE)] == [m.DecisionExpired(action=41, agent=7)]


def test_cancelling_ends_a_pending_decision_only() -> None:
    world = opened()
    cancel = CancelDecision(subject=1, reason="agent quarantined")
    assert world.refusal(CancelDecision(subject=1, reason="x" * 1_025))[:2] == ("too_long", "/reason")
    facts = m.DecisionCancelled(action=41, agent=7, reason="agent quarantined")
    assert [event.facts for event in world.perform(cancel)] == [facts]
    assert world.perform(cancel) == []
    assert world.ring(DEADLINE) == []
    assert votes(world, "per_ada") == [cast("per_ada", late=True)]


def test_the_first_end_is_the_end_whatever_other_rules_have_written() -> None:
    world = opened()
    votes(world, "per_ada")
    before = decision(world)
    for facts in (
        denied("voted"),
        m.DecisionExpired(action=41, agent=7),
        m.DecisionCancelled(action=41, agent=7, reason=""),
        cast("per_ada", "deny"),
    ):
        event = Event(
            org="o", seq=99, at=START, type=facts.TYPE, kind="decision", subject=1, actor=SYSTEM, facts=facts
        )
        after = rules.SUBJECTS[0].evolve[type(facts)](before, event)
        assert (after.status, after.votes) == (before.status, before.votes)


def test_a_decision_lives_and_has_a_clock_while_it_is_pending() -> None:
    subject = rules.SUBJECTS[0]
    world = opened()
    assert subject.live(decision(world))
    assert subject.due(decision(world)) == DEADLINE
    assert subject.overdue(1, decision(world), DEADLINE) == DecisionTimePassed(subject=1)
    world.at += MINUTE
    votes(world, "per_ada")
    assert not subject.live(decision(world))
    assert subject.due(decision(world)) == 0


def test_the_statuses_are_those_of_the_specification() -> None:
    assert set(states.STATUSES) == {"pending", "approved", "denied", "expired", "cancelled"}


# -- committees and ladders (spec 3.2) ---------------------------------------------------------------------------------

BOARD = (
    m.Member("per_ada", "director"),
    m.Member("per_ben", "director"),
    m.Member("per_cleo", veto=True),
)


def board(needed: int = 2, missing: int = 0, **fields: Any) -> World:
    """A decision of a committee of three."""
    pool = PoolEvidence(eligible=3, members=BOARD, needed=needed, missing=missing)
    return opened(pool, committee="board", **fields)


def test_only_members_decide_and_a_denial_leaves_it_open_while_the_others_can_agree() -> None:
    world = board()
    assert votes(world, "per_eve", evidence=voter("admin")) == [
        m.VoteRefused(person="per_eve", reason="not_a_member")
    ]
    assert votes(world, "per_ada", "deny", evidence=voter("director")) == [cast("per_ada", "deny")]
    assert votes(world, "per_ben", evidence=voter("director")) == [cast("per_ben")]
    assert votes(world, "per_cleo", evidence=voter("operator")) == [
        cast("per_cleo"),
        approved("per_ben", "per_cleo"),
    ]


def test_a_seat_for_a_role_is_lost_with_the_role() -> None:
    world = board()
    assert votes(world, "per_ada", evidence=voter("operator")) == [
        m.VoteRefused(person="per_ada", reason="role_missing")
    ]


def test_a_veto_denies_at_once_and_so_does_what_cannot_be_reached_any_more() -> None:
    assert votes(board(), "per_cleo", "deny") == [cast("per_cleo", "deny"), denied("vetoed")]
    world = board(needed=3)
    assert votes(world, "per_ben", "abstain", evidence=voter("director"))[-1] == denied("voted")


def test_a_committee_that_cannot_decide_denies_and_says_how_many_are_missing() -> None:
    world = board(missing=2)
    assert world.events[-1].facts == m.DecisionDenied(
        action=41, agent=7, reason="unanswerable", missing=2, lacks=("committee:board",)
    )


LADDER = (m.Step(("schedule:on_call",), 300_000), m.Step(("role:director",), 600_000))


def test_time_warns_climbs_the_ladder_and_ends_after_its_last_rung() -> None:
    world = opened(ladder=LADDER, warn_permille=500, tell=("role:supervisor",))
    told = []
    for _ in range(8):
        due = rules.due(decision(world))
        if not due:
            break
        told += [(type(event.facts).__name__, (event.at - START) // MINUTE) for event in world.ring(due)]
    assert told == [
        ("DecisionWarned", 30),
        ("DecisionEscalated", 60),
        ("DecisionWarned", 62),
        ("DecisionEscalated", 65),
        ("DecisionWarned", 70),
        ("DecisionDenied", 75),
    ]
    assert decision(world).tell == ("role:director",)


def test_a_vote_counts_on_every_rung_and_is_late_only_after_the_last() -> None:
    world = opened(ladder=LADDER)
    world.at = DEADLINE + 10 * MINUTE
    assert votes(world, "per_ada") == [cast("per_ada"), approved("per_ada")]
    world = opened(ladder=LADDER)
    world.at = DEADLINE + 15 * MINUTE
    assert votes(world, "per_ada") == [cast("per_ada", late=True), denied("unanswered")]


def test_an_old_warning_or_rung_shown_again_changes_nothing() -> None:
    world = opened(ladder=LADDER, warn_permille=500)
    world.ring(DEADLINE)
    before = decision(world)
    for event in list(world.events):
        state = rules.SUBJECTS[0].evolve[type(event.facts)](before, event)
        assert state == before
