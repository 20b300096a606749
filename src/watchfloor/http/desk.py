"""`desk.db`: what people keep for themselves in the dashboard, saved queries and views of pages (DESIGN 2b.6: no events).

Small, bounded, and of no consequence: losing the file loses conveniences. A query may be shared, then everybody of the
organisation sees it and only its owner changes it. Synchronous; called in threads, one at a time.
"""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path
from typing import Any

import msgspec

from watchfloor.kernel.limits import SAVED_PER_PERSON_MAX

_SCHEMA = """CREATE TABLE IF NOT EXISTS kept (
    org INTEGER NOT NULL, kind TEXT NOT NULL, owner INTEGER NOT NULL, place TEXT NOT NULL, name TEXT NOT NULL,
    body TEXT NOT NULL, shared INTEGER NOT NULL, changed_at INTEGER NOT NULL,
    PRIMARY KEY (org, kind, owner, place, name)
) WITHOUT ROWID"""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One thing kept. `kind` query or view; `place` the page a view is of; `owner` the person's integer."""

    kind: str
    owner: int
    place: str
    name: str
    body: str
    shared: bool
    changed_at: int


class TooMany(Exception):
    """The person keeps as many things of this kind as anybody may."""


class Desk:
    """The file; without a path it is kept in memory alone."""

    def __init__(self, path: Path | None = None) -> None:
        self._lock = threading.Lock()
        self._path = path
        self._connection: sqlite3.Connection | None = None

    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            if self._path is not None:
                self._path.touch(mode=0o600, exist_ok=True)
            self._connection = sqlite3.connect(
                self._path or ":memory:", isolation_level=None, check_same_thread=False
            )
            self._connection.execute(_SCHEMA)
        return self._connection

    def every(self, org: int, kind: str, owner: int, place: str | None = None) -> list[Kept]:
        """What a person may see of a kind: their own, and what others share; by name."""
        sql = (
            "SELECT kind, owner, place, name, body, shared, changed_at FROM kept WHERE org = ? AND kind = ?"
            " AND (owner = ? OR shared = 1) AND (? IS NULL OR place = ?) ORDER BY owner <> ?, name, owner"
        )
        with self._lock:
            rows = self._open().execute(sql, (org, kind, owner, place, place, owner)).fetchall()
        return [_of(row) for row in rows]

    def keep(self, org: int, kept: Kept) -> None:
        """Keep something, in place of what the same person called the same. Raises TooMany."""
        with self._lock:
            connection = self._open()
            key = (org, kept.kind, kept.owner)
            others = connection.execute(
                "SELECT count(*) FROM kept WHERE org = ? AND kind = ? AND owner = ? AND NOT (place = ? AND name = ?)",
                (*key, kept.place, kept.name),
            ).fetchone()[0]
            if others >= SAVED_PER_PERSON_MAX:
                raise TooMany
            row: tuple[Any, ...] = (*key, kept.place, kept.name, kept.body, int(kept.shared), kept.changed_at)
            connection.execute("INSERT OR REPLACE INTO kept VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)

    def drop(self, org: int, kind: str, owner: int, place: str, name: str) -> bool:
        """Keep it no longer. Was it there?"""
        with self._lock:
            done = self._open().execute(
                "DELETE FROM kept WHERE org = ? AND kind = ? AND owner = ? AND place = ? AND name = ?",
                (org, kind, owner, place, name),
            )
            return done.rowcount > 0

    def close(self) -> None:
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def _of(row: tuple[Any, ...]) -> Kept:
    return Kept(
        kind=row[0],
        owner=row[1],
        place=row[2],
        name=row[3],
        body=row[4],
        shared=bool(row[5]),
        changed_at=row[6],
    )
