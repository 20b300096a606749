"""Tasks for a server under measurement: a closed loop of submissions in its own process, as the peers submit theirs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from watchfloor.app import Server
from watchfloor.kernel.codec import canonical
from watchfloor.kernel.instants import SECOND
from watchfloor.kernel.messages import Actor, Event
from watchfloor.work.messages import PauseTask, SubmitTask, TaskDeadLettered, TaskSucceeded, UnpauseTask

_PERSON = Actor(kind="person", id="per_bench")
_AT_ONCE = 200


class Submitting:
    """So many tasks under way; each is followed by the next when its success is durable."""

    def __init__(self, running: Server, org: int) -> None:
        self.engine = running.engine
        self.org = org
        self._ended: dict[int, asyncio.Future[None]] = {}
        self.engine.follow(self._follow)

    def _follow(self, org: int, events: list[Event]) -> None:
        if org == self.org:
            for event in events:
                if isinstance(event.facts, TaskSucceeded):
                    ended = self._ended.pop(event.subject, None)
                    if (
                        ended is not None and not ended.done()
                    ):  # done: cancelled, nobody waits for it any more
                        ended.set_result(None)

    async def obey(self, order: dict[str, Any]) -> dict[str, Any]:
        """{"tasks": seconds, "under_way": count}, {"queue": count, "later_s": [of some, of others]}, or what `overtake`
        takes as {"urgent": seconds, "lane", "needs", "every_ms"}, `lose` as {"dependents": count, "before_s", "every_ms"}.
        """
        if "tasks" in order:
            return await self.run(order["tasks"], order["under_way"])
        if "dependents" in order:
            return await self.lose(order["dependents"], order["before_s"], order["every_ms"])
        if "queue" in order:
            return await self.queue(order["queue"], order["later_s"])
        return await self.overtake(order["urgent"], order["lane"], order["needs"], order["every_ms"])

    async def _ended_in_success(self, command: SubmitTask) -> None:
        """One task, until its success is durable."""
        answer = await self.engine.ask(self.org, command, _PERSON)
        ended = self._ended[answer.seq] = asyncio.get_running_loop().create_future()
        await ended

    async def lose(self, count: int, before_s: float, every_ms: float) -> dict[str, Any]:
        """A task that fails while so many wait for it; others go on being submitted, "before" that and "during" it."""
        loop = asyncio.get_running_loop()
        root = SubmitTask(
            needs=("bench",),
            attempts_max=1,
            not_before_at=self.engine.clock() + SECOND,
            private=canonical({"title": "fail"}),
        )
        root_seq = (await self.engine.ask(self.org, root, _PERSON)).seq
        await self.engine.ask(self.org, PauseTask(subject=root_seq, reason="until all wait"), _PERSON)
        began = loop.time()
        waits = SubmitTask(
            needs=("bench",), depends_on=(root_seq,), on_failure="fail", private=canonical({"title": "0"})
        )
        await self._all(waits for _ in range(count))
        submitted_s = round(loop.time() - began, 1)
        told: set[int] = set()
        lost = asyncio.Event()

        def follow(_: int, events: list[Event]) -> None:
            for event in events:
                if isinstance(event.facts, TaskDeadLettered) and event.facts.dependency == root_seq:
                    told.add(event.subject)
            if len(told) == count:
                lost.set()

        self.engine.follow(follow)
        others = [loop.create_task(self._others("before", before_s, every_ms))]
        await others[0]
        began, over = loop.time(), asyncio.Event()
        others.append(loop.create_task(self._others("during", 3_600, every_ms, over)))
        await self.engine.ask(self.org, UnpauseTask(subject=root_seq), _PERSON)
        await asyncio.wait_for(lost.wait(), 600)
        lost_s = round(loop.time() - began, 2)
        over.set()
        before, during = await asyncio.gather(*others)
        return {
            "dependents": count,
            "told": len(told),
            "submitted_s": submitted_s,
            "lost_s": lost_s,
            "before": before,
            "during": during,
        }

    async def _others(
        self, word: str, seconds: float, every_ms: float, over: asyncio.Event | None = None
    ) -> int:
        """Tasks of others, one every `every_ms`; how many, once all have succeeded."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        under_way = []
        while loop.time() < until and not (over is not None and over.is_set()):
            private = canonical({"title": f"{word} {time.perf_counter_ns()}"})
            command = SubmitTask(needs=("bench",), private=private)
            under_way.append(loop.create_task(self._ended_in_success(command)))
            await asyncio.sleep(every_ms / 1e3)
        await asyncio.wait_for(asyncio.gather(*under_way), 120)
        return len(under_way)

    async def queue(self, count: int, later_s: tuple[int, int]) -> dict[str, Any]:
        """So many tasks, every tenth of them delayed by the one or the other time."""

        def task(number: int) -> SubmitTask:
            later = later_s[number // 10 % 2] + 3 if number % 10 == 0 else 0
            at = self.engine.clock() + later * SECOND if later else 0
            return SubmitTask(needs=("bench",), not_before_at=at, private=canonical({"title": f"{number}"}))

        await self._all(task(number) for number in range(count))
        return {}

    async def _all(self, commands: Iterable[SubmitTask]) -> list[int]:
        """Submit them, `_AT_ONCE` under way together; their subjects."""
        found: list[int] = []
        for slice_ in _slices(commands):
            asked = (self.engine.ask(self.org, command, _PERSON) for command in slice_)
            found += [answer.seq for answer in await asyncio.gather(*asked)]
        return found

    async def overtake(self, seconds: float, lane: int, needs: str, every_ms: float) -> dict[str, Any]:
        """Keep `lane` tasks of the low lane waiting or in hand, and submit an urgent one every `every_ms`.

        `needs` is what the low tasks need; one that nobody has leaves them waiting. Their titles are "0", those of the
        urgent ones their instant, which the agents' side times.
        """
        loop = asyncio.get_running_loop()
        low = SubmitTask(priority="low", needs=(needs,), private=canonical({"title": "0"}))
        began = loop.time()
        first = await self._all(low for _ in range(lane))
        filled_s = round(loop.time() - began, 2)
        until = loop.time() + seconds
        done = 0

        async def follow(seq: int) -> None:
            nonlocal done
            while True:
                ended = self._ended[seq] = loop.create_future()
                await ended
                done += 1
                if loop.time() >= until:
                    return
                seq = (await self.engine.ask(self.org, low, _PERSON)).seq

        following = [loop.create_task(follow(seq)) for seq in first]
        await asyncio.sleep(1)
        done_before, opened, urgent = done, loop.time(), []
        while loop.time() < until:
            private = canonical({"title": str(time.perf_counter_ns())})
            command = SubmitTask(priority="urgent", needs=("bench",), private=private)
            urgent.append(loop.create_task(self._ended_in_success(command)))
            await asyncio.sleep(every_ms / 1e3)
        figures = {
            "urgent": len(urgent),
            "low_waiting": lane,
            "low_per_second": round((done - done_before) / (loop.time() - opened), 1),
            "filled_s": filled_s,
        }
        await asyncio.wait_for(asyncio.gather(*urgent), 60)
        for task in following:
            task.cancel()
        await asyncio.gather(*following, return_exceptions=True)
        return figures

    async def run(self, seconds: float, under_way: int) -> dict[str, Any]:
        """Tasks a second that succeeded in the window after one second of warming up, and how long each took (ms)."""
        opens = time.perf_counter() + 1
        until = opens + seconds
        spans: list[float] = []

        async def one() -> None:
            while time.perf_counter() < until:
                began = time.perf_counter()
                # The agent's side tells how long it took to reach it: both clocks are the machine's.
                private = canonical({"title": str(time.perf_counter_ns())})
                answer = await self.engine.ask(
                    self.org, SubmitTask(needs=("bench",), private=private), _PERSON
                )
                ended = self._ended[answer.seq] = asyncio.get_running_loop().create_future()
                await ended
                if opens <= time.perf_counter() < until:
                    spans.append((time.perf_counter() - began) * 1e3)

        await asyncio.wait_for(asyncio.gather(*(one() for _ in range(under_way))), seconds + 60)
        spans.sort()
        return {
            "per_second": round(len(spans) / seconds, 1),
            "end_ms": {
                "p50": round(spans[len(spans) // 2], 2),
                "p99": round(spans[len(spans) * 99 // 100], 2),
            },
        }


def _slices(commands: Iterable[SubmitTask]) -> Iterator[list[SubmitTask]]:
    left = iter(commands)
    while slice_ := list(islice(left, _AT_ONCE)):
        yield slice_
