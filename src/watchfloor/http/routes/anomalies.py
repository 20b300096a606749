"""Anomalies: the list, one with its evidence, acknowledging and resolving (spec 3.4)."""

from __future__ import annotations

from typing import Any

import msgspec

from watchfloor.http import lists
from watchfloor.http.asking import Call
from watchfloor.http.bodies import anomalies as wire
from watchfloor.http.bodies import fields
from watchfloor.http.replies import Reply
from watchfloor.kernel.anomaly_terms import ANOMALIES
from watchfloor.trust.anomaly_messages import AcknowledgeAnomaly, ResolveAnomaly

_UNITS = {
    "trust_drop": "points",
    "failure_rate": "permille",
    "violations": "events",
    "reciprocal_reviews": "reviews",
    "farming": "days",
    "limit_hugging": "hours",
    "coordinated": "agents",
    "rubber_stamp": "ms",
    "reviewer_bias": "permille",
}
_integers = msgspec.json.Decoder(tuple[int, ...]).decode


def item(call: Call, row: dict[str, Any]) -> wire.AnomalyItem:
    """A row of `anomalies` as lists show it."""
    return wire.AnomalyItem(
        anomaly_id=row["id"],
        what=row["what"],
        meaning=ANOMALIES.get(row["what"], ""),
        about=row["about"],
        agents=tuple(call.id_of("agent", agent) for agent in _integers(row["agents"])),
        measured=row["measured"],
        threshold=row["threshold"],
        unit=_UNITS.get(row["what"], ""),
        evidence=_integers(row["evidence"]),
        status=row["status"],
        outcome=row["outcome"],
        reason=row["reason"],
        found_at=row["found_at"],
        acknowledged_at=row["acknowledged_at"],
        acknowledged_by=row["acknowledged_by"],
        resolved_at=row["resolved_at"],
        resolved_by=row["resolved_by"],
    )


async def list_anomalies(call: Call) -> Reply:
    """Anomalies, newest first."""
    params: wire.AnomaliesParams = call.params
    also: tuple[str, ...] = ()
    bound = {}
    if params.agent:
        also = ("EXISTS (SELECT 1 FROM json_each(agents) WHERE value = :concerned)",)
        bound["concerned"] = call.resolve("agent", params.agent)[0]
    where = {"status": params.status, "what": params.what}
    rows, following = await lists.page(call, "anomalies", ("anomaly",), where, also=also, bound=bound)
    items = tuple(item(call, row) for row in rows)
    return Reply(body=wire.AnomalyPage(items=items, next=following, seq=call.view_seq))


async def get_anomaly(call: Call) -> Reply:
    """One anomaly with the seqs that show it."""
    subject, _ = call.resolve("anomaly", call.path["anomaly"])
    return Reply(body=item(call, await lists.viewed(call, "anomalies", "anomaly", subject)))


async def acknowledge_anomaly(call: Call) -> Reply:
    """Say that you have seen it and are looking."""
    subject, _ = call.resolve("anomaly", call.path["anomaly"])
    recorded = await call.ask(AcknowledgeAnomaly(subject=subject))
    return Reply(body=fields.Recorded(seq=recorded.seq))


async def resolve_anomaly(call: Call) -> Reply:
    """Close it: confirmed or a false alarm, and why. Not for an agent of your own."""
    body: wire.ResolveAnomalyBody = call.body
    subject, _ = call.resolve("anomaly", call.path["anomaly"])
    recorded = await call.ask(ResolveAnomaly(subject=subject, outcome=body.outcome, reason=body.reason))
    return Reply(body=fields.Recorded(seq=recorded.seq))
