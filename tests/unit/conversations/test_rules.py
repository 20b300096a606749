"""Rules of chats, mailboxes and channels (spec 2.2, 2.6)."""

from __future__ import annotations

import pytest
from tests.transcripts.world import World

from watchfloor.conversations import messages as m
from watchfloor.conversations import texts
from watchfloor.conversations.channels import Channel, ChannelEvidence
from watchfloor.conversations.chats import Chat, ChatEvidence
from watchfloor.conversations.mailboxes import MailEvidence, Speaker
from watchfloor.kernel.limits import (
    CHANNEL_MEMBERS_MAX,
    CHANNELS_OPEN_MAX,
    CHANNELS_PER_AGENT_MAX,
    CHAT_MESSAGES_MAX,
    CHATS_OPEN_PER_AGENT_MAX,
    MESSAGE_BYTES_MAX,
    NAME_CHARS_MAX,
)
from watchfloor.kernel.messages import Refused

TEXT = b'{"text":"x"}'
HERE = ChatEvidence(known=True, retired=False)
FREE = ChannelEvidence(speaker=Speaker())
HELD = Speaker(quarantined=True)
GONE = Speaker(retired=True)


def refused(text: str) -> tuple[str, int]:
    with pytest.raises(Refused) as caught:
        texts.said(text)
    return caught.value.code, caught.value.status


def test_a_message_says_something_within_16_kib_of_canonical_text() -> None:
    assert texts.said("Hello") == b'{"text":"Hello"}'
    assert refused("") == ("empty_message", 422)
    assert refused(" \n\t") == ("empty_message", 422)
    assert texts.said("x" * MESSAGE_BYTES_MAX)
    assert refused("x" * (MESSAGE_BYTES_MAX + 1)) == ("too_large", 413)
    assert refused("é" * (MESSAGE_BYTES_MAX // 2 + 1)) == ("too_large", 413)
    assert refused("\ud800") == ("not_canonical", 422)
    assert refused("e\u0301") == ("not_canonical", 422)


def test_control_and_direction_characters_are_kept_as_said() -> None:
    """Fault I2: they are shown escaped; what was said stays what was said."""
    said = "a\x00b\u202ec\x1b[31md\n\n"
    assert texts.said(said).decode().count("text") == 1
    texts.check_private(texts.said("\x00" * MESSAGE_BYTES_MAX))  # the longest private part there is


def test_bytes_that_no_rim_made_are_bounded_by_the_rules_too() -> None:
    with pytest.raises(Refused, match="empty_message"):
        texts.check_private(b"")
    with pytest.raises(Refused, match="too_large"):
        texts.check_private(b"x" * (7 * MESSAGE_BYTES_MAX))


def test_a_title_is_short_and_may_be_missing() -> None:
    assert texts.titled("") == b""
    assert texts.titled("Why?") == b'{"title":"Why?"}'
    with pytest.raises(Refused, match="too_long"):
        texts.titled("x" * (NAME_CHARS_MAX + 1))


def test_nobody_opens_a_chat_with_an_agent_that_is_not_there_or_has_enough() -> None:
    world = World()
    command = m.OpenChat(agent=901)
    assert world.refusal(command, evidence=ChatEvidence(known=False, retired=False)) == (
        "not_found",
        "/agent_id",
        404,
    )
    assert world.refusal(command, evidence=ChatEvidence(known=True, retired=True))[0] == "agent_retired"
    full = ChatEvidence(known=True, retired=False, open=CHATS_OPEN_PER_AGENT_MAX)
    assert world.refusal(command, evidence=full)[0] == "too_many_chats"


def test_what_does_not_exist_is_not_found() -> None:
    world = World()
    assert world.refusal(m.TellAgent(subject=9, private=TEXT), evidence=HERE)[0] == "not_found"
    assert world.refusal(m.CloseChat(subject=9))[0] == "not_found"
    assert world.refusal(m.JoinChannel(subject=9, agent=1), evidence=FREE)[0] == "not_found"
    assert world.refusal(m.LeaveChannel(subject=9, agent=1))[0] == "not_found"


def test_a_chat_ends_when_it_is_full() -> None:
    world = World()
    world.perform(m.OpenChat(agent=901), evidence=HERE)
    chat = world.states["chat", 1]
    assert isinstance(chat, Chat)
    world.states["chat", 1] = Chat(
        seq=1, nonce=1, agent=901, opened_by="per_1", opened_at=1, number=CHAT_MESSAGES_MAX
    )
    assert world.refusal(m.TellAgent(subject=1, private=TEXT), evidence=HERE)[0] == "chat_full"


def test_who_speaks_to_a_mailbox_is_known_and_free_to() -> None:
    world = World()

    def refusal(known: bool, retired: bool, speaker: Speaker, sender: int = 902, reply_to: int = 0) -> str:
        command = m.SendMessage(subject=901, sender=sender, reply_to=reply_to, private=TEXT)
        evidence = MailEvidence(known=known, retired=retired, speaker=speaker)
        return world.refusal(command, evidence=evidence)[0]

    assert refusal(False, False, Speaker()) == "not_found"
    assert refusal(True, True, Speaker()) == "agent_retired"
    assert refusal(True, False, GONE) == "agent_retired"
    assert refusal(True, False, HELD) == "agent_quarantined"
    assert refusal(True, False, Speaker(), sender=901) == "own_mailbox"
    assert refusal(True, False, Speaker(), reply_to=1) == "out_of_range"


def test_a_channel_is_opened_under_a_plain_name_within_bounds() -> None:
    world = World()
    for name in ("", "Builds", "-x", "a b", "x" * 65, "a\n"):
        assert world.refusal(m.OpenChannel(name=name), evidence=FREE)[:2] == ("invalid_name", "/channel")
    full = ChannelEvidence(speaker=Speaker(), open=CHANNELS_OPEN_MAX)
    assert world.refusal(m.OpenChannel(name="x"), evidence=full)[0] == "too_many_channels"
    busy = ChannelEvidence(speaker=Speaker(), joined=CHANNELS_PER_AGENT_MAX)
    assert world.refusal(m.OpenChannel(name="x", agent=901), evidence=busy)[0] == "too_many_channels"
    held = ChannelEvidence(speaker=HELD)
    assert world.refusal(m.OpenChannel(name="x", agent=901), evidence=held)[0] == "agent_quarantined"
    world.perform(m.OpenChannel(name="x"), evidence=held)
    assert world.states["channel", 1].members == (), "people open channels without joining"


def test_a_channel_has_room_for_so_many() -> None:
    world = World()
    world.perform(m.OpenChannel(name="x"), evidence=FREE)
    world.states["channel", 1] = Channel(
        seq=1, nonce=1, name="x", opened_at=1, members=tuple(range(2, CHANNEL_MEMBERS_MAX + 2))
    )
    command = m.JoinChannel(subject=1, agent=901)
    assert world.refusal(command, evidence=FREE)[0] == "channel_full"
    held = ChannelEvidence(speaker=HELD)
    assert world.refusal(m.PostMessage(subject=1, agent=2, private=TEXT), evidence=held)[0] == (
        "agent_quarantined"
    )


def test_closing_a_channel_twice_is_no_news() -> None:
    world = World()
    world.perform(m.OpenChannel(name="x"), evidence=FREE)
    assert len(world.perform(m.CloseChannel(subject=1))) == 1
    assert world.perform(m.CloseChannel(subject=1)) == []
    assert world.refusal(m.JoinChannel(subject=1, agent=901), evidence=FREE)[0] == "channel_closed"
