"""The tables of a task's life: complete, closed, and bounded by clocks (spec 01 *Task status*, 2.4)."""

from __future__ import annotations

import pytest
from tests.transcripts.world import START, World

from watchfloor.kernel.messages import SYSTEM, Event, Facts
from watchfloor.work import life
from watchfloor.work import messages as m
from watchfloor.work.changes import EVOLVE
from watchfloor.work.life import CLOCKS, MOVES, STAGES, Task, nearest
from watchfloor.work.rules import FACTS

SPEC_STATUSES = {
    "queued",
    "assigned",
    "running",
    "blocked",
    "orphaned",
    "failed",
    "succeeded",
    "dead_letter",
    "cancelled",
}


def state(stage: str = "queued", **fields: int) -> Task:
    """A task in that stage, whose silence is no alarm."""
    world = World()
    world.perform(m.SubmitTask(stuck_ms=0))
    task = world.states["task", 1]
    assert isinstance(task, Task)
    changed = {"stage": stage, "generation": 1, "agent": 7} | fields
    return Task(**({f: getattr(task, f) for f in task.__struct_fields__} | changed))


def event(facts: Facts, seq: int = 9) -> Event:
    """Something that happens to it."""
    return Event(
        org="o", seq=seq, at=START, type=facts.TYPE, kind="task", subject=1, actor=SYSTEM, facts=facts
    )


def test_every_stage_has_a_row_in_both_tables_and_every_move_leads_to_a_stage() -> None:
    assert set(MOVES) == set(CLOCKS) == set(STAGES)
    assert {to for row in MOVES.values() for to in row.values()} <= set(STAGES)


def test_people_see_the_words_of_the_specification() -> None:
    assert {state(stage).status for stage in STAGES} == SPEC_STATUSES
    paused = {state(stage, paused_at=5).status for stage in STAGES if stage not in life.OVER}
    assert paused == {"paused"}
    assert {state(stage, paused_at=5).status for stage in life.OVER} == set(life.OVER)


def test_what_succeeded_or_was_cancelled_is_left_by_no_event_and_the_dead_letter_by_two() -> None:
    assert MOVES["succeeded"] == MOVES["cancelled"] == {}
    assert MOVES["dead_letter"] == {m.TaskRetried: "queued", m.TaskPurged: "cancelled"}


def test_with_a_criterion_unchecked_success_is_reached_from_work_and_checked_success_from_the_report() -> (
    None
):
    ways = {stage for stage, row in MOVES.items() if m.TaskSucceeded in row}
    assert ways == {"running", "blocked", "orphaned", "reported"}


def test_every_fact_of_a_task_is_folded() -> None:
    assert set(EVOLVE) == {facts for facts in FACTS if facts.KIND == "task"} - {m.DelegationRefused}


@pytest.mark.parametrize("stage", [stage for stage in STAGES if stage not in ("queued", *life.OVER)])
def test_who_has_work_in_hand_has_a_clock(stage: str) -> None:
    """Nothing waits for ever: only the queue may, until somebody eligible comes."""
    instant, reason = nearest(state(stage, until_at=START + 5, timeout_at=START + 6))
    assert instant in (START + 5, START + 6)
    assert reason


def test_the_clock_that_rings_first_decides_and_the_deadline_wins_a_tie() -> None:
    times = {"until_at": 30, "timeout_at": 20, "deadline_at": 40}
    assert nearest(state("orphaned", **times)) == (20, "timed_out")
    assert nearest(state("orphaned", **(times | {"timeout_at": 50}))) == (30, "disconnected")
    assert nearest(state("orphaned", **(times | {"deadline_at": 20}))) == (20, "deadline_passed")
    assert nearest(state("reported", **times)) == (30, "not_verified")
    assert nearest(state("queued")) == (0, "")


def test_an_event_of_another_generation_moves_nothing() -> None:
    task = state("running")
    for facts in (
        m.TaskOrphaned(agent=7, generation=2, until_at=5),
        m.TaskCancelled(agent=7, generation=0, reason=""),
    ):
        after = EVOLVE[type(facts)](task, event(facts))
        assert (after.stage, after.until_at) == ("running", task.until_at)


def test_an_assignment_that_does_not_raise_the_generation_is_none() -> None:
    facts = m.TaskAssigned(accept_by_at=5, agent=9, attempt=1, generation=1)
    after = EVOLVE[type(facts)](state("queued"), event(facts))
    assert (after.stage, after.agent, after.generation) == ("queued", 7, 1)


def test_blocked_is_a_status_that_progress_brings_and_takes_away() -> None:
    progress = m.TaskProgressed(generation=1, percent=5, status="blocked")
    blocked = EVOLVE[m.TaskProgressed](state("running"), event(progress))
    assert blocked.stage == "blocked"
    progress = m.TaskProgressed(generation=1, percent=6, status="running")
    assert EVOLVE[m.TaskProgressed](blocked, event(progress, 10)).stage == "running"


def test_a_new_assignment_forgets_what_the_last_agent_said_of_its_own_work() -> None:
    facts = m.TaskAssigned(accept_by_at=5, agent=9, attempt=2, generation=2)
    task = state("queued", percent=80, cost_micro=7, tokens=8, result_seq=4)
    after = EVOLVE[type(facts)](task, event(facts))
    assert (after.percent, after.cost_micro, after.tokens, after.result_seq) == (0, 0, 0, 0)
