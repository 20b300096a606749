"""Cursors are opaque, and a forged one is refused (spec 9 J10)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.http import lists
from watchfloor.http.problems import Problem
from watchfloor.kernel.limits import INTEGER_MAX


@given(st.lists(st.integers(-INTEGER_MAX, INTEGER_MAX), min_size=1, max_size=3))
def test_a_cursor_comes_back_as_its_key(key: list[int]) -> None:
    assert lists.read_cursor(lists.cursor_of(*key), len(key)) == tuple(key)


@given(st.text(max_size=60))
def test_what_is_no_cursor_is_refused_with_the_parameters_name(text: str) -> None:
    field = ""
    key: tuple[int, ...] = ()
    try:
        key = lists.read_cursor(text, 2)
    except Problem as problem:
        field = problem.errors[0].field
    assert field == "cursor" or len(key) == 2


def test_a_cursor_of_another_list_is_refused() -> None:
    with pytest.raises(Problem):
        lists.read_cursor(lists.cursor_of(1), 2)
    with pytest.raises(Problem):
        lists.read_cursor(lists.cursor_of(2**60), 1)
