"""The policy document as people write and read it: YAML in and out, every fault with its place (spec 03 §3.6).

Theory of operation
-------------------
A file says only what differs: its mappings are laid over the defaults of spec 03, member by member; a list or a single
value replaces; `null` takes a default member of `classes`, `types` or `trust.kinds` away. What is applied and recorded
is always the whole document, so a later release with other defaults changes nobody's policy. `dump` writes the whole
document and names taken-away members, so that `load(dump(policy)) == policy`.
"""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any, get_args, get_origin

import msgspec

from watchfloor.kernel.strict import pointer_escape
from watchfloor.kernel.terms import Policy
from watchfloor.policy.faults import Fault, PolicyInvalid
from watchfloor.policy.soundness import problems
from watchfloor.policy.yaml_text import ambiguous, read

_PLAIN = re.compile(r"[a-z_][a-z0-9_.]*\Z")
_DEFAULTS: dict[str, Any] = msgspec.to_builtins(Policy())


def load(text: str) -> Policy:
    """The policy of a YAML (or JSON) text. Raises PolicyInvalid with all faults, each with path and line."""
    data, lines = read(text)
    try:
        return from_plain(data)
    except PolicyInvalid as error:
        placed = (Fault(fault.path, fault.what, _line(fault.path, lines)) for fault in error.faults)
        raise PolicyInvalid(tuple(placed)) from None


def from_plain(data: object) -> Policy:
    """The policy of plain data laid over the defaults. Raises PolicyInvalid with all faults."""
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise PolicyInvalid((Fault("/", "a mapping of sections"),))
    faults: list[Fault] = []
    policy = _typed(_laid_over(_DEFAULTS, data), Policy, "", faults)
    if not faults:
        faults += problems(policy)
    if faults:
        raise PolicyInvalid(tuple(faults))
    assert isinstance(policy, Policy)
    return policy


def _line(path: str, lines: dict[str, int]) -> int:
    """The line of the value, or of the closest one around it (a fault may be about what is missing)."""
    while path and path not in lines:
        path = path.rpartition("/")[0]
    return lines.get(path or "/", 0)


def _laid_over(defaults: dict[str, Any], given: dict[str, Any]) -> dict[str, Any]:
    merged = dict(defaults)
    for key, value in given.items():
        under = merged.get(key)
        if value is None and key in merged:
            del merged[key]
        elif isinstance(value, dict) and isinstance(under, dict):
            merged[key] = _laid_over(under, value)
        else:
            merged[key] = value
    return merged


def _typed(value: object, wanted: Any, path: str, faults: list[Fault]) -> Any:
    """The value as its type, or None with the faults noted; goes on after a fault to find the others."""
    if isinstance(wanted, type) and issubclass(wanted, msgspec.Struct):
        return _section(value, wanted, path, faults)
    origin, arguments = get_origin(wanted), get_args(wanted)
    if origin is dict:
        if not isinstance(value, dict):
            return _fault(path, "a mapping", faults)
        return {
            key: _typed(item, arguments[1], f"{path}/{pointer_escape(key)}", faults)
            for key, item in value.items()
        }
    if origin is tuple:
        if not isinstance(value, list | tuple):
            return _fault(path, "a list", faults)
        return tuple(
            _typed(item, arguments[0], f"{path}/{index}", faults) for index, item in enumerate(value)
        )
    try:
        return msgspec.convert(value, wanted, strict=True)
    except msgspec.ValidationError as error:
        return _fault(path, str(error).partition(" - at ")[0].replace("`", ""), faults)


def _section(value: object, wanted: type[msgspec.Struct], path: str, faults: list[Fault]) -> Any:
    if not isinstance(value, dict):
        return _fault(path, "a mapping", faults)
    fields = {field.name: field for field in msgspec.structs.fields(wanted)}
    for name in value.keys() - fields.keys():
        near = get_close_matches(name, fields, n=1)
        hint = f"; did you mean {near[0]}?" if near else ""
        _fault(f"{path}/{pointer_escape(name)}", f"there is no such field{hint}", faults)
    given = {}
    before = len(faults)
    for name, field in fields.items():
        if name in value:
            given[name] = _typed(value[name], field.type, f"{path}/{name}", faults)
        elif field.required:
            _fault(f"{path}/{name}", "is missing", faults)
    return wanted(**given) if len(faults) == before else None


def _fault(path: str, what: str, faults: list[Fault]) -> None:
    faults.append(Fault(path or "/", what))


# Writing -------------------------------------------------------------------------------------------------------------


def dump(policy: Policy) -> str:
    """The whole document as YAML that `load` reads back to the same policy."""
    data = msgspec.to_builtins(policy)
    lines: list[str] = []
    _write(_with_gaps(_DEFAULTS, data), 0, lines)
    return "\n".join(lines) + "\n"


def _with_gaps(defaults: dict[str, Any], data: dict[str, Any]) -> dict[str, Any]:
    """The data with null for default members it does not have, at every depth."""
    filled = {key: _with_gaps(under, data[key]) if isinstance(under, dict) else data[key]
              for key, under in defaults.items() if key in data}  # fmt: skip
    filled |= {key: value for key, value in data.items() if key not in defaults}
    return filled | {key: None for key in defaults if key not in data}


def _write(data: dict[str, Any], indent: int, lines: list[str]) -> None:
    for key, value in data.items():
        name = f"{' ' * indent}{_member(key)}:"
        if isinstance(value, dict) and value:
            lines.append(name)
            _write(value, indent + 2, lines)
        else:
            lines.append(f"{name} {_flow(value)}")


def _flow(value: object) -> str:
    """A value on one line; lists and their members in brackets, as JSON would."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_member(key)}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_flow(item) for item in value) + "]"
    return _scalar(value)


def _member(name: str) -> str:
    """A name, plain where every reader agrees that it is text."""
    return name if _PLAIN.match(name) and not ambiguous(name) else _scalar(name)


def _scalar(value: object) -> str:
    if value is None:
        return "null"
    if isinstance(value, int):
        return str(value).lower()
    # Every text is quoted, and everything unusual escaped: then no reader of any version takes it for something else.
    return '"' + "".join(_escaped(char) for char in str(value)) + '"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    code = ord(char)
    if 0x20 <= code < 0x7F:
        return char
    return f"\\U{code:08x}"
