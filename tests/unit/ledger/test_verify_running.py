"""Verification beside a writer: what is appended and signed while it runs is no damage."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.contracts.ledger_kit import ORIGIN, Historian, SQLiteHouse

from watchfloor.ledger.signer import Signer
from watchfloor.ledger.verify import verify_here


class Earlier:
    """A ledger whose head is asked for once before the latest commits, as by a check that began then."""

    def __init__(self, ledger: Any, head: tuple[int, bytes]) -> None:
        self._ledger = ledger
        self._heads = [head]

    def head(self, org: int) -> tuple[int, bytes]:
        return self._heads.pop() if self._heads else self._ledger.head(org)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ledger, name)


async def test_events_and_checkpoints_that_came_during_the_check_are_no_damage(tmp_path: Path) -> None:
    house = SQLiteHouse(tmp_path / "data")
    ledger = house.open()
    historian = Historian(ledger)
    signer = Signer(house.path.with_name("signer"), ORIGIN)
    await historian.write(1, 5)
    await historian.sign(signer)
    earlier: Any = Earlier(ledger, ledger.head(1))
    await historian.write(1, 3)
    await historian.sign(signer)
    (report,) = verify_here(earlier, signer.key_of)
    assert (report.problem, report.size, report.checkpoints) == ("", 5, 1)
    (report,) = verify_here(ledger, signer.key_of)
    assert (report.problem, report.size, report.checkpoints) == ("", 8, 2)
    signer.close()
    house.close()
