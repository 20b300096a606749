"""Tasks, the platform's side: submission, assignment, verification, reclaim, time (spec 2.3, 2.4)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.transcripts.world import START, World
from tests.unit.work.stages import (
    ABLE,
    OTTO,
    ROSA,
    assigned,
    orphaned,
    reported,
    running,
    said,
    submitted,
    task,
)

from watchfloor.kernel.instants import HOUR, MINUTE, SECOND
from watchfloor.kernel.limits import (
    ATTEMPTS_PER_TASK_MAX,
    BACKOFF_MS_MAX,
    CAPABILITIES_MAX,
    CRITERIA_PER_TASK_MAX,
    TASK_MS_MAX,
    VERIFICATION_MS_MAX,
)
from watchfloor.kernel.messages import Command
from watchfloor.work import messages as m
from watchfloor.work import rules
from watchfloor.work.messages import (
    AcceptTask,
    AssignTask,
    CancelTask,
    CompleteTask,
    FailTask,
    OrphanTask,
    RecordVerification,
    RejectTask,
    ReportProgress,
    ResumeTask,
    RetryTask,
    SubmitTask,
    TaskTimePassed,
)
from watchfloor.work.rules import AgentEvidence


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"priority": "asap"}, "/priority"),
        ({"needs": ("",)}, "/needs/0"),
        ({"needs": tuple(map(str, range(CAPABILITIES_MAX + 1)))}, "/needs"),
        ({"agent": -1}, "/agent"),
        ({"criteria": -1}, "/criteria"),
        ({"criteria": CRITERIA_PER_TASK_MAX + 1}, "/criteria"),
        ({"attempts_max": 0}, "/attempts_max"),
        ({"attempts_max": ATTEMPTS_PER_TASK_MAX + 1}, "/attempts_max"),
        ({"acceptance_ms": 0}, "/acceptance_ms"),
        ({"timeout_ms": 0}, "/timeout_ms"),
        ({"timeout_ms": TASK_MS_MAX + 1}, "/timeout_ms"),
        ({"grace_ms": -1}, "/grace_ms"),
        ({"backoff_ms": BACKOFF_MS_MAX + 1}, "/backoff_ms"),
        ({"deadline_at": START}, "/deadline_at"),
    ],
)
def test_a_task_out_of_bounds_is_refused_at_its_field(fields: dict[str, Any], field: str) -> None:
    assert World().refusal(SubmitTask(**fields))[1:] == (field, 422)


def test_a_task_is_submitted_once_and_waits() -> None:
    world = submitted(private=b"{}", deadline_at=START + HOUR)
    assert world.refusal(SubmitTask(subject=1)) == ("already_submitted", "", 409)
    assert (task(world).status, task(world).queued_at, task(world).deadline_at) == (
        "queued",
        START,
        START + HOUR,
    )
    assert world.events[0].private


@pytest.mark.parametrize(
    "command",
    [
        AssignTask(subject=3, agent=OTTO),
        AcceptTask(subject=3, agent=OTTO, generation=1),
        RejectTask(subject=3, agent=OTTO, generation=1),
        ReportProgress(subject=3, agent=OTTO, generation=1),
        CompleteTask(subject=3, agent=OTTO, generation=1),
        FailTask(subject=3, agent=OTTO, generation=1),
        RecordVerification(subject=3, generation=1, passed=True),
        OrphanTask(subject=3, agent=OTTO),
        ResumeTask(subject=3, agent=OTTO, generation=1),
        CancelTask(subject=3),
        RetryTask(subject=3),
        TaskTimePassed(subject=3),
    ],
    ids=lambda command: type(command).__name__,
)
def test_nobody_commands_a_task_that_does_not_exist(command: Command) -> None:
    assert World().refusal(command, evidence=ABLE) == ("unknown_task", "", 404)


@pytest.mark.parametrize(
    ("code", "fields", "agent", "evidence"),
    [
        ("out_of_range", {}, 0, {}),
        ("reserved", {"agent": ROSA}, OTTO, {}),
        ("agent_unavailable", {}, OTTO, {"active": False}),
        ("capability_missing", {"needs": ("python", "rust")}, OTTO, {}),
        ("agent_full", {}, OTTO, {"tasks_open": 3}),
        ("agent_full", {}, OTTO, {"tasks_max": 0}),
    ],
)
def test_work_goes_only_to_who_may_have_it(
    code: str, fields: dict[str, Any], agent: int, evidence: dict[str, Any]
) -> None:
    usual: dict[str, Any] = {"active": True, "capabilities": ("python",), "tasks_open": 0, "tasks_max": 3}
    given = AgentEvidence(**(usual | evidence))
    refused = submitted(**fields).refusal(AssignTask(subject=1, agent=agent), evidence=given)
    assert refused[:2] == (code, "/agent")


def test_of_two_agents_who_want_a_task_the_first_has_it() -> None:
    world = submitted(agent=OTTO, needs=("git",))
    world.perform(AssignTask(subject=1, agent=OTTO), evidence=ABLE)
    assert world.refusal(AssignTask(subject=1, agent=ROSA), evidence=ABLE) == ("not_queued", "", 409)
    assert (task(world).agent, task(world).generation, task(world).attempts) == (OTTO, 1, 1)
    assert task(world).until_at == START + MINUTE


@pytest.mark.parametrize("generation", [0, 2])
def test_a_verification_of_what_never_was_is_nonsense(generation: int) -> None:
    command = RecordVerification(subject=1, generation=generation, passed=True)
    assert reported().refusal(command) == ("unknown_generation", "/generation", 409)


def test_with_criteria_the_platform_decides() -> None:
    world = reported()
    result_seq = task(world).result_seq
    assert (task(world).status, task(world).stage) == ("running", "reported")
    assert said(world, CompleteTask(subject=1, agent=OTTO, generation=1)) == []
    passed = RecordVerification(subject=1, generation=1, passed=True)
    facts = m.TaskSucceeded(agent=OTTO, cost_micro=5, generation=1, tokens=6, verified=True)
    assert said(world, passed) == [facts]
    assert (task(world).status, task(world).result_seq) == ("succeeded", result_seq)
    assert said(world, passed) == []
    assert said(world, RecordVerification(subject=1, generation=1, passed=False)) == []


def test_a_check_that_fails_is_a_failed_attempt() -> None:
    world = reported()
    (event,) = world.perform(RecordVerification(subject=1, generation=1, passed=False, private=b"{}"))
    assert isinstance(event.facts, m.TaskAttemptFailed)
    assert event.facts.reason == "not_verified"
    assert event.private


def test_a_check_that_arrives_again_or_after_its_attempt_is_no_news() -> None:
    world = reported()
    world.perform(RecordVerification(subject=1, generation=1, passed=False))
    again = RecordVerification(subject=1, generation=1, passed=True)
    assert said(world, again) == []  # failed
    world.ring(START + SECOND)
    assert said(world, again) == []  # queued
    world.perform(AssignTask(subject=1, agent=ROSA), evidence=ABLE)
    assert said(world, again) == []  # another generation
    assert task(world).status == "assigned"


@pytest.mark.parametrize(
    "world", [assigned(), running(), orphaned()], ids=["assigned", "running", "orphaned"]
)
def test_there_is_nothing_to_verify_before_the_report(world: World) -> None:
    command = RecordVerification(subject=1, generation=1, passed=True)
    assert world.refusal(command) == ("not_reported", "", 409)


def test_a_check_that_never_comes_is_a_failed_attempt() -> None:
    world = reported()
    rung = world.ring(START + VERIFICATION_MS_MAX * 1_000)
    (failed,) = [event.facts for event in rung]
    assert isinstance(failed, m.TaskAttemptFailed)
    assert (failed.agent, failed.generation, failed.reason) == (OTTO, 1, "not_verified")


def test_backing_off_doubles_up_to_an_hour() -> None:
    world = submitted(attempts_max=ATTEMPTS_PER_TASK_MAX, backoff_ms=1_000)
    rests = []
    for generation in range(1, ATTEMPTS_PER_TASK_MAX):
        world.perform(AssignTask(subject=1, agent=OTTO), evidence=ABLE)
        world.perform(RejectTask(subject=1, agent=OTTO, generation=generation))
        rests.append(task(world).until_at - world.at)
        world.ring(task(world).until_at)
    bounds = [min(1 << attempt, 3_600) * SECOND for attempt in range(len(rests))]
    assert all(3 * bound // 4 < rest <= bound for rest, bound in zip(rests, bounds, strict=True)), (
        "up to a quarter sooner"
    )
    spread = {rest * 100 // bound for rest, bound in zip(rests, bounds, strict=True)}
    assert len(spread) > 10, "what failed together does not come back together"


def test_a_task_without_back_off_is_back_at_once() -> None:
    world = assigned(backoff_ms=0)
    world.perform(RejectTask(subject=1, agent=OTTO, generation=1))
    world.ring(START)
    assert task(world).status == "queued"


def test_only_work_in_progress_is_orphaned_and_only_by_its_own_agent() -> None:
    for world in (submitted(), assigned(), reported(), orphaned()):
        assert said(world, OrphanTask(subject=1, agent=OTTO)) == []
    world = running()
    assert said(world, OrphanTask(subject=1, agent=ROSA)) == []
    facts = m.TaskOrphaned(agent=OTTO, generation=1, until_at=START + MINUTE)
    assert said(world, OrphanTask(subject=1, agent=OTTO)) == [facts]


def test_cancelling_ends_what_is_not_over() -> None:
    world = assigned()
    cancel = CancelTask(subject=1, reason="not needed")
    assert said(world, cancel) == [m.TaskCancelled(agent=OTTO, generation=1, reason="not needed")]
    assert said(world, cancel) == []
    assert world.refusal(CancelTask(subject=1, reason="x" * 1_025)) == ("too_long", "/reason", 422)
    done = running()
    done.perform(CompleteTask(subject=1, agent=OTTO, generation=1))
    assert done.refusal(cancel) == ("task_over", "", 409)


def test_a_retry_is_for_the_dead_letter_and_before_the_deadline() -> None:
    assert submitted().refusal(RetryTask(subject=1)) == ("not_dead_letter", "", 409)
    for deadline_at in (0, START + HOUR):
        world = running(attempts_max=1, deadline_at=deadline_at)
        world.perform(FailTask(subject=1, agent=OTTO, generation=1))
        assert said(world, RetryTask(subject=1)) == [m.TaskRetried()]
        assert (task(world).attempts, task(world).retries, task(world).generation) == (0, 1, 1)
    world = submitted(deadline_at=START + HOUR)
    world.ring(START + HOUR)
    assert world.refusal(RetryTask(subject=1)) == ("deadline_passed", "", 409)


def test_time_that_has_not_come_changes_nothing() -> None:
    world = assigned()
    assert said(world, TaskTimePassed(subject=1)) == []
    assert said(submitted(), TaskTimePassed(subject=1)) == []


def test_a_task_lives_until_it_is_over_and_its_clock_asks_for_it() -> None:
    subject = rules.SUBJECTS[0]
    world = assigned()
    assert subject.live(task(world))
    assert subject.due(task(world)) == START + MINUTE
    assert subject.overdue(1, task(world), START + MINUTE) == TaskTimePassed(subject=1)
    world.perform(CancelTask(subject=1))
    assert not subject.live(task(world))
    assert subject.due(task(world)) == 0
