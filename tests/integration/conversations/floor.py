"""A whole server on a real port, with people who ask by REST and agents that speak frame by frame."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx2
from websockets.asyncio.client import ClientConnection, connect

from watchfloor.app import Server, free_port
from watchfloor.config import Config
from watchfloor.engine.setup import first_person, register_agent

Frame = dict[str, Any]


class Voice:
    """One connection of an agent."""

    def __init__(self, connection: ClientConnection, welcome: Frame) -> None:
        self.connection = connection
        self.numbers = itertools.count(welcome["payload"].get("last_id", 0) + 1)
        self.heard: list[Frame] = []

    async def say(self, kind: str, payload: Frame) -> None:
        """A frame that is not numbered."""
        await self.connection.send(json.dumps({"type": kind, "payload": payload}))

    async def ask(self, kind: str, payload: Frame, *, number: int = 0) -> Frame:
        """A request and its answer; pushes that come between are kept."""
        number = number or next(self.numbers)
        await self.connection.send(json.dumps({"type": kind, "id": number, "payload": payload}))
        async with asyncio.timeout(30):
            while True:
                frame: Frame = json.loads(await self.connection.recv())
                if frame.get("re") == number:
                    return frame
                self.heard.append(frame)

    async def hear(self, kind: str, within: float = 30.0) -> Frame:
        """The next push of this type."""
        for index, frame in enumerate(self.heard):
            if frame["type"] == kind:
                del self.heard[index]
                return frame
        async with asyncio.timeout(within):
            while True:
                heard: Frame = json.loads(await self.connection.recv())
                if heard["type"] == kind:
                    return heard
                self.heard.append(heard)

    async def quiet(self, seconds: float = 0.3) -> list[Frame]:
        """What comes in a while."""
        heard, self.heard = self.heard, []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    heard.append(json.loads(await self.connection.recv()))
        return heard


class Floor:
    """The running server and its organisation."""

    def __init__(self, server: Server, org: int) -> None:
        self.server = server
        self.engine = server.engine
        self.org = org
        self.url = server.url
        self._clients: list[httpx2.AsyncClient] = []
        self.at_end: list[Callable[[], None]] = []

    async def person(self, handle: str, *roles: str, org: int = 0) -> httpx2.AsyncClient:
        """A client with a person's token."""
        first = await first_person(self.engine, org or self.org, handle, self.url, roles or ("operator",))
        return self.client(first.token)

    def client(self, token: str) -> httpx2.AsyncClient:
        """A client with any credential."""
        client = httpx2.AsyncClient(
            base_url=self.url, headers={"authorization": f"Bearer {token}"}, trust_env=False, timeout=10
        )
        self._clients.append(client)
        return client

    async def agent(self, name: str) -> tuple[str, str]:
        """(public id, key) of a new agent."""
        return await register_agent(self.engine, self.org, name, "worker", ("work",))

    @asynccontextmanager
    async def voice(self, key: str, last_seq: int = 0) -> AsyncIterator[Voice]:
        """A connection that is welcomed and has said hello."""
        url = self.url.replace("http", "ws") + "/ws"
        async with connect(
            url, additional_headers={"authorization": f"Bearer {key}"}, proxy=None
        ) as connection:
            welcome: Frame = json.loads(await connection.recv())
            assert welcome["type"] == "welcome"
            voice = Voice(connection, welcome)
            await voice.say("hello", {"last_seq": last_seq})
            yield voice

    async def close(self) -> None:
        for end in self.at_end:
            end()
        for client in self._clients:
            await client.aclose()


@asynccontextmanager
async def floor(folder: Path, **settings: Any) -> AsyncIterator[Floor]:
    """A server in this loop; stopped at the end of the block."""
    ready: asyncio.Future[int] = asyncio.get_running_loop().create_future()
    server = Server(
        Config(
            disk_reserve_mib=1,
            data=str(folder / "data"),
            signer=str(folder / "signer"),
            **{"port": free_port(), **settings},
        )
    )

    async def begin(running: Server) -> None:
        known = list(running.engine.core.nodes)
        ready.set_result(known[0] if known else await running.backbone.found("Acme"))

    serving = asyncio.create_task(server.run(begin))
    try:
        async with asyncio.timeout(30):
            while not ready.done() and not serving.done():
                await asyncio.sleep(0.02)
        if serving.done():
            serving.result()
        there = Floor(server, ready.result())
        yield there
        await there.close()
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
