"""The follower that keeps SQL views: fed after every commit, written every ≤ 40 ms, read by people (DESIGN §2).

Theory of operation
-------------------
`apply` is called on the event loop's thread after every commit and only queues. One thread takes everything that has
queued, projects and folds it, and writes it in one transaction together with the cursor of each organisation; then it
tells the loop how far readers can see. The first event after a rest is written at once, further ones gather for the
interval.

The queue is a shortcut, never the truth: what is missing between cursor and head is read back from the ledger. So a
full queue drops what does not fit, an error forgets what was taken, a restart begins at the cursor, and all three
heal in the same way. Nobody waits for this thread except readers who ask for a `min_seq`.

A table with a new version is built beside its old one while the others are fed; until it has caught up, readers see
the old one and `seq` stays where that stopped. A file that is damaged, was left behind by a machine that went down, or is ahead of the ledger
is built anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from watchfloor.engine.exploring import Found, Scope, query
from watchfloor.engine.projections import EVERY, PROJECTORS, TABLES
from watchfloor.engine.view_reads import Readers, is_damage
from watchfloor.engine.view_writer import Writer
from watchfloor.kernel.limits import INTEGER_MAX, VIEW_INTERVAL_MS, VIEW_WAIT_MS
from watchfloor.kernel.messages import Event, Facts
from watchfloor.kernel.projection import Projector, Table

QUEUE_EVENTS_MAX = 50_000  # about 100 MB of decoded events; what comes on top is read back from the ledger
BATCH_EVENTS_MAX = 5_000  # one transaction: keeps the log short and readers' steps small
PAGE_EVENTS = 1_000  # read from the ledger at a time
RETRY_MS_MAX = 10_000  # between attempts while the disk is full or a projector is wrong

ReadEvents = Callable[
    [int, int, int], list[Event]
]  # (org, after, limit) -> committed events in order; any thread
_log = logging.getLogger(__name__)


class ViewBehind(Exception):
    """Views have not come to the seq that was asked for (`view_behind`, 503, safe to retry)."""

    def __init__(self, org: int, seq: int, visible: int) -> None:
        super().__init__(f"views of organisation {org} are at seq {visible}, not yet at {seq}")
        self.org, self.seq, self.visible = org, seq, visible


class ViewStore:
    """The views of every organisation in one file. `read` must be callable from any thread."""

    def __init__(
        self,
        path: Path,
        tables: Sequence[Table] = TABLES,
        projectors: Mapping[type[Facts], Projector] = PROJECTORS,
        every: Sequence[Projector] = EVERY,
        *,
        read: ReadEvents,
        interval_ms: int = VIEW_INTERVAL_MS,
        queue_events_max: int = QUEUE_EVENTS_MAX,
    ) -> None:
        self.tables = tuple(tables)
        self._writer = Writer(path, tables, projectors, every)
        self._readers = Readers(path)
        self._path = path
        self._read = read
        self._interval_s = interval_ms / 1_000
        self._queue_max = queue_events_max
        self._queue: deque[tuple[int, Sequence[Event], float]] = deque()
        self._heads: dict[int, int] = {}
        self._visible: dict[int, int] = {}
        self._arrived = 0  # sum of heads; written by the loop's thread only …
        self._done = 0  # … sum of cursors; by the writer's only: their difference needs no lock
        self._lag_since = 0.0  # when the oldest event that is being written came
        self._dropped = 0  # how often the queue was full; the loop's thread only
        self._noticed = 0  # how much of that was read back; the writer's thread only
        self._holes = True  # something between cursor and head is not in the queue
        self._opened = False
        self._damaged = False  # a reader found the file to be so
        self._wake = threading.Event()
        self._ending = threading.Event()
        self._orders: deque[tuple[Callable[[], None], asyncio.Future[None]]] = deque()
        self._waiters: dict[int, list[tuple[int, asyncio.Future[None]]]] = {}
        self._followers: list[Callable[[dict[int, int]], None]] = []
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self.trouble = ""  # why nothing is written at the moment, for health; empty: all is well

    # Life -------------------------------------------------------------------------------------------------------

    async def start(self, heads: Mapping[int, int]) -> None:
        """Open the file and begin to catch up with `heads` (organisation → committed seq); `wait` tells when that is
        done. A file that cannot be opened now is `trouble`, tried again, and no reason not to serve."""
        self._loop = asyncio.get_running_loop()
        self._heads = dict(heads)
        self._arrived = sum(heads.values())
        try:
            await asyncio.to_thread(self._open)
        except sqlite3.OperationalError as error:
            self.trouble = f"{type(error).__name__}: {error}"
        self._lag_since = time.monotonic()
        self._thread = threading.Thread(target=self._run, name="views", daemon=True)
        self._thread.start()
        self._wake.set()

    async def close(self) -> None:
        """Write what is queued, make the file durable, end the thread."""
        if self._thread is None:
            return
        self._ending.set()
        self._wake.set()
        await asyncio.to_thread(self._thread.join)
        self._thread = None
        self._readers.close()
        for waiters in self._waiters.values():
            for _, future in waiters:
                future.cancel()

    # Following --------------------------------------------------------------------------------------------------

    def apply(self, org: int, events: Sequence[Event]) -> None:
        """Queue committed events, in order. On the loop's thread; costs a list append. Events seen before are skipped."""
        fresh = events[-1].seq - self._heads.get(org, 0) if events else 0
        if fresh <= 0:
            return
        if self._arrived - self._done < self._queue_max:
            self._queue.append((org, events, time.monotonic()))
        else:
            self._dropped += 1
        self._arrived += fresh
        self._heads[org] = events[-1].seq
        if not self._wake.is_set():
            self._wake.set()

    def follow(self, callback: Callable[[dict[int, int]], None]) -> None:
        """Call back on the loop's thread after every write with the organisations that moved and their visible seq."""
        self._followers.append(callback)

    @property
    def lag_events(self) -> int:
        """Committed events that readers cannot see yet."""
        return self._arrived - self._done

    @property
    def lag_ms(self) -> int:
        """Age of the oldest of them."""
        if self._arrived == self._done:
            return 0
        try:
            since = self._lag_since or self._queue[0][2]
        except IndexError:
            return 0
        return int((time.monotonic() - since) * 1_000)

    @property
    def rebuilding(self) -> list[str]:
        """Tables that are being built in a new version; readers see the old one meanwhile."""
        return self._writer.rebuilding

    # Reading ----------------------------------------------------------------------------------------------------

    def seq(self, org: int) -> int:
        """The seq up to which readers see everything."""
        return self._visible.get(org, 0)

    async def wait(self, org: int, seq: int, timeout_ms: int = VIEW_WAIT_MS) -> None:
        """Return when readers see `seq`. Raises ViewBehind after `timeout_ms`."""
        if self.seq(org) >= seq:
            return
        future = asyncio.get_running_loop().create_future()
        waiters = self._waiters.setdefault(org, [])
        entry = (seq, future)
        waiters.append(entry)
        try:
            if self.seq(org) < seq:  # it may have come between the first look and the entry
                async with asyncio.timeout(timeout_ms / 1_000):
                    await future
        except TimeoutError:
            raise ViewBehind(org, seq, self.seq(org)) from None
        finally:
            if entry in waiters:
                waiters.remove(entry)

    def rows(self, sql: str, params: Sequence[Any] | Mapping[str, Any] = ()) -> list[dict[str, Any]]:
        """Rows of one SELECT over the documented tables (docs/views.md), each as a dict. From any thread; blocking,
        so from the loop through `asyncio.to_thread`. Raises sqlite3.OperationalError `interrupted` after 5 s."""
        try:
            return self._readers.rows(sql, params)
        except sqlite3.DatabaseError as error:
            if is_damage(error):
                self._damaged = True
                self._wake.set()
            raise

    def newest_of_agent(
        self,
        org: int,
        agent: int,
        limit: int,
        before: int = INTEGER_MAX,
        where: str = "",
        params: Mapping[str, Any] | None = None,
    ) -> list[dict[str, Any]]:
        """Rows of `actions` of one agent below the action `before`, newest first. `WHERE agent = …` alone would read
        backwards through everybody's actions. `where` is SQL from code over `a`, its values in `params` by name."""
        before = min(before, self._heads.get(org, 0) + 1)
        return self._readers.newest_of_agent(org, agent, before, limit, where, params)

    def explore(self, sql: str, scope: Scope) -> Found:
        """One of people's own queries (exploring.py). In a thread. Raises Refused."""
        return query(self._path, sql, scope)

    def fingerprint(self, org: int) -> str:
        """SHA-256 over every stored row of an organisation: equal for live and rebuilt views (law *Replay*)."""
        return self._readers.fingerprint(self.tables, org)

    # The writer's thread ----------------------------------------------------------------------------------------

    async def rebuild(self) -> None:
        """Throw every view away and begin again at the first event. Returns when readers see that; `wait` for the rest."""
        future = asyncio.get_running_loop().create_future()
        self._orders.append((self._begin_again, future))
        self._wake.set()
        await future

    def _open(self) -> None:
        self._writer.open(self._heads)
        self._opened = True
        self._done = sum(self._writer.cursor.values())
        self._visible = {org: self._writer.visible(org) for org in self._heads}

    def _begin_again(self) -> None:
        with self._readers.replacing():
            self._opened = False
            self._writer.discard()
            self._open()
        self._damaged = False
        self._holes = True

    def _run(self) -> None:
        failures = 0
        rested = time.monotonic() - self._interval_s
        while True:
            self._wake.wait()
            if not self._ending.is_set():
                self._ending.wait(max(0.0, rested + self._interval_s - time.monotonic()))
            self._wake.clear()
            rested = time.monotonic()
            try:
                self._obey()
                more = self._advance()
                failures = 0
                self.trouble = ""
            except Exception as error:  # noqa: BLE001 - whatever it is, the ledger has everything and we come back
                more = True
                failures += 1
                self._recover(error)
                if not self._ending.is_set():
                    self._ending.wait(min(RETRY_MS_MAX, 50 * 2**failures) / 1_000)
            if self._ending.is_set() and (not more or failures):
                break
            if more:
                rested -= self._interval_s
                self._wake.set()
        self._end()

    def _obey(self) -> None:
        if not self._opened:
            self._open()
        if self._damaged:
            self._begin_again()
        while self._orders:
            order, future = self._orders.popleft()
            assert self._loop is not None
            try:
                order()
            except BaseException as error:
                self._loop.call_soon_threadsafe(_tell, future, error)
                raise
            self._loop.call_soon_threadsafe(_tell, future, None)

    def _advance(self) -> bool:
        """Take what is queued, write it, close holes, build a little. Returns whether there is more to do at once."""
        dropped = self._dropped
        holes = self._holes or dropped != self._noticed
        self._holes, self._noticed = False, dropped
        heads = dict(self._heads) if holes else {}
        taken = 0
        while self._queue and taken < BATCH_EVENTS_MAX:
            org, events, at = self._queue.popleft()
            self._lag_since = self._lag_since or at
            if events[0].seq > self._writer.position.get(org, 0) + 1:
                self._fill(org, events[0].seq - 1)
            self._writer.add(org, events)
            taken += len(events)
        self._commit()
        if self._queue:
            self._holes = self._holes or holes
            return True
        for org, head in heads.items():
            self._fill(org, head)
        self._commit()
        if not self._queue:
            self._lag_since = 0.0
        return self._build() or bool(self._queue) or self._holes

    def _fill(self, org: int, upto: int) -> None:
        """Read back from the ledger what is missing up to `upto`."""
        while (position := self._writer.position.get(org, 0)) < upto:
            events = self._read(org, position, min(PAGE_EVENTS, upto - position))
            if not events:
                raise LookupError(
                    f"organisation {org}: nothing after seq {position} in the ledger, of {upto}"
                )
            self._writer.add(org, events)
            self._commit()
            if self._ending.is_set():
                self._holes = True
                raise InterruptedError("closing; the rest is read at the next start")

    def _commit(self) -> None:
        before = dict(self._writer.cursor)
        moved = self._writer.commit()
        if moved:
            self._done += sum(seq - before.get(org, 0) for org, seq in moved.items())
            self._publish({org: self._writer.visible(org) for org in moved})

    def _build(self) -> bool:
        """One page of a table's new version; the switch when all have caught up. Returns whether there is more."""
        if not self._writer.rebuilding or self._ending.is_set():
            return False
        org = self._writer.behind()
        if org is None:
            self._writer.switch()
            self._publish({org: self._writer.visible(org) for org in self._writer.cursor})
            return False
        self._writer.build(org, self._read(org, self._writer.building.get(org, 0), PAGE_EVENTS))
        self._publish({org: self._writer.visible(org)})
        return True

    def _recover(self, error: Exception) -> None:
        """Forget what was taken; when the file itself is damaged, begin again."""
        if isinstance(error, InterruptedError):
            return
        self.trouble = f"{type(error).__name__}: {error}"[:500]
        _log.error("views are not written: %s", self.trouble, exc_info=error)
        self._holes = True
        if not self._opened:
            return
        try:
            self._writer.forget()
            if is_damage(error):
                _log.warning("views are damaged and built anew")
                self._begin_again()
        except sqlite3.Error as again:
            _log.error("views: %s", again)

    def _end(self) -> None:
        try:
            if self._opened:
                self._writer.close()
        except sqlite3.Error as error:
            _log.warning("views were not closed in order and may be built anew: %s", error)

    def _publish(self, moved: dict[int, int]) -> None:
        self._visible.update(moved)
        loop = self._loop
        if loop is not None and (self._waiters or self._followers):
            with contextlib.suppress(RuntimeError):  # the loop has ended: nobody waits any more
                loop.call_soon_threadsafe(self._announce, moved)

    def _announce(self, moved: dict[int, int]) -> None:
        for org, seq in moved.items():
            for wanted, future in self._waiters.get(org, ()):
                if wanted <= seq and not future.done():
                    future.set_result(None)
        for follower in self._followers:
            follower(moved)


def _tell(future: asyncio.Future[None], error: BaseException | None) -> None:
    if future.done():
        return
    if error is None:
        future.set_result(None)
    else:
        future.set_exception(error)
