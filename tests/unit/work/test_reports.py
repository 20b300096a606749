"""Tasks, the agent's side: what a report does, and what is nonsense, late or no news (spec 2.3, 2.4)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.transcripts.world import START
from tests.unit.work.stages import (
    ABLE,
    OTTO,
    ROSA,
    assigned,
    orphaned,
    reported,
    running,
    said,
    task,
)

from watchfloor.kernel.instants import MINUTE, SECOND
from watchfloor.kernel.limits import (
    LATE_REPORTS_MAX,
)
from watchfloor.kernel.messages import Command, Facts
from watchfloor.work import messages as m
from watchfloor.work.messages import (
    AcceptTask,
    AssignTask,
    CancelTask,
    CompleteTask,
    FailTask,
    RejectTask,
    ReportProgress,
    ResumeTask,
)


def test_accepting_twice_is_accepting_once() -> None:
    world = running()
    assert task(world).timeout_at == START + 30 * MINUTE
    assert said(world, AcceptTask(subject=1, agent=OTTO, generation=1)) == []


@pytest.mark.parametrize(
    "command",
    [
        ReportProgress(subject=1, agent=OTTO, generation=1),
        CompleteTask(subject=1, agent=OTTO, generation=1),
        FailTask(subject=1, agent=OTTO, generation=1),
        ResumeTask(subject=1, agent=OTTO, generation=1),
    ],
    ids=lambda command: type(command).__name__,
)
def test_nothing_is_reported_about_a_task_before_it_is_accepted(command: Command) -> None:
    assert assigned().refusal(command) == ("not_accepted", "", 409)


@pytest.mark.parametrize("kind", [AcceptTask, RejectTask, ReportProgress, CompleteTask, FailTask, ResumeTask])
@pytest.mark.parametrize("generation", [-1, 0, 2])
def test_a_generation_that_never_was_is_nonsense(kind: Any, generation: int) -> None:
    command = kind(subject=1, agent=OTTO, generation=generation)
    assert assigned().refusal(command) == ("unknown_generation", "/generation", 409)


def test_nobody_reports_without_being_somebody() -> None:
    assert running().refusal(AcceptTask(subject=1, agent=0, generation=1)) == ("out_of_range", "/agent", 422)


@pytest.mark.parametrize(
    ("command", "report"),
    [
        (AcceptTask(subject=1, agent=OTTO, generation=1), "accepted"),
        (RejectTask(subject=1, agent=OTTO, generation=1, reason="busy"), "rejected"),
        (ReportProgress(subject=1, agent=OTTO, generation=1), "progress"),
        (CompleteTask(subject=1, agent=OTTO, generation=1, private=b"{}"), "completed"),
        (FailTask(subject=1, agent=OTTO, generation=1, private=b"{}"), "failed"),
    ],
)
@pytest.mark.parametrize("stage", ["cancelled", "failed", "dead_letter", "assigned to another"])
def test_what_an_agent_says_of_what_it_lost_is_recorded_once_and_ignored(
    command: Command, report: str, stage: str
) -> None:
    world = assigned(attempts_max=1 if stage == "dead_letter" else 2)
    if stage == "cancelled":
        world.perform(CancelTask(subject=1))
    else:
        world.ring(START + MINUTE)
    if stage == "assigned to another":
        world.ring(START + MINUTE + SECOND)
        world.perform(AssignTask(subject=1, agent=ROSA), evidence=ABLE)
    before = task(world)
    assert said(world, command) == [m.TaskReportedLate(agent=OTTO, generation=1, report=report)]
    after = task(world)
    assert after.late == ((OTTO, 1, report),)
    assert (after.stage, after.agent, after.until_at) == (before.stage, before.agent, before.until_at)
    assert said(world, command) == []


def test_a_late_result_is_kept() -> None:
    world = assigned()
    world.perform(CancelTask(subject=1))
    late = world.perform(CompleteTask(subject=1, agent=OTTO, generation=1, private=b'{"result":1}'))
    assert late[0].private


def test_only_so_many_late_reports_are_remembered() -> None:
    world = assigned()
    for agent in range(100, 100 + LATE_REPORTS_MAX + 3):
        world.perform(CompleteTask(subject=1, agent=agent, generation=1))
    assert len(task(world).late) == LATE_REPORTS_MAX
    assert task(world).late[-1] == (100 + LATE_REPORTS_MAX + 2, 1, "completed")


def test_another_agents_report_is_late_even_under_the_present_generation() -> None:
    world = running()
    facts = said(world, CompleteTask(subject=1, agent=ROSA, generation=1))
    assert facts == [m.TaskReportedLate(agent=ROSA, generation=1, report="completed")]
    assert task(world).status == "running"


def test_the_same_agents_earlier_attempt_is_not_its_present_one() -> None:
    world = assigned()
    world.ring(START + MINUTE + SECOND)
    world.perform(AssignTask(subject=1, agent=OTTO), evidence=ABLE)
    facts = said(world, AcceptTask(subject=1, agent=OTTO, generation=1))
    assert facts == [m.TaskReportedLate(agent=OTTO, generation=1, report="accepted")]
    assert task(world).status == "assigned"


def test_rejecting_fails_the_attempt_with_the_agents_words_as_private_part() -> None:
    world = assigned()
    (event,) = world.perform(RejectTask(subject=1, agent=OTTO, generation=1, reason="busy"))
    assert isinstance(event.facts, m.TaskAttemptFailed)
    assert event.facts.reason == "rejected"
    assert START + 3 * SECOND // 4 < event.facts.retry_at <= START + SECOND
    assert event.private
    assert (task(world).status, task(world).agent) == ("failed", 0)


def test_rejecting_without_words_has_no_private_part_and_long_words_are_refused() -> None:
    world = assigned()
    long = RejectTask(subject=1, agent=OTTO, generation=1, reason="x" * 1_025)
    assert world.refusal(long) == ("too_long", "/reason", 422)
    (event,) = world.perform(RejectTask(subject=1, agent=OTTO, generation=1))
    assert not event.private


def test_what_was_accepted_is_not_rejected() -> None:
    command = RejectTask(subject=1, agent=OTTO, generation=1)
    assert running().refusal(command) == ("already_accepted", "", 409)


def test_progress_is_durable_at_a_change_of_status_or_after_a_minute() -> None:
    world = running()

    def progress(percent: int, status: str = "running") -> list[Facts]:
        return said(
            world, ReportProgress(subject=1, agent=OTTO, generation=1, percent=percent, status=status)
        )

    assert progress(10) == []
    assert progress(10, "blocked") == [m.TaskProgressed(generation=1, percent=10, status="blocked")]
    assert progress(20, "blocked") == []
    assert progress(30) == [m.TaskProgressed(generation=1, percent=30, status="running")]
    world.at += MINUTE - 1
    assert progress(40) == []
    world.at += 1
    assert progress(40) == [m.TaskProgressed(generation=1, percent=40, status="running")]
    assert (task(world).percent, task(world).progressed_at) == (40, START + MINUTE)


@pytest.mark.parametrize(
    ("fields", "field"),
    [({"percent": -1}, "/percent"), ({"percent": 101}, "/percent"), ({"status": "happy"}, "/status")],
)
def test_inflated_progress_is_refused(fields: dict[str, Any], field: str) -> None:
    command = ReportProgress(subject=1, agent=OTTO, generation=1, **fields)
    assert running().refusal(command)[1:] == (field, 422)


def test_progress_of_what_is_orphaned_or_reported_says_nothing() -> None:
    command = ReportProgress(subject=1, agent=OTTO, generation=1, status="blocked")
    assert said(orphaned(), command) == []
    assert said(reported(), command) == []


@pytest.mark.parametrize(
    ("fields", "field"), [({"cost_micro": -2}, "/cost_micro"), ({"tokens": 2**53}, "/tokens")]
)
def test_absurd_costs_are_refused(fields: dict[str, Any], field: str) -> None:
    command = CompleteTask(subject=1, agent=OTTO, generation=1, **fields)
    assert running().refusal(command)[1:] == (field, 422)


def test_without_criteria_the_agents_word_ends_the_task_unverified() -> None:
    world = running()
    done = CompleteTask(subject=1, agent=OTTO, generation=1, cost_micro=5, tokens=6, private=b"{}")
    facts = m.TaskSucceeded(agent=OTTO, cost_micro=5, generation=1, tokens=6, verified=False)
    assert said(world, done) == [facts]
    assert (task(world).status, task(world).result_seq) == ("succeeded", world.seq)
    assert said(world, done) == []
    failing = FailTask(subject=1, agent=OTTO, generation=1)
    assert world.refusal(failing) == ("already_reported", "", 409)


def test_the_last_attempt_or_a_hopeless_failure_ends_in_the_dead_letter() -> None:
    world = running(attempts_max=1)
    facts = said(world, FailTask(subject=1, agent=OTTO, generation=1))
    assert facts == [
        m.TaskDeadLettered(agent=OTTO, generation=1, reason="failed", unsaid=("money", "tokens"))
    ]
    world = running(attempts_max=3)
    facts = said(world, FailTask(subject=1, agent=OTTO, generation=1, retryable=False))
    assert facts == [
        m.TaskDeadLettered(agent=OTTO, generation=1, reason="failed", unsaid=("money", "tokens"))
    ]
    assert task(world).agent == 0
    world = running(attempts_max=3)
    (failed,) = said(world, FailTask(subject=1, agent=OTTO, generation=1))
    assert isinstance(failed, m.TaskAttemptFailed)


def test_an_agent_that_comes_back_in_time_goes_on() -> None:
    world = orphaned()
    world.at += 30 * SECOND
    resume = ResumeTask(subject=1, agent=OTTO, generation=1)
    assert said(world, resume) == [m.TaskResumed(agent=OTTO, generation=1)]
    assert said(world, resume) == []
    assert (task(world).status, task(world).until_at) == ("running", 0)
    assert task(world).timeout_at == START + 30 * MINUTE


def test_an_agent_that_comes_back_too_late_hears_that_the_task_is_gone() -> None:
    world = orphaned()
    world.ring(START + MINUTE)
    resume = ResumeTask(subject=1, agent=OTTO, generation=1)
    assert world.refusal(resume) == ("task_reassigned", "", 409)
    assert isinstance(world.events[-1].facts, m.TaskAttemptFailed)
    assert world.events[-1].facts.reason == "disconnected"


def test_a_result_that_comes_within_the_grace_counts() -> None:
    world = orphaned()
    (facts,) = said(world, CompleteTask(subject=1, agent=OTTO, generation=1))
    assert isinstance(facts, m.TaskSucceeded)
