"""Bounded types of fields, and the parents of bodies, parameters and answers."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec
from msgspec import Meta

from watchfloor.kernel.limits import (
    INTEGER_MAX,
    NAME_CHARS_MAX,
    PAGE_DEFAULT,
    PAGE_MAX,
    REASON_CHARS_MAX,
    TEXT_CHARS_MAX,
)

ID_PATTERN = r"^[a-z]{3}_[0-9a-z]{1,24}\Z"

Name = Annotated[str, Meta(min_length=1, max_length=NAME_CHARS_MAX)]
Word = Annotated[str, Meta(max_length=NAME_CHARS_MAX)]
Text = Annotated[str, Meta(max_length=TEXT_CHARS_MAX)]
ShortReason = Annotated[
    str, Meta(max_length=REASON_CHARS_MAX, description="recorded for ever; name no secrets")
]
NeededReason = Annotated[
    str, Meta(min_length=1, max_length=REASON_CHARS_MAX, description="recorded for ever; name no secrets")
]
Handle = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9._-]*\Z")]
Id = Annotated[str, Meta(max_length=40, pattern=ID_PATTERN)]
NoId = Annotated[str, Meta(max_length=40, pattern=r"^(?:[a-z]{3}_[0-9a-z]{1,24})?\Z")]
# People also know an agent by its structured code and by its name (http/naming.py).
_AGENT = "an agent's id, structured code or name"
AgentName = Annotated[str, Meta(min_length=1, max_length=NAME_CHARS_MAX, description=_AGENT)]
NoAgentName = Annotated[str, Meta(max_length=NAME_CHARS_MAX, description=f"{_AGENT}, or nothing")]
ExecutionId = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9][A-Za-z0-9_.:-]*\Z")]
Code = Annotated[str, Meta(max_length=64, pattern=r"^[a-z][a-z0-9_]*\Z")]
Hex = Annotated[str, Meta(max_length=64, pattern=r"^(?:[0-9a-f]{64})?\Z")]
Count = Annotated[int, Meta(ge=0, le=INTEGER_MAX)]
Number = Annotated[int, Meta(ge=1, le=2**31 - 1)]
Money = Annotated[int, Meta(ge=0, le=INTEGER_MAX, description="micro units (10^-6) of the currency")]
Percent = Annotated[int, Meta(ge=0, le=100)]
Instant = Annotated[int, Meta(ge=0, le=INTEGER_MAX, description="microseconds since 1970, UTC")]
Millis = Annotated[int, Meta(ge=0, le=INTEGER_MAX, description="milliseconds")]
Seq = Annotated[int, Meta(ge=0, le=INTEGER_MAX, description="position in the organisation's ledger")]
Limit = Annotated[int, Meta(ge=1, le=PAGE_MAX)]
Cursor = Annotated[str, Meta(max_length=256, pattern=r"^[A-Za-z0-9_-]*\Z")]
Free = Annotated[
    Any, Meta(description="any JSON of the canonical subset: no fractions, ASCII keys", extra_json_schema={})
]


class Body(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A request's body. What is not a field is refused with 422 (fault G14)."""


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """An answer's body."""


class Nothing(Body, frozen=True, kw_only=True):
    """No field at all; an empty body is accepted too."""


class Params(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Query parameters; only what is named here is allowed (fault J10)."""


class Fresh(Params, frozen=True, kw_only=True):
    """A read that may wait until the views have reached `min_seq` (at most 2 s, then 503 `view_behind`)."""

    min_seq: Seq = 0


class Paged(Fresh, frozen=True, kw_only=True):
    """One page of a list, newest first unless said otherwise."""

    cursor: Cursor = ""
    limit: Limit = PAGE_DEFAULT


class Done(Answer, frozen=True, kw_only=True):
    """It is done; there is nothing more to say."""


class Recorded(Answer, frozen=True, kw_only=True):
    """A command was recorded at `seq`; pass it as `min_seq` to read what it changed."""

    seq: Seq


class Reason(Body, frozen=True, kw_only=True):
    """Why, in few words; a fact of the ledger, never erased."""

    reason: ShortReason = ""


EXAMPLES: dict[type, dict[str, Any]] = {
    Nothing: {},
    Done: {},
    Recorded: {"seq": 1042},
    Reason: {"reason": "replaced by a newer one"},
}
