"""Folding a ledger back into state: from zero, from a snapshot, and what a snapshot costs those who are served.

    python -m benchmarks.fold [--quick]

The ledger is made by the server's own core and store, decision by decision; memory is looked at on the way. Goals:
the fold reaches 60 % of reading and decoding alone, start-up with a snapshot takes at most 10 s, a snapshot of 500,000
subjects never holds the loop for more than 15 ms, and memory after all decisions is that after a tenth of them + 5 %.
"""

from __future__ import annotations

import asyncio
import os
import time
from pathlib import Path
from typing import Any

import msgspec
from benchmarks.hot_path import COMMIT, Rig
from benchmarks.machine import rss_kib, scratch
from benchmarks.product import goal, report

from watchfloor.app import Backbone, freeze_garbage
from watchfloor.config import Config
from watchfloor.engine.world import World

AGENTS = 1_000
PAGE = 2_000
PAUSE_MS_MAX = 15


async def build(folder: Path, count: int) -> dict[str, Any]:
    """A ledger of so many decisions, committed through engine, views and signer as under load."""
    rig = Rig(folder)
    await rig.open(AGENTS)
    freeze_garbage()
    engine = rig.engine
    memory: list[int] = []
    began = time.perf_counter()
    tenth = count // 10
    for _ in range(10):
        for _ in range(tenth // COMMIT):
            first = rig.asked
            waiting = [
                asyncio.ensure_future(_asked(rig, first + index, data))
                for index, data in enumerate(rig.frames(COMMIT))
            ]
            await asyncio.gather(*waiting)
        await rig.backbone.views.wait(rig.org, engine.head(rig.org), 60_000)
        memory.append(rss_kib(os.getpid()))
    seconds = time.perf_counter() - began
    found = {
        "decisions": rig.asked,
        "events": engine.head(rig.org),
        "seconds": round(seconds, 1),
        "rss_kib_after_each_tenth": memory,
        "ledger_bytes_per_event": (folder / "data" / "ledger.db").stat().st_size // engine.head(rig.org),
    }
    await rig.close()
    return found


async def _asked(rig: Rig, number: int, data: bytes) -> None:
    request = rig.read(number, data)
    future = asyncio.get_running_loop().create_future()
    request.done = future.set_result
    rig.engine.submit(request)
    answer = await future
    if answer.event is None:
        raise RuntimeError(f"not decided: {answer}")


def read_and_decode(backbone: Backbone, org: int) -> float:
    """CPU seconds of the limit: every event read and decoded, nothing folded."""
    decode = backbone.core.catalogue.decode
    after, began = 0, time.process_time()
    while rows := backbone.ledger.read(org, after, PAGE):
        for _, data, _ in rows:
            decode(data)
        after += len(rows)
    return time.process_time() - began


def folded(backbone: Backbone, org: int) -> float:
    """CPU seconds of the fold from zero."""
    node = backbone.core.nodes[org]
    world = World(org, node.world.public, backbone.core.wiring, lambda *_: None)
    decode = backbone.core.catalogue.decode
    began = time.process_time()
    while rows := backbone.ledger.read(org, world.seq, PAGE):
        for _, data, _ in rows:
            world.apply(decode(data))
    return time.process_time() - began


async def snapshot_pauses(backbone: Backbone, org: int, subjects: int) -> dict[str, Any]:
    """The longest the loop stood still while a world of so many live subjects was written."""
    world = backbone.core.nodes[org].world
    some = next(state for seq in range(world.seq, 0, -1) if (state := world.read("action", seq)) is not None)
    running = msgspec.structs.replace(some, status="executing", until_at=2**50)
    for number in range(subjects):
        world.tables["action"][world.seq + number + 1] = msgspec.structs.replace(
            running, seq=world.seq + number + 1
        )
    freeze_garbage()
    late: list[float] = []

    async def ticking() -> None:
        while True:
            due = time.perf_counter() + 0.001
            await asyncio.sleep(0.001)
            late.append((time.perf_counter() - due) * 1e3)

    ticker = asyncio.ensure_future(ticking())
    await asyncio.sleep(0.5)
    idle, before = sorted(late), time.process_time()
    late.clear()
    began = time.perf_counter()
    await backbone.engine.snapshot(org)
    await asyncio.sleep(0)
    seconds, used = time.perf_counter() - began, time.process_time() - before
    ticker.cancel()
    late.sort()
    return {
        "subjects": subjects,
        "seconds": round(seconds, 2),
        "cpu_seconds": round(used, 2),
        "pause_max_ms": round(late[-1], 2),
        "pause_p99_ms": round(late[len(late) * 99 // 100], 2),
        "limit_pause_max_ms_while_idle": round(idle[-1], 2),
    }


async def measure(folder: Path, quick: bool) -> dict[str, Any]:
    config = Config(data=str(folder / "data"))
    backbone = Backbone(config)  # from zero: there is no snapshot yet
    await backbone.start()
    org = next(iter(backbone.core.nodes))
    await backbone.engine.snapshot(org)
    events = backbone.engine.head(org)
    reading, folding = read_and_decode(backbone, org), folded(backbone, org)
    await backbone.stop()
    began = time.perf_counter()
    backbone = Backbone(config)
    await backbone.start()
    start_up_s = time.perf_counter() - began
    pauses = await snapshot_pauses(backbone, org, 50_000 if quick else 500_000)
    for path in backbone.directory.snapshots.iterdir():
        path.unlink()  # its subjects were made up
    await backbone.stop()
    return {
        "events": events,
        "limit_read_and_decode_per_cpu_s": round(events / reading),
        "fold_per_cpu_s": round(events / folding),
        "share_of_the_limit": round(reading / folding, 3),
        "start_up_with_snapshot_s": round(start_up_s, 2),
        "snapshot": pauses,
    }


def run(quick: bool) -> dict[str, Any]:
    """Figures, limits and goals."""
    with scratch() as folder:
        built = asyncio.run(build(folder, 50_000 if quick else 1_000_000))
        found = asyncio.run(measure(folder, quick))
    memory = built["rss_kib_after_each_tenth"]
    growth = round(memory[-1] / memory[0] - 1, 3)
    share, start_up, pause = (
        found["share_of_the_limit"],
        found["start_up_with_snapshot_s"],
        found["snapshot"]["pause_max_ms"],
    )
    return {
        "built": built,
        **found,
        "goals": [
            goal("fold >= 60 % of read + decode", share, share >= 0.6),
            goal("start-up with a snapshot <= 10 s", start_up, start_up <= 10),
            goal(f"no pause > {PAUSE_MS_MAX} ms during a snapshot", pause, pause <= PAUSE_MS_MAX),
            goal("memory after all decisions <= after a tenth + 5 %", growth, growth <= 0.05),
        ],
    }


if __name__ == "__main__":
    report(run)
