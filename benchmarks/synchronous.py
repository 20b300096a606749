"""What durability costs end to end: decisions a second with SQLite's synchronous=FULL against NORMAL.

    python -m benchmarks.synchronous [--quick]

NORMAL does not survive a power cut and is never the server's setting; the two take turns. Goal: FULL reaches 80 %.
"""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.decisions import under_load
from benchmarks.machine import allow_open_files
from benchmarks.product import goal, report


def run(quick: bool) -> dict[str, Any]:
    """Figures, limits and goals."""
    allow_open_files()
    found: dict[str, list[float]] = {"FULL": [], "NORMAL": []}
    cpu: dict[str, list[float]] = {"FULL": [], "NORMAL": []}
    for _ in range(2 if quick else 5):
        for mode in found:
            figures = under_load(4 if quick else 10, "--synchronous", mode)
            found[mode].append(figures["per_second"])
            cpu[mode].append(figures["server_cpu_us"])
    full, normal = (statistics.median(found[mode]) for mode in ("FULL", "NORMAL"))
    share = round(full / normal, 3)
    return {
        "limit_normal_per_second": normal,
        "full_per_second": full,
        "rounds": found,
        "cpu_us": {mode: statistics.median(values) for mode, values in cpu.items()},
        "goals": [goal("FULL >= 80 % of NORMAL", share, share >= 0.8)],
    }


if __name__ == "__main__":
    report(run)
