"""The load client: thousands of agents in a process of its own, told what to do line by line.

    with Load("ws://127.0.0.1:8000/ws", script="benchmarks.scripts:decisions", keys=keys) as load:
        load.open(1_000)
        figures = load.run(seconds=10, in_flight=4)      # closed loop: 4 units of work at a time for each agent
        figures = load.run(seconds=10, rate=2_000)       # open loop: 2,000 a second, whatever the server does

Latency is from sending (open loop: from the instant it should have been sent, so that a stalled server cannot hide
its queue) to the answer. Only what is answered inside the measured window counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import importlib
import itertools
import json
import os
import random
import select
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any

import uvloop
from benchmarks.histogram import Histogram
from benchmarks.machine import CLIENT_CPU, ROOT, allow_open_files, pin
from benchmarks.scripts import AnswerError, Script, Turns
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

TEXT, CLOSE = WSMsgType.TEXT, WSMsgType.CLOSE
HEARTBEAT = b'{"type":"heartbeat","payload":{"status":"healthy"}}'
DRAIN_S = 10.0  # how long answers may still come after the measured window


class Load:
    """The parent's handle on the load process."""

    def __init__(
        self,
        url: str,
        *,
        script: str = "benchmarks.scripts:echo",
        options: dict[str, Any] | None = None,
        keys: list[str] | None = None,
    ) -> None:
        """`script` names a factory in `module:name` form, `options` are its arguments; `keys` are bearer tokens, one
        for each connection (used again from the start when there are fewer)."""
        self._process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.loadgen"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            bufsize=0,
        )
        self.pid = self._process.pid
        try:
            self._ask(
                30,
                do="prepare",
                url=url,
                script=script,
                options=options or {},
                keys=keys or [],
                pin=CLIENT_CPU,
            )
        except BaseException:
            self.__exit__()
            raise

    def open(self, connections: int, concurrency: int = 100) -> dict[str, Any]:
        """Connect so many more agents. `seconds` until the last was let in (welcomed, if the script waits for it)."""
        return self._ask(300, do="open", connections=connections, concurrency=concurrency)

    def run(
        self, *, seconds: float, in_flight: int = 1, rate: float = 0, warmup_s: float = 1.0
    ) -> dict[str, Any]:
        """Load from all open agents; `rate` > 0 makes it an open loop."""
        limit = seconds + warmup_s + DRAIN_S + 30
        return self._ask(limit, do="run", seconds=seconds, in_flight=in_flight, rate=rate, warmup_s=warmup_s)

    def drop(self, *, graceful: bool = False) -> dict[str, Any]:
        """Hang up on all agents: with RST, or with the closing handshake."""
        return self._ask(120, do="drop", graceful=graceful)

    def beat(self, interval_s: float) -> dict[str, Any]:
        """From now on every open agent sends a heartbeat that often, evenly spread."""
        return self._ask(10, do="beat", interval_s=interval_s)

    def come_back(
        self, *, within_s: float, first_ms: int = 1_000, longest_ms: int = 60_000
    ) -> dict[str, Any]:
        """Every agent that lost its connection tries again, each with full jitter as the SDK, until all are in."""
        return self._ask(
            within_s + 30, do="come_back", within_s=within_s, first_ms=first_ms, longest_ms=longest_ms
        )

    def __enter__(self) -> Load:
        return self

    def __exit__(self, *_: object) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with contextlib.suppress(OSError):
            self._process.stdin.close()  # its cue to end
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()

    def _ask(self, limit_s: float, **order: Any) -> dict[str, Any]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        answer = b""
        until = time.monotonic() + limit_s
        while not answer.endswith(b"\n"):
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, until - time.monotonic()))
            part = os.read(self._process.stdout.fileno(), 65_536) if ready else b""
            if not part:
                raise RuntimeError(f"the load client gave no answer to {order['do']!r} within {limit_s} s")
            answer += part
        found: dict[str, Any] = json.loads(answer)
        if "error" in found:
            raise RuntimeError(f"load client: {found['error']}")
        return found


class Agent(WSListener):
    """One connection: sends what its scripts say, matches what comes back."""

    def __init__(self, client: Client, number: int, ready: asyncio.Future[None]) -> None:
        self.client = client
        self.number = number
        self.ready = ready
        self.transport: WSTransport | None = None
        self.next_id = 1
        self.waiting: dict[int, tuple[Turns, str, int]] = {}

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport
        if not self.client.script.await_welcome:
            self.ready.set_result(None)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is not TEXT:
            if frame.msg_type is CLOSE:
                self.client.closes[str(int(frame.get_close_code()))] += 1  # type: ignore[call-overload]
                transport.send_close(frame.get_close_code())
                transport.disconnect()
            return
        data = frame.get_payload_as_bytes()
        answered = self.client.script.match(data)
        waiting = self.waiting.pop(answered, None) if answered else None
        if waiting is None:
            self._pushed(data)
            return
        turns, name, sent = waiting
        self.client.answered(name, sent)
        self._go_on(turns, data)

    def on_ws_disconnected(self, _transport: WSTransport) -> None:
        self.client.agents.discard(self)
        if not self.ready.done():
            self.ready.set_exception(ConnectionError("closed before welcome"))

    def begin(self, intended_ns: int = 0) -> None:
        """Start one unit of work."""
        client = self.client
        client.begun += 1
        self._go_on(client.script.turns(self.number, client.begun), None, intended_ns)

    def _go_on(self, turns: Turns, answer: bytes | None, intended_ns: int = 0) -> None:
        client = self.client
        try:
            kind, payload = next(turns) if answer is None else turns.send(answer)
        except StopIteration:
            client.done += client.counting
        except AnswerError as problem:
            client.failures[str(problem)] += client.counting
        else:
            number = self.next_id
            self.next_id = number + 1
            self.waiting[number] = (turns, kind.decode(), intended_ns or time.perf_counter_ns())
            assert self.transport is not None
            self.transport.send(TEXT, b'{"type":"%b","id":%d,"payload":%b}' % (kind, number, payload))
            return
        if client.refilling:
            self.begin()

    def _pushed(self, data: bytes) -> None:
        if not self.ready.done() and b'"welcome"' in data[:64]:
            self.next_id = int(json.loads(data)["payload"].get("last_id", 0)) + 1
            self.ready.set_result(None)
        else:
            self.client.pushes += 1


class _Quiet:
    """A log that picows does not have to clone for each connection."""

    def isEnabledFor(self, _level: int) -> bool:  # noqa: N802
        return False

    def log(self, *_args: object) -> None:
        """Nothing: failures are counted where they show."""

    debug = info = warning = error = exception = log


class Client:
    """The load process: all agents and the tally."""

    def __init__(self, url: str, script: Script, keys: list[str]) -> None:
        self.url = url
        self.script = script
        self.keys = keys
        self.agents: set[Agent] = set()
        self.opened = 0
        self.begun = 0
        self.refilling = False
        self._beating: asyncio.Task[None] | None = None
        self.reset(counting=False)

    def reset(self, *, counting: bool) -> None:
        self.counting = counting
        self.done = 0
        self.pushes = 0
        self.failures: Counter[str] = Counter()
        self.closes: Counter[str] = Counter()
        self.steps: dict[str, Histogram] = {}

    def answered(self, name: str, sent_ns: int) -> None:
        if self.counting:
            histogram = self.steps.get(name)
            if histogram is None:
                histogram = self.steps[name] = Histogram()
            histogram.add(max(0, time.perf_counter_ns() - sent_ns))

    async def open(self, connections: int, concurrency: int) -> dict[str, Any]:
        failures: Counter[str] = Counter()
        numbers = iter(range(self.opened, self.opened + connections))
        self.opened += connections
        began = time.perf_counter()
        used = time.process_time()

        async def connect_some() -> None:
            for number in numbers:
                try:
                    await self._connect(number)
                except Exception as problem:  # noqa: BLE001 - every way to fail is counted, none may end the run
                    failures[f"{type(problem).__name__}: {problem}"[:120]] += 1

        await asyncio.gather(*(connect_some() for _ in range(min(concurrency, connections))))
        seconds = time.perf_counter() - began
        return {
            "opened": connections - sum(failures.values()),
            "failures": dict(failures),
            "seconds": round(seconds, 3),
            "per_second": round((connections - sum(failures.values())) / seconds, 1),
            "client_cpu_s": round(time.process_time() - used, 3),
        }

    async def _connect(self, number: int) -> None:
        ready = asyncio.get_running_loop().create_future()
        headers = {"Authorization": f"Bearer {self.keys[number % len(self.keys)]}"} if self.keys else None
        _, agent = await ws_connect(
            lambda: Agent(self, number, ready),
            self.url,
            extra_headers=headers,
            logger_name=_Quiet(),  # type: ignore[arg-type]
            websocket_handshake_timeout=60,
            read_buffer_init_size=2_048,
        )
        assert isinstance(agent, Agent)
        self.agents.add(agent)
        await asyncio.wait_for(ready, 60)

    async def run(self, seconds: float, in_flight: int, rate: float, warmup_s: float) -> dict[str, Any]:
        agents = sorted(self.agents, key=lambda agent: agent.number)
        if not agents:
            raise RuntimeError("no agent is connected")
        self.reset(counting=False)
        self.refilling = rate <= 0
        pacer = asyncio.create_task(self._pace(agents, rate)) if rate > 0 else None
        if pacer is None:
            for agent in agents:
                for _ in range(in_flight):
                    agent.begin()
        await asyncio.sleep(warmup_s)
        self.reset(counting=True)
        began, used = time.perf_counter(), time.process_time()
        await asyncio.sleep(seconds)
        lasted, used = time.perf_counter() - began, time.process_time() - used
        self.refilling = self.counting = False
        if pacer is not None:
            pacer.cancel()
        figures: dict[str, Any] = {
            "agents": len(agents),
            "seconds": round(lasted, 3),
            "done": self.done,
            "per_second": round(self.done / lasted, 1),
            "failures": dict(self.failures),
            "pushes": self.pushes,
            "steps": {name: histogram.figures() for name, histogram in self.steps.items()},
            "client_cpu_share": round(used / lasted, 2),
        }
        until = time.perf_counter() + DRAIN_S
        while any(agent.waiting for agent in agents) and time.perf_counter() < until:  # noqa: ASYNC110 - cheap here
            await asyncio.sleep(0.02)
        figures["unanswered"] = sum(len(agent.waiting) for agent in agents)
        figures["lost_connections"] = len(agents) - len(self.agents)
        figures["closes"] = dict(self.closes)
        for agent in agents:
            agent.waiting.clear()
        return figures

    async def _pace(self, agents: list[Agent], rate: float) -> None:
        began = time.perf_counter_ns()
        sent = 0
        while True:
            due = int((time.perf_counter_ns() - began) * rate / 1e9)
            for number in range(sent, due):
                agent = agents[number % len(agents)]
                if agent in self.agents:
                    agent.begin(began + int(number * 1e9 / rate))
            sent = max(sent, due)
            await asyncio.sleep(0.001)

    async def beat(self, interval_s: float) -> dict[str, Any]:
        self._beating = asyncio.create_task(self._beats(interval_s))
        return {}

    async def _beats(self, interval_s: float) -> None:
        """Every tenth of a second those whose turn it is: by number, so that nobody is skipped when others come.

        By the clock and not by pauses: what this process is late is made up, else every agent would beat too slowly.
        """
        parts = max(1, round(interval_s * 10))
        now = asyncio.get_running_loop().time
        began = now()
        for turn in itertools.count():
            for agent in list(self.agents):
                if agent.number % parts == turn % parts and agent.transport is not None:
                    agent.transport.send(TEXT, HEARTBEAT)
            await asyncio.sleep(max(0.0, began + (turn + 1) * interval_s / parts - now()))

    async def come_back(self, within_s: float, first_ms: int, longest_ms: int) -> dict[str, Any]:
        """All at once; each attempt may fail, and waits longer then."""
        present = {agent.number for agent in self.agents}
        missing = [number for number in range(self.opened) if number not in present]
        refused: Counter[str] = Counter()
        attempts = 0
        welcomed: list[float] = []
        began, used = time.perf_counter(), time.process_time()

        async def back(number: int) -> None:
            nonlocal attempts
            failures = 0
            while True:
                bound_ms = min(longest_ms, first_ms << min(failures, 16))
                await asyncio.sleep(random.uniform(0.05, bound_ms / 1000))
                attempts += 1
                try:
                    await self._connect(number)
                except Exception as problem:  # noqa: BLE001 - every way to fail is counted, none may end the run
                    refused[type(problem).__name__] += 1
                    failures += 1
                else:
                    welcomed.append(time.perf_counter() - began)
                    return

        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(within_s):
                await asyncio.gather(*map(back, missing))
        seconds = time.perf_counter() - began
        return {
            "missing": len(missing),
            "back": len(welcomed),
            "seconds": round(seconds, 3),
            "attempts": attempts,
            "refused": dict(refused),
            "client_cpu_s": round(time.process_time() - used, 3),
        }

    async def drop(self, graceful: bool) -> dict[str, Any]:
        leaving = list(self.agents)
        for agent in leaving:
            assert agent.transport is not None
            if graceful:
                agent.transport.send_close(1000)  # type: ignore[arg-type]
            else:
                agent.transport.disconnect(graceful=False)
        until = time.perf_counter() + 30
        while self.agents and time.perf_counter() < until:  # noqa: ASYNC110 - cheap here
            await asyncio.sleep(0.01)
        return {"dropped": len(leaving), "still_open": len(self.agents)}


def orders(client: Client | None) -> dict[str, Callable[..., Awaitable[dict[str, Any]]]]:
    """What the parent may ask for after `prepare`."""
    if client is None:
        raise RuntimeError("prepare first")
    return {
        "open": client.open,
        "run": client.run,
        "drop": client.drop,
        "beat": client.beat,
        "come_back": client.come_back,
    }


async def obey() -> None:
    """Read orders from stdin until it ends; answer each with a line."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(limit=2**26)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    client: Client | None = None
    while line := await reader.readline():
        order = json.loads(line)
        answer: dict[str, Any]
        try:
            do = order.pop("do")
            if do == "prepare":
                pin(order["pin"])
                module, _, name = order["script"].partition(":")
                script: Script = getattr(importlib.import_module(module), name)(**order["options"])
                client = Client(order["url"], script, order["keys"])
                answer = {"open_files": allow_open_files()}
                gc.freeze()
                gc.disable()
            else:
                answer = await orders(client)[do](**order)
        except Exception as problem:  # noqa: BLE001 - told to the parent, which raises
            answer = {"error": f"{type(problem).__name__}: {problem}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    uvloop.run(obey())
