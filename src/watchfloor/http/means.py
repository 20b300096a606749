"""What a person can sign in with besides links: found, set, replaced (spec 6 *Security*; DESIGN 2b.6).

The ledger says that there is a password, a second factor, a set of recovery codes or an identity at a provider, since when
and by whose hand. What they are verified by lies beside the ledger's other verifiers, written in the same commit.
"""

from __future__ import annotations

from typing import Any

import msgspec

from watchfloor.engine.credentials import Credential, fresh_id
from watchfloor.http.asking import Call
from watchfloor.http.identity import Principal
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.sign_in_terms import SignInTerms
from watchfloor.people.messages import IssueCredential, RevokeCredential


def terms(call: Call, org: int) -> SignInTerms:
    """What the policy of an organisation says about signing in."""
    active = call.services.engine.cell(org, "active_policy", "active")
    found: SignInTerms = active.document.sign_in if active is not None else SignInTerms()
    return found


def one(call: Call, org: int, subject: int, kind: str) -> Credential | None:
    """The one of a kind that works now, by the ledger and by the verifiers both."""
    state = call.services.engine.state(org, "person", subject)
    if state is None or state.disabled:
        return None
    works = {known.id for known in state.credentials if known.works(call.now)}
    for found in call.services.engine.credentials.of(org, kind, subject):
        if found.id in works and found.valid(call.now):
            return found
    return None


def person_of(call: Call, organisation: str, handle: str) -> tuple[int, int] | None:
    """(organisation, person) of a handle: where it is somebody's in exactly one of the organisations that are meant."""
    engine = call.services.engine
    found = []
    for org in call.services.organisations():
        subject = engine.cell(org, "names", f"person:{handle}")
        if subject and (not organisation or organisation.casefold() in names_of(call, org)):
            found.append((org, subject))
    return found[0] if len(found) == 1 else None


def names_of(call: Call, org: int) -> tuple[str, str]:
    """Public id and name of an organisation, as somebody may type them."""
    subject = call.services.engine.cell(org, "names", "organisation")
    state: Any = call.services.engine.state(org, "organisation", subject)
    return public_id("organisation", subject, state.nonce), state.name.casefold()


def owner(call: Call, org: int, subject: int, credential: str) -> Principal:
    """The person as whoever is about to sign in; `credential` is what they showed."""
    state: Any = call.services.engine.state(org, "person", subject)
    return Principal(
        kind="person",
        org=org,
        organisation=names_of(call, org)[0],
        subject=subject,
        id=public_id("person", subject, state.nonce),
        name=state.handle,
        credential=credential,
        roles=state.roles,
    )


async def issue_sealed(call: Call, subject: int, seed: bytes, step: str) -> str:
    """Record a second factor; its seed is sealed for its own id. Returns the id."""
    name = fresh_id("totp")
    verifier = call.services.entrance.seals.seal(seed, name)
    return (await issue(call, subject, "totp", verifier, step, name))[0]


async def issue(
    call: Call, subject: int, kind: str, verifier: bytes, label: str = "", name: str = ""
) -> tuple[str, int]:
    """Record a new means and keep what it is verified by; what it replaces ends in the same commit. (id, seq)."""
    name = name or fresh_id(kind)
    rows = []
    if kind != "identity":
        old = one(call, call.org, subject, kind)
        if old is not None:
            rows.append(msgspec.structs.replace(old, revoked_at=call.now).row())
    made = Credential(
        id=name,
        org=call.org,
        kind=kind,
        subject=subject,
        verifier=verifier,
        scopes=(),
        created_at=call.now,
        expires_at=0,
        revoked_at=0,
        label=label,
    )
    command = IssueCredential(subject=subject, credential=name, purpose=kind)
    recorded = await call.ask(command, credentials=[*rows, made.row()], keyed=False)
    return name, recorded.seq


async def end_sessions(call: Call, subject: int, but: str, reason: str) -> None:
    """End every session of a person except one."""
    state: Any = call.services.engine.state(call.org, "person", subject)
    for known in state.credentials:
        if known.purpose == "session" and known.id != but and known.works(call.now):
            row = call.services.engine.credentials.get(known.id)
            rows = [msgspec.structs.replace(row, revoked_at=call.now).row()] if row is not None else []
            command = RevokeCredential(subject=subject, credential=known.id, reason=reason)
            await call.ask(command, credentials=rows, keyed=False)
