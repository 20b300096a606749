"""Frames by picows: its parser and writer run in C, so this is the default wire (research: limits §1).

picows is built to own the port. Here it gets a TCP connection whose handshake is already judged, so it is given a
handshake of our own making and writes the 101 itself. Four things it does not do are done in this file:

- it tells nobody but its log when the byte stream breaks → `_Underlay` poses as that log, and as the transport, so that
  the closing stays with us;
- it writes messages above 8 KiB as [pointer to its own buffer, payload] and trusts the transport to copy at once, which
  uvloop does not: a later message would overwrite the header of one still queued → joined in `_Underlay.writelines`;
- its read buffer doubles with a big message and never shrinks → a fresh parser is seated afterwards;
- it ignores reserved bits → refused here.

`WSProtocol` is not a promised interface, hence the exact pin in pyproject.toml and `tests/contracts/test_sockets.py`.
"""

from __future__ import annotations

import asyncio
from typing import Any, Final

from picows import WSFrame, WSListener, WSMsgType, WSTransport, WSUpgradeRequest, WSUpgradeResponse
from picows import picows as _picows
from picows.common import WSUpgradeResponseWithListener

from watchfloor.hub.connection import OPEN, Connection, log
from watchfloor.hub.sockets import SocketLimits

_TEXT: Final = WSMsgType.TEXT
_HANDSHAKE: Final = (
    b"GET / HTTP/1.1\r\nupgrade: websocket\r\nconnection: upgrade\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: %b\r\n\r\n"
)
_KEY: Final = b"AAAAAAAAAAAAAAAAAAAAAA=="  # for parsers seated later: nobody sees their 101
_READ_BUFFER_BYTES: Final = 2_048  # picows' least; a request of an agent is some 400 bytes
_BULKY_BYTES: Final = 32_768  # a payload from which on the parser is worth replacing
_BLANK: Final = asyncio.Protocol()
_RESPONSE: Final = (
    WSUpgradeResponse.create_101_response()
)  # shared: picows sets the accept value just before writing


def seat(transport: asyncio.Transport, connection: Connection, key: bytes, limits: SocketLimits) -> None:
    """Answer the handshake with 101 and let picows read and write `transport` for `connection`."""
    wire = PicowsWire()
    wire.begin(transport, connection, limits)
    transport.set_write_buffer_limits(high=limits.outbound_bytes_max)
    # uvloop keeps the `data_received` it last saw, and with it the whole HTTP protocol, unless it sees another.
    transport.set_protocol(_BLANK)
    # Pausing makes it choose anew how it reads: into picows' buffer instead of by data_received.
    transport.pause_reading()
    wire.seat_parser(key)
    transport.resume_reading()


class _Underlay:
    """What picows takes for its transport and for its log."""

    __slots__ = ("get_write_buffer_size", "transport", "wire", "write")

    def __init__(self, transport: asyncio.Transport, wire: PicowsWire) -> None:
        self.transport = transport
        self.wire = wire
        self.get_write_buffer_size = transport.get_write_buffer_size
        self.write: Any = transport.write

    # as a transport

    def get_extra_info(self, name: str) -> Any:
        return self.transport.get_extra_info(name)

    def writelines(self, parts: list[Any]) -> None:
        self.transport.write(b"".join(parts))

    def close(self) -> None:
        """picows closes 10 ms after an error; `Connection` has seen to it by then."""

    abort = close

    # as a log

    def isEnabledFor(self, _level: int) -> bool:  # noqa: N802 - the name picows calls
        return False

    def info(self, *_args: object) -> None:
        """Nothing that happens to one peer is worth a line."""

    debug = log = warning = info

    def error(self, _message: str, *args: Any) -> None:
        """picows' parser met a `WSProtocolError(code, reason)`; called before it does anything about it."""
        code, reason = args[0] if args and isinstance(args[0], tuple) else (1002, "")
        self.wire.broken(int(code), str(reason))

    def exception(self, message: str, *args: object) -> None:
        log.exception("picows: %s", message % args if args else message)
        self.wire.broken(1011, "internal error")


def _discard(data: object) -> None:
    """The 101 of a parser seated later."""


class PicowsWire(WSListener):
    """Implements `Wire`; hears frames from picows."""

    __slots__ = ("_bulky", "_connection", "_limits", "_transport", "_ws")

    _connection: Connection
    _limits: SocketLimits
    _transport: asyncio.Transport
    _ws: WSTransport | None
    _bulky: bool

    def begin(self, transport: asyncio.Transport, connection: Connection, limits: SocketLimits) -> None:
        """Everything but the parser (picows' base class takes no arguments)."""
        self._transport = transport
        self._connection = connection
        self._limits = limits
        self._ws = None
        self._bulky = False

    def seat_parser(self, key: bytes | None = None) -> None:
        """Give the connection a fresh parser; with `key` the peer gets its 101."""
        underlay = _Underlay(self._transport, self)
        protocol = _picows.WSProtocol(  # type: ignore[attr-defined]  # not in picows' stub: see the top of this file
            host_port=None,
            ws_path=None,
            is_client_side=False,
            ws_listener_factory=self._welcome,
            logger=underlay,
            disconnect_on_exception=True,
            websocket_handshake_timeout=None,
            enable_auto_ping=False,
            auto_ping_idle_timeout=None,
            auto_ping_reply_timeout=None,
            auto_ping_strategy=_picows.WSAutoPingStrategy.PING_WHEN_IDLE,
            enable_auto_pong=False,
            max_frame_size=self._limits.message_bytes_max,
            extra_headers=None,
            read_buffer_init_size=_READ_BUFFER_BYTES,
        )
        protocol.connection_made(underlay)  # takes `write` for its frames
        if key is None:
            underlay.write = _discard  # and asks for it once more to send the 101
        self._transport.set_protocol(protocol)
        request = _HANDSHAKE % (key if key is not None else _KEY)
        protocol.get_buffer(-1)[: len(request)] = request
        protocol.buffer_updated(len(request))

    def _welcome(self, _request: WSUpgradeRequest) -> WSUpgradeResponseWithListener:
        return WSUpgradeResponseWithListener(_RESPONSE, self)

    # What picows calls ----------------------------------------------------------------------------------------

    def on_ws_connected(self, transport: WSTransport) -> None:
        transport.request.headers.clear()  # memory: picows keeps the request for as long as the socket lives
        first, self._ws = self._ws is None, transport
        if first:
            self._connection.open(self, transport.send)  # type: ignore[arg-type]  # opcodes may be plain integers
        else:
            self._connection.rewire(transport.send)  # type: ignore[arg-type]

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        connection = self._connection
        if transport is not self._ws:
            return
        if frame.rsv1 or frame.rsv2 or frame.rsv3:
            connection.close(1002, "reserved bits without an extension")
        elif frame.msg_type is _TEXT and frame.fin and connection.whole():
            connection.deliver(frame.get_payload_as_bytes())
        else:
            connection.frame(frame.msg_type.value, bool(frame.fin), frame.get_payload_as_bytes())
        if frame.payload_size >= _BULKY_BYTES:
            self._bulky = True
        if self._bulky and frame.last_in_buffer and not frame.tail_size and connection.state == OPEN:
            self._bulky = False
            self.seat_parser()

    def on_ws_disconnected(self, transport: WSTransport) -> None:
        if transport is self._ws:
            self.gone()

    def pause_writing(self) -> None:
        self._connection.overflowed(asyncio.get_running_loop().call_soon)

    def resume_writing(self) -> None:
        """Too late: an overflowed connection is closing (picows logs when nobody listens)."""

    def gone(self) -> None:
        """The TCP connection is; lets go of picows, which holds on to this."""
        self._ws = None
        self._connection.lost()

    # What `_Underlay` and `Connection` call -------------------------------------------------------------------------

    def broken(self, code: int, reason: str) -> None:
        self._connection.broken(code, reason)

    def transmit(self, opcode: int, payload: bytes) -> None:
        assert self._ws is not None
        self._ws.send(opcode, payload)  # type: ignore[arg-type]

    def transmit_close(self, code: int, reason: bytes) -> None:
        assert self._ws is not None
        self._ws.send_close(code, reason)  # type: ignore[arg-type]

    def unsent(self) -> int:
        return self._transport.get_write_buffer_size()

    def finish(self) -> None:
        self._transport.close()

    def drain(self) -> None:
        assert self._ws is not None
        if self._ws.is_close_frame_sent and self._transport.can_write_eof():
            self._transport.set_protocol(_Drain(self))
            self._transport.write_eof()
        else:
            self._transport.abort()

    def abort(self) -> None:
        self._transport.abort()


class _Drain(asyncio.BufferedProtocol):
    """Reads into nowhere until the peer hangs up or the deadline cuts it off."""

    __slots__ = ("wire",)

    nowhere: Final = memoryview(bytearray(65_536))

    def __init__(self, wire: PicowsWire) -> None:
        self.wire = wire

    def get_buffer(self, _sizehint: int) -> memoryview:
        return self.nowhere

    def buffer_updated(self, nbytes: int) -> None:
        """Gone."""

    def connection_lost(self, _exc: Exception | None) -> None:
        self.wire.gone()
