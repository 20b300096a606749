"""What the call of an HTTP worker came to (spec 2.4 *HTTP workers*)."""

from __future__ import annotations

import msgspec

from watchfloor.kernel.messages import Draft
from watchfloor.kernel.schema import check_choice
from watchfloor.kernel.subject import Given
from watchfloor.work import economics, life, reports
from watchfloor.work.attempts import attempt_over, known
from watchfloor.work.life import Task
from watchfloor.work.messages import (
    CALL_FAILURES,
    CALL_OUTCOMES,
    WORKER_HELD,
    AcceptTask,
    CompleteTask,
    ConcludeCall,
)


def conclude(state: Task | None, command: ConcludeCall, given: Given) -> list[Draft]:
    """An HTTP worker's answer, or that there was none: its acceptance and its report in one, by the rules of both.

    The answer to an attempt that is over is late like any report; that such an attempt led to no answer is no news,
    and neither is silence of a worker that has taken the task by a report of its own meanwhile.
    """
    task = known(state)
    agent, generation = command.agent, command.generation
    check_choice(command.outcome, "/outcome", CALL_OUTCOMES)
    over = reports.is_late(task, agent, generation)
    if command.outcome == "unanswered":
        check_choice(command.reason, "/reason", (*CALL_FAILURES, WORKER_HELD))
        if over or task.stage != life.ASSIGNED:
            return []
        return attempt_over(task, command.reason, given, private=command.private)
    if over:
        return reports.late(task, agent, generation, command.outcome, command.private)
    if command.outcome == "rejected":
        assigned = task.stage == life.ASSIGNED
        return attempt_over(task, "rejected", given, private=command.private) if assigned else []
    taking = reports.accept(task, AcceptTask(agent=agent, generation=generation), given)
    taken = msgspec.structs.replace(task, stage=life.RUNNING) if taking else task
    if command.outcome == "accepted" or taken.stage not in life.IN_HAND:
        return taking
    if command.outcome == "failed":
        over_drafts = attempt_over(
            taken,
            "failed",
            given,
            retryable=command.retryable,
            private=command.private,
            took=economics.claimed(taken, command),
        )
        return [*taking, *over_drafts]
    done = CompleteTask(
        agent=agent,
        generation=generation,
        cost_micro=command.cost_micro,
        tokens=command.tokens,
        private=command.private,
    )
    return [*taking, *reports.complete(taken, done, given)]
