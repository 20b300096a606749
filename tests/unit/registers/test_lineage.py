"""Counts of what was handed on: each thing once, forgotten when its lineage is over (spec 2.2)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from tests.unit.registers.board import Board

from watchfloor.fleet.messages import AgentRegistered, AgentRetired
from watchfloor.kernel.messages import Event
from watchfloor.registers import lineage
from watchfloor.registers.lineage import REGISTER, Family, Tree, contained, containment, recipient
from watchfloor.work.messages import (
    TaskAssigned,
    TaskAttemptFailed,
    TaskCancelled,
    TaskDeadLettered,
    TaskHandedOver,
    TaskRetried,
    TaskSubmitted,
    TaskSucceeded,
)


class Tasks(Board):
    """Tasks with a lineage, as the register sees them."""

    def __init__(self) -> None:
        super().__init__(REGISTER)

    def task(self, number: int, *chain: int, parent: int = 0, root: int = 0, share: int = 0) -> Event:
        self.cells["task", number] = SimpleNamespace(
            chain=chain,
            delegator=chain[-1] if chain else 0,
            parent=parent,
            root=root,
            stage="running",
            agent=0,
        )
        facts = TaskSubmitted(
            acceptance_ms=1,
            agent=0,
            attempts_max=1,
            backoff_ms=0,
            criteria=0,
            deadline_at=0,
            grace_ms=0,
            needs=(),
            nonce=0,
            priority="normal",
            timeout_ms=1,
            chain=chain,
            parent=parent,
            root=root,
            share_milli=share,
        )
        return self.show(facts, subject=number)

    def end(self, number: int, facts: Any = None) -> Event:
        self.cells["task", number].stage = "cancelled"
        return self.show(facts or TaskCancelled(agent=0, generation=0, reason=""), subject=number)


def test_parts_shares_and_open_tasks_are_counted_once_each() -> None:
    board = Tasks()
    board.task(100)
    first = board.task(101, 7, parent=100, root=100, share=300)
    board.task(102, 7, parent=100, root=100, share=200)
    board.task(103, 7, 8, parent=101, root=100)
    board.again(first)
    assert board.read("family", 100) == Family((101, 102), 500)
    assert board.read("trees", 100) == Tree(3, 3)
    assert board.read("handed", 7) == (101, 102)
    assert board.read("handed", 8) == (103,)


def test_what_is_known_of_a_root_goes_with_the_last_open_task_below_it() -> None:
    board = Tasks()
    board.task(100)
    board.task(101, 7, parent=100, root=100)
    board.task(102, 7, parent=100, root=100)
    ended = board.end(101)
    board.again(ended)
    assert board.read("trees", 100) == Tree(2, 1)
    board.end(100)
    assert board.read("family", 100) is None
    assert board.read("trees", 100) == Tree(2, 1)  # one of them is open still
    board.end(102, TaskSucceeded(agent=9, cost_micro=0, generation=1, tokens=0, verified=False))
    assert board.read("trees", 100) is None
    assert board.read("handed", 7) is None


def test_a_root_that_ends_last_is_forgotten_then_and_a_retried_task_is_open_again() -> None:
    board = Tasks()
    board.task(100)
    board.task(101, 7, parent=100, root=100)
    dead = TaskDeadLettered(agent=0, generation=1, reason="failed")
    board.end(101, dead)
    retried = board.show(TaskRetried(), subject=101)
    board.again(retried)
    assert board.read("trees", 100) == Tree(1, 1)
    assert board.read("handed", 7) == (101,)
    board.end(101)
    board.end(100)
    assert board.read("trees", 100) is None
    board.task(200, 7)  # a lineage of its own
    board.end(200, dead)
    board.show(TaskRetried(), subject=200)
    assert board.read("handed", 7) == (200,)
    board.show(TaskRetried(), subject=100)  # nobody handed it on
    board.show(TaskRetried(), subject=999)
    board.show(TaskCancelled(agent=0, generation=0, reason=""), subject=999)


def test_who_works_for_others_is_bound_until_it_is_over() -> None:
    board = Tasks()
    board.task(100)
    board.task(101, 7, parent=100, root=100)
    assigned = TaskAssigned(accept_by_at=1, agent=9, attempt=1, generation=1)
    board.show(assigned, subject=100)
    event = board.show(assigned, subject=101)
    board.again(event)
    assert board.read("bound", 9) == (101,)
    over = TaskHandedOver(accept_by_at=1, agent=10, agent_before=9, attempt=2, generation=2)
    board.show(over, subject=101)
    assert (board.read("bound", 9), board.read("bound", 10)) == (None, (101,))
    board.show(TaskAttemptFailed(agent=10, generation=2, reason="failed", retry_at=1), subject=101)
    assert board.read("bound", 10) is None


def registered(action: int, parent: int, root: int, share: int = 0) -> AgentRegistered:
    return AgentRegistered(
        capabilities=("a",),
        credential="k",
        expires_at=1,
        name="n",
        nonce=1,
        owner="o",
        tools=(),
        type="t",
        version="",
        action=action,
        parent=parent,
        root=root,
        share_milli=share,
    )


def test_spawned_agents_are_counted_while_they_live() -> None:
    board = Board(REGISTER)
    first = board.show(registered(50, 7, 7, 300), subject=20)
    board.again(first)
    board.show(registered(51, 7, 7), subject=21)
    board.show(registered(0, 0, 0), subject=22)  # by a person
    assert board.read("offspring", 7) == Family((20, 21), 300)
    assert (board.read("clans", 7), board.read("spawned", 50)) == (2, 20)
    for number in (20, 21):
        board.cells["agent", number] = SimpleNamespace(
            parent=7, root=7, share_milli=300 if number == 20 else 0
        )
    board.cells["agent", 22] = SimpleNamespace(parent=0)
    gone = board.show(AgentRetired(reason=""), subject=20)
    board.again(gone)
    assert board.read("offspring", 7) == Family((21,), 0)
    board.show(AgentRetired(reason=""), subject=21)
    board.show(AgentRetired(reason=""), subject=22)
    board.show(AgentRetired(reason=""), subject=23)
    assert (board.read("offspring", 7), board.read("clans", 7)) == (None, None)


@pytest.mark.parametrize(("above", "state"), [({}, 0), ({"quarantined": True}, 1), ({"retired": True}, 2)])
def test_containment_above_is_containment_below(above: dict[str, bool], state: int) -> None:
    board = Board(REGISTER)
    free = {"quarantined": False, "retired": False}
    board.cells["agent", 1] = SimpleNamespace(**(free | above), parent=0)
    child = SimpleNamespace(**free, parent=1)
    assert containment(child, board.read) == state
    assert contained(child, board.read) is (state > 0)


def test_a_result_goes_to_whoever_has_the_parent_now() -> None:
    board = Tasks()
    board.task(100)
    board.task(101, 7, parent=100, root=100)
    part, whole = board.cells["task", 101], board.cells["task", 100]
    assert recipient(part, board.read) == 7  # nobody has the parent
    whole.agent = 8
    assert recipient(part, board.read) == 8
    whole.stage = "succeeded"
    assert recipient(part, board.read) == 7
    assert recipient(whole, board.read) == 0
    board.task(102, 7)
    assert recipient(board.cells["task", 102], board.read) == 7
    assert lineage.REGISTER.name == "lineage"
