"""The ledger's contract, run on every implementation (spec 04; DESIGN §2)."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from tests.contracts.ledger_kit import HOUSES, START_AT, Historian, SQLiteHouse, sqlite_error

from watchfloor.ledger.contract import (
    ZERO_HASH,
    Batch,
    BatchRefused,
    LedgerClosed,
    LedgerPoisoned,
    SequenceConflict,
    StorageFull,
)

DAY = 20_000


@pytest.fixture(params=list(HOUSES))
def house(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[SQLiteHouse]:
    made = HOUSES[request.param](tmp_path / "data")
    yield made
    made.close()


async def test_an_empty_organisation_stands_at_seq_0_with_the_zero_hash(house: SQLiteHouse) -> None:
    ledger = house.open()
    assert ledger.head(1) == (0, ZERO_HASH)
    assert ledger.read(1, 0, 10) == []
    assert ledger.organisations() == []
    assert ledger.latest_checkpoint(1) is None


async def test_what_is_committed_is_read_back_byte_for_byte(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    batch = historian.batch(1, 5)
    await ledger.commit(batch)
    rows = [(seq, data, digest) for _, seq, _, data, digest in batch.events]
    assert ledger.read(1, 0, 100) == rows
    assert ledger.read(1, 2, 2) == rows[2:4]
    assert ledger.read_one(1, 3) == rows[2]
    assert ledger.read_one(1, 6) is None
    assert ledger.head(1) == (5, rows[-1][2])


async def test_history_survives_closing_and_opening(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    await historian.write(1, 600)
    before = ledger.read(1, 0, 1000)
    await ledger.close()
    again = house.open()
    assert again.read(1, 0, 1000) == before
    assert again.tile_count(1, 0) == 2
    assert Historian(again).head(1).tree.root() == historian.head(1).tree.root()


@pytest.mark.parametrize("seq", [0, 1, 3, 99])
async def test_a_batch_that_does_not_continue_the_head_is_refused_whole(house: SQLiteHouse, seq: int) -> None:
    ledger = house.open()
    await Historian(ledger).write(1, 1)
    bad = Batch(events=[(1, seq, 1, b"{}", bytes(32))], credentials=[_credential("key_x")])
    with pytest.raises(SequenceConflict):
        await ledger.commit(bad)
    assert ledger.head(1)[0] == 1
    assert list(ledger.credentials()) == []


async def test_a_gap_inside_a_batch_is_refused_whole(house: SQLiteHouse) -> None:
    ledger = house.open()
    rows = [(1, seq, 1, b"{}", bytes(32)) for seq in (1, 2, 4)]
    with pytest.raises(SequenceConflict):
        await ledger.commit(Batch(events=rows))
    assert ledger.head(1)[0] == 0


async def test_a_row_the_store_refuses_takes_the_whole_batch_with_it(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    await historian.write(1, 1, private=b"x")
    batch = historian.batch(1, 1)
    batch.privates.append((1, 1, b"salt", b"a second private part for event 1"))
    with pytest.raises(BatchRefused):
        await ledger.commit(batch)
    assert ledger.head(1)[0] == 1
    historian.forget()
    await historian.write(1, 1)  # and the writer goes on
    assert ledger.head(1)[0] == 2


async def test_organisations_are_numbered_apart_inside_one_batch(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    one, two = historian.batch(1, 3), historian.batch(2, 2)
    mixed = Batch(
        events=[one.events[0], two.events[0], one.events[1], two.events[1], one.events[2]],
        organisations=one.organisations + two.organisations,
    )
    await ledger.commit(mixed)
    assert [row[0] for row in ledger.read(1, 0, 9)] == [1, 2, 3]
    assert [row[0] for row in ledger.read(2, 0, 9)] == [1, 2]
    assert [row.public_id for row in ledger.organisations()] == ["org_1", "org_2"]


async def test_a_stream_is_one_subject_of_one_organisation_in_order(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    for org, stream, count in ((1, 1, 2), (2, 1, 3), (1, 3, 1), (1, 1, 2)):
        await historian.write(org, count, stream=stream)
    assert [row[0] for row in ledger.read_stream(1, 1)] == [1, 2, 4, 5]
    assert [row[0] for row in ledger.read_stream(1, 3)] == [3]
    assert [row[0] for row in ledger.read_stream(2, 1)] == [1, 2, 3]
    assert ledger.read_stream(1, 2) == []
    assert ledger.streams(1, 0, 9) == [1, 1, 3, 1, 1]
    assert ledger.streams(1, 1, 2) == [1, 3]


async def test_a_redaction_erases_the_private_part_and_nothing_else(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    await historian.write(1, 3, private=b"a private sentence about Maria")
    assert ledger.read_private(1, 2) == (sha256(b"salt 2").digest(), b"a private sentence about Maria")
    before = ledger.read(1, 0, 10)
    batch = historian.batch(1, 1)
    batch.redactions.append((1, 2))
    await ledger.commit(batch)
    assert ledger.read_private(1, 2) is None
    assert set(ledger.read_privates(1, [1, 2, 3, 4])) == {1, 3}
    assert [row[0] for row in ledger.privates_between(1, 0, 9)] == [1, 3]
    assert ledger.redacted(1, 0, 9) == [2]
    assert ledger.read(1, 0, 3) == before


async def test_idempotency_keys_are_found_per_credential_until_their_day_is_dropped(
    house: SQLiteHouse,
) -> None:
    ledger = house.open()
    await ledger.commit(
        Batch(
            keys=[
                (DAY, 1, "tok_a", "k", b"digest", 7),
                (DAY + 1, 1, "tok_a", "later", b"other", 9),
                (DAY, 2, "tok_a", "k", b"elsewhere", 1),
            ]
        )
    )
    assert ledger.find_key(1, "tok_a", "k") == (b"digest", 7)
    assert ledger.find_key(2, "tok_a", "k") == (b"elsewhere", 1)
    assert ledger.find_key(1, "tok_b", "k") is None
    assert await ledger.drop_key_partitions(DAY) == 0
    assert await ledger.drop_key_partitions(DAY + 1) == 1
    assert ledger.find_key(1, "tok_a", "k") is None
    assert ledger.find_key(1, "tok_a", "later") == (b"other", 9)
    await ledger.commit(Batch(keys=[(DAY, 1, "tok_a", "k", b"digest", 7)]))  # a dropped day can come back
    assert ledger.find_key(1, "tok_a", "k") == (b"digest", 7)


async def test_the_same_key_twice_refuses_the_second_batch(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    first = historian.batch(1, 1)
    first.keys.append((DAY, 1, "tok_a", "k", b"digest", 1))
    await ledger.commit(first)
    second = historian.batch(1, 1)
    second.keys.append((DAY, 1, "tok_a", "k", b"digest", 2))
    with pytest.raises(BatchRefused):
        await ledger.commit(second)
    assert ledger.head(1)[0] == 1


async def test_a_new_day_of_keys_is_rolled_back_with_its_batch(house: SQLiteHouse) -> None:
    ledger = house.open()
    bad = Batch(keys=[(DAY, 1, "t", "k", b"d", 1)], privates=[(1, 1, b"s", b"b"), (1, 1, b"s", b"b")])
    with pytest.raises(BatchRefused):
        await ledger.commit(bad)
    await ledger.commit(Batch(keys=[(DAY, 1, "t", "k", b"d", 1)]))
    assert ledger.find_key(1, "t", "k") == (b"d", 1)


async def test_a_credential_is_replaced_by_its_next_version(house: SQLiteHouse) -> None:
    ledger = house.open()
    await ledger.commit(Batch(credentials=[_credential("key_a"), _credential("key_b")]))
    await ledger.commit(Batch(credentials=[_credential("key_a", revoked_at=START_AT)]))
    found = {row.id: row.revoked_at for row in ledger.credentials()}
    assert found == {"key_a": START_AT, "key_b": 0}


async def test_a_checkpoint_may_be_published_again_but_not_contradicted(house: SQLiteHouse) -> None:
    ledger = house.open()
    for size in (3, 10, 7):
        await ledger.store_checkpoint(1, size, f"note {size}")
    await ledger.store_checkpoint(1, 7, "note 7")
    with pytest.raises(BatchRefused):
        await ledger.store_checkpoint(1, 7, "another tree of the same size")
    latest = ledger.latest_checkpoint(1)
    assert latest is not None
    assert latest.size == 10
    assert [row.size for row in ledger.checkpoints(1, 5)] == [10, 7, 3]
    assert [row.size for row in ledger.checkpoints(1, 5, before=10)] == [7, 3]
    assert [row.size for row in ledger.checkpoints_after(1, 3, 5)] == [7, 10]


async def test_checkpoints_of_an_earlier_signer_epoch_are_no_longer_read(house: SQLiteHouse) -> None:
    ledger = house.open()
    await ledger.claim_signer_epoch(1)
    await ledger.store_checkpoint(1, 10, "of the abandoned history")
    await ledger.claim_signer_epoch(2)
    assert ledger.signer_epoch() == 2
    assert ledger.latest_checkpoint(1) is None
    await ledger.store_checkpoint(1, 10, "of the new history")
    assert [row.note for row in ledger.checkpoints(1, 5)] == ["of the new history"]
    with pytest.raises(BatchRefused):
        await ledger.claim_signer_epoch(1)


async def test_readers_see_whole_batches_only_while_commits_go_on(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    await historian.write(1, 10)
    stop, wrong, polls = threading.Event(), [], 0

    def poll() -> None:
        nonlocal polls
        last = 0
        while not stop.is_set():
            size, digest = ledger.head(1)
            rows = ledger.read(1, last, 10_000)
            polls += 1
            if size % 10 or [row[0] for row in rows][:3] != list(range(last + 1, last + 1 + len(rows)))[:3]:
                wrong.append((size, last))
            if rows and size == rows[-1][0] and digest != rows[-1][2]:
                wrong.append((size, -1))
            last = rows[-1][0] if rows else last

    thread = threading.Thread(target=poll)
    thread.start()
    await historian.write(1, 2_000, per_commit=10)
    stop.set()
    thread.join()
    assert wrong == []
    assert polls > 5
    assert ledger.head(1)[0] == 2_010


async def test_a_full_store_refuses_cleanly_and_recovers_by_itself(house: SQLiteHouse) -> None:
    ledger = house.open(quota_pages=40)
    historian = Historian(ledger)
    acknowledged = 0
    while True:
        try:
            await historian.write(1, 50)
        except StorageFull:
            break
        acknowledged += 50
    assert ledger.full
    assert ledger.poisoned == ""
    assert ledger.head(1)[0] == acknowledged > 0  # reads go on, and nothing of the refused batch is there
    await ledger.close()
    roomier = house.open(quota_pages=400)
    later = Historian(roomier)
    await later.write(1, 50)
    assert roomier.head(1)[0] == acknowledged + 50


async def test_space_that_comes_back_ends_the_refusals(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    await historian.write(1, 1)
    house.fault.set("insert", sqlite_error(sqlite3.SQLITE_FULL))
    with pytest.raises(StorageFull) as caught:
        await historian.write(1, 1)
    assert caught.value.retryable
    historian.forget()
    await historian.write(1, 1)
    assert ledger.head(1)[0] == 2
    assert not ledger.full


@pytest.mark.parametrize("stage", ["begin", "insert", "commit"])
async def test_an_io_error_poisons_until_reopened_and_verified(house: SQLiteHouse, stage: str) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    await historian.write(1, 3)
    house.fault.set(stage, sqlite_error(sqlite3.SQLITE_IOERR))
    with pytest.raises(LedgerPoisoned):
        await historian.write(1, 1)
    historian.forget()
    with pytest.raises(LedgerPoisoned):  # the fault is gone, the doubt is not
        await historian.write(1, 1)
    with pytest.raises(LedgerPoisoned):
        await ledger.store_checkpoint(1, 3, "note")
    assert ledger.head(1)[0] == 3
    await ledger.reopen()
    historian.forget()
    await historian.write(1, 1)
    assert ledger.head(1)[0] == 4


async def test_a_failure_after_the_commit_is_an_unknown_outcome(house: SQLiteHouse) -> None:
    """Execute-then-fail: the caller is told *unknown*, and the store has it (09-faults C4)."""
    ledger = house.open()
    historian = Historian(ledger)
    house.fault.set("committed", lambda: OSError("the answer is lost"))
    with pytest.raises(LedgerPoisoned):
        await historian.write(1, 1)
    await ledger.reopen()
    assert ledger.head(1)[0] == 1


async def test_reopening_a_damaged_store_stays_poisoned(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    await historian.write(1, 10)
    house.fault.set("commit", sqlite_error(sqlite3.SQLITE_IOERR))
    with pytest.raises(LedgerPoisoned):
        await historian.write(1, 1)
    house.tamper("UPDATE events SET data = x'7b7d' WHERE id & 0xFFFFFFFFFF = 4")
    with pytest.raises(LedgerPoisoned, match="first event in doubt: 4"):
        await ledger.reopen()
    historian.forget()
    with pytest.raises(LedgerPoisoned):
        await historian.write(1, 1)


async def test_a_cancelled_waiter_does_not_undo_the_commit(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    waiting = asyncio.create_task(historian.write(1, 1))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await historian.write(1, 1)  # seq 2: it would be refused if seq 1 were not there
    assert ledger.head(1)[0] == 2


async def test_a_closed_ledger_says_so(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    await historian.write(1, 1)
    await ledger.close()
    await ledger.close()
    with pytest.raises(LedgerClosed):
        await ledger.commit(Batch())
    with pytest.raises(LedgerClosed):
        ledger.head(1)
    with pytest.raises(LedgerClosed):
        ledger.sizes()


async def test_free_space_is_given_back_by_compaction(house: SQLiteHouse) -> None:
    ledger = house.open()
    await ledger.commit(Batch(keys=[(DAY, 1, "t", f"{n:080}", bytes(32), n) for n in range(3_000)]))
    await ledger.drop_key_partitions(DAY + 1)
    reclaimable = ledger.sizes().reclaimable_bytes
    assert reclaimable > 0
    given = 0
    while freed := await ledger.compact(5):
        given += freed
    assert given > 5
    assert ledger.sizes().reclaimable_bytes == 0


def _credential(
    name: str, *, revoked_at: int = 0
) -> tuple[str, int, str, int, bytes, str, int, int, int, str]:
    return (name, 1, "agent", 5, bytes(32), "[]", START_AT, 0, revoked_at, "laptop")
