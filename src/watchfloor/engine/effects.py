"""The follower that does things in the world: every effect an event wishes for is done at least once (DESIGN §2).

Theory of operation
-------------------
`apply` is called on the event loop's thread after every commit. It asks `react`, a pure function of the event, and
queues what comes of it. One task writes rows and cursor in one transaction, leases what is due, and lets executors
perform it, at most IN_FLIGHT_MAX at a time. A failed attempt comes back after a back-off that doubles; one that says
it is useless, or the last, ends in `failed`, where people see it and may retry.

Between doing and marking lies a gap that nobody can close: a process that dies in it does the effect again. So an
executor is idempotent, and hands the receiver `idempotency_key(event, effect)`, which is the same every time.

The queue is a shortcut, never the truth: an organisation that fell behind (a start, a full queue, a disk that refuses)
is read from the ledger, from its cursor. Showing an event twice finds its row there already.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from watchfloor.engine.effect_rows import (
    DONE,
    FAILED,
    PENDING,
    EffectRows,
    Leased,
    NewRow,
    Outcome,
    Turn,
)
from watchfloor.kernel.instants import DAY, MILLISECOND, SECOND
from watchfloor.kernel.messages import Effect, Event

IN_FLIGHT_MAX = (
    160  # executors at the same time: they wait for others most of the time; each may hold a socket
)
QUEUE_MAX = 10_000  # effects queued while the disk refuses; what comes on top is read from the ledger later
PAGE_EVENTS = 1_000  # read from the ledger at a time
BACKOFF_FIRST_MS = 1_000
BACKOFF_MAX_MS = 300_000
HELD_MS = 1_000  # how long an effect under a stop rests before the stop is looked at again
LEASE_SPARE_US = 30 * SECOND  # the executor is cut off first; only a row whose outcome got lost runs into it
CURSOR_EVERY_US = 10 * SECOND  # cursors of organisations without effects: saves an fsync per commit
PRUNE_EVERY_US = 60 * SECOND
DONE_KEPT_US = DAY
FAILED_KEPT_US = 30 * DAY
ERROR_CHARS_MAX = 500

Executor = Callable[[int, Event, Any], Awaitable[None]]  # (org, event, effect)
React = Callable[[Event], list[Effect]]
ReadEvents = Callable[[int, int, int], list[Event]]  # (org, after, limit); any thread
Stopped = Callable[[int, Event, Effect], str]  # why it must not be done now, "" when nothing holds it
_log = logging.getLogger(__name__)
_T = TypeVar("_T")


class Undeliverable(Exception):
    """Raised by an executor: another attempt would end the same way."""


class Registration(msgspec.Struct, frozen=True, kw_only=True):
    """How one type of effect is done. An attempt that takes longer than `lease_ms` is cancelled and has failed.

    `at_once` keeps a slow type from taking every place, `per_destination` (0: no bound) a slow destination of it.
    """

    executor: Executor
    at_once: int = 8
    per_destination: int = 0
    lease_ms: int = 60_000
    attempts_max: int = 8  # with doubling from 1 s: about two minutes of trying


def idempotency_key(event: Event, effect: Effect) -> str:
    """What makes a repeated effect recognisable to its receiver: 32 hex digits of organisation, event, destination."""
    return sha256(f"{event.org}\n{event.seq}\n{event.at}\n{effect.destination}".encode()).hexdigest()[:32]


def backoff_us(attempts: int, jitter: float) -> int:
    """Rest after this many attempts: doubled each time, between half and all of it by `jitter` in [0, 1)."""
    whole = min(BACKOFF_MAX_MS, BACKOFF_FIRST_MS << min(attempts - 1, 20))
    return int(whole * (0.5 + jitter / 2)) * MILLISECOND


def _never(org: int, event: Event, effect: Effect) -> str:  # noqa: ARG001 - a predicate of this shape
    return ""


class Effects:
    """The effects of every organisation in one file. All methods belong to the event loop's thread."""

    def __init__(
        self,
        path: Path,
        *,
        react: React,
        executors: Mapping[type[Effect], Registration],
        read: ReadEvents,
        clock: Callable[[], int],
        stopped: Stopped = _never,
        jitter: Callable[[], float] = random.random,
        in_flight_max: int = IN_FLIGHT_MAX,
        queue_max: int = QUEUE_MAX,
    ) -> None:
        self._rows = EffectRows(path)
        self._react = react
        self._registered = {kind.__name__: registration for kind, registration in executors.items()}
        self._decoders = {kind.__name__: msgspec.json.Decoder(kind) for kind in executors}
        self._leases_us = {n: r.lease_ms * MILLISECOND + LEASE_SPARE_US for n, r in self._registered.items()}
        self._each = {n: r.per_destination for n, r in self._registered.items() if r.per_destination}
        self._read = read
        self._clock = clock
        self._stopped = stopped
        self._jitter = jitter
        self._in_flight_max = in_flight_max
        self._queue_max = queue_max
        self._new: list[NewRow] = []
        self._outcomes: list[Outcome] = []
        self._heads: dict[int, int] = {}
        self._behind: dict[
            int, int
        ] = {}  # organisation → seq up to which it was looked at; the rest is in the ledger
        self._written: dict[int, int] = {}  # cursors as stored
        self._cursors_at = 0
        self._pruned_at = 0
        self._performing: dict[asyncio.Task[None], Leased] = {}
        self._wake = asyncio.Event()
        self._runner: asyncio.Task[None] | None = None
        self._thread = ThreadPoolExecutor(1, "effects")
        self._ending = False
        self._opened = False
        self.trouble = ""  # why nothing is written at the moment, for health

    # Life -------------------------------------------------------------------------------------------------------

    async def start(self, heads: Mapping[int, int]) -> None:
        """Open the file and go on where the process before ended. Raises EffectsDamaged; a file that cannot be opened
        now (a full disk) is `trouble`, tried again, and no reason not to serve."""
        self._heads = dict(heads)
        self._cursors_at = self._pruned_at = self._clock()
        try:
            await self._open()
        except sqlite3.OperationalError as error:
            self.trouble = _told(error)
        self._runner = asyncio.get_running_loop().create_task(self._run())
        self._wake.set()

    async def _open(self) -> None:
        if self._opened:
            return
        self._written = await self._off(self._rows.open, dict(self._heads))
        await self._off(self._rows.orphaned, set(self._registered))
        for org, head in self._heads.items():
            if self._written.get(org, 0) < head:
                self._behind[org] = self._written.get(org, 0)
        self._opened = True

    async def close(self, grace_ms: int = 5_000) -> None:
        """No new attempts; those under way get `grace_ms`, then they are cut off and tried again at the next start."""
        if self._runner is None:
            return
        self._ending = True
        if self._performing:
            await asyncio.wait(self._performing, timeout=grace_ms / 1_000)
        for task in self._performing:
            task.cancel()
        await asyncio.gather(*self._performing, return_exceptions=True)
        self._wake.set()
        with contextlib.suppress(sqlite3.Error):
            await self._runner
        if self._opened:
            await self._off(self._rows.close)
        self._thread.shutdown()
        self._runner = None

    # Following --------------------------------------------------------------------------------------------------

    def apply(self, org: int, events: list[Event]) -> None:
        """Look at committed events, in order. Quick; never raises. Those seen before are skipped."""
        head = self._heads.get(org, 0)
        if not events or events[-1].seq <= head:
            return
        self._heads[org] = events[-1].seq
        if org in self._behind or events[0].seq > head + 1 or len(self._new) >= self._queue_max:
            self._behind.setdefault(org, head)
            self._wake.set()
            return
        before = len(self._new)
        self._look(org, events, head)
        if len(self._new) > before:
            self._wake.set()

    def _look(self, org: int, events: list[Event], after: int) -> None:
        """Queue the rows of these events. A reaction that fails is a row too: nothing is lost in silence."""
        react = self._react
        for event in events:
            if event.seq <= after:
                continue
            try:
                wished = react(event)
            except Exception as error:  # noqa: BLE001 - a fault in one flow must not stop the others
                _log.exception("effects of event %d of organisation %d", event.seq, org)
                self._new.append(NewRow(org, event.seq, "", "", b"", "", self._clock(), _told(error)))
                continue
            for effect in wished:
                name, body = type(effect).__name__, msgspec.json.encode(effect)
                key = idempotency_key(event, effect)
                self._new.append(NewRow(org, event.seq, effect.destination, name, body, key, self._clock()))

    # Looking ----------------------------------------------------------------------------------------------------

    async def counts(self) -> dict[str, int]:
        """Rows by state: pending, leased, done, failed."""
        return await self._off(self._rows.counts)

    async def rows(self, state: str, limit: int = 100) -> list[dict[str, object]]:
        """Rows in a state, oldest first."""
        return await self._off(self._rows.rows, state, limit)

    async def retry(self, org: int, seq: int, destination: str) -> bool:
        """Try a failed row again with all its attempts; False when there is no such row."""
        found = await self._off(self._rows.retry, org, seq, destination, self._clock())
        self._wake.set()
        return found

    def wake(self) -> None:
        """Look at the clock and the stops again now (a stop was lifted, time was set forward)."""
        self._wake.set()

    # The one task -----------------------------------------------------------------------------------------------

    async def _off(self, work: Callable[..., _T], *arguments: Any) -> _T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)

    async def _run(self) -> None:
        failures = 0
        while True:
            self._wake.clear()
            met: list[str] = []
            turn = None
            await self._try(self._open(), met)
            if self._opened:
                await self._try(self._catch_up(), met)
                turn = await self._try(self._turn(), met)
                for row in turn.leased if turn is not None else ():
                    self._begin(row)
                await self._try(self._prune(), met)
            trouble = "; ".join(met)
            if trouble and trouble != self.trouble:
                _log.error("effects: %s", trouble)
            self.trouble = trouble
            if self._ending and (turn is None or not (self._performing or self._outcomes)):
                return
            failures = failures + 1 if met else 0
            await self._rest(min(10.0, 0.1 * 2**failures) if failures else self._idle_s(turn))

    async def _try(self, work: Awaitable[_T], met: list[str]) -> _T | None:
        """Its result; None, and what it met, when it fails: it comes back, and nothing is lost meanwhile."""
        try:
            return await work
        except Exception as error:  # noqa: BLE001 - the disk, the ledger: whatever it is may heal
            met.append(_told(error))
            return None

    def _idle_s(self, turn: Turn | None) -> float:
        """How long there is nothing to do, unless somebody wakes us."""
        if self._behind and len(self._new) < self._queue_max and not self._ending:
            return 0.0
        idle_us = CURSOR_EVERY_US
        if turn is not None and turn.next_at:
            idle_us = min(idle_us, max(0, turn.next_at - self._clock()))
        return idle_us / SECOND

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._wake.wait()

    async def _turn(self) -> Turn:
        """One transaction, when there is a reason for one."""
        now = self._clock()
        new, outcomes = list(self._new), list(self._outcomes)
        cursors = self._cursors() if new or self._ending or now - self._cursors_at >= CURSOR_EVERY_US else {}
        free = {} if self._ending else self._free()
        most = self._in_flight_max - len(self._performing)
        turn = await self._off(
            self._rows.turn, now, new, cursors, outcomes, free, most, self._leases_us, self._each
        )
        del self._new[: len(new)]
        del self._outcomes[: len(outcomes)]
        if cursors:
            self._written.update(cursors)
            self._cursors_at = now
        return turn

    def _free(self) -> dict[str, int]:
        """Places that each type has left, the type with the fewest under way first."""
        taken: dict[str, int] = {}
        for row in self._performing.values():
            taken[row.type] = taken.get(row.type, 0) + 1
        kinds = sorted(self._registered, key=lambda kind: taken.get(kind, 0))
        return {kind: self._registered[kind].at_once - taken.get(kind, 0) for kind in kinds}

    def _cursors(self) -> dict[int, int]:
        """Where each organisation was looked at up to, as far as it is not stored."""
        looked = {org: self._behind.get(org, head) for org, head in self._heads.items()}
        return {org: seq for org, seq in looked.items() if seq > self._written.get(org, 0)}

    async def _catch_up(self) -> None:
        """One page for one organisation that fell behind."""
        if not self._behind or len(self._new) >= self._queue_max or self._ending:
            return
        org = next(iter(self._behind))
        seen = self._behind[org] = self._behind.pop(
            org
        )  # to the end: one that cannot be read holds up nobody
        events = await asyncio.to_thread(self._read, org, seen, PAGE_EVENTS)
        if not events:
            raise LookupError(f"organisation {org}: the ledger gives nothing after seq {seen}")
        self._look(org, events, seen)
        self._behind[org] = events[-1].seq
        if events[-1].seq >= self._heads[org]:
            self._heads[org] = events[-1].seq
            del self._behind[org]

    async def _prune(self) -> None:
        now = self._clock()
        if now - self._pruned_at >= PRUNE_EVERY_US:
            self._pruned_at = now
            await self._off(self._rows.prune, now - DONE_KEPT_US, now - FAILED_KEPT_US)

    # Performing -------------------------------------------------------------------------------------------------

    def _begin(self, row: Leased) -> None:
        if any(row[:3] == under_way[:3] for under_way in self._performing.values()):
            return  # its lease ran out, by a clock that jumped, while it is still being done
        task = asyncio.get_running_loop().create_task(self._perform(row))
        self._performing[task] = row
        task.add_done_callback(self._performed)

    def _performed(self, task: asyncio.Task[None]) -> None:
        self._performing.pop(task, None)
        self._wake.set()

    async def _perform(self, row: Leased) -> None:
        """One attempt and what became of it."""
        try:
            outcome = await self._attempt(row)
        except asyncio.CancelledError as error:
            if self._ending:
                raise  # the row stays leased, the next start takes it up
            outcome = self._failed(row, error)
        except Undeliverable as error:
            outcome = self._outcome(row, FAILED, error=_told(error))
        except Exception as error:  # noqa: BLE001 - whatever an executor raises is a failed attempt
            outcome = self._failed(row, error)
        self._outcomes.append(outcome)

    async def _attempt(self, row: Leased) -> Outcome:
        registration = self._registered[row.type]
        events = await asyncio.to_thread(self._read, row.org, row.seq - 1, 1)
        if not events or events[0].seq != row.seq:
            raise LookupError(f"event {row.seq} of organisation {row.org} cannot be read")
        effect = self._decoders[row.type].decode(row.body)
        held = self._stopped(row.org, events[0], effect)
        if held:
            return self._outcome(row, PENDING, HELD_MS * MILLISECOND, f"held by {held}", counted=False)
        async with asyncio.timeout(registration.lease_ms / 1_000):
            await registration.executor(row.org, events[0], effect)
        return self._outcome(row, DONE)

    def _failed(self, row: Leased, error: BaseException) -> Outcome:
        registration = self._registered[row.type]
        if row.attempts >= registration.attempts_max:
            return self._outcome(row, FAILED, error=_told(error))
        return self._outcome(row, PENDING, backoff_us(row.attempts, self._jitter()), _told(error))

    def _outcome(
        self, row: Leased, state: str, rest_us: int = 0, error: str = "", *, counted: bool = True
    ) -> Outcome:
        now = self._clock()
        return Outcome(row.org, row.seq, row.destination, state, now, now + rest_us, error, counted)


def _told(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"[:ERROR_CHARS_MAX]
