"""Effects are done at least once, with a key, within their limits, and never lost in silence (DESIGN §2, 2b.9)."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest
from tests.integration.effects.bells import (
    BlowHorn,
    HandClock,
    RingBell,
    Tower,
    follower,
    react,
    report,
    until,
)
from tests.unit.views.history import History

from watchfloor.engine.effects import (
    Effects,
    Registration,
    Undeliverable,
    backoff_us,
    idempotency_key,
)
from watchfloor.kernel.instants import MILLISECOND, SECOND
from watchfloor.kernel.messages import Effect, Event
from watchfloor.work.messages import TaskRequeued


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "effects.db"


@pytest.fixture
def history() -> History:
    return History()


@pytest.fixture
async def tower() -> Tower:
    return Tower()


async def test_each_effect_of_an_event_is_done_once_and_marked(
    path: Path, history: History, tower: Tower
) -> None:
    async with follower(path, history, tower) as effects:
        history.add(TaskRequeued(), 1)
        report(history, cost_micro=5)
        effects.apply(1, history.events)
        await until(effects, done=2)
        assert sorted(tower.rung) == ["back 2", "front 2"]
        (row, _) = await effects.rows("done")
        assert (row["attempts"], row["type"], row["error"]) == (1, "RingBell", "")
        assert row["key"] in tower.keys


async def test_events_shown_twice_in_the_same_process_or_the_next_do_nothing_more(
    path: Path, history: History, tower: Tower
) -> None:
    async with follower(path, history, tower) as effects:
        report(history)
        effects.apply(1, history.events)
        effects.apply(1, history.events)
        await until(effects, done=1)
    with sqlite3.connect(path) as database:
        database.execute("DELETE FROM cursors")  # as after a crash before the cursor was stored
    database.close()
    async with follower(path, history, tower) as effects:
        effects.apply(1, history.events)
        await asyncio.sleep(0.1)
        await until(effects, done=1)
    assert tower.rung == ["front 1"]


async def test_a_start_catches_up_from_its_cursor_and_looks_at_nothing_before_it(
    path: Path, history: History, tower: Tower
) -> None:
    async with follower(path, history, tower) as effects:
        for _ in range(3):
            report(history)
        effects.apply(1, history.events)
        await until(effects, done=3)
    for _ in range(4):
        report(history)
    history.reads = 0
    looked: list[int] = []

    def watching(event: Event) -> list[Effect]:
        looked.append(event.seq)
        return react(event)

    async with follower(path, history, tower, react=watching) as effects:
        await until(effects, done=7)
    assert looked == [4, 5, 6, 7]
    assert sorted(tower.rung) == [f"front {seq}" for seq in range(1, 8)]


async def test_a_gap_in_what_is_applied_is_read_from_the_ledger(
    path: Path, history: History, tower: Tower
) -> None:
    async with follower(path, history, tower) as effects:
        report(history)
        last = report(history)
        effects.apply(1, [last])
        await until(effects, done=2)


async def test_a_failed_attempt_comes_back_after_a_back_off_that_doubles_then_fails_for_good(
    path: Path, history: History, tower: Tower
) -> None:
    clock = HandClock()
    tower.falls = [ConnectionError("no route"), ConnectionError("no route"), ConnectionError("still none")]
    async with follower(path, history, tower, clock=clock) as effects:
        report(history)
        effects.apply(1, history.events)
        for attempt, rest_ms in ((1, 999), (2, 1_999)):
            await _attempted(effects, attempt)
            (row,) = await effects.rows("pending")
            assert row["next_at"] == clock.at + rest_ms * MILLISECOND
            assert row["error"] == "ConnectionError: no route"
            clock.at += rest_ms * MILLISECOND - 1
            effects.wake()
            await asyncio.sleep(0.05)
            assert len(tower.falls) == 3 - attempt, "not before its time"
            clock.at += 1
            effects.wake()
        await until(effects, failed=1)
        (row,) = await effects.rows("failed")
        assert (row["attempts"], row["error"]) == (3, "ConnectionError: still none")
        assert not await effects.retry(1, 1, "back")
        assert await effects.retry(1, 1, "front")
        await until(effects, done=1)


async def _attempted(effects: Effects, attempts: int) -> None:
    for _ in range(3_000):
        rows = await effects.rows("pending")
        if rows and rows[0]["attempts"] == attempts and rows[0]["error"]:
            return
        await asyncio.sleep(0.01)
    raise AssertionError(f"no attempt {attempts}")


async def test_what_can_never_be_delivered_fails_at_its_first_attempt(
    path: Path, history: History, tower: Tower
) -> None:
    tower.falls = [Undeliverable("no such address")]
    async with follower(path, history, tower) as effects:
        report(history)
        effects.apply(1, history.events)
        await until(effects, failed=1)
        (row,) = await effects.rows("failed")
        assert (row["attempts"], row["error"]) == (1, "Undeliverable: no such address")


async def test_an_attempt_longer_than_its_lease_is_cut_off_and_has_failed(
    path: Path, history: History, tower: Tower
) -> None:
    tower.gate.clear()
    executors = {RingBell: Registration(executor=tower.ring, attempts_max=1, lease_ms=50)}
    async with follower(path, history, tower, executors=executors) as effects:
        report(history)
        effects.apply(1, history.events)
        await until(effects, failed=1)
        assert tower.at_once == 0
        (row,) = await effects.rows("failed")
        assert row["error"] == "TimeoutError: "


async def test_an_executor_that_cancels_itself_has_failed_and_stops_nothing(
    path: Path, history: History, tower: Tower
) -> None:
    tower.falls = [asyncio.CancelledError()]
    executors = {RingBell: Registration(executor=tower.ring, attempts_max=1)}
    async with follower(path, history, tower, executors=executors) as effects:
        report(history)
        effects.apply(1, history.events)
        await until(effects, failed=1)
        effects.apply(1, [report(history)])
        await until(effects, failed=1, done=1)


async def test_a_stop_holds_an_effect_without_using_up_attempts_until_it_is_lifted(
    path: Path, history: History, tower: Tower
) -> None:
    clock, stops = HandClock(), {1}

    def stopped(org: int, event: Event, effect: Effect) -> str:
        return "stp_1" if org in stops else ""

    async with follower(path, history, tower, clock=clock, stopped=stopped) as effects:
        report(history)
        effects.apply(1, history.events)
        for _ in range(10):
            clock.at += SECOND
            effects.wake()
            await asyncio.sleep(0.02)
        assert tower.rung == []
        await _held(effects)
        stops.clear()
        clock.at += SECOND
        effects.wake()
        await until(effects, done=1)
        (row,) = await effects.rows("done")
        assert row["attempts"] == 1


async def _held(effects: Effects) -> None:
    for _ in range(3_000):
        rows = await effects.rows("pending")
        if rows and rows[0]["error"]:
            assert (rows[0]["attempts"], rows[0]["error"]) == (0, "held by stp_1")
            return
        await asyncio.sleep(0.01)
    raise AssertionError("never held")


async def test_no_more_than_so_many_are_performed_at_once_and_all_are_performed(
    path: Path, history: History, tower: Tower
) -> None:
    tower.gate.clear()
    async with follower(path, history, tower, in_flight_max=4) as effects:
        for _ in range(30):
            report(history)
        effects.apply(1, history.events)
        await until(effects, leased=4, pending=26)
        for _ in range(3_000):
            if tower.at_once == 4:
                break
            await asyncio.sleep(0.01)
        tower.gate.set()
        await until(effects, done=30)
    assert tower.at_once_max == 4
    assert len(set(tower.keys)) == 30


async def test_a_slow_type_leaves_places_for_the_others(path: Path, history: History, tower: Tower) -> None:
    blown: list[int] = []

    async def blow(org: int, event: Event, effect: BlowHorn) -> None:
        blown.append(event.seq)

    def both(event: Event) -> list[Effect]:
        return [*react(event), BlowHorn(destination="roof", horn="short")]

    tower.gate.clear()
    executors: dict[type[Effect], Registration] = {
        RingBell: Registration(executor=tower.ring, at_once=2),
        BlowHorn: Registration(executor=blow, at_once=4),
    }
    async with follower(path, history, tower, react=both, executors=executors, in_flight_max=4) as effects:
        for _ in range(20):
            report(history)
        effects.apply(1, history.events)
        await until(effects, leased=2, pending=18, done=20)
        assert blown == list(range(1, 21))
        tower.gate.set()
        await until(effects, done=40)
    assert tower.at_once_max == 2


async def test_a_reaction_that_fails_is_a_failed_row_and_the_others_go_on(
    path: Path, history: History, tower: Tower
) -> None:
    def faulty(event: Event) -> list[Effect]:
        if event.seq == 2:
            raise KeyError("who?")
        return react(event)

    async with follower(path, history, tower, react=faulty) as effects:
        for _ in range(3):
            report(history)
        effects.apply(1, history.events)
        await until(effects, done=2, failed=1)
        (row,) = await effects.rows("failed")
        assert (row["seq"], row["error"]) == (2, "KeyError: 'who?'")
        assert not await effects.retry(1, 2, ""), "there is nothing that could be tried again"


async def test_an_effect_nobody_performs_waits_for_a_version_that_does(
    path: Path, history: History, tower: Tower
) -> None:
    def horn(event: Event) -> list[Effect]:
        return [BlowHorn(destination="roof", horn="long")]

    clock = HandClock()
    async with follower(path, history, tower, react=horn, clock=clock) as effects:
        report(history)
        effects.apply(1, history.events)
        await until(effects, pending=1)
    async with follower(path, history, tower, react=horn, clock=clock) as effects:
        for _ in range(600):
            (row,) = await effects.rows("pending")
            if row["error"]:
                break
            await asyncio.sleep(0.05)
        assert (row["attempts"], row["error"]) == (0, "nothing performs BlowHorn")
    blown: list[str] = []

    async def blow(org: int, event: Event, effect: BlowHorn) -> None:
        blown.append(effect.horn)

    executors = {BlowHorn: Registration(executor=blow)}
    async with follower(path, history, tower, react=horn, clock=clock, executors=executors) as effects:
        await until(effects, done=1)
    assert blown == ["long"]


@pytest.mark.parametrize(
    ("attempts", "jitter", "rest_ms"),
    [
        (1, 0.0, 500),
        (1, 0.5, 750),
        (2, 0.0, 1_000),
        (5, 0.0, 8_000),
        (30, 0.0, 150_000),
        (10**6, 0.999, 299_850),
    ],
)
def test_the_back_off_doubles_to_a_bound_and_is_spread(attempts: int, jitter: float, rest_ms: int) -> None:
    assert backoff_us(attempts, jitter) == rest_ms * MILLISECOND


def test_the_key_of_an_effect_tells_events_and_destinations_apart(history: History) -> None:
    first, second = report(history), report(history)
    bells: list[Any] = [RingBell(destination=name, bell="x") for name in ("front", "back")]
    keys = {idempotency_key(event, bell) for event in (first, second) for bell in bells}
    assert len(keys) == 4
    assert idempotency_key(first, bells[0]) == idempotency_key(first, RingBell(destination="front", bell="y"))
