"""What a task waits for before it is queued: other tasks, and its time (spec 2.4 *Tasks*; fault C12).

A dependency that has succeeded is met, once each; when the last is met and the delay is over the task is ready. One
that ends otherwise ends the task at once, as its submitter chose: `fail` puts it into the dead letter, from where it
can be retried with its dependency, `skip` cancels it. A cycle cannot come about: a task names only older ones.
"""

from __future__ import annotations

import msgspec

from watchfloor.kernel.limits import DEPENDENCIES_PER_TASK_MAX, INTEGER_MAX
from watchfloor.kernel.messages import Draft, Facts, Refused
from watchfloor.kernel.schema import check_choice, check_range
from watchfloor.kernel.subject import Given
from watchfloor.work import life
from watchfloor.work.attempts import known
from watchfloor.work.life import Task
from watchfloor.work.lineage import Handover
from watchfloor.work.messages import (
    ON_FAILURE,
    SettleDependency,
    SubmitTask,
    TaskCancelled,
    TaskDeadLettered,
    TaskDependencyMet,
    TaskReady,
)


class Dependency(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A task that another waits for, as of now: its stage ("": there is no such task), and who did it."""

    task: int
    stage: str
    agent: int = 0

    @property
    def met(self) -> bool:
        return self.stage == life.SUCCEEDED

    @property
    def lost(self) -> bool:
        """It will not succeed, unless somebody retries it."""
        return self.stage in (life.DEAD_LETTER, life.CANCELLED)


class DependencyEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For SubmitTask and RetryTask: what the task depends on, in its order."""

    dependencies: tuple[Dependency, ...] = ()
    handover: Handover | None = None  # when an agent hands it on
    workflow: str = ""  # that of the task it is a part of
    place: int = 0  # who did the newest work of its workflow

    @property
    def unmet(self) -> tuple[int, ...]:
        return tuple(dependency.task for dependency in self.dependencies if not dependency.met)

    @property
    def near(self) -> int:
        """Who did the last of them that somebody did, else the newest work of its workflow."""
        done = (found.agent for found in reversed(self.dependencies) if found.met and found.agent)
        return next(done, self.place)


NO_DEPENDENCIES = DependencyEvidence()


def check(command: SubmitTask, evidence: DependencyEvidence) -> None:
    """Refused for what cannot be waited for."""
    check_choice(command.on_failure, "/on_failure", ON_FAILURE)
    check_range(len(command.depends_on), "/depends_on", 0, DEPENDENCIES_PER_TASK_MAX)
    if len(set(command.depends_on)) != len(command.depends_on):
        raise Refused("repeated", "every dependency once", field="/depends_on", status=422)
    for index, dependency in enumerate(evidence.dependencies):
        if not dependency.stage:
            field = f"/depends_on/{index}"
            raise Refused("unknown_dependency", "there is no such task", field=field, status=422)
    if command.not_before_at:
        check_range(command.not_before_at, "/not_before_at", 1, INTEGER_MAX)
        if command.deadline_at and command.not_before_at >= command.deadline_at:
            detail = "the task may not begin before its deadline has passed"
            raise Refused("out_of_range", detail, field="/not_before_at", status=422)


def lost(on_failure: str, dependency: int, *, agent: int = 0, generation: int = 0) -> Draft:
    """The end of a task whose dependency will not succeed."""
    facts: Facts
    if on_failure == "skip":
        facts = TaskCancelled(agent=agent, generation=generation, reason="skipped", dependency=dependency)
    else:
        facts = TaskDeadLettered(
            agent=agent, generation=generation, reason="dependency_failed", dependency=dependency
        )
    return Draft(facts=facts)


def settle(state: Task | None, command: SettleDependency, given: Given) -> list[Draft]:
    """A task it waited for is over; one it does not wait for (any more) is no news."""
    task = known(state)
    if task.stage != life.WAITING or command.dependency not in task.unmet:
        return []
    if not command.succeeded:
        return [lost(task.on_failure, command.dependency, generation=task.generation)]
    drafts = [Draft(facts=TaskDependencyMet(agent=command.agent, dependency=command.dependency))]
    if len(task.unmet) == 1 and task.not_before_at <= given.at:
        drafts.append(Draft(facts=TaskReady()))
    return drafts
