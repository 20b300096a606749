"""Agents: what is refused, what is no news, what is recorded (spec 2.1, 2.3)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.transcripts.world import START, World

from watchfloor.fleet import messages, presence, rules
from watchfloor.fleet.agent import Agent, available
from watchfloor.fleet.credentials import scopes_allow
from watchfloor.fleet.messages import (
    AgentDisconnected,
    AgentRetired,
    AgentThrottled,
    ConnectAgent,
    DisconnectAgent,
    IssueKey,
    KeyRevoked,
    MarkDegraded,
    MarkRecovered,
    QuarantineAgent,
    RegisterAgent,
    ReleaseAgent,
    ReportThrottled,
    RetireAgent,
    RevokeKey,
)
from watchfloor.fleet.rules import NameEvidence
from watchfloor.kernel.instants import DAY, HOUR
from watchfloor.kernel.limits import CAPABILITIES_MAX, CAPABILITY_CHARS_MAX, KEY_DAYS_MAX, KEYS_PER_AGENT_MAX
from watchfloor.kernel.messages import Command, Facts

FREE = NameEvidence(taken_by=0)


def registration(**fields: Any) -> RegisterAgent:
    """A registration that is accepted, with these fields instead."""
    usual: dict[str, Any] = {
        "name": "otto",
        "type": "worker",
        "capabilities": ("python",),
        "owner": "per_ada",
        "credential": "key_a",
        "expires_at": START + 30 * DAY,
    }
    return RegisterAgent(**(usual | fields))


@pytest.fixture
def world() -> World:
    """One agent, integer 1, offline."""
    world = World()
    world.perform(registration(private=b'{"skills":[]}'), evidence=FREE)
    return world


def agent(world: World) -> Agent:
    """The one agent."""
    state = world.states["agent", 1]
    assert isinstance(state, Agent)
    return state


def test_registration_keeps_what_was_said(world: World) -> None:
    state = agent(world)
    assert (state.name, state.type, state.owner, state.capabilities) == (
        "otto",
        "worker",
        "per_ada",
        ("python",),
    )
    assert state.presence == presence.OFFLINE
    assert [key.id for key in state.keys] == ["key_a"]
    assert state.registered_at == START
    assert world.events[0].private


def test_nonces_of_two_agents_differ(world: World) -> None:
    world.perform(registration(name="rosa"), evidence=FREE)
    assert world.states["agent", 2].nonce != agent(world).nonce


def test_a_name_is_registered_once(world: World) -> None:
    again = registration()
    assert world.refusal(again, evidence=NameEvidence(taken_by=1)) == ("already_registered", "/name", 409)
    existing = registration(subject=1, name="rosa")
    assert world.refusal(existing, evidence=FREE) == ("already_registered", "/name", 409)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"name": ""}, "/name"),
        ({"name": " otto"}, "/name"),
        ({"type": "two\nlines"}, "/type"),
        ({"capabilities": ()}, "/capabilities"),
        ({"capabilities": ("a", "a")}, "/capabilities"),
        ({"capabilities": ("a" * (CAPABILITY_CHARS_MAX + 1),)}, "/capabilities/0"),
        ({"capabilities": tuple(str(n) for n in range(CAPABILITIES_MAX + 1))}, "/capabilities"),
        ({"tools": ("shell", "")}, "/tools/1"),
        ({"owner": ""}, "/owner"),
        ({"credential": ""}, "/credential"),
        ({"version": "1\u202e"}, "/version"),
        ({"expires_at": START}, "/expires_at"),
        ({"expires_at": START + KEY_DAYS_MAX * DAY + 1}, "/expires_at"),
    ],
)
def test_a_registration_out_of_bounds_is_refused_at_its_field(fields: dict[str, Any], field: str) -> None:
    assert World().refusal(registration(**fields), evidence=FREE)[1:] == (field, 422)


def test_the_largest_registration_fits_into_an_event() -> None:
    wide = tuple(f"{n:02d}" + "𝄞" * (CAPABILITY_CHARS_MAX - 2) for n in range(CAPABILITIES_MAX))
    world = World()
    world.perform(registration(capabilities=wide, tools=wide, version="1.2"), evidence=FREE)
    assert agent(world).tools == wide
    assert agent(world).version == "1.2"


@pytest.mark.parametrize(
    "command",
    [
        IssueKey(subject=9, credential="key_b", expires_at=START + DAY),
        RevokeKey(subject=9, credential="key_a"),
        ConnectAgent(subject=9, node="n1", session="s1"),
        DisconnectAgent(subject=9, session="s1", reason=""),
        MarkDegraded(subject=9, session="s1"),
        MarkRecovered(subject=9, session="s1"),
        ReportThrottled(subject=9, count=1, window_ms=60_000),
        QuarantineAgent(subject=9, reason=""),
        ReleaseAgent(subject=9),
        RetireAgent(subject=9),
    ],
    ids=lambda command: type(command).__name__,
)
def test_nobody_commands_an_agent_that_does_not_exist(world: World, command: Command) -> None:
    assert world.refusal(command) == ("unknown_agent", "", 404)


def test_a_rotated_key_works_until_its_overlap_is_over(world: World) -> None:
    rotation = IssueKey(
        subject=1,
        credential="key_b",
        expires_at=START + 60 * DAY,
        rotates="key_a",
        overlap_until_at=START + DAY,
    )
    world.perform(rotation)
    old, new = agent(world).keys
    assert old.works(START + DAY - 1)
    assert not old.works(START + DAY)
    assert new.works(START + 60 * DAY - 1)
    assert not new.works(START + 60 * DAY)


def test_an_overlap_without_a_rotation_means_nothing(world: World) -> None:
    world.perform(
        IssueKey(subject=1, credential="key_b", expires_at=START + DAY, overlap_until_at=START + HOUR)
    )
    facts = world.events[-1].facts
    assert isinstance(facts, messages.KeyIssued)
    assert facts.overlap_until_at == 0
    assert all(key.works(START + 2 * HOUR) for key in agent(world).keys)


def test_a_key_is_issued_once_rotates_what_works_and_overlaps_forward(world: World) -> None:
    def issue(**fields: Any) -> IssueKey:
        usual: dict[str, Any] = {"subject": 1, "credential": "key_b", "expires_at": START + DAY}
        return IssueKey(**(usual | fields))

    assert world.refusal(issue(credential="key_a")) == ("already_issued", "/credential", 409)
    assert world.refusal(issue(credential="")) == ("invalid_name", "/credential", 422)
    assert world.refusal(issue(expires_at=START)) == ("out_of_range", "/expires_at", 422)
    assert world.refusal(issue(rotates="key_z")) == ("unknown_key", "/rotates", 404)
    past = issue(rotates="key_a", overlap_until_at=START - 1)
    assert world.refusal(past) == ("out_of_range", "/overlap_until_at", 422)
    world.perform(RevokeKey(subject=1, credential="key_a"))
    assert world.refusal(issue(rotates="key_a", overlap_until_at=START)) == ("unknown_key", "/rotates", 404)


def test_a_key_is_scoped_and_whoever_rotates_it_does_not_widen_it(world: World) -> None:
    scoped = IssueKey(
        subject=1, credential="key_b", expires_at=START + DAY, scopes=("file.read", "repository.*")
    )
    world.perform(scoped)
    world.perform(
        IssueKey(
            subject=1,
            credential="key_c",
            expires_at=START + DAY,
            rotates="key_b",
            overlap_until_at=START + HOUR,
            scopes=("payment.send",),
        )
    )
    keys = agent(world).keys
    assert [key.scopes for key in keys] == [(), scoped.scopes, scoped.scopes]
    asked = ("file.read", "file.write", "repository.patch", "repository")
    assert [scopes_allow(keys, "key_c", kind) for kind in asked] == [True, False, True, False]
    assert [scopes_allow(keys, "key_a", kind) for kind in asked] == [True] * 4
    assert not scopes_allow(keys, "key_forgotten", "file.read")


def test_a_key_has_a_bounded_number_of_scopes(world: World) -> None:
    many = tuple(f"type.{n}" for n in range(17))
    issue = IssueKey(subject=1, credential="key_b", expires_at=START + DAY, scopes=many)
    assert world.refusal(issue) == ("too_many_scopes", "/scopes", 422)


def test_an_agent_has_a_bounded_number_of_working_keys(world: World) -> None:
    def issue(number: int) -> IssueKey:
        return IssueKey(subject=1, credential=f"key_{number}", expires_at=world.at + DAY)

    for number in range(KEYS_PER_AGENT_MAX - 1):
        world.perform(issue(number))
    assert world.refusal(issue(99)) == ("too_many_keys", "", 409)
    world.at += DAY  # all but the first have expired
    world.perform(issue(100))
    assert [key.id for key in agent(world).keys] == ["key_a", "key_100"]


def test_revoking_is_for_known_keys_and_happens_once(world: World) -> None:
    assert world.refusal(RevokeKey(subject=1, credential="key_z")) == ("unknown_key", "/credential", 404)
    assert len(world.perform(RevokeKey(subject=1, credential="key_a"))) == 1
    assert world.perform(RevokeKey(subject=1, credential="key_a")) == []
    assert not agent(world).keys[0].works(START)


def test_connecting_needs_a_session_and_a_node_and_is_told_once(world: World) -> None:
    assert world.refusal(ConnectAgent(subject=1, node="", session="s1"))[1] == "/node"
    assert world.refusal(ConnectAgent(subject=1, node="n1", session=""))[1] == "/session"
    assert len(world.perform(ConnectAgent(subject=1, node="n1", session="s1"))) == 1
    assert world.perform(ConnectAgent(subject=1, node="n1", session="s1")) == []
    assert (agent(world).node, agent(world).session) == ("n1", "s1")


def test_only_the_newest_session_is_degraded_recovered_or_closed(world: World) -> None:
    world.perform(ConnectAgent(subject=1, node="n1", session="s1"))
    world.perform(ConnectAgent(subject=1, node="n2", session="s2"))
    for stale in (MarkDegraded, MarkRecovered):
        assert world.perform(stale(subject=1, session="s1")) == []
    assert world.perform(DisconnectAgent(subject=1, session="s1", reason="late")) == []
    world.at += 30
    assert len(world.perform(MarkDegraded(subject=1, session="s2"))) == 1
    assert (agent(world).presence, agent(world).changed_at) == (presence.DEGRADED, START + 30)
    assert len(world.perform(MarkRecovered(subject=1, session="s2"))) == 1
    assert len(world.perform(DisconnectAgent(subject=1, session="s2", reason="closed"))) == 1
    assert (agent(world).presence, agent(world).node, agent(world).session) == ("offline", "", "")


def test_an_agent_that_is_offline_has_no_session_to_lose(world: World) -> None:
    assert world.perform(DisconnectAgent(subject=1, session="", reason="")) == []
    assert world.perform(MarkDegraded(subject=1, session="")) == []


def test_throttling_is_reported_with_a_count(world: World) -> None:
    assert world.refusal(ReportThrottled(subject=1, count=0, window_ms=60_000))[1] == "/count"
    assert world.refusal(ReportThrottled(subject=1, count=1, window_ms=0))[1] == "/window_ms"
    before = agent(world)
    world.perform(ReportThrottled(subject=1, count=7, window_ms=60_000))
    assert isinstance(world.events[-1].facts, AgentThrottled)
    assert agent(world).seq == before.seq + 1
    assert agent(world).quarantined is False


def test_the_first_reason_of_a_quarantine_stands_until_it_is_released(world: World) -> None:
    assert world.refusal(ReleaseAgent(subject=1)) == ("not_quarantined", "", 409)
    world.perform(QuarantineAgent(subject=1, reason="breaker"))
    assert world.perform(QuarantineAgent(subject=1, reason="runaway")) == []
    assert agent(world).quarantined_reason == "breaker"
    world.perform(ReleaseAgent(subject=1))
    assert (agent(world).quarantined, agent(world).quarantined_reason) == (False, "")


def test_a_retired_agent_has_nothing_left_and_does_nothing_again(world: World) -> None:
    world.perform(ConnectAgent(subject=1, node="n1", session="s1"))
    closing: list[type[Facts]] = [type(e.facts) for e in world.perform(RetireAgent(subject=1, reason="old"))]
    assert closing == [AgentDisconnected, KeyRevoked, AgentRetired]
    assert world.perform(RetireAgent(subject=1)) == []
    for command in (
        ConnectAgent(subject=1, node="n1", session="s2"),
        IssueKey(subject=1, credential="key_b", expires_at=START + DAY),
        QuarantineAgent(subject=1, reason=""),
        ReleaseAgent(subject=1),
    ):
        assert world.refusal(command) == ("agent_retired", "", 409)
    assert len(world.perform(ReportThrottled(subject=1, count=1, window_ms=60_000))) == 1


def test_retiring_an_agent_that_is_offline_closes_no_session(world: World) -> None:
    world.perform(RevokeKey(subject=1, credential="key_a"))
    assert [type(e.facts) for e in world.perform(RetireAgent(subject=1))] == [AgentRetired]


def test_reasons_are_short(world: World) -> None:
    for command in (
        QuarantineAgent(subject=1, reason="x" * 1_025),
        RetireAgent(subject=1, reason="x" * 1_025),
        RevokeKey(subject=1, credential="key_a", reason="x" * 1_025),
        DisconnectAgent(subject=1, session="s1", reason="x" * 1_025),
    ):
        assert world.refusal(command) == ("too_long", "/reason", 422)


def test_work_is_given_only_to_who_is_there_and_at_large(world: World) -> None:
    assert not available(agent(world))
    world.perform(ConnectAgent(subject=1, node="n1", session="s1"))
    assert available(agent(world))
    world.perform(MarkDegraded(subject=1, session="s1"))
    assert not available(agent(world))
    world.perform(MarkRecovered(subject=1, session="s1"))
    world.perform(QuarantineAgent(subject=1, reason=""))
    assert not available(agent(world))
    world.perform(ReleaseAgent(subject=1))
    assert available(agent(world))


def test_folding_an_event_that_says_nothing_new_leaves_the_agent_as_it_is(world: World) -> None:
    """Events written by other rules than these, in an order these would never choose, are taken up all the same."""
    subject = rules.SUBJECTS[0]
    before = agent(world)
    for facts in (
        messages.AgentDisconnected(reason="", session="s9"),
        messages.AgentDegraded(session="s9"),
        messages.AgentRecovered(session="s9"),
    ):
        event = type(world.events[0])(
            org="o",
            seq=9,
            at=START,
            type=facts.TYPE,
            kind="agent",
            subject=1,
            actor=world.events[0].actor,
            facts=facts,
        )
        after = subject.evolve[type(facts)](before, event)
        assert (after.presence, after.session, after.changed_at) == ("offline", "", START)


def test_an_agent_stays_in_memory_until_it_is_retired_and_then_has_no_clock(world: World) -> None:
    subject = rules.SUBJECTS[0]
    assert subject.live(agent(world))
    assert subject.due(agent(world)) == START + 23 * DAY
    world.perform(RetireAgent(subject=1))
    assert not subject.live(agent(world))
    assert subject.due(agent(world)) == 0
