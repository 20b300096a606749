"""The one writer of the SQLite store: its own thread, one transaction per commit, poisoned by doubt.

Theory of operation
-------------------
Jobs come through a queue and are answered with one `call_soon_threadsafe`. A commit is BEGIN IMMEDIATE, executemany
per table, COMMIT. What can go wrong falls in three classes (DESIGN 2b.17):

* *rolled back for certain*: SQLITE_FULL (the disk refused bytes before the commit record), a constraint, a busy lock.
  The head is read back to make sure; the writer goes on.
* *unknown*: any I/O error, a failed fsync, damage, and every error after COMMIT was sent. The writer is poisoned: after
  a failed fsync the kernel may drop the dirty pages and report success the next time, so nothing that this process
  sees afterwards is proof. Only `reopen` (new connection, everything readable written and synced again, verified)
  clears it.
* *ours*: a batch that does not continue the head. Nothing was sent to the store.

Checkpoint notes wait a moment for the next commit and are written with it: at full load they cost no fsync of their own.

The write-ahead log is folded back beside the commits (folding.py).
"""

from __future__ import annotations

import asyncio
import contextlib
import queue
import sqlite3
import threading
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from watchfloor.ledger.contract import (
    Batch,
    BatchRefused,
    LedgerClosed,
    LedgerPoisoned,
    SequenceConflict,
    StorageBusy,
    StorageFull,
)
from watchfloor.ledger.limits import ORGANISATION_MAX, PAGE_BYTES, WAL_PAGES_MAX
from watchfloor.ledger.reserve import Reserve
from watchfloor.ledger.sqlite import statements as sql
from watchfloor.ledger.sqlite.faults import Faults
from watchfloor.ledger.sqlite.folding import Folder, fold
from watchfloor.ledger.sqlite.handover import Job, answer
from watchfloor.ledger.sqlite.schema import EPOCH, key_bounds, open_writer

NOTE_WAIT_MS = 2  # a note alone is delayed by less than an fsync may take


class Writer:
    """Owns the writing connection and its thread. All methods that begin with `_do` run on that thread."""

    def __init__(
        self, path: Path, *, synchronous: str, pages_max: int, reserve: Reserve, faults: Faults
    ) -> None:
        self._path = path
        self._synchronous = synchronous
        self._pages_max = pages_max
        self._reserve = reserve
        self._faults = faults
        self._heads: dict[int, int] = {}
        self._days: set[int] = set()
        self._log_pages = 0.0  # estimate of what the log holds
        self._log_scale = 2.0  # how far the last estimate was off
        self._erasing = False  # a redaction's old page is still in the log
        self.poisoned = ""
        self.full = False
        self._closed = False
        self._db = self._open()
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._folder = Folder(path, faults, self.poison)
        self._notes: list[Job] = []  # waiting to be written with the next commit
        self._thread = threading.Thread(target=self._run, name="ledger-writer", daemon=True)
        self._thread.start()

    def _open(self) -> sqlite3.Connection:
        connection = open_writer(self._path, self._synchronous)
        if self._pages_max:
            connection.execute(f"PRAGMA max_page_count = {self._pages_max:d}").fetchall()
        return connection

    # -- hand-over --------------------------------------------------------------------------------------------

    async def ask(self, work: Callable[[Any], Any], argument: Any = None) -> Any:
        """Run `work(argument)` on the writer's thread and wait for its result."""
        if self._closed:
            raise LedgerClosed("the ledger is closed")
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._jobs.put((work, argument, future, loop))
        return await future

    def _run(self) -> None:
        while (job := self._next_job()) is not None:
            work, argument, _, _ = job
            result = error = None
            try:
                result = work(argument)
            except BaseException as raised:  # noqa: BLE001 - whatever it was belongs to the caller
                error = raised
            answer(job, result, error)
            del job, argument, result, error
            if not self.poisoned:
                self._keep_log_short()
        self._write_notes_alone()

    def _next_job(self) -> Job | None:
        """The next job that is not a note; None at the end. Notes are kept until a commit comes, but not for long."""
        while True:
            try:
                job = self._jobs.get(timeout=NOTE_WAIT_MS / 1_000 if self._notes else None)
            except queue.Empty:
                self._write_notes_alone()
                continue
            if job is None or job[0] != self.do_checkpoint:
                return job
            self._notes.append(job)

    def close(self) -> None:
        """Finish what is queued, fold the log, close. Idempotent."""
        if self._closed:
            return
        self._closed = True
        self._jobs.put(None)
        self._thread.join()
        self._folder.close()
        if not self.poisoned:
            self._fold("TRUNCATE")
        self._db.close()

    # -- commit -----------------------------------------------------------------------------------------------

    def do_commit(self, batch: Batch) -> None:
        """One transaction (see the module's text for what it raises)."""
        self._require_writable(batch.essential)
        heads = self._next_heads(batch)
        if batch.redactions:
            self._secure_delete(True)
        days: set[int] = set()

        def write() -> None:
            db = self._db
            db.executemany(sql.INSERT_EVENTS, batch.events)
            if batch.privates:
                db.executemany(sql.INSERT_PRIVATES, batch.privates)
            if batch.tiles:
                db.executemany(sql.INSERT_TILES, batch.tiles)
            if batch.organisations:
                db.executemany(sql.INSERT_ORGANISATIONS, batch.organisations)
            if batch.credentials:
                db.executemany(sql.UPSERT_CREDENTIALS, batch.credentials)
            if batch.keys:
                days.update(self._write_keys(batch.keys))
            if batch.redactions:
                db.executemany(sql.INSERT_REDACTIONS, batch.redactions)
                db.executemany(sql.ERASE_PRIVATES, batch.redactions)
            if self._notes:
                self._write_notes()

        self._transaction(write, heads)
        self._answer_notes()
        self._heads.update(heads)
        self._days |= days
        self._log_pages += 3 + len(batch.events) * 700 // PAGE_BYTES
        if batch.redactions:
            self._secure_delete(False)
            self._erasing = True

    def _write_keys(self, keys: list[tuple[int, int, str, str, bytes, int]]) -> set[int]:
        by_day: dict[int, list[tuple[Any, ...]]] = {}
        for day, *rest in keys:
            by_day.setdefault(day, []).append(tuple(rest))
        for day, rows in by_day.items():
            if day not in self._days:
                self._db.execute(sql.CREATE_KEYS.format(day=day))
            self._db.executemany(f"INSERT INTO keys_{day:d} VALUES (?, ?, ?, ?, ?)", rows)  # noqa: S608 - an integer
        return set(by_day)

    def _next_heads(self, batch: Batch) -> dict[int, int]:
        """The heads after this batch. Raises SequenceConflict on a gap, before anything is sent."""
        heads: dict[int, int] = {}
        for org, seq, _, _, _ in batch.events:
            head = heads.get(org, -1)
            if head < 0:
                head = self._head(org)
            if seq != head + 1:
                raise SequenceConflict(f"organisation {org}: expected seq {head + 1}, the batch has {seq}")
            heads[org] = seq
        return heads

    def _head(self, org: int) -> int:
        head = self._heads.get(org)
        if head is None:
            if not 0 <= org <= ORGANISATION_MAX:
                raise BatchRefused(f"organisation {org} is outside 0 … {ORGANISATION_MAX}")
            head = self._heads[org] = self._stored_head(org)
        return head

    def _stored_head(self, org: int) -> int:
        row = self._db.execute(
            "SELECT id & 0xFFFFFFFFFF FROM events WHERE id > ? AND id <= ? ORDER BY id DESC LIMIT 1",
            key_bounds(org),
        ).fetchone()
        return row[0] if row else 0

    # -- one transaction and its failures ---------------------------------------------------------------------

    def _transaction(self, write: Callable[[], object], heads: dict[int, int]) -> None:
        stage = "begin"
        try:
            self._faults.at("begin")
            self._db.execute("BEGIN IMMEDIATE")
            stage = "insert"
            write()
            self._faults.at("insert")
            stage = "commit"
            self._faults.at("commit")
            self._db.execute("COMMIT")
            stage = "committed"
            self._faults.at("committed")
        except BaseException as error:
            raise self._judge(error, stage, heads) from error

    def _judge(self, error: BaseException, stage: str, heads: dict[int, int]) -> BaseException:
        """Which of the three classes a failure belongs to. Rolls back; poisons when in doubt."""
        if stage == "committed":
            return self._poison(f"outcome unknown after commit: {error}")
        if not isinstance(error, sqlite3.Error) or isinstance(
            error, sqlite3.ProgrammingError | sqlite3.InterfaceError
        ):
            # Not the store's doing: rows of a wrong shape, or a bug. It is the caller's, if nothing is left of it.
            return error if self._roll_back(heads) else self._poison(f"failed while writing: {error}")
        code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF
        if code == sqlite3.SQLITE_FULL and self._roll_back(heads):
            self.full = True
            self._reserve.release()
            return StorageFull("no space left in the store; nothing was written")
        if code == sqlite3.SQLITE_BUSY and stage != "commit" and self._roll_back(heads):
            return StorageBusy("the store was locked by another writer; nothing was written")
        if code == sqlite3.SQLITE_CONSTRAINT and self._roll_back(heads):
            return BatchRefused(f"nothing was written: {error}")
        self._roll_back(heads)
        name = getattr(error, "sqlite_errorname", "") or type(error).__name__
        return self._poison(f"{stage} failed: {name}: {error}")

    def _roll_back(self, heads: dict[int, int]) -> bool:
        """Roll back and prove it: the stored heads must be those from before. False when that cannot be shown."""
        try:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            return all(self._stored_head(org) == self._heads.get(org) for org in heads)
        except sqlite3.Error:
            return False

    def _poison(self, reason: str) -> LedgerPoisoned:
        self.poison(reason)
        return LedgerPoisoned(reason)

    def poison(self, reason: str) -> None:
        """Refuse every further write; the first reason is kept."""
        if not self.poisoned:
            self.poisoned = reason

    def _require_writable(self, essential: bool) -> None:
        if self.poisoned:
            raise LedgerPoisoned(self.poisoned)
        if self.full and not essential:
            if not self._reserve.refill():
                raise StorageFull("the disk is full; waiting for space")
            self.full = False

    # -- other jobs -------------------------------------------------------------------------------------------

    def do_checkpoint(self, row: tuple[int, int, str]) -> None:
        """Publish a signed note. Never run as a job of its own: see `_next_job`."""
        org, size, note = row
        epoch = self._db.execute(f"SELECT {EPOCH}").fetchone()[0]
        found = self._db.execute(
            "SELECT note FROM checkpoints WHERE org = ? AND epoch = ? AND size = ?", (org, epoch, size)
        ).fetchone()
        if found is None:
            self._db.execute(sql.INSERT_CHECKPOINT, (org, epoch, size, note))
        elif found[0] != note:
            raise BatchRefused(f"organisation {org} already has another checkpoint of size {size}")

    def _write_notes(self) -> None:
        """Inside a transaction. A note that contradicts a stored one is refused alone; the others go on."""
        for job in list(self._notes):
            try:
                self.do_checkpoint(job[1])
            except BatchRefused as error:
                self._notes.remove(job)
                answer(job, None, error)

    def _answer_notes(self, error: BaseException | None = None) -> None:
        notes, self._notes = self._notes, []
        for job in notes:
            answer(job, None, error)

    def _write_notes_alone(self) -> None:
        if not self._notes:
            return
        try:
            self._require_writable(False)
            self._transaction(self._write_notes, {})
        except BaseException as error:  # noqa: BLE001 - it belongs to those who wait
            self._answer_notes(error)
        self._answer_notes()
        self._log_pages += 2

    def do_drop_partitions(self, days: list[int]) -> int:
        """Drop whole days of idempotency keys."""
        for day in days:
            self._require_writable(False)
            self._transaction(partial(self._db.execute, f"DROP TABLE IF EXISTS keys_{day:d}"), {})
            self._days.discard(day)
            self._log_pages += 2
        return len(days)

    def do_compact(self, pages_max: int) -> int:
        """Give free pages back; incremental, so it is short."""
        self._require_writable(False)
        before: int = self._db.execute("PRAGMA freelist_count").fetchone()[0]
        if before:
            # The pragma frees one page per row it is stepped: it must be read to its end.
            self._transaction(
                lambda: self._db.execute(f"PRAGMA incremental_vacuum({pages_max:d})").fetchall(), {}
            )
            self._log_pages += min(before, pages_max)
        after: int = self._db.execute("PRAGMA freelist_count").fetchone()[0]
        return before - after

    def do_claim_epoch(self, epoch: int) -> None:
        """Store a signer epoch that is not lower than the stored one."""
        self._require_writable(False)

        def write() -> None:
            row = self._db.execute("SELECT value FROM meta WHERE name = 'signer_epoch'").fetchone()
            if row is not None and row[0] > epoch:
                raise BatchRefused(f"signer epoch {row[0]} has taken over from {epoch}")
            self._db.execute("INSERT OR REPLACE INTO meta (name, value) VALUES ('signer_epoch', ?)", (epoch,))

        self._transaction(write, {})
        self._log_pages += 1

    def do_reopen(self, verify: Callable[[], None]) -> None:
        """New connection; everything readable is written and synced once more; then `verify` must pass."""
        with contextlib.suppress(sqlite3.Error):
            self._db.close()
        self._heads.clear()
        self._days.clear()
        try:
            self._db = self._open()
            self.poisoned = ""
            self._fold("TRUNCATE")
            if not self.poisoned:
                verify()
        except BaseException as error:
            self.poisoned = self.poisoned or f"reopening failed: {error}"
            raise LedgerPoisoned(self.poisoned) from error
        if self.poisoned:
            raise LedgerPoisoned(self.poisoned)

    def _secure_delete(self, on: bool) -> None:
        self._db.execute(f"PRAGMA secure_delete = {'ON' if on else 'OFF'}").fetchall()

    def _keep_log_short(self) -> None:
        """Between two commits: have the bulk of a long log copied, and copy the rest oneself."""
        if self._erasing:
            # The log still holds the page as it was before the redaction: begin the log anew, at once if nobody reads.
            self._fold("TRUNCATE")
        elif self._folder.take_done():
            self._fold("PASSIVE")
        elif self._log_pages * self._log_scale >= WAL_PAGES_MAX:
            self._folder.begin()

    def _fold(self, mode: str) -> None:
        try:
            pages, folded = fold(self._db, mode, self._faults)
        except sqlite3.Error as error:
            self.poison(f"folding the log failed: {error}")
            return
        if pages < 0:  # somebody reads or copies: the next commit tries again
            return
        if mode == "TRUNCATE":
            self._erasing = False
        elif self._log_pages > 100:
            self._log_scale = min(4.0, max(0.25, pages / self._log_pages))
        self._log_pages = (pages - folded) / self._log_scale
