"""People, their tokens and sessions (spec 1, 6 *Security*)."""

from __future__ import annotations

from typing import Any

from watchfloor.engine.credentials import Credential, mint
from watchfloor.http import lists, problems, safeguards, sessions
from watchfloor.http.asking import Call, Recorded, encoded
from watchfloor.http.bodies import fields
from watchfloor.http.bodies import people as wire
from watchfloor.http.operations import scopes
from watchfloor.http.problems import FieldError, Problem
from watchfloor.http.replies import Reply
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.instants import DAY, HOUR
from watchfloor.people.messages import (
    AddPerson,
    ChangeRoles,
    CredentialIssued,
    DisablePerson,
    IssueCredential,
    PersonJoined,
)


async def list_people(call: Call) -> Reply:
    """People, newest first, the disabled included."""
    params: wire.PeopleParams = call.params
    rows, following = await lists.page(call, "people", ("person",), {"handle": params.handle})
    privates = await call.privates(row["person"] for row in rows)
    items = tuple(_item(row, privates.get(row["person"], {})) for row in rows)
    return Reply(body=wire.PersonPage(items=items, next=following, seq=call.view_seq))


def _item(row: dict[str, Any], private: dict[str, Any]) -> wire.PersonItem:
    return wire.PersonItem(
        person_id=row["id"],
        handle=row["handle"],
        name=private.get("name", ""),
        email=private.get("email", ""),
        roles=lists.listed(row["roles"]),
        enabled=bool(row["enabled"]),
        joined_at=row["joined_at"],
        disabled_at=row["disabled_at"],
    )


async def add_person(call: Call) -> Reply:
    """Add a person. They sign in with a link that you issue next."""
    body: wire.AddPersonBody = call.body
    private = encoded({"email": body.email, "name": body.name})
    recorded = await call.ask(AddPerson(handle=body.handle, roles=body.roles, private=private))
    event = recorded.event
    assert event is not None
    assert isinstance(event.facts, PersonJoined)
    person_id = public_id("person", event.subject, event.facts.nonce)
    return Reply(body=wire.PersonAdded(person_id=person_id, handle=event.facts.handle, seq=recorded.seq))


def _recorded(recorded: Recorded) -> Reply:
    return Reply(body=fields.Recorded(seq=recorded.seq))


async def change_roles(call: Call) -> Reply:
    """Give a person these roles instead of those they have. Effective at once."""
    body: wire.RolesBody = call.body
    subject, _ = call.resolve("person", call.path["person"])
    return _recorded(await call.ask(ChangeRoles(subject=subject, roles=body.roles)))


async def disable_person(call: Call) -> Reply:
    """Disable a person: sessions and tokens end at once, votes become void."""
    subject, _ = call.resolve("person", call.path["person"])
    return _recorded(await call.ask(DisablePerson(subject=subject)))


def _row(
    call: Call, subject: int, kind: str, issued: IssueCredential, verifier: bytes, label: str
) -> tuple[Any, ...]:
    return Credential(
        id=issued.credential,
        org=call.org,
        kind=kind,
        subject=subject,
        verifier=verifier,
        scopes=issued.scopes,
        created_at=call.now,
        expires_at=issued.expires_at,
        revoked_at=0,
        label=label,
    ).row()


async def issue_link(call: Call) -> Reply:
    """A one-time link with which the person signs in within 24 hours; shown once."""
    subject, _ = call.resolve("person", call.path["person"])
    name, key, verifier = mint("link")
    expires_at = call.now + sessions.LINK_HOURS * HOUR
    issue = IssueCredential(subject=subject, credential=name, purpose="link", expires_at=expires_at)
    recorded = await call.ask(issue, credentials=[_row(call, subject, "link", issue, verifier, "")])
    facts = _issued(recorded)
    return Reply(
        body=wire.LinkIssued(
            person_id=call.path["person"],
            link_id=facts.credential,
            path=None if recorded.replayed else f"/sign-in/{key}",
            expires_at=facts.expires_at,
            seq=recorded.seq,
        )
    )


def _issued(recorded: Recorded) -> CredentialIssued:
    """The facts of the credential; the first event may be the end of the session it displaced."""
    for event in recorded.events or (recorded.event,):
        if event is not None and isinstance(event.facts, CredentialIssued):
            return event.facts
    # A repeated request whose first event ended a displaced session: what was issued then is in the list of tokens.
    raise Problem(409, "repeated", "this was issued already; see the list of tokens", seq=recorded.seq)


async def get_me(call: Call) -> Reply:
    """Who am I, and what may I do?"""
    who = call.principal
    return Reply(
        body=wire.Me(
            kind=who.kind,
            id=who.id,
            organisation=who.organisation,
            name=who.name,
            roles=who.roles,
            scopes=who.scopes,
            credential=who.credential,
            expires_at=who.expires_at,
            csrf=safeguards.form_token(who.secret) if who.secret else "",
            handle=who.name if who.kind == "person" else "",
        )
    )


async def issue_token(call: Call) -> Reply:
    """A token for scripts, with your rights or fewer; shown once."""
    body: wire.IssueTokenBody = call.body
    who = call.principal
    known = {*scopes(), "*:read", "*:write"}
    for index, scope in enumerate(body.scopes):
        if scope not in known:
            wrong = FieldError(
                field=f"/scopes/{index}", code="unknown_scope", detail=f"one of {', '.join(sorted(known))}"
            )
            raise Problem(422, "invalid_fields", f"/scopes/{index}: unknown scope", errors=(wrong,))
    if who.scopes and not (body.scopes and set(body.scopes) <= set(who.scopes)):
        raise Problem(403, "scope_missing", "a token makes tokens within its own scopes only")
    name, key, verifier = mint("token")
    issue = IssueCredential(
        subject=who.subject,
        credential=name,
        purpose="token",
        scopes=body.scopes,
        expires_at=call.now + body.expires_in_days * DAY,
    )
    recorded = await call.ask(
        issue, credentials=[_row(call, who.subject, "token", issue, verifier, body.label)]
    )
    facts = _issued(recorded)
    return Reply(
        body=wire.TokenIssued(
            token_id=facts.credential,
            token=None if recorded.replayed else key,
            expires_at=facts.expires_at,
            seq=recorded.seq,
        )
    )


async def list_tokens(call: Call) -> Reply:
    """Your own tokens, sessions and links, newest first."""
    person = call.principal.subject
    sql = (
        "SELECT * FROM credentials WHERE org = :org AND person = :person AND (:before = 0 OR issued_at < :before)"
        " ORDER BY issued_at DESC, credential LIMIT :limit"
    )
    before = lists.read_cursor(call.params.cursor, 1)[0] if call.params.cursor else 0
    rows = await call.rows(sql, person=person, before=before, limit=call.params.limit + 1)
    shown = rows[: call.params.limit]
    following = lists.cursor_of(shown[-1]["issued_at"]) if len(rows) > len(shown) else None
    items = tuple(_token(call, row) for row in shown)
    return Reply(body=wire.TokenPage(items=items, next=following, seq=call.view_seq))


def _token(call: Call, row: dict[str, Any]) -> wire.TokenItem:
    known = call.services.engine.credentials.get(row["credential"])
    return wire.TokenItem(
        token_id=row["credential"],
        purpose=row["purpose"],
        label=known.label if known is not None else "",
        scopes=lists.listed(row["scopes"]),
        issued_at=row["issued_at"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )


async def revoke_token(call: Call) -> Reply:
    """End a token or session: your own, or as an admin anybody's."""
    name: str = call.path["token"]
    known = call.services.engine.credentials.get(name)
    own = known is not None and known.org == call.org and known.subject == call.principal.subject
    others = known is not None and known.org == call.org and call.principal.may("admin")
    if known is None or known.kind == "agent" or not (own or others):
        raise problems.not_found("token")
    seq = await sessions.revoke(call, known.subject, name, "revoked")
    return Reply(body=fields.Recorded(seq=seq))
