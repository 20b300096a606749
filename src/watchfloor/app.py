"""The composition root: the one module that knows everyone (DESIGN §3).

`open_server` builds ledger, engine, views, effects, hub and HTTP from a Config; `Server.run` serves until told to stop.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import secrets
import signal
import socket
import time
from collections.abc import Callable
from pathlib import Path

from watchfloor import __version__
from watchfloor.config import Config
from watchfloor.engine.clock import GuardedClock
from watchfloor.engine.core import Core
from watchfloor.engine.engine import Engine
from watchfloor.engine.signing import Signing
from watchfloor.engine.snapshot import restore
from watchfloor.engine.stops import StopJournal
from watchfloor.engine.views import ViewStore
from watchfloor.engine.wiring import wire
from watchfloor.engine.world import World
from watchfloor.hub.hub import Hub, HubSettings
from watchfloor.hub.sockets import SocketLimits, uvicorn_config
from watchfloor.kernel.ids import nonce_from, public_id
from watchfloor.kernel.messages import SYSTEM
from watchfloor.kernel.system import StartNode
from watchfloor.kernel.terms import Policy
from watchfloor.ledger.directory import DataDirectory
from watchfloor.ledger.recovery import VERIFIED_FILE, start_up
from watchfloor.ledger.signer import Signer
from watchfloor.ledger.snapshots import newest_snapshot
from watchfloor.ledger.sqlite.store import SQLiteLedger, SQLiteSettings
from watchfloor.ledger.verify import require_good
from watchfloor.people.messages import FoundOrganisation
from watchfloor.policy.messages import ApplyPolicy

_log = logging.getLogger(__name__)


class Backbone:
    """Ledger, engine and views of one data directory, without any port. Also what tools and tests open."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.directory = DataDirectory(config.data)
        self.ledger = SQLiteLedger(
            self.directory.database,
            SQLiteSettings(synchronous=config.synchronous),
            verify=require_good,
        )
        self.signer = Signer(Path(config.signer) if config.signer else self.directory.signer, config.origin)
        self.signing = Signing(self.signer)
        self.stops = StopJournal(self.directory.path / "stops.journal")
        wiring, rules, catalogue = wire()
        self.core = Core(wiring, rules, catalogue, self.ledger, self._restore)
        self.found_at_start = start_up(self.ledger, self.signer, self.directory.path / VERIFIED_FILE)
        for row in self.ledger.organisations():
            self.core.load(row.org, row.public_id)
            newest = self.ledger.latest_checkpoint(row.org)
            if newest is not None:
                self.signing.start_from(row.org, newest.size, newest.note)
        self.engine = Engine(
            self.core,
            self.ledger,
            clock=GuardedClock(),
            stops=self.stops,
            signing=self.signing,
            node_name=config.node,
            snapshots=self.directory.snapshots,
            snapshot_events=config.snapshot_events,
        )
        self.engine.read_only = self.found_at_start.read_only
        self.views = ViewStore(self.directory.path / "views.db", read=self.engine.events)

    def _restore(self, world: World) -> None:
        """Start from the newest snapshot that lies inside the ledger and continues its chain."""
        head, _ = self.ledger.head(world.org)
        found = newest_snapshot(self.directory.snapshots, world.org, up_to=head) if head else None
        if found is None:
            return
        row = self.ledger.read_one(world.org, found.header.seq)
        if row is not None and row[2] == found.header.hash:
            restore(world, found, self.core.catalogue.decode(row[1]).at)

    async def start(self) -> None:
        """Views catch up, the engine serves, this incarnation of the node is recorded."""
        await self.views.start({org: node.committed for org, node in self.core.nodes.items()})
        self.engine.follow(self.views.apply)
        await self.engine.start()
        if self.engine.read_only:
            return
        for org in list(self.core.nodes):
            await self._started(org)

    async def _started(self, org: int) -> None:
        organisation = int(self.engine.cell(org, "names", "organisation") or 1)
        await self.engine.ask(
            org,
            StartNode(
                subject=organisation,
                node=self.config.node,
                incarnation=self.engine.incarnation,
                version=__version__,
            ),
            SYSTEM,
        )

    async def found(self, name: str, policy: Policy | None = None) -> int:
        """A new organisation with a policy in force; returns its integer."""
        entropy = secrets.token_bytes(32)
        public = public_id("organisation", 1, nonce_from(entropy))
        org = self.engine.add_organisation(public)
        await self.engine.ask(
            org, FoundOrganisation(name=name, origin=f"{self.config.origin}/{public}"), SYSTEM, entropy=entropy
        )
        await self.engine.ask(org, ApplyPolicy(document=policy or Policy(), reason="first policy"), SYSTEM)
        await self._started(org)
        return org

    async def stop(self) -> None:
        await self.engine.stop()
        await self.views.close()
        self.stops.close()
        await self.ledger.close()
        self.signer.close()
        self.directory.close()


def free_port() -> int:
    """A port nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def freeze_garbage() -> None:
    """State is acyclic: collect rarely, and never what start-up made (DESIGN §2 *Measured*)."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(100_000, 50, 100)


class Server:
    """A backbone with its ports: agents' sockets and HTTP on one."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.backbone = Backbone(config)
        self.engine = self.backbone.engine
        self.started_at = time.time()
        self.port = config.port or free_port()
        self.hub: Hub | None = None

    async def run(self, ready: Callable[[Server], None] | None = None) -> None:
        """Serve until SIGTERM or SIGINT. `ready` is called once the port accepts connections."""
        import uvicorn

        await self.backbone.start()
        self.hub = Hub(
            self.engine,
            HubSettings(heartbeat_ms=self.config.heartbeat_ms, connections_max=self.config.connections_max),
            server=f"watchfloor/{__version__}",
        )
        await self.hub.start()
        app = self._application()
        uvicorn_settings = uvicorn_config(
            app,
            self.hub,
            self.config.host,
            self.port,
            limits=SocketLimits(origins=self.config.origins),
            implementation=self.config.sockets,
            timeout_graceful_shutdown=5,
        )
        server = uvicorn.Server(uvicorn_settings)
        server.install_signal_handlers = lambda: None  # type: ignore[attr-defined]
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError, RuntimeError):
                loop.add_signal_handler(number, stopping.set)
        serving = loop.create_task(server._serve())  # noqa: SLF001 -- serve() would take the signals
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        if serving.done():
            await self._end()
            serving.result()
            raise OSError(f"cannot listen on {self.config.host}:{self.port}")
        freeze_garbage()
        if ready is not None:
            ready(self)
        waiting = loop.create_task(stopping.wait())
        await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        await self.hub.stop()
        server.should_exit = True
        await asyncio.wait({serving}, timeout=8)
        await self._end()

    async def _end(self) -> None:
        await self.backbone.stop()

    def _application(self) -> Callable[..., object]:
        """The HTTP side."""
        raise NotImplementedError
