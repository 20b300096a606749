"""Time-boxed bypasses of level 2 (spec 3.2 *Inbox*)."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from watchfloor.http.bodies.fields import (
    AgentName,
    Answer,
    Body,
    Instant,
    Seq,
    ShortReason,
    Word,
)


class OpenBypassBody(Body, frozen=True, kw_only=True):
    """`agent_id` empty: every agent; `type` empty: every type. At most 12 hours. `reason` is never erased."""

    expires_at: Instant
    reason: Annotated[ShortReason, Meta(min_length=1)]
    agent_id: AgentName | None = None
    type: Word = ""


class BypassOpened(Answer, frozen=True, kw_only=True):
    bypass_id: str
    seq: Seq


class BypassItem(Answer, frozen=True, kw_only=True):
    """`ended_at` 0: not taken back; `in_force` as of now."""

    bypass_id: str
    agent_id: str
    type: str
    reason: str
    person: str
    opened_at: Instant
    expires_at: Instant
    ended_at: Instant
    ended_by: str
    in_force: bool


class BypassPage(Answer, frozen=True, kw_only=True):
    items: tuple[BypassItem, ...]
    next: str | None = None
    seq: Seq


EXAMPLES: dict[type, dict[str, Any]] = {
    OpenBypassBody: {
        "expires_at": 1_763_703_600_000_000,
        "reason": "Migration night: the team watches the floor together.",
        "type": "file.write",
    },
    BypassOpened: {"bypass_id": "byp_q0d1k7m9x2v4", "seq": 41},
    BypassPage: {
        "items": [
            {
                "bypass_id": "byp_q0d1k7m9x2v4",
                "agent_id": "",
                "type": "file.write",
                "reason": "Migration night: the team watches the floor together.",
                "person": "per_q0d1k7m9x2v4",
                "opened_at": 1_763_700_000_000_000,
                "expires_at": 1_763_703_600_000_000,
                "ended_at": 0,
                "ended_by": "",
                "in_force": True,
            }
        ],
        "next": None,
        "seq": 1042,
    },
}
