"""Disks that fail, fill up, tear and lie, on the real store (09-faults A; general oracle a, b, d).

After every fault: acknowledged is a part of stored, stored is a part of attempted, verification passes, and the store
goes on without a hand. The calls are failed inside SQLite's own process by a preloaded shim (compiled here).
"""

from __future__ import annotations

import asyncio
import errno
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.contracts.ledger_kit import ORIGIN, Historian, SQLiteHouse

from watchfloor.ledger.contract import LedgerError, StorageFull
from watchfloor.ledger.recovery import start_up
from watchfloor.ledger.signer import Signer
from watchfloor.ledger.sqlite import SQLiteLedger, SQLiteSettings
from watchfloor.ledger.verify import require_good, verify_here

HERE = Path(__file__).parent
ROOT = HERE.parent.parent.parent
WRITE, SYNC = 1, 2


@pytest.fixture(scope="session")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that fails calls; skipped where there is no C compiler."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None:
        pytest.skip("no C compiler to build the fault shim with")
    library = tmp_path_factory.mktemp("shim") / "shim.so"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", library, HERE / "shim.c", "-ldl"], check=True, timeout=60
    )
    return library


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "tests.chaos.storage.worker", *map(str, arguments)]


def lines_of(shim: Path | None, *arguments: str | Path, timeout: int = 100) -> list[dict[str, Any]]:
    """What a worker printed. It must end well."""
    env = {**os.environ, **({"LD_PRELOAD": str(shim)} if shim else {})}
    done = subprocess.run(
        command(*arguments), cwd=ROOT, env=env, capture_output=True, text=True, timeout=timeout, check=False
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


# -- every single call fails once -------------------------------------------------------------------------------------

BROKEN = [
    pytest.param(WRITE, errno.EIO, False, {"poisoned"}, id="write_eio"),
    pytest.param(WRITE, errno.EIO, True, {"poisoned"}, id="write_torn_eio"),
    pytest.param(WRITE, errno.ENOSPC, False, {"full", "poisoned"}, id="write_enospc"),
    pytest.param(WRITE, errno.ENOSPC, True, {"full", "poisoned"}, id="write_torn_enospc"),
    pytest.param(SYNC, errno.EIO, False, {"poisoned"}, id="fsync_eio"),
    pytest.param(SYNC, errno.ENOSPC, False, {"poisoned"}, id="fsync_enospc"),
    pytest.param(WRITE, errno.EROFS, False, {"poisoned"}, id="write_read_only"),
]


@pytest.mark.parametrize("step", [3, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize(("kind", "error", "half", "outcomes"), BROKEN)
def test_whichever_call_fails_nothing_acknowledged_is_lost(
    shim: Path, tmp_path: Path, kind: int, error: int, half: bool, outcomes: set[str], step: int
) -> None:
    """The nth call fails, for n = 1, 2, 3 … until a run has no nth call: SQLite's own way of testing."""
    runs = lines_of(shim, "nth", tmp_path / "data", str(kind), str(error), "1" if half else "0", str(step))
    assert len(runs) >= 2
    seen = {run["outcome"] for run in runs}
    assert seen - {"untouched"} <= outcomes, seen
    assert runs[-1]["outcome"] == "untouched"
    for run in runs:
        assert run["acknowledged"] <= run["stored"] <= run["attempted"], run
        assert run["kept"] == run["stored"], run
        if run["outcome"] == "full":
            assert run["stored"] == run["acknowledged"], run  # refused cleanly: not there at all


def test_a_page_that_cannot_be_read_fails_its_query_and_poisons(shim: Path, tmp_path: Path) -> None:
    (found,) = lines_of(shim, "read", tmp_path / "data")
    assert (found["failed"], found["written"], found["after"]) == ("ReadFailed", False, 3_000)
    assert "IOERR" in found["poisoned"]
    assert "IOERR" in found["problem"]


def test_a_disk_without_space_is_refused_cleanly_and_recovers_by_itself(shim: Path, tmp_path: Path) -> None:
    (found,) = lines_of(shim, "persist", tmp_path / "data", str(WRITE), str(errno.ENOSPC))
    assert found == {"refusals": ["StorageFull"] * 5, "readable": 30, "after": 31, "full": False}


def test_a_disk_that_cannot_sync_poisons_until_reopened(shim: Path, tmp_path: Path) -> None:
    (found,) = lines_of(shim, "persist", tmp_path / "data", str(SYNC), str(errno.EIO))
    assert found["refusals"] == ["LedgerPoisoned"] * 5
    assert found["after"] in (31, 32)  # the unanswered one may exist once


def test_a_limit_on_the_files_size_loses_nothing(tmp_path: Path) -> None:
    (found,) = lines_of(None, "limit", tmp_path / "data", str(600 * 1024))
    assert found["refusal"] in ("StorageFull", "LedgerPoisoned")
    assert found["acknowledged"] <= found["readable"] <= found["before"] <= found["acknowledged"] + 20
    assert found["after"] == found["before"] + 20


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 6 MiB, where this machine lets us mount one."""
    target = tmp_path / "disk"
    target.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m,mode=700", "none", str(target)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small file system takes root")
    yield target
    subprocess.run(["umount", target], check=True)


async def test_a_real_full_disk_refuses_keeps_serving_reads_and_recovers(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ledger = SQLiteLedger(small_disk / "ledger.db", SQLiteSettings(reserve_bytes=256 * 1024))
    historian = Historian(ledger)
    await historian.write(1, 50)
    ballast.write_bytes(bytes(4 << 20))
    acknowledged = 50
    while True:
        try:
            await historian.write(1, 50, private=b"x" * 2_000)
            acknowledged += 50
        except StorageFull:
            break
    historian.forget()
    was_full = ledger.full
    assert was_full
    assert ledger.head(1)[0] == acknowledged
    with pytest.raises(StorageFull):
        await historian.write(1, 1)
    historian.forget()
    stop = historian.batch(1)
    stop.essential = True  # a kill switch is still recorded, in the space that was kept for it
    await ledger.commit(stop)
    assert ledger.head(1)[0] == acknowledged + 1
    ballast.unlink()
    await historian.write(1, 50)
    assert not ledger.full
    assert ledger.sizes().reserve_bytes >= 256 * 1024
    require_good(ledger)
    await ledger.close()


# -- kill -9 ----------------------------------------------------------------------------------------------------------


def killed(directory: Path, seed: int) -> tuple[int, int]:
    """Append until killed at a random instant; returns (acknowledged, attempted) as the outside saw them."""
    process = subprocess.Popen(command("append", directory), cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    first = process.stdout.readline()
    time.sleep(random.Random(seed).uniform(0.0, 0.12))
    os.kill(process.pid, signal.SIGKILL)
    output = (
        first + process.stdout.read()
    )  # not communicate(): it would forget what was read ahead with the first line
    process.stdout.close()
    process.wait(30)
    seen: dict[str, int] = {}
    for line in output.splitlines():
        if line.endswith("}"):
            seen.update(json.loads(line))
    return seen.get("acknowledged", 0), seen.get("attempted", 0)


@pytest.mark.parametrize("rounds", [12, pytest.param(100, marks=pytest.mark.long)])
def test_kill_9_under_load_loses_nothing_acknowledged_and_starts_without_a_hand(
    tmp_path: Path, rounds: int
) -> None:
    directory, house = tmp_path / "data", SQLiteHouse(tmp_path / "data")
    before = 0
    for seed in range(rounds):
        acknowledged, attempted = killed(directory, seed)
        ledger = house.open()
        stored = ledger.head(1)[0]
        assert max(before, acknowledged) <= stored <= max(before, attempted)
        require_good(ledger)
        before = stored
        ledger.close_now()
    assert before > rounds


@pytest.mark.parametrize("stage", ["begin", "insert", "commit", "committed", "fold", "folded"])
@pytest.mark.parametrize("nth", [1, 4])
def test_a_kill_at_any_stage_leaves_the_old_or_the_new_state(tmp_path: Path, stage: str, nth: int) -> None:
    done = subprocess.run(
        command("stage", tmp_path / "data", stage, str(nth)), cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )  # fmt: skip
    assert done.returncode == -signal.SIGKILL, done.stderr[-500:]
    seen: dict[str, int] = {"acknowledged": 0}
    for line in done.stdout.splitlines():
        seen.update(json.loads(line))
    house = SQLiteHouse(tmp_path / "data")
    ledger = house.open()
    stored = ledger.head(1)[0]
    if stage == "committed":
        assert stored == seen["attempted"]  # durable, and nobody was told
    elif stage in ("begin", "insert", "commit"):
        assert stored == seen["acknowledged"]
    else:
        assert seen["acknowledged"] <= stored <= seen["attempted"]
    require_good(ledger)
    house.close()


# -- torn, flipped, cut and missing bytes ------------------------------------------------------------------------------


class Crashed:
    """A store as a crash leaves it, with a full log beside the database; copied for each experiment."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.experiments = 0

    async def make(self) -> None:
        house = SQLiteHouse(self.path / "live")
        ledger = house.open()
        historian = Historian(ledger)
        self.ends: list[tuple[int, int]] = []  # (size of the log, events) after each commit
        signer = Signer(self.path / "signer", ORIGIN)
        await historian.write(1, 300, per_commit=60)
        await historian.sign(signer)
        for _ in range(12):
            await historian.write(1, 7, private=b"private")
            self.ends.append(((self.path / "live" / "ledger.db-wal").stat().st_size, ledger.head(1)[0]))
        await historian.sign(signer)
        signer.close()
        self.events = ledger.read(1, 0, 10_000)
        # Copying from this process would drop SQLite's locks: another one does it.
        copy = ["cp", "-a", str(self.path / "live"), str(self.path / "crashed")]
        await asyncio.to_thread(lambda: subprocess.run(copy, check=True))
        house.close()

    def experiment(self) -> SQLiteHouse:
        self.experiments += 1
        target = self.path / f"experiment-{self.experiments}"
        shutil.copytree(
            self.path / "crashed", target, ignore=shutil.ignore_patterns("ledger.db-shm", "reserve")
        )
        return SQLiteHouse(target)


@pytest.fixture
async def crashed(tmp_path: Path) -> Crashed:
    made = Crashed(tmp_path)
    await made.make()
    return made


async def test_a_log_torn_anywhere_recovers_to_a_whole_commit(crashed: Crashed) -> None:
    """Cut at multiples of 512 bytes, and with garbage behind the cut."""
    whole = (crashed.path / "crashed" / "ledger.db-wal").stat().st_size
    cuts = range(0, whole + 1, 512 * 23)
    for number, cut in enumerate(cuts):
        house = crashed.experiment()
        with house.path.with_name("ledger.db-wal").open("r+b") as log:
            log.truncate(cut)
            if number % 2:
                log.seek(cut)
                log.write(os.urandom(4_096))
        ledger = house.open()
        size = ledger.head(1)[0]
        at_least = max((events for end, events in crashed.ends if end <= cut), default=0)
        assert at_least <= size <= len(crashed.events)
        assert ledger.read(1, 0, 10_000) == crashed.events[:size]
        if size:
            require_good(ledger)
            await Historian(ledger).write(1, 3)
        house.close()


async def test_a_signed_history_that_lost_its_log_is_a_suspected_rollback(crashed: Crashed) -> None:
    house = crashed.experiment()
    house.path.with_name("ledger.db-wal").unlink()
    ledger = house.open()
    signer = Signer(crashed.path / "signer", ORIGIN)
    assert start_up(ledger, signer, house.path.with_name("verified.json")).rollback
    signer.close()
    house.close()


async def test_a_stale_shared_memory_file_does_no_harm(crashed: Crashed) -> None:
    house = crashed.experiment()
    shm = house.path.with_name("ledger.db-shm")
    shm.touch(mode=0o600)
    shm.write_bytes(os.urandom(32 * 1024))
    ledger = house.open()
    assert ledger.read(1, 0, 10_000) == crashed.events
    house.close()


@pytest.mark.parametrize("seed", range(4))
async def test_a_flipped_bit_is_found_or_does_not_matter(crashed: Crashed, seed: int) -> None:
    """In the database file: either verification, the start or opening says so, or every event is still what it was."""
    dice, found = random.Random(seed), 0
    base = crashed.experiment()
    base.open()
    base.close()  # the log is folded in: everything is in one file
    for _ in range(25):
        house = crashed.experiment()
        house.path.with_name("ledger.db-wal").unlink()
        shutil.copy(base.path, house.path)
        data = bytearray(house.path.read_bytes())
        data[dice.randrange(len(data))] ^= 1 << dice.randrange(8)
        house.path.write_bytes(bytes(data))
        try:
            ledger = house.open()
            (report,) = verify_here(ledger)
            seen = bool(report.problem)
            if not seen:
                assert ledger.read(1, 0, 10_000) == crashed.events
        except (LedgerError, ValueError, Exception):  # noqa: BLE001 - a database that cannot be opened was found out
            seen = True
        found += seen
        house.close()
    assert found >= 3  # most of the file is events: many flips must hit one
