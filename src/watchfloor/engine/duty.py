"""What is looked at when on-call schedules are set: who has the name, and which of the named persons are enabled."""

# ruff: noqa: ARG001 -- gatherers have one signature, whatever they look at

from __future__ import annotations

from watchfloor.councils.schedule_messages import OverrideSchedule, SetSchedule
from watchfloor.councils.schedules import ScheduleEvidence
from watchfloor.engine.requests import Request
from watchfloor.kernel.subject import Read
from watchfloor.registers.directory import Person


def schedule(
    read: Read, command: SetSchedule | OverrideSchedule, at: int, request: Request
) -> ScheduleEvidence:
    everyone: tuple[Person, ...] = read("people", "all") or ()
    taken_by = 0
    if isinstance(command, SetSchedule):
        named = {person for layer in command.layers for person in layer.members}
        taken_by = read("schedule_names", command.name) or 0
    else:
        named = {command.person}
    enabled = tuple(person.id for person in everyone if person.enabled and person.id in named)
    return ScheduleEvidence(taken_by=taken_by, enabled=enabled)
