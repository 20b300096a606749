"""What open dashboards cost: 50 event streams beside 1,000 events a second (spec 7; DESIGN §2 *Measured*).

    python -m benchmarks.streams [--quick]

One server on one CPU submits tasks to itself at a steady rate; the streams are read from another process on the other CPU.
The cost is the server's CPU time with the streams less that without them, at the same rate; the delay is from an event's own
instant to its arrival, commit, views and coalescing included. Goals: 10 % of one core, p99 60 ms.
"""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.machine import CLIENT_CPU, ROOT, SERVER_CPU, pin, scratch
from benchmarks.product import goal, report

STREAMS = 50
PER_SECOND = 1_000
TICK_S = 0.005
SAMPLED = 5  # streams of which every event's delay is taken; of the others only the count
SHARE_GOAL = 10.0
P99_GOAL_MS = 60
_AT = re.compile(rb'"at":(\d+)')


# The server's process ------------------------------------------------------------------------------------------------


async def serve(folder: Path) -> None:
    """Until stdin ends: each line is {"seconds", "per_second"}, answered by what was done and the CPU it took."""
    from watchfloor.app import Server, freeze_garbage
    from watchfloor.config import Config
    from watchfloor.engine.setup import credential_for
    from watchfloor.kernel.messages import SYSTEM
    from watchfloor.people.messages import AddPerson
    from watchfloor.telemetry import logs

    logs.configure("error")
    server = Server(Config(data=str(folder), backup_hours=0))

    async def ready(running: Server) -> None:
        org = await running.backbone.found("bench")
        person = await running.engine.ask(org, AddPerson(handle="ada", roles=("admin",)), SYSTEM)
        assert person.event is not None
        tokens = [
            await credential_for(running.engine, org, person.event.subject, "token", 1)
            for _ in range(STREAMS // 10)
        ]
        freeze_garbage()
        print(json.dumps({"port": running.port, "tokens": tokens}), flush=True)
        reader = asyncio.StreamReader()
        await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
        )
        while line := await reader.readline():
            print(json.dumps(await _busy(running, org, **json.loads(line))), flush=True)

    await server.run(ready)


async def _busy(running: Any, org: int, seconds: float, per_second: int) -> dict[str, Any]:
    """Submit tasks at a steady rate; nobody takes them."""
    from watchfloor.kernel.codec import canonical
    from watchfloor.kernel.messages import Actor
    from watchfloor.work.messages import SubmitTask

    engine, person = running.engine, Actor(kind="person", id="per_bench")
    command = SubmitTask(needs=("nobody.does.this",), private=canonical({"title": "measured"}))
    loop = asyncio.get_running_loop()
    began, cpu, head, done = loop.time(), time.process_time(), engine.head(org), 0
    asked = set()
    while (elapsed := loop.time() - began) < seconds:
        while done < elapsed * per_second:
            task = loop.create_task(engine.ask(org, command, person))
            asked.add(task)
            task.add_done_callback(asked.discard)
            done += 1
        await asyncio.sleep(TICK_S)
    await asyncio.gather(*asked)
    spent = loop.time() - began
    return {
        "events": engine.head(org) - head,
        "events_per_second": round((engine.head(org) - head) / spent, 1),
        "cpu_percent": round(100 * (time.process_time() - cpu) / spent, 2),
    }


# Those who watch -----------------------------------------------------------------------------------------------------


class Watching:
    """One stream, read as it comes."""

    def __init__(self, sampled: bool) -> None:
        self.events = 0
        self.bytes = 0
        self.chunks = 0
        self.delays_ms: list[float] = []
        self._sampled = sampled
        self._begun = b""

    async def run(self, port: int, token: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=2**20)
        writer.write(
            f"GET /api/v1/stream HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {token}\r\n\r\n".encode()
        )
        try:
            while chunk := await reader.read(2**20):
                now = time.time_ns() // 1_000
                self.bytes += len(chunk)
                self.chunks += 1
                whole, _, self._begun = (self._begun + chunk).rpartition(b"\n\n")  # a read ends anywhere
                self.events += whole.count(b"data: {")
                if self._sampled:
                    self.delays_ms += [(now - int(at)) / 1_000 for at in _AT.findall(whole)]
        finally:
            writer.close()


@contextmanager
def server(program: str = "benchmarks.streams") -> Iterator[tuple[subprocess.Popen[str], dict[str, Any]]]:
    """The process in which this program's `--serve` runs, and where it is."""
    with scratch() as folder:
        command = [sys.executable, "-m", program, "--serve", str(folder / "data")]
        process = subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            assert process.stdout is not None
            yield process, json.loads(process.stdout.readline())
        finally:
            process.terminate()
            process.wait(20)


def ask(process: subprocess.Popen[str], seconds: float, per_second: int) -> dict[str, Any]:
    """One window of the server."""
    assert process.stdin is not None
    assert process.stdout is not None
    process.stdin.write(json.dumps({"seconds": seconds, "per_second": per_second}) + "\n")
    process.stdin.flush()
    found: dict[str, Any] = json.loads(process.stdout.readline())
    return found


async def watched(
    process: subprocess.Popen[str], place: dict[str, Any], seconds: float
) -> tuple[dict[str, Any], list[Watching]]:
    """A window while so many streams are open: the server's figures and what the streams saw."""
    streams = [Watching(number % (STREAMS // SAMPLED) == 0) for number in range(STREAMS)]
    tokens = place["tokens"]
    running = [
        asyncio.create_task(stream.run(place["port"], tokens[number % len(tokens)]))
        for number, stream in enumerate(streams)
    ]
    await asyncio.sleep(1)
    figures = await asyncio.to_thread(ask, process, seconds, PER_SECOND)
    await asyncio.sleep(0.5)
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    return figures, streams


def run(quick: bool) -> dict[str, Any]:
    """Figures and goals."""
    pin(CLIENT_CPU)
    seconds = 4 if quick else 15
    with server() as (process, place):
        ask(process, 2, PER_SECOND)  # warm
        alone = ask(process, seconds, PER_SECOND)
        with_streams, streams = asyncio.run(watched(process, place, seconds))
        after = ask(process, seconds, PER_SECOND)
    base = (alone["cpu_percent"] + after["cpu_percent"]) / 2
    share = round(with_streams["cpu_percent"] - base, 2)
    delays = sorted(delay for stream in streams for delay in stream.delays_ms)
    p99 = round(delays[len(delays) * 99 // 100], 1)
    whole = all(stream.events == with_streams["events"] for stream in streams)
    return {
        "streams": STREAMS,
        "alone": alone,
        "alone_after": after,
        "with_streams": with_streams,
        "percent_of_a_core": share,
        "delay_ms": {"p50": round(delays[len(delays) // 2], 1), "p99": p99, "max": round(delays[-1], 1)},
        "events_each": [min(seen := [stream.events for stream in streams]), max(seen)],
        "bytes_each": streams[0].bytes,
        "chunks_each": streams[0].chunks,
        "nothing_missed": whole,
        "goals": [
            goal(
                f"{STREAMS} streams x {PER_SECOND} events/s <= {SHARE_GOAL:g} % of a core",
                share,
                share <= SHARE_GOAL,
            ),
            goal(f"event to stream p99 <= {P99_GOAL_MS} ms", p99, p99 <= P99_GOAL_MS),
            goal("every stream saw every event", float(whole), whole),
        ],
    }


if __name__ == "__main__":
    if "--serve" in sys.argv:
        pin(SERVER_CPU)
        asyncio.run(serve(Path(sys.argv[sys.argv.index("--serve") + 1])))
    else:
        report(run)
