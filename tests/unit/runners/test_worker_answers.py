"""What an exchange with an HTTP worker means: every status, every fault, in one table (spec 2.4)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.runners.outbound import Got
from watchfloor.runners.worker_answers import _FAILURES, SAID_CHARS_MAX, Answer, read, retry_after_ms
from watchfloor.work.messages import CALL_FAILURES, CALL_OUTCOMES

NOW_S = 1_763_700_000.0


def got(status: int = 200, body: bytes = b"", **headers: str) -> Got:
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    return Got(outcome="answered", url="https://w.example.org/", status=status, headers=named, body=body)


def answer(body: Any) -> Answer:
    return read(got(200, json.dumps(body).encode()), NOW_S)


def test_a_result_is_done_work() -> None:
    told = answer(
        {"result": {"b": 1, "a": [2]}, "report": "did it", "tokens": 3, "cost_micro": 4, "more": None}
    )
    assert (told.outcome, told.tokens, told.cost_micro) == ("completed", 3, 4)
    assert told.private == b'{"report":"did it","result":{"a":[2],"b":1}}'
    assert answer({"result": None}).outcome == "completed"
    assert answer({"status": "completed"}).private == b'{"report":null,"result":null}'


def test_a_worker_says_in_its_own_words_that_it_did_not() -> None:
    failed = answer({"status": "failed", "reason": "no disk", "retryable": False})
    assert (failed.outcome, failed.retryable, failed.private) == ("failed", False, b'{"reason":"no disk"}')
    assert answer({"status": "failed"}).retryable
    assert answer({"status": "rejected", "result": 1}).outcome == "rejected"


@pytest.mark.parametrize(
    ("body", "why"),
    [
        (b"", "malformed_json"),
        (b"[]", "wrong_type"),
        (b'{"result": 0.5}', "not_an_integer at /result"),
        (b'{"status": "perhaps"}', "perhaps"),
        (b'{"result": 1, "tokens": -1}', "$.tokens"),
        (b'{"result": 1, "reason": 5}', "$.reason"),
        (b'{"error": "x"}', "neither a status nor a result"),
        (b'{"status": null}', "neither a status nor a result"),
    ],
)
def test_an_answer_that_is_none_says_what_is_wrong_with_it(body: bytes, why: str) -> None:
    told = read(got(200, body), NOW_S)
    assert (told.outcome, told.reason, told.again) == ("unanswered", "worker_answer_invalid", False)
    assert why in told.detail


def test_later_is_said_by_status_or_by_word() -> None:
    assert read(got(202, b"<whatever>"), NOW_S) == Answer(outcome="accepted")
    assert answer({"status": "accepted", "result": 1}) == Answer(outcome="accepted")


@pytest.mark.parametrize(
    ("status", "reason", "again"),
    [
        (429, "worker_busy", True),
        (500, "worker_error", True),
        (503, "worker_error", True),
        (599, "worker_error", True),
        (400, "worker_refused", False),
        (401, "worker_refused", False),
        (408, "worker_refused", False),
        (499, "worker_refused", False),
        (300, "worker_redirected", False),
        (307, "worker_redirected", False),
        (201, "worker_answer_invalid", False),
        (204, "worker_answer_invalid", False),
    ],
)
def test_every_other_status_has_its_reason(status: int, reason: str, again: bool) -> None:
    told = read(got(status, b"because"), NOW_S)
    assert (told.outcome, told.reason, told.again) == ("unanswered", reason, again)
    assert told.detail == f"status {status}: because"


@pytest.mark.parametrize("outcome", sorted(_FAILURES))
def test_every_exchange_without_an_answer_has_its_reason(outcome: Any) -> None:
    told = read(Got(outcome=outcome, url="", detail="why"), NOW_S)
    assert told.reason in CALL_FAILURES
    assert told.detail == "why"
    assert told.again == (outcome in ("unresolvable", "unreachable", "timed_out"))


def test_every_reason_of_the_rules_can_happen() -> None:
    ours = {read(got(status), NOW_S).reason for status in (201, 302, 404, 429, 500)}
    assert ours | set(_FAILURES.values()) == set(CALL_FAILURES)


def test_what_is_told_of_a_fault_is_short_plain_and_without_secrets() -> None:
    told = read(got(500, b"\x1b[31mboom\x1b[0m password=hunter2 " + b"x" * 5_000), NOW_S)
    assert told.detail.startswith("status 500: boom password=[redacted]")
    assert len(told.detail) < SAID_CHARS_MAX + 20


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("0", 0),
        ("3", 3_000),
        (" 7 ", 7_000),
        ("Fri, 21 Nov 2025 04:40:30 GMT", 30_000),
        ("Fri, 21 Nov 2025 04:40:30", 30_000),
        ("Fri, 21 Nov 2025 04:39:30 GMT", 0),
        ("", -1),
        ("-1", -1),
        ("1.5", -1),
        ("soon", -1),
        ("٣", -1),
        ("9999999999", -1),
        ("Fri, 99 Nov 2025 04:40:30 GMT", -1),
    ],
)
def test_retry_after_is_seconds_or_a_date_or_nothing(text: str, ms: int) -> None:
    assert retry_after_ms(text, NOW_S) == ms
    assert read(got(429, retry_after=text), NOW_S).after_ms == ms


@given(st.integers(200, 599), st.binary(max_size=200), st.text(max_size=40))
def test_nothing_that_comes_is_too_much(status: int, body: bytes, text: str) -> None:
    told = read(got(status, body, retry_after=text), NOW_S)
    assert told.outcome in CALL_OUTCOMES
    assert (told.outcome == "unanswered") == (told.reason in CALL_FAILURES)
    assert retry_after_ms(text, NOW_S) >= -1
