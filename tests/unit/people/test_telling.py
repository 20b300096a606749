"""What the ledger knows of people's channels, and of notices that reached nobody (fault F10)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.transcripts.world import World

from watchfloor.people.messages import (
    AddPerson,
    FoundOrganisation,
    NoteChannel,
    NoteSharedChannel,
    RecordSharedUndelivered,
    RecordUndelivered,
)
from watchfloor.people.rules import HandleEvidence


def ada(world: World) -> int:
    joined = AddPerson(handle="ada", roles=("supervisor",))
    (event,) = world.perform(joined, evidence=HandleEvidence(taken_by=0))
    return event.subject


def test_a_channel_is_noted_every_time_it_is_set_and_changes_nothing_else() -> None:
    world = World()
    person = ada(world)
    before = world.states["person", person]
    for _ in range(2):
        (event,) = world.perform(NoteChannel(subject=person, name="phone", means="webhook", change="set"))
        assert event.type == "person.channel_noted/1"
    after = world.states["person", person]
    assert (after.roles, after.handle, after.disabled) == (before.roles, before.handle, before.disabled)


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"change": "moved"}, ("unknown_choice", "/change", 422)),
        ({"name": "My Phone"}, ("invalid_name", "/name", 422)),
        ({"means": ""}, ("invalid_name", "/means", 422)),
    ],
)
def test_what_makes_no_sense_is_refused(fields: dict[str, Any], refusal: tuple[str, str, int]) -> None:
    world = World()
    usual: dict[str, Any] = {"name": "phone", "means": "webhook", "change": "set"}
    assert world.refusal(NoteChannel(subject=ada(world), **(usual | fields))) == refusal


def test_nobody_has_channels_who_is_not_there() -> None:
    unknown = ("unknown_person", "", 404)
    assert World().refusal(NoteChannel(subject=9, name="a", means="console", change="set")) == unknown
    assert World().refusal(RecordUndelivered(subject=9, about="x", event=1, channels=1)) == unknown


def test_a_notice_that_reached_somebody_by_no_channel_is_a_fact() -> None:
    world = World()
    command = RecordUndelivered(subject=ada(world), about="decision:3:0", event=7, channels=2)
    (event,) = world.perform(command)
    facts: Any = event.facts
    assert (event.type, facts.about, facts.event, facts.channels) == (
        "person.notice_undelivered/1",
        "decision:3:0",
        7,
        2,
    )


def test_the_organisation_has_channels_of_its_own_and_notices_that_none_of_them_took() -> None:
    world = World()
    (founded,) = world.perform(FoundOrganisation(name="Acme", origin="acme.example"))
    org = founded.subject
    (noted,) = world.perform(NoteSharedChannel(subject=org, name="room", means="apprise slack", change="set"))
    (lost,) = world.perform(RecordSharedUndelivered(subject=org, about="event:5", event=5, names=("room",)))
    facts: Any = lost.facts
    assert noted.type == "organisation.channel_noted/1"
    assert (lost.type, facts.names) == ("organisation.notice_undelivered/1", ("room",))
    assert world.states["organisation", org].name == "Acme"
    wrong = NoteSharedChannel(subject=org, name="Our room", means="console", change="set")
    assert world.refusal(wrong) == ("invalid_name", "/name", 422)


def test_no_organisation_has_no_channels() -> None:
    unknown = ("unknown_organisation", "", 404)
    set_one = NoteSharedChannel(subject=9, name="a", means="console", change="set")
    assert World().refusal(set_one) == unknown
    assert World().refusal(RecordSharedUndelivered(subject=9, about="x", event=1, names=())) == unknown
