"""Decisions by people, and their votes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from watchfloor.http.bodies.actions import Risk, RuleReason
from watchfloor.http.bodies.fields import (
    AgentName,
    Answer,
    Body,
    Count,
    Instant,
    Paged,
    Seq,
    ShortReason,
    Text,
    Word,
)
from watchfloor.http.bodies.timeline import TimelineItem
from watchfloor.http.bodies.tribunals import JudgementItem

Status = Literal["pending", "approved", "denied", "expired", "cancelled"]


class DecisionsParams(Paged, frozen=True, kw_only=True):
    """`status=pending` is the inbox, soonest deadline first; otherwise newest first."""

    status: Status | None = None
    agent: AgentName | None = None
    urgency: Word | None = None


class DecisionItem(Answer, frozen=True, kw_only=True):
    """`may_vote`: could the asking person vote on it now? Told of what is pending; the rule itself judges again."""

    decision_id: str
    action_id: str
    agent_id: str
    agent_name: str = ""
    agent_tier: str = ""
    may_vote: bool = False
    type: str
    tool: str
    level: int
    risk: int
    urgency: str
    role: str
    needed: Count
    committee: str
    rung: Count
    rungs: Count
    missing: Count
    lacks: tuple[str, ...] = ()
    approvals: Count
    denials: Count
    status: str
    reason: str
    digest: str
    opened_at: Instant
    deadline_at: Instant
    decided_at: Instant
    forced_by: tuple[str, ...] = ()
    consensus: str = ""
    recommendation: str = ""
    review: str = ""
    review_by_at: Instant = 0


class DecisionPage(Answer, frozen=True, kw_only=True):
    items: tuple[DecisionItem, ...]
    next: str | None = None
    seq: Seq


class VoteItem(Answer, frozen=True, kw_only=True):
    """One person's say. `refused` tells why a vote did not count; `comment` is null when redacted or absent.

    `seen_at`: when this person first opened the decision, 0 when they never said so; the vote ends the review.
    `session`: by what the person came: browser, token or link (of a notice).
    """

    person: str
    name: str
    vote: str
    late: bool
    refused: str
    at: Instant
    comment: str | None = None
    seen_at: Instant = 0
    session: str = ""


class DemandItem(Answer, frozen=True, kw_only=True):
    """A policy applied while the decision was pending asks for this besides: so many of a role, or of a committee."""

    policy_version: Count
    role: str
    committee: str
    needed: Count


class EditItem(Answer, frozen=True, kw_only=True):
    """A person gave these parameters, not the agent. `reason` is null when erased."""

    by: str
    name: str
    at: Instant
    reason: str | None = None


class DecisionDetail(Answer, frozen=True, kw_only=True):
    """`may_vote` is about the asking person; `obstacle` says why not, `obstacle_code` in one word. A vote must name `digest`.

    `judgements` are those of the tribunal of validator agents that was asked for advice, where there was one.
    `attempts`: how many executions an approval bears, one after the other, should they fail.
    `may_force` and `may_review` (of a forced one) are about the asking person too; `force_asked`: who wants to force it
    already, where that takes two.
    """

    decision: DecisionItem
    params: Any
    words: str | None
    risk: Risk
    trace: tuple[RuleReason, ...]
    votes: tuple[VoteItem, ...]
    also: tuple[DemandItem, ...]
    judgements: tuple[JudgementItem, ...] = ()
    edit: EditItem | None = None
    may_vote: bool
    obstacle: str
    obstacle_code: str = ""
    timeline: tuple[TimelineItem, ...]
    seq: Seq
    attempts: int = 1
    may_force: bool = False
    force_asked: tuple[str, ...] = ()
    may_review: bool = False


class VoteBody(Body, frozen=True, kw_only=True):
    """`digest` is the action digest the person saw: what is approved is what runs (promise 3)."""

    vote: Literal["approve", "deny", "abstain"]
    digest: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    comment: Text = ""


class EditBody(Body, frozen=True, kw_only=True):
    """`digest` is of the action the person saw, `params` all parameters as they shall be."""

    digest: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    params: dict[str, Any]
    reason: Text = ""


class EditRecorded(Answer, frozen=True, kw_only=True):
    """The decision that people are asked for now, and what it is about."""

    decision_id: str
    action_id: str
    digest: str
    level: int
    risk: int
    seq: Seq


class ForceBody(Body, frozen=True, kw_only=True):
    """Break-glass. `digest` is the action digest the person saw; `reason` is a fact of the ledger, never erased."""

    digest: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}\Z")]
    reason: Annotated[ShortReason, Meta(min_length=1)]


class ForceRecorded(Answer, frozen=True, kw_only=True):
    """`forced`, or at level 4 `force_asked` until a second person forces it too."""

    decision_id: str
    status: str
    review_by_at: Instant
    seq: Seq


class ReviewBody(Body, frozen=True, kw_only=True):
    """What another person thinks of it, who looked at it afterwards."""

    verdict: Literal["justified", "unjustified"]
    comment: Text = ""


class VoteRecorded(Answer, frozen=True, kw_only=True):
    """`status` of the decision after this vote. `late`: it was over already; the vote is kept and changes nothing."""

    decision_id: str
    vote: str
    late: bool
    status: str
    seq: Seq


_ITEM = {
    "decision_id": "dec_q4d1k7m9x2v4",
    "action_id": "act_q0d1k7m9x2v4",
    "agent_id": "agt_q0d1k7m9x2v4",
    "type": "repository.patch",
    "tool": "git",
    "level": 3,
    "risk": 75,
    "urgency": "high",
    "role": "supervisor",
    "needed": 1,
    "committee": "",
    "rung": 0,
    "rungs": 3,
    "missing": 0,
    "approvals": 0,
    "denials": 0,
    "status": "pending",
    "reason": "",
    "digest": "6f" * 32,
    "opened_at": 1_763_700_000_000_000,
    "deadline_at": 1_763_703_600_000_000,
    "decided_at": 0,
}
EXAMPLES: dict[type, dict[str, Any]] = {
    DecisionPage: {"items": [_ITEM], "next": None, "seq": 1042},
    DecisionDetail: {
        "decision": _ITEM,
        "params": {"path": "demo"},
        "words": "ruff reports an unused import",
        "risk": {"score": 75, "band": "critical", "factors": [{"name": "class system_config", "points": 65}]},
        "trace": [],
        "votes": [],
        "also": [],
        "may_vote": True,
        "obstacle": "",
        "timeline": [],
        "seq": 1042,
    },
    VoteBody: {
        "vote": "approve",
        "digest": "6f" * 32,
        "comment": "Read the diff, it is what the task asks for.",
    },
    EditBody: {"digest": "6f" * 32, "params": {"path": "demo", "amount": 100}, "reason": "A tenth will do."},
    EditRecorded: {
        "decision_id": "dec_q4d1k7m9x2v5",
        "action_id": _ITEM["action_id"],
        "digest": "7a" * 32,
        "level": 3,
        "risk": 75,
        "seq": 34,
    },
    ForceBody: {"digest": "6f" * 32, "reason": "The site is down, and this is the fix."},
    ForceRecorded: {
        "decision_id": _ITEM["decision_id"],
        "status": "forced",
        "review_by_at": 1_763_790_000_000_000,
        "seq": 33,
    },
    ReviewBody: {"verdict": "justified", "comment": "The outage was real; the fix is small."},
    VoteRecorded: {
        "decision_id": _ITEM["decision_id"],
        "vote": "approve",
        "late": False,
        "status": "approved",
        "seq": 33,
    },
}
