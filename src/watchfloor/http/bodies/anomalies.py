"""Anomalies: what the detectors found, and what people make of it (spec 3.4)."""

from __future__ import annotations

from typing import Any, Literal

from watchfloor.http.bodies.fields import (
    AgentName,
    Answer,
    Body,
    Count,
    Instant,
    NeededReason,
    Paged,
    Seq,
)

What = Literal[
    "trust_drop",
    "failure_rate",
    "violations",
    "reciprocal_reviews",
    "farming",
    "limit_hugging",
    "coordinated",
    "rubber_stamp",
    "reviewer_bias",
]


class AnomaliesParams(Paged, frozen=True, kw_only=True):
    """Newest first. `agent`: those it concerns, alone or with others."""

    status: Literal["open", "acknowledged", "resolved"] | None = None
    what: What | None = None
    agent: AgentName | None = None


class AnomalyItem(Answer, frozen=True, kw_only=True):
    """`measured` and `threshold` in `unit`; `evidence` are seqs of the events that show it, to be read from the ledger."""

    anomaly_id: str
    what: str
    meaning: str
    about: str
    agents: tuple[str, ...]
    measured: Count
    threshold: Count
    unit: str
    evidence: tuple[Seq, ...]
    status: str
    outcome: str
    reason: str
    found_at: Instant
    acknowledged_at: Instant
    acknowledged_by: str
    resolved_at: Instant
    resolved_by: str


class AnomalyPage(Answer, frozen=True, kw_only=True):
    items: tuple[AnomalyItem, ...]
    next: str | None = None
    seq: Seq


class ResolveAnomalyBody(Body, frozen=True, kw_only=True):
    """What it turned out to be, and why."""

    outcome: Literal["confirmed", "false_alarm"]
    reason: NeededReason


_ITEM = {
    "anomaly_id": "ano_q0d1k7m9x2v4",
    "what": "violations",
    "meaning": "Several security violations within an hour.",
    "about": "",
    "agents": ["agt_q0d1k7m9x2v4"],
    "measured": 3,
    "threshold": 3,
    "unit": "events",
    "evidence": [1031, 1034, 1040],
    "status": "open",
    "outcome": "",
    "reason": "",
    "found_at": 1_763_700_000_000_000,
    "acknowledged_at": 0,
    "acknowledged_by": "",
    "resolved_at": 0,
    "resolved_by": "",
}
EXAMPLES: dict[type, dict[str, Any]] = {
    AnomalyItem: _ITEM,
    AnomalyPage: {"items": [_ITEM], "next": None, "seq": 1042},
    ResolveAnomalyBody: {"outcome": "confirmed", "reason": "its key was stolen; rotated"},
}
