"""On-call schedules: commands and facts (spec 3.2 *Routing*). Who is on call at an instant is worked out in rotations.py."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from watchfloor.kernel.messages import Command, Facts


class Layer(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One rotation: `members` (public ids of persons) take turns in this order, `shift_minutes` each by the wall clock.

    `start_minute` is the first handoff, in minutes of the wall clock since 1970-01-01 00:00 of the schedule's time zone.
    It covers the weekdays `days` (0 Monday to 6 Sunday; none: every day) from `from_minute` to `until_minute` of the day;
    the two equal: round the clock, from later than until: over midnight.
    """

    members: tuple[str, ...]
    shift_minutes: int
    start_minute: int
    days: tuple[int, ...] = ()
    from_minute: int = 0
    until_minute: int = 0


class Offset(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """From this instant (µs UTC) on the wall clock of the time zone is `seconds` ahead of UTC."""

    from_at: int
    seconds: int


class SetSchedule(Command, frozen=True, kw_only=True):
    """A new schedule, or another content for one that exists; policies name it as `schedule:<name>`.

    Later layers lie over earlier ones. `offsets` is what the time zone means, looked up outside (rules know no zones):
    in order, the first from before all handoffs.
    """

    KIND: ClassVar[str] = "schedule"
    name: str
    time_zone: str
    layers: tuple[Layer, ...]
    offsets: tuple[Offset, ...]


class OverrideSchedule(Command, frozen=True, kw_only=True):
    """This person is on call from `from_at` until `until_at` (µs UTC), whoever's turn it is; the newest override wins.

    An empty `person` takes overrides of that time back.
    """

    KIND: ClassVar[str] = "schedule"
    person: str
    from_at: int
    until_at: int


class RemoveSchedule(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "schedule"
    reason: str = ""


class ScheduleSet(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "schedule.set/1"
    KIND: ClassVar[str] = "schedule"
    layers: tuple[Layer, ...]
    name: str
    nonce: int
    offsets: tuple[Offset, ...]
    time_zone: str


class ScheduleChanged(Facts, frozen=True, kw_only=True):
    """Another content; overrides stay."""

    TYPE: ClassVar[str] = "schedule.changed/1"
    KIND: ClassVar[str] = "schedule"
    layers: tuple[Layer, ...]
    offsets: tuple[Offset, ...]
    time_zone: str


class ScheduleOverridden(Facts, frozen=True, kw_only=True):
    """`person` empty: back to whoever's turn it is."""

    TYPE: ClassVar[str] = "schedule.overridden/1"
    KIND: ClassVar[str] = "schedule"
    from_at: int
    person: str
    until_at: int


class ScheduleRemoved(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "schedule.removed/1"
    KIND: ClassVar[str] = "schedule"
    reason: str
