"""Server-sent events: everything that happens in an organisation, resumable by seq (DESIGN §2, faults C11, D5).

Theory of operation
-------------------
A stream is a cursor, not a queue: it holds the seq it has sent, and takes what lies between that and what the views
show from a ring that all streams of an organisation share, or from the ledger when it is further behind. So a client
that does not read costs one cursor and the socket's own bounded buffer; one that falls too far behind, or asks for a
seq that is too old, is told to `resync` and goes on at the present. What comes after a rest is sent at once, and then
not oftener than every 20 ms, so that fan-out costs per batch and not per event; streams that see the same share what
was joined for the first of them. `id:` lines carry the scanned seq also where everything was filtered out, so that
Last-Event-ID never goes back. A credential that ends wakes its streams, which then end.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from typing import Any

import msgspec
import structlog

from watchfloor.engine.credentials import Credential
from watchfloor.http import identity
from watchfloor.http.identity import Principal
from watchfloor.http.ports import Services
from watchfloor.http.problems import Problem
from watchfloor.kernel.ids import PREFIXES, public_id
from watchfloor.kernel.limits import STREAM_COALESCE_MS
from watchfloor.kernel.messages import Actor, Event, Facts

RING_EVENTS = 4_096  # shared by all streams of an organisation: some seconds of a busy one
BEHIND_MAX = 20_000  # further behind than this, reading lists again is cheaper for everybody
BATCH_EVENTS = 500
CHUNK_BYTES = 64 * 1024
KEEP_ALIVE_S = 15.0
CHECK_S = 1.0  # how long a revoked credential may go on listening
STREAMS_MAX = 1_000
STREAMS_PER_CREDENTIAL = 16
_log: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger("watchfloor.http.stream")
_PERSONAL = "person."  # who signs in when is for admins and auditors
_encode = msgspec.json.Encoder().encode
_VIEWED = {
    "agent": "agents",
    "task": "tasks",
    "action": "actions",
    "decision": "decisions",
    "tribunal": "decisions",
    "stop": "stops",
    "standing": "standing_approvals",
    "bypass": "bypasses",
    "person": "people",
    "chat": "chats",
    "channel": "channels",
    "supervision": "supervisions",
    "alert": "alerts",
}
_SAME = {"tribunal": "decision"}  # a tribunal has its decision's integer, and its public id


class Subject(msgspec.Struct, frozen=True):
    """What an event is about. `id` is the public id, empty when the kind has none."""

    kind: str
    id: str


class Shown(msgspec.Struct, frozen=True):
    """An event as streams show it: facts only, never a private part."""

    seq: int
    at: int
    type: str
    subject: Subject
    actor: Actor
    of: str
    cause: int
    correlation: str
    facts: Facts


class Held:
    """An event in the ring, rendered once for all streams."""

    __slots__ = ("data", "event")

    def __init__(self, event: Event, data: bytes) -> None:
        self.event = event
        self.data = data


class Ring:
    """The newest events of an organisation that somebody listens to, contiguous by seq."""

    def __init__(self) -> None:
        self.held: list[Held] = []
        self.listeners: set[asyncio.Event] = set()
        self._joined: dict[
            tuple[int, int, frozenset[str]], tuple[bytes, ...]
        ] = {}  # for whoever sees everything

    def add(self, held: Iterable[Held]) -> None:
        """Append what was just committed."""
        self.held += held
        if len(self.held) > 2 * RING_EVENTS:
            del self.held[:-RING_EVENTS]

    def joined(self, after: int, upto: int, kinds: frozenset[str], held: list[Held]) -> tuple[bytes, ...]:
        """The chunks of a range for those who may see all of it; made by the first who asks."""
        key = (after, upto, kinds)
        found = self._joined.get(key)
        if found is None:
            chosen = [entry for entry in held if not kinds or entry.event.kind in kinds]
            found = self._joined[key] = tuple(chunks(chosen))
        return found

    def wake(self) -> None:
        """Readers see more now."""
        self._joined.clear()
        for listener in self.listeners:
            listener.set()

    def between(self, after: int, upto: int) -> list[Held] | None:
        """What lies in (after, upto], None when the ring does not reach back that far."""
        if not self.held or self.held[0].event.seq > after + 1:
            return None
        first = self.held[0].event.seq
        return self.held[after + 1 - first : upto + 1 - first]


class Streams:
    """All event streams of this server."""

    def __init__(self, services: Services) -> None:
        self._services = services
        self._rings: dict[int, Ring] = {}
        self._open: dict[str, int] = {}
        self._of: dict[str, set[asyncio.Event]] = {}  # credential → what wakes its streams
        services.engine.follow(self._committed)
        services.engine.credentials.watch(self._changed)
        services.views.follow(self._visible)

    def _committed(self, org: int, events: list[Event]) -> None:
        """Follower of commits: quick, and free where nobody listens."""
        ring = self._rings.get(org)
        if ring is None:
            return
        try:
            ring.add([Held(event, render(event, self._id_of(org, event))) for event in events])
        except Exception:  # noqa: BLE001 - commits never wait for a stream; it reads the ledger instead
            ring.held.clear()
            _log.exception("events could not be rendered", organisation=org)

    def _changed(self, credential: Credential) -> None:
        """Follower of credentials: streams of one that ended look at once."""
        for wake in self._of.get(credential.id, ()):
            wake.set()

    def _visible(self, moved: dict[int, int]) -> None:
        """Follower of the views: streams are released at what lists show (DESIGN §2)."""
        for org in moved:
            ring = self._rings.get(org)
            if ring is not None:
                ring.wake()

    def _id_of(self, org: int, event: Event) -> str:
        """Public id of the subject of an event that just happened: its state is still in memory."""
        kind = _SAME.get(event.kind, event.kind)
        if kind not in PREFIXES:
            return ""
        state = self._services.engine.state(org, kind, event.subject)
        nonce = getattr(state, "nonce", None)
        return "" if nonce is None else public_id(kind, event.subject, nonce)

    def open(
        self, who: Principal, after: int | None, kinds: frozenset[str], keep_alive_s: float = KEEP_ALIVE_S
    ) -> AsyncIterator[bytes]:
        """A new stream after a seq (None: from now on). Raises Problem 429 or 503 when there are too many."""
        if sum(self._open.values()) >= STREAMS_MAX:
            raise Problem(
                503, "too_many_streams", "too many streams are open", retryable=True, retry_after_ms=5_000
            )
        if self._open.get(who.credential, 0) >= STREAMS_PER_CREDENTIAL:
            raise Problem(
                429,
                "too_many_streams",
                "too many streams with this credential",
                retryable=True,
                retry_after_ms=5_000,
            )
        return self._run(who, after, kinds, keep_alive_s)

    async def _run(
        self, who: Principal, after: int | None, kinds: frozenset[str], keep_alive_s: float
    ) -> AsyncIterator[bytes]:
        metrics = self._services.metrics
        ring = self._rings.setdefault(who.org, Ring())
        wake = asyncio.Event()
        ring.listeners.add(wake)
        self._of.setdefault(who.credential, set()).add(wake)
        self._open[who.credential] = self._open.get(who.credential, 0) + 1
        metrics.add("streams_current", 1)
        try:
            async for chunk in self._chunks(who, after, kinds, ring, wake, keep_alive_s):
                yield chunk
        finally:
            metrics.add("streams_current", -1)
            ring.listeners.discard(wake)
            self._of[who.credential].discard(wake)
            if not self._of[who.credential]:
                del self._of[who.credential]
            if not ring.listeners:
                self._rings.pop(who.org, None)
            self._open[who.credential] -= 1
            if not self._open[who.credential]:
                del self._open[who.credential]

    async def _chunks(
        self,
        who: Principal,
        after: int | None,
        kinds: frozenset[str],
        ring: Ring,
        wake: asyncio.Event,
        keep_alive_s: float,
    ) -> AsyncIterator[bytes]:
        services = self._services
        loop = asyncio.get_running_loop()
        visible = services.views.seq(who.org)
        cursor = visible if after is None else after
        if not 0 <= visible - cursor <= BEHIND_MAX:
            yield resync(visible, "too_old" if cursor < visible else "ahead")
            cursor = visible
        else:
            yield comment(cursor)
        spoken = checked = loop.time()
        last = services.engine.credentials.get(who.credential)
        while True:
            wake.clear()
            visible = services.views.seq(who.org)
            if visible - cursor > BEHIND_MAX:
                yield resync(visible, "too_far_behind")
                cursor = visible
            while cursor < visible:
                upto = min(visible, cursor + BATCH_EVENTS)
                held = ring.between(cursor, upto)
                if held is None:
                    held = await asyncio.to_thread(self._read, who.org, cursor, upto)
                    made = chunks([entry for entry in held if allowed(who, entry.event, kinds)])
                elif sees_all(who):
                    made = ring.joined(cursor, upto, kinds, held)
                else:
                    made = chunks([entry for entry in held if allowed(who, entry.event, kinds)])
                for chunk in made:
                    yield chunk
                    spoken = loop.time()
                cursor = upto
            now = loop.time()
            known = services.engine.credentials.get(who.credential)
            if now - checked >= CHECK_S or known is not last:
                checked, last = now, known
                if not in_force(services, who):
                    yield b'event: end\ndata: {"code":"unauthenticated"}\n\n'
                    return
            if now - spoken >= keep_alive_s - CHECK_S / 2:
                yield comment(cursor)
                spoken = now
            await _wait(wake, min(CHECK_S, max(0.05, spoken + keep_alive_s - now)), spoken)

    def _read(self, org: int, after: int, upto: int) -> list[Held]:
        """Events of the ledger, with ids from the views. In a thread."""
        rows = self._services.reads.read(org, after, upto - after)
        events = [self._services.decode(data) for _, data, _ in rows]
        ids = self._ids(org, events)
        return [Held(event, render(event, ids.get((event.kind, event.subject), ""))) for event in events]

    def _ids(self, org: int, events: list[Event]) -> dict[tuple[str, int], str]:
        found: dict[tuple[str, int], str] = {}
        for kind, table in _VIEWED.items():
            subjects = {event.subject for event in events if event.kind == kind}
            if subjects:
                marks = ",".join("?" * len(subjects))
                name = _SAME.get(kind, kind)
                sql = f"SELECT {name} AS subject, id FROM {table} WHERE org = ? AND {name} IN ({marks})"  # noqa: S608 - names from code
                for row in self._services.views.rows(sql, (org, *subjects)):
                    found[(kind, row["subject"])] = row["id"]
        return found


def in_force(services: Services, who: Principal) -> bool:
    """Is the credential in force, with the same roles? A changed role begins a new stream."""
    found = services.engine.credentials.get(who.credential)
    now = services.clock()
    if found is None or not found.valid(now):
        return False
    try:
        make = identity.of_agent if who.kind == "agent" else identity.of_person
        return make(services.engine, found, now).roles == who.roles
    except Problem:
        return False


async def _wait(wake: asyncio.Event, timeout_s: float, spoken: float) -> None:
    """Until there is something to see, and until it is time to speak again; at most `timeout_s`."""
    try:
        async with asyncio.timeout(timeout_s):
            await wake.wait()
    except TimeoutError:
        return
    early = spoken + STREAM_COALESCE_MS / 1_000 - asyncio.get_running_loop().time()
    if early > 0:
        await asyncio.sleep(early)


def sees_all(who: Principal) -> bool:
    """Does the role of this caller show every event of the organisation?"""
    return who.kind == "person" and (who.may("admin") or who.may("auditor"))


def allowed(who: Principal, event: Event, kinds: frozenset[str]) -> bool:
    """May this caller see the event, and did they ask for its kind? Agents see what is their own."""
    if kinds and event.kind not in kinds:
        return False
    if who.kind == "agent":
        facts: Any = event.facts
        own = event.kind in ("agent", "trust") and event.subject == who.subject
        return own or getattr(facts, "agent", None) == who.subject
    if event.type.startswith(_PERSONAL):
        return who.may("admin") or who.may("auditor") or event.subject == who.subject
    return True


def render(event: Event, subject_id: str) -> bytes:
    """One event of the stream."""
    shown = Shown(
        event.seq,
        event.at,
        event.type,
        Subject(event.kind, subject_id),
        event.actor,
        event.of,
        event.cause,
        event.correlation,
        event.facts,
    )
    return b"id: %d\ndata: %b\n\n" % (event.seq, _encode(shown))


def chunks(held: list[Held]) -> Iterable[bytes]:
    """Events joined to chunks of bounded size."""
    parts: list[bytes] = []
    size = 0
    for entry in held:
        parts.append(entry.data)
        size += len(entry.data)
        if size >= CHUNK_BYTES:
            yield b"".join(parts)
            parts, size = [], 0
    if parts:
        yield b"".join(parts)


def comment(seq: int) -> bytes:
    """A sign of life that carries the scanned seq, also into the client's Last-Event-ID."""
    return b": seq %d\nid: %d\n\n" % (seq, seq)


def resync(seq: int, reason: str) -> bytes:
    """What lies between is not sent: read the lists again, then go on from here."""
    return b'id: %d\nevent: resync\ndata: {"seq":%d,"reason":"%b"}\n\n' % (seq, seq, reason.encode())
