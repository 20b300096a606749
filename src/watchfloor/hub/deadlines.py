"""One timer for every deadline of a server: ten thousand sockets need no ten thousand timers."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Protocol

TICK_MS = 250  # deadlines here are seconds; a quarter of one is precise enough
SLICE = 200  # items judged in one turn of the loop, about 1 ms
LATE_S = (
    1.0  # a timer this late means that the process stood still, and so did everyone's answers in the kernel
)


class Item(Protocol):
    due: int
    """Tick at which `expired` is called; 0 = none. Written by the wheel alone."""

    def expired(self) -> None: ...


class Wheel:
    """Buckets of items by tick. `set`, `drop` and the turn itself cost O(1) an item.

    Ticks are counted, not read from a clock: a process that stood still judges nobody for the time it missed, and
    before it judges anybody it reads its sockets once (DESIGN §2 *Time*).
    """

    __slots__ = ("_buckets", "_expected", "_loop", "_overdue", "_phase", "_running", "_tick", "_tick_s")

    def __init__(self, tick_ms: int = TICK_MS) -> None:
        self._tick = 0
        self._tick_s = tick_ms / 1000
        self._buckets: dict[int, set[Item]] = {}
        self._overdue: deque[Item] = deque()
        self._phase = 0.0
        self._running = False
        self._expected = 0.0
        self._loop: asyncio.AbstractEventLoop | None = None

    def set(self, item: Item, after_ms: float) -> None:
        """Call `item.expired()` once, after `after_ms`; replaces an earlier deadline of the same item."""
        self.drop(item)
        due = self._tick + 1 + int(after_ms / 1000 / self._tick_s)
        item.due = due
        bucket = self._buckets.get(due)
        if bucket is None:
            self._buckets[due] = {item}
            if not self._running:
                self._start()
        else:
            bucket.add(item)

    def drop(self, item: Item) -> None:
        """Forget the item's deadline; harmless when it has none."""
        if item.due:
            bucket = self._buckets.get(item.due)
            if bucket is not None:
                bucket.discard(item)
            item.due = 0

    def spread(self) -> float:
        """A number in (0, 1], evenly scattered over successive calls, so that a storm's pings do not come as a storm."""
        self._phase = (self._phase + 0.6180339887498949) % 1.0
        return self._phase or 1.0

    def __len__(self) -> int:
        return sum(map(len, self._buckets.values())) + len(self._overdue)

    def _start(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._running = True
        self._arm()

    def _arm(self) -> None:
        assert self._loop is not None
        self._expected = self._loop.time() + self._tick_s
        self._loop.call_at(self._expected, self._turn)

    def _turn(self) -> None:
        assert self._loop is not None
        if self._loop.time() - self._expected > LATE_S:
            self._arm()
            return
        self._tick += 1
        bucket = self._buckets.pop(self._tick, None)
        if bucket:
            self._overdue.extend(bucket)
            self._judge()
        if self._buckets:
            self._arm()
        else:
            self._running = False

    def _judge(self) -> None:
        for _ in range(min(SLICE, len(self._overdue))):
            item = self._overdue.popleft()
            if (
                0 < item.due <= self._tick
            ):  # else dropped or given a new deadline while it waited for its slice
                item.due = 0
                item.expired()
        if self._overdue:
            assert self._loop is not None
            self._loop.call_soon(self._judge)
