"""The data directory is private, held by one process, and keeps a reserve (09-faults A3, A15, A16)."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from watchfloor.ledger.directory import (
    DataDirectory,
    DirectoryHeld,
    DirectoryUnsafe,
    check_private_file,
    make_private,
)
from watchfloor.ledger.files import write_durably
from watchfloor.ledger.reserve import Reserve

HOLD = """
import sys
from watchfloor.ledger.directory import DataDirectory, DirectoryHeld
try:
    held = DataDirectory(sys.argv[1])
except DirectoryHeld as error:
    sys.exit(str(error))
print("held", flush=True)
sys.stdin.read()
"""


def test_a_new_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "deep" / "data") as data:
        assert stat.S_IMODE(data.path.stat().st_mode) == 0o700
        assert data.database.parent == data.path


@pytest.mark.parametrize("mode", [0o755, 0o750, 0o707, 0o701])
def test_a_directory_that_others_can_enter_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "data"
    path.mkdir()
    path.chmod(mode)
    with pytest.raises(DirectoryUnsafe, match="chmod 700"):
        DataDirectory(path)


def test_a_symbolic_link_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir(mode=0o700)
    (tmp_path / "data").symlink_to(tmp_path / "real")
    with pytest.raises(DirectoryUnsafe, match="symbolic link"):
        DataDirectory(tmp_path / "data")


def test_a_file_is_not_a_directory(tmp_path: Path) -> None:
    (tmp_path / "data").touch(mode=0o600)
    with pytest.raises(DirectoryUnsafe, match="not a directory"):
        make_private(tmp_path / "data")


def test_somebody_elses_directory_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "data"
    path.mkdir(mode=0o700)
    monkeypatch.setattr("watchfloor.ledger.directory.os.geteuid", lambda: os.getuid() + 1)
    with pytest.raises(DirectoryUnsafe, match="belongs to uid"):
        DataDirectory(path)


def test_private_files_are_regular_ours_and_closed_to_others(tmp_path: Path) -> None:
    path = tmp_path / "key"
    check_private_file(path)
    path.touch(mode=0o600)
    check_private_file(path)
    path.chmod(0o644)
    with pytest.raises(DirectoryUnsafe, match="chmod 600"):
        check_private_file(path)
    link = tmp_path / "link"
    link.symlink_to(path)
    with pytest.raises(DirectoryUnsafe, match="regular file"):
        check_private_file(link)


def test_a_second_process_exits_with_the_firsts_pid(tmp_path: Path) -> None:
    first = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path / "data")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )  # fmt: skip
    assert first.stdout is not None
    assert first.stdout.readline() == "held\n"
    second = subprocess.run(
        [sys.executable, "-c", HOLD, str(tmp_path / "data")], capture_output=True, text=True, timeout=30, check=False
    )  # fmt: skip
    assert second.returncode == 1
    assert f"is held by process {first.pid}" in second.stderr
    first.kill()
    first.wait()
    first.communicate()
    with DataDirectory(tmp_path / "data"):  # the lock died with its holder: no hand is needed
        pass


def test_a_lock_whose_pid_cannot_be_read_is_still_a_lock(tmp_path: Path) -> None:
    with DataDirectory(tmp_path / "data") as data:
        (data.path / "watchfloor.lock").write_text("")
        with pytest.raises(DirectoryHeld, match="another process"):
            DataDirectory(tmp_path / "data")


def test_the_reserve_takes_real_blocks_and_gives_them_back(tmp_path: Path) -> None:
    reserve = Reserve(tmp_path / "reserve", 4 << 20)
    assert reserve.refill()
    assert reserve.held_bytes >= 4 << 20
    assert reserve.refill()
    reserve.release()
    assert reserve.held_bytes == 0
    reserve.release()


def test_no_reserve_is_taken_where_there_is_no_space_for_it(tmp_path: Path) -> None:
    huge = Reserve(tmp_path / "reserve", 1 << 60)
    assert not huge.refill()
    assert huge.held_bytes == 0


def test_a_durable_write_replaces_the_whole_file_or_nothing(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_durably(path, [b"old"])

    def failing() -> object:
        yield b"new"
        raise RuntimeError("the process dies here")

    with pytest.raises(RuntimeError):
        write_durably(path, failing())  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    write_durably(path, [b"n", b"ew"])
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
