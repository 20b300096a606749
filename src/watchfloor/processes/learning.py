"""Learning: which ledger event gives which trust event (spec 3.4: one table).

Self-reports alone never raise trust: a task counts when the platform verified it or a person who does not own the agent
rated it, an action when its execution was gated and completed. `TABLE` is the table; docs/trust-events.md is made of it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from watchfloor.actions.disclosures import SecretDisclosed
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
from watchfloor.registers.stops import obeyed
from watchfloor.trust.messages import RecordTrust
from watchfloor.work.messages import (
    DelegationRefused,
    TaskAttemptFailed,
    TaskDeadLettered,
    TaskReviewed,
    TaskSucceeded,
)

Wishes = list[Command | Effect]

_TIMED_OUT = ("timed_out", "not_accepted", "stuck")
_FAILED = ("failed", "not_verified")


# Predicates of the table. Their docstrings are published: they say when the event counts.


def always(facts: Any) -> bool:
    """always"""
    del facts
    return True


def forbidden(facts: Any) -> bool:
    """it was denied by a rule about what an agent may never do; what the platform carries out about an agent excepted"""
    return facts.verdict == "denied" and is_violation(facts) and facts.action_type not in PLATFORM_TYPES


def of_its_own(facts: Any) -> bool:
    """its execution was gated and reported complete, and not merely observed; what the platform carries out about an agent excepted"""
    return facts.action_type not in PLATFORM_TYPES and not facts.unheld


def of_itself(facts: Any) -> bool:
    """always, but for what ended because it obeyed a stop in force (code `stopped`)"""
    del facts
    return True


def verified(facts: Any) -> bool:
    """the platform's own check held; the agent's word alone counts nothing"""
    return bool(facts.verified)


def liked(facts: Any) -> bool:
    """a person who does not own the agent rated it positively"""
    return bool(facts.verdict == "positive")


def disliked(facts: Any) -> bool:
    """a person who does not own the agent rated it negatively"""
    return not liked(facts)


def too_late(facts: Any) -> bool:
    """it was not accepted, made no progress or did not end in time"""
    return facts.reason in _TIMED_OUT


def did_not_work(facts: Any) -> bool:
    """the agent reported a failure, or the platform's check did not hold"""
    return facts.reason in _FAILED


class Gives(msgspec.Struct, frozen=True):
    """A ledger event gives its agent a trust event, when it counts; `unless` looks at more than the event."""

    by: type[Facts]
    what: str
    when: Callable[[Any], bool] = always
    unless: Callable[[Any, Read], bool] | None = None


TABLE = (
    Gives(TaskSucceeded, "task_succeeded", verified),
    Gives(ActionCompleted, "action_completed", of_its_own),
    Gives(TaskReviewed, "reviewed_positively", liked),
    Gives(TaskReviewed, "reviewed_negatively", disliked),
    Gives(ActionFailed, "failed", of_itself, unless=obeyed),
    Gives(TaskAttemptFailed, "failed", did_not_work),
    Gives(TaskDeadLettered, "failed", did_not_work),
    Gives(ActionUnknown, "timed_out"),
    Gives(TaskAttemptFailed, "timed_out", too_late),
    Gives(TaskDeadLettered, "timed_out", too_late),
    Gives(DelegationRefused, "invalid_delegation"),
    Gives(SpawnRefused, "invalid_delegation"),
    Gives(ActionDecided, "security_violation", forbidden),
    Gives(GrantMisused, "security_violation"),
    Gives(UngatedCall, "security_violation"),
    Gives(SecretDisclosed, "security_violation"),
)


def _react(rule: Gives) -> React:
    def react(event: Event, read: Read) -> Wishes:
        facts: Any = event.facts
        if not facts.agent or not rule.when(facts) or (rule.unless is not None and rule.unless(facts, read)):
            return []
        return [RecordTrust(subject=facts.agent, what=rule.what, source=event.seq)]

    return react


REACTS: tuple[tuple[type[Facts], React], ...] = tuple((rule.by, _react(rule)) for rule in TABLE)
