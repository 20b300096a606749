"""Workers that behave as a test wants, on real ports, and a backbone that calls them."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.integration.engine.backbone import running

from watchfloor.app import Backbone
from watchfloor.fleet.messages import RegisterAgent
from watchfloor.kernel.codec import canonical
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.messages import SYSTEM, Actor
from watchfloor.trust.messages import AdjustTrust
from watchfloor.work.messages import SubmitTask

HERE = ("127.0.0.1",)
OVER = ("succeeded", "dead_letter", "cancelled")


class Asked:
    """One request as it came."""

    def __init__(self, headers: dict[str, str], body: bytes) -> None:
        self.headers = headers
        self.body = body

    @property
    def frame(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def key(self) -> str:
        return self.headers["idempotency-key"]

    @property
    def is_call(self) -> bool:
        """Is it work, rather than news of what became of it?"""
        return bool(self.frame["type"] == "task:assigned")


class Handler(BaseHTTPRequestHandler):
    server: Place
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        asked = Asked({name.lower(): text for name, text in self.headers.items()}, body)
        with self.server.lock:
            self.server.asked.append(asked)
            number = len(self.server.asked)
        self.close_connection = True
        self.server.behave(self, asked, number)

    def tell(self, status: int, body: bytes = b"", **headers: str) -> None:
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name.replace("_", "-"), text)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: Any) -> None:
        pass


Behave = Callable[[Handler, Asked, int], None]


class Place(ThreadingHTTPServer):
    """A worker's server. `asked` is everything that came; `release` lets go whoever waits."""

    daemon_threads = True

    def __init__(self, behave: Behave) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behave = behave
        self.asked: list[Asked] = []
        self.lock = threading.Lock()
        self.release = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/work"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A caller that hangs up is no news here."""


@contextmanager
def place(behave: Behave) -> Iterator[Place]:
    """A worker's server that is up."""
    server = Place(behave)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.release.set()
        server.shutdown()
        server.server_close()
        thread.join(5)


def done(handler: Handler, asked: Asked, number: int) -> None:
    """A worker that does its work."""
    handler.tell(200, json.dumps({"result": {"number": number}, "tokens": 7}).encode())


class Yard:
    """A backbone with an organisation."""

    def __init__(self, backbone: Backbone, org: int) -> None:
        self.backbone = backbone
        self.engine = backbone.engine
        self.org = org

    async def worker(self, url: str, name: str = "wanda", *, trust: int = 0) -> int:
        """A new HTTP worker; its integer. With `trust` it may hold more than one task."""
        command = RegisterAgent(
            name=name,
            type="worker",
            capabilities=(name, "work"),
            owner="system",
            credential=f"key_{name}",
            expires_at=self.engine.clock() + 30 * DAY,
            url=url,
        )
        agent = (await self.engine.ask(self.org, command, SYSTEM)).seq
        if trust:
            await self.engine.ask(self.org, AdjustTrust(subject=agent, points=trust, reason="test"), SYSTEM)
        return agent

    def agent(self, agent: int) -> Any:
        return self.engine.state(self.org, "agent", agent)

    def actor(self, agent: int) -> Actor:
        return Actor(kind="agent", id=public_id("agent", agent, self.agent(agent).nonce))

    async def submit(self, *needs: str, title: str = "do it", **fields: Any) -> int:
        """A task; its integer."""
        usual = {"attempts_max": 1, "needs": needs or ("work",), "private": canonical({"title": title})}
        return (await self.engine.ask(self.org, SubmitTask(**{**usual, **fields}), SYSTEM)).seq

    def task(self, task: int) -> Any:
        return self.engine.state(self.org, "task", task)

    async def until(self, holds: Callable[[], Any], what: str, seconds: float = 20) -> Any:
        for _ in range(int(seconds * 100)):
            if found := holds():
                return found
            await asyncio.sleep(0.01)
        raise AssertionError(f"not within {seconds} s: {what}")

    async def over(self, task: int, seconds: float = 20) -> dict[str, Any]:
        """The task's row once it is over."""
        await self.until(lambda: self.task(task).stage in OVER, f"task {task} is over", seconds)
        return await self.row(task)

    async def shown(self) -> None:
        """Everything that has happened is durable, and in the views."""
        await self.backbone.views.wait(self.org, self.engine.node(self.org).world.seq, 20_000)

    async def row(self, task: int) -> dict[str, Any]:
        await self.shown()
        sql = "SELECT * FROM tasks WHERE org = ? AND task = ?"
        return dict(self.backbone.views.rows(sql, (self.org, task))[0])

    async def agent_row(self, agent: int) -> dict[str, Any]:
        await self.shown()
        sql = "SELECT * FROM agents WHERE org = ? AND agent = ?"
        return dict(self.backbone.views.rows(sql, (self.org, agent))[0])

    def private(self, seq: int) -> dict[str, Any]:
        found = self.backbone.ledger.read_private(self.org, seq)
        assert found is not None
        told: dict[str, Any] = json.loads(found[1])
        return told

    def types(self, task: int) -> list[str]:
        """Types of the events of this task, in order."""
        events = self.engine.events(self.org, 0, 10_000)
        return [event.type for event in events if event.kind == "task" and event.subject == task]

    def pass_time(self, seconds: float) -> None:
        """The clock stands this much later."""
        self.engine.clock.not_before(self.engine.clock() + int(seconds * 1_000_000))


@asynccontextmanager
async def yard(folder: Path, **settings: Any) -> AsyncIterator[Yard]:
    """A backbone that may call workers on this machine."""
    async with running(folder, **{"outbound_allow": HERE, **settings}) as (backbone, org):
        yield Yard(backbone, org)
