"""Agents that agents make: only what was granted, once, with less than the parent has (spec 2.2)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.transcripts.world import World

from watchfloor.fleet.messages import AgentRegistered
from watchfloor.fleet.spawn_messages import SpawnAgent, SpawnRefused
from watchfloor.fleet.spawning import SpawnEvidence
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.terms import DelegationTerms


def evidence(**changes: Any) -> SpawnEvidence:
    usual: dict[str, Any] = {
        "terms": DelegationTerms(),
        "owner": "per_ada",
        "sponsor": "per_ben",
        "capabilities": ("dig", "plan"),
        "tools": ("git",),
        "tier": 4,
        "depth": 0,
        "root": 7,
        "contained": False,
        "living": 0,
        "lineage": 0,
        "share_milli": 0,
        "running": "exe-1",
        "digest": "d1",
        "spawn_class": True,
        "used_by": 0,
        "taken_by": 0,
    }
    return SpawnEvidence(**(usual | changes))


def command(world: World, **changes: Any) -> SpawnAgent:
    usual: dict[str, Any] = {
        "by": 7,
        "action": 3,
        "execution": "exe-1",
        "digest": "d1",
        "name": "junior",
        "type": "worker",
        "capabilities": ("dig",),
        "credential": "key_a",
        "expires_at": world.at + DAY,
    }
    return SpawnAgent(**(usual | changes))


def test_a_spawned_agent_is_its_parents_owners_and_has_its_parents_tools_unless_fewer_are_asked() -> None:
    for tools in ((), ("git",)):
        world = World()
        (event,) = world.perform(command(world, tools=tools, share_milli=200), evidence=evidence())
        facts = event.facts
        assert isinstance(facts, AgentRegistered)
        assert (facts.owner, facts.sponsor, facts.tools) == ("per_ada", "per_ben", ("git",))
        agent = world.states["agent", 1]
        assert (agent.parent, agent.root, agent.depth, agent.share_milli) == (7, 7, 1, 200)


@pytest.mark.parametrize(
    ("reason", "asked", "gathered"),
    [
        ("contained", {}, {"contained": True}),
        ("tier_too_low", {}, {"tier": 3}),
        ("too_deep", {}, {"depth": 2}),
        ("more_rights", {"capabilities": ("fly",)}, {}),
        ("more_rights", {"tools": ("shell",)}, {}),
        ("too_many_agents", {}, {"living": 8}),
        ("lineage_too_large", {}, {"lineage": 32}),
        ("budget_exceeded", {"share_milli": 600}, {"share_milli": 500}),
    ],
)
def test_more_than_its_parent_may_is_a_fact_and_no_agent(
    reason: str, asked: dict[str, Any], gathered: dict[str, Any]
) -> None:
    world = World()
    (event,) = world.perform(command(world, **asked), evidence=evidence(**gathered))
    assert isinstance(event.facts, SpawnRefused)
    assert (event.facts.reason, event.facts.agent, event.facts.action) == (reason, 7, 3)
    assert ("agent", 1) not in world.states


@pytest.mark.parametrize(
    ("code", "asked", "gathered"),
    [
        ("not_granted", {}, {"spawn_class": False}),
        ("not_granted", {}, {"running": ""}),
        ("not_granted", {"execution": "exe-2"}, {}),
        ("digest_mismatch", {"digest": "d2"}, {}),
        ("already_spawned", {}, {"used_by": 5}),
        ("already_registered", {}, {"taken_by": 5}),
        ("out_of_range", {"capabilities": ()}, {}),
    ],
)
def test_what_was_not_granted_is_refused(code: str, asked: dict[str, Any], gathered: dict[str, Any]) -> None:
    world = World()
    assert world.refusal(command(world, **asked), evidence=evidence(**gathered))[0] == code


def test_an_agent_that_exists_is_not_spawned_again() -> None:
    world = World()
    world.perform(command(world), evidence=evidence())
    again = command(world, subject=1)
    assert world.refusal(again, evidence=evidence())[0] == "already_registered"
