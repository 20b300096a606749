"""Agents, their keys and their trust."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from watchfloor.http.bodies.fields import (
    Answer,
    Body,
    Code,
    Count,
    Free,
    Fresh,
    Hex,
    Instant,
    Name,
    NeededReason,
    Paged,
    Params,
    Seq,
    Word,
)
from watchfloor.kernel.limits import (
    CAPABILITIES_MAX,
    CERTIFICATES_PER_AGENT_MAX,
    PROMPT_BYTES_MAX,
    SCOPES_PER_KEY_MAX,
    WORKER_URL_CHARS_MAX,
)

Names = Annotated[tuple[Name, ...], Meta(max_length=CAPABILITIES_MAX)]
State = Literal["offline", "idle", "assigned", "working", "blocked", "degraded", "quarantined", "retired"]
Url = Annotated[
    str,
    Meta(
        max_length=WORKER_URL_CHARS_MAX,
        description="of an HTTP worker: it is called there instead of holding a socket",
    ),
]
KeyDays = Annotated[int, Meta(ge=1, le=365, description="life of the key in days")]


class RegisterAgentBody(Body, frozen=True, kw_only=True):
    """Idempotent by name: a repeat returns the agent without its key (spec 2.1)."""

    name: Name
    type: Name = "worker"
    capabilities: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=CAPABILITIES_MAX)]
    tools: Names = ()
    skills: Names = ()
    version: Word = ""
    prompt: Annotated[
        str, Meta(max_length=PROMPT_BYTES_MAX, description="private; its SHA-256 pins version 1")
    ] = ""
    prompt_digest: Hex = ""
    tools_digest: Hex = ""
    owner: Annotated[
        str, Meta(max_length=64, description="id or handle of a person; empty: who registers")
    ] = ""
    metadata: Free = None
    expires_in_days: KeyDays = 30
    url: Url = ""


class Notice(Answer, frozen=True, kw_only=True):
    """Something that will surprise if nobody says it: a code and a sentence."""

    code: Code
    detail: str


class AgentRegistered(Answer, frozen=True, kw_only=True):
    """`api_key` is shown once; it is null when the agent existed or the answer is a repeat: rotate to get a new one.

    `signing_secret`, of an agent with a url and shown once too, is what its calls are signed with (docs/workers.md).
    """

    agent_id: str
    name: str
    structured_id: str
    key_id: str
    api_key: str | None
    expires_at: Instant
    seq: Seq
    note: str = ""
    owner: str = ""
    warnings: tuple[Notice, ...] = ()
    url: str = ""
    signing_secret: str | None = None


class AgentsParams(Paged, frozen=True, kw_only=True):
    state: State | None = None
    type: Word | None = None
    name: Word | None = None


class Breaker(Answer, frozen=True, kw_only=True):
    """Of an HTTP worker: closed; open until `until_at`; half_open: one task may try. `failures` in a row, `reason` of the last."""

    state: str
    failures: Count
    reason: str
    until_at: Instant


class AgentItem(Answer, frozen=True, kw_only=True):
    """An agent as lists show it. `tier` by name, `score` at the view's instant.

    `last_seen_at`: its newest heartbeat, or before one in this process the newest use of a key or change of presence.
    """

    agent_id: str
    structured_id: str
    name: str
    type: str
    state: str
    owner: str
    capabilities: tuple[str, ...]
    tools: tuple[str, ...]
    version: str
    tier: str
    score: int
    registered_at: Instant
    tasks_open: Count = 0
    version_number: Count = 1
    warnings: tuple[str, ...] = ()
    url: str = ""
    breaker: Breaker | None = None
    last_seen_at: Instant = 0


class AgentUsage(Answer, frozen=True, kw_only=True):
    """As the agent's newest heartbeat said: thousandths of one core, bytes, tasks waiting in it."""

    cpu_milli: Count
    memory_bytes: Count
    queue: Count


class AgentPage(Answer, frozen=True, kw_only=True):
    items: tuple[AgentItem, ...]
    next: str | None = None
    seq: Seq


class KeyItem(Answer, frozen=True, kw_only=True):
    """A key without its secret."""

    key_id: str
    created_at: Instant
    expires_at: Instant
    revoked_at: Instant
    rotates: str = ""
    last_used_at: Instant = 0
    scopes: tuple[str, ...] = ()


class AgentDetail(Answer, frozen=True, kw_only=True):
    """`last_used_at` of a key: 0 not yet; after a crash up to a minute behind. `certificates`: pins it has to meet."""

    agent: AgentItem
    keys: tuple[KeyItem, ...]
    skills: tuple[str, ...]
    metadata: Any
    seq: Seq
    quarantine_reason: str = ""
    certificates: tuple[str, ...] = ()
    warnings: tuple[Notice, ...] = ()
    usage: AgentUsage | None = None


class KeyPage(Answer, frozen=True, kw_only=True):
    items: tuple[KeyItem, ...]
    seq: Seq


Form = Annotated[
    Literal["key", "jwt"], Meta(description="opaque, or a signed JWT (EdDSA) that others can check")
]


KeyScopes = Annotated[
    tuple[Annotated[str, Meta(max_length=128, pattern=r"^[a-z0-9_\-]+(?:\.[a-z0-9_\-]+)*(?:\.\*)?\Z")], ...],
    Meta(max_length=SCOPES_PER_KEY_MAX, description="action types, or `prefix.*`; none: every type"),
]


class IssueKeyBody(Body, frozen=True, kw_only=True):
    """`scopes` restrict the key to those types of action; another type is denied, and is a security violation."""

    expires_in_days: KeyDays = 30
    form: Form = "key"
    scopes: KeyScopes = ()


class PinCertificatesBody(Body, frozen=True, kw_only=True):
    """In place of those before; none: no certificate is asked for. `sha256:<hex>` or `san:dns|uri|email:<name>`."""

    pins: Annotated[
        tuple[Annotated[str, Meta(max_length=512)], ...], Meta(max_length=CERTIFICATES_PER_AGENT_MAX)
    ]


class ImportAgentBody(Body, frozen=True, kw_only=True):
    """An A2A agent card: the document, or where it is. With `jwk` one of its signatures must be by this public key.

    `name` and `capabilities` take the place of what the card says. `as_worker`: tasks are posted to the card's url, in
    the way of HTTP workers (docs/workers.md).
    """

    document: Annotated[dict[str, Any] | None, Meta(description="an agent card (A2A 0.3)")] = None
    url: Annotated[str, Meta(max_length=2_048)] = ""
    jwk: Annotated[dict[str, str] | None, Meta(description="public key (RFC 7517) known by another way")] = (
        None
    )
    name: Word = ""
    capabilities: Names = ()
    owner: Annotated[str, Meta(max_length=64, description="id or handle of a person; empty: you")] = ""
    expires_in_days: KeyDays = 30
    as_worker: bool = False


class RotateKeyBody(Body, frozen=True, kw_only=True):
    """The old key works on for `overlap_ms` (default 24 h), at most until its own end. To end it at once, revoke it."""

    expires_in_days: KeyDays = 30
    form: Form = "key"
    overlap_ms: Annotated[int, Meta(ge=1_000, le=7 * 86_400_000, description="milliseconds")] = 86_400_000


class KeyIssued(Answer, frozen=True, kw_only=True):
    """`api_key` is shown once and is null in the answer to a repeat."""

    agent_id: str
    key_id: str
    api_key: str | None
    expires_at: Instant
    seq: Seq
    scopes: tuple[str, ...] = ()


class MoveWorkerBody(Body, frozen=True, kw_only=True):
    """Where the worker is called from now on; its breaker begins anew."""

    url: Annotated[str, Meta(min_length=1, max_length=WORKER_URL_CHARS_MAX)]


class SecretRotated(Answer, frozen=True, kw_only=True):
    """`signing_secret` is shown once and is null in the answer to a repeat; the one before signs nothing any more."""

    agent_id: str
    signing_secret: str | None
    seq: Seq


class TrustParams(Fresh, frozen=True, kw_only=True):
    """`at` asks for the score at an instant, past included; 0 is now."""

    at: Instant = 0


class TrustReason(Answer, frozen=True, kw_only=True):
    """Events of one kind on one UTC day (`day_at` its beginning), and what they weigh at the instant after decay."""

    what: str
    day_at: Instant
    events: int
    points_milli: int
    gone_at: Instant


class Lift(Answer, frozen=True, kw_only=True):
    """So many events of a kind lift the agent to the next tier, in at least so many days (the day's cap on successes)."""

    what: str
    events: Count
    days_min: Count


class TrustNow(Answer, frozen=True, kw_only=True):
    """`score` at the instant; `tier` as recorded then, which is what the gate reads.

    `reasons` are what still weighs, newest last; `next_tier` (empty at the top) is `missing` points away, and each of
    `lifts` alone would get there. Points are those of the policy in force. `falls_at`: the score is too low for the tier,
    which grace keeps until then (0: it is not).
    """

    agent_id: str
    at: Instant
    score: int
    tier: str
    seq: Seq
    base: int = 0
    next_tier: str = ""
    missing: Count = 0
    reasons: tuple[TrustReason, ...] = ()
    lifts: tuple[Lift, ...] = ()
    falls_at: Instant = 0


class TrustChange(Answer, frozen=True, kw_only=True):
    """One change. `counted` false: a success beyond the day's cap, kept for the record."""

    seq: Seq
    at: Instant
    what: str
    points: int
    reason: str
    score_before: int
    score: int
    tier_before: str
    tier: str
    counted: bool
    source_seq: Seq


class TrustHistory(Answer, frozen=True, kw_only=True):
    items: tuple[TrustChange, ...]
    next: str | None = None
    seq: Seq


class AdjustTrustBody(Body, frozen=True, kw_only=True):
    points: Annotated[int, Meta(ge=-1_000, le=1_000)]
    reason: NeededReason


class NoParams(Params, frozen=True, kw_only=True):
    """No parameter."""


_ITEM = {
    "agent_id": "agt_q0d1k7m9x2v4",
    "structured_id": "113500",
    "name": "patcher",
    "type": "executor",
    "state": "idle",
    "owner": "per_4h2k9d0s7b1",
    "capabilities": ["python.lint"],
    "tools": [],
    "version": "1",
    "tier": "PROBATIONARY",
    "score": 300,
    "registered_at": 1_763_700_000_000_000,
    "tasks_open": 0,
}
_KEY = {
    "key_id": "key_0123456789abcdef",
    "created_at": 1_763_700_000_000_000,
    "expires_at": 1_766_292_000_000_000,
    "revoked_at": 0,
    "rotates": "",
}
EXAMPLES: dict[type, dict[str, Any]] = {
    RegisterAgentBody: {
        "name": "patcher",
        "type": "executor",
        "capabilities": ["python.lint"],
        "skills": ["ruff", "bandit"],
        "version": "1",
    },
    AgentRegistered: {
        "agent_id": _ITEM["agent_id"],
        "name": "patcher",
        "structured_id": _ITEM["structured_id"],
        "key_id": _KEY["key_id"],
        "api_key": "wf_key_0123456789abcdef_…",
        "expires_at": _KEY["expires_at"],
        "seq": 17,
        "note": "The key is shown once.",
    },
    AgentPage: {"items": [_ITEM], "next": None, "seq": 1042},
    AgentDetail: {
        "agent": _ITEM,
        "keys": [_KEY],
        "skills": ["ruff"],
        "metadata": {"team": "platform"},
        "seq": 1042,
    },
    KeyPage: {"items": [_KEY], "seq": 1042},
    IssueKeyBody: {"expires_in_days": 30},
    PinCertificatesBody: {"pins": ["sha256:" + "9f" * 32, "san:uri:spiffe://fleet/patcher"]},
    ImportAgentBody: {
        "document": {
            "name": "patcher",
            "description": "Mends code.",
            "url": "https://patcher.example/a2a",
            "version": "1.0.0",
            "protocolVersion": "0.3.0",
            "skills": [{"id": "python.lint", "name": "Lint Python", "tags": ["python"]}],
        }
    },
    RotateKeyBody: {"expires_in_days": 30, "overlap_ms": 86_400_000},
    KeyIssued: {
        "agent_id": _ITEM["agent_id"],
        "key_id": _KEY["key_id"],
        "api_key": "wf_key_0123456789abcdef_…",
        "expires_at": _KEY["expires_at"],
        "seq": 18,
    },
    MoveWorkerBody: {"url": "https://worker.example.org/v2/tasks"},
    SecretRotated: {"agent_id": _ITEM["agent_id"], "signing_secret": "wfs_…", "seq": 19},
    TrustNow: {
        "agent_id": _ITEM["agent_id"],
        "at": 1_763_700_000_000_000,
        "score": 312,
        "tier": "PROBATIONARY",
        "seq": 1042,
        "base": 300,
        "next_tier": "TRUSTED",
        "missing": 88,
        "reasons": [
            {
                "what": "task_succeeded",
                "day_at": 1_763_683_200_000_000,
                "events": 1,
                "points_milli": 10_000,
                "gone_at": 1_766_275_200_000_000,
            }
        ],
        "lifts": [{"what": "task_succeeded", "events": 9, "days_min": 1}],
        "falls_at": 0,
    },
    TrustHistory: {
        "items": [
            {
                "seq": 1040,
                "at": 1_763_700_000_000_000,
                "what": "task_succeeded",
                "points": 10,
                "reason": "",
                "score_before": 300,
                "score": 310,
                "tier_before": "PROBATIONARY",
                "tier": "PROBATIONARY",
                "counted": True,
                "source_seq": 1039,
            }
        ],
        "next": None,
        "seq": 1042,
    },
    AdjustTrustBody: {"points": -50, "reason": "wrote to the wrong branch"},
}
