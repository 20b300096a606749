"""The same to many tasks: what is put on record, and to whom it applies (spec 2.4)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.transcripts.world import START
from tests.unit.work.stages import running, submitted, task

from watchfloor.kernel.limits import TASKS_PER_CHANGE_MAX
from watchfloor.kernel.messages import SYSTEM, Command, Refused
from watchfloor.kernel.subject import Given
from watchfloor.work import bulk
from watchfloor.work.life import Task
from watchfloor.work.messages import (
    CancelTask,
    ChangeTasks,
    PauseTask,
    PurgeTask,
    RetryTask,
    TasksChanged,
    UnpauseTask,
)

GIVEN = Given(at=START, subject=1, entropy=bytes(32), actor=SYSTEM)


def test_what_shall_be_done_is_put_on_record_each_task_once() -> None:
    (draft,) = bulk.change(None, ChangeTasks(operation="pause", tasks=(3, 2, 3), reason="r"), GIVEN)
    assert draft.facts == TasksChanged(operation="pause", reason="r", tasks=(3, 2))


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"operation": "explode"}, "/operation"),
        ({"tasks": ()}, "/tasks"),
        ({"tasks": (1,) * (TASKS_PER_CHANGE_MAX + 1)}, "/tasks"),
        ({"tasks": (1, 0)}, "/tasks/1"),
        ({"reason": "x" * 2_000}, "/reason"),
    ],
)
def test_what_cannot_be_done_is_refused_at_its_field(fields: dict[str, Any], field: str) -> None:
    with pytest.raises(Refused) as refused:
        bulk.change(None, ChangeTasks(**({"operation": "cancel", "tasks": (1,)} | fields)), GIVEN)
    assert refused.value.field == field


def state(stage: str, **fields: Any) -> Task:
    return msgspec.structs.replace(task(submitted()), stage=stage, **fields)


@pytest.mark.parametrize(
    ("operation", "applies", "passed_by", "command"),
    [
        ("cancel", state("running"), state("dead_letter"), CancelTask(subject=1, reason="r")),
        ("pause", state("queued"), state("queued", paused_at=5), PauseTask(subject=1, reason="r")),
        ("resume", state("queued", paused_at=5), state("queued"), UnpauseTask(subject=1)),
        ("retry", state("dead_letter"), state("cancelled"), RetryTask(subject=1)),
        ("purge", state("dead_letter"), state("succeeded"), PurgeTask(subject=1, reason="r")),
    ],
)
def test_an_operation_passes_by_what_it_does_not_apply_to(
    operation: str, applies: Task, passed_by: Task, command: Command
) -> None:
    assert bulk.step(operation, 1, applies, "r") == command
    assert bulk.step(operation, 1, passed_by, "r") is None
    assert bulk.step(operation, 1, None, "r") is None


def test_a_running_task_may_be_paused() -> None:
    assert bulk.step("pause", 1, task(running()), "") == PauseTask(subject=1)
