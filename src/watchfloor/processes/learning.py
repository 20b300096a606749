"""Learning: which ledger event gives which trust event (spec 3.4: one table).

Self-reports alone never raise trust: a task counts when the platform verified it or a person who does not own the agent
rated it, an action when its execution was gated and completed.
"""

from __future__ import annotations

from watchfloor.actions.gate import is_violation
from watchfloor.actions.messages import (
    ActionCompleted,
    ActionDecided,
    ActionFailed,
    ActionUnknown,
    GrantMisused,
    UngatedCall,
)
from watchfloor.fleet.spawn_messages import SpawnRefused
from watchfloor.kernel.messages import Command, Effect, Event, Facts
from watchfloor.kernel.subject import React, Read
from watchfloor.kernel.terms import PLATFORM_TYPES
from watchfloor.trust.messages import RecordTrust
from watchfloor.work.messages import (
    DelegationRefused,
    TaskAttemptFailed,
    TaskDeadLettered,
    TaskReviewed,
    TaskSucceeded,
)

Wishes = list[Command | Effect]

_FAULTS = {
    "timed_out": "timed_out",
    "not_accepted": "timed_out",
    "stuck": "timed_out",
    "failed": "failed",
    "not_verified": "failed",
}


def _record(agent: int, what: str, event: Event) -> Wishes:
    return [RecordTrust(subject=agent, what=what, source=event.seq)] if agent else []


# What the platform carries out about an agent says nothing of how the agent works.


def decided(event: Event, read: Read) -> Wishes:
    facts = event.facts
    assert isinstance(facts, ActionDecided)
    if facts.verdict == "denied" and is_violation(facts) and facts.action_type not in PLATFORM_TYPES:
        return _record(facts.agent, "security_violation", event)
    return []


def completed(event: Event, read: Read) -> Wishes:
    facts = event.facts
    assert isinstance(facts, ActionCompleted)
    return [] if facts.action_type in PLATFORM_TYPES else _record(facts.agent, "action_completed", event)


def failed(event: Event, read: Read) -> Wishes:
    facts = event.facts
    assert isinstance(facts, ActionFailed)
    return _record(facts.agent, "failed", event)


def unknown(event: Event, read: Read) -> Wishes:
    facts = event.facts
    assert isinstance(facts, ActionUnknown)
    return _record(facts.agent, "timed_out", event)


def misused(event: Event, read: Read) -> Wishes:
    facts = event.facts
    assert isinstance(facts, GrantMisused | UngatedCall)
    return _record(facts.agent, "security_violation", event)


def succeeded(event: Event, read: Read) -> Wishes:
    facts = event.facts
    assert isinstance(facts, TaskSucceeded)
    return _record(facts.agent, "task_succeeded", event) if facts.verified else []


def reviewed(event: Event, read: Read) -> Wishes:
    facts = event.facts
    assert isinstance(facts, TaskReviewed)
    what = "reviewed_positively" if facts.verdict == "positive" else "reviewed_negatively"
    return _record(facts.agent, what, event)


def attempt_failed(event: Event, read: Read) -> Wishes:
    facts = event.facts
    assert isinstance(facts, TaskAttemptFailed | TaskDeadLettered)
    what = _FAULTS.get(facts.reason)
    return _record(facts.agent, what, event) if what else []


def overreached(event: Event, read: Read) -> Wishes:
    """Invalid delegation: of tasks, or of agents (spec 2.2)."""
    facts = event.facts
    assert isinstance(facts, DelegationRefused | SpawnRefused)
    return _record(facts.agent, "invalid_delegation", event)


REACTS: tuple[tuple[type[Facts], React], ...] = (
    (ActionDecided, decided),
    (ActionCompleted, completed),
    (ActionFailed, failed),
    (ActionUnknown, unknown),
    (GrantMisused, misused),
    (UngatedCall, misused),
    (TaskSucceeded, succeeded),
    (TaskAttemptFailed, attempt_failed),
    (TaskDeadLettered, attempt_failed),
    (DelegationRefused, overreached),
    (SpawnRefused, overreached),
    (TaskReviewed, reviewed),
)
