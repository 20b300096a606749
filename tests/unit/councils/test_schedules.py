"""The life of an on-call schedule: set, changed, overridden, removed (spec 3.2 *Routing*)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.transcripts.world import START, World

from watchfloor.councils.schedule_messages import (
    Layer,
    Offset,
    OverrideSchedule,
    RemoveSchedule,
    ScheduleRemoved,
    ScheduleSet,
    SetSchedule,
)
from watchfloor.councils.schedules import OVERRIDES_MAX, Schedule, ScheduleEvidence, on_duty
from watchfloor.kernel.instants import DAY, HOUR
from watchfloor.kernel.messages import Event
from watchfloor.registers.schedules import REGISTER

UTC = (Offset(0, 0),)
EVERYBODY = ScheduleEvidence(enabled=("ada", "ben"))
WEEKLY = Layer(("ada", "ben"), 7 * 24 * 60, START // 60_000_000)


def command(**fields: Any) -> SetSchedule:
    usual: dict[str, Any] = {"name": "on_call", "time_zone": "UTC", "layers": (WEEKLY,), "offsets": UTC}
    return SetSchedule(**(usual | fields))


def made(world: World) -> int:
    (event,) = world.perform(command(), evidence=EVERYBODY)
    return event.subject


def state(world: World, schedule: int) -> Schedule:
    found: Schedule = world.states["schedule", schedule]
    return found


def types(events: list[Event]) -> list[str]:
    return [event.type for event in events]


def layer(**fields: Any) -> tuple[Layer]:
    usual: dict[str, Any] = {"members": ("ada",), "shift_minutes": 60, "start_minute": 0}
    return (Layer(**(usual | fields)),)


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"name": "On Call"}, ("invalid_name", "/name", 422)),
        ({"time_zone": ""}, ("invalid_name", "/time_zone", 422)),
        ({"layers": ()}, ("out_of_range", "/layers", 422)),
        ({"offsets": ()}, ("out_of_range", "/offsets", 422)),
        ({"offsets": (Offset(0, 90_000),)}, ("out_of_range", "/offsets/0/seconds", 422)),
        ({"offsets": (Offset(5, 0), Offset(5, 0))}, ("out_of_range", "/offsets/1/from_at", 422)),
        ({"layers": layer(members=())}, ("out_of_range", "/layers/0/members", 422)),
        ({"layers": layer(members=("ada", "eve"))}, ("unknown_person", "/layers/0/members/1", 422)),
        ({"layers": layer(shift_minutes=59)}, ("out_of_range", "/layers/0/shift_minutes", 422)),
        ({"layers": layer(start_minute=-1)}, ("out_of_range", "/layers/0/start_minute", 422)),
        ({"layers": layer(from_minute=1_440)}, ("out_of_range", "/layers/0/from_minute", 422)),
        ({"layers": layer(until_minute=-1)}, ("out_of_range", "/layers/0/until_minute", 422)),
        ({"layers": layer(days=(7,))}, ("out_of_range", "/layers/0/days/0", 422)),
        ({"layers": layer(days=(0,) * 8)}, ("out_of_range", "/layers/0/days", 422)),
    ],
)
def test_a_schedule_that_makes_no_sense_is_refused(
    fields: dict[str, Any], refusal: tuple[str, str, int]
) -> None:
    assert World().refusal(command(**fields), evidence=EVERYBODY) == refusal


def test_a_name_is_taken_once_and_stays() -> None:
    world = World()
    taken = ScheduleEvidence(taken_by=9, enabled=("ada", "ben"))
    assert world.refusal(command(), evidence=taken) == ("already_set", "/name", 409)
    schedule = made(world)
    renamed = command(subject=schedule, name="nights")
    assert world.refusal(renamed, evidence=EVERYBODY) == ("another_schedule", "/name", 409)


def test_the_same_content_is_no_news_and_another_one_keeps_the_overrides() -> None:
    world = World()
    schedule = made(world)
    assert world.perform(command(subject=schedule), evidence=EVERYBODY) == []
    swap = OverrideSchedule(subject=schedule, person="ben", from_at=START, until_at=START + DAY)
    assert types(world.perform(swap, evidence=EVERYBODY)) == ["schedule.overridden/1"]
    other = command(subject=schedule, layers=layer())
    assert types(world.perform(other, evidence=EVERYBODY)) == ["schedule.changed/1"]
    found = on_duty(state(world, schedule), START + HOUR)
    assert found is not None and found.person == "ben"
    nobody = on_duty(state(world, schedule), START + HOUR, frozenset())
    assert nobody is None


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"person": "eve"}, ("unknown_person", "/person", 422)),
        ({"from_at": -1}, ("out_of_range", "/from_at", 422)),
        ({"until_at": START}, ("out_of_range", "/until_at", 422)),
        ({"until_at": START + 367 * DAY}, ("out_of_range", "/until_at", 422)),
        ({"from_at": START - 2 * DAY, "until_at": START - DAY}, ("in_the_past", "/until_at", 422)),
    ],
)
def test_an_override_that_makes_no_sense_is_refused(
    fields: dict[str, Any], refusal: tuple[str, str, int]
) -> None:
    world = World()
    usual: dict[str, Any] = {"person": "ben", "from_at": START, "until_at": START + DAY}
    swap = OverrideSchedule(subject=made(world), **(usual | fields))
    assert world.refusal(swap, evidence=EVERYBODY) == refusal


def test_overrides_ahead_are_bounded() -> None:
    world = World()
    schedule = made(world)
    swap = OverrideSchedule(subject=schedule, person="ben", from_at=START, until_at=START + DAY)
    for _ in range(OVERRIDES_MAX):
        world.perform(swap, evidence=EVERYBODY)
    assert world.refusal(swap, evidence=EVERYBODY) == ("too_many", "/from_at", 409)


def test_a_removed_schedule_is_no_more() -> None:
    world = World()
    schedule = made(world)
    assert types(world.perform(RemoveSchedule(subject=schedule))) == ["schedule.removed/1"]
    assert on_duty(state(world, schedule), START + HOUR) is None
    assert world.refusal(RemoveSchedule(subject=schedule)) == ("unknown_schedule", "", 404)
    assert world.refusal(command(subject=schedule), evidence=EVERYBODY)[0] == "unknown_schedule"
    assert World().refusal(RemoveSchedule(subject=7))[0] == "unknown_schedule"


def test_the_register_knows_schedules_by_name_until_they_are_removed() -> None:
    world = World()
    schedule = made(world)
    cells: dict[tuple[str, Any], Any] = {("schedule", schedule): state(world, schedule)}

    def read(name: str, key: Any) -> Any:
        return cells.get((name, key))

    (begin,) = world.perform(command(name="two"), evidence=EVERYBODY)
    for name, key, value in REGISTER.folds[ScheduleSet](begin, read):
        assert (name, key, value) == ("schedule_names", "two", begin.subject)
    (gone,) = world.perform(RemoveSchedule(subject=schedule))
    assert REGISTER.folds[ScheduleRemoved](gone, read) == [], "the name is another's, or nobody's"
    cells["schedule_names", "on_call"] = schedule
    assert REGISTER.folds[ScheduleRemoved](gone, read) == [("schedule_names", "on_call", None)]
