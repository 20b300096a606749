"""How an attempt ends that comes to nothing: once more after a rest, or the dead letter (spec 2.4; fault B10)."""

from __future__ import annotations

from watchfloor.kernel.instants import MILLISECOND
from watchfloor.kernel.limits import BACKOFF_MS_MAX
from watchfloor.kernel.messages import Draft, Refused
from watchfloor.kernel.subject import Given
from watchfloor.work import economics
from watchfloor.work.economics import Amounts
from watchfloor.work.life import Task
from watchfloor.work.messages import TaskAttemptFailed, TaskDeadLettered

_JITTER_PARTS = 1_024


def known(state: Task | None) -> Task:
    """The task, or Refused `unknown_task`."""
    if state is None:
        raise Refused("unknown_task", "no such task", status=404)
    return state


def attempt_over(
    task: Task,
    reason: str,
    given: Given,
    *,
    retryable: bool = True,
    private: bytes = b"",
    took: Amounts | None = None,
) -> list[Draft]:
    """The attempt came to nothing: once more after the back-off, or the dead letter. `took` is what its agent claims."""
    amounts = economics.took(task, given.at, took)
    if not retryable or task.attempts >= task.attempts_max:
        dead = TaskDeadLettered(agent=task.agent, generation=task.generation, reason=reason, **amounts)
        return [Draft(facts=dead, private=private)]
    failed = TaskAttemptFailed(
        agent=task.agent,
        generation=task.generation,
        reason=reason,
        retry_at=given.at + rest_us(task, given.entropy),
        **amounts,
    )
    return [Draft(facts=failed, private=private)]


def rest_us(task: Task, entropy: bytes) -> int:
    """The back-off less up to a quarter of it, so that what failed together does not come back together."""
    full_us = backoff_ms(task) * MILLISECOND
    return full_us - full_us * (int.from_bytes(entropy[:2], "big") % _JITTER_PARTS) // (4 * _JITTER_PARTS)


def backoff_ms(task: Task) -> int:
    """How long a task rests at most after its present attempt: what it was submitted with, doubled each time."""
    doubled = task.backoff_ms << min(task.attempts - 1, BACKOFF_MS_MAX.bit_length())
    return min(doubled, BACKOFF_MS_MAX)
