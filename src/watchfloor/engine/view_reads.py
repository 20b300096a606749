"""Reading views: a few read-only connections, shared by whatever threads ask (DESIGN §2)."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec

from watchfloor.actions.views import SLAB_BITS
from watchfloor.kernel.projection import Table

CONNECTIONS_KEPT = 4  # threads that read at the same time without opening anew
QUERY_MS_MAX = 5_000  # a page's query takes milliseconds; this only ends the unforeseen
_STEPS = 10_000  # virtual machine steps between two looks at the clock: well under a millisecond
WINDOW_SLABS = 16  # the first window: 65,536 seqs
_OF_AGENT = """WITH RECURSIVE slabs(n) AS (SELECT :high UNION ALL SELECT n - 1 FROM slabs WHERE n > :low)
 SELECT a.* FROM slabs CROSS JOIN actions a WHERE a.org = :org AND a.slab = slabs.n AND a.agent = :agent
 AND a.action < :before /*where*/ ORDER BY a.action DESC LIMIT :limit"""


class Readers:
    """Connections that cannot write. Those to a file that was replaced are closed when they are given back."""

    def __init__(self, path: Path) -> None:
        self._uri = f"{path.absolute().as_uri()}?mode=ro"
        self._idle: list[tuple[int, sqlite3.Connection]] = []
        self._lock = threading.Lock()
        self._generation = 0

    def rows(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
        """Rows of one statement as dicts. Raises sqlite3.OperationalError when it takes over QUERY_MS_MAX."""
        with self.connection() as connection:
            return _dicts(connection.execute(sql, params))

    def fingerprint(self, tables: Sequence[Table], org: int) -> str:
        """SHA-256 over every stored row of an organisation, table by table in key order, as of one moment."""
        digest = sha256()
        with self.connection() as connection:
            for table in tables:
                names = ", ".join(f'"{name}"' for name in ("org", *table.columns))
                key = ", ".join(f'"{name}"' for name in table.key)
                sql = f"SELECT {names} FROM {table.name} WHERE org = ? ORDER BY {key}"  # noqa: S608 - names from code
                digest.update(f"{table.name}\n".encode())
                for row in connection.execute(sql, (org,)):
                    digest.update(msgspec.json.encode(row) + b"\n")
        return digest.hexdigest()

    @contextmanager
    def connection(self) -> Iterator[sqlite3.Connection]:
        """A connection for the calling thread alone, and one look at the file as it is now."""
        generation, connection = self._take()
        until = time.monotonic() + QUERY_MS_MAX / 1_000
        connection.set_progress_handler(lambda: int(time.monotonic() > until), _STEPS)
        try:
            connection.execute("BEGIN")
            yield connection
            connection.execute("COMMIT")
        except BaseException:
            connection.close()
            raise
        self._give_back(generation, connection)

    def newest_of_agent(
        self,
        org: int,
        agent: int,
        before: int,
        limit: int,
        where: str = "",
        params: Mapping[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """An agent's newest actions below `before`, newest first; `where` (SQL from code, over `a`) narrows them down.

        Walks the slabs of the index by agent backwards, in windows that grow: a busy agent's page is found in the
        first, a quiet one's after a few thousand index probes, however many actions there are.
        """
        found: list[dict[str, Any]] = []
        high, width = (before - 1) >> SLAB_BITS, WINDOW_SLABS
        while high >= 0 and len(found) < limit:
            low = max(0, high - width + 1)
            bounds = {"high": high, "low": low, "org": org, "agent": agent, "before": before}
            sql = _OF_AGENT.replace("/*where*/", f"AND ({where})" if where else "")
            found += self.rows(sql, {**(params or {}), **bounds, "limit": limit - len(found)})
            high, width = low - 1, width * 8
        return found

    def _take(self) -> tuple[int, sqlite3.Connection]:
        with self._lock:
            if self._idle:
                return self._idle.pop()
            connection = sqlite3.connect(self._uri, uri=True, isolation_level=None, check_same_thread=False)
            connection.execute("PRAGMA query_only = ON")
            connection.execute("PRAGMA busy_timeout = 5000")
            # SQLite opens the log beside the file at the first read: that must be of this file, not of its successor.
            connection.execute("PRAGMA schema_version").fetchone()
            return self._generation, connection

    def _give_back(self, generation: int, connection: sqlite3.Connection) -> None:
        with self._lock:
            if generation == self._generation and len(self._idle) < CONNECTIONS_KEPT:
                self._idle.append((generation, connection))
                return
        connection.close()

    @contextmanager
    def replacing(self) -> Iterator[None]:
        """While the file is replaced: new readers wait, those that read go on with the old file to their end."""
        with self._lock:
            self._generation += 1
            for _, connection in self._idle:
                connection.close()
            self._idle = []
            yield

    def close(self) -> None:
        with self.replacing():
            pass


def _dicts(cursor: sqlite3.Cursor) -> list[dict[str, Any]]:
    names = [column[0] for column in cursor.description or ()]
    return [dict(zip(names, row, strict=True)) for row in cursor]


def is_damage(error: BaseException) -> bool:
    """Does this say that the file is not what was written? A full disk, a lock, a wrong statement do not."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
