"""The state machine of one WebSocket, the same for every wire (RFC 6455 §5 to 7; spec 2.2, spec 9 D).

`OPEN → CLOSING → CLOSED`. CLOSING begins when either side sends CLOSE, or the peer breaks a rule, or reads too slowly;
from then on messages are neither delivered nor sent, and a deadline runs. CLOSED is reached in `lost` only, when the
TCP connection is gone, so the listener hears `closed` once, whatever happened.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from watchfloor.hub.deadlines import Wheel
from watchfloor.hub.sockets import Listener, SocketLimits, UpgradeRequest, Wire

if TYPE_CHECKING:
    from collections.abc import MutableSet

log = logging.getLogger("watchfloor.hub.sockets")

OPEN, CLOSING, CLOSED = 0, 1, 2

CONTINUATION, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA  # RFC 6455 §5.2

NO_CODE = 1005  # the peer's CLOSE had no code
VANISHED = 1006  # no CLOSE at all
REASON_BYTES_MAX = 123  # a control frame carries 125, two of them are the code

_NO_HEADERS: Mapping[bytes, bytes] = {}


class Connection:
    """Implements `Socket` for the hub; hears frames from its wire and deadlines from the wheel."""

    __slots__ = (
        "_controls", "_crowd", "_fragments", "_limits", "_listener", "_partial", "_pinged",
        "_transmit", "_wheel", "_wire", "code", "due", "headers", "path", "peer", "query", "reason", "state",
    )  # fmt: skip

    def __init__(
        self,
        request: UpgradeRequest,
        listener: Listener,
        limits: SocketLimits,
        wheel: Wheel,
        crowd: MutableSet[Any],
    ) -> None:
        """`crowd` is the set in which the server finds whom to `shutdown`."""
        self.path = request.path
        self.query = request.query
        self.peer = request.peer
        self.headers = request.headers
        self.state = OPEN
        self.code = VANISHED
        self.reason = ""
        self.due = 0
        self._listener = listener
        self._limits = limits
        self._wheel = wheel
        self._crowd = crowd
        self._wire: Wire | None = None
        self._transmit: Callable[[int, bytes], object] | None = None
        self._partial: bytearray | None = None
        self._fragments = 0
        self._controls = 0
        self._pinged = False

    # What the hub calls --------------------------------------------------------------------------------------

    def send(self, data: bytes) -> None:
        if self.state == OPEN:
            self._transmit(TEXT, data)  # type: ignore[misc]  # set while OPEN

    def close(self, code: int, reason: str = "") -> None:
        if self.state != OPEN:
            return
        self._leave(code, reason)
        self._say_close()

    @property
    def buffered(self) -> int:
        return 0 if self._wire is None else self._wire.unsent()

    # What the wire calls ---------------------------------------------------------------------------------------

    def open(self, wire: Wire, transmit: Callable[[int, bytes], object]) -> None:
        """The handshake is answered. `transmit` is the wire's own, perhaps a faster way to it."""
        self._wire = wire
        self._transmit = transmit
        self._crowd.add(self)
        self._wheel.set(self, self._limits.ping_interval_ms * (0.5 + self._wheel.spread() / 2))
        try:
            self._listener.opened(self)
        except Exception:  # noqa: BLE001 - the listener is the hub: one agent's trouble is not the others'
            self._listener_failed("opened")
        self.headers = _NO_HEADERS

    def rewire(self, transmit: Callable[[int, bytes], object]) -> None:
        """The wire has another way to transmit."""
        if self.state != CLOSED:
            self._transmit = transmit

    def whole(self) -> bool:
        """Whether an unfragmented text frame may go straight to `deliver`."""
        return self.state == OPEN and self._partial is None

    def deliver(self, data: bytes) -> None:
        """One whole message."""
        try:
            self._listener.text(data)
        except Exception:  # noqa: BLE001 - the listener is the hub: one agent's trouble is not the others'
            self._listener_failed("text")

    def frame(self, opcode: int, fin: bool, payload: bytes) -> None:
        """Any frame; its own form (masking, reserved bits, length, opcode) is already checked."""
        if opcode == CLOSE:
            self._peer_closes(payload)
        elif self.state != OPEN:
            return  # the peer may not know yet that we are leaving
        elif opcode >= CLOSE:
            self._control(opcode, payload)
        elif opcode == BINARY:
            self.close(1003, "text messages only")
        elif opcode == TEXT:
            if self._partial is not None:
                self.close(1002, "a new message inside an unfinished one")
            elif fin:
                self.deliver(payload)
            else:
                self._fragments = 0
                self._partial = bytearray()
                self._collect(fin, payload)
        elif self._partial is None:
            self.close(1002, "a continuation of nothing")
        else:
            self._collect(fin, payload)

    def broken(self, code: int, reason: str) -> None:
        """The byte stream is no WebSocket (any more): say why, then listen to nothing that follows."""
        self.close(code, reason)
        if self._wire is not None:
            self._wire.drain()

    def overflowed(self, soon: Callable[..., object]) -> None:
        """More than `outbound_bytes_max` unsent. Called in the middle of a write, hence `soon` (`loop.call_soon`)."""
        if self.state == OPEN:
            self._leave(1013, "slow consumer")
            soon(self._say_close)

    def lost(self) -> None:
        """The TCP connection is gone. Harmless when repeated."""
        if self.state == CLOSED:
            return
        self.state = CLOSED
        self._wheel.drop(self)
        self._crowd.discard(self)
        self._wire = self._transmit = self._partial = None
        listener = self._listener
        self._listener = None  # type: ignore[assignment]  # a cycle; nobody is told anything after this
        try:
            listener.closed(self.code, self.reason)
        except Exception:
            log.exception("listener failed in closed, peer %s", self.peer)

    # What the server and the wheel call ------------------------------------------------------------------------

    def shutdown(self) -> None:
        """uvicorn stops."""
        self.close(1012, "restart")

    def expired(self) -> None:
        """A deadline: ping, or give up."""
        if self._wire is None:
            return
        if self.state == OPEN and not self._pinged:
            self._pinged = True
            self._controls = 0
            self._wheel.set(self, self._limits.pong_timeout_ms)
            self._wire.transmit(PING, b"")
            return
        if self.state == OPEN:
            self.close(1011, "no pong")  # a peer that is only slow gets to know why
        self._wire.abort()

    # Inside ---------------------------------------------------------------------------------------------------

    def _collect(self, fin: bool, payload: bytes) -> None:
        partial = self._partial
        assert partial is not None
        self._fragments += 1
        if len(partial) + len(payload) > self._limits.message_bytes_max:
            self.close(1009, "message too big")
        elif self._fragments > self._limits.fragments_max:
            self.close(1009, "message in too many pieces")
        else:
            partial += payload
            if fin:
                self._partial = None
                self.deliver(bytes(partial))

    def _control(self, opcode: int, payload: bytes) -> None:
        self._controls += 1
        if self._controls > self._limits.control_frames_max:
            self.close(1008, "too many control frames")
        elif opcode == PING:
            assert self._wire is not None
            self._wire.transmit(PONG, payload)
        elif self._pinged:
            self._pinged = False
            self._wheel.set(self, self._limits.ping_interval_ms)

    def _peer_closes(self, payload: bytes) -> None:
        """Echo the CLOSE, or take it as the answer to ours (RFC 6455 §5.5.1)."""
        wire = self._wire
        if wire is None:
            return
        code = int.from_bytes(payload[:2], "big") if len(payload) >= 2 else NO_CODE
        if len(payload) == 1 or not ((code == NO_CODE and not payload) or _may_be_sent(code)):
            self.broken(1002, "no such close code")
            return
        if self.state == OPEN:
            self._leave(code, payload[2:].decode("utf-8", "replace"))
            if payload:
                wire.transmit_close(code, payload[2:])
            else:
                wire.transmit(CLOSE, payload)
        wire.finish()

    def _leave(self, code: int, reason: str) -> None:
        self.state = CLOSING
        self.code = code
        self.reason = reason
        self._partial = None
        self._wheel.set(self, self._limits.close_timeout_ms)

    def _say_close(self) -> None:
        if self._wire is not None:
            reason = self.reason.encode()[:REASON_BYTES_MAX].decode("utf-8", "ignore").encode()
            self._wire.transmit_close(self.code, reason)

    def _listener_failed(self, where: str) -> None:
        log.exception("listener failed in %s, peer %s", where, self.peer)
        self.close(1011, "internal error")


def _may_be_sent(code: int) -> bool:
    """Whether a CLOSE frame may carry the code (RFC 6455 §7.4)."""
    return (1000 <= code <= 1014 and code not in (1004, NO_CODE, VANISHED)) or 3000 <= code <= 4999
