"""Instants are integer microseconds since the epoch, UTC. Durations are integer milliseconds unless named otherwise."""

from __future__ import annotations

MICROSECOND = 1
MILLISECOND = 1_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def day_of(at: int) -> int:
    """The UTC day number of an instant (days since 1970-01-01)."""
    return at // DAY


def hour_of(at: int) -> int:
    """The UTC hour of the day of an instant, 0 to 23."""
    return at % DAY // HOUR
