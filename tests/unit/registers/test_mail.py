"""What was said to agents and may not have been heard (spec 2.2)."""

from __future__ import annotations

from types import SimpleNamespace

from tests.unit.registers.board import Board

from watchfloor.conversations import messages as m
from watchfloor.registers.mail import REGISTER


def test_what_is_said_to_an_agent_waits_in_its_own_outbox() -> None:
    board = Board(REGISTER)
    told = board.show(m.AgentTold(agent=1, number=1), subject=40)
    sent = board.show(m.MessageSent(agent=1, number=1, sender=2), subject=1)
    board.again(sent)
    closed = board.show(m.ChatClosed(agent=1, reason=""), subject=40)
    assert board.read("mail", 1) == ((40, told.seq), (2, sent.seq), (40, closed.seq))


def test_a_post_is_for_every_member_but_the_one_who_said_it() -> None:
    board = Board(REGISTER)
    board.cells["channel", 50] = SimpleNamespace(members=(1, 2, 3))
    posted = board.show(m.MessagePosted(agent=2, number=1), subject=50)
    assert board.read("mail", 1) == board.read("mail", 3) == ((2, posted.seq),)
    assert board.read("mail", 2) is None


def test_open_chats_of_an_agent_are_counted() -> None:
    board = Board(REGISTER)
    opened = board.show(m.ChatOpened(agent=1, nonce=1))
    board.again(opened)
    other = board.show(m.ChatOpened(agent=1, nonce=2))
    assert board.read("chats_open", 1) == (opened.subject, other.subject)
    board.again(board.show(m.ChatClosed(agent=1, reason=""), subject=opened.subject))
    assert board.read("chats_open", 1) == (other.subject,)
    board.show(m.ChatClosed(agent=1, reason=""), subject=other.subject)
    assert board.read("chats_open", 1) is None


def test_channels_are_known_by_name_until_closed_and_by_their_members() -> None:
    board = Board(REGISTER)
    opened = board.show(m.ChannelOpened(agent=1, name="builds", nonce=1))
    by_people = board.show(m.ChannelOpened(agent=0, name="ops", nonce=1))
    board.show(m.ChannelJoined(agent=2), subject=opened.subject)
    board.show(m.ChannelJoined(agent=1), subject=by_people.subject)
    assert board.read("channel_names", "builds") == opened.subject
    assert board.read("channels_open", "all") == (opened.subject, by_people.subject)
    assert board.read("channels_of", 1) == (opened.subject, by_people.subject)
    board.show(m.ChannelLeft(agent=1), subject=by_people.subject)
    board.cells["channel", opened.subject] = SimpleNamespace(members=(1, 2))
    closed = board.show(m.ChannelClosed(name="builds", reason=""), subject=opened.subject)
    assert board.read("channels_of", 1) is board.read("channels_of", 2) is None
    assert board.read("channel_names", "builds") is None
    again = board.show(m.ChannelOpened(agent=0, name="builds", nonce=2))
    board.again(closed)
    assert board.read("channel_names", "builds") == again.subject, "a later one of the name stays"
