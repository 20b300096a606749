"""While you were away: what happened after a seq, counted by kind with the newest ids (spec 06 *Situation report*)."""

from __future__ import annotations

from watchfloor.http import lists
from watchfloor.http.asking import Call
from watchfloor.http.bodies import situation as wire

EVENTS_MAX = 1_000_000  # looked back at most; a longer absence is told from there
IDS = 20

# (what, table, further condition, column that orders). Names come from code; :seq and :at are where the reader left.
_ENDED = "decided_at >= :at AND seq > :seq AND status = "
_DONE = "finished_at >= :at AND updated_seq > :seq AND status = "
_TIERS = "(SELECT g.org, g.id, h.seq FROM trust_history h JOIN agents g ON g.org = h.org AND g.agent = h.agent WHERE h.tier <> h.tier_before)"
_KINDS: tuple[tuple[str, str, str, str], ...] = (
    ("alerts_raised", "alerts", "alert > :seq", "alert"),
    ("anomalies_found", "anomalies", "anomaly > :seq", "anomaly"),
    ("stops_thrown", "stops", "stop > :seq", "stop"),
    ("decisions_opened", "decisions", "decision > :seq", "decision"),
    ("decisions_approved", "decisions", _ENDED + "'approved'", "decided_at"),
    ("decisions_denied", "decisions", _ENDED + "'denied'", "decided_at"),
    ("decisions_expired", "decisions", _ENDED + "'expired'", "decided_at"),
    ("decisions_cancelled", "decisions", _ENDED + "'cancelled'", "decided_at"),
    ("actions_automatic", "actions", "action > :seq AND verdict = 'permitted'", "action"),
    ("actions_held", "actions", "action > :seq AND verdict = 'pending'", "action"),
    ("actions_denied", "actions", "action > :seq AND verdict = 'denied'", "action"),
    ("actions_failed", "actions", "action > :seq AND status IN ('failed', 'unknown')", "action"),
    ("tasks_submitted", "tasks", "task > :seq", "task"),
    ("tasks_succeeded", "tasks", _DONE + "'succeeded'", "finished_at"),
    ("tasks_dead_letter", "tasks", _DONE + "'dead_letter'", "finished_at"),
    ("tasks_cancelled", "tasks", _DONE + "'cancelled'", "finished_at"),
    ("tiers_moved", _TIERS, "seq > :seq", "seq"),
    ("agents_registered", "agents", "agent > :seq", "agent"),
)


async def away(call: Call, since_seq: int, since_at: int, head: int) -> wire.Away:
    """What happened after the seq, or the instant when there is no seq."""
    seq = min(since_seq, head) if since_seq else await before(call, since_at, head)
    shortened = head - seq > EVENTS_MAX
    seq = max(seq, head - EVENTS_MAX)
    first = await call.event(seq + 1) if seq < head else None
    at = first.at if first is not None else call.now
    items = []
    if seq < head:
        for what, table, condition, order in _KINDS:
            since = f"FROM {table} WHERE org = :org AND {condition}"
            ids = f"SELECT id {since} ORDER BY {order} DESC LIMIT {IDS:d}"
            sql = f"SELECT (SELECT count(*) {since}) AS n, (SELECT json_group_array(id) FROM ({ids})) AS ids"  # noqa: S608 - names from code, values bound
            (row,) = await call.rows(sql, seq=seq, at=at)
            if row["n"]:
                items.append(wire.Happened(what=what, count=row["n"], ids=lists.listed(row["ids"])))
    return wire.Away(since_seq=seq, since_at=at, events=head - seq, shortened=shortened, items=tuple(items))


async def before(call: Call, at: int, head: int) -> int:
    """The last seq of before an instant: instants never fall along the ledger."""
    low, high = 0, head
    while low < high:
        middle = (low + high + 1) // 2
        event = await call.event(middle)
        if event is not None and event.at < at:
            low = middle
        else:
            high = middle - 1
    return low
