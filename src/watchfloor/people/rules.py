"""Rules of organisations, persons, roles and persons' credentials (spec 01, 06 *Security*; DESIGN 2b.6).

Theory of operation
-------------------
An organisation is founded once. A person joins with a handle that nobody else has (evidence: who has it) and at
least one role, and stays for ever: a person is disabled, never deleted, because the ledger names them.

What a person signs in with is known here by id, purpose and instants only. A *session* and a *token* work until they
expire or are revoked. A *bootstrap* and a sign-in *link* are single-use: using one is revoking it with the reason
`used`, and since a revocation happens once, of two uses at the same instant exactly one succeeds. Sessions give way:
when a person has too many credentials, the oldest session ends for the new one.

A *password*, the seed of a second factor (*totp*), the set of its *recovery* codes and an *identity* at another provider
last until they are replaced or revoked; of the first three a person has one, and a new one ends the old one in the same
batch. A recovery code is used by using up the whole set; what is left of it is issued anew.

`made_by` follows what another person has made for somebody: a link, the session it begins, the tokens of that session. A
second factor, a password or an identity of one's own ends it, for the session they are set in and those they begin
([decision 35](../../../decisions/0035-sessions-of-other-peoples-links.md)).

Somebody must always be able to mend the rest: the last enabled admin can neither be disabled nor lose that role
(evidence: how many others there are). Disabling ends every credential in the same batch (fault S6).
"""

# ruff: noqa: ARG001 -- rules and folds have one signature each, whatever they look at

from __future__ import annotations

import re

import msgspec

from watchfloor.kernel.folds import Changes, first, once
from watchfloor.kernel.ids import nonce_from, public_id
from watchfloor.kernel.limits import CREDENTIALS_PER_PERSON_MAX, INTEGER_MAX
from watchfloor.kernel.messages import Draft, Event, Facts, Refused
from watchfloor.kernel.schema import check_choice, check_name, check_names, check_range, check_reason
from watchfloor.kernel.subject import Given, Subject
from watchfloor.kernel.terms import ROLES
from watchfloor.people.messages import (
    AddPerson,
    ChangeRoles,
    ChannelNoted,
    CredentialIssued,
    CredentialRevoked,
    DisablePerson,
    FoundOrganisation,
    IssueCredential,
    NoteChannel,
    NoteSharedChannel,
    NoticeUndelivered,
    OrganisationFounded,
    PersonDisabled,
    PersonJoined,
    RecordSharedUndelivered,
    RecordUndelivered,
    RevokeCredential,
    RolesChanged,
    SharedChannelNoted,
    SharedNoticeUndelivered,
)
from watchfloor.people.telling import (
    note_channel,
    note_shared,
    noted,
    record_shared_undelivered,
    record_undelivered,
)

PURPOSES = ("token", "bootstrap", "session", "link", "password", "totp", "recovery", "identity")
SINGLE_USE = ("bootstrap", "link", "recovery")
LASTING = ("token", "password", "totp", "recovery", "identity")  # may live without an end
METHODS = ("link", "link+totp", "link+recovery", "password", "password+totp", "password+recovery", "oidc")
ONE_OF_A_KIND = ("password", "totp", "recovery")  # a new one takes the place of the old one
USED = "used"
LINK = "link"
OF_ONES_OWN = ("password", "totp", "identity")
ADMIN = "admin"
HANDLE = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class HandleEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For AddPerson: the subject of the person who has this handle already, 0 when nobody has."""

    taken_by: int


class AdminEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For ChangeRoles and DisablePerson: how many enabled admins there are besides this person."""

    others: int


class Organisation(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One organisation. `origin` is the name its checkpoints carry (spec 04)."""

    seq: int
    nonce: int
    name: str
    origin: str
    founded_at: int


class Credential(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a person signs in with. `expires_at` 0: a token that does not; `revoked` is the reason, empty while it works.

    `made_by`: the public id of another person without whose doing it would not be there, of a link, session or token.
    """

    id: str
    purpose: str
    scopes: tuple[str, ...]
    issued_at: int
    expires_at: int
    revoked: bool = False
    reason: str = ""
    made_by: str = ""

    def works(self, at: int) -> bool:
        """Does it open the door at this instant?"""
        return not self.revoked and (not self.expires_at or at < self.expires_at)


class Person(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One person. Name and address are the private part of the first event, whose seq is the person's integer."""

    seq: int
    nonce: int
    handle: str
    roles: tuple[str, ...]
    credentials: tuple[Credential, ...]
    joined_at: int
    disabled: bool = False


# What is asked for --------------------------------------------------------------------------------------------------


def found(state: Organisation | None, command: FoundOrganisation, given: Given) -> list[Draft]:
    """The first event of a ledger."""
    if state is not None:
        raise Refused("already_founded", "the organisation exists")
    check_name(command.name, "/name")
    check_name(command.origin, "/origin")
    nonce = nonce_from(given.entropy)
    return [Draft(facts=OrganisationFounded(name=command.name, nonce=nonce, origin=command.origin))]


def known(state: Person | None) -> Person:
    """The person, or Refused `unknown_person`."""
    if state is None:
        raise Refused("unknown_person", "no such person", status=404)
    return state


def enabled(state: Person | None) -> Person:
    """The person while not disabled, or Refused `person_disabled`."""
    person = known(state)
    if person.disabled:
        raise Refused("person_disabled", "the person is disabled")
    return person


def in_order(roles: tuple[str, ...]) -> tuple[str, ...]:
    """The roles once each, as spec 01 lists them; refused when one is unknown or there is none."""
    for index, role in enumerate(roles):
        check_choice(role, f"/roles/{index}", ROLES)
    if not roles:
        raise Refused("role_missing", "a person has at least one role", field="/roles", status=422)
    return tuple(role for role in ROLES if role in roles)


def add_person(state: Person | None, command: AddPerson, given: Given) -> list[Draft]:
    """A handle is given once, and stays with its person when disabled."""
    evidence: HandleEvidence = given.evidence
    if state is not None or evidence.taken_by:
        raise Refused("handle_taken", "somebody has this handle", field="/handle")
    if HANDLE.fullmatch(command.handle) is None:
        detail = "takes 1 to 64 of a-z 0-9 . _ - and begins with a letter or digit"
        raise Refused("invalid_name", detail, field="/handle", status=422)
    nonce = nonce_from(given.entropy)
    facts = PersonJoined(handle=command.handle, nonce=nonce, roles=in_order(command.roles))
    return [Draft(facts=facts, private=command.private)]


def change_roles(state: Person | None, command: ChangeRoles, given: Given) -> list[Draft]:
    """All roles anew. The last admin keeps that one."""
    person = enabled(state)
    roles = in_order(command.roles)
    if roles == person.roles:
        return []
    if ADMIN not in roles:
        check_not_last_admin(person, given)
    return [Draft(facts=RolesChanged(roles=roles))]


def disable(state: Person | None, command: DisablePerson, given: Given) -> list[Draft]:
    """Every credential ends, then the person is disabled. Doing it twice is no news."""
    person = known(state)
    if person.disabled:
        return []
    check_not_last_admin(person, given)
    ended = [
        CredentialRevoked(credential=credential.id, reason="disabled")
        for credential in working(person.credentials, given.at)
    ]
    return [Draft(facts=facts) for facts in (*ended, PersonDisabled())]


def check_not_last_admin(person: Person, given: Given) -> None:
    """Refused `last_admin` when nobody could administer the organisation without this person."""
    evidence: AdminEvidence = given.evidence
    if ADMIN in person.roles and evidence.others < 1:
        raise Refused("last_admin", "the organisation needs an enabled admin")


def issue_credential(state: Person | None, command: IssueCredential, given: Given) -> list[Draft]:
    """Only a token may be restricted by scopes, and only what lasts may live without an end."""
    person = enabled(state)
    check_name(command.credential, "/credential")
    check_choice(command.purpose, "/purpose", PURPOSES)
    check_names(command.scopes, "/scopes")
    if command.method:
        check_choice(command.method, "/method", METHODS)
    if command.scopes and command.purpose != "token":
        raise Refused("scopes_are_for_tokens", "only a token has scopes", field="/scopes", status=422)
    if command.expires_at or command.purpose not in LASTING:
        check_range(command.expires_at, "/expires_at", given.at + 1, INTEGER_MAX)
    if find(person.credentials, command.credential) is not None:
        raise Refused("already_issued", "a credential of this id was issued", field="/credential")
    issued = CredentialIssued(
        credential=command.credential,
        expires_at=command.expires_at,
        purpose=command.purpose,
        scopes=command.scopes,
        method=command.method,
    )
    return [Draft(facts=facts) for facts in (*displaced(person, command.purpose, given.at), issued)]


def displaced(person: Person, purpose: str, at: int) -> list[Facts]:
    """What ends for the new one: the old one of a kind there is one of, else the oldest session where there is no room.

    Refused when there is no room and no session.
    """
    current = working(person.credentials, at)
    if purpose in ONE_OF_A_KIND:
        old = [credential for credential in current if credential.purpose == purpose]
        if old:
            return [CredentialRevoked(credential=credential.id, reason="replaced") for credential in old]
    if len(current) < CREDENTIALS_PER_PERSON_MAX:
        return []
    oldest = next((credential for credential in current if credential.purpose == "session"), None)
    if oldest is None:
        raise Refused("too_many_credentials", f"at most {CREDENTIALS_PER_PERSON_MAX} at a time")
    return [CredentialRevoked(credential=oldest.id, reason="displaced")]


def revoke_credential(state: Person | None, command: RevokeCredential, given: Given) -> list[Draft]:
    """The end of a credential; with the reason `used`, the one use of a single-use one."""
    person = known(state)
    check_reason(command.reason)
    credential = find(person.credentials, command.credential)
    if credential is None:
        raise Refused("unknown_credential", "no such credential", field="/credential", status=404)
    if command.reason == USED:
        if credential.purpose not in SINGLE_USE:
            raise Refused("not_single_use", f"a {credential.purpose} is not used up")
        if not credential.works(given.at):
            raise Refused("credential_over", "it was used, revoked or has expired")
    elif credential.revoked:
        return []
    return [Draft(facts=CredentialRevoked(credential=credential.id, reason=command.reason))]


def find(credentials: tuple[Credential, ...], credential_id: str) -> Credential | None:
    """The credential of that id, working or not, unless it is forgotten."""
    return next((credential for credential in credentials if credential.id == credential_id), None)


def working(credentials: tuple[Credential, ...], at: int) -> tuple[Credential, ...]:
    """Those that work at this instant, oldest first."""
    return tuple(credential for credential in credentials if credential.works(at))


# What happened ------------------------------------------------------------------------------------------------------


def founded(facts: OrganisationFounded, event: Event) -> Organisation:
    return Organisation(
        seq=event.seq, nonce=facts.nonce, name=facts.name, origin=facts.origin, founded_at=event.at
    )


def joined(facts: PersonJoined, event: Event) -> Person:
    return Person(
        seq=event.seq,
        nonce=facts.nonce,
        handle=facts.handle,
        roles=facts.roles,
        credentials=(),
        joined_at=event.at,
    )


def roles_changed(person: Person, facts: RolesChanged, event: Event) -> Changes:
    return {"roles": facts.roles}


def disabled(person: Person, facts: PersonDisabled, event: Event) -> Changes:
    return {"disabled": True}


def credential_issued(person: Person, facts: CredentialIssued, event: Event) -> Changes:
    """Credentials that no longer work are forgotten here, which bounds the list; not the link of somebody else that was
    used last, because the session it begins comes after its use."""
    new = Credential(
        id=facts.credential,
        purpose=facts.purpose,
        scopes=facts.scopes,
        issued_at=event.at,
        expires_at=facts.expires_at,
        made_by=maker(person, facts, event),
    )
    used = [c.id for c in person.credentials if c.made_by and c.reason == USED][-1:]
    kept = [c for c in person.credentials if c.id != new.id and (c.works(event.at) or c.id in used)]
    if facts.purpose in OF_ONES_OWN:
        here = event.actor.credential
        kept = [msgspec.structs.replace(c, made_by="") if c.id == here else c for c in kept]
    return {"credentials": (*kept, new)[-CREDENTIALS_PER_PERSON_MAX:]}


def maker(person: Person, facts: CredentialIssued, event: Event) -> str:
    """Who else stands behind a new link, session or token, empty when nobody does."""
    if facts.purpose not in (LINK, "session", "token") or "+" in facts.method:
        return ""
    own = public_id("person", event.subject, person.nonce)
    if event.actor.kind == "person" and event.actor.id != own:
        return event.actor.id
    before = find(person.credentials, event.actor.credential)
    return "" if before is None else before.made_by


def credential_revoked(person: Person, facts: CredentialRevoked, event: Event) -> Changes:
    return {
        "credentials": tuple(
            msgspec.structs.replace(c, revoked=True, reason=facts.reason)
            if c.id == facts.credential and not c.revoked
            else c
            for c in person.credentials
        )
    }


SUBJECTS: tuple[Subject, ...] = (
    Subject(
        kind="organisation",
        state=Organisation,
        decide={
            FoundOrganisation: found,
            NoteSharedChannel: note_shared,
            RecordSharedUndelivered: record_shared_undelivered,
        },
        evolve={
            OrganisationFounded: first(founded),
            SharedChannelNoted: once(noted),
            SharedNoticeUndelivered: once(noted),
        },
    ),
    Subject(
        kind="person",
        state=Person,
        decide={
            AddPerson: add_person,
            ChangeRoles: change_roles,
            DisablePerson: disable,
            IssueCredential: issue_credential,
            RevokeCredential: revoke_credential,
            NoteChannel: note_channel,
            RecordUndelivered: record_undelivered,
        },
        evolve={
            PersonJoined: first(joined),
            RolesChanged: once(roles_changed),
            PersonDisabled: once(disabled),
            CredentialIssued: once(credential_issued),
            CredentialRevoked: once(credential_revoked),
            ChannelNoted: once(noted),
            NoticeUndelivered: once(noted),
        },
        live=lambda person: not person.disabled,
    ),
)

FACTS: tuple[type[Facts], ...] = (
    OrganisationFounded,
    PersonJoined,
    RolesChanged,
    PersonDisabled,
    CredentialIssued,
    CredentialRevoked,
    ChannelNoted,
    NoticeUndelivered,
    SharedChannelNoted,
    SharedNoticeUndelivered,
)
