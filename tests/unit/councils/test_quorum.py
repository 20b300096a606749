"""Counting votes (spec 3.2)."""

from __future__ import annotations

import pytest

from watchfloor.councils.quorum import APPROVED, DENIED, PENDING, Vote, approvers, count

YES, NO, NEITHER = "approve", "deny", "abstain"


@pytest.mark.parametrize(
    ("votes", "needed", "outcome"),
    [
        ([], 1, PENDING),
        ([], 0, PENDING),
        ([("a", YES)], 1, APPROVED),
        ([("a", YES)], 2, PENDING),
        ([("a", YES), ("a", YES)], 2, PENDING),
        ([("a", YES), ("b", YES)], 2, APPROVED),
        ([("a", NO)], 1, DENIED),
        ([("a", YES), ("b", NO)], 2, DENIED),
        ([("a", NEITHER), ("b", NEITHER)], 1, PENDING),
        ([("a", NEITHER), ("b", YES)], 1, APPROVED),
    ],
)
def test_votes_count_as_the_specification_says(
    votes: list[tuple[str, str]], needed: int, outcome: str
) -> None:
    assert count([Vote(person, vote) for person, vote in votes], needed) == outcome


def test_late_votes_count_nothing() -> None:
    late = [Vote("a", YES, late=True), Vote("b", NO, late=True)]
    assert count(late, 1) == PENDING
    assert approvers(late) == ()


def test_approvers_are_named_once_in_the_order_of_their_votes() -> None:
    assert approvers([Vote("b", YES), Vote("c", NO), Vote("a", YES), Vote("b", YES)]) == ("b", "a")
