"""Accepted work on disk: written before it is acknowledged, kept until the server has recorded what became of it.

One SQLite file; every change is durable (fsync) when the call returns. A task's states, in order: `offered` (kept,
not acknowledged yet), `accepted`, `committed` (the git workflow has made the commit; only delivery is left), `owed`
(the report waits for the server), `done`.
"""

from __future__ import annotations

import secrets
import sqlite3
import time
from pathlib import Path

import msgspec

from watchfloor_agent.errors import ConfigurationError
from watchfloor_agent.messages import TaskCompleted, TaskFailed
from watchfloor_agent.received import TaskAssigned

OFFERED, ACCEPTED, COMMITTED, OWED, DONE = "offered", "accepted", "committed", "owed", "done"
REMEMBERED = 1_000  # finished tasks, so that a repeated assignment of one is not done again
_SCHEMA = """
CREATE TABLE IF NOT EXISTS identity (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS tasks (
    task_id TEXT PRIMARY KEY, generation INTEGER NOT NULL, state TEXT NOT NULL, assigned BLOB NOT NULL,
    wakes INTEGER NOT NULL DEFAULT 0, accepted_at INTEGER NOT NULL DEFAULT 0, work BLOB NOT NULL DEFAULT x'',
    report_type TEXT NOT NULL DEFAULT '', report BLOB NOT NULL DEFAULT x'', note TEXT NOT NULL DEFAULT '',
    changed_at INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS tasks_state ON tasks (state, changed_at);
"""
_COLUMNS = "task_id, generation, state, assigned, wakes, accepted_at, work, report_type, report, note"

Report = TaskCompleted | TaskFailed
_REPORTS: dict[str, type[TaskCompleted] | type[TaskFailed]] = {
    TaskCompleted.FRAME: TaskCompleted,
    TaskFailed.FRAME: TaskFailed,
}


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """One task as the spool has it. `work` is what the git workflow must know to go on; `accepted_at` µs UTC."""

    task: TaskAssigned
    state: str
    wakes: int = 0
    accepted_at: int = 0
    work: bytes = b""
    report: Report | None = None
    note: str = ""

    @property
    def task_id(self) -> str:
        return self.task.task_id

    @property
    def generation(self) -> int:
        return self.task.generation


class Spool:
    """The tasks of one sidecar. Raises OSError when the disk does not take a change."""

    def __init__(self, path: Path) -> None:
        try:
            self._db = sqlite3.connect(path, isolation_level=None, timeout=5)
            path.chmod(0o600)
            self._db.execute("PRAGMA journal_mode = WAL")
            self._db.execute("PRAGMA synchronous = FULL")
            if self._db.execute("PRAGMA quick_check").fetchone() != ("ok",):
                raise sqlite3.DatabaseError("the check of its pages failed")
            self._db.executescript(_SCHEMA)
        except sqlite3.DatabaseError as error:
            raise ConfigurationError(
                f"{path} is damaged ({error}): move it away; open tasks come back from the server when their time is up"
            ) from error
        self._write("INSERT OR IGNORE INTO identity VALUES ('mark', ?)", secrets.token_hex(16))
        self.mark = str(self._db.execute("SELECT value FROM identity WHERE name = 'mark'").fetchone()[0])

    def close(self) -> None:
        """Let go of the file."""
        self._db.close()

    def get(self, task_id: str) -> Kept | None:
        """The task, finished ones included."""
        row = self._db.execute(f"SELECT {_COLUMNS} FROM tasks WHERE task_id = ?", (task_id,)).fetchone()  # noqa: S608
        return None if row is None else _kept(row)

    def open(self) -> list[Kept]:
        """Everything that is not done, oldest first."""
        found = self._db.execute(f"SELECT {_COLUMNS} FROM tasks WHERE state <> 'done' ORDER BY rowid")  # noqa: S608
        return [_kept(row) for row in found]

    def offer(self, task: TaskAssigned) -> None:
        """Keep an assignment, in place of an older one of the same task."""
        self._write(
            "INSERT OR REPLACE INTO tasks (task_id, generation, state, assigned, changed_at) VALUES (?, ?, ?, ?, ?)",
            task.task_id,
            task.generation,
            OFFERED,
            msgspec.json.encode(task),
            _now(),
        )

    def accept(self, task: TaskAssigned, at: int) -> None:
        """The server has recorded the acceptance; `at` µs."""
        self._change(task, "state = ?, accepted_at = ?", ACCEPTED, at)

    def hold(self, task: TaskAssigned, paused: bool) -> None:
        """A person holds the task, or lets it go on."""
        self._change(task, "assigned = ?", msgspec.json.encode(msgspec.structs.replace(task, paused=paused)))

    def wake(self, task: TaskAssigned) -> int:
        """The command is about to run; which time this is. Counted before, so that what kills the sidecar ends too."""
        self._change(task, "wakes = wakes + 1")
        kept = self.get(task.task_id)
        return kept.wakes if kept is not None else 0

    def commit(self, task: TaskAssigned, work: bytes) -> None:
        """The command is through and its commit is made: from here on only delivery is repeated."""
        self._change(task, "state = ?, work = ?", COMMITTED, work)

    def owe(self, report: Report, task: TaskAssigned) -> None:
        """What became of it, to be delivered."""
        self._change(
            task, "state = ?, report_type = ?, report = ?", OWED, report.FRAME, msgspec.json.encode(report)
        )

    def finish(self, task: TaskAssigned, note: str) -> None:
        """Nothing more is to be done about it; old ones are forgotten."""
        self._change(
            task, "state = ?, note = ?, work = x'', report = x'', assigned = ?", DONE, note, _stub(task)
        )
        self._write(
            "DELETE FROM tasks WHERE state = 'done' AND rowid NOT IN"
            " (SELECT rowid FROM tasks WHERE state = 'done' ORDER BY changed_at DESC LIMIT ?)",
            REMEMBERED,
        )

    def _change(self, task: TaskAssigned, columns: str, *values: object) -> None:
        self._write(
            f"UPDATE tasks SET {columns}, changed_at = ? WHERE task_id = ? AND generation = ?",  # noqa: S608
            *values,
            _now(),
            task.task_id,
            task.generation,
        )

    def _write(self, statement: str, *values: object) -> None:
        try:
            self._db.execute(statement, values)
        except sqlite3.Error as error:
            raise OSError(f"the spool cannot be written: {error}") from error


def _stub(task: TaskAssigned) -> bytes:
    """A finished task without its content."""
    return msgspec.json.encode(TaskAssigned(task_id=task.task_id, generation=task.generation))


def _kept(row: tuple[str, int, str, bytes, int, int, bytes, str, bytes, str]) -> Kept:
    _, _, state, assigned, wakes, accepted_at, work, report_type, report, note = row
    return Kept(
        task=msgspec.json.decode(assigned, type=TaskAssigned),
        state=state,
        wakes=wakes,
        accepted_at=accepted_at,
        work=work,
        report=msgspec.json.decode(report, type=_REPORTS[report_type]) if report else None,
        note=note,
    )


def _now() -> int:
    return time.time_ns() // 1000
