"""An agent's life: start, serve, stop; on the caller's loop, on its own, or on a thread of its own."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import logging
import signal
import threading
from collections.abc import Awaitable, Iterator, Sequence
from pathlib import Path
from typing import Literal, TypeVar

from watchfloor_agent.actions import Actions
from watchfloor_agent.delegating import Desk
from watchfloor_agent.errors import ConfigurationError, Fatal, Unavailable
from watchfloor_agent.judging import Judge, Judging
from watchfloor_agent.link import Link, Settings
from watchfloor_agent.messages import Metrics, Payload
from watchfloor_agent.pacing import Meter
from watchfloor_agent.received import (
    ActionDecided,
    ActionStopped,
    ConfigUpdated,
    Resync,
    SupervisionChanged,
    TaskAssigned,
    TaskCancelled,
    TaskPaused,
    TaskReassigned,
    TaskResult,
    TaskUnpaused,
    Welcome,
)
from watchfloor_agent.remembering import Memory
from watchfloor_agent.rotating import keep_fresh
from watchfloor_agent.talking import Conversations, Talk
from watchfloor_agent.tasks import Accept, TaskBook, Work

log = logging.getLogger("watchfloor_agent")

R = TypeVar("R")

NOT_RUNNING = "the agent is not running: use `async with agent:`, `agent.run()` or `agent.background()`"


class Lifetime:
    """What lives between start and stop. A stopped one may be started again, with nothing left of before."""

    def __init__(
        self,
        settings: Settings,
        *,
        capabilities: Sequence[str],
        state_path: Path | None,
        key_path: Path | None,
        answer_ms: int,
        drain_ms: int,
    ) -> None:
        self._settings = settings
        self._key_path = key_path
        self._keeping: asyncio.Task[None] | None = None
        self._capabilities = capabilities
        self._state_path = state_path
        self._drain_ms = drain_ms
        self._loop: asyncio.AbstractEventLoop | None = None
        self._running: asyncio.Task[None] | None = None
        self._link: Link | None = None
        self._actions: Actions | None = None
        self._tasks: TaskBook | None = None
        self._desk: Desk | None = None
        self._meter = Meter()
        self.answer_ms = answer_ms
        self.work: Work | None = None
        self.accept: Accept | None = None
        self._talk: Conversations | None = None
        self._judging: Judging | None = None
        self.on_judgement: Judge | None = None
        self.on_chat: Talk | None = None
        self.on_message: Talk | None = None
        self.health: Literal["healthy", "degraded", "unhealthy"] = "healthy"

    @property
    def link(self) -> Link:
        """The conversation with the server. Raises ConfigurationError before the first start."""
        if self._link is None:
            raise ConfigurationError(NOT_RUNNING)
        return self._link

    @property
    def actions(self) -> Actions:
        """The asking side. Raises ConfigurationError before the first start."""
        if self._actions is None:
            raise ConfigurationError(NOT_RUNNING)
        return self._actions

    @property
    def talk(self) -> Conversations:
        """What is said. Raises ConfigurationError before the first start."""
        if self._talk is None:
            raise ConfigurationError(NOT_RUNNING)
        return self._talk

    @property
    def judging(self) -> Judging:
        """What it is asked to judge. Raises ConfigurationError before the first start."""
        if self._judging is None:
            raise ConfigurationError(NOT_RUNNING)
        return self._judging

    @property
    def desk(self) -> Desk:
        """What was handed on. Raises ConfigurationError before the first start."""
        if self._desk is None:
            raise ConfigurationError(NOT_RUNNING)
        return self._desk

    @property
    def welcome(self) -> Welcome | None:
        """What the server said when the present session, or the last one, began."""
        return self._link.welcome if self._link is not None else None

    @property
    def connected(self) -> bool:
        """Whether there is a session at this moment."""
        return self._link is not None and self._link.connected.is_set()

    async def start(self, wait_ms: int) -> None:
        """Connect and return when welcomed. Raises Fatal, or Unavailable after `wait_ms`."""
        running = self.launch()
        welcomed = asyncio.create_task(self.link.connected.wait())
        sides: set[asyncio.Task[object]] = {welcomed, running}
        await asyncio.wait(sides, timeout=wait_ms / 1000, return_when=asyncio.FIRST_COMPLETED)
        welcomed.cancel()
        if running.done():
            running.result()
        if self.welcome is None:
            await self.stop()
            raise Unavailable(f"no connection to {self._settings.url} within {wait_ms} ms")

    async def stop(self) -> None:
        """Fail unfinished tasks, deliver what is owed (at most the drain time), close."""
        running, tasks = self._running, self._tasks
        if running is None or tasks is None:
            return
        if not running.done():
            drain_ms = self._drain_ms if self.connected else 0
            await tasks.close(drain_ms)
            await self.link.close(drain_ms)
        with contextlib.suppress(Fatal):
            await running

    async def serve(self) -> None:
        """Run until `stop` or a Fatal error, which is raised."""
        running = self._running
        if running is None or running.done():
            running = self.launch()
        try:
            await asyncio.shield(running)
        except (asyncio.CancelledError, Fatal):
            await self.stop()
            raise

    async def serve_until_signal(self) -> None:
        """`serve`, ended in good order by SIGINT or SIGTERM."""
        serving = asyncio.create_task(self.serve())
        with contextlib.suppress(NotImplementedError, ValueError, RuntimeError):
            # Not every platform has signal handlers, and only the main thread may set them.
            for number in (signal.SIGINT, signal.SIGTERM):
                asyncio.get_running_loop().add_signal_handler(number, serving.cancel)
        with contextlib.suppress(asyncio.CancelledError):
            await serving

    @contextlib.contextmanager
    def background(self) -> Iterator[None]:
        """Started on a thread of its own, stopped at the end of the block."""
        loop = asyncio.new_event_loop()
        thread = threading.Thread(target=loop.run_forever, name="watchfloor-agent", daemon=True)
        thread.start()
        try:
            asyncio.run_coroutine_threadsafe(self.start(self.answer_ms), loop).result()
            try:
                yield
            finally:
                asyncio.run_coroutine_threadsafe(self.stop(), loop).result()
        finally:
            loop.call_soon_threadsafe(loop.stop)
            thread.join()
            loop.close()

    def wait(self, awaitable: Awaitable[R]) -> R:
        """The result of something awaitable, from a thread other than the agent's."""
        loop = self._loop
        problem = ""
        if loop is None or not loop.is_running():
            problem = NOT_RUNNING
        elif _running_loop() is loop:
            problem = (
                "a plain function that asks would block the agent's own loop:"
                " make it `async def`, or call it with asyncio.to_thread"
            )
        if loop is None or problem:
            if asyncio.iscoroutine(awaitable):
                awaitable.close()
            raise ConfigurationError(problem)

        async def awaited() -> R:
            return await awaitable

        return asyncio.run_coroutine_threadsafe(awaited(), loop).result()

    def launch(self) -> asyncio.Task[None]:
        """Begin to connect. Raises ConfigurationError when it runs already."""
        if self._running is not None and not self._running.done():
            raise ConfigurationError("this agent is running already")
        self._loop = asyncio.get_running_loop()
        self._link = Link(
            self._settings,
            Memory(self._state_path),
            welcomed=self._welcomed,
            pushed=self._pushed,
            measured=self._measured,
        )
        self._actions = Actions(self._link, self.answer_ms)
        self._talk = Conversations(self._link, self.on_chat, self.on_message, self.answer_ms)
        self._judging = Judging(self._link, self.on_judgement, self.answer_ms)
        self._desk = Desk(self._link, self.answer_ms)
        self._tasks = TaskBook(self._link, self.work, self.accept, self.answer_ms)
        self._link.running = True
        self._running = asyncio.create_task(self._link.run(), name="watchfloor agent")
        self._running.add_done_callback(self._ended)
        return self._running

    def _ended(self, running: asyncio.Task[None]) -> None:
        """Whoever still waits for people when the agent ends is told."""
        self.talk.close()
        self.judging.close()
        if self._keeping is not None:
            self._keeping.cancel()
            self._keeping = None
        error = None if running.cancelled() else running.exception()
        why = error if isinstance(error, Fatal) else Unavailable("the agent has stopped")
        self.actions.abandon(why)
        self.desk.abandon(why)

    def _welcomed(self, welcome: Welcome) -> None:
        missing = sorted(set(self._capabilities) - set(welcome.permissions.capabilities))
        if missing:
            log.warning("%s is registered without: %s", welcome.agent_id, ", ".join(missing))
        if self._tasks is not None:
            self._tasks.resume()
        if self._key_path is not None and self._keeping is None:
            keeping = keep_fresh(
                self._settings.url,
                welcome.agent_id,
                welcome.seq,
                lambda: self.link.key,
                self._key_path,
                self._use_key,
                self._settings.insecure,
            )
            self._keeping = asyncio.create_task(keeping, name="watchfloor key")

    def _use_key(self, key: str) -> None:
        """From the next connection on."""
        self._settings = dataclasses.replace(self._settings, api_key=key)
        self.link.key = key

    def _pushed(self, payload: Payload) -> None:
        tasks = self._tasks
        if tasks is None:
            return
        match payload:
            case TaskAssigned():
                tasks.assigned(payload)
            case TaskCancelled() | TaskReassigned():
                tasks.dropped(payload.task_id, payload.reason or payload.FRAME, payload.generation)
            case TaskPaused() | TaskUnpaused():
                tasks.held(payload.task_id, payload.generation, isinstance(payload, TaskPaused))
            case TaskResult():
                self.desk.told(payload)
            case SupervisionChanged():
                self.desk.supervises(payload)
            case ActionStopped():
                self.actions.stopped(payload)
            case ActionDecided():
                self.actions.decided(payload)
            case Resync():
                tasks.resynced(payload)
                self.actions.resynced(payload)
            case ConfigUpdated():
                log.info("configuration changed: %s", payload)
            case _ if self.talk.heard(payload) or self.judging.heard(payload):
                pass
            case _:
                log.debug("nothing is done about %s", payload.FRAME)

    def _measured(self) -> tuple[str, Metrics]:
        return self.health, self._meter.read(len(self._tasks) if self._tasks is not None else 0)


def _running_loop() -> asyncio.AbstractEventLoop | None:
    with contextlib.suppress(RuntimeError):
        return asyncio.get_running_loop()
    return None
