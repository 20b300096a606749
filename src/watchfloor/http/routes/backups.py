"""Backups of the whole server (spec 04 *Backup*). Restoring needs the server stopped: it stays on the command line."""

from __future__ import annotations

import asyncio

import msgspec

from watchfloor.http.asking import Call
from watchfloor.http.bodies import backups as wire
from watchfloor.http.replies import Reply


async def list_backups(call: Call) -> Reply:
    """The backups on the server's disk, newest first, what became of the last one, and when the next one is made."""
    return Reply(body=await _told(call))


async def start_backup(call: Call) -> Reply:
    """Make a backup of the whole server now; while one is being made, that one. It is verified by restoring it."""
    call.services.admin.begin_backup()
    await asyncio.sleep(0)  # it is under way from here on
    return Reply(body=await _told(call))


async def _told(call: Call) -> wire.BackupPage:
    found = await asyncio.to_thread(call.services.admin.backups, call.org)
    administers = call.principal.may("admin")
    items = tuple(wire.BackupItem(**msgspec.structs.asdict(one)) for one in found.items)
    return wire.BackupPage(
        items=items,
        state=found.state,
        # Both name places on the server's disk.
        detail=found.detail if administers or not found.detail else "ask an administrator",
        data=found.data if administers else "",
        next_at=found.next_at,
        every_hours=found.every_hours,
        kept=found.kept,
    )
