"""Tasks go to HTTP workers: one signed POST per assignment, tried up to three times (spec 2.4 *HTTP workers*).

Theory of operation
-------------------
The effect `CallWorker` is a durable row per assignment, its destination the worker: rows of one worker never take more
than PER_WORKER_MAX places, so that one that is slow delays nobody else. A call is over when there is an answer, when
another attempt makes no sense, or when its time is up: ATTEMPTS_MAX, CALL_MS_MAX, and always a little before the
assignment must be accepted. What came of it goes back in one command, `ConcludeCall`: acceptance and report together.

At least once. A process that ends between the POST and the record of its answer posts again when it is back, and so does
a second attempt whose first was answered into a broken connection. Every POST of one assignment bears the same
`Idempotency-Key`, the task and its generation: a worker that keeps its answers by that key does the work once. What the
rules think of an answer that comes too late is not decided here.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import msgspec

from watchfloor.engine.effects import Undeliverable
from watchfloor.fleet.agent import Agent, available
from watchfloor.kernel.codec import canonical, canonicalise
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.instants import MILLISECOND
from watchfloor.kernel.messages import Command, Event, Refused
from watchfloor.runners.call_signing import signed_headers
from watchfloor.runners.outbound import Got, Outbound, Sent
from watchfloor.runners.worker_answers import ANSWER_BYTES_MAX, Answer, read
from watchfloor.work.life import ASSIGNED, Task
from watchfloor.work.messages import WORKER_HELD, CallWorker, ConcludeCall

ATTEMPTS_MAX = 3
BACKOFF_MS = (
    100,
    200,
    400,
)  # after the first, second, third attempt, each between half and one and a half of it
ANSWER_MS_MAX = 15_000  # one attempt; work that takes longer is accepted (202) and reported later
CALL_MS_MAX = 50_000  # all attempts: within the time an assignment usually has to be accepted
SPARE_MS = 250  # of that time, to record the outcome
RETRY_AFTER_MS_MAX = 5_000  # a worker that wants more time gets it from the task's own back-off
PER_WORKER_MAX = 8
AT_ONCE_MAX = 128
LEASE_MS = CALL_MS_MAX + 30_000

Frame = Callable[[int, int, Task], bytes]  # (org, task, state) -> the `task:assigned` frame
Secret = Callable[[int, str, int], str]  # (org, public id of the agent, number) -> its signing secret
Observe = Callable[[str, int], None]  # (outcome or reason, ms)


class Engine(Protocol):
    """Committed state, and the way to change it."""

    def state(self, org: int, kind: str, subject: int) -> Any: ...


class CallTerms(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds of one call; tests make them small."""

    answer_ms: int = ANSWER_MS_MAX
    call_ms: int = CALL_MS_MAX


class HTTPWorkers:
    """The executor of CallWorker."""

    def __init__(
        self,
        engine: Engine,
        outbound: Outbound,
        *,
        ask: Callable[[int, Command], Awaitable[Any]],
        frame: Frame,
        secret: Secret,
        base_url: Callable[[], str],
        clock: Callable[[], int],
        observe: Observe = lambda outcome, ms: None,  # noqa: ARG005
        terms: CallTerms = CallTerms(),  # noqa: B008 -- frozen
        rest: Callable[[float], Awaitable[None]] = asyncio.sleep,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._engine = engine
        self._outbound = outbound
        self._ask = ask
        self._frame = frame
        self._secret = secret
        self._base_url = base_url
        self._clock = clock
        self._observe = observe
        self._terms = terms
        self._rest = rest
        self._jitter = jitter

    async def __call__(self, org: int, event: Event, effect: CallWorker) -> None:
        """Call and report. Raises Refused when the report cannot be recorded now, Undeliverable when it never can."""
        task: Task | None = self._engine.state(org, "task", effect.task)
        if not _waits(task, effect):
            return  # cancelled, out of time, or answered before this process began
        assert task is not None
        calls: list[dict[str, Any]] = []
        agent: Agent | None = self._engine.state(org, "agent", effect.agent)
        if agent is None or agent.worker is None or not available(agent):
            answer = Answer(outcome="unanswered", reason=WORKER_HELD, detail="not called")
        else:
            answer, calls = await self._called(org, effect, task, agent)
        try:
            await self._ask(org, _concluded(effect, answer, calls))
        except Refused as refused:
            if refused.retryable:
                raise
            raise Undeliverable(f"{event.type} of task {effect.task}: {refused}") from refused

    async def _called(
        self, org: int, effect: CallWorker, task: Task, agent: Agent
    ) -> tuple[Answer, list[dict[str, Any]]]:
        """The answer, and what each attempt came to."""
        began = time.monotonic()
        worker_id = public_id("agent", effect.agent, agent.nonce)
        task_id = public_id("task", effect.task, task.nonce)
        key = f"{task_id}.{effect.generation}"
        body = self._body(org, effect, task, task_id)
        assert agent.worker is not None
        secret = self._secret(org, worker_id, agent.worker.secret)
        until = self._clock() + self._terms.call_ms * MILLISECOND
        if task.until_at:
            until = min(until, task.until_at - SPARE_MS * MILLISECOND)
        calls: list[dict[str, Any]] = []
        answer = Answer(outcome="unanswered", reason="worker_timed_out", detail="no time was left for a call")
        for attempt in range(ATTEMPTS_MAX):
            left_ms = (until - self._clock()) // MILLISECOND
            if left_ms <= 0 or not _waits(self._engine.state(org, "task", effect.task), effect):
                break
            headers = signed_headers(secret, int(time.time()), worker_id, key, body)
            got = await self._outbound.send(
                Sent(
                    url=agent.worker.url,
                    method="POST",
                    headers=headers,
                    body=body,
                    total_ms=min(left_ms, self._terms.answer_ms),
                    bytes_max=ANSWER_BYTES_MAX,
                )
            )
            answer = read(got, time.time())
            calls.append(_told(got, answer))
            pause_ms = self._pause_ms(answer, attempt)
            if pause_ms < 0 or pause_ms >= (until - self._clock()) // MILLISECOND:
                break
            await self._rest(pause_ms / 1_000)
        self._observe(answer.reason or answer.outcome, int((time.monotonic() - began) * 1_000))
        return answer, calls

    def _pause_ms(self, answer: Answer, attempt: int) -> int:
        """How long to wait for the next attempt, -1 for none. A worker may ask for more time, within a bound."""
        if not answer.again or attempt + 1 >= ATTEMPTS_MAX or answer.after_ms > RETRY_AFTER_MS_MAX:
            return -1
        return max(int(BACKOFF_MS[attempt] * (0.5 + self._jitter())), answer.after_ms)

    def _body(self, org: int, effect: CallWorker, task: Task, task_id: str) -> bytes:
        """The frame an agent with a socket would get, and where to report."""
        frame: dict[str, Any] = msgspec.json.decode(self._frame(org, effect.task, task))
        frame["callback_url"] = f"{self._base_url().rstrip('/')}/api/v1/tasks/{task_id}"
        return msgspec.json.encode(frame)


def _waits(task: Task | None, effect: CallWorker) -> bool:
    """Is the assignment still in force and not taken?"""
    return (
        task is not None
        and task.stage == ASSIGNED
        and (task.agent, task.generation) == (effect.agent, effect.generation)
    )


def _told(got: Got, answer: Answer) -> dict[str, Any]:
    """One attempt for people."""
    return {
        "detail": answer.detail,
        "duration_ms": got.duration_ms,
        "outcome": answer.reason or answer.outcome,
        "status": got.status,
    }


def _concluded(effect: CallWorker, answer: Answer, calls: list[dict[str, Any]]) -> ConcludeCall:
    private = answer.private
    if answer.outcome == "unanswered":
        private = canonical(canonicalise({"calls": calls, "reason": answer.detail or answer.reason}))
    return ConcludeCall(
        subject=effect.task,
        agent=effect.agent,
        generation=effect.generation,
        outcome=answer.outcome,
        reason=answer.reason,
        retryable=answer.retryable,
        cost_micro=answer.cost_micro,
        tokens=answer.tokens,
        private=private,
    )
