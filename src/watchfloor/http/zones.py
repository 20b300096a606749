"""What a time zone means, as data for rules that know no zones: its offsets for some years (councils/rotations.py)."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from watchfloor.councils.schedule_messages import Offset
from watchfloor.kernel.instants import MINUTE, SECOND

YEARS_AHEAD = 10  # later the last offset holds; setting the schedule again looks them up anew
_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1)  # noqa: DTZ001 -- a reading of a wall clock, of no zone


def zone(name: str) -> ZoneInfo | None:
    """The zone of an IANA name, None when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return None


def offsets(found: ZoneInfo, now: int) -> tuple[Offset, ...]:
    """Every change of the zone's clocks from a year before `now` (µs UTC) until YEARS_AHEAD years after, to the second."""
    at = datetime.fromtimestamp(now // SECOND, UTC).replace(hour=0, minute=0, second=0) - 366 * _DAY
    end = at + timedelta(days=366 * (YEARS_AHEAD + 1))
    seconds = _seconds(found, at)
    changes = [Offset(0, seconds)]
    while at < end:
        after = at + _DAY
        if _seconds(found, after) != seconds:
            changed = _change(found, at, after)
            seconds = _seconds(found, after)
            changes.append(Offset(int(changed.timestamp()) * SECOND, seconds))
        at = after
    return tuple(changes)


def _seconds(found: ZoneInfo, at: datetime) -> int:
    offset = at.astimezone(found).utcoffset()
    return int(offset.total_seconds()) if offset is not None else 0


def _change(found: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """The first second that has the offset of `high`."""
    before = _seconds(found, low)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low).seconds // 2 or 43_200)
        if _seconds(found, middle) == before:
            low = middle
        else:
            high = middle
    return high


def minute_of(text: str) -> int:
    """`2026-11-02T09:00`, as a wall clock reads, in minutes since 1970-01-01 00:00. Raises ValueError."""
    read = datetime.fromisoformat(text)
    if read.tzinfo is not None or read < _EPOCH:
        raise ValueError("a time of the wall clock, without an offset")
    return int((read - _EPOCH).total_seconds()) * SECOND // MINUTE


def text_of(minute: int) -> str:
    """The other way round."""
    return (_EPOCH + timedelta(minutes=minute)).isoformat(timespec="minutes")
