"""What all frames share: the payload base, the bounds of their fields, the close codes (spec 2.2)."""

from __future__ import annotations

import enum
from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from watchfloor.kernel.limits import INTEGER_MAX, NAME_CHARS_MAX, TEXT_CHARS_MAX

PROTOCOL_VERSION = 1

Count = Annotated[int, Meta(ge=0, le=INTEGER_MAX)]
Money = Annotated[int, Meta(ge=0, le=INTEGER_MAX, description="micro units (10^-6) of the currency")]
Percent = Annotated[int, Meta(ge=0, le=100)]
Number = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Id = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]*\Z")]
NoId = Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9_.:-]*\Z")]
Name = Annotated[str, Meta(min_length=1, max_length=NAME_CHARS_MAX)]
Word = Annotated[str, Meta(max_length=NAME_CHARS_MAX)]
Text = Annotated[str, Meta(max_length=TEXT_CHARS_MAX)]
Hex = Annotated[str, Meta(max_length=64, pattern=r"^(?:[0-9a-f]{64})?\Z")]
Instant = Annotated[int, Meta(ge=0, le=INTEGER_MAX, description="microseconds since 1970, UTC")]
Millis = Annotated[int, Meta(ge=0, le=INTEGER_MAX, description="milliseconds")]


class CloseCode(enum.IntEnum):
    """Why the server closes a socket (spec 2.2). Only AUTH_FAILED is final for the agent's key."""

    RESTART = 1012
    OVERLOADED = 1013
    TOO_BIG = 1009
    AUTH_TIMEOUT = 4001
    AUTH_FAILED = 4003
    POLICY = 4008
    CONNECTION_LIMIT = 4029


class Payload(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What a frame says. `FRAME` is its type on the wire; `ANSWERED`: the server answers each with its `re`."""

    FRAME: ClassVar[str] = ""
    ANSWERED: ClassVar[bool] = False
