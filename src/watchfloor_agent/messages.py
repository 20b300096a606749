"""The frames this SDK sends, of agent protocol v1; received.py has the answers and pushes.

The folder `protocol/` of the project holds their schemas and the golden frames both sides are tested against. Instants
(`…_at`) are microseconds UTC, durations (`…_ms`) milliseconds, money (`…_micro`) millionths of the currency.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

PROTOCOL_VERSION = 1


class Payload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a frame says; `FRAME` is its type on the wire."""

    FRAME: ClassVar[str] = ""


class Hello(Payload, frozen=True, kw_only=True):
    """Opens a session: protocol, SDK, version of the agent, the newest push it has handled."""

    FRAME: ClassVar[str] = "hello"
    protocol: int = 0
    sdk: str = ""
    agent_version: str = ""
    last_seq: int = 0
    prompt_digest: str = ""
    tools_digest: str = ""


class Metrics(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Thousandths of a core, bytes, tasks at work."""

    cpu_milli: int = 0
    memory_bytes: int = 0
    queue: int = 0


class Heartbeat(Payload, frozen=True, kw_only=True):
    """`seq` acknowledges every push up to it."""

    FRAME: ClassVar[str] = "heartbeat"
    status: str = ""
    seq: int = 0
    metrics: Metrics | None = None


class StatusUpdate(Payload, frozen=True, kw_only=True):
    """What the agent is doing: `state` idle, working or blocked; `progress` 0 to 100."""

    FRAME: ClassVar[str] = "status:update"
    state: str = ""
    progress: int = 0
    task_id: str = ""
    message: str = ""


class TaskAccepted(Payload, frozen=True, kw_only=True):
    """The agent takes the task."""

    FRAME: ClassVar[str] = "task:accepted"
    task_id: str
    generation: int


class TaskRejected(Payload, frozen=True, kw_only=True):
    """The agent cannot take the task."""

    FRAME: ClassVar[str] = "task:rejected"
    task_id: str
    generation: int
    reason: str = ""


class TaskProgress(Payload, frozen=True, kw_only=True):
    """`status` running or blocked."""

    FRAME: ClassVar[str] = "task:progress"
    task_id: str
    generation: int
    percent: int = 0
    status: str = ""
    message: str = ""


class TaskCompleted(Payload, frozen=True, kw_only=True):
    """Done, as the agent says; the platform checks the criteria."""

    FRAME: ClassVar[str] = "task:completed"
    task_id: str
    generation: int
    result: Any = None
    report: Any = None
    tokens: int | None = None
    cost_micro: int | None = None


class TaskFailed(Payload, frozen=True, kw_only=True):
    """The attempt failed."""

    FRAME: ClassVar[str] = "task:failed"
    task_id: str
    generation: int
    reason: str = ""
    retryable: bool = True
    tokens: int | None = None
    cost_micro: int | None = None


class TaskResume(Payload, frozen=True, kw_only=True):
    """After a reconnect: may I go on?"""

    FRAME: ClassVar[str] = "task:resume"
    task_id: str
    generation: int
    status: str = ""


class ActionRequest(Payload, frozen=True, kw_only=True):
    """May I do this?"""

    FRAME: ClassVar[str] = "action:request"
    type: str
    tool: str = ""
    params: Any = msgspec.field(default_factory=dict)
    reason: str = ""
    urgency: str = "normal"
    task_id: str = ""
    generation: int = 0
    value_micro: int = 0
    cost_micro: int | None = None
    tokens: int | None = None
    dry_run: bool = False
    audit: bool = False
    attempts: int = 0


class ActionStarted(Payload, frozen=True, kw_only=True):
    """Consumes the grant; `digest` is of what is about to run, `target` the resolved path or host it will touch."""

    FRAME: ClassVar[str] = "action:started"
    action_id: str
    grant_id: str
    execution_id: str
    digest: str = ""
    target: str = ""


class ActionCompleted(Payload, frozen=True, kw_only=True):
    """It ran."""

    FRAME: ClassVar[str] = "action:completed"
    action_id: str
    execution_id: str
    outcome_digest: str = ""
    outcome: Any = None
    cost_micro: int | None = None
    tokens: int | None = None


class ActionFailed(Payload, frozen=True, kw_only=True):
    """It did not run to its end."""

    FRAME: ClassVar[str] = "action:failed"
    action_id: str
    execution_id: str
    code: str = "failed"
    reason: str = ""
    cost_micro: int | None = None
    tokens: int | None = None


class ActionRetry(Payload, frozen=True, kw_only=True):
    """This execution failed: a grant once more, under the same decision."""

    FRAME: ClassVar[str] = "action:retry"
    action_id: str
    execution_id: str


class ActionSettled(Payload, frozen=True, kw_only=True):
    """What became of an execution whose outcome the server does not know: `outcome` completed or failed."""

    FRAME: ClassVar[str] = "action:settled"
    action_id: str
    execution_id: str
    outcome: str
    cost_micro: int | None = None
    tokens: int | None = None


class ChatMessage(Payload, frozen=True, kw_only=True):
    """The agent says something in a chat; `stream`: it is the whole of those parts."""

    FRAME: ClassVar[str] = "chat:message"
    chat_id: str
    text: str
    stream: str = ""


class ChatPart(Payload, frozen=True, kw_only=True):
    """A part of an answer that is still being made; not answered, kept nowhere."""

    FRAME: ClassVar[str] = "chat:part"
    chat_id: str
    stream: str
    text: str


class MessageSend(Payload, frozen=True, kw_only=True):
    """Say something to another agent of the organisation."""

    FRAME: ClassVar[str] = "message:send"
    to: str
    text: str
    reply_to: int = 0


class ChannelJoin(Payload, frozen=True, kw_only=True):
    """Hear what is said in a channel; opens it when there is none of this name."""

    FRAME: ClassVar[str] = "channel:join"
    channel: str


class ChannelLeave(Payload, frozen=True, kw_only=True):
    """Hear no more of it."""

    FRAME: ClassVar[str] = "channel:leave"
    channel: str


class ChannelPost(Payload, frozen=True, kw_only=True):
    """Say something to every other member."""

    FRAME: ClassVar[str] = "channel:post"
    channel: str
    text: str
    reply_to: int = 0


class ChannelHistory(Payload, frozen=True, kw_only=True):
    """What was said after message number `after`."""

    FRAME: ClassVar[str] = "channel:history"
    channel: str
    after: int = 0
    limit: int = 32


class TaskSubmit(Payload, frozen=True, kw_only=True):
    """A new task; with `task_id` and `generation` a part of the task at hand."""

    FRAME: ClassVar[str] = "task:submit"
    title: str
    description: str = ""
    input: Any = None
    metadata: Any = None
    priority: str = "normal"
    needs: tuple[str, ...] = ()
    agent_id: str = ""
    task_id: str = ""
    generation: int = 0
    tools: tuple[str, ...] = ()
    share_milli: int = 0
    max_attempts: int = 3
    timeout_ms: int = 1_800_000
    acceptance_ms: int = 60_000
    deadline_at: int = 0
    reassignable: bool = True


class TaskDelegate(TaskSubmit, frozen=True, kw_only=True):
    """A part of the task at hand, for another agent."""

    FRAME: ClassVar[str] = "task:delegate"


class AgentSpawn(Payload, frozen=True, kw_only=True):
    """A new agent, out of a started execution."""

    FRAME: ClassVar[str] = "agent:spawn"
    action_id: str
    execution_id: str
    name: str
    type: str
    capabilities: tuple[str, ...]
    tools: tuple[str, ...] = ()
    share_milli: int = 0


class TribunalVote(Payload, frozen=True, kw_only=True):
    """What this agent thinks of another's action it was asked about."""

    FRAME: ClassVar[str] = "tribunal:vote"
    decision_id: str
    vote: str
    confidence_milli: int
    reasoning: str = ""


SENT: tuple[type[Payload], ...] = (
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
    ActionRetry,
    ActionSettled,
    ChatMessage,
    ChatPart,
    MessageSend,
    ChannelJoin,
    ChannelLeave,
    ChannelPost,
    ChannelHistory,
    TaskSubmit,
    TaskDelegate,
    AgentSpawn,
    TribunalVote,
)
