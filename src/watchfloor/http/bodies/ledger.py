"""Policy versions, the ledger, its proofs, health and metrics as JSON."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from watchfloor.http.bodies.fields import (
    Answer,
    Body,
    Count,
    Fresh,
    Instant,
    NeededReason,
    Paged,
    Params,
    Seq,
    ShortReason,
)
from watchfloor.kernel.limits import PAGE_DEFAULT, PAGE_MAX
from watchfloor.kernel.terms import Policy


class PolicyNow(Answer, frozen=True, kw_only=True):
    """`etag` is what `If-Match` has to say when changing it; `digest` the SHA-256 of the canonical document."""

    policy_id: str
    version: int
    digest: str
    etag: str
    applied_at: Instant
    applied_by: str
    reason: str
    document: Policy
    seq: Seq


class PolicyItem(Answer, frozen=True, kw_only=True):
    version: int
    name: str
    digest: str
    applied_at: Instant
    applied_by: str
    reason: str
    basis: str
    approved_by: tuple[str, ...]
    loosens: Count
    revert_to: Count
    seq: Seq


class PolicyPage(Answer, frozen=True, kw_only=True):
    items: tuple[PolicyItem, ...]
    next: str | None = None
    seq: Seq


class ApplyParams(Params, frozen=True, kw_only=True):
    """Why the policy is changed; recorded."""

    reason: ShortReason = ""


class PolicyApplied(Answer, frozen=True, kw_only=True):
    """`state`: applied, or proposed (202): then `decision_id` says where people decide, and `version` is the one still in force.

    `basis` says why it could be applied at once: tightening, or alone (nobody else is there who could decide).
    """

    version: int
    digest: str
    etag: str
    seq: Seq
    state: str = "applied"
    basis: str = ""
    loosens: Count = 0
    proposal: Count = 0
    verdict: str = ""
    level: Count = 0
    action_id: str = ""
    decision_id: str = ""


class RevertBody(Body, frozen=True, kw_only=True):
    """Go back to the contents of an earlier version; `to` 0 is the one before the one in force."""

    to: Count = 0
    reason: ShortReason = ""


class ProposalItem(Answer, frozen=True, kw_only=True):
    """`state`: proposed, pending, applied, denied, expired, cancelled or outdated."""

    number: int
    state: str
    base: int
    digest: str
    proposed_at: Instant
    proposed_by: str
    reason: str
    loosens: Count
    revert_to: Count
    action_id: str
    decision_id: str
    seq: Seq


class ProposalPage(Answer, frozen=True, kw_only=True):
    items: tuple[ProposalItem, ...]
    next: str | None = None
    seq: Seq


class DifferenceItem(Answer, frozen=True, kw_only=True):
    """One field that differs: a JSON pointer, both sides as canonical JSON (empty: not there), and whether it loosens."""

    path: str
    before: str
    after: str
    loosens: bool


class PolicyDiffParams(Fresh, frozen=True, kw_only=True):
    """Two versions; 0 is the one in force, and as `older` the one before `newer`."""

    older: Count = 0
    newer: Count = 0


class PolicyDiff(Answer, frozen=True, kw_only=True):
    """`patch` is the same as a unified diff of the YAML texts."""

    older: int
    newer: int
    loosens: Count
    differences: tuple[DifferenceItem, ...]
    patch: str
    seq: Seq


class PolicyCheck(Answer, frozen=True, kw_only=True):
    """A sound document as the server reads it (`text`: its YAML), and what it would change in version `base`, in force."""

    base: int
    etag: str
    document: Policy
    text: str
    loosens: Count
    differences: tuple[DifferenceItem, ...]
    patch: str
    seq: Seq


class LedgerHead(Answer, frozen=True, kw_only=True):
    """`hash` is of the newest event, `root` of the tree over all `seq` events."""

    organisation: str
    seq: Seq
    hash: str
    root: str


class EventsParams(Params, frozen=True, kw_only=True):
    """In ledger order from `after` on."""

    after: Seq = 0
    limit: Annotated[int, Meta(ge=1, le=PAGE_MAX)] = PAGE_DEFAULT


class EventItem(Answer, frozen=True, kw_only=True):
    """One event as recorded. `event` is the canonical document that was hashed, `private` its erasable part.

    `private` is null when there is none, when it was erased, or when the asker may not see it.
    """

    seq: Seq
    hash: str
    event: Any
    private: Any = None


class EventPage(Answer, frozen=True, kw_only=True):
    items: tuple[EventItem, ...]
    next_after: Seq
    head: Seq


class Checkpoint(Answer, frozen=True, kw_only=True):
    """A signed C2SP note over the first `size` events."""

    size: Seq
    note: str


class LedgerKey(Answer, frozen=True, kw_only=True):
    """The vkey of the log, as the server says it: remember it once, and compare it with the one you were given apart."""

    key: str


class ConsistencyParams(Params, frozen=True, kw_only=True):
    old: Annotated[int, Meta(ge=1)]
    new: Annotated[int, Meta(ge=1)]


class Consistency(Answer, frozen=True, kw_only=True):
    """RFC 6962 consistency proof; hashes in hex."""

    old: Seq
    new: Seq
    old_root: str
    new_root: str
    proof: tuple[str, ...]


class Verification(Answer, frozen=True, kw_only=True):
    """How far the running server has checked its own chain. `state` good, bad or running."""

    state: str
    verified_seq: Seq
    head: Seq
    broken_seq: Seq
    at: Instant
    detail: str


class ExportItem(Answer, frozen=True, kw_only=True):
    """`state` running, ready (then it can be downloaded) or failed; `by`: who began it."""

    export_id: str
    size: Seq
    created_at: Instant
    bytes: Count
    state: str
    by: str


class ExportPage(Answer, frozen=True, kw_only=True):
    items: tuple[ExportItem, ...]


class AuditResult(Answer, frozen=True, kw_only=True):
    """One ruling judged again with its recorded evidence: same, differs or superseded (law *Evidence*)."""

    seq: Seq
    verdict: str
    detail: str


class RedactBody(Body, frozen=True, kw_only=True):
    reason: NeededReason


class Redacted(Answer, frozen=True, kw_only=True):
    redacted_seq: Seq
    seq: Seq


class Component(Answer, frozen=True, kw_only=True):
    """A part of the server: `status` ok, degraded or down, since `since_at`."""

    name: str
    status: str
    detail: str = ""
    since_at: Instant = 0


class Health(Answer, frozen=True, kw_only=True, omit_defaults=True):
    """Without a token: the first five fields. With one: components, ledger head and mode as well."""

    status: str
    version: str
    uptime_seconds: Count
    memory_bytes: Count
    database: str
    mode: str = ""
    components: tuple[Component, ...] = ()
    ledger_seq: Seq = 0


class Ready(Answer, frozen=True, kw_only=True):
    ready: bool
    reason: str = ""


class MetricsNow(Answer, frozen=True, kw_only=True):
    """A snapshot for those without Prometheus. Latencies are upper bounds from the histogram's buckets, in ms.

    `tasks` are those that are not over, by lane and then by status.
    """

    at: Instant
    decision_queue_depth: dict[str, int]
    task_queue_depth: dict[str, int]
    agents: dict[str, int]
    http_requests: Count
    http_errors: Count
    http_p50_ms: float
    http_p95_ms: float
    http_p99_ms: float
    ledger_events: Count
    websocket_connections: Count
    streams: Count
    tasks: dict[str, dict[str, int]]


class SchemaIndex(Answer, frozen=True, kw_only=True):
    """Names of every schema, each at `/api/v1/schemas/{name}`."""

    schemas: tuple[str, ...]


class ProposalsParams(Paged, frozen=True, kw_only=True):
    """Newest proposal first."""


class PolicyVersionsParams(Paged, frozen=True, kw_only=True):
    """Newest version first."""


_POLICY = {
    "version": 3,
    "name": "default",
    "digest": "3c" * 32,
    "applied_at": 1_763_700_000_000_000,
    "applied_by": "per_4h2k9d0s7b1",
    "reason": "payments need a director",
    "basis": "approved",
    "approved_by": ["per_7h2k9d0s7b1"],
    "loosens": 1,
    "revert_to": 0,
    "seq": 900,
}
_NOTE = "example.org/watchfloor/org_0h2k9d0s7b1\n1042\nqhEFD3…=\n\n— example.org/watchfloor/org_0h2k9d0s7b1 Az3g…\n"
_EVENT = {
    "seq": 21,
    "hash": "9a" * 32,
    "event": {"seq": 21, "type": "task.submitted/1", "v": 1},
    "private": None,
}
EXAMPLES: dict[type, dict[str, Any]] = {
    PolicyNow: {
        **{key: _POLICY[key] for key in ("version", "digest", "applied_at", "applied_by", "reason")},
        "policy_id": "pol_q0d1k7m9x2v4",
        "etag": '"3"',
        "document": {"name": "default"},
        "seq": 1042,
    },
    PolicyPage: {"items": [_POLICY], "next": None, "seq": 1042},
    PolicyApplied: {"version": 4, "digest": "3d" * 32, "etag": '"4"', "seq": 1043, "basis": "tightening"},
    RevertBody: {"to": 2, "reason": "too many questions"},
    ProposalPage: {
        "items": [
            {
                "number": 1,
                "state": "pending",
                "base": 3,
                "digest": "3d" * 32,
                "proposed_at": 1_763_700_000_000_000,
                "proposed_by": "per_4h2k9d0s7b1",
                "reason": "too many questions",
                "loosens": 1,
                "revert_to": 0,
                "action_id": "act_8k2k9d0s7b1",
                "decision_id": "dec_1k2k9d0s7b1",
                "seq": 1040,
            }
        ],
        "next": None,
        "seq": 1042,
    },
    PolicyDiff: {
        "older": 2,
        "newer": 3,
        "loosens": 1,
        "differences": [{"path": "/levels/medium", "before": "2", "after": "1", "loosens": True}],
        "patch": "--- version 2\n+++ version 3\n@@ -1 +1 @@\n-  medium: 2\n+  medium: 1\n",
        "seq": 1042,
    },
    PolicyCheck: {
        "base": 3,
        "etag": '"3"',
        "document": {"name": "default"},
        "text": 'name: "default"\n',
        "loosens": 1,
        "differences": [{"path": "/levels/medium", "before": "2", "after": "1", "loosens": True}],
        "patch": "--- version 3\n+++ draft\n@@ -1 +1 @@\n-  medium: 2\n+  medium: 1\n",
        "seq": 1042,
    },
    LedgerHead: {"organisation": "org_0h2k9d0s7b1", "seq": 1042, "hash": "9a" * 32, "root": "7b" * 32},
    EventItem: _EVENT,
    EventPage: {"items": [_EVENT], "next_after": 21, "head": 1042},
    Checkpoint: {"size": 1042, "note": _NOTE},
    LedgerKey: {"key": "example.org/watchfloor/org_0h2k9d0s7b1+0378a1b2+AQbB…"},
    Consistency: {
        "old": 1000,
        "new": 1042,
        "old_root": "7a" * 32,
        "new_root": "7b" * 32,
        "proof": ["11" * 32],
    },
    Verification: {
        "state": "good",
        "verified_seq": 1042,
        "head": 1042,
        "broken_seq": 0,
        "at": 1_763_700_000_000_000,
        "detail": "",
    },
    ExportItem: {
        "export_id": "1-1042",
        "size": 1042,
        "created_at": 1_763_700_000_000_000,
        "bytes": 812_345,
        "state": "ready",
        "by": "per_1k7dq0f3a",
    },
    ExportPage: {"items": []},
    AuditResult: {"seq": 31, "verdict": "same", "detail": ""},
    RedactBody: {"reason": "the person asked for it"},
    Redacted: {"redacted_seq": 31, "seq": 1044},
    Health: {
        "status": "ok",
        "version": "0.1.0",
        "uptime_seconds": 3_600,
        "memory_bytes": 90_000_000,
        "database": "ok",
    },
    Ready: {"ready": True, "reason": ""},
    MetricsNow: {
        "at": 1_763_700_000_000_000,
        "decision_queue_depth": {"high": 1},
        "task_queue_depth": {"normal": 4},
        "agents": {"idle": 3},
        "http_requests": 812,
        "http_errors": 0,
        "http_p50_ms": 2.5,
        "http_p95_ms": 10.0,
        "http_p99_ms": 25.0,
        "ledger_events": 1042,
        "websocket_connections": 3,
        "streams": 1,
        "tasks": {"normal": {"queued": 4, "running": 2}},
    },
    SchemaIndex: {"schemas": ["RegisterAgentBody", "SubmitTaskBody"]},
}
