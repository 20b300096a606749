"""The door of the port: uvicorn's HTTP protocol with deadlines and bounds, and the answer to WebSocket handshakes.

uvicorn and httptools bound neither the size of a head nor the time a client takes for it, so a silent, dripping or
endless client could hold connections and memory for ever (spec 9, D4 and D9). Here every phase of a request has a
deadline on the server's wheel, and a head that grows too big is refused with 431. The body's size is the app's concern.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import ClassVar, TypeAlias

import httptools
import msgspec
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from watchfloor.engine.certificates import shown
from watchfloor.hub.connection import Connection
from watchfloor.hub.deadlines import Wheel
from watchfloor.hub.handshake import judge, refusal, response
from watchfloor.hub.sockets import Acceptor, Refusal, SocketLimits

log = logging.getLogger("watchfloor.hub.front")

Seat: TypeAlias = Callable[[asyncio.Transport, Connection, bytes, SocketLimits], None]

IDLE, HEAD, BODY = 0, 1, 2  # no request begun; its head, its body is arriving


@dataclass(slots=True, frozen=True)
class House:
    """What the connections of one server share."""

    acceptor: Acceptor
    limits: SocketLimits
    seat: Seat
    proxies: frozenset[str] = frozenset()
    wheel: Wheel = field(default_factory=Wheel)
    by_address: Counter[str] = field(default_factory=Counter)


def front_class(acceptor: Acceptor, limits: SocketLimits, seat: Seat) -> type[Front]:
    """The protocol class for one server; uvicorn makes an instance of it for each connection."""
    return type(
        "HouseFront", (Front,), {"house": House(acceptor, limits, seat, frozenset(limits.tls_proxies))}
    )


class Front(HttpToolsProtocol):
    """One TCP connection until it is closed or becomes a WebSocket."""

    house: ClassVar[House]

    due = 0
    address: str | None = None
    phase = IDLE
    head_bytes = 0
    problem: Refusal | None = None
    shown: bytes | None = None

    # As asyncio's protocol --------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        tls = transport.get_extra_info("ssl_object")
        self.shown = tls.getpeercert(binary_form=True) if tls is not None else None
        if self.client is not None:
            self.address = self.client[0]
            self.house.by_address[self.address] += 1
            if 0 < self.house.limits.http_per_address_max < self.house.by_address[self.address]:
                self.refuse(refusal(503, "too many connections from this address", {"retry-after": "1"}))
                return
        self.house.wheel.set(self, self.house.limits.head_timeout_ms)

    def connection_lost(self, exc: Exception | None) -> None:
        self.leave()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self.transport.is_closing():
            return
        self._unset_keepalive_if_required()
        if (
            not self.due and not self.answering
        ):  # bytes before a request, e.g. empty lines, disarm no deadline
            self.house.wheel.set(self, self.house.limits.head_timeout_ms)
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            if not self._should_upgrade():
                return  # some other protocol was offered; the request itself is served
            if upgrade.args[0] < len(data):
                self.refuse(refusal(400, "data before the handshake was answered"))
            else:
                self.handle_websocket_upgrade()
        except httptools.HttpParserError:
            self.refuse(self.problem or refusal(400, "not an HTTP request"))
        else:
            if self.phase == HEAD:
                self.head_bytes += len(data)
                if self.head_bytes > self.house.limits.head_bytes_max:
                    self.refuse(refusal(431, "the head of the request is too big"))

    def pause_writing(self) -> None:
        super().pause_writing()
        self.house.wheel.set(self, self.house.limits.stall_timeout_ms)

    def resume_writing(self) -> None:
        super().resume_writing()
        if self.phase == IDLE:
            self.house.wheel.drop(self)
        else:
            self.house.wheel.set(self, self.house.limits.body_timeout_ms)

    # As the parser's listener -----------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self.phase = HEAD
        self.head_bytes = 0
        self.house.wheel.set(self, self.house.limits.head_timeout_ms)

    def on_headers_complete(self) -> None:
        version = self.parser.get_http_version()
        hosts = sum(name == b"host" for name, _ in self.headers)
        if version not in ("1.0", "1.1") or (version == "1.1" and hosts != 1):  # RFC 9112 §3.2
            raise ValueError("httptools turns this into an HttpParserError")
        size = len(self.url) + sum(len(name) + len(value) + 4 for name, value in self.headers)
        if size > self.house.limits.head_bytes_max or len(self.headers) > self.house.limits.head_fields_max:
            self.problem = refusal(431, "the head of the request is too big")
            raise ValueError("this too")
        self.phase = BODY
        if self.shown:
            certificate = shown(self.shown, self.headers, self.house.proxies)
            self.scope["extensions"] = {"tls": {"client": certificate}}
        self.house.wheel.set(self, self.house.limits.body_timeout_ms)
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        self.phase = IDLE
        self.house.wheel.drop(self)
        super().on_message_complete()

    # Deadlines --------------------------------------------------------------------------------------------------

    @property
    def answering(self) -> bool:
        """Whether the app is at work on a request of this connection."""
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is not None and not cycle.response_complete

    def expired(self) -> None:
        """A deadline passed."""
        if self.flow.read_paused and not self.flow.write_paused:
            self.house.wheel.set(
                self, self.house.limits.body_timeout_ms
            )  # it is the app that is slow, not the client
        elif self.phase == HEAD and not self.answering:
            self.refuse(refusal(408, "the request did not arrive in time"))
        else:
            self.transport.abort()

    # WebSocket --------------------------------------------------------------------------------------------------

    def handle_websocket_upgrade(self) -> None:
        """Judge the handshake, ask the hub, and hand the TCP connection over, or refuse."""
        address = self.client or ("", 0)
        verdict = judge(
            self.scope["method"],
            self.scope["http_version"],
            self.url,
            self.headers,
            f"{address[0]}:{address[1]}",
            self.house.limits,
        )
        if isinstance(verdict, Refusal):
            self.refuse(verdict)
            return
        if self.shown:
            certificate = shown(self.shown, self.headers, self.house.proxies)
            verdict = msgspec.structs.replace(verdict, certificate=certificate)
        try:
            answer = self.house.acceptor.accept(verdict)
        except Exception:
            log.exception("the acceptor failed, peer %s", verdict.peer)
            self.refuse(refusal(500, "internal error"))
            return
        if isinstance(answer, Refusal):
            self.refuse(answer)
            return
        self.leave()
        self.connections.discard(self)
        connection = Connection(verdict, answer, self.house.limits, self.house.wheel, self.connections)
        key = verdict.headers[b"sec-websocket-key"]
        transport = self.transport
        self.parser = self.transport = self.flow = self.scope = self.headers = None  # type: ignore[assignment]  # cycles
        self.house.seat(transport, connection, key, self.house.limits)

    # Inside -----------------------------------------------------------------------------------------------------

    def refuse(self, answer: Refusal) -> None:
        """Say no and hang up."""
        self.leave()
        if not self.answering:  # else our words would end up in the middle of a response
            try:
                message = response(answer, self.server_state.default_headers)
            except ValueError:
                log.exception("a refusal could not be written")
                message = response(refusal(500, "internal error"))
            self.transport.write(message)
        self.transport.close()
        self.house.wheel.set(
            self, self.house.limits.stall_timeout_ms
        )  # a peer that does not read our answer is cut off

    def leave(self) -> None:
        """No longer one of the HTTP connections of its address."""
        self.house.wheel.drop(self)
        self.phase = IDLE
        if self.address is not None:
            self.house.by_address[self.address] -= 1
            if not self.house.by_address[self.address]:
                del self.house.by_address[self.address]
            self.address = None


__all__ = ["Front", "front_class"]
