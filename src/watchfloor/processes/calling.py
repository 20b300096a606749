"""Calling: a task assigned to an HTTP worker is posted to it, and its breaker learns how that ended (spec 2.4)."""

from __future__ import annotations

from watchfloor.fleet.messages import RecordCall
from watchfloor.kernel.messages import Command, Effect, Event, Facts
from watchfloor.kernel.subject import React, Read
from watchfloor.work.messages import (
    CALL_FAILURES,
    CallWorker,
    TaskAccepted,
    TaskAssigned,
    TaskAttemptFailed,
    TaskDeadLettered,
)

Wishes = list[Command | Effect]
# An assignment that ran into its acceptance time was a call that took too long, whatever it would have brought.
_UNANSWERED = frozenset((*CALL_FAILURES, "not_accepted"))


def assigned(event: Event, read: Read) -> Wishes:
    facts = event.facts
    assert isinstance(facts, TaskAssigned)
    if not facts.called:
        return []
    # One destination per worker, so that one that is slow holds up nobody else's calls.
    destination = f"worker:{facts.agent}"
    return [
        CallWorker(
            destination=destination, task=event.subject, agent=facts.agent, generation=facts.generation
        )
    ]


def _is_worker(agent: int, read: Read) -> bool:
    state = read("agent", agent) if agent else None
    return state is not None and state.worker is not None


def accepted(event: Event, read: Read) -> Wishes:
    facts = event.facts
    assert isinstance(facts, TaskAccepted)
    return [RecordCall(subject=facts.agent, answered=True)] if _is_worker(facts.agent, read) else []


def over(event: Event, read: Read) -> Wishes:
    """The attempt is over before it was accepted: rejected is an answer, silence is none. Else it was told already."""
    facts = event.facts
    assert isinstance(facts, TaskAttemptFailed | TaskDeadLettered)
    if not _is_worker(facts.agent, read):
        return []
    if facts.reason == "rejected":
        return [RecordCall(subject=facts.agent, answered=True)]
    if facts.reason in _UNANSWERED:
        return [RecordCall(subject=facts.agent, answered=False, reason=facts.reason)]
    return []


REACTS: tuple[tuple[type[Facts], React], ...] = (
    (TaskAccepted, accepted),
    (TaskAttemptFailed, over),
    (TaskDeadLettered, over),
)
EFFECTS: tuple[tuple[type[Facts], React], ...] = ((TaskAssigned, assigned),)
