"""What will run is shown as it is: values, nesting, diffs, and everything that tries to hide (spec 3.2, 9 G12, I2)."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from watchfloor.http.bodies.actions import Risk, RiskFactor
from watchfloor.http.pages import parameters, parts

DIFF = """--- a/x.py
+++ b/x.py
@@ -1,2 +1,2 @@
-import os
+import sys
 print(1)
"""
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=20,
)


@given(VALUES)
def test_any_parameters_can_be_shown(value: object) -> None:
    assert parameters.render(value).startswith("<div")


def test_names_values_and_types_are_told_apart() -> None:
    shown = parameters.render(
        {"n": 1, "t": "1", "b": True, "z": None, "l": [1, {"x": "y"}], "e": "", "o": {}}
    )
    assert "<dt>n</dt>" in shown
    assert "true" in shown
    assert "null" in shown
    assert "empty text" in shown
    assert "nothing" in shown


def test_lists_are_lines_and_lists_of_more_are_numbered() -> None:
    shown = parameters.render({"files": ["a.py", "b.py"], "hosts": [{"name": "x"}], "none": []})
    assert shown.count("<li>") == 3
    assert '<ul class="values"><li>' in shown and '<ol class="values"><li>' in shown
    assert "<dt>0</dt>" not in shown
    assert "an empty list" in shown
    assert "… and 5 more" in parameters.render({"ids": list(range(parameters.ITEMS_MAX + 5))})


def test_a_diff_is_shown_line_by_line_with_colours() -> None:
    shown = parameters.render({"diff": DIFF, "path": "x.py"})
    assert '<tr class="del">' in shown
    assert '<tr class="add">' in shown
    assert "-import os" in shown
    assert "+import sys" in shown
    assert "1 file, 1 lines added, 1 removed" in shown


def test_a_diff_that_is_none_is_shown_as_it_stands_and_says_so() -> None:
    shown = parameters.render({"diff": "@@ nonsense\n<b>"})
    assert "does not parse" in shown
    assert "&lt;b&gt;" in shown


def test_markup_in_a_diff_stays_text() -> None:
    shown = parameters.diff(DIFF.replace("import sys", "<script>alert(1)</script>"))
    assert "<script" not in shown
    assert "&lt;script&gt;" in shown


def test_a_huge_diff_is_cut_and_says_where_the_rest_is() -> None:
    body = "".join(f"+line {n}\n" for n in range(3_000))
    shown = parameters.diff(f"--- a/x\n+++ b/x\n@@ -0,0 +1,3000 @@\n{body}")
    assert "Only the first 1500 lines" in shown
    assert "plain text" in parameters.diff("x" * 400_000)


def test_what_hides_is_brought_to_light() -> None:
    shown = parameters.render(
        {"note": "a" + "\n" * 10_000 + "b", "host": "p\u0430ypal.com", "turned": "\u202egnp"}
    )
    assert "9999 empty lines" in shown
    assert "Mixes alphabets; spelled out: p\\u0430ypal.com" in shown
    assert "U+202E" in shown


def test_long_values_many_items_and_deep_nesting_say_what_is_left_out() -> None:
    deep: object = "x"
    for _ in range(20):
        deep = {"d": deep}
    assert "more characters" in parameters.render({"a": "x" * 5_000})
    assert "and 50 more" in parameters.render(list(range(250)))
    assert "nested deeper" in parameters.render(deep)


def test_erased_parameters_cannot_be_inspected() -> None:
    assert "cannot be inspected" in parameters.render(None)


def test_the_waterfall_adds_up() -> None:
    risk = Risk(
        score=60,
        band="high",
        factors=(RiskFactor(name="class_write", points=70), RiskFactor(name="much_trust", points=-10)),
    )
    shown = parts.waterfall(risk)
    assert "+70" in shown
    assert "-10" in shown
    assert 'x="60" y="1" width="10"' in shown
    assert "60" in shown


def test_times_are_said_as_people_say_them() -> None:
    assert [parts.span(seconds) for seconds in (-5, 59, 61, 3_599, 3_600, 90_000, 700_000)] == [
        "0 s",
        "59 s",
        "1 min 1 s",
        "59 min",
        "1 h 0 min",
        "25 h 0 min",
        "8 days",
    ]
    assert parts.ago(0, 2_000_000) == "just now"
    assert parts.moment(0) == "never"
    assert "2026-11-21 00:00:00 UTC" in parts.moment(1_795_219_200_000_000)
    assert "time is up" in parts.clock(0, 1_000_000)
    assert 'class="clock soon"' in parts.clock(60_000_000, 0)
