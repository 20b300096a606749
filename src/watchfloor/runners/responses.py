"""The criterion `http_response`: what an address answers, asked through the guarded way out (spec 2.4 *Verification*)."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable

from watchfloor.kernel.strict import BadInput, strict
from watchfloor.runners.outbound import BODY_BYTES_MAX, Got, Sent
from watchfloor.runners.terms import Refusal
from watchfloor.work.criteria import HTTPResponseCriterion, JSONValue

RESPONSE_MS_MAX = 30_000  # one attempt
ATTEMPTS = 3  # when nobody is there, or says to come back: what was just deployed may be starting
PAUSE_S = (1.0, 2.0)

Fetch = Callable[[Sent], Got]  # blocking


def check(
    criterion: HTTPResponseCriterion, fetch: Fetch, time_ms: int, cancelled: threading.Event
) -> tuple[bool, str]:
    """Whether the answer is as it has to be, and what it is. Raises Refusal, TimeoutError."""
    sent = Sent(url=criterion.url, total_ms=min(time_ms, RESPONSE_MS_MAX), bytes_max=BODY_BYTES_MAX)
    for pause_s in (*PAUSE_S, None):
        got = fetch(sent)
        if got.outcome == "answered":
            fault = fault_of(criterion, got)
            if not fault:
                return True, f"status {got.status}, {len(got.body)} bytes"
        else:
            fault = f"{got.outcome}: {got.detail}"
        if not got.transient or pause_s is None:
            break
        if cancelled.wait(pause_s):
            raise TimeoutError
    if got.outcome == "refused":
        raise Refusal(got.detail)
    if got.outcome == "timed_out":
        raise TimeoutError
    return False, fault


def fault_of(criterion: HTTPResponseCriterion, got: Got) -> str:
    """What is different from what the criterion wants, "" when nothing is."""
    if got.status != criterion.status:
        return f"status {got.status}"
    wanted = criterion.header
    if wanted is not None and got.headers.get(wanted.name.lower(), "").strip() != wanted.equals.strip():
        return f"header {wanted.name} is another"
    if criterion.sha256 and hashlib.sha256(got.body).hexdigest() != criterion.sha256:
        return f"the body's SHA-256 is {hashlib.sha256(got.body).hexdigest()}"
    if criterion.contains and criterion.contains.encode() not in got.body:
        return "the body does not contain the text"
    return value_fault(criterion.value, got.body) if criterion.value is not None else ""


def value_fault(wanted: JSONValue, body: bytes) -> str:
    """Why the value at the pointer is not the one wanted, "" when it is."""
    try:
        value = strict(body, bytes_max=BODY_BYTES_MAX)
    except BadInput as error:
        return f"the body is no JSON of the canonical subset: {error.code}"
    for step in wanted.pointer.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if isinstance(value, dict) and name in value:
            value = value[name]
        elif isinstance(value, list) and name.isdecimal() and len(name) < 7 and int(name) < len(value):
            value = value[int(name)]
        else:
            return f"there is nothing at {wanted.pointer[:128]}"
    # In Python 1 == True: the types have to be the same, all the way down.
    return "" if _same(value, wanted.equals) else f"the value at {wanted.pointer[:128] or '/'} is another"


def _same(left: object, right: object) -> bool:
    if type(left) is not type(right):
        return False
    if isinstance(left, dict) and isinstance(right, dict):
        return left.keys() == right.keys() and all(_same(left[key], right[key]) for key in left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(_same, left, right))
    return left == right
