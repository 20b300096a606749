"""Frames as text: writing what is sent, reading what is received."""

from __future__ import annotations

from typing import Generic, TypeVar

import msgspec

from watchfloor_agent.errors import ProtocolError
from watchfloor_agent.messages import Payload
from watchfloor_agent.received import RECEIVED

P_co = TypeVar("P_co", bound=Payload, covariant=True)


class Received(Generic[P_co]):
    """A frame from the server: an answer to frame `re`, or a push at ledger position `seq`, or neither (0)."""

    __slots__ = ("payload", "re", "seq")

    def __init__(self, payload: P_co, re: int, seq: int) -> None:
        self.payload = payload
        self.re = re
        self.seq = seq


class _Out(msgspec.Struct, omit_defaults=True):
    type: str
    payload: Payload
    id: int = 0
    traceparent: str = ""


class _In(msgspec.Struct):
    type: str
    payload: msgspec.Raw = msgspec.Raw(b"{}")
    re: int = 0
    seq: int = 0


_encode = msgspec.json.Encoder().encode
_decode_envelope = msgspec.json.Decoder(_In).decode
_decoders = {payload.FRAME: msgspec.json.Decoder(payload).decode for payload in RECEIVED}


def encode(payload: Payload, number: int = 0, traceparent: str = "") -> bytes:
    """The text of a frame; `number` 0 for those that are not numbered."""
    return _encode(_Out(payload.FRAME, payload, number, traceparent))


def decode(data: bytes | str) -> Received[Payload] | None:
    """The frame, or None for a type this version does not know. Raises ProtocolError."""
    try:
        envelope = _decode_envelope(data)
        read = _decoders.get(envelope.type)
        return None if read is None else Received(read(envelope.payload), envelope.re, envelope.seq)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ProtocolError(f"the server sent a frame that cannot be read: {error}") from error
