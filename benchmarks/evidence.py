"""What evidence costs on append: chain, tree, tiles and checkpoints against the same store without them (spec 04).

    python benchmarks/evidence.py [--quick]

Both variants commit the same rows through the same writer with `synchronous=FULL`; they take turns, and the ratio of
the medians counts, because the disk's mood changes by the second. Checkpoints are taken as the engine takes them: at
most 1 s or 1,000 events apart, signed on a thread beside the commits, signer's file fsynced, note published by a
commit of its own.
The next batch is made while one is being committed, as the engine does; `one_after_the_other` is the same without that.
Goals: at most 1.5 times at 1 event a commit, 1.2 times at 50.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.product import goal

from watchfloor.kernel.limits import CHECKPOINT_INTERVAL_MS, EVENTS_PER_CHECKPOINT
from watchfloor.ledger.chain import Chain
from watchfloor.ledger.contract import Batch
from watchfloor.ledger.heads import LogView, load_head
from watchfloor.ledger.merkle import Tree, leaf_hash
from watchfloor.ledger.signer import Signer
from watchfloor.ledger.sqlite import SQLiteLedger, SQLiteSettings

EVENT_BYTES = 430  # a level-0 decision's canonical bytes, rounded
GOALS = {1: 1.5, 50: 1.2}
NO_HASH = bytes(32)


class Plain:
    """The store without evidence: rows only."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(mode=0o700, parents=True)
        settings = SQLiteSettings(reserve_bytes=1024 * 1024)
        self.ledger = SQLiteLedger(folder / "ledger.db", settings)
        self.seq = self.committed = 0

    def prepare(self, rows: list[bytes]) -> Batch:
        events = []
        for data in rows:
            self.seq += 1
            events.append((1, self.seq, self.seq, data, NO_HASH))
        return Batch(events=events)

    async def after_commit(self) -> None:
        """What follows a commit."""

    async def settle(self) -> None:
        """What still runs beside the commits belongs to their time."""

    async def close(self) -> None:
        await self.ledger.close()


class Evident(Plain):
    """The same with chain, tree, tiles and checkpoints."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.head = load_head(self.ledger, 1, "org_bench")
        self.signer = Signer(folder / "signer", "bench.example")
        self.signed, self.signed_at, self.note = 0, time.monotonic(), ""
        self.view: LogView | None = None  # taken with a batch, signed when that is durable
        self.signing: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.signing.set_result(None)

    def prepare(self, rows: list[bytes]) -> Batch:
        events, append = [], self.head.append
        for data in rows:
            self.seq += 1
            events.append((1, self.seq, self.seq, data, append(data)))
        tiles = [(1, *tile) for tile in self.head.tree.take_tiles()]
        aged = time.monotonic() - self.signed_at >= CHECKPOINT_INTERVAL_MS / 1_000
        if self.signing.done() and (aged or self.seq - self.signed >= EVENTS_PER_CHECKPOINT):
            self.signed, self.signed_at = self.seq, time.monotonic()
            self.view = self.head.view(self.ledger)
        return Batch(events=events, tiles=tiles)

    async def after_commit(self) -> None:
        if self.view is not None and self.view.size <= self.committed:
            view, self.view = self.view, None
            self.signing = asyncio.create_task(self.checkpoint(view))

    async def checkpoint(self, view: LogView) -> None:
        for fresh in await asyncio.to_thread(self.signer.sign, [(view, self.note or None)]):
            await self.ledger.store_checkpoint(fresh.org, fresh.size, fresh.note)
            self.note = fresh.note

    async def settle(self) -> None:
        await self.signing

    async def close(self) -> None:
        self.signer.close()
        await super().close()


async def commits_of(store: Plain, rows: list[bytes], commits: int, *, overlapped: bool) -> None:
    """Commit the rows again and again. Overlapped, the next batch is made while one is on its way to the disk."""
    batch = store.prepare(rows)
    for _ in range(commits):
        if overlapped:
            under_way = asyncio.create_task(store.ledger.commit(batch))
            await asyncio.sleep(0)
            batch = store.prepare(rows)
            await under_way
        else:
            await store.ledger.commit(batch)
            batch = store.prepare(rows)
        store.committed += len(rows)
        await store.after_commit()
    await store.ledger.commit(batch)
    await store.after_commit()
    await store.settle()


async def compare(
    folder: Path, per_commit: int, rounds: int, commits: int, *, overlapped: bool
) -> dict[str, float]:
    """Medians over rounds in which the two take turns; the ratio is the median of each round's own ratio.

    CPU is that of the whole process, writer and signer threads included; it is steadier than the disk.
    """
    stores = {"without": Plain(folder / "plain"), "with": Evident(folder / "evident")}
    rows = [os.urandom(EVENT_BYTES) for _ in range(per_commit)]
    count = (commits + 1) * per_commit
    wall: dict[str, list[float]] = {name: [] for name in stores}
    cpu: dict[str, list[float]] = {name: [] for name in stores}
    for number in range(rounds):
        for name in sorted(stores, reverse=bool(number % 2)):
            began, used = time.perf_counter(), time.process_time()
            await commits_of(stores[name], rows, commits, overlapped=overlapped)
            wall[name].append((time.perf_counter() - began) / count * 1e6)
            cpu[name].append((time.process_time() - used) / count * 1e6)
    for store in stores.values():
        await store.close()
    return {
        **{f"{name}_us_per_event": round(statistics.median(wall[name]), 2) for name in stores},
        **{f"{name}_cpu_us_per_event": round(statistics.median(cpu[name]), 2) for name in stores},
        "ratio": round(ratio(wall), 3),
        "cpu_ratio": round(ratio(cpu), 3),
    }


def ratio(took: dict[str, list[float]]) -> float:
    return statistics.median(b / a for a, b in zip(took["without"], took["with"], strict=True))


def cpu_us(work: Callable[[bytes], Any], count: int) -> float:
    """Best of three, µs a call."""
    rows = [os.urandom(EVENT_BYTES) for _ in range(1_000)]
    best = float("inf")
    for _ in range(3):
        began = time.perf_counter()
        for number in range(count):
            work(rows[number % 1_000])
        best = min(best, (time.perf_counter() - began) / count * 1e6)
    return round(best, 2)


def hashing(count: int) -> dict[str, float]:
    """The hot path's share: chain and tree alone, against one SHA-256 a row."""
    chain, tree, other = Chain(), Tree(), Chain()

    def both(data: bytes) -> None:
        chain.append(data)
        tree.append(leaf_hash(data))

    return {"limit_one_hash_us": cpu_us(other.append, count), "chain_and_tree_us": cpu_us(both, count)}


def run(quick: bool) -> dict[str, Any]:
    """Figures, limits and goals."""
    from benchmarks.machine import fdatasync, scratch

    rounds, events = (15, 3_000) if quick else (41, 6_000)
    with scratch() as folder:
        figures: dict[str, Any] = {
            "limit_fdatasync_us": fdatasync(folder, 300 if quick else 2_000),
            "hashing": hashing(20_000 if quick else 100_000),
        }
        for per_commit in GOALS:
            commits = max(20, events // per_commit // (10 if per_commit == 1 else 1))
            for name, overlapped in (("", True), ("_one_after_the_other", False)):
                figures[f"append_{per_commit}_per_commit{name}"] = asyncio.run(
                    compare(
                        folder / f"{per_commit}{name}", per_commit, rounds, commits, overlapped=overlapped
                    )
                )
    ratios = {per_commit: figures[f"append_{per_commit}_per_commit"]["ratio"] for per_commit in GOALS}
    figures["goals"] = [
        goal(
            f"append with evidence at {per_commit} per commit <= {most} times without",
            ratios[per_commit],
            ratios[per_commit] <= most,
        )
        for per_commit, most in GOALS.items()
    ]
    return figures


def main() -> None:
    print(json.dumps(run("--quick" in sys.argv), indent=2))


if __name__ == "__main__":
    main()
