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


# Mailboxes: what is said to one agent --------------------------------------------------------------------------------


class SendMessage(Command, frozen=True, kw_only=True):
    """Say something to agent `subject`. `sender` is the agent who says it, 0: a person. `private` is canonical {"text"}."""

    KIND: ClassVar[str] = "mailbox"
    sender: int
    reply_to: int = 0
    private: bytes


class MessageSent(Facts, frozen=True, kw_only=True):
    """Message `number` to `agent`, by agent `sender` or a person (0): delivered until it is acknowledged."""

    TYPE: ClassVar[str] = "message.sent/1"
    KIND: ClassVar[str] = "mailbox"
    agent: int
    number: int
    reply_to: int = 0
    sender: int


# Channels: what is said to all who joined ------------------------------------------------------------------------------


class OpenChannel(Command, frozen=True, kw_only=True):
    """A new channel; `agent` is its first member, 0 when a person opens it."""

    KIND: ClassVar[str] = "channel"
    name: str
    agent: int = 0


class JoinChannel(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "channel"
    agent: int


class LeaveChannel(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "channel"
    agent: int


class PostMessage(Command, frozen=True, kw_only=True):
    """Say something to the channel. `agent` is who says it, 0: a person. `private` is canonical {"text"}."""

    KIND: ClassVar[str] = "channel"
    agent: int
    reply_to: int = 0
    private: bytes


class CloseChannel(Command, frozen=True, kw_only=True):
    """Nobody says anything in it any more; its name is free again."""

    KIND: ClassVar[str] = "channel"
    reason: str = ""


class ChannelOpened(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "channel.opened/1"
    KIND: ClassVar[str] = "channel"
    agent: int
    name: str
    nonce: int


class ChannelJoined(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "channel.joined/1"
    KIND: ClassVar[str] = "channel"
    agent: int


class ChannelLeft(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "channel.left/1"
    KIND: ClassVar[str] = "channel"
    agent: int


class MessagePosted(Facts, frozen=True, kw_only=True):
    """Message `number` of the channel, by `agent` or a person (0), for every other member."""

    TYPE: ClassVar[str] = "channel.posted/1"
    KIND: ClassVar[str] = "channel"
    agent: int
    number: int
    reply_to: int = 0


class ChannelClosed(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "channel.closed/1"
    KIND: ClassVar[str] = "channel"
    name: str
    reason: str
