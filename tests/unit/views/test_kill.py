"""kill -9 in the middle of writing views: they go on by themselves and end as if nothing had been (fault A1)."""

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
from tests.unit.views.history import History, decided
from tests.unit.views.kit import PLENTY_MS, store_of

from watchfloor.work.messages import TaskProgressed, TaskRequeued

EVENTS = 40_000
ROOT = Path(__file__).resolve().parents[3]

CHILD = """
import asyncio, sys
from pathlib import Path
from tests.unit.views.test_kill import EVENTS, long_history
from watchfloor.engine.views import ViewStore

async def main():
    history = long_history()
    store = ViewStore(Path(sys.argv[1]), read=history.read, interval_ms=1)
    await store.start({1: 0 if not Path(sys.argv[1]).exists() else EVENTS})
    print("begun", store.seq(1), flush=True)
    for begin in range(0, EVENTS, 100):
        store.apply(1, history.events[begin : begin + 100])
        await asyncio.sleep(0.001)
    await store.wait(1, EVENTS, 60_000)
    print("done", flush=True)
    await asyncio.sleep(60)

asyncio.run(main())
"""


def long_history() -> History:
    """The same events in every process: rows put once, rows changed again and again, stories."""
    history = History()
    for i in range(EVENTS):
        if i % 4 == 0:
            history.add(decided(i % 50, grant=None), story=f"tsk_{i % 300}")
        elif i % 4 == 1:
            history.add(TaskProgressed(generation=1, percent=i % 100, status="running"), 1 + i % 97)
        else:
            history.add(decided(i % 50) if i % 3 else TaskRequeued(), 0 if i % 3 else 1 + i % 97)
    return history


def killed(path: Path, after_s: float) -> int:
    """Run the child on this file and kill it after a while; returns the seq it saw when it began."""
    environment = {**os.environ, "PYTHONPATH": f"{ROOT}/src:{ROOT}"}
    command = [sys.executable, "-c", CHILD, str(path)]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment, cwd=ROOT)
    assert child.stdout is not None
    try:
        word, seq = child.stdout.readline().split()
        assert word == "begun"
        time.sleep(after_s)
    finally:
        child.send_signal(signal.SIGKILL)
        child.wait(10)
        child.stdout.close()
    return int(seq)


@pytest.mark.serial
async def test_views_of_a_process_killed_again_and_again_equal_views_never_disturbed(tmp_path: Path) -> None:
    path = tmp_path / "views.db"
    chance = random.Random(7)
    begun_at = [await asyncio.to_thread(killed, path, chance.uniform(0.005, 0.12)) for _ in range(8)]
    assert begun_at == sorted(begun_at), "what was visible once is visible after a kill"
    assert begun_at[-1] > 0
    history = long_history()
    async with store_of(history, path) as survived, store_of(history, tmp_path / "calm.db") as calm:
        assert survived.seq(1) >= begun_at[-1]
        await survived.wait(1, EVENTS, PLENTY_MS)
        await calm.wait(1, EVENTS, PLENTY_MS)
        assert survived.fingerprint(1) == calm.fingerprint(1)
