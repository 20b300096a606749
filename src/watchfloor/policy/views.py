"""What people see of policies (spec 3.6): `policies`, one row per version, and `policy_proposals`. Documents are in the events at `seq`."""

from __future__ import annotations

from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Event
from watchfloor.kernel.projection import Change, Projectors, Table, instant, integer, text
from watchfloor.policy.messages import PolicyApplied, PolicyProposed, ProposalEnded, ProposalNoted
from watchfloor.policy.shadow_messages import ShadowRemoved, ShadowSet

POLICIES = Table(
    name="policies",
    version=2,
    meaning="Every version of the policy; the highest is in force.",
    key=("version",),
    columns={
        "version": integer("from 1"),
        "policy": integer("subject, the same for all versions"),
        "id": text("public id pol_… as of this version"),
        "name": text("of the document"),
        "digest": text("SHA-256 of the canonical document, hex"),
        "applied_at": instant("when"),
        "applied_by": text("public id of whoever asked for it"),
        "reason": text("why"),
        "basis": text("first, tightening, approved, alone; empty: from before changes were decided on"),
        "approved_by": text("public ids of those who agreed, with blanks between them"),
        "loosens": integer("how many fields loosen, against the version before"),
        "revert_to": integer("version whose contents these are, 0 none"),
        "seq": integer("of policy.applied, which holds the document"),
    },
)
PROPOSALS = Table(
    name="policy_proposals",
    version=1,
    meaning="Changes of the policy that needed somebody else's agreement.",
    key=("number",),
    columns={
        "number": integer("from 1"),
        "state": text("proposed, pending, applied, denied, expired, cancelled or outdated"),
        "base": integer("version it would replace"),
        "digest": text("SHA-256 of the canonical document, hex"),
        "proposed_at": instant("when"),
        "proposed_by": text("public id"),
        "reason": text("why"),
        "loosens": integer("how many fields loosen"),
        "revert_to": integer("version whose contents these are, 0 none"),
        "action": integer("subject of the action that is decided on, 0 none"),
        "seq": integer("of policy.proposed, which holds the document"),
    },
)

SHADOWS = Table(
    name="policy_shadows",
    version=1,
    meaning="Candidates that are or were compared with the policy in force.",
    key=("number",),
    columns={
        "number": integer("from 1"),
        "name": text("unique among those that are kept"),
        "digest": text("SHA-256 of the canonical document, hex"),
        "set_at": instant("when"),
        "set_by": text("public id"),
        "reason": text("why"),
        "ended_at": instant("when it was removed or replaced; 0: it is kept"),
        "ended_by": text("public id"),
        "seq": integer("of policy.shadow_set, which holds the document"),
    },
)

TABLES = (POLICIES, PROPOSALS, SHADOWS)


def _applied(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, PolicyApplied)
    return [
        POLICIES.put(
            facts.version,
            policy=event.subject,
            id=public_id("policy", event.subject, facts.nonce),
            name=facts.document.name,
            digest=facts.digest,
            applied_at=event.at,
            applied_by=facts.proposed_by or event.of or event.actor.id,
            reason=facts.reason,
            basis=facts.basis,
            approved_by=" ".join(facts.approved_by),
            loosens=facts.loosened,
            revert_to=facts.revert_to,
            seq=event.seq,
        )
    ] + ([PROPOSALS.set(facts.proposal, state="applied")] if facts.proposal else [])


def _proposed(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, PolicyProposed)
    return [
        PROPOSALS.put(
            facts.number,
            state="proposed",
            base=facts.version,
            digest=facts.digest,
            proposed_at=event.at,
            proposed_by=facts.by,
            reason=facts.reason,
            loosens=facts.loosened,
            revert_to=facts.revert_to,
            action=0,
            seq=event.seq,
        )
    ]


def _noted(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, ProposalNoted)
    return [PROPOSALS.set(facts.number, state="pending", action=facts.action)]


def _ended(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, ProposalEnded)
    return [PROPOSALS.set(facts.number, state=facts.reason)]


def _shadow_set(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, ShadowSet)
    by = event.of or event.actor.id
    put = SHADOWS.put(
        facts.number,
        name=facts.name,
        digest=facts.digest,
        set_at=event.at,
        set_by=by,
        reason=facts.reason,
        ended_at=0,
        ended_by="",
        seq=event.seq,
    )
    return [put] + ([SHADOWS.set(facts.replaces, ended_at=event.at, ended_by=by)] if facts.replaces else [])


def _shadow_removed(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, ShadowRemoved)
    return [SHADOWS.set(facts.number, ended_at=event.at, ended_by=event.of or event.actor.id)]


PROJECT: Projectors = {
    PolicyApplied: _applied,
    PolicyProposed: _proposed,
    ProposalNoted: _noted,
    ProposalEnded: _ended,
    ShadowSet: _shadow_set,
    ShadowRemoved: _shadow_removed,
}
