"""`watchfloor oncall …`: who is on call, and when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cyclopts import App

from watchfloor.cli.client import Client
from watchfloor.cli.output import Failure, Limit, instant, show, table

app = App(name="oncall", help="See and set who is on call.")
_COLUMNS = [
    ("name", "SCHEDULE"),
    ("who", "ON CALL"),
    ("until", "UNTIL"),
    ("time_zone", "TIME ZONE"),
    ("schedule_id", "ID"),
]


def _row(item: dict[str, Any]) -> dict[str, Any]:
    found = item["on_call"]
    until = instant(found["until_at"]) if found and found["until_at"] else ""
    return {**item, "who": found["name"] if found else "nobody", "until": until}


def _micros(text: str) -> int:
    """An instant such as `2026-11-02T09:00+01:00`; without an offset UTC. Raises Failure."""
    try:
        read = datetime.fromisoformat(text)
    except ValueError as error:
        raise Failure(f"{text!r} is no instant, such as 2026-11-02T09:00+01:00", 2) from error
    return int((read if read.tzinfo else read.replace(tzinfo=UTC)).timestamp()) * 1_000_000


def _found(client: Client, name: str) -> dict[str, Any]:
    """The schedule of a name or id. Raises Failure."""
    items: list[dict[str, Any]] = client.pages("/api/v1/schedules", 1_000)
    for one in items:
        if name in (one["name"], one["schedule_id"]):
            return one
    raise Failure(f"there is no schedule {name!r}", 3)


@app.command(name="list")
def list_(*, limit: Limit = 100, json: bool = False) -> None:
    """List schedules with who is on call now."""
    items = Client().pages("/api/v1/schedules", limit)
    show(items, json=json, text=table([_row(one) for one in items], _COLUMNS, "No schedules."))


@app.command
def now(schedule: str = "", *, at: str = "", json: bool = False) -> None:
    """Say who is on call now, or AT an instant such as 2026-11-02T09:00+01:00.

    Parameters
    ----------
    schedule
        Name or id; without it all schedules.
    """
    items = Client().pages("/api/v1/schedules", 1_000, at=_micros(at) if at else 0)
    items = [one for one in items if not schedule or schedule in (one["name"], one["schedule_id"])]
    if schedule and not items:
        raise Failure(f"there is no schedule {schedule!r}", 3)
    show(items, json=json, text=table([_row(one) for one in items], _COLUMNS, "No schedules."))


@app.command(name="set")
def set_(
    name: str,
    members: str,
    *,
    start: str,
    shift_hours: int = 168,
    time_zone: str = "UTC",
    days: str = "",
    hours: str = "00:00-00:00",
    add: bool = False,
    json: bool = False,
) -> None:
    """Set a schedule of one rotation, or --add a layer over those it has.

    Parameters
    ----------
    name
        As policies name it in `schedule:<name>`; `on_call` is who the default policy tells.
    members
        Handles in their order, with commas between.
    start
        First handoff by the wall clock of TIME_ZONE, such as 2026-11-02T09:00.
    days
        Such as mon,tue,wed; without it every day.
    hours
        Such as 18:00-08:00; without it round the clock.
    """
    client = Client()
    begin, _, end = hours.partition("-")
    layer = {
        "members": [text for text in members.split(",") if text],
        "start": start,
        "shift_hours": shift_hours,
        "days": [text for text in days.split(",") if text],
        "daily_from": begin,
        "daily_until": end,
    }
    before = _found(client, name) if add else None
    body = {
        "name": name,
        "time_zone": before["time_zone"] if before else time_zone,
        "layers": [*(before["layers"] if before else ()), layer],
    }
    answer = client.post("/api/v1/schedules", body)
    show(answer, json=json, text=answer["schedule_id"])


@app.command
def override(schedule: str, person: str = "", *, from_: str, until: str, json: bool = False) -> None:
    """Let PERSON (handle) be on call from one instant until another; without PERSON take overrides of that time back."""
    client = Client()
    found = _found(client, schedule)
    body = {"person": person, "from_at": _micros(from_), "until_at": _micros(until)}
    answer = client.post(f"/api/v1/schedules/{found['schedule_id']}/override", body)
    show(answer, json=json, text=f"{found['name']}: {person or 'no override'} until {until}")


@app.command
def remove(schedule: str, *, reason: str = "", json: bool = False) -> None:
    """Remove a schedule; where a policy names it, operators are told instead."""
    client = Client()
    found = _found(client, schedule)
    answer = client.post(f"/api/v1/schedules/{found['schedule_id']}/remove", {"reason": reason})
    show(answer, json=json, text=f"{found['name']}: removed")
