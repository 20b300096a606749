"""Rules of on-call schedules: set, changed, overridden, removed (spec 3.2 *Routing*).

A schedule says who is told, never who may decide: roles and committees do that. So a wrong schedule delays, and permits
nothing. Members must be enabled people when it is set; who is disabled later is passed over (councils/rotations.py).
"""

# ruff: noqa: ARG001 -- rules have one signature each, whatever they look at

from __future__ import annotations

import re

import msgspec

from watchfloor.councils.rotations import DAY_MINUTES, OnCall, Override, on_call
from watchfloor.councils.schedule_messages import (
    Layer,
    Offset,
    OverrideSchedule,
    RemoveSchedule,
    ScheduleChanged,
    ScheduleOverridden,
    ScheduleRemoved,
    ScheduleSet,
    SetSchedule,
)
from watchfloor.kernel.folds import Changes, first, once
from watchfloor.kernel.ids import nonce_from
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.limits import INTEGER_MAX
from watchfloor.kernel.messages import Draft, Event, Facts, Refused
from watchfloor.kernel.schema import check_name, check_range, check_reason
from watchfloor.kernel.subject import Given, Subject

LAYERS_MAX = 8  # more than anybody can follow
MEMBERS_MAX = 64  # of one layer
OVERRIDES_MAX = 128  # kept: those that are over go first
OFFSETS_MAX = 128  # some zones change four times a year; this is for decades
SHIFT_MINUTES_MAX = 366 * DAY_MINUTES
OVERRIDE_DAYS_MAX = 366
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


class ScheduleEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`taken_by`: the schedule that has this name (0: none); `enabled`: those of the named persons who are."""

    taken_by: int = 0
    enabled: tuple[str, ...] = ()


class Schedule(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    seq: int
    nonce: int
    name: str
    time_zone: str
    layers: tuple[Layer, ...]
    offsets: tuple[Offset, ...]
    overrides: tuple[Override, ...] = ()  # oldest first
    removed: bool = False


def known(state: Schedule | None) -> Schedule:
    """The schedule, or Refused `unknown_schedule`."""
    if state is None or state.removed:
        raise Refused("unknown_schedule", "no such schedule", status=404)
    return state


def on_duty(schedule: Schedule, at: int, enabled: frozenset[str] | None = None) -> OnCall | None:
    """Who is on call at an instant among the `enabled` (None: whoever they are)."""
    if schedule.removed:
        return None
    if enabled is None:
        return on_call(schedule.layers, schedule.offsets, schedule.overrides, at)
    return on_call(schedule.layers, schedule.offsets, schedule.overrides, at, enabled.__contains__)


def set_schedule(state: Schedule | None, command: SetSchedule, given: Given) -> list[Draft]:
    """A new schedule, or another content; the same again is no news."""
    evidence: ScheduleEvidence = given.evidence or ScheduleEvidence()
    if not _NAME.fullmatch(command.name):
        raise Refused("invalid_name", "takes small letters, digits and _", field="/name", status=422)
    check_name(command.time_zone, "/time_zone")
    _check_offsets(command.offsets)
    check_range(len(command.layers), "/layers", 1, LAYERS_MAX)
    for index, layer in enumerate(command.layers):
        _check_layer(layer, f"/layers/{index}", evidence.enabled)
    if state is None:
        if evidence.taken_by:
            raise Refused("already_set", "there is a schedule of this name", field="/name", retryable=True)
        made = ScheduleSet(
            layers=command.layers,
            name=command.name,
            nonce=nonce_from(given.entropy),
            offsets=command.offsets,
            time_zone=command.time_zone,
        )
        return [Draft(facts=made)]
    schedule = known(state)
    if command.name != schedule.name:
        raise Refused("another_schedule", "the name of a schedule stays", field="/name")
    now = (schedule.layers, schedule.offsets, schedule.time_zone)
    if (command.layers, command.offsets, command.time_zone) == now:
        return []
    changed = ScheduleChanged(layers=command.layers, offsets=command.offsets, time_zone=command.time_zone)
    return [Draft(facts=changed)]


def _check_offsets(offsets: tuple[Offset, ...]) -> None:
    check_range(len(offsets), "/offsets", 1, OFFSETS_MAX)
    before = -1
    for index, offset in enumerate(offsets):
        check_range(offset.seconds, f"/offsets/{index}/seconds", -86_399, 86_399)
        check_range(offset.from_at, f"/offsets/{index}/from_at", before + 1, INTEGER_MAX)
        before = offset.from_at


def _check_layer(layer: Layer, field: str, enabled: tuple[str, ...]) -> None:
    check_range(len(layer.members), f"{field}/members", 1, MEMBERS_MAX)
    for index, person in enumerate(layer.members):
        if person not in enabled:
            detail = "an enabled person of this organisation"
            raise Refused("unknown_person", detail, field=f"{field}/members/{index}", status=422)
    check_range(layer.shift_minutes, f"{field}/shift_minutes", 60, SHIFT_MINUTES_MAX)
    check_range(layer.start_minute, f"{field}/start_minute", 0, INTEGER_MAX)
    check_range(layer.from_minute, f"{field}/from_minute", 0, DAY_MINUTES - 1)
    check_range(layer.until_minute, f"{field}/until_minute", 0, DAY_MINUTES - 1)
    check_range(len(layer.days), f"{field}/days", 0, 7)
    for index, day in enumerate(layer.days):
        check_range(day, f"{field}/days/{index}", 0, 6)


def override(state: Schedule | None, command: OverrideSchedule, given: Given) -> list[Draft]:
    """Somebody takes over for a while."""
    evidence: ScheduleEvidence = given.evidence or ScheduleEvidence()
    schedule = known(state)
    check_range(command.from_at, "/from_at", 0, INTEGER_MAX)
    latest = min(INTEGER_MAX, command.from_at + OVERRIDE_DAYS_MAX * DAY)
    check_range(command.until_at, "/until_at", command.from_at + 1, latest)
    if command.until_at <= given.at:
        raise Refused("in_the_past", "that time is over", field="/until_at", status=422)
    if command.person and command.person not in evidence.enabled:
        detail = "an enabled person of this organisation"
        raise Refused("unknown_person", detail, field="/person", status=422)
    ahead = sum(1 for one in schedule.overrides if one.until_at > given.at)
    if ahead >= OVERRIDES_MAX:
        raise Refused("too_many", f"at most {OVERRIDES_MAX} overrides lie ahead", field="/from_at")
    facts = ScheduleOverridden(from_at=command.from_at, person=command.person, until_at=command.until_at)
    return [Draft(facts=facts)]


def remove(state: Schedule | None, command: RemoveSchedule, given: Given) -> list[Draft]:
    known(state)
    check_reason(command.reason)
    return [Draft(facts=ScheduleRemoved(reason=command.reason))]


# Folding --------------------------------------------------------------------------------------------------------------


def _set(facts: ScheduleSet, event: Event) -> Schedule:
    return Schedule(
        seq=event.seq,
        nonce=facts.nonce,
        name=facts.name,
        time_zone=facts.time_zone,
        layers=facts.layers,
        offsets=facts.offsets,
    )


def _changed(schedule: Schedule, facts: ScheduleChanged, event: Event) -> Changes:
    return {"layers": facts.layers, "offsets": facts.offsets, "time_zone": facts.time_zone}


def _overridden(schedule: Schedule, facts: ScheduleOverridden, event: Event) -> Changes:
    ahead = tuple(one for one in schedule.overrides if one.until_at > event.at)
    return {"overrides": (*ahead, Override(facts.person, facts.from_at, facts.until_at))}


def _removed(schedule: Schedule, facts: ScheduleRemoved, event: Event) -> Changes:
    return {"removed": True, "overrides": ()}


SCHEDULE = Subject(
    kind="schedule",
    state=Schedule,
    decide={SetSchedule: set_schedule, OverrideSchedule: override, RemoveSchedule: remove},
    evolve={
        ScheduleSet: first(_set),
        ScheduleChanged: once(_changed),
        ScheduleOverridden: once(_overridden),
        ScheduleRemoved: once(_removed),
    },
    live=lambda schedule: not schedule.removed,
)
SCHEDULE_FACTS: tuple[type[Facts], ...] = (
    ScheduleSet,
    ScheduleChanged,
    ScheduleOverridden,
    ScheduleRemoved,
)
