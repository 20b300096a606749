"""Tasks and the reports agents make about them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from watchfloor.http.bodies.economics import EstimateBody, TaskBudget, TaskEconomics
from watchfloor.http.bodies.fields import (
    AgentName,
    Answer,
    Body,
    Count,
    Free,
    Id,
    Instant,
    Money,
    Name,
    NoAgentName,
    NoId,
    Number,
    Paged,
    Percent,
    Seq,
    ShortReason,
    Text,
    Word,
)
from watchfloor.http.bodies.timeline import TimelineItem
from watchfloor.kernel.limits import (
    ATTEMPTS_PER_TASK_MAX,
    BACKOFF_MS_MAX,
    CAPABILITIES_MAX,
    DEPENDENCIES_PER_TASK_MAX,
    REASON_CHARS_MAX,
    SHARE_MILLI,
    TASK_MS_MAX,
    TASKS_PER_CHANGE_MAX,
    TASKS_PER_SUBMISSION_MAX,
)
from watchfloor.work.criteria import Criteria

Priority = Literal["urgent", "high", "normal", "low"]
Status = Literal[
    "queued",
    "assigned",
    "running",
    "blocked",
    "paused",
    "orphaned",
    "succeeded",
    "failed",
    "dead_letter",
    "cancelled",
]


class SubmitTaskBody(Body, frozen=True, kw_only=True):
    """`needs` are capabilities; `agent_id` restricts the task to one agent; `deadline_at` 0 is none.

    `depends_on` are tasks that have to succeed first; when one does not, `on_failure` says whether this one fails (dead
    letter) or is skipped (cancelled). `not_before_at` 0 is at once. Without progress for `stuck_ms` an alarm is raised,
    and after `reassign_ms` more the attempt counts as failed; 0 is never. One that is not `reassignable` is never continued
    by another agent: when its agent stays away beyond `grace_ms` it goes to the dead letter. `workflow` is a name that
    tasks have in common, by which costs are summed; whoever did its newest task is preferred. A fact: it is never erased.

    Agents only: `task_id` and `generation` of the task at hand it becomes a part of (empty: the root of a lineage),
    `tools` it may be done with at most, `share_milli` of the budget. People only: criteria, dependencies, `not_before_at`,
    estimate, budget and the times of back-off, grace and alarm.
    """

    title: Name
    description: Text = ""
    priority: Priority = "normal"
    needs: Annotated[tuple[Name, ...], Meta(max_length=CAPABILITIES_MAX)] = ()
    agent_id: NoAgentName = ""
    criteria: Criteria = ()
    input: Free = None
    metadata: Free = None
    max_attempts: Annotated[int, Meta(ge=1, le=ATTEMPTS_PER_TASK_MAX)] = 3
    timeout_ms: Annotated[int, Meta(ge=1_000, le=TASK_MS_MAX, description="milliseconds")] = 1_800_000
    acceptance_ms: Annotated[int, Meta(ge=1_000, le=TASK_MS_MAX, description="milliseconds")] = 60_000
    backoff_ms: Annotated[int, Meta(ge=0, le=BACKOFF_MS_MAX, description="milliseconds")] = 1_000
    grace_ms: Annotated[int, Meta(ge=0, le=TASK_MS_MAX, description="milliseconds")] = 60_000
    deadline_at: Instant = 0
    depends_on: Annotated[tuple[Id, ...], Meta(max_length=DEPENDENCIES_PER_TASK_MAX)] = ()
    on_failure: Literal["fail", "skip"] = "fail"
    not_before_at: Instant = 0
    stuck_ms: Annotated[int, Meta(ge=0, le=TASK_MS_MAX, description="milliseconds")] = 300_000
    reassign_ms: Annotated[int, Meta(ge=0, le=TASK_MS_MAX, description="milliseconds")] = 300_000
    estimate: EstimateBody | None = None
    budget: TaskBudget | None = None
    workflow: Word = ""
    reassignable: bool = True
    idempotency_key: Annotated[str, Meta(max_length=200, pattern="^[!-~]*$")] = ""
    task_id: NoId = ""
    generation: Count = 0
    tools: Annotated[tuple[Name, ...], Meta(max_length=CAPABILITIES_MAX)] = ()
    share_milli: Annotated[int, Meta(ge=0, le=SHARE_MILLI)] = 0


class BulkTask(SubmitTaskBody, frozen=True, kw_only=True):
    """A task of a bulk submission. Others of it name it in their `depends_on` by its `ref`."""

    ref: Annotated[str, Meta(max_length=64, pattern="^[A-Za-z0-9._-]*$")] = ""
    depends_on: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=64)], ...],
        Meta(max_length=DEPENDENCIES_PER_TASK_MAX),
    ] = ()


class SubmitTasksBody(Body, frozen=True, kw_only=True):
    """All of them, or none."""

    tasks: Annotated[tuple[BulkTask, ...], Meta(min_length=1, max_length=TASKS_PER_SUBMISSION_MAX)]
    idempotency_key: Annotated[str, Meta(max_length=200, pattern="^[!-~]*$")] = ""


class TasksSubmitted(Answer, frozen=True, kw_only=True):
    """In the order of the request."""

    task_ids: tuple[str, ...]
    seq: Seq


class TaskFilter(Body, frozen=True, kw_only=True):
    """Tasks for which all that is named holds."""

    status: Status | None = None
    lane: Priority | None = None
    agent: AgentName | None = None
    needs: Name | None = None
    text: Annotated[str, Meta(max_length=64)] | None = None
    depends_on: Id | None = None
    deadline_before: Instant | None = None
    workflow: Word | None = None


class ChangeTasksBody(Body, frozen=True, kw_only=True):
    """Either `task_ids` or `filter`; `cursor` is `next` of the answer before, for a filter that finds more."""

    operation: Literal["cancel", "pause", "resume", "retry", "purge"]
    task_ids: Annotated[tuple[Id, ...], Meta(max_length=TASKS_PER_CHANGE_MAX)] = ()
    filter: TaskFilter | None = None
    cursor: str = ""
    reason: ShortReason = ""


class TasksChanging(Answer, frozen=True, kw_only=True):
    """So many tasks are being changed, in slices; `next`: there are more, ask again with it as `cursor`."""

    matched: Count
    seq: Seq
    next: str | None = None


class TaskSubmitted(Answer, frozen=True, kw_only=True):
    task_id: str
    seq: Seq


class TasksParams(Paged, frozen=True, kw_only=True):
    """`status=dead_letter` is the dead letter; `needs` a capability; `text` a part of an id or of a story's."""

    status: Status | None = None
    lane: Priority | None = None
    agent: AgentName | None = None
    needs: Name | None = None
    text: Annotated[str, Meta(max_length=64)] | None = None
    depends_on: Id | None = None
    deadline_before: Instant | None = None
    workflow: Word | None = None


class TaskItem(Answer, frozen=True, kw_only=True):
    """A task as lists show it. `title` is empty when it was redacted.

    `waiting`: queued, but for another task or for its time, not for an agent. `stuck_at`: since when an alarm says that
    it makes no progress, 0 is none. `over_budget`: which budget has no room for it, so that it waits; "" is none.
    """

    task_id: str
    title: str
    status: str
    priority: str
    agent_id: str
    generation: Count
    attempts: Count
    attempts_max: Count
    percent: Percent
    needs: tuple[str, ...]
    submitted_at: Instant
    changed_at: Instant
    deadline_at: Instant
    reason: str = ""
    waiting: bool = False
    not_before_at: Instant = 0
    stuck_at: Instant = 0
    over_budget: str = ""
    workflow: str = ""


class TaskPage(Answer, frozen=True, kw_only=True):
    items: tuple[TaskItem, ...]
    next: str | None = None
    seq: Seq


class DependencyItem(Answer, frozen=True, kw_only=True):
    """A task that has to succeed first."""

    task_id: str
    status: str
    met: bool


class ReviewTaskBody(Body, frozen=True, kw_only=True):
    """How a person rates finished work, once, and why. The reason can be erased."""

    verdict: Literal["positive", "negative"]
    reason: Annotated[str, Meta(min_length=1, max_length=REASON_CHARS_MAX)]


class TaskReview(Answer, frozen=True, kw_only=True):
    """How a person rated the task. `reason` is empty when it was erased."""

    verdict: str
    reason: str
    reviewer_id: str
    reviewed_at: Instant


class TaskDetail(Answer, frozen=True, kw_only=True):
    """`result` is what the agent reported, `checks` what the platform found; null when absent or redacted."""

    task: TaskItem
    description: str
    criteria: tuple[Any, ...]
    input: Any
    metadata: Any
    result: Any
    report: Any
    checks: Any
    depends_on: tuple[DependencyItem, ...] = ()
    on_failure: str = "fail"
    checks_detail: str = ""  # why there are none, such as criteria_erased
    review: TaskReview | None = None
    economics: TaskEconomics | None = None
    timeline: tuple[TimelineItem, ...]
    seq: Seq


class OfGeneration(Body, frozen=True, kw_only=True):
    """`generation` is the fencing token of the assignment."""

    generation: Number


class RejectTaskBody(OfGeneration, frozen=True, kw_only=True):
    reason: Text = ""


class ProgressBody(OfGeneration, frozen=True, kw_only=True):
    percent: Percent = 0
    status: Literal["running", "blocked"] = "running"


class CompleteTaskBody(OfGeneration, frozen=True, kw_only=True):
    """`result` and `report` are the agent's own; criteria are checked by the platform."""

    result: Free = None
    report: Free = None
    tokens: Count | None = None
    cost_micro: Money | None = None


class FailTaskBody(OfGeneration, frozen=True, kw_only=True):
    reason: Text = ""
    retryable: bool = True
    tokens: Count | None = None
    cost_micro: Money | None = None


class TaskRecorded(Answer, frozen=True, kw_only=True):
    """What became of the report. `late`: recorded and ignored, because the generation is old or the task over."""

    task_id: str
    status: str
    generation: int
    seq: Seq
    late: bool = False


_ITEM = {
    "task_id": "tsk_q0d1k7m9x2v4",
    "title": "Mend the lint findings",
    "status": "running",
    "priority": "normal",
    "agent_id": "agt_q0d1k7m9x2v4",
    "generation": 1,
    "attempts": 1,
    "attempts_max": 3,
    "percent": 40,
    "needs": ["python.lint"],
    "submitted_at": 1_763_700_000_000_000,
    "changed_at": 1_763_700_060_000_000,
    "deadline_at": 0,
    "reason": "",
}
EXAMPLES: dict[type, dict[str, Any]] = {
    SubmitTaskBody: {
        "title": "Mend the lint findings",
        "description": "Run ruff on the repository and propose a patch.",
        "needs": ["python.lint"],
        "criteria": [{"kind": "command", "argv": ["ruff", "check", "."], "cwd": "repository"}],
        "input": {"repository": "demo"},
    },
    SubmitTasksBody: {
        "tasks": [
            {"ref": "fetch", "title": "Fetch the sources"},
            {"title": "Build them", "depends_on": ["fetch"], "on_failure": "skip"},
        ]
    },
    TasksSubmitted: {"task_ids": [_ITEM["task_id"], "tsk_q0d1k7m9x2v5"], "seq": 21},
    ChangeTasksBody: {"operation": "cancel", "filter": {"status": "queued"}, "reason": "not needed"},
    TasksChanging: {"matched": 12, "seq": 1042, "next": None},
    TaskSubmitted: {"task_id": _ITEM["task_id"], "seq": 21},
    TaskPage: {"items": [_ITEM], "next": None, "seq": 1042},
    TaskDetail: {
        "task": _ITEM,
        "description": "Run ruff on the repository and propose a patch.",
        "criteria": [{"kind": "command", "argv": ["ruff", "check", "."], "cwd": "repository"}],
        "input": {"repository": "demo"},
        "metadata": None,
        "result": None,
        "report": None,
        "depends_on": [],
        "on_failure": "fail",
        "checks": [
            {
                "argv": ["ruff", "check", "."],
                "cwd": "repository",
                "detail": "",
                "duration_ms": 41,
                "exit_code": 0,
                "held": True,
                "kind": "command",
                "outcome": "exited",
                "stderr": "",
                "stdout": "All checks passed!\n",
            }
        ],
        "checks_detail": "",
        "review": None,
        "timeline": [],
        "seq": 1042,
    },
    ReviewTaskBody: {"verdict": "positive", "reason": "a small, careful patch"},
    OfGeneration: {"generation": 1},
    RejectTaskBody: {"generation": 1, "reason": "no such repository"},
    ProgressBody: {"generation": 1, "percent": 40, "status": "running"},
    CompleteTaskBody: {"generation": 1, "result": {"findings": 0}, "tokens": 0, "cost_micro": 0},
    FailTaskBody: {"generation": 1, "reason": "ruff is missing", "retryable": True},
    TaskRecorded: {
        "task_id": _ITEM["task_id"],
        "status": "running",
        "generation": 1,
        "seq": 24,
        "late": False,
    },
}
