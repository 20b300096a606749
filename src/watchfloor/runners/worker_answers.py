"""What an HTTP worker answered, read as strictly as everything that others wrote (spec 2.4; docs/workers.md).

200 with JSON is an answer in itself, 202 says that it comes later. Everything else has a name in CALL_FAILURES, and some
of it is worth another attempt a moment later.
"""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Annotated, Any, Literal

import msgspec

from watchfloor.kernel.codec import canonical, canonicalise
from watchfloor.kernel.limits import INTEGER_MAX, PRIVATE_BYTES_MAX, REASON_CHARS_MAX
from watchfloor.kernel.strict import BadInput, strict_object
from watchfloor.runners.outbound import Got
from watchfloor.runners.output import plain, without_secrets

ANSWER_BYTES_MAX = (
    PRIVATE_BYTES_MAX // 2
)  # it becomes a private part; NFC and sorting may lengthen it a little
SAID_CHARS_MAX = 256  # of an answer that is none, for whoever looks why

Count = Annotated[int, msgspec.Meta(ge=0, le=INTEGER_MAX)]
_FAILURES = {
    "refused": "worker_address_refused",
    "unresolvable": "worker_unreachable",
    "unreachable": "worker_unreachable",
    "tls_failed": "worker_tls_failed",
    "timed_out": "worker_timed_out",
    "too_large": "worker_answer_too_large",
    "bad_answer": "worker_answer_invalid",
}


class Body(msgspec.Struct, frozen=True, kw_only=True):
    """The JSON of an answer; unknown fields pass. Without `status`, a `result` says completed."""

    status: Literal["completed", "failed", "rejected", "accepted"] | None = None
    result: Any = None
    report: Any = None
    reason: Annotated[str, msgspec.Meta(max_length=REASON_CHARS_MAX)] = ""
    retryable: bool = True
    tokens: Count = 0
    cost_micro: Count = 0


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt as it ended. `outcome` as ConcludeCall has it; `reason` and `detail` say why there is no answer,
    `again` whether another attempt makes sense, `after_ms` how long the worker asked us to wait (-1: it did not)."""

    outcome: str
    reason: str = ""
    detail: str = ""
    again: bool = False
    after_ms: int = -1
    retryable: bool = True
    tokens: int = 0
    cost_micro: int = 0
    private: bytes = b""


def read(got: Got, now_s: float) -> Answer:
    """What one exchange means. Never raises, whatever came."""
    if got.outcome != "answered":
        return Answer(
            outcome="unanswered", reason=_FAILURES[got.outcome], detail=got.detail, again=got.transient
        )
    if got.status == 202:
        return Answer(outcome="accepted")
    if got.status == 200:
        return _told(got)
    if got.status == 429:
        reason = "worker_busy"
    elif got.status >= 500:
        reason = "worker_error"
    elif got.status >= 400:
        reason = "worker_refused"
    elif got.status >= 300:
        reason = "worker_redirected"
    else:
        reason = "worker_answer_invalid"
    return Answer(
        outcome="unanswered",
        reason=reason,
        detail=_why(f"status {got.status}", got),
        again=got.transient,
        after_ms=retry_after_ms(got.headers.get("retry-after", ""), now_s),
    )


def _told(got: Got) -> Answer:
    """A 200 with its body."""
    try:
        plain_body = strict_object(got.body, bytes_max=ANSWER_BYTES_MAX)
        body = msgspec.convert(plain_body, Body)
    except BadInput as error:
        return _invalid(f"{error.code} at {error.field or 'the top'}: {error.detail}", got)
    except msgspec.ValidationError as error:
        return _invalid(str(error), got)
    status = body.status or ("completed" if "result" in plain_body else "")
    if not status:
        return _invalid("neither a status nor a result", got)
    if status == "accepted":
        return Answer(outcome="accepted")
    if status == "completed":
        told: dict[str, Any] = {"report": body.report, "result": body.result}
    else:
        told = {"reason": body.reason}
    return Answer(
        outcome=status,
        retryable=body.retryable,
        tokens=body.tokens,
        cost_micro=body.cost_micro,
        private=canonical(canonicalise(told)),
    )


def _invalid(detail: str, got: Got) -> Answer:
    return Answer(outcome="unanswered", reason="worker_answer_invalid", detail=_why(detail, got))


def _why(detail: str, got: Got) -> str:
    """The fault and the beginning of what was said, plain and without secrets."""
    said = without_secrets(plain(got.body[: 4 * SAID_CHARS_MAX])).strip()[:SAID_CHARS_MAX]
    return f"{detail}: {said}" if said else detail


def retry_after_ms(text: str, now_s: float) -> int:
    """The header `Retry-After` (seconds, or an HTTP date) as ms from now, -1 when there is none that can be read."""
    text = text.strip()
    if text.isascii() and text.isdecimal() and len(text) <= 9:
        return int(text) * 1_000
    try:
        at = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return -1
    if at.tzinfo is None:
        at = at.replace(tzinfo=UTC)
    return max(0, int((at - datetime.fromtimestamp(now_s, UTC)).total_seconds() * 1_000))
