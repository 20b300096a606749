"""Which story a request belongs to: W3C trace context and request ids, accepted and returned (spec 6 *Logs*).

The correlation of a command is the trace id: the caller's, when a valid `traceparent` came, else a new one.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping

import msgspec

_TRACEPARENT = re.compile(r"^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$")
_REQUEST_ID = re.compile(r"^[A-Za-z0-9._:-]{1,64}$")


class Trace(msgspec.Struct, frozen=True, kw_only=True):
    """`trace_id` 32 hex digits, `span_id` 16 of our own span, `request_id` as asked for or our own."""

    trace_id: str
    span_id: str
    request_id: str
    flags: str = "01"

    @property
    def traceparent(self) -> str:
        """The header for the answer."""
        return f"00-{self.trace_id}-{self.span_id}-{self.flags}"


def begin(headers: Mapping[str, str]) -> Trace:
    """The trace of one request. Malformed headers are ignored, never echoed."""
    found = _TRACEPARENT.match(headers.get("traceparent", ""))
    trace_id, flags = "", "01"
    if found and set(found.group(1)) != {"0"} and set(found.group(2)) != {"0"}:
        trace_id, flags = found.group(1), found.group(3)
    asked = headers.get("x-request-id", "")
    span_id = secrets.token_hex(8)
    trace_id = trace_id or secrets.token_hex(16)
    return Trace(
        trace_id=trace_id,
        span_id=span_id,
        request_id=asked if _REQUEST_ID.match(asked) else trace_id,
        flags=flags,
    )
