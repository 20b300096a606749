"""What an event changes in a task (spec 2.4); where it leads, and whether it counts at all, is in `life.py`."""

# ruff: noqa: ARG001 -- folds have one signature, whatever they look at

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

from watchfloor.kernel.folds import Changes, first, once
from watchfloor.kernel.instants import MILLISECOND
from watchfloor.kernel.limits import LATE_REPORTS_MAX, VERIFICATION_MS_MAX
from watchfloor.kernel.messages import Event, Facts
from watchfloor.kernel.subject import Evolve
from watchfloor.work import economics, life
from watchfloor.work.life import BLOCKED, MOVES, RUNNING, Task
from watchfloor.work.messages import (
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
    TaskStuck,
    TaskSubmitted,
    TaskSucceeded,
    TaskUnpaused,
)


def submitted(facts: TaskSubmitted, event: Event) -> Task:
    return Task(
        seq=event.seq,
        nonce=facts.nonce,
        priority=facts.priority,
        needs=facts.needs,
        only_agent=facts.agent,
        criteria=facts.criteria,
        attempts_max=facts.attempts_max,
        acceptance_ms=facts.acceptance_ms,
        timeout_ms=facts.timeout_ms,
        backoff_ms=facts.backoff_ms,
        grace_ms=facts.grace_ms,
        deadline_at=facts.deadline_at,
        submitted_at=event.at,
        queued_at=event.at,
        stage=life.WAITING if facts.unmet or facts.not_before_at > event.at else life.QUEUED,
        until_at=0 if facts.unmet else facts.not_before_at,
        depends_on=facts.depends_on,
        unmet=facts.unmet,
        on_failure=facts.on_failure,
        not_before_at=facts.not_before_at,
        near=facts.near,
        stuck_ms=facts.stuck_ms,
        reassign_ms=facts.reassign_ms,
        reassignable=facts.reassignable,
        chain=facts.chain,
        parent=facts.parent,
        root=facts.root,
        share_milli=facts.share_milli,
        tools=facts.tools,
        tier_max=facts.tier_max,
        workflow=facts.workflow,
    )


F = TypeVar("F", bound=Facts)


def moving(changes: Callable[[Task, F, Event], Changes]) -> Evolve:
    """The fold of an event that moves the task by the table, with further changes; without a move it does nothing."""

    def fold(task: Task, facts: F, event: Event) -> Changes:
        stage = MOVES[task.stage].get(type(facts))
        if stage is None or not of_this_generation(task, facts):
            return {}
        return {"stage": stage, **changes(task, facts, event)}

    return once(fold)


def of_this_generation(task: Task, facts: Facts) -> bool:
    """Is it about the present assignment, or does it make the next one?"""
    if isinstance(facts, TaskAssigned | TaskHandedOver):
        return facts.generation > task.generation
    generation: int = getattr(facts, "generation", task.generation)
    return generation == task.generation


def dependency_met(task: Task, facts: TaskDependencyMet, event: Event) -> Changes:
    """The last one it waited for starts the clock of its delay."""
    unmet = tuple(other for other in task.unmet if other != facts.dependency)
    return {
        "unmet": unmet,
        "near": facts.agent or task.near,
        "until_at": 0 if unmet else max(event.at, task.not_before_at),
    }


def queued(task: Task, facts: TaskReady | TaskRequeued, event: Event) -> Changes:
    return {"until_at": 0, "queued_at": event.at}


def assigned(task: Task, facts: TaskAssigned, event: Event) -> Changes:
    return {
        "agent": facts.agent,
        "generation": facts.generation,
        "attempts": facts.attempt,
        "until_at": facts.accept_by_at,
        "percent": 0,
        "cost_micro": 0,
        "tokens": 0,
        "unsaid": (),
        "result_seq": 0,
    }


def handed_over(task: Task, facts: TaskHandedOver, event: Event) -> Changes:
    """Assigned anew; a task that was reserved for the agent before is now reserved for this one."""
    only_agent = facts.agent if task.only_agent == facts.agent_before else task.only_agent
    return {
        "agent": facts.agent,
        "only_agent": only_agent,
        "generation": facts.generation,
        "attempts": facts.attempt,
        "until_at": facts.accept_by_at,
        "percent": 0,
        "cost_micro": 0,
        "tokens": 0,
        "result_seq": 0,
        "stuck_at": 0,
        "reassign_at": 0,
    }


def accepted(task: Task, facts: TaskAccepted, event: Event) -> Changes:
    timeout_at = event.at + task.timeout_ms * MILLISECOND
    return {"until_at": 0, "timeout_at": timeout_at, "progressed_at": event.at, "worked_by": facts.agent}


def progressed(task: Task, facts: TaskProgressed, event: Event) -> Changes:
    stage = BLOCKED if facts.status == BLOCKED else RUNNING
    return {
        "stage": stage,
        "percent": facts.percent,
        "progressed_at": event.at,
        "stuck_at": 0,
        "reassign_at": 0,
    }


def stuck(task: Task, facts: TaskStuck, event: Event) -> Changes:
    return {"stuck_at": event.at, "reassign_at": facts.reassign_at}


def reported(task: Task, facts: TaskReported, event: Event) -> Changes:
    return {
        "until_at": event.at + VERIFICATION_MS_MAX * MILLISECOND,
        "cost_micro": facts.cost_micro,
        "tokens": facts.tokens,
        "unsaid": facts.unsaid,
        "result_seq": event.seq,
    }


def succeeded(task: Task, facts: TaskSucceeded, event: Event) -> Changes:
    """The result of a verified task came with its report."""
    result_seq = task.result_seq if facts.verified else event.seq
    return {
        "cost_micro": facts.cost_micro,
        "tokens": facts.tokens,
        "result_seq": result_seq,
        "paused_at": 0,
    }


def attempt_failed(task: Task, facts: TaskAttemptFailed, event: Event) -> Changes:
    return {"agent": 0, "until_at": facts.retry_at, "stuck_at": 0, "reassign_at": 0}


def orphaned(task: Task, facts: TaskOrphaned, event: Event) -> Changes:
    return {"until_at": facts.until_at}


def resumed(task: Task, facts: TaskResumed, event: Event) -> Changes:
    return {"until_at": 0, "progressed_at": event.at, "stuck_at": 0, "reassign_at": 0}


def taken_away(task: Task, facts: TaskDeadLettered | TaskCancelled, event: Event) -> Changes:
    return {"agent": 0, "paused_at": 0, "stuck_at": 0, "reassign_at": 0}


def purged(task: Task, facts: TaskPurged, event: Event) -> Changes:
    return {}


def retried(task: Task, facts: TaskRetried, event: Event) -> Changes:
    return {
        "stage": life.WAITING if facts.unmet else life.QUEUED,
        "unmet": facts.unmet,
        "attempts": 0,
        "retries": task.retries + 1,
        "until_at": 0,
        "queued_at": event.at,
    }


def paused(task: Task, facts: TaskPaused, event: Event) -> Changes:
    return {} if task.paused_at or task.stage in life.OVER else {"paused_at": event.at}


def unpaused(task: Task, facts: TaskUnpaused, event: Event) -> Changes:
    """Whoever has it gets the time back that the pause took; back-off, delay and deadline went on."""
    if not task.paused_at:
        return {}
    period_ms = {
        life.ASSIGNED: task.acceptance_ms,
        life.ORPHANED: task.grace_ms,
        life.REPORTED: VERIFICATION_MS_MAX,
    }.get(task.stage)
    # Accepted while it was paused: its time-out has run only since then.
    stood_from = max(task.paused_at, task.timeout_at - task.timeout_ms * MILLISECOND)
    return {
        "paused_at": 0,
        "queued_at": event.at if task.stage == life.QUEUED else task.queued_at,
        "until_at": event.at + period_ms * MILLISECOND if period_ms is not None else task.until_at,
        "timeout_at": task.timeout_at + event.at - stood_from if task.timeout_at else 0,
        "progressed_at": event.at,
        "stuck_at": 0,
        "reassign_at": 0,
    }


def reported_late(task: Task, facts: TaskReportedLate, event: Event) -> Changes:
    report = (facts.agent, facts.generation, facts.report)
    return {"late": (*task.late, report)[-LATE_REPORTS_MAX:]}


def reviewed(task: Task, facts: TaskReviewed, event: Event) -> Changes:
    """The first rating stays."""
    return {} if task.review else {"review": facts.verdict}


EVOLVE: Mapping[type[Facts], Evolve] = {
    TaskSubmitted: first(submitted),
    TaskDependencyMet: moving(dependency_met),
    TaskReady: moving(queued),
    TaskAssigned: moving(assigned),
    TaskHandedOver: moving(handed_over),
    TaskAccepted: moving(accepted),
    TaskProgressed: moving(progressed),
    TaskStuck: moving(stuck),
    TaskReported: moving(reported),
    TaskSucceeded: moving(succeeded),
    TaskAttemptFailed: moving(attempt_failed),
    TaskRequeued: moving(queued),
    TaskOrphaned: moving(orphaned),
    TaskResumed: moving(resumed),
    TaskDeadLettered: moving(taken_away),
    TaskCancelled: moving(taken_away),
    TaskRetried: moving(retried),
    TaskPurged: moving(purged),
    TaskPaused: once(paused),
    TaskUnpaused: once(unpaused),
    TaskReportedLate: once(reported_late),
    TaskReviewed: once(reviewed),
    **economics.FOLDS,
}
