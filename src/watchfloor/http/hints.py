"""What would have been right: the values a field takes, the name that was meant (promise 6).

Asked only when a body or a parameter has been refused, so it costs the accepted nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches
from functools import cache
from typing import Any

from msgspec import inspect

NAMES_MAX = 24  # more would hide the refusal behind its help


@cache
def _declared(kind: Any) -> inspect.Type:
    return inspect.type_info(kind)


def values_at(kind: Any, steps: tuple[str, ...]) -> tuple[str, ...]:
    """The values that the place takes when it is a choice, sorted; also the tags of a union of Structs."""
    found: set[str] = set()
    for step_type in _walk((_declared(kind),), steps):
        if isinstance(step_type, inspect.LiteralType):
            found.update(str(value) for value in step_type.values if value is not None)
        elif isinstance(step_type, inspect.EnumType):
            found.update(str(member.value) for member in step_type.cls)
    *above, last = steps or ("",)
    for struct in _walk((_declared(kind),), tuple(above)):
        if isinstance(struct, inspect.StructType) and struct.tag_field == last:
            found.add(str(struct.tag))
    return tuple(sorted(found))


def name_meant(kind: Any, steps: tuple[str, ...], name: str) -> str:
    """The field of the object at this place whose name is most like `name`, empty when none is."""
    names: set[str] = set()
    for struct in _walk((_declared(kind),), steps):
        if isinstance(struct, inspect.StructType):
            names.update(field.encode_name for field in struct.fields)
    return next(iter(get_close_matches(name, sorted(names), n=1)), "")


def hint(kind: Any, what: str, path: str, named: str) -> str:
    """A sentence for a refusal by msgspec: `path` is the JSON pointer of the place, `named` the field it speaks of."""
    steps = tuple(path.split("/")[1:])
    if "unknown field" in what:
        meant = name_meant(kind, steps, named)
        return f"did you mean `{meant}`?" if meant else ""
    if what.startswith("Invalid"):
        values = values_at(kind, steps)
        return f"one of {', '.join(values)}" if 0 < len(values) <= NAMES_MAX else ""
    return ""


def _walk(types: Iterable[inspect.Type], steps: tuple[str, ...]) -> list[inspect.Type]:
    """The types that a place may have: of unions and optional values every one."""
    here: list[inspect.Type] = []
    for declared in types:
        here.extend(declared.types if isinstance(declared, inspect.UnionType) else (declared,))
    if not steps:
        return here
    below: list[inspect.Type] = []
    for declared in here:
        if isinstance(declared, inspect.StructType):
            below.extend(field.type for field in declared.fields if field.encode_name == steps[0])
        elif isinstance(declared, inspect.CollectionType):
            below.append(declared.item_type)
        elif isinstance(declared, inspect.DictType):
            below.append(declared.value_type)
    return _walk(below, steps[1:])
