"""The outermost layer: whatever happens inside, the answer is whole, guarded, counted and logged (spec 6)."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import msgspec
import pytest
import structlog

from watchfloor.http.envelope import Envelope
from watchfloor.http.ports import HTTPConfig, Services
from watchfloor.telemetry.metrics import Metrics


class Around:
    """What the envelope needs of the services."""

    def __init__(self) -> None:
        self.metrics = Metrics(process=False)
        self.config = HTTPConfig()


def ask(inner: Any, scope: dict[str, Any] | None = None) -> tuple[list[dict[str, Any]], Metrics]:
    """Send one request through the envelope; the messages and the metrics."""
    around = Around()
    sent: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        sent.append(message)

    given: dict[str, Any] = {
        "type": "http",
        "method": "GET",
        "path": "/secret-path",
        "headers": [],
        "client": None,
        "scheme": "http",
    }
    asyncio.run(Envelope(inner, cast("Services", around))({**given, **(scope or {})}, receive, send))
    return sent, around.metrics


def test_what_breaks_is_a_500_with_nothing_but_a_trace_id() -> None:
    async def breaks(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("password hunter2")

    sent, metrics = ask(breaks)
    assert sent[0]["status"] == 500
    body = msgspec.json.decode(sent[1]["body"])
    headers = dict(sent[0]["headers"])
    assert body["code"] == "internal"
    assert body["trace_id"].encode() in headers[b"traceparent"]
    assert "hunter2" not in str(body)
    assert headers[b"x-content-type-options"] == b"nosniff"
    assert metrics.read("http_requests_total", "GET", "unmatched", "500") == 1


def test_what_breaks_after_it_began_is_not_answered_twice() -> None:
    async def breaks(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        raise RuntimeError

    sent, _ = ask(breaks)
    assert [message["type"] for message in sent] == ["http.response.start"]


def test_an_answers_own_headers_win_and_missing_ones_are_added() -> None:
    async def answers(scope: Any, receive: Any, send: Any) -> None:
        scope["watchfloor.template"] = "/x/{y}"
        await send({"type": "http.response.start", "status": 200, "headers": [(b"cache-control", b"public")]})

    sent, metrics = ask(answers)
    names = [name for name, _ in sent[0]["headers"]]
    assert names.count(b"cache-control") == 1
    assert b"content-security-policy" in names
    assert metrics.read("http_requests_total", "GET", "/x/{y}", "200") == 1


def test_neither_path_nor_odd_method_becomes_a_label_or_a_log_value() -> None:
    async def answers(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 404, "headers": []})

    with structlog.testing.capture_logs() as said:
        _, metrics = ask(answers, {"method": "BREW", "path": "/sign-in/wf_lnk_secret"})
    assert metrics.read("http_requests_total", "OTHER", "unmatched", "404") == 1
    assert said[0]["event"] == "request"
    assert "wf_lnk" not in str(said)


def test_streams_do_not_count_into_latency() -> None:
    async def streams(scope: Any, receive: Any, send: Any) -> None:
        scope["watchfloor.stream"] = True
        await send({"type": "http.response.start", "status": 200, "headers": []})

    _, metrics = ask(streams)
    assert metrics.quantile("http_request_duration_seconds", 0.5) == 0


@pytest.mark.parametrize("kind", ["websocket", "lifespan"])
def test_what_is_not_http_passes_through_untouched(kind: str) -> None:
    seen: list[str] = []

    async def inner(scope: Any, receive: Any, send: Any) -> None:
        seen.append(scope["type"])

    _, metrics = ask(inner, {"type": kind})
    assert seen == [kind]
    assert metrics.totals("http_requests_total") == {}
