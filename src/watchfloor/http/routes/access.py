"""Signing in and out, what one signs in with, sessions (spec 6 *Security*, 7 *Access*; faults S4 to S6)."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import msgspec

from watchfloor.http import entering, means, passwords, qr, safeguards, second_factor, sessions
from watchfloor.http.asking import Call
from watchfloor.http.bodies import access as wire
from watchfloor.http.bodies import fields
from watchfloor.http.entering import Entrance
from watchfloor.http.problems import FieldError, Problem
from watchfloor.http.replies import Reply
from watchfloor.http.sessions import Session
from watchfloor.kernel.instants import MINUTE, SECOND
from watchfloor.people.messages import RevokeCredential

FRESH_MINUTES = 15  # of a session that may set a first password or a second factor
OFFER_MINUTES = 10
OFFERS_MAX = 1_000


async def get_means(call: Call) -> Reply:
    """By what one can sign in here."""
    providers = call.services.providers
    return Reply(
        body=wire.MeansOffered(
            password=True,
            link=True,
            oidc=tuple(
                wire.Provider(name=entry.name, path=f"/sign-in/with/{entry.id}")
                for entry in providers.every()
            ),
            organisations=len(call.services.organisations()) > 1,
        )
    )


async def sign_in(call: Call) -> Reply:
    """Begin a browser session, by password or by a one-time link.

    401 `sign_in_refused` for whatever is wrong, `code_needed` where the same has to come again with `code`.
    """
    body: wire.SignInBody = call.body
    if body.link and (body.handle or body.password):
        raise Problem(422, "invalid_fields", "either a link, or handle and password")
    if body.link:
        session = await entering.by_link(call, body.link, body.code)
    else:
        session = await entering.by_password(call, body.organisation, body.handle, body.password, body.code)
    return signed_in(call, session)


def signed_in(call: Call, session: Session) -> Reply:
    """The answer that carries the cookie."""
    return Reply(
        body=wire.SignedIn(
            person_id=session.principal.id,
            session_id=session.id,
            expires_at=session.expires_at,
            csrf=safeguards.form_token(session.text),
        ),
        headers={"set-cookie": sessions.cookie(session, call.now, tls=call.tls)},
    )


async def sign_out(call: Call) -> Reply:
    """End this session."""
    seq = await sessions.end(call)
    return Reply(body=fields.Recorded(seq=seq), headers={"set-cookie": sessions.no_cookie(tls=call.tls)})


# What I sign in with -------------------------------------------------------------------------------------------------


def _session(call: Call, *, fresh: bool) -> None:
    """Only a browser session, where asked for a young one. Raises Problem 403."""
    if not call.principal.cookie:
        raise Problem(403, "session_needed", "only somebody who is signed in changes this, no token")
    if not fresh:
        return
    state: Any = call.state("person", call.principal.subject)
    begun = [known.issued_at for known in state.credentials if known.id == call.principal.credential]
    if not begun or call.now - begun[0] > FRESH_MINUTES * MINUTE:
        raise Problem(
            403, "sign_in_again", f"sign in again first: the session is older than {FRESH_MINUTES} minutes"
        )


async def list_means(call: Call) -> Reply:
    """What you sign in with besides links."""
    who = call.principal
    found = {kind: means.one(call, call.org, who.subject, kind) for kind in ("password", "totp", "recovery")}
    codes = found["recovery"]
    identities = [
        known.label
        for known in call.services.engine.credentials.of(call.org, "identity", who.subject)
        if known.valid(call.now)
    ]
    return Reply(
        body=wire.Means(
            password_at=_since(found["password"]),
            totp_at=_since(found["totp"]),
            recovery_left=len(codes.verifier) // 32 if codes is not None else 0,
            identities=tuple(identities),
            totp_needed=bool(set(who.roles) & set(means.terms(call, call.org).totp)),
        )
    )


def _since(known: Any) -> int:
    return known.created_at if known is not None else 0


async def change_password(call: Call) -> Reply:
    """Set or change your password. Your other sessions end."""
    body: wire.PasswordBody = call.body
    who = call.principal
    known = means.one(call, call.org, who.subject, "password")
    _session(call, fresh=known is None)
    entrance: Entrance = call.services.entrance
    if known is not None:
        entering.paced(call, "sign_in_person", who.name)
        if not await entrance.hashing.matches(known.verifier, body.current):
            raise _wrong("/current", "is not your password")
    why = passwords.fault(body.new, who.name, means.terms(call, call.org).password_chars_min)
    if why:
        raise _wrong("/new", why)
    verifier = await entrance.hashing.hashed(body.new)
    _, seq = await means.issue(call, who.subject, "password", verifier)
    await means.end_sessions(call, who.subject, who.credential, "password_changed")
    return Reply(body=fields.Recorded(seq=seq))


def _wrong(field: str, why: str) -> Problem:
    wrong = FieldError(field=field, code="invalid", detail=why)
    return Problem(422, "invalid_fields", f"{field}: {why}", errors=(wrong,))


async def offer_totp(call: Call) -> Reply:
    """A fresh seed for an authenticator; in force once its first code is confirmed."""
    _session(call, fresh=True)
    who = call.principal
    entrance: Entrance = call.services.entrance
    if means.one(call, call.org, who.subject, "totp") is not None:
        raise Problem(409, "second_factor_set", "remove the one you have first")
    seed = secrets.token_bytes(second_factor.SEED_BYTES)
    for old in [key for key, (at, _) in entrance.offered.items() if call.now - at > OFFER_MINUTES * MINUTE]:
        del entrance.offered[old]
    if len(entrance.offered) >= OFFERS_MAX:
        raise Problem(503, "unavailable", "too many are at it; try again in a few minutes", retryable=True)
    entrance.offered[who.credential] = (call.now, seed)
    address = second_factor.uri(seed, who.name, means.names_of(call, call.org)[1])
    drawn = await asyncio.to_thread(_drawn, address)
    return Reply(body=wire.FactorOffered(secret=second_factor.text_of(seed), uri=address, qr=drawn))


def _drawn(address: str) -> tuple[str, ...]:
    try:
        return qr.rows(address)
    except qr.TooLong:
        return ()


async def confirm_totp(call: Call) -> Reply:
    """Put the seed into force with its first code; the recovery codes are shown once."""
    _session(call, fresh=False)
    who = call.principal
    entrance: Entrance = call.services.entrance
    entering.paced(call, "sign_in_code", who.id)
    at, seed = entrance.offered.get(who.credential, (0, b""))
    if not seed or call.now - at > OFFER_MINUTES * MINUTE:
        raise Problem(409, "no_offer", "ask for a seed first; it waits for its code for ten minutes")
    step = second_factor.step_of(seed, second_factor.written(call.body.code), call.now // SECOND)
    if not step:
        raise _wrong("/code", "is not what the authenticator shows now; check its clock")
    del entrance.offered[who.credential]
    name = await means.issue_sealed(call, who.subject, seed, str(step))
    entrance.taken[name] = step
    return await _new_codes(call)


async def renew_codes(call: Call) -> Reply:
    """Fresh recovery codes, for a code of the authenticator; the old ones end."""
    _session(call, fresh=False)
    await _coded(call)
    return await _new_codes(call)


async def _new_codes(call: Call) -> Reply:
    codes = second_factor.recovery_codes()
    _, seq = await means.issue(call, call.principal.subject, "recovery", second_factor.kept_codes(codes))
    return Reply(body=wire.RecoveryCodes(codes=codes, seq=seq))


async def remove_totp(call: Call) -> Reply:
    """Do without a second factor again, for a code of it."""
    _session(call, fresh=False)
    who = call.principal
    if set(who.roles) & set(means.terms(call, call.org).totp):
        raise Problem(403, "second_factor_missing", "your role needs a second factor")
    await _coded(call)
    seq = 0
    for kind in ("totp", "recovery"):
        known = means.one(call, call.org, who.subject, kind)
        if known is not None:
            row = msgspec.structs.replace(known, revoked_at=call.now).row()
            command = RevokeCredential(subject=who.subject, credential=known.id, reason="removed")
            seq = (await call.ask(command, credentials=[row], keyed=False)).seq
    return Reply(body=fields.Recorded(seq=seq))


async def _coded(call: Call) -> None:
    """A right code of the second factor this person has. Raises Problem 401, 409."""
    if not entering.needs_code(call, call.principal):
        raise Problem(409, "no_second_factor", "there is none")
    try:
        await entering.second(call, call.principal, call.body.code)
    except Problem as problem:
        if problem.code == "code_needed":
            raise _wrong("/code", "is missing") from None
        raise


# Sessions ------------------------------------------------------------------------------------------------------------


async def list_sessions(call: Call) -> Reply:
    """Your sessions in force, newest first. End one by POST /api/v1/tokens/{token}/revoke."""
    items = _in_force(call, call.principal.subject)
    return Reply(body=wire.CredentialList(items=tuple(item for item in items if item.purpose == "session")))


async def list_credentials(call: Call) -> Reply:
    """Everything a person signs in with, in force, newest first; an admin ends any by revoking it."""
    subject, _ = call.resolve("person", call.path["person"])
    return Reply(body=wire.CredentialList(items=tuple(_in_force(call, subject))))


def _in_force(call: Call, subject: int) -> list[wire.CredentialItem]:
    state: Any = call.state("person", subject)
    credentials = call.services.engine.credentials
    items = []
    for known in state.credentials:
        row = credentials.get(known.id)
        if not known.works(call.now) or row is None or not row.valid(call.now):
            continue
        items.append(
            wire.CredentialItem(
                credential_id=known.id,
                purpose=known.purpose,
                label=row.label if known.purpose in ("token", "identity") else "",
                issued_at=known.issued_at,
                expires_at=known.expires_at,
                used_at=credentials.used_at.get(known.id, 0),
                current=known.id == call.principal.credential,
                handle=state.handle,
            )
        )
    return sorted(items, key=lambda item: (-item.issued_at, item.credential_id))
