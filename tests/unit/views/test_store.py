"""The follower that keeps views: what readers see, when they see it, and what heals (DESIGN §2 *SQL views*)."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from tests.unit.views.history import History, decided
from tests.unit.views.kit import PLENTY_MS, grow, store_of

from watchfloor.engine.projections import EVERY
from watchfloor.engine.views import ViewBehind
from watchfloor.kernel.messages import Event
from watchfloor.kernel.projection import Change


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "views.db"


@pytest.fixture
def history() -> History:
    return History()


async def test_a_store_that_starts_behind_the_ledger_catches_up(history: History, path: Path) -> None:
    grow(history, 2_500)
    async with store_of(history, path) as store:
        await store.wait(1, 2_500, PLENTY_MS)
        assert store.rows("SELECT count(*) AS n FROM actions WHERE org = 1") == [{"n": 2_500}]
        assert (store.lag_events, store.lag_ms, store.seq(1), store.trouble) == (0, 0, 2_500, "")


async def test_what_was_applied_is_seen_by_those_who_wait_for_its_seq(history: History, path: Path) -> None:
    async with store_of(history, path) as store:
        for _ in range(5):
            events = grow(history, 7)
            store.apply(1, events)
            await store.wait(1, events[-1].seq, PLENTY_MS)
            (row,) = store.rows("SELECT max(action) AS newest FROM actions")
            assert row["newest"] == events[-1].seq
        assert history.reads == 0


async def test_the_first_event_after_a_rest_is_seen_before_the_interval_is_over(
    history: History, path: Path
) -> None:
    async with store_of(history, path, interval_ms=1_000) as store:
        await asyncio.sleep(1.1)
        store.apply(1, grow(history, 1))
        await store.wait(1, 1, 500)


async def test_waiting_for_what_never_comes_is_view_behind(history: History, path: Path) -> None:
    grow(history, 3)
    async with store_of(history, path) as store:
        await store.wait(1, 3, PLENTY_MS)
        with pytest.raises(ViewBehind) as behind:
            await store.wait(1, 4, 30)
        assert (behind.value.org, behind.value.seq, behind.value.visible) == (1, 4, 3)
        with pytest.raises(ViewBehind):
            await store.wait(2, 1, 30)


async def test_organisations_do_not_see_each_other(history: History, path: Path) -> None:
    async with store_of(history, path) as store:
        store.apply(1, grow(history, 4))
        other = History("org_other")
        store.apply(2, grow(other, 2))
        await store.wait(1, 4, PLENTY_MS)
        await store.wait(2, 2, PLENTY_MS)
        assert store.rows("SELECT org, count(*) AS n FROM actions GROUP BY org") == [
            {"org": 1, "n": 4},
            {"org": 2, "n": 2},
        ]
        assert store.fingerprint(1) != store.fingerprint(2)


async def test_events_shown_twice_change_nothing(history: History, path: Path) -> None:
    async with store_of(history, path) as store:
        events = grow(history, 10)
        store.apply(1, events[:6])
        await store.wait(1, 6, PLENTY_MS)
        store.apply(1, events[:6])
        store.apply(1, events[3:])
        await store.wait(1, 10, PLENTY_MS)
        assert store.lag_events == 0
        assert store.rows("SELECT count(*) AS n FROM timeline") == [{"n": 5}]


async def test_a_gap_between_cursor_and_what_is_applied_is_read_from_the_ledger(
    history: History, path: Path
) -> None:
    async with store_of(history, path) as store:
        grow(history, 30)
        store.apply(1, grow(history, 5))
        await store.wait(1, 35, PLENTY_MS)
        assert store.rows("SELECT count(*) AS n FROM actions") == [{"n": 35}]


async def test_what_does_not_fit_the_queue_is_read_from_the_ledger_and_counted_as_lag(
    history: History, path: Path
) -> None:
    gate = threading.Event()

    def slow(event: Event) -> list[Change]:
        gate.wait(10)
        return []

    async with store_of(history, path, every=[*EVERY, slow], queue_events_max=20) as store:
        for _ in range(100):
            store.apply(1, grow(history, 1))
        await asyncio.sleep(0.05)
        assert store.lag_events == 100
        assert store.lag_ms >= 40
        assert len(store._queue) <= 20
        gate.set()
        await store.wait(1, 100, PLENTY_MS)
        assert history.reads > 0
        assert store.rows("SELECT count(*) AS n FROM actions") == [{"n": 100}]
        assert store.lag_events == 0


async def test_followers_hear_how_far_readers_see_never_further(history: History, path: Path) -> None:
    async with store_of(history, path, interval_ms=1) as store:
        heard: list[int] = []

        def follower(moved: dict[int, int]) -> None:
            heard.append(moved[1])
            (row,) = store.rows("SELECT coalesce(max(action), 0) AS newest FROM actions")
            assert row["newest"] >= moved[1]

        store.follow(follower)
        for _ in range(20):
            store.apply(1, grow(history, 3))
            await asyncio.sleep(0.003)
        await store.wait(1, 60, PLENTY_MS)
        for _ in range(600):
            if heard and heard[-1] == 60:
                break
            await asyncio.sleep(0.05)
        assert heard == sorted(heard)
        assert heard[-1] == 60


async def test_closing_in_order_keeps_everything_and_the_next_start_reads_only_what_is_new(
    history: History, path: Path
) -> None:
    async with store_of(history, path) as store:
        store.apply(1, grow(history, 50))
    grow(history, 10)
    history.reads = 0
    async with store_of(history, path) as store:
        assert store.seq(1) == 50
        await store.wait(1, 60, PLENTY_MS)
        assert history.reads == 1
        assert store.rows("SELECT count(*) AS n FROM actions") == [{"n": 60}]


async def test_rebuilding_while_people_read_ends_with_the_same_rows(history: History, path: Path) -> None:
    grow(history, 3_000)
    async with store_of(history, path) as store:
        await store.wait(1, 3_000, PLENTY_MS)
        before = store.fingerprint(1)
        stop = threading.Event()
        failures: list[Exception] = []

        def read() -> None:
            while not stop.is_set():
                try:
                    store.rows("SELECT * FROM actions WHERE org = 1 LIMIT 20")
                except Exception as error:  # noqa: BLE001 - whatever it is, the test reports it
                    failures.append(error)
                    return

        readers = [threading.Thread(target=read) for _ in range(3)]
        for reader in readers:
            reader.start()
        for _ in range(3):
            await store.rebuild()
            assert store.seq(1) < 3_000
            await store.wait(1, 3_000, PLENTY_MS)
        stop.set()
        for reader in readers:
            reader.join()
        assert failures == []
        assert store.fingerprint(1) == before
        assert store.lag_events == 0


async def test_readers_cannot_write(history: History, path: Path) -> None:
    async with store_of(history, path) as store:
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            store.rows("DELETE FROM actions_v5")


async def test_an_endless_query_is_interrupted(
    history: History, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watchfloor.engine.view_reads.QUERY_MS_MAX", 100)
    async with store_of(history, path) as store:
        begin = time.monotonic()
        with pytest.raises(sqlite3.OperationalError, match="interrupted"):
            store.rows(
                "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n"
            )
        assert time.monotonic() - begin < 15


async def test_reads_from_many_threads_agree(history: History, path: Path) -> None:
    grow(history, 500)
    async with store_of(history, path) as store:
        await store.wait(1, 500, PLENTY_MS)
        sql = "SELECT count(*) AS n FROM actions"
        found = await asyncio.gather(*(asyncio.to_thread(store.rows, sql) for _ in range(40)))
        assert found == [[{"n": 500}]] * 40


async def test_the_newest_actions_of_an_agent_are_found_across_slabs(
    history: History, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for i in range(9_000):
        history.add(decided(7 if i in (3, 4_000, 8_999) else 1 + i % 5))
    monkeypatch.setattr("watchfloor.engine.view_reads.WINDOW_SLABS", 1)
    async with store_of(history, path) as store:
        await store.wait(1, 9_000, PLENTY_MS)
        plain = (
            "SELECT * FROM actions WHERE org = 1 AND agent = ? AND action < ? ORDER BY action DESC LIMIT ?"
        )
        for agent, before, limit in [
            (7, 10**6, 50),
            (7, 9_000, 1),
            (2, 4_097, 30),
            (3, 10**6, 5_000),
            (99, 9_000, 1),
        ]:
            wanted = store.rows(plain, (agent, before, limit))
            assert store.newest_of_agent(1, agent, limit, before) == wanted
        some = store.newest_of_agent(1, 7, 50, where="a.action > :floor", params={"floor": 5})
        assert [row["action"] for row in some] == [9_000, 4_001]


@pytest.mark.parametrize("sizes", [[1, 2, 3], [6], [1] * 6])
async def test_batches_of_any_size_make_the_same_views(
    history: History, tmp_path: Path, sizes: Sequence[int]
) -> None:
    grow(history, 6)
    prints = set()
    for number, cut in enumerate(([6], sizes)):
        async with store_of(history, tmp_path / f"{number}.db", head=0) as store:
            for batch in history.batches(cut):
                store.apply(1, batch)
            await store.wait(1, 6, PLENTY_MS)
            prints.add(store.fingerprint(1))
    assert len(prints) == 1
