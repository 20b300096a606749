"""Who waits for whom: dependents are handed over once, few at once and many in slices (spec 2.4, fault C12)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec
import pytest
from tests.unit.registers.board import Board, closed, decided, granted
from tests.unit.registers.test_queue import submitted

from watchfloor.kernel.messages import Command, Event, Facts
from watchfloor.kernel.subject import Register
from watchfloor.kernel.system import Continued
from watchfloor.processes import bulk, dependencies, reclaim
from watchfloor.registers import delivery
from watchfloor.registers import dependencies as waiting
from watchfloor.registers.dependencies import DEPENDENTS_CHUNK, DIRECT_DEPENDENTS_MAX
from watchfloor.work.messages import (
    CancelTask,
    SettleDependency,
    TaskCancelled,
    TaskDeadLettered,
    TaskRetried,
    TasksChanged,
    TaskSucceeded,
)

SHARED = set(delivery.REGISTER.folds) & set(waiting.REGISTER.folds)
ROOT = 500
DONE = TaskSucceeded(agent=7, cost_micro=0, generation=1, tokens=0, verified=False)
DEAD = TaskDeadLettered(agent=7, generation=1, reason="failed")


def both(facts: type[Facts]) -> Any:
    """Deliveries are folded first, and see what dependencies are about to hand over."""

    def fold(event: Event, read: Any) -> Any:
        return [
            *delivery.REGISTER.folds[facts](event, read),
            *waiting.REGISTER.folds[facts](event, read),
        ]

    return fold


REGISTER = Register(
    name="both",
    cells={**delivery.REGISTER.cells, **waiting.REGISTER.cells},
    folds={
        **delivery.REGISTER.folds,
        **waiting.REGISTER.folds,
        **{facts: both(facts) for facts in SHARED},
    },
)


def board_with(dependents: int) -> tuple[Board, list[int]]:
    """A task that so many wait for."""
    board = Board(REGISTER)
    board.cells["task", ROOT] = SimpleNamespace(agent=7, chain=(), depends_on=())
    facts = msgspec.structs.replace(submitted(), depends_on=(ROOT,), unmet=(ROOT,))
    events = [board.show(facts) for _ in range(dependents)]
    if events:
        board.again(events[-1])
    return board, [event.subject for event in events]


def told(board: Board, event: Event) -> list[SettleDependency]:
    """What the end of a task leads to: at once, and slice by slice."""
    react = dict(dependencies.REACTS)
    wished: list[Any] = list(react[type(event.facts)](event, board.read))
    for name in board.read("continuations", "all") or ():
        while board.read("continuation", name) is not None:
            advanced = board.show(Continued(left=0, name=name))
            wished += dependencies.continued(advanced, board.read)
            assert bulk.continued(advanced, board.read) == reclaim.continued(advanced, board.read) == []
    return wished


@pytest.mark.parametrize(
    "count", [0, 1, DIRECT_DEPENDENTS_MAX, DIRECT_DEPENDENTS_MAX + 1, 3 * DEPENDENTS_CHUNK + 1]
)
@pytest.mark.parametrize("facts", [DONE, DEAD], ids=["done", "dead"])
def test_every_dependent_is_told_once_in_their_order(count: int, facts: Facts) -> None:
    board, dependents = board_with(count)
    end = board.show(facts, subject=ROOT)
    succeeded = facts is DONE
    assert told(board, end) == [
        SettleDependency(subject=task, dependency=ROOT, succeeded=succeeded, agent=7) for task in dependents
    ]
    assert not [key for key in board.cells if key[0] in ("dependents", "continuation")], (
        "nothing is left over"
    )
    board.again(end)
    assert told(board, board.show(facts, subject=ROOT)) == [] or count <= DIRECT_DEPENDENTS_MAX


def test_who_is_lost_with_a_dependency_tells_its_own_in_a_later_batch() -> None:
    """A long chain would otherwise be deeper than one batch may be."""
    board, dependents = board_with(2)
    lost = TaskCancelled(agent=0, generation=0, reason="skipped", dependency=9)
    end = board.show(lost, subject=ROOT)
    assert dependencies.ended(end, board.read) == []
    assert [wish.subject for wish in told(board, end)] == dependents


def test_who_waits_again_after_a_retry_is_told_of_the_next_end() -> None:
    board, dependents = board_with(DIRECT_DEPENDENTS_MAX + 1)
    board.show(DEAD, subject=ROOT)
    late = board.show(TaskRetried(unmet=(ROOT,)), subject=dependents[0])
    board.again(late)
    lost = board.read("continuations", "all")[0]
    first = board.show(Continued(left=0, name=lost))
    assert len(dependencies.continued(first, board.read)) == DIRECT_DEPENDENTS_MAX + 1
    board.show(Continued(left=0, name=lost))
    again = board.show(DONE, subject=ROOT)
    assert [wish.subject for wish in told(board, again)] == [dependents[0]]


def test_a_continuation_that_is_gone_leads_to_nothing() -> None:
    board = Board(REGISTER)
    event = board.show(Continued(left=0, name="met:1"))
    assert dependencies.continued(event, board.read) == bulk.continued(event, board.read) == []


def test_a_task_nobody_knows_any_more_was_done_by_nobody() -> None:
    board, _ = board_with(1)
    del board.cells["task", ROOT]
    (wish,) = told(board, board.show(DONE, subject=ROOT))
    assert wish.agent == 0


def test_an_action_that_waits_for_people_is_known_until_they_decide() -> None:
    board = Board(REGISTER)
    board.show(decided("permitted"), subject=40)
    of_task = msgspec.structs.replace(decided("pending"), task=ROOT)
    for action in (41, 42):
        board.cells["action", action] = SimpleNamespace(task=ROOT)
        board.again(board.show(of_task, subject=action))
    board.cells["action", 43] = SimpleNamespace(task=0)
    assert board.read("undecided", ROOT) == (41, 42)
    for facts, action in ((granted(), 41), (granted(), 41), (closed(), 43), (closed(), 99)):
        board.show(facts, subject=action)
    assert board.read("undecided", ROOT) == (42,)
    board.show(closed(), subject=42)
    assert board.read("undecided", ROOT) is None


def test_what_is_wanted_of_many_tasks_is_done_to_those_it_applies_to() -> None:
    board = Board(REGISTER)
    tasks = tuple(range(1, 101))
    for task in tasks:
        board.cells["task", task] = SimpleNamespace(stage="succeeded" if task % 2 else "queued", paused_at=0)
    board.show(TasksChanged(operation="cancel", reason="enough", tasks=(*tasks, 999)), subject=1)
    (name,) = board.read("continuations", "all")
    wished: list[Command] = []
    while board.read("continuation", name) is not None:
        event = board.show(Continued(left=0, name=name))
        wished += bulk.continued(event, board.read)  # type: ignore[arg-type]
        assert dependencies.continued(event, board.read) == reclaim.continued(event, board.read) == []
    assert wished == [CancelTask(subject=task, reason="enough") for task in tasks if not task % 2]
