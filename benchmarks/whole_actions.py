"""Whole actions a second: request, start, complete; three durable answers and about four events each.

    python -m benchmarks.whole_actions [--quick]

Goal: 15 % of the bare durable echo of the same run.
"""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.decisions import AGENTS, floor
from benchmarks.floors import loaded
from benchmarks.machine import allow_open_files
from benchmarks.product import goal, product, report


def run(quick: bool) -> dict[str, Any]:
    """Figures, limits and goals."""
    allow_open_files()
    seconds = 5 if quick else 20
    before = floor(3 if quick else 8)
    with product(AGENTS) as server, server.load("whole_actions") as load:
        load.open(AGENTS)
        server.ask("watch")
        figures = loaded(load, server.pid, seconds=seconds, in_flight=1)
        figures["server"] = server.ask("figures")
    after = floor(3 if quick else 8)
    limit = statistics.mean((before["per_second"], after["per_second"]))
    share = figures["per_second"] / limit
    return {
        "limit_durable_echo_before": before,
        "limit_durable_echo_after": after,
        "whole_actions": figures,
        "share_of_the_limit": round(share, 3),
        "goals": [goal("whole actions/s >= 15 % of the durable echo", round(share, 3), share >= 0.15)],
    }


if __name__ == "__main__":
    report(run)
