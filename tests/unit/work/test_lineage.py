"""What an agent may hand on: every reason against it, and what is refused as nonsense (spec 2.2)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.transcripts.world import World

from watchfloor.kernel.terms import DelegationTerms
from watchfloor.work import messages as m
from watchfloor.work.lineage import Handover, ParentTask, Party
from watchfloor.work.rules import AgentEvidence
from watchfloor.work.waiting import DependencyEvidence

OTTO = Party(capabilities=("plan",), tools=("git", "search"), tier=3)


def evidence(**changes: Any) -> DependencyEvidence:
    handover: dict[str, Any] = {
        "terms": DelegationTerms(),
        "delegator": OTTO,
        "parent": ParentTask(chain=(5,), root=1),
    }
    return DependencyEvidence(handover=Handover(**(handover | changes)))


def command(**changes: Any) -> m.SubmitTask:
    return m.SubmitTask(**({"by": 7, "parent": 2, "parent_generation": 1, "delegated": True} | changes))


def test_a_part_takes_its_lineage_and_what_is_left_of_the_rights_with_it() -> None:
    (event,) = World().perform(command(share_milli=300), evidence=evidence())
    facts = event.facts
    assert isinstance(facts, m.TaskSubmitted)
    assert (facts.chain, facts.parent, facts.root) == ((5, 7), 2, 1)
    assert (facts.tools, facts.tier_max, facts.share_milli) == (("git", "search"), 3, 300)


def test_a_task_of_its_own_begins_a_lineage() -> None:
    world = World()
    world.perform(command(parent=0, delegated=False), evidence=evidence(parent=None))
    task = world.states["task", 1]
    assert (task.chain, task.parent, task.root, task.delegator) == ((7,), 0, 0, 7)


@pytest.mark.parametrize(
    ("reason", "asked", "gathered"),
    [
        ("contained", {}, {"delegator": Party(tier=3, contained=True)}),
        ("tier_too_low", {}, {"delegator": Party(tier=2)}),
        ("tier_too_low", {}, {"parent": ParentTask(tier_max=2)}),
        ("tier_too_low", {"delegated": False}, {"delegator": Party(tier=0)}),
        ("too_deep", {}, {"parent": ParentTask(chain=(1, 2, 3, 4))}),
        ("cycle", {"agent": 5}, {"target": Party()}),
        ("cycle", {"agent": 7}, {"target": Party()}),
        ("target_lacks_capability", {"agent": 9, "needs": ("fly",)}, {"target": Party()}),
        ("more_rights", {"tools": ("shell",)}, {}),
        ("more_rights", {"tools": ("git",)}, {"parent": ParentTask(tools=("search",))}),
        ("too_many_parts", {}, {"parent": ParentTask(parts=16)}),
        ("lineage_too_large", {}, {"parent": ParentTask(lineage_tasks=256)}),
        ("too_many_open", {}, {"open_tasks": 64}),
        ("budget_exceeded", {"share_milli": 501}, {"parent": ParentTask(share_milli=500)}),
    ],
)
def test_an_invalid_delegation_is_a_fact_and_no_task(
    reason: str, asked: dict[str, Any], gathered: dict[str, Any]
) -> None:
    world = World()
    (event,) = world.perform(command(**asked), evidence=evidence(**gathered))
    facts = event.facts
    assert isinstance(facts, m.DelegationRefused)
    assert (facts.reason, facts.agent, facts.parent) == (reason, 7, 2)
    assert ("task", 1) not in world.states


@pytest.mark.parametrize(
    ("code", "asked", "gathered"),
    [
        ("not_held", {}, {"parent": None}),
        ("not_held", {}, {"parent": ParentTask(held=False)}),
        ("no_parent", {"parent": 0}, {"parent": None}),
        ("no_parent", {"parent": 0, "delegated": False, "share_milli": 1}, {"parent": None}),
        ("unknown_agent", {"agent": 9}, {}),
        ("unknown_agent", {"agent": 9}, {"target": Party(known=False)}),
        ("out_of_range", {"share_milli": 1_001}, {}),
        ("repeated", {"tools": ("git", "git")}, {}),
    ],
)
def test_what_an_agent_could_not_mean_is_refused(
    code: str, asked: dict[str, Any], gathered: dict[str, Any]
) -> None:
    assert World().refusal(command(**asked), evidence=evidence(**gathered))[0] == code


def test_a_task_does_not_come_back_to_an_agent_it_came_through() -> None:
    world = World()
    world.perform(command(), evidence=evidence())
    there = AgentEvidence(active=True, capabilities=(), tasks_open=0, tasks_max=1)
    assert world.refusal(m.AssignTask(subject=1, agent=5), evidence=there)[0] == "cycle"
    world.perform(m.AssignTask(subject=1, agent=9), evidence=there)
    assert world.perform(m.HandOverTask(subject=1, agent=7, agent_before=9), evidence=there) == []
    called = AgentEvidence(active=True, capabilities=(), tasks_open=0, tasks_max=1, called=True)
    assert world.perform(m.HandOverTask(subject=1, agent=11, agent_before=9), evidence=called) == []
    assert world.perform(m.HandOverTask(subject=1, agent=11, agent_before=8), evidence=there) == []
