"""Agents: registration, credentials, presence, containment: commands and facts (spec 2.1, 2.3)."""

from __future__ import annotations

from typing import ClassVar

from watchfloor.kernel.messages import Command, Facts


class RegisterAgent(Command, frozen=True, kw_only=True):
    """`owner` is a person's public id or "system"; `private` canonical JSON {"metadata", "skills"}.

    `credential` is the id of the first key (its verifier travels beside the command, never in it); `frame` unused.
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
