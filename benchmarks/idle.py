"""10,000 idle agents that authenticated through the real hub, and all of them coming back at once.

    python -m benchmarks.idle [--quick]

Memory is PSS per agent including its state in the registers (kernel socket buffers are not in PSS). Goals: 16 KiB each,
no failures, and at least half the rate at which the bare socket shim lets them in.
"""

from __future__ import annotations

import time
from typing import Any

from benchmarks import floors
from benchmarks.machine import allow_open_files, cpu_seconds, pss_kib
from benchmarks.product import goal, product, report


def run(quick: bool) -> dict[str, Any]:
    """Figures, limits and goals."""
    agents = 2_000 if quick else min(10_000, allow_open_files() - 300)
    bare = floors.idle(quick)
    with product(50) as few:
        time.sleep(1)
        empty = pss_kib(few.pid)
    storms = []
    with product(agents) as server, server.load() as load:
        time.sleep(1)
        registered = pss_kib(server.pid)
        for again in (False, True):
            if again:
                load.drop()
                time.sleep(2)
            used = cpu_seconds(server.pid)
            storm = load.open(agents)
            used = cpu_seconds(server.pid) - used
            storm["per_cpu_s"] = round(storm["opened"] / used) if used else 0
            storms.append(storm)
            if not again:
                time.sleep(2)
                connected = pss_kib(server.pid)
    each = round((connected - empty) / agents, 2)
    failures = sum(sum(storm["failures"].values()) for storm in storms)
    bare_again = bare["storms"][-1]
    share = round(storms[-1]["per_second"] / bare_again["per_second"], 3)
    return {
        "agents": agents,
        "limit_bare_shim": bare,
        "empty_kib": empty,
        "kib_per_registered": round((registered - empty) / agents, 2),
        "kib_per_connected": round((connected - registered) / agents, 2),
        "kib_each": each,
        "storms": storms,
        "share_of_the_limit": share,
        "share_of_the_limit_per_cpu_second": round(storms[-1]["per_cpu_s"] / bare_again["per_cpu_s"], 3),
        "goals": [
            goal("PSS each <= 16 KiB", each, each <= 16),
            goal("failures = 0", failures, failures == 0),
            goal("reconnections/s >= 50 % of the bare shim", share, share >= 0.5),
        ],
    }


if __name__ == "__main__":
    report(run)
