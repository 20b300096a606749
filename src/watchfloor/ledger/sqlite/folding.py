"""Folding the write-ahead log into the database file (SQLite calls it a checkpoint) without holding up commits.

The bulk is copied by a thread and a connection of its own while commits go on; what they appended meanwhile is little,
and the writer folds it itself between two commits, so that the log begins anew and stays bounded. SQLite's own
automatic checkpoint is off: it would run inside COMMIT, and swallow a failed fsync of the database file.
"""

from __future__ import annotations

import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path

from watchfloor.ledger.limits import BUSY_TIMEOUT_MS
from watchfloor.ledger.sqlite.faults import Faults


def fold(connection: sqlite3.Connection, mode: str, faults: Faults) -> tuple[int, int]:
    """Run one checkpoint; returns (pages in the log, pages copied). (-1, 0) when a reader or writer was in the way.

    Raises sqlite3.Error on I/O errors. A full disk is no error: the log stays, and nothing is lost.
    """
    try:
        faults.at("fold")
        busy, pages, folded = connection.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
        faults.at("folded")
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", 0) & 0xFF
        if code in (sqlite3.SQLITE_FULL, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
            return -1, 0
        raise
    return (-1, 0) if busy else (pages, folded)


class Folder:
    """The thread that copies the bulk. `on_failure` is told of I/O errors."""

    def __init__(self, path: Path, faults: Faults, on_failure: Callable[[str], None]) -> None:
        self._path = path
        self._faults = faults
        self._on_failure = on_failure
        self._wanted: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._busy = False
        self._done = False
        self._thread = threading.Thread(target=self._run, name="ledger-folder", daemon=True)
        self._thread.start()

    def begin(self) -> None:
        """Start copying, unless it is under way."""
        if not self._busy:
            self._busy, self._done = True, False
            self._wanted.put(True)

    def take_done(self) -> bool:
        """True once after a copy has ended: the rest is the writer's."""
        done, self._done = self._done, False
        return done

    def close(self) -> None:
        self._wanted.put(False)
        self._thread.join()

    def _run(self) -> None:
        connection: sqlite3.Connection | None = None
        while self._wanted.get():
            try:
                if connection is None:
                    connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
                    connection.execute(f"PRAGMA busy_timeout = {BUSY_TIMEOUT_MS}")
                    connection.execute("PRAGMA synchronous = FULL")
                fold(connection, "PASSIVE", self._faults)
            except Exception as error:  # noqa: BLE001 - whatever it was, it belongs to the writer
                self._on_failure(f"folding the log failed: {error}")
            self._busy, self._done = False, True
        if connection is not None:
            with contextlib.suppress(sqlite3.Error):
                connection.close()
