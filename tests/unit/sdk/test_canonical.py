"""The SDK's canonical form is the server's (DESIGN 2b.2), and what has none is refused with its place."""

from __future__ import annotations

import enum
from decimal import Decimal
from pathlib import PurePosixPath
from typing import Any

import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.kernel import codec
from watchfloor_agent.canonical import canonical, digest, outcome_digest, plain, same_digest
from watchfloor_agent.errors import NotCanonical

KEYS = st.text(st.characters(max_codepoint=127), max_size=6)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=12),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


class Colour(enum.StrEnum):
    RED = "red"


class Depth(enum.IntEnum):
    TWO = 2


@given(PLAIN)
def test_canonical_bytes_are_rfc_8785_and_the_servers(value: Any) -> None:
    normal = plain(value)
    assert canonical(value) == rfc8785.dumps(normal) == codec.canonical(normal)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ((1, (2, 3)), [1, [2, 3]]),
        (PurePosixPath("a/b"), "a/b"),
        (Colour.RED, "red"),
        (Depth.TWO, 2),
        ("Zoe\u0308", "Zo\u00eb"),
        ({"a": [True, None]}, {"a": [True, None]}),
    ],
)
def test_what_python_says_another_way_becomes_plain(value: Any, expected: Any) -> None:
    read = plain(value)
    assert read == expected
    assert type(read) is type(expected)


@pytest.mark.parametrize(
    ("value", "place"),
    [
        ({"a": [1, 2.5]}, r"/a/1: float .*fractions"),
        (float("nan"), r"/: float"),
        ({"a": 2**53}, r"/a: integers"),
        ({"a": {"größe": 1}}, r"/a: keys"),
        ({1: 2}, r"/: keys"),
        ({"a": Decimal("1.5")}, r"/a: Decimal"),
        ({"a": b"x"}, r"/a: bytes"),
        ("\ud800", r"/: text holds half"),
        ({"a": {1, 2}}, r"/a: set"),
    ],
)
def test_what_has_no_canonical_form_is_refused_with_its_place(value: Any, place: str) -> None:
    with pytest.raises(NotCanonical, match=place):
        plain(value)


def test_nesting_stops_where_the_server_stops() -> None:
    value: Any = []
    for _ in range(27):
        value = [value]
    assert plain(value) == value
    with pytest.raises(NotCanonical, match="nested deeper than 28"):
        plain([value])
    endless: list[Any] = []
    endless.append(endless)
    with pytest.raises(NotCanonical, match="nested deeper"):
        plain(endless)


def test_an_empty_digest_equals_nothing_and_a_broken_salt_is_refused() -> None:
    assert not same_digest("", "")
    assert same_digest("ab", "ab")
    with pytest.raises(NotCanonical, match="salt"):
        digest("zz", b"")


def test_outcomes_have_a_digest_when_they_have_a_form() -> None:
    assert outcome_digest(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert outcome_digest({"a": 1}) == outcome_digest({"a": 1})
    assert outcome_digest(object()) == ""
