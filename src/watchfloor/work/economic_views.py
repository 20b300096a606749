"""What people see of economics: `attempts`, `estimates` and `assessments` (spec 2.4). Totals are summed when asked.

Rows are absolute, one for each thing that cost or was worth something, so a total is a sum of rows and nothing can be
counted twice. What actions cost stands in `actions`.
"""

from __future__ import annotations

import msgspec

from watchfloor.kernel.instants import DAY
from watchfloor.kernel.messages import Event
from watchfloor.kernel.projection import Change, Index, Projectors, Table, array, instant, integer, text
from watchfloor.work.economic_messages import TaskAssessed, TaskEstimated
from watchfloor.work.messages import TaskAttemptFailed, TaskCancelled, TaskDeadLettered, TaskSucceeded

_json = msgspec.json.Encoder().encode

ATTEMPTS = Table(
    name="attempts",
    version=1,
    meaning="What each attempt of a task took, once it is over; its actions not included.",
    key=("task", "generation"),
    columns={
        "task": integer("subject"),
        "generation": integer("of the assignment"),
        "agent": integer("subject"),
        "day": integer("UTC day on which it ended, days since 1970"),
        "ended_at": instant("when"),
        "outcome": text("succeeded, cancelled, or why it came to nothing"),
        "cost_micro": integer("as the agent says, micro units of money"),
        "tokens": integer("as the agent says"),
        "time_ms": integer("in hand, from acceptance on, as the platform measured"),
        "unsaid": array("JSON array of money, tokens: what the agent did not say, which stands as 0 here"),
        "story": text("correlation; the workflow it belongs to"),
    },
    indexes=(Index(("agent",)), Index(("day",))),
)
ESTIMATES = Table(
    name="estimates",
    version=1,
    meaning="What tasks are expected to take and to be worth, as said last; -1: not said.",
    key=("task",),
    columns={
        "task": integer("subject"),
        "cost_micro": integer("micro units of money"),
        "tokens": integer("tokens"),
        "time_ms": integer("in hand"),
        "value_micro": integer("micro units of money"),
        "limit_micro": integer("its budget of money"),
        "limit_tokens": integer("its budget of tokens"),
        "limit_ms": integer("its budget of time"),
        "day": integer("UTC day on which it was said, days since 1970"),
        "said_at": instant("when"),
        "said_by": text("public id"),
        "seq": integer("private part: the rationale"),
    },
)
ASSESSMENTS = Table(
    name="assessments",
    version=1,
    meaning="What tasks were worth, as assessed last.",
    key=("task",),
    columns={
        "task": integer("subject"),
        "value_micro": integer("micro units of money"),
        "by": text("person or system"),
        "assessed_by": text("public id"),
        "day": integer("UTC day, days since 1970"),
        "assessed_at": instant("when"),
        "seq": integer("private part: the reason"),
    },
)


def attempt_over(event: Event) -> list[Change]:
    """The row of the attempt that this event ends. One that nobody held, or that took nothing, has none."""
    facts = event.facts
    assert isinstance(facts, TaskSucceeded | TaskAttemptFailed | TaskDeadLettered | TaskCancelled)
    took = facts.cost_micro or facts.tokens or facts.time_ms or facts.unsaid
    if not facts.agent or not took:
        return []
    return [
        ATTEMPTS.put(
            event.subject,
            facts.generation,
            agent=facts.agent,
            day=event.at // DAY,
            ended_at=event.at,
            outcome="succeeded"
            if isinstance(facts, TaskSucceeded)
            else "cancelled"
            if isinstance(facts, TaskCancelled)
            else facts.reason,
            cost_micro=facts.cost_micro,
            tokens=facts.tokens,
            time_ms=facts.time_ms,
            unsaid=_json(facts.unsaid).decode(),
            story=event.correlation,
        )
    ]


def _estimated(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, TaskEstimated)
    return [
        ESTIMATES.put(
            event.subject,
            day=event.at // DAY,
            said_at=event.at,
            said_by=event.of or event.actor.id,
            seq=event.seq,
            **msgspec.structs.asdict(facts.economics),
        )
    ]


def _assessed(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, TaskAssessed)
    return [
        ASSESSMENTS.put(
            event.subject,
            value_micro=facts.value_micro,
            by=facts.by,
            assessed_by=event.of or event.actor.id,
            day=event.at // DAY,
            assessed_at=event.at,
            seq=event.seq,
        )
    ]


ECONOMIC_TABLES = (ATTEMPTS, ESTIMATES, ASSESSMENTS)
PROJECT_ECONOMICS: Projectors = {TaskEstimated: _estimated, TaskAssessed: _assessed}
