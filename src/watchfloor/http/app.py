"""The application: routes from the one table, inside the door, inside the envelope (DESIGN §3, §4)."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog
from litestar import Litestar, Request
from litestar.config.cors import CORSConfig
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.response import Response
from litestar.response.base import ASGIResponse
from litestar.response.streaming import ASGIStreamingResponse

from watchfloor.http import declared, gauges, openapi, problems, replies
from watchfloor.http.chat_stream import ChatStreams
from watchfloor.http.correlation import Trace
from watchfloor.http.desk import Desk
from watchfloor.http.door import Declared, Door
from watchfloor.http.entering import Entrance
from watchfloor.http.envelope import ASGI, Envelope, internal
from watchfloor.http.operations import OPERATIONS
from watchfloor.http.pages import layout
from watchfloor.http.pages.built import Build
from watchfloor.http.passwords import Hashing
from watchfloor.http.ports import Services
from watchfloor.http.problems import Problem
from watchfloor.http.providers import Providers
from watchfloor.http.replies import Reply
from watchfloor.http.second_factor import KEY_FILE, Seals
from watchfloor.http.stream import Streams
from watchfloor.kernel.limits import QUERIES_AT_ONCE

_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("watchfloor.http")
_PARAMETER = re.compile(r"\{([a-z]+)\}")
_REST = "{rest}"  # the one parameter that takes in slashes: every address within the application


def build(services: Services) -> ASGI:
    """The ASGI application of a server. `services` must be running; nothing is started here but the event streams."""
    door = Door(services)
    streams = Streams(services)
    services.streams = streams
    services.chats = ChatStreams(services)
    services.desk = Desk(services.folder / "desk.db" if services.folder else None)
    services.entrance = Entrance(
        hashing=Hashing(services.config.password_memory_kib),
        seals=Seals(services.folder / KEY_FILE if services.folder else None),
    )
    services.providers = Providers(services.config.oidc, services.ask_provider, services.clock)
    services.queries = asyncio.Semaphore(QUERIES_AT_ONCE)
    services.built = Build(Path(services.config.floor)) if services.config.floor else Build()
    services.metrics.samplers.append(gauges.sampler(services))
    services.document = openapi.document(declared.every(), services.config.version)
    cors = None
    if services.config.cors_origins:
        cors = CORSConfig(
            allow_origins=list(services.config.cors_origins),
            allow_methods=["GET", "POST", "PUT"],
            allow_headers=["authorization", "content-type", "idempotency-key", "if-match", "traceparent"],
            expose_headers=["etag", "retry-after", "x-request-id"],
        )
    inner = Litestar(
        route_handlers=[handler(door, entry) for entry in declared.every()],
        openapi_config=None,
        logging_config=None,
        cors_config=cors,
        debug=False,
        request_max_body_size=None,  # the door bounds bodies itself, by operation
        exception_handlers={HTTPException: unmatched, Exception: unexpected},
    )
    return Envelope(inner, services)


def handler(door: Door, entry: Declared) -> HTTPRouteHandler:
    """Litestar's handler of one line of the table."""
    operation = entry.operation

    async def answer(request: Request[Any, Any, Any]) -> ASGIResponse:
        scope: Any = request.scope
        scope["watchfloor.template"] = operation.path
        scope["watchfloor.stream"] = operation.streams
        trace: Trace = scope["watchfloor.trace"]
        arrival = door.arrival(request, trace)
        try:
            _, reply = await door.admit(entry, arrival)
        except Exception as error:  # noqa: BLE001 - expected ones become problems, all others one 500
            reply = refusal(door.services, entry, arrival.path, error, trace)
        return finished(reply, operation.status)

    path = _PARAMETER.sub(r"{\1:str}", operation.path.replace(_REST, "{rest:path}"))
    method: Any = operation.method
    made: HTTPRouteHandler = HTTPRouteHandler(path=path, http_method=method, include_in_schema=False)(answer)
    return made


def finished(reply: Reply, status: int) -> ASGIResponse:
    """The answer's bytes, or its stream."""
    if reply.stream is not None:
        return ASGIStreamingResponse(
            iterator=reply.stream,
            status_code=reply.status or status,
            headers=reply.headers,
            media_type=reply.media_type,
        )
    return replies.response(reply, status, {})


def refusal(services: Services, entry: Declared, path: Any, error: Exception, trace: Trace) -> Reply:
    """What a refusal looks like here: a problem document, or a page that says the same."""
    problem = problems.from_exception(error)
    if problem is None:
        _log.error("unexpected", operation=entry.operation.id, exc_info=error)
        problem = internal()
    if problem.status in (400, 413, 415, 422):
        services.metrics.count("validation_failures_total", "http", problem.code)
    if entry.operation.page:
        return layout.refused(problem, trace.trace_id, entry.operation, path)
    return as_document(problem, trace.trace_id)


def as_document(problem: Problem, trace_id: str) -> Reply:
    """RFC 9457."""
    return Reply(
        status=problem.status,
        content=problems.encode(problem, trace_id),
        media_type=problems.CONTENT_TYPE,
        headers=problem.all_headers(),
    )


def unmatched(request: Request[Any, Any, Any], error: HTTPException) -> Response[bytes]:
    """No such path (404), or no such method on it (405 with what there is)."""
    scope: Any = request.scope
    trace: Trace = scope["watchfloor.trace"]
    status = error.status_code
    if status == 405:
        allowed = methods_of(scope["path"])
        problem = Problem(
            405, "method_not_allowed", "this path knows other methods", headers={"allow": ", ".join(allowed)}
        )
    elif status == 404:
        problem = Problem(
            404, "not_found", "there is nothing at this path; /openapi.json lists what there is"
        )
    else:
        problem = Problem(status if 400 <= status < 500 else 400, "bad_request", "the request cannot be read")
    return _outside(problem, trace)


def unexpected(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """A fault of ours outside of every route."""
    scope: Any = request.scope
    trace: Trace = scope["watchfloor.trace"]
    _log.error("unexpected", exc_info=error)
    return _outside(internal(), trace)


def _outside(problem: Problem, trace: Trace) -> Response[bytes]:
    """A problem document where no line of the table was met."""
    reply = as_document(problem, trace.trace_id)
    return Response(
        content=reply.content or b"",
        status_code=reply.status,
        headers=reply.headers,
        media_type=reply.media_type,
    )


_TEMPLATES: Sequence[tuple[re.Pattern[str], str]] = [
    (re.compile("^" + _PARAMETER.sub("[^/]+", operation.path.replace(_REST, ".+")) + "$"), operation.method)
    for operation in OPERATIONS
]


def methods_of(path: str) -> list[str]:
    """The methods a path knows."""
    path = path.rstrip("/") or "/"
    return sorted({method for pattern, method in _TEMPLATES if pattern.match(path)} | {"OPTIONS"})
