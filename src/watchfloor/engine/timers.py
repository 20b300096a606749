"""Due dates derived from state: a heap of (instant, kind, subject), rebuilt at start (DESIGN §2 *Time*).

Nothing is stored: a due date is what the subject's rules say of its state. Stale entries are dropped when they come
up. When the wall clock jumped, `shift` moves what is judged, so that no deadline passes because of the jump.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator

from watchfloor.engine.world import Cell, World
from watchfloor.kernel.messages import Command

_STALE_MAX = 4_096  # entries overtaken by newer due dates before the heap is rebuilt from those in force


class Timers:
    """Due dates of one organisation."""

    __slots__ = ("_armed", "_heap", "world")

    def __init__(self, world: World) -> None:
        self.world = world
        self._heap: list[tuple[int, str, int]] = []
        self._armed: dict[Cell, int] = {}

    def arm(self, kind: str, key: int) -> None:
        """Take note of the subject's due date as its state now says."""
        state = self.world.tables[kind].get(key)
        due = self.world.wiring.subjects[kind].due(state) if state is not None else 0
        cell = (kind, key)
        if due:
            if self._armed.get(cell) != due:
                self._armed[cell] = due
                heapq.heappush(self._heap, (due, kind, key))
                if len(self._heap) > _STALE_MAX + 4 * len(self._armed):
                    self._heap = [(at, *armed) for armed, at in self._armed.items()]
                    heapq.heapify(self._heap)
        else:
            self._armed.pop(cell, None)

    def arm_all(self) -> None:
        """Rebuild from state (start-up)."""
        self._heap.clear()
        self._armed.clear()
        for kind in self.world.wiring.subjects:
            for key in self.world.tables[kind]:
                self.arm(kind, key)

    def next_at(self) -> int:
        """The earliest due instant, 0 when there is none."""
        self._drop_stale()
        return self._heap[0][0] if self._heap else 0

    def _drop_stale(self) -> None:
        heap = self._heap
        while heap and self._armed.get((heap[0][1], heap[0][2])) != heap[0][0]:
            heapq.heappop(heap)

    def overdue(self, now: int, count: int) -> Iterator[Command]:
        """At most `count` commands that passed due dates lead to. Each due date comes up once."""
        while count > 0:
            self._drop_stale()
            if not self._heap or self._heap[0][0] > now:
                return
            _, kind, subject = heapq.heappop(self._heap)
            self._armed.pop((kind, subject), None)
            state = self.world.tables[kind].get(subject)
            if state is None:
                continue
            command = self.world.wiring.subjects[kind].overdue(subject, state, now)
            if command is not None:
                count -= 1
                yield command
