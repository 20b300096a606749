"""Which domains an agent may have to supervise (spec 2.3)."""

from __future__ import annotations

from types import SimpleNamespace

from tests.unit.registers.board import Board

from watchfloor.fleet.supervision_messages import SupervisionArranged, SupervisionEnded
from watchfloor.registers.supervision import REGISTER, domains_of


def arranged(primary: int, *backups: int) -> SupervisionArranged:
    return SupervisionArranged(
        agent=primary,
        backups=backups,
        domain="night",
        generation=1,
        members=(9,),
        nonce=1,
        patience_ms=1,
        primary=primary,
        tasks_max=0,
    )


def test_an_agent_has_its_domains_until_it_is_no_longer_named_or_they_end() -> None:
    board = Board(REGISTER)
    board.cells["supervision", 50] = SimpleNamespace(domain="night", ended=False)
    first = board.show(arranged(7, 8), subject=50)
    board.again(first)
    assert (board.read("supervises", 7), board.read("supervises", 8)) == ((50,), (50,))
    assert board.read("domains", "night") == 50
    board.show(arranged(7, 6), subject=50)
    assert (board.read("supervises", 8), board.read("supervises", 6)) == (None, (50,))
    assert [subject for subject, _ in domains_of(7, board.read)] == [50]
    ended = board.show(SupervisionEnded(agent=7, reason=""), subject=50)
    board.again(ended)
    assert (board.read("supervises", 7), board.read("domains", "night")) == (None, None)
    board.cells["supervises", 7] = (50, 51)
    board.cells["supervision", 50].ended = True
    assert domains_of(7, board.read) == []
