"""A server with a real port on any wire, and a client that may break every rule: for tests of the socket layer."""

from __future__ import annotations

import asyncio
import contextlib
import queue
import socket
import struct
import threading
import time
from collections.abc import Callable
from typing import Any

import uvicorn
import uvloop

from watchfloor.hub.sockets import (
    Implementation,
    Refusal,
    Socket,
    SocketLimits,
    UpgradeRequest,
    uvicorn_config,
)

TEXT, BINARY, CLOSE, PING, PONG = 0x1, 0x2, 0x8, 0x9, 0xA
MASK = b"\x01\x02\x03\x04"
WIRES: dict[str, tuple[Implementation, bool]] = {
    "picows on uvloop": ("picows", True),
    "picows on asyncio": ("picows", False),
    "websockets on uvloop": ("websockets-sansio", True),
}


def frame(opcode: int, payload: bytes = b"", *, fin: bool = True, rsv: int = 0, masked: bool = True) -> bytes:
    """A frame as a client writes it (RFC 6455 §5.2)."""
    head = bytes([fin << 7 | rsv << 4 | opcode])
    mask_bit = masked << 7
    if len(payload) < 126:
        head += bytes([mask_bit | len(payload)])
    elif len(payload) < 65_536:
        head += struct.pack("!BH", mask_bit | 126, len(payload))
    else:
        head += struct.pack("!BQ", mask_bit | 127, len(payload))
    if not masked:
        return head + payload
    repeated = MASK * (len(payload) // 4 + 1)
    size = len(payload)
    hidden = int.from_bytes(payload, "big") ^ int.from_bytes(repeated[:size], "big")
    return head + MASK + hidden.to_bytes(size, "big")


class Hub:
    """The acceptor and every listener: echoes, does what a message asks for, and notes what it hears."""

    def __init__(self) -> None:
        self.heard: queue.Queue[tuple[str, Any]] = queue.Queue()
        self.refusal: Refusal | None = None
        self.failing = ""
        self.socket: Socket | None = None
        self.listeners: list[Ear] = []

    def accept(self, request: UpgradeRequest) -> Ear | Refusal:
        if self.failing == "accept":
            raise RuntimeError("accept")
        if self.refusal is not None:
            return self.refusal
        self.listeners = [Ear(self)]
        return self.listeners[0]


class Ear:
    def __init__(self, hub: Hub) -> None:
        self.hub = hub

    def opened(self, socket: Socket) -> None:
        self.socket = self.hub.socket = socket
        self.hub.heard.put(("opened", (socket.path, socket.query, dict(socket.headers), socket.peer)))
        if self.hub.failing == "opened":
            raise RuntimeError("opened")

    def text(self, data: bytes) -> None:
        self.hub.heard.put(("text", data))
        if data == b"raise":
            raise RuntimeError("text")
        if data.startswith(b"close "):
            _, code, reason = data.split(b" ", 2)
            self.socket.close(int(code), reason.decode())
        elif data.startswith(b"flood "):
            _, count, size = data.split(b" ")
            for number in range(int(count)):
                self.socket.send(b"%d " % number + b"x" * (int(size) + number))
        else:
            self.socket.send(data)

    def closed(self, code: int, reason: str) -> None:
        self.hub.heard.put(("closed", (code, reason)))
        if self.hub.failing == "closed":
            raise RuntimeError("closed")


async def app(scope: Any, receive: Any, send: Any) -> None:
    assert scope["type"] == "http"
    body = b""
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body"):
            break
    await send(
        {"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]}
    )
    await send({"type": "http.response.body", "body": body})


class House:
    """A server in a thread of its own."""

    def __init__(self, wire: str, limits: SocketLimits, hub: Hub | None = None, **options: Any) -> None:
        implementation, fast = WIRES[wire]
        self.hub = hub if hub is not None else Hub()
        self.clients: list[Client] = []
        config = uvicorn_config(
            app, self.hub, "127.0.0.1", 0, limits=limits, implementation=implementation, lifespan="off",
            timeout_graceful_shutdown=5, **options,
        )  # fmt: skip
        self.server = uvicorn.Server(config)
        self.thread = threading.Thread(target=self._run, args=(fast,), daemon=True)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.002)
        self.port: int = self.server.servers[0].sockets[0].getsockname()[1]

    def _run(self, fast: bool) -> None:
        make: Callable[[], asyncio.AbstractEventLoop] = (
            uvloop.new_event_loop if fast else asyncio.new_event_loop
        )
        with asyncio.Runner(loop_factory=make) as runner:
            self.loop = runner.get_loop()
            runner.run(self.server.serve())

    def __enter__(self) -> House:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
        self.server.should_exit = True
        self.thread.join(20)
        assert not self.thread.is_alive()

    def clear(self) -> None:
        """Leave nothing over for the next test."""
        self.hang_up()
        self.hub.refusal, self.hub.failing = None, ""
        self.empties()
        with contextlib.suppress(queue.Empty):
            while True:
                self.hub.heard.get_nowait()

    def empties(self) -> bool:
        """Whether every connection is gone, sooner or later."""
        until = time.monotonic() + 20
        while self.server.server_state.connections and time.monotonic() < until:
            time.sleep(0.005)
        return not self.server.server_state.connections

    def in_loop(self, call: Callable[[], Any]) -> Any:
        async def coroutine() -> Any:
            return call()

        return asyncio.run_coroutine_threadsafe(coroutine(), self.loop).result(10)

    def heard(self, kind: str, within_s: float = 20.0) -> Any:
        """The next thing the hub hears, which must be of this kind."""
        found, what = self.hub.heard.get(timeout=within_s)
        assert found == kind, (found, what)
        return what

    def dial(self, receive_buffer: int = 0) -> Client:
        """A client that is connected, nothing more."""
        client = Client(self.port, receive_buffer)
        self.clients.append(client)
        return client

    def client(self, receive_buffer: int = 0) -> Client:
        """A client that is let in."""
        client = self.dial(receive_buffer)
        client.socket.sendall(handshake())
        assert client.head().startswith(b"HTTP/1.1 101 ")
        self.heard("opened")
        return client

    def hang_up(self) -> None:
        while self.clients:
            self.clients.pop().reset()


def handshake(path: str = "/ws", fields: dict[str, str] | None = None, drop: str = "") -> bytes:
    named = {
        "Host": "floor.example",
        "Upgrade": "websocket",
        "Connection": "keep-alive, Upgrade",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",  # the sample of RFC 6455 §1.3
        **(fields or {}),
    }
    lines = [f"{name}: {value}\r\n" for name, value in named.items() if name != drop]
    return f"GET {path} HTTP/1.1\r\n{''.join(lines)}\r\n".encode()


class Client:
    """A WebSocket client that may do anything wrong."""

    def __init__(self, port: int, receive_buffer: int = 0) -> None:
        self.socket = socket.socket()
        if receive_buffer:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        self.socket.settimeout(10)
        self.socket.connect(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.pending = b""

    def head(self) -> bytes:
        while b"\r\n\r\n" not in self.pending:
            data = self.socket.recv(65_536)
            assert data, self.pending
            self.pending += data
        head, _, self.pending = self.pending.partition(b"\r\n\r\n")
        return head

    def send(self, opcode: int, payload: bytes = b"", **form: Any) -> None:
        self.socket.sendall(frame(opcode, payload, **form))

    def take(self, size: int) -> bytes:
        while len(self.pending) < size:
            data = self.socket.recv(262_144)
            if not data:
                raise EOFError
            self.pending += data
        taken, self.pending = self.pending[:size], self.pending[size:]
        return taken

    def receive(self) -> tuple[int, bytes]:
        """Opcode and payload of the next frame, which must be whole and unmasked."""
        first, size = self.take(2)
        assert first & 0xF0 == 0x80, hex(first)
        if size == 126:
            (size,) = struct.unpack("!H", self.take(2))
        elif size == 127:
            (size,) = struct.unpack("!Q", self.take(8))
        return first & 0xF, self.take(size)

    def message(self) -> bytes:
        """The next text message; a ping before it is answered."""
        while True:
            opcode, payload = self.receive()
            if opcode == TEXT:
                return payload
            assert opcode == PING
            self.send(PONG, payload)

    def closing(self) -> tuple[int, str]:
        """Code and reason of the CLOSE that must come before the end; what comes earlier is skipped."""
        opcode, payload = self.receive()
        while opcode != CLOSE:
            opcode, payload = self.receive()
        return int.from_bytes(payload[:2], "big"), payload[2:].decode()

    def ended(self) -> bool:
        """Whether nothing but the end of the connection follows."""
        try:
            return self.pending == b"" and self.socket.recv(1) == b""
        except ConnectionResetError:
            return True

    def reset(self) -> None:
        """Go away without a word. Harmless when repeated."""
        if self.socket.fileno() == -1:
            return
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()
