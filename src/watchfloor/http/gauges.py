"""Gauges that are counted when somebody asks: agents by state, queues, open breakers (spec 6 *Metrics*).

Counting at a scrape costs a few indexed queries every 15 s; keeping such numbers exact in memory would cost every event.
All organisations of the deployment together: labels never name one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import get_args

from watchfloor.http.bodies.actions import Urgency
from watchfloor.http.bodies.agents import State
from watchfloor.http.bodies.tasks import Priority
from watchfloor.http.ports import Services
from watchfloor.kernel.anomaly_terms import ANOMALIES
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.terms import TIERS
from watchfloor.situation.messages import SEVERITIES

Sample = tuple[str, tuple[str, ...], float]

_COUNTED: tuple[tuple[str, tuple[str, ...], str], ...] = (
    (
        "agents_connected",
        get_args(State),
        "SELECT state AS name, count(*) AS n FROM agents GROUP BY state",
    ),
    (
        "decision_queue_depth",
        get_args(Urgency),
        "SELECT urgency AS name, count(*) AS n FROM decisions WHERE status = 'pending' GROUP BY urgency",
    ),
    (
        "task_queue_depth",
        get_args(Priority),
        "SELECT priority AS name, count(*) AS n FROM tasks WHERE status = 'queued' AND waiting = 0 AND paused_at = 0 GROUP BY priority",
    ),
    (
        "anomalies_open",
        tuple(ANOMALIES),
        "SELECT what AS name, count(*) AS n FROM anomalies WHERE status <> 'resolved' GROUP BY what",
    ),
    (
        "alerts_open",
        SEVERITIES,
        "SELECT severity AS name, count(*) AS n FROM alerts WHERE status <> 'resolved' GROUP BY severity",
    ),
)
_TIERS = (
    "SELECT tier AS name, count(*) AS n FROM agents WHERE retired_at = 0 AND tier IS NOT NULL GROUP BY tier"
)
_DEAD = "SELECT count(*) AS n FROM tasks WHERE status = 'dead_letter'"
EXPIRING_US = 7 * DAY  # as `agent.key_expiring/1` has it for keys of the usual life
_BREAKERS = "SELECT scope AS name, count(*) AS n FROM breakers WHERE until_at > :now GROUP BY scope"

_OPEN_WORKERS = "SELECT count(*) AS n FROM agents WHERE breaker = 'open' AND retired_at = 0"


def sampler(services: Services) -> Callable[[], Iterable[Sample]]:
    """What the metrics ask at every scrape. Blocking: the scrape runs in a thread."""

    def sample() -> Iterable[Sample]:
        for name, labels, sql in _COUNTED:
            yield from _every(name, labels, {row["name"]: row["n"] for row in services.views.rows(sql)})
        found = {row["name"]: row["n"] for row in services.views.rows(_BREAKERS, {"now": services.clock()})}
        tiers = {TIERS[row["name"]]: row["n"] for row in services.views.rows(_TIERS)}
        yield from _every("agents_by_tier", TIERS, tiers)
        yield "task_dead_letter_depth", (), float(services.views.rows(_DEAD)[0]["n"])
        open_workers = services.views.rows(_OPEN_WORKERS)[0]["n"]
        yield from _every("breaker_state", ("agent", "tool", "worker"), {**found, "worker": open_workers})

        now = services.clock()
        expiring = services.engine.credentials.expiring("agent", now, now + EXPIRING_US)
        yield "agent_keys_expiring", (), float(expiring)

    return sample


def _every(name: str, labels: tuple[str, ...], found: dict[str, int]) -> Iterable[Sample]:
    """One sample for each label, 0 where nothing was counted."""
    for label in labels:
        yield name, (label,), float(found.get(label, 0))
