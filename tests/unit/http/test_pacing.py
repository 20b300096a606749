"""Rates of requests (spec 3.3): refill, burst, bounded memory, classes that do not starve each other."""

from __future__ import annotations

from watchfloor.fleet.messages import ReportThrottled
from watchfloor.http.floods import AGENTS_MAX, Floods
from watchfloor.http.pacing import Pacing, Rate

RATES = {"slow": Rate(per_minute=60, burst=2), "other": Rate(per_minute=60, burst=1)}


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_a_burst_passes_and_the_next_is_told_when_to_come_back() -> None:
    clock = Clock()
    pacing = Pacing(RATES, clock)
    assert [pacing.take("slow", "a"), pacing.take("slow", "a")] == [0, 0]
    wait_ms = pacing.take("slow", "a")
    assert 0 < wait_ms <= 1_001
    clock.now += wait_ms / 1_000
    assert pacing.take("slow", "a") == 0
    assert pacing.take("slow", "a") > 0


def test_callers_and_classes_have_their_own_buckets() -> None:
    pacing = Pacing(RATES, Clock())
    assert [pacing.take("other", "a"), pacing.take("other", "b"), pacing.take("slow", "a")] == [0, 0, 0]
    assert pacing.take("other", "a") > 0


def test_a_policys_own_rate_is_used_where_given() -> None:
    pacing = Pacing(RATES, Clock())
    assert pacing.take("action heavy", "a", Rate(per_minute=1, burst=1)) == 0
    assert 59_000 < pacing.take("action heavy", "a", Rate(per_minute=1, burst=1)) <= 60_001


def test_memory_is_bounded_and_the_longest_silent_is_forgotten() -> None:
    pacing = Pacing(RATES, Clock(), buckets_max=10)
    for caller in range(100):
        pacing.take("other", str(caller))
    assert len(pacing) == 10
    assert pacing.take("other", "99") > 0
    assert pacing.take("other", "0") == 0


def test_a_clock_that_goes_back_gives_nothing_away() -> None:
    clock = Clock()
    pacing = Pacing(RATES, clock)
    pacing.take("other", "a")
    clock.now -= 50
    assert pacing.take("other", "a") > 0


def test_a_bucket_emptied_again_and_again_counts_within_a_minute() -> None:
    clock = Clock()
    pacing = Pacing(RATES, clock)
    rate = Rate(per_minute=60, burst=60)
    times = []
    for _ in range(6):
        while not pacing.take("action", "a", rate):
            assert pacing.exhausted == 0
        times.append(pacing.exhausted)
        pacing.take("action", "a", rate)
        assert pacing.exhausted == 0, "found empty already"
        clock.now += 15
    assert times == [1, 2, 3, 4, 4, 4]


def test_what_is_forgotten_of_a_caller_is_forgotten_of_its_empty_buckets() -> None:
    pacing = Pacing(RATES, Clock(), buckets_max=1)
    for caller in ("a", "b"):
        assert [bool(pacing.take("other", caller)) for _ in range(2)] == [False, True]
        assert pacing.exhausted == 1
    assert len(pacing) == 1


def test_floods_are_reported_once_a_second_above_the_rate_and_once_a_minute_below_it() -> None:
    floods = Floods()
    reports = [floods.count(1, 7, at, 5) for at in range(20)]
    assert [index for index, report in enumerate(reports) if report] == [5]
    assert reports[5] == ReportThrottled(subject=7, count=6, window_ms=1_000)
    assert floods.count(1, 8, 20, 5) is None, "another agent"
    assert floods.count(1, 7, 61_000_000, 5) == ReportThrottled(subject=7, count=20, window_ms=60_000)
    assert floods.count(1, 7, 61_000_001, 5) is None
    for agent in range(AGENTS_MAX + 5):
        floods.count(2, agent, 62_000_000, 5)
    assert floods.count(1, 7, 200_000_000, 5) is None, "forgotten"


def test_what_a_caller_has_spent_is_told_without_taking_any() -> None:
    clock = Clock()
    pacing = Pacing(RATES, clock)
    rate = RATES["slow"]
    assert (pacing.spent("slow", "a", rate), len(pacing)) == (0, 0), "asking remembers nobody"
    pacing.take("slow", "a")
    pacing.take("slow", "a")
    assert [pacing.spent("slow", "a", rate), pacing.spent("slow", "b", rate)] == [2, 0]
    clock.now += 1
    assert pacing.spent("slow", "a", rate) == 1
