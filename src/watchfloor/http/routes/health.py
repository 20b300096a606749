"""Health, readiness, metrics (spec 6). Never rate limited; details only with a credential."""

from __future__ import annotations

import asyncio
import resource
import sys
from pathlib import Path

from watchfloor.http.asking import Call
from watchfloor.http.bodies import ledger as wire
from watchfloor.http.replies import Reply

_PAGE_BYTES = resource.getpagesize()
_STATM = Path("/proc/self/statm")
EXPOSITION = "text/plain; version=0.0.4"


def memory_bytes() -> int:
    """Resident memory of this process; the peak where the system does not tell."""
    try:
        return int(_STATM.read_text(encoding="ascii").split()[1]) * _PAGE_BYTES
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024


async def get_health(call: Call) -> Reply:
    """Is the process serving? 200 also when degraded; details with a credential."""
    services = call.services
    trouble = services.ready()
    plain = wire.Health(
        status="degraded" if trouble else "ok",
        version=services.config.version,
        uptime_seconds=int(services.monotonic() - services.started_at),
        memory_bytes=memory_bytes(),
        database="down" if trouble else "ok",
    )
    if call.principal.kind == "anonymous":
        return Reply(body=plain)
    return Reply(
        body=wire.Health(
            status=plain.status,
            version=plain.version,
            uptime_seconds=plain.uptime_seconds,
            memory_bytes=plain.memory_bytes,
            database=plain.database,
            mode=services.mode(),
            components=tuple(services.components()),
            ledger_seq=services.engine.head(call.org),
        )
    )


async def get_ready(call: Call) -> Reply:
    """Can the ledger accept writes? 503 while it cannot."""
    trouble = call.services.ready()
    shown = (
        trouble
        if call.principal.kind != "anonymous"
        else "the ledger cannot accept writes"
        if trouble
        else ""
    )
    return Reply(status=503 if trouble else 200, body=wire.Ready(ready=not trouble, reason=shown))


async def get_live(call: Call) -> Reply:
    """Is the event loop running? It answered, so it is."""
    del call
    return Reply(body=wire.Ready(ready=True))


async def get_exposition(call: Call) -> Reply:
    """All metrics in the Prometheus text format."""
    content = await asyncio.to_thread(call.services.metrics.exposition)
    return Reply(content=content, media_type=EXPOSITION)


# One look at every open task, of which there may be a hundred thousand.
_OPEN_TASKS = """
    SELECT priority AS lane, status, paused_at > 0 AS paused, count(*) AS n FROM tasks
    WHERE org = :org AND finished_at = 0 GROUP BY 1, 2, 3"""


async def get_metrics(call: Call) -> Reply:
    """A snapshot as JSON: queues, latency, errors. Queues are of this organisation, the rest of this node."""
    metrics = call.services.metrics
    urgencies = await _counts(
        call,
        "SELECT urgency AS name, count(*) AS n FROM decisions WHERE org = :org AND status = 'pending' GROUP BY urgency",
    )
    states = await _counts(
        call, "SELECT state AS name, count(*) AS n FROM agents WHERE org = :org GROUP BY state"
    )
    queued: dict[str, int] = {}
    opened: dict[str, dict[str, int]] = {}
    for row in await call.rows(_OPEN_TASKS):
        if row["status"] == "queued":
            queued[row["lane"]] = queued.get(row["lane"], 0) + row["n"]
        name = "paused" if row["paused"] else row["status"]
        lane = opened.setdefault(row["lane"], {})
        lane[name] = lane.get(name, 0) + row["n"]
    requests = metrics.totals("http_requests_total")
    errors = sum(value for labels, value in requests.items() if labels.rpartition(" ")[2].startswith("5"))
    quantiles = [
        1_000 * metrics.quantile("http_request_duration_seconds", share) for share in (0.5, 0.95, 0.99)
    ]
    return Reply(
        body=wire.MetricsNow(
            at=call.now,
            decision_queue_depth=urgencies,
            task_queue_depth=queued,
            agents=states,
            http_requests=int(sum(requests.values())),
            http_errors=int(errors),
            http_p50_ms=quantiles[0],
            http_p95_ms=quantiles[1],
            http_p99_ms=quantiles[2],
            ledger_events=call.services.engine.head(call.org),
            websocket_connections=int(metrics.read("websocket_connections_current")),
            streams=int(metrics.read("streams_current")),
            tasks=opened,
        )
    )


async def _counts(call: Call, sql: str) -> dict[str, int]:
    return {row["name"]: row["n"] for row in await call.rows(sql)}
