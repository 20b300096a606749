"""Claims: a report of cost beyond belief is shown to people (fault F12, decision 31).

task.reported, succeeded, attempt_failed, dead_lettered, action.completed, failed, settled with a claim → ReportAnomaly
"""

from __future__ import annotations

from watchfloor.actions.messages import ActionCompleted, ActionFailed, ActionSettled
from watchfloor.kernel.messages import Command, Effect, Event, Facts
from watchfloor.kernel.subject import React, Read
from watchfloor.processes.anomalies import Finding, reported, since_resolved
from watchfloor.work.messages import TaskAttemptFailed, TaskDeadLettered, TaskReported, TaskSucceeded

Wishes = list[Command | Effect]
Claims = (
    TaskReported
    | TaskSucceeded
    | TaskAttemptFailed
    | TaskDeadLettered
    | ActionCompleted
    | ActionFailed
    | ActionSettled
)


def claimed(event: Event, read: Read) -> Wishes:
    """One anomaly for each measure, of an agent one at a time: what is open already is what people look at."""
    facts = event.facts
    assert isinstance(facts, Claims)
    if not facts.claimed_micro and not facts.claimed_tokens:
        return []
    wishes: Wishes = []
    for measure, said, counted in (
        ("money", facts.claimed_micro, facts.cost_micro),
        ("tokens", facts.claimed_tokens, facts.tokens),
    ):
        if said and since_resolved(read, "cost_report", facts.agent, measure) >= 0:
            wishes += reported("cost_report", facts.agent, Finding(said, counted, (event.seq,)), measure)
    return wishes


REACTS: tuple[tuple[type[Facts], React], ...] = tuple(
    (facts, claimed)
    for facts in (
        TaskReported,
        TaskSucceeded,
        TaskAttemptFailed,
        TaskDeadLettered,
        ActionCompleted,
        ActionFailed,
        ActionSettled,
    )
)
