"""Analytics: how much runs without people, and how they decide; as JSON and as CSV (spec 3.5)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from watchfloor.http import figures, lists, spreadsheets
from watchfloor.http.asking import Call
from watchfloor.http.bodies import analytics as wire
from watchfloor.http.replies import Reply
from watchfloor.kernel.instants import DAY, SECOND

TARGET_PERMILLE = 800  # spec 3.5: of low-risk actions


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


async def _automation(call: Call) -> tuple[wire.Automation, ...]:
    params: wire.AutomationParams = call.params
    rows = await figures.automation(call, params.by, _bound(call), params.limit)
    return tuple(
        wire.Automation(
            key=_named(call, params.by, row.pop("key")),
            automatic_permille=_permille(row["automatic"], row["actions"]),
            low_risk_automatic_permille=_permille(row["low_risk_automatic"], row["low_risk"]),
            wrong_permille=_permille(row["wrong"], row["automatic"]),
            held_ids=lists.listed(row.pop("held_ids")),
            wrong_ids=lists.listed(row.pop("wrong_ids")),
            **row,
        )
        for row in rows
    )


async def _deciding(call: Call) -> tuple[wire.Deciding, ...]:
    params: wire.DecidingParams = call.params
    rows = await figures.deciding(call, params.by, _bound(call), params.limit)
    return tuple(
        wire.Deciding(
            key=_named(call, params.by, row.pop("key")),
            approved_permille=_permille(row["approved"], row["approved"] + row["denied"]),
            ids=lists.listed(row.pop("ids")),
            **row,
        )
        for row in rows
    )


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
