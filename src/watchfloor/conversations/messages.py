"""Conversations: commands and facts (spec 2.2 `message:send`, `channel:*`, `chat:message`; 2.6).

What anybody says is the private part {"text"} of its event: salted, erasable, read by nothing that folds (DESIGN
2b.1). Who said it is the event's actor, which comes from the credential and never from a payload. The parts of an
answer that an agent streams are no events (DESIGN 2b.6); its whole text is one.
"""

from __future__ import annotations

from typing import ClassVar

from watchfloor.kernel.messages import Command, Facts

# Chats: people and one agent ----------------------------------------------------------------------------------------


class OpenChat(Command, frozen=True, kw_only=True):
    """A person begins to talk with `agent`. `private` is canonical {"title"}."""

    KIND: ClassVar[str] = "chat"
    agent: int
    private: bytes = b""


class TellAgent(Command, frozen=True, kw_only=True):
    """A person says something to the agent. `private` is canonical {"text"}."""

    KIND: ClassVar[str] = "chat"
    private: bytes


class AnswerChat(Command, frozen=True, kw_only=True):
    """The agent says something. `stream` names the stream of parts that this is the whole of, empty for none."""

    KIND: ClassVar[str] = "chat"
    agent: int
    stream: str = ""
    private: bytes


class CloseChat(Command, frozen=True, kw_only=True):
    """Nothing more is said in it."""

    KIND: ClassVar[str] = "chat"
    reason: str = ""


class LinkTask(Command, frozen=True, kw_only=True):
    """`task` was made from message `number` of the chat."""

    KIND: ClassVar[str] = "chat"
    number: int
    task: int


class ChatOpened(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "chat.opened/1"
    KIND: ClassVar[str] = "chat"
    agent: int
    nonce: int


class AgentTold(Facts, frozen=True, kw_only=True):
    """Message `number` of the chat, by a person, for `agent`: delivered until it is acknowledged."""

    TYPE: ClassVar[str] = "chat.told/1"
    KIND: ClassVar[str] = "chat"
    agent: int
    number: int


class ChatAnswered(Facts, frozen=True, kw_only=True):
    """Message `number` of the chat, by its `agent`."""

    TYPE: ClassVar[str] = "chat.answered/1"
    KIND: ClassVar[str] = "chat"
    agent: int
    number: int
    stream: str = ""


class ChatClosed(Facts, frozen=True, kw_only=True):
    """`agent` is told."""

    TYPE: ClassVar[str] = "chat.closed/1"
    KIND: ClassVar[str] = "chat"
    agent: int
    reason: str


class TaskLinked(Facts, frozen=True, kw_only=True):
    """`task` was made from message `number`; the event belongs to the story of the task."""

    TYPE: ClassVar[str] = "chat.task_linked/1"
    KIND: ClassVar[str] = "chat"
    number: int
    task: int
