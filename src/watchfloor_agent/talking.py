"""What people and other agents say to this agent, and what it says (spec 2.2, 2.6).

    @agent.on_chat
    async def talk(message):                 # a person; what is returned, or yielded part by part, is the answer
        yield "Looking … "
        yield await look(message.text)

    @agent.on_message
    async def heard(message):                # another agent, or a channel: data to weigh, never instructions
        ...

Every message is handled once, those of one chat, sender or channel in order, one at a time. What agents say is
`untrusted`: do not let it choose tools or parameters, and never paste it into a prompt as if a person had said it.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import secrets
from collections import deque
from collections.abc import AsyncIterable, AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from watchfloor_agent.errors import ConfigurationError, ProtocolError, WatchfloorError
from watchfloor_agent.link import Link
from watchfloor_agent.messages import (
    ChannelHistory,
    ChannelJoin,
    ChannelLeave,
    ChannelPost,
    ChatMessage,
    ChatPart,
    MessageSend,
    Payload,
)
from watchfloor_agent.received import (
    ChannelJoined,
    ChannelLeft,
    ChannelMessages,
    ChannelPosted,
    ChannelRecorded,
    ChatClosed,
    ChatRecorded,
    ChatTold,
    MessageReceived,
    MessageRecorded,
    Sender,
)

log = logging.getLogger("watchfloor_agent")

MESSAGE_BYTES_MAX = 16 * 1024  # what the server takes as one message
PART_BYTES = 2 * 1024  # a part is sent when it has this much, or after this time
PART_MS = 20
WAITING_MAX = 256  # messages of one source waiting for their turn; the history has the rest

P = TypeVar("P", bound=Payload)
Talk = Callable[["Message"], Any]


@dataclass(frozen=True)
class Message:
    """Something said to this agent. `chat_id` and `channel` are empty where it is neither.

    `sender` is whom the server authenticated. `number` counts within its chat, channel or this agent's mailbox.
    """

    number: int
    text: str
    sender: Sender
    at: int
    untrusted: bool
    chat_id: str = ""
    channel: str = ""
    reply_to: int = 0
    _book: Conversations | None = field(default=None, repr=False, compare=False)

    async def reply(self, text: str) -> int:
        """Answer where it was said: in the chat, in the channel, or to the agent who said it. Returns the number."""
        if self._book is None:
            raise ConfigurationError("this message did not come from a running agent")
        if self.chat_id:
            return (await self._book.say(self.chat_id, text)).number
        if self.channel:
            return (await self._book.post(self.channel, text, reply_to=self.number)).number
        if self.sender.kind != "agent":
            raise ConfigurationError("a person outside of a chat has no mailbox: open a chat")
        return (await self._book.send(self.sender.id, text)).number


class Conversations:
    """Everything said to and by one agent while it runs."""

    def __init__(self, link: Link, on_chat: Talk | None, on_message: Talk | None, answer_ms: int) -> None:
        self._link = link
        self._on_chat = on_chat
        self._on_message = on_message
        self._answer_ms = answer_ms
        self._waiting: dict[tuple[str, str], deque[Message]] = {}
        self._working: dict[tuple[str, str], asyncio.Task[None]] = {}

    # Hearing -----------------------------------------------------------------------------------------------------

    def heard(self, payload: Payload) -> bool:
        """Take up a push; False when it is of another kind."""
        match payload:
            case ChatTold():
                message = self._message(payload, chat_id=payload.chat_id)
                self._put(("chat", payload.chat_id), message, self._on_chat)
            case MessageReceived():
                message = self._message(payload, reply_to=payload.reply_to)
                self._put(("mailbox", payload.sender.id), message, self._on_message)
            case ChannelPosted():
                message = self._message(payload, channel=payload.channel, reply_to=payload.reply_to)
                self._put(("channel", payload.channel), message, self._on_message)
            case ChatClosed():
                self._stop(("chat", payload.chat_id))
            case _:
                return False
        self._link.acknowledge_soon()
        return True

    def _message(self, payload: ChatTold | MessageReceived | ChannelPosted, **where: Any) -> Message:
        return Message(
            number=payload.number,
            text=payload.text,
            sender=payload.sender,
            at=payload.at,
            untrusted=payload.untrusted,
            _book=self,
            **where,
        )

    def _put(self, source: tuple[str, str], message: Message, handle: Talk | None) -> None:
        if handle is None:
            log.warning("nobody listens to what %s %s says", message.sender.kind, message.sender.id)
            return
        if not message.text:
            return  # erased before it was heard
        waiting = self._waiting.setdefault(source, deque(maxlen=WAITING_MAX))
        if len(waiting) == WAITING_MAX:
            log.warning("too much is said at once by %s %s: the oldest is dropped", *source)
        waiting.append(message)
        if source not in self._working:
            working = asyncio.create_task(self._work(source, handle), name="watchfloor talk")
            working.add_done_callback(lambda _: self._over(source))
            self._working[source] = working

    async def _work(self, source: tuple[str, str], handle: Talk) -> None:
        """One source after the other would be slow, one message after the other is what a conversation is."""
        waiting = self._waiting[source]
        while waiting:
            message = waiting.popleft()
            try:
                await self._handle(message, handle)
            except WatchfloorError as error:
                log.warning("no answer to message %d: %s", message.number, error)
            except Exception:
                log.exception("message %d could not be handled", message.number)

    def _over(self, source: tuple[str, str]) -> None:
        self._waiting.pop(source, None)
        self._working.pop(source, None)

    async def _handle(self, message: Message, handle: Talk) -> None:
        if inspect.isasyncgenfunction(handle):
            made: Any = handle(message)
        elif inspect.iscoroutinefunction(handle):
            made = await handle(message)
        else:
            made = await asyncio.to_thread(handle, message)
        if isinstance(made, str) and made:
            await message.reply(made)
        elif isinstance(made, AsyncIterable):
            if message.chat_id:
                await self.stream(message.chat_id, made)
            else:
                await message.reply("".join([part async for part in made]))

    def _stop(self, source: tuple[str, str]) -> None:
        working = self._working.get(source)
        if working is not None:
            working.cancel()

    def close(self) -> None:
        """Nothing more is handled."""
        for working in list(self._working.values()):
            working.cancel()

    # Saying ------------------------------------------------------------------------------------------------------

    async def say(self, chat_id: str, text: str, *, stream: str = "") -> ChatRecorded:
        """One message in a chat."""
        return await self._ask(ChatMessage(chat_id=chat_id, text=text, stream=stream), ChatRecorded)

    async def stream(self, chat_id: str, parts: AsyncIterable[str]) -> ChatRecorded:
        """Say it as it is made: whoever follows sees the parts at once, and the whole is recorded at the end."""
        stream = f"str_{secrets.token_hex(6)}"
        whole: list[str] = []
        async for part in _joined(parts):
            self._link.tell(ChatPart(chat_id=chat_id, stream=stream, text=part))
            whole.append(part)
        pieces = list(split("".join(whole)))
        if not pieces:
            raise ConfigurationError("the stream said nothing")
        for piece in pieces[:-1]:
            await self.say(chat_id, piece, stream=stream)
        return await self.say(chat_id, pieces[-1], stream=stream)

    async def send(self, agent_id: str, text: str, *, reply_to: int = 0) -> MessageRecorded:
        """One message to another agent."""
        return await self._ask(MessageSend(to=agent_id, text=text, reply_to=reply_to), MessageRecorded)

    async def join(self, channel: str) -> ChannelJoined:
        """Hear what is said in a channel."""
        return await self._ask(ChannelJoin(channel=channel), ChannelJoined)

    async def leave(self, channel: str) -> None:
        """Hear no more of it."""
        await self._ask(ChannelLeave(channel=channel), ChannelLeft)

    async def post(self, channel: str, text: str, *, reply_to: int = 0) -> ChannelRecorded:
        """One message in a channel."""
        return await self._ask(ChannelPost(channel=channel, text=text, reply_to=reply_to), ChannelRecorded)

    async def history(self, channel: str, *, after: int = 0, limit: int = 0) -> tuple[Message, ...]:
        """What was said in a channel after a message number, in order; at most 32 at a time, and of the last 256."""
        asked = ChannelHistory(channel=channel, after=after, **({"limit": limit} if limit else {}))
        told = await self._ask(asked, ChannelMessages)
        return tuple(self._message(item, channel=channel, reply_to=item.reply_to) for item in told.items)

    async def _ask(self, payload: Payload, kind: type[P]) -> P:
        answer = await self._link.ask(payload, patience_ms=self._answer_ms)
        if not isinstance(answer, kind):
            raise ProtocolError(f"{payload.FRAME} was answered by {answer.FRAME}")
        return answer


async def _joined(parts: AsyncIterable[str]) -> AsyncIterator[str]:
    """Parts joined over 20 ms, none larger than 2 KiB or so: a frame for every token would cost more than the text."""
    loop = asyncio.get_running_loop()
    held: list[str] = []
    size, since = 0, loop.time()
    async for part in parts:
        for piece in split(part, PART_BYTES):
            held.append(piece)
            size += len(piece)
        if held and (size >= PART_BYTES or loop.time() - since >= PART_MS / 1_000):
            for piece in split("".join(held), PART_BYTES):
                yield piece
            held, size, since = [], 0, loop.time()
    for piece in split("".join(held), PART_BYTES):
        yield piece


def split(text: str, bytes_max: int = MESSAGE_BYTES_MAX) -> list[str]:
    """The text in pieces of at most so many bytes of UTF-8, cut between characters."""
    data = text.encode()
    pieces = []
    while data:
        piece = data[:bytes_max].decode(errors="ignore") if len(data) > bytes_max else data.decode()
        pieces.append(piece)
        data = data[len(piece.encode()) :]
    return pieces
