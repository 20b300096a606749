"""On-call schedules (spec 3.2 *Routing*). Who is on call is worked out from the state, by the rules' own function."""

from __future__ import annotations

from typing import Any

from watchfloor.councils.rotations import DAY_MINUTES, OnCall
from watchfloor.councils.schedule_messages import Layer, OverrideSchedule, RemoveSchedule, SetSchedule
from watchfloor.councils.schedules import Schedule, on_duty
from watchfloor.http import lists, telling, zones
from watchfloor.http.asking import Call
from watchfloor.http.bodies import fields
from watchfloor.http.bodies import schedules as wire
from watchfloor.http.owning import everyone
from watchfloor.http.problems import FieldError, Problem
from watchfloor.http.replies import Reply
from watchfloor.kernel.instants import DAY, MINUTE

_SOON = 14 * DAY
_STEP = 15 * MINUTE  # handoffs lie on minutes; finer than this nobody hands over


def _wrong(field: str, code: str, detail: str) -> Problem:
    return Problem(
        422,
        "invalid_fields",
        f"{field}: {detail}",
        errors=(FieldError(field=field, code=code, detail=detail),),
    )


def _person(call: Call, text: str, field: str) -> str:
    """The public id of the enabled person of this id or handle. Raises Problem 422."""
    for person in everyone(call):
        if person.enabled and text in (person.id, person.handle):
            return person.id
    raise _wrong(field, "unknown_person", "id or handle of an enabled person")


def _minutes(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def _of_day(minute: int) -> str:
    return f"{minute % DAY_MINUTES // 60:02d}:{minute % 60:02d}"


def _layer(call: Call, body: wire.LayerBody, field: str) -> Layer:
    try:
        start = zones.minute_of(body.start)
    except ValueError as error:
        raise _wrong(f"{field}/start", "invalid", "no such time") from error
    return Layer(
        tuple(_person(call, text, f"{field}/members/{index}") for index, text in enumerate(body.members)),
        body.shift_hours * 60,
        start,
        tuple(sorted({wire.DAYS.index(day) for day in body.days})),
        _minutes(body.daily_from),
        _minutes(body.daily_until),
    )


async def set_schedule(call: Call) -> Reply:
    """Set who is on call when; policies name the schedule as `schedule:<name>`."""
    body: wire.SetScheduleBody = call.body
    found = zones.zone(body.time_zone)
    if found is None:
        raise _wrong("/time_zone", "unknown_time_zone", "an IANA name, such as Europe/Berlin")
    subject = call.services.engine.cell(call.org, "schedule_names", body.name) or 0
    command = SetSchedule(
        subject=subject,
        name=body.name,
        time_zone=body.time_zone,
        layers=tuple(_layer(call, layer, f"/layers/{index}") for index, layer in enumerate(body.layers)),
        offsets=zones.offsets(found, call.now),
    )
    recorded = await call.ask(command)
    schedule = recorded.event.subject if recorded.event is not None else subject
    return Reply(body=wire.ScheduleRecorded(schedule_id=call.id_of("schedule", schedule), seq=recorded.seq))


async def override_schedule(call: Call) -> Reply:
    """Somebody takes over for a while, or, without a person, overrides of that time are taken back."""
    body: wire.OverrideBody = call.body
    subject, _ = call.resolve("schedule", call.path["schedule"])
    person = _person(call, body.person, "/person") if body.person else ""
    command = OverrideSchedule(subject=subject, person=person, from_at=body.from_at, until_at=body.until_at)
    return Reply(body=fields.Recorded(seq=(await call.ask(command)).seq))


async def remove_schedule(call: Call) -> Reply:
    """Nobody is on call by it any more; where a policy names it, operators are told instead."""
    subject, _ = call.resolve("schedule", call.path["schedule"])
    recorded = await call.ask(RemoveSchedule(subject=subject, reason=call.body.reason))
    return Reply(body=fields.Recorded(seq=recorded.seq))


def item(call: Call, row: dict[str, Any], at: int) -> wire.ScheduleItem:
    """A row of `schedules` with who is on call."""
    schedule: Schedule = call.state("schedule", row["schedule"])
    return wire.ScheduleItem(
        schedule_id=row["id"],
        name=row["name"],
        time_zone=row["time_zone"],
        on_call=_on_call(call, schedule, at or call.now),
        layers=tuple(
            wire.LayerItem(
                members=layer.members,
                start=zones.text_of(layer.start_minute),
                shift_hours=layer.shift_minutes // 60,
                days=tuple(wire.DAYS[day] for day in layer.days),
                daily_from=_of_day(layer.from_minute),
                daily_until=_of_day(layer.until_minute),
            )
            for layer in schedule.layers
        ),
        overrides=tuple(
            wire.OverrideItem(
                person_id=one.person,
                name=telling.name_of(call, one.person) or one.person,
                from_at=one.from_at,
                until_at=one.until_at,
            )
            for one in schedule.overrides
            if one.until_at > call.now
        ),
        set_by=row["set_by"],
        changed_at=row["changed_at"],
        changed_by=row["changed_by"],
        removed_at=row["removed_at"],
    )


def _on_call(call: Call, schedule: Schedule, at: int) -> wire.OnCallItem | None:
    enabled = frozenset(person.id for person in everyone(call) if person.enabled)
    found = on_duty(schedule, at, enabled)
    if found is None:
        return None
    return wire.OnCallItem(
        person_id=found.person,
        name=telling.name_of(call, found.person) or found.person,
        layer=found.layer,
        until_at=_until(schedule, enabled, at, found),
        backups=found.backups,
    )


def _until(schedule: Schedule, enabled: frozenset[str], at: int, found: OnCall) -> int:
    """When somebody else is on call, to the minute; 0: not soon."""

    def same(instant: int) -> bool:
        then = on_duty(schedule, instant, enabled)
        return then is not None and then.person == found.person

    low = at
    while low < at + _SOON and same(low + _STEP):
        low += _STEP
    if low >= at + _SOON:
        return 0
    high = low + _STEP
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if same(middle) else (low, middle)
    return high


async def list_schedules(call: Call) -> Reply:
    """Schedules in force, and who is on call."""
    params: wire.SchedulesParams = call.params
    rows, following = await lists.page(call, "schedules", ("schedule",), also=("removed_at = 0",))
    items = tuple(item(call, row, params.at) for row in rows)
    return Reply(body=wire.SchedulePage(items=items, next=following, seq=call.view_seq))


async def get_schedule(call: Call) -> Reply:
    """One schedule, and who is on call."""
    subject, _ = call.resolve("schedule", call.path["schedule"])
    row = await lists.viewed(call, "schedules", "schedule", subject)
    return Reply(body=item(call, row, call.params.at))
