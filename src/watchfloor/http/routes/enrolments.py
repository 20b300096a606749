"""Enrolment tokens: made by operators, used by agents to register themselves (spec 2.1)."""

from __future__ import annotations

from typing import Any

from watchfloor.engine.credentials import Credential, mint
from watchfloor.fleet import messages as fleet
from watchfloor.http import lists, owning
from watchfloor.http.asking import Call
from watchfloor.http.bodies import fields
from watchfloor.http.bodies import identity as wire
from watchfloor.http.replies import Reply
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.instants import HOUR


async def issue_enrolment(call: Call) -> Reply:
    """A token with which agents register themselves; shown once."""
    body: wire.IssueEnrolmentBody = call.body
    owner = owning.owner_of(call, body.owner)
    name, key, verifier = mint("enrolment")
    expires_at = call.now + body.expires_in_hours * HOUR
    command = fleet.IssueEnrolment(
        credential=name,
        expires_at=expires_at,
        owner=owner,
        uses=body.uses,
        types=body.types,
        capabilities=body.capabilities,
    )
    row = Credential(
        id=name,
        org=call.org,
        kind="enrolment",
        subject=0,
        verifier=verifier,
        scopes=(),
        created_at=call.now,
        expires_at=expires_at,
        revoked_at=0,
        label="",
    ).row()
    recorded = await call.ask(command, credentials=[row])
    event = recorded.event
    assert event is not None
    facts = event.facts
    assert isinstance(facts, fleet.EnrolmentIssued)
    return Reply(
        body=wire.EnrolmentIssued(
            enrolment_id=public_id("enrolment", event.subject, facts.nonce),
            token=None if recorded.replayed else key,
            expires_at=facts.expires_at,
            owner=facts.owner,
            seq=recorded.seq,
            warnings=owning.warnings(call, facts.owner, call.principal.id),
        )
    )


async def list_enrolments(call: Call) -> Reply:
    """Enrolment tokens, newest first, without secrets."""
    rows, following = await lists.page(call, "enrolments", ("enrolment",))
    items = tuple(_item(call, row) for row in rows)
    return Reply(body=wire.EnrolmentPage(items=items, next=following, seq=call.view_seq))


def _item(call: Call, row: dict[str, Any]) -> wire.EnrolmentItem:
    used = row["used"]
    state = "open"
    if row["revoked_at"]:
        state = "revoked"
    elif used >= row["uses"]:
        state = "used_up"
    elif row["expires_at"] <= call.now:
        state = "expired"
    return wire.EnrolmentItem(
        enrolment_id=row["id"],
        state=state,
        owner=row["owner"],
        types=lists.listed(row["types"]),
        capabilities=lists.listed(row["capabilities"]),
        uses=row["uses"],
        used=used,
        issued_at=row["issued_at"],
        issued_by=row["issued_by"],
        expires_at=row["expires_at"],
        revoked_at=row["revoked_at"],
    )


async def get_enrolment(call: Call) -> Reply:
    """One enrolment token, and the agents that came of it."""
    subject, _ = call.resolve("enrolment", call.path["enrolment"])
    row = await lists.viewed(call, "enrolments", "enrolment", subject)
    sql = "SELECT id FROM agents WHERE org = :org AND enrolment = :enrolment ORDER BY agent LIMIT 200"
    agents = tuple(found["id"] for found in await call.rows(sql, enrolment=subject))
    return Reply(body=wire.EnrolmentDetail(enrolment=_item(call, row), agents=agents, seq=call.view_seq))


async def revoke_enrolment(call: Call) -> Reply:
    """End a token at once. Agents that it let in stay."""
    subject, _ = call.resolve("enrolment", call.path["enrolment"])
    reason: fields.Reason = call.body
    recorded = await call.ask(fleet.RevokeEnrolment(subject=subject, reason=reason.reason))
    return Reply(body=fields.Recorded(seq=recorded.seq))
