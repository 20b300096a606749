"""Frames that agents send, as payload Structs (spec 2.2). Strict bounds; unknown fields pass."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import msgspec
from msgspec import Meta, Raw

from watchfloor.hub.spoken import SPOKEN_BY_AGENTS
from watchfloor.hub.tribunal_frames import TribunalVote
from watchfloor.hub.wire import (
    PROTOCOL_VERSION,
    Count,
    Hex,
    Id,
    Instant,
    Money,
    Name,
    NoId,
    Number,
    Payload,
    Percent,
    Text,
    Word,
)
from watchfloor.kernel.limits import (
    ATTEMPTS_PER_DECISION_MAX,
    ATTEMPTS_PER_TASK_MAX,
    CAPABILITIES_MAX,
    SHARE_MILLI,
    TASK_MS_MAX,
)

TOKEN_CHARS_MAX = 2_048  # a signed key is longer than an opaque one
# Factories, because a schema cannot show a Raw default.
_NOTHING = msgspec.field(default_factory=lambda: Raw(b"null"))
_NO_PARAMS = msgspec.field(default_factory=lambda: Raw(b"{}"))


class Hello(Payload, frozen=True, kw_only=True):
    """First frame when the key is not in the Authorization header (within 5 s); names what the agent has seen.

    The digests are SHA-256 (hex) of the prompt and the tool descriptions it runs with. What its approved versions do not
    pin quarantines it (spec 2.1, fault K10).
    """

    FRAME: ClassVar[str] = "hello"
    key: Annotated[str, Meta(max_length=TOKEN_CHARS_MAX)] = ""
    protocol: Number = PROTOCOL_VERSION
    sdk: Word = ""
    agent_version: Word = ""
    last_seq: Count = 0
    prompt_digest: Hex = ""
    tools_digest: Hex = ""

    def __repr__(self) -> str:
        return f"Hello(protocol={self.protocol}, sdk={self.sdk!r}, last_seq={self.last_seq})"


class Metrics(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the agent's process uses: `cpu_milli` thousandths of one core, `memory_bytes`, `queue` tasks waiting."""

    cpu_milli: Count = 0
    memory_bytes: Count = 0
    queue: Count = 0


class Heartbeat(Payload, frozen=True, kw_only=True):
    """I am alive. `seq` acknowledges every push up to it. Not answered, not numbered."""

    FRAME: ClassVar[str] = "heartbeat"
    status: Literal["healthy", "degraded", "unhealthy"] = "healthy"
    seq: Count = 0
    metrics: Metrics = Metrics()


class StatusUpdate(Payload, frozen=True, kw_only=True):
    """What the agent is doing, for the people who watch. Not answered, not numbered."""

    FRAME: ClassVar[str] = "status:update"
    state: Literal["idle", "working", "blocked"] = "working"
    progress: Percent = 0
    task_id: NoId = ""
    message: Text = ""


class _OfTask(Payload, frozen=True, kw_only=True):
    ANSWERED: ClassVar[bool] = True
    task_id: Id
    generation: Number


class TaskAccepted(_OfTask, frozen=True, kw_only=True):
    """The agent takes the task it was assigned."""

    FRAME: ClassVar[str] = "task:accepted"


class TaskRejected(_OfTask, frozen=True, kw_only=True):
    """The agent cannot take the task; it goes to another."""

    FRAME: ClassVar[str] = "task:rejected"
    reason: Text = ""


class TaskProgress(_OfTask, frozen=True, kw_only=True):
    """Work goes on, or waits (`blocked`)."""

    FRAME: ClassVar[str] = "task:progress"
    percent: Percent = 0
    status: Literal["running", "blocked"] = "running"
    message: Text = ""


class TaskCompleted(_OfTask, frozen=True, kw_only=True):
    """Done, as the agent says. `report` is its own account of how it checked; the platform checks the criteria."""

    FRAME: ClassVar[str] = "task:completed"
    result: Raw = _NOTHING
    report: Raw = _NOTHING
    tokens: Count | None = None
    cost_micro: Money | None = None


class TaskFailed(_OfTask, frozen=True, kw_only=True):
    """The attempt failed; `retryable`: another attempt may succeed."""

    FRAME: ClassVar[str] = "task:failed"
    reason: Text = ""
    retryable: bool = True
    tokens: Count | None = None
    cost_micro: Money | None = None


class TaskResume(_OfTask, frozen=True, kw_only=True):
    """After a reconnect: may I go on? Answered by task:continue or task:reassigned."""

    FRAME: ClassVar[str] = "task:resume"
    status: Literal["running", "blocked"] = "running"


_Names = Annotated[tuple[Name, ...], Meta(max_length=CAPABILITIES_MAX)]


class TaskSubmit(Payload, frozen=True, kw_only=True):
    """A new task, by an agent. With `task_id` and `generation` it is a part of the task at hand; `tools` are at most
    what the agent may use itself, `share_milli` is its share of that task's budget. Answered by task:submitted; what
    becomes of it is pushed as task:result."""

    FRAME: ClassVar[str] = "task:submit"
    ANSWERED: ClassVar[bool] = True
    title: Name
    description: Text = ""
    input: Raw = _NOTHING
    metadata: Raw = _NOTHING
    priority: Literal["urgent", "high", "normal", "low"] = "normal"
    needs: _Names = ()
    agent_id: NoId = ""
    task_id: NoId = ""
    generation: Count = 0
    tools: _Names = ()
    share_milli: Annotated[int, Meta(ge=0, le=SHARE_MILLI)] = 0
    max_attempts: Annotated[int, Meta(ge=1, le=ATTEMPTS_PER_TASK_MAX)] = 3
    timeout_ms: Annotated[int, Meta(ge=1_000, le=TASK_MS_MAX)] = 1_800_000
    acceptance_ms: Annotated[int, Meta(ge=1_000, le=TASK_MS_MAX)] = 60_000
    deadline_at: Instant = 0
    reassignable: bool = True


class TaskDelegate(TaskSubmit, frozen=True, kw_only=True):
    """A part of the task at hand for another agent, named or found by what it `needs`. Takes a tier that may delegate."""

    FRAME: ClassVar[str] = "task:delegate"
    task_id: Id
    generation: Number


class AgentSpawn(Payload, frozen=True, kw_only=True):
    """A new agent, out of the started execution of a granted action of class spawn whose parameters were exactly
    {"capabilities", "name", "tools", "type"}. Answered by agent:spawned, once with its key."""

    FRAME: ClassVar[str] = "agent:spawn"
    ANSWERED: ClassVar[bool] = True
    action_id: Id
    execution_id: Id
    name: Name
    type: Name
    capabilities: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=CAPABILITIES_MAX)]
    tools: _Names = ()
    share_milli: Annotated[int, Meta(ge=0, le=SHARE_MILLI)] = 0


class ActionRequest(Payload, frozen=True, kw_only=True):
    """May I do this? Answered by action:decided. `value_micro`, `cost_micro` and `tokens` are estimates.

    `audit`: a dry run leaves one line in the ledger.
    An estimate that is not given is no zero: under a budget of that measure it is taken for too much. `attempts`: at most so
    many executions for one decision; 0: as many as the policy allows.
    """

    FRAME: ClassVar[str] = "action:request"
    ANSWERED: ClassVar[bool] = True
    type: Name
    tool: Word = ""
    params: Annotated[Raw, Meta(extra_json_schema={"type": "object"})] = _NO_PARAMS
    reason: Text = ""
    urgency: Literal["low", "normal", "high", "immediate"] = "normal"
    task_id: NoId = ""
    generation: Count = 0
    value_micro: Money = 0
    cost_micro: Money | None = None
    tokens: Count | None = None
    dry_run: bool = False
    audit: bool = False
    attempts: Annotated[int, Meta(ge=0, le=ATTEMPTS_PER_DECISION_MAX)] = 0


class ActionStarted(Payload, frozen=True, kw_only=True):
    """Consumes the grant: single use, idempotent by (grant_id, execution_id). `digest` is of what is about to run."""

    FRAME: ClassVar[str] = "action:started"
    ANSWERED: ClassVar[bool] = True
    action_id: Id
    grant_id: Id
    execution_id: Id
    digest: Hex = ""
    target: Text = ""


class ActionCompleted(Payload, frozen=True, kw_only=True):
    """It ran. `outcome_digest` is SHA-256 (hex) of what came out; `outcome` a short account of it.

    `cost_micro` and `tokens` that are not given count as all that was reserved.
    """

    FRAME: ClassVar[str] = "action:completed"
    ANSWERED: ClassVar[bool] = True
    action_id: Id
    execution_id: Id
    outcome_digest: Hex = ""
    outcome: Raw = _NOTHING
    cost_micro: Money | None = None
    tokens: Count | None = None


class ActionFailed(Payload, frozen=True, kw_only=True):
    """It did not run to its end. `code` is snake_case, chosen by the agent."""

    FRAME: ClassVar[str] = "action:failed"
    ANSWERED: ClassVar[bool] = True
    action_id: Id
    execution_id: Id
    code: Annotated[str, Meta(max_length=64, pattern=r"^[a-z][a-z0-9_]*\Z")] = "failed"
    reason: Text = ""
    cost_micro: Money | None = None
    tokens: Count | None = None


class ActionRetry(Payload, frozen=True, kw_only=True):
    """This execution failed: a grant once more, under the same decision. Answered by action:decided with a new grant.

    Refused beyond the attempts of the ruling, after the first grant's time, where the basis of the grant is gone, and
    after an execution of unknown outcome unless the policy declares the class idempotent (DESIGN 2b.8).
    """

    FRAME: ClassVar[str] = "action:retry"
    ANSWERED: ClassVar[bool] = True
    action_id: Id
    execution_id: Id


class ActionSettled(Payload, frozen=True, kw_only=True):
    """What really happened to an execution whose outcome the server does not know (DESIGN 2b.8)."""

    FRAME: ClassVar[str] = "action:settled"
    ANSWERED: ClassVar[bool] = True
    action_id: Id
    execution_id: Id
    outcome: Literal["completed", "failed"]
    cost_micro: Money | None = None
    tokens: Count | None = None


FROM_AGENT: tuple[type[Payload], ...] = (
    Hello,
    Heartbeat,
    StatusUpdate,
    TaskAccepted,
    TaskRejected,
    TaskProgress,
    TaskCompleted,
    TaskFailed,
    TaskResume,
    ActionRequest,
    ActionStarted,
    ActionCompleted,
    ActionFailed,
    ActionSettled,
    ActionRetry,
    *SPOKEN_BY_AGENTS,
    TaskSubmit,
    TaskDelegate,
    AgentSpawn,
    TribunalVote,
)
