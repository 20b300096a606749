"""Time that does not jump and never runs back (DESIGN §2 *Time*, faults B4 and B5)."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from watchfloor.engine.clock import ANOMALY_US, GuardedClock
from watchfloor.kernel.instants import HOUR, SECOND

START = 1_790_000_000 * SECOND


class Hands:
    """A wall clock and a monotonic one, moved by hand."""

    def __init__(self) -> None:
        self.wall = START
        self.monotonic = 77 * SECOND
        self.clock = GuardedClock(lambda: self.wall, lambda: self.monotonic)

    def passes(self, us: int, drift: int = 0) -> None:
        self.monotonic += us
        self.wall += us + drift


def test_it_begins_with_the_wall_clock_and_goes_on_with_the_monotonic_one() -> None:
    hands = Hands()
    assert hands.clock() == START
    hands.monotonic += SECOND
    assert hands.clock() == START + SECOND


def test_a_jump_either_way_is_reported_once_and_does_not_move_time() -> None:
    for jump in (HOUR, -HOUR):
        hands = Hands()
        hands.passes(SECOND, drift=jump)
        assert hands.clock.check() == jump
        assert hands.clock() == START + SECOND
        hands.passes(SECOND)
        assert hands.clock.check() == 0
        hands.passes(SECOND, drift=2 * jump)
        assert hands.clock.check() == 3 * jump, "another jump is another anomaly"
        assert hands.clock() == START + 3 * SECOND


def test_a_wall_clock_that_is_set_right_again_is_followed_again() -> None:
    hands = Hands()
    hands.wall += HOUR
    assert hands.clock.check() == HOUR
    hands.wall -= HOUR
    hands.clock.check()
    hands.passes(SECOND, drift=1_000)
    hands.clock.check()
    assert hands.clock() == hands.wall


def test_drift_forward_is_followed_at_once_and_backward_by_slowing_down() -> None:
    hands = Hands()
    hands.passes(SECOND, drift=3_000)
    assert hands.clock.check() == 0
    assert hands.clock() == hands.wall
    hands.passes(SECOND, drift=-ANOMALY_US // 2)
    before = hands.clock()
    assert hands.clock.check() == 0
    assert hands.clock() < before, "half of the second that has passed was given back"
    for _ in range(10):
        hands.passes(SECOND)
        hands.clock.check()
    assert hands.clock() == hands.wall


def test_a_clock_set_back_while_the_server_was_down_goes_on_from_the_ledgers_last_instant() -> None:
    hands = Hands()
    hands.clock.not_before(START + HOUR)
    assert hands.clock() == START + HOUR
    hands.clock.not_before(START)
    assert hands.clock() == START + HOUR
    assert hands.clock.check() == -HOUR, "and it is said"


@example([(1, -5_000_001), (0, 1)])
@example([(10 * SECOND, -15 * SECOND), (0, 11 * SECOND)])
@given(st.lists(st.tuples(st.integers(0, 10 * SECOND), st.integers(-20 * SECOND, 20 * SECOND)), max_size=60))
def test_read_between_checks_it_never_shows_an_earlier_instant_than_at_the_last_check(
    steps: list[tuple[int, int]],
) -> None:
    """What is read at each tick never decreases, whatever the wall clock does."""
    hands = Hands()
    hands.clock.check()
    last = hands.clock()
    for passed, drift in steps:
        hands.passes(passed, drift)
        hands.clock.check()
        assert hands.clock() >= last
        last = hands.clock()
