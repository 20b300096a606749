"""Who may do a task, and which comes first (spec 2.4)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from watchfloor.kernel.instants import HOUR, MINUTE
from watchfloor.work.matching import COMPARED, HEAD_STARTS, Offer, choose, eligible, turn
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


def offers(*loads: int) -> list[Offer]:
    """Agents 1, 2, … that hold so many tasks."""
    return [Offer(number, load) for number, load in enumerate(loads, 1)]


def test_the_least_loaded_is_chosen_and_of_equals_the_first() -> None:
    assert choose(offers(3, 1, 2, 1), 0) == 2
    assert choose(offers(), 0) == 0


def test_who_did_earlier_work_comes_before_who_is_idle() -> None:
    assert choose([Offer(9, 4), *offers(0)], 9) == 9
    assert choose(offers(2, 0), 9) == 2, "it has no room"


def test_no_more_are_looked_at_than_needed() -> None:
    seen = iter(offers(2, 0, 1))
    assert choose(seen, 0) == 2
    assert next(seen).agent == 3, "somebody idle is good enough"
    many = iter(offers(*[2] * COMPARED, 1))
    assert choose(many, 0) == 1
    assert next(many).load == 1
