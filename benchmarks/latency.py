"""How long a durable decision takes: 64 agents in an open loop at a fifth of what they can do at most.

    python -m benchmarks.latency [--quick]

Latency counts from the instant a request should have been sent. Goals: p50 at most 5 times fdatasync's p50 of the same
run plus 0.5 ms, p99 at most 15 ms.
"""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.floors import durable_latency, loaded
from benchmarks.machine import fdatasync, scratch
from benchmarks.product import goal, product, report

AGENTS, SHARE = 64, 0.2


def run(quick: bool) -> dict[str, Any]:
    """Figures, limits and goals."""
    rounds = 1_000 if quick else 5_000
    with scratch() as folder:
        before = fdatasync(folder, rounds)
    with product(AGENTS) as server, server.load() as load:
        load.open(AGENTS)
        capacity = loaded(load, server.pid, seconds=3 if quick else 10, in_flight=1)
        rate = capacity["per_second"] * SHARE
        server.ask("watch")
        paced = loaded(load, server.pid, seconds=8 if quick else 30, rate=rate)
        paced["server"] = server.ask("figures")
    with scratch() as folder:
        after = fdatasync(folder, rounds)
    disk_us = statistics.mean((before["p50"], after["p50"]))
    p50, p99 = (paced["steps"]["action:request"][name] for name in ("p50_us", "p99_us"))
    allowed = 5 * disk_us + 500
    return {
        "limit_fdatasync_before_us": before,
        "limit_fdatasync_after_us": after,
        "limit_durable_echo": durable_latency(quick, capacity["per_second"]),
        "capacity": capacity,
        "at_a_fifth": paced,
        "goals": [
            goal(f"p50 <= 5 x fdatasync + 500 us = {allowed:.0f} us", p50, p50 <= allowed),
            goal("p99 <= 15,000 us", p99, p99 <= 15_000),
        ],
    }


if __name__ == "__main__":
    report(run)
