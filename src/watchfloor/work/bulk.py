"""The same to many tasks at once (spec 2.4): one event names them, a continuation does it in slices.

A task to which the operation does not apply when its turn comes is passed by, so that whoever asks need not know what
happened meanwhile.
"""

# ruff: noqa: ARG001, ARG005 -- rules have one signature each, whatever they look at

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from watchfloor.kernel.limits import INTEGER_MAX, TASKS_PER_CHANGE_MAX
from watchfloor.kernel.messages import Command, Draft
from watchfloor.kernel.schema import check_choice, check_range, check_reason
from watchfloor.kernel.subject import Decide, Given
from watchfloor.work import life
from watchfloor.work.life import Task
from watchfloor.work.messages import (
    CancelTask,
    ChangeTasks,
    PauseTask,
    PurgeTask,
    RetryTask,
    TasksChanged,
    UnpauseTask,
)

Make = Callable[[int, str], Command]
OPERATIONS: Mapping[str, tuple[Callable[[Task], bool], Make]] = {
    "cancel": (
        lambda task: task.stage not in life.OVER,
        lambda task, reason: CancelTask(subject=task, reason=reason),
    ),
    "pause": (
        lambda task: task.stage not in life.OVER and not task.paused_at,
        lambda task, reason: PauseTask(subject=task, reason=reason),
    ),
    "resume": (lambda task: task.status == life.PAUSED, lambda task, reason: UnpauseTask(subject=task)),
    "retry": (
        lambda task: task.stage == life.DEAD_LETTER,
        lambda task, reason: RetryTask(subject=task),
    ),
    "purge": (
        lambda task: task.stage == life.DEAD_LETTER,
        lambda task, reason: PurgeTask(subject=task, reason=reason),
    ),
}


def change(state: Any, command: ChangeTasks, given: Given) -> list[Draft]:
    """Put on record what shall be done; each task's own rules say what comes of it."""
    check_choice(command.operation, "/operation", tuple(OPERATIONS))
    check_reason(command.reason)
    check_range(len(command.tasks), "/tasks", 1, TASKS_PER_CHANGE_MAX)
    for place, task in enumerate(command.tasks):
        check_range(task, f"/tasks/{place}", 1, INTEGER_MAX)
    facts = TasksChanged(
        operation=command.operation, reason=command.reason, tasks=tuple(dict.fromkeys(command.tasks))
    )
    return [Draft(facts=facts)]


def step(operation: str, task: int, state: Task | None, reason: str) -> Command | None:
    """What the operation wishes for one task, None where it does not apply."""
    applies, make = OPERATIONS[operation]
    return make(task, reason) if state is not None and applies(state) else None


DECIDES: Mapping[type[Command], Decide] = {ChangeTasks: change}
