"""Does one condition imply another? Then putting the other in its place loosens nothing (spec 03 §3.6, DESIGN 2b.15).

What conditions belong to, factors and rules, only ever adds risk or demands people, so a change that makes them hold at
least as often tightens or leaves as it is. The implication is found from the shape alone, as the operators' directions say:
a lower bound tightens by falling, an upper one by rising, a list by growing, a prefix by shrinking, `all` by losing members
and `any` by gaining them. What is not found counts as loosening.
"""

from __future__ import annotations

from watchfloor.kernel.conditions import Condition


def all_imply(before: tuple[Condition, ...], after: tuple[Condition, ...]) -> bool:
    """Whenever all of `before` hold, do all of `after`? True only where it is certain."""
    return all(any(implies(one, wanted) for one in before) for wanted in after)


def implies(one: Condition, wanted: Condition) -> bool:
    """Whenever `one` holds, does `wanted`? True only where it is certain."""
    if one == wanted:
        return True
    if one.any:
        return all(implies(part, wanted) for part in one.any)
    if wanted.all:
        return all(implies(one, part) for part in wanted.all)
    if wanted.any and any(implies(one, part) for part in wanted.any):
        return True
    if one.all:
        return any(implies(part, wanted) for part in one.all)
    if not one.field or not wanted.field or (one.of, one.field.lower()) != (wanted.of, wanted.field.lower()):
        return False
    return _stronger(one, wanted)


def _stronger(one: Condition, wanted: Condition) -> bool:
    """Of the same field: is the one comparison at least as narrow as the other, whatever kind of value is there?"""
    if wanted.op == "exists" and wanted.value is not False:
        return one.op != "exists" or one.value is not False
    low, high = _bounds(one), _bounds(wanted)
    if low is not None and high is not None:
        return high[0] <= low[0] and low[1] <= high[1]
    if wanted.op == "in" and isinstance(wanted.value, tuple):
        texts = one.value if one.op == "in" else (one.value,) if one.op == "eq" else ()
        return bool(texts) and isinstance(texts, tuple) and set(texts) <= set(wanted.value)
    if wanted.op == "prefix" and isinstance(one.value, str) and isinstance(wanted.value, str):
        both_ascii = one.value.isascii() and wanted.value.isascii()
        return (
            both_ascii and one.op in ("eq", "prefix") and one.value.lower().startswith(wanted.value.lower())
        )
    return False


_FAR = 2**63


def _bounds(one: Condition) -> tuple[int, int] | None:
    """The least and greatest integer it lets through; None of what is no bound."""
    value = one.value
    if not isinstance(value, int) or isinstance(value, bool):
        return None
    return {
        "eq": (value, value),
        "gt": (value + 1, _FAR),
        "ge": (value, _FAR),
        "lt": (-_FAR, value - 1),
        "le": (-_FAR, value),
    }.get(one.op)
