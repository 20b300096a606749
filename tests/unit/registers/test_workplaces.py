"""Who did the newest work of a workflow (spec 2.4, locality)."""

from __future__ import annotations

from types import SimpleNamespace

from tests.unit.registers.board import Board

from watchfloor.registers.workplaces import REGISTER, place_of
from watchfloor.work.messages import (
    TaskCancelled,
    TaskDeadLettered,
    TaskRetried,
    TaskSubmitted,
    TaskSucceeded,
)


def submitted(workflow: str) -> TaskSubmitted:
    return TaskSubmitted(
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
        workflow=workflow,
    )


def succeeded(agent: int) -> TaskSucceeded:
    return TaskSucceeded(agent=agent, cost_micro=0, generation=1, tokens=0, verified=False)


def test_the_agent_of_the_newest_success_is_known_while_work_of_the_workflow_is_open() -> None:
    board = Board(REGISTER)
    first, second, third = (board.show(submitted("release")).subject for _ in range(3))
    assert place_of("release", board.read) == 0, "nobody has done any of it"
    board.show(succeeded(7), subject=first)
    assert place_of("release", board.read) == 7
    board.show(TaskDeadLettered(agent=8, generation=1, reason="failed"), subject=second)
    assert place_of("release", board.read) == 7, "who failed is no place for more"
    board.show(TaskCancelled(agent=0, generation=0, reason=""), subject=third)
    assert place_of("release", board.read) == 0
    assert board.cells == {}, "nothing is kept of it"


def test_events_shown_again_and_tasks_without_a_workflow_change_nothing() -> None:
    board = Board(REGISTER)
    board.show(submitted(""))
    assert board.cells == {}
    task = board.show(submitted("release"))
    other = board.show(submitted("release"))
    board.again(task)
    assert board.read("places", "release").open == 2
    ended = board.show(succeeded(7), subject=task.subject)
    board.again(ended)
    place = board.read("places", "release")
    assert (place.agent, place.open) == (7, 1)
    board.show(succeeded(7), subject=999)
    assert board.read("places", "release").open == 1
    assert other.subject in {key for name, key in board.cells if name == "joined"}
    assert place_of("", board.read) == 0


def test_a_task_out_of_the_dead_letter_joins_again() -> None:
    board = Board(REGISTER)
    task = board.show(submitted("release")).subject
    board.show(TaskDeadLettered(agent=8, generation=1, reason="failed"), subject=task)
    board.show(TaskRetried(unmet=()), subject=task)
    assert board.cells == {}, "nobody knows the task"
    board.cells["task", task] = SimpleNamespace(workflow="release")
    board.show(TaskRetried(unmet=()), subject=task)
    assert board.read("places", "release").open == 1
