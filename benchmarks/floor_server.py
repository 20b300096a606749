"""The least a server can do: the socket layer with nothing behind it, or with one durable row a message.

    python -m benchmarks.floor_server echo     [--wire picows|websockets-sansio]
    python -m benchmarks.floor_server durable  --database FILE [--synchronous FULL|NORMAL]

Prints one line of JSON with its port, then serves until it is terminated.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import queue
import sqlite3
import threading
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from benchmarks.machine import SERVER_CPU, allow_open_files, pin

from watchfloor.hub.sockets import Acceptor, Listener, Socket, UpgradeRequest, uvicorn_config
from watchfloor.ledger.limits import CACHE_KIB, PAGE_BYTES, WAL_PAGES_MAX

ROW_BYTES = 400  # about what one decision is on disk


class Echo:
    """Sends back what comes."""

    __slots__ = ("_socket",)

    def opened(self, socket: Socket) -> None:
        self._socket = socket

    def text(self, data: bytes) -> None:
        self._socket.send(data)

    def closed(self, code: int, reason: str) -> None:
        """Nothing is kept about it."""


class EchoAcceptor:
    """Lets everybody in."""

    def accept(self, _request: UpgradeRequest) -> Listener:
        return Echo()


class DurableEcho:
    """Sends back what comes, once its row is committed."""

    __slots__ = ("_rows", "_socket")

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def opened(self, socket: Socket) -> None:
        self._socket = socket

    def text(self, data: bytes) -> None:
        self._rows.add(self._socket, data)

    def closed(self, code: int, reason: str) -> None:
        """Nothing is kept about it."""


Batch = list[tuple[Socket, bytes]]


class Rows:
    """One writer thread; everything that queued during one commit is the next transaction."""

    def __init__(self, path: Path, synchronous: str) -> None:
        self._path = path
        self._synchronous = synchronous
        self._next: Batch = []
        self._busy = False
        self._batches: queue.SimpleQueue[Batch] = queue.SimpleQueue()
        self._loop: asyncio.AbstractEventLoop | None = None
        self.commits = 0

    def accept(self, _request: UpgradeRequest) -> Listener:
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            threading.Thread(target=self._write, args=(self._loop,), daemon=True).start()
        return DurableEcho(self)

    def add(self, socket: Socket, data: bytes) -> None:
        self._next.append((socket, data))
        if not self._busy:
            assert self._loop is not None
            self._busy = True
            self._loop.call_soon(self._hand_over)  # whatever else this turn of the loop reads goes along

    def _hand_over(self) -> None:
        batch, self._next = self._next, []
        self._batches.put(batch)

    def _committed(self, batch: Batch) -> None:
        if self._next:
            self._hand_over()
        else:
            self._busy = False
        for socket, data in batch:
            socket.send(data)

    def _write(self, loop: asyncio.AbstractEventLoop) -> None:
        connection = sqlite3.connect(self._path, isolation_level=None)
        for pragma in (
            f"page_size = {PAGE_BYTES}",
            "journal_mode = WAL",
            f"synchronous = {self._synchronous}",
            f"cache_size = -{CACHE_KIB}",
            f"wal_autocheckpoint = {WAL_PAGES_MAX}",
        ):
            connection.execute(f"PRAGMA {pragma}").fetchall()
        connection.execute("CREATE TABLE IF NOT EXISTS rows (id INTEGER PRIMARY KEY, data BLOB NOT NULL)")
        while True:
            batch = self._batches.get()
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(
                "INSERT INTO rows (data) VALUES (?)",
                [(data[:ROW_BYTES].ljust(ROW_BYTES, b" "),) for _, data in batch],
            )
            connection.execute("COMMIT")
            self.commits += 1
            loop.call_soon_threadsafe(self._committed, batch)


async def app(scope: Any, _receive: Any, send: Any) -> None:
    """HTTP beside it: a liveness answer."""
    if scope["type"] == "http":
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"0")]})
        await send({"type": "http.response.body", "body": b""})


async def serve(acceptor: Acceptor, wire: str) -> None:
    """Until SIGTERM."""
    config = uvicorn_config(
        app,
        acceptor,
        "127.0.0.1",
        0,
        implementation="picows" if wire == "picows" else "websockets-sansio",
        lifespan="off",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    serving = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - uvicorn has no event for it
        await asyncio.sleep(0.01)
    gc.collect()
    gc.freeze()
    port = server.servers[0].sockets[0].getsockname()[1]
    print(json.dumps({"port": port, "pid": os.getpid()}), flush=True)
    await serving


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kind", choices=("echo", "durable"))
    parser.add_argument("--wire", choices=("picows", "websockets-sansio"), default="picows")
    parser.add_argument("--database", type=Path)
    parser.add_argument("--synchronous", choices=("FULL", "NORMAL"), default="FULL")
    given = parser.parse_args()
    pin(SERVER_CPU)
    allow_open_files()
    gc.set_threshold(100_000)
    if given.kind == "durable" and given.database is None:
        parser.error("durable needs --database")
    acceptor: Acceptor = EchoAcceptor() if given.kind == "echo" else Rows(given.database, given.synchronous)
    uvloop.run(serve(acceptor, given.wire))


if __name__ == "__main__":
    main()
