"""The line protocol: what a command may say, in any cut of its output (spec 2.5)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor_agent.sidecar.lines import LINE_BYTES_MAX, MESSAGE_CHARS_MAX, Heard, Lines, as_json


def heard(text: str | bytes) -> tuple[Heard, int]:
    moves = []
    lines = Lines(lambda: moves.append(1))
    lines.feed(text.encode() if isinstance(text, str) else text)
    lines.finish()
    return lines.heard, len(moves)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("::progress 40 half of it", (40, "half of it", False)),
        ("::progress 40% half", (40, "half", False)),
        ("::progress 40", (40, "", False)),
        ("::progress 400 x", (100, "x", False)),
        ("::progress reading 7 files", (0, "reading 7 files", False)),
        ("::progress 7up", (0, "7up", False)),
        ("::progress", (0, "", False)),
        ("::blocked a licence", (0, "a licence", True)),
        ('{"watchfloor": "progress", "percent": 12.9, "message": "x"}', (12, "x", False)),
        ('{"watchfloor": "progress", "percent": "much"}', (0, "", False)),
        ('{"watchfloor": "blocked", "message": "x"}', (0, "x", True)),
        ("::progress 1 " + "x" * 9_000, (1, "x" * MESSAGE_CHARS_MAX, False)),
    ],
)
def test_progress_is_heard(line: str, expected: tuple[int, str, bool]) -> None:
    found, moves = heard(f"noise\r\n{line}\r\n")
    assert (found.percent, found.message, found.blocked, moves) == (*expected, 1)


@pytest.mark.parametrize(
    "text",
    [
        "progress 40",
        ":progress 40",
        "x ::progress 40",
        "::unknown 3",
        '{"watchfloor": 3}',
        "[1]",
        "{",
        "{no}",
        "::",
        "",
    ],
)
def test_anything_else_is_plain_output(text: str) -> None:
    found, moves = heard(text)
    assert (found.percent, found.result, found.reason, moves) == (0, None, "", 0)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('::result {"a": 1}\n::result {"a": 2}', {"a": 2}),
        ('::result {"a": 0.5}', {"a": "0.5"}),
        ("::result 3", {"value": 3}),
        ("::result {no", None),
        ('{"watchfloor": "result", "result": {"a": 1}}', {"a": 1}),
        ('{"watchfloor": "result"}', None),
    ],
)
def test_the_last_result_counts(text: str, expected: dict[str, Any] | None) -> None:
    assert heard(text)[0].result == expected


def test_usage_and_reason_are_kept() -> None:
    found, _ = heard(
        "::usage tokens=3 cost_micro=4 x=9 tokens=-1\n::usage cost_micro=5\n::reason no licence\n"
    )
    assert (found.tokens, found.cost_micro, found.reason) == (3, 5, "no licence")
    found, _ = heard('{"watchfloor": "usage", "tokens": 1e400}\n{"watchfloor": "reason", "message": "x"}')
    assert (found.tokens, found.reason) == (0, "x")


def test_a_plain_object_is_a_guess_and_no_result() -> None:
    found, _ = heard('{"a": 1}\ntext\n{"b": 2}\n')
    assert (found.result, found.guessed) == (None, {"b": 2})


@given(st.binary(max_size=300), st.lists(st.integers(0, 300), max_size=6))
def test_cutting_the_output_elsewhere_changes_nothing(data: bytes, cuts: list[int]) -> None:
    data += b'\n::progress 7 x\n::result {"a": 1}\n'
    lines = Lines(lambda: None)
    places = sorted({0, len(data), *(cut for cut in cuts if cut < len(data))})
    for begin, end in pairwise(places):
        lines.feed(data[begin:end])
    lines.finish()
    assert lines.heard == heard(data)[0]
    assert (lines.heard.percent, lines.heard.result) == (7, {"a": 1})


def test_a_line_without_end_takes_no_memory_and_hides_no_later_one() -> None:
    lines = Lines(lambda: None)
    for _ in range(20):
        lines.feed(b"x" * (LINE_BYTES_MAX // 8))
    assert len(lines._line) == 0
    lines.feed(b'\n::result {"a": 1}\n')
    assert lines.heard.result == {"a": 1}


def test_json_that_would_exhaust_the_reader_is_none() -> None:
    assert as_json("[" * 100_000) is None
    assert as_json("9" * 5_000) is None
    assert as_json("[NaN, 1.5]") == ["NaN", "1.5"]
