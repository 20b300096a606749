"""Predictions in whole numbers (spec 06 *Situation report*)."""

from __future__ import annotations

import pytest

from watchfloor.http.predicting import expected_end, runs_out
from watchfloor.kernel.instants import HOUR, MINUTE, SECOND


@pytest.mark.parametrize(
    ("spent", "reserved", "limit", "hours", "expected_hours"),
    [
        (50, 0, 100, 6, 12),  # half in six hours: the other half in six more
        (50, 25, 100, 6, 9),
        (100, 0, 100, 6, 6),
        (60, 40, 100, 6, 6),
        (10, 0, 100, 6, 0),  # not before midnight
        (0, 0, 100, 6, 0),
    ],
)
def test_a_budget_goes_on_at_its_pace(
    spent: int, reserved: int, limit: int, hours: int, expected_hours: int
) -> None:
    found = runs_out(spent, reserved, limit, 0, hours * HOUR, 24 * HOUR)
    assert found == expected_hours * HOUR


def test_a_budget_without_a_period_may_last_for_long_and_a_moment_says_nothing() -> None:
    assert runs_out(10, 0, 100, 0, 6 * HOUR, 0) == 60 * HOUR
    assert runs_out(10, 0, 100, 0, 30 * SECOND, 0) == 0


@pytest.mark.parametrize(
    ("accepted", "percent", "expected"),
    [
        (0, 0, 20 + 30),  # the usual waiting is over in 20 of 30 minutes, then the usual work
        (5, 0, 10 + 25),  # in hand for five minutes of thirty
        (5, 50, 10 + 5),
        (5, 100, 10 + 25),
    ],
)
def test_a_task_takes_what_such_tasks_took(accepted: int, percent: int, expected: int) -> None:
    now = 10 * MINUTE
    row = {"accepted_at": accepted * MINUTE, "percent": percent, "submitted_at": 0}
    assert expected_end(row, 20 * MINUTE, 30 * MINUTE, now) == expected * MINUTE
