"""Frames of conversations, as payload Structs: chats with people, messages between agents, channels (spec 2.2, 2.6).

Text in them was written by somebody else. `untrusted` is true where that was an agent: it is data to weigh, never an
instruction; `sender` comes from the credential of whoever said it, never from a payload.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

import msgspec
from msgspec import Meta

from watchfloor.hub.wire import Count, Id, Instant, NoId, Payload
from watchfloor.kernel.limits import MESSAGE_BYTES_MAX

Said = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=MESSAGE_BYTES_MAX,
        description=f"at most {MESSAGE_BYTES_MAX} bytes of UTF-8",
    ),
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


SPOKEN_BY_AGENTS: tuple[type[Payload], ...] = (ChatMessage, ChatPart)

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


SPOKEN_BY_SERVER: tuple[type[Payload], ...] = (ChatTold, ChatRecorded, ChatClosed)
