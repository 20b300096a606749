"""The one door: every request is checked here, in this order, before a route sees it (spec 6 *Security*).

    no credential in the query · rate of the address · who asks · what the table allows them · same origin ·
    rate of the caller · parameters and body · freshness (`min_seq`) · idempotency key · the route

A refusal at any step is a problem document (for a page: a page). What nobody expected is a 500 with nothing but a
trace id, and a line in the log.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from hashlib import sha256
from typing import Any

import msgspec
import structlog
from litestar import Request

from watchfloor.engine.requests import IdempotencyKey
from watchfloor.engine.views import ViewBehind
from watchfloor.fleet.certificates import Certificate
from watchfloor.http import identity, lists, problems, reading, safeguards
from watchfloor.http.addresses import Addresses, bucket
from watchfloor.http.asking import Call
from watchfloor.http.correlation import Trace
from watchfloor.http.floods import turned_away
from watchfloor.http.identity import ANONYMOUS, Principal
from watchfloor.http.operations import Operation
from watchfloor.http.pacing import Pacing
from watchfloor.http.ports import Services
from watchfloor.http.problems import Problem
from watchfloor.http.replies import Reply

Route = Callable[[Call], Awaitable[Reply]]
_IDEMPOTENCY_KEY = re.compile(r"^[\x21-\x7e]{1,200}\Z")
_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("watchfloor.http")


class Declared(msgspec.Struct, frozen=True, kw_only=True):
    """An operation with the types its line names and the function that answers it."""

    operation: Operation
    route: Route
    params: type[Any] | None
    body: type[Any] | None


class Arrival(msgspec.Struct, frozen=True, kw_only=True):
    """What the request's head says."""

    headers: Mapping[str, str]
    query: str
    path: Mapping[str, Any]
    peer: str
    tls: bool
    certificate: Certificate | None = None
    trace: Trace
    read: Callable[[], AsyncIterator[bytes]]


class Door:
    """Checks requests and calls routes. One per server."""

    def __init__(self, services: Services) -> None:
        self.services = services
        self.addresses = Addresses(services.config.trusted_proxies)
        self.pacing = Pacing(services.config.rates, services.monotonic)
        self._under_way: set[tuple[int, str, str]] = set()

    def arrival(self, request: Request[Any, Any, Any], trace: Trace) -> Arrival:
        """The head of a request, with the client's address as far as it can be believed."""
        scope = request.scope
        peer = scope["client"][0] if scope["client"] else ""
        raw = scope["headers"]
        return Arrival(
            headers={name.decode("latin-1"): value.decode("latin-1") for name, value in raw},
            query=scope["query_string"].decode("latin-1"),
            path=request.path_params,
            peer=self.addresses.client(peer, raw),
            tls=self.addresses.over_tls(peer, scope["scheme"], raw),
            certificate=_certificate(scope),
            trace=trace,
            read=request.stream,
        )

    async def admit(self, declared: Declared, arrival: Arrival) -> tuple[Call, Reply]:
        """Check the request and let the route answer it. Raises what `problems.from_exception` understands."""
        operation = declared.operation
        pairs = reading.query_pairs(arrival.query)
        identity.refuse_secret_in_query(arrival.query, [name for name, _ in pairs])
        principal = self._who(operation, arrival)
        call = Call(
            self.services,
            operation,
            principal,
            arrival.trace,
            arrival.headers,
            arrival.path,
            self.pacing,
            tls=arrival.tls,
        )
        with structlog.contextvars.bound_contextvars(**_bound(principal)):
            self._allowed(operation, principal)
            self._own_pages(operation, principal, arrival)
            try:
                self._paced(operation, principal, arrival.peer)
            except Problem:
                if call.of_agent and operation.mutates:
                    turned_away(
                        call
                    )  # writes refused for their rate count for the runaway detector (spec 3.3)
                raise
            if declared.params is not None:
                call.params = reading.read_params(pairs, declared.params)
            elif operation.any_query:
                call.params = dict(pairs)
            elif pairs:
                raise reading.wrong_parameter(pairs[0][0], "unknown_parameter", "there is no such parameter")
            raw = await self._body(declared, arrival, call)
            await self._fresh(call)
            return call, await self._answered(declared, call, arrival.query.encode("latin-1") + b"\n" + raw)

    # Who -----------------------------------------------------------------------------------------------------------

    def _who(self, operation: Operation, arrival: Arrival) -> Principal:
        """The principal; anonymous when nothing was presented. Failures are counted by address (fault S4)."""
        try:
            key = identity.bearer(arrival.headers.get("authorization", ""))
            if key:
                return identity.identify(
                    self.services.engine,
                    key,
                    self.services.clock(),
                    cookie=False,
                    certificate=arrival.certificate,
                )
            session = safeguards.read_session(arrival.headers.get("cookie", ""), tls=arrival.tls)
            if not session:
                return ANONYMOUS
            try:
                return identity.identify(self.services.engine, session, self.services.clock(), cookie=True)
            except Problem:
                if operation.who == "anyone":
                    return ANONYMOUS  # an old cookie must not keep anybody from signing in again
                raise
        except Problem:
            self.services.metrics.count("authentication_failures_total", "http")
            wait_ms = self.pacing.take("failed", bucket(arrival.peer))
            if wait_ms:
                raise self._limited("failed", wait_ms) from None
            raise

    def _allowed(self, operation: Operation, principal: Principal) -> None:
        """What the table says. Raises Problem 401 or 403."""
        if operation.who == "anyone":
            return
        if principal.kind == "anonymous":
            raise problems.unauthenticated("this needs a credential")
        if principal.kind == "agent":
            if not operation.agents:
                raise Problem(403, "role_missing", "agents may not do this")
        elif principal.kind == "enrolment":
            if not operation.enrolments:
                raise Problem(403, "role_missing", "with an enrolment token one may only register")
            return
        elif not operation.role:
            raise Problem(403, "role_missing", "only agents do this")
        elif not principal.may(operation.role) and not (operation.auditors and principal.may("auditor")):
            needed = f"auditor or {operation.role}" if operation.auditors else operation.role
            raise Problem(403, "role_missing", f"this needs the role {needed}")
        if not principal.scoped(operation.scope):
            raise Problem(403, "scope_missing", f"this token does not reach {operation.scope}")

    def _own_pages(self, operation: Operation, principal: Principal, arrival: Arrival) -> None:
        """Changes that a browser sends must begin on our own pages (fault I3)."""
        if not operation.mutates or not (principal.cookie or operation.who == "anyone"):
            return
        host = arrival.headers.get("host", "")
        own = safeguards.own_origin(self.services.config.public_url, host, tls=arrival.tls)
        safeguards.refuse_foreign(
            arrival.headers, own, required=principal.cookie and operation.effect != "form"
        )
        if principal.cookie and operation.effect != "form" and operation.who != "anyone":
            given = arrival.headers.get(safeguards.CSRF_HEADER.lower(), "")
            safeguards.check_header_token(principal.secret, given)

    # How often -----------------------------------------------------------------------------------------------------

    def _paced(self, operation: Operation, principal: Principal, peer: str) -> None:
        """Spend a token of the caller's bucket (spec 3.3). Raises Problem 429."""
        rate_class = operation.rate_class
        if rate_class == "exempt":
            return
        if rate_class in ("public", "sign_in"):
            caller = bucket(peer)
        else:
            caller = principal.credential
            if rate_class != "authenticated":
                self._spend("authenticated", caller)
        self._spend(rate_class, caller)

    def _spend(self, rate_class: str, caller: str) -> None:
        wait_ms = self.pacing.take(rate_class, caller)
        if wait_ms:
            raise self._limited(rate_class, wait_ms)

    def _limited(self, rate_class: str, wait_ms: int) -> Problem:
        self.services.metrics.count("rate_limited_total", rate_class)
        return Problem(
            429,
            "rate_limited",
            f"too many requests of class {rate_class}",
            retryable=True,
            retry_after_ms=wait_ms,
            rate_class=rate_class,
        )

    # What ----------------------------------------------------------------------------------------------------------

    async def _body(self, declared: Declared, arrival: Arrival, call: Call) -> bytes:
        """Read the body within its bounds of size and time, and make of it what the operation takes."""
        operation = declared.operation
        config = self.services.config
        limit = reading.FORM_BYTES_MAX if operation.effect == "form" else config.body_bytes_max
        raw = await _read(arrival, limit, config.body_timeout_s)
        content_type = arrival.headers.get("content-type", "")
        if operation.effect == "form":
            call.form = reading.read_form(raw, content_type) if raw or content_type else {}
            token = call.form.pop("form_token", "")
            # What anyone may send speaks for itself; a session that happens to be in the browser has no part in it.
            if call.principal.cookie and operation.who != "anyone":
                safeguards.check_form_token(call.principal.secret, token)
        elif declared.body is not None:
            call.body = reading.read_body(raw, content_type, declared.body, config.body_bytes_max)
        elif raw:
            raise Problem(400, "body_not_expected", "this takes no body")
        return raw

    async def _fresh(self, call: Call) -> None:
        """Wait until the views show what the caller has seen elsewhere. Raises Problem 503 `view_behind`."""
        wanted = getattr(call.params, "min_seq", 0)
        if not wanted:
            return
        try:
            await self.services.views.wait(call.org, wanted)
        except ViewBehind as behind:
            raise lists.view_behind(behind.visible) from None

    async def _answered(self, declared: Declared, call: Call, asked: bytes) -> Reply:
        """Call the route, with the idempotency key held while it is under way (fault C3)."""
        given = call.headers.get("idempotency-key", "") or getattr(call.body, "idempotency_key", "")
        if not given or not declared.operation.keyed:
            return await declared.route(call)
        if not _IDEMPOTENCY_KEY.match(given):
            raise Problem(400, "invalid_idempotency_key", "1 to 200 visible ASCII characters")
        path = "/".join(str(part) for part in call.path.values())
        digest = sha256(f"{declared.operation.key}\n{path}\n".encode() + asked).digest()
        call.key = IdempotencyKey(credential=call.principal.credential, key=given, body_digest=digest)
        place = (call.org, call.principal.credential, given)
        if place in self._under_way:
            raise Problem(
                409,
                "in_flight",
                "the first request with this key is still under way",
                retryable=True,
                retry_after_ms=1_000,
            )
        self._under_way.add(place)
        try:
            return await declared.route(call)
        finally:
            self._under_way.discard(place)


def _certificate(scope: Any) -> Certificate | None:
    """The client certificate that TLS showed (hub/front.py puts it there)."""
    found: Certificate | None = ((scope.get("extensions") or {}).get("tls") or {}).get("client")
    return found


def _bound(principal: Principal) -> dict[str, str]:
    """What every log line of this request carries about the caller."""
    if principal.kind == "anonymous":
        return {}
    return {"organisation": principal.organisation, principal.kind: principal.id}


async def _read(arrival: Arrival, limit: int, timeout_s: float) -> bytes:
    """The whole body. Raises Problem 413 as soon as it is too large, 408 when it does not come."""
    declared = arrival.headers.get("content-length", "0")
    if declared == "0" and "transfer-encoding" not in arrival.headers:
        return b""
    if declared.isdigit() and int(declared[:20]) > limit:
        raise Problem(413, "too_large", f"at most {limit} bytes", headers={"connection": "close"})
    parts: list[bytes] = []
    size = 0
    try:
        async with asyncio.timeout(timeout_s):
            async for part in arrival.read():
                size += len(part)
                if size > limit:
                    raise Problem(413, "too_large", f"at most {limit} bytes", headers={"connection": "close"})
                parts.append(part)
    except TimeoutError:
        raise Problem(
            408, "too_slow", "the body did not arrive in time", headers={"connection": "close"}
        ) from None
    return b"".join(parts)
