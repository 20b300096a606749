"""Refusals as RFC 9457 problem details: why, where, and whether it is safe to retry (promise 6).

The `error` frame of the agent protocol carries the same fields. Nothing of an unexpected exception reaches the client
but a trace id; the log has the rest.
"""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Any

import msgspec

from watchfloor.http import hints
from watchfloor.kernel.codec import NotCanonical
from watchfloor.kernel.messages import Refused

CONTENT_TYPE = "application/problem+json"
_PLACE = re.compile(r"^(?P<what>.*?)(?: - at `(?P<path>[^`]*)`)?$", re.DOTALL)
_NAMED = re.compile(r"(?:unknown field|required field|duplicate field) `(?P<name>[^`]*)`")
_STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\[(\d+)\]")


class FieldError(msgspec.Struct, frozen=True, kw_only=True):
    """One wrong place: `field` is a JSON pointer into the body, or the name of a parameter."""

    field: str
    code: str
    detail: str


class ProblemDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The body of every refusal. `code` is stable; `retryable`, always said, whether the same request may succeed later."""

    type: str
    title: str
    status: int
    code: str
    detail: str
    trace_id: str
    retryable: bool
    errors: tuple[FieldError, ...] = ()
    retry_after_ms: int | None = None
    rate_class: str | None = msgspec.field(default=None, name="class")
    seq: int | None = None


class Problem(Exception):
    """A request is refused. `headers` go with the answer; `errors` name the fields."""

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        errors: tuple[FieldError, ...] = (),
        retryable: bool = False,
        retry_after_ms: int | None = None,
        rate_class: str | None = None,
        headers: dict[str, str] | None = None,
        seq: int | None = None,
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.status = status
        self.code = code
        self.detail = detail
        self.errors = errors
        self.retryable = retryable
        self.retry_after_ms = retry_after_ms
        self.rate_class = rate_class
        self.headers = headers or {}
        self.seq = seq

    def document(self, trace_id: str) -> ProblemDocument:
        """The body of the answer."""
        return ProblemDocument(
            type=f"/docs#problem-{self.code}",
            title=title(self.status),
            status=self.status,
            code=self.code,
            detail=self.detail,
            trace_id=trace_id,
            retryable=self.retryable,
            errors=self.errors,
            retry_after_ms=self.retry_after_ms,
            rate_class=self.rate_class,
            seq=self.seq,
        )

    def all_headers(self) -> dict[str, str]:
        """The headers of the answer; `Retry-After` in whole seconds, rounded up."""
        headers = dict(self.headers)
        if self.retry_after_ms is not None:
            headers.setdefault("retry-after", str(max(1, -(-self.retry_after_ms // 1_000))))
        return headers


def title(status: int) -> str:
    """The standard phrase of a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Refused"


def pointer(path: str) -> str:
    """msgspec's `$.a[0].b` as a JSON pointer `/a/0/b`; keys of free mappings, which it writes `[...]`, end the path."""
    steps: list[str] = []
    rest = path.removeprefix("$")
    while rest:
        step = _STEP.match(rest)
        if step is None:
            break
        steps.append(step.group(1) or step.group(2))
        rest = rest[step.end() :]
    return "".join(f"/{step}" for step in steps)


def field_error(error: msgspec.ValidationError, prefix: str = "", kind: Any = None) -> FieldError:
    """Where and why msgspec refused a value of `kind`, and what would have been right where that is known."""
    found = _PLACE.match(str(error))
    what, path = (found.group("what"), found.group("path") or "$") if found else (str(error), "$")
    place = prefix + pointer(path)
    named = _NAMED.search(what)
    if kind is not None:
        help_text = hints.hint(kind, what, pointer(path), named.group("name") if named else "")
        what = f"{what}; {help_text}" if help_text else what
    code = "invalid"
    if named is not None:
        place = f"{place}/{named.group('name')}"
        code = "unknown_field" if "unknown" in what else "missing" if "required" in what else "duplicate_key"
    elif what.startswith(("Expected", "Invalid")):
        code = "wrong_type" if "got `" in what else "invalid"
    return FieldError(field=place, code=code, detail=what)


def from_validation(error: msgspec.ValidationError, prefix: str = "", kind: Any = None) -> Problem:
    """422 with the field."""
    wrong = field_error(error, prefix, kind)
    return Problem(422, "invalid_fields", f"{wrong.field or 'the body'}: {wrong.detail}", errors=(wrong,))


def from_refused(refused: Refused) -> Problem:
    """A rule's or the strict reader's refusal, status and code kept."""
    errors: tuple[FieldError, ...] = ()
    if refused.field:
        errors = (FieldError(field=refused.field, code=refused.code, detail=refused.detail),)
    retry_after_ms = getattr(refused, "retry_after_ms", None)
    if refused.retryable and retry_after_ms is None and refused.status in (429, 503):
        retry_after_ms = 1_000
    return Problem(
        refused.status,
        refused.code,
        refused.detail,
        errors=errors,
        retryable=refused.retryable,
        retry_after_ms=retry_after_ms,
    )


def from_canonical(error: NotCanonical) -> Problem:
    """A value outside the canonical subset that an earlier check let through: 422 with the place it names."""
    place, _, detail = str(error).partition(": ")
    wrong = FieldError(field=place, code="not_canonical", detail=detail or str(error))
    return Problem(422, "not_canonical", str(error), errors=(wrong,))


def from_exception(error: Exception) -> Problem | None:
    """The problem an expected exception means, or None for a fault of ours."""
    expected: Problem | None = None
    if isinstance(error, Problem):
        expected = error
    elif isinstance(error, Refused):
        expected = from_refused(error)
    elif isinstance(error, msgspec.ValidationError):
        expected = from_validation(error)
    elif isinstance(error, NotCanonical):
        expected = from_canonical(error)
    return expected


def unauthenticated(detail: str, code: str = "unauthenticated") -> Problem:
    """401 with the challenge that RFC 6750 asks for."""
    return Problem(401, code, detail, headers={"www-authenticate": 'Bearer realm="watchfloor"'})


def not_found(what: str) -> Problem:
    """404, the same for what does not exist and for what belongs to somebody else (fault G13)."""
    return Problem(404, "not_found", f"there is no such {what}")


def encode(problem: Problem, trace_id: str) -> bytes:
    """The body's bytes."""
    document: Any = problem.document(trace_id)
    return msgspec.json.encode(document)
