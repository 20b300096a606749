"""Supervision of agents by agents."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from watchfloor.http.bodies.fields import (
    AgentName,
    Answer,
    Body,
    Count,
    Instant,
    Name,
    NoAgentName,
    Paged,
    Seq,
    ShortReason,
)
from watchfloor.kernel.limits import PATIENCE_MS_MAX, SUPERVISED_MAX, SUPERVISORS_MAX


class ArrangeSupervisionBody(Body, frozen=True, kw_only=True):
    """`patience_ms`: how long the holder may be gone before the domain passes on. `tasks_max` 0: no bound."""

    domain: Name
    primary_id: AgentName
    backup_ids: Annotated[tuple[AgentName, ...], Meta(max_length=SUPERVISORS_MAX)] = ()
    member_ids: Annotated[tuple[AgentName, ...], Meta(min_length=1, max_length=SUPERVISED_MAX)]
    patience_ms: Annotated[int, Meta(ge=0, le=PATIENCE_MS_MAX, description="milliseconds")] = 5_000
    tasks_max: Count = 0


class SupervisionArranged(Answer, frozen=True, kw_only=True):
    """`holder_id` empty: none of them is there, so people hold it."""

    supervision_id: str
    holder_id: str
    generation: Count
    seq: Seq


class SupervisionsParams(Paged, frozen=True, kw_only=True):
    """`state=people`: an alert."""

    state: Literal["held", "doubted", "people", "ended"] | None = None


class SupervisionItem(Answer, frozen=True, kw_only=True):
    """`holder_id` empty: people."""

    supervision_id: str
    domain: str
    state: str
    holder_id: str
    generation: Count
    primary_id: str
    backup_ids: tuple[str, ...]
    member_ids: tuple[str, ...]
    patience_ms: Count
    tasks_max: Count
    reason: str
    changed_at: Instant


class SupervisionPage(Answer, frozen=True, kw_only=True):
    items: tuple[SupervisionItem, ...]
    next: str | None = None
    seq: Seq


class SupervisionDetail(Answer, frozen=True, kw_only=True):
    supervision: SupervisionItem
    seq: Seq


class PassSupervisionBody(Body, frozen=True, kw_only=True):
    """`agent_id` empty: the first of the others that is there."""

    agent_id: NoAgentName = ""
    reason: ShortReason = ""


_ITEM = {
    "supervision_id": "sup_q0d1k7m9x2v4",
    "domain": "night shift",
    "state": "held",
    "holder_id": "agt_q0d1k7m9x2v4",
    "generation": 1,
    "primary_id": "agt_q0d1k7m9x2v4",
    "backup_ids": ["agt_r1e2m8n0y3w5"],
    "member_ids": ["agt_s2f3n9p1z4x6"],
    "patience_ms": 5_000,
    "tasks_max": 0,
    "reason": "",
    "changed_at": 1_763_700_000_000_000,
}
EXAMPLES: dict[type, dict[str, Any]] = {
    ArrangeSupervisionBody: {
        "domain": "night shift",
        "primary_id": "agt_q0d1k7m9x2v4",
        "backup_ids": ["agt_r1e2m8n0y3w5"],
        "member_ids": ["agt_s2f3n9p1z4x6"],
    },
    SupervisionArranged: {
        "supervision_id": "sup_q0d1k7m9x2v4",
        "holder_id": "agt_q0d1k7m9x2v4",
        "generation": 1,
        "seq": 31,
    },
    SupervisionPage: {"items": [_ITEM], "next": None, "seq": 1042},
    SupervisionDetail: {"supervision": _ITEM, "seq": 1042},
    PassSupervisionBody: {"agent_id": "agt_r1e2m8n0y3w5", "reason": "maintenance"},
}
