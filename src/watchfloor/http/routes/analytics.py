"""Analytics: how much runs without people, and how they decide; as JSON and as CSV (spec 3.5)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from watchfloor.http import figures, lists, spreadsheets, suggesting
from watchfloor.http.asking import Call
from watchfloor.http.bodies import analytics as wire
from watchfloor.http.problems import FieldError, Problem
from watchfloor.http.replies import Reply
from watchfloor.kernel.instants import DAY, SECOND
from watchfloor.kernel.terms import holds
from watchfloor.registers.directory import Person

TARGET_PERMILLE = 800  # spec 3.5: of low-risk actions
OVERRIDES_PERMILLE = 50  # spec 3.5: below that


def _bound(call: Call) -> dict[str, Any]:
    params = call.params
    return {
        "from_at": params.from_at,
        "to_at": params.to_at,
        "agent": call.resolve("agent", params.agent)[0] if params.agent else 0,
        "type": params.type or "",
        "owner": params.owner or "",
    }


def _named(call: Call, by: str, key: Any) -> str:
    """The key of a row for people."""
    if by == "day":
        return datetime.fromtimestamp(key * DAY // SECOND, UTC).date().isoformat()
    return call.id_of("agent", key) if by == "agent" else str(key)


def _permille(part: int, whole: int) -> int | None:
    return None if not whole else 1000 * part // whole


def _ids(row: dict[str, Any], name: str) -> tuple[str, ...]:
    return lists.listed(row.pop(f"{name}_ids"))


async def _automation(call: Call) -> tuple[wire.Automation, ...]:
    params: wire.AutomationParams = call.params
    rows = await figures.sums(call, figures.AUTOMATION, params.by, _bound(call), params.limit)
    for row in rows:
        del row["low_risk_held"]
    return tuple(
        wire.Automation(
            key=_named(call, params.by, row.pop("key")),
            automatic_permille=_permille(row["automatic"], row["actions"]),
            low_risk_automatic_permille=_permille(row["low_risk_automatic"], row["low_risk"]),
            wrong_permille=_permille(row["wrong"], row["automatic"]),
            held_ids=_ids(row, "low_risk_held"),
            wrong_ids=_ids(row, "wrong"),
            **row,
        )
        for row in rows
    )


async def _deciding(call: Call) -> tuple[wire.Deciding, ...]:
    params: wire.DecidingParams = call.params
    report = figures.APPROVERS if params.by == "approver" else figures.DECISIONS
    rows = await figures.sums(call, report, params.by, _bound(call), params.limit)
    return tuple(
        wire.Deciding(
            key=_named(call, params.by, row.pop("key")),
            approved_permille=_permille(row["approved"], row["approved"] + row["denied"]),
            ids=_ids(row, "decisions"),
            **row,
        )
        for row in rows
    )


async def _overrides(call: Call) -> tuple[wire.Overrides, ...]:
    params: wire.OverridesParams = call.params
    rows = await figures.sums(call, figures.OVERRIDES, params.by, _bound(call), params.limit)
    return tuple(
        wire.Overrides(
            key=_named(call, params.by, row.pop("key")),
            gate_permille=_permille(row["gate_overridden"], row["gate_advised"]),
            tribunal_permille=_permille(row["tribunal_overridden"], row["tribunal_advised"]),
            gate_ids=_ids(row, "gate_overridden"),
            tribunal_ids=_ids(row, "tribunal_overridden"),
            **row,
        )
        for row in rows
    )


async def _reviewers(call: Call) -> tuple[wire.Reviewers, ...]:
    params: wire.ReviewersParams = call.params
    bound = _bound(call)
    rows = await figures.sums(call, figures.REVIEWERS, params.by, bound, params.limit)
    loads = await figures.loads(call, params.by, bound)
    pending = await _pending(call) if params.by == "person" else {}
    return tuple(
        wire.Reviewers(
            key=_named(call, params.by, key := row.pop("key")),
            approved_permille=_permille(row["approved"], row["approved"] + row["denied"]),
            days=loads.get(key, (0, 0))[0],
            busiest_day=loads.get(key, (0, 0))[1],
            pending=pending.get(key, 0),
            quick_ids=_ids(row, "quick"),
            **row,
        )
        for row in rows
    )


async def _pending(call: Call) -> dict[str, int]:
    """How many decisions wait for each person by role or seat."""
    people: tuple[Person, ...] = call.read("people", "all") or ()
    rows = await call.rows(
        "SELECT role, committee, members, owner FROM decisions WHERE org = :org AND status = 'pending' LIMIT 1000"
    )
    found: dict[str, int] = {}
    for row in rows:
        seats = {seat[0] for seat in msgspec.json.decode(row["members"] or b"[]")}
        for one in people:
            able = one.id in seats if row["committee"] else holds(one.roles, row["role"])
            if able and one.enabled and one.id != row["owner"]:
                found[one.id] = found.get(one.id, 0) + 1
    return found


async def get_automation(call: Call) -> Reply:
    """How much the gate permits by itself, and how much of that turned out wrong."""
    items = await _automation(call)
    return Reply(body=wire.AutomationPage(target_permille=TARGET_PERMILLE, items=items, seq=call.view_seq))


async def get_deciding(call: Call) -> Reply:
    """How people decide, how fast, and how often nobody did."""
    return Reply(body=wire.DecidingPage(items=await _deciding(call), seq=call.view_seq))


async def get_automation_csv(call: Call) -> Reply:
    """The same as get_automation, a line a key."""
    return _csv(wire.Automation, await _automation(call))


async def get_deciding_csv(call: Call) -> Reply:
    """The same as get_deciding, a line a key."""
    return _csv(wire.Deciding, await _deciding(call))


def _csv(kind: type[msgspec.Struct], items: tuple[msgspec.Struct, ...]) -> Reply:
    names = kind.__struct_fields__
    return spreadsheets.table(names, ([getattr(item, name) for name in names] for item in items))


async def get_overrides(call: Call) -> Reply:
    """How often people decided against the gate's advice, and against the tribunal's."""
    items = await _overrides(call)
    return Reply(body=wire.OverridesPage(target_permille=OVERRIDES_PERMILLE, items=items, seq=call.view_seq))


async def get_overrides_csv(call: Call) -> Reply:
    """The same as get_overrides, a line a key."""
    return _csv(wire.Overrides, await _overrides(call))


async def get_reviewers(call: Call) -> Reply:
    """How much reviewers have to do, how they vote, and how long they look."""
    return Reply(body=wire.ReviewersPage(items=await _reviewers(call), seq=call.view_seq))


async def get_reviewers_csv(call: Call) -> Reply:
    """The same as get_reviewers, a line a key."""
    return _csv(wire.Reviewers, await _reviewers(call))


async def get_behind(call: Call) -> Reply:
    """What a number of the other reports counts, one by one."""
    params: wire.BehindParams = call.params
    report = figures.REPORTS[params.report]
    for field, value, known in (("by", params.by, report.keys), ("figure", params.figure, report.figures)):
        if value not in known:
            detail = f"one of {', '.join(known)}"
            wrong = FieldError(field=field, code="invalid", detail=detail)
            raise Problem(422, "invalid_parameters", f"{field}: {detail}", errors=(wrong,))
    before = lists.read_cursor(params.cursor, 1)[0] if params.cursor else 0
    key = _key_of(call, params.by, params.of)
    rows = await figures.behind(
        call, report, params.figure, params.by, key, _bound(call), params.limit + 1, before
    )
    more = len(rows) > params.limit
    rows = rows[: params.limit]
    following = lists.cursor_of(rows[-1]["subject"]) if more else None
    items = await _things(call, [row["subject"] for row in rows], of_actions=params.report == "automation")
    ids = tuple(row["id"] for row in rows)
    return Reply(body=wire.BehindPage(ids=ids, items=items, next=following, seq=call.view_seq))


_THINGS = {
    True: """SELECT a.action AS subject, a.id, a.decision, a.agent, a.type, a.risk, a.status, a.decided_at AS at
        FROM actions a WHERE a.org = :org AND a.action IN (SELECT value FROM json_each(:wanted))""",
    False: """SELECT d.decision AS subject, d.id, d.decision, d.agent, a.type, d.risk, d.status, d.opened_at AS at
        FROM decisions d JOIN actions a ON a.org = d.org AND a.action = d.action
        WHERE d.org = :org AND d.decision IN (SELECT value FROM json_each(:wanted))""",
}


async def _things(call: Call, subjects: list[int], *, of_actions: bool) -> tuple[wire.BehindItem, ...]:
    """Actions or decisions as lists show them, newest first."""
    if not subjects:
        return ()
    wanted = msgspec.json.encode(subjects).decode()
    rows = await call.rows(f"{_THINGS[of_actions]} ORDER BY 1 DESC", wanted=wanted)
    return tuple(
        wire.BehindItem(
            id=row["id"],
            decision_id=call.id_of("decision", row["decision"]),
            agent_id=call.id_of("agent", row["agent"]),
            type=row["type"],
            risk=row["risk"],
            status=row["status"],
            at=row["at"],
        )
        for row in rows
    )


def _key_of(call: Call, by: str, text: str) -> int | str:
    """The key that `_named` shows as this text. Raises Problem 404, 422."""
    if by == "agent":
        return call.resolve("agent", text)[0]
    if by != "day":
        return text
    try:
        return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND // DAY
    except ValueError:
        wrong = FieldError(field="of", code="invalid", detail="a day such as 2026-11-01")
        raise Problem(422, "invalid_parameters", "of: no day", errors=(wrong,)) from None


async def get_trends(call: Call) -> Reply:
    """The rates and times that matter, now and in the same time before."""
    params: wire.TrendsParams = call.params
    span = params.days * DAY
    now, before = [
        await _measured(call, call.now - ago * span, call.now - (ago - 1) * span) for ago in (1, 2)
    ]
    items = tuple(
        wire.Trend(
            name=name, unit=unit, now=value, before=before[name][1], part=part, whole=whole, target=target
        )
        for name, (unit, value, part, whole, target) in now.items()
    )
    body = wire.Trends(from_at=call.now - span, to_at=call.now, items=items, seq=call.view_seq)
    return Reply(body=body)


Measured = dict[str, tuple[str, int | None, int, int, int | None]]  # unit, value, part, whole, target


async def _measured(call: Call, from_at: int, to_at: int) -> Measured:
    bound = {"from_at": from_at, "to_at": to_at, "agent": 0, "type": "", "owner": ""}
    one: dict[str, int] = {}
    for name in ("automation", "decisions", "overrides", "reviewers"):
        rows = await figures.sums(call, figures.REPORTS[name], "organisation", bound, 1)
        empty = dict.fromkeys((*figures.REPORTS[name].figures, "mean_ms", "p95_ms"), 0)
        one |= {f"{name}.{figure}": value for figure, value in (rows[0] if rows else empty).items()}
    ended = one["decisions.decisions"] - one["decisions.pending"] - one["decisions.cancelled"]
    silent = one["decisions.expired"] + one["decisions.unanswered"]
    answered = one["decisions.approved"] + one["decisions.denied"]

    def rate(
        part: int, whole: int, target: int | None = None
    ) -> tuple[str, int | None, int, int, int | None]:
        return "permille", _permille(part, whole), part, whole, target

    def time(value: int, of: int) -> tuple[str, int | None, int, int, int | None]:
        return "ms", value if of else None, of, of, None

    return {
        "low_risk_automatic": rate(
            one["automation.low_risk_automatic"], one["automation.low_risk"], TARGET_PERMILLE
        ),
        "automatic": rate(one["automation.automatic"], one["automation.actions"]),
        "wrong": rate(one["automation.wrong"], one["automation.automatic"]),
        "approved": rate(one["decisions.approved"], answered),
        "unanswered": rate(silent, ended),
        "escalated": rate(one["decisions.escalated"], one["decisions.decisions"]),
        "gate_overridden": rate(
            one["overrides.gate_overridden"], one["overrides.gate_advised"], OVERRIDES_PERMILLE
        ),
        "tribunal_overridden": rate(
            one["overrides.tribunal_overridden"], one["overrides.tribunal_advised"], OVERRIDES_PERMILLE
        ),
        "time_to_decide": time(one["decisions.mean_ms"], answered),
        "review": time(one["reviewers.mean_ms"], one["reviewers.measured"]),
    }


async def get_suggestions(call: Call) -> Reply:
    """What the recorded decisions suggest for the policy; nothing is changed."""
    params: wire.SuggestionsParams = call.params
    items = await suggesting.suggestions(call, max(0, call.now - params.days * DAY))
    return Reply(body=wire.Suggestions(items=items, seq=call.view_seq))
