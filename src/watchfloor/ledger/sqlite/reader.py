"""Reads of the SQLite store: one read-only connection per thread, committed rows only."""

from __future__ import annotations

import re
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

from watchfloor.ledger.contract import (
    ZERO_HASH,
    CheckpointRow,
    CredentialRow,
    LedgerClosed,
    LedgerError,
    OrganisationRow,
)
from watchfloor.ledger.limits import READ_ROWS
from watchfloor.ledger.sqlite.schema import EPOCH, SEQ_MASK, key_bounds, key_of, open_reader, tile_key

_EVENT = "SELECT id & 0xFFFFFFFFFF, data, hash FROM events "
_CHECKPOINTS = f"SELECT size, note FROM checkpoints WHERE org = ? AND epoch = {EPOCH} "  # noqa: S608 - a constant
_PARTITION = re.compile(r"keys_([0-9]{1,7})")


# What says nothing about the file: locks of others, too little memory, somebody's interruption.
_PASSING = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_INTERRUPT}


class ReadFailed(LedgerError):
    """The store could not be read at this place: an I/O error or damage."""


class Reader:
    """The read half of the port. `on_damage` is told when a read meets an I/O error or a damaged page."""

    def __init__(self, path: Path, on_damage: Callable[[str], None]) -> None:
        self._path = path
        self._on_damage = on_damage
        self._local = threading.local()
        self._all: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        self._closed = False

    def _connection(self) -> sqlite3.Connection:
        found: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if found is None or self._closed:
            with self._guard:
                if self._closed:
                    raise LedgerClosed("the ledger is closed")
                found = self._local.connection = open_reader(self._path)
                self._all.append(found)
        return found

    def rows(self, statement: str, parameters: tuple[Any, ...] = ()) -> list[Any]:
        """All rows of a query. Raises ReadFailed on damage, LedgerClosed after close."""
        try:
            return self._connection().execute(statement, parameters).fetchall()
        except sqlite3.ProgrammingError as error:
            if self._closed:
                raise LedgerClosed("the ledger is closed") from error
            raise
        except sqlite3.Error as error:
            name = getattr(error, "sqlite_errorname", "") or type(error).__name__
            if getattr(error, "sqlite_errorcode", 0) & 0xFF not in _PASSING:
                self._on_damage(f"read failed: {name}: {error}")
            raise ReadFailed(f"{name}: {error}") from error

    def close(self) -> None:
        """Close every connection, whichever thread opened it."""
        with self._guard:
            self._closed = True
            for connection in self._all:
                connection.close()
            self._all.clear()

    # -- directory --------------------------------------------------------------------------------------------

    def organisations(self) -> list[OrganisationRow]:
        return [
            OrganisationRow(*row)
            for row in self.rows("SELECT org, public_id, name, created_at FROM organisations ORDER BY org")
        ]

    def credentials(self) -> Iterator[CredentialRow]:
        after = ""
        while rows := self.rows(
            "SELECT id, org, kind, subject, verifier, scopes, created_at, expires_at, revoked_at, label"
            " FROM credentials WHERE id > ? ORDER BY id LIMIT ?",
            (after, READ_ROWS),
        ):
            yield from map(CredentialRow._make, rows)
            after = rows[-1][0]

    # -- events -----------------------------------------------------------------------------------------------

    def head(self, org: int) -> tuple[int, bytes]:
        rows = self.rows(
            "SELECT id & 0xFFFFFFFFFF, hash FROM events WHERE id > ? AND id <= ? ORDER BY id DESC LIMIT 1",
            key_bounds(org),
        )
        return (rows[0][0], rows[0][1]) if rows else (0, ZERO_HASH)

    def read(self, org: int, after: int, limit: int) -> list[tuple[int, bytes, bytes]]:
        low, high = key_bounds(org, after)
        return self.rows(_EVENT + "WHERE id > ? AND id <= ? ORDER BY id LIMIT ?", (low, high, limit))

    def read_stream(self, org: int, stream: int) -> list[tuple[int, bytes, bytes]]:
        return self.rows(_EVENT + "WHERE stream = ? ORDER BY id", (key_of(org, stream),))

    def streams(self, org: int, after: int, limit: int) -> list[int]:
        low, high = key_bounds(org, after)
        rows = self.rows(
            "SELECT stream & 0xFFFFFFFFFF FROM events WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
            (low, high, limit),
        )
        return [row[0] for row in rows]

    def read_one(self, org: int, seq: int) -> tuple[int, bytes, bytes] | None:
        rows = self.rows(_EVENT + "WHERE id = ?", (key_of(org, seq),))
        return rows[0] if rows else None

    def read_private(self, org: int, seq: int) -> tuple[bytes, bytes] | None:
        rows = self.rows("SELECT salt, body FROM privates WHERE id = ?", (key_of(org, seq),))
        return rows[0] if rows else None

    def read_privates(self, org: int, seqs: Iterable[int]) -> dict[int, tuple[bytes, bytes]]:
        wanted = [key_of(org, seq) for seq in seqs]
        found: dict[int, tuple[bytes, bytes]] = {}
        for start in range(0, len(wanted), 500):  # SQLite's bound on parameters is 32,766; pages are ≤ 200
            part = tuple(wanted[start : start + 500])
            marks = ",".join("?" * len(part))
            for key, salt, body in self.rows(
                f"SELECT id, salt, body FROM privates WHERE id IN ({marks})",  # noqa: S608 - question marks only
                part,
            ):
                found[key & SEQ_MASK] = (salt, body)
        return found

    def privates_between(self, org: int, after: int, limit: int) -> list[tuple[int, bytes, bytes]]:
        """(seq, salt, body) with seq > after, in order."""
        low, high = key_bounds(org, after)
        return self.rows(
            "SELECT id & 0xFFFFFFFFFF, salt, body FROM privates WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
            (low, high, limit),
        )

    def redacted(self, org: int, after: int, limit: int) -> list[int]:
        low, high = key_bounds(org, after)
        rows = self.rows(
            "SELECT id & 0xFFFFFFFFFF FROM redactions WHERE id > ? AND id <= ? ORDER BY id LIMIT ?",
            (low, high, limit),
        )
        return [row[0] for row in rows]

    # -- evidence ---------------------------------------------------------------------------------------------

    def tiles(self, org: int, level: int, index: int) -> bytes | None:
        rows = self.rows("SELECT data FROM tiles WHERE id = ?", (tile_key(org, level, index),))
        return rows[0][0] if rows else None

    def tile_count(self, org: int, level: int) -> int:
        bounds = (tile_key(org, level, 0), tile_key(org, level + 1, 0))
        rows = self.rows("SELECT max(id) FROM tiles WHERE id >= ? AND id < ?", bounds)
        return 0 if rows[0][0] is None else rows[0][0] - bounds[0] + 1

    def checkpoints(self, org: int, limit: int, before: int | None = None) -> list[CheckpointRow]:
        rows = self.rows(
            _CHECKPOINTS + "AND size < ? ORDER BY size DESC LIMIT ?",
            (org, SEQ_MASK if before is None else before, limit),
        )
        return [CheckpointRow(*row) for row in rows]

    def checkpoints_after(self, org: int, after: int, limit: int) -> list[CheckpointRow]:
        """Oldest first, sizes > after."""
        rows = self.rows(
            _CHECKPOINTS + "AND size > ? ORDER BY size LIMIT ?",
            (org, after, limit),
        )
        return [CheckpointRow(*row) for row in rows]

    def latest_checkpoint(self, org: int) -> CheckpointRow | None:
        found = self.checkpoints(org, 1)
        return found[0] if found else None

    # -- bookkeeping ------------------------------------------------------------------------------------------

    def partitions(self) -> list[int]:
        """Days that have an idempotency table, newest first."""
        names = self.rows(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND name LIKE 'keys@_%' ESCAPE '@'"
        )
        return sorted((int(m[1]) for (name,) in names if (m := _PARTITION.fullmatch(name))), reverse=True)

    def find_key(self, org: int, credential: str, key: str) -> tuple[bytes, int] | None:
        for day in self.partitions():
            rows = self.rows(
                f"SELECT body_digest, seq FROM keys_{day:d} WHERE org = ? AND credential = ? AND key = ?",  # noqa: S608
                (org, credential, key),
            )
            if rows:
                return rows[0][0], rows[0][1]
        return None

    def meta(self, name: str) -> int:
        rows = self.rows("SELECT value FROM meta WHERE name = ?", (name,))
        return rows[0][0] if rows else 0

    def signer_epoch(self) -> int:
        return self.meta("signer_epoch")

    def free_pages(self) -> int:
        return int(self.rows("PRAGMA freelist_count")[0][0])
