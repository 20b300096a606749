"""What runs inside the processes that the storage tests break. Prints JSON lines; the test reads them.

worker.py append DIRECTORY                 append for ever, a line per acknowledged batch (killed from outside)
worker.py stage DIRECTORY STAGE NTH        the same, and SIGKILL itself at the nth passing of a fault stage
worker.py nth DIRECTORY KIND ERRNO HALF    under the shim: fail the 1st, 2nd, 3rd … call until a run has none left
worker.py persist DIRECTORY KIND ERRNO     under the shim: every call fails for a while, then none
worker.py limit DIRECTORY BYTES            append under RLIMIT_FSIZE until refused, then go on reading
"""

from __future__ import annotations

import asyncio
import ctypes
import errno
import json
import os
import resource
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

from tests.contracts.ledger_kit import Historian

from watchfloor.ledger.contract import LedgerError, LedgerPoisoned, OrganisationRow, StorageFull
from watchfloor.ledger.sqlite import SQLiteLedger, SQLiteSettings, writer
from watchfloor.ledger.verify import require_good, verify_here

SETTINGS = SQLiteSettings(reserve_bytes=1024 * 1024)


def say(**facts: Any) -> None:
    print(json.dumps(facts), flush=True)


def opened(directory: Path, faults: Any = None) -> SQLiteLedger:
    directory.mkdir(mode=0o700, exist_ok=True)
    return SQLiteLedger(directory / "ledger.db", SETTINGS, faults=faults, verify=require_good)


async def append(directory: Path) -> None:
    ledger = opened(directory)
    historian = Historian(ledger)
    size = 1
    while True:
        before = historian.head(1).tree.size
        say(attempted=before + size)
        await historian.write(1, size, private=b"p" * 50)
        say(acknowledged=before + size)
        size = size % 40 + 7


class KillAt:
    def __init__(self, stage: str, nth: int) -> None:
        self.stage, self.left = stage, nth

    def at(self, stage: str, /) -> None:
        if stage == self.stage:
            self.left -= 1
            if self.left == 0:
                os.kill(os.getpid(), signal.SIGKILL)


async def stage(directory: Path, name: str, nth: int) -> None:
    vars(writer)["WAL_PAGES_MAX"] = 20  # the log is folded often, so that its stages are reached
    ledger = opened(directory, KillAt(name, nth))
    historian = Historian(ledger)
    for _ in range(200):
        before = historian.head(1).tree.size
        say(attempted=before + 9)
        await historian.write(1, 9)
        say(acknowledged=before + 9)
    raise SystemExit("the stage was never reached")


class Shim:
    def __init__(self) -> None:
        self._library = ctypes.CDLL(os.environ["LD_PRELOAD"])

    def arm(self, kind: int, nth: int, error: int, *, once: bool = True, half: bool = False) -> None:
        self._library.shim_arm(kind, nth, error, int(once), int(half))

    def disarm(self) -> None:
        self.arm(0, 0, 0)

    def count(self, kind: int) -> int:
        return int(self._library.shim_count(kind))


async def one_broken_run(
    directory: Path, shim: Shim, kind: int, nth: int, error: int, half: bool
) -> dict[str, Any]:
    """Six commits with one failing call somewhere; then heal and check. Returns what happened."""
    shutil.rmtree(directory, ignore_errors=True)
    ledger = opened(directory)
    historian = Historian(ledger)
    await historian.write(1, 30)
    acknowledged = attempted = 30
    outcome = "untouched"
    shim.arm(kind, nth, error, half=half)
    for _ in range(6):
        try:
            attempted = historian.head(1).tree.size + 5
            await historian.write(1, 5, private=b"x" * 3_000)
            acknowledged = attempted
        except StorageFull:
            outcome = "full"
            break
        except LedgerPoisoned:
            outcome = "poisoned"
            break
    calls = shim.count(kind)
    shim.disarm()
    historian.forget()
    if ledger.poisoned:
        outcome = "poisoned"
        await ledger.reopen()
    await historian.write(1, 1)  # healed: it goes on
    stored = ledger.head(1)[0] - 1
    ledger.close_now()
    again = opened(directory)
    require_good(again)
    kept = again.head(1)[0] - 1
    again.close_now()
    return {
        "nth": nth, "outcome": outcome, "acknowledged": acknowledged, "stored": stored, "attempted": attempted,
        "kept": kept, "calls": calls,
    }  # fmt: skip


async def nth(directory: Path, kind: int, error: int, half: bool, step: int) -> None:
    shim = Shim()
    for number in range(1, 500, step):
        found = await one_broken_run(directory, shim, kind, number, error, half)
        say(**found)
        if found["calls"] < number:
            return


async def persist(directory: Path, kind: int, error: int) -> None:
    shim = Shim()
    ledger = opened(directory)
    historian = Historian(ledger)
    await historian.write(1, 30)
    shim.arm(kind, 1, error, once=False)
    refusals = []
    for _ in range(5):
        try:
            await historian.write(1, 1)
            refusals.append("")
        except LedgerError as refused:
            refusals.append(type(refused).__name__)
            historian.forget()
    readable = ledger.head(1)[0]
    shim.disarm()
    if ledger.poisoned:
        await ledger.reopen()
    await historian.write(1, 1)
    say(refusals=refusals, readable=readable, after=ledger.head(1)[0], full=ledger.full)
    ledger.close_now()


async def read(directory: Path) -> None:
    """09-faults A6: that query fails, the node is not ready, verification says so; healed, everything is there."""
    ledger = opened(directory)
    await Historian(ledger).write(1, 3_000)
    ledger.close_now()
    shim, ledger = Shim(), opened(directory)
    shim.arm(4, 1, errno.EIO, once=False)
    try:
        ledger.read(1, 0, 3_000)
        failed = ""
    except LedgerError as error:
        failed = type(error).__name__
    poisoned = ledger.poisoned
    try:
        await Historian(ledger).write(1, 1)
        written = True
    except LedgerError:
        written = False
    (report,) = verify_here(Unlisted(ledger))
    shim.disarm()
    await ledger.reopen()
    say(
        failed=failed,
        poisoned=poisoned,
        written=written,
        problem=report.problem,
        after=len(ledger.read(1, 0, 9_999)),
    )
    ledger.close_now()


class Unlisted:
    """A ledger whose head and organisations were read before its disk failed."""

    def __init__(self, ledger: SQLiteLedger) -> None:
        self._ledger = ledger

    def organisations(self) -> list[OrganisationRow]:
        return [OrganisationRow(1, "org_1", "", 0)]

    def head(self, _org: int) -> tuple[int, bytes]:
        return 3_000, bytes(32)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


async def limit(directory: Path, size: int) -> None:
    ledger = opened(directory)
    historian = Historian(ledger)
    await historian.write(1, 10)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    acknowledged, refusal = 10, ""
    while not refusal:
        try:
            await historian.write(1, 20)
            acknowledged += 20
        except LedgerError as error:
            refusal = type(error).__name__
    readable = ledger.head(1)[0]
    resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    historian.forget()
    if ledger.poisoned:
        await ledger.reopen()
    before = ledger.head(1)[0]
    await historian.write(1, 20)
    say(refusal=refusal, acknowledged=acknowledged, readable=readable, before=before, after=ledger.head(1)[0])
    require_good(ledger)
    ledger.close_now()


def main() -> None:
    name, directory, *rest = sys.argv[1:]
    path = Path(directory)
    if name == "append":
        asyncio.run(append(path))
    elif name == "stage":
        asyncio.run(stage(path, rest[0], int(rest[1])))
    elif name == "read":
        asyncio.run(read(path))
    elif name == "nth":
        asyncio.run(nth(path, int(rest[0]), int(rest[1]), rest[2] == "1", int(rest[3])))
    elif name == "persist":
        asyncio.run(persist(path, int(rest[0]), int(rest[1])))
    elif name == "limit":
        asyncio.run(limit(path, int(rest[0])))


if __name__ == "__main__":
    main()
