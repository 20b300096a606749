"""Verification: a task reported as done is checked by the platform, not believed (spec 2.4)."""

from __future__ import annotations

from watchfloor.kernel.messages import Command, Effect, Event, Facts
from watchfloor.kernel.subject import React, Read
from watchfloor.work.messages import TaskReported, VerifyTask

Wishes = list[Command | Effect]


def reported(event: Event, read: Read) -> Wishes:
    facts = event.facts
    assert isinstance(facts, TaskReported)
    return [
        VerifyTask(destination="verifier", task=event.subject, generation=facts.generation, seq=event.subject)
    ]


REACTS: tuple[tuple[type[Facts], React], ...] = ((TaskReported, reported),)
