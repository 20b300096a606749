"""People, organisations, roles, sessions and credentials of people: commands and facts (spec 1, 6 *Security*).

Names and addresses of persons are private parts. Credential verifiers are never in the ledger (DESIGN 2b.6).
"""

from __future__ import annotations

from typing import ClassVar

from watchfloor.kernel.messages import Command, Effect, Facts


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
    """`purpose` is token, bootstrap, session, link, password, totp, recovery or identity.

    `scopes` restricts a token (empty: all of the person's rights).
    """

    KIND: ClassVar[str] = "person"
    credential: str
    purpose: str
    scopes: tuple[str, ...] = ()
    expires_at: int = 0
    method: str = ""


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
    """A means of signing in or a token came into being; a session's start is this event, its end the revocation.

    What it is verified by (a digest, an encrypted seed) is never here. `method` of a session: link, password or oidc, with
    `+totp` or `+recovery` behind it; empty in events older than the field, and for everything else.
    """

    TYPE: ClassVar[str] = "person.credential_issued/1"
    KIND: ClassVar[str] = "person"
    credential: str
    expires_at: int
    purpose: str
    scopes: tuple[str, ...]
    method: str = ""


class CredentialRevoked(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "person.credential_revoked/1"
    KIND: ClassVar[str] = "person"
    credential: str
    reason: str


class NoteChannel(Command, frozen=True, kw_only=True):
    """A channel of a person was set or removed. `means` is its kind and service; its address is never in the ledger."""

    KIND: ClassVar[str] = "person"
    name: str
    means: str
    change: str


class RecordUndelivered(Command, frozen=True, kw_only=True):
    """All attempts by all `channels` failed. `about` is what was told, `event` the seq of the event it was about."""

    KIND: ClassVar[str] = "person"
    about: str
    event: int
    channels: int


class NoteSharedChannel(Command, frozen=True, kw_only=True):
    """The same of a channel that belongs to the organisation."""

    KIND: ClassVar[str] = "organisation"
    name: str
    means: str
    change: str


class RecordSharedUndelivered(Command, frozen=True, kw_only=True):
    """All attempts by these shared channels failed."""

    KIND: ClassVar[str] = "organisation"
    about: str
    event: int
    names: tuple[str, ...]


class SharedChannelNoted(Facts, frozen=True, kw_only=True):
    """A channel of the organisation was set or removed."""

    TYPE: ClassVar[str] = "organisation.channel_noted/1"
    KIND: ClassVar[str] = "organisation"
    change: str
    means: str
    name: str


class SharedNoticeUndelivered(Facts, frozen=True, kw_only=True):
    """None of these shared channels took it."""

    TYPE: ClassVar[str] = "organisation.notice_undelivered/1"
    KIND: ClassVar[str] = "organisation"
    about: str
    event: int
    names: tuple[str, ...]


class ChannelNoted(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "person.channel_noted/1"
    KIND: ClassVar[str] = "person"
    change: str
    means: str
    name: str


class NoticeUndelivered(Facts, frozen=True, kw_only=True):
    """The person was reached by none of so many channels."""

    TYPE: ClassVar[str] = "person.notice_undelivered/1"
    KIND: ClassVar[str] = "person"
    about: str
    channels: int
    event: int


class TellPeople(Effect, frozen=True, kw_only=True):
    """People have to hear of the event; whom it is for is worked out when they are told (notify/)."""


class TellOwner(Effect, frozen=True, kw_only=True):
    """The same for news that comes in masses (a network fails, all agents are offline): in a queue of its own."""
