"""Agents: registration, credentials, presence, containment: commands and facts (spec 2.1, 2.3)."""

from __future__ import annotations

from typing import ClassVar

from watchfloor.kernel.messages import Command, Facts


class RegisterAgent(Command, frozen=True, kw_only=True):
    """`owner` is a person's public id or "system"; `private` canonical JSON {"metadata", "prompt", "skills"}.

    `credential` is the id of the first key (its verifier travels beside the command, never in it). With a `url` the
    agent is an HTTP worker: it has no socket, the server calls it there (spec 2.4).
    `credential` is the id of the first key (its verifier travels beside the command, never in it). `enrolment` is the
    subject of the enrolment token that was presented (0: a person or the system registers). The digests pin version 1:
    SHA-256 (hex) of the prompt and of the tool descriptions, empty when nothing is pinned yet.
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
    prompt_digest: str = ""
    tools_digest: str = ""
    enrolment: int = 0
    private: bytes = b""


class IssueKey(Command, frozen=True, kw_only=True):
    """A further key. With `rotates` set, that key stops working at `overlap_until_at`, and its scopes are handed on.

    `scopes` are action types, or all below a prefix (`repository.*`), that the key may ask for; none: every type.
    """

    KIND: ClassVar[str] = "agent"
    credential: str
    expires_at: int
    rotates: str = ""
    overlap_until_at: int = 0
    scopes: tuple[str, ...] = ()


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
    """What ingress refused without an event, once a minute: `count` requests in `window_ms` (DESIGN 2b.6).

    `exhausted`: so often within it one and the same bucket was used up (spec 3.3 *Runaway*).
    """

    KIND: ClassVar[str] = "agent"
    count: int
    window_ms: int
    exhausted: int = 0


class QuarantineAgent(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "agent"
    reason: str


class ReleaseAgent(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "agent"
    reason: str = ""


class RetireAgent(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "agent"
    reason: str = ""


class AgentRegistered(Facts, frozen=True, kw_only=True, omit_defaults=True):
    """`enrolment` 0: registered by the actor; else by whoever holds that token, which `sponsor` (a person) had made.

    An agent that another one spawned has a lineage: `parent`, `root`, `depth` (1: spawned by the root), and `action`,
    the granted action it was spawned with.
    """

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
    enrolment: int = 0
    prompt_digest: str = ""
    sponsor: str = ""
    tools_digest: str = ""
    action: int = 0
    depth: int = 0
    parent: int = 0
    root: int = 0
    share_milli: int = 0


class KeyIssued(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "agent.key_issued/1"
    KIND: ClassVar[str] = "agent"
    credential: str
    expires_at: int
    overlap_until_at: int
    rotates: str
    scopes: tuple[str, ...] = ()


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
    exhausted: int = 0


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


# Keys that end, certificates ----------------------------------------------------------------------------------------


class KeyTimePassed(Command, frozen=True, kw_only=True):
    """A key is about to end (spec 2.1: warning 7 days before)."""

    KIND: ClassVar[str] = "agent"


class KeyExpiring(Facts, frozen=True, kw_only=True):
    """Said once for each key that nobody has rotated; `expires_at` is the end of its life."""

    TYPE: ClassVar[str] = "agent.key_expiring/1"
    KIND: ClassVar[str] = "agent"
    credential: str
    expires_at: int


class PinCertificates(Command, frozen=True, kw_only=True):
    """The client certificates an agent must show, in place of those before; none: no certificate is asked for.

    A pin is `sha256:` and the hex fingerprint of the DER certificate, or `san:dns:…`, `san:uri:…`, `san:email:…`.
    """

    KIND: ClassVar[str] = "agent"
    pins: tuple[str, ...]


class CertificatesPinned(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "agent.certificates_pinned/1"
    KIND: ClassVar[str] = "agent"
    pins: tuple[str, ...]


# Versions -------------------------------------------------------------------------------------------------------------


class ProposeVersion(Command, frozen=True, kw_only=True):
    """A new version of prompt and tool permissions, on top of the one in force (spec 2.1 *Agent versions*).

    Digests are SHA-256 (hex) of the prompt and of the canonical tool descriptions; empty: as in the version in force.
    `private` canonical JSON {"descriptions", "prompt"}. With `rollback_to` the contents are those of that version, and
    everything else but `reason` is ignored.
    """

    KIND: ClassVar[str] = "agent"
    reason: str
    label: str = ""
    tools: tuple[str, ...] = ()
    prompt_digest: str = ""
    tools_digest: str = ""
    rollback_to: int = 0
    private: bytes = b""


class NoteActivation(Command, frozen=True, kw_only=True):
    """The gate has an action before it that puts version `number` in force. From the versioning process only."""

    KIND: ClassVar[str] = "agent"
    number: int
    action: int
    by: str


class EndActivation(Command, frozen=True, kw_only=True):
    """That action was closed without being started. From the versioning process only."""

    KIND: ClassVar[str] = "agent"
    action: int
    reason: str


class ActivateVersion(Command, frozen=True, kw_only=True):
    """The action was granted and has started: put the version in force. From the versioning process only."""

    KIND: ClassVar[str] = "agent"
    action: int
    approved_by: tuple[str, ...]


class PresentIdentity(Command, frozen=True, kw_only=True):
    """What the agent says it runs with: SHA-256 (hex) of its prompt and its tool descriptions; empty: not said."""

    KIND: ClassVar[str] = "agent"
    prompt_digest: str = ""
    tools_digest: str = ""


class VersionProposed(Facts, frozen=True, kw_only=True):
    """`previous` is the version in force then; `rollback_to` the version whose contents these are, 0: new ones."""

    TYPE: ClassVar[str] = "agent.version_proposed/1"
    KIND: ClassVar[str] = "agent"
    label: str
    number: int
    previous: int
    prompt_digest: str
    reason: str
    rollback_to: int
    tools: tuple[str, ...]
    tools_digest: str


class ActivationRequested(Facts, frozen=True, kw_only=True):
    """`action` is the subject of the action that waits at the gate; `by` the person who asked."""

    TYPE: ClassVar[str] = "agent.activation_requested/1"
    KIND: ClassVar[str] = "agent"
    action: int
    by: str
    number: int


class ActivationEnded(Facts, frozen=True, kw_only=True):
    """The version was not put in force: `reason` denied, expired, cancelled, grant_expired."""

    TYPE: ClassVar[str] = "agent.activation_ended/1"
    KIND: ClassVar[str] = "agent"
    action: int
    number: int
    reason: str


class VersionActivated(Facts, frozen=True, kw_only=True):
    """In force from now on. `approved_by` are the persons whose votes made the grant, empty when the policy let it pass."""

    TYPE: ClassVar[str] = "agent.version_activated/1"
    KIND: ClassVar[str] = "agent"
    action: int
    approved_by: tuple[str, ...]
    label: str
    number: int
    previous: int
    rollback: bool
    tools: tuple[str, ...]


class IdentityPinned(Facts, frozen=True, kw_only=True):
    """The first digests the agent presented, where its version had none: from now on they are its version's."""

    TYPE: ClassVar[str] = "agent.identity_pinned/1"
    KIND: ClassVar[str] = "agent"
    number: int
    prompt_digest: str
    tools_digest: str


class IdentityChanged(Facts, frozen=True, kw_only=True):
    """The agent presented digests nobody has approved; its quarantine follows ("rug pull", fault K10)."""

    TYPE: ClassVar[str] = "agent.identity_changed/1"
    KIND: ClassVar[str] = "agent"
    number: int
    prompt_digest: str
    tools_digest: str


# Enrolment tokens -------------------------------------------------------------------------------------------------------


class IssueEnrolment(Command, frozen=True, kw_only=True):
    """A token with which `uses` agents register themselves until `expires_at` (spec 2.1).

    They belong to `owner`; `types` and `capabilities` bound what they may say they are (empty: anything).
    """

    KIND: ClassVar[str] = "enrolment"
    credential: str
    expires_at: int
    owner: str
    uses: int = 1
    types: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()


class RevokeEnrolment(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "enrolment"
    reason: str = ""


class EnrolmentIssued(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "enrolment.issued/1"
    KIND: ClassVar[str] = "enrolment"
    capabilities: tuple[str, ...]
    credential: str
    expires_at: int
    nonce: int
    owner: str
    types: tuple[str, ...]
    uses: int


class EnrolmentRevoked(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "enrolment.revoked/1"
    KIND: ClassVar[str] = "enrolment"
    reason: str
