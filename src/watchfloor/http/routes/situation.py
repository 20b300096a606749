"""The situation report: one answer for the first page and the terminal (spec 06)."""

from __future__ import annotations

from typing import Any

from watchfloor.http import predicting
from watchfloor.http.asking import Call
from watchfloor.http.away import away
from watchfloor.http.bodies import situation as wire
from watchfloor.http.replies import Reply
from watchfloor.http.routes.alerts import ACTIVE, item
from watchfloor.kernel.instants import DAY, HOUR, MILLISECOND, MINUTE

SHOWN = 20  # of each list; the lists themselves have their own routes
LATELY = 500  # of those that ended, for means and rates
_GRAVITY = "CASE severity WHEN 'critical' THEN 0 WHEN 'warning' THEN 1 ELSE 2 END"


async def get_situation(call: Call) -> Reply:
    """How things stand, what is about to happen, and what happened since the reader was here."""
    params: wire.SituationParams = call.params
    seq = call.view_seq
    body = wire.Situation(
        at=call.now,
        mode=await _mode(call),
        fleet=await _counts(
            call,
            "SELECT state AS name, count(*) AS n FROM agents WHERE org = :org AND retired_at = 0 GROUP BY 1",
        ),
        tasks=await _counts(
            call,
            "SELECT CASE WHEN paused_at > 0 THEN 'paused' ELSE status END AS name, count(*) AS n"
            " FROM tasks WHERE org = :org AND finished_at = 0 GROUP BY 1",
        ),
        alerts=await _alerts(call),
        decisions=await _decisions(call),
        lately=await _lately(call),
        predictions=wire.Predictions(
            budgets=await predicting.budgets(call, SHOWN),
            tasks=await predicting.tasks(call, SHOWN),
            bottlenecks=await predicting.bottlenecks(call, SHOWN),
        ),
        away=await away(call, params.since_seq, params.since_at, seq)
        if params.since_seq or params.since_at
        else None,
        seq=seq,
    )
    return Reply(body=body)


async def _mode(call: Call) -> wire.Mode:
    services = call.services
    trouble = tuple(one.name for one in services.components() if one.status != "ok")
    (stops,) = await call.rows("SELECT count(*) AS n FROM stops WHERE org = :org AND lifted_at = 0")
    return wire.Mode(name=services.mode(), trouble=trouble, stops=stops["n"])


async def _counts(call: Call, sql: str) -> dict[str, int]:
    return {row["name"]: row["n"] for row in await call.rows(sql)}


async def _alerts(call: Call) -> wire.Alerting:
    severities = (
        f"SELECT severity AS name, count(*) AS n FROM alerts WHERE org = :org AND {ACTIVE} GROUP BY 1"  # noqa: S608 - a constant
    )
    counts = await _counts(call, severities)
    (unseen,) = await call.rows("SELECT count(*) AS n FROM alerts WHERE org = :org AND status = 'open'")
    rows = await call.rows(
        f"SELECT * FROM alerts WHERE org = :org AND {ACTIVE} ORDER BY {_GRAVITY}, alert DESC LIMIT {SHOWN:d}"  # noqa: S608 - names from code
    )
    return wire.Alerting(
        critical=counts.get("critical", 0),
        warning=counts.get("warning", 0),
        info=counts.get("info", 0),
        unseen=unseen["n"],
        items=tuple(item(call, row) for row in rows),
    )


_PENDING = """
    SELECT count(*) AS pending, coalesce(sum(deadline_at - :now < :soon), 0) AS soon,
      coalesce(sum(deadline_at - :now >= :soon AND deadline_at - :now < :hour), 0) AS hour
    FROM decisions WHERE org = :org AND status = 'pending'"""
_SOONEST = f"""
    SELECT d.id, d.action, d.agent, a.type, d.level, d.risk, d.urgency, d.role, d.committee, d.deadline_at
    FROM decisions d JOIN actions a ON a.org = d.org AND a.action = d.action
    WHERE d.org = :org AND d.status = 'pending' ORDER BY d.deadline_at, d.decision LIMIT {SHOWN:d}"""  # noqa: S608


async def _decisions(call: Call) -> wire.Deciding:
    (counts,) = await call.rows(_PENDING, now=call.now, soon=5 * MINUTE, hour=HOUR)
    rows = await call.rows(_SOONEST)
    return wire.Deciding(
        pending=counts["pending"],
        under_5_min=counts["soon"],
        under_1_h=counts["hour"],
        later=counts["pending"] - counts["soon"] - counts["hour"],
        items=tuple(_waiting(call, row) for row in rows),
    )


# The newest of each, so that a report costs the same in a large organisation; aborted ones are nobody's answer.
_ANSWERED = f"""
    SELECT count(*) AS n, avg(took) AS mean FROM (SELECT decided_at, decided_at - opened_at AS took FROM decisions
      WHERE org = :org AND (status = 'approved' OR status = 'denied' AND reason IN ('voted', 'vetoed'))
      ORDER BY decision DESC LIMIT {LATELY:d}) WHERE decided_at >= :since"""  # noqa: S608 - a constant
_ENDED = f"""
    SELECT count(*) AS n, coalesce(sum(status = 'succeeded'), 0) AS good FROM (SELECT status, finished_at FROM tasks
      WHERE org = :org AND status IN ('succeeded', 'dead_letter') ORDER BY task DESC LIMIT {LATELY:d})
    WHERE finished_at >= :since"""  # noqa: S608 - a constant


async def _lately(call: Call) -> wire.Lately:
    since = call.now - DAY
    (answered,) = await call.rows(_ANSWERED, since=since)
    (ended,) = await call.rows(_ENDED, since=since)
    return wire.Lately(
        since_at=since,
        decided=answered["n"],
        decision_ms_mean=int(answered["mean"]) // MILLISECOND if answered["n"] else None,
        ended=ended["n"],
        success_permille=ended["good"] * 1_000 // ended["n"] if ended["n"] else None,
    )


def _waiting(call: Call, row: dict[str, Any]) -> wire.Waiting:
    return wire.Waiting(
        decision_id=row["id"],
        action_id=call.id_of("action", row["action"]),
        agent_id=call.id_of("agent", row["agent"]),
        type=row["type"],
        level=row["level"],
        risk=row["risk"],
        urgency=row["urgency"],
        role=row["role"],
        committee=row["committee"],
        deadline_at=row["deadline_at"],
        left_ms=max(0, row["deadline_at"] - call.now) // MILLISECOND,
    )
