"""Refusals that say what would have been right."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Literal

import msgspec
import pytest

from watchfloor.http.problems import Problem
from watchfloor.http.reading import convert, read_params


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Round(msgspec.Struct, tag="round", tag_field="kind", forbid_unknown_fields=True):
    radius: int


class Square(msgspec.Struct, tag="square", tag_field="kind", forbid_unknown_fields=True):
    side: int


class Asked(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    priority: Literal["low", "high"] | None = None
    colour: Colour = Colour.RED
    shapes: tuple[Round | Square, ...] = ()
    by_name: dict[str, tuple[Colour, ...]] = {}
    many: Literal[tuple(f"v{n}" for n in range(30))] = "v0"  # type: ignore[valid-type]


class Wanted(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    order: Literal["newest", "oldest"] = "newest"


@pytest.mark.parametrize(
    ("body", "field", "help_text"),
    [
        ({"priority": "urgent"}, "/priority", "one of high, low"),
        ({"colour": "green"}, "/colour", "one of blue, red"),
        ({"shapes": [{"kind": "round", "radius": 1}, {"kind": "oval"}]}, "/shapes/1/kind", "one of round, square"),
        ({"prioritty": "low"}, "/prioritty", "did you mean `priority`?"),
        ({"shapes": [{"kind": "square", "sid": 1}]}, "/shapes/0/sid", "did you mean `side`?"),
    ],
)  # fmt: skip
def test_a_refused_body_says_what_would_have_been_right(
    body: dict[str, Any], field: str, help_text: str
) -> None:
    with pytest.raises(Problem) as caught:
        convert(body, Asked)
    (wrong,) = caught.value.errors
    assert wrong.field == field
    assert wrong.detail.endswith(f"; {help_text}")


@pytest.mark.parametrize(
    "body",
    [{"colour": 5}, {"many": "v99"}, {"xylophone": 1}, {"by_name": {"a": ["green"]}}, {"shapes": 7}],
    ids=["another type", "too many to list", "like no name", "below a free mapping", "no list"],
)
def test_where_nothing_helps_the_refusal_is_short(body: dict[str, Any]) -> None:
    with pytest.raises(Problem) as caught:
        convert(body, Asked)
    (wrong,) = caught.value.errors
    assert "one of" not in wrong.detail
    assert "did you mean" not in wrong.detail


def test_a_refused_parameter_says_what_it_takes() -> None:
    with pytest.raises(Problem) as caught:
        read_params([("order", "random")], Wanted)
    assert caught.value.errors[0].detail == "Invalid enum value 'random'; one of newest, oldest"
