"""Amounts on the command line, and how budgets and totals are shown (spec 2.4 *Economics*)."""

from __future__ import annotations

import pytest

from watchfloor.cli.budget import amount, bounded, expected, micro
from watchfloor.cli.output import Failure


@pytest.mark.parametrize(("text", "number"), [("12.50", 12_500_000), ("3", 3_000_000), ("0.000001", 1)])
def test_money_is_read_to_the_millionth(text: str, number: int) -> None:
    assert micro(text) == number


@pytest.mark.parametrize("text", ["", "-1", "1.2.3", "1,5", "0.0000001", "x"])
def test_what_is_no_amount_is_refused(text: str) -> None:
    with pytest.raises(Failure) as failure:
        micro(text)
    assert failure.value.status == 2


@pytest.mark.parametrize(
    ("measure", "number", "text"),
    [("money", 12_500_000, "12.5"), ("money", 0, "0"), ("time", 90_500, "90.5 s"), ("tokens", 7, "7")],
)
def test_amounts_are_shown_in_their_unit(measure: str, number: int, text: str) -> None:
    assert amount(measure, number) == text


def test_what_was_not_said_is_not_sent() -> None:
    assert expected("", None, "", "") == {}
    assert expected("1.5", 0, "", "why") == {
        "estimate": {"cost_micro": 1_500_000, "tokens": 0, "rationale": "why"}
    }
    assert bounded("", None, None) == {}
    assert bounded("2", None, 60) == {"budget": {"money_micro": 2_000_000, "seconds": 60}}
