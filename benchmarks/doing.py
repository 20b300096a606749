"""Agents that do every task at once: a client process for `benchmarks.tasks`.

    python -m benchmarks.doing URL SECONDS [WORK_MS] < keys

Each agent accepts what it is given, reports it done (WORK_MS later on average, evenly spread), and keeps at most eight frames unanswered. Prints how
long tasks took from submission to the agent's frame, ms, once its input has named the keys and the seconds are over. A
task's title is the instant of its submission, perhaps with a word before it by which it is counted; "0" is not timed, and
"fail" is what comes of that task.
"""

from __future__ import annotations

import asyncio
import json
import random
import sys
import time
from collections import deque
from typing import Any

import uvloop
from benchmarks.machine import CLIENT_CPU, pin
from benchmarks.scripts import by_re
from picows import WSFrame, WSListener, WSMsgType, WSTransport, ws_connect

IN_FLIGHT = 8


class Agent(WSListener):
    """One connection."""

    def __init__(self, spans: dict[str, list[float]], work_s: float) -> None:
        self.spans = spans
        self.work_s = work_s
        self.transport: WSTransport | None = None
        self.waiting: deque[tuple[bytes, bytes]] = deque()
        self.unanswered = 0
        self.next_id = 1

    def on_ws_connected(self, transport: WSTransport) -> None:
        self.transport = transport

    def on_ws_frame(self, _transport: WSTransport, frame: WSFrame) -> None:
        if frame.msg_type is not WSMsgType.TEXT:
            return
        data = frame.get_payload_as_bytes()
        if by_re(data):
            self.unanswered -= 1
            if data.startswith(b'{"type":"error"'):
                sys.stderr.write(data.decode() + "\n")
        elif data.startswith(b'{"type":"task:assigned"'):
            self._assigned(json.loads(data)["payload"])
        elif data.startswith(b'{"type":"welcome"'):
            self.next_id = int(json.loads(data)["payload"].get("last_id", 0)) + 1
        self._send()

    def _assigned(self, task: dict[str, Any]) -> None:
        word, _, instant = task["title"].rpartition(" ")
        if instant.isdigit() and instant != "0":
            self.spans.setdefault(word, []).append((time.perf_counter_ns() - int(instant)) / 1e6)
        named = b'"task_id":"%b","generation":%d' % (task["task_id"].encode(), task["generation"])
        self.waiting.append((b"task:accepted", b"{%b}" % named))
        if instant == "fail":
            self.waiting.append((b"task:failed", b'{%b,"reason":"planned","retryable":false}' % named))
        elif self.work_s:
            asyncio.get_running_loop().call_later(random.uniform(0, 2 * self.work_s), self._done, named)
        else:
            self.waiting.append((b"task:completed", b'{%b,"result":{}}' % named))

    def _done(self, named: bytes) -> None:
        self.waiting.append((b"task:completed", b'{%b,"result":{}}' % named))
        self._send()

    def _send(self) -> None:
        while self.waiting and self.unanswered < IN_FLIGHT:
            kind, payload = self.waiting.popleft()
            assert self.transport is not None
            frame = b'{"type":"%b","id":%d,"payload":%b}' % (kind, self.next_id, payload)
            self.transport.send(WSMsgType.TEXT, frame)
            self.next_id += 1
            self.unanswered += 1


async def serve(url: str, seconds: float, work_s: float, keys: list[str]) -> dict[str, Any]:
    """Connect all, work for so long, tell."""
    spans: dict[str, list[float]] = {"": []}
    for key in keys:
        await ws_connect(lambda: Agent(spans, work_s), url, extra_headers={"Authorization": f"Bearer {key}"})
    print("ready", flush=True)
    await asyncio.sleep(seconds)
    named = {word: figures(found) for word, found in spans.items() if word}
    return {**figures(spans[""]), **named}


def figures(spans: list[float]) -> dict[str, Any]:
    """How many, and how long they took."""
    spans.sort()
    ordered = spans or [0.0]
    return {
        "count": len(spans),
        "p50": round(ordered[len(ordered) // 2], 2),
        "p99": round(ordered[len(ordered) * 99 // 100], 2),
    }


if __name__ == "__main__":
    pin(CLIENT_CPU)
    wanted = json.loads(sys.stdin.readline())
    work_s = float(sys.argv[3]) / 1e3 if len(sys.argv) > 3 else 0.0
    sys.stdout.write(json.dumps(uvloop.run(serve(sys.argv[1], float(sys.argv[2]), work_s, wanted))) + "\n")
