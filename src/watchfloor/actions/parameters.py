"""Parameters of a request: what lies under a field, and whether it satisfies a comparison (spec 03 §3.1, §3.6).

Names are compared without case, values in lists one by one. Doubt goes to the strict side: what cannot be compared with a
comparison makes it hold, for it can only add risk or demand people.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from watchfloor.actions.names import fold

# Values looked at under one field; more than that is not read but taken as the worst (hostile lists stay cheap).
VALUES_MAX = 256
Steps = tuple[str, ...]
Found = list[Any] | None  # None: more than VALUES_MAX


class Test(msgspec.Struct, frozen=True, gc=False):
    """A comparison ready to be asked: `steps` into the parameters, texts folded."""

    steps: Steps
    op: str
    value: int | str | bool | tuple[str, ...] | None


def lower(params: object) -> dict[str, Any]:
    """The parameters with their outermost names in lower case, where they are not (`URL` must not hide from `url`).

    A list of objects is taken for all of them at once; other parameters have no names to look under.
    """
    if isinstance(params, dict):
        for key in params:
            if not key.islower():
                return _merged([params])
        return params
    return _merged(params) if isinstance(params, list) else {}


def _merged(objects: list[Any]) -> dict[str, Any]:
    merged: dict[str, list[Any]] = {}
    for one in objects:
        for key, value in one.items() if isinstance(one, dict) else ():
            merged.setdefault(key.lower(), []).append(value)
    return {key: values[0] if len(values) == 1 else values for key, values in merged.items()}


def values(params: dict[str, Any], steps: Steps) -> Found:
    """Every value under a dotted path, through lists; the outermost names of `params` are lower case already."""
    value = params.get(steps[0], _ABSENT)
    if value is _ABSENT:
        return []
    if len(steps) == 1 and not isinstance(value, list):
        return [value]
    found: list[Any] = []
    return found if _walk(value, steps, 1, found) else None


_ABSENT = object()


def _walk(value: Any, steps: Steps, depth: int, found: list[Any]) -> bool:
    """Collect what lies under `steps[depth:]`. False when it is too much."""
    if isinstance(value, list):
        return len(value) <= VALUES_MAX and all(_walk(item, steps, depth, found) for item in value)
    if depth == len(steps):
        found.append(value)
    elif isinstance(value, dict):
        for key, item in value.items():
            if key.lower() == steps[depth] and not _walk(item, steps, depth + 1, found):
                return False
    return len(found) <= VALUES_MAX


# Comparisons ----------------------------------------------------------------------------------------------------------


def holds_all(tests: tuple[Test, ...], params: dict[str, Any]) -> bool:
    """Do all comparisons hold?"""
    for test in tests:  # noqa: SIM110 - a generator for each factor costs more than the tests
        if not holds(test, values(params, test.steps)):
            return False
    return True


def holds(test: Test, found: Found) -> bool:
    """Does one of the values satisfy the comparison? What cannot be compared does; what is absent or null does not."""
    if found is None:
        return True
    if test.op == "exists":
        return bool(found) is (test.value is not False)
    compare = COMPARE.get(test.op)
    return any(value is not None and (compare is None or compare(value, test.value)) for value in found)


def _same(value: Any, wanted: Any) -> bool | None:
    """Equality of like kinds; None when the kinds differ. True is not 1."""
    if isinstance(value, str) and isinstance(wanted, str):
        return fold(value) == wanted
    if type(value) is type(wanted):
        return bool(value == wanted)
    return None


def _ordered(compare: Callable[[int, int], bool]) -> Callable[[Any, Any], bool]:
    def holds(value: Any, wanted: Any) -> bool:
        comparable = type(value) is int and type(wanted) is int
        return not comparable or compare(value, wanted)

    return holds


COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "eq": lambda value, wanted: _same(value, wanted) is not False,
    "ne": lambda value, wanted: _same(value, wanted) is not True,
    "gt": _ordered(lambda value, wanted: value > wanted),
    "ge": _ordered(lambda value, wanted: value >= wanted),
    "lt": _ordered(lambda value, wanted: value < wanted),
    "le": _ordered(lambda value, wanted: value <= wanted),
    "in": lambda value, wanted: not isinstance(value, str) or fold(value) in wanted,
    "prefix": lambda value, wanted: not isinstance(value, str) or fold(value).startswith(wanted),
}
