"""Applying a policy: versions, conflicts, what is no change (spec 3.6, fault C9)."""

from __future__ import annotations

import json
from hashlib import sha256

import msgspec
import pytest
import rfc8785
from tests.transcripts.world import World

from watchfloor.kernel.messages import Actor, Command, Refused
from watchfloor.kernel.terms import AutoTerms, Policy, RateTerms
from watchfloor.policy import rules
from watchfloor.policy.digest import canonical_bytes, digest_of
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

OTHER = Policy(name="other", rates=RateTerms(light=5))


ALONE, AMONG_OTHERS = rules.DecidersEvidence(others=0), rules.DecidersEvidence(others=2)
EVE = Actor(kind="person", id="per_eve")


def apply(world: World, document: Policy, subject: int, expected: int = -1) -> list[PolicyApplied]:
    command: Command = ApplyPolicy(document=document, expected_version=expected, reason="test")
    if subject:
        command = ProposePolicy(subject=subject, document=document, expected_version=expected, reason="test")
    found = [event.facts for event in world.perform(command, evidence=ALONE)]
    assert all(isinstance(facts, PolicyApplied) for facts in found)
    return found  # type: ignore[return-value]  # just asserted


def test_versions_count_from_one_and_the_public_id_stays() -> None:
    world = World()
    (one,) = apply(world, Policy(), 0, expected=0)
    (two,) = apply(world, OTHER, 1, expected=1)
    assert (one.version, two.version) == (1, 2)
    assert one.nonce == two.nonce
    assert two.digest == digest_of(OTHER)
    state = world.states["policy", 1]
    assert (state.version, state.digest, state.document) == (2, two.digest, OTHER)


def test_the_document_in_force_is_no_change() -> None:
    world = World()
    apply(world, OTHER, 0)
    assert apply(world, OTHER, 1) == []


def test_whoever_saw_an_older_version_is_refused() -> None:
    world = World()
    apply(world, Policy(), 0)
    apply(world, OTHER, 1)
    late = ProposePolicy(subject=1, document=Policy(name="late"), expected_version=1)
    assert world.refusal(late, evidence=ALONE) == ("version_conflict", "/expected_version", 412)


def test_an_unsound_document_is_refused_with_its_first_fault() -> None:
    one = Policy(auto=AutoTerms(score_min=-1))
    two = Policy(auto=AutoTerms(score_min=-1), grant_ms=0)
    for document in (one, two):
        refusal = World().refusal(ApplyPolicy(document=document))
        assert refusal[0] == "invalid_policy"
        assert refusal[2] == 422
    assert World().refusal(ApplyPolicy(document=one)) == ("invalid_policy", "/document/auto/score_min", 422)


def test_a_reason_is_short() -> None:
    assert World().refusal(ApplyPolicy(document=Policy(), reason="x" * 2000))[0] == "too_long"


def test_an_event_seen_before_changes_nothing() -> None:
    world = World()
    apply(world, Policy(), 0)
    state = world.states["policy", 1]
    assert rules.applied(state, world.events[0]) is state


def test_the_digest_is_the_sha256_of_the_rfc_8785_bytes_of_the_whole_document() -> None:
    for document in (Policy(), OTHER):
        oracle = rfc8785.dumps(json.loads(msgspec.json.encode(document)))
        assert canonical_bytes(document) == oracle
        assert digest_of(document) == sha256(oracle).hexdigest()


@pytest.mark.parametrize("field", ["name", "grant_ms", "host_fields"])
def test_every_field_is_in_the_digest(field: str) -> None:
    changed = {"name": "x", "grant_ms": 5000, "host_fields": ("u",)}[field]
    assert digest_of(msgspec.structs.replace(Policy(), **{field: changed})) != digest_of(Policy())


# Proposals -----------------------------------------------------------------------------------------------------------

LOOSER = Policy(grant_ms=1_000_000)
TIGHTER = Policy(grant_ms=500_000)


def founded() -> World:
    world = World()
    apply(world, Policy(), 0)
    return world


def propose(world: World, document: Policy = LOOSER) -> PolicyProposed | PolicyApplied:
    (event,) = world.perform(ProposePolicy(subject=1, document=document), EVE, AMONG_OTHERS)
    assert isinstance(event.facts, PolicyProposed | PolicyApplied)
    return event.facts


def test_there_is_one_first_policy() -> None:
    assert founded().refusal(ApplyPolicy(subject=1, document=OTHER))[0] == "needs_proposal"
    assert World().refusal(ProposePolicy(document=OTHER), evidence=ALONE)[0] == "not_found"


def test_what_loosens_is_proposed_where_somebody_else_is_there_and_applied_where_nobody_is() -> None:
    proposed = propose(founded())
    assert isinstance(proposed, PolicyProposed)
    assert (proposed.by, proposed.number, proposed.version, proposed.loosened) == ("per_eve", 1, 1, 1)
    (alone,) = apply(founded(), LOOSER, 1)
    assert (alone.basis, alone.loosened) == ("alone", 1)


def test_what_tightens_is_applied_at_once_whoever_is_there() -> None:
    applied = propose(founded(), TIGHTER)
    assert isinstance(applied, PolicyApplied)
    assert (applied.basis, applied.loosened, applied.version) == ("tightening", 0, 2)


def test_an_agreed_proposal_is_the_next_version_with_the_names_of_those_who_agreed() -> None:
    world = founded()
    propose(world)
    world.perform(NoteProposal(subject=1, action=9, number=1))
    assert world.perform(NoteProposal(subject=1, action=9, number=1)) == []
    assert world.refusal(NoteProposal(subject=1, action=10, number=1))[0] == "unknown_proposal"
    assert world.refusal(ActivatePolicy(subject=1, action=8, approved_by=()))[0] == "unknown_proposal"
    (event,) = world.perform(ActivatePolicy(subject=1, action=9, approved_by=("per_bob",)))
    facts = event.facts
    assert isinstance(facts, PolicyApplied)
    assert (facts.version, facts.document, facts.basis) == (2, LOOSER, "approved")
    assert (facts.proposed_by, facts.approved_by, facts.action, facts.proposal) == (
        "per_eve",
        ("per_bob",),
        9,
        1,
    )
    assert world.states["policy", 1].proposal is None
    assert world.refusal(ActivatePolicy(subject=1, action=9, approved_by=()))[0] == "unknown_proposal"


def test_one_proposal_at_a_time_and_an_unasked_one_gives_way() -> None:
    world = founded()
    propose(world)
    propose(world, Policy(grant_ms=1_100_000))
    assert world.states["policy", 1].proposal.number == 2
    assert world.refusal(NoteProposal(subject=1, action=9, number=1))[0] == "unknown_proposal"
    world.perform(NoteProposal(subject=1, action=9, number=2))
    third = ProposePolicy(subject=1, document=Policy(grant_ms=1_200_000))
    assert world.refusal(third, EVE, AMONG_OTHERS)[0] == "proposal_pending"


def test_a_proposal_that_ends_leaves_the_policy_and_says_why() -> None:
    world = founded()
    propose(world)
    world.perform(NoteProposal(subject=1, action=9, number=1))
    assert world.perform(EndProposal(subject=1, action=8, reason="denied")) == []
    (event,) = world.perform(EndProposal(subject=1, action=9, reason="denied"))
    assert (event.facts.reason, world.states["policy", 1].version) == ("denied", 1)  # type: ignore[attr-defined]
    assert world.perform(EndProposal(subject=1, action=9, reason="denied")) == []


def test_a_version_that_comes_between_makes_a_proposal_outdated() -> None:
    world = founded()
    propose(world)
    world.perform(NoteProposal(subject=1, action=9, number=1))
    propose(world, TIGHTER)
    assert world.refusal(ActivatePolicy(subject=1, action=9, approved_by=()))[0] == "unknown_proposal"
    (event,) = world.perform(EndProposal(subject=1, action=9, reason="cancelled"))
    assert event.facts.reason == "outdated"  # type: ignore[attr-defined]


def test_only_its_author_asks_the_gate_about_a_proposal_and_only_while_it_fits() -> None:
    world = founded()
    propose(world)

    def refused(number: int, by: str) -> str:
        with pytest.raises(Refused) as caught:
            rules.check_proposal(world.states["policy", 1], number, by)
        return caught.value.code

    assert rules.check_proposal(world.states["policy", 1], 1, "per_eve").document == LOOSER
    assert refused(1, "per_bob") == "not_your_proposal"
    assert refused(2, "per_eve") == "unknown_proposal"
    world.perform(NoteProposal(subject=1, action=9, number=1))
    assert refused(1, "per_eve") == "proposal_pending"
    world = founded()
    propose(world)
    behind = msgspec.structs.replace(world.states["policy", 1], version=2)
    with pytest.raises(Refused, match="propose it anew"):
        rules.check_proposal(behind, 1, "per_eve")


def test_events_of_proposals_seen_before_or_of_others_change_nothing() -> None:
    world = founded()
    propose(world)
    state = world.states["policy", 1]
    assert rules.noted(state, ProposalNoted(action=9, number=7), world.events[-1]) == {}
    assert rules.ended(state, ProposalEnded(action=9, number=7, reason="x"), world.events[-1]) == {}
