"""Who is asking: a bearer key or a session cookie becomes a principal, or nobody (faults S1, S3, S4, S8).

Identity comes from the credential alone; nothing in a body or path can change it. Roles and state are read from
committed state at every request, so that a disabled person or a taken role is effective at once.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec

from watchfloor.engine.credentials import Credential, discloses
from watchfloor.engine.tokens import LOOKS_LIKE as TOKEN
from watchfloor.engine.vote_links import VoteLink
from watchfloor.fleet.certificates import Certificate, admitted
from watchfloor.http import problems
from watchfloor.http.ports import Engine
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Actor
from watchfloor.kernel.terms import holds

KEY = re.compile(r"^wf_(?P<id>(?:key|tok|ses|lnk|ent)_[0-9a-z]{16})_[A-Za-z0-9_-]{43}\Z")
_SECRET_PARAMETERS = frozenset(
    (
        "key",
        "api_key",
        "apikey",
        "token",
        "access_token",
        "authorization",
        "auth",
        "secret",
        "password",
        "jwt",
    )
)
SESSION_COOKIE = "watchfloor_session"
SECURE_COOKIE = "__Host-watchfloor_session"


class Principal(msgspec.Struct, frozen=True, kw_only=True):
    """Who asks. `kind` anonymous, agent, enrolment or person; `subject` and `org` integers; `cookie`: came as a browser session.

    `secret` is the session's own text, from which form tokens are derived; it never leaves this process.
    """

    kind: str = "anonymous"
    org: int = 0
    organisation: str = ""
    subject: int = 0
    id: str = ""
    name: str = ""
    credential: str = ""
    roles: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ()
    expires_at: int = 0
    cookie: bool = False
    secret: str = ""

    @property
    def session(self) -> str:
        """By what a person came, as votes record it."""
        return "browser" if self.cookie else "link" if self.credential.startswith("tap_") else "token"

    @property
    def actor(self) -> Actor:
        """As events name it."""
        return Actor(kind=self.kind, id=self.id, credential=self.credential)

    def may(self, role: str) -> bool:
        """Has this person the rights of a role? `reader` is any role."""
        if self.kind != "person":
            return False
        return bool(self.roles) if role == "reader" else holds(self.roles, role)

    def scoped(self, scope: str) -> bool:
        """Does the token reach this far? `*:read` covers every read."""
        return not self.scopes or scope in self.scopes or f"*:{scope.partition(':')[2]}" in self.scopes

    def __repr__(self) -> str:
        return f"Principal({self.kind} {self.id or '-'} of {self.organisation or '-'})"


ANONYMOUS = Principal()
_NOT_IN_FORCE = "the credential is unknown, revoked or has expired"


def refuse_secret_in_query(query: str, names: list[str]) -> None:
    """A credential in the query string would end up in logs and histories: 400, and nothing of it is repeated."""
    if discloses(query) or any(name.lower() in _SECRET_PARAMETERS for name in names):
        raise problems.Problem(
            400,
            "credential_in_query",
            "credentials are accepted in the Authorization header only; treat this one as disclosed and rotate it",
        )


def bearer(authorization: str) -> str:
    """The key of an Authorization header, empty when there is none. Raises Problem 401 for another scheme or shape."""
    if not authorization:
        return ""
    scheme, _, value = authorization.partition(" ")
    value = value.strip()
    if scheme.lower() != "bearer" or not (KEY.match(value) or TOKEN.match(value)):
        raise problems.unauthenticated("send `Authorization: Bearer wf_…`")
    return value


def identify(
    engine: Engine, text: str, now: int, *, cookie: bool, certificate: Certificate | None = None
) -> Principal:
    """The principal of a key or session. Raises Problem 401 for whatever does not work any more.

    `certificate` is the client's, where TLS showed one; 403 where an agent has to show another.
    """
    found = engine.credentials.find(text, now) if KEY.match(text) or TOKEN.match(text) else None
    if found is None:
        raise problems.unauthenticated(_NOT_IN_FORCE)
    if found.id.startswith("ses_") is not cookie or found.id.startswith("lnk_"):
        raise problems.unauthenticated("this credential cannot be used in this way")
    if found.id.startswith("key_"):
        return of_agent(engine, found, now, certificate)
    if found.id.startswith("ent_"):
        return of_enrolment(engine, found, now)
    return of_person(engine, found, now, text if cookie else "")


def _in_force(name: str, known: Iterable[Any], now: int) -> None:
    """The ledger has the last word: what it says is over is over, whatever the table of verifiers holds (fault S6)."""
    if not any(entry.id == name and entry.works(now) for entry in known):
        raise problems.unauthenticated(_NOT_IN_FORCE)


def _organisation(engine: Engine, org: int) -> str:
    """The organisation's public id."""
    subject = engine.cell(org, "names", "organisation")
    state = engine.state(org, "organisation", subject)
    return public_id("organisation", subject, state.nonce)


def of_agent(
    engine: Engine, found: Credential, now: int, certificate: Certificate | None = None
) -> Principal:
    """The agent of a key. Raises Problem 401, or 403 without the certificate it has to show."""
    state = engine.state(found.org, "agent", found.subject)
    if state is None or state.retired:
        raise problems.unauthenticated("the agent is retired")
    _in_force(found.id, state.keys, now)
    active = engine.cell(found.org, "active_policy", "active")
    if not admitted(state, certificate, required=active is not None and active.document.identity.required):
        raise problems.Problem(403, "certificate_required", "this agent has to show its client certificate")
    return Principal(
        kind="agent",
        org=found.org,
        organisation=_organisation(engine, found.org),
        subject=found.subject,
        id=public_id("agent", found.subject, state.nonce),
        name=state.name,
        credential=found.id,
        expires_at=found.expires_at,
    )


def of_enrolment(engine: Engine, found: Credential, now: int) -> Principal:
    """Whoever holds an enrolment token: nobody yet, and may do nothing but register (spec 2.1). Raises Problem 401.

    One that is used up is let in, so that whoever lost the answer to its registration learns what became of it.
    """
    state = engine.state(found.org, "enrolment", found.subject)
    if state is None or state.revoked or now >= state.expires_at:
        raise problems.unauthenticated(_NOT_IN_FORCE)
    return Principal(
        kind="enrolment",
        org=found.org,
        organisation=_organisation(engine, found.org),
        subject=found.subject,
        id=public_id("enrolment", found.subject, state.nonce),
        name="an agent that enrols",
        credential=found.id,
        expires_at=found.expires_at,
    )


def of_vote_link(engine: Engine, link: VoteLink) -> Principal | None:
    """The person of a link in a notice, None when they may not come in any more. Whether it has expired is for the caller."""
    state = engine.state(link.org, "person", link.person)
    if state is None or state.disabled or not state.roles:
        return None
    return Principal(
        kind="person",
        org=link.org,
        organisation=_organisation(engine, link.org),
        subject=link.person,
        id=public_id("person", link.person, state.nonce),
        name=state.handle,
        credential=link.id,
        roles=state.roles,
        expires_at=link.expires_at,
    )


def of_person(engine: Engine, found: Credential, now: int, secret: str = "") -> Principal:
    """The person of a token, session or link. Raises Problem 401."""
    state = engine.state(found.org, "person", found.subject)
    if state is None or state.disabled:
        raise problems.unauthenticated("the person is disabled")
    _in_force(found.id, state.credentials, now)
    return Principal(
        kind="person",
        org=found.org,
        organisation=_organisation(engine, found.org),
        subject=found.subject,
        id=public_id("person", found.subject, state.nonce),
        name=state.handle,
        credential=found.id,
        roles=state.roles,
        scopes=tuple(found.scopes),
        expires_at=found.expires_at,
        cookie=bool(secret),
        secret=secret,
    )
