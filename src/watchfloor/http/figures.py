"""The sums behind the analytics, computed from the rows of the views when asked for (spec 3.5).

A *report* is a relation with a key and a table of figures, each a condition on its rows. A sum is how many rows hold it;
what is behind a number are those very rows, so the two cannot disagree. Names in the SQL come from code, every value is
bound. A percentile is the value at rank ⌈n · p⌉ of what is there, so it is always a time somebody really took.
"""

from __future__ import annotations

from typing import Any

import msgspec

from watchfloor.http.asking import Call
from watchfloor.kernel.anomaly_terms import AnomalyTerms

IDS = 20  # newest ids shown behind a number; `behind` leads to all of them
HIGH = (
    50  # risk scores below are low or medium: the gate's advice is to let it through once somebody has looked
)

_BAND = "CASE WHEN d.risk < 25 THEN 'low' WHEN d.risk < 50 THEN 'medium' WHEN d.risk < 75 THEN 'high' ELSE 'critical' END"
_DECIDING = {
    "risk": _BAND,
    "type": "a.type",
    "agent": "d.agent",
    "day": "d.opened_at / 86400000000",
    "organisation": "''",
}
_YES = "d.status = 'approved'"
_NO = "d.status = 'denied' AND d.reason IN ('voted', 'vetoed')"
_ACTIONS = "decisions d JOIN actions a ON a.org = d.org AND a.action = d.action"
_SEEN = "seen s ON s.org = v.org AND s.decision = v.decision AND s.person = v.person"


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """`keys`: what rows can be summed by. `rows`: SQL of the relation from `{key}` and `{where}`, with the columns `key`,
    `subject`, `id`, those of `figures` and, where it is timed, `took` (ms, null: not timed).

    `figures`: condition of each number; `listed`: those whose newest ids stand beside them.
    """

    keys: dict[str, str]
    alias: str
    instant: str
    rows: str
    figures: dict[str, str]
    listed: tuple[str, ...]
    timed: str = ""


AUTOMATION = Report(
    keys={
        "type": "a.type",
        "agent": "a.agent",
        "class": "a.class",
        "day": "a.decided_at / 86400000000",
        "organisation": "''",
    },
    alias="a",
    instant="decided_at",
    rows="""
        SELECT {key} AS key, a.action AS subject, a.id, a.verdict, a.risk_before < 25 AS low,
          a.verdict = 'permitted' AND a.observed = 0 AS auto,
          a.verdict = 'permitted' AND a.observed = 0 AND (a.status IN ('failed', 'unknown') OR coalesce(t.review, '') = 'negative') AS bad
        FROM actions a LEFT JOIN tasks t ON a.task > 0 AND t.org = a.org AND t.task = a.task WHERE {where}""",
    figures={
        "actions": "1",
        "automatic": "auto",
        "held": "verdict = 'pending'",
        "denied": "verdict = 'denied'",
        "low_risk": "low",
        "low_risk_automatic": "low AND auto",
        "low_risk_held": "low AND NOT auto",
        "wrong": "bad",
    },
    listed=("low_risk_held", "wrong"),
)

_DECIDED = """
        SELECT {key} AS key, d.decision AS subject, d.id, d.status, d.reason, d.rung > 0 AS climbed,
          {yes} AS yes, {no} AS no, CASE WHEN ({yes}) OR ({no}) THEN ({took}) / 1000 END AS took
        FROM {source} WHERE {where}"""
_ENDS = {
    "decisions": "1",
    "pending": "status = 'pending'",
    "approved": "yes",
    "denied": "no",
    "unanswered": "status = 'denied' AND reason IN ('unanswered', 'unanswerable')",
    "expired": "status = 'expired'",
    "cancelled": "status = 'cancelled'",
    "escalated": "climbed",
}
DECISIONS = Report(
    keys=_DECIDING,
    alias="d",
    instant="opened_at",
    rows=_DECIDED.replace("{yes}", _YES)
    .replace("{no}", _NO)
    .replace("{took}", "d.decided_at - d.opened_at")
    .replace("{source}", _ACTIONS),
    figures=_ENDS,
    listed=("decisions",),
    timed="took",
)
# A row a vote: how each approver decides.
APPROVERS = Report(
    keys={"approver": "v.person"},
    alias="d",
    instant="opened_at",
    rows=_DECIDED.replace("{yes}", "v.vote = 'approve'")
    .replace("{no}", "v.vote = 'deny'")
    .replace("{took}", "v.at - d.opened_at")
    .replace(
        "{source}",
        f"{_ACTIONS} JOIN votes v ON v.org = d.org AND v.decision = d.decision AND v.refused = '' AND v.late = 0",
    ),
    figures=_ENDS,
    listed=("decisions",),
    timed="took",
)

# People against advice. The gate's advice on what it holds below high risk for one confirmation (level 2) is to let it through once somebody has
# looked; what it holds above, it leaves to people, and forcing is against it. The tribunal's is its recommendation.
OVERRIDES = Report(
    keys=_DECIDING,
    alias="d",
    instant="opened_at",
    rows=f"""
        SELECT {{key}} AS key, d.decision AS subject, d.id, {_YES} AS yes, {_NO} AS no,
          d.status = 'approved' AND d.reason = 'forced' AS forced, d.risk < {HIGH:d} AND d.level <= 2 AS mild, d.recommendation AS advice
        FROM {_ACTIONS} WHERE {{where}}""",  # noqa: S608 - names from code
    figures={
        "answered": "yes OR no",
        "gate_advised": "(yes OR no) AND (mild OR forced)",
        "gate_overridden": "(mild AND no) OR forced",
        "forced": "forced",
        "tribunal_advised": "(yes OR no) AND advice IN ('approve', 'deny')",
        "tribunal_overridden": "(yes AND advice = 'deny') OR (no AND advice = 'approve')",
    },
    listed=("gate_overridden", "tribunal_overridden"),
)

# A row a vote, refused and late ones too: what reviewers have to do and how long they look.
REVIEWERS = Report(
    keys={"person": "v.person", "day": "v.at / 86400000000", "type": "a.type", "organisation": "''"},
    alias="v",
    instant="at",
    rows=f"""
        SELECT {{key}} AS key, d.decision AS subject, d.id, v.vote, v.late, v.refused <> '' AS refused,
          v.at / 86400000000 AS day, CASE WHEN s.at > 0 AND v.refused = '' AND v.late = 0 THEN (v.at - s.at) / 1000 END AS took
        FROM {_ACTIONS} JOIN votes v ON v.org = d.org AND v.decision = d.decision LEFT JOIN {_SEEN} WHERE {{where}}""",  # noqa: S608 - names from code
    figures={
        "votes": "NOT refused AND NOT late",
        "approved": "vote = 'approve' AND NOT refused AND NOT late",
        "denied": "vote = 'deny' AND NOT refused AND NOT late",
        "abstained": "vote = 'abstain' AND NOT refused AND NOT late",
        "late": "late",
        "refused": "refused",
        "measured": "took IS NOT NULL",
        "quick": f"took < {AnomalyTerms().review_ms:d}",
    },
    listed=("quick",),
    timed="took",
)
REPORTS = {
    "automation": AUTOMATION,
    "decisions": DECISIONS,
    "approvers": APPROVERS,
    "overrides": OVERRIDES,
    "reviewers": REVIEWERS,
}


def _where(report: Report, bound: dict[str, Any]) -> str:
    """Conditions for the filters that are set."""
    owner_of = "a" if report.alias == "a" else "d"
    at = f"{report.alias}.{report.instant}"
    conditions = [f"{report.alias}.org = :org", f"{at} >= :from_at"]
    if bound["to_at"]:
        conditions.append(f"{at} < :to_at")
    if bound["agent"]:
        conditions.append(f"{owner_of}.agent = :agent")
    if bound["type"]:
        conditions.append("a.type = :type")
    if bound["owner"]:
        owned = "(SELECT agent FROM agents WHERE org = :org AND owner = :owner)"
        conditions.append(f"{owner_of}.agent IN {owned}")
    return " AND ".join(conditions)


def _rows(report: Report, by: str, bound: dict[str, Any]) -> str:
    return report.rows.format(key=report.keys[by], where=_where(report, bound))


async def sums(
    call: Call, report: Report, by: str, bound: dict[str, Any], limit: int
) -> list[dict[str, Any]]:
    """The figures of a report by a key, the most frequent first."""
    ranks = ", ".join(
        f"row_number() OVER (PARTITION BY key, ({report.figures[name]}) ORDER BY subject DESC) AS rank_{name}"
        for name in report.listed
    )
    numbers = ", ".join(
        f"coalesce(sum({condition}), 0) AS {name}" for name, condition in report.figures.items()
    )
    ids = ", ".join(
        f"json_group_array(id) FILTER (WHERE ({report.figures[name]}) AND rank_{name} <= {IDS:d}) AS {name}_ids"
        for name in report.listed
    )
    times = slow = ""
    if report.timed:
        slow = (
            ", row_number() OVER (PARTITION BY key, took IS NULL ORDER BY took) AS slow"
            ", count(took) OVER (PARTITION BY key) AS answers"
        )
        times = (
            ", CAST(coalesce(avg(took), 0) AS INTEGER) AS mean_ms"
            ", coalesce(max(took) FILTER (WHERE slow = (answers * 50 + 99) / 100), 0) AS p50_ms"
            ", coalesce(max(took) FILTER (WHERE slow = (answers * 95 + 99) / 100), 0) AS p95_ms"
        )
    sql = (
        f"WITH found AS ({_rows(report, by, bound)}), ranked AS (SELECT *, {ranks}{slow} FROM found)"  # noqa: S608 - names from code, values bound
        f" SELECT key, {numbers}, {ids}{times} FROM ranked GROUP BY key ORDER BY count(*) DESC, key LIMIT {limit:d}"
    )
    return await call.rows(sql, **bound)


async def loads(call: Call, by: str, bound: dict[str, Any]) -> dict[Any, tuple[int, int]]:
    """By key: on how many days somebody voted, and how many votes the busiest had."""
    rows = await call.rows(
        f"SELECT key, count(*) AS days, max(n) AS most FROM (SELECT key, day, count(*) AS n"  # noqa: S608 - as above
        f" FROM ({_rows(REVIEWERS, by, bound)}) WHERE NOT refused AND NOT late GROUP BY key, day) GROUP BY key",
        **bound,
    )
    return {row["key"]: (row["days"], row["most"]) for row in rows}


async def behind(
    call: Call,
    report: Report,
    figure: str,
    by: str,
    key: int | str,
    bound: dict[str, Any],
    limit: int,
    before: int,
) -> list[dict[str, Any]]:
    """The rows that a figure counts, newest first, from before the subject `before` (0: the newest)."""
    older = "AND subject < :before" if before else ""
    sql = (
        f"SELECT DISTINCT subject, id FROM ({_rows(report, by, bound)})"  # noqa: S608 - as above
        f" WHERE key = :key AND ({report.figures[figure]}) {older} ORDER BY subject DESC LIMIT {limit:d}"
    )
    return await call.rows(sql, key=key, before=before, **bound)
