"""Receivers on this machine: HTTP that takes, answers 500 or hangs, and a mail server. Each in a thread of its own."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec


class Got(msgspec.Struct):
    path: str
    headers: dict[str, str]
    body: bytes


class Receiver:
    """`mode` takes, fails (500) or hangs (until it is closed)."""

    def __init__(self, mode: str = "takes") -> None:
        self.mode = mode
        self.answer = b"{}"
        self.got: list[Got] = []
        self.freed = threading.Event()
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", "0")))
                if receiver.mode == "hangs":
                    receiver.freed.wait(20)
                    return
                status = 200 if receiver.mode == "takes" else 500
                receiver.got.append(
                    Got(self.path, {name.lower(): text for name, text in self.headers.items()}, body)
                )
                self.send_response(status)
                self.send_header("content-length", str(len(receiver.answer)))
                self.end_headers()
                self.wfile.write(receiver.answer)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the parent's name
                """Nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.port = self.server.server_address[1]
        self._thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self._thread.start()

    def close(self) -> None:
        self.freed.set()
        self.server.shutdown()
        self.server.server_close()


@contextlib.contextmanager
def receiving(mode: str = "takes") -> Iterator[Receiver]:
    receiver = Receiver(mode)
    try:
        yield receiver
    finally:
        receiver.close()


@contextlib.contextmanager
def mail_server() -> Iterator[tuple[int, list[str]]]:
    """(port, messages): as much of SMTP as it takes to be handed mail."""
    listening = socket.create_server(("127.0.0.1", 0))
    messages: list[str] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            with connection, connection.makefile("rwb") as file:
                _talk(file, messages)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield listening.getsockname()[1], messages
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()
        thread.join(5)


def _talk(file: Any, messages: list[str]) -> None:
    def say(text: str) -> None:
        file.write(text.encode() + b"\r\n")
        file.flush()

    say("220 here")
    while line := file.readline():
        word = line.split()[0].upper() if line.split() else b""
        if word == b"DATA":
            say("354 go on")
            lines = []
            while (text := file.readline()) not in (b".\r\n", b""):
                lines.append(text.decode())
            messages.append("".join(lines))
        say("221 bye" if word == b"QUIT" else "250 fine")
        if word == b"QUIT":
            return
