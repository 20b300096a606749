"""Due dates from state: each comes up once, in time, and stale ones take no room (DESIGN §2 *Time*)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from watchfloor.engine import timers as module
from watchfloor.engine.timers import Timers
from watchfloor.kernel.messages import Command
from watchfloor.kernel.subject import Subject


def made() -> tuple[Timers, dict[int, int]]:
    """Timers over one kind of thing whose state is its due date; an odd due date leads to nothing."""
    states: dict[int, int] = {}

    def overdue(subject: int, state: Any, at: int) -> Command | None:
        assert state <= at
        return None if state % 2 else Command(subject=subject)

    subject = Subject(
        kind="thing", state=int, decide={}, evolve={}, due=lambda state: int(state), overdue=overdue
    )
    world: Any = SimpleNamespace(
        tables={"thing": states}, wiring=SimpleNamespace(subjects={"thing": subject})
    )
    return Timers(world), states


def put(timers: Timers, states: dict[int, int], key: int, due: int | None) -> None:
    if due is None:
        states.pop(key, None)
    else:
        states[key] = due
    timers.arm("thing", key)


def rung(timers: Timers, now: int, count: int = 100) -> list[int]:
    return [command.subject for command in timers.overdue(now, count)]


def test_due_dates_come_up_in_order_once_and_not_before_their_time() -> None:
    timers, states = made()
    for key, due in ((1, 30), (2, 10), (3, 20)):
        put(timers, states, key, due)
    assert timers.next_at() == 10
    assert rung(timers, 9) == []
    assert rung(timers, 25) == [2, 3]
    assert rung(timers, 25) == []
    assert rung(timers, 30) == [1]
    assert timers.next_at() == 0


def test_a_due_date_that_moved_comes_up_at_its_new_instant_only() -> None:
    timers, states = made()
    put(timers, states, 1, 10)
    put(timers, states, 1, 40)
    put(timers, states, 1, 10)
    put(timers, states, 1, 40)
    assert rung(timers, 39) == []
    assert rung(timers, 40) == [1]


def test_what_is_over_or_gone_does_not_ring() -> None:
    timers, states = made()
    for key in (1, 2, 3, 5):
        put(timers, states, key, 10)
    put(timers, states, 1, 0)
    put(timers, states, 2, None)
    del states[3]  # gone without a word
    put(timers, states, 4, 11)  # its rules say: nothing any more
    assert rung(timers, 100) == [5]


def test_a_herd_is_spread_over_ticks() -> None:
    timers, states = made()
    for key in range(1, 11):
        put(timers, states, key, 10)
    assert rung(timers, 10, 4) == [1, 2, 3, 4]
    assert rung(timers, 10, 100) == [5, 6, 7, 8, 9, 10]


def test_a_due_date_that_moves_a_million_times_takes_bounded_room() -> None:
    timers, states = made()
    for due in range(2, 100_000, 2):
        put(timers, states, 1, due)
    assert len(timers._heap) <= module._STALE_MAX + 5
    assert rung(timers, 10**6) == [1]


def test_a_rebuild_from_state_is_what_was_armed_one_by_one() -> None:
    timers, states = made()
    for key in range(1, 50):
        put(timers, states, key, key * 2)
    timers.arm_all()
    assert rung(timers, 10**6) == list(range(1, 50))


@given(st.lists(st.tuples(st.integers(1, 5), st.none() | st.integers(0, 40), st.integers(0, 50))))
def test_whatever_moves_a_thing_rings_if_and_only_if_its_state_says_so(
    steps: list[tuple[int, int | None, int]],
) -> None:
    timers, states = made()
    silent: set[int] = set()  # rang already for the due date it still has
    for key, due, now in steps:
        if states.get(key) != due:
            silent.discard(key)
        elif due is not None and key in silent:
            silent.discard(key)  # armed again as it is: it may ring again
        put(timers, states, key, due)
        expected = {k for k, at in states.items() if at and at <= now and not at % 2 and k not in silent}
        assert set(rung(timers, now)) == expected
        silent |= {k for k, at in states.items() if at and at <= now}
