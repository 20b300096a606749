"""The sums behind the analytics, computed from the rows of the views when asked for (spec 3.5).

Names in the SQL come from code, every value is bound. A percentile is the value at rank ⌈n · p⌉ of what is there, so it is
always a time somebody really took.
"""

from __future__ import annotations

from typing import Any

from watchfloor.http.asking import Call

IDS = 20  # newest ids shown behind a number; filters lead to the others

ACTION_KEYS = {
    "type": "a.type",
    "agent": "a.agent",
    "class": "a.class",
    "day": "a.decided_at / 86400000000",
    "organisation": "''",
}
_BAND = "CASE WHEN d.risk < 25 THEN 'low' WHEN d.risk < 50 THEN 'medium' WHEN d.risk < 75 THEN 'high' ELSE 'critical' END"
DECISION_KEYS = {
    "risk": _BAND,
    "type": "a.type",
    "agent": "d.agent",
    "day": "d.opened_at / 86400000000",
    "approver": "v.person",
    "organisation": "''",
}


def _where(alias: str, instant: str, bound: dict[str, Any]) -> str:
    """Conditions for the filters that are set."""
    conditions = [f"{alias}.org = :org", f"{alias}.{instant} >= :from_at"]
    if bound["to_at"]:
        conditions.append(f"{alias}.{instant} < :to_at")
    if bound["agent"]:
        conditions.append(f"{alias}.agent = :agent")
    if bound["type"]:
        conditions.append("a.type = :type")
    if bound["owner"]:
        owned = "(SELECT agent FROM agents WHERE org = :org AND owner = :owner)"
        conditions.append(f"{alias}.agent IN {owned}")
    return " AND ".join(conditions)


async def automation(call: Call, by: str, bound: dict[str, Any], limit: int) -> list[dict[str, Any]]:
    """Sums of actions by a key, the busiest first."""
    where = _where("a", "decided_at", bound)
    sql = f"""
        WITH judged AS (
          SELECT {ACTION_KEYS[by]} AS key, a.action, a.id, a.verdict, a.risk_before < 25 AS low,
            a.verdict = 'permitted' AND a.observed = 0 AS auto,
            a.verdict = 'permitted' AND a.observed = 0 AND (a.status IN ('failed', 'unknown') OR coalesce(t.review, '') = 'negative') AS bad
          FROM actions a LEFT JOIN tasks t ON a.task > 0 AND t.org = a.org AND t.task = a.task WHERE {where}),
        marked AS (
          SELECT *, row_number() OVER (PARTITION BY key, low AND NOT auto ORDER BY action DESC) AS held_rank,
            row_number() OVER (PARTITION BY key, bad ORDER BY action DESC) AS bad_rank FROM judged)
        SELECT key, count(*) AS actions, sum(auto) AS automatic, sum(verdict = 'pending') AS held,
          sum(verdict = 'denied') AS denied, sum(low) AS low_risk, sum(low AND auto) AS low_risk_automatic,
          sum(bad) AS wrong,
          json_group_array(id) FILTER (WHERE low AND NOT auto AND held_rank <= {IDS:d}) AS held_ids,
          json_group_array(id) FILTER (WHERE bad AND bad_rank <= {IDS:d}) AS wrong_ids
        FROM marked GROUP BY key ORDER BY count(*) DESC, key LIMIT {limit:d}"""  # noqa: S608 - names from code, values bound
    return await call.rows(sql, **bound)


async def deciding(call: Call, by: str, bound: dict[str, Any], limit: int) -> list[dict[str, Any]]:
    """Sums of decisions, or of votes, by a key, the most frequent first."""
    where = _where("d", "opened_at", bound)
    votes = by == "approver"
    took = "v.at - d.opened_at" if votes else "d.decided_at - d.opened_at"
    approved = "v.vote = 'approve'" if votes else "d.status = 'approved'"
    denied = "v.vote = 'deny'" if votes else "d.status = 'denied' AND d.reason IN ('voted', 'vetoed')"
    more = (
        "JOIN votes v ON v.org = d.org AND v.decision = d.decision AND v.refused = '' AND v.late = 0"
        if votes
        else ""
    )
    sql = f"""
        WITH asked AS (
          SELECT {DECISION_KEYS[by]} AS key, d.decision, d.id, d.status, d.reason, d.rung > 0 AS climbed,
            {approved} AS yes, {denied} AS no, ({took}) / 1000 AS took
          FROM decisions d JOIN actions a ON a.org = d.org AND a.action = d.action {more} WHERE {where}),
        ranked AS (
          SELECT *, row_number() OVER (PARTITION BY key ORDER BY decision DESC) AS newest,
            row_number() OVER (PARTITION BY key, yes OR no ORDER BY took) AS slow,
            count(*) OVER (PARTITION BY key, yes OR no) AS answers FROM asked)
        SELECT key, count(*) AS decisions, sum(status = 'pending') AS pending, sum(yes) AS approved, sum(no) AS denied,
          sum(status = 'denied' AND reason IN ('unanswered', 'unanswerable')) AS unanswered,
          sum(status = 'expired') AS expired, sum(status = 'cancelled') AS cancelled, sum(climbed) AS escalated,
          CAST(coalesce(avg(took) FILTER (WHERE yes OR no), 0) AS INTEGER) AS mean_ms,
          coalesce(max(took) FILTER (WHERE (yes OR no) AND slow = (answers * 50 + 99) / 100), 0) AS p50_ms,
          coalesce(max(took) FILTER (WHERE (yes OR no) AND slow = (answers * 95 + 99) / 100), 0) AS p95_ms,
          json_group_array(id) FILTER (WHERE newest <= {IDS:d}) AS ids
        FROM ranked GROUP BY key ORDER BY count(*) DESC, key LIMIT {limit:d}"""  # noqa: S608 - as above
    return await call.rows(sql, **bound)
