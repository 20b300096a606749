"""What a tribunal's votes come to, and nothing else (spec 3.2 *Tribunal*). Integers throughout."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from watchfloor.councils.quorum import APPROVE, DENY

UNANIMOUS, MAJORITY, SPLIT, NO_QUORUM = "unanimous", "majority", "split", "no_quorum"


class Judgement(msgspec.Struct, frozen=True, gc=False):
    """One validator's say: the agent's integer, vote, confidence and weight in thousandths, whether it came too late."""

    agent: int
    vote: str
    confidence_milli: int
    weight: int
    late: bool = False


class Consensus(msgspec.Struct, frozen=True, gc=False):
    """What it is, what it recommends (empty: nothing), and the weight of each side."""

    consensus: str
    recommendation: str
    weight: int
    against: int


def weigh(score: int, confidence_milli: int) -> int:
    """Trust times confidence, in thousandths: 0 to 1000."""
    return score * confidence_milli // 1_000


def count(
    judgements: Iterable[Judgement], votes_min: int, confidence_min_milli: int, majority_permille: int
) -> Consensus:
    """Abstaining and late votes say nothing, unsure ones only that it is not unanimous.

    Too few that say something are no quorum, however much they agree.
    """
    voices = tuple(one for one in judgements if not one.late and one.vote in (APPROVE, DENY))
    said = tuple(one for one in voices if one.confidence_milli >= confidence_min_milli)
    yes = sum(one.weight for one in said if one.vote == APPROVE)
    no = sum(one.weight for one in said if one.vote == DENY)
    if len(said) < max(votes_min, 2) or not yes + no:
        return Consensus(NO_QUORUM, "", yes, no)
    if len({one.vote for one in voices}) == 1:
        return Consensus(UNANIMOUS, said[0].vote, yes, no)
    if max(yes, no) * 1_000 < max(majority_permille, 501) * (yes + no):
        return Consensus(SPLIT, "", yes, no)
    return Consensus(MAJORITY, APPROVE if yes > no else DENY, yes, no)
