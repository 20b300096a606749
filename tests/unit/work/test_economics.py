"""Economics of a task: estimates, what an attempt took, what it was worth (spec 2.4; fault F12)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.transcripts.world import START, World
from tests.unit.work.stages import OTTO, orphaned, reported, running, submitted

from watchfloor.kernel.instants import SECOND
from watchfloor.kernel.limits import INTEGER_MAX
from watchfloor.work.economic_messages import AssessTask, Economics, EstimateTask
from watchfloor.work.messages import CancelTask, CompleteTask, FailTask, RecordVerification, SubmitTask


def last(world: World, command: Any) -> Any:
    """The facts of the last event that a command leads to."""
    return world.perform(command)[-1].facts


def test_estimates_come_with_the_task_and_their_rationale_is_private() -> None:
    world = World()
    economics = Economics(cost_micro=5, value_micro=9, limit_tokens=70)
    first, second = world.perform(SubmitTask(economics=economics, rationale=b'{"rationale":"x"}'))
    assert (first.type, second.type) == ("task.submitted/1", "task.estimated/1")
    assert not first.private
    assert second.private
    assert world.states["task", 1].economics == economics


@pytest.mark.parametrize(
    ("fields", "field"), [({"cost_micro": -2}, "/cost_micro"), ({"limit_ms": 2**53}, "/budget/ms")]
)
def test_absurd_estimates_are_refused(fields: dict[str, int], field: str) -> None:
    assert World().refusal(SubmitTask(economics=Economics(**fields))) == ("out_of_range", field, 422)


def test_a_task_is_estimated_anew_until_it_is_over_for_good() -> None:
    world = submitted()
    command = EstimateTask(subject=1, economics=Economics(tokens=4))
    assert [event.type for event in world.perform(command)] == ["task.estimated/1"]
    assert world.perform(command) == []
    assert len(world.perform(EstimateTask(subject=1, economics=Economics(tokens=4), private=b"{}"))) == 1
    world.perform(CancelTask(subject=1))
    assert world.refusal(command)[0] == "task_over"
    assert world.refusal(EstimateTask(subject=9, economics=Economics()))[0] == "unknown_task"


def test_what_an_attempt_took_is_said_by_its_agent_and_timed_by_the_platform() -> None:
    world = running()
    world.at += 90 * SECOND
    done = last(world, CompleteTask(subject=1, agent=OTTO, generation=1, cost_micro=0))
    assert (done.cost_micro, done.tokens, done.unsaid, done.time_ms) == (0, 0, ("tokens",), 90_000)
    world = running()
    failed = last(world, FailTask(subject=1, agent=OTTO, generation=1, cost_micro=7, tokens=8))
    assert (failed.cost_micro, failed.tokens, failed.unsaid) == (7, 8, ())


@pytest.mark.parametrize(
    ("economics", "money", "tokens"),
    [
        (None, 1_000_000_000, 100_000_000),
        (Economics(cost_micro=2_000_000, tokens=0), 20_000_000, 100_000),
        (Economics(cost_micro=0, limit_tokens=50_000), 1_000_000, 500_000),
    ],
)
def test_a_claim_counts_up_to_ten_times_what_was_expected(
    economics: Economics | None, money: int, tokens: int
) -> None:
    world = running(economics=economics)
    failed = last(
        world, FailTask(subject=1, agent=OTTO, generation=1, cost_micro=INTEGER_MAX, tokens=INTEGER_MAX)
    )
    assert (failed.cost_micro, failed.tokens) == (money, tokens)
    assert failed.claimed_micro == failed.claimed_tokens == INTEGER_MAX
    world = running(economics=economics)
    done = last(world, CompleteTask(subject=1, agent=OTTO, generation=1, cost_micro=money, tokens=tokens))
    assert (done.cost_micro, done.tokens, done.claimed_micro, done.claimed_tokens) == (money, tokens, 0, 0)


def test_nobody_knows_what_an_attempt_took_whose_agent_says_nothing() -> None:
    for world in (running(), orphaned()):
        taken = last(world, CancelTask(subject=1))
        assert (taken.cost_micro, taken.unsaid) == (0, ("money", "tokens"))
    idle = last(submitted(), CancelTask(subject=1))
    assert (idle.unsaid, idle.time_ms) == ((), 0)


def test_a_report_that_does_not_hold_took_what_it_said() -> None:
    world = reported()
    world.at += SECOND
    failed = last(world, RecordVerification(subject=1, generation=1, passed=False))
    state = world.states["task", 1]
    assert (failed.cost_micro, failed.tokens, failed.unsaid) == (state.cost_micro, state.tokens, state.unsaid)
    assert failed.time_ms > 0


def test_only_what_is_over_is_assessed_and_the_system_never_over_a_person() -> None:
    world = running()
    assert world.refusal(AssessTask(subject=1, value_micro=5))[0] == "task_not_over"
    assert world.refusal(AssessTask(subject=9, value_micro=5))[0] == "unknown_task"
    world.perform(CompleteTask(subject=1, agent=OTTO, generation=1))
    assert world.refusal(AssessTask(subject=1, value_micro=-1))[1] == "/value_micro"
    by_system = AssessTask(subject=1, value_micro=5, by="system")
    assert last(world, by_system).value_micro == 5
    assert world.perform(by_system) == []
    assert last(world, AssessTask(subject=1, value_micro=6)).by == "person"
    assert world.perform(by_system) == []
    assert world.states["task", 1].assessed_by == "person"
    assert START
