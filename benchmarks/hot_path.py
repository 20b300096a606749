"""CPU of one decision without sockets, disk and views: reading the frame, `Core.step`, writing the answer.

    python -m benchmarks.hot_path [--quick]

The rules, registers and the catalogue are the server's own; what was stepped is dropped instead of committed. The limit
beside it is what nobody can save: decoding the frame, six SHA-256 over its bytes and encoding event and answer.
"""

from __future__ import annotations

import asyncio
import statistics
import time
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import msgspec
from benchmarks.machine import scratch
from benchmarks.product import goal, report
from benchmarks.product_server import ACTION_TYPE, TOOL, bench_policy, fleet

from watchfloor.app import Backbone, freeze_garbage
from watchfloor.config import Config
from watchfloor.engine.entropy import Entropy
from watchfloor.engine.requests import Answer, Lane, Request
from watchfloor.engine.sequencer import Pending
from watchfloor.hub import protocol as wire
from watchfloor.hub.commands import BUILDS, decided
from watchfloor.hub.hub import Hub
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Actor

AGENTS = 1_000
SLICE, COMMIT = 64, 512


class Rig:
    """An organisation with agents in a data directory, and a core that is stepped by hand."""

    def __init__(self, folder: Path) -> None:
        self.backbone = Backbone(Config(data=str(folder / "data")))
        self.engine = self.backbone.engine
        self.core = self.backbone.core
        self.entropy = Entropy()
        self.org = 0
        self.agents: list[tuple[int, Actor]] = []
        self.asked = 0

    async def open(self, agents: int = AGENTS) -> None:
        await self.backbone.start()
        self.org = await self.backbone.found("bench", bench_policy())
        for subject, credential, _ in await fleet(self.engine, self.org, agents):
            nonce = self.engine.state(self.org, "agent", subject).nonce
            actor = Actor(kind="agent", id=public_id("agent", subject, nonce), credential=credential)
            self.agents.append((subject, actor))

    def frames(self, count: int) -> list[bytes]:
        """The next requests of all agents in turn, no two alike."""
        self.asked += count
        return [
            b'{"type":"action:request","id":%d,"payload":{"type":"%b","tool":"%b","reason":"benchmark","params":'
            b'{"path":"notes/%d/%d.txt","lines":12,"summary":"append a line to the log"}}}'
            % (
                number // len(self.agents) + 1,
                ACTION_TYPE.encode(),
                TOOL.encode(),
                number % len(self.agents),
                number,
            )
            for number in range(self.asked - count, self.asked)
        ]

    def read(self, number: int, data: bytes) -> Request:
        """As the hub does it."""
        subject, actor = self.agents[number % len(self.agents)]
        frame = wire.decode_frame(data)
        entropy = self.entropy.take()
        command = BUILDS[wire.ActionRequest][0](self.engine, self.org, subject, frame.payload, entropy)
        return Request(
            org=self.org,
            command=command,
            actor=actor,
            entropy=entropy,
            lane=Lane.REQUESTS,
            agent=subject,
            frame=frame.id,
            body=Hub.body_digest(frame),
        )

    def answer(self, request: Request, answer: Answer) -> bytes:
        """As the session does it."""
        assert answer.event is not None
        return wire.encode_frame(
            decided(self.engine, self.org, answer.event, request.entropy), re=request.frame
        )

    def step(self, requests: list[Request], commit: Callable[[Pending], object]) -> None:
        """Step in the engine's slices; `commit` gets what would go to the ledger."""
        now = self.engine.clock()
        for begin in range(0, len(requests), SLICE):
            self.core.step(requests[begin : begin + SLICE], now + begin)
            if (begin + SLICE) % COMMIT == 0:
                commit(self.core.take())
        commit(self.core.take())

    async def close(self) -> None:
        await self.backbone.stop()


def inevitable(rig: Rig, answer: bytes, count: int) -> float:
    """µs of what no implementation in Python can leave out."""
    frame, event = rig.frames(1)[0], bytes(900)
    told = msgspec.json.decode(answer)
    encode = msgspec.json.Encoder().encode
    began = time.process_time()
    for _ in range(count):
        wire.decode_frame(frame)
        for size in (frame, frame, frame, event, event, event):
            sha256(size).digest()
        encode(told)
        encode(told)
    return (time.process_time() - began) / count * 1e6


async def _measured(folder: Path, count: int) -> dict[str, Any]:
    rig = Rig(folder)
    await rig.open()
    head = rig.core.nodes[rig.org].head
    freeze_garbage()
    rounds: list[tuple[float, float, float]] = []
    owed: list[tuple[Request, Answer]] = []
    event_bytes = 0

    def drop(pending: Pending) -> None:
        nonlocal event_bytes
        owed.extend((one.request, one.answer) for one in pending.owed)
        if pending.batch.events:
            event_bytes = len(pending.batch.events[-1][3])

    told = b""
    for _ in range(10):
        first = rig.asked
        frames = rig.frames(count // 10)
        owed.clear()
        begun = time.process_time()
        requests = [rig.read(first + index, data) for index, data in enumerate(frames)]
        read = time.process_time()
        rig.step(requests, drop)
        stepped = time.process_time()
        for request, answer in owed:
            told = rig.answer(request, answer)
        end = time.process_time()
        each = 1e6 / len(frames)
        rounds.append(((read - begun) * each, (stepped - read) * each, (end - stepped) * each))
    found = {
        name: round(statistics.median(values), 1)
        for name, values in zip(
            ("reading_us", "step_us", "answering_us"), zip(*rounds, strict=True), strict=True
        )
    }
    found["whole_us"] = round(statistics.median(map(sum, rounds)), 1)
    found["whole_best_us"] = round(min(map(sum, rounds)), 1)
    found["limit_inevitable_us"] = round(inevitable(rig, told, 5_000), 1)
    found["event_bytes"] = event_bytes
    assert head.tree.size >= count
    # Nothing of this was committed: the backbone is left without writing what its core believes.
    rig.core.reload()
    await rig.close()
    return found


def measured(count: int) -> dict[str, Any]:
    """Medians of ten rounds, µs of CPU per decision."""
    with scratch() as folder:
        return asyncio.run(_measured(folder, count))


def run(quick: bool) -> dict[str, Any]:
    """Figures, limits and goals."""
    found = measured(10_000 if quick else 100_000)
    met = found["whole_us"] <= 25
    return {**found, "goals": [goal("CPU per decision without the ledger <= 25 us", found["whole_us"], met)]}


if __name__ == "__main__":
    report(run)
