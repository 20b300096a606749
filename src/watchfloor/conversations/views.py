"""What people see of conversations: `chats`, `channels`, `channel_members`, `messages`. What was said is joined from the ledger by seq (spec 2.6)."""

from __future__ import annotations

from watchfloor.conversations.messages import (
    AgentTold,
    ChannelClosed,
    ChannelJoined,
    ChannelLeft,
    ChannelOpened,
    ChatAnswered,
    ChatClosed,
    ChatOpened,
    MessagePosted,
    MessageSent,
    TaskLinked,
)
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Event
from watchfloor.kernel.projection import Change, Index, Projectors, Table, instant, integer, text

CHATS = Table(
    name="chats",
    version=1,
    meaning="Every chat of people with an agent.",
    key=("chat",),
    columns={
        "chat": integer("subject; the seq of chat.opened, whose private part holds the title"),
        "id": text("public id cht_…"),
        "agent": integer("with whom"),
        "opened_by": text("public id of the person"),
        "opened_at": instant("when"),
        "closed_at": instant("0: open"),
        "closed_by": text("public id"),
        "messages": integer("number of the last message"),
        "changed_at": instant("newest message or closing"),
        "seq": integer("of that change"),
    },
    indexes=(Index(("agent", "chat")),),
)

MESSAGES = Table(
    name="messages",
    version=1,
    meaning="Every message of chats, channels and between agents; the text is the private part of the event at `seq`.",
    key=("conversation", "number"),
    columns={
        "conversation": integer("subject of the chat or channel; for messages to an agent, the agent"),
        "number": integer("1, 2, 3, … in the conversation, without a gap"),
        "kind": text("chat, mailbox or channel"),
        "seq": integer("of its event"),
        "at": instant("when"),
        "author": text("public id of who said it, from the credential"),
        "author_kind": text("person or agent"),
        "agent": integer("to or from whom: the agent of the chat or mailbox, 0 in a channel"),
        "reply_to": integer("number of the message it answers, 0: none"),
        "stream": text("stream of parts it is the whole of, empty: none"),
        "task": integer("made from it, 0: none"),
    },
    indexes=(Index(("seq",)),),
)

CHANNELS = Table(
    name="channels",
    version=1,
    meaning="Every channel of agents.",
    key=("channel",),
    columns={
        "channel": integer("subject"),
        "id": text("public id chn_…"),
        "name": text("unique among the open ones"),
        "opened_by": text("public id"),
        "opened_at": instant("when"),
        "closed_at": instant("0: open"),
        "messages": integer("number of the last message"),
        "changed_at": instant("newest message or closing"),
        "seq": integer("of that change"),
    },
    indexes=(Index(("name",)),),
)

CHANNEL_MEMBERS = Table(
    name="channel_members",
    version=1,
    meaning="Which agents are in which channel now.",
    key=("channel", "agent"),
    columns={
        "channel": integer("subject"),
        "agent": integer("member"),
        "joined_at": instant("when"),
    },
    indexes=(Index(("agent",)),),
)

TABLES = (CHATS, MESSAGES, CHANNELS, CHANNEL_MEMBERS)


def _opened(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, ChatOpened)
    return [
        CHATS.put(
            event.subject,
            id=public_id("chat", event.subject, facts.nonce),
            agent=facts.agent,
            opened_by=event.actor.id,
            opened_at=event.at,
            changed_at=event.at,
            seq=event.seq,
        )
    ]


def _said(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, AgentTold | ChatAnswered)
    return [
        MESSAGES.put(
            event.subject,
            facts.number,
            kind="chat",
            seq=event.seq,
            at=event.at,
            author=event.actor.id,
            author_kind=event.actor.kind,
            agent=facts.agent,
            stream=facts.stream if isinstance(facts, ChatAnswered) else "",
        ),
        CHATS.set(event.subject, messages=facts.number, changed_at=event.at, seq=event.seq),
    ]


def _closed(event: Event) -> list[Change]:
    return [
        CHATS.set(
            event.subject, closed_at=event.at, closed_by=event.actor.id, changed_at=event.at, seq=event.seq
        )
    ]


def _linked(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, TaskLinked)
    return [MESSAGES.set(event.subject, facts.number, task=facts.task)]


def _sent(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, MessageSent)
    return [
        MESSAGES.put(
            event.subject,
            facts.number,
            kind="mailbox",
            seq=event.seq,
            at=event.at,
            author=event.actor.id,
            author_kind=event.actor.kind,
            agent=facts.agent,
            reply_to=facts.reply_to,
        )
    ]


def _channel_opened(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, ChannelOpened)
    opened = CHANNELS.put(
        event.subject,
        id=public_id("channel", event.subject, facts.nonce),
        name=facts.name,
        opened_by=event.actor.id,
        opened_at=event.at,
        changed_at=event.at,
        seq=event.seq,
    )
    member = CHANNEL_MEMBERS.put(event.subject, facts.agent, joined_at=event.at)
    return [opened, member] if facts.agent else [opened]


def _joined(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, ChannelJoined)
    return [CHANNEL_MEMBERS.put(event.subject, facts.agent, joined_at=event.at)]


def _left(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, ChannelLeft)
    return [CHANNEL_MEMBERS.drop(event.subject, facts.agent)]


def _posted(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, MessagePosted)
    return [
        MESSAGES.put(
            event.subject,
            facts.number,
            kind="channel",
            seq=event.seq,
            at=event.at,
            author=event.actor.id,
            author_kind=event.actor.kind,
            reply_to=facts.reply_to,
        ),
        CHANNELS.set(event.subject, messages=facts.number, changed_at=event.at, seq=event.seq),
    ]


def _channel_closed(event: Event) -> list[Change]:
    return [CHANNELS.set(event.subject, closed_at=event.at, changed_at=event.at, seq=event.seq)]


PROJECT: Projectors = {
    ChatOpened: _opened,
    AgentTold: _said,
    ChatAnswered: _said,
    ChatClosed: _closed,
    TaskLinked: _linked,
    MessageSent: _sent,
    ChannelOpened: _channel_opened,
    ChannelJoined: _joined,
    ChannelLeft: _left,
    MessagePosted: _posted,
    ChannelClosed: _channel_closed,
}
