"""Strict reading of JSON that somebody else wrote: parameters, results, reports (DESIGN 2b.16).

Theory of operation
-------------------
What passes is exactly the canonical subset (codec, DESIGN 2b.2): objects with distinct ASCII keys, arrays, NFC text,
integers within ±(2⁵³-1), booleans, null; within a size, a depth and a number of values. The usual input is small and
right, so the fast path decodes in C and looks at each value once; brackets are counted before anything is parsed (what
has no more of them than levels allowed cannot be too deep, the rest is scanned, so nothing ever recurses on hostile depth) and compares the keys it sees with the colons of the text (fewer keys: one was there
twice). Anything unusual takes the slow path, which reads the text again, pair by pair, only to say *where* it is wrong.
"""

from __future__ import annotations

import json
import re
import unicodedata

import msgspec

from watchfloor.kernel.limits import INTEGER_MAX, JSON_DEPTH_MAX, JSON_VALUES_MAX, PARAMS_BYTES_MAX
from watchfloor.kernel.messages import Refused

_decode = msgspec.json.Decoder().decode
# A string, or an unfinished one up to the end: every quote is matched once, so hostile text costs linear time.
_STRING = re.compile(rb'"[^"\\]*(?:\\.?[^"\\]*)*(?:"|\Z)', re.DOTALL)
_BRACKETS = bytes.maketrans(b"[{]}", b"(())")
_NOT_BRACKETS = bytes(code for code in range(256) if code not in b"[]{}")
_SMALL = 4096  # below it the number of values needs no counting


class BadInput(Refused):
    """Input outside the strict subset; `field` is a JSON pointer to the offending place. Status 400, never retryable.

    Codes: too_large, too_deep, too_many_values, malformed_json, not_utf8, duplicate_key, key_not_ascii,
    not_an_integer (fractions, exponents, NaN, infinities), integer_out_of_range, lone_surrogate, wrong_type.
    """

    def __init__(self, code: str, field: str, detail: str) -> None:
        super().__init__(code, detail, field=field, status=400)


class _SuspectError(Exception):
    """The fast path met something it does not judge."""


def strict(
    raw: msgspec.Raw | bytes,
    *,
    bytes_max: int = PARAMS_BYTES_MAX,
    depth_max: int = JSON_DEPTH_MAX,
    field: str = "",
) -> object:
    """The plain value of untrusted JSON, text in NFC; `depth_max` bounds nested containers (a scalar has depth 0).

    `field` is the JSON pointer of the subtree itself, so that refusals point into the whole document.
    Raises BadInput; never RecursionError, whatever the input.
    """
    data = raw if type(raw) is bytes else bytes(raw)
    if len(data) > bytes_max:
        raise BadInput("too_large", field, f"{len(data)} bytes, at most {bytes_max}")
    if data.count(b"{") + data.count(b"[") > depth_max or len(data) > _SMALL:
        _scan(data, depth_max, field)
    try:
        value = _decode(data)
        if not data.isascii() or b"\\u" in data:
            raise _SuspectError
        keys = _keys(value)
    except (msgspec.DecodeError, UnicodeDecodeError, _SuspectError):
        return _explained(data, depth_max, field)
    # `:/` is always inside text: no value begins with a slash. So colons ≥ keys written ≥ keys decoded.
    if keys != data.count(b":") - data.count(b":/") and keys != _STRING.sub(b"", data).count(b":"):
        return _explained(data, depth_max, field)
    return value


def strict_object(
    raw: msgspec.Raw | bytes,
    *,
    bytes_max: int = PARAMS_BYTES_MAX,
    depth_max: int = JSON_DEPTH_MAX,
    field: str = "",
) -> dict[str, object]:
    """`strict` for what must be a JSON object. Raises BadInput `wrong_type` otherwise."""
    value = strict(raw, bytes_max=bytes_max, depth_max=depth_max, field=field)
    if not isinstance(value, dict):
        raise BadInput("wrong_type", field, f"an object is expected, not {_kind(value)}")
    return value


def _scan(data: bytes, depth_max: int, field: str) -> None:
    """Bound depth and number of values on the bytes alone, before any parser sees them."""
    outside = _STRING.sub(b"", data)
    nested = outside.translate(_BRACKETS, _NOT_BRACKETS)
    if outside.count(b",") + nested.count(b"(") > JSON_VALUES_MAX:
        raise BadInput("too_many_values", field, f"at most {JSON_VALUES_MAX} values")
    for _ in range(depth_max):
        inner = nested.replace(b"()", b"")
        if len(inner) == len(nested):
            break
        nested = inner
    # What is left is deeper than `depth_max`, or unbalanced (then the parser says so, if it is shallow enough).
    if b"()" in nested or nested.count(b"(") > depth_max:
        raise BadInput("too_deep", field, f"nested deeper than {depth_max}")


def _keys(value: object) -> int:
    """How many object keys the ASCII value holds. Raises _SuspectError for what does not belong into it."""
    if type(value) is dict:
        count = len(value)
        items = iter(value.values())
    elif type(value) is list:
        count = 0
        items = iter(value)
    elif type(value) is float or (type(value) is int and not -INTEGER_MAX <= value <= INTEGER_MAX):
        raise _SuspectError
    else:
        return 0
    for item in items:
        kind = type(item)
        if kind is int:
            if not -INTEGER_MAX <= item <= INTEGER_MAX:
                raise _SuspectError
        elif kind is dict or kind is list:
            count += _keys(item)
        elif kind is float:
            raise _SuspectError
    return count


class _Pairs(list[tuple[str, object]]):
    """The members of an object as written, duplicates included."""


class _NotInteger(str):
    """A number that is not an integer, as written."""

    __slots__ = ()


def _explained(data: bytes, depth_max: int, field: str) -> object:
    """The same value read pair by pair: normalised, or refused with the place."""
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        raise BadInput("not_utf8", field, f"byte {error.start} is not UTF-8") from error
    _scan(data, depth_max, field)
    try:
        written = json.loads(
            text,
            object_pairs_hook=_Pairs,
            parse_float=_NotInteger,
            parse_constant=_NotInteger,
            parse_int=_integer,
        )
    except ValueError as error:
        raise BadInput("malformed_json", field, str(error)) from error
    return _normalised(written, field)


def _integer(digits: str) -> int:
    """An integer, or one that is certainly out of range when the text is too long to be worth converting."""
    return int(digits) if len(digits) <= 20 else INTEGER_MAX + 1


def _normalised(written: object, path: str) -> object:
    if isinstance(written, _NotInteger):
        detail = "numbers are integers here; write fractions as text or in smaller units"
        raise BadInput("not_an_integer", path, detail)
    if isinstance(written, str):
        return _text(written, path)
    if isinstance(written, int) and not isinstance(written, bool):
        if not -INTEGER_MAX <= written <= INTEGER_MAX:
            raise BadInput("integer_out_of_range", path, "integers lie within ±(2^53-1)")
        return written
    if isinstance(written, _Pairs):
        members: dict[str, object] = {}
        for key, item in written:
            here = f"{path}/{pointer_escape(key)}"
            if not key.isascii():
                raise BadInput("key_not_ascii", here, "keys are ASCII text")
            if key in members:
                raise BadInput("duplicate_key", here, f"the key {key[:64]!r} is there twice")
            members[key] = _normalised(item, here)
        return members
    if isinstance(written, list):
        return [_normalised(item, f"{path}/{index}") for index, item in enumerate(written)]
    return written


def _text(text: str, path: str) -> str:
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise BadInput("lone_surrogate", path, "text holds half of a surrogate pair") from error
    return unicodedata.normalize("NFC", text)


def pointer_escape(key: str) -> str:
    """A key as one step of a JSON pointer (RFC 6901 §3), shortened and printable."""
    shown = key if len(key) <= 64 else f"{key[:61]}..."
    return shown.encode("ascii", "backslashreplace").decode().replace("~", "~0").replace("/", "~1")


def _kind(value: object) -> str:
    names = {list: "an array", str: "text", bool: "a boolean", int: "a number", type(None): "null"}
    return names.get(type(value), type(value).__name__)
