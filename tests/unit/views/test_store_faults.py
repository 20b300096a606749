"""Views over damaged, left and impossible files, full disks and faulty projectors: they say so and heal (spec 9 A)."""

from __future__ import annotations

import asyncio
import sqlite3
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
    """Overwrite the head of every page that holds actions, and make sure that this hurts."""
    connection = sqlite3.connect(path)
    (root,) = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'actions_v5'").fetchone()
    connection.close()
    with path.open("r+b") as file:
        for page in range(path.stat().st_size // view_writer.PAGE_BYTES):
            file.seek(page * view_writer.PAGE_BYTES)
            # Interior and leaf pages of tables without rowid are index pages: 2 and 10.
            if page + 1 == root or (page + 1 > root and file.read(1) == b"\x0a"):
                file.seek(page * view_writer.PAGE_BYTES)
                file.write(b"\xff" * 2_000)
    connection = sqlite3.connect(path)
    with pytest.raises(sqlite3.DatabaseError, match="malformed"):
        connection.execute("SELECT * FROM actions_v5").fetchall()
    connection.close()


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
    writer.connection.execute("DELETE FROM actions_v5 WHERE action < 10")  # what the disk forgot
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


@pytest.mark.parametrize("noticed_by", ["reader", "writer"])
async def test_pages_that_rot_are_noticed_by_who_meets_them_and_the_views_are_built_anew(
    history: History, path: Path, noticed_by: str
) -> None:
    grow(history, 3_000)
    async with store_of(history, path) as store:
        await store.wait(1, 3_000, PLENTY_MS)
    rot(path)
    async with store_of(history, path, interval_ms=1) as store:
        anew = asyncio.Event()
        store.follow(lambda moved: anew.set() if moved[1] < 3_000 else None)
        if noticed_by == "reader":
            with pytest.raises(sqlite3.DatabaseError, match="malformed"):
                store.rows("SELECT * FROM actions")
        else:
            store.apply(1, grow(history, 1))
        await asyncio.wait_for(anew.wait(), 20)
        await store.wait(1, history.seq, PLENTY_MS)
        assert len(store.rows("SELECT * FROM actions")) == history.seq
        await asyncio.sleep(0.05)
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
        async with asyncio.timeout(30):
            while not store.trouble:
                await asyncio.sleep(0.01)
        assert "full" in store.trouble
        with pytest.raises(ViewBehind):
            await store.wait(1, 3_010, 1)
        database.execute("PRAGMA max_page_count = 1000000")
        await store.wait(1, 3_010, PLENTY_MS)
        assert store.rows("SELECT count(*) AS n FROM actions") == [{"n": 3_010}]
