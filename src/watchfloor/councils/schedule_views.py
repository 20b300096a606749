"""What people see of on-call schedules: `schedules`. Who is on call is worked out from the state when it is asked."""

from __future__ import annotations

from watchfloor.councils.schedule_messages import (
    ScheduleChanged,
    ScheduleOverridden,
    ScheduleRemoved,
    ScheduleSet,
)
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Event
from watchfloor.kernel.projection import Change, Index, Projectors, Table, Value, instant, integer, text

SCHEDULES = Table(
    name="schedules",
    version=1,
    meaning="On-call schedules, in force while removed_at is 0.",
    key=("schedule",),
    columns={
        "schedule": integer("subject"),
        "id": text("public id sch_…"),
        "name": text("as in schedule:<name>"),
        "time_zone": text("IANA name"),
        "set_at": instant("when it was first set"),
        "set_by": text("public id"),
        "changed_at": instant("of the content or the newest override"),
        "changed_by": text("public id"),
        "removed_at": instant("0: in force"),
        "seq": integer("newest event"),
    },
    indexes=(Index(("name",)),),
)


def _set(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, ScheduleSet)
    who = event.of or event.actor.id
    return [
        SCHEDULES.put(
            event.subject,
            id=public_id("schedule", event.subject, facts.nonce),
            name=facts.name,
            time_zone=facts.time_zone,
            set_at=event.at,
            set_by=who,
            changed_at=event.at,
            changed_by=who,
            seq=event.seq,
        )
    ]


def _changed(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, ScheduleChanged)
    now: dict[str, Value] = {
        "changed_at": event.at,
        "changed_by": event.of or event.actor.id,
        "seq": event.seq,
    }
    return [SCHEDULES.set(event.subject, time_zone=facts.time_zone, **now)]


def _overridden(event: Event) -> list[Change]:
    now: dict[str, Value] = {
        "changed_at": event.at,
        "changed_by": event.of or event.actor.id,
        "seq": event.seq,
    }
    return [SCHEDULES.set(event.subject, **now)]


def _removed(event: Event) -> list[Change]:
    return [SCHEDULES.set(event.subject, removed_at=event.at, seq=event.seq)]


PROJECT_SCHEDULES: Projectors = {
    ScheduleSet: _set,
    ScheduleChanged: _changed,
    ScheduleOverridden: _overridden,
    ScheduleRemoved: _removed,
}
