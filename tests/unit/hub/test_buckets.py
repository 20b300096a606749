"""Ingress buckets: how many in a minute, how long to wait, and one warning before (DESIGN 2b.10, spec 3.3)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from watchfloor.hub.buckets import Bucket
from watchfloor.kernel.instants import MILLISECOND, MINUTE, SECOND

START = 1_790_000_000 * SECOND


def test_a_full_bucket_gives_its_minute_at_once_and_then_evenly() -> None:
    bucket = Bucket(60, START)
    assert all(bucket.take(START) == 0 for _ in range(60))
    wait = bucket.take(START)
    assert 1_000 <= wait <= 1_001
    assert bucket.take(START + 999 * MILLISECOND) > 0
    assert bucket.take(START + SECOND) == 0
    assert bucket.refused == 2


def test_it_never_holds_more_than_a_minute() -> None:
    bucket = Bucket(3, START)
    assert [bucket.take(START + 10 * MINUTE) == 0 for _ in range(4)] == [True, True, True, False]


def test_it_warns_once_at_four_fifths_and_again_when_it_had_recovered() -> None:
    bucket = Bucket(10, START)
    warned = []
    for _ in range(10):
        bucket.take(START)
        warned.append(bucket.low())
    assert warned.index(True) == 8
    assert sum(warned) == 1
    bucket.take(START + MINUTE)
    assert not bucket.low()
    for _ in range(9):
        bucket.take(START + MINUTE)
    assert bucket.low()


def test_between_low_and_recovered_it_neither_warns_nor_forgets_that_it_did() -> None:
    bucket = Bucket(10, START)
    for _ in range(9):
        bucket.take(START)
    assert bucket.low()
    bucket.take(START + 18 * SECOND)
    assert not bucket.low()
    assert bucket.warned


@given(
    st.integers(1, 1_000),
    st.lists(st.integers(0, 20 * SECOND), min_size=1, max_size=80),
)
def test_whoever_waits_as_long_as_told_is_taken_and_never_more_than_the_rate(
    per_minute: int, pauses: list[int]
) -> None:
    bucket, at, taken = Bucket(per_minute, START), START, 0
    for pause in pauses:
        at += pause
        wait = bucket.take(at)
        if wait:
            at += wait * MILLISECOND
            assert bucket.take(at) == 0
        taken += 1
    assert taken <= per_minute + (at - START) * per_minute / MINUTE + 1


def test_a_bucket_is_exhausted_once_by_who_takes_each_token_as_it_comes() -> None:
    bucket = Bucket(60, START)
    times = []
    for tenth in range(1_200):
        bucket.take(START + tenth * SECOND // 10)
        times.append(bucket.exhausted)
    assert [count for count in times if count] == [1]


def test_a_bucket_emptied_again_and_again_counts_within_a_minute() -> None:
    bucket = Bucket(60, START)
    times = []
    for burst in range(6):
        at = START + burst * 15 * SECOND
        while not bucket.take(at):
            pass
        times.append(bucket.exhausted)
        bucket.take(at)
        assert bucket.exhausted == 0, "found empty already"
    assert times == [1, 2, 3, 4, 4, 4]


def test_what_is_spent_is_told_without_taking_any_and_comes_back() -> None:
    bucket = Bucket(60, START)
    assert bucket.spent(START) == 0
    for _ in range(5):
        bucket.take(START)
    assert [bucket.spent(START), bucket.spent(START)] == [5, 5]
    assert bucket.spent(START + 3 * SECOND) == 2
    assert bucket.spent(START + MINUTE) == 0
