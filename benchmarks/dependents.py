"""A task that fails while 100,000 others wait for it: all are told, in slices, and nobody else is held up.

    python -m benchmarks.dependents [--quick]

50 agents over WebSocket in a process of their own; one of them fails the task. Before that and during it others submit a
task every 20 ms, timed from submission to the agent's frame. Goals: every dependent is in the dead letter, told once; the
others' p99 stays at 50 ms at most (the bound of `benchmarks.overtaking`).
"""

from __future__ import annotations

from typing import Any

from benchmarks.machine import allow_open_files, rss_kib
from benchmarks.product import goal, product, report
from benchmarks.tasks import AGENTS, done

EVERY_MS = 20
P99_MS_MAX = 50.0
BEFORE_S = 5


def run(quick: bool) -> dict[str, Any]:
    """Figures and goals."""
    allow_open_files()
    count, lasts_s = (10_000, 40) if quick else (100_000, 120)
    order = {"dependents": count, "before_s": BEFORE_S, "every_ms": EVERY_MS}
    with product(AGENTS) as server:
        found = done(server, lasts_s, order)
        found["rss_kib"] = rss_kib(server.pid)
        account = server.ask("account", limit_s=300)
    frames = found["frame_ms"]
    p99 = frames.get("during", {}).get("p99", 0.0)
    seen = frames.get("during", {}).get("count", 0) == found["during"] > 0
    return {
        **found,
        "ledger": account,
        "goals": [
            goal(f"dependents told, each once = {count:,}", found["told"], found["told"] == count),
            goal("others meanwhile: p99 <= 50 ms", p99, seen and p99 <= P99_MS_MAX),
        ],
    }


if __name__ == "__main__":
    report(run)
