"""Tasks: accepted, worked on, reported; resumed after a reconnect; dropped when they are somebody else's.

A task belongs to an agent for one *generation*. What an older generation reports is recorded and has no effect, so
whoever loses a task simply stops.
"""

from __future__ import annotations

import asyncio
import contextlib
import inspect
import logging
import threading
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

from watchfloor_agent.canonical import plain
from watchfloor_agent.errors import Denied, Fatal, ProtocolError, Refused, Unavailable, WatchfloorError
from watchfloor_agent.link import Link
from watchfloor_agent.messages import (
    Payload,
    TaskAccepted,
    TaskCompleted,
    TaskFailed,
    TaskProgress,
    TaskRejected,
    TaskResume,
)
from watchfloor_agent.metering import Meter
from watchfloor_agent.received import Resync, TaskAssigned, TaskContinue, TaskReassigned, TaskRecorded

log = logging.getLogger("watchfloor_agent")

Work = Callable[["Task"], Any]
Accept = Callable[["Task"], "bool | str | Awaitable[bool | str]"]
REASON_CHARS_MAX = 4_000
_LOOK_S = 0.2

current_task: ContextVar[Task | None] = ContextVar("watchfloor_task", default=None)


class Task:
    """One assignment. `input` is what the submitter gave; `cancelled` is set when the work has become pointless.

    `going` is cleared while a person holds the task: wait for it between steps (`until_unpaused`). Report progress at
    least every `stuck_ms` (0: no need), or the platform takes the work for stuck.
    """

    def __init__(self, link: Link, assigned: TaskAssigned, answer_ms: int) -> None:
        self._link = link
        self._answer_ms = answer_ms
        self.id = assigned.task_id
        self.generation = assigned.generation
        self.attempt = assigned.attempt
        self.title = assigned.title
        self.description = assigned.description
        self.input = assigned.input
        self.metadata = assigned.metadata
        self.criteria = assigned.criteria
        self.priority = assigned.priority
        self.deadline_at = assigned.deadline_at
        self.timeout_ms = assigned.timeout_ms
        self.stuck_ms = assigned.stuck_ms
        self.going = threading.Event()
        if not assigned.paused:
            self.going.set()
        self.cancelled = threading.Event()
        self.offered = False
        self.accepted = False
        self.reported = False
        self.meter = Meter()

    def __repr__(self) -> str:
        return f"Task({self.id}, generation={self.generation}, title={self.title!r})"

    @property
    def paused(self) -> bool:
        """Does a person hold the task?"""
        return not self.going.is_set()

    async def until_unpaused(self) -> None:
        """Return at once, or when the task goes on."""
        while self.paused:  # noqa: ASYNC110 - one event for work in threads and on the loop
            await asyncio.sleep(_LOOK_S)

    async def progress(self, percent: int, message: str = "", *, blocked: bool = False) -> None:
        """Tell how far the work is, 0 to 100; `blocked` while it waits for something. Never fails the work."""
        report = TaskProgress(
            task_id=self.id,
            generation=self.generation,
            percent=percent,
            status="blocked" if blocked else "running",
            message=message,
        )
        try:
            await self._link.ask(report, patience_ms=self._answer_ms)
        except (Unavailable, Refused) as error:
            log.info("progress of %s: %s", self.id, error)

    def used(self, *, tokens: int | None = None, cost_micro: int | None = None) -> None:
        """Add what was just used, such as by a call of a model; reported when the task is completed or fails."""
        self.meter.add(tokens=tokens, cost_micro=cost_micro)

    async def complete(
        self,
        result: Any = None,
        *,
        report: Any = None,
        tokens: int | None = None,
        cost_micro: int | None = None,
    ) -> TaskRecorded:
        """Report success with plain data. The platform checks the criteria itself. Raises Unavailable, Refused.

        On Unavailable the report is kept and goes out when the connection is back. `tokens` and `cost_micro` are what
        the attempt took beyond its actions; left out, what was metered (`used`).
        """
        completed = TaskCompleted(
            task_id=self.id,
            generation=self.generation,
            result=plain(result),
            report=plain(report),
            **self.meter.said(tokens, cost_micro),
        )
        return await self._report(completed)

    async def fail(self, reason: str, *, retryable: bool = True) -> TaskRecorded:
        """Report that this attempt failed; `retryable`: another may succeed. Raises as `complete`."""
        text = plain(reason.encode("utf-8", "replace").decode())[:REASON_CHARS_MAX]
        failed = TaskFailed(
            task_id=self.id,
            generation=self.generation,
            reason=text,
            retryable=retryable,
            **self.meter.said(None, None),
        )
        return await self._report(failed)

    async def _report(self, report: Payload) -> TaskRecorded:
        self.reported = True
        answer = await self._link.ask(report, patience_ms=self._answer_ms, keep=True)
        if not isinstance(answer, TaskRecorded):
            raise ProtocolError(f"{report.FRAME} was answered by {answer.FRAME}")
        if answer.late:
            log.warning("%s was reported too late and has no effect: it is %s", self.id, answer.status)
        return answer


class TaskBook:
    """The tasks this agent holds, by id."""

    def __init__(self, link: Link, work: Work | None, accept: Accept | None, answer_ms: int) -> None:
        self._link = link
        self._work = work
        self._accept = accept
        self._answer_ms = answer_ms
        self._held: dict[str, tuple[Task, asyncio.Task[None]]] = {}
        self._resuming: set[asyncio.Task[None]] = set()

    def __len__(self) -> int:
        return len(self._held)

    def assigned(self, frame: TaskAssigned) -> None:
        """Work was given; a repetition of what is held already changes nothing."""
        held = self._held.get(frame.task_id)
        if held is not None:
            if held[0].generation >= frame.generation:
                return
            self.dropped(frame.task_id, "it was assigned again")
        task = Task(self._link, frame, self._answer_ms)
        self._held[task.id] = (task, asyncio.create_task(self._live(task), name=f"task {task.id}"))

    def held(self, task_id: str, generation: int, paused: bool) -> None:
        """A person holds the task, or lets it go on."""
        held = self._held.get(task_id)
        if held is not None and held[0].generation == generation:
            (held[0].going.clear if paused else held[0].going.set)()

    def dropped(self, task_id: str, reason: str, generation: int = 0) -> None:
        """The task was cancelled or is somebody else's: stop, and report nothing more.

        News of a generation older than the one that is held are no news; 0 is any.
        """
        held = self._held.get(task_id)
        if held is None or 0 < generation < held[0].generation:
            return
        del self._held[task_id]
        task, job = held
        log.info("%s is dropped: %s", task_id, reason)
        task.reported = True
        task.cancelled.set()
        job.cancel()

    def resume(self) -> None:
        """After a reconnect: ask for every accepted task whether it is still ours."""
        for task, _ in self._held.values():
            if task.accepted and not task.reported:
                asking = asyncio.create_task(self._resume(task))
                self._resuming.add(asking)
                asking.add_done_callback(self._resuming.discard)

    def resynced(self, resync: Resync) -> None:
        """Take the list of open tasks for the truth."""
        listed = {frame.task_id for frame in resync.tasks}
        for task_id in self._held.keys() - listed:
            self.dropped(task_id, "it was closed while the agent was away")
        for frame in resync.tasks:
            self.assigned(frame)

    async def close(self, drain_ms: int) -> None:
        """The agent stops: what is unfinished fails, so that it can be given to another at once."""
        jobs = [job for _, job in self._held.values()]
        for job in jobs:
            job.cancel()
        if jobs:
            await asyncio.wait(jobs, timeout=drain_ms / 1000)

    async def _live(self, task: Task) -> None:
        try:
            refusal = await self._refusal(task)
            if refusal:
                rejected = TaskRejected(task_id=task.id, generation=task.generation, reason=refusal)
                await self._link.ask(rejected, patience_ms=self._answer_ms)
            elif await self._accepted(task):
                await self._worked(task)
        except WatchfloorError as error:
            log.warning("%s: %s", task.id, error)
        except asyncio.CancelledError:
            if task.offered and not task.reported:
                task.cancelled.set()
                with contextlib.suppress(WatchfloorError):
                    await task.fail("the agent was stopped")
            raise
        finally:
            held = self._held.get(task.id)
            if held is not None and held[0] is task:
                del self._held[task.id]

    async def _refusal(self, task: Task) -> str:
        """Why this agent does not take the task; empty when it does."""
        if self._work is None:
            return "this agent takes no tasks"
        if self._accept is None:
            return ""
        said = self._accept(task)
        if inspect.isawaitable(said):
            said = await said
        if isinstance(said, str):
            return said
        return "" if said else "not accepted"

    async def _accepted(self, task: Task) -> bool:
        task.offered = True
        accepted = TaskAccepted(task_id=task.id, generation=task.generation)
        answer = await self._link.ask(accepted, patience_ms=self._answer_ms)
        if not isinstance(answer, TaskRecorded) or answer.late:
            task.reported = True
            log.info("%s is not ours any more: %s", task.id, answer)
            return False
        task.accepted = True
        return True

    async def _worked(self, task: Task) -> None:
        work = self._work
        if work is None:
            return
        current_task.set(task)
        try:
            result = (
                await work(task) if inspect.iscoroutinefunction(work) else await asyncio.to_thread(work, task)
            )
            result = plain(result)
        except Fatal:
            raise
        except Exception as error:
            log.exception("work on %s failed", task.id)
            if not task.reported:
                await task.fail(f"{type(error).__name__}: {error}", retryable=not isinstance(error, Denied))
        else:
            if not task.reported:
                await task.complete(result)

    async def _resume(self, task: Task) -> None:
        resume = TaskResume(task_id=task.id, generation=task.generation)
        try:
            answer = await self._link.ask(resume, patience_ms=self._answer_ms)
        except Unavailable:
            return  # the next session asks again
        except (Refused, Fatal) as error:
            self._drop_if_held(task, str(error))
            return
        if isinstance(answer, TaskReassigned):
            self._drop_if_held(task, answer.reason or "it was reassigned")
        elif not isinstance(answer, TaskContinue | TaskRecorded):
            log.warning("task:resume was answered by %s", answer.FRAME)

    def _drop_if_held(self, task: Task, reason: str) -> None:
        held = self._held.get(task.id)
        if held is not None and held[0] is task:
            self.dropped(task.id, reason)
