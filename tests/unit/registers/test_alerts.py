"""Open alerts by their key (spec 06)."""

from __future__ import annotations

from tests.unit.registers.board import Board

from watchfloor.registers.alerts import REGISTER, OpenAlert
from watchfloor.situation.messages import AlertRaised, AlertResolved, AlertWorsened


def raised(about: str = "7") -> AlertRaised:
    return AlertRaised(
        about=about,
        agent=7,
        nonce=1,
        severity="warning",
        source=3,
        thing=0,
        thing_kind="",
        until_at=0,
        what="stuck",
    )


def resolved(about: str = "7") -> AlertResolved:
    return AlertResolved(about=about, how="cleared", reason="", source=5, what="stuck")


def test_an_alert_is_known_by_its_key_while_it_is_open() -> None:
    board = Board(REGISTER)
    board.show(raised(), subject=10)
    board.show(raised(), subject=10)
    assert board.read("alerts_open", "all") == 1
    worse = AlertWorsened(about="7", severity="critical", source=4, what="stuck")
    board.show(worse, subject=11)
    assert board.read("alerts", "stuck:7") == OpenAlert(10, "warning"), "that was another"
    board.show(worse, subject=10)
    assert board.read("alerts", "stuck:7") == OpenAlert(10, "critical")
    board.show(raised("8"), subject=12)
    assert board.read("alerts_open", "all") == 2
    board.show(resolved(), subject=11)
    assert board.read("alerts_open", "all") == 2
    board.show(resolved(), subject=10)
    board.show(resolved(), subject=10)
    assert (board.read("alerts", "stuck:7"), board.read("alerts_open", "all")) == (None, 1)
    board.show(resolved("8"), subject=12)
    assert board.read("alerts_open", "all") is None
