"""HTTP workers hear that a task was cancelled, paused, goes on or was taken away (spec 2.4; docs/workers.md *News*).

Theory of operation
-------------------
A follower of committed events. What an agent with a socket would be pushed is posted, signed like a call, to the worker's
url, once or a few times, and whatever it answers is not looked at. Best effort: nothing waits for it, nothing is kept of
it, and a process that ends forgets what was not yet said; the rules treat a report that comes too late in any case. The
news of one worker go out one after the other, in order, so that a pause is never heard after its end. What is waiting is
bounded per worker and in all; what does not fit is dropped and counted.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Protocol

import msgspec

from watchfloor.fleet.agent import Agent
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Event, Facts
from watchfloor.runners.call_signing import signed_headers
from watchfloor.runners.http_workers import Secret
from watchfloor.runners.outbound import Outbound, Sent
from watchfloor.work.life import Task
from watchfloor.work.messages import (
    TaskAttemptFailed,
    TaskCancelled,
    TaskDeadLettered,
    TaskPaused,
    TaskUnpaused,
)

NEWS: tuple[type[Facts], ...] = (
    TaskCancelled,
    TaskPaused,
    TaskUnpaused,
    TaskAttemptFailed,
    TaskDeadLettered,
)
ATTEMPTS_MAX = 3
BACKOFF_MS = (200, 800)  # after the first and the second attempt
NEWS_MS_MAX = 5_000  # one attempt: there is nothing to work off, only to hear
ANSWER_BYTES_MAX = 4_096  # not looked at
PER_WORKER_MAX = 64  # waiting for one worker
WAITING_MAX = 1_000  # for all of them
AT_ONCE_MAX = 16  # workers told at the same time

Frame = Callable[
    [int, Event], bytes
]  # (org, event) -> what is pushed to an agent, empty when it is none of its news


class Engine(Protocol):
    """Committed state."""

    def state(self, org: int, kind: str, subject: int) -> Any: ...


class WorkerNews:
    """Given to `engine.follow`; belongs to the event loop's thread."""

    def __init__(
        self,
        engine: Engine,
        outbound: Outbound,
        *,
        frame: Frame,
        secret: Secret,
        base_url: Callable[[], str],
        observe: Callable[[str], None] = lambda outcome: None,  # noqa: ARG005
        rest: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._engine = engine
        self._outbound = outbound
        self._frame = frame
        self._secret = secret
        self._base_url = base_url
        self._observe = observe
        self._rest = rest
        self._waiting: dict[tuple[int, int], deque[Event]] = {}
        self._runners: dict[tuple[int, int], asyncio.Task[None]] = {}
        self._places = asyncio.Semaphore(AT_ONCE_MAX)
        self._closed = False

    def __call__(self, org: int, events: Sequence[Event]) -> None:
        """Keep what is news for a worker, and see to it that somebody says it."""
        for event in events:
            if not isinstance(event.facts, NEWS):
                continue
            agent = int(getattr(event.facts, "agent", 0))
            state: Agent | None = self._engine.state(org, "agent", agent) if agent else None
            if state is None or state.worker is None or self._closed:
                continue
            waiting = self._waiting.setdefault((org, agent), deque())
            if len(waiting) >= PER_WORKER_MAX or sum(map(len, self._waiting.values())) >= WAITING_MAX:
                self._observe("dropped")
                continue
            waiting.append(event)
            if (org, agent) not in self._runners:
                work = asyncio.get_running_loop().create_task(self._tell_all(org, agent))
                self._runners[(org, agent)] = work

    async def _tell_all(self, org: int, agent: int) -> None:
        """Say everything that waits for one worker, in order."""
        waiting = self._waiting[(org, agent)]
        try:
            while waiting:
                async with self._places:
                    outcome = await self._tell(org, agent, waiting[0])
                waiting.popleft()
                if outcome:
                    self._observe(outcome)
        finally:
            del self._waiting[(org, agent)]
            del self._runners[(org, agent)]

    async def _tell(self, org: int, agent: int, event: Event) -> str:
        """What became of one piece of news: told, unheard, or "" when there was nothing to say."""
        worker: Agent = self._engine.state(org, "agent", agent)
        task: Task = self._engine.state(org, "task", event.subject)
        said = self._frame(org, event)
        if not said or worker.worker is None:
            return ""
        task_id = public_id("task", event.subject, task.nonce)
        frame: dict[str, Any] = msgspec.json.decode(said)
        generation = frame["payload"]["generation"]
        frame["callback_url"] = f"{self._base_url().rstrip('/')}/api/v1/tasks/{task_id}"
        body = msgspec.json.encode(frame)
        worker_id = public_id("agent", agent, worker.nonce)
        secret = self._secret(org, worker_id, worker.worker.secret)
        key = f"{task_id}.{generation}.{event.seq}"
        for attempt in range(ATTEMPTS_MAX):
            got = await self._outbound.send(
                Sent(
                    url=worker.worker.url,
                    method="POST",
                    headers=signed_headers(secret, int(time.time()), worker_id, key, body),
                    body=body,
                    total_ms=NEWS_MS_MAX,
                    bytes_max=ANSWER_BYTES_MAX,
                )
            )
            if got.outcome == "answered" and got.status < 300:
                return "told"
            if not got.transient or attempt + 1 >= ATTEMPTS_MAX:
                break
            await self._rest(BACKOFF_MS[attempt] / 1_000)
        return "unheard"

    async def close(self) -> None:
        """Say no more. What waits is forgotten."""
        self._closed = True
        runners = list(self._runners.values())
        for work in runners:
            work.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*runners, return_exceptions=True)
