"""The life of a task as tables: what it is, where an event leads, when its clock rings (spec 01 *Task status*, 2.4).

Theory of operation
-------------------
    queued ─ assigned ─ running ⇄ blocked ─ reported ─ succeeded
       ▲        │          ├────── orphaned ───┤
       └ failed ┴──────────┴─────────┴─────────┘        dead_letter, cancelled: from everywhere that is not over

The *stage* is the row of the tables; the *status* people see is the same word, except that a task whose report the
platform still checks is running (spec 01 has no other word). MOVES is the whole life: an event that has no move in
the present stage, or belongs to another generation, changes nothing, so a fold is total and a task is over once.

Every assignment raises the generation and counts as an attempt. `agent` is who has the task *now*: it is 0 again when
the attempt is over without success, so that nobody can report on what was taken away.
"""

# ruff: noqa: ARG001 -- folds have one signature, whatever they look at

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from watchfloor.kernel.folds import Changes, first, once
from watchfloor.kernel.instants import MILLISECOND
from watchfloor.kernel.limits import LATE_REPORTS_MAX, VERIFICATION_MS_MAX
from watchfloor.kernel.messages import Event, Facts
from watchfloor.kernel.subject import Evolve
from watchfloor.work.messages import (
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
)

QUEUED = "queued"
ASSIGNED = "assigned"
RUNNING = "running"
BLOCKED = "blocked"
REPORTED = "reported"
FAILED = "failed"
ORPHANED = "orphaned"
SUCCEEDED = "succeeded"
DEAD_LETTER = "dead_letter"
CANCELLED = "cancelled"
STAGES = (
    QUEUED,
    ASSIGNED,
    RUNNING,
    BLOCKED,
    REPORTED,
    FAILED,
    ORPHANED,
    SUCCEEDED,
    DEAD_LETTER,
    CANCELLED,
)
AT_WORK = (RUNNING, BLOCKED)
IN_HAND = (RUNNING, BLOCKED, ORPHANED)  # accepted, and not reported yet
OVER = (SUCCEEDED, DEAD_LETTER, CANCELLED)  # only the dead letter can be left again

_ENDS: Mapping[type[Facts], str] = {TaskDeadLettered: DEAD_LETTER, TaskCancelled: CANCELLED}
_OUTCOMES: Mapping[type[Facts], str] = {
    TaskReported: REPORTED,
    TaskSucceeded: SUCCEEDED,
    TaskAttemptFailed: FAILED,
}
MOVES: Mapping[str, Mapping[type[Facts], str]] = {
    QUEUED: {TaskAssigned: ASSIGNED, **_ENDS},
    ASSIGNED: {TaskAccepted: RUNNING, TaskAttemptFailed: FAILED, **_ENDS},
    RUNNING: {TaskProgressed: RUNNING, TaskOrphaned: ORPHANED, **_OUTCOMES, **_ENDS},
    BLOCKED: {TaskProgressed: RUNNING, TaskOrphaned: ORPHANED, **_OUTCOMES, **_ENDS},
    ORPHANED: {TaskResumed: RUNNING, **_OUTCOMES, **_ENDS},
    REPORTED: {TaskSucceeded: SUCCEEDED, TaskAttemptFailed: FAILED, **_ENDS},
    FAILED: {TaskRequeued: QUEUED, **_ENDS},
    DEAD_LETTER: {TaskRetried: QUEUED},
    SUCCEEDED: {},
    CANCELLED: {},
}

# Why a clock rings. The reasons of a failed attempt are those of TaskAttemptFailed.
DEADLINE_PASSED = "deadline_passed"
RETRY = "retry"
_DEADLINE = ("deadline_at", DEADLINE_PASSED)
_TIMEOUT = ("timeout_at", "timed_out")
CLOCKS: Mapping[str, tuple[tuple[str, str], ...]] = {
    QUEUED: (_DEADLINE,),
    ASSIGNED: (_DEADLINE, ("until_at", "not_accepted")),
    RUNNING: (_DEADLINE, _TIMEOUT),
    BLOCKED: (_DEADLINE, _TIMEOUT),
    ORPHANED: (_DEADLINE, _TIMEOUT, ("until_at", "disconnected")),
    REPORTED: (
        ("until_at", "not_verified"),
    ),  # reported in time: neither deadline nor time-out count any more
    FAILED: (_DEADLINE, ("until_at", RETRY)),
    SUCCEEDED: (),
    DEAD_LETTER: (),
    CANCELLED: (),
}


class Task(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One task. Instants in µs UTC, 0 for none.

    `only_agent`: nobody else may have it (0: anybody eligible). `attempts` of this round (a retry out of the dead
    letter begins a new one) and `retries`, the rounds before. `until_at` is the end of the present stage: acceptance,
    grace, back-off or verification. `result_seq` is the event whose private part holds the agent's result, and the
    task's own integer the one with its description. `late` remembers (agent, generation, report) of late reports.
    """

    seq: int
    nonce: int
    priority: str
    needs: tuple[str, ...]
    only_agent: int
    criteria: int
    attempts_max: int
    acceptance_ms: int
    timeout_ms: int
    backoff_ms: int
    grace_ms: int
    deadline_at: int
    submitted_at: int
    queued_at: int
    stage: str = QUEUED
    agent: int = 0
    generation: int = 0
    attempts: int = 0
    retries: int = 0
    until_at: int = 0
    timeout_at: int = 0
    progressed_at: int = 0
    percent: int = 0
    cost_micro: int = 0
    tokens: int = 0
    result_seq: int = 0
    late: tuple[tuple[int, int, str], ...] = ()

    @property
    def status(self) -> str:
        """The word people see (spec 01)."""
        return RUNNING if self.stage == REPORTED else self.stage


def nearest(task: Task) -> tuple[int, str]:
    """(instant, reason) of the clock that rings first, (0, "") when none is set; the deadline wins a tie."""
    dates = ((getattr(task, field), reason) for field, reason in CLOCKS[task.stage])
    return min((date for date in dates if date[0]), key=lambda date: date[0], default=(0, ""))


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
    if isinstance(facts, TaskAssigned):
        return facts.generation > task.generation
    generation: int = getattr(facts, "generation", task.generation)
    return generation == task.generation


def assigned(task: Task, facts: TaskAssigned, event: Event) -> Changes:
    return {
        "agent": facts.agent,
        "generation": facts.generation,
        "attempts": facts.attempt,
        "until_at": facts.accept_by_at,
        "percent": 0,
        "cost_micro": 0,
        "tokens": 0,
        "result_seq": 0,
    }


def accepted(task: Task, facts: TaskAccepted, event: Event) -> Changes:
    timeout_at = event.at + task.timeout_ms * MILLISECOND
    return {"until_at": 0, "timeout_at": timeout_at, "progressed_at": event.at}


def progressed(task: Task, facts: TaskProgressed, event: Event) -> Changes:
    stage = BLOCKED if facts.status == BLOCKED else RUNNING
    return {"stage": stage, "percent": facts.percent, "progressed_at": event.at}


def reported(task: Task, facts: TaskReported, event: Event) -> Changes:
    return {
        "until_at": event.at + VERIFICATION_MS_MAX * MILLISECOND,
        "cost_micro": facts.cost_micro,
        "tokens": facts.tokens,
        "result_seq": event.seq,
    }


def succeeded(task: Task, facts: TaskSucceeded, event: Event) -> Changes:
    """The result of a verified task came with its report."""
    result_seq = task.result_seq if facts.verified else event.seq
    return {"cost_micro": facts.cost_micro, "tokens": facts.tokens, "result_seq": result_seq}


def attempt_failed(task: Task, facts: TaskAttemptFailed, event: Event) -> Changes:
    return {"agent": 0, "until_at": facts.retry_at}


def requeued(task: Task, facts: TaskRequeued, event: Event) -> Changes:
    return {"until_at": 0, "queued_at": event.at}


def orphaned(task: Task, facts: TaskOrphaned, event: Event) -> Changes:
    return {"until_at": facts.until_at}


def resumed(task: Task, facts: TaskResumed, event: Event) -> Changes:
    return {"until_at": 0, "progressed_at": event.at}


def taken_away(task: Task, facts: TaskDeadLettered | TaskCancelled, event: Event) -> Changes:
    return {"agent": 0}


def retried(task: Task, facts: TaskRetried, event: Event) -> Changes:
    return {"attempts": 0, "retries": task.retries + 1, "until_at": 0, "queued_at": event.at}


def reported_late(task: Task, facts: TaskReportedLate, event: Event) -> Changes:
    report = (facts.agent, facts.generation, facts.report)
    return {"late": (*task.late, report)[-LATE_REPORTS_MAX:]}


EVOLVE: Mapping[type[Facts], Evolve] = {
    TaskSubmitted: first(submitted),
    TaskAssigned: moving(assigned),
    TaskAccepted: moving(accepted),
    TaskProgressed: moving(progressed),
    TaskReported: moving(reported),
    TaskSucceeded: moving(succeeded),
    TaskAttemptFailed: moving(attempt_failed),
    TaskRequeued: moving(requeued),
    TaskOrphaned: moving(orphaned),
    TaskResumed: moving(resumed),
    TaskDeadLettered: moving(taken_away),
    TaskCancelled: moving(taken_away),
    TaskRetried: moving(retried),
    TaskReportedLate: once(reported_late),
}
