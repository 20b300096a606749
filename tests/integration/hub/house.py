"""A hub on a real port over a real store, without HTTP, and agents that speak to it frame by frame."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import uvicorn
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from watchfloor.app import Backbone
from watchfloor.config import Config
from watchfloor.engine.setup import register_agent
from watchfloor.hub.hub import Hub, HubSettings
from watchfloor.hub.sockets import uvicorn_config
from watchfloor.kernel.ids import parse_id
from watchfloor.kernel.messages import SYSTEM, Actor, Command
from watchfloor.kernel.terms import Policy, RateTerms, RunawayTerms, TrustTerms
from watchfloor.work.messages import SubmitTask

Frame = dict[str, Any]
GENEROUS = msgspec.structs.replace(
    Policy(),
    rates=RateTerms(light=100_000, normal=100_000, heavy=100_000),
    runaway=RunawayTerms(requests_per_second=10_000, executed_per_10s=10_000, same_digest_per_60s=10_000),
    trust=msgspec.structs.replace(TrustTerms(), tasks_per_tier=(5, 5, 5, 5, 10, 1_000)),
)


async def _nothing(scope: Any, receive: Any, send: Any) -> None:
    """The house has no web pages; uvicorn wants an application all the same."""
    del scope, receive
    await send({"type": "http.response.start", "status": 404, "headers": []})
    await send({"type": "http.response.body", "body": b""})


class Peer:
    """One connection of an agent."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.numbers = itertools.count(1)

    async def say(self, kind: str, payload: Frame | None = None, *, number: int = 0) -> None:
        """One frame."""
        frame: Frame = {"type": kind, "payload": payload or {}}
        if number:
            frame["id"] = number
        await self.connection.send(json.dumps(frame))

    async def hear(self, *kinds: str, within: float = 30.0) -> Frame:
        """The next frame of one of these types (of any when none is named)."""
        async with asyncio.timeout(within):
            while True:
                frame: Frame = json.loads(await self.connection.recv())
                if not kinds or frame["type"] in kinds:
                    return frame

    async def ask(self, kind: str, payload: Frame, *, number: int = 0) -> Frame:
        """One request and the frame that answers it."""
        number = number or next(self.numbers)
        await self.say(kind, payload, number=number)
        async with asyncio.timeout(30):
            while True:
                frame: Frame = json.loads(await self.connection.recv())
                if frame.get("re") == number:
                    return frame

    async def quiet(self, seconds: float = 0.3) -> list[Frame]:
        """What comes in a while."""
        heard: list[Frame] = []
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    heard.append(json.loads(await self.connection.recv()))
        return heard

    async def ended(self, within: float = 30.0) -> tuple[int, list[Frame]]:
        """(close code, frames heard until then)."""
        heard: list[Frame] = []
        async with asyncio.timeout(within):
            try:
                while True:
                    heard.append(json.loads(await self.connection.recv()))
            except ConnectionClosed as end:
                return (end.rcvd.code if end.rcvd is not None else 1006), heard


class House:
    """The server's side."""

    def __init__(self, backbone: Backbone, hub: Hub, port: int, org: int) -> None:
        self.backbone = backbone
        self.engine = backbone.engine
        self.hub = hub
        self.port = port
        self.org = org

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self.port}/ws"

    async def agent(self, name: str, *capabilities: str) -> tuple[str, str]:
        """(public id, key) of a new agent."""
        return await register_agent(self.engine, self.org, name, "worker", capabilities or ("work",))

    @asynccontextmanager
    async def peer(self, key: str = "", *, welcome: bool = True) -> AsyncIterator[Peer]:
        """A connection; with `key` authenticated by the header, and welcomed."""
        headers = {"authorization": f"Bearer {key}"} if key else {}
        async with connect(self.url, additional_headers=headers, proxy=None) as connection:
            peer = Peer(connection)
            if key and welcome:
                frame = await peer.hear()
                assert frame["type"] == "welcome"
                peer.numbers = itertools.count(frame["payload"].get("last_id", 0) + 1)
            yield peer

    async def put(self, command: Command, actor: Actor = SYSTEM) -> int:
        """A command of the system; the seq of its first event."""
        return (await self.engine.ask(self.org, command, actor)).seq

    async def task(self, *needs: str) -> int:
        """A new task."""
        return await self.put(SubmitTask(needs=needs or ("work",), private=b'{"title":"t"}'))

    def state(self, kind: str, public: str) -> Any:
        return self.engine.state(self.org, kind, parse_id(public, kind)[0])

    async def until(self, condition: Any, within: float = 30.0) -> None:
        """Wait until something is so."""
        async with asyncio.timeout(within):
            while not condition():
                await asyncio.sleep(0.02)


@asynccontextmanager
async def house(folder: Path, policy: Policy | None = GENEROUS, **settings: int) -> AsyncIterator[House]:
    """A server that listens; stopped and verified-closed afterwards."""
    backbone = Backbone(Config(disk_reserve_mib=1, data=str(folder / "data")))
    await backbone.start()
    nodes = backbone.core.nodes
    org = next(iter(nodes)) if nodes else await backbone.found("test", policy)
    hub = Hub(backbone.engine, HubSettings(**settings))
    await hub.start()
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    port = int(listening.getsockname()[1])
    server = uvicorn.Server(uvicorn_config(_nothing, hub, "127.0.0.1", port, timeout_graceful_shutdown=2))
    server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
    serving = asyncio.get_running_loop().create_task(server.serve(sockets=[listening]))
    while not server.started:
        await asyncio.sleep(0.01)
    try:
        yield House(backbone, hub, port, org)
    finally:
        await hub.stop()
        server.should_exit = True
        await asyncio.wait({serving}, timeout=8)
        await backbone.stop()


def reading(**changes: Any) -> Frame:
    """The payload of a level-0 request."""
    return {"type": "file.read", "tool": "fs", "params": {"path": "a.txt"}, **changes}
