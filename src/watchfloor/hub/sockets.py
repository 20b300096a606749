"""The one way the hub sees agents' WebSockets (spec 2.2, DESIGN §4).

Theory of operation. uvicorn owns the port. Its HTTP protocol class is replaced by `front.Front`, which guards
against slow clients, leaves HTTP to the ASGI app, and answers every upgrade request itself: `handshake.judge` (is
this a proper WebSocket handshake, on our path, from an allowed origin?), then the hub's `Acceptor` (may this peer come
in?). Whoever is let in gets a `connection.Connection`: the state machine of one WebSocket, the same for every
implementation. Frames are cut and written by a *wire*: `picows_adapter` (default; C speed, 10 KiB an idle socket) or
`sansio_adapter` (the `websockets` library; slower, only documented interfaces). No task and no timer belongs to a
connection: one `deadlines.Wheel` a server pings, times out and reaps them all.

What holds for both wires, proved by `tests/contracts/test_sockets.py`: messages arrive whole and at most
`message_bytes_max` long; `closed` is called exactly once for each `opened`; after `close` no message arrives any more;
nothing a peer sends or fails to read makes memory grow beyond `message_bytes_max` + `outbound_bytes_max` a socket.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Literal, Protocol

import msgspec

from watchfloor.fleet.certificates import Certificate
from watchfloor.kernel.limits import FRAME_BYTES_MAX

if TYPE_CHECKING:
    import uvicorn

Implementation = Literal["picows", "websockets-sansio"]


class UpgradeRequest(msgspec.Struct, frozen=True, kw_only=True):
    """A proper WebSocket handshake that waits for the hub's verdict.

    `headers` has lower-case names; a field sent twice is joined by `, ` (RFC 9110 §5.3), but handshakes that repeat
    `authorization`, `host`, `origin` or `sec-websocket-key` are refused before this. `peer` is `address:port` of the
    TCP connection; whether to believe a forwarding header is the hub's business.
    """

    path: str
    query: bytes
    headers: Mapping[bytes, bytes]
    peer: str
    certificate: Certificate | None = None


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """The HTTP answer to a handshake that is not accepted; the connection is closed after it."""

    status: int
    headers: Mapping[str, str] = {}
    body: bytes = b""


class Socket(Protocol):
    """One open WebSocket as the hub holds it. Every method may be called at any time, from the loop's thread only."""

    @property
    def path(self) -> str: ...

    @property
    def query(self) -> bytes: ...

    @property
    def peer(self) -> str: ...

    @property
    def headers(self) -> Mapping[bytes, bytes]:
        """The handshake's header fields; empty once `Listener.opened` has returned (memory, and no key lingers)."""

    @property
    def buffered(self) -> int:
        """Bytes written to this socket that the kernel has not taken yet."""

    def send(self, data: bytes) -> None:
        """Write one text message. Never blocks. On a socket that is closing or closed it does nothing.

        When more than `outbound_bytes_max` stay unsent the peer is a slow consumer: the socket closes with 1013 and
        is dropped after `close_timeout_ms` if the peer does not read by then (spec 2.3).
        """

    def close(self, code: int, reason: str = "") -> None:
        """Start the closing handshake; no message is delivered after it. `Listener.closed` follows within
        `close_timeout_ms`. `reason` is cut to 123 bytes of UTF-8 (RFC 6455 §5.5)."""


class Listener(Protocol):
    """What the hub implements, one for each connection. An exception from it closes the socket with 1011."""

    def opened(self, socket: Socket) -> None:
        """The handshake is answered; the listener may send at once."""

    def text(self, data: bytes) -> None:
        """One whole text message, 0 to `message_bytes_max` bytes. UTF-8 is not checked here: msgspec does it while
        decoding, and the hub answers bad bytes with close 1007."""

    def closed(self, code: int, reason: str) -> None:
        """The connection is gone; exactly once after `opened`. The code is ours if we closed first, else the peer's:
        1005 = closed without a code, 1006 = vanished."""


class Acceptor(Protocol):
    """Decides who may come in."""

    def accept(self, request: UpgradeRequest) -> Listener | Refusal: ...


class SocketLimits(msgspec.Struct, frozen=True, kw_only=True):
    """Every bound of this layer, with its reason."""

    paths: tuple[str, ...] = ("/ws",)
    """Where handshakes are accepted; 404 elsewhere."""
    origins: tuple[str, ...] = ()
    """Browser origins that may connect, e.g. `https://floor.example`. Agents send none and need none (spec 9, D12)."""

    tls_proxies: tuple[str, ...] = ()
    """Hex SHA-256 of the certificates of proxies whose `Client-Cert` header is believed (spec 2.1 *mTLS*)."""

    message_bytes_max: int = FRAME_BYTES_MAX
    """One message, reassembled; beyond it 1009 (spec 2.2)."""
    fragments_max: int = 1_024
    """Frames one message may be cut into: 1 MiB in 1 KiB pieces. An endless message is 1009 (spec 9, D8)."""
    outbound_bytes_max: int = 1_048_576
    """Unsent bytes before a reader is too slow (spec 9, D5). One message may overshoot it."""
    control_frames_max: int = 1_000
    """Pings and pongs a peer may send in one ping interval; a flood is 1008."""
    ping_interval_ms: int = 20_000
    pong_timeout_ms: int = 20_000
    """Half-open sockets are gone after interval + time-out at the latest, well before 3 missed heartbeats."""
    close_timeout_ms: int = 5_000
    """How long a peer may take to answer a CLOSE before its TCP connection is cut."""

    head_bytes_max: int = 16_384
    """Request line and header fields; beyond it 431. Bearer tokens and a traceparent fit many times over."""
    head_fields_max: int = 100
    head_timeout_ms: int = 15_000
    """From the first byte, or the connection, to the last header byte (spec 9, D4)."""
    body_timeout_ms: int = 30_000
    """From there to the last body byte (spec 9, D4)."""
    stall_timeout_ms: int = 30_000
    """How long an HTTP client may leave a full response buffer unread."""
    keep_alive_s: int = 5
    """Idle time between two HTTP requests."""
    http_per_address_max: int = 0
    """Open HTTP connections (upgraded ones do not count) from one address; 0 = no bound. Behind a proxy every client
    has the same address, so the deployment decides."""
    backlog: int = 4_096
    """Connections the kernel holds while the loop is busy; a storm of 10,000 must not be refused (spec 9, D6)."""


class Wire(Protocol):
    """Cuts a byte stream into frames and back; implemented by the adapters, used by `Connection` alone."""

    def transmit(self, opcode: int, payload: bytes) -> None: ...

    def transmit_close(self, code: int, reason: bytes) -> None: ...

    def unsent(self) -> int: ...

    def finish(self) -> None:
        """Send what is buffered, then close the TCP connection."""

    def drain(self) -> None:
        """Half-close, and throw away what the peer still sends: closing on unread bytes would make the kernel send
        RST, and the peer would never see our CLOSE."""

    def abort(self) -> None: ...


def uvicorn_config(
    app: Callable[..., Any],
    acceptor: Acceptor,
    host: str,
    port: int,
    *,
    limits: SocketLimits | None = None,
    implementation: Implementation = "picows",
    **uvicorn_options: Any,
) -> uvicorn.Config:
    """Settings for a `uvicorn.Server` that serves `app` over HTTP and `acceptor` over WebSocket on one port.

    `uvicorn_options` are passed on (`ssl_certfile`, `fd`, `timeout_graceful_shutdown`, …) and win over the defaults
    below. When the server shuts down every socket is closed with 1012.
    """
    import uvicorn  # here, because the vocabulary above is imported by tests and tools that never serve

    from watchfloor.hub.front import front_class

    bounds = limits if limits is not None else SocketLimits()
    if implementation == "picows":
        from watchfloor.hub.picows_adapter import seat
    else:
        from watchfloor.hub.sansio_adapter import seat
    front = front_class(acceptor, bounds, seat)
    options: dict[str, Any] = {
        "http": front,
        "ws": front,  # never instantiated for it: Front answers upgrades itself, uvicorn only asks whether one is set
        "loop": "auto",  # uvloop wherever it exists
        "lifespan": "auto",
        "access_log": False,
        "log_config": None,
        "server_header": False,
        "proxy_headers": False,  # forwarding headers are believed by nobody below the hub (spec 9, D10)
        "backlog": bounds.backlog,
        "timeout_keep_alive": bounds.keep_alive_s,
    }
    return uvicorn.Config(app, host, port, **{**options, **uvicorn_options})
