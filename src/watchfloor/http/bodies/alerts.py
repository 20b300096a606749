"""Alerts: what people should know of now, and what became of it (spec 06 *Situation report*)."""

from __future__ import annotations

from typing import Any, Literal

from watchfloor.http.bodies.fields import (
    AgentName,
    Answer,
    Body,
    Instant,
    NeededReason,
    Paged,
    Seq,
    Word,
)


class AlertsParams(Paged, frozen=True, kw_only=True):
    """Newest first. `status` active: open or acknowledged. `agent`: the one it concerns."""

    status: Literal["active", "open", "acknowledged", "resolved"] | None = None
    severity: Literal["info", "warning", "critical"] | None = None
    what: Word | None = None
    agent: AgentName | None = None


class AlertItem(Answer, frozen=True, kw_only=True):
    """`title` says it in a sentence. `thing_id` is the subject to look at (of `thing_kind`; both empty: none), `source` the
    seq of the event that shows it. `by_hand`: people may resolve it; others are over when what they are about is.
    `how` it ended: cleared, resolved or lapsed.
    """

    alert_id: str
    what: str
    severity: str
    title: str
    meaning: str
    by_hand: bool
    agent_id: str
    thing_kind: str
    thing_id: str
    source: Seq
    status: str
    how: str
    reason: str
    raised_at: Instant
    worsened_at: Instant
    until_at: Instant
    acknowledged_at: Instant
    acknowledged_by: str
    resolved_at: Instant
    resolved_by: str


class AlertPage(Answer, frozen=True, kw_only=True):
    items: tuple[AlertItem, ...]
    next: str | None = None
    seq: Seq


class ResolveAlertBody(Body, frozen=True, kw_only=True):
    """Why it is over."""

    reason: NeededReason


ITEM = {
    "alert_id": "alr_q0d1k7m9x2v4",
    "what": "quarantined",
    "severity": "critical",
    "title": "builder-1 is in quarantine: runaway",
    "meaning": "An agent is in quarantine.",
    "by_hand": False,
    "agent_id": "agt_q0d1k7m9x2v4",
    "thing_kind": "agent",
    "thing_id": "agt_q0d1k7m9x2v4",
    "source": 1031,
    "status": "open",
    "how": "",
    "reason": "",
    "raised_at": 1_763_700_000_000_000,
    "worsened_at": 0,
    "until_at": 0,
    "acknowledged_at": 0,
    "acknowledged_by": "",
    "resolved_at": 0,
    "resolved_by": "",
}
EXAMPLES: dict[type, dict[str, Any]] = {
    AlertItem: ITEM,
    AlertPage: {"items": [ITEM], "next": None, "seq": 1042},
    ResolveAlertBody: {"reason": "the call was a test of ours"},
}
