"""People, tokens and sessions."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from watchfloor.http.bodies.fields import Answer, Body, Handle, Instant, Name, Paged, Seq, Word

Role = Literal["auditor", "operator", "supervisor", "director", "admin"]
Roles = Annotated[tuple[Role, ...], Meta(min_length=1, max_length=5)]
Scopes = Annotated[
    tuple[Annotated[str, Meta(max_length=64, pattern=r"^[a-z_*]+:(?:read|write)\Z")], ...],
    Meta(max_length=64),
]


class AddPersonBody(Body, frozen=True, kw_only=True):
    handle: Handle
    name: Name
    email: Annotated[str, Meta(max_length=254, pattern=r"^(?:[^@\s]+@[^@\s]+)?\Z")] = ""
    roles: Roles


class PersonAdded(Answer, frozen=True, kw_only=True):
    person_id: str
    handle: str
    seq: Seq


class RolesBody(Body, frozen=True, kw_only=True):
    roles: Roles


class PersonItem(Answer, frozen=True, kw_only=True):
    """`name` and `email` are empty when redacted."""

    person_id: str
    handle: str
    name: str
    email: str
    roles: tuple[str, ...]
    enabled: bool
    joined_at: Instant
    disabled_at: Instant


class PersonPage(Answer, frozen=True, kw_only=True):
    items: tuple[PersonItem, ...]
    next: str | None = None
    seq: Seq


class PeopleParams(Paged, frozen=True, kw_only=True):
    handle: Word | None = None


class Me(Answer, frozen=True, kw_only=True):
    """Who is asking, with what rights. `scopes` empty: all of the person's rights.

    `csrf` is empty but for browser sessions, whose changes carry it as `X-CSRF-Token`.
    """

    kind: str
    id: str
    organisation: str
    name: str
    roles: tuple[str, ...]
    scopes: tuple[str, ...]
    credential: str
    expires_at: Instant
    csrf: str = ""
    handle: str = ""


class LinkIssued(Answer, frozen=True, kw_only=True):
    """A one-time sign-in link; `path` holds the secret, is shown once, and null in the answer to a repeat."""

    person_id: str
    link_id: str
    path: str | None
    expires_at: Instant
    seq: Seq


class IssueTokenBody(Body, frozen=True, kw_only=True):
    """A token never reaches beyond the person; `scopes` such as `tasks:read` restrict it further."""

    label: Word = ""
    scopes: Scopes = ()
    expires_in_days: Annotated[int, Meta(ge=1, le=365)] = 90


class TokenIssued(Answer, frozen=True, kw_only=True):
    """`token` is shown once and is null in the answer to a repeat."""

    token_id: str
    token: str | None
    expires_at: Instant
    seq: Seq


class TokenItem(Answer, frozen=True, kw_only=True):
    token_id: str
    purpose: str
    label: str
    scopes: tuple[str, ...]
    issued_at: Instant
    expires_at: Instant
    revoked_at: Instant


class TokenPage(Answer, frozen=True, kw_only=True):
    items: tuple[TokenItem, ...]
    next: str | None = None
    seq: Seq


_PERSON = {
    "person_id": "per_4h2k9d0s7b1",
    "handle": "ada",
    "name": "Ada Example",
    "email": "ada@example.org",
    "roles": ["admin"],
    "enabled": True,
    "joined_at": 1_763_700_000_000_000,
    "disabled_at": 0,
}
_END = 1_771_476_000_000_000
EXAMPLES: dict[type, dict[str, Any]] = {
    AddPersonBody: {
        "handle": "ben",
        "name": "Ben Example",
        "email": "ben@example.org",
        "roles": ["supervisor"],
    },
    PersonAdded: {"person_id": "per_5h2k9d0s7b1", "handle": "ben", "seq": 12},
    RolesBody: {"roles": ["director"]},
    PersonPage: {"items": [_PERSON], "next": None, "seq": 1042},
    Me: {
        "kind": "person",
        "id": _PERSON["person_id"],
        "organisation": "org_0h2k9d0s7b1",
        "name": "ada",
        "roles": ["admin"],
        "scopes": [],
        "credential": "tok_0123456789abcdef",
        "expires_at": _END,
    },
    LinkIssued: {
        "person_id": _PERSON["person_id"],
        "link_id": "lnk_0123456789abcdef",
        "path": "/sign-in/wf_lnk_0123456789abcdef_…",
        "expires_at": _END,
        "seq": 13,
    },
    IssueTokenBody: {
        "label": "continuous integration",
        "scopes": ["tasks:read", "tasks:write"],
        "expires_in_days": 30,
    },
    TokenIssued: {
        "token_id": "tok_0123456789abcdef",
        "token": "wf_tok_0123456789abcdef_…",
        "expires_at": _END,
        "seq": 14,
    },
    TokenPage: {
        "items": [
            {
                "token_id": "tok_0123456789abcdef",
                "purpose": "token",
                "label": "continuous integration",
                "scopes": ["tasks:read"],
                "issued_at": 1_763_700_000_000_000,
                "expires_at": _END,
                "revoked_at": 0,
            }
        ],
        "next": None,
        "seq": 1042,
    },
}
