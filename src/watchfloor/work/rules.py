"""Rules of tasks: submission, assignment, reports, verification, reclaim (spec 2.4 and 2.3; DESIGN 2b.6; faults B10, C5, C13).

Theory of operation
-------------------
`life.py` has the tables; here is who may cause which move.

The platform queues, assigns, verifies, reclaims. A task is assigned to an agent that is available, has what the task
needs and has room (evidence), with a generation that is higher than any before: the fencing token that every report
of the agent carries. A report

- of a generation that never was is nonsense, as is one that its stage cannot take (complete before accept): refused;
- of an older generation, of somebody else's task or after the end is *late*: recorded with its private part, once, and
  without effect, so that a result is never lost and never counts twice;
- that repeats what is already so records nothing.

An agent's word ends a task only when the task has no criteria. Otherwise it is a report, and the platform's own check
of the same generation decides (spec 2.4 *Verification*). An attempt that comes to nothing (rejected, not accepted,
failed, timed out, not verified, its agent gone for longer than the grace) is one event with its reason: back in the
queue after a back-off that doubles, or in the dead letter when attempts are used up or the agent says that trying
again is useless. An assignment is recorded before its agent hears of it: work that kills whoever takes it ends there.

Time asks with `TaskTimePassed`; the clock that rings first decides. A report judged before the clock rang counts.
"""

# ruff: noqa: ARG001, ARG005 -- rules have one signature each, whatever they look at

from __future__ import annotations

import msgspec

from watchfloor.kernel.codec import canonical
from watchfloor.kernel.ids import nonce_from
from watchfloor.kernel.instants import MILLISECOND
from watchfloor.kernel.limits import (
    ATTEMPTS_PER_TASK_MAX,
    BACKOFF_MS_MAX,
    CRITERIA_PER_TASK_MAX,
    INTEGER_MAX,
    PROGRESS_INTERVAL_MS,
    TASK_MS_MAX,
)
from watchfloor.kernel.messages import Draft, Facts, Refused
from watchfloor.kernel.schema import check_choice, check_names, check_range, check_reason
from watchfloor.kernel.subject import Given, Subject
from watchfloor.work import life
from watchfloor.work.budgets import BUDGET, BUDGET_FACTS
from watchfloor.work.life import Task
from watchfloor.work.matching import eligible
from watchfloor.work.messages import (
    CALL_FAILURES,
    CALL_OUTCOMES,
    LANES,
    WORKER_HELD,
    AcceptTask,
    AssignTask,
    CancelTask,
    CompleteTask,
    ConcludeCall,
    FailTask,
    OrphanTask,
    RecordVerification,
    RejectTask,
    ReportProgress,
    ResumeTask,
    RetryTask,
    SubmitTask,
    TaskAccepted,
    TaskAssigned,
    TaskAttemptFailed,
    TaskCancelled,
    TaskDeadLettered,
    TaskOrphaned,
    TaskProgressed,
    TaskReported,
    TaskReportedLate,
    TaskRequeued,
    TaskResumed,
    TaskRetried,
    TaskSubmitted,
    TaskSucceeded,
    TaskTimePassed,
)


class AgentEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For AssignTask: the agent as of now. `active`: online, not degraded, quarantined, retired or stopped."""

    active: bool
    capabilities: tuple[str, ...]
    tasks_open: int
    tasks_max: int
    called: bool = False  # an HTTP worker


def known(state: Task | None) -> Task:
    """The task, or Refused `unknown_task`."""
    if state is None:
        raise Refused("unknown_task", "no such task", status=404)
    return state


# The platform's side ------------------------------------------------------------------------------------------------


def submit(state: Task | None, command: SubmitTask, given: Given) -> list[Draft]:
    """Into the queue. Every duration has a bound, so that no clock ever rings too late to matter."""
    if state is not None:
        raise Refused("already_submitted", "the task exists")
    check_choice(command.priority, "/priority", LANES)
    check_names(command.needs, "/needs")
    check_range(command.agent, "/agent", 0, INTEGER_MAX)
    check_range(command.criteria, "/criteria", 0, CRITERIA_PER_TASK_MAX)
    check_range(command.attempts_max, "/attempts_max", 1, ATTEMPTS_PER_TASK_MAX)
    check_range(command.acceptance_ms, "/acceptance_ms", 1, TASK_MS_MAX)
    check_range(command.timeout_ms, "/timeout_ms", 1, TASK_MS_MAX)
    check_range(command.grace_ms, "/grace_ms", 0, TASK_MS_MAX)
    check_range(command.backoff_ms, "/backoff_ms", 0, BACKOFF_MS_MAX)
    if command.deadline_at:
        check_range(command.deadline_at, "/deadline_at", given.at + 1, INTEGER_MAX)
    facts = TaskSubmitted(
        acceptance_ms=command.acceptance_ms,
        agent=command.agent,
        attempts_max=command.attempts_max,
        backoff_ms=command.backoff_ms,
        criteria=command.criteria,
        deadline_at=command.deadline_at,
        grace_ms=command.grace_ms,
        needs=command.needs,
        nonce=nonce_from(given.entropy),
        priority=command.priority,
        timeout_ms=command.timeout_ms,
    )
    return [Draft(facts=facts, private=command.private)]


def assign(state: Task | None, command: AssignTask, given: Given) -> list[Draft]:
    """To an agent that is there, able and has room; of two who want it, the first has it (fault C7)."""
    task = known(state)
    agent: AgentEvidence = given.evidence
    check_range(command.agent, "/agent", 1, INTEGER_MAX)
    if task.stage != life.QUEUED:
        raise Refused("not_queued", f"the task is {task.status}")
    if task.only_agent not in (0, command.agent):
        raise Refused("reserved", "the task is for another agent", field="/agent")
    if not agent.active:
        raise Refused("agent_unavailable", "the agent takes no work now", field="/agent", retryable=True)
    if not eligible(task.needs, agent.capabilities):
        raise Refused("capability_missing", "the agent lacks what the task needs", field="/agent")
    if agent.tasks_open >= agent.tasks_max:
        raise Refused(
            "agent_full", "the agent has as much work as it may have", field="/agent", retryable=True
        )
    facts = TaskAssigned(
        accept_by_at=given.at + task.acceptance_ms * MILLISECOND,
        agent=command.agent,
        attempt=task.attempts + 1,
        generation=task.generation + 1,
        called=agent.called,
    )
    return [Draft(facts=facts)]


def verify(state: Task | None, command: RecordVerification, given: Given) -> list[Draft]:
    """What the platform's check found, of the report it was about; a check that was repeated or outlived is no news."""
    task = known(state)
    if not 1 <= command.generation <= task.generation:
        raise Refused("unknown_generation", "there was no such attempt", field="/generation")
    if command.generation == task.generation and task.stage in (life.ASSIGNED, *life.IN_HAND):
        raise Refused("not_reported", f"the task is {task.status}: there is nothing to verify")
    if command.generation != task.generation or task.stage != life.REPORTED:
        return []
    if not command.passed:
        return attempt_over(task, "not_verified", given.at, private=command.private)
    facts = TaskSucceeded(
        agent=task.agent,
        cost_micro=task.cost_micro,
        generation=task.generation,
        tokens=task.tokens,
        verified=True,
    )
    return [Draft(facts=facts, private=command.private)]


def orphan(state: Task | None, command: OrphanTask, given: Given) -> list[Draft]:
    """Its agent is gone; what is not accepted yet waits for acceptance anyway, what is reported needs no agent."""
    task = known(state)
    if task.agent != command.agent or task.stage not in life.AT_WORK:
        return []
    until_at = given.at + task.grace_ms * MILLISECOND
    facts = TaskOrphaned(agent=task.agent, generation=task.generation, until_at=until_at)
    return [Draft(facts=facts)]


def cancel(state: Task | None, command: CancelTask, given: Given) -> list[Draft]:
    """Wherever it is, unless it is over; cancelling twice is no news."""
    task = known(state)
    check_reason(command.reason)
    if task.stage == life.CANCELLED:
        return []
    if task.stage in life.OVER:
        raise Refused("task_over", f"the task is {task.status}")
    facts = TaskCancelled(agent=task.agent, generation=task.generation, reason=command.reason)
    return [Draft(facts=facts)]


def retry(state: Task | None, command: RetryTask, given: Given) -> list[Draft]:
    """Out of the dead letter with all attempts again; not past the deadline."""
    task = known(state)
    if task.stage != life.DEAD_LETTER:
        raise Refused("not_dead_letter", f"the task is {task.status}")
    if task.deadline_at and given.at >= task.deadline_at:
        raise Refused("deadline_passed", "the deadline of the task has passed")
    return [Draft(facts=TaskRetried())]


def time_passed(state: Task | None, command: TaskTimePassed, given: Given) -> list[Draft]:
    """The clock that rings first decides; when none has rung there is nothing to do."""
    task = known(state)
    instant, reason = life.nearest(task)
    if not instant or given.at < instant:
        return []
    if reason == life.RETRY:
        return [Draft(facts=TaskRequeued())]
    if reason == life.DEADLINE_PASSED:
        return attempt_over(task, reason, given.at, retryable=False)
    return attempt_over(task, reason, given.at)


def attempt_over(
    task: Task, reason: str, at: int, *, retryable: bool = True, private: bytes = b""
) -> list[Draft]:
    """The attempt came to nothing: once more after the back-off, or the dead letter."""
    if not retryable or task.attempts >= task.attempts_max:
        dead = TaskDeadLettered(agent=task.agent, generation=task.generation, reason=reason)
        return [Draft(facts=dead, private=private)]
    failed = TaskAttemptFailed(
        agent=task.agent,
        generation=task.generation,
        reason=reason,
        retry_at=at + backoff_ms(task) * MILLISECOND,
    )
    return [Draft(facts=failed, private=private)]


def backoff_ms(task: Task) -> int:
    """How long a task rests after its present attempt: the back-off it was submitted with, doubled each time."""
    doubled = task.backoff_ms << min(task.attempts - 1, BACKOFF_MS_MAX.bit_length())
    return min(doubled, BACKOFF_MS_MAX)


# The agent's side ---------------------------------------------------------------------------------------------------


def is_late(task: Task, agent: int, generation: int) -> bool:
    """Is the report about something other than the assignment in force? Refused when there never was such a one."""
    check_range(agent, "/agent", 1, INTEGER_MAX)
    if not 1 <= generation <= task.generation:
        raise Refused("unknown_generation", "there was no such attempt", field="/generation")
    return generation != task.generation or agent != task.agent


def late(task: Task, agent: int, generation: int, report: str, private: bytes = b"") -> list[Draft]:
    """Recorded and ignored, the same report once."""
    if (agent, generation, report) in task.late:
        return []
    facts = TaskReportedLate(agent=agent, generation=generation, report=report)
    return [Draft(facts=facts, private=private)]


def accept(state: Task | None, command: AcceptTask, given: Given) -> list[Draft]:
    """The agent takes it; its time-out begins."""
    task = known(state)
    if is_late(task, command.agent, command.generation):
        return late(task, command.agent, command.generation, "accepted")
    if task.stage != life.ASSIGNED:
        return []
    return [Draft(facts=TaskAccepted(agent=command.agent, generation=command.generation))]


def reject(state: Task | None, command: RejectTask, given: Given) -> list[Draft]:
    """The agent does not take it. The reason is its own words and may be erased."""
    task = known(state)
    check_reason(command.reason)
    private = canonical({"reason": command.reason}) if command.reason else b""
    if is_late(task, command.agent, command.generation):
        return late(task, command.agent, command.generation, "rejected", private)
    if task.stage != life.ASSIGNED:
        raise Refused("already_accepted", "the task was accepted: report that it failed")
    return attempt_over(task, "rejected", given.at, private=private)


def check_accepted(task: Task) -> None:
    """Refused `not_accepted` while the agent has not taken the task."""
    if task.stage == life.ASSIGNED:
        raise Refused("not_accepted", "the task was not accepted", retryable=True)


def report_progress(state: Task | None, command: ReportProgress, given: Given) -> list[Draft]:
    """Durable at a change of status or every 60 s; of an orphaned task only resuming counts, of a reported nothing."""
    task = known(state)
    check_choice(command.status, "/status", life.AT_WORK)
    check_range(command.percent, "/percent", 0, 100)
    if is_late(task, command.agent, command.generation):
        return late(task, command.agent, command.generation, "progress")
    check_accepted(task)
    if task.stage not in life.AT_WORK:
        return []
    due_at = task.progressed_at + PROGRESS_INTERVAL_MS * MILLISECOND
    if command.status == task.stage and given.at < due_at:
        return []
    facts = TaskProgressed(generation=command.generation, percent=command.percent, status=command.status)
    return [Draft(facts=facts)]


def complete(state: Task | None, command: CompleteTask, given: Given) -> list[Draft]:
    """The agent says it is done: believed where the task has no criteria, checked where it has."""
    task = known(state)
    check_range(command.cost_micro, "/cost_micro", 0, INTEGER_MAX)
    check_range(command.tokens, "/tokens", 0, INTEGER_MAX)
    if is_late(task, command.agent, command.generation):
        return late(task, command.agent, command.generation, "completed", command.private)
    check_accepted(task)
    if task.stage not in life.IN_HAND:
        return []
    facts: Facts
    if task.criteria:
        facts = TaskReported(
            agent=command.agent,
            cost_micro=command.cost_micro,
            generation=command.generation,
            tokens=command.tokens,
        )
    else:
        facts = TaskSucceeded(
            agent=command.agent,
            cost_micro=command.cost_micro,
            generation=command.generation,
            tokens=command.tokens,
            verified=False,
        )
    return [Draft(facts=facts, private=command.private)]


def fail(state: Task | None, command: FailTask, given: Given) -> list[Draft]:
    """The agent gives up, and says whether trying again makes sense."""
    task = known(state)
    if is_late(task, command.agent, command.generation):
        return late(task, command.agent, command.generation, "failed", command.private)
    check_accepted(task)
    if task.stage not in life.IN_HAND:
        raise Refused("already_reported", "the task was reported as done")
    return attempt_over(task, "failed", given.at, retryable=command.retryable, private=command.private)


def conclude(state: Task | None, command: ConcludeCall, given: Given) -> list[Draft]:
    """An HTTP worker's answer, or that there was none: its acceptance and its report in one, by the rules of both.

    The answer to an attempt that is over is late like any report; that such an attempt led to no answer is no news,
    and neither is silence of a worker that has taken the task by a report of its own meanwhile.
    """
    task = known(state)
    agent, generation = command.agent, command.generation
    check_choice(command.outcome, "/outcome", CALL_OUTCOMES)
    over = is_late(task, agent, generation)
    if command.outcome == "unanswered":
        check_choice(command.reason, "/reason", (*CALL_FAILURES, WORKER_HELD))
        if over or task.stage != life.ASSIGNED:
            return []
        return attempt_over(task, command.reason, given.at, private=command.private)
    if over:
        return late(task, agent, generation, command.outcome, command.private)
    if command.outcome == "rejected":
        assigned = task.stage == life.ASSIGNED
        return attempt_over(task, "rejected", given.at, private=command.private) if assigned else []
    taking = accept(task, AcceptTask(agent=agent, generation=generation), given)
    taken = msgspec.structs.replace(task, stage=life.RUNNING) if taking else task
    if command.outcome == "accepted" or taken.stage not in life.IN_HAND:
        return taking
    if command.outcome == "failed":
        over_drafts = attempt_over(
            taken, "failed", given.at, retryable=command.retryable, private=command.private
        )
        return [*taking, *over_drafts]
    done = CompleteTask(
        agent=agent,
        generation=generation,
        cost_micro=command.cost_micro,
        tokens=command.tokens,
        private=command.private,
    )
    return [*taking, *complete(taken, done, given)]


def resume(state: Task | None, command: ResumeTask, given: Given) -> list[Draft]:
    """The agent is back and goes on, with the generation it has; refused when the task was given to somebody else."""
    task = known(state)
    if is_late(task, command.agent, command.generation):
        raise Refused("task_reassigned", "the task is not this agent's any more")
    check_accepted(task)
    if task.stage != life.ORPHANED:
        return []
    return [Draft(facts=TaskResumed(agent=command.agent, generation=command.generation))]


SUBJECTS: tuple[Subject, ...] = (
    Subject(
        kind="task",
        state=Task,
        decide={
            SubmitTask: submit,
            AssignTask: assign,
            AcceptTask: accept,
            RejectTask: reject,
            ReportProgress: report_progress,
            CompleteTask: complete,
            FailTask: fail,
            RecordVerification: verify,
            OrphanTask: orphan,
            ResumeTask: resume,
            ConcludeCall: conclude,
            CancelTask: cancel,
            RetryTask: retry,
            TaskTimePassed: time_passed,
        },
        evolve=life.EVOLVE,
        live=lambda task: task.stage not in life.OVER,
        due=lambda task: life.nearest(task)[0],
        overdue=lambda subject, task, at: TaskTimePassed(subject=subject),
    ),
    BUDGET,
)

FACTS: tuple[type[Facts], ...] = (
    TaskSubmitted,
    TaskAssigned,
    TaskAccepted,
    TaskProgressed,
    TaskReported,
    TaskSucceeded,
    TaskAttemptFailed,
    TaskRequeued,
    TaskDeadLettered,
    TaskOrphaned,
    TaskResumed,
    TaskCancelled,
    TaskRetried,
    TaskReportedLate,
    *BUDGET_FACTS,
)
