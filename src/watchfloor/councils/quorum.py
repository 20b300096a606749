"""Counting votes, and nothing else (spec 3.2)."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from watchfloor.councils.messages import Member

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


def count(votes: Iterable[Vote], needed: int, members: tuple[Member, ...] = ()) -> str:
    """PENDING, APPROVED or DENIED.

    Without members: one denial denies, `needed` ≥ 1 different persons approve, abstaining is no say. Of a committee the
    weights of those who approve must reach `needed`; it is denied by a veto, or once they cannot reach it any more,
    because everybody has one vote and abstaining uses it up.
    """
    in_time = tuple(vote for vote in votes if not vote.late)
    if members:
        return _weigh(in_time, max(needed, 1), members)
    if any(vote.vote == DENY for vote in in_time):
        return DENIED
    return APPROVED if len(approvers(in_time)) >= max(needed, 1) else PENDING


def _weigh(votes: tuple[Vote, ...], needed: int, members: tuple[Member, ...]) -> str:
    said = {vote.person: vote.vote for vote in reversed(votes)}
    if any(member.veto and said.get(member.person) == DENY for member in members):
        return DENIED
    won = sum(member.weight for member in members if said.get(member.person) == APPROVE)
    open_ = sum(member.weight for member in members if member.person not in said)
    if won >= needed:
        return APPROVED
    return PENDING if won + open_ >= needed else DENIED
