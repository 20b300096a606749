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

from watchfloor.kernel.ids import nonce_from
from watchfloor.kernel.instants import MILLISECOND
from watchfloor.kernel.limits import (
    ATTEMPTS_PER_TASK_MAX,
    BACKOFF_MS_MAX,
    CRITERIA_PER_TASK_MAX,
    INTEGER_MAX,
    TASK_MS_MAX,
)
from watchfloor.kernel.messages import Draft, Facts, Refused
from watchfloor.kernel.schema import check_choice, check_name, check_names, check_range, check_reason
from watchfloor.kernel.subject import Given, Subject
from watchfloor.work import bulk, calls, economics, life, lineage, pausing, reports, reviews, waiting
from watchfloor.work.attempts import attempt_over, known
from watchfloor.work.budgets import BUDGET, BUDGET_FACTS
from watchfloor.work.changes import EVOLVE
from watchfloor.work.economic_messages import AssessTask, EstimateTask
from watchfloor.work.life import Task
from watchfloor.work.matching import eligible
from watchfloor.work.messages import (
    LANES,
    AcceptTask,
    AssignTask,
    CancelTask,
    CompleteTask,
    ConcludeCall,
    DelegationRefused,
    FailTask,
    HandOverTask,
    OrphanTask,
    PauseTask,
    PurgeTask,
    RecordVerification,
    RejectTask,
    ReportProgress,
    ResumeTask,
    RetryTask,
    ReviewTask,
    SettleDependency,
    SubmitTask,
    TaskAccepted,
    TaskAssigned,
    TaskAttemptFailed,
    TaskCancelled,
    TaskDeadLettered,
    TaskDependencyMet,
    TaskHandedOver,
    TaskOrphaned,
    TaskPaused,
    TaskProgressed,
    TaskPurged,
    TaskReady,
    TaskReported,
    TaskReportedLate,
    TaskRequeued,
    TaskResumed,
    TaskRetried,
    TaskReviewed,
    TasksChanged,
    TaskStuck,
    TaskSubmitted,
    TaskSucceeded,
    TaskTimePassed,
    TaskUnpaused,
    UnpauseTask,
)
from watchfloor.work.waiting import NO_DEPENDENCIES, DependencyEvidence


class AgentEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For AssignTask: the agent as of now. `active`: online, not degraded, quarantined, retired or stopped."""

    active: bool
    capabilities: tuple[str, ...]
    tasks_open: int
    tasks_max: int
    called: bool = False  # an HTTP worker
    over_budget: str = ""  # the budget that turns the task away, by its public id


class SilenceEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For TaskTimePassed: `held`, an action of the task waits for people, so its agent has reason to be silent."""

    held: bool = False


# The platform's side ------------------------------------------------------------------------------------------------


def submit(state: Task | None, command: SubmitTask, given: Given) -> list[Draft]:
    """Into the queue. Every duration has a bound, so that no clock ever rings too late to matter."""
    if state is not None:
        raise Refused("already_submitted", "the task exists")
    check_choice(command.priority, "/priority", LANES)
    check_names(command.needs, "/needs")
    if command.workflow:
        check_name(command.workflow, "/workflow")
    check_range(command.agent, "/agent", 0, INTEGER_MAX)
    check_range(command.criteria, "/criteria", 0, CRITERIA_PER_TASK_MAX)
    check_range(command.attempts_max, "/attempts_max", 1, ATTEMPTS_PER_TASK_MAX)
    check_range(command.acceptance_ms, "/acceptance_ms", 1, TASK_MS_MAX)
    check_range(command.timeout_ms, "/timeout_ms", 1, TASK_MS_MAX)
    check_range(command.grace_ms, "/grace_ms", 0, TASK_MS_MAX)
    check_range(command.backoff_ms, "/backoff_ms", 0, BACKOFF_MS_MAX)
    check_range(command.stuck_ms, "/stuck_ms", 0, TASK_MS_MAX)
    check_range(command.reassign_ms, "/reassign_ms", 0, TASK_MS_MAX)
    if command.deadline_at:
        check_range(command.deadline_at, "/deadline_at", given.at + 1, INTEGER_MAX)
    evidence: DependencyEvidence = given.evidence or NO_DEPENDENCIES
    waiting.check(command, evidence)
    origin = lineage.Lineage()
    if command.by and evidence.handover is not None:
        lineage.check(command, evidence.handover)
        reason = lineage.objection(command, evidence.handover)
        if reason:
            return [Draft(facts=lineage.refused(command, evidence.handover, reason))]
        origin = lineage.lineage(command, evidence.handover)
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
        depends_on=tuple(found.task for found in evidence.dependencies),
        near=command.near or evidence.near,
        not_before_at=command.not_before_at,
        on_failure=command.on_failure,
        reassign_ms=command.reassign_ms,
        stuck_ms=command.stuck_ms,
        unmet=evidence.unmet,
        reassignable=command.reassignable,
        chain=origin.chain,
        parent=command.parent,
        root=origin.root,
        share_milli=command.share_milli,
        tools=origin.tools,
        tier_max=origin.tier_max,
        workflow=command.workflow or evidence.workflow,
    )
    drafts = [Draft(facts=facts, private=command.private)]
    drafts += economics.estimated(command.economics, command.rationale)
    drafts += [waiting.lost(command.on_failure, found.task) for found in evidence.dependencies if found.lost][
        :1
    ]
    return drafts


def assign(state: Task | None, command: AssignTask, given: Given) -> list[Draft]:
    """To an agent that is there, able and has room; of two who want it, the first has it (fault C7)."""
    task = known(state)
    agent: AgentEvidence = given.evidence
    check_range(command.agent, "/agent", 1, INTEGER_MAX)
    if task.stage != life.QUEUED:
        raise Refused("not_queued", f"the task is {task.stage}")
    if task.paused_at:
        raise Refused("paused", "the task is paused", retryable=True)
    if task.only_agent not in (0, command.agent):
        raise Refused("reserved", "the task is for another agent", field="/agent")
    if command.agent in task.chain:
        raise Refused("cycle", "the task came through this agent", field="/agent")
    if not agent.active:
        raise Refused("agent_unavailable", "the agent takes no work now", field="/agent", retryable=True)
    if not eligible(task.needs, agent.capabilities):
        raise Refused("capability_missing", "the agent lacks what the task needs", field="/agent")
    if agent.tasks_open >= agent.tasks_max:
        raise Refused(
            "agent_full", "the agent has as much work as it may have", field="/agent", retryable=True
        )
    if agent.over_budget:
        raise Refused("over_budget", f"budget {agent.over_budget} has no room for it", retryable=True)
    facts = TaskAssigned(
        accept_by_at=given.at + task.acceptance_ms * MILLISECOND,
        agent=command.agent,
        attempt=task.attempts + 1,
        generation=task.generation + 1,
        called=agent.called,
    )
    return [Draft(facts=facts)]


def hand_over(state: Task | None, command: HandOverTask, given: Given) -> list[Draft]:
    """To the backup, at once and with a new generation, where it may and can; else the ordinary ways of a reclaim."""
    task = known(state)
    agent: AgentEvidence = given.evidence
    check_range(command.agent, "/agent", 1, INTEGER_MAX)
    if task.agent != command.agent_before or task.stage not in (life.ASSIGNED, *life.IN_HAND):
        return []
    fits = (
        agent.active
        and not agent.called
        and eligible(task.needs, agent.capabilities)
        and agent.tasks_open < agent.tasks_max
    )
    if not task.reassignable or not fits or command.agent in task.chain or task.attempts >= task.attempts_max:
        return []
    facts = TaskHandedOver(
        accept_by_at=given.at + task.acceptance_ms * MILLISECOND,
        agent=command.agent,
        agent_before=command.agent_before,
        attempt=task.attempts + 1,
        generation=task.generation + 1,
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
        return attempt_over(task, "not_verified", given, private=command.private)
    facts = TaskSucceeded(
        agent=task.agent,
        generation=task.generation,
        verified=True,
        **economics.took(task, given.at),
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
    facts = TaskCancelled(
        agent=task.agent,
        generation=task.generation,
        reason=command.reason,
        **economics.took(task, given.at),
    )
    return [Draft(facts=facts)]


def retry(state: Task | None, command: RetryTask, given: Given) -> list[Draft]:
    """Out of the dead letter with all attempts again; not past the deadline."""
    task = known(state)
    if task.stage != life.DEAD_LETTER:
        raise Refused("not_dead_letter", f"the task is {task.status}")
    if task.deadline_at and given.at >= task.deadline_at:
        raise Refused("deadline_passed", "the deadline of the task has passed")
    evidence: DependencyEvidence = given.evidence or NO_DEPENDENCIES
    if any(found.lost for found in evidence.dependencies):
        raise Refused("dependency_failed", "retry what the task depends on first", retryable=True)
    return [Draft(facts=TaskRetried(unmet=evidence.unmet))]


def purge(state: Task | None, command: PurgeTask, given: Given) -> list[Draft]:
    """Out of the dead letter for good; twice is no news."""
    task = known(state)
    check_reason(command.reason)
    if task.stage == life.CANCELLED:
        return []
    if task.stage != life.DEAD_LETTER:
        raise Refused("not_dead_letter", f"the task is {task.status}")
    return [Draft(facts=TaskPurged(reason=command.reason))]


def time_passed(state: Task | None, command: TaskTimePassed, given: Given) -> list[Draft]:
    """The clock that rings first decides; when none has rung there is nothing to do."""
    task = known(state)
    instant, reason = life.nearest(task)
    if not instant or given.at < instant:
        return []
    if reason == life.RETRY:
        return [Draft(facts=TaskRequeued())]
    if reason == life.READY:
        return [Draft(facts=TaskReady())]
    if reason == life.DEADLINE_PASSED:
        return attempt_over(task, reason, given, retryable=False)
    if reason == life.STUCK and not task.stuck_at:
        return silent(task, given)
    may_go_on = task.reassignable or reason != life.DISCONNECTED
    return attempt_over(task, reason, given, retryable=may_go_on)


def silent(task: Task, given: Given) -> list[Draft]:
    """No progress for too long: an alarm first, unless it waits for people, then it is blocked and not stuck."""
    evidence: SilenceEvidence | None = given.evidence
    facts: Facts
    if evidence is not None and evidence.held:
        facts = TaskProgressed(generation=task.generation, percent=task.percent, status=life.BLOCKED)
    else:
        facts = TaskStuck(
            agent=task.agent,
            generation=task.generation,
            idle_ms=(given.at - task.progressed_at) // MILLISECOND,
            reassign_at=given.at + task.reassign_ms * MILLISECOND if task.reassign_ms else 0,
        )
    return [Draft(facts=facts)]


DECIDES = bulk.DECIDES
SUBJECTS: tuple[Subject, ...] = (
    Subject(
        kind="task",
        state=Task,
        decide={
            SubmitTask: submit,
            SettleDependency: waiting.settle,
            AssignTask: assign,
            HandOverTask: hand_over,
            AcceptTask: reports.accept,
            RejectTask: reports.reject,
            ReportProgress: reports.report_progress,
            CompleteTask: reports.complete,
            FailTask: reports.fail,
            RecordVerification: verify,
            OrphanTask: orphan,
            ResumeTask: reports.resume,
            ConcludeCall: calls.conclude,
            CancelTask: cancel,
            PauseTask: pausing.pause,
            UnpauseTask: pausing.unpause,
            RetryTask: retry,
            PurgeTask: purge,
            ReviewTask: reviews.review,
            TaskTimePassed: time_passed,
            EstimateTask: economics.estimate,
            AssessTask: economics.assess,
        },
        evolve=EVOLVE,
        live=lambda task: task.stage not in life.OVER,
        due=life.due_at,
        overdue=lambda subject, task, at: TaskTimePassed(subject=subject),
    ),
    BUDGET,
)

FACTS: tuple[type[Facts], ...] = (
    TaskSubmitted,
    TaskDependencyMet,
    TaskReady,
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
    TaskPurged,
    TaskPaused,
    TaskUnpaused,
    TaskStuck,
    TaskReportedLate,
    TasksChanged,
    *economics.ECONOMICS_FACTS,
    *BUDGET_FACTS,
    DelegationRefused,
    TaskHandedOver,
    TaskReviewed,
)
