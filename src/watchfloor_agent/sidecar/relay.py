"""The always-on link between the server and the spool.

Theory of operation
-------------------
An assignment is written to the spool, then acknowledged; the result is written to the spool, then reported. Both are
said again until the server has recorded them, over as many connections and lives of this process as that takes. After
a reconnect, and after a restart before anything runs, the relay asks for every accepted task whether it is still ours
(`task:resume` with its generation); what is somebody else's is dropped. So the worst a crash does is to wake a command
once more, and never two at a time for one task.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from pathlib import Path

from watchfloor_agent.errors import Fatal, Refused, Unavailable, WatchfloorError
from watchfloor_agent.link import Link
from watchfloor_agent.link import Settings as LinkSettings
from watchfloor_agent.messages import (
    Metrics,
    Payload,
    TaskAccepted,
    TaskCompleted,
    TaskFailed,
    TaskProgress,
    TaskRejected,
    TaskResume,
)
from watchfloor_agent.pacing import Meter
from watchfloor_agent.received import (
    Resync,
    TaskAssigned,
    TaskCancelled,
    TaskPaused,
    TaskReassigned,
    TaskRecorded,
    TaskUnpaused,
    Welcome,
)
from watchfloor_agent.registration import read_key
from watchfloor_agent.remembering import Memory
from watchfloor_agent.rotating import keep_fresh
from watchfloor_agent.sidecar import change
from watchfloor_agent.sidecar.repository import Repository
from watchfloor_agent.sidecar.settings import Settings
from watchfloor_agent.sidecar.spool import ACCEPTED, COMMITTED, DONE, OFFERED, OWED, Kept, Spool
from watchfloor_agent.sidecar.worker import Lost, Work, failed
from watchfloor_agent.version import SDK

log = logging.getLogger("watchfloor_sidecar")

PROGRESS_MS = 1_000  # at most one report of progress in this time
ALIVE_MS = 60_000  # a command that lives is reported at least this often, so that it does not count as stuck
ASK_MS = 10_000  # for what may be lost: progress
DELIVER_MS = (
    5_000  # for reports that are owed when the sidecar stops; what is left goes out at the next start
)


class _Held:
    """One task in this life of the sidecar."""

    def __init__(self, task: TaskAssigned) -> None:
        self.task = task
        self.ours = asyncio.Event()
        self.moved = asyncio.Event()
        self.work: Work | None = None
        self.delivering = False
        self.paused = task.paused
        self.job: asyncio.Task[None] | None = None


class Relay:
    """One agent's sidecar. `serve` runs until `stop` or a Fatal error."""

    def __init__(self, settings: Settings, spool: Spool, folder: Path) -> None:
        self._settings = settings
        self._spool = spool
        self._folder = folder
        self._repository: Repository | None = None
        if settings.git is not None:
            change.check(settings.git.submit)
            self._repository = Repository(settings.git, folder / "git", spool.mark)
        self._key_path = Path(settings.key_file)
        self._held: dict[str, _Held] = {}
        self._ending: dict[str, asyncio.Task[None]] = {}
        self._loose: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(settings.concurrency)
        self._meter = Meter()
        self._keeping: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()
        self._full = False
        self._link = Link(
            LinkSettings(
                url=settings.url,
                api_key=read_key(self._key_path),
                sdk=f"{SDK} sidecar",
                insecure=settings.insecure,
                first_ms=settings.first_ms,
                longest_ms=settings.longest_ms,
            ),
            Memory(folder / "ledger.json"),
            welcomed=self._welcomed,
            pushed=self._pushed,
            measured=self._measured,
        )

    # Life --------------------------------------------------------------------------------------------------------

    async def serve(self) -> None:
        """Relay until `stop`; what is on disk goes on first. Raises Fatal."""
        self._link.running = True
        for kept in self._spool.open():
            self._hold(kept)
        running = asyncio.create_task(self._link.run(), name="watchfloor link")
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not running.done():
                await self._drain()
                await self._link.close(DELIVER_MS if self._link.connected.is_set() else 0)
            await running
        finally:
            stopping.cancel()
            if self._keeping is not None:
                self._keeping.cancel()
            await self._end_all()

    def stop(self) -> None:
        """Take nothing more, let commands finish within the drain time, end them, keep everything on disk."""
        self._stopping.set()

    async def _drain(self) -> None:
        jobs = [held.job for held in self._held.values() if held.job is not None and held.work is not None]
        if jobs:
            log.info("stopping: %d at work get %d ms", len(jobs), self._settings.drain_ms)
            await asyncio.wait(jobs, timeout=self._settings.drain_ms / 1000)
        owed = [held.job for held in self._held.values() if held.job is not None and held.delivering]
        if owed and self._link.connected.is_set():
            await asyncio.wait(owed, timeout=DELIVER_MS / 1000)
        await self._end_all()

    async def _end_all(self) -> None:
        """End every command and forget every job; the spool keeps what is not delivered."""
        jobs = [held.job for held in self._held.values() if held.job is not None]
        for held in list(self._held.values()):
            if held.work is not None:
                held.work.drop()
            elif held.job is not None:
                held.job.cancel()
        if jobs:
            await asyncio.wait(jobs, timeout=self._settings.grace_ms / 1000 + 15)
        if self._ending:
            await asyncio.wait(self._ending.values(), timeout=self._settings.grace_ms / 1000 + 15)
        left = (*jobs, *self._ending.values(), *self._loose)
        for job in left:
            job.cancel()
        await asyncio.gather(*left, return_exceptions=True)
        self._held.clear()

    # What the server says ----------------------------------------------------------------------------------------

    def _welcomed(self, welcome: Welcome) -> None:
        log.info(
            "connected as %s (%s), tier %s", welcome.name or welcome.agent_id, welcome.agent_id, welcome.tier
        )
        for held in self._held.values():
            kept = self._spool.get(held.task.task_id)
            if kept is not None and kept.state in (ACCEPTED, COMMITTED):
                self._loosely(self._resume(held), f"resume {held.task.task_id}")
        if self._keeping is None:
            keeping = keep_fresh(
                self._settings.url,
                welcome.agent_id,
                welcome.seq,
                lambda: self._link.key,
                self._key_path,
                self._use_key,
                self._settings.insecure,
            )
            self._keeping = asyncio.create_task(keeping, name="watchfloor key")

    def _use_key(self, key: str) -> None:
        self._link.key = key

    def _pushed(self, payload: Payload) -> None:
        match payload:
            case TaskAssigned():
                self._assigned(payload)
            case TaskCancelled() | TaskReassigned():
                self._drop(payload.task_id, payload.generation, payload.reason or payload.FRAME)
            case TaskPaused() | TaskUnpaused():
                self._paused(payload.task_id, payload.generation, isinstance(payload, TaskPaused))
            case Resync():
                listed = {task.task_id for task in payload.tasks}
                for held in list(self._held.values()):
                    kept = self._spool.get(held.task.task_id)
                    if held.task.task_id not in listed and kept is not None and kept.state != OWED:
                        self._drop(held.task.task_id, 0, "it was closed while the sidecar was away")
                for task in payload.tasks:
                    self._assigned(task)
                    self._paused(task.task_id, task.generation, task.paused)
            case _:
                log.debug("nothing is done about %s", payload.FRAME)

    def _assigned(self, task: TaskAssigned) -> None:
        """Keep it on disk, then acknowledge; a repetition changes nothing, a newer generation replaces."""
        known = self._spool.get(task.task_id)
        if known is not None and known.generation >= task.generation:
            return
        problem = self._problem()
        if not problem:
            if known is not None and known.state != DONE:
                self._drop(task.task_id, known.generation, "it was assigned again")
            try:
                self._spool.offer(task)
                self._full = False
            except OSError as error:
                self._full = True
                problem = f"the sidecar cannot keep it: {error}"
        if problem:
            log.warning("%s is not taken: %s", task.task_id, problem)
            self._loosely(self._reject(task, problem), f"reject {task.task_id}")
        else:
            self._hold(Kept(task=task, state=OFFERED))

    def _paused(self, task_id: str, generation: int, paused: bool) -> None:
        """A person holds the task, or lets it go on; kept, because a restart must not set it going."""
        held = self._held.get(task_id)
        if held is None or held.task.generation != generation or held.paused == paused:
            return
        log.info("%s %s", task_id, "is paused" if paused else "goes on")
        held.paused = paused
        with contextlib.suppress(OSError):
            self._spool.hold(held.task, paused)
        if held.work is not None:
            held.work.pause(paused)

    def _problem(self) -> str:
        room = self._settings.concurrency + self._settings.queue
        if self._stopping.is_set():
            return "the sidecar is stopping"
        return f"the sidecar holds {len(self._held)} tasks already" if len(self._held) >= room else ""

    def _measured(self) -> tuple[str, Metrics]:
        return "unhealthy" if self._full else "healthy", self._meter.read(len(self._held))

    # Tasks -------------------------------------------------------------------------------------------------------

    def _hold(self, kept: Kept) -> None:
        held = _Held(kept.task)
        self._held[kept.task_id] = held
        held.job = asyncio.create_task(self._live(held, kept), name=f"task {kept.task_id}")

    def _drop(self, task_id: str, generation: int, reason: str) -> None:
        """The work has become pointless: end its command, deliver nothing."""
        held = self._held.get(task_id)
        if held is None or held.delivering or (generation and generation < held.task.generation):
            return  # a report on its way gets its own answer
        del self._held[task_id]
        log.info("%s is dropped: %s", task_id, reason)
        with contextlib.suppress(OSError):
            self._spool.finish(held.task, f"dropped: {reason}"[:500])
        if held.work is not None:
            held.work.drop()
        elif held.job is not None:
            held.job.cancel()
        if held.job is not None and not held.job.done():
            self._ending[task_id] = held.job
            held.job.add_done_callback(lambda job: self._ended(task_id, job))

    def _ended(self, task_id: str, job: asyncio.Task[None]) -> None:
        if self._ending.get(task_id) is job:
            del self._ending[task_id]

    async def _live(self, held: _Held, kept: Kept) -> None:
        """Acknowledge, work, report: from wherever the spool says it stands."""
        try:
            if kept.state == OFFERED and not await self._accepted(held):
                return
            if kept.state != OWED:
                async with self._slots:
                    await held.ours.wait()
                    before = self._ending.get(held.task.task_id)
                    if before is not None:  # never two commands for one task
                        await asyncio.wait({before})
                    await self._worked(held)
            await self._delivered(held)
        except Lost:
            log.info("%s: its command was ended", held.task.task_id)
        except OSError as error:
            self._full = True
            log.error("%s rests until the next start: %s", held.task.task_id, error)
        except WatchfloorError as error:
            if not isinstance(error, Fatal | Unavailable):
                self._drop(held.task.task_id, 0, str(error))
            log.warning("%s: %s", held.task.task_id, error)
        finally:
            if self._held.get(held.task.task_id) is held:
                del self._held[held.task.task_id]

    async def _accepted(self, held: _Held) -> bool:
        task, at = held.task, time.time_ns() // 1000
        accepted = TaskAccepted(task_id=task.task_id, generation=task.generation)
        answer = await self._link.ask(accepted, patience_ms=None, keep=True)
        if not isinstance(answer, TaskRecorded) or answer.late:
            self._spool.finish(task, "it was not ours any more")
            return False
        self._spool.accept(task, at)
        held.ours.set()
        return True

    async def _reject(self, task: TaskAssigned, reason: str) -> None:
        rejected = TaskRejected(task_id=task.task_id, generation=task.generation, reason=reason[:1_000])
        await self._link.ask(rejected, patience_ms=ASK_MS)

    async def _resume(self, held: _Held) -> None:
        """Is it still ours? Fencing: nothing runs before the answer."""
        task = held.task
        try:
            answer = await self._link.ask(
                TaskResume(task_id=task.task_id, generation=task.generation), patience_ms=None
            )
        except Refused as error:
            self._drop(task.task_id, task.generation, str(error))
            return
        if isinstance(answer, TaskReassigned):
            self._drop(task.task_id, task.generation, answer.reason or "it was reassigned")
        else:
            held.ours.set()

    async def _worked(self, held: _Held) -> None:
        kept = self._spool.get(held.task.task_id)
        if kept is None or kept.generation != held.task.generation or kept.state == DONE:
            raise Lost
        if self._stopping.is_set():
            raise Lost
        held.work = work = Work(
            self._settings, self._spool, self._repository, self._folder / "tasks", kept, held.moved.set
        )
        work.pause(held.paused)
        telling = asyncio.create_task(self._tell(held, work))
        try:
            report = await work.report()
        finally:
            telling.cancel()
            held.work = None
        self._spool.owe(report, held.task)
        await asyncio.to_thread(work.clear)

    async def _tell(self, held: _Held, work: Work) -> None:
        """Pass progress on, the newest only; never in the way of the work."""
        often_ms = min(ALIVE_MS, held.task.stuck_ms // 3) if held.task.stuck_ms else ALIVE_MS
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(often_ms / 1000):
                    await held.moved.wait()
            held.moved.clear()
            if work.paused:
                continue
            progress = TaskProgress(
                task_id=held.task.task_id,
                generation=held.task.generation,
                percent=work.heard.percent,
                status="blocked" if work.heard.blocked else "running",
                message=work.heard.message,
            )
            with contextlib.suppress(Unavailable, Refused):
                answer = await self._link.ask(progress, patience_ms=ASK_MS)
                if isinstance(answer, TaskRecorded) and answer.late:
                    self._drop(held.task.task_id, held.task.generation, f"it is {answer.status}")
            await asyncio.sleep(PROGRESS_MS / 1000)

    async def _delivered(self, held: _Held) -> None:
        kept = self._spool.get(held.task.task_id)
        if kept is None or kept.report is None or kept.generation != held.task.generation:
            return
        held.delivering = True
        try:
            answer = await self._link.ask(kept.report, patience_ms=None, keep=True)
        except Refused as refused:
            if not isinstance(kept.report, TaskCompleted):
                self._spool.finish(held.task, f"refused: {refused}"[:500])
                log.error("%s: the report was refused: %s", held.task.task_id, refused)
                return
            self._spool.owe(
                failed(held.task, f"the server refused the result: {refused}", retryable=False), held.task
            )
            await self._delivered(held)
            return
        late = isinstance(answer, TaskRecorded) and answer.late
        self._spool.finish(held.task, "late" if late else kept.report.FRAME)
        why = f": {kept.report.reason}" if isinstance(kept.report, TaskFailed) else ""
        log.info("%s: %s%s%s", held.task.task_id, kept.report.FRAME, ", too late" if late else "", why)

    def _loosely(self, work: object, name: str) -> None:
        """Run something nobody waits for; what goes wrong is said."""

        async def guarded() -> None:
            with contextlib.suppress(Unavailable):
                try:
                    await work  # type: ignore[misc]
                except (Refused, Fatal) as error:
                    log.info("%s: %s", name, error)

        task = asyncio.create_task(guarded(), name=name)
        self._loose.add(task)
        task.add_done_callback(self._loose.discard)
