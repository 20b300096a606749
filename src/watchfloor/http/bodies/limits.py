"""The limits an agent works under, and what of them is used up (spec 3.3)."""

from __future__ import annotations

from typing import Any

from watchfloor.http.bodies.economics import BudgetItem
from watchfloor.http.bodies.fields import Answer, Count, Instant, Millis, Seq


class LimitNow(Answer, frozen=True, kw_only=True):
    """`used` of `limit` within the last `window_ms` (0: at a time). `unit`: count, or micro units of money.

    `kind`: tasks in hand; rate of requests for actions of a class (on this node); runaway, beyond which the agent is
    quarantined; money of the UTC day; automatic, how many actions of one type run by themselves in an hour (`name` the
    type used most this hour, empty: none yet).
    """

    kind: str
    name: str
    used: Count
    limit: Count
    window_ms: Millis
    unit: str = "count"


class BreakerNow(Answer, frozen=True, kw_only=True):
    """Of the agent's actions: `failures` of `failures_max` within `window_ms`; open until `open_until_at` (0: closed)."""

    failures: Count
    failures_max: Count
    window_ms: Millis
    open_until_at: Instant


class AgentLimits(Answer, frozen=True, kw_only=True):
    """What is in force for the agent as of now. `stops`: ids of the stops that hit it; `budgets`: those it counts against."""

    agent_id: str
    tier: str
    items: tuple[LimitNow, ...]
    breaker: BreakerNow
    budgets: tuple[BudgetItem, ...]
    stops: tuple[str, ...]
    seq: Seq


EXAMPLES: dict[type, dict[str, Any]] = {
    AgentLimits: {
        "agent_id": "agt_q0d1k7m9x2v4",
        "tier": "PROBATIONARY",
        "items": [
            {"kind": "tasks", "name": "", "used": 1, "limit": 1, "window_ms": 0, "unit": "count"},
            {"kind": "rate", "name": "heavy", "used": 3, "limit": 10, "window_ms": 60_000, "unit": "count"},
            {
                "kind": "money",
                "name": "",
                "used": 4_100_000,
                "limit": 1_000_000_000,
                "window_ms": 86_400_000,
                "unit": "micro",
            },
        ],
        "breaker": {"failures": 1, "failures_max": 3, "window_ms": 300_000, "open_until_at": 0},
        "budgets": [],
        "stops": [],
        "seq": 1042,
    }
}
