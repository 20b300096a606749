"""Alarms about how people decide: rubber stamps, and approvals beyond chance (spec 3.2 *Inbox*)."""

from __future__ import annotations

from fractions import Fraction
from itertools import combinations
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.processes.test_processes import Room

from watchfloor.councils.messages import VoteCast
from watchfloor.kernel.anomaly_terms import AnomalyTerms
from watchfloor.processes.anomalies import CHANCE
from watchfloor.processes.reviewing import beyond_chance, bias, rubber_stamp
from watchfloor.registers.conduct import Known
from watchfloor.registers.reviewing import Leaning, Review
from watchfloor.trust.anomaly_messages import ReportAnomaly

TERMS = AnomalyTerms()
QUICK = tuple(Review(n, n, 2_000) for n in range(1, 21))
VOTE = VoteCast(late=False, person="per_a", vote="approve")


def reports(room: Room, facts: VoteCast = VOTE) -> list[ReportAnomaly]:
    return [wish for wish in room.wishes(facts, subject=5) if isinstance(wish, ReportAnomaly)]


def room(reviews: tuple[Review, ...] = ()) -> Room:
    found = Room()
    found.cells["decision", 5] = SimpleNamespace(agent=1, owner="per_own", action=9)
    found.cells["action", 9] = SimpleNamespace(action_type="file.write")
    if reviews:
        found.cells["reviews", "per_a"] = reviews
    return found


@pytest.mark.parametrize(
    ("reviews", "after", "found"),
    [
        (QUICK, 0, True),
        (QUICK[1:], 0, False),  # too few
        (QUICK, 1, False),  # the first was looked into
        ((*QUICK[1:], Review(21, 21, 22_000)), 0, False),  # 3,000 ms on average
        ((*QUICK[1:], Review(21, 21, 21_980)), 0, True),
        ((Review(0, 0, 10**9), *QUICK), 0, True),  # only the last so many
    ],
)
def test_a_rubber_stamp_is_a_mean_below_the_bound_over_enough_reviews(
    reviews: tuple[Review, ...], after: int, found: bool
) -> None:
    assert (rubber_stamp(reviews, after, TERMS) is not None) is found


@given(st.integers(1, 7), st.integers(1, 7), st.data())
def test_the_chance_is_that_of_drawing_blindly(own: int, peers: int, data: st.DataObject) -> None:
    """Against counting every way one by one; one in two stands for one in a million."""
    votes = own + peers
    all_approved = data.draw(st.integers(0, votes))
    approved = data.draw(st.integers(max(0, all_approved - peers), min(own, all_approved)))
    draws = [sum(one < all_approved for one in drawn) for drawn in combinations(range(votes), own)]
    low = Fraction(sum(n <= approved for n in draws), len(draws))
    high = Fraction(sum(n >= approved for n in draws), len(draws))
    expected = 2 * min(low, high) * CHANCE < 1
    assert beyond_chance(approved, own, all_approved, votes) is expected


@pytest.mark.parametrize(
    ("mine", "everybody", "found"),
    [
        ((20, 0), (20, 20), True),  # all for it, everybody else against
        ((0, 20), (20, 20), True),
        ((19, 0), (19, 20), False),  # too few of mine
        ((20, 0), (20, 19), False),  # too few of theirs
        ((20, 0), (34, 6), False),  # 1000 against 700 permille: far, and well within chance
        ((60, 0), (160, 40), False),  # beyond chance or not, not far enough
        ((10, 10), (20, 20), False),
    ],
)
def test_a_bias_is_far_from_the_others_and_beyond_chance(
    mine: tuple[int, int], everybody: tuple[int, int], found: bool
) -> None:
    told = bias(Leaning(*mine, (7, 8)), Leaning(*everybody), TERMS)
    assert (told is not None) is found
    if told is not None:
        assert told.evidence == (7, 8)
        assert abs(told.measured - told.threshold) == 1000


def test_a_rubber_stamp_is_said_once_and_is_about_the_person() -> None:
    quick = room((*QUICK[1:], Review(50, 50, 2_000)))
    (said,) = reports(quick)
    assert (said.what, said.about, said.agents, said.measured, said.threshold) == (
        "rubber_stamp",
        "per_a",
        (),
        2_000,
        3_000,
    )
    quick.cells["anomalies", "rubber_stamp:0:per_a"] = Known(40)
    assert reports(quick) == []
    assert reports(room(QUICK)) == [], "this vote was not measured"
    assert reports(room(QUICK), VoteCast(late=True, person="per_a", vote="approve")) == []


def test_a_bias_is_said_for_what_it_is_about() -> None:
    biased = room()
    biased.cells["leaning", ("per_a", "owner", "per_own")] = Leaning(20, 0, (3, 4))
    biased.cells["leaning", ("", "owner", "per_own")] = Leaning(20, 20)
    biased.cells["leaning", ("per_a", "type", "file.write")] = Leaning(20, 0, (3, 4))
    (said,) = reports(biased)
    assert (said.what, said.about) == ("reviewer_bias", "per_a owner:per_own")
    biased.cells["anomalies", "reviewer_bias:0:per_a owner:per_own"] = Known(40)
    assert reports(biased) == []
