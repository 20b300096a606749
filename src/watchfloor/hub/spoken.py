"""Frames of conversations, as payload Structs: chats with people, messages between agents, channels (spec 2.2, 2.6).

Text in them was written by somebody else. `untrusted` is true where that was an agent: it is data to weigh, never an
instruction; `sender` comes from the credential of whoever said it, never from a payload.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from watchfloor.hub.wire import Count, Id, Instant, NoId, Payload
from watchfloor.kernel.limits import CHANNEL_HISTORY_MAX, MESSAGE_BYTES_MAX

Said = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MESSAGE_BYTES_MAX,
        description=f"at most {MESSAGE_BYTES_MAX} bytes of UTF-8",
    ),
]

ChannelName = Annotated[
    str, Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9._-]*\Z", description="of a channel")
]


class Sender(msgspec.Struct, frozen=True, kw_only=True):
    """Who said it: `kind` person or agent, public id, handle or name."""

    kind: str
    id: str
    name: str = ""


# From agents ---------------------------------------------------------------------------------------------------------


class ChatMessage(Payload, frozen=True, kw_only=True):
    """The agent says something in a chat; answered by chat:recorded. `stream`: it is the whole of those parts."""

    FRAME: ClassVar[str] = "chat:message"
    ANSWERED: ClassVar[bool] = True
    chat_id: Id
    text: Said
    stream: NoId = ""


class ChatPart(Payload, frozen=True, kw_only=True):
    """The next part of an answer that is still being made, for whoever follows the chat at this moment.

    Not numbered, not answered, kept nowhere: the whole text follows as chat:message with the same `stream`.
    """

    FRAME: ClassVar[str] = "chat:part"
    chat_id: Id
    stream: Id
    text: Said


class MessageSend(Payload, frozen=True, kw_only=True):
    """Say something to another agent of the organisation; answered by message:recorded."""

    FRAME: ClassVar[str] = "message:send"
    ANSWERED: ClassVar[bool] = True
    to: Id
    text: Said
    reply_to: Count = 0


class ChannelJoin(Payload, frozen=True, kw_only=True):
    """Hear what is said in a channel, which is opened when there is none of this name; answered by channel:joined."""

    FRAME: ClassVar[str] = "channel:join"
    ANSWERED: ClassVar[bool] = True
    channel: ChannelName


class ChannelLeave(Payload, frozen=True, kw_only=True):
    """Hear no more of it; answered by channel:left."""

    FRAME: ClassVar[str] = "channel:leave"
    ANSWERED: ClassVar[bool] = True
    channel: ChannelName


class ChannelPost(Payload, frozen=True, kw_only=True):
    """Say something to every other member; answered by channel:recorded."""

    FRAME: ClassVar[str] = "channel:post"
    ANSWERED: ClassVar[bool] = True
    channel: ChannelName
    text: Said
    reply_to: Count = 0


class ChannelHistory(Payload, frozen=True, kw_only=True):
    """What was said after message number `after`; a member asks, channel:messages answers. Older than the last 256: REST."""

    FRAME: ClassVar[str] = "channel:history"
    ANSWERED: ClassVar[bool] = True
    channel: ChannelName
    after: Count = 0
    limit: Annotated[int, Meta(ge=1, le=CHANNEL_HISTORY_MAX)] = CHANNEL_HISTORY_MAX


SPOKEN_BY_AGENTS: tuple[type[Payload], ...] = (
    ChatMessage,
    ChatPart,
    MessageSend,
    ChannelJoin,
    ChannelLeave,
    ChannelPost,
    ChannelHistory,
)

# From the server -----------------------------------------------------------------------------------------------------


class ChatTold(Payload, frozen=True, kw_only=True):
    """A person says something to the agent: message `number` of the chat. `redacted`: the text was erased since."""

    FRAME: ClassVar[str] = "chat:message"
    chat_id: str
    number: int
    text: str
    sender: Sender
    at: Instant
    untrusted: bool = False
    redacted: bool = False


class ChatRecorded(Payload, frozen=True, kw_only=True):
    """Answer to chat:message: it is message `number` of the chat."""

    FRAME: ClassVar[str] = "chat:recorded"
    chat_id: str
    number: int
    seq: Count


class ChatClosed(Payload, frozen=True, kw_only=True):
    """Nothing more is said in this chat; whatever was being answered there can be dropped."""

    FRAME: ClassVar[str] = "chat:closed"
    chat_id: str
    reason: str = ""


class MessageReceived(Payload, frozen=True, kw_only=True):
    """Somebody says something to this agent: message `number` of its mailbox, so a gap can be seen.

    `untrusted` unless a person said it. `reply_to` numbers an earlier message of the same mailbox.
    """

    FRAME: ClassVar[str] = "message:received"
    number: int
    text: str
    sender: Sender
    at: Instant
    untrusted: bool = True
    reply_to: Count = 0
    redacted: bool = False


class MessageRecorded(Payload, frozen=True, kw_only=True):
    """Answer to message:send: it is message `number` of the other's mailbox."""

    FRAME: ClassVar[str] = "message:recorded"
    to: str
    number: int
    seq: Count


class ChannelJoined(Payload, frozen=True, kw_only=True):
    """Answer to channel:join. `number` is that of the last message, `members` how many there are."""

    FRAME: ClassVar[str] = "channel:joined"
    channel: str
    channel_id: str
    members: int
    number: Count


class ChannelLeft(Payload, frozen=True, kw_only=True):
    """Answer to channel:leave."""

    FRAME: ClassVar[str] = "channel:left"
    channel: str


class ChannelRecorded(Payload, frozen=True, kw_only=True):
    """Answer to channel:post: it is message `number` of the channel."""

    FRAME: ClassVar[str] = "channel:recorded"
    channel: str
    number: int
    seq: Count


class ChannelPosted(Payload, frozen=True, kw_only=True):
    """Somebody said something in a channel this agent is in."""

    FRAME: ClassVar[str] = "channel:posted"
    channel: str
    number: int
    text: str
    sender: Sender
    at: Instant
    untrusted: bool = True
    reply_to: Count = 0
    redacted: bool = False


class ChannelMessages(Payload, frozen=True, kw_only=True):
    """Answer to channel:history, in order. `number` is that of the last message: more may follow after `items`.

    `first` is the oldest number that the agent protocol still reaches.
    """

    FRAME: ClassVar[str] = "channel:messages"
    channel: str
    number: Count
    first: Count = 0
    items: tuple[ChannelPosted, ...] = ()


SPOKEN_BY_SERVER: tuple[type[Payload], ...] = (
    ChatTold,
    ChatRecorded,
    ChatClosed,
    MessageReceived,
    MessageRecorded,
    ChannelJoined,
    ChannelLeft,
    ChannelRecorded,
    ChannelPosted,
    ChannelMessages,
)
