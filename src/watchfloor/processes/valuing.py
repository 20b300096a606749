"""Valuing: a task that succeeded and came with an expected value is worth a part of it, by the policy's rule (spec 2.4).

A person may say otherwise, before or afterwards, and a person's word stands.
"""

from __future__ import annotations

from watchfloor.kernel.messages import Command, Effect, Event, Facts
from watchfloor.kernel.subject import React, Read
from watchfloor.work.economic_messages import AssessTask
from watchfloor.work.messages import TaskSucceeded

Wishes = list[Command | Effect]


def succeeded(event: Event, read: Read) -> Wishes:
    """Verified by the platform, or only said by the agent: the policy gives each its part, 0 leaves it to people."""
    facts = event.facts
    assert isinstance(facts, TaskSucceeded)
    task = read("task", event.subject)
    if task is None or task.economics is None or task.economics.value_micro < 0 or task.assessed_by:
        return []
    terms = read("active_policy", "active").document.economics
    part = terms.verified_permille if facts.verified else terms.unverified_permille
    if not part:
        return []
    return [
        AssessTask(subject=event.subject, value_micro=task.economics.value_micro * part // 1000, by="system")
    ]


REACTS: tuple[tuple[type[Facts], React], ...] = ((TaskSucceeded, succeeded),)
