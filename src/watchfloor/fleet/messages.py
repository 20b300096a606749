"""Agents: registration, credentials, presence, containment: commands and facts (spec 2.1, 2.3)."""

from __future__ import annotations

from typing import ClassVar

from watchfloor.kernel.messages import Command, Facts


class RegisterAgent(Command, frozen=True, kw_only=True):
    """`owner` is a person's public id or "system"; `private` canonical JSON {"metadata", "skills"}.

    `credential` is the id of the first key (its verifier travels beside the command, never in it). With a `url` the
    agent is an HTTP worker: it has no socket, the server calls it there (spec 2.4).
    """

    KIND: ClassVar[str] = "agent"
    name: str
    type: str
    capabilities: tuple[str, ...]
    owner: str
    credential: str
    expires_at: int
    tools: tuple[str, ...] = ()  # tool permissions of version 1; empty: every tool
    version: str = ""
    url: str = ""
    private: bytes = b""


class IssueKey(Command, frozen=True, kw_only=True):
    """A further key. With `rotates` set, that key stops working at `overlap_until_at`."""

    KIND: ClassVar[str] = "agent"
    credential: str
    expires_at: int
    rotates: str = ""
    overlap_until_at: int = 0


class RevokeKey(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "agent"
    credential: str
    reason: str = "revoked"


class ConnectAgent(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "agent"
    node: str
    session: str


class DisconnectAgent(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "agent"
    session: str
    reason: str


class MarkDegraded(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "agent"
    session: str


class MarkRecovered(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "agent"
    session: str


class ReportThrottled(Command, frozen=True, kw_only=True):
    """What ingress refused without an event, once a minute: `count` requests in `window_ms` (DESIGN 2b.6)."""

    KIND: ClassVar[str] = "agent"
    count: int
    window_ms: int


class QuarantineAgent(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "agent"
    reason: str


class ReleaseAgent(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "agent"
    reason: str = ""


class RetireAgent(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "agent"
    reason: str = ""


class AgentRegistered(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "agent.registered/1"
    KIND: ClassVar[str] = "agent"
    capabilities: tuple[str, ...]
    credential: str
    expires_at: int
    name: str
    nonce: int
    owner: str
    tools: tuple[str, ...]
    type: str
    version: str
    url: str = ""  # of an HTTP worker; empty: the agent connects by itself


class KeyIssued(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "agent.key_issued/1"
    KIND: ClassVar[str] = "agent"
    credential: str
    expires_at: int
    overlap_until_at: int
    rotates: str


class KeyRevoked(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "agent.key_revoked/1"
    KIND: ClassVar[str] = "agent"
    credential: str
    reason: str


class AgentConnected(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "agent.connected/1"
    KIND: ClassVar[str] = "agent"
    node: str
    session: str


class AgentDisconnected(Facts, frozen=True, kw_only=True):
    """The agent is offline; its running tasks are orphaned by the reclaim process."""

    TYPE: ClassVar[str] = "agent.disconnected/1"
    KIND: ClassVar[str] = "agent"
    reason: str
    session: str


class AgentDegraded(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "agent.degraded/1"
    KIND: ClassVar[str] = "agent"
    session: str


class AgentRecovered(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "agent.recovered/1"
    KIND: ClassVar[str] = "agent"
    session: str


class NodeStarted(Facts, frozen=True, kw_only=True):
    """A server process began: every session of an earlier incarnation of this node is gone (DESIGN 2b.7)."""

    TYPE: ClassVar[str] = "node.started/1"
    KIND: ClassVar[str] = "organisation"
    incarnation: str
    node: str
    version: str


class AgentThrottled(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "agent.throttled/1"
    KIND: ClassVar[str] = "agent"
    count: int
    window_ms: int


class AgentQuarantined(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "agent.quarantined/1"
    KIND: ClassVar[str] = "agent"
    reason: str


class AgentReleased(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "agent.released/1"
    KIND: ClassVar[str] = "agent"
    reason: str


class AgentRetired(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "agent.retired/1"
    KIND: ClassVar[str] = "agent"
    reason: str


# HTTP workers (spec 2.4, workers.py) ---------------------------------------------------------------------------------


class RecordCall(Command, frozen=True, kw_only=True):
    """How a call of this worker ended: with a valid answer, or why without one (`work.messages.CALL_FAILURES`)."""

    KIND: ClassVar[str] = "agent"
    answered: bool
    reason: str = ""


class WorkerTimePassed(Command, frozen=True, kw_only=True):
    """The open time of the worker's breaker is over."""

    KIND: ClassVar[str] = "agent"


class MoveWorker(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "agent"
    url: str


class RotateSecret(Command, frozen=True, kw_only=True):
    """Calls are signed with the next secret from now on."""

    KIND: ClassVar[str] = "agent"


class WorkerCallFailed(Facts, frozen=True, kw_only=True):
    """No valid answer, `failures` times in a row; the breaker stays closed."""

    TYPE: ClassVar[str] = "worker.call_failed/1"
    KIND: ClassVar[str] = "agent"
    failures: int
    reason: str


class WorkerAnswered(Facts, frozen=True, kw_only=True):
    """The first valid answer after failures: they are forgotten."""

    TYPE: ClassVar[str] = "worker.answered/1"
    KIND: ClassVar[str] = "agent"


class WorkerBreakerOpened(Facts, frozen=True, kw_only=True):
    """No task goes to this worker until `until_at`."""

    TYPE: ClassVar[str] = "worker.breaker_opened/1"
    KIND: ClassVar[str] = "agent"
    failures: int
    reason: str
    until_at: int


class WorkerBreakerHalfOpened(Facts, frozen=True, kw_only=True):
    """One task may try."""

    TYPE: ClassVar[str] = "worker.breaker_half_opened/1"
    KIND: ClassVar[str] = "agent"


class WorkerBreakerClosed(Facts, frozen=True, kw_only=True):
    """The probe was answered."""

    TYPE: ClassVar[str] = "worker.breaker_closed/1"
    KIND: ClassVar[str] = "agent"


class WorkerMoved(Facts, frozen=True, kw_only=True):
    """Called at another url from now on; the breaker is closed and its failures are forgotten."""

    TYPE: ClassVar[str] = "worker.moved/1"
    KIND: ClassVar[str] = "agent"
    url: str


class WorkerSecretRotated(Facts, frozen=True, kw_only=True):
    """`secret` is the number of the signing secret in force; secrets themselves are nowhere in the ledger."""

    TYPE: ClassVar[str] = "worker.secret_rotated/1"
    KIND: ClassVar[str] = "agent"
    secret: int
