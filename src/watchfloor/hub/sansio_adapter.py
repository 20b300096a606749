"""Frames by the sans-I/O half of `websockets`: the wire to fall back to should picows break (ADR on picows).

Only documented interfaces are used. Against picows it costs 2.5 times the CPU a message and twice the memory a socket
(research: limits §1). `websockets` answers pings, echoes CLOSE and bounds whole messages by itself.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Final

from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State

from watchfloor.hub.connection import OPEN, PING, PONG, TEXT, Connection
from watchfloor.hub.handshake import accept_value
from watchfloor.hub.sockets import SocketLimits

_SWITCHING: Final = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: %b\r\n\r\n"
_PONG_HEAD: Final = 0x80 | PONG
_QUIET: Final = logging.getLogger("watchfloor.hub.websockets")
_QUIET.setLevel(logging.WARNING)  # its INFO is a line for each connection that closes


def seat(transport: asyncio.Transport, connection: Connection, key: bytes, limits: SocketLimits) -> None:
    """Answer the handshake with 101 and let `websockets` read and write `transport` for `connection`."""
    wire = SansIOWire(transport, connection, limits)
    transport.set_write_buffer_limits(high=limits.outbound_bytes_max)
    transport.set_protocol(wire)
    transport.write(_SWITCHING % accept_value(key))
    connection.open(wire, wire.transmit)


class SansIOWire(asyncio.Protocol):
    """Implements `Wire`; hears bytes from the transport."""

    __slots__ = ("_connection", "_protocol", "_transport")

    def __init__(self, transport: asyncio.Transport, connection: Connection, limits: SocketLimits) -> None:
        self._transport = transport
        self._connection = connection
        self._protocol = Protocol(
            Side.SERVER, state=State.OPEN, max_size=limits.message_bytes_max, logger=_QUIET
        )

    # What the transport calls -----------------------------------------------------------------------------------

    def data_received(self, data: bytes) -> None:
        protocol = self._protocol
        connection = self._connection
        protocol.receive_data(data)
        for event in protocol.events_received():
            assert isinstance(event, Frame)
            if event.opcode is Opcode.TEXT and event.fin and connection.whole():
                connection.deliver(bytes(event.data))
            else:
                connection.frame(int(event.opcode), event.fin, bytes(event.data))
        self._flush()
        if protocol.parser_exc is not None and protocol.close_sent is not None:
            connection.broken(protocol.close_sent.code, protocol.close_sent.reason)

    def eof_received(self) -> bool:
        return False

    def connection_lost(self, _exc: Exception | None) -> None:
        self._protocol.parser.close()  # a generator that holds its owner: a cycle with a half-read message in it
        self._connection.lost()

    def pause_writing(self) -> None:
        self._connection.overflowed(asyncio.get_running_loop().call_soon)

    def resume_writing(self) -> None:
        """Too late: an overflowed connection is closing."""

    # What `Connection` calls ------------------------------------------------------------------------------------

    def transmit(self, opcode: int, payload: bytes) -> None:
        protocol = self._protocol
        if protocol.state is not State.OPEN:
            return
        if opcode == TEXT:
            protocol.send_text(payload)
        elif opcode == PING:
            protocol.send_ping(payload)
        else:
            return  # PONG and the echo of CLOSE come from `websockets` itself
        self._flush()

    def transmit_close(self, code: int, reason: bytes) -> None:
        try:
            self._protocol.send_close(code, reason.decode())
        except InvalidState:
            return  # it has sent one: an echo, or after an error
        self._flush()

    def unsent(self) -> int:
        return self._transport.get_write_buffer_size()

    def finish(self) -> None:
        self._flush()
        self._transport.close()

    def drain(self) -> None:
        """`websockets` discards by itself after an error, and has half-closed already."""
        self._flush()
        if not self._transport.can_write_eof():
            self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    def _flush(self) -> None:
        for data in self._protocol.data_to_send():
            if data:
                if data[0] != _PONG_HEAD or self._connection.state == OPEN:  # else a flood of pings piles up
                    self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()
