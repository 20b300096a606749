"""The asynchronous shell around the core: inboxes, the commit loop, timers, checkpoints, followers (DESIGN §2).

One task steps what has queued, in slices of at most 2 ms, and hands the pending batch to the ledger as soon as the last
commit is durable: whatever queued during one commit is the next (natural batching, no timer). Answers, followers and
pushes come after fsync. When a commit fails, every answer of that batch and of everything stepped since is *unknown*,
memory is rebuilt from the store, and nothing is accepted until that has succeeded.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import secrets
from collections import deque
from collections.abc import Callable, Coroutine
from pathlib import Path
from time import perf_counter_ns
from typing import Any

import msgspec

from watchfloor.engine.clock import GuardedClock
from watchfloor.engine.credentials import Credentials
from watchfloor.engine.entropy import Entropy
from watchfloor.engine.inbox import Inbox
from watchfloor.engine.requests import Answer, Done, IdempotencyKey, Lane, Request, nobody_waits
from watchfloor.engine.sequencer import Node, Pending, Sequencer
from watchfloor.engine.signing import Signing
from watchfloor.engine.snapshot import Copy, copy_of
from watchfloor.engine.stops import StopJournal
from watchfloor.kernel.limits import BATCH_EVENTS_MAX, SNAPSHOT_EVENTS, STEP_SLICE_US
from watchfloor.kernel.messages import SYSTEM, Actor, Command, Event, Refused
from watchfloor.kernel.system import Advance, RecordAnomaly
from watchfloor.ledger.contract import Batch, BatchRefused, Ledger, LedgerError
from watchfloor.ledger.snapshots import write_snapshot

_log = logging.getLogger(__name__)

Follower = Callable[[int, list[Event]], None]
_TAKE = 64  # requests stepped between two looks at the clock
_TICK_S = 0.1
_RETRY_S = 1.0
_AGAIN_NS = 5_000_000_000  # commits that fail this near to each other are one failure of the store
_OVERDUE_MAX = 256  # due dates worked off per tick and organisation: a herd is spread over ticks


class Unavailable(Refused):
    """The ledger cannot be written: nothing was done, or the outcome is unknown (the idempotency key settles it)."""

    def __init__(self, detail: str) -> None:
        super().__init__("unavailable", detail, retryable=True, status=503)


class Stats(msgspec.Struct):
    """Counters that metrics read."""

    commits: int = 0
    events: int = 0
    commit_us: int = 0
    last_commit_us: int = 0
    failures: int = 0


class Engine:
    """The one writer of this process. All methods belong to the event loop's thread."""

    def __init__(
        self,
        core: Sequencer,
        ledger: Ledger,
        *,
        clock: GuardedClock,
        stops: StopJournal,
        signing: Signing | None = None,
        node_name: str = "node-1",
        snapshots: Path | None = None,
        snapshot_events: int = SNAPSHOT_EVENTS,
    ) -> None:
        self.core = core
        self.ledger = ledger
        self.clock = clock
        self.stops = stops
        self.signing = signing
        self.node_name = node_name
        self.incarnation = secrets.token_hex(6)
        self.credentials = Credentials(ledger.credentials())
        self.stats = Stats()
        self.read_only = ""  # why nothing is written, "" when all is well
        self._heals = (
            False  # is it the store's failure, over by itself? A suspected history waits for an operator
        )
        self._failed_ns = -_AGAIN_NS  # when a commit failed last
        self._rebuilding = False  # between a failed commit and the state that was built from what is stored
        self._snapshots = snapshots
        self._snapshot_events = snapshot_events
        self._snapshot_at: dict[int, int] = {}  # organisation -> seq of its last snapshot
        self._snapshot_tasks: set[asyncio.Task[None]] = set()
        self._inboxes: dict[int, Inbox] = {}
        self._followers: list[Follower] = []
        self._advancing: set[tuple[int, str]] = set()  # continuations whose next slice is under way
        self._commit_watchers: list[Callable[[int], None]] = []
        # Private parts of the batch that followers are being told of: what is pushed at once costs no read.
        self._fresh: dict[tuple[int, int], tuple[bytes, bytes]] = {}
        self._entropy = Entropy()
        self._wake = asyncio.Event()
        self._released: deque[Pending] = deque()
        self._to_release = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self._inflight: asyncio.Task[bool] | None = None

    # -- life -----------------------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Begin to serve. Organisations were loaded into the core before."""
        for node in self.core.nodes.values():
            self.clock.not_before(node.world.at)
            self._inboxes[node.world.org] = Inbox()
            self._snapshot_at[node.world.org] = node.world.seq
        self._spawn(self._run())
        self._spawn(self._releases())
        self._spawn(self._ticks())
        if self.signing is not None:
            self._spawn(self.signing.run(self))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """Nothing may end these but `stop`: better a server that says it is down than one that does not answer."""
        if not task.cancelled() and task.exception() is not None:
            _log.critical("the engine stands still", exc_info=task.exception())
            self._heals = False
            self.read_only = "the engine stands still: restart the server"

    async def stop(self) -> None:
        """Commit what is queued, sign the last head, end."""
        self._stopping = True
        self._wake.set()
        if self._tasks:
            await asyncio.wait({self._tasks[0]}, timeout=10)
        while self._released:
            await asyncio.sleep(0)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.signing is not None and not self.read_only:
            with contextlib.suppress(LedgerError, OSError):
                await self.signing.sign_now(self)

    def add_organisation(self, public: str) -> int:
        """A new organisation's integer; its first command founds it (with its row in the same commit)."""
        org = max(self.core.nodes, default=0) + 1
        node = self.core.found(org, public)
        self._inboxes[org] = Inbox()
        name_row = (org, public, public, self.clock())
        self.core.pending.batch.organisations.append(name_row)
        del node
        return org

    # -- asking ---------------------------------------------------------------------------------------------------

    def submit(self, request: Request) -> None:
        """Queue a request. Raises Overloaded, or Unavailable while the ledger cannot be written."""
        if self.read_only and not (request.lane is Lane.STOPS and self._heals):
            raise Unavailable(self.read_only)
        self._inboxes[request.org].put(request)
        self._wake.set()

    async def ask(
        self,
        org: int,
        command: Command,
        actor: Actor,
        *,
        of: str = "",
        key: IdempotencyKey | None = None,
        lane: Lane = Lane.PEOPLE,
        correlation: str = "",
        credentials: list[tuple[Any, ...]] | None = None,
        redacts: tuple[int, ...] = (),
        entropy: bytes = b"",
        agent: int = 0,
        frame: int = 0,
        body: str = "",
        dry_run: bool = False,
    ) -> Answer:
        """Submit and wait until it is durable. Raises Refused (Unavailable when the outcome is unknown)."""
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()

        def done(answer: Answer) -> None:
            if not future.done():
                future.set_result(answer)

        self.submit(
            Request(
                org=org,
                command=command,
                actor=actor,
                entropy=entropy or self._entropy.take(),
                of=of,
                correlation=correlation,
                lane=lane,
                agent=agent,
                frame=frame,
                body=body,
                key=key,
                credentials=credentials or [],
                redacts=redacts,
                dry_run=dry_run,
                done=done,
            )
        )
        answer = await future
        if answer.refused is not None:
            raise answer.refused
        if answer.failed:
            raise Unavailable(answer.failed)
        if answer.replayed:
            return msgspec.structs.replace(answer, event=self.event(org, answer.seq))
        return answer

    # -- reading --------------------------------------------------------------------------------------------------

    def node(self, org: int) -> Node:
        return self.core.nodes[org]

    def organisation(self, public: str) -> int | None:
        return self.core.by_public.get(public)

    def head(self, org: int) -> int:
        """The newest committed seq."""
        return self.core.nodes[org].committed

    def state(self, org: int, kind: str, subject: int) -> Any:
        """State of a subject, None when there is none."""
        return self.core.nodes[org].world.read(kind, subject)

    def cell(self, org: int, register: str, key: Any) -> Any:
        return self.core.nodes[org].world.read(register, key)

    def event(self, org: int, seq: int) -> Event | None:
        """One committed event, from the store."""
        row = self.ledger.read_one(org, seq)
        return self.core.catalogue.decode(row[1]) if row is not None else None

    def private(self, org: int, seq: int) -> tuple[bytes, bytes] | None:
        """(salt, private part) of a committed event; None when it has none (any more). For followers, on this thread."""
        return self._fresh.get((org, seq)) or self.ledger.read_private(org, seq)

    def events(self, org: int, after: int, limit: int) -> list[Event]:
        """Committed events with seq > after, in order; from any thread."""
        decode = self.core.catalogue.decode
        return [decode(data) for _, data, _ in self.ledger.read(org, after, limit)]

    def follow(self, follower: Follower) -> None:
        """Call `follower(org, events)` after every commit, in order, on this thread. It must be quick."""
        self._followers.append(follower)

    def queued(self) -> int:
        """Requests waiting in all inboxes."""
        return sum(inbox.size for inbox in self._inboxes.values())

    # -- the loop -------------------------------------------------------------------------------------------------

    async def _run(self) -> None:
        while True:
            if not self.queued() and (self.core.pending.empty or self._inflight is not None):
                if self._stopping and self._inflight is None and self.core.pending.empty:
                    return
                await self._wake.wait()
            self._wake.clear()
            if self._rebuilding:
                await self._wake.wait()
                continue
            await self._slices()
            if self._inflight is None and not self.core.pending.empty:
                pending = self.core.take()
                if self.signing is not None:
                    self.signing.note(self.core, pending)
                self._inflight = asyncio.get_running_loop().create_task(
                    self._commit(pending, self._copies(pending))
                )

    async def _slices(self) -> None:
        """Step what is queued, at most 2 ms at a time, while the pending batch has room."""
        now = self.clock()
        begun = perf_counter_ns()
        while len(self.core.pending.batch.events) < BATCH_EVENTS_MAX:
            any_taken = False
            for inbox in self._inboxes.values():
                if inbox.size:
                    any_taken = True
                    self.core.step(inbox.take(_TAKE), now)
            if not any_taken:
                return
            if perf_counter_ns() - begun > STEP_SLICE_US * 1_000:
                if self._inflight is None:
                    return  # commit what there is while the loop reads more
                await asyncio.sleep(0)
                if self._rebuilding:
                    return  # the commit failed meanwhile: what is queued waits for the state that is really stored
                now = self.clock()
                begun = perf_counter_ns()
        if self._inflight is not None:
            await asyncio.wait({self._inflight})

    def _copies(self, pending: Pending) -> list[Copy]:
        """Copies of state for snapshots that are due, as of the end of this batch."""
        if self._snapshots is None:
            return []
        copies = []
        for org in pending.events:
            node = self.core.nodes[org]
            due = node.world.seq - self._snapshot_at.get(org, 0) >= self._snapshot_events
            if due and node.world.before is None:
                self._snapshot_at[org] = node.world.seq
                copies.append(copy_of(node.world, node.head.chain.head, node.head.tree.edge(), self.clock()))
        return copies

    async def _write_snapshot(self, copy: Copy) -> None:
        assert self._snapshots is not None
        try:
            await write_snapshot(self._snapshots, copy.header, copy.blobs())
        except (LedgerError, OSError) as error:
            _log.warning("no snapshot at seq %d: %s", copy.header.seq, error)
        finally:
            copy.close()

    async def snapshot(self, org: int) -> None:
        """Write a snapshot of the committed state now (only between commits: call it while nothing is queued)."""
        node = self.core.nodes[org]
        quiet = node.world.seq == node.committed and node.world.before is None
        if self._snapshots is not None and quiet:
            await self._write_snapshot(
                copy_of(node.world, node.head.chain.head, node.head.tree.edge(), self.clock())
            )

    async def _commit(self, pending: Pending, copies: list[Copy]) -> bool:
        begun = perf_counter_ns()
        try:
            await self.ledger.commit(pending.batch)
        except LedgerError as error:
            await self._failed(pending, error)
            return False
        except Exception as error:  # not the store's doing: rows that it cannot take
            _log.exception("a batch could not be written")
            await self._failed(pending, BatchRefused(str(error)))
            return False
        spent = (perf_counter_ns() - begun) // 1_000
        stats = self.stats
        stats.commits += 1
        stats.events += len(pending.batch.events)
        stats.commit_us += spent
        stats.last_commit_us = spent
        self.core.committed(pending)
        if pending.batch.credentials:
            self.credentials.committed(pending.batch.credentials)
        self._inflight = None
        self._wake.set()
        for watcher in self._commit_watchers:
            watcher(spent)
        self._released.append(pending)
        self._to_release.set()
        for copy in copies:
            task = asyncio.get_running_loop().create_task(self._write_snapshot(copy))
            self._snapshot_tasks.add(task)
            task.add_done_callback(self._snapshot_tasks.discard)
        return True

    def on_commit(self, watcher: Callable[[int], None]) -> None:
        """Call `watcher(duration_us)` after every commit."""
        self._commit_watchers.append(watcher)

    async def _releases(self) -> None:
        """Answers first, then followers (what they push must not overtake an answer), batch by batch, in slices."""
        while True:
            while not self._released:
                self._to_release.clear()
                await self._to_release.wait()
            pending = self._released.popleft()
            begun = perf_counter_ns()
            for count, owed in enumerate(pending.owed):
                self._tell(owed.request, owed.answer)
                if not count & 127 and perf_counter_ns() - begun > STEP_SLICE_US * 1_000:
                    await asyncio.sleep(0)
                    begun = perf_counter_ns()
            batch = pending.batch
            self._fresh = {(org, seq): (salt, part) for org, seq, salt, part in batch.privates}
            for org, events in pending.events.items():
                for follower in self._followers:
                    try:
                        follower(org, events)
                    except Exception:
                        _log.exception("a follower failed at seq %d", events[-1].seq)
                self._advance(org, self.core.nodes[org])
            self._fresh = {}

    @staticmethod
    def _tell(request: Request, answer: Answer) -> None:
        """What is durable stays so, whatever happens to the one who waits for the answer."""
        try:
            request.done(answer)
        except Exception:
            _log.exception("an answer could not be delivered")

    async def _failed(self, pending: Pending, error: LedgerError) -> None:
        """The batch is lost or unknown: so is everything stepped after it. Rebuild, then serve again."""
        _log.error("commit failed: %s", error)
        self.stats.failures += 1
        retryable = error.retryable
        self.read_only = "the ledger cannot be written" if retryable else "the ledger is being verified"
        self._heals = self._rebuilding = True
        detail = (
            "nothing was written; safe to retry"
            if retryable
            else "the outcome is unknown; the same id settles it"
        )
        for batch in (pending, self.core.take()):
            for owed in batch.owed:
                answer = owed.answer
                # What was refused or only looked at does not depend on the commit.
                self._tell(owed.request, answer if answer.refused is not None else Answer(failed=detail))
        while not self._stopping:
            try:
                if self.ledger.poisoned:
                    await self.ledger.reopen()
                self.core.reload()
                break
            except (LedgerError, OSError) as again:
                _log.error("the ledger stays read-only: %s", again)
                await asyncio.sleep(_RETRY_S)
            except Exception:
                _log.exception("the state cannot be rebuilt, the ledger stays read-only")
                await asyncio.sleep(_RETRY_S)
        if self.signing is not None:
            self.signing.forget()
        self._rebuilding = False
        # One that fails again and again is asked by a commit of nothing (`_try_again`) before it gets work: building the
        # state anew each time would leave the loop no time for stops (fault F9).
        lately, self._failed_ns = self._failed_ns + _AGAIN_NS > perf_counter_ns(), perf_counter_ns()
        if not lately:
            self._writable_again()
        self._inflight = None
        self._wake.set()

    def _writable_again(self) -> None:
        if self._heals and not self.ledger.full and not self.ledger.poisoned:
            self.read_only = ""
            self._heals = False

    # -- time -----------------------------------------------------------------------------------------------------

    async def _ticks(self) -> None:
        while True:
            await asyncio.sleep(_TICK_S)
            try:
                await self._tick()
            except LedgerError as error:
                _log.error("tick: %s", error)
            except Exception:
                _log.exception("tick")

    async def _tick(self) -> None:
        offset = self.clock.check()
        if self.read_only:
            await self._try_again()
            return
        now = self.clock()
        for org, node in self.core.nodes.items():
            try:
                self._due(org, node, offset, now)
            except Exception:
                _log.exception("due dates of organisation %d", org)

    def _due(self, org: int, node: Node, offset: int, now: int) -> None:
        """What time brings to one organisation: anomalies, due dates, work left over."""
        if offset:
            self._own(org, RecordAnomaly(subject=self._organisation(node), offset_ms=offset // 1_000))
        for command in node.timers.overdue(now, _OVERDUE_MAX):
            self._own(org, command)
        self._advance(org, node)

    def _advance(self, org: int, node: Node) -> None:
        """The next slice of whatever is left over, each once at a time; the commit of one asks for the next."""
        for name in node.world.read("continuations", "all") or ():
            if (org, name) not in self._advancing:
                self._advancing.add((org, name))
                self._own(
                    org, Advance(subject=self._organisation(node), name=name), self._advanced(org, name)
                )

    def _advanced(self, org: int, name: str) -> Done:
        return lambda _: self._advancing.discard((org, name))

    @staticmethod
    def _organisation(node: Node) -> int:
        return int(node.world.read("names", "organisation") or 1)

    def _own(self, org: int, command: Command, done: Done = nobody_waits) -> None:
        """A command of the engine's own: due dates, continuations, anomalies."""
        self._inboxes[org].put(
            Request(
                org=org,
                command=command,
                actor=SYSTEM,
                entropy=self._entropy.take(),
                lane=Lane.PEOPLE,
                done=done,
            )
        )
        self._wake.set()

    async def _try_again(self) -> None:
        """Read-only because the store failed: an empty essential commit shows whether it can be written again."""
        if self._heals and self._inflight is None and not self.ledger.poisoned:
            self._inflight = asyncio.get_running_loop().create_task(self._probe())
            await asyncio.wait({self._inflight})

    async def _probe(self) -> bool:
        try:
            await self.ledger.commit(Batch(essential=True))
        except LedgerError:
            return False
        finally:
            self._inflight = None
            self._wake.set()
        self._writable_again()
        return True
