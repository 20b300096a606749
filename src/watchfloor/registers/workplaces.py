"""Who did the newest work of a workflow (spec 2.4 *Scheduler*, locality of earlier work).

Cells
  joined  by task → the workflow it was submitted under, while it is open
  places  by workflow → the agent that did its newest task that succeeded (0: none), and how many tasks are open

A place is forgotten with the last open task of the workflow: what comes weeks later finds nothing warm there.
"""

from __future__ import annotations

import msgspec

from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Read, Register
from watchfloor.work.messages import (
    TaskCancelled,
    TaskDeadLettered,
    TaskRetried,
    TaskSubmitted,
    TaskSucceeded,
)

Cells = list[tuple[str, object, object]]


class Place(msgspec.Struct, frozen=True, array_like=True, gc=False):
    agent: int
    open: int


def _joins(task: int, workflow: str, read: Read) -> Cells:
    if not workflow or read("joined", task) is not None:
        return []
    place: Place = read("places", workflow) or Place(0, 0)
    return [("joined", task, workflow), ("places", workflow, Place(place.agent, place.open + 1))]


def _submitted(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, TaskSubmitted)
    return _joins(event.subject, facts.workflow, read)


def _retried(event: Event, read: Read) -> Cells:
    task = read("task", event.subject)
    return _joins(event.subject, task.workflow if task is not None else "", read)


def _ended(event: Event, read: Read) -> Cells:
    workflow: str | None = read("joined", event.subject)
    if workflow is None:
        return []
    facts = event.facts
    place: Place = read("places", workflow) or Place(0, 1)
    agent = facts.agent if isinstance(facts, TaskSucceeded) else place.agent
    left = Place(agent, place.open - 1) if place.open > 1 else None
    return [("joined", event.subject, None), ("places", workflow, left)]


REGISTER = Register(
    name="workplaces",
    cells={"joined": str, "places": Place},
    folds={
        TaskSubmitted: _submitted,
        TaskRetried: _retried,
        TaskSucceeded: _ended,
        TaskDeadLettered: _ended,
        TaskCancelled: _ended,
    },
)


def place_of(workflow: str, read: Read) -> int:
    """The agent that did the newest task of this workflow, 0: nobody that is known."""
    place: Place | None = read("places", workflow) if workflow else None
    return place.agent if place is not None else 0
