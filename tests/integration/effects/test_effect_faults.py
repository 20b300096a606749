"""Effects over ends of processes, full disks, damaged files and ledgers that were set back (DESIGN §2; faults A1, A3, A18)."""

from __future__ import annotations

import asyncio
import sqlite3
from pathlib import Path

import pytest
from tests.integration.effects.bells import (
    HandClock,
    RingBell,
    Tower,
    follower,
    react,
    report,
    until,
)
from tests.unit.views.history import History

from watchfloor.engine.effect_rows import EffectsDamaged
from watchfloor.engine.effects import (
    Effects,
    Registration,
    idempotency_key,
)
from watchfloor.kernel.instants import DAY, SECOND
from watchfloor.kernel.messages import Event
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


async def test_closing_lets_what_is_under_way_end_and_what_does_not_is_done_again_with_the_same_key(
    path: Path, history: History, tower: Tower
) -> None:
    tower.gate.clear()
    async with follower(path, history, tower, grace_ms=30) as effects:
        report(history)
        effects.apply(1, history.events)
        await until(effects, leased=1)
    assert tower.rung == []
    tower.gate.set()
    async with follower(path, history, tower) as effects:
        await until(effects, done=1)
        (row,) = await effects.rows("done")
        assert row["attempts"] == 2, "the one that was cut off was counted before it began"
    assert tower.keys == [idempotency_key(history.events[0], RingBell(destination="front", bell=""))]


async def test_a_full_disk_stops_nothing_for_good_and_loses_nothing(
    path: Path, history: History, tower: Tower
) -> None:
    async with follower(path, history, tower, queue_max=50) as effects:
        database = effects._rows._db
        (pages,) = database.execute("PRAGMA page_count").fetchone()
        database.execute(f"PRAGMA max_page_count = {pages}")
        for _ in range(400):
            effects.apply(1, [report(history)])
        for _ in range(3_000):
            if effects.trouble:
                break
            await asyncio.sleep(0.01)
        assert "full" in effects.trouble
        assert len(effects._new) <= 50
        database.execute("PRAGMA max_page_count = 1000000")
        await until(effects, done=400)
        assert effects.trouble == ""
    assert len(set(tower.rung)) == 400


async def test_a_file_that_cannot_be_opened_yet_is_trouble_and_heals_by_itself(
    tmp_path: Path, history: History, tower: Tower
) -> None:
    folder = tmp_path / "later"
    report(history)
    async with follower(folder / "effects.db", history, tower) as effects:
        assert "unable to open" in effects.trouble
        effects.apply(1, [report(history)])
        folder.mkdir()
        for _ in range(3_000):
            if not effects.trouble:
                break
            await asyncio.sleep(0.01)
        await until(effects, done=2)
    assert sorted(tower.rung) == ["front 1", "front 2"]


async def test_rows_of_events_that_a_ledger_set_back_has_lost_are_dropped(
    path: Path, history: History, tower: Tower
) -> None:
    tower.gate.clear()
    async with follower(path, history, tower, grace_ms=10) as effects:
        for _ in range(3):
            report(history)
        effects.apply(1, history.events)
        await until(effects, leased=3)
    tower.gate.set()
    older = History()
    report(older)
    async with follower(path, older, tower) as effects:
        await until(effects, done=1)
        older.add(TaskRequeued(), 1)
        report(older, cost_micro=1)
        effects.apply(1, older.events[1:])
        await until(effects, done=3)
    assert sorted(tower.rung) == ["back 3", "front 1", "front 3"]


async def test_finished_rows_are_dropped_when_they_are_old_and_never_come_back(
    path: Path, history: History, tower: Tower
) -> None:
    clock = HandClock()
    async with follower(path, history, tower, clock=clock) as effects:
        report(history)
        effects.apply(1, history.events)
        await until(effects, done=1)
        clock.at += DAY + 61 * SECOND
        effects.wake()
        await until(effects)
    async with follower(path, history, tower, clock=clock) as effects:
        await asyncio.sleep(0.1)
        assert await effects.counts() == {}
    assert tower.rung == ["front 1"]


async def test_an_organisation_whose_events_cannot_be_read_holds_up_no_other(
    path: Path, history: History, tower: Tower
) -> None:
    other = History("org_other")
    report(other)

    def read(org: int, after: int, limit: int) -> list[Event]:
        return [] if org == 1 else other.read(org, after, limit)

    report(history)
    effects = Effects(
        path,
        react=react,
        executors={RingBell: Registration(executor=tower.ring)},
        read=read,
        clock=HandClock(),
    )
    await effects.start({1: 1, 2: 1})
    try:
        await until(effects, done=1)
    finally:
        await effects.close()


async def test_a_damaged_file_says_what_to_do(path: Path, history: History, tower: Tower) -> None:
    _spoil(path)
    with pytest.raises(EffectsDamaged, match=r"effects\.db"):
        async with follower(path, history, tower):
            pass


def _spoil(path: Path) -> None:
    path.write_bytes(b"no database " * 500)


async def test_rows_are_written_with_fsync(path: Path, history: History, tower: Tower) -> None:
    async with follower(path, history, tower) as effects:
        database: sqlite3.Connection = effects._rows._db
        assert database.execute("PRAGMA synchronous").fetchone() == (2,)
        assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
