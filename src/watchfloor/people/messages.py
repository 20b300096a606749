"""People, organisations, roles, sessions and credentials of people: commands and facts (spec 1, 6 *Security*).

Names and addresses of persons are private parts. Credential verifiers are never in the ledger (DESIGN 2b.6).
"""

from __future__ import annotations

from typing import ClassVar

from watchfloor.kernel.messages import Command, Facts


class FoundOrganisation(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "organisation"
    name: str
    origin: str


class AddPerson(Command, frozen=True, kw_only=True):
    """`private` is canonical JSON {"email", "name"}; `handle` is the short unique name used to sign in and in lists."""

    KIND: ClassVar[str] = "person"
    handle: str
    roles: tuple[str, ...]
    private: bytes = b""


class ChangeRoles(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "person"
    roles: tuple[str, ...]


class DisablePerson(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "person"


class IssueCredential(Command, frozen=True, kw_only=True):
    """`purpose` is token, bootstrap, session or link; `scopes` restricts a token (empty: all of the person's rights)."""

    KIND: ClassVar[str] = "person"
    credential: str
    purpose: str
    scopes: tuple[str, ...] = ()
    expires_at: int = 0


class RevokeCredential(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "person"
    credential: str
    reason: str = "revoked"


class OrganisationFounded(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "organisation.founded/1"
    KIND: ClassVar[str] = "organisation"
    name: str
    nonce: int
    origin: str


class PersonJoined(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "person.joined/1"
    KIND: ClassVar[str] = "person"
    handle: str
    nonce: int
    roles: tuple[str, ...]


class RolesChanged(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "person.roles_changed/1"
    KIND: ClassVar[str] = "person"
    roles: tuple[str, ...]


class PersonDisabled(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "person.disabled/1"
    KIND: ClassVar[str] = "person"


class CredentialIssued(Facts, frozen=True, kw_only=True):
    """A bootstrap link, session or token came into being; a session's start is this event, its end the revocation."""

    TYPE: ClassVar[str] = "person.credential_issued/1"
    KIND: ClassVar[str] = "person"
    credential: str
    expires_at: int
    purpose: str
    scopes: tuple[str, ...]


class CredentialRevoked(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "person.credential_revoked/1"
    KIND: ClassVar[str] = "person"
    credential: str
    reason: str
