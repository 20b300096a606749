"""Counts for badges, search for the palette, state as it was for the slider (spec 7 *Inbox*, *Audit*)."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import msgspec

from watchfloor.http.asking import Call
from watchfloor.http.bodies import finding as wire
from watchfloor.http.problems import Problem
from watchfloor.http.replies import Reply
from watchfloor.http.routes import decisions
from watchfloor.http.searching import words_of
from watchfloor.kernel.ids import KINDS
from watchfloor.kernel.instants import MINUTE

EACH = 8  # of every kind: a palette shows no more
TASKS_MAX = 5_000  # newest ones whose titles are looked at; titles are private parts and in no index
TASKS_MS_MAX = 300
_CHUNK = 500
_decode = msgspec.json.Decoder().decode
_MINE_MAX = 200
_BADGES = """
    SELECT (SELECT count(*) FROM decisions WHERE org = :org AND status = 'pending') AS decisions,
      (SELECT count(*) FROM decisions WHERE org = :org AND status = 'pending' AND deadline_at < :soon) AS soon,
      (SELECT count(*) FROM alerts WHERE org = :org AND status IN ('open', 'acknowledged')) AS alerts,
      (SELECT count(*) FROM alerts WHERE org = :org AND status IN ('open', 'acknowledged') AND severity = 'critical')
        AS critical,
      (SELECT count(*) FROM anomalies WHERE org = :org AND status <> 'resolved') AS anomalies,
      (SELECT count(*) FROM tasks WHERE org = :org AND status = 'dead_letter') AS dead_letters,
      (SELECT count(*) FROM agents WHERE org = :org AND quarantined_at > 0 AND retired_at = 0) AS quarantined,
      (SELECT count(*) FROM stops WHERE org = :org AND lifted_at = 0) AS stops"""
_AGENTS = """
    SELECT id, name AS title, type AS detail, state AS status, registered_at AS at FROM agents
    WHERE org = :org AND (instr(lower(name), :word) OR instr(lower(type), :word)) ORDER BY retired_at > 0, name LIMIT :each"""
_PEOPLE = """
    SELECT id, handle AS title, roles AS detail, CASE WHEN enabled THEN 'enabled' ELSE 'disabled' END AS status,
      joined_at AS at FROM people
    WHERE org = :org AND instr(lower(handle), :word) ORDER BY enabled DESC, handle LIMIT :each"""
_DECISIONS = """
    SELECT d.id, a.type AS title, g.name AS detail, d.status, d.opened_at AS at
    FROM (SELECT * FROM decisions WHERE org = :org ORDER BY decision DESC LIMIT 2000) d
      JOIN actions a ON a.org = :org AND a.action = d.action JOIN agents g ON g.org = :org AND g.agent = d.agent
    WHERE instr(lower(a.type || ' ' || a.tool || ' ' || g.name), :word)
    ORDER BY d.status <> 'pending', d.decision DESC LIMIT :each"""


async def get_badges(call: Call) -> Reply:
    """How many of everything that waits for somebody."""
    seq = call.view_seq
    (counts,) = await call.rows(_BADGES, soon=call.now + 5 * MINUTE)
    mine = 0
    if counts["decisions"]:
        rows, _ = await decisions.inbox(call, limit=_MINE_MAX)
        mine = sum(decisions.may_vote(call, row) for row in rows)
    return Reply(body=wire.Badges(**counts, mine=mine, seq=seq))


# Search --------------------------------------------------------------------------------------------------------------


async def search_all(call: Call) -> Reply:
    """Agents, tasks, decisions and people by id, name or title; for the palette."""
    text = call.params.q.strip()
    found = await _by_id(call, text)
    words = words_of(text)
    cut = False
    if not found and words:
        for kind, sql in (("agent", _AGENTS), ("decision", _DECISIONS), ("person", _PEOPLE)):
            rows = await call.rows(sql, word=" ".join(words), each=EACH)
            found += [wire.Hit(kind=kind, **row) for row in rows]
        tasks, cut = await asyncio.to_thread(_tasks, call, words)
        found += tasks
    return Reply(body=wire.Hits(items=tuple(found), cut=cut, seq=call.view_seq))


_BY_ID = {
    "agent": "SELECT id, name AS title, type AS detail, state AS status, registered_at AS at FROM agents",
    "task": "SELECT id, '' AS title, priority AS detail, status, submitted_at AS at FROM tasks",
    "decision": "SELECT id, role AS title, urgency AS detail, status, opened_at AS at FROM decisions",
    "action": "SELECT id, type AS title, tool AS detail, status, decided_at AS at FROM actions",
    "person": "SELECT id, handle AS title, roles AS detail, '' AS status, joined_at AS at FROM people",
}


async def _by_id(call: Call, text: str) -> list[wire.Hit]:
    """The one thing of a public id."""
    kind = KINDS.get(text.partition("_")[0], "")
    if kind not in _BY_ID:
        return []
    try:
        subject, _ = call.resolve(kind, text)
    except Problem:
        return []
    rows = await call.rows(f"{_BY_ID[kind]} WHERE org = :org AND {kind} = :subject", subject=subject)
    return [wire.Hit(kind=kind, **row) for row in rows]


def _tasks(call: Call, words: tuple[str, ...]) -> tuple[list[wire.Hit], bool]:
    """The newest tasks whose title holds every word. In a thread."""
    services, org = call.services, call.org
    ends = time.monotonic() + TASKS_MS_MAX / 1_000
    hits: list[wire.Hit] = []
    before, looked = 2**53, 0
    sql = (
        "SELECT task, id, submitted_seq, priority, status, submitted_at FROM tasks"
        " WHERE org = :org AND task < :before ORDER BY task DESC LIMIT :limit"
    )
    while len(hits) < EACH:
        rows = services.views.rows(sql, {"org": org, "before": before, "limit": _CHUNK})
        privates = services.reads.read_privates(org, [row["submitted_seq"] for row in rows])
        for row in rows:
            title = _title(privates.get(row["submitted_seq"]))
            if title and all(word in title.casefold() for word in words) and len(hits) < EACH:
                hits.append(
                    wire.Hit(
                        kind="task",
                        id=row["id"],
                        title=title,
                        detail=row["priority"],
                        status=row["status"],
                        at=row["submitted_at"],
                    )
                )
        looked += len(rows)
        if len(rows) < _CHUNK:
            return hits, False
        before = rows[-1]["task"]
        if looked >= TASKS_MAX or time.monotonic() > ends:
            return hits, True
    return hits, False


def _title(private: tuple[bytes, bytes] | None) -> str:
    return "" if private is None else str(_decode(private[1]).get("title", ""))


# State as it was -----------------------------------------------------------------------------------------------------


async def replay_state(call: Call) -> Reply:
    """State as it was at a seq or an instant, folded anew from the ledger.

    From the nearest snapshot on, at most 100,000 events; further away, `watchfloor ledger replay` does it.
    """
    params: wire.ReplayParams = call.params
    kind, subject = "", 0
    if params.of:
        kind = KINDS.get(params.of.partition("_")[0], "")
        if not kind:
            raise Problem(404, "not_found", "there is no such thing")
        subject, _ = call.resolve(kind, params.of)
    head = call.services.engine.head(call.org)
    found: dict[str, Any] = await call.services.admin.replay(call.org, params.seq, params.at, kind, subject)
    return Reply(body=wire.Replayed(head=head, **found))
