"""Canonical bytes and digests: what a grant is bound to (RFC 8785 on integers, ASCII keys and NFC text).

The digest of an action is SHA-256(salt ‖ canonical {"params", "tool", "type"}); the salt comes with the grant.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata
from pathlib import PurePath
from typing import Any

import msgspec

from watchfloor_agent.errors import NotCanonical

INTEGER_MAX = 2**53 - 1
DEPTH_MAX = 28  # what the server takes in params, results and outcomes

_encode = msgspec.json.Encoder(order="sorted").encode


def plain(value: Any, path: str = "", depth: int = DEPTH_MAX) -> Any:
    """The value as plain data with NFC text; tuples become lists, paths text. Raises NotCanonical with the place."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        if not -INTEGER_MAX <= value <= INTEGER_MAX:
            raise NotCanonical(f"{path or '/'}: integers lie within ±(2^53-1)")
        return int(value)
    if isinstance(value, PurePath):
        value = str(value)
    if isinstance(value, str):
        return _text(value, path)
    if depth == 0 and isinstance(value, dict | list | tuple):
        raise NotCanonical(f"{path or '/'}: nested deeper than {DEPTH_MAX}")
    if isinstance(value, dict):
        members: dict[str, Any] = {}
        for key, item in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise NotCanonical(f"{path or '/'}: keys are ASCII text, not {key!r}")
            members[str(key)] = plain(item, f"{path}/{key}", depth - 1)
        return members
    if isinstance(value, list | tuple):
        return [plain(item, f"{path}/{index}", depth - 1) for index, item in enumerate(value)]
    hint = " (write fractions as text or in smaller units)" if isinstance(value, float) else ""
    raise NotCanonical(f"{path or '/'}: {type(value).__name__} has no canonical form{hint}")


def _text(value: str, path: str) -> str:
    if value.isascii():
        return str.__str__(value)
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise NotCanonical(f"{path or '/'}: text holds half of a surrogate pair") from error
    return unicodedata.normalize("NFC", value)


def canonical(value: Any) -> bytes:
    """Canonical bytes of plain data. Raises NotCanonical."""
    return _encode(plain(value, depth=DEPTH_MAX + 2))


def canonical_action(action_type: str, tool: str, params: Any) -> bytes:
    """Canonical bytes of an action. Raises NotCanonical."""
    return canonical({"params": params, "tool": tool, "type": action_type})


def digest(salt: str, action: bytes) -> str:
    """Hexadecimal SHA-256(salt ‖ canonical action); `salt` hexadecimal. Raises NotCanonical for a broken salt."""
    try:
        return hashlib.sha256(bytes.fromhex(salt) + action).hexdigest()
    except ValueError as error:
        raise NotCanonical("the salt is not hexadecimal") from error


def same_digest(left: str, right: str) -> bool:
    """Whether two digests are equal; an empty one equals nothing."""
    return bool(left) and hmac.compare_digest(left.encode(), right.encode())


def outcome_digest(value: Any) -> str:
    """Hexadecimal SHA-256 of what came out: of the bytes, or of the canonical form; empty when there is none."""
    if isinstance(value, bytes | bytearray | memoryview):
        return hashlib.sha256(value).hexdigest()
    try:
        return hashlib.sha256(canonical(value)).hexdigest()
    except NotCanonical:
        return ""
