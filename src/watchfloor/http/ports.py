"""What HTTP needs from the rest of the server, named in one place; `app.py` fills it in (DESIGN §3).

Protocols name only what is used here, so that the rim depends on nothing else of the engine.
"""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from watchfloor.config import OIDCProvider
from watchfloor.engine.credentials import Credentials
from watchfloor.engine.exploring import Found, Scope
from watchfloor.engine.requests import Request
from watchfloor.engine.stops import StopJournal
from watchfloor.http.bodies.ledger import Component
from watchfloor.http.pacing import RATES, Rate
from watchfloor.http.passwords import MEMORY_KIB
from watchfloor.kernel.limits import BODY_BYTES_MAX
from watchfloor.kernel.messages import Actor, Event
from watchfloor.ledger.contract import CheckpointRow
from watchfloor.ledger.heads import LogView


class Engine(Protocol):
    """The one writer, and its committed state."""

    @property
    def credentials(self) -> Credentials: ...

    @property
    def stops(self) -> StopJournal: ...

    def submit(self, request: Request) -> None:
        """Queue one command; `request.done` is called after fsync. Raises Overloaded."""

    def state(self, org: int, kind: str, subject: int) -> Any: ...

    def cell(self, org: int, register: str, key: Any) -> Any: ...

    def follow(self, follower: Callable[[int, list[Event]], None]) -> None: ...

    def head(self, org: int) -> int: ...


class Views(Protocol):
    """Tables for people (engine/views.py)."""

    def seq(self, org: int) -> int: ...

    def follow(self, callback: Callable[[dict[int, int]], None]) -> None: ...

    async def wait(self, org: int, seq: int, timeout_ms: int = ...) -> None: ...

    def newest_of_agent(
        self,
        org: int,
        agent: int,
        limit: int,
        before: int = ...,
        where: str = ...,
        params: Mapping[str, Any] | None = ...,
    ) -> list[dict[str, Any]]:
        """An agent's newest actions below `before`, newest first; `where` is SQL from code over `a`."""

    def rows(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]: ...

    def explore(self, sql: str, scope: Scope) -> Found: ...


class Reads(Protocol):
    """The ledger as it was written; from any thread."""

    def head(self, org: int) -> tuple[int, bytes]: ...

    def read(self, org: int, after: int, limit: int) -> list[tuple[int, bytes, bytes]]: ...

    def read_one(self, org: int, seq: int) -> tuple[int, bytes, bytes] | None: ...

    def read_stream(self, org: int, stream: int) -> list[tuple[int, bytes, bytes]]: ...

    def read_private(self, org: int, seq: int) -> tuple[bytes, bytes] | None: ...

    def read_privates(self, org: int, seqs: Any) -> dict[int, tuple[bytes, bytes]]: ...

    def find_key(self, org: int, credential: str, key: str) -> tuple[bytes, int] | None: ...

    def latest_checkpoint(self, org: int) -> CheckpointRow | None: ...


class Meter(Protocol):
    """Counters and gauges of the one catalogue (telemetry). `samplers` are asked at every scrape."""

    samplers: list[Callable[[], Iterable[tuple[str, tuple[str, ...], float]]]]

    def count(self, name: str, *labels: str, by: float = 1) -> None: ...

    def add(self, name: str, by: float, *labels: str) -> None: ...

    def observe(self, name: str, value: float, *labels: str) -> None: ...

    def read(self, name: str, *labels: str) -> float: ...

    def totals(self, name: str) -> dict[str, float]: ...

    def quantile(self, name: str, share: float) -> float: ...

    def exposition(self) -> bytes: ...


class Export(msgspec.Struct, frozen=True, kw_only=True):
    """One export on disk. `state` running, ready or failed."""

    id: str
    size: int
    created_at: int
    bytes: int
    state: str
    by: str  # the public id of who began it; empty when that is not known any more


class Archive(msgspec.Struct, frozen=True, kw_only=True):
    """A file to be downloaded: its name, and its bytes as they are made."""

    name: str
    parts: AsyncIterator[bytes]


class BackupMade(msgspec.Struct, frozen=True, kw_only=True):
    """A finished backup of the whole server. `seq`: how far it reaches in the asker's organisation."""

    name: str
    created_at: int
    verified_at: int
    bytes: int
    seq: int


class Backups(msgspec.Struct, frozen=True, kw_only=True):
    """`state` idle, running or failed (then `detail` says why); `next_at` 0 when none is made by itself."""

    items: tuple[BackupMade, ...]
    state: str
    detail: str
    next_at: int
    every_hours: int
    kept: int
    data: str


class Compaction(msgspec.Struct, frozen=True, kw_only=True):
    """Room in the ledger's file, bytes: all, what holds nothing, what the newest run gave back. `state` idle or running."""

    state: str
    bytes: int
    free_bytes: int
    freed_bytes: int


class Admin(Protocol):
    """What an operator may ask of the ledger besides reading."""

    def exports(self, org: int) -> list[Export]: ...

    async def export(self, org: int, by: str) -> Export:
        """Begin an export up to the head; the same head is exported once."""

    async def archive(self, org: int, export_id: str, by: str) -> Archive:
        """A finished export of this organisation as one archive. Raises Refused."""

    def key(self, org: int) -> str:
        """The vkey with which checkpoints of this organisation are signed."""

    def backups(self, org: int) -> Backups:
        """Those that were made and when the next one is. Reads the disk: ask it on a thread."""

    def begin_backup(self) -> None:
        """Make one of the whole server now; while one is being made, that one."""

    def log_level(self) -> tuple[str, str]:
        """What the log of this node holds now, and what it holds after a restart."""

    def set_log_level(self, level: str, by: str) -> None:
        """Change it until the next restart; the log says who did."""

    def compaction(self) -> Compaction:
        """Reads the file: ask it on a thread."""

    def begin_compaction(self) -> None:
        """Give free pages back in the background; while that is under way, nothing more."""

    def verification(self, org: int) -> Mapping[str, Any]:
        """`state`, `verified_seq`, `broken_seq`, `at`, `detail` of the server's own check."""

    async def replay(self, org: int, seq: int, at: int, kind: str, subject: int) -> dict[str, Any]:
        """State at a seq or an instant, with one subject's when it is named. Raises Refused."""

    async def audit(self, org: int, seq: int) -> tuple[str, str]:
        """Judge one ruling again: (same | differs | superseded, detail). Raises Refused when it is no ruling."""


class Presence(Protocol):
    """Who keeps in touch (the hub)."""

    async def beat(
        self, credential_id: str, actor: Actor, status: str, usage: tuple[int, int, int] = ...
    ) -> str:
        """A heartbeat of an agent by REST; the session it belongs to. Raises Refused."""

    def seen(self, org: int, agent: int) -> Any:
        """`at`, when it was heard of last, and the `metrics` of its newest heartbeat or None."""

    def spent(self, org: int, agent: int) -> dict[str, int]:
        """By rate class, what its socket has used up of a minute's requests; empty without a socket here."""


class HTTPConfig(msgspec.Struct, frozen=True, kw_only=True):
    """Settings of the port. `public_url` is how people reach it (empty: whatever Host says)."""

    public_url: str = ""
    trusted_proxies: tuple[str, ...] = ()
    cors_origins: tuple[str, ...] = ()
    body_bytes_max: int = BODY_BYTES_MAX
    body_timeout_s: float = 30.0
    answer_timeout_s: float = 30.0
    password_memory_kib: int = MEMORY_KIB  # less in tests alone
    oidc: tuple[OIDCProvider, ...] = ()
    floor: str = ""  # the folder of the built application; empty: beside this package
    rates: dict[str, Rate] = msgspec.field(default_factory=lambda: dict(RATES))
    version: str = ""


def _nothing_known() -> list[Component]:
    return []


async def _no_calls(url: str) -> str:  # noqa: ARG001 -- a predicate of this shape
    return "this server calls no workers"


class Services(msgspec.Struct, kw_only=True):
    """Everything the routes use.

    `decode` makes an event of its canonical bytes; `tree` is the tree of an organisation as it stands now; `ready`
    answers why the ledger cannot accept writes (empty: it can); `clock` µs UTC, `monotonic` seconds. `url_fault` says why
    an HTTP worker could not be called at a url (empty: it can), `worker_secret(org, agent's public id, number)` with what
    its calls are signed.
    """

    engine: Engine
    views: Views
    reads: Reads
    decode: Callable[[bytes], Event]
    tree: Callable[[int], LogView]
    metrics: Meter
    admin: Admin
    config: HTTPConfig
    ready: Callable[[], str]
    components: Callable[[], list[Component]] = _nothing_known
    mode: Callable[[], str] = lambda: "NORMAL"
    clock: Callable[[], int] = lambda: time.time_ns() // 1_000
    monotonic: Callable[[], float] = time.monotonic
    fetch: Callable[[str], Awaitable[bytes]] | None = (
        None  # a document at a URL; Refused where it may not or cannot
    )
    started_at: float = msgspec.field(default_factory=time.monotonic)
    url_fault: Callable[[str], Awaitable[str]] = _no_calls
    worker_secret: Callable[[int, str, int], str] = lambda org, agent, number: ""  # noqa: ARG005
    links: Any = None  # engine/vote_links: what links of notices say; None: there are none
    presence: Presence | None = None  # None: this server hears no heartbeats
    heartbeat_ms: int = 30_000
    notices: Any = None  # notify/: people's channels and what became of notices; None: nobody is told
    streams: Any = None  # set by build(): the event streams
    chats: Any = None  # set by build(): followers of chats
    organisations: Callable[[], Sequence[int]] = tuple  # every organisation of this server
    ask_provider: Callable[[str, str, dict[str, str], bytes], Awaitable[tuple[int, bytes]]] | None = (
        None  # (method, url, headers, body) to an identity provider; None: there is none
    )
    folder: Path | None = None  # where people's own small files are kept; None: in memory alone
    desk: Any = None  # set by build(): saved queries and views of pages
    entrance: Any = None  # set by build(): what signing in remembers
    providers: Any = None  # set by build(): identity providers
    queries: Any = None  # set by build(): how many of people's own queries run at a time
    built: Any = None  # set by build(): the application of the dashboard, as it was built
    document: dict[str, Any] = msgspec.field(default_factory=dict)  # set by build(): the OpenAPI document
