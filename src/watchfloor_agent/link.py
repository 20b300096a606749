"""One agent's conversation with the server, over as many sockets as it takes.

Theory of operation
-------------------
After a reconnect everything unanswered goes out again, first and in order (asking.py): the server gives the first
answer to what it has seen (same id, same bytes) and executes what it has not. A *kept* report (an outcome) stays until
it is answered; a request whose asker gave up is forgotten, and whatever becomes of it on the server grants nothing here. Pushes carry `seq`: each is handled once, and acknowledged by the next heartbeat.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from ssl import SSLContext
from typing import Literal
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from watchfloor_agent import framing
from watchfloor_agent.asking import Deliveries, Requests
from watchfloor_agent.errors import (
    AuthenticationFailed,
    ConfigurationError,
    Fatal,
    ProtocolError,
    Refused,
    Replaced,
    Unavailable,
)
from watchfloor_agent.messages import Heartbeat, Hello, Metrics, Payload
from watchfloor_agent.pacing import STEADY_MS, Backoff
from watchfloor_agent.received import ConfigUpdated, Disconnecting, ErrorFrame, Limits, RateLimited, Welcome
from watchfloor_agent.remembering import Memory

log = logging.getLogger("watchfloor_agent")

AUTH_FAILED = 4003
ACKNOWLEDGE_S = 0.5  # many messages, one heartbeat
PUSHES_PER_ACKNOWLEDGEMENT = 32  # far below what the server keeps for redelivery


@dataclass(frozen=True)
class Settings:
    """How to reach the server. The key is never shown."""

    url: str
    api_key: str = field(repr=False)
    agent_version: str = ""
    prompt_digest: str = ""
    tools_digest: str = ""
    sdk: str = ""
    ssl: SSLContext | None = None
    insecure: bool = False
    first_ms: int = 1_000
    longest_ms: int = 60_000
    open_ms: int = 10_000
    ping_ms: int = 20_000


class Link:
    """Sends, receives, reconnects. `welcomed` and `pushed` are called on the loop and must not block."""

    def __init__(
        self,
        settings: Settings,
        memory: Memory,
        *,
        welcomed: Callable[[Welcome], None],
        pushed: Callable[[Payload], None],
        measured: Callable[[], tuple[str, Metrics]],
    ) -> None:
        self._settings = settings
        self._memory = memory
        self._welcomed = welcomed
        self._pushed = pushed
        self._measured = measured
        self._requests = Requests(self._put)
        self._deliveries = Deliveries()
        self._outgoing: asyncio.Queue[bytes] = asyncio.Queue()
        self._beat_now = asyncio.Event()
        self._hint_ms = 0
        self._soon = False
        self._socket: ClientConnection | None = None
        self._key_in_use = settings.api_key
        self.key = settings.api_key
        self._closing = asyncio.Event()
        self.running = False
        self.ended: Fatal | None = None
        self.welcome: Welcome | None = None
        self.limits = Limits()
        self.heartbeat_interval_ms = 30_000
        self.connected = asyncio.Event()

    # Asking ------------------------------------------------------------------------------------------------------

    async def ask(self, payload: Payload, *, patience_ms: int | None, keep: bool = False) -> Payload:
        """The answer to a request. Raises Refused, Unavailable after `patience_ms` without answer, or Fatal.

        `keep`: the report is sent and repeated until answered, even when this call has given up.
        """
        self._ready()
        size, size_max = len(framing.encode(payload, 2**53 - 1)), self.limits.frame_bytes_max
        if size > size_max:
            raise Refused("too_large", f"a frame has at most {size_max} bytes, not {size}")
        asked = self._requests.add(payload, keep=keep)
        try:
            async with asyncio.timeout(None if patience_ms is None else patience_ms / 1000):
                return await asyncio.shield(asked.answer)
        except TimeoutError:
            where = "answer" if self.connected.is_set() else "connection"
            kept = "; the report goes out as soon as possible" if keep else ""
            raise Unavailable(f"no {where} within {patience_ms} ms for {payload.FRAME}{kept}") from None
        finally:
            if not keep and not asked.answer.done():
                self._requests.forget(asked)

    def keep(self, payload: Payload) -> None:
        """Send a report until it is answered, without waiting. Raises Fatal or ConfigurationError."""
        self._ready()
        self._requests.add(payload, keep=True)

    def tell(self, payload: Payload) -> None:
        """Send a frame that is not numbered and not answered; lost when there is no connection."""
        if self.connected.is_set():
            self._put(framing.encode(payload))

    def acknowledge_soon(self) -> None:
        """Acknowledge what was pushed within a second: a program that begins anew is then not told it again."""
        if not self._soon:
            self._soon = True
            asyncio.get_running_loop().call_later(ACKNOWLEDGE_S, self._acknowledge)

    def _acknowledge(self) -> None:
        self._soon = False
        self._beat_now.set()

    def _ready(self) -> None:
        if self.ended is not None:
            raise self.ended
        if not self.running:
            raise ConfigurationError("the agent is not running: use `async with agent:` or `agent.run()`")

    def _put(self, data: bytes) -> None:
        self._outgoing.put_nowait(data)

    # Sessions ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Connect, and again whenever the connection is lost, until `close`. Raises Fatal."""
        backoff = Backoff(self._settings.first_ms, self._settings.longest_ms)
        self.running = True
        closing = asyncio.create_task(self._closing.wait())
        try:
            while not closing.done():
                began = time.monotonic()
                self._hint_ms = 0
                await self._session_until(closing)
                if time.monotonic() - began > STEADY_MS / 1000:
                    backoff.clear()
                if not closing.done():
                    delay_ms = backoff.next_ms(self._hint_ms)
                    log.info("connecting again in %d ms", delay_ms)
                    await asyncio.wait({closing}, timeout=delay_ms / 1000)
        except Fatal as error:
            self.ended = error
            raise
        finally:
            closing.cancel()
            self.running = False
            self._requests.abandon(self.ended or Unavailable("the agent has stopped"))

    async def close(self, drain_ms: int) -> None:
        """Stop after kept reports have been answered, or `drain_ms` have passed."""
        owed = self._requests.owed()
        if owed and self.running:
            _, lost = await asyncio.wait(owed, timeout=drain_ms / 1000)
            if lost:
                log.warning("%d reports were not acknowledged before the agent stopped", len(lost))
        self._closing.set()

    async def _session_until(self, closing: asyncio.Task[Literal[True]]) -> None:
        """One session, from the first packet on; given up wherever it is when the agent closes. Raises Fatal."""
        session = asyncio.create_task(self._session())
        try:
            await asyncio.wait({session, closing}, return_when=asyncio.FIRST_COMPLETED)
            if session.done():
                session.result()
        except AuthenticationFailed:
            if self.key == self._key_in_use:
                raise
            log.info("the key was rotated; connecting with the new one")
        except (OSError, WebSocketException, ProtocolError, TimeoutError) as error:
            log.warning("connection to %s: %s", self._settings.url, _said(error))
        finally:
            session.cancel()
            await asyncio.gather(session, return_exceptions=True)

    async def _session(self) -> None:
        self._key_in_use = self.key
        local = urlsplit(self._settings.url).hostname in ("127.0.0.1", "::1", "localhost")
        try:
            self._socket = await connect(
                self._settings.url,
                additional_headers={"Authorization": f"Bearer {self._key_in_use}"},
                user_agent_header=self._settings.sdk,
                compression=None,
                proxy=None if local else True,
                ssl=self._settings.ssl,
                open_timeout=self._settings.open_ms / 1000,
                ping_interval=self._settings.ping_ms / 1000,
                ping_timeout=self._settings.ping_ms / 1000,
                close_timeout=2,
                max_size=16 * self.limits.frame_bytes_max,  # a resync may hold many tasks
            )
        except InvalidStatus as refusal:
            self._turned_away(refusal)
            raise
        socket = self._socket
        try:
            await self._converse(socket)
        except ConnectionClosed:
            log.info("the connection was closed: %s %s", socket.close_code, socket.close_reason)
        finally:
            self.connected.clear()
            self._requests.resize(0)
            self._socket = None
            await socket.close()
        if socket.close_code == AUTH_FAILED:
            raise AuthenticationFailed(
                f"the server closed the connection: {socket.close_reason or 'authentication failed'}"
            )

    async def _converse(self, socket: ClientConnection) -> None:
        hello = Hello(
            protocol=1,
            sdk=self._settings.sdk,
            agent_version=self._settings.agent_version,
            last_seq=self._deliveries.seq,
            prompt_digest=self._settings.prompt_digest,
            tools_digest=self._settings.tools_digest,
        )
        await socket.send(framing.encode(hello), text=True)
        async with asyncio.timeout(self._settings.open_ms / 1000):
            welcome = await self._welcome(socket)
        self._outgoing = asyncio.Queue()
        self._begin(welcome)
        sides = [
            asyncio.create_task(side) for side in (self._read(socket), self._write(socket), self._beat())
        ]
        try:
            done, _ = await asyncio.wait(sides, return_when=asyncio.FIRST_COMPLETED)
            for side in done:
                side.result()
        finally:
            for side in sides:
                side.cancel()
            await asyncio.gather(*sides, return_exceptions=True)

    async def _welcome(self, socket: ClientConnection) -> Welcome:
        while True:
            frame = framing.decode(await socket.recv(decode=False))
            if frame is None:
                continue
            if isinstance(frame.payload, Welcome):
                return frame.payload
            if isinstance(frame.payload, Disconnecting):
                self._leaving(frame.payload)
            elif isinstance(frame.payload, ErrorFrame):
                log.warning("instead of welcome: %s: %s", frame.payload.code, frame.payload.detail)
                self._hint_ms = frame.payload.retry_after_ms
            else:
                raise ProtocolError(f"{frame.payload.FRAME} came before welcome")

    def _begin(self, welcome: Welcome) -> None:
        self._memory.see(welcome.agent_id, welcome.checkpoint)
        self.welcome = welcome
        self.limits = welcome.limits
        self.heartbeat_interval_ms = welcome.heartbeat_interval_ms
        self.connected.set()
        self._requests.connected(welcome.last_id, self.limits.in_flight_max)
        self._welcomed(welcome)

    async def _write(self, socket: ClientConnection) -> None:
        while True:
            await socket.send(await self._outgoing.get(), text=True)

    async def _beat(self) -> None:
        while True:
            delay = self.heartbeat_interval_ms / 1000 * random.uniform(0.85, 0.95)  # noqa: S311
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(delay):
                    await self._beat_now.wait()
            self._beat_now.clear()
            self._deliveries.unacknowledged = 0
            status, metrics = self._measured()
            self.tell(Heartbeat(status=status, seq=self._deliveries.seq, metrics=metrics))

    async def _read(self, socket: ClientConnection) -> None:
        while True:
            frame = framing.decode(await socket.recv(decode=False))
            if frame is None:
                continue
            if frame.re:
                self._requests.answered(frame.re, frame.payload)
            elif not frame.seq or self._deliveries.is_new(frame.seq):
                self._handle(frame.payload)
                if frame.seq:
                    self._deliveries.handled(frame.seq)
                    if self._deliveries.unacknowledged >= PUSHES_PER_ACKNOWLEDGEMENT:
                        self._beat_now.set()

    def _handle(self, payload: Payload) -> None:
        if isinstance(payload, Disconnecting):
            self._leaving(payload)
        elif isinstance(payload, ErrorFrame):
            log.warning("the server reports %s: %s", payload.code, payload.detail)
        elif isinstance(payload, RateLimited):
            log.warning("close to the limit of rate class %s", payload.rate_class)
        elif isinstance(payload, ConfigUpdated):
            self._reconfigure(payload)
            self._pushed(payload)
        else:
            self._pushed(payload)

    def _reconfigure(self, changed: ConfigUpdated) -> None:
        if changed.heartbeat_interval_ms is not None:
            self.heartbeat_interval_ms = changed.heartbeat_interval_ms
            self._beat_now.set()
        if changed.limits is not None:
            self.limits = changed.limits
            self._requests.resize(changed.limits.in_flight_max)
        if changed.checkpoint is not None and self.welcome is not None:
            self._memory.see(self.welcome.agent_id, changed.checkpoint)

    def _leaving(self, notice: Disconnecting) -> None:
        log.info("the server is disconnecting: %s", notice.reason)
        self._hint_ms = notice.retry_after_ms
        if notice.code == AUTH_FAILED:
            raise AuthenticationFailed(f"the server disconnected this agent: {notice.reason}")
        if notice.reason == "replaced":
            raise Replaced("another process connected with this agent's key; run one process per key")

    def _turned_away(self, refusal: InvalidStatus) -> None:
        status = refusal.response.status_code
        if status in (401, 403):
            body = bytes(refusal.response.body or b"")[:300].decode("utf-8", "replace")
            raise AuthenticationFailed(f"the server answered {status}: {body or 'no such key'}") from refusal
        after = refusal.response.headers.get("Retry-After", "")
        if after.isascii() and after.isdigit():
            self._hint_ms = min(int(after), 3600) * 1000


def _said(error: BaseException) -> str:
    return str(error) or type(error).__name__
