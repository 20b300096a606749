"""`notify.db`: people's channels with their secrets, and what became of every notice for every person (0600).

Neither is in the ledger: addresses and tokens of channels are secrets and personal data, deliveries are news of the day. The
ledger knows that a channel was set or removed, and every notice that reached somebody by no channel at all. Losing the
file loses the channels; people set them again. Synchronous; all methods belong to one thread.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Any

import msgspec

from watchfloor.ledger.directory import check_private_file

_FORMAT = 1
DELIVERIES_KEPT = 50_000  # per server; the oldest finished go first
_CHANNELS = """CREATE TABLE channels (
    org INTEGER NOT NULL, person TEXT NOT NULL, name TEXT NOT NULL, position INTEGER NOT NULL, body BLOB NOT NULL,
    PRIMARY KEY (org, person, name)
) WITHOUT ROWID"""
_DELIVERIES = """CREATE TABLE deliveries (
    org INTEGER NOT NULL, about TEXT NOT NULL, person TEXT NOT NULL, seq INTEGER NOT NULL, severity TEXT NOT NULL,
    title TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL, channel TEXT NOT NULL, error TEXT NOT NULL,
    created_at INTEGER NOT NULL, finished_at INTEGER NOT NULL, PRIMARY KEY (org, about, person)
) WITHOUT ROWID"""
_COUNTED = "CREATE TABLE IF NOT EXISTS counted (org INTEGER PRIMARY KEY, seq INTEGER NOT NULL)"
_NEWEST = "CREATE INDEX deliveries_newest ON deliveries (org, seq)"
SHARED = "shared"  # in the place of a person: channels of the organisation
OPEN = "open"
DELIVERED = "delivered"
QUIET = "quiet"
NO_CHANNEL = "no_channel"
FAILED = "failed"


class Channel(msgspec.Struct, frozen=True, kw_only=True):
    """One way to reach a person. `url` may hold secrets; `secret` is what a webhook is signed with.

    Told from `severity_min` on; not between `quiet_from` and `quiet_until` (minutes of the day in `time_zone`, equal: never
    quiet) unless it is immediate. Lower `position` is tried first. `one_tap`: nobody but its person reads it, so a message
    may hold a link that votes.
    """

    name: str
    kind: str
    url: str
    secret: str = ""
    severity_min: str = "warning"
    position: int = 0
    quiet_from: int = 0
    quiet_until: int = 0
    time_zone: str = "UTC"
    one_tap: bool = False


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a notice for one person. `channel` is the one that took it, `error` why the last attempt failed."""

    person: str
    about: str
    seq: int
    severity: str
    title: str
    state: str
    attempts: int
    channel: str
    error: str
    created_at: int
    finished_at: int


class Store:
    """The file. `open` before anything else. Raises DirectoryUnsafe for one that others can read."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self) -> None:
        check_private_file(self._path)
        if not self._path.exists():
            os.close(os.open(self._path, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_NOFOLLOW, 0o600))
        db = self._db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        # A delivery that a power cut forgets is made again, with the same key; channels are kept for certain.
        for pragma in ("journal_mode = WAL", "synchronous = NORMAL", "busy_timeout = 5000"):
            db.execute(f"PRAGMA {pragma}")
        db.execute(_COUNTED)  # came later than the others
        if db.execute("PRAGMA user_version").fetchone()[0] == _FORMAT:
            return
        db.execute("BEGIN IMMEDIATE")
        for statement in (_CHANNELS, _DELIVERIES, _NEWEST, f"PRAGMA user_version = {_FORMAT}"):
            db.execute(statement)
        db.execute("COMMIT")

    def close(self) -> None:
        self._db.close()

    def channels(self, org: int, person: str) -> list[Channel]:
        """A person's channels in the order in which they are tried."""
        rows = self._db.execute(
            "SELECT body FROM channels WHERE org = ? AND person = ? ORDER BY position, name", (org, person)
        )
        return [msgspec.json.decode(body, type=Channel) for (body,) in rows]

    def set_channel(self, org: int, person: str, channel: Channel) -> None:
        body = msgspec.json.encode(channel)
        values = (org, person, channel.name, channel.position, body)
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute("INSERT OR REPLACE INTO channels VALUES (?, ?, ?, ?, ?)", values)
        self._db.execute("PRAGMA synchronous = NORMAL")

    def remove_channel(self, org: int, person: str, name: str) -> bool:
        sql = "DELETE FROM channels WHERE org = ? AND person = ? AND name = ?"
        return self._db.execute(sql, (org, person, name)).rowcount == 1

    def begin(
        self, org: int, about: str, person: str, seq: int, severity: str, title: str, at: int
    ) -> Delivery:
        """The delivery of a notice to a person, made when there is none: the same again is the same."""
        self._db.execute(
            "INSERT OR IGNORE INTO deliveries VALUES (?, ?, ?, ?, ?, ?, ?, 0, '', '', ?, 0)",
            (org, about, person, seq, severity, title, OPEN, at),
        )
        row = self._rows("org = ? AND about = ? AND person = ?", (org, about, person), 1)
        return row[0]

    def attempted(
        self, org: int, about: str, person: str, state: str, channel: str, error: str, at: int
    ) -> int:
        """One more attempt and what came of it; how many there were."""
        finished_at = at if state != OPEN else 0
        self._db.execute(
            "UPDATE deliveries SET attempts = attempts + 1, state = ?, channel = ?, error = ?, finished_at = ?"
            " WHERE org = ? AND about = ? AND person = ?",
            (state, channel, error[:300], finished_at, org, about, person),
        )
        row = self._db.execute(
            "SELECT attempts FROM deliveries WHERE org = ? AND about = ? AND person = ?", (org, about, person)
        ).fetchone()
        return int(row[0])

    def fail(self, org: int, about: str, person: str, at: int) -> None:
        """It is given up."""
        self._db.execute(
            "UPDATE deliveries SET state = ?, finished_at = ? WHERE org = ? AND about = ? AND person = ?",
            (FAILED, at, org, about, person),
        )

    def deliveries(self, org: int, person: str, limit: int) -> list[Delivery]:
        """The newest deliveries, of one person or (empty) of everybody."""
        if person:
            return self._rows("org = ? AND person = ?", (org, person), limit)
        return self._rows("org = ?", (org,), limit)

    def _rows(self, where: str, values: tuple[Any, ...], limit: int) -> list[Delivery]:
        names = ", ".join(Delivery.__struct_fields__)
        sql = f"SELECT {names} FROM deliveries WHERE {where} ORDER BY seq DESC, person LIMIT ?"  # noqa: S608
        fields = Delivery.__struct_fields__
        return [
            Delivery(**dict(zip(fields, row, strict=True))) for row in self._db.execute(sql, (*values, limit))
        ]

    def begun(self, org: int, head: int) -> int:
        """How far level 1 was counted; the head where it never was."""
        self._db.execute("INSERT OR IGNORE INTO counted VALUES (?, ?)", (org, head))
        row = self._db.execute("SELECT seq FROM counted WHERE org = ?", (org,)).fetchone()
        return int(row[0])

    def ended(self, org: int, seq: int) -> None:
        """It was counted so far."""
        self._db.execute("UPDATE counted SET seq = ? WHERE org = ?", (seq, org))

    def prune(self) -> None:
        """Forget the oldest finished deliveries beyond DELIVERIES_KEPT."""
        self._db.execute(
            "DELETE FROM deliveries WHERE finished_at > 0 AND finished_at < (SELECT finished_at FROM deliveries"
            " WHERE finished_at > 0 ORDER BY finished_at DESC LIMIT 1 OFFSET ?)",
            (DELIVERIES_KEPT,),
        )
