"""What a task is expected to cost and to be worth, what it took, and what it was worth (spec 2.4 *Economics*).

Theory of operation
-------------------
Estimates come with the task, or later, before it is done: `task.estimated/1`, its rationale in the private part. What an
attempt took is in the event that ends it: money and tokens as its agent says, and the time it was in hand as the
platform measures it. What the agent did not say is named in `unsaid`, so that it is never mistaken for nothing.

    return on investment = (value - cost) / cost      cost: its attempts and its actions; none where nothing was spent

The value that counts is the assessed one. A person's word stands; the system assesses by the policy's rule where the
task came with an estimate (`processes/valuing.py`), and never over a person's.
"""

# ruff: noqa: ARG001 -- rules have one signature each, whatever they look at

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from watchfloor.kernel.amounts import UNSAID, believed
from watchfloor.kernel.folds import once
from watchfloor.kernel.instants import MILLISECOND
from watchfloor.kernel.limits import INTEGER_MAX
from watchfloor.kernel.messages import Draft, Event, Facts, Refused
from watchfloor.kernel.schema import check_range
from watchfloor.kernel.subject import Evolve, Given
from watchfloor.work.economic_messages import (
    AssessTask,
    Economics,
    EstimateTask,
    TaskAssessed,
    TaskEstimated,
)

Amounts = dict[str, Any]  # cost_micro, tokens, unsaid, and what was claimed beyond belief
_FIELDS = msgspec.structs.fields(Economics)
_NAMES = {field.name: field.name.replace("limit_", "budget/") for field in _FIELDS}


def check(economics: Economics) -> None:
    """Every amount is one, or was not said. Refused: `out_of_range`."""
    for field in _FIELDS:
        amount: int = getattr(economics, field.name)
        if amount != UNSAID:
            check_range(amount, f"/{_NAMES[field.name]}", 0, INTEGER_MAX)


def estimated(economics: Economics | None, private: bytes) -> list[Draft]:
    """What a submission says of its economics, when it says anything."""
    if economics is None:
        return []
    check(economics)
    return [Draft(facts=TaskEstimated(economics=economics), private=private)]


def estimate(state: Any, command: EstimateTask, given: Given) -> list[Draft]:
    """Until it is over; an assignment in hand keeps what it has reserved."""
    task = _known(state)
    if task.stage in ("succeeded", "cancelled"):
        raise Refused("task_over", f"the task is {task.stage}")
    check(command.economics)
    if command.economics == task.economics and not command.private:
        return []
    return [Draft(facts=TaskEstimated(economics=command.economics), private=command.private)]


def assess(state: Any, command: AssessTask, given: Given) -> list[Draft]:
    """Of a task that is over. The system does not speak again, nor after a person."""
    task = _known(state)
    check_range(command.value_micro, "/value_micro", 0, INTEGER_MAX)
    if task.stage not in ("succeeded", "dead_letter", "cancelled"):
        raise Refused("task_not_over", f"the task is {task.stage}: its value shows when it is over")
    if command.by == "system" and task.assessed_by:
        return []
    facts = TaskAssessed(agent=task.agent, by=command.by, value_micro=command.value_micro)
    return [Draft(facts=facts, private=command.private)]


def _known(state: Any) -> Any:
    if state is None:
        raise Refused("unknown_task", "no such task", status=404)
    return state


# What an attempt took -----------------------------------------------------------------------------------------------


def claimed(task: Any, command: Any) -> Amounts:
    """Money and tokens as the agent says, as far as they count, and what of it was not said. Refused: `out_of_range`."""
    unsaid = []
    amounts: dict[str, Any] = {}
    for measure, field, beyond in (
        ("money", "cost_micro", "claimed_micro"),
        ("tokens", "tokens", "claimed_tokens"),
    ):
        amount: int = getattr(command, field)
        if amount == UNSAID:
            unsaid.append(measure)
            amounts[field] = 0
            continue
        check_range(amount, f"/{field}", 0, INTEGER_MAX)
        amounts[field], claim = believed(measure, amount, _expected(task, measure))
        if claim:
            amounts[beyond] = claim
    return {**amounts, "unsaid": tuple(unsaid)}


def _expected(task: Any, measure: str) -> int:
    """What an attempt was estimated to take, or its own limit for want of that; UNSAID where there is neither."""
    said: Economics | None = task.economics
    if said is None:
        return UNSAID
    estimate, limit = (
        (said.cost_micro, said.limit_micro) if measure == "money" else (said.tokens, said.limit_tokens)
    )
    return limit if estimate == UNSAID else estimate


def took(task: Any, at: int, amounts: Amounts | None = None) -> dict[str, Any]:
    """What the attempt took that is over now: as its agent says (`amounts`, or its report), and the time in hand.

    Of an attempt that was begun and of which its agent said nothing, nobody knows.
    """
    if task.stage == "reported":
        amounts = {"cost_micro": task.cost_micro, "tokens": task.tokens, "unsaid": task.unsaid}
    elif amounts is None:
        begun = task.stage in _IN_HAND
        amounts = {"cost_micro": 0, "tokens": 0, "unsaid": ("money", "tokens") if begun else ()}
    return {**amounts, "time_ms": in_hand_ms(task, at)}


_IN_HAND = ("running", "blocked", "orphaned")


def in_hand_ms(task: Any, at: int) -> int:
    """How long the attempt has been in its agent's hands, from acceptance on without pauses; 0 where it was not."""
    if task.stage not in (*_IN_HAND, "reported") or not task.timeout_at:
        return 0
    until = task.paused_at or at
    return int(max(0, until - (task.timeout_at - task.timeout_ms * MILLISECOND)) // MILLISECOND)


# Folding --------------------------------------------------------------------------------------------------------------


def _estimated(task: Any, facts: TaskEstimated, event: Event) -> Mapping[str, Any]:
    return {"economics": facts.economics}


def _assessed(task: Any, facts: TaskAssessed, event: Event) -> Mapping[str, Any]:
    return {"assessed_by": facts.by}


FOLDS: Mapping[type[Facts], Evolve] = {TaskEstimated: once(_estimated), TaskAssessed: once(_assessed)}
ECONOMICS_FACTS: tuple[type[Facts], ...] = (TaskEstimated, TaskAssessed)
