"""On-call schedules by name (spec 3.2): cell `schedule_names` by name → subject."""

from __future__ import annotations

from watchfloor.councils.schedule_messages import ScheduleRemoved, ScheduleSet
from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Read, Register


def _set(event: Event, read: Read) -> list[tuple[str, object, object]]:
    facts = event.facts
    assert isinstance(facts, ScheduleSet)
    return [("schedule_names", facts.name, event.subject)]


def _removed(event: Event, read: Read) -> list[tuple[str, object, object]]:
    schedule = read("schedule", event.subject)
    if schedule is None or read("schedule_names", schedule.name) != event.subject:
        return []
    return [("schedule_names", schedule.name, None)]


REGISTER = Register(
    name="schedules",
    cells={"schedule_names": int},
    folds={ScheduleSet: _set, ScheduleRemoved: _removed},
)
