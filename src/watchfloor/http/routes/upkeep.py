"""Upkeep of a running node: how near callers come to its rates, its log's level, giving free pages back (spec 7 *Operations*)."""

from __future__ import annotations

import asyncio

import msgspec

from watchfloor.http.asking import Call
from watchfloor.http.bodies import upkeep as wire
from watchfloor.http.replies import Reply

_PER = {
    "public": "address",
    "sign_in": "address",
    "failed": "address",
    "sign_in_person": "handle",
    "sign_in_code": "person",
}


async def get_rates(call: Call) -> Reply:
    """The classes of requests of this node, what each allows, and how near its callers come to it. Nobody is named."""
    metrics = call.services.metrics
    nearest = call.pacing.nearest()
    items = tuple(
        wire.RateItem(
            rate_class=name,
            per=_PER.get(name, "credential"),
            per_minute=rate.per_minute,
            burst=rate.burst,
            callers=nearest.get(name, (0, 0))[0],
            used=nearest.get(name, (0, 0))[1],
            refused=int(metrics.read("rate_limited_total", name)),
        )
        for name, rate in call.services.config.rates.items()
    )
    return Reply(body=wire.RatePage(items=items))


def _level(call: Call) -> Reply:
    now, at_start = call.services.admin.log_level()
    return Reply(body=msgspec.convert({"level": now, "at_start": at_start}, wire.LogLevelNow))


async def get_log_level(call: Call) -> Reply:
    """What this node's log holds."""
    return _level(call)


async def set_log_level(call: Call) -> Reply:
    """Let this node's log hold more or less, until it restarts. Who did it is in the log itself, at any level."""
    body: wire.LogLevelBody = call.body
    call.services.admin.set_log_level(body.level, call.principal.id)
    return _level(call)


async def get_compaction(call: Call) -> Reply:
    """How much room of the ledger's file holds nothing any more."""
    return Reply(body=await _compaction(call))


async def start_compaction(call: Call) -> Reply:
    """Give that room back to the file system, slice by slice beside the work; while that is under way, the same."""
    call.services.admin.begin_compaction()
    await asyncio.sleep(0)  # it is under way from here on
    return Reply(body=await _compaction(call))


async def _compaction(call: Call) -> wire.CompactionNow:
    found = await asyncio.to_thread(call.services.admin.compaction)
    return wire.CompactionNow(**msgspec.structs.asdict(found))
