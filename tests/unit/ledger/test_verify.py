"""Verification of a living store: ranges, processes, private parts, and how far a start may rely on earlier checks."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from tests.contracts.ledger_kit import ORIGIN, Historian, SQLiteHouse

from watchfloor.ledger import verify as verification
from watchfloor.ledger.heads import HistoryDamaged, load_head
from watchfloor.ledger.recovery import start_up, verify_whole
from watchfloor.ledger.signer import Signer
from watchfloor.ledger.sqlite.reader import Reader
from watchfloor.ledger.verify import (
    Verified,
    load_verified,
    require_good,
    save_verified,
    verify_here,
    verify_ledger,
)


@pytest.fixture
def house(tmp_path: Path) -> Iterator[SQLiteHouse]:
    made = SQLiteHouse(tmp_path / "data")
    yield made
    made.close()


def ignore(_reason: str) -> None:
    return None


async def test_a_ledger_of_several_organisations_is_good(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    for org, count in ((1, 700), (2, 3), (3, 256)):
        await historian.write(org, count, private=b"text")
    reports = verify_here(ledger)
    assert [(report.org, report.size, report.problem) for report in reports] == [
        (1, 700, ""),
        (2, 3, ""),
        (3, 256, ""),
    ]
    require_good(ledger)


@pytest.mark.parametrize("processes", [1, 2])
async def test_several_ranges_on_several_processes_find_the_same(house: SQLiteHouse, processes: int) -> None:
    """65,536 events make one tile of level 1; damage in the second range is named there."""
    ledger = house.open()
    historian = Historian(ledger)
    await historian.write(1, 70_000, per_commit=5_000)
    opener = partial(Reader, house.path, ignore)
    (report,) = verify_ledger(opener, processes=processes)
    assert (report.size, report.problem) == (70_000, "")
    assert report.head == ledger.head(1)[1]
    ledger.close_now()
    house.tamper("UPDATE events SET data = x'7b7d' WHERE id & 0xFFFFFFFFFF = 65540")
    (report,) = verify_ledger(opener, processes=processes)
    assert (report.first_bad, bool(report.problem)) == (65_540, True)


async def test_a_wrong_tile_of_level_1_is_seen(house: SQLiteHouse) -> None:
    ledger = house.open()
    await Historian(ledger).write(1, 65_536, per_commit=8_192)
    ledger.close_now()
    house.tamper("UPDATE tiles SET data = zeroblob(8192) WHERE id >> 36 & 15 = 1")
    (report,) = verify_here(house.open())
    assert "level 1" in report.problem


async def test_private_parts_are_held_to_their_commitments(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    await historian.write(1, 5, private=b"what was said")
    batch = historian.batch(1)
    batch.redactions.append((1, 2))
    await ledger.commit(batch)
    (report,) = verify_here(ledger)
    assert (report.problem, report.redacted) == ("", 1)
    ledger.close_now()
    for statement, seq in (
        ("DELETE FROM privates WHERE id & 0xFFFFFFFFFF = 3", 3),
        ("INSERT INTO privates VALUES (1 << 40 | 3, x'00', x'00')", 3),
        ("DELETE FROM privates WHERE id & 0xFFFFFFFFFF = 3", 3),
        ("INSERT INTO privates VALUES (1 << 40 | 2, x'00', x'00')", 2),
    ):
        house.tamper(statement)
        (report,) = verify_here(house.open())
        assert report.first_bad == seq
        house.close()


async def test_an_event_filed_under_another_organisation_is_seen(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    await historian.write(1, 3)
    ledger.close_now()
    house.tamper("UPDATE organisations SET public_id = 'org_other'")
    with pytest.raises(HistoryDamaged, match="another place"):
        require_good(house.open())


async def test_a_later_check_walks_only_what_is_new_but_compares_the_old_head(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    await historian.write(1, 300)
    reports = verify_here(ledger)
    path = house.path.with_name("verified.json")
    save_verified(path, reports)
    since = load_verified(path)
    assert since == {"org_1": Verified(300, ledger.head(1)[1])}
    await historian.write(1, 10)
    assert verify_here(ledger, since=since)[0].problem == ""
    ledger.close_now()
    house.tamper("UPDATE events SET hash = zeroblob(32) WHERE id & 0xFFFFFFFFFF = 300")
    (report,) = verify_here(house.open(), since=since)
    assert report.first_bad == 300
    house.close()
    house.tamper("DELETE FROM events WHERE id & 0xFFFFFFFFFF > 299")
    (report,) = verify_here(house.open(), since=since)
    assert report.first_bad == 300
    assert "were verified before" in report.problem


@pytest.mark.parametrize("text", ["", "garbage", "[]", '{"org_1":{"size":"x"}}'])
def test_a_damaged_memory_of_checks_only_means_checking_everything(tmp_path: Path, text: str) -> None:
    path = tmp_path / "verified.json"
    path.write_text(text)
    assert load_verified(path) == {}
    assert load_verified(tmp_path / "nothing") == {}


async def test_a_head_cannot_be_loaded_over_missing_tiles(house: SQLiteHouse) -> None:
    ledger = house.open()
    await Historian(ledger).write(1, 600)
    ledger.close_now()
    house.tamper("DELETE FROM tiles")
    with pytest.raises(HistoryDamaged):
        load_head(house.open(), 1, "org_1")


async def test_a_start_checks_the_signer_then_what_is_new(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    signer = Signer(house.path.with_name("signer"), ORIGIN)
    verified = house.path.with_name("verified.json")
    await historian.write(1, 300)
    await historian.sign(signer)
    found = start_up(ledger, signer, verified)
    assert (found.read_only, found.rollback) == ("", False)
    assert found.heads[1].tree.root() == historian.head(1).tree.root()
    assert found.reports[0].checkpoints == 1
    assert load_verified(verified)["org_1"].size == 300
    (report,) = verify_whole(house.path, signer, verified)
    assert report.problem == ""
    signer.close()


async def test_a_start_over_a_damaged_store_is_read_only_and_says_where(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    signer = Signer(house.path.with_name("signer"), ORIGIN)
    await historian.write(1, 300)
    await historian.sign(signer)
    ledger.close_now()
    house.tamper("UPDATE events SET data = x'7b7d' WHERE id & 0xFFFFFFFFFF = 7")
    found = start_up(house.open(), signer, house.path.with_name("verified.json"))
    assert "first event in doubt: 7" in found.read_only or "event in doubt: 7" in str(found.reports)
    assert not found.rollback
    assert not house.path.with_name("verified.json").exists()
    signer.close()


def test_ranges_are_whole_tiles_of_level_1() -> None:
    assert verification.RANGE_EVENTS == 65_536
