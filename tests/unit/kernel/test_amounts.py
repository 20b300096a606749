"""Amounts and periods: what was not said, sums that saturate, days and months in UTC (spec 2.4 *Economics*)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.kernel import amounts
from watchfloor.kernel.instants import DAY, SECOND
from watchfloor.kernel.limits import INTEGER_MAX

DAYS = st.dates(date(1970, 1, 1), date(2400, 12, 31))


def instant(day: date, second: int = 0) -> int:
    return (day - date(1970, 1, 1)).days * DAY + second * SECOND


@given(DAYS, st.integers(0, 86_399))
def test_a_month_begins_and_ends_where_the_calendar_says(day: date, second: int) -> None:
    first = day.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    since = amounts.began("month", instant(day, second))
    assert since == instant(first)
    assert amounts.ends("month", since) == instant(following)


@given(DAYS, st.integers(0, 86_399))
def test_a_day_begins_at_midnight_utc(day: date, second: int) -> None:
    since = amounts.began("day", instant(day, second))
    assert datetime.fromtimestamp(since / 1_000_000, UTC).time().isoformat() == "00:00:00"
    assert amounts.ends("day", since) - since == DAY
    assert since <= instant(day, second) < amounts.ends("day", since)


def test_a_total_neither_begins_nor_ends() -> None:
    assert (amounts.began("total", 10**15), amounts.ends("total", 0)) == (0, 0)


def test_what_was_not_said_is_no_zero() -> None:
    assert amounts.said(None) == amounts.UNSAID == -1
    assert amounts.said(0) == 0


@pytest.mark.parametrize(
    ("value", "cost", "ratio"),
    [(300, 100, 2_000), (100, 100, 0), (0, 100, -1_000), (1, 3, -667), (5, 0, None), (0, 0, None)],
)
def test_the_return_is_in_thousandths_and_there_is_none_where_nothing_was_spent(
    value: int, cost: int, ratio: int | None
) -> None:
    assert amounts.roi_permille(value, cost) == ratio


@pytest.mark.parametrize(
    ("spent", "reserved", "asked", "away"),
    [
        (0, 0, 10, False),
        (0, 0, 11, True),
        (4, 5, 1, False),
        (4, 5, 2, True),
        (4, 6, 0, False),
        (10, 0, 0, True),
        (0, 0, -1, True),
    ],
)
def test_a_budget_of_ten_turns_away(spent: int, reserved: int, asked: int, away: bool) -> None:
    assert amounts.turned_away(10, spent, reserved, asked) is away


def test_absurd_sums_saturate() -> None:
    assert amounts.capped(INTEGER_MAX + 5) == INTEGER_MAX
    assert amounts.capped(5) == 5
