"""The stop journal: a kill switch works from memory and its own file, whatever the database does (DESIGN 2b.9).

A stop is one line appended and fsynced, then a set in memory that is checked at ingress, at egress and at effect
dispatch; the ledger event follows when it can. Start-up reads the journal before any socket is accepted.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

_LINES_MAX = 100_000


class JournalStop(msgspec.Struct, frozen=True, kw_only=True):
    """One line: `lifted` marks that the stop of this id is over. `at` µs UTC."""

    id: str
    org: int
    scope: str
    target: str
    reason: str
    by: str
    at: int
    lifted: bool = False


class StopJournal:
    """Stops in force on this node, by id. Synchronous and small: an fsync, no database."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._stops: dict[str, JournalStop] = {}
        if path.exists():
            for line in path.read_bytes().splitlines()[-_LINES_MAX:]:
                try:
                    self._take(msgspec.json.decode(line, type=JournalStop))
                except msgspec.DecodeError:
                    continue  # the torn last line of a crash: it was never acknowledged
        self._file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def _take(self, stop: JournalStop) -> None:
        if stop.lifted:
            self._stops.pop(stop.id, None)
        else:
            self._stops[stop.id] = stop

    def add(self, stop: JournalStop) -> None:
        """In force when this returns: written, fsynced, and in memory. In memory even when the disk refuses."""
        self._take(stop)
        os.write(self._file, msgspec.json.encode(stop) + b"\n")
        os.fsync(self._file)

    @property
    def any(self) -> bool:
        """Is any stop in force on this node? Asked for every request."""
        return bool(self._stops)

    def in_force(self, org: int) -> list[JournalStop]:
        return [stop for stop in self._stops.values() if stop.org == org]

    def hits(self, org: int, *, agent: str, agent_type: str = "", action_type: str = "", tool: str = "") -> str:
        """The id of a stop that hits, "" when none does. `agent` is the public id."""
        if not self._stops:
            return ""
        targets = {"agent": agent, "agent_type": agent_type, "action_type": action_type, "tool": tool}
        for stop in self._stops.values():
            if stop.org == org and (
                stop.scope == "organisation" or (stop.target and targets.get(stop.scope) == stop.target)
            ):
                return stop.id
        return ""

    def close(self) -> None:
        os.close(self._file)
