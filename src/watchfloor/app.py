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
import ssl
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
import uvicorn

from watchfloor import __version__
from watchfloor.actions.messages import RecordStop
from watchfloor.administration import Administration, newest_backup
from watchfloor.alerting import Alerting
from watchfloor.config import Config
from watchfloor.engine.clock import GuardedClock
from watchfloor.engine.effects import Effects, Registration
from watchfloor.engine.engine import Engine
from watchfloor.engine.last_used import FILE as LAST_USED_FILE
from watchfloor.engine.last_used import LastUsed
from watchfloor.engine.requests import Lane
from watchfloor.engine.sequencer import Sequencer
from watchfloor.engine.signing import Signing
from watchfloor.engine.snapshot import restore
from watchfloor.engine.stops import StopJournal
from watchfloor.engine.tokens import TokenIssuer
from watchfloor.engine.views import ViewStore
from watchfloor.engine.wiring import wire
from watchfloor.engine.world import World
from watchfloor.http.app import build
from watchfloor.http.bodies.ledger import Component
from watchfloor.http.cards import CARD_BYTES_MAX
from watchfloor.http.ports import HTTPConfig, Services
from watchfloor.hub.hub import Hub, HubSettings
from watchfloor.hub.pushes import news_frame, offer_frame
from watchfloor.hub.sockets import SocketLimits, uvicorn_config
from watchfloor.kernel.ids import nonce_from, public_id
from watchfloor.kernel.messages import SYSTEM, Actor, Effect, Event, Refused
from watchfloor.kernel.system import DeclareRollback, StartNode
from watchfloor.kernel.terms import Policy
from watchfloor.ledger.directory import DataDirectory
from watchfloor.ledger.recovery import VERIFIED_FILE, declare_rollback, start_up
from watchfloor.ledger.signer import Signer
from watchfloor.ledger.snapshots import newest_snapshot
from watchfloor.ledger.sqlite.store import SQLiteLedger, SQLiteSettings
from watchfloor.ledger.verify import require_good
from watchfloor.notify.notifier import ATTEMPTS_MAX, LEASE_MS
from watchfloor.people.messages import FoundOrganisation, TellOwner, TellPeople
from watchfloor.policy.messages import ApplyPolicy
from watchfloor.processes import effects_of
from watchfloor.registers.stops import NOBODY, names_of
from watchfloor.runners import http_workers
from watchfloor.runners.call_signing import KEY_FILE, SigningKey
from watchfloor.runners.outbound import Outbound, Sent
from watchfloor.runners.reach import Reach
from watchfloor.runners.verification import VERIFICATION_MS_MAX, VerificationTerms, Verifier
from watchfloor.runners.worker_news import WorkerNews
from watchfloor.telemetry.following import Following
from watchfloor.telemetry.metrics import Metrics, Sample
from watchfloor.telemetry.workload import CRITERION_KINDS, Workload
from watchfloor.work.messages import CallWorker, VerifyTask

_log = logging.getLogger(__name__)


class Backbone:
    """Ledger, engine and views of one data directory, without any port. Also what tools and tests open."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.outbound = Outbound(Reach.of(config.outbound_allow))
        # The operator named the providers, so their own hosts may be inside.
        inside = [urlsplit(entry.issuer).hostname or "" for entry in config.oidc]
        self._to_providers = Outbound(Reach.of((*config.outbound_allow, *inside)))
        self.directory = DataDirectory(config.data)
        self.ledger = SQLiteLedger(
            self.directory.database,
            SQLiteSettings(
                synchronous=config.synchronous, reserve_bytes=config.disk_reserve_mib * 1024 * 1024
            ),
            verify=require_good,
        )
        self.signer = Signer(Path(config.signer) if config.signer else self.directory.signer, config.origin)
        self.signing = Signing(self.signer)
        self.stops = StopJournal(self.directory.path / "stops.journal")
        wiring, rules, catalogue = wire()
        self.core = Sequencer(wiring, rules, catalogue, self.ledger, self._restore)
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
        self.signing_key = SigningKey(self.directory.path / KEY_FILE)
        self.base_url = (
            config.public_url
            or f"{'https' if config.tls_certificate else 'http'}://{config.host}:{config.port}"
        )  # where workers call back
        self.observe_check: Callable[[str, bool], None] = lambda kind, held: None  # noqa: ARG005
        self.observe_call: Callable[[str, int], None] = lambda outcome, ms: None  # noqa: ARG005
        self.engine.credentials.tokens = TokenIssuer(
            self.directory.path / "token-keys", config.origin, self.engine.clock()
        )
        self.last_used = LastUsed(self.directory.path / LAST_USED_FILE, self.engine.credentials)
        self.views = ViewStore(self.directory.path / "views.db", read=self.engine.events)
        self.alerting = Alerting(
            self.engine,
            self.views,
            self.directory.path,
            config.outbound_allow,
            base_url=lambda: self.base_url,
        )
        self.notifier = self.alerting.notifier
        self.effects = self._effects()
        self.observe_news: Callable[[str], None] = lambda outcome: None  # noqa: ARG005
        self.news = WorkerNews(
            self.engine,
            Outbound(Reach.of(config.outbound_allow)),
            frame=lambda org, event: news_frame(self.engine, org, event),
            secret=self.worker_secret,
            base_url=lambda: self.base_url,
            observe=lambda outcome: self.observe_news(outcome),
        )

    async def ask_provider(
        self, method: str, url: str, headers: dict[str, str], body: bytes
    ) -> tuple[int, bytes]:
        """A request to an identity provider of the settings: (status, body), status 0 when nobody answered."""
        verb: Any = method
        others = {name: text for name, text in headers.items() if name != "authorization"}
        got = await self._to_providers.send(
            Sent(
                url=url,
                method=verb,
                headers=others,
                body=body,
                authorization=headers.get("authorization", ""),
                total_ms=10_000,
                bytes_max=262_144,
            )
        )
        return got.status, got.body

    def _effects(self) -> Effects:
        """What events lead to in the world. A stop of the whole organisation holds all of it."""
        engine = self.engine

        def private(org: int, seq: int) -> bytes | None:
            found = self.ledger.read_private(org, seq)
            return found[1] if found is not None else None

        def wanted(org: int, effect: VerifyTask) -> bool:
            task = engine.state(org, "task", effect.task)
            return task is not None and task.stage == "reported" and task.generation == effect.generation

        def stopped(org: int, event: Event, effect: Effect) -> str:  # noqa: ARG001 -- a predicate of this shape
            if isinstance(effect, TellPeople | TellOwner):
                return ""  # people hear of a stop while it is in force
            if not isinstance(effect, CallWorker):
                return engine.stops.hits(org, NOBODY)
            task = engine.state(org, "task", effect.task)
            if task.paused_at and task.generation == effect.generation:
                return "a pause of the task"
            names = names_of(effect.agent, engine.node(org).world.read, task=effect.task)
            return engine.stops.hits(org, names)

        verifier = Verifier(
            VerificationTerms.of(self.config.verify_roots, self.config.verify_commands),
            private=private,
            ask=lambda org, command: engine.ask(org, command, SYSTEM),
            outbound=self.outbound,
            wanted=wanted,
            observe=lambda kind, held: self.observe_check(kind, held),
        )
        return Effects(
            self.directory.path / "effects.db",
            react=effects_of,
            executors={
                VerifyTask: Registration(executor=verifier, at_once=2, lease_ms=VERIFICATION_MS_MAX + 60_000),
                CallWorker: self._calls(),
                TellPeople: Registration(
                    executor=self.notifier, at_once=32, lease_ms=LEASE_MS, attempts_max=ATTEMPTS_MAX + 3
                ),
                TellOwner: Registration(
                    executor=self.notifier, at_once=4, lease_ms=LEASE_MS, attempts_max=ATTEMPTS_MAX + 3
                ),
            },
            read=engine.events,
            clock=engine.clock,
            stopped=stopped,
        )

    def _calls(self) -> Registration:
        """How tasks reach HTTP workers. They have a way out of their own, so that they wait for nobody's criteria."""
        caller = http_workers.HTTPWorkers(
            self.engine,
            Outbound(Reach.of(self.config.outbound_allow), at_once_max=http_workers.AT_ONCE_MAX),
            ask=lambda org, command: self.engine.ask(org, command, SYSTEM, lane=Lane.OUTCOMES),
            frame=lambda org, task, state: offer_frame(self.engine, org, task, state),
            secret=self.worker_secret,
            base_url=lambda: self.base_url,
            clock=self.engine.clock,
            observe=lambda outcome, ms: self.observe_call(outcome, ms),
        )
        return Registration(
            executor=caller,
            at_once=http_workers.AT_ONCE_MAX,
            per_destination=http_workers.PER_WORKER_MAX,
            lease_ms=http_workers.LEASE_MS,
        )

    def worker_secret(self, org: int, agent: str, number: int) -> str:
        """The secret that calls of an HTTP worker are signed with."""
        return self.signing_key.secret(self.engine.node(org).world.public, agent, number)

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
        await self.alerting.start()
        await self.effects.start({org: node.committed for org, node in self.core.nodes.items()})
        self.engine.follow(self.effects.apply)
        self.engine.follow(self.news)
        await self.engine.start()
        self.last_used.start()
        if self.engine.read_only:
            return
        for org in list(self.core.nodes):
            await self._started(org)
            await self._record_stops(org)

    async def _record_stops(self, org: int) -> None:
        """Stops that reached the journal and not the ledger before the last end: in force already, recorded now."""
        recorded = {stop.journal for stop in self.engine.cell(org, "stops", "active") or ()}
        for stop in self.stops.in_force(org):
            if stop.id not in recorded:
                command = RecordStop(
                    scope=stop.scope,
                    target=stop.target,
                    reason=stop.reason,
                    effective_at=stop.at,
                    journal=stop.id,
                    number=stop.number,
                )
                with contextlib.suppress(Refused):
                    await self.engine.ask(org, command, Actor(kind="person", id=stop.by), lane=Lane.STOPS)

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
            org,
            FoundOrganisation(name=name, origin=f"{self.config.origin}/{public}"),
            SYSTEM,
            entropy=entropy,
        )
        await self.engine.ask(org, ApplyPolicy(document=policy or Policy(), reason="first policy"), SYSTEM)
        await self._started(org)
        return org

    async def declare_rollback(self, reason: str) -> list[dict[str, object]]:
        """Accept the history that is here, and record that it was (spec 04). Only on a backbone nobody serves from."""
        declared = await declare_rollback(self.ledger, self.signer, self.directory.path / VERIFIED_FILE)
        self.signing.latest.clear()
        self.engine.read_only = ""
        await self.engine.start()
        for loss in declared:
            await self.engine.ask(
                loss.org,
                DeclareRollback(
                    subject=int(self.engine.cell(loss.org, "names", "organisation") or 1),
                    reason=reason,
                    size_lost=loss.size_lost,
                    size_now=loss.size_now,
                ),
                SYSTEM,
            )
        return [msgspec.to_builtins(loss) for loss in declared]

    async def stop(self) -> None:
        await self.last_used.stop()
        await self.news.close()
        await self.effects.close()
        await self.alerting.close()
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


def listen_on(host: str, port: int) -> socket.socket:
    """A socket bound to the address. Raises OSError with the reason; uvicorn's own way would end the process."""
    family, kind, _, _, address = socket.getaddrinfo(
        host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    listening = socket.socket(family, kind)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except OSError:
        listening.close()
        raise
    return listening


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
        self.port = config.port or free_port()
        self.backbone.base_url = self.url
        self.metrics = Metrics()
        self.backbone.observe_call = self._called
        self.backbone.observe_news = lambda outcome: self.metrics.count("worker_news_total", outcome)
        self.backbone.observe_check = self._checked
        self.backbone.alerting.observe = self._told
        self.administration = Administration(self.engine, self.backbone.directory, self.backbone.signer)
        self.hub = Hub(
            self.engine,
            HubSettings(
                heartbeat_ms=config.heartbeat_ms,
                connections_max=config.connections_max,
                per_organisation_max=config.connections_per_organisation_max,
                accepts_per_second=config.accepts_per_second,
            ),
            server=f"watchfloor/{__version__}",
        )
        self.metrics.samplers.append(self._of_the_hub)
        self.metrics.samplers.append(self.backbone.alerting.samples)
        self.engine.follow(Following(self.metrics))
        self.engine.follow(Workload(self.metrics, self._type_of))
        self.engine.on_commit(
            lambda spent_us: self.metrics.observe("ledger_commit_seconds", spent_us / 1_000_000)
        )

    def _of_the_hub(self) -> list[Sample]:
        """What the hub counts by itself, for the metrics."""
        return [
            ("websocket_connections_current", (), len(self.hub.sessions)),
            ("websocket_messages_total", ("in",), self.hub.messages),
            ("websocket_messages_total", ("out",), self.hub.sent),
            ("validation_failures_total", ("websocket", "invalid_frame"), self.hub.invalid),
            ("rate_limited_total", ("websocket",), self.hub.throttled),
        ]

    def _type_of(self, org: int, agent: int) -> str:
        """The agent's own type, for the metrics."""
        state = self.engine.state(org, "agent", agent)
        return str(state.type) if state is not None else ""

    def _checked(self, kind: str, held: bool) -> None:
        """The platform has checked one criterion."""
        label = kind if kind in CRITERION_KINDS else "other"
        self.metrics.count("task_verifications_total", label, "yes" if held else "no")

    def _called(self, outcome: str, ms: int) -> None:
        """One call of an HTTP worker is over."""
        self.metrics.count("worker_calls_total", outcome)
        self.metrics.observe("worker_call_seconds", ms / 1_000)

    def _told(self, means: str, outcome: str, ms: int) -> None:
        """One attempt to tell somebody is over."""
        self.metrics.count("notifications_total", means, outcome)
        self.metrics.observe("notification_seconds", ms / 1_000)

    @property
    def url(self) -> str:
        """Where people reach it."""
        scheme = "https" if self.config.tls_certificate else "http"
        return self.config.public_url or f"{scheme}://{self.config.host}:{self.port}"

    async def run(self, ready: Callable[[Server], Coroutine[Any, Any, None]] | None = None) -> None:
        """Serve until SIGTERM or SIGINT. `ready` is awaited once the port accepts connections."""
        await self.backbone.start()
        await self.hub.start()
        serving, server = await self._listen()
        loop = asyncio.get_running_loop()
        stopping = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop.add_signal_handler(number, stopping.set)
        self.administration.begin_verification()
        self.administration.begin_backups(self.config.backup_hours)
        freeze_garbage()
        waiting = loop.create_task(stopping.wait())
        try:
            if ready is not None:
                beginning = loop.create_task(ready(self))
                await asyncio.wait({beginning, serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
                if beginning.done():
                    beginning.result()
            await asyncio.wait({serving, waiting}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            await self.hub.stop()
            server.should_exit = True
            await asyncio.wait({serving}, timeout=8)
            await self.administration.stop()
            await self.backbone.stop()

    async def _listen(self) -> tuple[asyncio.Task[None], uvicorn.Server]:
        """Open the port. Raises OSError when that does not work."""
        services = self.services()
        application = build(services)
        self.hub.mailroom.on_part = services.chats.part
        settings = uvicorn_config(
            application,
            self.hub,
            self.config.host,
            self.port,
            limits=SocketLimits(**self.config.of_sockets()),
            implementation=self.config.sockets,
            timeout_graceful_shutdown=5,
            **self._tls(),
        )
        try:
            listening = listen_on(self.config.host, self.port)
        except OSError as error:
            await self.hub.stop()
            await self.backbone.stop()
            raise OSError(
                f"cannot listen on {self.config.host}:{self.port}: {error.strerror or error}"
            ) from error
        server = uvicorn.Server(settings)
        # `serve` would take the signals; the server above decides when to stop.
        serving = asyncio.get_running_loop().create_task(server._serve(sockets=[listening]))
        while not server.started and not serving.done():
            await asyncio.sleep(0.01)
        if serving.done():
            await self.backbone.stop()
            raise OSError(f"cannot serve on {self.config.host}:{self.port}")
        return serving, server

    def _tls(self) -> dict[str, Any]:
        """What uvicorn needs to end TLS here; nothing without a certificate (spec 2.1 *mTLS*)."""
        config = self.config
        if not config.tls_certificate:
            return {}
        wanted = ssl.CERT_NONE
        if config.tls_client_ca:
            wanted = ssl.CERT_REQUIRED if config.tls_client_required else ssl.CERT_OPTIONAL
        return {
            "ssl_certfile": config.tls_certificate,
            "ssl_keyfile": config.tls_key or None,
            "ssl_ca_certs": config.tls_client_ca or None,
            "ssl_cert_reqs": wanted,
        }

    async def _fetched(self, url: str) -> bytes:
        """A document somebody named, by the guarded way out. Raises Refused."""
        got = await self.backbone.outbound.send(
            Sent(url=url, headers={"accept": "application/json"}, total_ms=10_000, bytes_max=CARD_BYTES_MAX)
        )
        if got.outcome != "answered" or got.status != 200:
            detail = got.detail or f"it answered {got.status}" if got.outcome == "answered" else got.outcome
            raise Refused(
                "not_fetched", f"{url}: {detail}", field="/url", retryable=got.transient, status=422
            )
        return got.body

    def services(self) -> Services:
        """What HTTP needs of everybody else."""
        engine = self.engine
        return Services(
            engine=engine,
            views=self.backbone.views,
            reads=self.backbone.ledger,
            decode=engine.core.catalogue.decode,
            tree=lambda org: engine.node(org).head.view(self.backbone.ledger),
            metrics=self.metrics,
            admin=self.administration,
            config=HTTPConfig(
                public_url=self.config.public_url,
                trusted_proxies=self.config.trusted_proxies,
                cors_origins=self.config.origins,
                oidc=self.config.oidc,
                version=__version__,
            ),
            ready=lambda: engine.read_only,
            components=self._components,
            mode=lambda: "DEGRADED_STORE" if engine.read_only else "NORMAL",
            worker_secret=self.backbone.worker_secret,
            url_fault=self.backbone.outbound.fault,
            clock=engine.clock,
            fetch=self._fetched,
            links=self.backbone.alerting.links,
            notices=self.backbone.notifier,
            presence=self.hub.visits,
            heartbeat_ms=self.config.heartbeat_ms,
            folder=self.backbone.directory.path,
            organisations=lambda: list(engine.core.nodes),
            ask_provider=self.backbone.ask_provider,
        )

    def _workers(self) -> Component:
        """HTTP workers of all organisations, and how many breakers are open (spec 6)."""
        counted = "SELECT count(*) AS n, coalesce(sum(breaker = 'open'), 0) AS open FROM agents"
        row = self.backbone.views.rows(f"{counted} WHERE url <> '' AND retired_at = 0")[0]
        detail = (
            f"{row['n']} registered, {row['open']} with an open breaker" if row["n"] else "none registered"
        )
        return Component(name="workers", status="degraded" if row["open"] else "ok", detail=detail)

    def _components(self) -> list[Component]:
        engine, views = self.engine, self.backbone.views
        sizes = self.backbone.ledger.sizes()
        behind = views.lag_ms > 1_000
        backup = newest_backup(self.backbone.directory.backups)
        return [
            Component(
                name="ledger",
                status="down" if engine.read_only else "ok",
                detail=engine.read_only
                or f"{sizes.store_bytes} bytes, {sizes.free_disk_bytes} free on its disk",
            ),
            Component(
                name="views", status="degraded" if behind else "ok", detail=f"{views.lag_ms} ms behind"
            ),
            Component(
                name="agents",
                status="ok",
                detail=f"{len(self.hub.sessions)} connected, {len(self.hub.visits.open)} by REST",
            ),
            self._workers(),
            self.backbone.alerting.component(),
            Component(
                name="backup",
                status="ok" if backup else "degraded",
                detail="" if backup else "no verified backup yet",
                since_at=backup,
            ),
        ]
