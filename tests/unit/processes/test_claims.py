"""A report of cost beyond belief is shown to people, once while they look at it (decision 31)."""

from __future__ import annotations

from types import SimpleNamespace

import msgspec
from tests.unit.registers.board import Board, completed

from watchfloor.processes.claims import claimed
from watchfloor.registers.conduct import REGISTER, Known
from watchfloor.trust.anomaly_messages import ReportAnomaly, key_of


def test_one_anomaly_for_each_measure_and_none_while_it_is_open() -> None:
    board = Board(REGISTER)
    board.cells["active_policy", "active"] = SimpleNamespace(document=None)
    plain = board.show(completed(cost=5), 9)
    assert claimed(plain, board.read) == []
    facts = msgspec.structs.replace(completed(cost=5), claimed_micro=500, tokens=6, claimed_tokens=600)
    event = board.show(facts, 9)

    def wish(measure: str, said: int, counted: int) -> ReportAnomaly:
        return ReportAnomaly(
            what="cost_report",
            agent=1,
            agents=(1,),
            evidence=(event.seq,),
            measured=said,
            threshold=counted,
            about=measure,
        )

    assert claimed(event, board.read) == [wish("money", 500, 5), wish("tokens", 600, 6)]
    board.cells["anomalies", key_of("cost_report", 1, "money")] = Known(5)
    assert claimed(event, board.read) == [wish("tokens", 600, 6)]
    board.cells["anomalies", key_of("cost_report", 1, "money")] = Known(5, event.at)
    assert len(claimed(event, board.read)) == 2
