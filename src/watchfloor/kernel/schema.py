"""Checks on the texts and numbers of a command, for rules of every capability (DESIGN §1 law *Limits*).

Decoding has settled the types already; these settle what a type cannot say. All raise Refused with status 422 and
`field` as a JSON pointer into the command.
"""

from __future__ import annotations

from watchfloor.kernel.codec import NotCanonical, check_text
from watchfloor.kernel.limits import CAPABILITIES_MAX, CAPABILITY_CHARS_MAX, NAME_CHARS_MAX, REASON_CHARS_MAX
from watchfloor.kernel.messages import Refused


def check_name(text: str, field: str, *, chars_max: int = NAME_CHARS_MAX) -> None:
    """A name is 1 to `chars_max` printable NFC characters without blanks at its ends; refused with `invalid_name`.

    Control characters, line breaks and the invisible ones that turn or hide text are not printable.
    """
    if not 0 < len(text) <= chars_max:
        raise Refused("invalid_name", f"takes 1 to {chars_max} characters", field=field, status=422)
    if not text.isprintable() or text != text.strip():
        detail = "takes printable characters, no blanks at the ends"
        raise Refused("invalid_name", detail, field=field, status=422)
    check_canonical_text(text, field)


def check_names(names: tuple[str, ...], field: str, *, least: int = 0) -> None:
    """`least` to CAPABILITIES_MAX different names; refused with `out_of_range`, `repeated` or `invalid_name`."""
    check_range(len(names), field, least, CAPABILITIES_MAX)
    for index, name in enumerate(names):
        check_name(name, f"{field}/{index}", chars_max=CAPABILITY_CHARS_MAX)
    if len(set(names)) != len(names):
        raise Refused("repeated", "every name once", field=field, status=422)


def check_reason(text: str, field: str = "/reason") -> None:
    """A reason may be empty, and is short because it is never erased; refused with `too_long`."""
    if len(text) > REASON_CHARS_MAX:
        raise Refused("too_long", f"takes at most {REASON_CHARS_MAX} characters", field=field, status=422)
    check_canonical_text(text, field)


def check_canonical_text(text: str, field: str) -> None:
    """NFC without lone surrogates (DESIGN 2b.2), as the codec wants it; refused with `not_canonical`."""
    try:
        check_text(text, field)
    except NotCanonical as error:
        raise Refused("not_canonical", str(error), field=field, status=422) from error


def check_range(value: int, field: str, low: int, high: int) -> None:
    """`low` ≤ value ≤ `high`; refused with `out_of_range`."""
    if not low <= value <= high:
        raise Refused("out_of_range", f"lies between {low} and {high}", field=field, status=422)


def check_choice(value: str, field: str, choices: tuple[str, ...]) -> None:
    """One of `choices`; refused with `unknown_choice`."""
    if value not in choices:
        raise Refused("unknown_choice", f"one of {', '.join(choices)}", field=field, status=422)
