"""The life of a task as tables: what it is, where an event leads, when its clock rings (spec 01 *Task status*, 2.4).

Theory of operation
-------------------
    waiting ─ queued ─ assigned ─ running ⇄ blocked ─ reported ─ succeeded
                 ▲        │          ├────── orphaned ───┤
                 └ failed ┴──────────┴─────────┴─────────┘  dead_letter, cancelled: from everywhere that is not over

The *stage* is the row of the tables; the *status* people see is the same word, except that a task whose report the
platform still checks is running, one that waits for others or for its time is queued (spec 01 has no other words), and
one that was paused is paused, whatever its stage: pausing stops clocks and assignment, and nothing that happens
meanwhile is lost. MOVES (what an event changes is in `changes.py`) is the whole life: an event that has no move in
the present stage, or belongs to another generation, changes nothing, so a fold is total and a task is over once.

Every assignment raises the generation and counts as an attempt. `agent` is who has the task *now*: it is 0 again when
the attempt is over without success, so that nobody can report on what was taken away.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from watchfloor.kernel.instants import MILLISECOND
from watchfloor.kernel.messages import Facts
from watchfloor.work.economic_messages import Economics
from watchfloor.work.messages import (
    TIER_MAX,
    TaskAccepted,
    TaskAssigned,
    TaskAttemptFailed,
    TaskCancelled,
    TaskDeadLettered,
    TaskDependencyMet,
    TaskHandedOver,
    TaskOrphaned,
    TaskProgressed,
    TaskPurged,
    TaskReady,
    TaskReported,
    TaskRequeued,
    TaskResumed,
    TaskRetried,
    TaskStuck,
    TaskSucceeded,
)

WAITING = "waiting"
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
PAUSED = "paused"  # a status, not a stage
STAGES = (
    WAITING,
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
    WAITING: {TaskDependencyMet: WAITING, TaskReady: QUEUED, **_ENDS},
    QUEUED: {TaskAssigned: ASSIGNED, **_ENDS},
    ASSIGNED: {TaskAccepted: RUNNING, TaskHandedOver: ASSIGNED, TaskAttemptFailed: FAILED, **_ENDS},
    RUNNING: {
        TaskProgressed: RUNNING,
        TaskStuck: RUNNING,
        TaskOrphaned: ORPHANED,
        TaskHandedOver: ASSIGNED,
        **_OUTCOMES,
        **_ENDS,
    },
    BLOCKED: {
        TaskProgressed: RUNNING,
        TaskOrphaned: ORPHANED,
        TaskHandedOver: ASSIGNED,
        **_OUTCOMES,
        **_ENDS,
    },
    ORPHANED: {TaskResumed: RUNNING, TaskHandedOver: ASSIGNED, **_OUTCOMES, **_ENDS},
    REPORTED: {TaskSucceeded: SUCCEEDED, TaskAttemptFailed: FAILED, **_ENDS},
    FAILED: {TaskRequeued: QUEUED, **_ENDS},
    DEAD_LETTER: {TaskRetried: QUEUED, TaskPurged: CANCELLED},
    SUCCEEDED: {},
    CANCELLED: {},
}

# Why a clock rings. The reasons of a failed attempt are those of TaskAttemptFailed.
DEADLINE_PASSED = "deadline_passed"
RETRY = "retry"
READY = "ready"
STUCK = "stuck"
DISCONNECTED = "disconnected"
_DEADLINE = ("deadline_at", DEADLINE_PASSED)
_TIMEOUT = ("timeout_at", "timed_out")
CLOCKS: Mapping[str, tuple[tuple[str, str], ...]] = {
    WAITING: (_DEADLINE, ("until_at", READY)),
    QUEUED: (_DEADLINE,),
    ASSIGNED: (_DEADLINE, ("until_at", "not_accepted")),
    RUNNING: (_DEADLINE, _TIMEOUT, ("silent_until_at", STUCK)),
    BLOCKED: (_DEADLINE, _TIMEOUT),  # it said what it waits for: silence is no alarm
    ORPHANED: (_DEADLINE, _TIMEOUT, ("until_at", DISCONNECTED)),
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
    letter begins a new one) and `retries`, the rounds before. `until_at` is the end of the present stage: delay,
    acceptance, grace, back-off or verification. `unmet` are the tasks it still waits for. `paused_at`, `stuck_at`: since
    when it is, 0: it is not. `result_seq` is the event whose private part holds the agent's result, and the
    task's own integer the one with its description. The lineage is that of TaskSubmitted.
    `late` remembers (agent, generation, report) of late reports.
    `worked_by` accepted it last; `review` is how a person rated it.
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
    depends_on: tuple[int, ...] = ()
    unmet: tuple[int, ...] = ()
    on_failure: str = "fail"
    not_before_at: int = 0
    near: int = 0
    paused_at: int = 0
    stuck_ms: int = 0
    reassign_ms: int = 0
    stuck_at: int = 0
    reassign_at: int = 0
    reassignable: bool = True
    chain: tuple[int, ...] = ()
    parent: int = 0
    root: int = 0
    share_milli: int = 0
    tools: tuple[str, ...] = ()
    tier_max: int = TIER_MAX
    worked_by: int = 0
    review: str = ""
    economics: Economics | None = None
    assessed_by: str = ""
    unsaid: tuple[str, ...] = ()
    workflow: str = ""

    @property
    def delegator(self) -> int:
        """The agent that handed it on, 0: a person submitted it."""
        return self.chain[-1] if self.chain else 0

    @property
    def status(self) -> str:
        """The word people see (spec 01)."""
        if self.paused_at and self.stage not in OVER:
            return PAUSED
        return _WORDS.get(self.stage, self.stage)

    @property
    def silent_until_at(self) -> int:
        """When its silence is an alarm, or after the alarm, when it is given up; 0: never."""
        if self.stuck_at:
            return self.reassign_at
        return self.progressed_at + self.stuck_ms * MILLISECOND if self.stuck_ms else 0


_WORDS = {REPORTED: RUNNING, WAITING: QUEUED}


def due_at(task: Task) -> int:
    """The instant of `nearest`, 0 when no clock is set: looked at after every event of a task."""
    if task.paused_at:
        return nearest(task)[0]
    due = 0
    for field, _ in CLOCKS[task.stage]:
        at: int = getattr(task, field)
        if at and (not due or at < due):
            due = at
    return due


def nearest(task: Task) -> tuple[int, str]:
    """(instant, reason) of the clock that rings first, (0, "") when none is set; the deadline wins a tie.

    Of a paused task only the deadline counts.
    """
    clocks = CLOCKS[task.stage]
    if task.paused_at:
        clocks = tuple(clock for clock in clocks if clock == _DEADLINE)
    dates = ((getattr(task, field), reason) for field, reason in clocks)
    return min((date for date in dates if date[0]), key=lambda date: date[0], default=(0, ""))
