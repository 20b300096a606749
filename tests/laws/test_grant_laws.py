"""Laws of grants: nothing starts without one, no time-out gives one, each is used once (spec 1 promise 2, DESIGN 2b.8).

Any story of one action: the ruling, people, the agent, a second agent, the clock. The laws read the events that were
recorded, in order, with an eye of their own.
"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.transcripts.world import START, World
from tests.unit.actions.requests import AGENT, policy, request, seen

from watchfloor.actions import life
from watchfloor.actions import messages as m
from watchfloor.actions.grants import StartEvidence
from watchfloor.actions.retries import RetryEvidence
from watchfloor.actions.retry_messages import ActionRetried, RetryAction
from watchfloor.kernel.instants import MINUTE, SECOND
from watchfloor.kernel.messages import Command, Event, Refused

EXECUTIONS = st.sampled_from(["exe_a", "exe_b"])
COSTS = st.sampled_from([0, 3, 20])
COMMANDS: st.SearchStrategy[Command] = st.one_of(
    st.builds(
        m.GrantAction,
        subject=st.just(1),
        decision=st.integers(3, 5),
        basis=st.sampled_from(["approved", "approved", "committee", "forced", "auto", "observed"]),
        execution_ms=st.sampled_from([60_000, 600_000]),
        expires_at=st.sampled_from([START, START + 5 * MINUTE, START + 30 * MINUTE]),
    ),
    st.builds(
        m.CloseAction,
        subject=st.just(1),
        decision=st.integers(3, 5),
        reason=st.sampled_from(["denied", "expired", "cancelled"]),
    ),
    st.builds(
        m.StartAction,
        subject=st.just(1),
        agent=st.sampled_from([AGENT, AGENT, AGENT, AGENT, 8]),
        grant=st.sampled_from([1, 1, 1, 2, 3]),
        execution=EXECUTIONS,
        digest=st.sampled_from(["", "", "", "0" * 64]),
    ),
    st.builds(
        m.CompleteAction, subject=st.just(1), agent=st.just(AGENT), execution=EXECUTIONS, cost_micro=COSTS
    ),
    st.builds(m.FailAction, subject=st.just(1), agent=st.just(AGENT), execution=EXECUTIONS, cost_micro=COSTS),
    st.builds(
        m.SettleAction,
        subject=st.just(1),
        execution=EXECUTIONS,
        outcome=st.sampled_from(["completed", "failed"]),
    ),
    st.builds(m.CancelAction, subject=st.just(1)),
    st.builds(RetryAction, subject=st.just(1), agent=st.just(AGENT), execution=EXECUTIONS),
    st.builds(m.ActionTimePassed, subject=st.just(1)),
)
# What honest people and agents would do next, so that stories get somewhere; two executions, so that one is late.
SENSIBLE: st.SearchStrategy[Command] = st.sampled_from(
    [
        m.GrantAction(
            subject=1, decision=3, basis="committee", execution_ms=600_000, expires_at=START + 30 * MINUTE
        ),
        m.StartAction(subject=1, agent=AGENT, grant=1, execution="exe_a"),
        m.StartAction(subject=1, agent=AGENT, grant=2, execution="exe_a"),
        m.StartAction(subject=1, agent=AGENT, grant=1, execution="exe_b"),
        m.CompleteAction(subject=1, agent=AGENT, execution="exe_a"),
        m.FailAction(subject=1, agent=AGENT, execution="exe_a"),
        RetryAction(subject=1, agent=AGENT, execution="exe_a"),
        m.StartAction(subject=1, agent=AGENT, grant=2, execution="exe_b"),
    ]
)
FINE = StartEvidence(
    stops=(),
    agent_state=0,
    breaker_agent_until=0,
    breaker_tool_until=0,
    voters_valid=True,
    policy_allows=True,
)
LOOKS = st.sampled_from(
    [
        FINE,
        FINE,
        FINE,
        FINE,
        FINE,
        StartEvidence(
            stops=(9,),
            agent_state=0,
            breaker_agent_until=0,
            breaker_tool_until=0,
            voters_valid=True,
            policy_allows=True,
        ),
        StartEvidence(
            stops=(),
            agent_state=0,
            breaker_agent_until=0,
            breaker_tool_until=0,
            voters_valid=False,
            policy_allows=True,
        ),
    ]
)
WAITS = st.sampled_from([0, 0, 0, 0, SECOND, 4 * MINUTE, 12 * MINUTE])
STEP = st.tuples(
    st.integers(0, 5).flatmap(lambda dice: SENSIBLE if dice else COMMANDS),
    LOOKS,
    WAITS,
    st.booleans(),
)
STEPS = st.lists(STEP, max_size=3) | st.lists(STEP, min_size=6, max_size=16)
_REPEATED = policy(classes={"read": {"base": 5, "attempts": 3, "idempotent": True}})
_SURE = policy(classes={"read": {"base": 5, "attempts": 2, "idempotent": False}})
REQUESTS = st.sampled_from(
    [
        {},
        {"cost_micro": 10},
        {"evidence": seen(score=100)},
        {"evidence": seen(score=100), "cost_micro": 10},
        {"type": "unheard.of", "cost_micro": 10},
        {"evidence": seen(stops=(4,))},
        {"rules": _REPEATED, "cost_micro": 10},
        {"rules": _REPEATED, "evidence": seen(score=100)},
        {"rules": _SURE},
        {"evidence": seen(score=100, standing=5, standing_until=START + MINUTE)},
    ]
)
Story = tuple[World, list[tuple[str, list[Event]]]]


def _looks(command: Command, looks: StartEvidence) -> StartEvidence | RetryEvidence:
    """What is gathered for it. The policy in force bears more than the ruling: only the ruling can hold it back."""
    if not isinstance(command, RetryAction):
        return looks
    return RetryEvidence(
        start=looks, attempts=10, idempotent=True, permitted=True, task_valid=True, spend_left_micro=100
    )


def told(asked: dict[str, Any], steps: list[Any]) -> Story:
    """The story: its world, and per step who did it and what was recorded."""
    world = World()
    request(world, **asked)
    happened: list[tuple[str, list[Event]]] = [("request", world.events[:])]
    for command, looks, wait, clocks in steps:
        if wait and clocks:
            happened.append(("clock", world.ring(world.at + wait)))
        world.at += 0 if clocks else wait
        try:
            happened.append((type(command).__name__, world.perform(command, evidence=_looks(command, looks))))
        except Refused:
            happened.append((type(command).__name__, []))
    return world, happened


STORIES = st.builds(told, REQUESTS, STEPS)


def events(story: Story) -> list[Event]:
    return [event for _, recorded in story[1] for event in recorded]


@given(STORIES)
def test_nothing_starts_without_an_earlier_unexpired_grant_of_its_number(story: Story) -> None:
    given_: dict[int, tuple[m.Grant, int]] = {}
    gone: set[int] = set()
    for event in events(story):
        facts = event.facts
        if isinstance(facts, m.ActionDecided | m.ActionGranted | ActionRetried) and facts.grant is not None:
            given_[facts.grant.number] = (facts.grant, event.seq)
        elif isinstance(facts, m.GrantRevoked):
            gone.add(facts.grant)
        elif isinstance(facts, m.ActionClosed):
            gone |= given_.keys()
        elif isinstance(facts, m.ActionStarted):
            grant, seq = given_[facts.grant]
            assert seq < event.seq
            assert event.at < grant.expires_at
            assert facts.grant not in gone
            gone.add(facts.grant)  # single use


@given(STORIES)
def test_an_action_starts_at_most_once_per_grant_and_ends_at_most_once(story: Story) -> None:
    kinds = [type(event.facts) for event in events(story)]
    grants = sum(
        1
        for event in events(story)
        if getattr(event.facts, "grant", None) is not None
        and isinstance(event.facts, m.ActionDecided | m.ActionGranted | ActionRetried)
    )
    attempts = 1 + kinds.count(ActionRetried)
    assert kinds.count(m.ActionStarted) <= min(attempts, grants)
    assert (
        sum(
            kinds.count(kind) for kind in (m.ActionCompleted, m.ActionFailed, m.ActionSettled, m.ActionClosed)
        )
        <= attempts
    )


@given(STORIES)
def test_a_retry_repeats_what_failed_and_no_more_often_than_the_ruling_bears(story: Story) -> None:
    """Never after a success, never while one runs, after an unknown outcome only where doing it twice does no harm."""
    ruled, last, made = m.ActionDecided, "", 1
    first = story[1][0][1][0].facts
    assert isinstance(first, ruled)
    for event in events(story):
        facts = event.facts
        if isinstance(facts, m.ActionStarted):
            last = "runs"
        elif isinstance(facts, m.ActionCompleted | m.ActionFailed | m.ActionUnknown):
            last = facts.TYPE
        elif isinstance(facts, m.ActionSettled):
            last = f"action.{facts.outcome}/1"
        elif isinstance(facts, m.ActionGranted):
            made = 1
        elif isinstance(facts, ActionRetried):
            made += 1
            assert last == m.ActionFailed.TYPE or (last == m.ActionUnknown.TYPE and first.idempotent)
            assert facts.attempt == made <= first.attempts
            assert event.at < facts.grant.expires_at


@given(STORIES)
def test_only_the_ruling_and_people_give_grants(story: Story) -> None:
    """No time-out, error, start or settlement leads to one (promise 2)."""
    for who, recorded in story[1]:
        for event in recorded:
            if isinstance(event.facts, m.ActionGranted):
                assert who == "GrantAction"
                assert event.facts.grant.basis in ("approved", "committee", "forced")
            if isinstance(event.facts, m.ActionDecided):
                assert who == "request"


@given(STORIES)
def test_time_alone_only_closes_and_loses(story: Story) -> None:
    for who, recorded in story[1]:
        if who in ("clock", "ActionTimePassed"):
            assert {type(event.facts) for event in recorded} <= {m.ActionClosed, m.ActionUnknown}


@given(STORIES)
def test_what_was_denied_never_runs(story: Story) -> None:
    first = story[1][0][1][0].facts
    assert isinstance(first, m.ActionDecided)
    if first.verdict == "denied":
        assert not any(isinstance(event.facts, m.ActionGranted | m.ActionStarted) for event in events(story))


@given(STORIES)
def test_level_four_is_granted_by_a_committee_only(story: Story) -> None:
    level = 0
    for event in events(story):
        if isinstance(event.facts, m.ActionDecided | m.GrantRevoked):
            level = max(level, event.facts.level)
        if isinstance(event.facts, m.ActionGranted) and level == 4:
            assert event.facts.grant.basis in ("committee", "forced")


@given(STORIES)
def test_money_is_released_once_and_as_much_as_was_reserved(story: Story) -> None:
    world, _ = story
    reserved = 0
    for event in events(story):
        facts = event.facts
        if isinstance(facts, m.ActionDecided):
            reserved += facts.reserves_micro
        if isinstance(facts, ActionRetried):
            reserved += facts.reserves_micro - facts.charged_micro
        released = getattr(facts, "released_micro", 0)
        reserved -= released
        assert reserved >= 0
    state = world.states["action", 1]
    assert state.reserved_micro == reserved
    assert not (state.status in ("completed", "failed", "closed", "denied") and reserved)


@given(STORIES)
def test_what_has_a_timer_or_is_waited_for_stays_in_memory(story: Story) -> None:
    state = story[0].states["action", 1]
    if life.due(state) or state.status == "pending":
        assert life.live(state)
    if state.status in ("completed", "failed", "closed", "denied"):
        assert not life.live(state)
        assert life.due(state) == 0


@given(STORIES, st.integers(0, 20))
def test_a_command_repeated_at_once_records_nothing_more_unless_it_is_a_crime(
    story: Story, number: int
) -> None:
    """Idempotence: starting, ending, closing and granting again are the same; misuse is recorded each time."""
    world, _ = story
    steps = [m.StartAction(subject=1, agent=AGENT, grant=1, execution="exe_a"), m.CompleteAction(subject=1, agent=AGENT, execution="exe_a"), m.CancelAction(subject=1)]  # fmt: skip
    command = steps[number % len(steps)]
    try:
        world.perform(command, evidence=FINE)
        again = world.perform(command, evidence=FINE)
    except Refused:
        return
    assert all(isinstance(event.facts, m.GrantMisused) for event in again)
