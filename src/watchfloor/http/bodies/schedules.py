"""On-call schedules (spec 3.2 *Routing*)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from watchfloor.http.bodies.fields import Answer, Body, Count, Fresh, Instant, Name, NoId, Paged, Seq

Day = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
DAYS: tuple[Day, ...] = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ScheduleName = Annotated[str, Meta(max_length=64, pattern=r"^[a-z][a-z0-9_]*\Z")]
WallTime = Annotated[
    str,
    Meta(
        pattern=r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}\Z",
        description="as the wall clock reads, such as 2026-11-02T09:00",
    ),
]
TimeOfDay = Annotated[str, Meta(pattern=r"^(?:[01]\d|2[0-3]):[0-5]\d\Z")]
Zone = Annotated[str, Meta(min_length=1, max_length=64, description="IANA name, such as Europe/Berlin")]
ShiftHours = Annotated[int, Meta(ge=1, le=24 * 366)]


class LayerBody(Body, frozen=True, kw_only=True):
    """One rotation: members (handles or ids) in order, `shift_hours` each by the wall clock, the first from `start` on.

    It covers `days` (none: every day) from `daily_from` to `daily_until` (equal: round the clock).
    """

    members: Annotated[tuple[Name, ...], Meta(min_length=1, max_length=64)]
    start: WallTime
    shift_hours: ShiftHours = 168
    days: Annotated[tuple[Day, ...], Meta(max_length=7)] = ()
    daily_from: TimeOfDay = "00:00"
    daily_until: TimeOfDay = "00:00"


class SetScheduleBody(Body, frozen=True, kw_only=True):
    """A schedule that policies name as `schedule:<name>`; of one that exists, the content changes and overrides stay.

    Later layers lie over earlier ones; where the person of a layer is disabled, the layers below and the other members
    stand in.
    """

    name: ScheduleName
    time_zone: Zone = "UTC"
    layers: Annotated[tuple[LayerBody, ...], Meta(min_length=1, max_length=8)]


class OverrideBody(Body, frozen=True, kw_only=True):
    """`person` (handle or id) is on call for this time, whoever's turn it is; empty takes overrides of it back."""

    person: Annotated[str, Meta(max_length=128)] = ""
    from_at: Instant
    until_at: Instant


class ScheduleRecorded(Answer, frozen=True, kw_only=True):
    schedule_id: str
    seq: Seq


class SchedulesParams(Paged, frozen=True, kw_only=True):
    """`at`: who is on call then (0: now)."""

    at: Instant = 0


class ScheduleParams(Fresh, frozen=True, kw_only=True):
    """`at`: who is on call then (0: now)."""

    at: Instant = 0


class OnCallItem(Answer, frozen=True, kw_only=True):
    """`layer` from 1, 0 by an override; `until_at` next change within two weeks, 0 for none; `backups` in order."""

    person_id: NoId
    name: str
    layer: Count
    until_at: Instant
    backups: tuple[str, ...]


class LayerItem(Answer, frozen=True, kw_only=True):
    members: tuple[str, ...]
    start: str
    shift_hours: Count
    days: tuple[str, ...]
    daily_from: str
    daily_until: str


class OverrideItem(Answer, frozen=True, kw_only=True):
    person_id: str
    name: str
    from_at: Instant
    until_at: Instant


class ScheduleItem(Answer, frozen=True, kw_only=True):
    """`on_call` is none where nobody is."""

    schedule_id: str
    name: str
    time_zone: str
    on_call: OnCallItem | None
    layers: tuple[LayerItem, ...]
    overrides: tuple[OverrideItem, ...]
    set_by: str
    changed_at: Instant
    changed_by: str
    removed_at: Instant


class SchedulePage(Answer, frozen=True, kw_only=True):
    items: tuple[ScheduleItem, ...]
    next: str | None = None
    seq: Seq


_ITEM: dict[str, Any] = {
    "schedule_id": "sch_q0d1k7m9x2v4",
    "name": "on_call",
    "time_zone": "Europe/Berlin",
    "on_call": {
        "person_id": "per_4h2k9d0s7b1",
        "name": "ada",
        "layer": 1,
        "until_at": 1_763_971_200_000_000,
        "backups": ["per_4h2k9d0s7b2"],
    },
    "layers": [
        {
            "members": ["per_4h2k9d0s7b1", "per_4h2k9d0s7b2"],
            "start": "2026-11-02T09:00",
            "shift_hours": 168,
            "days": [],
            "daily_from": "00:00",
            "daily_until": "00:00",
        }
    ],
    "overrides": [],
    "set_by": "per_4h2k9d0s7b1",
    "changed_at": 1_763_600_000_000_000,
    "changed_by": "per_4h2k9d0s7b1",
    "removed_at": 0,
}
EXAMPLES: dict[type, dict[str, Any]] = {
    SetScheduleBody: {
        "name": "on_call",
        "time_zone": "Europe/Berlin",
        "layers": [{"members": ["ada", "ben"], "start": "2026-11-02T09:00", "shift_hours": 168}],
    },
    OverrideBody: {
        "person": "ben",
        "from_at": 1_763_971_200_000_000,
        "until_at": 1_764_057_600_000_000,
    },
    ScheduleRecorded: {"schedule_id": "sch_q0d1k7m9x2v4", "seq": 1042},
    ScheduleItem: _ITEM,
    SchedulePage: {"items": [_ITEM], "next": None, "seq": 1042},
}
