"""Time and outcomes: what ends an action, and what cannot move it any more (spec 3.2, DESIGN 2b.8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from tests.transcripts.world import START, World
from tests.unit.actions.lives import (
    EXPIRES,
    begun,
    complete,
    facts,
    fail,
    lost,
    people_grant,
    running,
    settle,
    state,
    waiting,
)
from tests.unit.actions.requests import AGENT, seen

from watchfloor.actions import life
from watchfloor.actions.messages import (
    ActionClosed,
    ActionCompleted,
    ActionFailed,
    ActionGranted,
    ActionSettled,
    ActionStarted,
    ActionTimePassed,
    ActionUnknown,
    Grant,
    GrantRevoked,
    UngatedCall,
)
from watchfloor.kernel.instants import MINUTE, SECOND
from watchfloor.kernel.messages import Facts

# Time --------------------------------------------------------------------------------------------------------------------


def test_a_grant_lapses_with_an_event_where_money_or_people_stand_behind_it() -> None:
    world = begun(cost_micro=9)
    assert life.due(state(world)) == EXPIRES
    (event,) = world.ring(EXPIRES)
    assert event.facts == ActionClosed(agent=AGENT, decision=0, reason="grant_expired", released_micro=9)
    world = waiting()
    facts(world, people_grant())
    (event,) = world.ring(EXPIRES)
    assert event.facts == ActionClosed(agent=AGENT, decision=5, reason="grant_expired", released_micro=0)
    assert state(world).decision == 5


def test_a_machines_grant_without_money_waits_for_nothing_and_leaves_memory() -> None:
    world = begun()
    assert (life.live(state(world)), life.due(state(world))) == (False, 0)
    assert world.ring(EXPIRES + MINUTE) == []
    assert facts(world, ActionTimePassed(subject=1)) == []


def test_a_clock_that_rings_early_or_for_a_finished_action_says_nothing() -> None:
    world = running()
    assert facts(world, ActionTimePassed(subject=1)) == []
    facts(world, complete())
    world.at += 10**12
    assert facts(world, ActionTimePassed(subject=1)) == []
    assert life.overdue(1, state(world), world.at) is None
    assert not life.live(state(world))


def test_no_outcome_in_time_is_unknown_and_keeps_the_money() -> None:
    world = running(cost_micro=9)
    assert life.live(state(world))
    (event,) = world.ring(START + 600 * SECOND)
    assert event.facts == ActionUnknown(action_type="file.read", agent=AGENT, execution="exe_a", tool="")
    assert (state(world).status, state(world).reserved_micro) == ("unknown", 9)
    assert (life.due(state(world)), life.live(state(world))) == (0, False)


# Outcomes ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("begin", [running, lost])
def test_an_outcome_ends_the_execution_also_late(begin: Any) -> None:
    world = begin(cost_micro=9)
    (done,) = facts(world, complete(cost_micro=4, outcome_digest="d"))
    assert done == ActionCompleted(
        action_type="file.read",
        agent=AGENT,
        cost_micro=4,
        execution="exe_a",
        outcome_digest="d",
        released_micro=9,
        tool="",
    )
    assert (state(world).status, state(world).reserved_micro) == ("completed", 0)
    assert facts(world, complete(cost_micro=4)) == []
    assert world.refusal(fail())[0] == "already_over"
    world = begin(cost_micro=9)
    (failed,) = facts(world, fail(code="no_such_file"))
    assert failed == ActionFailed(
        action_type="file.read",
        agent=AGENT,
        code="no_such_file",
        cost_micro=9,
        execution="exe_a",
        released_micro=9,
        tool="",
    )
    assert facts(world, fail()) == []
    assert world.refusal(complete())[0] == "already_over"


def test_whoever_does_not_say_what_it_cost_is_charged_what_was_reserved() -> None:
    (done,) = facts(running(cost_micro=9), complete())
    assert isinstance(done, ActionCompleted)
    assert done.cost_micro == 9


@pytest.mark.parametrize("tell", [complete, fail])
def test_only_the_agent_and_the_execution_that_ran_have_an_outcome(tell: Any) -> None:
    assert running().refusal(tell(agent=8)) == ("not_your_action", "", 403)
    assert running().refusal(tell(execution="exe_b"))[0] == "not_this_execution"
    assert begun().refusal(tell(execution=""))[0] == "not_this_execution"
    assert running().refusal(tell(cost_micro=-2))[:2] == ("out_of_range", "/cost_micro")


def test_texts_of_outcomes_are_bounded() -> None:
    assert running().refusal(complete(outcome_digest="x" * 129))[1] == "/outcome_digest"
    assert running().refusal(fail(code=""))[1] == "/code"


@pytest.mark.parametrize("outcome", ["completed", "failed"])
def test_an_unknown_outcome_is_settled_once_and_for_good(outcome: str) -> None:
    world = lost(cost_micro=9)
    (settled,) = facts(world, settle(outcome=outcome, cost_micro=3))
    assert settled == ActionSettled(
        agent=AGENT, cost_micro=3, execution="exe_a", outcome=outcome, released_micro=9
    )
    assert (state(world).status, state(world).reserved_micro) == (outcome, 0)
    assert facts(world, settle(outcome=outcome)) == []
    other = {"completed": fail(), "failed": complete()}[outcome]
    assert world.refusal(other)[0] == "already_over"


def test_only_what_is_unknown_is_settled() -> None:
    assert running().refusal(settle())[0] == "not_unknown"
    assert lost().refusal(settle(execution="exe_b"))[0] == "not_unknown"
    assert lost().refusal(settle(outcome="cancelled"))[0] == "unknown_choice"
    world = running()
    facts(world, complete())
    assert world.refusal(settle(outcome="failed"))[0] == "not_unknown"


# Events that come where they cannot ----------------------------------------------------------------------------------------


def test_events_of_another_life_change_nothing_but_the_seq() -> None:
    grant = Grant(basis="approved", execution_ms=1, expires_at=1)
    over = running()
    facts(over, complete())
    denied = begun(evidence=seen(stops=(1,)))
    late: list[Facts] = [
        ActionGranted(agent=AGENT, decision=1, grant=grant),
        ActionClosed(agent=AGENT, decision=1, reason="denied", released_micro=0),
        GrantRevoked(agent=AGENT, digest="", grant=1, level=2, reason="", risk=0, urgency=""),
        ActionStarted(action_type="", agent=AGENT, execution="exe_z", grant=1, target="", tool="", until_at=1),
        ActionCompleted(action_type="", agent=AGENT, cost_micro=0, execution="exe_z", outcome_digest="", released_micro=0, tool=""),
        ActionFailed(action_type="", agent=AGENT, code="", cost_micro=0, execution="exe_z", released_micro=0, tool=""),
        ActionUnknown(action_type="", agent=AGENT, execution="exe_z", tool=""),
        ActionSettled(agent=AGENT, cost_micro=0, execution="exe_z", outcome="failed", released_micro=0),
    ]  # fmt: skip
    for world in (over, denied):
        before = state(world)
        for said in late:
            event = msgspec.structs.replace(
                world.events[0], seq=100 + len(world.events), type=said.TYPE, facts=said
            )
            world.take_up([event])
        assert msgspec.structs.replace(state(world), seq=before.seq) == before
    executing = running()
    other = msgspec.structs.replace(executing.events[0], seq=100, facts=late[6])
    executing.take_up([other])
    assert state(executing).status == "executing"


@pytest.mark.parametrize("how", [begun, waiting])
def test_what_is_reported_as_done_and_was_never_started_is_an_alarm_once(how: Callable[[], World]) -> None:
    world = how()
    before = state(world).status
    assert facts(world, complete()) == [
        UngatedCall(action_type="file.read", agent=AGENT, execution="exe_a", tool="")
    ]
    assert state(world).status == before
    assert world.refusal(complete())[0] == "ungated_call"
    assert world.refusal(complete(agent=8))[0] == "not_your_action"
    assert world.refusal(complete(execution=""))[0] == "not_this_execution"
    assert world.refusal(fail())[0] == "not_this_execution"
