"""Signing in and out, and what one signs in with."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from watchfloor.http.bodies.fields import Answer, Body, Handle, Instant, Seq

Password = Annotated[str, Meta(min_length=1, max_length=256)]
Code = Annotated[str, Meta(max_length=32, description="six digits of the authenticator, or a recovery code")]


class Provider(Answer, frozen=True, kw_only=True):
    """An identity provider; the browser goes to `path`, with `?next=` for where to go afterwards."""

    name: str
    path: str


class MeansOffered(Answer, frozen=True, kw_only=True):
    """By what one can sign in here. `organisations` says whether to ask for one: there are several."""

    password: bool
    link: bool
    oidc: tuple[Provider, ...]
    organisations: bool


class SignInBody(Body, frozen=True, kw_only=True):
    """Either `link`, the secret of a one-time link, or `handle` and `password`.

    `organisation` (its name or public id) where several have somebody of that handle; `code` where a second factor is set.
    """

    link: Annotated[str, Meta(max_length=200)] = ""
    handle: Annotated[str, Meta(max_length=64)] = ""
    password: Annotated[str, Meta(max_length=256)] = ""
    organisation: Annotated[str, Meta(max_length=128)] = ""
    code: Code = ""


class SignedIn(Answer, frozen=True, kw_only=True):
    """The session itself is in the cookie; `csrf` goes with changes, as `X-CSRF-Token`."""

    person_id: str
    session_id: str
    expires_at: Instant
    csrf: str


class PasswordBody(Body, frozen=True, kw_only=True):
    """`current` may be empty where none is set yet and the session is younger than 15 minutes."""

    new: Password
    current: Annotated[str, Meta(max_length=256)] = ""


class CodeBody(Body, frozen=True, kw_only=True):
    code: Code


class FactorOffered(Answer, frozen=True, kw_only=True):
    """A seed that is not in force until its first code is confirmed, within ten minutes. Shown once.

    `uri` is what a picture for the authenticator holds, `secret` the same to be typed. `qr` are the rows of its QR code, `1`
    for dark, to be drawn with four light modules around; empty where the names are too long for one.
    """

    secret: str
    uri: str
    qr: tuple[str, ...] = ()


class RecoveryCodes(Answer, frozen=True, kw_only=True):
    """Each opens once in place of the authenticator. Shown once; older ones end."""

    codes: tuple[str, ...]
    seq: Seq


class Means(Answer, frozen=True, kw_only=True):
    """What you sign in with besides links: since when, 0 for not set. `identities` are accounts at providers."""

    password_at: Instant
    totp_at: Instant
    recovery_left: int
    identities: tuple[str, ...]
    totp_needed: bool


class CredentialItem(Answer, frozen=True, kw_only=True):
    """A credential in force. `used_at` is since this server started, 0 for not; `current` is the one that asks."""

    credential_id: str
    purpose: str
    label: str
    issued_at: Instant
    expires_at: Instant
    used_at: Instant
    current: bool
    handle: Handle


class CredentialList(Answer, frozen=True, kw_only=True):
    items: tuple[CredentialItem, ...]


_AT = 1_763_700_000_000_000
_ITEM = {
    "credential_id": "ses_0123456789abcdef",
    "purpose": "session",
    "label": "",
    "issued_at": _AT,
    "expires_at": _AT + 43_200_000_000,
    "used_at": _AT + 60_000_000,
    "current": True,
    "handle": "ada",
}
EXAMPLES: dict[type, dict[str, Any]] = {
    MeansOffered: {
        "password": True,
        "link": True,
        "oidc": [{"name": "Example ID", "path": "/sign-in/with/example"}],
        "organisations": False,
    },
    SignInBody: {"handle": "ada", "password": "a long sentence of mine", "code": "123456"},
    SignedIn: {
        "person_id": "per_4h2k9d0s7b1",
        "session_id": "ses_0123456789abcdef",
        "expires_at": _AT,
        "csrf": "0d" * 32,
    },
    PasswordBody: {"current": "a long sentence of mine", "new": "another sentence, longer"},
    CodeBody: {"code": "123456"},
    FactorOffered: {
        "secret": "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP",
        "uri": "otpauth://totp/Watchfloor:ada?secret=JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP&issuer=Watchfloor",
        "qr": ["1110111", "1010101"],
    },
    RecoveryCodes: {"codes": ["abcd-efgh-ijkl-mnop"], "seq": 1042},
    Means: {
        "password_at": _AT,
        "totp_at": 0,
        "recovery_left": 0,
        "identities": ["https://id.example.org"],
        "totp_needed": False,
    },
    CredentialList: {"items": [_ITEM]},
}
