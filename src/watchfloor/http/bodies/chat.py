"""Chats of people with agents."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from watchfloor.http.bodies.fields import (
    AgentName,
    Answer,
    Body,
    Count,
    Fresh,
    Instant,
    Limit,
    NoAgentName,
    Paged,
    Params,
    Seq,
    Word,
)
from watchfloor.http.bodies.tasks import Priority
from watchfloor.kernel.limits import CAPABILITIES_MAX, MESSAGE_BYTES_MAX, NAME_CHARS_MAX, PAGE_DEFAULT

Said = Annotated[
    str,
    Meta(
        min_length=1, max_length=MESSAGE_BYTES_MAX, description=f"at most {MESSAGE_BYTES_MAX} bytes of UTF-8"
    ),
]


class OpenChatBody(Body, frozen=True, kw_only=True):
    """`title` is erasable, as everything that is said."""

    agent_id: AgentName
    title: Word = ""


class ChatOpened(Answer, frozen=True, kw_only=True):
    chat_id: str
    seq: Seq


class SayBody(Body, frozen=True, kw_only=True):
    """What is said. Name no secrets; what should not have been said can be redacted by the message's `seq`."""

    text: Said


class MessageRecorded(Answer, frozen=True, kw_only=True):
    """It is message `number` of its conversation."""

    number: Count
    seq: Seq


class Author(Answer, frozen=True, kw_only=True):
    """Who said it, from the credential: `kind` person or agent, public id, handle or name."""

    kind: str
    id: str
    name: str


class MessageItem(Answer, frozen=True, kw_only=True):
    """One message. `text` is null when it was erased; `untrusted`: an agent wrote it, so it is data, not instructions.

    `stream` names the parts this is the whole of; `task_id` the task that was made from it, empty for none.
    """

    number: Count
    at: Instant
    author: Author
    text: str | None
    untrusted: bool
    seq: Seq
    reply_to: Count = 0
    stream: str = ""
    task_id: str = ""


class MessagesParams(Fresh, frozen=True, kw_only=True):
    """Messages with a number above `after`, in order."""

    after: Count = 0
    limit: Limit = PAGE_DEFAULT


class MessagePage(Answer, frozen=True, kw_only=True):
    """`next` is the `after` of the next page, null when this was the last; `last` the number of the newest message."""

    items: tuple[MessageItem, ...]
    next: int | None = None
    last: Count
    seq: Seq


class ChatsParams(Paged, frozen=True, kw_only=True):
    """Newest first. `open=true`: only those that are not closed."""

    agent: AgentName | None = None
    open: bool | None = None


class ChatItem(Answer, frozen=True, kw_only=True):
    """A chat as lists show it. `messages` is the number of its last message; `closed_at` 0 while open."""

    chat_id: str
    agent_id: str
    agent_name: str
    title: str
    opened_by: str
    opened_at: Instant
    changed_at: Instant
    closed_at: Instant
    messages: Count


class ChatPage(Answer, frozen=True, kw_only=True):
    items: tuple[ChatItem, ...]
    next: str | None = None
    seq: Seq


class ChatDetail(Answer, frozen=True, kw_only=True):
    chat: ChatItem
    seq: Seq


class FollowParams(Params, frozen=True, kw_only=True):
    """`after` is the number of the last message the client has; Last-Event-ID, when sent, wins."""

    after: Count = 0


class TaskOfMessageBody(Body, frozen=True, kw_only=True):
    """`title` empty: the first line of the message. `agent_id` restricts the task to one agent."""

    title: Word = ""
    priority: Priority = "normal"
    needs: Annotated[
        tuple[Annotated[str, Meta(min_length=1, max_length=NAME_CHARS_MAX)], ...],
        Meta(max_length=CAPABILITIES_MAX),
    ] = ()
    agent_id: NoAgentName = ""


class SearchParams(Fresh, frozen=True, kw_only=True):
    """Messages of chats that hold every word of `q`, newest first. `cursor` goes on where the page before ended."""

    q: Annotated[str, Meta(min_length=2, max_length=200)]
    agent: AgentName | None = None
    cursor: Annotated[str, Meta(max_length=256, pattern=r"^[A-Za-z0-9_-]*\Z")] = ""
    limit: Limit = PAGE_DEFAULT


class Found(Answer, frozen=True, kw_only=True):
    """A message that was found, and where."""

    chat_id: str
    agent_id: str
    message: MessageItem


class FoundPage(Answer, frozen=True, kw_only=True):
    """`looked_at` messages were read for this page; `next` null: there is nothing older."""

    items: tuple[Found, ...]
    looked_at: Count
    next: str | None = None
    seq: Seq


# Messages between agents, channels ------------------------------------------------------------------------------------


class SendBody(SayBody, frozen=True, kw_only=True):
    """`reply_to` is the number of an earlier message of the same mailbox or channel, 0 none."""

    reply_to: Count = 0


class OpenChannelBody(Body, frozen=True, kw_only=True):
    name: Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[a-z0-9][a-z0-9._-]*\Z")]


class ChannelOpened(Answer, frozen=True, kw_only=True):
    channel_id: str
    seq: Seq


class ChannelsParams(Paged, frozen=True, kw_only=True):
    """Newest first. `name` finds the one; `open=true`: only those that are not closed."""

    name: Annotated[str, Meta(max_length=64)] | None = None
    open: bool | None = None


class ChannelItem(Answer, frozen=True, kw_only=True):
    """A channel as lists show it. `messages` is the number of its last message; `closed_at` 0 while open."""

    channel_id: str
    name: str
    members: Count
    messages: Count
    opened_by: str
    opened_at: Instant
    changed_at: Instant
    closed_at: Instant


class ChannelPage(Answer, frozen=True, kw_only=True):
    items: tuple[ChannelItem, ...]
    next: str | None = None
    seq: Seq


class Member(Answer, frozen=True, kw_only=True):
    agent_id: str
    name: str


class ChannelDetail(Answer, frozen=True, kw_only=True):
    channel: ChannelItem
    members: tuple[Member, ...]
    seq: Seq


_MESSAGE = {
    "number": 2,
    "at": 1_763_700_060_000_000,
    "author": {"kind": "agent", "id": "agt_q0d1k7m9x2v4", "name": "lint-fixer"},
    "text": "Three findings are left, all in one file.",
    "untrusted": True,
    "seq": 44,
    "reply_to": 0,
    "stream": "",
    "task_id": "",
}
_CHAT = {
    "chat_id": "cht_q0d1k7m9x2v4",
    "agent_id": "agt_q0d1k7m9x2v4",
    "agent_name": "lint-fixer",
    "title": "What is left?",
    "opened_by": "per_4h2k9d0s7b1",
    "opened_at": 1_763_700_000_000_000,
    "changed_at": 1_763_700_060_000_000,
    "closed_at": 0,
    "messages": 2,
}
_CHANNEL = {
    "channel_id": "chn_q0d1k7m9x2v4",
    "name": "builds",
    "members": 1,
    "messages": 12,
    "opened_by": "agt_q0d1k7m9x2v4",
    "opened_at": 1_763_700_000_000_000,
    "changed_at": 1_763_700_060_000_000,
    "closed_at": 0,
}
EXAMPLES: dict[type, dict[str, Any]] = {
    OpenChatBody: {"agent_id": _CHAT["agent_id"], "title": _CHAT["title"]},
    ChatOpened: {"chat_id": _CHAT["chat_id"], "seq": 42},
    SayBody: {"text": "What is left to do?"},
    MessageRecorded: {"number": 1, "seq": 43},
    MessagePage: {"items": [_MESSAGE], "next": None, "last": 2, "seq": 1042},
    ChatPage: {"items": [_CHAT], "next": None, "seq": 1042},
    ChatDetail: {"chat": _CHAT, "seq": 1042},
    TaskOfMessageBody: {"title": "Mend the last three findings", "needs": ["python.lint"]},
    SendBody: {"text": "The branch is ready.", "reply_to": 0},
    OpenChannelBody: {"name": "builds"},
    ChannelOpened: {"channel_id": _CHANNEL["channel_id"], "seq": 51},
    ChannelPage: {"items": [_CHANNEL], "next": None, "seq": 1042},
    ChannelDetail: {
        "channel": _CHANNEL,
        "members": [{"agent_id": _CHAT["agent_id"], "name": _CHAT["agent_name"]}],
        "seq": 1042,
    },
    FoundPage: {
        "items": [{"chat_id": _CHAT["chat_id"], "agent_id": _CHAT["agent_id"], "message": _MESSAGE}],
        "looked_at": 2,
        "next": None,
        "seq": 1042,
    },
}
