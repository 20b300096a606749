"""Canonical bytes and event versions (DESIGN 2b.2).

Canonical is RFC 8785 on a subset where sorted msgspec output *is* RFC 8785: integers within ±2⁵³, no floats, ASCII
keys, NFC text. Whatever is outside the subset is refused, so bytes never depend on who wrote them. Stored bytes are
the bytes that were hashed; nothing is ever serialised a second time.
"""

from __future__ import annotations

import re
import unicodedata
from hashlib import sha256
from typing import Any

import msgspec

from watchfloor.kernel.limits import INTEGER_MAX, JSON_DEPTH_MAX
from watchfloor.kernel.messages import Actor, Event, Facts

_encode = msgspec.json.Encoder(order="sorted").encode
# A number of 17 digits, or of 16 beginning with 9, may lie outside ±2⁵³ and takes the slow check. Translating digits
# and searching is ten times faster than one expression over the whole event.
_DIGITS = bytes(0x30 if 0x30 <= code <= 0x39 else 0x20 for code in range(256))
_LONG = b"0" * 17
_NINES = re.compile(rb"9[0-9]{15}")


class NotCanonical(ValueError):
    """The value lies outside the canonical subset; the message names the place."""


def check_canonical(value: Any, path: str = "", depth: int = 0) -> None:
    """Raise NotCanonical when plain data (dict, list, str, int, bool, None) is outside the subset."""
    if depth > JSON_DEPTH_MAX:
        raise NotCanonical(f"{path or '/'}: nested deeper than {JSON_DEPTH_MAX}")
    if value is None or isinstance(value, bool):
        return
    if isinstance(value, int):
        if not -INTEGER_MAX <= value <= INTEGER_MAX:
            raise NotCanonical(f"{path or '/'}: integer outside ±(2^53-1)")
    elif isinstance(value, str):
        check_text(value, path)
    elif isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str) or not key.isascii():
                raise NotCanonical(f"{path or '/'}: keys are ASCII text")
            check_canonical(item, f"{path}/{key}", depth + 1)
    elif isinstance(value, (list, tuple)):
        for index, item in enumerate(value):
            check_canonical(item, f"{path}/{index}", depth + 1)
    else:
        raise NotCanonical(
            f"{path or '/'}: {type(value).__name__} has no canonical form (use integers or text)"
        )


def check_text(value: str, path: str = "") -> None:
    """Raise NotCanonical unless the text is NFC and free of lone surrogates."""
    if value.isascii():
        return
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise NotCanonical(f"{path or '/'}: lone surrogate") from error
    if not unicodedata.is_normalized("NFC", value):
        raise NotCanonical(f"{path or '/'}: text is not NFC")


def canonical(value: Any) -> bytes:
    """Canonical bytes of plain data. Raises NotCanonical."""
    check_canonical(value)
    return _encode(value)


def encoded(value: Any) -> bytes:
    """Canonical bytes of what `strict` has already found to lie in the subset; nothing is checked again."""
    return _encode(value)


def canonicalise(value: Any) -> Any:
    """The same plain data with text in NFC. What is outside the subset stays so and is refused by `canonical`."""
    if isinstance(value, str):
        return value if value.isascii() else unicodedata.normalize("NFC", value)
    if isinstance(value, dict):
        return {key: canonicalise(item) for key, item in value.items()}
    if isinstance(value, list):
        return [canonicalise(item) for item in value]
    return value


class _Wire(msgspec.Struct, omit_defaults=True, gc=False):
    """The envelope as it is written; see Event for the meaning. Always present keys have no default."""

    actor: Actor
    at: int
    cause: int
    correlation: str
    facts: Any
    org: str
    policy: int
    rules: int
    seq: int
    subject: _Subject
    type: str
    v: int
    of: str = ""
    private: str = ""
    frame: int = 0
    body: str = ""


class _Subject(msgspec.Struct, gc=False, frozen=True):
    id: int
    kind: str


class _WireIn(msgspec.Struct, gc=False):
    actor: Actor
    at: int
    cause: int
    correlation: str
    facts: msgspec.Raw
    org: str
    policy: int
    rules: int
    seq: int
    subject: _Subject
    type: str
    v: int
    of: str = ""
    private: str = ""
    frame: int = 0
    body: str = ""


_decode_wire = msgspec.json.Decoder(_WireIn).decode
_decode_plain = msgspec.json.Decoder().decode


def encode_event(event: Event) -> bytes:
    """The event's canonical bytes, as hashed and stored. Raises NotCanonical."""
    data = _encode(
        _Wire(
            actor=event.actor,
            at=event.at,
            cause=event.cause,
            correlation=event.correlation,
            facts=event.facts,
            org=event.org,
            policy=event.policy,
            rules=event.rules,
            seq=event.seq,
            subject=_Subject(event.subject, event.kind),
            type=event.type,
            v=1,
            of=event.of,
            private=event.private,
            frame=event.frame,
            body=event.body,
        )
    )
    if not data.isascii() or _LONG in data.translate(_DIGITS) or _NINES.search(data) is not None:
        # Rare: texts may be non-ASCII, digests in hex may hold long runs of digits; the slow check decides.
        check_canonical(_decode_plain(data))
    return data


def commitment(salt: bytes, private: bytes) -> bytes:
    """SHA-256(salt ‖ private part), 32 bytes."""
    return sha256(salt + private).digest()


class Catalogue:
    """The known event types. A type is registered once, under its versioned name, and decodes for ever (law *Replay*)."""

    def __init__(self) -> None:
        self._decoders: dict[str, msgspec.json.Decoder[Any]] = {}
        self.types: dict[str, type[Facts]] = {}

    def add(self, *types: type[Facts]) -> None:
        for facts in types:
            if not facts.TYPE or facts.TYPE in self.types:
                raise ValueError(
                    f"{facts.__name__}: event types have one name and one class ({facts.TYPE!r})"
                )
            if '"type":"number"' in msgspec.json.encode(msgspec.json.schema(facts)).decode():
                raise ValueError(f"{facts.__name__}: facts hold no floats")
            self.types[facts.TYPE] = facts
            self._decoders[facts.TYPE] = msgspec.json.Decoder(facts)

    def decode(self, data: bytes) -> Event:
        """The event of canonical bytes. Raises UnknownEvent for a type this version does not know (DESIGN 2b.14)."""
        wire = _decode_wire(data)
        decoder = self._decoders.get(wire.type)
        if decoder is None:
            raise UnknownEvent(wire.type, wire.seq)
        return Event(
            org=wire.org,
            seq=wire.seq,
            at=wire.at,
            type=wire.type,
            kind=wire.subject.kind,
            subject=wire.subject.id,
            actor=wire.actor,
            of=wire.of,
            cause=wire.cause,
            correlation=wire.correlation,
            policy=wire.policy,
            rules=wire.rules,
            private=wire.private,
            frame=wire.frame,
            body=wire.body,
            facts=decoder.decode(wire.facts),
        )


class UnknownEvent(Exception):
    """This node is older than the ledger: it must stop serving the organisation (DESIGN 2b.14)."""

    def __init__(self, type_name: str, seq: int) -> None:
        super().__init__(f"unknown event type {type_name!r} at seq {seq}")
        self.type_name = type_name
        self.seq = seq
