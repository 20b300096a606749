"""Dependencies: the end of a task is told to those that wait for it (spec 2.4; fault C12).

task.succeeded, dead_lettered, cancelled → SettleDependency of each dependent, at once or in slices.
"""

from __future__ import annotations

from watchfloor.kernel.messages import Command, Effect, Event, Facts
from watchfloor.kernel.subject import React, Read
from watchfloor.kernel.system import Continued
from watchfloor.registers.delivery import Continuation
from watchfloor.registers.dependencies import Settled
from watchfloor.work.messages import SettleDependency, TaskCancelled, TaskDeadLettered, TaskSucceeded

Wishes = list[Command | Effect]


def ended(event: Event, read: Read) -> Wishes:
    """A few dependents: the register has just put them aside."""
    settled: Settled | None = read("settled", "last")
    if settled is None or settled.task != event.subject:
        return []
    return _tell(event.subject, settled.dependents, isinstance(event.facts, TaskSucceeded), read)


def continued(event: Event, read: Read) -> Wishes:
    """One slice of many: the register has already put its chunk into `now`."""
    facts = event.facts
    assert isinstance(facts, Continued)
    work: Continuation | None = read("continuation", facts.name)
    if work is None or work.kind not in ("met", "lost"):
        return []
    dependents = [task for chunk in work.now for task in read("dependents", (work.agent, chunk)) or ()]
    return _tell(work.agent, tuple(dependents), work.kind == "met", read)


def _tell(task: int, dependents: tuple[int, ...], succeeded: bool, read: Read) -> Wishes:
    state = read("task", task)
    agent = state.agent if state is not None else 0
    return [
        SettleDependency(subject=dependent, dependency=task, succeeded=succeeded, agent=agent)
        for dependent in dependents
    ]


REACTS: tuple[tuple[type[Facts], React], ...] = (
    (TaskSucceeded, ended),
    (TaskDeadLettered, ended),
    (TaskCancelled, ended),
    (Continued, continued),
)
