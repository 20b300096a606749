"""The wheel: deadlines come once, in order, never early, and nobody is judged for a pause of ours (DESIGN §2)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from watchfloor.hub.deadlines import LATE_S, SLICE, Wheel


class Egg:
    """Notes when it was called."""

    def __init__(self) -> None:
        self.due = 0
        self.called_at: list[float] = []

    def expired(self) -> None:
        self.called_at.append(time.monotonic())


async def until(holds: Callable[[], object]) -> None:
    """Wait until something holds, however busy the machine is."""
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.01)


async def test_each_deadline_comes_once_and_not_early() -> None:
    wheel = Wheel(tick_ms=20)
    eggs = {after_ms: Egg() for after_ms in (0, 30, 100, 200)}
    began = time.monotonic()
    for after_ms, egg in eggs.items():
        wheel.set(egg, after_ms)
    await until(lambda: all(egg.called_at for egg in eggs.values()))
    await asyncio.sleep(0.05)
    for after_ms, egg in eggs.items():
        assert len(egg.called_at) == 1
        assert egg.called_at[0] - began >= after_ms / 1000 - 0.001
        assert egg.due == 0
    assert len(wheel) == 0


async def test_a_new_deadline_replaces_the_old_one_and_a_dropped_one_never_comes() -> None:
    wheel = Wheel(tick_ms=10)
    moved, dropped = Egg(), Egg()
    wheel.set(moved, 20)
    wheel.set(dropped, 20)
    moved_at = time.monotonic()
    wheel.set(moved, 200)
    wheel.drop(dropped)
    wheel.drop(dropped)
    await until(lambda: moved.called_at)
    await asyncio.sleep(0.05)
    (called_at,) = moved.called_at
    assert called_at - moved_at >= 0.19, "neither at the old deadline"
    assert dropped.called_at == []


async def test_an_idle_wheel_rests_and_starts_again() -> None:
    wheel = Wheel(tick_ms=10)
    for _ in range(3):
        egg = Egg()
        wheel.set(egg, 10)
        await until(lambda: egg.called_at and not wheel._running)  # noqa: B023 - waited for at once
        assert len(egg.called_at) == 1


async def test_a_crowd_is_judged_in_slices_between_which_others_get_their_turn() -> None:
    wheel = Wheel(tick_ms=10)
    eggs = [Egg() for _ in range(SLICE * 5)]
    for egg in eggs:
        wheel.set(egg, 10)
    turns = 0
    while not any(egg.called_at for egg in eggs):
        await asyncio.sleep(0)
    while not all(egg.called_at for egg in eggs):
        turns += 1
        await asyncio.sleep(0)
    assert turns >= 4


async def test_who_is_saved_by_an_earlier_one_of_the_same_crowd_is_not_judged() -> None:
    wheel = Wheel(tick_ms=10)
    saved = [Egg() for _ in range(SLICE * 2)]

    class Savior(Egg):
        def expired(self) -> None:
            super().expired()
            for egg in saved:
                if not egg.called_at:
                    wheel.drop(egg)

    saviors = [Savior() for _ in range(SLICE * 2)]
    for egg in [*saved, *saviors]:
        wheel.set(egg, 10)
    await until(lambda: all(egg.called_at for egg in saviors))
    assert any(not egg.called_at for egg in saved)


async def test_after_a_pause_of_the_process_answers_are_read_before_anybody_is_judged() -> None:
    wheel = Wheel(tick_ms=50)
    egg = Egg()
    answered = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readexactly(4)
        wheel.drop(egg)
        answered.set()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        _, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
        await asyncio.sleep(0.05)
        wheel.set(egg, 0)  # due at the next tick
        writer.write(b"pong")
        time.sleep(LATE_S + 0.3)  # noqa: ASYNC251 - the pause is the point
        await asyncio.wait_for(answered.wait(), 30)
        await asyncio.sleep(0.2)
        assert egg.called_at == []
        writer.close()
        await writer.wait_closed()
