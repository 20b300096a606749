"""A real server on 127.0.0.1 for tests of the HTTP side: SQLite, engine, views, uvicorn; and people to ask it."""

from __future__ import annotations

import asyncio
import secrets
import threading
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, TypeVar

import httpx2
import uvicorn

from watchfloor.administration import Administration
from watchfloor.app import Backbone, free_port
from watchfloor.config import Config
from watchfloor.engine.credentials import Credential, mint
from watchfloor.engine.engine import Engine
from watchfloor.http.app import build
from watchfloor.http.pacing import RATES, Rate
from watchfloor.http.ports import HTTPConfig, Services
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import SYSTEM
from watchfloor.people.messages import AddPerson, IssueCredential
from watchfloor.telemetry.following import Following
from watchfloor.telemetry.metrics import Metrics

T = TypeVar("T")
YEAR_US = 365 * 86_400_000_000
PLENTY = {name: Rate(per_minute=1_000_000, burst=1_000_000) for name in RATES}


class Person:
    """A person of the test with a token."""

    def __init__(self, handle: str, person_id: str, subject: int, token: str) -> None:
        self.handle = handle
        self.id = person_id
        self.subject = subject
        self.token = token

    @property
    def headers(self) -> dict[str, str]:
        return {"authorization": f"Bearer {self.token}"}


class Running:
    """A server in a thread of its own."""

    def __init__(
        self,
        folder: Path,
        rates: dict[str, Rate] | None = None,
        config: dict[str, Any] | None = None,
        **settings: Any,
    ) -> None:
        self.folder = folder
        self.config = config or {}
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.rates = rates or PLENTY
        # The server's own pages, whether or not the application is built here; tests of that pass floor="".
        self.settings = {"floor": str(folder / "no floor"), **settings}
        self.people: dict[tuple[int, str], Person] = {}
        self._clients: list[httpx2.Client] = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)
        self._trouble: BaseException | None = None

    def start(self) -> Running:
        self._thread.start()
        self._ready.wait(30)
        if self._trouble is not None:
            raise self._trouble
        return self

    def stop(self) -> None:
        for client in self._clients:
            client.close()
        self.loop.call_soon_threadsafe(self._stopping.set)
        self._thread.join(20)
        assert not self._thread.is_alive()

    def again(self, port: int = 0) -> None:
        """Start once more after `stop`, with the same data; on another port when one is given."""
        self.port = port or self.port
        self.url = f"http://127.0.0.1:{self.port}"
        self._clients = []
        self._ready = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._main()), daemon=True)
        self.start()

    async def _main(self) -> None:
        try:
            await self._serve()
        except BaseException as error:
            self._trouble = error
            self._ready.set()
            raise

    async def _serve(self) -> None:
        self.loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        self.backbone = Backbone(
            Config(
                disk_reserve_mib=1,
                data=str(self.folder / "data"),
                signer=str(self.folder / "signer"),
                **self.config,
            )
        )
        await self.backbone.start()
        self.metrics = Metrics(process=False)
        self.engine.follow(Following(self.metrics))
        self.admin = Administration(self.engine, self.backbone.directory, self.backbone.signer)
        self.services = Services(
            engine=self.engine,
            views=self.backbone.views,
            reads=self.backbone.ledger,
            decode=self.engine.core.catalogue.decode,
            tree=lambda org: self.engine.node(org).head.view(self.backbone.ledger),
            metrics=self.metrics,
            admin=self.admin,
            config=HTTPConfig(
                version="test", rates=self.rates, **{"password_memory_kib": 1024, **self.settings}
            ),
            ready=lambda: self.engine.read_only,
            components=lambda: [self.backbone.alerting.component()],
            clock=self.engine.clock,
            links=self.backbone.alerting.links,
            notices=self.backbone.notifier,
            folder=self.folder / "data",
            ask_provider=self.backbone.ask_provider,
            organisations=lambda: list(self.engine.core.nodes),
        )
        self.orgs = sorted(self.engine.core.nodes) or [
            await self.backbone.found(name) for name in ("Acme", "Globex")
        ]
        config = uvicorn.Config(
            build(self.services),
            host="127.0.0.1",
            port=self.port,
            log_level="warning",
            lifespan="on",
            proxy_headers=False,
            access_log=False,
            timeout_graceful_shutdown=2,
        )
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server._serve())
        while not server.started:
            await asyncio.sleep(0.01)
        self._ready.set()
        await self._stopping.wait()
        server.should_exit = True
        await serving
        await self.admin.stop()
        await self.backbone.stop()

    @property
    def engine(self) -> Engine:
        return self.backbone.engine

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run something on the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(30)

    def person(self, *roles: str, org: int = 0, scopes: tuple[str, ...] = ()) -> Person:
        """A person with these roles and a token; made once."""
        org = org or self.orgs[0]
        handle = "-".join((*roles, *(scope.replace(":", ".") for scope in scopes)))
        known = self.people.get((org, handle))
        if known is None:
            known = self.people[(org, handle)] = self.run(self._person(org, handle, roles, scopes))
        return known

    async def _person(self, org: int, handle: str, roles: tuple[str, ...], scopes: tuple[str, ...]) -> Person:
        private = b'{"email":"%b@example.org","name":"%b"}' % (handle.encode(), handle.encode())
        joined = await self.engine.ask(org, AddPerson(handle=handle, roles=roles, private=private), SYSTEM)
        assert joined.event is not None
        subject = joined.event.subject
        facts: Any = joined.event.facts
        token = await self.credential(org, subject, "token", scopes)
        return Person(handle, public_id("person", subject, facts.nonce), subject, token)

    async def credential(self, org: int, subject: int, kind: str, scopes: tuple[str, ...] = ()) -> str:
        """A credential of a person; returns its text."""
        name, text, verifier = mint(kind)
        expires_at = self.engine.clock() + YEAR_US
        row = Credential(
            id=name,
            org=org,
            kind=kind,
            subject=subject,
            verifier=verifier,
            scopes=scopes,
            created_at=self.engine.clock(),
            expires_at=expires_at,
            revoked_at=0,
            label="",
        ).row()
        command = IssueCredential(
            subject=subject, credential=name, purpose=kind, scopes=scopes, expires_at=expires_at
        )
        await self.engine.ask(org, command, SYSTEM, credentials=[row])
        return text

    def link(self, person: Person, org: int = 0) -> str:
        """A one-time sign-in link of a person."""
        return self.run(self.credential(org or self.orgs[0], person.subject, "link"))

    def client(self, who: Person | str | None = None, **more: Any) -> httpx2.Client:
        """A client of a person, of a key, or of nobody."""
        headers = (
            {}
            if who is None
            else who.headers
            if isinstance(who, Person)
            else {"authorization": f"Bearer {who}"}
        )
        client = httpx2.Client(base_url=self.url, headers=headers, timeout=30, **more)
        self._clients.append(client)
        return client

    def agent(self, name: str = "", org: int = 0, **body: Any) -> dict[str, Any]:
        """Register an agent; the answer with its key."""
        operator = self.person("operator", org=org)
        name = name or f"agent-{secrets.token_hex(4)}"
        with self.client(operator) as client:
            answer = client.post(
                "/api/v1/agents/register",
                json={"name": name, "type": "executor", "capabilities": ["python.lint"], **body},
            )
            assert answer.status_code in (200, 201), answer.text
            found: dict[str, Any] = answer.json()
            return found
