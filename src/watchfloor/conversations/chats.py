"""Rules of chats: people talk with one agent (spec 2.6).

Theory of operation
-------------------
A person opens a chat with an agent; from then on people tell, the agent answers, and every message gets the next
number of the chat: 1, 2, 3, without a gap and without a repeat, whoever speaks. A person's message is delivered to the
agent until it is acknowledged; the agent may be away, and hears it when it comes back. A quarantined agent may still
answer, because people will want to ask it what happened; a retired one neither hears nor speaks.

Who closes a chat ends it for both sides. A task can be made from any message: the chat remembers which.
"""

# ruff: noqa: ARG001 -- rules and folds have one signature each, whatever they look at

from __future__ import annotations

import msgspec

from watchfloor.conversations.messages import (
    AgentTold,
    AnswerChat,
    ChatAnswered,
    ChatClosed,
    ChatOpened,
    CloseChat,
    LinkTask,
    OpenChat,
    TaskLinked,
    TellAgent,
)
from watchfloor.conversations.texts import check_private
from watchfloor.kernel.folds import Changes, first, once
from watchfloor.kernel.ids import nonce_from
from watchfloor.kernel.limits import CHAT_MESSAGES_MAX, CHATS_OPEN_PER_AGENT_MAX, NAME_CHARS_MAX
from watchfloor.kernel.messages import Draft, Event, Refused
from watchfloor.kernel.schema import check_range, check_reason
from watchfloor.kernel.subject import Given, Subject


class ChatEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The agent's side: is it registered, is it retired, and how many of its chats are open."""

    known: bool
    retired: bool
    open: int = 0


class Chat(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One chat. `number` is that of its last message, `answered` of the agent's last; `closed_at` 0 while open.

    Its title is the private part of its first event, whose seq is the chat's integer.
    """

    seq: int
    nonce: int
    agent: int
    opened_by: str
    opened_at: int
    number: int = 0
    answered: int = 0
    closed_at: int = 0


# What is asked for --------------------------------------------------------------------------------------------------


def check_agent(evidence: ChatEvidence) -> None:
    """Refused `not_found` or `agent_retired`: nobody is there to talk with."""
    if not evidence.known:
        raise Refused("not_found", "there is no such agent", field="/agent_id", status=404)
    if evidence.retired:
        raise Refused("agent_retired", "the agent is retired: it neither hears nor speaks")


def open_chat(state: Chat | None, command: OpenChat, given: Given) -> list[Draft]:
    """A chat of its own for every matter; an agent has a bounded number of open ones."""
    evidence: ChatEvidence = given.evidence
    check_agent(evidence)
    if evidence.open >= CHATS_OPEN_PER_AGENT_MAX:
        raise Refused("too_many_chats", f"at most {CHATS_OPEN_PER_AGENT_MAX} chats of an agent are open")
    facts = ChatOpened(agent=command.agent, nonce=nonce_from(given.entropy))
    return [Draft(facts=facts, private=command.private)]


def known(state: Chat | None) -> Chat:
    """The chat, or Refused `not_found`."""
    if state is None:
        raise Refused("not_found", "there is no such chat", status=404)
    return state


def speakable(state: Chat | None) -> Chat:
    """The chat while something may be said in it."""
    chat = known(state)
    if chat.closed_at:
        raise Refused("chat_closed", "the chat is closed")
    if chat.number >= CHAT_MESSAGES_MAX:
        raise Refused("chat_full", f"a chat has at most {CHAT_MESSAGES_MAX} messages: open another")
    return chat


def tell(state: Chat | None, command: TellAgent, given: Given) -> list[Draft]:
    """The next message, for the agent."""
    chat = speakable(state)
    check_agent(given.evidence)
    check_private(command.private)
    return [Draft(facts=AgentTold(agent=chat.agent, number=chat.number + 1), private=command.private)]


def answer(state: Chat | None, command: AnswerChat, given: Given) -> list[Draft]:
    """The next message, by the agent whose chat it is; to any other it does not exist (fault S8)."""
    chat = known(state)
    if chat.agent != command.agent:
        raise Refused("not_found", "there is no such chat", status=404)
    speakable(chat)
    check_private(command.private)
    check_range(len(command.stream), "/stream", 0, NAME_CHARS_MAX)
    facts = ChatAnswered(agent=chat.agent, number=chat.number + 1, stream=command.stream)
    return [Draft(facts=facts, private=command.private)]


def close(state: Chat | None, command: CloseChat, given: Given) -> list[Draft]:
    """The end; closing twice is no news."""
    chat = known(state)
    check_reason(command.reason)
    return [] if chat.closed_at else [Draft(facts=ChatClosed(agent=chat.agent, reason=command.reason))]


def link_task(state: Chat | None, command: LinkTask, given: Given) -> list[Draft]:
    """Also in a closed chat: what was said can still lead to work."""
    chat = known(state)
    if not 1 <= command.number <= chat.number:
        raise Refused("unknown_message", "the chat has no such message", field="/number", status=404)
    return [Draft(facts=TaskLinked(number=command.number, task=command.task))]


# What happened ------------------------------------------------------------------------------------------------------


def opened(facts: ChatOpened, event: Event) -> Chat:
    return Chat(
        seq=event.seq,
        nonce=facts.nonce,
        agent=facts.agent,
        opened_by=event.actor.id,
        opened_at=event.at,
    )


def told(chat: Chat, facts: AgentTold, event: Event) -> Changes:
    return {"number": facts.number}


def answered(chat: Chat, facts: ChatAnswered, event: Event) -> Changes:
    return {"number": facts.number, "answered": facts.number}


def closed(chat: Chat, facts: ChatClosed, event: Event) -> Changes:
    return {"closed_at": event.at}


def linked(chat: Chat, facts: TaskLinked, event: Event) -> Changes:
    return {}


SUBJECT = Subject(
    kind="chat",
    state=Chat,
    decide={
        OpenChat: open_chat,
        TellAgent: tell,
        AnswerChat: answer,
        CloseChat: close,
        LinkTask: link_task,
    },
    evolve={
        ChatOpened: first(opened),
        AgentTold: once(told),
        ChatAnswered: once(answered),
        ChatClosed: once(closed),
        TaskLinked: once(linked),
    },
    live=lambda chat: not chat.closed_at,
)
FACTS = (ChatOpened, AgentTold, ChatAnswered, ChatClosed, TaskLinked)
