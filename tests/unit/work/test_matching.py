"""Who may do a task, and which comes first (spec 2.4)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from watchfloor.kernel.instants import HOUR, MINUTE
from watchfloor.work.matching import HEAD_STARTS, eligible, turn
from watchfloor.work.messages import LANES

NAMES = st.sets(st.sampled_from("abcdef"))


@given(NAMES, NAMES)
def test_somebody_is_eligible_exactly_when_nothing_is_missing(needs: set[str], has: set[str]) -> None:
    assert eligible(needs, has) == (not needs - has)


def test_every_lane_has_a_head_start_and_the_more_urgent_the_shorter() -> None:
    assert list(HEAD_STARTS) == list(LANES)
    assert sorted(HEAD_STARTS.values()) == [HEAD_STARTS[lane] for lane in LANES]


def test_urgent_goes_first_and_inside_a_lane_the_first_in() -> None:
    waiting = [("low", 0, 1), ("normal", 5, 2), ("urgent", 9, 3), ("normal", 5, 4), ("high", 9, 5)]
    order = [task for _, _, task in sorted(waiting, key=lambda item: turn(*item))]
    assert order == [3, 5, 2, 4, 1]


def test_low_does_not_starve() -> None:
    """However many urgent tasks follow, those queued later than the head start of `low` come after it."""
    patient = turn("low", 0, 1)
    assert turn("urgent", 4 * HOUR - 1, 2) < patient
    assert turn("urgent", 4 * HOUR + 1, 3) > patient
    assert turn("normal", 2 * HOUR, 4) < patient < turn("normal", 3 * HOUR + MINUTE, 5)
