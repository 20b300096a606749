"""Proofs up to the committed head hold while a batch that fills tiles is still on its way."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest
from tests.contracts.ledger_kit import Historian, SQLiteHouse

from watchfloor.ledger.heads import committed_tiles
from watchfloor.ledger.merkle import TileMissing, consistency_proof, root_at
from watchfloor.ledger.proofs import verify_consistency


@pytest.fixture
def house(tmp_path: Path) -> Iterator[SQLiteHouse]:
    made = SQLiteHouse(tmp_path / "data")
    yield made
    made.close()


@pytest.mark.parametrize(("committed", "on_its_way"), [(200, 100), (255, 1), (300, 500)])
async def test_the_root_of_what_is_committed_is_known_while_the_tree_in_memory_is_ahead(
    house: SQLiteHouse, committed: int, on_its_way: int
) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    await historian.write(1, committed, per_commit=10_000)
    head = historian.head(1)
    root = head.tree.root()
    historian.batch(1, on_its_way)  # appended in memory, its tiles taken, and not stored
    view = head.view(ledger)
    with pytest.raises(TileMissing):
        root_at(committed, view.read_tile)
    tiles = committed_tiles(view, ledger.read)
    assert root_at(committed, tiles) == root
    old = root_at(committed // 2, tiles)
    proof = consistency_proof(committed // 2, committed, tiles)
    verify_consistency(committed // 2, committed, old, root, proof)
    ledger.close_now()


async def test_tiles_of_every_level_can_be_made_from_the_events(house: SQLiteHouse) -> None:
    ledger = house.open()
    historian = Historian(ledger)
    await historian.write(1, 1_000, per_commit=1_000)
    head = historian.head(1)
    nothing_kept = msgspec.structs.replace(head.view(ledger), read_tile=lambda level, index: None)
    tiles = committed_tiles(nothing_kept, ledger.read)
    assert root_at(1_000, tiles) == head.tree.root()
    assert tiles(1, 0) == head.view(ledger).read_tile(1, 0)
    assert tiles(0, 4) is None
    ledger.close_now()
