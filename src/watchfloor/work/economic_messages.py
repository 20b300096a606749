"""What tasks are expected to cost and to be worth, and what they were worth: commands and facts (spec 2.4 *Economics*)."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from watchfloor.kernel.amounts import UNSAID
from watchfloor.kernel.messages import Command, Facts


class Economics(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Estimates and limits of one task, UNSAID where nobody said. `value_micro` is what it is expected to be worth.

    The limits hold for the task and everything submitted under it, each an own budget.
    """

    cost_micro: int = UNSAID
    tokens: int = UNSAID
    time_ms: int = UNSAID
    value_micro: int = UNSAID
    limit_micro: int = UNSAID
    limit_tokens: int = UNSAID
    limit_ms: int = UNSAID


class EstimateTask(Command, frozen=True, kw_only=True):
    """What it is expected to take, said anew. `private`: canonical JSON {"rationale"}."""

    KIND: ClassVar[str] = "task"
    economics: Economics
    private: bytes = b""


class AssessTask(Command, frozen=True, kw_only=True):
    """What it was worth. `by` is person or system; `private`: canonical JSON {"reason"}."""

    KIND: ClassVar[str] = "task"
    value_micro: int
    by: str = "person"
    private: bytes = b""


class TaskEstimated(Facts, frozen=True, kw_only=True):
    """The rationale is private."""

    TYPE: ClassVar[str] = "task.estimated/1"
    KIND: ClassVar[str] = "task"
    economics: Economics


class TaskAssessed(Facts, frozen=True, kw_only=True):
    """What the task was worth, as a person says or the policy's rule (`by` person or system). The reason is private."""

    TYPE: ClassVar[str] = "task.assessed/1"
    KIND: ClassVar[str] = "task"
    agent: int
    by: str
    value_micro: int
