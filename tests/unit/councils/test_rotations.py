"""Whose turn it is, by the wall clock, when the clocks change, with layers, overrides and people who are not there."""

from __future__ import annotations

from datetime import datetime
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from watchfloor.councils.rotations import OnCall, Override, on_call, turn
from watchfloor.councils.schedule_messages import Layer, Offset
from watchfloor.http.zones import minute_of, offsets, text_of, zone
from watchfloor.kernel.instants import DAY, HOUR, MINUTE, SECOND

NOW = int(datetime.fromisoformat("2026-11-21T00:00+00:00").timestamp()) * SECOND
BERLIN = ZoneInfo("Europe/Berlin")
OFFSETS = offsets(BERLIN, NOW)
THREE = ("ada", "ben", "cy")


def at(text: str) -> int:
    """An instant with its offset."""
    return int(datetime.fromisoformat(text).timestamp()) * SECOND


def layer(start: str, hours: int, members: tuple[str, ...] = THREE, **more: object) -> Layer:
    return Layer(members, hours * 60, minute_of(start), **more)  # type: ignore[arg-type]


def who(one: Layer, instant: int) -> str:
    index = turn(one, OFFSETS, instant)
    return one.members[index] if index >= 0 else ""


def test_a_daily_handoff_at_nine_stays_at_nine_when_the_clocks_change() -> None:
    daily = layer("2026-10-20T09:00", 24)
    assert who(daily, at("2026-10-24T09:00+02:00") - 1) != who(daily, at("2026-10-24T09:00+02:00"))
    before = who(daily, at("2026-10-26T08:59+01:00"))
    assert before == who(daily, at("2026-10-25T09:00+01:00")), "one shift, of 24 hours by the wall clock"
    assert before != who(daily, at("2026-10-26T09:00+01:00"))
    assert who(daily, at("2026-10-26T08:00+01:00")) == before, "not an hour early, as UTC would have it"


def test_a_handoff_in_the_hour_that_comes_twice_happens_once() -> None:
    shift = layer("2026-10-25T02:30", 24, ("ada", "ben"))
    seen = [who(shift, at("2026-10-25T02:00+02:00") + step * MINUTE) for step in range(121)]
    assert seen[0] == seen[29] == "", "before the first handoff"
    assert set(seen[30:]) == {"ada"}, "from the first 02:30 on, through the second one"


def test_a_handoff_in_the_hour_that_is_left_out_happens_at_the_jump() -> None:
    shift = layer("2027-03-27T02:30", 24, ("ada", "ben"))
    jump = at("2027-03-28T03:00+02:00")
    assert who(shift, jump - SECOND) == "ada"
    assert who(shift, jump) == "ben"


@given(st.integers(0, 700 * 24 * 60), st.integers(1, 12 * 60))
def test_turns_never_go_back(minutes: int, step: int) -> None:
    one = Layer(tuple(str(number) for number in range(64)), 60 * 24 * 30, minute_of("2026-01-01T00:30"))
    early = NOW - 100 * DAY + minutes * MINUTE
    first, second = turn(one, OFFSETS, early), turn(one, OFFSETS, early + step * MINUTE)
    assert (second - first) % 64 in (0, 1)


@given(st.integers(0, 3_000))
def test_the_offsets_say_what_the_zone_says(days: int) -> None:
    instant = NOW + days * DAY + 7 * HOUR
    expected = datetime.fromtimestamp(instant // SECOND, BERLIN).utcoffset()
    known = [offset.seconds for offset in OFFSETS if offset.from_at <= instant][-1]
    assert expected is not None and known == expected.total_seconds()


def test_a_zone_whose_clocks_never_change_has_one_offset() -> None:
    tokyo = zone("Asia/Tokyo")
    assert tokyo is not None and offsets(tokyo, NOW) == (Offset(0, 9 * 3_600),)
    assert zone("Mars/Olympus") is None and zone("../etc/passwd") is None
    assert text_of(minute_of("2026-11-02T09:00")) == "2026-11-02T09:00"


def test_hours_over_midnight_belong_to_the_day_they_begin_on() -> None:
    nights = layer("2026-11-02T00:00", 168, ("ada",), days=(4,), from_minute=22 * 60, until_minute=6 * 60)
    friday = "2026-11-06T"
    assert who(nights, at(f"{friday}21:59+01:00")) == ""
    assert who(nights, at(f"{friday}22:00+01:00")) == "ada"
    assert who(nights, at("2026-11-07T05:59+01:00")) == "ada"
    assert who(nights, at("2026-11-07T06:00+01:00")) == ""
    assert who(nights, at("2026-11-07T22:00+01:00")) == "", "Saturday night is not covered"
    days = layer("2026-11-02T00:00", 168, ("ada",), from_minute=9 * 60, until_minute=17 * 60)
    assert (who(days, at(f"{friday}08:59+01:00")), who(days, at(f"{friday}09:00+01:00"))) == ("", "ada")


def test_later_layers_lie_over_earlier_ones_and_overrides_over_all() -> None:
    base = layer("2026-11-02T09:00", 168)
    nights = layer("2026-11-02T09:00", 168, ("dot",), from_minute=22 * 60, until_minute=6 * 60)
    day, night = at("2026-11-03T12:00+01:00"), at("2026-11-03T23:00+01:00")
    assert on_call((base, nights), OFFSETS, (), day) == OnCall("ada", 1, ("ben", "cy"))
    assert on_call((base, nights), OFFSETS, (), night) == OnCall("dot", 2, ("ada", "ben", "cy"))
    swap = Override("cy", night - HOUR, night + HOUR)
    assert on_call((base, nights), OFFSETS, (swap,), night) == OnCall("cy", 0, ("dot", "ada", "ben"))
    back = Override("", night, night + HOUR)
    found = on_call((base, nights), OFFSETS, (swap, back), night)
    assert found is not None and found.person == "dot", "the newest override wins, and takes back"
    assert on_call((base,), OFFSETS, (swap,), night + HOUR) == OnCall("ada", 1, ("ben", "cy"))


def test_who_is_not_there_is_passed_over_and_an_empty_schedule_has_nobody() -> None:
    base = layer("2026-11-02T09:00", 168)
    instant = at("2026-11-03T12:00+01:00")
    assert on_call((base,), OFFSETS, (), instant, {"ben"}.__contains__) == OnCall("ben", 1)
    assert on_call((base,), OFFSETS, (), instant, set[str]().__contains__) is None
    assert on_call((base,), OFFSETS, (), at("2026-11-01T12:00+01:00")) is None, "before the first handoff"
