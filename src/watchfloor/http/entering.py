"""Signing in: by password, by link, by an identity provider; with a second factor where there is one (faults S4, S5).

Theory of operation
-------------------
Whoever signs in is nobody yet, so every answer to something wrong is the same, and takes the same time for names that
exist and names that do not. Attempts are counted by address at the door, and here by handle: a name can be guessed at
for so long, from wherever. Only who has shown a right password or link learns that a second factor is missing, or that the
policy does not let them in this way.

A code of six digits is taken once per step. The step is claimed in memory before anything is awaited, so that of two
requests with the same code one gets in; it is kept with the seed in the commit that begins the session, so that a
restart forgets nothing.
"""

from __future__ import annotations

import asyncio
import hmac
from typing import Any

import msgspec

from watchfloor.config import OIDCProvider
from watchfloor.engine.credentials import Credential
from watchfloor.http import means, passwords, second_factor, sessions
from watchfloor.http.asking import Call
from watchfloor.http.identity import Principal
from watchfloor.http.problems import Problem, unauthenticated
from watchfloor.http.providers import Identity
from watchfloor.http.sessions import Session
from watchfloor.kernel.instants import SECOND
from watchfloor.kernel.messages import Refused
from watchfloor.kernel.sign_in_terms import permits
from watchfloor.people.messages import RevokeCredential

Row = tuple[Any, ...]


class Entrance(msgspec.Struct, kw_only=True):
    """What signing in remembers between requests: hashing, the key of seeds, steps that were taken, seeds not confirmed."""

    hashing: passwords.Hashing
    seals: second_factor.Seals
    taken: dict[str, int] = {}  # totp credential → newest step
    offered: dict[str, tuple[int, bytes]] = {}  # session → (when, seed) of an enrolment under way


def refused() -> Problem:
    """The one answer to everything wrong."""
    return unauthenticated("handle, password or organisation is wrong", "sign_in_refused")


async def by_password(call: Call, organisation: str, handle: str, password: str, code: str) -> Session:
    """Begin a session with a password. Raises Problem 401, 403, 429."""
    paced(call, "sign_in_person", handle)
    entrance: Entrance = call.services.entrance
    found = means.person_of(call, organisation, handle)
    known = means.one(call, *found, "password") if found is not None else None
    right = await entrance.hashing.matches(known.verifier if known is not None else None, password)
    if found is None or known is None or not right:
        call.services.metrics.count("authentication_failures_total", "password")
        raise refused()
    owner = means.owner(call, *found, known.id)
    _permitted(call, owner, "password")
    call.principal = owner
    rows, how = await second(call, owner, code)
    if entrance.hashing.outdated(known.verifier):
        verifier = await entrance.hashing.hashed(password)
        rows.append(msgspec.structs.replace(known, verifier=verifier).row())
    return await sessions.start(call, owner, f"password{how}", rows)


async def by_link(call: Call, text: str, code: str = "") -> Session:
    """Use up a link and begin a session. Raises Problem 401, 403."""
    owner, link = sessions.link_owner(call, text)
    _permitted(call, owner, "link")
    call.principal = owner
    rows, how = await second(call, owner, code)
    used = msgspec.structs.replace(link, revoked_at=call.now).row()
    try:
        command = RevokeCredential(subject=owner.subject, credential=link.id, reason="used")
        await call.ask(command, credentials=[used], keyed=False)
    except Refused as refusal:
        if refusal.retryable:
            raise
        raise unauthenticated("the link was used already or has expired", "link_over") from None
    return await sessions.start(call, owner, f"link{how}", rows)


def _permitted(call: Call, owner: Principal, by: str) -> None:
    """What the policy says about this person and this means. Raises Problem 403."""
    terms = means.terms(call, owner.org)
    if not permits(owner.roles, getattr(terms, by)):
        raise Problem(403, "means_not_allowed", f"the policy lets nobody with your roles sign in by {by}")
    factor = means.one(call, owner.org, owner.subject, "totp")
    if by == "password" and factor is None and set(owner.roles) & set(terms.totp):
        raise Problem(
            403, "second_factor_missing", "your role needs a second factor: sign in by a link and set one up"
        )


def needs_code(call: Call, owner: Principal) -> bool:
    """Will a second factor be asked for?"""
    return means.one(call, owner.org, owner.subject, "totp") is not None


async def second(call: Call, owner: Principal, code: str) -> tuple[list[Row], str]:
    """Check the second factor of somebody who has one: (rows to keep with the session, what to call it)."""
    factor = means.one(call, owner.org, owner.subject, "totp")
    if factor is None:
        return [], ""
    typed = second_factor.written(code)
    if not typed:
        raise unauthenticated("send the code of your authenticator, or a recovery code, along", "code_needed")
    paced(call, "sign_in_code", owner.id)
    if second_factor.is_code(typed):
        row = claimed(call, factor, typed)
        if row is not None:
            return [row], "+totp"
    elif await _recovered(call, owner, typed):
        return [], "+recovery"
    call.services.metrics.count("authentication_failures_total", "code")
    raise unauthenticated("the code is wrong, or was used already", "code_wrong")


def claimed(call: Call, factor: Credential, code: str) -> Row | None:
    """Take the step of a right code, once; the row that remembers it. None: wrong, or taken."""
    entrance: Entrance = call.services.entrance
    seed = entrance.seals.open(factor.verifier, factor.id)
    if seed is None:
        raise Problem(
            503, "seed_unreadable", "the key of second factors is gone: an admin has to revoke yours"
        )
    step = second_factor.step_of(seed, code, call.now // SECOND)
    last = max(entrance.taken.get(factor.id, 0), int(factor.label or 0))
    if step <= last:
        return None
    entrance.taken[factor.id] = step
    return msgspec.structs.replace(factor, label=str(step)).row()


async def _recovered(call: Call, owner: Principal, code: str) -> bool:
    """Use a recovery code up. The whole set is used in one commit, so that one code opens once; the rest is issued anew."""
    kept = means.one(call, owner.org, owner.subject, "recovery")
    left = second_factor.without(kept.verifier, code) if kept is not None else None
    if kept is None or left is None:
        return False
    used = msgspec.structs.replace(kept, revoked_at=call.now).row()
    command = RevokeCredential(subject=owner.subject, credential=kept.id, reason="used")
    try:
        await call.ask(command, credentials=[used], keyed=False)
    except Refused as refusal:
        if refusal.retryable:
            raise
        return False
    if len(left) > 1:
        await means.issue(call, owner.subject, "recovery", left)
    return True


def paced(call: Call, rate_class: str, caller: str) -> None:
    """Count an attempt. Raises Problem 429 when there were too many."""
    wait_ms = call.pacing.take(rate_class, caller)
    if wait_ms:
        call.services.metrics.count("rate_limited_total", rate_class)
        raise Problem(
            429,
            "rate_limited",
            "too many attempts for this person",
            retryable=True,
            retry_after_ms=wait_ms,
            rate_class=rate_class,
        )


# Identity providers --------------------------------------------------------------------------------------------------


async def by_identity(call: Call, provider: OIDCProvider, identity: Identity) -> Session:
    """Begin a session of whose identity it is. Raises Problem 401, 403."""
    found = _known(call, provider, identity)
    if found is None:
        found = await _addressed(call, provider, identity)
    if found is None:
        call.services.metrics.count("authentication_failures_total", "oidc")
        raise unauthenticated(
            "nobody here has this identity, or a verified address of it; an admin adds people",
            "identity_unknown",
        )
    org, subject, known = found
    owner = means.owner(call, org, subject, known)
    _permitted(call, owner, "oidc")
    call.principal = owner
    if not known:
        name, _ = await means.issue(call, subject, "identity", identity.verifier, identity.issuer)
        call.principal = msgspec.structs.replace(owner, credential=name)
    return await sessions.start(call, call.principal, "oidc")


def _orgs(call: Call, provider: OIDCProvider) -> list[int]:
    wanted = provider.organisation.casefold()
    return [org for org in call.services.organisations() if not wanted or wanted in means.names_of(call, org)]


def _known(call: Call, provider: OIDCProvider, identity: Identity) -> tuple[int, int, str] | None:
    """Who has signed in with it before."""
    for org in _orgs(call, provider):
        for row in call.services.engine.credentials.every(org, "identity"):
            if hmac.compare_digest(row.verifier, identity.verifier) and row.valid(call.now):
                state: Any = call.services.engine.state(org, "person", row.subject)
                works = any(known.id == row.id and known.works(call.now) for known in state.credentials)
                if works and not state.disabled:
                    return org, row.subject, row.id
    return None


async def _addressed(call: Call, provider: OIDCProvider, identity: Identity) -> tuple[int, int, str] | None:
    """The one enabled person with this address, who has no identity at the provider yet."""
    if not identity.email:
        return None
    found: list[tuple[int, int, str]] = []
    for org in _orgs(call, provider):
        people = call.services.engine.cell(org, "people", "all") or ()
        subjects = [person.subject for person in people]
        privates = await asyncio.to_thread(call.services.reads.read_privates, org, subjects)
        for subject, (_, body) in privates.items():
            address = str(msgspec.json.decode(body).get("email", "")).strip().casefold()
            state: Any = call.services.engine.state(org, "person", subject)
            if address == identity.email and state is not None and not state.disabled:
                found.append((org, subject, ""))
    if len(found) != 1:
        return None
    org, subject, _ = found[0]
    others = call.services.engine.credentials.of(org, "identity", subject)
    if any(row.label == identity.issuer and row.valid(call.now) for row in others):
        return None  # this person is somebody else there; an address that changed hands opens nothing
    return found[0]
