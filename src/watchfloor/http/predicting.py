"""What the last days suggest is about to happen, computed from the views when asked for (spec 06 *Situation report*).

Nothing here is a model: a budget goes on at the pace of its period, a task takes what such tasks took, and work piles up
where nobody with room could take it. Each line says by which numbers.
"""

from __future__ import annotations

from statistics import median_low
from typing import Any

import msgspec

from watchfloor.http.asking import Call
from watchfloor.http.bodies import situation as wire
from watchfloor.kernel.amounts import began, ends
from watchfloor.kernel.instants import MINUTE
from watchfloor.kernel.terms import holds
from watchfloor.registers.budgets import InForce, use_of
from watchfloor.registers.directory import Person

BUDGETS_MAX = 500  # looked at for one answer
TASKS_MAX = 500
LATELY = 200  # finished tasks of which the usual duration is taken
_names = msgspec.json.Decoder(tuple[str, ...]).decode
_TARGETS = {"agent": "agent", "spawned": "agent", "task": "task", "lineage": "task"}


async def budgets(call: Call, limit: int) -> tuple[wire.BudgetRunsOut, ...]:
    """Budgets that will be used up before their period ends, the soonest first; those used up already come first."""
    rows = await call.rows(
        "SELECT * FROM budgets WHERE org = :org AND removed_at = 0 ORDER BY budget DESC LIMIT :most",
        most=BUDGETS_MAX,
    )
    found = []
    for row in rows:
        budget = InForce(row["budget"], 0, row["scope"], row["measure"], row["period"], row["limit_amount"])
        use = use_of(budget, call.now, call.read)
        since = max(row["set_at"], began(row["period"], call.now))
        at = runs_out(
            use.spent, use.reserved, row["limit_amount"], since, call.now, ends(row["period"], since)
        )
        if at:
            found.append((at, row, use))
    found.sort(key=lambda entry: (entry[0], entry[1]["budget"]))
    return tuple(
        wire.BudgetRunsOut(
            budget_id=row["id"],
            scope=row["scope"],
            target_id=call.id_of(_TARGETS[row["scope"]], row["target"]) if row["scope"] in _TARGETS else "",
            measure=row["measure"],
            period=row["period"],
            spent=use.spent,
            limit=row["limit_amount"],
            exhausted_at=at,
        )
        for at, row, use in found[:limit]
    )


def runs_out(spent: int, reserved: int, limit: int, since: int, now: int, end: int) -> int:
    """When nothing will be left at the pace since `since`; 0: not before `end` (0: it has none). Instants in µs."""
    left = limit - spent - reserved
    if left <= 0:
        return now
    elapsed = now - since
    if spent <= 0 or elapsed < MINUTE:
        return 0
    at = now + left * elapsed // spent
    return at if not end or at < end else 0


_FINISHED = f"""
    SELECT needs, accepted_at - submitted_at AS waited, finished_at - accepted_at AS took FROM tasks
    WHERE org = :org AND status = 'succeeded' AND accepted_at > 0 ORDER BY task DESC LIMIT {LATELY:d}"""  # noqa: S608 - a constant
_DUE = f"""
    SELECT task, id, status, needs, deadline_at, submitted_at, accepted_at, stuck_at, percent FROM tasks
    WHERE org = :org AND finished_at = 0 AND deadline_at > 0 ORDER BY deadline_at LIMIT {TASKS_MAX:d}"""  # noqa: S608 - a constant


async def tasks(call: Call, limit: int) -> tuple[wire.TaskAtRisk, ...]:
    """Open tasks that, by what such tasks took lately, end after their deadline; the soonest deadline first."""
    due = await call.rows(_DUE)
    if not due:
        return ()
    usual = _usual(await call.rows(_FINISHED))
    found = []
    for row in due:
        waits, takes = usual.get(row["needs"]) or usual.get("") or (0, 0)
        expected = expected_end(row, waits, takes, call.now)
        if expected <= row["deadline_at"]:
            continue
        why = "stuck" if row["stuck_at"] else "slow" if row["accepted_at"] else "waiting"
        found.append(
            wire.TaskAtRisk(
                task_id=row["id"],
                status=row["status"],
                deadline_at=row["deadline_at"],
                expected_at=expected,
                why=why,
            )
        )
    return tuple(found[:limit])


def _usual(rows: list[dict[str, Any]]) -> dict[str, tuple[int, int]]:
    """Median waiting and working time in µs by what tasks need; of all of them under the empty name."""
    by: dict[str, list[tuple[int, int]]] = {}
    for row in rows:
        for key in (row["needs"], ""):
            by.setdefault(key, []).append((max(0, row["waited"]), max(0, row["took"])))
    return {
        key: (median_low(waited for waited, _ in pairs), median_low(took for _, took in pairs))
        for key, pairs in by.items()
    }


def expected_end(row: dict[str, Any], waits: int, takes: int, now: int) -> int:
    """When a task ends by the usual times: of one in hand what is left by its progress, or of the usual time."""
    if not row["accepted_at"]:
        waited: int = now - row["submitted_at"]
        return now + max(0, waits - waited) + takes
    passed: int = now - row["accepted_at"]
    percent: int = row["percent"]
    left = passed * (100 - percent) // percent if 0 < percent < 100 else max(0, takes - passed)
    return now + left


_QUEUED = """
    SELECT needs, priority, count(*) AS n, min(submitted_at) AS oldest FROM tasks
    WHERE org = :org AND status = 'queued' AND finished_at = 0 AND waiting = 0 AND paused_at = 0
    GROUP BY needs, priority LIMIT 1000"""
_PRESENT = """
    SELECT capabilities, state FROM agents
    WHERE org = :org AND retired_at = 0 AND quarantined_at = 0 AND presence = 'online' LIMIT 10000"""
_ASKED = """
    SELECT role, committee, count(*) AS n, min(opened_at) AS oldest, max(json_array_length(members)) AS seats FROM decisions
    WHERE org = :org AND status = 'pending' GROUP BY role, committee LIMIT 200"""


async def bottlenecks(call: Call, limit: int) -> tuple[wire.Bottleneck, ...]:
    """Capabilities, lanes and approvers with more waiting than hands free, the most waiting a hand first."""
    queued = await call.rows(_QUEUED)
    found: list[wire.Bottleneck] = []
    if queued:
        agents = [
            (frozenset(_names(row["capabilities"])), row["state"] == "idle")
            for row in await call.rows(_PRESENT)
        ]
        found += _capabilities(queued, agents) + _lanes(queued, agents)
    people: tuple[Person, ...] = call.read("people", "all") or ()
    found += [_approvers(row, people) for row in await call.rows(_ASKED)]
    stuck = [one for one in found if one.waiting > one.free]
    stuck.sort(key=lambda one: (-one.waiting * 1000 // (one.able + 1), one.kind, one.name))
    return tuple(stuck[:limit])


Agents = list[tuple[frozenset[str], bool]]


def _capabilities(queued: list[dict[str, Any]], agents: Agents) -> list[wire.Bottleneck]:
    """What tasks need together is one name: agents must have all of it."""
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in queued:
        grouped.setdefault(row["needs"], []).append(row)
    found = []
    for needs, rows in grouped.items():
        names = _names(needs)
        able = [idle for has, idle in agents if has.issuperset(names)]
        found.append(_line("capability", " + ".join(names) or "any", rows, len(able), sum(able)))
    return found


def _lanes(queued: list[dict[str, Any]], agents: Agents) -> list[wire.Bottleneck]:
    grouped: dict[str, list[dict[str, Any]]] = {}
    for row in queued:
        grouped.setdefault(row["priority"], []).append(row)
    free = sum(idle for _, idle in agents)
    return [_line("lane", lane, rows, len(agents), free) for lane, rows in grouped.items()]


def _line(kind: str, name: str, rows: list[dict[str, Any]], able: int, free: int) -> wire.Bottleneck:
    waiting = sum(row["n"] for row in rows)
    oldest = min(row["oldest"] for row in rows)
    return wire.Bottleneck(kind=kind, name=name, waiting=waiting, oldest_at=oldest, able=able, free=free)


def _approvers(row: dict[str, Any], people: tuple[Person, ...]) -> wire.Bottleneck:
    """Those who could decide now by their role, or the members of the committee."""
    able = (
        row["seats"]
        if row["committee"]
        else sum(1 for one in people if one.enabled and holds(one.roles, row["role"]))
    )
    return wire.Bottleneck(
        kind="approver",
        name=row["committee"] or row["role"],
        waiting=row["n"],
        oldest_at=row["oldest"],
        able=able,
        free=able,
    )
