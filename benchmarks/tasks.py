"""Whole tasks a second: submit, assign, accept, complete, each step durable before it is answered, over WebSocket.

    python -m benchmarks.tasks [--quick]

One server on one CPU, 50 agents with ten tasks each at a time, in a process of their own. Beside it, where `procrastinate`
and `dbos` can be started, the same empty task in both (`WATCHFLOOR_BENCH_PEERS` names a Python that has them installed with
their drivers): 500 under way in a closed loop, submitted and done in one process. Goals: five times the better of them, and
5 ms from submission to the agent's frame at a tenth of the load.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

from benchmarks.machine import ROOT, allow_open_files, scratch
from benchmarks.product import Product, goal, product, report

AGENTS = 50
UNDER_WAY = 500
PEERS = ("procrastinate", "dbos")


def done(server: Product, seconds: float, order: dict[str, Any], work_ms: int = 0) -> dict[str, Any]:
    """One window: what the server counted, and what its agents, who are there for so many seconds, saw."""
    command = [sys.executable, "-m", "benchmarks.doing", server.url, str(seconds), str(work_ms)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as agents:
        assert agents.stdin is not None
        assert agents.stdout is not None
        agents.stdin.write(json.dumps(server.keys) + "\n")
        agents.stdin.flush()
        assert agents.stdout.readline() == "ready\n"
        figures = server.ask(order, limit_s=seconds + 120)
        figures["frame_ms"] = json.loads(agents.stdout.readline())
    return figures


def peer(name: str, seconds: float) -> dict[str, Any]:
    """A peer's figures, or why there are none."""
    python = os.environ.get("WATCHFLOOR_BENCH_PEERS", "")
    if not python:
        return {"left_out": "WATCHFLOOR_BENCH_PEERS names no Python that has it"}
    with scratch() as folder:
        command = [python, str(ROOT / "benchmarks" / "peers.py"), name, str(folder), str(seconds)]
        try:
            ran = subprocess.run(command, capture_output=True, text=True, timeout=seconds + 240, check=False)
        except subprocess.TimeoutExpired:
            return {"left_out": "it did not end"}
    try:
        found: dict[str, Any] = json.loads(ran.stdout.strip().splitlines()[-1])
    except (IndexError, ValueError):
        return {"left_out": (ran.stderr.strip().splitlines() or ["no word"])[-1][:200]}
    return found


def run(quick: bool) -> dict[str, Any]:
    """Figures, peers and goals."""
    allow_open_files()
    seconds = 5 if quick else 20
    with product(AGENTS) as server:
        full = done(server, seconds + 2, {"tasks": seconds, "under_way": UNDER_WAY})
    with product(AGENTS) as server:
        light = done(server, seconds + 2, {"tasks": seconds, "under_way": AGENTS // 5})
    peers = {name: peer(name, seconds) for name in PEERS}
    best = max((figures.get("per_second", 0.0) for figures in peers.values()), default=0.0)
    times = round(full["per_second"] / best, 1) if best else 0.0
    p50 = light["frame_ms"]["p50"]
    return {
        "tasks": full,
        "tasks_light": light,
        "peers": peers,
        "goals": [
            *([goal("tasks/s >= 5 times the better peer", times, times >= 5)] if best else []),
            goal("submit to the agent's frame p50 <= 5 ms", p50, p50 <= 5),
        ],
    }


if __name__ == "__main__":
    report(run)
