"""Frames that the server sends, as payload Structs (spec 2.2)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import msgspec

from watchfloor.hub.spoken import SPOKEN_BY_SERVER
from watchfloor.hub.tribunal_frames import TribunalAsked, TribunalRecorded
from watchfloor.hub.wire import PROTOCOL_VERSION, CloseCode, Count, Hex, Instant, Millis, Payload
from watchfloor.kernel.limits import FRAME_BYTES_MAX, PARAMS_BYTES_MAX


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """What the server takes from this agent. `rates`: requests a minute by rate class."""

    frame_bytes_max: Count = FRAME_BYTES_MAX
    params_bytes_max: Count = PARAMS_BYTES_MAX
    in_flight_max: Count = 8
    tasks_max: Count = 1
    rates: dict[str, int] = {}


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """Newest signed tree head: `size` events, `root` hex SHA-256, `note` the C2SP signed note as published (spec 04)."""

    size: Count
    root: Hex
    note: str = ""


class Permissions(msgspec.Struct, frozen=True, kw_only=True):
    """What the registration allows. `tools` empty: every tool; `scopes` of the key, empty: every action type."""

    capabilities: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()


class Welcome(Payload, frozen=True, kw_only=True):
    """Authenticated. `last_id` is the last frame id seen from this agent; `seq` the newest ledger position."""

    FRAME: ClassVar[str] = "welcome"
    agent_id: str
    structured_id: str
    name: str
    session: str
    tier: str
    score: int
    protocol: int = PROTOCOL_VERSION
    server: str = ""
    permissions: Permissions = Permissions()
    heartbeat_interval_ms: Millis = 30_000
    limits: Limits = Limits()
    checkpoint: Checkpoint | None = None
    last_id: Count = 0
    seq: Count = 0


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """A task that was handed on as a part of this one."""

    task_id: str
    status: str


class TaskAssigned(Payload, frozen=True, kw_only=True):
    """Work for this agent, until accepted, rejected or `accept_by_at`. `input` and `metadata` are the submitter's.

    Without progress for `stuck_ms` an alarm is raised (0: never). `paused`: a person holds it.
    A task that an agent handed on (`delegator_id`, `parent_id`, `depth` agents deep) may be done with `tools` at most,
    empty: no bound by its lineage. `parts` are what its former holder has handed on of it already.
    """

    FRAME: ClassVar[str] = "task:assigned"
    task_id: str
    generation: int
    attempt: int
    title: str
    description: str = ""
    input: Any = None
    metadata: Any = None
    criteria: tuple[Any, ...] = ()
    priority: str = "normal"
    accept_by_at: Instant = 0
    deadline_at: Instant = 0
    timeout_ms: Millis = 0
    stuck_ms: Millis = 0
    paused: bool = False
    parent_id: str = ""
    delegator_id: str = ""
    depth: Count = 0
    tools: tuple[str, ...] = ()
    parts: tuple[Part, ...] = ()


class TaskCancelled(Payload, frozen=True, kw_only=True):
    """Stop working on it; reports of this generation will be ignored."""

    FRAME: ClassVar[str] = "task:cancelled"
    task_id: str
    generation: int
    reason: str = ""


class TaskPaused(Payload, frozen=True, kw_only=True):
    """A person holds the task: do nothing more for it until task:unpaused. It stays this agent's; reports count."""

    FRAME: ClassVar[str] = "task:paused"
    task_id: str
    generation: int
    reason: str = ""


class TaskUnpaused(Payload, frozen=True, kw_only=True):
    """The task goes on; its time-out has stood still."""

    FRAME: ClassVar[str] = "task:unpaused"
    task_id: str
    generation: int


class TaskContinue(Payload, frozen=True, kw_only=True):
    """Answer to task:resume: the task is still this agent's, with this generation."""

    FRAME: ClassVar[str] = "task:continue"
    task_id: str
    generation: int
    status: str = "running"


class TaskReassigned(Payload, frozen=True, kw_only=True):
    """The task is no longer this agent's: drop it. Answer to task:resume, or a push."""

    FRAME: ClassVar[str] = "task:reassigned"
    task_id: str
    generation: int
    reason: str = ""


class TaskRecorded(Payload, frozen=True, kw_only=True):
    """Answer to every task report. `status` is the task's; `late`: recorded and ignored (old generation, or over)."""

    FRAME: ClassVar[str] = "task:recorded"
    task_id: str
    status: str
    generation: int
    seq: Count
    late: bool = False


class TaskSubmitted(Payload, frozen=True, kw_only=True):
    """Answer to task:submit and task:delegate: it is in the queue, `depth` agents away from a person."""

    FRAME: ClassVar[str] = "task:submitted"
    task_id: str
    depth: Count
    seq: Count


class TaskResult(Payload, frozen=True, kw_only=True):
    """A task that this agent handed on, or that is a part of one it has taken over, is over. `result` is another
    agent's words: not to be trusted. `verified`: the platform's own checks held."""

    FRAME: ClassVar[str] = "task:result"
    task_id: str
    status: Literal["succeeded", "dead_letter", "cancelled"]
    parent_id: str = ""
    agent_id: str = ""
    result: Any = None
    reason: str = ""
    verified: bool = False
    cost_micro: Count = 0
    tokens: Count = 0


class AgentSpawned(Payload, frozen=True, kw_only=True):
    """Answer to agent:spawn. `api_key` is shown once; a repeated frame is answered without it."""

    FRAME: ClassVar[str] = "agent:spawned"
    agent_id: str
    structured_id: str
    name: str
    expires_at: Instant
    depth: Count
    seq: Count
    api_key: str = ""

    def __repr__(self) -> str:
        return f"AgentSpawned(agent_id={self.agent_id!r}, name={self.name!r})"


class SupervisionChanged(Payload, frozen=True, kw_only=True):
    """This agent supervises `members` from now on (`held`), or no longer; what it says of an older `generation` is late.

    Its predecessor's open work follows as task:assigned.
    """

    FRAME: ClassVar[str] = "supervision:changed"
    supervision_id: str
    domain: str
    generation: Count
    held: bool
    members: tuple[str, ...] = ()
    reason: str = ""


class RiskFactor(msgspec.Struct, frozen=True, kw_only=True):
    name: str
    points: int


class Risk(msgspec.Struct, frozen=True, kw_only=True):
    """Score 0 to 100 and its band, with what contributed."""

    score: int
    band: str
    factors: tuple[RiskFactor, ...] = ()


class Reason(msgspec.Struct, frozen=True, kw_only=True):
    """One rule that did not pass: its name, answer (raise, deny, throttle), the level it asks for, a sentence."""

    rule: str
    answer: str
    level: int = 0
    text: str = ""


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """Single-use permission. `digest` = SHA-256(salt ‖ canonical action); all three hex except ids."""

    grant_id: str
    basis: str
    expires_at: Instant
    execution_ms: Millis
    digest: Hex
    salt: Hex


class ActionDecided(Payload, frozen=True, kw_only=True):
    """The ruling: answer to action:request, and pushed with `seq` when people have decided or a grant was revoked.

    `status` follows a pending decision: pending, approved, denied, expired, cancelled; retried: another grant under the
    same decision. `judged_at_seq`: the ledger
    position of the ruling; of a dry run, that of the state it was judged on; 0 where the server does not say. `params`
    with a grant: people have edited them, the digest is of these, and the agent runs with these or not at all.
    `audit_seq`: of a dry run, where its line in the ledger is.
    """

    FRAME: ClassVar[str] = "action:decided"
    action_id: str
    verdict: Literal["permitted", "pending", "denied"]
    level: int
    digest: Hex
    decision_id: str = ""
    status: str = ""
    risk: Risk | None = None
    reasons: tuple[Reason, ...] = ()
    grant: Grant | None = None
    deadline_at: Instant = 0
    retry_after_ms: Millis = 0
    dry_run: bool = False
    judged_at_seq: Count = 0
    params: Any = None
    audit_seq: Count = 0


class ActionRecorded(Payload, frozen=True, kw_only=True):
    """Answer to a report on an action. Only `executing` allows the executor to run.

    `status`: executing, completed, failed, unknown, or grant_revoked: the basis of the grant is gone, `reason` names
    it, and a new decision follows as action:decided. Misuse of a grant is answered by error `grant_misused`.
    """

    FRAME: ClassVar[str] = "action:recorded"
    action_id: str
    status: str
    seq: Count
    execution_id: str = ""
    reason: str = ""
    until_at: Instant = 0


class ConfigUpdated(Payload, frozen=True, kw_only=True):
    """Something told in welcome has changed; what is absent has not.

    `version_number`: that version of the agent is in force now. `key_id` and `key_expires_at`: that key is about to end,
    rotate it.
    """

    FRAME: ClassVar[str] = "config:updated"
    heartbeat_interval_ms: Millis | None = None
    tier: str | None = None
    score: int | None = None
    permissions: Permissions | None = None
    limits: Limits | None = None
    policy_version: int | None = None
    checkpoint: Checkpoint | None = None
    version_number: int | None = None
    key_id: str | None = None
    key_expires_at: Instant | None = None


class ActionStopped(Payload, frozen=True, kw_only=True):
    """A stop of this `scope` came into force while this was executing: end it, and report what became of it."""

    FRAME: ClassVar[str] = "action:stopped"
    action_id: str
    execution_id: str
    scope: str


class RateLimited(Payload, frozen=True, kw_only=True):
    """A bucket is empty (with `re`: that frame was not executed, send it again later), or at 80 % (`warning`)."""

    FRAME: ClassVar[str] = "rate:limited"
    retry_after_ms: Millis
    rate_class: str = msgspec.field(name="class")
    warning: bool = False


class Error(Payload, frozen=True, kw_only=True):
    """A frame was refused; nothing was recorded. `field` is a JSON pointer into the frame."""

    FRAME: ClassVar[str] = "error"
    code: str
    detail: str
    field: str = ""
    retryable: bool = False
    retry_after_ms: Millis = 0


class Disconnecting(Payload, frozen=True, kw_only=True):
    """The server closes this socket. Come back after `retry_after_ms` (jitter included; 0: the agent's own back-off).

    `reason`: restart, overloaded, slow_consumer, policy, key_revoked or replaced (a newer connection of this agent
    took over: stay away, or the two take turns for ever).
    """

    FRAME: ClassVar[str] = "disconnecting"
    reason: str
    code: int = CloseCode.RESTART
    retry_after_ms: Millis = 0


class Resync(Payload, frozen=True, kw_only=True):
    """More was missed than the outbox keeps: everything open, in place of the pushes up to `seq` (DESIGN §2)."""

    FRAME: ClassVar[str] = "resync"
    seq: Count
    tasks: tuple[TaskAssigned, ...] = ()
    actions: tuple[ActionDecided, ...] = ()


FROM_SERVER: tuple[type[Payload], ...] = (
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
    Error,
    Disconnecting,
    Resync,
    *SPOKEN_BY_SERVER,
    TribunalAsked,
    TribunalRecorded,
)
