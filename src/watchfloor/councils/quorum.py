"""Counting votes, and nothing else (spec 3.2)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

APPROVE = "approve"
DENY = "deny"
ABSTAIN = "abstain"
VOTES = (APPROVE, DENY, ABSTAIN)

PENDING = "pending"
APPROVED = "approved"
DENIED = "denied"


class Vote(msgspec.Struct, frozen=True, gc=False):
    """One person's say: the person's public id, one of VOTES, and whether it came when the decision was over."""

    person: str
    vote: str
    late: bool = False


def approvers(votes: Iterable[Vote]) -> tuple[str, ...]:
    """The distinct persons who approved in time, in the order in which they did."""
    return tuple(dict.fromkeys(vote.person for vote in votes if vote.vote == APPROVE and not vote.late))


def count(votes: Iterable[Vote], needed: int) -> str:
    """PENDING, APPROVED or DENIED: one denial denies, `needed` ≥ 1 different persons approve, abstaining is no say."""
    in_time = tuple(vote for vote in votes if not vote.late)
    if any(vote.vote == DENY for vote in in_time):
        return DENIED
    return APPROVED if len(approvers(in_time)) >= max(needed, 1) else PENDING
