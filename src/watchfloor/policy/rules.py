"""The policy in force, its versions, and proposals of others (spec 03 §3.6, DESIGN 2b.15, decision 0030).

Theory of operation
-------------------
One subject per organisation. A document is checked as a whole (soundness), its version is one more than the last, and
its digest is the SHA-256 of its canonical bytes, so a ruling that names (version, digest) names every number it was
judged by. `expected_version` is what the author of the change had seen; if somebody was faster, the change is refused
and nobody's work is overwritten. The document already in force is no change and no event.

    ApplyPolicy    -> policy.applied/1{first}
    ProposePolicy  -> policy.applied/1{tightening}  nothing in it loosens, so nobody is asked
                    | policy.applied/1{alone}       there is nobody else who could be asked; shown wherever versions are
                    | policy.proposed/1             its author asks the gate, and people decide (processes/amending.py)
    NoteProposal   -> policy.proposal_noted/1       one at a time
    ActivatePolicy -> policy.applied/1{approved}
    EndProposal    -> policy.proposal_ended/1
    SetShadow      -> policy.shadow_set/1           a candidate that is only compared (shadows.py)
    RemoveShadow   -> policy.shadow_removed/1

A proposal is on top of the version in force. When another version comes into force meanwhile (a tightening one, at
once), what was proposed is withdrawn as outdated: people had agreed to another difference than it would make now.
"""

# ruff: noqa: ARG001 -- folds have one signature, whatever they look at

from __future__ import annotations

import msgspec

from watchfloor.kernel.folds import Changes, once
from watchfloor.kernel.ids import nonce_from
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.messages import Draft, Event, Refused
from watchfloor.kernel.schema import check_reason
from watchfloor.kernel.subject import Given, Subject
from watchfloor.kernel.terms import Policy
from watchfloor.policy import shadows
from watchfloor.policy.affected import affected
from watchfloor.policy.difference import differences
from watchfloor.policy.digest import digest_of
from watchfloor.policy.messages import (
    ActivatePolicy,
    ApplyPolicy,
    EndProposal,
    NoteProposal,
    PolicyApplied,
    PolicyProposed,
    ProposalEnded,
    ProposalNoted,
    ProposePolicy,
)
from watchfloor.policy.shadow_messages import RemoveShadow, SetShadow, ShadowRemoved, ShadowSet
from watchfloor.policy.shadows import Shadow
from watchfloor.policy.soundness import check_sound

OUTDATED = "outdated"


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A document on its way. `action` is the one being decided on, 0 while its author has not asked; `base` the version below it."""

    number: int
    base: int
    digest: str
    document: Policy
    by: str
    reason: str
    loosened: int
    revert_to: int = 0
    action: int = 0


class PolicyState(msgspec.Struct, frozen=True, kw_only=True):
    """The active document with its version and digest; `nonce` makes the public id, `proposals` counts them."""

    seq: int
    version: int
    digest: str
    document: Policy
    nonce: int
    proposal: Proposal | None = None
    proposals: int = 0
    shadows: tuple[Shadow, ...] = ()
    shadows_set: int = 0  # how many there ever were


class DecidersEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`others`: enabled people besides the author who hold any role that decides."""

    others: int


def apply(state: PolicyState | None, command: ApplyPolicy, given: Given) -> list[Draft]:
    """The first policy. Refused: `invalid_policy` (422) with the first fault, `needs_proposal` when there is one already."""
    check_reason(command.reason)
    check_sound(command.document)
    if state is not None:
        raise Refused("needs_proposal", "a policy is in force; another one is proposed", status=409)
    facts = PolicyApplied(
        digest=digest_of(command.document),
        document=command.document,
        nonce=nonce_from(given.entropy),
        reason=command.reason,
        version=1,
        basis="first",
    )
    return [Draft(facts=facts)]


def author(given: Given) -> str:
    """The person behind a change: on whose behalf it was asked for, else who asked; empty for the system."""
    return given.of or (given.actor.id if given.actor.kind == "person" else "")


def _barred_us(policy: PolicyState, document: Policy) -> int:
    """The longer of both policies' times: a change that shortens it does not shorten its author's own."""
    return max(policy.document.routing.loosened_days, document.routing.loosened_days) * DAY


def known(state: PolicyState | None) -> PolicyState:
    """The policy there is."""
    if state is None:
        raise Refused("not_found", "there is no policy yet", status=404)
    return state


def propose(state: PolicyState | None, command: ProposePolicy, given: Given) -> list[Draft]:
    """At once, or for people to decide. Refused: `invalid_policy` (422), `version_conflict` (412), `proposal_pending` (409)."""
    policy = known(state)
    check_reason(command.reason)
    check_sound(command.document)
    if command.expected_version not in (-1, policy.version):
        detail = f"version {policy.version} is in force, the change was made to {command.expected_version}"
        raise Refused("version_conflict", detail, field="/expected_version", status=412)
    digest = digest_of(command.document)
    if digest == policy.digest:
        return []
    loosened = sum(1 for one in differences(policy.document, command.document) if one.loosens)
    evidence: DecidersEvidence = given.evidence
    if not loosened or not evidence.others:
        loosens = affected(policy.document, command.document)
        by = author(given) if loosens else ""
        facts = PolicyApplied(
            barred_until_at=given.at + _barred_us(policy, command.document) if by else 0,
            by=by,
            digest=digest,
            document=command.document,
            loosens=loosens,
            nonce=policy.nonce,
            reason=command.reason,
            version=policy.version + 1,
            basis="alone" if loosened else "tightening",
            loosened=loosened,
            revert_to=command.revert_to,
        )
        return [Draft(facts=facts)]
    if policy.proposal is not None and policy.proposal.action:
        detail = f"proposal {policy.proposal.number} is being decided on; withdraw it or wait"
        raise Refused("proposal_pending", detail, status=409)
    proposed = PolicyProposed(
        by=given.of or given.actor.id,
        digest=digest,
        document=command.document,
        loosened=loosened,
        number=policy.proposals + 1,
        reason=command.reason,
        revert_to=command.revert_to,
        version=policy.version,
    )
    return [Draft(facts=proposed)]


def check_proposal(state: PolicyState | None, number: int, by: str) -> Proposal:
    """The proposal that the gate is asked about. Raises Refused when it cannot be put in force as things stand."""
    policy = known(state)
    proposal = policy.proposal
    if proposal is None or proposal.number != number:
        raise Refused("unknown_proposal", "there is no such proposal, or a newer one", status=404)
    if proposal.action:
        raise Refused("proposal_pending", f"proposal {number} is being decided on already")
    if proposal.base != policy.version:
        raise Refused("version_conflict", "another version is in force; propose it anew", status=412)
    if proposal.by != by:
        raise Refused("not_your_proposal", "whoever proposed it asks for it", status=403)
    return proposal


def note(state: PolicyState | None, command: NoteProposal, given: Given) -> list[Draft]:
    """One proposal at a time is on its way."""
    del given
    policy = known(state)
    proposal = policy.proposal
    if proposal is not None and proposal.action == command.action:
        return []
    if proposal is None or proposal.number != command.number or proposal.action:
        raise Refused("unknown_proposal", "there is no such proposal to be decided on", status=404)
    return [Draft(facts=ProposalNoted(action=command.action, number=command.number))]


def end(state: PolicyState | None, command: EndProposal, given: Given) -> list[Draft]:
    """It came to nothing; no news when it is over."""
    del given
    policy = known(state)
    proposal = policy.proposal
    if proposal is None or proposal.action != command.action:
        return []
    reason = OUTDATED if proposal.base != policy.version else command.reason
    return [Draft(facts=ProposalEnded(action=command.action, number=proposal.number, reason=reason))]


def activate(state: PolicyState | None, command: ActivatePolicy, given: Given) -> list[Draft]:
    """People agreed."""
    policy = known(state)
    proposal = policy.proposal
    if proposal is None or proposal.action != command.action or proposal.base != policy.version:
        raise Refused("unknown_proposal", "this action puts no proposal in force", status=404)
    loosens = affected(policy.document, proposal.document)
    facts = PolicyApplied(
        barred_until_at=given.at + _barred_us(policy, proposal.document) if loosens else 0,
        by=proposal.by if loosens else "",
        digest=proposal.digest,
        document=proposal.document,
        loosens=loosens,
        nonce=policy.nonce,
        reason=proposal.reason,
        version=policy.version + 1,
        action=command.action,
        approved_by=command.approved_by,
        basis="approved",
        loosened=proposal.loosened,
        proposed_by=proposal.by,
        proposal=proposal.number,
        revert_to=proposal.revert_to,
    )
    return [Draft(facts=facts)]


def set_shadow(state: PolicyState | None, command: SetShadow, given: Given) -> list[Draft]:
    """See shadows.py."""
    policy = known(state)
    return shadows.set_shadow(policy.shadows, policy.shadows_set, command, given)


def remove_shadow(state: PolicyState | None, command: RemoveShadow, given: Given) -> list[Draft]:
    """See shadows.py."""
    return shadows.remove_shadow(known(state).shadows, command, given)


# What happened ------------------------------------------------------------------------------------------------------


def applied(state: PolicyState | None, event: Event) -> PolicyState:
    """Fold of policy.applied/1. A proposal on its way stays, outdated, until its action is withdrawn."""
    facts = event.facts
    assert isinstance(facts, PolicyApplied)
    if state is not None and event.seq <= state.seq:
        return state
    waiting = state.proposal if state is not None else None
    if waiting is not None and waiting.action in (0, facts.action):
        waiting = None
    return PolicyState(
        seq=event.seq,
        version=facts.version,
        digest=facts.digest,
        document=facts.document,
        nonce=facts.nonce,
        proposal=waiting,
        proposals=state.proposals if state is not None else 0,
        shadows=state.shadows if state is not None else (),
        shadows_set=state.shadows_set if state is not None else 0,
    )


def proposed(policy: PolicyState, facts: PolicyProposed, event: Event) -> Changes:
    proposal = Proposal(
        number=facts.number,
        base=facts.version,
        digest=facts.digest,
        document=facts.document,
        by=facts.by,
        reason=facts.reason,
        loosened=facts.loosened,
        revert_to=facts.revert_to,
    )
    return {"proposal": proposal, "proposals": facts.number}


def noted(policy: PolicyState, facts: ProposalNoted, event: Event) -> Changes:
    proposal = policy.proposal
    if proposal is None or proposal.number != facts.number:
        return {}
    return {"proposal": msgspec.structs.replace(proposal, action=facts.action)}


def ended(policy: PolicyState, facts: ProposalEnded, event: Event) -> Changes:
    proposal = policy.proposal
    return {"proposal": None} if proposal is not None and proposal.number == facts.number else {}


def shadow_set(policy: PolicyState, facts: ShadowSet, event: Event) -> Changes:
    return shadows.was_set(policy.shadows, facts, event)


def shadow_removed(policy: PolicyState, facts: ShadowRemoved, event: Event) -> Changes:
    return shadows.was_removed(policy.shadows, facts)


POLICY = Subject(
    kind="policy",
    state=PolicyState,
    decide={
        ApplyPolicy: apply,
        ProposePolicy: propose,
        NoteProposal: note,
        EndProposal: end,
        ActivatePolicy: activate,
        SetShadow: set_shadow,
        RemoveShadow: remove_shadow,
    },
    evolve={
        PolicyApplied: applied,
        PolicyProposed: once(proposed),
        ProposalNoted: once(noted),
        ProposalEnded: once(ended),
        ShadowSet: once(shadow_set),
        ShadowRemoved: once(shadow_removed),
    },
)
SUBJECTS = (POLICY,)
FACTS = (PolicyApplied, PolicyProposed, ProposalNoted, ProposalEnded, ShadowSet, ShadowRemoved)
