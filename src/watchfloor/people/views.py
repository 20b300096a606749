"""What people see of people: `people`, `credentials` and `organisations` (spec 1, 6). Names and addresses by seq."""

from __future__ import annotations

import msgspec

from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Event
from watchfloor.kernel.projection import (
    Change,
    Index,
    Projectors,
    Table,
    array,
    flag,
    instant,
    integer,
    text,
)
from watchfloor.people.messages import (
    CredentialIssued,
    CredentialRevoked,
    OrganisationFounded,
    PersonDisabled,
    PersonJoined,
    RolesChanged,
)

_json = msgspec.json.Encoder().encode

ORGANISATIONS = Table(
    name="organisations",
    version=1,
    meaning="The organisation itself, one row.",
    key=("organisation",),
    columns={
        "organisation": integer("subject"),
        "id": text("public id org_…, as every event names it"),
        "name": text("as founded"),
        "origin": text("of its ledger"),
        "founded_at": instant("when"),
    },
)

PEOPLE = Table(
    name="people",
    version=1,
    meaning="Every person, the disabled included.",
    key=("person",),
    columns={
        "person": integer("subject; the seq of person.joined, whose private part holds name and e-mail"),
        "id": text("public id per_…"),
        "handle": text("unique in the organisation, used to sign in"),
        "roles": array("JSON array: auditor, operator, supervisor, director, admin"),
        "enabled": flag("0: disabled"),
        "joined_at": instant("when"),
        "disabled_at": instant("0: enabled"),
        "changed_at": instant("newest change of roles or state"),
        "seq": integer("of that change"),
    },
    indexes=(Index(("handle",)),),
)

CREDENTIALS = Table(
    name="credentials",
    version=1,
    meaning="Sessions, API tokens, one-time links and other means of signing in of people. Verifiers and last use are not here (DESIGN 2b.6).",
    key=("credential",),
    columns={
        "credential": text("id tok_…, ses_…, lnk_…, pwd_…, otp_…, rcv_… or idn_…"),
        "person": integer("subject"),
        "purpose": text("token, bootstrap, session, link, password, totp, recovery or identity"),
        "scopes": array("JSON array; empty: all of the person's rights"),
        "issued_at": instant("when"),
        "issued_by": text("public id"),
        "expires_at": instant("0: never"),
        "revoked_at": instant("0: in force"),
        "revoked_by": text("public id"),
        "reason": text("why revoked"),
    },
    indexes=(Index(("person",)),),
)

TABLES = (ORGANISATIONS, PEOPLE, CREDENTIALS)


def _founded(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, OrganisationFounded)
    return [
        ORGANISATIONS.put(
            event.subject, id=event.org, name=facts.name, origin=facts.origin, founded_at=event.at
        )
    ]


def _joined(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, PersonJoined)
    return [
        PEOPLE.put(
            event.subject,
            id=public_id("person", event.subject, facts.nonce),
            handle=facts.handle,
            roles=_json(facts.roles).decode(),
            enabled=1,
            joined_at=event.at,
            changed_at=event.at,
            seq=event.seq,
        )
    ]


def _roles_changed(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, RolesChanged)
    roles = _json(facts.roles).decode()
    return [PEOPLE.set(event.subject, roles=roles, changed_at=event.at, seq=event.seq)]


def _disabled(event: Event) -> list[Change]:
    return [
        PEOPLE.set(event.subject, enabled=0, disabled_at=event.at, changed_at=event.at, seq=event.seq),
    ]


def _issued(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, CredentialIssued)
    return [
        CREDENTIALS.put(
            facts.credential,
            person=event.subject,
            purpose=facts.purpose,
            scopes=_json(facts.scopes).decode(),
            issued_at=event.at,
            issued_by=event.of or event.actor.id,
            expires_at=facts.expires_at,
        )
    ]


def _revoked(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, CredentialRevoked)
    by = event.of or event.actor.id
    return [CREDENTIALS.set(facts.credential, revoked_at=event.at, revoked_by=by, reason=facts.reason)]


PROJECT: Projectors = {
    OrganisationFounded: _founded,
    PersonJoined: _joined,
    RolesChanged: _roles_changed,
    PersonDisabled: _disabled,
    CredentialIssued: _issued,
    CredentialRevoked: _revoked,
}
