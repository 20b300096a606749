"""An agent that is retired leaves its channels (spec 2.2)."""

from __future__ import annotations

from tests.unit.registers.board import Board

from watchfloor.conversations.messages import LeaveChannel
from watchfloor.fleet.messages import AgentRetired
from watchfloor.processes.departure import retired
from watchfloor.registers.mail import REGISTER


def test_who_is_retired_leaves_every_channel() -> None:
    board = Board(REGISTER)
    event = board.show(AgentRetired(reason=""), subject=1)
    assert retired(event, board.read) == []
    board.cells["channels_of", 1] = (7, 8)
    assert retired(event, board.read) == [
        LeaveChannel(subject=7, agent=1),
        LeaveChannel(subject=8, agent=1),
    ]
