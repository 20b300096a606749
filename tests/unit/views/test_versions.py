"""A table with a new version is built beside the old one and takes its place (DESIGN §2 *SQL views*)."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest
from tests.unit.views.history import History
from tests.unit.views.kit import PLENTY_MS, grow, store_of, switched

from watchfloor.engine import view_writer
from watchfloor.engine.projections import EVERY, PROJECTORS, TABLES
from watchfloor.engine.views import ViewBehind
from watchfloor.kernel.messages import Event, Facts
from watchfloor.kernel.projection import Change, Computed, Projector, Table, integer, text
from watchfloor.work.messages import TaskRequeued


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "views.db"


@pytest.fixture
def history() -> History:
    return History()


# Versions of tables --------------------------------------------------------------------------------------------------


def toys(version: int, colour: str) -> tuple[Table, Projector]:
    """A table of every event's seq whose projector paints it; versions differ in colour and in columns."""
    columns = {"toy": integer("seq"), "colour": text("colour")}
    if version > 1:
        columns["size"] = integer("new in this version")
    table = Table(name="toys", version=version, meaning="for tests", key=("toy",), columns=columns)

    def paint(event: Event) -> list[Change]:
        values: dict[str, Any] = {"colour": colour}
        if version > 1:
            values["size"] = event.seq * 2
        return [table.put(event.seq, **values)]

    return table, paint


def settings(table: Table, paint: Projector) -> dict[str, Any]:
    empty: dict[type[Facts], Callable[[Event], list[Change]]] = {}
    return {"tables": [*TABLES, table], "projectors": {**PROJECTORS, **empty}, "every": [*EVERY, paint]}


async def test_a_new_version_of_a_table_is_built_beside_while_the_others_go_on(
    history: History, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(history, 2_000)
    async with store_of(history, path, **settings(*toys(1, "red"))) as store:
        await store.wait(1, 2_000, PLENTY_MS)
        actions_before = store.rows("SELECT * FROM actions ORDER BY action")
    monkeypatch.setattr("watchfloor.engine.views.PAGE_EVENTS", 50)
    slow, halted = threading.Event(), threading.Event()
    reads: list[tuple[int, int]] = []

    def read(org: int, after: int, limit: int) -> list[Event]:
        reads.append((after, limit))
        if len(reads) == 5:
            halted.set()
            slow.wait(10)
        return history.read(org, after, limit)

    async with store_of(history, path, **settings(*toys(2, "blue")), read=read) as store:
        assert await asyncio.to_thread(halted.wait, 10)
        assert store.rebuilding == ["toys"]
        assert store.seq(1) == 2_000
        assert {row["colour"] for row in store.rows("SELECT * FROM toys")} == {"red"}, (
            "the old version serves"
        )
        assert store.rows("SELECT * FROM actions ORDER BY action") == actions_before
        fresh = grow(history, 100)
        store.apply(1, fresh)
        slow.set()
        await store.wait(1, 2_100, PLENTY_MS)
        assert store.rebuilding == []
        assert store.rows("SELECT colour, count(*) AS n, max(size) AS size FROM toys") == [
            {"colour": "blue", "n": 2_100, "size": 4_200}
        ]
        assert store.rows("SELECT name FROM sqlite_master WHERE name = 'toys_v1'") == []


async def test_a_build_that_was_killed_half_way_begins_again_and_ends_right(
    history: History, path: Path
) -> None:
    grow(history, 40)
    async with store_of(history, path, **settings(*toys(1, "red"))) as store:
        await store.wait(1, 40, PLENTY_MS)
    made = settings(*toys(2, "blue"))
    writer = view_writer.Writer(path, made["tables"], made["projectors"], made["every"])
    writer.open({1: 40})
    writer.build(1, history.events[:30])
    writer.abandon()
    async with store_of(history, path, **made) as store:
        assert store.rows("SELECT DISTINCT colour FROM toys") in ([{"colour": "red"}], [{"colour": "blue"}])
        await switched(store)
        assert store.rows("SELECT colour, count(*) AS n FROM toys") == [{"colour": "blue", "n": 40}]


async def test_closing_does_not_wait_for_a_build(
    history: History, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    grow(history, 500)
    async with store_of(history, path, **settings(*toys(1, "red"))) as store:
        await store.wait(1, 500, PLENTY_MS)
    monkeypatch.setattr("watchfloor.engine.views.PAGE_EVENTS", 1)

    def slow(org: int, after: int, limit: int) -> list[Event]:
        time.sleep(0.05)
        return history.read(org, after, limit)

    async with store_of(history, path, **settings(*toys(2, "blue")), read=slow) as store:
        begin = time.monotonic()
        assert store.rebuilding == ["toys"]
    assert time.monotonic() - begin < 15, "500 pages would take 25 seconds"


async def test_a_table_that_is_new_is_filled_and_one_that_is_gone_is_dropped(
    history: History, path: Path
) -> None:
    grow(history, 30)
    async with store_of(history, path) as store:
        await store.wait(1, 30, PLENTY_MS)
    async with store_of(history, path, **settings(*toys(1, "red"))) as store:
        await store.wait(1, 30, PLENTY_MS)
        assert store.rows("SELECT count(*) AS n FROM toys") == [{"n": 30}]
    async with store_of(history, path) as store:
        await store.wait(1, 30, PLENTY_MS)
        assert store.rows("SELECT name FROM sqlite_master WHERE name LIKE 'toys%'") == []


async def test_another_shape_under_the_same_version_is_rebuilt_rather_than_believed(
    history: History, path: Path
) -> None:
    grow(history, 10)
    async with store_of(history, path, **settings(*toys(1, "red"))) as store:
        await store.wait(1, 10, PLENTY_MS)
    table, paint = toys(2, "blue")
    forgotten = msgspec.structs.replace(table, version=1)
    async with store_of(history, path, **settings(forgotten, paint)) as store:
        await store.wait(1, 10, PLENTY_MS)
        assert store.rows("SELECT colour, count(*) AS n FROM toys") == [{"colour": "blue", "n": 10}]


async def test_a_computed_column_changes_without_rebuilding(history: History, path: Path) -> None:
    grow(history, 10)
    table, paint = toys(1, "red")
    async with store_of(history, path, **settings(table, paint)) as store:
        await store.wait(1, 10, PLENTY_MS)
    history.reads = 0
    louder = msgspec.structs.replace(table, computed={"shout": Computed(text("loud"), "upper(a.colour)")})
    async with store_of(history, path, **settings(louder, paint)) as store:
        assert store.seq(1) == 10
        assert store.rows("SELECT DISTINCT shout FROM toys") == [{"shout": "RED"}]
        assert history.reads == 0


async def test_a_change_of_a_table_nobody_declared_is_trouble_not_silence(
    history: History, path: Path
) -> None:
    def stray(event: Event) -> list[Change]:
        return [Change("nowhere", "put", (1,), ("x",))]

    async with store_of(history, path, every=[stray], interval_ms=1) as store:
        store.apply(1, [history.add(TaskRequeued(), 1)])
        with pytest.raises(ViewBehind):
            await store.wait(1, 1, 100)
        assert "nowhere" in store.trouble
