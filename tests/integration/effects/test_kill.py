"""kill -9 between doing an effect and marking it: everything is done, what was cut off again and with the same key."""

from __future__ import annotations

import asyncio
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.integration.effects.bells import RingBell, react, report
from tests.unit.views.history import History

from watchfloor.engine.effects import idempotency_key

EVENTS = 400
ROOT = Path(__file__).resolve().parents[3]

CHILD = """
import asyncio, os, sys
from pathlib import Path
from tests.integration.effects.bells import HandClock, RingBell, react
from tests.integration.effects.test_kill import EVENTS, all_reports
from watchfloor.engine.effects import Effects, Registration, idempotency_key

async def main():
    history = all_reports()
    book = os.open(sys.argv[2], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    async def ring(org, event, effect):
        os.write(book, f"{idempotency_key(event, effect)} {effect.bell}\\n".encode())
        await asyncio.sleep(0.03)

    effects = Effects(
        Path(sys.argv[1]), react=react, executors={RingBell: Registration(executor=ring)},
        read=history.read, clock=HandClock(),
    )
    await effects.start({1: 0 if sys.argv[3] == "first" else EVENTS})
    print("begun", flush=True)
    if sys.argv[3] == "first":
        for begin in range(0, EVENTS, 10):
            effects.apply(1, history.events[begin : begin + 10])
            await asyncio.sleep(0.002)
    while (await effects.counts()) != {"done": EVENTS}:
        await asyncio.sleep(0.01)
    print("done", flush=True)
    await effects.close()

asyncio.run(main())
"""


def all_reports() -> History:
    """The same events in every process, each wishing for one effect."""
    history = History()
    for _ in range(EVENTS):
        report(history)
    return history


def killed(path: Path, book: Path, which: str, after_s: float | None) -> bool:
    """Run the child and kill it after a while, or let it end; returns whether it said that all was done."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}/src:{ROOT}"}
    command = [sys.executable, "-c", CHILD, str(path), str(book), which]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT)
    assert child.stdout is not None
    try:
        assert child.stdout.readline() == "begun\n"
        if after_s is None:
            return child.stdout.readline() == "done\n"
        time.sleep(after_s)
        return False
    finally:
        if after_s is not None:
            child.send_signal(signal.SIGKILL)
        child.wait(30)
        child.stdout.close()


def rung(book: Path) -> list[str]:
    return book.read_text().splitlines()


@pytest.mark.serial
async def test_over_ten_kills_every_effect_is_done_and_repeated_ones_carry_the_key_they_had(
    tmp_path: Path,
) -> None:
    path, book = tmp_path / "effects.db", tmp_path / "book"
    chance = random.Random(3)
    await asyncio.to_thread(killed, path, book, "first", 0.15)
    for _ in range(9):
        await asyncio.to_thread(killed, path, book, "again", chance.uniform(0.02, 0.1))
    assert await asyncio.to_thread(killed, path, book, "again", None)
    lines = await asyncio.to_thread(rung, book)
    wanted = {
        f"{idempotency_key(event, RingBell(destination='front', bell=''))} front {event.seq}"
        for event in all_reports().events
        if react(event)
    }
    assert set(lines) == wanted
    assert EVENTS < len(lines) < EVENTS * 2, "some were cut off and done again; most were not"
