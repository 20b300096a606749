"""The port through which tests break the store. In production `at` does nothing."""

from __future__ import annotations

from typing import Final, Protocol

STAGES: Final = (
    "begin",  # before BEGIN
    "insert",  # after the rows, before the commit record
    "commit",  # immediately before COMMIT
    "committed",  # durable, not answered yet
    "fold",  # before the log is folded back into the database file
    "folded",
)


class Faults(Protocol):
    def at(self, stage: str, /) -> None:
        """Called at each stage of `STAGES` on the writer's thread; may raise, sleep or kill the process."""


class NoFaults:
    def at(self, _stage: str, /) -> None:
        return None
