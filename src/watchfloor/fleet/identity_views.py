"""What people see of enrolment tokens and of versions of agents: `enrolments`, `agent_versions` (spec 2.1)."""

from __future__ import annotations

import msgspec

from watchfloor.fleet.messages import (
    ActivationEnded,
    ActivationRequested,
    AgentRegistered,
    EnrolmentIssued,
    EnrolmentRevoked,
    IdentityPinned,
    VersionActivated,
    VersionProposed,
)
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Event
from watchfloor.kernel.projection import (
    Change,
    Computed,
    Index,
    Projectors,
    Table,
    array,
    instant,
    integer,
    text,
)

_json = msgspec.json.Encoder().encode

ENROLMENTS = Table(
    name="enrolments",
    version=1,
    meaning="Enrolment tokens, without verifiers.",
    key=("enrolment",),
    columns={
        "enrolment": integer("subject"),
        "id": text("public id enr_…"),
        "owner": text("public id of the person its agents belong to"),
        "types": array("JSON array of types it enrols; empty: any"),
        "capabilities": array("JSON array of capabilities it enrols; empty: any"),
        "uses": integer("how many agents it is for"),
        "issued_at": instant("when"),
        "issued_by": text("public id of the person who made it"),
        "expires_at": instant("end of its life"),
        "revoked_at": instant("0: in force"),
        "reason": text("why revoked"),
    },
    computed={
        "used": Computed(
            integer("agents that came of it"),
            "(SELECT count(*) FROM agents b WHERE b.org = a.org AND b.enrolment = a.enrolment)",
        )
    },
)

_IN_FORCE = "a.activated_at > 0 AND {at} >= a.activated_at AND (a.ended_at = 0 OR {at} < a.ended_at)"
_TASKS = (
    "FROM tasks t WHERE t.org = a.org AND t.agent = a.agent AND t.accepted_at > 0"
    f" AND {_IN_FORCE.format(at='t.accepted_at')}"
)
_REVIEWS = f"FROM trust_history h WHERE h.org = a.org AND h.agent = a.agent AND {_IN_FORCE.format(at='h.at')}"

AGENT_VERSIONS = Table(
    name="agent_versions",
    version=1,
    meaning="Versions of agents with what came of the work done under each.",
    key=("agent", "number"),
    columns={
        "agent": integer("subject"),
        "number": integer("from 1; the registration is the first"),
        "state": text("proposed, activating, active, replaced or refused"),
        "label": text("the agent's own word for it"),
        "reason": text("why it was proposed"),
        "previous": integer("the version in force when it was proposed, 0: none"),
        "rollback_to": integer("the version whose contents it repeats, 0: none"),
        "tools": array("JSON array of permitted tools; empty: every tool"),
        "prompt_digest": text("hex SHA-256; empty: nothing pinned"),
        "tools_digest": text("hex SHA-256; empty: nothing pinned"),
        "proposed_at": instant("when"),
        "proposed_by": text("public id of who proposed it"),
        "action": integer("subject of the action that asks to put it in force, 0: none"),
        "approved_by": array("JSON array of the persons whose votes put it in force"),
        "activated_at": instant("0: never"),
        "ended_at": instant("another was put in force, 0: not yet"),
        "content_seq": integer("private part: prompt and tool descriptions"),
    },
    indexes=(Index(("action",)),),
    computed={
        "tasks": Computed(
            integer("tasks accepted while it was in force that have ended"),
            f"(SELECT count(*) {_TASKS} AND t.finished_at > 0)",
        ),
        "succeeded": Computed(
            integer("of these, how many succeeded"),
            f"(SELECT count(*) {_TASKS} AND t.status = 'succeeded')",
        ),
        "completion_us": Computed(
            integer("mean time from acceptance to success, µs; null: none", nullable=True),
            f"(SELECT CAST(avg(t.finished_at - t.accepted_at) AS INTEGER) {_TASKS} AND t.status = 'succeeded')",
        ),
        "reviews_positive": Computed(
            integer("good reviews by people meanwhile"),
            f"(SELECT count(*) {_REVIEWS} AND h.what = 'reviewed_positively')",
        ),
        "reviews_negative": Computed(
            integer("bad ones"), f"(SELECT count(*) {_REVIEWS} AND h.what = 'reviewed_negatively')"
        ),
    },
)

TABLES = (ENROLMENTS, AGENT_VERSIONS)


def first_version(event: Event) -> Change:
    """Version 1, which comes with the registration."""
    facts = event.facts
    assert isinstance(facts, AgentRegistered)
    return AGENT_VERSIONS.put(
        event.subject,
        1,
        state="active",
        label=facts.version,
        reason="registered",
        tools=_json(facts.tools).decode(),
        prompt_digest=facts.prompt_digest,
        tools_digest=facts.tools_digest,
        proposed_at=event.at,
        proposed_by=event.of or event.actor.id,
        approved_by="[]",
        activated_at=event.at,
        content_seq=event.seq,
    )


def _issued(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, EnrolmentIssued)
    return [
        ENROLMENTS.put(
            event.subject,
            id=public_id("enrolment", event.subject, facts.nonce),
            owner=facts.owner,
            types=_json(facts.types).decode(),
            capabilities=_json(facts.capabilities).decode(),
            uses=facts.uses,
            issued_at=event.at,
            issued_by=event.of or event.actor.id,
            expires_at=facts.expires_at,
        )
    ]


def _revoked(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, EnrolmentRevoked)
    return [ENROLMENTS.set(event.subject, revoked_at=event.at, reason=facts.reason)]


def _proposed(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, VersionProposed)
    return [
        AGENT_VERSIONS.put(
            event.subject,
            facts.number,
            state="proposed",
            label=facts.label,
            reason=facts.reason,
            previous=facts.previous,
            rollback_to=facts.rollback_to,
            tools=_json(facts.tools).decode(),
            prompt_digest=facts.prompt_digest,
            tools_digest=facts.tools_digest,
            proposed_at=event.at,
            proposed_by=event.of or event.actor.id,
            approved_by="[]",
            content_seq=event.seq,
        )
    ]


def _requested(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, ActivationRequested)
    return [AGENT_VERSIONS.set(event.subject, facts.number, state="activating", action=facts.action)]


def _ended(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, ActivationEnded)
    return [AGENT_VERSIONS.set(event.subject, facts.number, state="refused")]


def _activated(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, VersionActivated)
    return [
        AGENT_VERSIONS.set(event.subject, facts.previous, state="replaced", ended_at=event.at),
        AGENT_VERSIONS.set(
            event.subject,
            facts.number,
            state="active",
            activated_at=event.at,
            approved_by=_json(facts.approved_by).decode(),
        ),
    ]


def _pinned(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, IdentityPinned)
    return [
        AGENT_VERSIONS.set(
            event.subject,
            facts.number,
            prompt_digest=facts.prompt_digest,
            tools_digest=facts.tools_digest,
        )
    ]


PROJECT: Projectors = {
    EnrolmentIssued: _issued,
    EnrolmentRevoked: _revoked,
    VersionProposed: _proposed,
    ActivationRequested: _requested,
    ActivationEnded: _ended,
    VersionActivated: _activated,
    IdentityPinned: _pinned,
}
