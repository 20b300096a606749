"""Days as they are typed on a command line."""

from __future__ import annotations

from datetime import UTC, datetime

from watchfloor.cli.output import Failure


def day_begins(day: str, option: str) -> int | None:
    """The beginning of a UTC day such as 2026-11-01 in µs, None for no day. Raises Failure, which names `option`."""
    if not day:
        return None
    try:
        return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) * 1_000_000
    except ValueError as error:
        raise Failure(f"{option} {day!r} is no day", 2) from error
