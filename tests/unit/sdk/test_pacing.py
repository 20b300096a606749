"""Reconnecting: 1 s to 60 s with jitter, hints first (spec 8)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from watchfloor_agent.pacing import HINT_MS_MAX, LEAST_MS, Backoff, Meter


@given(st.integers(0, 200))
def test_pauses_are_anywhere_below_a_bound_that_doubles_from_one_second_to_sixty(failures: int) -> None:
    backoff = Backoff()
    for _ in range(failures):
        backoff.next_ms()
    base = min(60_000, 1_000 * 2 ** min(failures, 10))
    assert LEAST_MS <= backoff.next_ms() <= base


def test_a_fleet_does_not_come_back_at_one_instant() -> None:
    pauses = sorted(Backoff().next_ms() for _ in range(1_000))
    assert len(set(pauses)) > 500
    assert (
        pauses[250] < 400
    )  # a quarter of them in the first part of the second, a quarter in the last: full jitter
    assert pauses[750] > 650


@given(st.integers(1, 10**12))
def test_the_servers_hint_goes_first_but_not_beyond_ten_minutes(hint_ms: int) -> None:
    assert Backoff().next_ms(hint_ms) == min(hint_ms, HINT_MS_MAX)


def test_a_good_session_clears_the_record() -> None:
    backoff = Backoff()
    for _ in range(20):
        backoff.next_ms()
    backoff.clear()
    assert backoff.next_ms() <= 1_000


def test_a_meter_tells_what_this_process_uses() -> None:
    meter = Meter()
    total = sum(number * number for number in range(200_000))
    metrics = meter.read(queue=2)
    assert total > 0
    assert metrics.queue == 2
    assert metrics.cpu_milli > 0
    assert metrics.memory_bytes > 1_000_000
