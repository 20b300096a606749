"""Opening a store of a history, letting it grow, and waiting for it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from tests.unit.views.history import History, decided

from watchfloor.engine.views import ViewStore
from watchfloor.kernel.messages import Event

PLENTY_MS = 20_000


@asynccontextmanager
async def store_of(
    history: History, path: Path, head: int | None = None, **settings: Any
) -> AsyncIterator[ViewStore]:
    store = ViewStore(path, **{"read": history.read, **settings})
    await store.start({1: history.seq if head is None else head})
    try:
        yield store
    finally:
        await store.close()


def grow(history: History, count: int, story: str = "tsk_1") -> list[Event]:
    return [history.add(decided(1 + i % 3), story=story if i % 2 else "") for i in range(count)]


async def switched(store: ViewStore) -> None:
    """Wait until no table is being built any more."""
    done = asyncio.Event()
    store.follow(lambda _: None if store.rebuilding else done.set())
    if store.rebuilding:
        await asyncio.wait_for(done.wait(), PLENTY_MS / 1_000)
