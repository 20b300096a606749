"""Around every answer: trace ids, safeguards, metrics, one log line (spec 6). Plain ASGI, outside of everything else.

Being outermost, it sees also what no route sees: unknown paths, wrong methods, and answers that break.
"""

from __future__ import annotations

import time
from collections.abc import Callable, MutableMapping
from typing import Any

import structlog

from watchfloor.http import problems, safeguards
from watchfloor.http.addresses import Addresses
from watchfloor.http.correlation import begin
from watchfloor.http.ports import Services

ASGI = Callable[[Any, Any, Any], Any]
UNMATCHED = "unmatched"  # the label of paths that are no route: a scanner must not make new series
_METHODS = frozenset(("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"))
_QUIET = frozenset(("/health", "/healthz", "/ready", "/readyz", "/live", "/livez", "/api/health", "/metrics"))
_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("watchfloor.http.access")


class Envelope:
    """Wraps the application. WebSocket scopes pass through untouched: they are the hub's."""

    def __init__(self, inner: ASGI, services: Services) -> None:
        self._inner = inner
        self._metrics = services.metrics
        self._addresses = Addresses(services.config.trusted_proxies)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        await self._answer(scope, receive, send)

    async def _answer(self, scope: MutableMapping[str, Any], receive: Any, send: Any) -> None:
        begun = time.perf_counter()
        names = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        trace = begin(names)
        peer = scope["client"][0] if scope["client"] else ""
        tls = self._addresses.over_tls(peer, scope["scheme"], scope["headers"])
        seen = {"status": 0}

        async def guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                seen["status"] = message["status"]
                headers = [*message.get("headers", ()), *_own(trace.request_id, trace.traceparent)]
                message["headers"] = safeguards.complete(headers, tls=tls)
            await send(message)

        scope["watchfloor.trace"] = trace
        with structlog.contextvars.bound_contextvars(correlation=trace.trace_id):
            try:
                await self._inner(scope, receive, guarded)
            except Exception:  # noqa: BLE001 - the last resort; it is logged and becomes a 500
                _log.exception("request failed")
                if not seen["status"]:
                    await _broken(guarded, trace.trace_id)
            finally:
                self._record(scope, seen["status"], time.perf_counter() - begun)

    def _record(self, scope: MutableMapping[str, Any], status: int, elapsed_s: float) -> None:
        template = scope.get("watchfloor.template", UNMATCHED)
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        self._metrics.count("http_requests_total", method, template, str(status))
        if not scope.get("watchfloor.stream"):
            self._metrics.observe("http_request_duration_seconds", elapsed_s, method, template)
        say = _log.debug if template in _QUIET else _log.info
        # The template, never the path itself: paths may hold sign-in links, queries may hold anything (fault S3).
        say("request", method=method, path=template, status=status, duration_ms=round(elapsed_s * 1_000, 2))


def _own(request_id: str, traceparent: str) -> list[tuple[bytes, bytes]]:
    return [(b"x-request-id", request_id.encode()), (b"traceparent", traceparent.encode())]


async def _broken(send: Any, trace_id: str) -> None:
    """The last resort: 500 with a trace id."""
    body = problems.encode(internal(), trace_id)
    headers = [
        (b"content-type", problems.CONTENT_TYPE.encode()),
        (b"content-length", str(len(body)).encode()),
    ]
    await send({"type": "http.response.start", "status": 500, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def internal() -> problems.Problem:
    """500: what went wrong is in the log, under the trace id."""
    return problems.Problem(
        500, "internal", "something went wrong here; the log has it under this trace id", retryable=True
    )
