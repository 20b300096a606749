"""Tasks for a server under measurement: a closed loop of submissions in its own process, as the peers submit theirs."""

from __future__ import annotations

import asyncio
import time
from typing import Any

from watchfloor.app import Server
from watchfloor.kernel.codec import canonical
from watchfloor.kernel.messages import Actor, Event
from watchfloor.work.messages import SubmitTask, TaskSucceeded

_PERSON = Actor(kind="person", id="per_bench")


class Submitting:
    """So many tasks under way; each is followed by the next when its success is durable."""

    def __init__(self, running: Server, org: int) -> None:
        self.engine = running.engine
        self.org = org
        self._ended: dict[int, asyncio.Future[None]] = {}
        self.engine.follow(self._follow)

    def _follow(self, org: int, events: list[Event]) -> None:
        if org == self.org:
            for event in events:
                if isinstance(event.facts, TaskSucceeded) and event.subject in self._ended:
                    self._ended.pop(event.subject).set_result(None)

    async def run(self, seconds: float, under_way: int) -> dict[str, Any]:
        """Tasks a second that succeeded in the window after one second of warming up, and how long each took (ms)."""
        opens = time.perf_counter() + 1
        until = opens + seconds
        spans: list[float] = []

        async def one() -> None:
            while time.perf_counter() < until:
                began = time.perf_counter()
                # The agent's side tells how long it took to reach it: both clocks are the machine's.
                private = canonical({"title": str(time.perf_counter_ns())})
                answer = await self.engine.ask(
                    self.org, SubmitTask(needs=("bench",), private=private), _PERSON
                )
                ended = self._ended[answer.seq] = asyncio.get_running_loop().create_future()
                await ended
                if opens <= time.perf_counter() < until:
                    spans.append((time.perf_counter() - began) * 1e3)

        await asyncio.wait_for(asyncio.gather(*(one() for _ in range(under_way))), seconds + 60)
        spans.sort()
        return {
            "per_second": round(len(spans) / seconds, 1),
            "end_ms": {
                "p50": round(spans[len(spans) // 2], 2),
                "p99": round(spans[len(spans) * 99 // 100], 2),
            },
        }
