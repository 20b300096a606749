"""Tribunals of validator agents (spec 3.2)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from watchfloor.http.bodies.fields import Answer, Body, Count, Instant, Paged, Seq, Text


class TribunalsParams(Paged, frozen=True, kw_only=True):
    """Newest first. An agent sees those it was asked for."""

    status: Literal["open", "ruled", "dissolved"] | None = None


class TribunalItem(Answer, frozen=True, kw_only=True):
    """`weight` for it and `against` it in thousandths; `complete`: every validator has voted."""

    decision_id: str
    action_id: str
    agent_id: str
    level: int
    status: str
    consensus: str
    recommendation: str
    complete: bool
    weight: Count
    against: Count
    members: Count
    deadline_at: Instant
    convened_at: Instant
    ruled_at: Instant


class JudgementItem(Answer, frozen=True, kw_only=True):
    """What one validator said; `vote` is empty while it has said nothing. `reasoning` is null when erased or absent."""

    agent_id: str
    owner: str
    score: Count
    vote: str = ""
    confidence_milli: Count = 0
    weight: Count = 0
    late: bool = False
    at: Instant = 0
    reasoning: str | None = None


class TribunalPage(Answer, frozen=True, kw_only=True):
    items: tuple[TribunalItem, ...]
    next: str | None = None
    seq: Seq


class TribunalDetail(Answer, frozen=True, kw_only=True):
    """What they judge, as the server renders it, and what each said. `words` are the asking agent's own, unchecked."""

    tribunal: TribunalItem
    type: str
    tool: str
    digest: str
    params: Any
    words: str | None
    judgements: tuple[JudgementItem, ...]
    seq: Seq


class TribunalVoteBody(Body, frozen=True, kw_only=True):
    """`confidence_milli`: how sure, in thousandths."""

    vote: Literal["approve", "deny", "abstain"]
    confidence_milli: Annotated[int, Meta(ge=0, le=1_000)]
    reasoning: Text = ""


class TribunalVoteRecorded(Answer, frozen=True, kw_only=True):
    """`late`: kept, and changes nothing."""

    decision_id: str
    vote: str
    late: bool
    seq: Seq


_ITEM = {
    "decision_id": "dec_q4d1k7m9x2v4",
    "action_id": "act_q0d1k7m9x2v4",
    "agent_id": "agt_q0d1k7m9x2v4",
    "level": 3,
    "status": "ruled",
    "consensus": "majority",
    "recommendation": "deny",
    "complete": True,
    "weight": 210,
    "against": 1_480,
    "members": 3,
    "deadline_at": 1_763_700_060_000_000,
    "convened_at": 1_763_700_000_000_000,
    "ruled_at": 1_763_700_004_000_000,
}
EXAMPLES: dict[type, dict[str, Any]] = {
    TribunalPage: {"items": [_ITEM], "next": None, "seq": 1042},
    TribunalDetail: {
        "tribunal": _ITEM,
        "type": "repository.patch",
        "tool": "git",
        "digest": "6f" * 32,
        "params": {"path": "demo"},
        "words": "ruff reports an unused import",
        "judgements": [
            {
                "agent_id": "agt_q1d1k7m9x2v4",
                "owner": "per_q1d1k7m9x2v4",
                "score": 820,
                "vote": "deny",
                "confidence_milli": 900,
                "weight": 738,
                "late": False,
                "at": 1_763_700_004_000_000,
                "reasoning": "It removes a check.",
            }
        ],
        "seq": 1042,
    },
    TribunalVoteBody: {"vote": "deny", "confidence_milli": 900, "reasoning": "It removes a check."},
    TribunalVoteRecorded: {
        "decision_id": "dec_q4d1k7m9x2v4",
        "vote": "deny",
        "late": False,
        "seq": 33,
    },
}
