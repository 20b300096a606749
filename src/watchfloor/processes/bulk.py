"""Bulk: what somebody wants done to many tasks is done to each, slice by slice (spec 2.4).

tasks.changed → a continuation → the operation's command for each task to which it applies.
"""

from __future__ import annotations

from watchfloor.kernel.messages import Command, Effect, Event, Facts
from watchfloor.kernel.subject import React, Read
from watchfloor.kernel.system import Continued
from watchfloor.registers.delivery import Continuation
from watchfloor.work.bulk import OPERATIONS, step

Wishes = list[Command | Effect]


def continued(event: Event, read: Read) -> Wishes:
    """One slice: the register has already put it into `now`."""
    facts = event.facts
    assert isinstance(facts, Continued)
    work: Continuation | None = read("continuation", facts.name)
    if work is None or work.kind not in OPERATIONS:
        return []
    wished = (step(work.kind, task, read("task", task), work.reason) for task in work.now)
    return [command for command in wished if command is not None]


REACTS: tuple[tuple[type[Facts], React], ...] = ((Continued, continued),)
