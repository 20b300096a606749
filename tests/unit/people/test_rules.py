"""Organisations, persons, roles and what people sign in with (spec 01, 06 *Security*)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.transcripts.world import START, World

from watchfloor.kernel.ids import public_id
from watchfloor.kernel.instants import DAY, HOUR
from watchfloor.kernel.limits import CREDENTIALS_PER_PERSON_MAX
from watchfloor.kernel.messages import SYSTEM, Actor, Command, Event, Facts
from watchfloor.people import messages as m
from watchfloor.people import rules
from watchfloor.people.messages import (
    AddPerson,
    ChangeRoles,
    CredentialIssued,
    CredentialRevoked,
    DisablePerson,
    FoundOrganisation,
    IssueCredential,
    RevokeCredential,
)
from watchfloor.people.rules import AdminEvidence, HandleEvidence, Organisation, Person

FREE = HandleEvidence(taken_by=0)
ALONE = AdminEvidence(others=0)
NOT_ALONE = AdminEvidence(others=1)


@pytest.fixture
def world() -> World:
    """One admin, integer 1."""
    world = World()
    world.perform(AddPerson(handle="ada", roles=("admin",), private=b'{"name":"Ada"}'), evidence=FREE)
    return world


def ada(world: World) -> Person:
    """The one person."""
    state = world.states["person", 1]
    assert isinstance(state, Person)
    return state


def issue(credential: str = "ses_1", purpose: str = "session", **fields: Any) -> IssueCredential:
    """A session of twelve hours, with these fields instead."""
    usual: dict[str, Any] = {"expires_at": START + 12 * HOUR}
    return IssueCredential(subject=1, credential=credential, purpose=purpose, **(usual | fields))


def test_an_organisation_is_founded_once_with_a_name_and_an_origin() -> None:
    world = World()
    assert world.refusal(FoundOrganisation(name="", origin="x"))[1] == "/name"
    assert world.refusal(FoundOrganisation(name="Acme", origin="a\nb"))[1] == "/origin"
    world.perform(FoundOrganisation(name="Acme", origin="example.org/acme"))
    state = world.states["organisation", 1]
    assert isinstance(state, Organisation)
    assert (state.name, state.origin, state.founded_at) == ("Acme", "example.org/acme", START)
    again = FoundOrganisation(subject=1, name="Acme", origin="example.org/acme")
    assert world.refusal(again) == ("already_founded", "", 409)


@pytest.mark.parametrize("handle", ["", "Ada", "-ada", "a da", "ada\n", "ä", "a" * 65])
def test_a_handle_is_short_plain_and_lower_case(handle: str) -> None:
    refused = World().refusal(AddPerson(handle=handle, roles=("admin",)), evidence=FREE)
    assert refused == ("invalid_name", "/handle", 422)


def test_a_handle_belongs_to_one_person(world: World) -> None:
    taken = HandleEvidence(taken_by=1)
    assert world.refusal(AddPerson(handle="ada", roles=("admin",)), evidence=taken) == (
        "handle_taken",
        "/handle",
        409,
    )
    again = AddPerson(subject=1, handle="eve", roles=("admin",))
    assert world.refusal(again, evidence=FREE) == ("handle_taken", "/handle", 409)


@pytest.mark.parametrize(
    ("roles", "field"), [((), "/roles"), (("admin", "root"), "/roles/1"), (("Admin",), "/roles/0")]
)
def test_roles_are_those_of_the_specification(world: World, roles: tuple[str, ...], field: str) -> None:
    assert World().refusal(AddPerson(handle="eve", roles=roles), evidence=FREE)[1:] == (field, 422)
    assert world.refusal(ChangeRoles(subject=1, roles=roles), evidence=NOT_ALONE)[1:] == (field, 422)


def test_roles_are_kept_once_each_in_the_order_of_the_specification(world: World) -> None:
    world.perform(ChangeRoles(subject=1, roles=("operator", "auditor", "operator")), evidence=NOT_ALONE)
    assert ada(world).roles == ("auditor", "operator")
    same = ChangeRoles(subject=1, roles=("operator", "auditor"))
    assert world.perform(same, evidence=NOT_ALONE) == []


@pytest.mark.parametrize(
    "command",
    [
        ChangeRoles(subject=5, roles=("admin",)),
        DisablePerson(subject=5),
        IssueCredential(subject=5, credential="c", purpose="token"),
        RevokeCredential(subject=5, credential="c"),
    ],
    ids=lambda command: type(command).__name__,
)
def test_nobody_commands_a_person_who_does_not_exist(world: World, command: Command) -> None:
    assert world.refusal(command, evidence=NOT_ALONE) == ("unknown_person", "", 404)


def test_somebody_can_always_administer(world: World) -> None:
    for command in (ChangeRoles(subject=1, roles=("director",)), DisablePerson(subject=1)):
        assert world.refusal(command, evidence=ALONE) == ("last_admin", "", 409)
    world.perform(ChangeRoles(subject=1, roles=("admin", "auditor")), evidence=ALONE)
    world.perform(ChangeRoles(subject=1, roles=("director",)), evidence=NOT_ALONE)
    world.perform(DisablePerson(subject=1), evidence=ALONE)  # no admin any more: not the last one
    assert ada(world).disabled


def test_disabling_ends_every_credential_that_works_and_happens_once(world: World) -> None:
    world.perform(issue("ses_1"))
    world.perform(issue("tok_1", "token", expires_at=0))
    world.perform(issue("lnk_1", "link"))
    world.perform(RevokeCredential(subject=1, credential="lnk_1"))
    events = world.perform(DisablePerson(subject=1), evidence=NOT_ALONE)
    assert [event.facts for event in events] == [
        m.CredentialRevoked(credential="ses_1", reason="disabled"),
        m.CredentialRevoked(credential="tok_1", reason="disabled"),
        m.PersonDisabled(),
    ]
    assert rules.working(ada(world).credentials, START) == ()
    assert world.perform(DisablePerson(subject=1), evidence=NOT_ALONE) == []
    assert world.refusal(issue("ses_2")) == ("person_disabled", "", 409)
    assert world.refusal(ChangeRoles(subject=1, roles=("admin",)), evidence=ALONE)[0] == "person_disabled"


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"credential": ""}, "invalid_name", "/credential"),
        ({"purpose": "fingerprint"}, "unknown_choice", "/purpose"),
        ({"method": "guessing"}, "unknown_choice", "/method"),
        ({"purpose": "password", "scopes": ("x",)}, "scopes_are_for_tokens", "/scopes"),
        ({"scopes": ("",), "purpose": "token"}, "invalid_name", "/scopes/0"),
        ({"scopes": ("decisions:read",)}, "scopes_are_for_tokens", "/scopes"),
        ({"expires_at": 0}, "out_of_range", "/expires_at"),
        ({"expires_at": START}, "out_of_range", "/expires_at"),
        ({"expires_at": START, "purpose": "token"}, "out_of_range", "/expires_at"),
    ],
)
def test_a_credential_out_of_bounds_is_refused_at_its_field(
    world: World, fields: dict[str, Any], code: str, field: str
) -> None:
    assert world.refusal(issue(**fields))[:2] == (code, field)


def test_a_credential_is_issued_once_and_works_until_it_expires(world: World) -> None:
    world.perform(issue("ses_1"))
    assert world.refusal(issue("ses_1")) == ("already_issued", "/credential", 409)
    world.perform(issue("tok_1", "token", scopes=("decisions:read",), expires_at=0))
    session, token = ada(world).credentials
    assert session.works(START + 12 * HOUR - 1)
    assert not session.works(START + 12 * HOUR)
    assert token.works(START + 10_000 * DAY)
    assert token.scopes == ("decisions:read",)


@pytest.mark.parametrize("purpose", ["password", "totp", "recovery"])
def test_of_what_there_is_one_a_new_one_ends_the_old_one_in_the_same_batch(
    world: World, purpose: str
) -> None:
    world.perform(issue("a_1", purpose, expires_at=0))
    ended, issued = (event.facts for event in world.perform(issue("a_2", purpose, expires_at=0)))
    assert ended == CredentialRevoked(credential="a_1", reason="replaced")
    assert isinstance(issued, CredentialIssued)
    assert issued.credential == "a_2"
    assert [c.id for c in ada(world).credentials if c.works(START + 10_000 * DAY)] == ["a_2"]


def test_identities_stand_beside_each_other(world: World) -> None:
    world.perform(issue("idn_1", "identity", expires_at=0))
    world.perform(issue("idn_2", "identity", expires_at=0))
    assert [c.id for c in ada(world).credentials if c.works(START)] == ["idn_1", "idn_2"]


def test_a_session_says_how_it_began(world: World) -> None:
    (event,) = world.perform(issue("ses_1", method="password+totp"))
    assert isinstance(event.facts, CredentialIssued)
    assert event.facts.method == "password+totp"


@pytest.mark.parametrize("purpose", ["bootstrap", "link", "recovery"])
def test_a_single_use_credential_is_used_once(world: World, purpose: str) -> None:
    world.perform(issue("lnk_1", purpose))
    use = RevokeCredential(subject=1, credential="lnk_1", reason="used")
    assert len(world.perform(use)) == 1
    assert world.refusal(use) == ("credential_over", "", 409)
    world.perform(issue("ses_1"))  # what is over is forgotten here
    assert world.refusal(use) == ("unknown_credential", "/credential", 404)


def test_a_link_is_not_used_when_it_was_revoked_or_has_expired(world: World) -> None:
    world.perform(issue("lnk_1", "link"))
    world.perform(issue("lnk_2", "link"))
    world.perform(RevokeCredential(subject=1, credential="lnk_1"))
    for credential, at in (("lnk_1", START), ("lnk_2", START + 12 * HOUR)):
        world.at = at
        use = RevokeCredential(subject=1, credential=credential, reason="used")
        assert world.refusal(use) == ("credential_over", "", 409)


def made_by(world: World) -> dict[str, str]:
    """Who stands behind Ada's credentials, where somebody else does."""
    return {one.id: one.made_by for one in ada(world).credentials if one.made_by}


def test_who_made_a_link_stands_behind_its_session_and_its_tokens_and_no_further(world: World) -> None:
    own = public_id("person", 1, ada(world).nonce)
    world.perform(issue("lnk_1", "link"), Actor(kind="person", id="per_boss", credential="ses_boss"))
    by_link = Actor(kind="person", id=own, credential="lnk_1")
    world.perform(RevokeCredential(subject=1, credential="lnk_1", reason="used"), by_link)
    world.perform(
        issue("ses_0"), Actor(kind="person", id=own, credential="pwd_0")
    )  # between the use and the session
    world.perform(issue("ses_1", method="link"), by_link)
    world.perform(issue("tok_1", "token"), Actor(kind="person", id=own, credential="ses_1"))
    assert made_by(world) == {"lnk_1": "per_boss", "ses_1": "per_boss", "tok_1": "per_boss"}
    world.perform(issue("pwd_1", "password"), Actor(kind="person", id=own, credential="ses_1"))
    world.perform(issue("ses_2", method="password"), Actor(kind="person", id=own, credential="pwd_1"))
    world.perform(issue("ses_3", method="link+totp"), by_link)
    assert made_by(world) == {"lnk_1": "per_boss", "tok_1": "per_boss"}
    assert {"ses_0", "pwd_1", "ses_1", "ses_2", "ses_3"} <= {one.id for one in ada(world).credentials}


@pytest.mark.parametrize("purpose", ["token", "session"])
def test_a_session_or_token_is_not_used_up(world: World, purpose: str) -> None:
    world.perform(issue("c_1", purpose))
    use = RevokeCredential(subject=1, credential="c_1", reason="used")
    assert world.refusal(use) == ("not_single_use", "", 409)


def test_revoking_twice_is_no_news_and_keeps_the_first_reason(world: World) -> None:
    world.perform(issue("ses_1"))
    world.perform(RevokeCredential(subject=1, credential="ses_1", reason="signed out"))
    assert world.perform(RevokeCredential(subject=1, credential="ses_1")) == []
    assert ada(world).credentials[0].reason == "signed out"
    long = RevokeCredential(subject=1, credential="ses_1", reason="x" * 1_025)
    assert world.refusal(long) == ("too_long", "/reason", 422)


def test_the_oldest_session_gives_way_when_there_are_too_many(world: World) -> None:
    world.perform(issue("tok_0", "token", expires_at=0))
    for number in range(CREDENTIALS_PER_PERSON_MAX - 1):
        world.perform(issue(f"ses_{number}"))
    events = world.perform(issue("ses_new"))
    assert events[0].facts == m.CredentialRevoked(credential="ses_0", reason="displaced")
    works = [credential.id for credential in rules.working(ada(world).credentials, START)]
    assert len(works) == CREDENTIALS_PER_PERSON_MAX
    assert (works[0], works[1], works[-1]) == ("tok_0", "ses_1", "ses_new")


def test_tokens_do_not_give_way(world: World) -> None:
    for number in range(CREDENTIALS_PER_PERSON_MAX):
        world.perform(issue(f"tok_{number}", "token"))
    assert world.refusal(issue("ses_1")) == ("too_many_credentials", "", 409)
    world.at += 12 * HOUR
    world.perform(issue("ses_1", expires_at=world.at + HOUR))
    assert [credential.id for credential in ada(world).credentials] == ["ses_1"]


def test_a_revocation_taken_up_again_keeps_the_first_reason(world: World) -> None:
    """As other rules than these might have written it."""
    world.perform(issue("ses_1"))
    world.perform(RevokeCredential(subject=1, credential="ses_1", reason="first"))
    person_subject = rules.SUBJECTS[1]
    facts: Facts = m.CredentialRevoked(credential="ses_1", reason="second")
    event = Event(
        org="o", seq=99, at=START, type=facts.TYPE, kind="person", subject=1, actor=SYSTEM, facts=facts
    )
    assert person_subject.evolve[type(facts)](ada(world), event).credentials[0].reason == "first"


def test_a_person_stays_in_memory_while_enabled(world: World) -> None:
    subject = rules.SUBJECTS[1]
    assert subject.live(ada(world))
    world.perform(DisablePerson(subject=1), evidence=NOT_ALONE)
    assert not subject.live(ada(world))
