"""What was said to agents and may not have been heard: the outbox of messages, apart from that of work (spec 2.2).

Cells: `mail` by agent → at most 256 (source, seq), oldest first, the source being a chat or the agent who spoke;
`chats_open` by agent and `channels_of` by agent → the chats and channels it is in; `channels_open` by "all" → every open
channel, `channel_names` by name → the channel.

Messages have an outbox of their own, so that however much is said, no task assignment and no grant is pushed
out. When it is full, the oldest message of the source with the *most* goes: who floods loses its own messages first and
nobody else's. What went is still in the history, and the gap in its numbers shows it.
"""

from __future__ import annotations

from collections import Counter

from watchfloor.conversations.messages import (
    AgentTold,
    ChannelClosed,
    ChannelJoined,
    ChannelLeft,
    ChannelOpened,
    ChatClosed,
    ChatOpened,
    MessagePosted,
    MessageSent,
)
from watchfloor.kernel.limits import OUTBOX_SEQS
from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Read, Register

Cells = list[tuple[str, object, object]]
Mail = tuple[tuple[int, int], ...]


def put(mail: Mail, source: int, seq: int) -> Mail:
    """The outbox with one more. Putting the same again changes nothing (law *Redelivery*)."""
    if mail and mail[-1][1] >= seq:
        return mail
    if len(mail) >= OUTBOX_SEQS:
        counts = Counter(of for of, _ in mail)
        counts[source] += 1
        longest = max(counts.values())
        place = next(index for index, (of, _) in enumerate(mail) if counts[of] == longest)
        mail = mail[:place] + mail[place + 1 :]
    return (*mail, (source, seq))


def _told(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, AgentTold | ChatClosed)
    return [("mail", facts.agent, put(read("mail", facts.agent) or (), event.subject, event.seq))]


def _sent(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, MessageSent)
    return [("mail", facts.agent, put(read("mail", facts.agent) or (), facts.sender, event.seq))]


def _posted(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, MessagePosted)
    return [
        ("mail", member, put(read("mail", member) or (), facts.agent, event.seq))
        for member in read("channel", event.subject).members
        if member != facts.agent
    ]


# How many, and who is where ---------------------------------------------------------------------------------------------


def _with(read: Read, cell: str, key: object, subject: int) -> Cells:
    held: tuple[int, ...] = read(cell, key) or ()
    return [] if subject in held else [(cell, key, (*held, subject))]


def _without(read: Read, cell: str, key: object, subject: int) -> Cells:
    held: tuple[int, ...] = read(cell, key) or ()
    return [(cell, key, tuple(one for one in held if one != subject) or None)] if subject in held else []


def _chat_opened(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, ChatOpened)
    return _with(read, "chats_open", facts.agent, event.subject)


def _chat_closed(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, ChatClosed)
    return [*_told(event, read), *_without(read, "chats_open", facts.agent, event.subject)]


def _channel_opened(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, ChannelOpened)
    cells = _with(read, "channels_open", "all", event.subject)
    if facts.agent:
        cells += _with(read, "channels_of", facts.agent, event.subject)
    return [*cells, ("channel_names", facts.name, event.subject)]


def _channel_joined(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, ChannelJoined)
    return _with(read, "channels_of", facts.agent, event.subject)


def _channel_left(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, ChannelLeft)
    return _without(read, "channels_of", facts.agent, event.subject)


def _channel_closed(event: Event, read: Read) -> Cells:
    """Its name is free, and none of its members is in it any more."""
    facts = event.facts
    assert isinstance(facts, ChannelClosed)
    cells = _without(read, "channels_open", "all", event.subject)
    for agent in read("channel", event.subject).members:
        cells += _without(read, "channels_of", agent, event.subject)
    if read("channel_names", facts.name) == event.subject:
        cells.append(("channel_names", facts.name, None))
    return cells


REGISTER = Register(
    name="mail",
    cells={
        "mail": Mail,
        "chats_open": tuple[int, ...],
        "channels_open": tuple[int, ...],
        "channels_of": tuple[int, ...],
        "channel_names": int,
    },
    folds={
        AgentTold: _told,
        ChatOpened: _chat_opened,
        ChatClosed: _chat_closed,
        MessageSent: _sent,
        MessagePosted: _posted,
        ChannelOpened: _channel_opened,
        ChannelJoined: _channel_joined,
        ChannelLeft: _channel_left,
        ChannelClosed: _channel_closed,
    },
)
