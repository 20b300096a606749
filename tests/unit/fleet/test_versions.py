"""Versions, certificates, keys that end: what is refused, what is no news, what is recorded (spec 2.1, K10)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.transcripts.world import START, World
from tests.unit.fleet.test_rules import FREE, agent, registration

from watchfloor.fleet import versions
from watchfloor.fleet.certificates import Certificate
from watchfloor.fleet.messages import (
    ActivateVersion,
    ActivationEnded,
    EndActivation,
    IdentityPinned,
    IssueKey,
    KeyExpiring,
    KeyTimePassed,
    NoteActivation,
    PinCertificates,
    PresentIdentity,
    ProposeVersion,
    QuarantineAgent,
    RetireAgent,
    RevokeKey,
    VersionActivated,
)
from watchfloor.kernel.instants import DAY, HOUR
from watchfloor.kernel.limits import VERSIONS_KEPT_MAX

A, B = "a" * 64, "b" * 64


@pytest.fixture
def world() -> World:
    """One agent, integer 1, whose version 1 pins a prompt."""
    world = World()
    world.perform(registration(prompt_digest=A, tools=("git",)), evidence=FREE)
    return world


def put_in_force(world: World, number: int, action: int = 77) -> list[Any]:
    world.perform(NoteActivation(subject=1, number=number, action=action, by="per_ada"))
    return world.perform(ActivateVersion(subject=1, action=action, approved_by=("per_bo",)))


def test_what_is_not_said_is_as_it_was(world: World) -> None:
    world.perform(ProposeVersion(subject=1, reason="r", tools=("git",), private=b'{"prompt":null}'))
    version = versions.find(agent(world), 2)
    assert version is not None
    assert (version.prompt_digest, version.tools, version.previous) == (A, ("git",), 1)
    assert version.content == 2


@pytest.mark.parametrize(
    ("fields", "code", "field"),
    [
        ({"prompt_digest": "x"}, "invalid_digest", "/prompt_digest"),
        ({"tools_digest": A.upper()}, "invalid_digest", "/tools_digest"),
        ({"label": " "}, "invalid_name", "/label"),
        ({"rollback_to": 9}, "unknown_version", "/to"),
        ({"rollback_to": 1}, "already_in_force", "/to"),
    ],
)
def test_a_proposal_has_bounds(world: World, fields: dict[str, Any], code: str, field: str) -> None:
    assert world.refusal(ProposeVersion(subject=1, reason="r", **fields))[:2] == (code, field)


def test_only_what_is_on_its_way_is_put_in_force(world: World) -> None:
    assert world.refusal(ActivateVersion(subject=1, action=7, approved_by=()))[0] == "no_activation"
    assert world.refusal(NoteActivation(subject=1, number=2, action=7, by=""))[0] == "unknown_version"
    world.perform(ProposeVersion(subject=1, reason="r"))
    world.perform(NoteActivation(subject=1, number=2, action=7, by="per_ada"))
    assert world.perform(NoteActivation(subject=1, number=2, action=7, by="per_ada")) == []
    assert world.refusal(ActivateVersion(subject=1, action=8, approved_by=()))[0] == "no_activation"
    assert world.perform(EndActivation(subject=1, action=8, reason="denied")) == []
    (event,) = world.perform(EndActivation(subject=1, action=7, reason="denied"))
    assert isinstance(event.facts, ActivationEnded)
    assert not agent(world).activating


def test_versions_in_force_form_one_chain(world: World) -> None:
    for number in range(2, 7):
        world.perform(ProposeVersion(subject=1, reason="r"))
        put_in_force(world, number, action=100 + number)
    activated = [event.facts for event in world.events if isinstance(event.facts, VersionActivated)]
    assert [(facts.previous, facts.number) for facts in activated] == [(n - 1, n) for n in range(2, 7)]
    assert agent(world).active == 6


def test_old_versions_are_forgotten_and_the_one_in_force_never_is(world: World) -> None:
    for _ in range(VERSIONS_KEPT_MAX + 5):
        world.perform(ProposeVersion(subject=1, reason="r"))
    kept = agent(world).versions
    assert len(kept) == VERSIONS_KEPT_MAX
    assert kept[0].number == 1
    assert kept[-1].number == VERSIONS_KEPT_MAX + 6


def test_what_an_earlier_version_left_open_approves_nothing() -> None:
    world = World()
    world.perform(registration(), evidence=FREE)
    world.perform(ProposeVersion(subject=1, reason="r", prompt_digest=A))
    put_in_force(world, 2)
    first, second = world.perform(PresentIdentity(subject=1, prompt_digest=B))
    assert (first.type, second.type) == ("agent.identity_changed/1", "agent.quarantined/1")


def test_a_contained_agent_that_changes_is_not_contained_twice(world: World) -> None:
    world.perform(QuarantineAgent(subject=1, reason="loops"))
    (event,) = world.perform(PresentIdentity(subject=1, prompt_digest=B))
    assert event.type == "agent.identity_changed/1"
    world.perform(ProposeVersion(subject=1, reason="r", prompt_digest=B))
    (event,) = put_in_force(world, 2)
    assert agent(world).quarantined, "approving the prompt is no answer to its loops"


def test_tools_are_pinned_beside_a_prompt_that_is(world: World) -> None:
    (event,) = world.perform(PresentIdentity(subject=1, prompt_digest=A, tools_digest=B))
    assert event.facts == IdentityPinned(number=1, prompt_digest=A, tools_digest=B)
    assert world.perform(PresentIdentity(subject=1)) == []


def test_facts_about_versions_nobody_knows_change_nothing(world: World) -> None:
    state = agent(world)
    activated = VersionActivated(
        action=1, approved_by=(), label="", number=9, previous=1, rollback=False, tools=()
    )
    pinned = IdentityPinned(number=9, prompt_digest=A, tools_digest="")
    ended = ActivationEnded(action=9, number=9, reason="denied")
    event = world.events[0]
    assert versions.activated(state, activated, event) == {}
    assert versions.pinned(state, pinned, event) == {}
    assert versions.ended(state, ended, event) == {}


def test_the_end_of_a_key_is_told_once_seven_days_before(world: World) -> None:
    world.at = START + 23 * DAY - 1
    assert world.perform(KeyTimePassed(subject=1)) == []
    world.at += 1
    (event,) = world.perform(KeyTimePassed(subject=1))
    assert event.facts == KeyExpiring(credential="key_a", expires_at=START + 30 * DAY)
    assert world.perform(KeyTimePassed(subject=1)) == []


def test_nobody_is_told_of_keys_that_were_rotated_or_revoked(world: World) -> None:
    rotated = IssueKey(
        subject=1,
        credential="key_b",
        expires_at=START + 60 * DAY,
        rotates="key_a",
        overlap_until_at=START + 25 * DAY,
    )
    world.perform(rotated)
    world.perform(IssueKey(subject=1, credential="key_c", expires_at=START + 4 * HOUR))
    world.perform(RevokeKey(subject=1, credential="key_c"))
    world.at = START + 24 * DAY
    assert world.perform(KeyTimePassed(subject=1)) == []
    world.at = START + 59 * DAY
    world.perform(RetireAgent(subject=1))
    assert world.perform(KeyTimePassed(subject=1)) == []


def test_a_short_lived_key_is_told_of_in_the_last_quarter_of_its_life(world: World) -> None:
    world.perform(IssueKey(subject=1, credential="key_s", expires_at=START + 4 * HOUR))
    world.at = START + 3 * HOUR
    (event,) = world.perform(KeyTimePassed(subject=1))
    assert isinstance(event.facts, KeyExpiring)
    assert event.facts.credential == "key_s"


def test_pins_are_replaced_as_a_whole(world: World) -> None:
    pins = (f"sha256:{A}", "san:uri:spiffe://fleet/otto")
    world.perform(PinCertificates(subject=1, pins=pins))
    assert agent(world).certificates == pins
    assert world.perform(PinCertificates(subject=1, pins=pins)) == []
    for wrong in (("sha1:00",), ("san:dns:",), tuple(f"san:dns:{n}" for n in range(9))):
        assert world.refusal(PinCertificates(subject=1, pins=wrong))[2] == 422


def test_a_certificate_meets_its_fingerprint_or_a_name() -> None:
    certificate = Certificate(fingerprint=A, names=("dns:otto.example",))
    assert certificate.meets((f"sha256:{A}",))
    assert certificate.meets(("san:dns:otto.example",))
    assert not certificate.meets((f"sha256:{B}", "san:dns:eve.example"))
