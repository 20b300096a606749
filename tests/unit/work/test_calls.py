"""What became of the call of an HTTP worker: acceptance and report in one, by the rules of both (spec 2.4)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
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

from watchfloor.kernel.instants import MINUTE
from watchfloor.kernel.messages import Facts
from watchfloor.work.messages import (
    CALL_FAILURES,
    WORKER_HELD,
    AssignTask,
    CancelTask,
    ConcludeCall,
    TaskAccepted,
    TaskAssigned,
    TaskAttemptFailed,
    TaskDeadLettered,
    TaskReported,
    TaskReportedLate,
    TaskSucceeded,
)


def concluded(outcome: str, **fields: Any) -> ConcludeCall:
    usual: dict[str, Any] = {"subject": 1, "agent": OTTO, "generation": 1, "outcome": outcome}
    return ConcludeCall(**(usual | fields))


def names(facts: list[Facts]) -> list[type[Facts]]:
    return [type(entry) for entry in facts]


def test_an_assignment_says_whether_its_agent_is_called() -> None:
    world = submitted()
    (facts,) = said(world, AssignTask(subject=1, agent=OTTO), msgspec.structs.replace(ABLE, called=True))
    assert isinstance(facts, TaskAssigned)
    assert facts.called
    told = assigned().events[-1].facts
    assert isinstance(told, TaskAssigned)
    assert not told.called


def test_a_result_takes_the_task_and_ends_it() -> None:
    world = assigned()
    happened = said(world, concluded("completed", tokens=5, cost_micro=6, private=b'{"result":1}'))
    assert names(happened) == [TaskAccepted, TaskSucceeded]
    assert (task(world).status, task(world).tokens, task(world).cost_micro) == ("succeeded", 5, 6)
    assert world.events[-1].private


def test_a_result_of_a_task_with_criteria_is_checked_like_any_other() -> None:
    world = assigned(criteria=1)
    assert names(said(world, concluded("completed"))) == [TaskAccepted, TaskReported]


def test_accepted_means_a_report_comes_later() -> None:
    world = assigned()
    assert names(said(world, concluded("accepted"))) == [TaskAccepted]
    assert task(world).status == "running"
    assert said(world, concluded("accepted")) == []


@pytest.mark.parametrize(("retryable", "ends"), [(True, TaskAttemptFailed), (False, TaskDeadLettered)])
def test_a_worker_may_say_that_it_failed(retryable: bool, ends: type[Facts]) -> None:
    happened = said(assigned(), concluded("failed", retryable=retryable))
    assert names(happened) == [TaskAccepted, ends]
    assert happened[1].reason == "failed"  # type: ignore[attr-defined]


def test_a_worker_may_reject_what_it_was_assigned_and_nothing_else() -> None:
    (facts,) = said(assigned(), concluded("rejected"))
    assert isinstance(facts, TaskAttemptFailed)
    assert facts.reason == "rejected"
    assert said(running(), concluded("rejected")) == []


@pytest.mark.parametrize("reason", [*CALL_FAILURES, WORKER_HELD])
def test_no_answer_is_a_failed_attempt_with_its_reason(reason: str) -> None:
    world = assigned()
    (facts,) = said(world, concluded("unanswered", reason=reason, private=b'{"calls":[]}'))
    assert isinstance(facts, TaskAttemptFailed)
    assert (facts.reason, facts.agent, facts.generation) == (reason, OTTO, 1)
    assert world.events[-1].private


def test_no_answer_to_the_last_attempt_ends_in_the_dead_letter() -> None:
    (facts,) = said(assigned(attempts_max=1), concluded("unanswered", reason="worker_error"))
    assert isinstance(facts, TaskDeadLettered)
    assert facts.reason == "worker_error"


@pytest.mark.parametrize("stage", [running, orphaned, reported])
def test_silence_of_a_worker_that_has_the_task_by_its_own_report_is_no_news(stage: Any) -> None:
    assert said(stage(), concluded("unanswered", reason="worker_timed_out")) == []


@pytest.mark.parametrize("outcome", ["accepted", "completed", "failed"])
def test_an_answer_after_the_report_is_no_news(outcome: str) -> None:
    assert said(reported(), concluded(outcome)) == []


@pytest.mark.parametrize("outcome", ["completed", "failed"])
def test_an_answer_after_its_own_acceptance_counts(outcome: str) -> None:
    assert len(said(running(), concluded(outcome))) == 1


@pytest.mark.parametrize("outcome", ["accepted", "completed", "failed", "rejected"])
def test_the_answer_to_an_attempt_that_is_over_is_recorded_late_and_ignored(outcome: str) -> None:
    world = assigned(backoff_ms=0)
    world.ring(world.at + 2 * MINUTE)
    world.perform(AssignTask(subject=1, agent=ROSA), evidence=ABLE)
    before = task(world)
    (facts,) = said(world, concluded(outcome, private=b"{}"))
    assert facts == TaskReportedLate(agent=OTTO, generation=1, report=outcome)
    assert (task(world).stage, task(world).agent, task(world).generation) == (
        before.stage,
        ROSA,
        2,
    )
    assert said(world, concluded(outcome, private=b"{}")) == []


def test_no_answer_to_an_attempt_that_is_over_is_no_news() -> None:
    world = assigned()
    world.perform(CancelTask(subject=1))
    assert said(world, concluded("unanswered", reason="worker_timed_out")) == []


def test_nonsense_is_refused() -> None:
    world = assigned()
    assert world.refusal(concluded("vanished"))[:2] == ("unknown_choice", "/outcome")
    assert world.refusal(concluded("unanswered", reason="tired"))[:2] == ("unknown_choice", "/reason")
    assert world.refusal(concluded("accepted", generation=2))[:2] == ("unknown_generation", "/generation")
    assert world.refusal(concluded("accepted", agent=0))[:2] == ("out_of_range", "/agent")
