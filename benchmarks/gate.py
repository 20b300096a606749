"""The gate alone, in process: derive and judge, beside a bare function call in the same run.

    python benchmarks/gate.py [--quick]

`run(quick)` returns figures as a dict. Every call is timed by itself, the clock's own cost taken off, so p50 and p99
are of single rulings. `gate` is what a ruling costs (tables by digest, derive, judge), `request` the whole rule with
digest and event facts, `answer` what the agent is told of it, `trace` the recomputation for people. Goal: p50 of `gate`
at most 25 microseconds with the default policy.
"""

from __future__ import annotations

import json
import platform
import sys
import time
from collections.abc import Callable
from typing import Any

from benchmarks.product import goal

from watchfloor.actions import gate, rules
from watchfloor.actions.derive import derive
from watchfloor.actions.messages import ActionDecided, Evidence, RequestAction
from watchfloor.actions.question import ask
from watchfloor.actions.tables import build, of
from watchfloor.kernel.messages import Actor
from watchfloor.kernel.subject import Given
from watchfloor.kernel.terms import Policy
from watchfloor.policy.digest import digest_of
from watchfloor.policy.document import from_plain

P50_US_GOAL = 25.0
AT = 1_790_000_000_000_000
ROUNDS = 5
TRUSTED: dict[str, Any] = {
    "agent_state": 0,
    "scope_allows": True,
    "tool_permitted": True,
    "stops": (),
    "breaker_agent_until": 0,
    "breaker_tool_until": 0,
    "requests_1s": 2,
    "requests_5s": 7,
    "executed_10s": 9,
    "same_digest_60s": 0,
    "throttles_60s": 0,
    "spent_today_micro": 0,
    "tier": 4,
    "score": 850,
    "tasks_open": 1,
    "task_valid": True,
    "first_time": False,
    "failures_24h": 0,
    "auto_hour": 3,
    "requests_hour": 12,
    "standing": 0,
    "standing_until": 0,
    "of_type_before": 9,
}
NEW = TRUSTED | {"tier": 1, "score": 300, "first_time": True, "of_type_before": 0}
# Ten factors, limits and lists as a bank would write them: what a long policy costs.
LONG: dict[str, Any] = {
    "factors": [
        {"name": f"amount_{n}", "points": n, "when": [{"field": "amount", "op": "gt", "value": 1000 * n}]}
        for n in range(1, 11)
    ],
    "envelope": {
        "allowed_hosts": [f"h{n}.example" for n in range(100)],
        "parameter_limits": [{"name": "amount", "field": "amount", "value_max": 10**9}],
    },
    "types": {f"type.{n}": "write" for n in range(500)},
    "tools": {"http": "external_api"},
}
PAYMENT = {"amount": 5500, "url": "https://api.h7.example/pay?x=1", "note": "invoice 4711", "to": ["a", "b"]}
Case = tuple[str, Policy, dict[str, Any], str, str, dict[str, Any]]


def cases() -> list[Case]:
    """(name, policy, evidence, type, tool, params)."""
    default = Policy()
    return [
        ("level_0_read", default, TRUSTED, "file.read", "reader", {"path": "src/main.py", "limit": 200}),
        ("level_0_no_parameters", default, TRUSTED, "search.query", "", {}),
        ("pending_patch_of_a_new_agent", default, NEW, "repository.patch", "git", {"diff": "-a\n+b\n" * 40, "path": "src/a.py"}),
        ("denied_path", default, TRUSTED, "file.read", "reader", {"path": "/work/../etc/passwd"}),
        ("payment_under_a_long_policy", from_plain(LONG), TRUSTED, "payment.send", "http", PAYMENT),
    ]  # fmt: skip


def timed(call: Callable[[], object], count: int) -> list[int]:
    """Nanoseconds of each call, the clock's own included."""
    clock = time.perf_counter_ns
    times = []
    for _ in range(count):
        begin = clock()
        call()
        times.append(clock() - begin)
    return times


def figures(times: list[int], clock_ns: int) -> dict[str, float]:
    """p50, p99 and mean in microseconds without the clock's own cost."""
    times = sorted(times)
    return {
        "p50_us": round((times[len(times) // 2] - clock_ns) / 1000, 2),
        "p99_us": round((times[len(times) * 99 // 100] - clock_ns) / 1000, 2),
        "mean_us": round((sum(times) / len(times) - clock_ns) / 1000, 2),
    }


def _nothing() -> None:
    """The bare function call."""


def _calls(case: Case) -> dict[str, Callable[[], object]]:
    _, policy, fields, action_type, tool, params = case
    digest, seen = digest_of(policy), Evidence(**fields)
    command = RequestAction(
        agent=3,
        type=action_type,
        tool=tool,
        params=params,
        action=json.dumps({"params": params, "tool": tool, "type": action_type}).encode(),
        salt=b"s" * 32,
        private=b"{}",
    )
    gathered = gate.Gathered(policy=policy, policy_version=1, policy_digest=digest, evidence=seen)
    actor = Actor(kind="agent", id="agt_1000000000", credential="key_1000000000")
    given = Given(at=AT, subject=9, entropy=b"e" * 32, actor=actor, evidence=gathered)
    (draft,) = rules.request(None, command, given)
    facts = draft.facts
    assert isinstance(facts, ActionDecided)

    def ruling() -> object:
        tables = of(policy, digest)
        return gate.judge(ask(tables, derive(tables, action_type, tool, params), seen, AT))

    def answer() -> object:
        return gate.reasons(policy, digest, facts, AT), gate.explain_risk(policy, digest, facts)

    return {
        "gate": ruling,
        "request": lambda: rules.request(None, command, given),
        "answer": answer,
        "trace": lambda: gate.trace(policy, facts, AT, digest),
        "audit": lambda: gate.audit(policy, facts, AT, digest),
    }


def run(quick: bool = False) -> dict[str, Any]:
    """Measure every case in interleaved rounds, so that a noisy neighbour is everybody's."""
    count = 1_000 if quick else 20_000
    prepared = {case[0]: _calls(case) for case in cases()}
    times: dict[tuple[str, str], list[int]] = {}
    bare: list[int] = []
    clock: list[int] = []
    for _ in range(ROUNDS):
        now = time.perf_counter_ns
        clock += [-(now() - now()) for _ in range(count)]
        bare += timed(_nothing, count)
        for name, calls in prepared.items():
            for what, call in calls.items():
                repeat = count if what in ("gate", "request") else count // 10
                times.setdefault((name, what), []).extend(timed(call, repeat))
    clock_ns = sorted(clock)[len(clock) // 2]
    results = {
        name: {what: figures(times[name, what], clock_ns) for what in calls}
        for name, calls in prepared.items()
    }
    begin = time.perf_counter_ns()
    for _ in range(20):
        build(Policy())
    p50 = results["level_0_read"]["gate"]["p50_us"]
    return {
        "benchmark": "gate",
        "quick": quick,
        "machine": {"python": platform.python_version(), "processor": platform.machine()},
        "calls_per_case": count * ROUNDS,
        "bare_call": figures(bare, clock_ns),
        "cases": results,
        "tables_built_us": round((time.perf_counter_ns() - begin) / 20_000, 1),
        "goals": [goal(f"gate alone, p50 <= {P50_US_GOAL} us", p50, p50 <= P50_US_GOAL)],
    }


if __name__ == "__main__":
    print(json.dumps(run("--quick" in sys.argv[1:]), indent=2))
