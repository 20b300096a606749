"""The stop journal: a stop that was acknowledged is in force, whatever happened to the file since (DESIGN 2b.9)."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from watchfloor.engine import stops
from watchfloor.engine.stops import JournalStop, StopJournal


def stop(
    number: int = 1, *, lifted: bool = False, scope: str = "tool", target: str = "fs", org: int = 1
) -> JournalStop:
    return JournalStop(
        id=f"stop-{number}", org=org, scope=scope, target=target, reason="r", by="per_a", at=1, lifted=lifted
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stops.journal"


def ids(path: Path) -> set[str]:
    """What a fresh start finds in force."""
    journal = StopJournal(path)
    found = {one.id for one in journal.in_force(1)}
    journal.close()
    return found


def test_what_is_in_force_survives_a_restart_and_what_was_lifted_does_not(path: Path) -> None:
    journal = StopJournal(path)
    before = journal.any
    journal.add(stop(1))
    journal.add(stop(2))
    journal.add(stop(1, lifted=True))
    assert (before, journal.any) == (False, True)
    journal.close()
    assert ids(path) == {"stop-2"}
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_stop_is_on_disk_before_add_returns(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[int] = []
    real = os.fsync

    def fsync(handle: int) -> None:
        synced.append(os.fstat(handle).st_size)
        real(handle)

    journal = StopJournal(path)
    monkeypatch.setattr(os, "fsync", fsync)
    journal.add(stop())
    assert synced == [path.stat().st_size]
    journal.close()


@pytest.mark.parametrize("kept", [1, 20, -2, -1])
def test_a_torn_last_line_is_skipped_and_takes_nothing_that_follows_with_it(path: Path, kept: int) -> None:
    """The stop after the crash gets a line of its own; glued to the torn one it would be lost at the next start."""
    journal = StopJournal(path)
    journal.add(stop(1))
    whole = path.stat().st_size
    journal.add(stop(2))
    journal.close()
    data = path.read_bytes()
    torn = data[whole:]
    path.write_bytes(data[:whole] + torn[:kept])
    journal = StopJournal(path)
    journal.add(stop(3))
    journal.close()
    assert ids(path) >= {"stop-1", "stop-3"}


def test_bytes_that_are_no_line_at_all_are_skipped(path: Path) -> None:
    journal = StopJournal(path)
    journal.add(stop(1))
    journal.close()
    path.write_bytes(b"\xff\xfe\n\n{}\n[1]\n" + path.read_bytes())
    assert ids(path) == {"stop-1"}


def test_a_disk_that_takes_half_a_line_leaves_the_stop_in_memory_and_the_next_one_whole(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    journal = StopJournal(path)
    real = os.write
    monkeypatch.setattr(os, "write", lambda handle, data: real(handle, data[: len(data) // 2]))
    with pytest.raises(OSError, match="only a part") as failed:
        journal.add(stop(1))
    assert failed.value.errno == errno.ENOSPC
    assert journal.hits(1, {"agent": ("a",), "tool": ("fs",)}) == "stop-1", "in force from memory"
    monkeypatch.undo()
    journal.add(stop(2))
    journal.close()
    assert ids(path) == {"stop-2"}


def test_a_long_journal_is_rewritten_with_every_stop_in_force_however_old(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stops, "_LINES_MAX", 10)
    journal = StopJournal(path)
    journal.add(stop(1))
    for _ in range(10):
        journal.add(stop(2))
        journal.add(stop(2, lifted=True))
    journal.close()
    assert ids(path) == {"stop-1"}
    assert len(path.read_bytes().splitlines()) == 1
    assert ids(path) == {"stop-1"}


@pytest.mark.parametrize(
    ("scope", "target", "hit"),
    [
        ("organisation", "", True),
        ("agent", "agt_a", True),
        ("agent", "agt_b", False),
        ("agent_type", "worker", True),
        ("action_type", "file.read", True),
        ("tool", "fs", True),
        ("tool", "", False),
        ("galaxy", "fs", False),
    ],
)
def test_a_stop_hits_what_it_names_in_its_own_organisation(
    path: Path, scope: str, target: str, hit: bool
) -> None:
    journal = StopJournal(path)
    asked = {
        "agent": ("agt_a",),
        "agent_type": ("worker",),
        "action_type": ("file.read",),
        "tool": ("fs",),
    }
    assert journal.hits(1, asked) == ""
    journal.add(stop(1, scope=scope, target=target))
    assert journal.hits(1, asked) == ("stop-1" if hit else "")
    assert journal.hits(2, asked) == ""
    assert journal.in_force(2) == []
    journal.close()
