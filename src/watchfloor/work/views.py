"""What people see of tasks: `tasks` (spec 2.4). Titles, criteria, results and reports are joined by seq."""

from __future__ import annotations

import msgspec

from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Event
from watchfloor.kernel.projection import (
    Change,
    Index,
    Projector,
    Projectors,
    Table,
    Value,
    array,
    flag,
    instant,
    integer,
    text,
)
from watchfloor.work.budget_views import BUDGETS, PROJECT_BUDGETS
from watchfloor.work.economic_views import ECONOMIC_TABLES, PROJECT_ECONOMICS, attempt_over
from watchfloor.work.messages import (
    LANES,
    DelegationRefused,
    TaskAccepted,
    TaskAssigned,
    TaskAttemptFailed,
    TaskCancelled,
    TaskDeadLettered,
    TaskDependencyMet,
    TaskHandedOver,
    TaskOrphaned,
    TaskPaused,
    TaskProgressed,
    TaskPurged,
    TaskReady,
    TaskReported,
    TaskReportedLate,
    TaskRequeued,
    TaskResumed,
    TaskRetried,
    TaskReviewed,
    TasksChanged,
    TaskStuck,
    TaskSubmitted,
    TaskSucceeded,
    TaskUnpaused,
)

_json = msgspec.json.Encoder().encode

TASKS = Table(
    name="tasks",
    version=3,
    meaning="Every task, as it is now.",
    key=("task",),
    columns={
        "task": integer("subject"),
        "id": text("public id tsk_…"),
        "status": text(
            "queued, assigned, running, blocked, orphaned, failed, succeeded, dead_letter or cancelled; see paused_at"
        ),
        "priority": text("urgent, high, normal or low"),
        "lane": integer("0 urgent … 3 low, for sorting"),
        "needs": array("JSON array of capabilities"),
        "only_agent": integer("subject of the one agent that may do it, 0: any"),
        "agent": integer("subject of the agent that has it or had it last, 0: none"),
        "generation": integer("fencing token of the newest assignment"),
        "attempt": integer("number of the newest attempt"),
        "attempts_max": integer("then the dead letter"),
        "percent": integer("progress 0 to 100 as the agent says"),
        "criteria": integer("how many criteria the platform checks"),
        "verified": flag("the platform's own check held"),
        "reason": text("why the last attempt failed, or the task ended"),
        "cost_micro": integer("as the agent claims, micro units of money"),
        "tokens": integer("as the agent claims"),
        "deadline_at": instant("0: none"),
        "accept_by_at": instant("an assigned task must be accepted by then"),
        "until_at": instant("an orphaned task waits for its agent until then"),
        "retry_at": instant("a failed task returns to the queue then"),
        "depends_on": array("JSON array of subjects of tasks"),
        "waiting": flag("it waits for one of them or for its time, not yet for an agent"),
        "on_failure": text("what happens when one of them does not succeed: fail or skip"),
        "lost_to": integer("subject of the dependency that ended it, 0: none"),
        "not_before_at": instant("0: at once"),
        "paused_at": instant("a person holds it, whatever its status; 0: nobody"),
        "stuck_at": instant("the alarm about its silence; 0: none"),
        "stuck_ms": integer("without progress for so long it is an alarm, 0: never, ms"),
        "timeout_ms": integer("from acceptance, ms"),
        "submitted_at": instant("when"),
        "submitted_by": text("public id of who submitted it"),
        "submitted_of": text("public id of the person on whose behalf, or empty"),
        "accepted_at": instant("of the newest attempt"),
        "reported_at": instant("the agent of the newest attempt said it was done"),
        "updated_at": instant("newest event of the task"),
        "finished_at": instant("0: not finished"),
        "parent": integer("subject of the task it is a part of, 0: none"),
        "root": integer("subject of the task its lineage begins with, 0: itself"),
        "depth": integer("agents it came through, 0: a person submitted it"),
        "delegator": integer("subject of the agent that handed it on, 0: none"),
        "share_milli": integer("its share of the parent's budget, in thousandths"),
        "workflow": text("the name it has in common with other tasks, or empty"),
        "story": text("correlation; key of timeline"),
        "submitted_seq": integer("private part: title, description, criteria, input, metadata"),
        "report_seq": integer("private part: the agent's result and report, or its reason; 0: none"),
        "verification_seq": integer("private part: the platform's checks; 0: none"),
        "updated_seq": integer("seq of the newest event"),
        "review": text("how a person rated it: positive, negative or empty"),
        "reviewed_by": text("public id of the person who rated it"),
        "reviewed_at": instant("0: not rated"),
        "review_seq": integer("private part: the reason of the rating; 0: none"),
    },
    indexes=(
        Index(("status",)),
        Index(("agent",)),
        Index(("agent", "status"), where="finished_at = 0"),
        Index(("parent",), where="parent > 0"),
        Index(("root",), where="root > 0"),
        Index(("workflow",), where="workflow <> ''"),
        Index(("lane", "submitted_seq"), where="finished_at = 0"),
    ),
)

WAITS = Table(
    name="task_dependencies",
    version=1,
    meaning="Which task was submitted to wait for which.",
    key=("dependency", "task"),
    columns={
        "dependency": integer("subject of the task that has to succeed first"),
        "task": integer("subject of the task that waits for it"),
    },
)

TABLES = (TASKS, WAITS, BUDGETS, *ECONOMIC_TABLES)


def _set(event: Event, **values: Value) -> list[Change]:
    return [TASKS.set(event.subject, updated_at=event.at, updated_seq=event.seq, **values)]


def _submitted(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, TaskSubmitted)
    return [
        TASKS.put(
            event.subject,
            id=public_id("task", event.subject, facts.nonce),
            status="queued",
            priority=facts.priority,
            lane=LANES.index(facts.priority) if facts.priority in LANES else len(LANES),
            needs=_json(facts.needs).decode(),
            only_agent=facts.agent,
            attempts_max=facts.attempts_max,
            criteria=facts.criteria,
            deadline_at=facts.deadline_at,
            depends_on=_json(facts.depends_on).decode(),
            waiting=int(bool(facts.unmet) or facts.not_before_at > event.at),
            on_failure=facts.on_failure,
            not_before_at=facts.not_before_at,
            stuck_ms=facts.stuck_ms,
            timeout_ms=facts.timeout_ms,
            submitted_at=event.at,
            submitted_by=event.actor.id,
            submitted_of=event.of,
            updated_at=event.at,
            parent=facts.parent,
            root=facts.root,
            depth=len(facts.chain),
            delegator=facts.chain[-1] if facts.chain else 0,
            share_milli=facts.share_milli,
            workflow=facts.workflow,
            story=event.correlation,
            submitted_seq=event.seq,
            updated_seq=event.seq,
        ),
        *(WAITS.put(dependency, event.subject) for dependency in facts.depends_on),
    ]


def _dependency_met(event: Event) -> list[Change]:
    return _set(event)


def _ready(event: Event) -> list[Change]:
    return _set(event, waiting=0)


def _paused(event: Event) -> list[Change]:
    return _set(event, paused_at=event.at)


def _unpaused(event: Event) -> list[Change]:
    return _set(event, paused_at=0, stuck_at=0)


def _stuck(event: Event) -> list[Change]:
    return _set(event, stuck_at=event.at)


def _purged(event: Event) -> list[Change]:
    return _set(event, status="cancelled", reason="purged")


def _assigned(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, TaskAssigned)
    return _set(
        event,
        status="assigned",
        agent=facts.agent,
        generation=facts.generation,
        attempt=facts.attempt,
        accept_by_at=facts.accept_by_at,
        accepted_at=0,
        reported_at=0,
        retry_at=0,
        until_at=0,
        percent=0,
        stuck_at=0,
    )


def _handed_over(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, TaskHandedOver)
    return _set(
        event,
        status="assigned",
        agent=facts.agent,
        generation=facts.generation,
        attempt=facts.attempt,
        accept_by_at=facts.accept_by_at,
        accepted_at=0,
        until_at=0,
        percent=0,
        reason="handed_over",
    )


def _accepted(event: Event) -> list[Change]:
    return _set(event, status="running", accepted_at=event.at, accept_by_at=0)


def _progressed(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, TaskProgressed)
    return _set(event, status=facts.status, percent=facts.percent, stuck_at=0)


def _reported(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, TaskReported)
    return _set(
        event,
        status="running",
        percent=100,
        reported_at=event.at,
        report_seq=event.seq if event.private else 0,
        cost_micro=facts.cost_micro,
        tokens=facts.tokens,
    )


def _succeeded(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, TaskSucceeded)
    return _set(
        event,
        status="succeeded",
        percent=100,
        verified=int(facts.verified),
        reason="",
        cost_micro=facts.cost_micro,
        tokens=facts.tokens,
        finished_at=event.at,
        **_OVER,
        **_private(event, "verification_seq" if facts.verified else "report_seq"),
    )


def _attempt_failed(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, TaskAttemptFailed)
    return _set(
        event,
        status="failed",
        reason=facts.reason,
        retry_at=facts.retry_at,
        accept_by_at=0,
        until_at=0,
        stuck_at=0,
        **_private(event, "verification_seq" if facts.reason == "not_verified" else "report_seq"),
    )


_OVER: dict[str, Value] = {"paused_at": 0, "stuck_at": 0, "waiting": 0}


def _private(event: Event, column: str) -> dict[str, Value]:
    """The column that points at this event's private part, when there is one."""
    return {column: event.seq} if event.private else {}


def _requeued(event: Event) -> list[Change]:
    return _set(event, status="queued", retry_at=0, percent=0)


def _dead_lettered(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, TaskDeadLettered)
    return _set(
        event,
        status="dead_letter",
        reason=facts.reason,
        finished_at=event.at,
        accept_by_at=0,
        until_at=0,
        retry_at=0,
        lost_to=facts.dependency,
        **_OVER,
        **_private(event, "verification_seq" if facts.reason == "not_verified" else "report_seq"),
    )


def _orphaned(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, TaskOrphaned)
    return _set(event, status="orphaned", until_at=facts.until_at)


def _resumed(event: Event) -> list[Change]:
    return _set(event, status="running", until_at=0, stuck_at=0)


def _cancelled(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, TaskCancelled)
    return _set(
        event,
        status="cancelled",
        reason=facts.reason,
        finished_at=event.at,
        accept_by_at=0,
        until_at=0,
        retry_at=0,
        lost_to=facts.dependency,
        **_OVER,
    )


def _retried(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, TaskRetried)
    return _set(
        event,
        status="queued",
        attempt=0,
        percent=0,
        reason="",
        finished_at=0,
        retry_at=0,
        lost_to=0,
        waiting=int(bool(facts.unmet)),
    )


def _reported_late(event: Event) -> list[Change]:
    return _set(event)


def _never_was(event: Event) -> list[Change]:
    """An invalid delegation is seen on the timeline and in the trust of its agent; there is no task to show."""
    assert isinstance(event.facts, DelegationRefused)
    return []


def _reviewed(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, TaskReviewed)
    return _set(
        event,
        review=facts.verdict,
        reviewed_by=event.actor.id,
        reviewed_at=event.at,
        **_private(event, "review_seq"),
    )


def _changed(event: Event) -> list[Change]:
    """What comes of it is told by each task's own events."""
    assert isinstance(event.facts, TasksChanged)
    return []


def _ended(project: Projector) -> Projector:
    """The task's row, and the row of what the attempt took."""

    def changes(event: Event) -> list[Change]:
        return [*project(event), *attempt_over(event)]

    return changes


PROJECT: Projectors = {
    TasksChanged: _changed,
    TaskSubmitted: _submitted,
    TaskAssigned: _assigned,
    DelegationRefused: _never_was,
    TaskHandedOver: _handed_over,
    TaskAccepted: _accepted,
    TaskProgressed: _progressed,
    TaskReported: _reported,
    TaskSucceeded: _ended(_succeeded),
    TaskAttemptFailed: _ended(_attempt_failed),
    TaskRequeued: _requeued,
    TaskDeadLettered: _ended(_dead_lettered),
    TaskOrphaned: _orphaned,
    TaskResumed: _resumed,
    TaskCancelled: _ended(_cancelled),
    TaskRetried: _retried,
    TaskReportedLate: _reported_late,
    TaskDependencyMet: _dependency_met,
    TaskReady: _ready,
    TaskPaused: _paused,
    TaskUnpaused: _unpaused,
    TaskStuck: _stuck,
    TaskPurged: _purged,
    **PROJECT_BUDGETS,
    TaskReviewed: _reviewed,
    **PROJECT_ECONOMICS,
}
