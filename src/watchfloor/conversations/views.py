"""What people see of conversations: `chats` and `messages`. What was said is joined from the ledger by seq (spec 2.6)."""

from __future__ import annotations

from watchfloor.conversations.messages import (
    AgentTold,
    ChatAnswered,
    ChatClosed,
    ChatOpened,
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

TABLES = (CHATS, MESSAGES)


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


PROJECT: Projectors = {
    ChatOpened: _opened,
    AgentTold: _said,
    ChatAnswered: _said,
    ChatClosed: _closed,
    TaskLinked: _linked,
}
