"""What agents report on their tasks: accepted, progress, done, given up, back again (spec 2.3, 2.4; faults C5, C6).

Who has a task in hand, and under which generation, decides whether a report counts; `rules.py` tells the theory.
"""

# ruff: noqa: ARG001 -- rules have one signature each, whatever they look at

from __future__ import annotations

from watchfloor.kernel.codec import canonical
from watchfloor.kernel.instants import MILLISECOND
from watchfloor.kernel.limits import INTEGER_MAX, PROGRESS_INTERVAL_MS
from watchfloor.kernel.messages import Draft, Facts, Refused
from watchfloor.kernel.schema import check_choice, check_range, check_reason
from watchfloor.kernel.subject import Given
from watchfloor.work import economics, life
from watchfloor.work.attempts import attempt_over, known
from watchfloor.work.life import Task
from watchfloor.work.messages import (
    AcceptTask,
    CompleteTask,
    FailTask,
    RejectTask,
    ReportProgress,
    ResumeTask,
    TaskAccepted,
    TaskProgressed,
    TaskReported,
    TaskReportedLate,
    TaskResumed,
    TaskSucceeded,
)


def is_late(task: Task, agent: int, generation: int) -> bool:
    """Is the report about something other than the assignment in force? Refused when there never was such a one."""
    check_range(agent, "/agent", 1, INTEGER_MAX)
    if not 1 <= generation <= task.generation:
        raise Refused("unknown_generation", "there was no such attempt", field="/generation")
    return generation != task.generation or agent != task.agent


def late(task: Task, agent: int, generation: int, report: str, private: bytes = b"") -> list[Draft]:
    """Recorded and ignored, the same report once."""
    if (agent, generation, report) in task.late:
        return []
    facts = TaskReportedLate(agent=agent, generation=generation, report=report)
    return [Draft(facts=facts, private=private)]


def accept(state: Task | None, command: AcceptTask, given: Given) -> list[Draft]:
    """The agent takes it; its time-out begins."""
    task = known(state)
    if is_late(task, command.agent, command.generation):
        return late(task, command.agent, command.generation, "accepted")
    if task.stage != life.ASSIGNED:
        return []
    return [Draft(facts=TaskAccepted(agent=command.agent, generation=command.generation))]


def reject(state: Task | None, command: RejectTask, given: Given) -> list[Draft]:
    """The agent does not take it. The reason is its own words and may be erased."""
    task = known(state)
    check_reason(command.reason)
    private = canonical({"reason": command.reason}) if command.reason else b""
    if is_late(task, command.agent, command.generation):
        return late(task, command.agent, command.generation, "rejected", private)
    if task.stage != life.ASSIGNED:
        raise Refused("already_accepted", "the task was accepted: report that it failed")
    return attempt_over(task, "rejected", given, private=private)


def check_accepted(task: Task) -> None:
    """Refused `not_accepted` while the agent has not taken the task."""
    if task.stage == life.ASSIGNED:
        raise Refused("not_accepted", "the task was not accepted", retryable=True)


def report_progress(state: Task | None, command: ReportProgress, given: Given) -> list[Draft]:
    """Durable at a change of status, after an alarm, or every 60 s.

    Of an orphaned task only resuming counts, of a reported one nothing.
    """
    task = known(state)
    check_choice(command.status, "/status", life.AT_WORK)
    check_range(command.percent, "/percent", 0, 100)
    if is_late(task, command.agent, command.generation):
        return late(task, command.agent, command.generation, "progress")
    check_accepted(task)
    if task.stage not in life.AT_WORK:
        return []
    if command.status == task.stage and not task.stuck_at and given.at < _due_at(task):
        return []
    facts = TaskProgressed(generation=command.generation, percent=command.percent, status=command.status)
    return [Draft(facts=facts)]


def _due_at(task: Task) -> int:
    """When progress is durable again: often enough that a task which reports is never taken for stuck."""
    interval_ms = min(PROGRESS_INTERVAL_MS, task.stuck_ms // 2) if task.stuck_ms else PROGRESS_INTERVAL_MS
    return task.progressed_at + interval_ms * MILLISECOND


def complete(state: Task | None, command: CompleteTask, given: Given) -> list[Draft]:
    """The agent says it is done: believed where the task has no criteria, checked where it has."""
    task = known(state)
    claimed = economics.claimed(task, command)
    if is_late(task, command.agent, command.generation):
        return late(task, command.agent, command.generation, "completed", command.private)
    check_accepted(task)
    if task.stage not in life.IN_HAND:
        return []
    facts: Facts
    if task.criteria:
        facts = TaskReported(agent=command.agent, generation=command.generation, **claimed)
    else:
        facts = TaskSucceeded(
            agent=command.agent,
            generation=command.generation,
            verified=False,
            **economics.took(task, given.at, claimed),
        )
    return [Draft(facts=facts, private=command.private)]


def fail(state: Task | None, command: FailTask, given: Given) -> list[Draft]:
    """The agent gives up, and says whether trying again makes sense."""
    task = known(state)
    took = economics.claimed(task, command)
    if is_late(task, command.agent, command.generation):
        return late(task, command.agent, command.generation, "failed", command.private)
    check_accepted(task)
    if task.stage not in life.IN_HAND:
        raise Refused("already_reported", "the task was reported as done")
    return attempt_over(
        task, "failed", given, retryable=command.retryable, private=command.private, took=took
    )


def resume(state: Task | None, command: ResumeTask, given: Given) -> list[Draft]:
    """The agent is back and goes on, with the generation it has; refused when the task was given to somebody else."""
    task = known(state)
    if is_late(task, command.agent, command.generation):
        raise Refused("task_reassigned", "the task is not this agent's any more")
    check_accepted(task)
    if task.stage != life.ORPHANED:
        return []
    return [Draft(facts=TaskResumed(agent=command.agent, generation=command.generation))]
