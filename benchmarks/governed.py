"""Durable decisions a second under a policy as long as an organisation's, beside the bench's short one in the same run.

    python -m benchmarks.governed [--quick]

*Realistic* as in benchmarks/policy_gate.py: 200 action classes, 50 parameter rules, 20 path rules; 1,000 agents in a
closed loop, as in benchmarks/decisions.py. The rules alone, and with three budgets of the organisation (money, tokens,
actions): every permit then reserves, and its grant is closed in the record when nobody uses it.
Goal: 80 % of the short policy's decisions a second. Short, long, short: a machine that slows down shows.
"""

from __future__ import annotations

import statistics
from typing import Any

from benchmarks.floors import loaded
from benchmarks.machine import allow_open_files
from benchmarks.product import goal, product, report

AGENTS, SHARE = 1_000, 0.8
_ESTIMATE = '"cost_micro":100,"tokens":100,'


def measured(policy: str, seconds: float, **options: Any) -> dict[str, Any]:
    """One window of the product under this policy."""
    with product(AGENTS, "--policy", policy) as server, server.load(**options) as load:
        load.open(AGENTS)
        return loaded(load, server.pid, seconds=seconds, in_flight=1)


def run(quick: bool) -> dict[str, Any]:
    """Figures and goals."""
    allow_open_files()
    seconds = 6 if quick else 30
    before = measured("bench", seconds)
    rules = measured("long", seconds)
    budgets = measured("realistic", seconds, estimate=_ESTIMATE)
    after = measured("bench", seconds)
    spine = statistics.mean((before["per_second"], after["per_second"]))
    spine_cpu = statistics.mean((before["server_cpu_us"], after["server_cpu_us"]))
    found: dict[str, Any] = {
        "short_policy_before": before,
        "short_policy_after": after,
        "long_policy": rules,
        "long_policy_and_budgets": budgets,
        "goals": [],
    }
    for name, figures in (("200 classes, 70 rules", rules), ("the same and three budgets", budgets)):
        share = round(figures["per_second"] / spine, 3)
        cpu = round(spine_cpu / figures["server_cpu_us"], 3)
        found["goals"] += [
            goal(f"{name}: decisions/s >= 80 % of the short policy's", share, share >= SHARE),
            goal(f"{name}: decisions per CPU second, likewise", cpu, cpu >= SHARE),
        ]
    return found


if __name__ == "__main__":
    report(run)
