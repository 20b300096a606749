"""Backups of the whole server: those on its disk, and making one (spec 04 *Backup*)."""

from __future__ import annotations

from typing import Any

from watchfloor.http.bodies.fields import Answer, Count, Instant, Seq


class BackupItem(Answer, frozen=True, kw_only=True):
    """One that was made, and restored to verify it. `seq`: how far it reaches in your organisation."""

    name: str
    created_at: Instant
    verified_at: Instant
    bytes: Count
    seq: Seq


class BackupPage(Answer, frozen=True, kw_only=True):
    """`state`: idle, running, or failed (`detail`: why the last one was not made). `next_at` 0: none by itself.

    `data` is the server's data directory, for administrators, and empty for others.
    """

    items: tuple[BackupItem, ...]
    state: str
    detail: str
    next_at: Instant
    every_hours: Count
    kept: Count
    data: str


EXAMPLES: dict[type, dict[str, Any]] = {
    BackupPage: {
        "items": [
            {
                "name": "20261121T040000.000000Z",
                "created_at": 1_763_700_000_000_000,
                "verified_at": 1_763_700_001_000_000,
                "bytes": 1_048_576,
                "seq": 1042,
            }
        ],
        "state": "idle",
        "detail": "",
        "next_at": 1_763_786_400_000_000,
        "every_hours": 24,
        "kept": 3,
        "data": "/srv/watchfloor-data",
    },
}
