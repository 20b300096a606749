"""What is SQLite's alone: refusals by the schema, erasing for good, the log's length, foreign files (spec 04; DESIGN 2b.17)."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contracts.ledger_kit import Historian, SQLiteHouse, sqlite_error

from watchfloor.ledger.contract import (
    Batch,
    BatchRefused,
    LedgerPoisoned,
    SequenceConflict,
    StorageBusy,
    StorageFull,
)
from watchfloor.ledger.directory import DirectoryUnsafe
from watchfloor.ledger.limits import PAGE_BYTES, WAL_PAGES_MAX
from watchfloor.ledger.sqlite import SQLiteLedger, SQLiteSettings, writer
from watchfloor.ledger.sqlite.reader import Reader, ReadFailed
from watchfloor.ledger.sqlite.schema import StoreUnknown, key_of, open_writer, tile_key


@pytest.fixture
def house(tmp_path: Path) -> Iterator[SQLiteHouse]:
    made = SQLiteHouse(tmp_path / "data")
    yield made
    made.close()


# -- the schema refuses, whoever asks ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET data = x'00'",
        "UPDATE events SET stream = 1",
        "DELETE FROM events",
        "UPDATE tiles SET data = x'00'",
        "DELETE FROM tiles",
        "UPDATE checkpoints SET note = ''",
        "DELETE FROM checkpoints",
        "UPDATE privates SET body = x'00'",
        "DELETE FROM privates",
        "UPDATE redactions SET id = 7",
        "DELETE FROM redactions",
    ],
)
async def test_history_is_not_changed_by_sql(house: SQLiteHouse, statement: str) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    await historian.write(1, 300, private=b"text")
    batch = historian.batch(1)
    batch.redactions.append((1, 9))
    await ledger.commit(batch)
    await ledger.store_checkpoint(1, 300, "note")
    ledger.close_now()
    connection = sqlite3.connect(house.path, isolation_level=None)
    with pytest.raises(sqlite3.IntegrityError, match=r"written once|only by a redaction"):
        connection.execute(statement)
    connection.close()


async def test_replacing_a_row_is_refused_on_our_own_connections(house: SQLiteHouse) -> None:
    await Historian(house.open()).write(1, 3)
    house.close()
    connection = open_writer(house.path)
    with pytest.raises(sqlite3.IntegrityError, match="written once"):
        connection.execute("INSERT OR REPLACE INTO events VALUES (?, 1, x'00', x'00')", (key_of(1, 2),))
    connection.close()


async def test_a_private_part_may_go_once_its_redaction_is_recorded(house: SQLiteHouse) -> None:
    await Historian(house.open()).write(1, 3, private=b"text")
    house.close()
    connection = sqlite3.connect(house.path, isolation_level=None)
    connection.execute("INSERT INTO redactions VALUES (?)", (key_of(1, 2),))
    connection.execute("DELETE FROM privates WHERE id = ?", (key_of(1, 2),))
    with pytest.raises(sqlite3.IntegrityError):
        connection.execute("DELETE FROM privates WHERE id = ?", (key_of(1, 3),))
    connection.close()


async def test_people_can_read_the_store_with_any_sqlite_shell(house: SQLiteHouse) -> None:
    ledger = house.open()
    await Historian(ledger).write(7, 2)
    digest = ledger.head(7)[1].hex()
    house.close()
    connection = sqlite3.connect(house.path)
    rows = connection.execute(
        "SELECT org, seq, stream, json_extract(data, '$.type'), hash FROM ledger"
    ).fetchall()
    assert rows[1] == (7, 2, 2, "note.written/1", digest)
    connection.close()


def test_keys_keep_organisations_and_tiles_apart() -> None:
    assert key_of(1, 2**40 - 1) + 1 == key_of(2, 0)
    assert tile_key(1, 4, 2**32) < tile_key(1, 5, 0) < tile_key(2, 0, 0)
    assert key_of(2**23 - 1, 2**40 - 1) == 2**63 - 1


# -- erased is erased -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [20, 3_000, 60_000], ids=["in_a_page", "most_of_a_page", "over_many_pages"])
async def test_an_erased_private_part_is_in_no_file_any_more(house: SQLiteHouse, size: int) -> None:
    secret = (b"the patient's name is Maria " * (size // 28 + 1))[:size]
    ledger = house.open()
    historian = Historian(ledger)
    await historian.write(1, 1, private=secret)
    await historian.write(1, 50, private=b"harmless")
    batch = historian.batch(1)
    batch.redactions.append((1, 1))
    await ledger.commit(batch)
    await historian.write(1, 1)  # the log was begun anew behind the answer of the commit before
    ledger.close_now()
    for path in house.path.parent.iterdir():
        assert b"Maria" not in path.read_bytes(), path.name


async def test_a_reader_in_the_way_only_delays_the_erasing(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    await historian.write(1, 1, private=b"the patient's name is Maria")
    other = sqlite3.connect(house.path, isolation_level=None)
    other.execute("BEGIN")
    other.execute("SELECT count(*) FROM events").fetchall()
    other.execute("PRAGMA busy_timeout = 0")
    ledger._writer._db.execute("PRAGMA busy_timeout = 0")
    batch = historian.batch(1)
    batch.redactions.append((1, 1))
    await ledger.commit(batch)
    await historian.write(1, 1)
    log = house.path.with_name("ledger.db-wal")
    held = await asyncio.to_thread(log.read_bytes)
    assert b"Maria" in held
    other.close()
    await historian.write(1, 2, per_commit=1)
    assert b"Maria" not in await asyncio.to_thread(log.read_bytes)


# -- the log, the settings, the files ---------------------------------------------------------------------------------


async def test_the_log_stays_bounded_under_load(house: SQLiteHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writer, "WAL_PAGES_MAX", 100)
    ledger = house.open()
    historian = Historian(ledger)
    longest = 0
    for _ in range(400):
        await historian.write(1, 20, private=b"x" * 300)
        longest = max(longest, ledger.sizes().log_bytes)
    assert 0 < longest < 20 * 100 * PAGE_BYTES
    assert WAL_PAGES_MAX == 2_500


async def test_settings_are_those_that_were_measured(house: SQLiteHouse) -> None:
    ledger = house.open()
    await Historian(ledger).write(1, 1)
    pragmas = {
        name: ledger._writer._db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in (
            "page_size",
            "auto_vacuum",
            "journal_mode",
            "synchronous",
            "cache_size",
            "wal_autocheckpoint",
        )
    }
    assert pragmas == {
        "page_size": 16_384,
        "auto_vacuum": 2,
        "journal_mode": "wal",
        "synchronous": 2,
        "cache_size": -65_536,
        "wal_autocheckpoint": 0,
    }
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm", "reserve"):
        assert stat.S_IMODE(house.path.with_name(name).stat().st_mode) == 0o600


def test_a_database_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE cats (name)")
    connection.close()
    path.chmod(0o600)
    with pytest.raises(StoreUnknown, match="not a Watchfloor ledger"):
        SQLiteLedger(path, SQLiteSettings(reserve_bytes=0))


async def test_a_ledger_of_another_version_is_refused(house: SQLiteHouse) -> None:
    house.open()
    house.close()
    connection = sqlite3.connect(house.path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with pytest.raises(StoreUnknown, match="schema version 99"):
        house.open()


async def test_a_store_that_others_can_read_is_refused(house: SQLiteHouse) -> None:
    house.open()
    house.close()
    house.path.chmod(0o644)
    with pytest.raises(DirectoryUnsafe, match="chmod 600"):
        house.open()


async def test_organisations_outside_the_packed_key_are_refused(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    for outside in (-1, 2**23):
        with pytest.raises(BatchRefused, match="outside"):
            await ledger.commit(Batch(events=[(outside, 1, 1, b"{}", bytes(32))]))
    await historian.write(2**23 - 1, 1)
    assert ledger.head(2**23 - 1)[0] == 1


# -- failures that are not the disk's ---------------------------------------------------------------------------------


async def test_another_writer_that_holds_the_lock_is_busy_not_poison(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    await historian.write(1, 1)
    ledger._writer._db.execute("PRAGMA busy_timeout = 20")
    intruder = sqlite3.connect(house.path, isolation_level=None)
    intruder.execute("BEGIN IMMEDIATE")
    with pytest.raises(StorageBusy) as caught:
        await historian.write(1, 1)
    assert caught.value.retryable
    intruder.execute("ROLLBACK")
    intruder.close()
    historian.forget()
    await historian.write(1, 1)


async def test_a_lock_of_somebody_else_fails_a_read_without_crying_damage(
    house: SQLiteHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("watchfloor.ledger.sqlite.schema.BUSY_TIMEOUT_MS", 20)
    ledger = house.open()
    await Historian(ledger).write(1, 1)
    ledger.close_now()
    intruder = sqlite3.connect(house.path, isolation_level=None)
    intruder.execute("PRAGMA locking_mode = EXCLUSIVE").fetchall()
    intruder.execute("BEGIN EXCLUSIVE")
    told: list[str] = []
    reader = Reader(house.path, told.append)
    with pytest.raises(ReadFailed, match="BUSY"):
        reader.head(1)
    assert told == []
    intruder.close()
    assert reader.head(1)[0] == 1
    reader.close()


async def test_reads_go_on_while_the_store_is_reopened(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    await historian.write(1, 300)
    for _ in range(3):
        house.fault.set("commit", sqlite_error(sqlite3.SQLITE_IOERR))
        with pytest.raises(LedgerPoisoned):
            await historian.write(1, 1)
        reopening = asyncio.create_task(ledger.reopen())
        while not reopening.done():
            assert ledger.head(1)[0] == 300
            await asyncio.sleep(0)
        await reopening
        historian.forget()


async def test_rows_of_a_second_writer_are_a_conflict_never_a_fork(house: SQLiteHouse) -> None:
    """Somebody appended past the lock: the primary key refuses, and the writer poisons rather than guess."""
    ledger = house.open()
    historian = Historian(ledger)
    await historian.write(1, 1)
    intruder = sqlite3.connect(house.path, isolation_level=None)
    intruder.execute("INSERT INTO events VALUES (?, 1, x'7b7d', x'00')", (key_of(1, 2),))
    intruder.close()
    with pytest.raises((SequenceConflict, LedgerPoisoned)):
        await historian.write(1, 1)
    assert ledger.poisoned


async def test_a_batch_of_the_wrong_shape_is_the_callers_error_and_leaves_no_trace(
    house: SQLiteHouse,
) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    await historian.write(1, 1)
    batch = historian.batch(1)
    batch.privates.append((1, 2, b"salt"))  # type: ignore[arg-type]
    with pytest.raises(sqlite3.ProgrammingError):
        await ledger.commit(batch)
    assert ledger.head(1)[0] == 1
    assert ledger.poisoned == ""
    historian.forget()
    await historian.write(1, 1)


async def test_folding_that_fails_poisons_and_folding_that_finds_no_space_does_not(
    house: SQLiteHouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer, "WAL_PAGES_MAX", 3)
    ledger = house.open()
    historian = Historian(ledger)
    house.fault.set("fold", sqlite_error(sqlite3.SQLITE_FULL), once=False)
    await historian.write(1, 40, per_commit=1)
    assert ledger.poisoned == ""
    house.fault.set("fold", sqlite_error(sqlite3.SQLITE_IOERR), once=False)
    deadline = time.monotonic() + 10
    with contextlib.suppress(LedgerPoisoned):
        while not ledger.poisoned and time.monotonic() < deadline:
            await historian.write(1, 1)
    with pytest.raises(LedgerPoisoned, match="folding the log failed"):
        await historian.write(1, 1)
    house.fault.set("", sqlite_error(0))
    await ledger.reopen()
    historian.forget()
    await historian.write(1, 1)


# -- notes ride with commits ------------------------------------------------------------------------------------------


async def test_a_note_is_written_with_the_next_commit_or_soon_alone(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    await historian.write(1, 5)
    commits = house.fault.passed.count("commit")
    note = asyncio.create_task(ledger.store_checkpoint(1, 5, "note"))
    await asyncio.sleep(0)
    await historian.write(1, 1)
    await note
    assert house.fault.passed.count("commit") == commits + 1
    await asyncio.wait_for(ledger.store_checkpoint(1, 6, "note"), 20)
    assert [row.size for row in ledger.checkpoints(1, 9)] == [6, 5]


async def test_a_refused_batch_does_not_take_the_note_with_it(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    await historian.write(1, 5, private=b"x")
    note = asyncio.create_task(ledger.store_checkpoint(1, 5, "note"))
    await asyncio.sleep(0)
    batch = historian.batch(1)
    batch.privates.append((1, 1, b"s", b"again"))
    with pytest.raises(BatchRefused):
        await ledger.commit(batch)
    await note
    assert ledger.latest_checkpoint(1) is not None


async def test_a_note_shares_the_fate_of_a_full_disk_and_says_so(house: SQLiteHouse) -> None:
    ledger = house.open()
    house.fault.set("commit", sqlite_error(sqlite3.SQLITE_FULL))
    with pytest.raises(StorageFull):
        await ledger.store_checkpoint(1, 5, "note")
    await ledger.store_checkpoint(1, 5, "note")


async def test_notes_that_wait_are_written_when_the_ledger_closes(house: SQLiteHouse) -> None:
    ledger = house.open()
    waiting = asyncio.create_task(ledger.store_checkpoint(1, 5, "note"))
    await asyncio.sleep(0)
    await ledger.close()
    await waiting
    assert house.open().latest_checkpoint(1) is not None


async def test_commits_are_answered_in_order_whoever_waits(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    order: list[int] = []

    async def one(number: int) -> None:
        await ledger.commit(historian.batch(1))
        order.append(number)

    await asyncio.gather(*(one(number) for number in range(50)))
    assert order == list(range(50))
    assert threading.active_count() < 20
