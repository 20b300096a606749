"""Effects to be performed in tests: bells that are rung, a clock that is moved by hand, a follower around them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.unit.views.history import START, History

from watchfloor.engine.effects import Effects, Registration, idempotency_key
from watchfloor.kernel.messages import Effect, Event
from watchfloor.work.messages import TaskReported

PLENTY_S = 20


class RingBell(Effect, frozen=True, kw_only=True):
    """Ring the bell of this name."""

    bell: str


class BlowHorn(Effect, frozen=True, kw_only=True):
    horn: str


def react(event: Event) -> list[Effect]:
    """A reported task rings the front bell, and the back bell too where it cost something."""
    facts = event.facts
    if not isinstance(facts, TaskReported):
        return []
    wished: list[Effect] = [RingBell(destination="front", bell=f"front {event.seq}")]
    if facts.cost_micro:
        wished.append(RingBell(destination="back", bell=f"back {event.seq}"))
    return wished


def report(history: History, cost_micro: int = 0) -> Event:
    return history.add(TaskReported(agent=1, cost_micro=cost_micro, generation=1, tokens=0), 1)


class HandClock:
    """An instant that moves only when told to (µs UTC)."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> int:
        return self.at


class Tower:
    """Where bells are rung. `falls` makes the next attempts fail; `gate` holds attempts until it is opened."""

    def __init__(self) -> None:
        self.rung: list[str] = []
        self.keys: list[str] = []
        self.falls: list[BaseException] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.at_once = 0
        self.at_once_max = 0

    async def ring(self, org: int, event: Event, effect: RingBell) -> None:
        self.at_once += 1
        self.at_once_max = max(self.at_once, self.at_once_max)
        try:
            await self.gate.wait()
            if self.falls:
                raise self.falls.pop(0)
            self.rung.append(effect.bell)
            self.keys.append(idempotency_key(event, effect))
        finally:
            self.at_once -= 1


@asynccontextmanager
async def follower(
    path: Path,
    history: History,
    tower: Tower,
    head: int | None = None,
    grace_ms: int = 2_000,
    **settings: Any,
) -> AsyncIterator[Effects]:
    """A running follower of this history; `settings` go to Effects or replace what is usual here."""
    usual: dict[str, Any] = {
        "react": react,
        "executors": {RingBell: Registration(executor=tower.ring, attempts_max=3)},
        "read": history.read,
        "clock": HandClock(),
        "jitter": lambda: 0.999,
    }
    effects = Effects(path, **{**usual, **settings})
    await effects.start({1: history.seq if head is None else head})
    try:
        yield effects
    finally:
        await effects.close(grace_ms)


async def until(effects: Effects, **counts: int) -> None:
    """Wait until exactly these counts of rows by state are there."""
    seen: dict[str, int] = {}
    for _ in range(PLENTY_S * 100):
        seen = await effects.counts()
        if seen == counts:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{seen} instead of {counts}; trouble: {effects.trouble!r}")


async def all_done(effects: Effects) -> None:
    """Wait until something was done and nothing is left to do; people may have been told of it besides."""
    seen: dict[str, int] = {}
    for _ in range(PLENTY_S * 100):
        seen = await effects.counts()
        if seen.keys() == {"done"}:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"{seen}: not all done; trouble: {effects.trouble!r}")
