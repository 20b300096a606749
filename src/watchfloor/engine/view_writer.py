"""`views.db` as its one writer sees it: opening, cursors, writing, building a new version of a table beside the old one.

Synchronous; every method is called on the writer thread (or before it runs). See engine/views.py for the whole.

The file is written without fsync. A killed process loses nothing, because the kernel has the pages; a machine that went
down may have kept any part of them. So a file that was not closed in order, by a process of another boot, is thrown
away and built anew. Closing in order writes everything to disk first.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from watchfloor.engine.view_rows import Folding, Storage
from watchfloor.kernel.messages import Event, Facts
from watchfloor.kernel.projection import Projector, Table

FORMAT = "1"  # of the file itself: another one is thrown away
PAGE_BYTES = 16 * 1024  # measured: a decision's row and its index entry cost a quarter less than with 4 KiB
CACHE_KIB = 8 * 1024  # the hot pages of the indexes; what else is asked for is in the system's own cache
WAL_PAGES_MAX = 2_500  # 40 MiB before the log is folded back, as the ledger
GIL_SLICE_EVENTS = 64  # events projected before other threads get a turn: about 0.2 ms
CLEAN = "clean"


def boot_id() -> str:
    """What distinguishes this run of the machine from earlier ones; empty where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return ""


class Writer:
    """The file, its cursors, and the changes that are not written yet. `cursor[org]` is the committed seq."""

    connection: sqlite3.Connection  # from `open` on

    def __init__(
        self,
        path: Path,
        tables: Sequence[Table],
        projectors: Mapping[type[Facts], Projector],
        every: Sequence[Projector],
    ) -> None:
        self.path = path
        self._storages = [Storage(table) for table in tables]
        self._projectors = projectors
        self._every = tuple(every)
        self.cursor: dict[int, int] = {}
        self.position: dict[int, int] = {}  # of what is folded but not committed
        self.building: dict[int, int] = {}  # seq up to which the tables being built have come
        self._to_build: list[Storage] = []
        self._frozen: dict[int, int] = {}  # the cursors when building began: where the old versions are
        self._partial = False  # some table being built has no old version: readers see it grow
        self._live = Folding(())
        self._beside = Folding(())

    # Opening and closing ---------------------------------------------------------------------------------------

    def open(self, heads: Mapping[int, int]) -> None:
        """Open the file, or make it anew when it cannot be trusted or is ahead of the ledger (`heads`).

        Raises sqlite3.OperationalError when that is not possible now (a full disk); it may be called again.
        """
        try:
            if not self._opened(heads):
                self.discard()
                self._connect()
                self._settle()
                self._found()
            self._arrange()
            self._mark(boot_id() or "unknown")
        except BaseException:
            self.abandon()
            raise
        self.cursor = self._read_cursors()
        self.position = dict(self.cursor)
        self._frozen = dict(self.cursor)

    def _opened(self, heads: Mapping[int, int]) -> bool:
        """Whether there is a file that can be believed."""
        self._connect()
        try:
            self._settle()
            return self._trusted() and not any(
                seq > heads.get(org, 0) for org, seq in self._read_cursors().items()
            )
        except sqlite3.OperationalError:
            raise
        except sqlite3.DatabaseError:
            return False

    def _connect(self) -> None:
        self.connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)

    def _settle(self) -> None:
        for pragma in (
            f"page_size = {PAGE_BYTES}",
            "journal_mode = WAL",
            "synchronous = OFF",
            f"cache_size = -{CACHE_KIB}",
            f"wal_autocheckpoint = {WAL_PAGES_MAX}",
            "busy_timeout = 5000",
        ):
            self.connection.execute(f"PRAGMA {pragma}")

    def _trusted(self) -> bool:
        """Was this file closed in order, or left behind by a process of this same boot?"""
        try:
            marks = dict(self.connection.execute("SELECT name, value FROM marks"))
        except sqlite3.OperationalError:
            return False  # a new file, or one of somebody else
        return marks.get("format") == FORMAT and marks.get("open") in (CLEAN, boot_id() or CLEAN)

    def _found(self) -> None:
        self.connection.executescript(
            "BEGIN IMMEDIATE;"
            "CREATE TABLE marks (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;"
            "CREATE TABLE cursors (org INTEGER PRIMARY KEY, seq INTEGER NOT NULL);"
            "CREATE TABLE built (rows TEXT PRIMARY KEY, name TEXT NOT NULL, shape TEXT NOT NULL,"
            " ready INTEGER NOT NULL) WITHOUT ROWID;"
            "COMMIT;"
        )
        self.connection.execute("INSERT INTO marks VALUES ('format', ?)", (FORMAT,))

    def _arrange(self) -> None:
        """Make the tables that are missing; decide which are fed and which are built beside."""
        db = self.connection
        db.execute("BEGIN IMMEDIATE")
        fresh = db.execute("SELECT count(*) FROM built").fetchone()[0] == 0
        built = {row[0]: row[1:] for row in db.execute("SELECT rows, name, shape, ready FROM built")}
        wanted = {storage.rows: storage for storage in self._storages}
        names = {storage.name for storage in self._storages}
        self._to_build, self._partial = [], False
        for rows, (name, shape, ready) in built.items():
            storage = wanted.get(rows)
            if storage is not None and (not ready or shape != storage.shape):
                self._drop(rows)  # half built by an earlier start, or of another shape
            elif storage is None and name not in names:
                db.execute(f"DROP VIEW IF EXISTS {name}")
                self._drop(rows)
        kept = {row[0] for row in db.execute("SELECT rows FROM built")}
        for storage in self._storages:
            if storage.rows not in kept:
                for statement in storage.create():
                    db.execute(statement)
                db.execute(
                    "INSERT INTO built VALUES (?, ?, ?, ?)",
                    (storage.rows, storage.name, storage.shape, int(fresh)),
                )
                if not fresh:
                    self._to_build.append(storage)
            old = any(name == storage.name and rows in kept for rows, (name, _, _) in built.items())
            if storage.rows in kept or not old:
                self._show(storage)
                self._partial = self._partial or storage in self._to_build
        db.execute("COMMIT")
        self._estimate()
        self._share()

    def _estimate(self) -> None:
        """Tell the planner how selective keys and indexes are; counting would cost time and change plans at run time."""
        db = self.connection
        db.execute("ANALYZE sqlite_schema")  # makes the table of statistics
        db.execute("BEGIN IMMEDIATE")
        db.execute("DELETE FROM sqlite_stat1")
        for storage in self._storages:
            db.executemany("INSERT INTO sqlite_stat1 VALUES (?, ?, ?)", storage.estimates())
        db.execute("COMMIT")
        db.execute("ANALYZE sqlite_schema")  # and has this connection read it

    def _share(self) -> None:
        """Who feeds which table from now on."""
        beside = {storage.name for storage in self._to_build}
        self._live = Folding([s for s in self._storages if s.name not in beside], beside)
        self._beside = Folding(self._to_build, {s.name for s in self._storages} - beside)
        self.building = {}

    def _show(self, storage: Storage) -> None:
        for statement in storage.show():
            self.connection.execute(statement)

    def _drop(self, rows: str) -> None:
        self.connection.execute(f"DROP TABLE IF EXISTS {rows}")
        self.connection.execute("DELETE FROM built WHERE rows = ?", (rows,))

    def _read_cursors(self) -> dict[int, int]:
        return dict(self.connection.execute("SELECT org, seq FROM cursors"))

    def _mark(self, state: str) -> None:
        self.connection.execute("INSERT OR REPLACE INTO marks VALUES ('open', ?)", (state,))

    def discard(self) -> None:
        """Close and delete the file. Readers that have it open keep reading the old rows."""
        self.abandon()
        for suffix in ("", "-wal", "-shm"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)
        self.cursor, self.position, self.building = {}, {}, {}
        self._live.clear()
        self._beside.clear()

    def abandon(self) -> None:
        """Close as a killed process would: nothing is promised about the file."""
        if hasattr(self, "connection"):
            self.connection.close()

    def close(self) -> None:
        """Everything to disk, then the word that it is."""
        self.connection.execute("PRAGMA synchronous = FULL")
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._mark(CLEAN)
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.connection.close()

    # Feeding the tables that are ready -------------------------------------------------------------------------

    def add(self, org: int, events: Sequence[Event]) -> None:
        """Fold in events that continue `position`; those before it have been seen and are left out."""
        position = self.position.get(org, 0)
        if events and events[0].seq <= position:
            events = [event for event in events if event.seq > position]
        if not events:
            return
        if events[0].seq != position + 1:
            raise ValueError(f"organisation {org}: seq {events[0].seq} does not follow {position}")
        self._project(self._live, org, events)
        self.position[org] = events[-1].seq

    def _project(self, folding: Folding, org: int, events: Sequence[Event]) -> None:
        projectors = self._projectors
        every = self._every
        add = folding.add
        for start in range(0, len(events), GIL_SLICE_EVENTS):
            for event in events[start : start + GIL_SLICE_EVENTS]:
                project = projectors.get(type(event.facts))
                if project is not None:
                    add(org, project(event))
                for project in every:
                    if changes := project(event):
                        add(org, changes)
            time.sleep(0)

    def commit(self) -> dict[int, int]:
        """Write what was added. Returns the organisations whose cursor moved. On an error everything is rolled back
        and forgotten: the caller reads it again from the ledger."""
        moved = {org: seq for org, seq in self.position.items() if self.cursor.get(org) != seq}
        if not moved:
            return moved
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            self._live.write(self.connection)
            self.connection.executemany("INSERT OR REPLACE INTO cursors VALUES (?, ?)", moved.items())
            self.connection.execute("COMMIT")
        except BaseException:
            self.forget()
            raise
        self._live.clear()
        self.cursor.update(moved)
        return moved

    def forget(self) -> None:
        """Back to what is committed."""
        if self.connection.in_transaction:
            self.connection.execute("ROLLBACK")
        self._live.clear()
        self._beside.clear()
        self.position = dict(self.cursor)

    # Building beside -------------------------------------------------------------------------------------------

    @property
    def rebuilding(self) -> list[str]:
        """Names of the tables that are being built beside their old version."""
        return [storage.name for storage in self._to_build]

    def visible(self, org: int) -> int:
        """The seq up to which readers see everything: while a new version is built, where the old one stopped."""
        if not self._to_build:
            return self.cursor.get(org, 0)
        frozen = self._frozen.get(org, 0)
        return min(frozen, self.building.get(org, 0)) if self._partial else frozen

    def build(self, org: int, events: Iterable[Event]) -> None:
        """Write the next events of one organisation, none beyond its cursor, into the tables being built."""
        cursor = self.cursor.get(org, 0)
        position = self.building.get(org, 0)
        these = [event for event in events if position < event.seq <= cursor]
        if not these or these[0].seq != position + 1:
            raise ValueError(f"organisation {org}: nothing that follows {position}")
        self._project(self._beside, org, these)
        try:
            self.connection.execute("BEGIN IMMEDIATE")
            self._beside.write(self.connection)
            self.connection.execute("COMMIT")
        except BaseException:
            self.forget()
            raise
        self._beside.clear()
        self.building[org] = these[-1].seq

    def behind(self) -> int | None:
        """An organisation whose tables being built have not come to its cursor."""
        if not self._to_build:
            return None
        return next((org for org, seq in self.cursor.items() if self.building.get(org, 0) < seq), None)

    def switch(self) -> None:
        """The built tables have caught up: readers see them from now on, the old ones go."""
        db = self.connection
        db.execute("BEGIN IMMEDIATE")
        for storage in self._to_build:
            self._show(storage)
            db.execute("UPDATE built SET ready = 1 WHERE rows = ?", (storage.rows,))
            old = db.execute(
                "SELECT rows FROM built WHERE name = ? AND rows <> ?", (storage.name, storage.rows)
            ).fetchall()
            for (rows,) in old:
                self._drop(rows)
        db.execute("COMMIT")
        self._to_build = []
        self._share()
