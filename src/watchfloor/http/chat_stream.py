"""A chat as server-sent events: every message once and in order, and the parts of an answer as they come (spec 2.6).

Theory of operation
-------------------
A follower is a cursor: the number of the last message it was sent. What lies above it is read from the views and the
ledger, so a client that comes back with the number it has (Last-Event-ID) misses nothing, however long it was away,
and a message that was erased meanwhile comes without its text. Parts of an answer that an agent streams go straight
from its socket to whoever follows at that moment, joined over 30 ms; they are kept nowhere, have no id, and the message
that follows them holds the whole text. A follower that does not read holds at most 64 KiB of parts.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import msgspec

from watchfloor.http import talk
from watchfloor.http.identity import Principal
from watchfloor.http.ports import Services
from watchfloor.http.problems import Problem
from watchfloor.http.stream import CHECK_S, KEEP_ALIVE_S, STREAMS_MAX, STREAMS_PER_CREDENTIAL, in_force
from watchfloor.kernel.limits import STREAM_COALESCE_MS, STREAM_HELD_BYTES_MAX
from watchfloor.kernel.messages import Event

PAGE = 100
_encode = msgspec.json.Encoder().encode


class Part(msgspec.Struct):
    """Text of `stream` that has come since the last time; `lost`: some before it was dropped, wait for the whole."""

    stream: str
    text: str
    lost: bool = False


class Follower:
    """One client of one chat."""

    __slots__ = ("cursor", "held", "lost", "parts", "wake")

    def __init__(self, after: int) -> None:
        self.cursor = after
        self.wake = asyncio.Event()
        self.parts: list[Part] = []
        self.held = 0
        self.lost = False

    def add(self, stream: str, text: str) -> None:
        """A part, joined to the one before when it is of the same stream."""
        self.held += len(text)
        if self.held > STREAM_HELD_BYTES_MAX:
            self.lost = True
            return
        if self.parts and self.parts[-1].stream == stream:
            self.parts[-1].text += text
        else:
            self.parts.append(Part(stream, text, self.lost))
        self.wake.set()

    def take(self) -> list[Part]:
        """What has come."""
        parts, self.parts, self.held, self.lost = self.parts, [], 0, False
        return parts


class ChatStreams:
    """All followers of chats of this server."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._followers: dict[tuple[int, int], set[Follower]] = {}
        self._open: dict[str, int] = {}
        services.engine.follow(self._committed)
        services.views.follow(self._visible)

    def part(self, org: int, chat: int, stream: str, text: str) -> None:
        """A part of an answer, from the agent's socket. Free where nobody follows."""
        for follower in self._followers.get((org, chat), ()):
            follower.add(stream, text)

    def _committed(self, org: int, events: list[Event]) -> None:
        """A chat that was closed changes no number, and must still be told."""
        if self._followers:
            for event in events:
                if event.kind == "chat" and (org, event.subject) in self._followers:
                    self._wake(org, event.subject)

    def _visible(self, moved: dict[int, int]) -> None:
        for org, chat in self._followers:
            if org in moved:
                self._wake(org, chat)

    def _wake(self, org: int, chat: int) -> None:
        state = self._services.engine.state(org, "chat", chat)
        for follower in self._followers.get((org, chat), ()):
            if state is None or state.number > follower.cursor or state.closed_at:
                follower.wake.set()

    def open(self, who: Principal, chat: int, after: int) -> AsyncIterator[bytes]:
        """Follow a chat after message number `after`. Raises Problem 429 or 503 when too many follow."""
        if sum(self._open.values()) >= STREAMS_MAX:
            raise Problem(
                503, "too_many_streams", "too many streams are open", retryable=True, retry_after_ms=5_000
            )
        if self._open.get(who.credential, 0) >= STREAMS_PER_CREDENTIAL:
            detail = "too many streams with this credential"
            raise Problem(429, "too_many_streams", detail, retryable=True, retry_after_ms=5_000)
        return self._run(who, chat, after)

    async def _run(self, who: Principal, chat: int, after: int) -> AsyncIterator[bytes]:
        follower = Follower(after)
        key = (who.org, chat)
        self._followers.setdefault(key, set()).add(follower)
        self._open[who.credential] = self._open.get(who.credential, 0) + 1
        self._services.metrics.add("streams_current", 1)
        try:
            async for chunk in self._chunks(who, chat, follower):
                yield chunk
        finally:
            self._services.metrics.add("streams_current", -1)
            self._followers[key].discard(follower)
            if not self._followers[key]:
                del self._followers[key]
            self._open[who.credential] -= 1
            if not self._open[who.credential]:
                del self._open[who.credential]

    async def _chunks(self, who: Principal, chat: int, follower: Follower) -> AsyncIterator[bytes]:
        loop = asyncio.get_running_loop()
        spoken = checked = loop.time()
        yield b": following\n\n"
        while True:
            follower.wake.clear()
            for part in follower.take():
                yield b"event: part\ndata: %b\n\n" % _encode(part)
                spoken = loop.time()
            for chunk in await self._missing(who.org, chat, follower):
                yield chunk
                spoken = loop.time()
            state = self._services.engine.state(who.org, "chat", chat)
            if state is None or (state.closed_at and follower.cursor >= state.number):
                yield b"event: closed\ndata: {}\n\n"
                return
            now = loop.time()
            if now - checked >= CHECK_S:
                checked = now
                if not in_force(self._services, who):
                    yield b'event: end\ndata: {"code":"unauthenticated"}\n\n'
                    return
            if now - spoken >= KEEP_ALIVE_S:
                yield b": still here\n\n"
                spoken = now
            await _wait(follower.wake)

    async def _missing(self, org: int, chat: int, follower: Follower) -> list[bytes]:
        """Messages above the cursor that the views show."""
        state = self._services.engine.state(org, "chat", chat)
        if state is None or state.number <= follower.cursor:
            return []

        def read() -> tuple[list[dict[str, object]], dict[int, str]]:
            rows = talk.read(self._services, org, chat, follower.cursor, PAGE)
            return rows, talk.texts(self._services, org, rows)

        rows, told = await asyncio.to_thread(read)
        items = talk.shown(self._services, org, rows, told)
        if items:
            follower.cursor = items[-1].number
            if len(items) == PAGE:
                follower.wake.set()
        return [b"event: message\nid: %d\ndata: %b\n\n" % (item.number, _encode(item)) for item in items]


async def _wait(wake: asyncio.Event) -> None:
    """Until there is something to say, and a moment longer for company."""
    try:
        async with asyncio.timeout(CHECK_S):
            await wake.wait()
    except TimeoutError:
        return
    await asyncio.sleep(STREAM_COALESCE_MS / 1_000)
