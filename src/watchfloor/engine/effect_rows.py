"""`effects.db`: one row per (organisation, event, destination), durable with fsync (DESIGN §2 *Effects*).

Synchronous; every method is called on the one thread that owns the connection. See engine/effects.py for the whole.

The life of a row:  pending → leased → done | failed, and back from leased to pending when an attempt failed, a stop
held it, or the process ended in between. The attempt is counted when it is leased, before anything is done, so that
work which kills its process ends in `failed` like any other (fault B10).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import NamedTuple

PENDING, LEASED, DONE, FAILED = "pending", "leased", "done", "failed"
PRUNE_ROWS = 500  # finished rows dropped per transaction
_FORMAT = 1


_DUE = """SELECT org, seq, destination, type, body, key, attempts + 1 AS attempt, next_at {more} FROM effects
 WHERE (state = 'pending' AND type = :kind AND next_at <= :now)
 OR (state = 'leased' AND type = :kind AND lease_until < :now)"""
_COLUMNS = "org, seq, destination, type, body, key, attempt"
_READY = f"SELECT {_COLUMNS} FROM ({_DUE.format(more='')}) ORDER BY next_at, seq LIMIT :most"  # noqa: S608
_PLACE = ", row_number() OVER (PARTITION BY org, destination ORDER BY next_at, seq) AS place"
# With a bound per destination: those it has under way come first, then its oldest, up to the bound.
_READY_EACH = f"""SELECT {_COLUMNS} FROM ({_DUE.format(more=_PLACE)}) LEFT JOIN (
 SELECT org, destination, count(*) AS held FROM effects
 WHERE state = 'leased' AND type = :kind AND lease_until >= :now GROUP BY org, destination
) USING (org, destination) WHERE place + coalesce(held, 0) <= :each ORDER BY next_at, seq LIMIT :most"""  # noqa: S608


class EffectsDamaged(Exception):
    """The file cannot be read. Without it every effect of the ledger is asked for again: move it away, then start."""


class NewRow(NamedTuple):
    """An effect as it is wished for. `key` goes to the receiver; `error` is set where no effect came of it."""

    org: int
    seq: int
    destination: str
    type: str
    body: bytes
    key: str
    created_at: int
    error: str = ""


class Leased(NamedTuple):
    """A row that was given out for one attempt, number `attempts`."""

    org: int
    seq: int
    destination: str
    type: str
    body: bytes
    key: str
    attempts: int


class Outcome(NamedTuple):
    """What became of an attempt: its row's next state. `counted` False: it was held and is no attempt."""

    org: int
    seq: int
    destination: str
    state: str
    at: int
    next_at: int
    error: str
    counted: bool = True


class Turn(NamedTuple):
    """What one transaction gave: rows to perform now, and when the next one is due (0: none waits)."""

    leased: list[Leased]
    next_at: int


class EffectRows:
    """The file. `open` before anything else."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def open(self, heads: Mapping[int, int]) -> dict[int, int]:
        """Open or make the file; leases of the process before are void. Returns the cursors.

        Where the ledger was set back, rows of events that are no more go, and the cursor with them.
        """
        self._db = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        try:
            return self._opened(heads)
        except BaseException as error:
            self._db.close()
            if isinstance(error, sqlite3.DatabaseError) and not isinstance(error, sqlite3.OperationalError):
                raise EffectsDamaged(f"{self._path.name}: {error}") from error
            raise

    def _opened(self, heads: Mapping[int, int]) -> dict[int, int]:
        db = self._db
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "busy_timeout = 5000"):
            db.execute(f"PRAGMA {pragma}")
        db.execute("BEGIN IMMEDIATE")
        if db.execute("PRAGMA user_version").fetchone()[0] != _FORMAT:
            self._found()
        db.execute("UPDATE effects SET state = 'pending', lease_until = 0 WHERE state = 'leased'")
        cursors = dict(db.execute("SELECT org, seq FROM cursors"))
        for org, seq in cursors.items():
            head = heads.get(org, 0)
            if seq > head:
                db.execute("DELETE FROM effects WHERE org = ? AND seq > ?", (org, head))
                db.execute("UPDATE cursors SET seq = ? WHERE org = ?", (head, org))
                cursors[org] = head
        db.execute("COMMIT")
        return cursors

    def _found(self) -> None:
        for statement in (
            """CREATE TABLE effects (
                org INTEGER NOT NULL, seq INTEGER NOT NULL, destination TEXT NOT NULL, type TEXT NOT NULL,
                body BLOB NOT NULL, key TEXT NOT NULL, state TEXT NOT NULL, attempts INTEGER NOT NULL,
                next_at INTEGER NOT NULL, lease_until INTEGER NOT NULL, created_at INTEGER NOT NULL,
                finished_at INTEGER NOT NULL, error TEXT NOT NULL, PRIMARY KEY (org, seq, destination)
            ) WITHOUT ROWID""",
            "CREATE INDEX effects_due ON effects (type, next_at) WHERE state = 'pending'",
            "CREATE INDEX effects_leased ON effects (type, lease_until) WHERE state = 'leased'",
            "CREATE INDEX effects_finished ON effects (finished_at) WHERE finished_at > 0",
            "CREATE TABLE cursors (org INTEGER PRIMARY KEY, seq INTEGER NOT NULL)",
            f"PRAGMA user_version = {_FORMAT}",
        ):
            self._db.execute(statement)

    def close(self) -> None:
        self._db.close()

    def turn(
        self,
        now: int,
        new: Iterable[NewRow],
        cursors: Mapping[int, int],
        outcomes: Iterable[Outcome],
        free: Mapping[str, int],
        most: int,
        leases_us: Mapping[str, int],
        per_destination: Mapping[str, int] | None = None,
    ) -> Turn:
        """One transaction: what is new, how far it was looked, what became of attempts; then due rows are leased.

        `free` says how many of each effect type may be given out, in this order, `most` how many together, `leases_us`
        for how long, `per_destination` how many of a type one destination may have at a time (absent: any number).
        Types that are not in `free` wait. Showing the same event again adds nothing.
        """
        db = self._db
        db.execute("BEGIN IMMEDIATE")
        try:
            for row in new:
                state, finished_at = (FAILED, row.created_at) if row.error else (PENDING, 0)
                db.execute(
                    "INSERT OR IGNORE INTO effects VALUES (?, ?, ?, ?, ?, ?, ?, 0, ?, 0, ?, ?, ?)",
                    (*row[:6], state, row.created_at, row.created_at, finished_at, row.error),
                )
            db.executemany("INSERT OR REPLACE INTO cursors VALUES (?, ?)", cursors.items())
            for outcome in outcomes:
                self._settle(outcome)
            leased: list[Leased] = []
            next_at = 0
            for kind, places in free.items():
                asked = max(0, min(places, most - len(leased)))
                each = (per_destination or {}).get(kind, 0)
                given = self._lease(kind, now, asked, leases_us[kind], each)
                leased += given
                if len(given) < asked:  # otherwise somebody who ends wakes us
                    due = self._next_due(
                        kind, now if each else -1
                    )  # what waits for a destination is woken too
                    next_at = min(filter(None, (next_at, due)), default=0)
            db.execute("COMMIT")
        except BaseException:
            if db.in_transaction:
                db.execute("ROLLBACK")
            raise
        return Turn(leased, next_at)

    def _settle(self, outcome: Outcome) -> None:
        finished_at = outcome.at if outcome.state in (DONE, FAILED) else 0
        self._db.execute(
            "UPDATE effects SET state = ?, next_at = ?, lease_until = 0, finished_at = ?, error = ?,"
            " attempts = attempts - ? WHERE org = ? AND seq = ? AND destination = ?",
            (
                outcome.state,
                outcome.next_at,
                finished_at,
                outcome.error,
                0 if outcome.counted else 1,
                outcome.org,
                outcome.seq,
                outcome.destination,
            ),
        )

    def _lease(self, kind: str, now: int, most: int, lease_us: int, each: int) -> list[Leased]:
        values = {"kind": kind, "now": now, "most": most, "each": each}
        rows = self._db.execute(_READY_EACH if each else _READY, values).fetchall()
        leased = [Leased(*row) for row in rows]
        self._db.executemany(
            "UPDATE effects SET state = 'leased', attempts = ?, lease_until = ?"
            " WHERE org = ? AND seq = ? AND destination = ?",
            [(row.attempts, now + lease_us, row.org, row.seq, row.destination) for row in leased],
        )
        return leased

    def _next_due(self, kind: str, after: int) -> int:
        due = self._db.execute(
            "SELECT next_at FROM effects WHERE state = 'pending' AND type = ? AND next_at > ?"
            " ORDER BY next_at LIMIT 1",
            (kind, after),
        ).fetchone()
        return int(due[0]) if due is not None else 0

    def orphaned(self, known: Iterable[str]) -> None:
        """Say of rows whose type nobody performs that they wait."""
        for (kind,) in self._db.execute(
            "SELECT DISTINCT type FROM effects WHERE state = 'pending'"
        ).fetchall():
            error = "" if kind in known else f"nothing performs {kind}"
            self._db.execute(
                "UPDATE effects SET error = ? WHERE state = 'pending' AND type = ? AND (error = '' OR error LIKE ?)",
                (error, kind, "nothing performs %"),
            )

    def retry(self, org: int, seq: int, destination: str, now: int) -> bool:
        """A person wants a failed row tried again, with all its attempts."""
        changed = self._db.execute(
            "UPDATE effects SET state = 'pending', attempts = 0, next_at = ?, finished_at = 0"
            " WHERE org = ? AND seq = ? AND destination = ? AND state = 'failed' AND type <> ''",
            (now, org, seq, destination),
        )
        return changed.rowcount == 1

    def prune(self, done_before: int, failed_before: int) -> int:
        """Drop finished rows that are old enough, at most PRUNE_ROWS of each; their events lie below the cursor and
        are not looked at again."""
        dropped = 0
        for state, before in ((DONE, done_before), (FAILED, failed_before)):
            dropped += self._db.execute(
                "DELETE FROM effects WHERE (org, seq, destination) IN (SELECT org, seq, destination FROM effects"
                " WHERE finished_at > 0 AND finished_at < ? AND state = ? LIMIT ?)",
                (before, state, PRUNE_ROWS),
            ).rowcount
        return dropped

    def rows(self, state: str, limit: int) -> list[dict[str, object]]:
        """Rows in a state, oldest first, for people."""
        cursor = self._db.execute(
            "SELECT org, seq, destination, type, state, attempts, next_at, lease_until, key, created_at, finished_at,"
            " error FROM effects WHERE state = ? ORDER BY created_at LIMIT ?",
            (state, limit),
        )
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]

    def counts(self) -> dict[str, int]:
        """How many rows are in each state."""
        return dict(self._db.execute("SELECT state, count(*) FROM effects GROUP BY state"))
