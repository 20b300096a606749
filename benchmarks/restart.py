"""A server killed with 10,000 open tasks and 500 actions that wait for people, and started again on the same data.

    python -m benchmarks.restart [--quick]

50 agents on the SDK, in a process of their own that outlives the server, with ten tasks each at a time. The tasks they hold
hang until the queue is full; then everybody works, and in the midst of that the server gets SIGKILL. A tenth of the tasks
waits for its time (`not_before_at`), half of those for an instant that passes while the server is away. Goals (issue 3,
fault B9): ready in 10 s; no task lost; none run twice by a valid generation; no timer twice.
"""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import time
from collections import Counter
from typing import Any

import httpx2 as httpx
from benchmarks.comeback import free_port
from benchmarks.machine import CLIENT_CPU, ROOT, pin, scratch
from benchmarks.product import Product, goal, report, serving

AGENTS = 50
TASKS, PENDING = 11_000, 500
READY_S_MAX = 10.0
WORKED_S = 0.6  # of everybody at work before the kill
LATER_S = (0, 20)  # after they were submitted, the delayed tasks' time comes


# The agents' process -------------------------------------------------------------------------------------------------


async def work(url: str, keys: list[str]) -> None:
    """Be the agents until the input ends: `go` lets them work; then tell what ran how often."""
    from watchfloor_agent import Agent, Task

    loop = asyncio.get_running_loop()
    go = asyncio.Event()
    ran: Counter[tuple[str, int]] = Counter()

    async def task(task: Task) -> None:
        ran[task.id, task.generation] += 1
        await go.wait()
        await asyncio.sleep(0.05)

    logging.getLogger("watchfloor_agent").setLevel(logging.ERROR)  # that the server is away is the plan
    agents = [Agent(url, key, reconnect_ms=(200, 1_000)) for key in keys]
    for agent in agents:
        agent.on_task(task)
        await agent.start()
    print("ready", flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        if line == "go\n":
            go.set()
    by_task = Counter(name for name, _ in ran)
    again = sum(count - 1 for count in ran.values())
    print(json.dumps({"tasks": len(by_task), "again": again, "generations": len(ran)}), flush=True)
    for agent in agents:
        await agent.stop()


# The measuring process -----------------------------------------------------------------------------------------------


def pending(server: Product, count: int) -> int:
    """So many actions that wait for people; returns how many do."""
    base = server.url.replace("ws", "http", 1).removesuffix("/ws")
    server.ask("people")
    found = 0
    with httpx.Client(base_url=base, timeout=30) as client:
        for number in range(count):
            headers = {
                "Authorization": f"Bearer {server.keys[number % AGENTS]}",
                "Idempotency-Key": f"p{number}",
            }
            body = {"type": "payment.send", "tool": "bank", "params": {"number": number}}
            answer = client.post("/api/v1/actions", json=body, headers=headers)
            answer.raise_for_status()
            found += answer.json()["verdict"] == "pending"
    return found


def account(server: Product, tasks: int, limit_s: float) -> dict[str, Any]:
    """What the ledger says once everything has ended."""
    until = time.monotonic() + limit_s
    while (open_now := server.ask("open")["open"]) and time.monotonic() < until:
        time.sleep(0.5)
    return {**server.ask("account", limit_s=300), "submitted": tasks, "open_at_the_end": open_now}


def run(quick: bool) -> dict[str, Any]:
    """Figures and goals."""
    tasks, waiting = (2_000, 50) if quick else (TASKS, PENDING)
    least = tasks * 10 // 11
    port = str(free_port())
    options = ("--port", port, "--heartbeat-ms", "10000")
    with scratch() as folder, serving(folder, "--agents", str(AGENTS), *options) as first:
        command = [sys.executable, "-m", "benchmarks.restart", "agents", first.url]
        with subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        ) as agents:
            assert agents.stdin is not None
            assert agents.stdout is not None
            agents.stdin.write(json.dumps(first.keys) + "\n")
            agents.stdin.flush()
            assert agents.stdout.readline() == "ready\n"
            asked = pending(first, waiting)
            first.ask({"queue": tasks, "later_s": LATER_S}, limit_s=300)
            agents.stdin.write("go\n")
            agents.stdin.flush()
            time.sleep(WORKED_S)
            first.kill()
            began = time.monotonic()
            with serving(folder, "--again", *options) as second:
                ready_s = round(time.monotonic() - began, 2)
                open_at_ready = second.ask("open")["open"]
                found = account(second, tasks, 300)
                done_s = round(time.monotonic() - began, 1)
                agents.stdin.close()
                ran = json.loads(agents.stdout.readline())
    lost = tasks - found["succeeded"]
    twice = ran["again"] + found["succeeded_twice"] + found["accepted_twice"]
    return {
        "open_at_ready": open_at_ready,
        "ready_s": ready_s,
        "all_done_s": done_s,
        "wall_figures": ["ready_s", "all_done_s"],
        "pending_before": asked,
        "ledger": found,
        "agents": ran,
        "goals": [
            goal(f"open tasks at the restart >= {least:,}", open_at_ready, open_at_ready >= least),
            goal("ready <= 10 s", ready_s, ready_s <= READY_S_MAX),
            goal("tasks lost = 0", lost, lost == 0),
            goal("run twice by a valid generation = 0", twice, twice == 0),
            goal("timers that fired twice = 0", found["ready_twice"], found["ready_twice"] == 0),
            goal(
                "actions that wait for people as before",
                found["pending"],
                found["pending"] == asked == waiting,
            ),
        ],
    }


if __name__ == "__main__":
    if sys.argv[1:2] == ["agents"]:
        pin(CLIENT_CPU)
        asyncio.run(work(sys.argv[2], json.loads(sys.stdin.readline())))
    else:
        report(run)
