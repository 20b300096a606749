"""Checks on texts and numbers of commands: each refuses at its field (DESIGN §1 law *Limits*)."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from watchfloor.kernel.limits import CAPABILITIES_MAX, CAPABILITY_CHARS_MAX, NAME_CHARS_MAX, REASON_CHARS_MAX
from watchfloor.kernel.messages import Refused
from watchfloor.kernel.schema import check_choice, check_name, check_names, check_range, check_reason


@pytest.mark.parametrize(
    ("check", "code", "field"),
    [
        (lambda: check_name("", "/f"), "invalid_name", "/f"),
        (lambda: check_name("x" * (NAME_CHARS_MAX + 1), "/f"), "invalid_name", "/f"),
        (lambda: check_name("x" * 4, "/f", chars_max=3), "invalid_name", "/f"),
        (lambda: check_name(" x", "/f"), "invalid_name", "/f"),
        (lambda: check_name("x ", "/f"), "invalid_name", "/f"),
        (lambda: check_name("a\nb", "/f"), "invalid_name", "/f"),
        (lambda: check_name("a\u202eb", "/f"), "invalid_name", "/f"),
        (lambda: check_name("\ud800", "/f"), "invalid_name", "/f"),
        (lambda: check_name("e\u0301", "/f"), "not_canonical", "/f"),
        (lambda: check_names((), "/f", least=1), "out_of_range", "/f"),
        (lambda: check_names(tuple(map(str, range(CAPABILITIES_MAX + 1))), "/f"), "out_of_range", "/f"),
        (lambda: check_names(("a", "x" * (CAPABILITY_CHARS_MAX + 1)), "/f"), "invalid_name", "/f/1"),
        (lambda: check_names(("a", "a"), "/f"), "repeated", "/f"),
        (lambda: check_reason("x" * (REASON_CHARS_MAX + 1)), "too_long", "/reason"),
        (lambda: check_reason("\ud800", "/f"), "not_canonical", "/f"),
        (lambda: check_range(0, "/f", 1, 2), "out_of_range", "/f"),
        (lambda: check_range(3, "/f", 1, 2), "out_of_range", "/f"),
        (lambda: check_choice("c", "/f", ("a", "b")), "unknown_choice", "/f"),
    ],
)
def test_what_is_out_of_bounds_is_refused_at_its_field(
    check: Callable[[], None], code: str, field: str
) -> None:
    with pytest.raises(Refused) as refused:
        check()
    assert (refused.value.code, refused.value.field, refused.value.status) == (code, field, 422)


def test_what_lies_at_the_bounds_passes() -> None:
    check_name("x" * NAME_CHARS_MAX, "/f")
    check_name("Zoë, agent 7", "/f")
    check_names((), "/f")
    check_names(tuple(map(str, range(CAPABILITIES_MAX))), "/f")
    check_reason("")
    check_reason("two\nlines")
    check_reason("x" * REASON_CHARS_MAX)
    check_range(1, "/f", 1, 2)
    check_range(2, "/f", 1, 2)
    check_choice("a", "/f", ("a", "b"))
