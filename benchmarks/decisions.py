"""Durable decisions a second over WebSocket through the whole gate, beside a bare durable echo of the same run.

    python -m benchmarks.decisions [--quick]

Every rule runs; each decision is one event, chained, in the tree, durable before its answer. The floor is measured
before and after, because the machine may be shared; CPU per decision holds better than the wall figure.
Goals: half of the floor, 10,000/s, views at most 1 s behind; CPU 60 µs with everything, 25 µs without the store.
"""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks import hot_path
from benchmarks.floors import echo, loaded
from benchmarks.machine import allow_open_files, scratch
from benchmarks.product import goal, product, report

AGENTS = 1_000


def floor(seconds: float) -> dict[str, Any]:
    """The bare durable echo with as many agents."""
    with scratch() as folder:
        size = f"{AGENTS}x1"
        found: dict[str, Any] = echo(
            "durable", [(AGENTS, 1)], seconds, "--database", str(folder / "rows.db")
        )[size]
    return found


def under_load(seconds: float, *arguments: str, in_flight: int = 1, rate: float = 0) -> dict[str, Any]:
    """One measured window of the product, with what its views and its loop did meanwhile."""
    with product(AGENTS, *arguments) as server, server.load() as load:
        load.open(AGENTS)
        server.ask("watch")
        figures = loaded(load, server.pid, seconds=seconds, in_flight=in_flight, rate=rate)
        figures["server"] = server.ask("figures")
    return figures


def run(quick: bool) -> dict[str, Any]:
    """Figures, limits and goals."""
    allow_open_files()
    seconds = 10 if quick else 60
    before = floor(3 if quick else 10)
    full = under_load(seconds)
    after = floor(3 if quick else 10)
    limit = statistics.mean((before["per_second"], after["per_second"]))
    limit_cpu = statistics.mean((before["per_cpu_s"], after["per_cpu_s"]))
    # The default document lets an agent read twice a second; this is what 1,000 of them may ask for, and a tenth more.
    default = under_load(5 if quick else 20, "--policy", "default", rate=AGENTS * 120 / 60 * 1.1)
    share = full["per_second"] / limit
    without = hot_path.measured(10_000 if quick else 100_000)
    lag_ms = full["server"]["view_lag_max_ms"]
    return {
        "limit_durable_echo_before": before,
        "limit_durable_echo_after": after,
        "decisions": full,
        "decisions_four_in_flight": under_load(5 if quick else 20, in_flight=4),
        "share_of_the_limit": round(share, 3),
        "share_of_the_limit_per_cpu_second": round(full["per_cpu_s"] / limit_cpu, 3),
        "default_policy_at_its_ceiling": default,
        "without_the_ledger": without,
        "goals": [
            goal("decisions/s >= 50 % of the durable echo", round(share, 3), share >= 0.5),
            goal("decisions/s >= 10,000", full["per_second"], full["per_second"] >= 10_000),
            goal("views at most 1,000 ms behind", lag_ms, lag_ms <= 1_000),
            goal(
                "CPU per decision, all counted <= 60 us",
                full["server_cpu_us"],
                full["server_cpu_us"] <= 60,
            ),
            goal(
                "CPU per decision without the ledger <= 25 us",
                without["whole_us"],
                without["whole_us"] <= 25,
            ),
        ],
    }


if __name__ == "__main__":
    report(run)
