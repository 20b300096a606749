"""What people see of conversations is what the events say."""

from __future__ import annotations

from tests.unit.registers.board import Board

from watchfloor.conversations import messages as m
from watchfloor.conversations.views import PROJECT
from watchfloor.registers.mail import REGISTER


def test_channels_of_people_begin_without_members() -> None:
    board = Board(REGISTER)
    by_people = board.show(m.ChannelOpened(agent=0, name="ops", nonce=1))
    by_agent = board.show(m.ChannelOpened(agent=5, name="builds", nonce=1))
    assert [change.table for change in PROJECT[m.ChannelOpened](by_people)] == ["channels"]
    assert [change.table for change in PROJECT[m.ChannelOpened](by_agent)] == ["channels", "channel_members"]


def test_a_member_that_left_is_no_row() -> None:
    board = Board(REGISTER)
    left = board.show(m.ChannelLeft(agent=5), subject=9)
    (change,) = PROJECT[m.ChannelLeft](left)
    assert (change.op, change.key) == ("drop", (9, 5))
