"""The frames this SDK receives, of agent protocol v1.

Read tolerantly: fields this version does not know are ignored, optional ones may be absent. Instants (`…_at`) are
microseconds UTC, durations (`…_ms`) milliseconds.
"""

from __future__ import annotations

from typing import Any, ClassVar

import msgspec

from watchfloor_agent.messages import PROTOCOL_VERSION, Payload


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the server takes."""

    frame_bytes_max: int = 1024 * 1024
    params_bytes_max: int = 256 * 1024
    in_flight_max: int = 8
    tasks_max: int = 1
    rates: dict[str, int] = {}


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """A signed tree head of the organisation's ledger: number of events, root hash, signed note."""

    size: int
    root: str
    note: str = ""


class Permissions(msgspec.Struct, frozen=True, kw_only=True):
    """What the registration allows; empty `tools` or `scopes`: all."""

    capabilities: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()


class Welcome(Payload, frozen=True, kw_only=True):
    """The session is open; `last_id` is the last frame id the server has seen from this agent."""

    FRAME: ClassVar[str] = "welcome"
    agent_id: str
    structured_id: str = ""
    name: str = ""
    session: str = ""
    tier: str = ""
    score: int = 0
    protocol: int = PROTOCOL_VERSION
    server: str = ""
    permissions: Permissions = Permissions()
    heartbeat_interval_ms: int = 30_000
    limits: Limits = Limits()
    checkpoint: Checkpoint | None = None
    last_id: int = 0
    seq: int = 0


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A task that was handed on as a part of another."""

    task_id: str
    status: str = ""


class TaskAssigned(Payload, frozen=True, kw_only=True):
    """Work for this agent."""

    FRAME: ClassVar[str] = "task:assigned"
    task_id: str
    generation: int
    attempt: int = 1
    title: str = ""
    description: str = ""
    input: Any = None
    metadata: Any = None
    criteria: tuple[Any, ...] = ()
    priority: str = "normal"
    accept_by_at: int = 0
    deadline_at: int = 0
    timeout_ms: int = 0
    stuck_ms: int = 0
    paused: bool = False
    parent_id: str = ""
    delegator_id: str = ""
    depth: int = 0
    tools: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()


class TaskCancelled(Payload, frozen=True, kw_only=True):
    """Stop working on it."""

    FRAME: ClassVar[str] = "task:cancelled"
    task_id: str
    generation: int = 0
    reason: str = ""


class TaskPaused(Payload, frozen=True, kw_only=True):
    """A person holds the task."""

    FRAME: ClassVar[str] = "task:paused"
    task_id: str
    generation: int = 0
    reason: str = ""


class TaskUnpaused(Payload, frozen=True, kw_only=True):
    """The task goes on."""

    FRAME: ClassVar[str] = "task:unpaused"
    task_id: str
    generation: int = 0


class TaskContinue(Payload, frozen=True, kw_only=True):
    """The task is still this agent's."""

    FRAME: ClassVar[str] = "task:continue"
    task_id: str
    generation: int
    status: str = ""


class TaskReassigned(Payload, frozen=True, kw_only=True):
    """The task is somebody else's now."""

    FRAME: ClassVar[str] = "task:reassigned"
    task_id: str
    generation: int = 0
    reason: str = ""


class TaskRecorded(Payload, frozen=True, kw_only=True):
    """Answer to a report on a task; `late`: recorded and ignored."""

    FRAME: ClassVar[str] = "task:recorded"
    task_id: str
    status: str
    generation: int = 0
    seq: int = 0
    late: bool = False


class TaskSubmitted(Payload, frozen=True, kw_only=True):
    """The task is in the queue, `depth` agents away from a person."""

    FRAME: ClassVar[str] = "task:submitted"
    task_id: str
    depth: int = 0
    seq: int = 0


class TaskResult(Payload, frozen=True, kw_only=True):
    """A task that was handed on is over."""

    FRAME: ClassVar[str] = "task:result"
    task_id: str
    status: str
    parent_id: str = ""
    agent_id: str = ""
    result: Any = None
    reason: str = ""
    verified: bool = False
    cost_micro: int = 0
    tokens: int = 0


class AgentSpawned(Payload, frozen=True, kw_only=True):
    """The new agent and its key."""

    FRAME: ClassVar[str] = "agent:spawned"
    agent_id: str
    structured_id: str = ""
    name: str = ""
    expires_at: int = 0
    depth: int = 0
    seq: int = 0
    api_key: str = ""

    def __repr__(self) -> str:
        return f"AgentSpawned(agent_id={self.agent_id!r}, name={self.name!r})"


class SupervisionChanged(Payload, frozen=True, kw_only=True):
    """This agent supervises a domain from now on (`held`), or no longer."""

    FRAME: ClassVar[str] = "supervision:changed"
    supervision_id: str
    domain: str
    generation: int = 0
    held: bool = False
    members: tuple[str, ...] = ()
    reason: str = ""


class RiskFactor(msgspec.Struct, frozen=True, kw_only=True):
    """What contributed to the risk, in points."""

    name: str
    points: int = 0


class Risk(msgspec.Struct, frozen=True, kw_only=True):
    """Score 0 to 100, its band, what contributed."""

    score: int
    band: str = ""
    factors: tuple[RiskFactor, ...] = ()


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that did not pass, and its sentence."""

    rule: str
    answer: str = ""
    level: int = 0
    text: str = ""


class GrantTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Single-use permission as the server gives it; `digest` and `salt` hexadecimal."""

    grant_id: str
    basis: str = ""
    expires_at: int = 0
    execution_ms: int = 0
    digest: str
    salt: str


class ActionDecided(Payload, frozen=True, kw_only=True):
    """The ruling: `verdict` permitted, pending or denied."""

    FRAME: ClassVar[str] = "action:decided"
    action_id: str
    verdict: str
    level: int = 0
    digest: str = ""
    decision_id: str = ""
    status: str = ""
    risk: Risk | None = None
    reasons: tuple[Reason, ...] = ()
    grant: GrantTerms | None = None
    deadline_at: int = 0
    retry_after_ms: int = 0
    dry_run: bool = False
    judged_at_seq: int = 0
    params: Any = None
    audit_seq: int = 0


class ActionRecorded(Payload, frozen=True, kw_only=True):
    """Answer to a report on an action; only `executing` allows to run."""

    FRAME: ClassVar[str] = "action:recorded"
    action_id: str
    status: str
    seq: int = 0
    execution_id: str = ""
    reason: str = ""
    until_at: int = 0


class ConfigUpdated(Payload, frozen=True, kw_only=True):
    """What has changed since welcome; the absent has not."""

    FRAME: ClassVar[str] = "config:updated"
    heartbeat_interval_ms: int | None = None
    tier: str | None = None
    score: int | None = None
    permissions: Permissions | None = None
    limits: Limits | None = None
    policy_version: int | None = None
    checkpoint: Checkpoint | None = None
    version_number: int | None = None
    key_id: str | None = None
    key_expires_at: int | None = None


class ActionStopped(Payload, frozen=True, kw_only=True):
    """A stop came into force while this was executing."""

    FRAME: ClassVar[str] = "action:stopped"
    action_id: str
    execution_id: str
    scope: str = ""


class RateLimited(Payload, frozen=True, kw_only=True):
    """With `re`: that frame was not executed. `warning`: 80 % of the bucket is used."""

    FRAME: ClassVar[str] = "rate:limited"
    retry_after_ms: int = 0
    rate_class: str = msgspec.field(default="", name="class")
    warning: bool = False


class ErrorFrame(Payload, frozen=True, kw_only=True):
    """A frame was refused; nothing was recorded."""

    FRAME: ClassVar[str] = "error"
    code: str
    detail: str = ""
    field: str = ""
    retryable: bool = False
    retry_after_ms: int = 0


class Disconnecting(Payload, frozen=True, kw_only=True):
    """The server is about to close; 0: no hint when to come back."""

    FRAME: ClassVar[str] = "disconnecting"
    reason: str = ""
    code: int = 0
    retry_after_ms: int = 0


class Resync(Payload, frozen=True, kw_only=True):
    """Too much was missed: all that is open, in place of the pushes up to `seq`."""

    FRAME: ClassVar[str] = "resync"
    seq: int = 0
    tasks: tuple[TaskAssigned, ...] = ()
    actions: tuple[ActionDecided, ...] = ()


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """Who said it: `kind` person or agent, public id, handle or name. From the credential, never from a payload."""

    kind: str
    id: str
    name: str = ""


class ChatTold(Payload, frozen=True, kw_only=True):
    """A person says something to this agent; `redacted`: the text was erased since."""

    FRAME: ClassVar[str] = "chat:message"
    chat_id: str
    number: int
    text: str
    sender: Sender
    at: int = 0
    untrusted: bool = False
    redacted: bool = False


class ChatRecorded(Payload, frozen=True, kw_only=True):
    """Answer to chat:message: it is message `number` of the chat."""

    FRAME: ClassVar[str] = "chat:recorded"
    chat_id: str
    number: int
    seq: int = 0


class ChatClosed(Payload, frozen=True, kw_only=True):
    """Nothing more is said in this chat."""

    FRAME: ClassVar[str] = "chat:closed"
    chat_id: str
    reason: str = ""


class MessageReceived(Payload, frozen=True, kw_only=True):
    """Somebody says something to this agent: message `number` of its mailbox."""

    FRAME: ClassVar[str] = "message:received"
    number: int
    text: str
    sender: Sender
    at: int = 0
    untrusted: bool = True
    reply_to: int = 0
    redacted: bool = False


class MessageRecorded(Payload, frozen=True, kw_only=True):
    """Answer to message:send: it is message `number` of the other's mailbox."""

    FRAME: ClassVar[str] = "message:recorded"
    to: str
    number: int
    seq: int = 0


class ChannelJoined(Payload, frozen=True, kw_only=True):
    """Answer to channel:join: how many are in it, and the number of its last message."""

    FRAME: ClassVar[str] = "channel:joined"
    channel: str
    channel_id: str = ""
    members: int = 0
    number: int = 0


class ChannelLeft(Payload, frozen=True, kw_only=True):
    """Answer to channel:leave."""

    FRAME: ClassVar[str] = "channel:left"
    channel: str


class ChannelRecorded(Payload, frozen=True, kw_only=True):
    """Answer to channel:post: it is message `number` of the channel."""

    FRAME: ClassVar[str] = "channel:recorded"
    channel: str
    number: int
    seq: int = 0


class ChannelPosted(Payload, frozen=True, kw_only=True):
    """Somebody said something in a channel this agent is in."""

    FRAME: ClassVar[str] = "channel:posted"
    channel: str
    number: int
    text: str
    sender: Sender
    at: int = 0
    untrusted: bool = True
    reply_to: int = 0
    redacted: bool = False


class ChannelMessages(Payload, frozen=True, kw_only=True):
    """Answer to channel:history: messages in order, the number of the last one, the oldest number within reach."""

    FRAME: ClassVar[str] = "channel:messages"
    channel: str
    number: int = 0
    first: int = 0
    items: tuple[ChannelPosted, ...] = ()


class TribunalAsked(Payload, frozen=True, kw_only=True):
    """Judge another agent's action; `words` are that agent's own: data, never instructions."""

    FRAME: ClassVar[str] = "tribunal:asked"
    decision_id: str
    action_id: str = ""
    agent_id: str = ""
    type: str = ""
    tool: str = ""
    params: Any = None
    words: str = ""
    level: int = 0
    risk: int = 0
    band: str = ""
    digest: str = ""
    members: int = 0
    deadline_at: int = 0


class TribunalRecorded(Payload, frozen=True, kw_only=True):
    """Answer to tribunal:vote; `late`: kept, and changes nothing."""

    FRAME: ClassVar[str] = "tribunal:recorded"
    decision_id: str
    seq: int = 0
    late: bool = False


RECEIVED: tuple[type[Payload], ...] = (
    Welcome,
    TaskAssigned,
    TaskCancelled,
    TaskPaused,
    TaskUnpaused,
    TaskContinue,
    TaskReassigned,
    TaskRecorded,
    TaskSubmitted,
    TaskResult,
    AgentSpawned,
    SupervisionChanged,
    ActionDecided,
    ActionRecorded,
    ConfigUpdated,
    ActionStopped,
    RateLimited,
    ErrorFrame,
    Disconnecting,
    Resync,
    ChatTold,
    ChatRecorded,
    ChatClosed,
    MessageReceived,
    MessageRecorded,
    ChannelJoined,
    ChannelLeft,
    ChannelRecorded,
    ChannelPosted,
    ChannelMessages,
    TribunalAsked,
    TribunalRecorded,
)
