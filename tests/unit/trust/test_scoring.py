"""The trust formula against its published vectors and against exact fractions (spec 3.4, DESIGN 2b.13)."""

from __future__ import annotations

import json
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.kernel.instants import DAY
from watchfloor.kernel.terms import TrustKind, TrustTerms
from watchfloor.trust import scoring

TERMS = TrustTerms()
KINDS = (*TERMS.kinds, scoring.MANUAL, "a_kind_no_policy_knows")
ENTRIES = st.tuples(st.sampled_from(KINDS), st.integers(0, 90), st.integers(-500, 500))
COUNTS = st.lists(ENTRIES, max_size=12).map(
    lambda entries: tuple(sorted(entries, key=lambda entry: entry[1]))
)
VECTORS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "vectors.json").read_text(encoding="utf-8")
)["vectors"]


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_the_published_vectors_hold(vector: dict[str, Any]) -> None:
    counts = tuple((what, day, count) for what, day, count in vector["counts"])
    for day, score in vector["scores"].items():
        assert scoring.score(counts, TERMS, int(day)) == score
    tier: int | None = vector["tier_before"]
    for day in vector["scores"]:
        tier = scoring.tier_of(scoring.score(counts, TERMS, int(day)), tier, TERMS)
    assert tier == vector["tier_at_the_end"]


@given(COUNTS, st.integers(0, 200))
def test_the_score_is_the_formula_in_exact_fractions_rounded_half_up(
    counts: scoring.Counts, day: int
) -> None:
    total = Fraction(TERMS.base)
    for what, counted, count in counts:
        decay = scoring.decay_of(TERMS, what)
        if decay and day >= counted:
            left = max(Fraction(0), 1 - Fraction(day - counted, decay))
            total += count * scoring.points_of(TERMS, what) * left
    assert scoring.score(counts, TERMS, day) == max(0, min(1000, floor(total + Fraction(1, 2))))


def test_half_a_point_is_rounded_up_above_and_below_zero() -> None:
    terms = TrustTerms(
        base=300, kinds={"up": TrustKind(points=1, decay_days=2), "down": TrustKind(points=-1, decay_days=2)}
    )
    assert scoring.score((("up", 0, 1),), terms, 1) == 301
    assert scoring.score((("down", 0, 1),), terms, 1) == 300


def test_terms_without_kinds_leave_the_base() -> None:
    terms = TrustTerms(kinds={})
    assert scoring.score((("failed", 1, 3), (scoring.MANUAL, 1, 50)), terms, 1) == 300
    assert scoring.decay_of(terms, scoring.MANUAL) == 0
    assert scoring.points_of(terms, "failed") == 0


@pytest.mark.parametrize(
    ("score", "before", "tier"),
    [
        (300, None, 1),
        (0, None, 0),
        (950, None, 5),
        (400, 1, 2),  # up at once
        (399, 2, 2),  # held
        (390, 2, 2),  # held at exactly ten points below
        (389, 2, 1),
        (195, 2, 1),  # through PROBATIONARY, which holds it as it would on the way down
        (189, 2, 0),
        (0, 5, 0),
        (1000, 0, 5),
    ],
)
def test_tiers_rise_at_once_and_fall_ten_points_late(score: int, before: int | None, tier: int) -> None:
    assert scoring.tier_of(score, before, TERMS) == tier


@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 5))
def test_a_fall_in_steps_ends_in_the_same_tier_as_a_fall_at_once(high: int, low: int, before: int) -> None:
    high, low = max(high, low), min(high, low)
    top = scoring.tier_of(high, before, TERMS)
    if low < TERMS.tiers[top]:  # a fall
        stepwise = top
        for score in range(high, low - 1, -1):
            stepwise = scoring.tier_of(score, stepwise, TERMS)
        assert stepwise == scoring.tier_of(low, top, TERMS)


def test_counts_of_one_day_are_added_up_and_old_days_forgotten() -> None:
    counts = scoring.add((), "failed", 10, 1)
    counts = scoring.add(counts, "task_succeeded", 10, 1)
    counts = scoring.add(counts, "failed", 10, 1)
    assert counts == (("failed", 10, 2), ("task_succeeded", 10, 1))
    later = scoring.add(counts, "failed", 10 + scoring.WINDOW_DAYS, 1)
    assert later == (("failed", 10 + scoring.WINDOW_DAYS, 1),)
    assert scoring.add(counts, "failed", 9 + scoring.WINDOW_DAYS, 1)[:2] == counts


@given(st.lists(st.tuples(st.sampled_from(KINDS), st.integers(0, 3)), max_size=400))
def test_the_counts_never_outgrow_a_window_of_days_by_kinds(said: list[tuple[str, int]]) -> None:
    counts: scoring.Counts = ()
    day = 0
    for what, passed in said:
        day += passed
        counts = scoring.add(counts, what, day, 1)
    assert len(counts) <= scoring.WINDOW_DAYS * len(KINDS)
    assert len({entry[:2] for entry in counts}) == len(counts)


def test_counting_a_day_looks_at_that_day_and_those_kinds_only() -> None:
    counts = (("failed", 1, 2), ("failed", 2, 3), ("task_succeeded", 2, 4), ("failed", 3, 5))
    assert scoring.on_day(counts, 2, ("failed",)) == 3
    assert scoring.on_day(counts, 2, scoring.CAPPED) == 4
    assert scoring.on_day(counts, 9, ("failed",)) == 0
    assert scoring.on_day((), 2, ("failed",)) == 0


@given(COUNTS, st.integers(0, 100))
def test_between_now_and_the_day_it_moves_the_score_stands_still(said: scoring.Counts, day: int) -> None:
    counts = tuple(entry for entry in said if entry[1] <= day)  # nothing is counted before it happens
    moves = scoring.moves_on_day(counts, TERMS, day)
    end = moves or day + 100
    assert len({scoring.score(counts, TERMS, later) for later in range(day, end)}) == 1


def test_a_score_nothing_weighs_on_never_moves_again() -> None:
    assert scoring.moves_on_day((), TERMS, 5) == 0
    assert scoring.moves_on_day((("failed", 1, 1),), TERMS, 15) == 0
    assert scoring.moves_on_day((("failed", 1, 1),), TERMS, 14) == 15
    # The clamp holds it: looked at again after a week, not searched for.
    assert scoring.moves_on_day(((scoring.MANUAL, 1, 9_000),), TERMS, 1) == 8


def test_what_still_weighs_is_shown_with_what_is_left_of_it() -> None:
    counts = (("failed", 1, 1), ("task_succeeded", 6, 3), (scoring.MANUAL, 9, 100), ("gone", 9, 1))
    shown = scoring.contributions(counts, TERMS, 10 * DAY + 5)
    assert [(c.what, c.points_milli, c.gone_day) for c in shown] == [
        ("failed", -15_000 * 5 // 14, 15),
        ("task_succeeded", 30_000 * 26 // 30, 36),
        (scoring.MANUAL, 100_000 * 59 // 60, 69),
    ]
    assert scoring.contributions(counts, TERMS, 5 * DAY) == shown[:0] + scoring.contributions(
        counts[:1], TERMS, 5 * DAY
    )


def test_what_would_lift_an_agent_is_counted_and_empty_at_the_top() -> None:
    ways = scoring.lifts((), TERMS, 0, 1)  # 300 → 400
    assert ways == (("task_succeeded", 10), ("reviewed_positively", 20), ("action_completed", 50))
    assert scoring.lifts((), TERMS, 0, 5) == ()
    assert scoring.lifts(((scoring.MANUAL, 0, 200),), TERMS, 0, 1) == ()  # has the score, awaits its event
