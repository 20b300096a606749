"""Applying a policy: versions, conflicts, what is no change (spec 3.6, fault C9)."""

from __future__ import annotations

import json
from hashlib import sha256

import msgspec
import pytest
import rfc8785
from tests.transcripts.world import World

from watchfloor.kernel.terms import AutoTerms, Policy, RateTerms
from watchfloor.policy import rules
from watchfloor.policy.digest import canonical_bytes, digest_of
from watchfloor.policy.messages import ApplyPolicy, PolicyApplied

OTHER = Policy(name="other", rates=RateTerms(light=5))


def apply(world: World, document: Policy, subject: int, expected: int = -1) -> list[PolicyApplied]:
    command = ApplyPolicy(subject=subject, document=document, expected_version=expected, reason="test")
    found = [event.facts for event in world.perform(command)]
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
    late = ApplyPolicy(subject=1, document=Policy(name="late"), expected_version=1)
    assert world.refusal(late) == ("version_conflict", "/expected_version", 412)


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
