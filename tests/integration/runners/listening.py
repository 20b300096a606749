"""Small real HTTP servers that misbehave on request, each on a loopback address and the loop of its test."""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import ssl
from collections.abc import AsyncIterator, Iterator

MEBIBYTE = 1024 * 1024


def _pieces(path: str) -> Iterator[bytes | float]:
    """What is sent for a path, piece by piece; a number is a pause in seconds."""
    if path == "/drip":
        yield b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
        for _ in range(1_000):
            yield b"."
            yield 0.05
    elif path == "/silent":
        yield 30.0
    elif path == "/huge":
        yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        for _ in range(4_096):
            yield b"10000\r\n" + b"h" * 0x10000 + b"\r\n"
    elif path == "/bomb":
        packed = gzip.compress(b"\0" * 100 * MEBIBYTE)
        yield f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n".encode()
        yield packed
    elif path == "/endless-headers":
        yield b"HTTP/1.1 200 OK\r\n"
        for number in range(100_000):
            yield f"X-{number}: y\r\n".encode()
    else:
        yield _WHOLE[path]


_WHOLE = {
    "/announced": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n",
    "/garbage": b"SSH-2.0-OpenSSH_9.6\r\n",
    "/cut": b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort",
    "/headers": b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nX-Fill: " + b"f" * 200_000 + b"\r\n\r\n",
    "/busy": b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nRetry-After: 3\r\n\r\n",
}
_ODD = {*_WHOLE, "/drip", "/silent", "/huge", "/bomb", "/endless-headers"}


class Listening:
    """A server; `requests` are the heads and bodies it was sent. `bodies` are what other paths answer with."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.port = 0
        self.requests: list[bytes] = []
        self.redirect_to = ""
        self.bodies: dict[str, bytes] = {}
        self.serving: set[asyncio.Task[None]] = set()

    def url(self, path: str = "/", host: str = "127.0.0.1", scheme: str = "http") -> str:
        return f"{scheme}://{host}:{self.port}{path}"

    def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.serving.add(asyncio.get_running_loop().create_task(self.serve(reader, writer)))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
                head = await reader.readuntil(b"\r\n\r\n")
                fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:-2])
                body = await reader.readexactly(int(fields.get(b"content-length", b"0")))
                self.requests.append(head + body)
                await self.answer(head.split(b" ", 2)[1].decode().split("?")[0], writer)
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()

    async def answer(self, path: str, writer: asyncio.StreamWriter) -> None:
        if path == "/redirect":
            head = f"HTTP/1.1 302 Found\r\nLocation: {self.redirect_to}\r\nContent-Length: 0\r\n\r\n"
            writer.write(head.encode())
        elif path in _ODD:
            for piece in _pieces(path):
                if isinstance(piece, float):
                    await asyncio.sleep(piece)
                else:
                    writer.write(piece)
                    await writer.drain()
        else:
            body = self.bodies.get(path, f"this is {self.name}".encode())
            head = f"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: {len(body)}\r\n\r\n"
            writer.write(head.encode() + body)
        await writer.drain()


@contextlib.asynccontextmanager
async def listening(
    name: str, host: str = "127.0.0.1", port: int = 0, tls: ssl.SSLContext | None = None
) -> AsyncIterator[Listening]:
    """A server while the block runs."""
    house = Listening(name)
    server = await asyncio.start_server(house.accept, host, port, ssl=tls)
    house.port = server.sockets[0].getsockname()[1]
    try:
        yield house
    finally:
        server.close()
        for task in house.serving:
            task.cancel()
        await asyncio.gather(*house.serving, return_exceptions=True)
