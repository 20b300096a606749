"""The stop journal: a kill switch works from memory and its own file, whatever the database does (DESIGN 2b.9).

A stop is one line appended and fsynced, then a set in memory that is checked at ingress, at egress and at effect
dispatch; the ledger event follows when it can. Start-up reads the journal before any socket is accepted.
"""

from __future__ import annotations

import errno
import os
from pathlib import Path

import msgspec

from watchfloor.registers.stops import Names, hit

_LINES_MAX = 100_000  # a longer journal is rewritten at start with what is in force


def _fsync_folder(folder: Path) -> None:
    """A new file's name must survive a power cut too."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


class JournalStop(msgspec.Struct, frozen=True, kw_only=True):
    """One line, which takes the place of earlier ones of this id: `lifted` marks that it is over, `eased` its stages.

    `at` µs UTC.
    """

    id: str
    org: int
    scope: str
    target: str
    reason: str
    by: str
    at: int
    lifted: bool = False
    eased: tuple[tuple[str, str], ...] = ()
    number: int = 0


class StopJournal:
    """Stops in force on this node, by id. Synchronous and small: an fsync, no database."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stops: dict[str, JournalStop] = {}
        self._torn = False  # the file ends in the middle of a line: what follows needs a line of its own
        if path.exists():
            lines = path.read_bytes().splitlines(keepends=True)
            for line in lines:
                try:
                    self._take(msgspec.json.decode(line, type=JournalStop))
                except msgspec.DecodeError:
                    continue  # the torn line of a crash: it was never acknowledged
            self._torn = bool(lines) and not lines[-1].endswith(b"\n")
            if len(lines) > _LINES_MAX:
                self._compact()
                self._torn = False
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        _fsync_folder(path.parent)

    def _take(self, stop: JournalStop) -> None:
        # A new table in place of the old: lines are written on a thread of their own while the loop looks stops up.
        stops = {id_: known for id_, known in self._stops.items() if id_ != stop.id}
        self._stops = stops if stop.lifted else {**stops, stop.id: stop}

    def add(self, stop: JournalStop) -> None:
        """In force when this returns: written, fsynced, and in memory. In memory even when the disk refuses."""
        self._take(stop)
        line = (b"\n" if self._torn else b"") + msgspec.json.encode(stop) + b"\n"
        self._torn = True
        written = os.write(self._file, line)
        if written < len(line):
            raise OSError(errno.ENOSPC, "the stop journal took only a part of a line", str(self._path))
        self._torn = False
        os.fsync(self._file)

    def _compact(self) -> None:
        """Rewrite the file with what is in force: every stop that was not lifted, however old."""
        fresh = self._path.with_suffix(".fresh")
        with fresh.open("wb") as file:
            file.writelines(msgspec.json.encode(stop) + b"\n" for stop in self._stops.values())
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(self._path)

    @property
    def any(self) -> bool:
        """Is any stop in force on this node? Asked for every request."""
        return bool(self._stops)

    def all(self) -> list[JournalStop]:
        """Every stop in force, of all organisations."""
        return list(self._stops.values())

    def in_force(self, org: int) -> list[JournalStop]:
        return [stop for stop in self._stops.values() if stop.org == org]

    def hits(self, org: int, names: Names) -> str:
        """The id of a stop that hits what has these names, "" when none does."""
        for stop in self._stops.values():
            if stop.org == org and hit(stop.scope, stop.target, stop.eased, names):
                return stop.id
        return ""

    def close(self) -> None:
        os.close(self._file)
