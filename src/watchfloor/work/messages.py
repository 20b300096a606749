"""Tasks: commands and facts (spec 2.4). Titles, descriptions, criteria, results and reports are private parts."""

from __future__ import annotations

from typing import ClassVar

from watchfloor.kernel.amounts import UNSAID
from watchfloor.kernel.messages import Command, Effect, Facts
from watchfloor.work.economic_messages import Economics

TIER_MAX = 5  # no bound: ELITE
NO_TOOL = "-"  # the one entry of a list of tools from which nothing is left
REVIEWS = ("positive", "negative")
LANES = ("urgent", "high", "normal", "low")
CALL_OUTCOMES = ("accepted", "completed", "failed", "rejected", "unanswered")
# Why the call of an HTTP worker led to no valid answer; `worker_held` is not its fault: it was not called at all.
CALL_FAILURES = (
    "worker_unreachable",  # no address, no connection, or it broke
    "worker_address_refused",  # this server does not connect to where the url leads
    "worker_tls_failed",
    "worker_timed_out",
    "worker_busy",  # 429 to the last attempt
    "worker_error",  # 5xx to the last attempt
    "worker_refused",  # another 4xx
    "worker_redirected",
    "worker_answer_too_large",
    "worker_answer_invalid",
)
WORKER_HELD = "worker_held"  # its breaker opened before this call began
ON_FAILURE = ("fail", "skip")


class SubmitTask(Command, frozen=True, kw_only=True):
    """`private`: canonical JSON {"criteria": [{"kind", …}] (criteria.py), "description", "input", "metadata", "title"}.

    `depends_on`: subjects of tasks that must succeed first (-1: the first task of the same request, and so on); when one of them will not, `on_failure` says whether this
    one fails (dead letter) or is skipped (cancelled).
    """

    KIND: ClassVar[str] = "task"
    priority: str = "normal"
    needs: tuple[str, ...] = ()
    agent: int = 0  # only this agent, 0: any that matches
    criteria: int = 0  # how many criteria the private part holds
    attempts_max: int = 3
    acceptance_ms: int = 60_000
    timeout_ms: int = 1_800_000  # from acceptance; the attempt counts as failed
    deadline_at: int = 0
    backoff_ms: int = 1_000
    grace_ms: int = 60_000  # how long an orphaned task waits for its agent
    depends_on: tuple[int, ...] = ()
    on_failure: str = "fail"
    not_before_at: int = 0
    stuck_ms: int = 300_000  # without progress for so long: an alert; 0: never
    reassign_ms: int = 300_000  # and for so long after the alert: the attempt counts as failed; 0: never
    near: int = 0  # the agent that did earlier work of the same kind, preferred when it has room
    private: bytes = b""
    reassignable: bool = True  # False: nobody else may go on with it, so it ends when its agent stays away
    by: int = 0  # the agent that hands it on, 0: submitted by a person
    delegated: bool = False  # a part of what `by` was given to do, which takes a tier that may delegate
    parent: int = 0  # the task it is a part of, held by `by` in `parent_generation`
    parent_generation: int = 0
    tools: tuple[str, ...] = ()  # what may be used for it, at most what `by` may use; empty: all of that
    share_milli: int = 0  # its share of the parent's budget, in thousandths
    economics: Economics | None = None  # estimates and its own limits
    workflow: str = ""  # a name that tasks have in common; a part has its parent's
    rationale: bytes = b""  # canonical JSON {"rationale"}: the private part of task.estimated


class AssignTask(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "task"
    agent: int


class HandOverTask(Command, frozen=True, kw_only=True):
    """What a supervising agent held passes to its backup: `agent_before` has it now, `agent` gets it."""

    KIND: ClassVar[str] = "task"
    agent: int
    agent_before: int


class AcceptTask(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "task"
    agent: int
    generation: int


class RejectTask(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "task"
    agent: int
    generation: int
    reason: str = ""


class ReportProgress(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "task"
    agent: int
    generation: int
    percent: int = 0
    status: str = "running"  # running or blocked


class CompleteTask(Command, frozen=True, kw_only=True):
    """The agent says it is done. `private`: canonical JSON {"report", "result"}.

    `cost_micro` and `tokens` are what the attempt took as it claims, beyond its actions; UNSAID when it says nothing.
    """

    KIND: ClassVar[str] = "task"
    agent: int
    generation: int
    cost_micro: int = UNSAID
    tokens: int = UNSAID
    private: bytes = b""


class FailTask(Command, frozen=True, kw_only=True):
    """`private`: canonical JSON {"reason"}."""

    KIND: ClassVar[str] = "task"
    agent: int
    generation: int
    retryable: bool = True
    private: bytes = b""
    cost_micro: int = UNSAID
    tokens: int = UNSAID


class ConcludeCall(Command, frozen=True, kw_only=True):
    """What became of the call of an HTTP worker for one assignment, once all its attempts are over (spec 2.4).

    `outcome`: accepted (it reports later), completed, failed, rejected (its own words), or unanswered, with `reason` one
    of CALL_FAILURES or WORKER_HELD. `private`: canonical JSON {"calls", "reason" or "report" and "result"}.
    """

    KIND: ClassVar[str] = "task"
    agent: int
    generation: int
    outcome: str
    reason: str = ""
    retryable: bool = True
    cost_micro: int = UNSAID
    tokens: int = UNSAID
    private: bytes = b""


class RecordVerification(Command, frozen=True, kw_only=True):
    """What the platform's own check found. `private`: canonical JSON {"checks": [{"held", "kind", "outcome", …}]}."""

    KIND: ClassVar[str] = "task"
    generation: int
    passed: bool
    private: bytes = b""


class OrphanTask(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "task"
    agent: int


class ResumeTask(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "task"
    agent: int
    generation: int


class CancelTask(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "task"
    reason: str = ""


class RetryTask(Command, frozen=True, kw_only=True):
    """Out of the dead letter, with all its attempts again."""

    KIND: ClassVar[str] = "task"


class SettleDependency(Command, frozen=True, kw_only=True):
    """A task this one waits for is over. `agent` did it, 0 when nobody did."""

    KIND: ClassVar[str] = "task"
    dependency: int
    succeeded: bool
    agent: int = 0


class PauseTask(Command, frozen=True, kw_only=True):
    """Nothing happens to it until somebody lets it go on; who has it is told, and keeps it."""

    KIND: ClassVar[str] = "task"
    reason: str = ""


class UnpauseTask(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "task"


class PurgeTask(Command, frozen=True, kw_only=True):
    """Out of the dead letter for good: it can not be retried any more."""

    KIND: ClassVar[str] = "task"
    reason: str = ""


class ReviewTask(Command, frozen=True, kw_only=True):
    """A person rates a finished task: `verdict` is one of REVIEWS. The reason becomes the event's private part."""

    KIND: ClassVar[str] = "task"
    verdict: str
    reason: str


class TaskTimePassed(Command, frozen=True, kw_only=True):
    """A due date of the task has passed (acceptance, time-out, silence, grace, delay, back-off or deadline)."""

    KIND: ClassVar[str] = "task"


class ChangeTasks(Command, frozen=True, kw_only=True):
    """The same to many tasks: cancel, pause, unpause, retry or purge; those to which it does not apply are passed by."""

    KIND: ClassVar[str] = "organisation"
    operation: str
    tasks: tuple[int, ...]
    reason: str = ""


class TasksChanged(Facts, frozen=True, kw_only=True):
    """Somebody wants this done to all these tasks; a continuation does it in slices."""

    TYPE: ClassVar[str] = "tasks.changed/1"
    KIND: ClassVar[str] = "organisation"
    operation: str
    reason: str
    tasks: tuple[int, ...]


class TaskSubmitted(Facts, frozen=True, kw_only=True, omit_defaults=True):
    """`unmet`: those of `depends_on` that had not succeeded yet. `stuck_ms` 0: its silence is nobody's alarm.

    A task that an agent handed on has a lineage: `chain`, the agents it came through (the newest last; its length
    is the depth), `parent` and `root` (0: it is the first), and the rights that are left of it: `tools` (empty: no
    bound; NO_TOOL alone: none) and `tier_max`.
    """

    TYPE: ClassVar[str] = "task.submitted/1"
    KIND: ClassVar[str] = "task"
    acceptance_ms: int
    agent: int
    attempts_max: int
    backoff_ms: int
    criteria: int
    deadline_at: int
    grace_ms: int
    needs: tuple[str, ...]
    nonce: int
    priority: str
    timeout_ms: int
    depends_on: tuple[int, ...] = ()
    near: int = 0
    not_before_at: int = 0
    on_failure: str = "fail"
    reassign_ms: int = 0
    stuck_ms: int = 0
    unmet: tuple[int, ...] = ()
    chain: tuple[int, ...] = ()
    parent: int = 0
    reassignable: bool = True
    root: int = 0
    share_milli: int = 0
    tier_max: int = TIER_MAX
    tools: tuple[str, ...] = ()
    workflow: str = ""


class DelegationRefused(Facts, frozen=True, kw_only=True):
    """An agent wanted to hand on what it must not: no task comes of it, and it is a trust event (spec 2.2, 3.4).

    `reason`: contained, tier_too_low, too_deep, cycle, target_lacks_capability, more_rights, too_many_parts,
    lineage_too_large, too_many_open, budget_exceeded. `depth` is what the task's would have been.
    """

    TYPE: ClassVar[str] = "task.delegation_refused/1"
    KIND: ClassVar[str] = "task"
    agent: int
    depth: int
    parent: int
    reason: str
    target: int


class TaskHandedOver(Facts, frozen=True, kw_only=True):
    """Taken from `agent_before` and assigned to `agent` with a new generation (spec 2.3 *Supervising agents*)."""

    TYPE: ClassVar[str] = "task.handed_over/1"
    KIND: ClassVar[str] = "task"
    accept_by_at: int
    agent: int
    agent_before: int
    attempt: int
    generation: int


class TaskDependencyMet(Facts, frozen=True, kw_only=True):
    """One of the tasks it waited for has succeeded, by `agent`."""

    TYPE: ClassVar[str] = "task.dependency_met/1"
    KIND: ClassVar[str] = "task"
    agent: int
    dependency: int


class TaskReady(Facts, frozen=True, kw_only=True):
    """All it waited for has succeeded and its time has come: it may be matched."""

    TYPE: ClassVar[str] = "task.ready/1"
    KIND: ClassVar[str] = "task"


class TaskAssigned(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "task.assigned/1"
    KIND: ClassVar[str] = "task"
    accept_by_at: int
    agent: int
    attempt: int
    generation: int
    called: bool = False  # the agent is an HTTP worker: it is called instead of told over its socket


class TaskAccepted(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "task.accepted/1"
    KIND: ClassVar[str] = "task"
    agent: int
    generation: int


class TaskProgressed(Facts, frozen=True, kw_only=True):
    """Durable at a change of status or every 60 s only (DESIGN 2b.6)."""

    TYPE: ClassVar[str] = "task.progressed/1"
    KIND: ClassVar[str] = "task"
    generation: int
    percent: int
    status: str


class TaskReported(Facts, frozen=True, kw_only=True):
    """The agent reported success and the criteria are still to be checked by the platform."""

    TYPE: ClassVar[str] = "task.reported/1"
    KIND: ClassVar[str] = "task"
    agent: int
    cost_micro: int
    generation: int
    tokens: int
    unsaid: tuple[str, ...] = ()  # of money and tokens: what the agent did not say
    claimed_micro: int = (
        0  # what it said where that is beyond belief, so that less counts; 0: it counts as said
    )
    claimed_tokens: int = 0


class TaskSucceeded(Facts, frozen=True, kw_only=True):
    """`verified`: criteria held by the platform's check (False: the task had no criteria)."""

    TYPE: ClassVar[str] = "task.succeeded/1"
    KIND: ClassVar[str] = "task"
    agent: int
    cost_micro: int
    generation: int
    tokens: int
    verified: bool
    time_ms: int = 0  # in hand, from acceptance on
    unsaid: tuple[str, ...] = ()  # of money and tokens: what the agent did not say
    claimed_micro: int = (
        0  # what it said where that is beyond belief, so that less counts; 0: it counts as said
    )
    claimed_tokens: int = 0


class TaskAttemptFailed(Facts, frozen=True, kw_only=True):
    """`reason`: failed, rejected, not_accepted, timed_out, stuck, not_verified, disconnected, or of an HTTP worker one of
    CALL_FAILURES or WORKER_HELD. Back in the queue at `retry_at`."""

    TYPE: ClassVar[str] = "task.attempt_failed/1"
    KIND: ClassVar[str] = "task"
    agent: int
    generation: int
    reason: str
    retry_at: int
    cost_micro: int = 0
    tokens: int = 0
    time_ms: int = 0  # in hand, from acceptance on
    unsaid: tuple[str, ...] = ()  # of money and tokens: what the agent did not say
    claimed_micro: int = (
        0  # what it said where that is beyond belief, so that less counts; 0: it counts as said
    )
    claimed_tokens: int = 0


class TaskRequeued(Facts, frozen=True, kw_only=True):
    """The back-off is over; the task may be matched again."""

    TYPE: ClassVar[str] = "task.requeued/1"
    KIND: ClassVar[str] = "task"


class TaskDeadLettered(Facts, frozen=True, kw_only=True):
    """`reason`: that of the last attempt, deadline_passed, or dependency_failed, then because of `dependency`."""

    TYPE: ClassVar[str] = "task.dead_lettered/1"
    KIND: ClassVar[str] = "task"
    agent: int
    generation: int
    reason: str
    dependency: int = 0
    cost_micro: int = 0
    tokens: int = 0
    time_ms: int = 0  # in hand, from acceptance on
    unsaid: tuple[str, ...] = ()  # of money and tokens: what the agent did not say
    claimed_micro: int = (
        0  # what it said where that is beyond belief, so that less counts; 0: it counts as said
    )
    claimed_tokens: int = 0


class TaskOrphaned(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "task.orphaned/1"
    KIND: ClassVar[str] = "task"
    agent: int
    generation: int
    until_at: int


class TaskResumed(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "task.resumed/1"
    KIND: ClassVar[str] = "task"
    agent: int
    generation: int


class TaskCancelled(Facts, frozen=True, kw_only=True):
    """`dependency`: it was skipped because this one did not succeed (`reason` skipped)."""

    TYPE: ClassVar[str] = "task.cancelled/1"
    KIND: ClassVar[str] = "task"
    agent: int
    generation: int
    reason: str
    dependency: int = 0
    cost_micro: int = 0
    tokens: int = 0
    time_ms: int = 0  # in hand, from acceptance on
    unsaid: tuple[str, ...] = ()  # of money and tokens: what the agent did not say
    claimed_micro: int = (
        0  # what it said where that is beyond belief, so that less counts; 0: it counts as said
    )
    claimed_tokens: int = 0


class TaskRetried(Facts, frozen=True, kw_only=True):
    """`unmet`: what it has to wait for once more."""

    TYPE: ClassVar[str] = "task.retried/1"
    KIND: ClassVar[str] = "task"
    unmet: tuple[int, ...] = ()


class TaskPurged(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "task.purged/1"
    KIND: ClassVar[str] = "task"
    reason: str


class TaskPaused(Facts, frozen=True, kw_only=True):
    """`agent` has it, 0: nobody. All its clocks but the deadline stand still."""

    TYPE: ClassVar[str] = "task.paused/1"
    KIND: ClassVar[str] = "task"
    agent: int
    generation: int
    reason: str


class TaskUnpaused(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "task.unpaused/1"
    KIND: ClassVar[str] = "task"
    agent: int
    generation: int


class TaskStuck(Facts, frozen=True, kw_only=True):
    """An alarm: no progress for `idle_ms`. Unless some comes, the attempt counts as failed at `reassign_at` (0: never)."""

    TYPE: ClassVar[str] = "task.stuck/1"
    KIND: ClassVar[str] = "task"
    agent: int
    generation: int
    idle_ms: int
    reassign_at: int


class TaskReportedLate(Facts, frozen=True, kw_only=True):
    """A report of an old generation or after the end: recorded, and ignored (spec 2.3)."""

    TYPE: ClassVar[str] = "task.reported_late/1"
    KIND: ClassVar[str] = "task"
    agent: int
    generation: int
    report: str


class CallWorker(Effect, frozen=True, kw_only=True):
    """POST the task to its HTTP worker and answer with ConcludeCall."""

    task: int
    agent: int
    generation: int


class TaskReviewed(Facts, frozen=True, kw_only=True):
    """`agent` did the task; `owner` is the public id of the person who owned it then, and not who rates. Private: {"reason"}."""

    TYPE: ClassVar[str] = "task.reviewed/1"
    KIND: ClassVar[str] = "task"
    agent: int
    owner: str
    verdict: str


class VerifyTask(Effect, frozen=True, kw_only=True):
    """Run the task's criteria and answer with RecordVerification."""

    task: int
    generation: int
    seq: int  # of task.submitted, whose private part holds the criteria
