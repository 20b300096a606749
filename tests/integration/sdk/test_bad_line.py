"""The SDK over a line of 1-byte segments with 200 ms of delay, of which a third is lost at each try (fault D3)."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import socket
import time
from pathlib import Path

from tests.integration.sdk.test_with_the_server import Watchfloor

from watchfloor_agent import Agent, register

DELAY_S = 0.2
LOSS = 0.3


class Line:
    """What TCP makes of such a line: every byte a segment; a lost one is sent again after a while, and those behind it wait."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._chance = random.Random(3)
        self._pumps: set[asyncio.Task[None]] = set()
        self.sent = self.lost = 0

    async def open(self) -> str:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        return f"ws://127.0.0.1:{self._server.sockets[0].getsockname()[1]}/ws"

    async def close(self) -> None:
        self._server.close()
        for pump in self._pumps:
            pump.cancel()
        await asyncio.gather(*self._pumps, return_exceptions=True)

    async def _accept(self, near: asyncio.StreamReader, nearer: asyncio.StreamWriter) -> None:
        far, farther = await asyncio.open_connection("127.0.0.1", self._to)
        for source, sink in ((near, farther), (far, nearer)):
            sink.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            arriving: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
            for pump in (self._send(source, arriving), self._deliver(arriving, sink)):
                self._pumps.add(asyncio.create_task(pump))

    async def _send(self, source: asyncio.StreamReader, arriving: asyncio.Queue[tuple[float, bytes]]) -> None:
        while data := await source.read(4_096):
            for byte in data:
                at = time.monotonic() + DELAY_S
                self.sent += 1
                while self._chance.random() < LOSS:
                    self.lost += 1
                    at += DELAY_S
                arriving.put_nowait((at, bytes((byte,))))
        arriving.put_nowait((0.0, b""))

    async def _deliver(
        self, arriving: asyncio.Queue[tuple[float, bytes]], sink: asyncio.StreamWriter
    ) -> None:
        while True:
            at, byte = await arriving.get()
            await asyncio.sleep(max(0.0, at - time.monotonic()))
            if not byte:
                sink.close()
                return
            sink.write(byte)
            with contextlib.suppress(ConnectionError):
                await sink.drain()


async def test_an_agent_on_a_slow_line_that_loses_a_third_asks_hears_and_reports(tmp_path: Path) -> None:
    server = Watchfloor(tmp_path / "server")
    await server.start()
    line = Line(int(server.url.rpartition(":")[2]))
    try:
        registered = await asyncio.to_thread(
            register, server.url, server.token, name="far", capabilities=["testing"]
        )
        async with Agent(await line.open(), registered.api_key) as agent:

            @agent.guarded("message.send")
            async def send(text: str) -> str:
                return text

            sending = asyncio.create_task(send("over there"))
            await server.vote("approve")
            assert await asyncio.wait_for(sending, 60) == "over there"
            assert agent.welcome is not None
            listed = await asyncio.to_thread(
                server.ada.get, f"/api/v1/actions?agent={agent.welcome.agent_id}"
            )
            assert await server.ends_as(listed["items"][0]["action_id"], "completed")
        assert line.lost > 300, "it was a bad line"
        assert 0.2 < line.lost / line.sent < 0.6
    finally:
        await line.close()
        server.close()
        await server.end(signal.SIGTERM)
