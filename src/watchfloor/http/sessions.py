"""Sessions and the links that lead to them (spec 6 *Security*; faults S5, S10): a one-time link becomes a session, once.

Using a link is revoking it with the reason `used`; the rule lets that happen once, so of two uses at the same instant
one succeeds. A session's text exists in the browser's cookie alone, the ledger has its start and its end.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from watchfloor.engine.credentials import Credential, mint
from watchfloor.http import problems, safeguards
from watchfloor.http.asking import Call
from watchfloor.http.identity import KEY, Principal, of_person
from watchfloor.http.problems import Problem
from watchfloor.kernel.instants import HOUR, SECOND
from watchfloor.kernel.limits import SESSION_HOURS
from watchfloor.people.messages import IssueCredential, RevokeCredential

LINK_HOURS = 24


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """A session that just began. `text` goes into the cookie and nowhere else."""

    text: str
    id: str
    expires_at: int
    principal: Principal

    def __repr__(self) -> str:
        return f"Session({self.id} of {self.principal.id})"


def link_owner(call: Call, text: str) -> tuple[Principal, Credential]:
    """The person a link is for. Raises Problem 401 for a link that does not work (any more)."""
    engine = call.services.engine
    found = engine.credentials.find(text, call.now) if KEY.match(text) else None
    if found is None or not found.id.startswith("lnk_"):
        raise problems.unauthenticated(
            "the link was used already, has expired, or was never one of ours", "link_over"
        )
    return of_person(engine, found, call.now), found


async def start(call: Call, owner: Principal, method: str, rows: Sequence[tuple[Any, ...]] = ()) -> Session:
    """Begin a session of somebody who has shown who they are; `rows` of verifiers are kept in the same commit."""
    name, key, verifier = mint("session")
    expires_at = call.now + SESSION_HOURS * HOUR
    row = Credential(
        id=name,
        org=owner.org,
        kind="session",
        subject=owner.subject,
        verifier=verifier,
        scopes=(),
        created_at=call.now,
        expires_at=expires_at,
        revoked_at=0,
        label="",
    ).row()
    issue = IssueCredential(
        subject=owner.subject, credential=name, purpose="session", expires_at=expires_at, method=method
    )
    await call.ask(issue, credentials=[*rows, row], keyed=False)
    return Session(text=key, id=name, expires_at=expires_at, principal=owner)


async def end(call: Call) -> int:
    """End the session that asks. Returns the seq. Raises Problem 409 when it is no session."""
    who = call.principal
    if not who.cookie:
        raise Problem(409, "no_session", "tokens are revoked, sessions are signed out of")
    return await revoke(call, who.subject, who.credential, "signed_out")


async def revoke(call: Call, subject: int, credential: str, reason: str) -> int:
    """End a person's credential, here and in the ledger. Returns the seq."""
    known = call.services.engine.credentials.get(credential)
    rows = []
    if known is not None and known.org == call.org and known.subject == subject and not known.revoked_at:
        rows.append(msgspec.structs.replace(known, revoked_at=call.now).row())
    command = RevokeCredential(subject=subject, credential=credential, reason=reason)
    return (await call.ask(command, credentials=rows)).seq


def cookie(session: Session, now: int, *, tls: bool) -> str:
    """The Set-Cookie value of a new session."""
    return safeguards.session_cookie(session.text, (session.expires_at - now) // SECOND, tls=tls)


def no_cookie(*, tls: bool) -> str:
    """The Set-Cookie value that ends it."""
    return safeguards.session_cookie("", 0, tls=tls)
