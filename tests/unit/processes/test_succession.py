"""Succession: what the fate of a supervising agent leads to (spec 2.3)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from watchfloor.fleet.messages import (
    AgentConnected,
    AgentDegraded,
    AgentDisconnected,
    AgentQuarantined,
    AgentRetired,
)
from watchfloor.fleet.supervision_messages import (
    ConfirmSupervisor,
    DoubtSupervisor,
    PassSupervision,
    SupervisionPassed,
)
from watchfloor.kernel.messages import SYSTEM, Event, Facts
from watchfloor.kernel.system import Continued
from watchfloor.processes import succession
from watchfloor.registers.delivery import DIRECT_ORPHANS_MAX, Continuation
from watchfloor.work.messages import HandOverTask, TaskAssigned

CELLS: dict[tuple[str, Any], Any] = {
    ("supervises", 7): (50, 51),
    ("supervision", 50): SimpleNamespace(holder=7, ended=False, tasks_max=1),
    ("supervision", 51): SimpleNamespace(holder=8, ended=False, tasks_max=1),
}


def wishes(facts: Facts, cells: dict[tuple[str, Any], Any] | None = None) -> list[Any]:
    event = Event(
        org="o", seq=9, at=1, type=facts.TYPE, kind=facts.KIND, subject=7, actor=SYSTEM, facts=facts
    )
    found = CELLS | (cells or {})
    react = dict(succession.REACTS)[type(facts)]
    return react(event, lambda name, key: found.get((name, key)))


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (AgentDisconnected(reason="x", session="s"), DoubtSupervisor(subject=50, agent=7, reason="offline")),
        (AgentDegraded(session="s"), DoubtSupervisor(subject=50, agent=7, reason="degraded")),
        (AgentQuarantined(reason="x"), PassSupervision(subject=50, agent_before=7, reason="quarantined")),
        (AgentRetired(reason="x"), PassSupervision(subject=50, agent_before=7, reason="retired")),
        (AgentConnected(node="n", session="s"), ConfirmSupervisor(subject=50, agent=7)),
    ],
)
def test_only_the_domains_it_holds_are_concerned(facts: Facts, expected: object) -> None:
    assert wishes(facts) == [expected]


def test_who_appears_takes_what_people_had_to_take() -> None:
    people = {("supervision", 51): SimpleNamespace(holder=0, ended=False)}
    found = wishes(AgentConnected(node="n", session="s"), people)
    assert [wish.subject for wish in found] == [50, 51]


def test_more_work_than_its_domain_allows_passes_it_on() -> None:
    facts = TaskAssigned(accept_by_at=1, agent=7, attempt=1, generation=1)
    assert wishes(facts, {("load", 7): (1,)}) == []
    passed = PassSupervision(subject=50, agent_before=7, reason="overloaded")
    assert wishes(facts, {("load", 7): (1, 2)}) == [passed]
    assert wishes(TaskAssigned(accept_by_at=1, agent=6, attempt=1, generation=1)) == []


def test_open_work_follows_at_once_in_slices_or_not_at_all() -> None:
    facts = SupervisionPassed(agent=8, agent_before=7, generation=2, reason="offline")
    assert wishes(facts, {("load", 7): (1,)}) == [HandOverTask(subject=1, agent_before=7, agent=8)]
    assert wishes(facts, {("load", 7): tuple(range(DIRECT_ORPHANS_MAX + 1))}) == []
    people = SupervisionPassed(agent=0, agent_before=7, generation=2, reason="offline")
    assert wishes(people, {("load", 7): (1,)}) == []
    busy = SupervisionPassed(agent=8, agent_before=7, generation=2, reason="overloaded")
    tasks = {
        ("load", 7): (1, 2),
        ("task", 1): SimpleNamespace(stage="running"),
        ("task", 2): SimpleNamespace(stage="assigned"),
    }
    assert wishes(busy, tasks) == [HandOverTask(subject=2, agent_before=7, agent=8)]


def test_a_slice_of_work_to_hand_over_is_handed_over_and_other_slices_are_not_ours() -> None:
    facts = Continued(left=0, name="c")
    assert wishes(facts) == []
    assert wishes(facts, {("continuation", "c"): Continuation("orphan", 7, (1,), ())}) == []
    work = Continuation("hand_over", 7, (1, 2), (3,), to=8)
    assert wishes(facts, {("continuation", "c"): work}) == [
        HandOverTask(subject=1, agent_before=7, agent=8),
        HandOverTask(subject=2, agent_before=7, agent=8),
    ]
