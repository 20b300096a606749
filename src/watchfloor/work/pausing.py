"""Pausing: a person holds a task, wherever it is, and lets it go on (spec 2.4 *Cancel and pause at any status*).

A paused task keeps its stage, its agent and its generation. It is not assigned, and its clocks stand still but for
the deadline. What its agent reports meanwhile counts: work that is done cannot be paused any more.
"""

# ruff: noqa: ARG001 -- rules have one signature each, whatever they look at

from __future__ import annotations

from watchfloor.kernel.messages import Draft, Refused
from watchfloor.kernel.schema import check_reason
from watchfloor.kernel.subject import Given
from watchfloor.work import life
from watchfloor.work.attempts import known
from watchfloor.work.life import Task
from watchfloor.work.messages import PauseTask, TaskPaused, TaskUnpaused, UnpauseTask


def pause(state: Task | None, command: PauseTask, given: Given) -> list[Draft]:
    """Wherever it is, unless it is over; pausing twice is no news."""
    task = known(state)
    check_reason(command.reason)
    if task.stage in life.OVER:
        raise Refused("task_over", f"the task is {task.status}")
    if task.paused_at:
        return []
    return [Draft(facts=TaskPaused(agent=task.agent, generation=task.generation, reason=command.reason))]


def unpause(state: Task | None, command: UnpauseTask, given: Given) -> list[Draft]:
    """It goes on where it was."""
    task = known(state)
    if not task.paused_at or task.stage in life.OVER:
        raise Refused("not_paused", f"the task is {task.status}")
    return [Draft(facts=TaskUnpaused(agent=task.agent, generation=task.generation))]
