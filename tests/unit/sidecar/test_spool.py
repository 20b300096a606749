"""The spool: what is written is there after any death, in its order (spec 2.5)."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from watchfloor_agent.errors import ConfigurationError
from watchfloor_agent.messages import TaskCompleted, TaskFailed
from watchfloor_agent.received import TaskAssigned
from watchfloor_agent.sidecar import spool as spools
from watchfloor_agent.sidecar.spool import ACCEPTED, COMMITTED, DONE, OFFERED, OWED, Spool


def task(number: int = 1, generation: int = 1) -> TaskAssigned:
    return TaskAssigned(
        task_id=f"tsk_{number}", generation=generation, title="t", input={"n": [1, None, "é"]}
    )


def test_a_task_goes_through_its_states_and_each_outlives_the_process(tmp_path: Path) -> None:
    def again() -> Spool:
        return Spool(tmp_path / "spool.db")

    report = TaskCompleted(task_id="tsk_1", generation=1, result={"a": 1}, tokens=3)
    changes: tuple[tuple[Callable[[Spool], None], str], ...] = (
        (lambda s: s.offer(task()), OFFERED),
        (lambda s: s.accept(task(), 77), ACCEPTED),
        (lambda s: s.commit(task(), b"work"), COMMITTED),
        (lambda s: s.owe(report, task()), OWED),
    )
    for change, state in changes:
        spool = again()
        change(spool)
        spool.close()
        spool = again()
        (kept,) = spool.open()
        assert (kept.state, kept.task) == (state, task())
        spool.close()
    assert (kept.accepted_at, kept.work, kept.report) == (77, b"work", report)
    spool = again()
    spool.finish(task(), "task:completed")
    assert spool.open() == []
    done = spool.get("tsk_1")
    assert done is not None
    assert (done.state, done.generation, done.note, done.task.input) == (DONE, 1, "task:completed", None)


def test_wakes_are_counted_before_they_happen(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db")
    spool.offer(task())
    assert [spool.wake(task()), spool.wake(task())] == [1, 2]
    assert spool.wake(task(9)) == 0


def test_a_newer_generation_takes_the_place_and_the_older_one_changes_nothing_any_more(
    tmp_path: Path,
) -> None:
    spool = Spool(tmp_path / "spool.db")
    spool.offer(task())
    spool.wake(task())
    spool.offer(task(generation=2))
    spool.owe(TaskFailed(task_id="tsk_1", generation=1, reason="x"), task())
    spool.finish(task(), "late")
    (kept,) = spool.open()
    assert (kept.generation, kept.state, kept.wakes) == (2, OFFERED, 0)


def test_finished_ones_are_remembered_up_to_a_bound(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spools, "REMEMBERED", 3)
    spool = Spool(tmp_path / "spool.db")
    for number in range(6):
        spool.offer(task(number))
        spool.finish(task(number), "")
    assert [number for number in range(6) if spool.get(f"tsk_{number}")] == [3, 4, 5]


def test_a_damaged_file_is_named_and_not_used(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    path.write_bytes(b"no database at all" * 100)
    with pytest.raises(ConfigurationError, match=r"spool\.db is damaged"):
        Spool(path)


def test_a_disk_that_takes_nothing_is_an_error_and_changes_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path / "spool.db")
    spool._db.execute("PRAGMA busy_timeout = 10")
    other = sqlite3.connect(tmp_path / "spool.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(OSError, match="cannot be written"):
        spool.offer(task())
    other.execute("ROLLBACK")
    assert spool.open() == []


def test_the_mark_is_the_same_in_every_life_and_only_the_owner_reads_the_file(tmp_path: Path) -> None:
    path = tmp_path / "spool.db"
    marks = {Spool(path).mark, Spool(path).mark}
    assert len(marks) == 1
    assert path.stat().st_mode & 0o077 == 0


def test_what_was_offered_before_kill_9_is_there(tmp_path: Path) -> None:
    program = (
        "import os, sys\nfrom pathlib import Path\nfrom watchfloor_agent.received import TaskAssigned\n"
        "from watchfloor_agent.sidecar.spool import Spool\nspool = Spool(Path(sys.argv[1]))\n"
        "for n in range(20):\n    spool.offer(TaskAssigned(task_id=f'tsk_{n}', generation=1))\n"
        "os.kill(os.getpid(), 9)\n"
    )
    ran = subprocess.run([sys.executable, "-c", program, str(tmp_path / "spool.db")], check=False)
    assert ran.returncode == -9
    assert len(Spool(tmp_path / "spool.db").open()) == 20
