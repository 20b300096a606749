"""Views over damaged, left and impossible files, full disks and faulty projectors: they say so and heal (spec 9 A)."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from pathlib import Path

import pytest
from tests.unit.views.history import History
from tests.unit.views.kit import PLENTY_MS, grow, store_of

from watchfloor.engine import view_writer
from watchfloor.engine.projections import EVERY, PROJECTORS, TABLES
from watchfloor.engine.views import ViewBehind
from watchfloor.kernel.messages import Event
from watchfloor.kernel.projection import Change


def spoil(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def rot(path: Path) -> None:
    """Overwrite a piece of every page but those of the schema."""
    with path.open("r+b") as file:
        for offset in range(view_writer.PAGE_BYTES * 40, path.stat().st_size, view_writer.PAGE_BYTES):
            file.seek(offset)
            file.write(b"\xff" * 2_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "views.db"


@pytest.fixture
def history() -> History:
    return History()


async def test_a_file_left_by_a_machine_that_went_down_is_built_anew(
    history: History, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(history, 20)
    writer = view_writer.Writer(path, TABLES, PROJECTORS, EVERY)
    monkeypatch.setattr(view_writer, "boot_id", lambda: "the boot before")
    writer.open({1: 20})
    writer.add(1, history.events[:15])
    writer.commit()
    writer.connection.execute("DELETE FROM actions_v1 WHERE action < 10")  # what the disk forgot
    writer.abandon()
    monkeypatch.undo()
    async with store_of(history, path) as store:
        assert store.seq(1) == 0
        await store.wait(1, 20, PLENTY_MS)
        assert store.rows("SELECT count(*) AS n FROM actions") == [{"n": 20}]


async def test_a_file_left_by_a_killed_process_goes_on_at_its_cursor(history: History, path: Path) -> None:
    grow(history, 20)
    writer = view_writer.Writer(path, TABLES, PROJECTORS, EVERY)
    writer.open({1: 20})
    writer.add(1, history.events[:15])
    writer.commit()
    writer.add(1, history.events[15:18])  # folded, never written
    writer.abandon()
    async with store_of(history, path) as store:
        assert store.seq(1) == 15
        await store.wait(1, 20, PLENTY_MS)
        assert store.rows("SELECT count(*) AS n FROM actions") == [{"n": 20}]


async def test_views_ahead_of_a_ledger_that_was_set_back_are_built_anew(history: History, path: Path) -> None:
    grow(history, 20)
    async with store_of(history, path) as store:
        await store.wait(1, 20, PLENTY_MS)
    older = History()
    older.events = history.events[:12]
    async with store_of(older, path) as store:
        await store.wait(1, 12, PLENTY_MS)
        assert store.rows("SELECT count(*) AS n FROM actions") == [{"n": 12}]


@pytest.mark.parametrize("damage", [b"not a database at all " * 1_000, b""], ids=["garbage", "emptied"])
async def test_a_file_that_is_not_a_database_is_built_anew(
    history: History, path: Path, damage: bytes
) -> None:
    spoil(path, damage)
    grow(history, 9)
    async with store_of(history, path) as store:
        await store.wait(1, 9, PLENTY_MS)
        assert store.rows("SELECT count(*) AS n FROM actions") == [{"n": 9}]


async def test_pages_that_rot_while_it_serves_are_noticed_by_a_reader_and_heal(
    history: History, path: Path
) -> None:
    grow(history, 3_000)
    async with store_of(history, path) as store:
        await store.wait(1, 3_000, PLENTY_MS)
    rot(path)
    async with store_of(history, path) as store:
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            try:
                if len(store.rows("SELECT * FROM actions")) == 3_000 and store.fingerprint(1):
                    break
            except sqlite3.DatabaseError:
                await asyncio.sleep(0.05)
        assert len(store.rows("SELECT * FROM actions")) == 3_000
        assert store.trouble == ""


async def test_a_projector_that_fails_stops_the_views_says_so_and_loses_nothing(
    history: History, path: Path
) -> None:
    broken = True

    def moody(event: Event) -> list[Change]:
        if broken and event.seq == 5:
            raise RuntimeError("cannot think of a row")
        return []

    async with store_of(history, path, every=[*EVERY, moody], interval_ms=1) as store:
        store.apply(1, grow(history, 9))
        with pytest.raises(ViewBehind):
            await store.wait(1, 9, 200)
        assert "cannot think of a row" in store.trouble
        broken = False
        await store.wait(1, 9, PLENTY_MS)
        await asyncio.sleep(0.05)
        assert store.trouble == ""
        assert store.rows("SELECT count(*) AS n FROM actions") == [{"n": 9}]


async def test_a_file_that_cannot_be_opened_yet_is_trouble_and_heals_by_itself(
    history: History, tmp_path: Path
) -> None:
    grow(history, 12)
    folder = tmp_path / "later"
    async with store_of(history, folder / "views.db", interval_ms=1) as store:
        assert "unable to open" in store.trouble
        with pytest.raises(ViewBehind):
            await store.wait(1, 12, 30)
        folder.mkdir()
        await store.wait(1, 12, PLENTY_MS)
        assert store.rows("SELECT count(*) AS n FROM actions") == [{"n": 12}]


async def test_closing_in_the_middle_of_catching_up_is_quick_and_the_next_start_goes_on(
    history: History, path: Path
) -> None:
    grow(history, 30_000)
    async with store_of(history, path) as store:
        await store.wait(1, 1_000, PLENTY_MS)
    async with store_of(history, path) as store:
        assert 1_000 <= store.seq(1) < 30_000
        await store.wait(1, 30_000, PLENTY_MS)
        assert store.rows("SELECT count(*) AS n FROM actions") == [{"n": 30_000}]


async def test_a_full_disk_is_trouble_until_there_is_room_and_nothing_is_lost(
    history: History, path: Path
) -> None:
    async with store_of(history, path, interval_ms=1) as store:
        store.apply(1, grow(history, 10))
        await store.wait(1, 10, PLENTY_MS)
        database = store._writer.connection
        (pages,) = database.execute("PRAGMA page_count").fetchone()
        database.execute(f"PRAGMA max_page_count = {pages}")
        store.apply(1, grow(history, 3_000))
        with pytest.raises(ViewBehind):
            await store.wait(1, 3_010, 300)
        assert "full" in store.trouble
        database.execute("PRAGMA max_page_count = 1000000")
        await store.wait(1, 3_010, PLENTY_MS)
        assert store.rows("SELECT count(*) AS n FROM actions") == [{"n": 3_010}]
