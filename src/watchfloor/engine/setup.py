"""The first person of an organisation, and whom an operator lets in from the machine itself (spec 6 *Security*)."""

from __future__ import annotations

import msgspec

from watchfloor.engine.credentials import Credential, mint
from watchfloor.engine.engine import Engine
from watchfloor.fleet.messages import RegisterAgent
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.messages import SYSTEM, Refused
from watchfloor.people.messages import AddPerson, IssueCredential, RevokeCredential


class FirstPerson(msgspec.Struct, frozen=True):
    """`link` is a single-use sign-in address, valid for a day; `token` a token for scripts, valid for 30 days."""

    id: str
    subject: int
    link: str
    token: str


async def add_person(engine: Engine, org: int, handle: str, roles: tuple[str, ...]) -> tuple[str, int]:
    """(public id, integer) of a new person."""
    answer = await engine.ask(org, AddPerson(handle=handle, roles=roles), SYSTEM)
    assert answer.event is not None
    nonce: int = answer.event.facts.nonce  # type: ignore[attr-defined]
    return public_id("person", answer.event.subject, nonce), answer.event.subject


async def credential_for(engine: Engine, org: int, person: int, purpose: str, days: int) -> str:
    """A fresh key of a person, of purpose link or token; shown once."""
    name, key, verifier = mint(purpose)
    now = engine.clock()
    issue = IssueCredential(subject=person, credential=name, purpose=purpose, expires_at=now + days * DAY)
    row = Credential(
        id=name,
        org=org,
        kind=purpose,
        subject=person,
        verifier=verifier,
        scopes=(),
        created_at=now,
        expires_at=issue.expires_at,
        revoked_at=0,
        label="made on the server's machine",
    ).row()
    await engine.ask(org, issue, SYSTEM, credentials=[row])
    return key


async def first_person(
    engine: Engine, org: int, handle: str, url: str, roles: tuple[str, ...] = ("admin",)
) -> FirstPerson:
    """Add a person with a one-time sign-in link and a token."""
    person, subject = await add_person(engine, org, handle, roles)
    link = await credential_for(engine, org, subject, "link", 1)
    token = await credential_for(engine, org, subject, "token", 30)
    return FirstPerson(person, subject, f"{url}/sign-in/{link}", token)


async def register_agent(
    engine: Engine, org: int, name: str, type_: str, capabilities: tuple[str, ...], days: int = 30
) -> tuple[str, str]:
    """(agent id, key) of a new agent that belongs to the system: built-in and demo agents (spec 1 *Vocabulary*)."""
    credential, key, verifier = mint("agent")
    now = engine.clock()
    command = RegisterAgent(
        name=name,
        type=type_,
        capabilities=capabilities,
        owner="system",
        credential=credential,
        expires_at=now + days * DAY,
    )
    row = Credential(
        id=credential,
        org=org,
        kind="agent",
        subject=0,  # the subject that this very command begins
        verifier=verifier,
        scopes=(),
        created_at=now,
        expires_at=command.expires_at,
        revoked_at=0,
        label=name,
    ).row()
    answer = await engine.ask(org, command, SYSTEM, credentials=[row])
    assert answer.event is not None
    nonce: int = answer.event.facts.nonce  # type: ignore[attr-defined]
    return public_id("agent", answer.event.subject, nonce), key


async def let_back_in(engine: Engine, org: int, handle: str) -> str:
    """Take the second factor off a person who lost it, end their sessions and links, and return a new link (a day).

    For whoever holds the server's machine, when nobody is left who could help over HTTP (fault S9). Raises Refused.
    """
    subject = engine.cell(org, "names", f"person:{handle}")
    state = engine.state(org, "person", subject) if subject else None
    if state is None or state.disabled:
        raise Refused("unknown_person", f"nobody here is called {handle}, or they are disabled", status=404)
    now = engine.clock()
    for known in state.credentials:
        if known.purpose in _ENDED and known.works(now):
            row = engine.credentials.get(known.id)
            rows = [msgspec.structs.replace(row, revoked_at=now).row()] if row is not None else []
            command = RevokeCredential(subject=subject, credential=known.id, reason="second_factor_lost")
            await engine.ask(org, command, SYSTEM, credentials=rows)
    return await credential_for(engine, org, subject, "link", 1)


_ENDED = ("totp", "recovery", "session", "link")
