"""Whose turn it is: rotations by the wall clock, with daylight saving, layers and overrides (spec 3.2 *Routing*).

Theory of operation
-------------------
A shift is counted by the wall clock of the schedule's zone, so a handoff at nine stays at nine when the clocks change, and
the shift in which they do is an hour longer or shorter. The zone's rules are data of the schedule (`offsets`), so that this
stays a pure function: the same schedule gives the same answer for ever, whatever a newer zone database says.

Where the clocks go back, the wall clock reads the same time twice. A handoff in that hour happens once, the first time:
turns are counted by the latest wall clock reading so far, which never goes back. Where the clocks go forward over a handoff,
it happens at the jump.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import msgspec

from watchfloor.councils.schedule_messages import Layer, Offset
from watchfloor.kernel.instants import DAY, MINUTE, SECOND

DAY_MINUTES = 24 * 60
_EPOCH_WEEKDAY = 3  # 1970-01-01 was a Thursday


class Override(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`person` is on call from `from_at` until `until_at`; empty: whoever's turn it is."""

    person: str
    from_at: int
    until_at: int


class OnCall(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Who is on call, `layer` from 1 (0: by an override), and who would be if they were not there, in order."""

    person: str
    layer: int
    backups: tuple[str, ...] = ()


def wall_minute(offsets: tuple[Offset, ...], at: int) -> int:
    """What the wall clock reads at an instant, in minutes since 1970-01-01 00:00."""
    return (at + _seconds(offsets, at) * SECOND) // MINUTE


def _seconds(offsets: tuple[Offset, ...], at: int) -> int:
    seconds = offsets[0].seconds if offsets else 0
    for offset in offsets:
        if offset.from_at > at:
            break
        seconds = offset.seconds
    return seconds


def latest_wall_minute(offsets: tuple[Offset, ...], at: int) -> int:
    """The latest reading of the wall clock up to an instant: it stands still while the clock repeats an hour."""
    latest = wall_minute(offsets, at)
    for offset in offsets[1:]:
        if at - DAY < offset.from_at <= at:
            latest = max(latest, wall_minute(offsets, offset.from_at - 1))
    return latest


def turn(layer: Layer, offsets: tuple[Offset, ...], at: int) -> int:
    """Which member's turn it is (an index), -1 before the first handoff or outside the hours the layer covers."""
    since = latest_wall_minute(offsets, at) - layer.start_minute
    if since < 0 or not layer.members or not _covers(layer, wall_minute(offsets, at)):
        return -1
    return since // layer.shift_minutes % len(layer.members)


def _covers(layer: Layer, minute: int) -> bool:
    """Do the layer's days and hours hold this minute? Hours over midnight belong to the day they begin on."""
    day, of_day = divmod(minute, DAY_MINUTES)
    begin, end = layer.from_minute, layer.until_minute
    if begin < end and not begin <= of_day < end:
        return False
    if begin > end:
        if end <= of_day < begin:
            return False
        if of_day < end:
            day -= 1
    return not layer.days or (day + _EPOCH_WEEKDAY) % 7 in layer.days


def on_call(
    layers: tuple[Layer, ...],
    offsets: tuple[Offset, ...],
    overrides: Iterable[Override],
    at: int,
    available: Callable[[str], bool] = lambda person: True,  # noqa: ARG005
) -> OnCall | None:
    """Who is on call, None where nobody is. Who is not available is passed over.

    The order: the newest override that holds, then layers from the last to the first, each with the member whose turn it
    is. If none of them is available, the other members of those layers stand in, those whose turn comes next first.
    """
    order: list[tuple[str, int]] = []
    for override in reversed(tuple(overrides)):
        if override.from_at <= at < override.until_at:
            if override.person:
                order.append((override.person, 0))
            break
    turns = [(number, layer, turn(layer, offsets, at)) for number, layer in enumerate(layers, 1)]
    covering = [(number, layer, index) for number, layer, index in reversed(turns) if index >= 0]
    order += [(layer.members[index], number) for number, layer, index in covering]
    for number, layer, index in covering:
        count = len(layer.members)
        order += [(layer.members[(index + step) % count], number) for step in range(1, count)]
    known: dict[str, int] = {}
    for person, number in order:
        if available(person):
            known.setdefault(person, number)
    if not known:
        return None
    first, *rest = known
    return OnCall(first, known[first], tuple(rest))
