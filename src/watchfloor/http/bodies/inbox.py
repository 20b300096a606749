"""The inbox: what waits for whom, much of it at once, and what happened before (spec 3.2 *Inbox*)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from watchfloor.http.bodies.decisions import _ITEM, DecisionItem
from watchfloor.http.bodies.fields import Answer, Body, Count, Id, Instant, Paged, Seq, Text
from watchfloor.kernel.limits import VOTES_PER_BATCH_MAX


class InboxParams(Paged, frozen=True, kw_only=True):
    """`whose`: me (I may vote now), role (my role or committee decides, my own agents' and voted ones included), all."""

    whose: Literal["me", "role", "all"] = "me"


class InboxItem(Answer, frozen=True, kw_only=True):
    """`may_vote` is about the asking person; `obstacle` says why not. `voted`: they have."""

    decision: DecisionItem
    agent_name: str
    may_vote: bool
    obstacle: str
    voted: bool


class InboxPage(Answer, frozen=True, kw_only=True):
    """Least time left first, of the same time the higher risk. `total` counts all that fit."""

    items: tuple[InboxItem, ...]
    total: Count
    next: str | None = None
    seq: Seq


class InboxGroup(Answer, frozen=True, kw_only=True):
    """Decisions of one agent and type: what could be read together. `band` is the highest risk among them."""

    agent_id: str
    agent_name: str
    type: str
    level: int
    band: str
    count: Count
    deadline_at: Instant
    decision_ids: tuple[str, ...]


class InboxSummary(Answer, frozen=True, kw_only=True):
    """What waits in one look, largest groups first. `mine` are those the asking person may vote on now."""

    waiting: Count
    mine: Count
    bands: dict[str, int]
    levels: dict[str, int]
    soonest_at: Instant
    oldest_at: Instant
    groups: tuple[InboxGroup, ...]
    seq: Seq


class ManyVote(Body, frozen=True, kw_only=True):
    """A vote on one decision, with the digest that was shown of it."""

    decision_id: Id
    vote: Literal["approve", "deny", "abstain"]
    digest: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]


class VotesBody(Body, frozen=True, kw_only=True):
    """One confirmation for several decisions, each with its digest. Approving level 4 or critical risk takes a look each."""

    votes: Annotated[tuple[ManyVote, ...], Meta(min_length=1, max_length=VOTES_PER_BATCH_MAX)]
    comment: Text = ""


class ManyVoted(Answer, frozen=True, kw_only=True):
    """What became of one vote: `code` is empty when it was taken, else why not; `status` of the decision after it."""

    decision_id: str
    vote: str
    code: str = ""
    detail: str = ""
    late: bool = False
    status: str = ""
    seq: Seq = 0


class VotesRecorded(Answer, frozen=True, kw_only=True):
    """One line for each vote, in order. Each stands for itself: some may be taken and others refused."""

    items: tuple[ManyVoted, ...]
    taken: Count
    seq: Seq


class SimilarItem(Answer, frozen=True, kw_only=True):
    """A decision that is over. `same`: agent (this agent, type and tool) or class. `outcome` is what its action became."""

    decision_id: str
    action_id: str
    agent_id: str
    same: str
    type: str
    tool: str
    level: int
    risk: int
    status: str
    reason: str
    outcome: str
    decided_at: Instant


class SimilarList(Answer, frozen=True, kw_only=True):
    """The agent's own first, newest first; then of the same class."""

    items: tuple[SimilarItem, ...]
    seq: Seq


class ImpactItem(Answer, frozen=True, kw_only=True):
    """What one course of things would do to the agent's trust, were it to happen now."""

    vote: str
    outcome: str
    score: int
    change: int
    tier: str


class Impact(Answer, frozen=True, kw_only=True):
    """`capped`: today's successes count already, so another one adds nothing."""

    agent_id: str
    score: int
    tier: str
    capped: bool
    items: tuple[ImpactItem, ...]
    seq: Seq


EXAMPLES: dict[type, dict[str, Any]] = {
    InboxPage: {
        "items": [
            {
                "decision": _ITEM,
                "agent_name": "lint-fixer",
                "may_vote": True,
                "obstacle": "",
                "voted": False,
            }
        ],
        "total": 1,
        "next": None,
        "seq": 1042,
    },
    InboxSummary: {
        "waiting": 3,
        "mine": 2,
        "bands": {"low": 0, "medium": 2, "high": 1, "critical": 0},
        "levels": {"2": 2, "3": 1, "4": 0},
        "soonest_at": 1_763_703_600_000_000,
        "oldest_at": 1_763_700_000_000_000,
        "groups": [
            {
                "agent_id": "agt_q0d1k7m9x2v4",
                "agent_name": "lint-fixer",
                "type": "repository.patch",
                "level": 3,
                "band": "high",
                "count": 2,
                "deadline_at": 1_763_703_600_000_000,
                "decision_ids": [_ITEM["decision_id"], "dec_q4d1k7m9x2v5"],
            }
        ],
        "seq": 1042,
    },
    VotesBody: {
        "votes": [{"decision_id": _ITEM["decision_id"], "vote": "approve", "digest": "6f" * 32}],
        "comment": "All three rotate logs.",
    },
    VotesRecorded: {
        "items": [{"decision_id": _ITEM["decision_id"], "vote": "approve", "status": "approved", "seq": 33}],
        "taken": 1,
        "seq": 33,
    },
    SimilarList: {
        "items": [
            {
                "decision_id": "dec_q4d1k7m9x2v3",
                "action_id": "act_q0d1k7m9x2v3",
                "agent_id": "agt_q0d1k7m9x2v4",
                "same": "agent",
                "type": "repository.patch",
                "tool": "git",
                "level": 3,
                "risk": 70,
                "status": "approved",
                "reason": "voted",
                "outcome": "completed",
                "decided_at": 1_763_600_000_000_000,
            }
        ],
        "seq": 1042,
    },
    Impact: {
        "agent_id": "agt_q0d1k7m9x2v4",
        "score": 412,
        "tier": "TRUSTED",
        "capped": False,
        "items": [
            {"vote": "approve", "outcome": "completed", "score": 414, "change": 2, "tier": "TRUSTED"},
            {"vote": "approve", "outcome": "failed", "score": 397, "change": -15, "tier": "TRUSTED"},
            {"vote": "deny", "outcome": "", "score": 412, "change": 0, "tier": "TRUSTED"},
        ],
        "seq": 1042,
    },
}
