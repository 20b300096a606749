"""Calling: workers are called, their breakers told, and given work as those allow (spec 2.4)."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from tests.unit.processes.test_dispatch import Floor, assigns
from tests.unit.processes.test_processes import Room

from watchfloor.fleet import presence
from watchfloor.fleet.messages import (
    AgentRegistered,
    RecordCall,
    WorkerAnswered,
    WorkerBreakerClosed,
    WorkerBreakerHalfOpened,
    WorkerBreakerOpened,
    WorkerCallFailed,
    WorkerMoved,
)
from watchfloor.fleet.workers import CLOSED, HALF_OPEN, OPEN, Worker
from watchfloor.kernel.messages import Event, Facts, Later
from watchfloor.processes import effects_of
from watchfloor.registers.queue import free_agents
from watchfloor.work.messages import (
    CALL_FAILURES,
    WORKER_HELD,
    CallWorker,
    TaskAccepted,
    TaskAssigned,
    TaskAttemptFailed,
    TaskDeadLettered,
)


def failed(reason: str, agent: int = 1) -> TaskAttemptFailed:
    return TaskAttemptFailed(agent=agent, generation=1, reason=reason, retry_at=9)


def of_worker() -> Room:
    """A room in which agent 1 is an HTTP worker."""
    room = Room()
    room.cells["agent", 1].worker = Worker(url="https://w.example.org/")
    return room


def event_of(facts: Facts) -> Event:
    return Floor().show(facts, subject=7)


def test_an_assignment_to_a_worker_is_a_call_and_any_other_is_none() -> None:
    told = TaskAssigned(accept_by_at=1, agent=4, attempt=1, generation=2, called=True)
    assert effects_of(event_of(told)) == [CallWorker(destination="worker:4", task=7, agent=4, generation=2)]
    told = TaskAssigned(accept_by_at=1, agent=4, attempt=1, generation=2)
    assert effects_of(event_of(told)) == []


@pytest.mark.parametrize("reason", [*CALL_FAILURES, "not_accepted"])
def test_a_call_without_an_answer_is_told_to_the_breaker(reason: str) -> None:
    told = RecordCall(subject=1, answered=False, reason=reason)
    assert told in of_worker().wishes(failed(reason), subject=7)
    dead = TaskDeadLettered(agent=1, generation=1, reason=reason)
    assert told in of_worker().wishes(dead, subject=7)
    assert told not in Room().wishes(failed(reason), subject=7)


def test_an_acceptance_and_a_rejection_are_answers() -> None:
    told = RecordCall(subject=1, answered=True)
    assert told in of_worker().wishes(TaskAccepted(agent=1, generation=1), subject=7)
    assert told in of_worker().wishes(failed("rejected"), subject=7)
    assert told not in Room().wishes(TaskAccepted(agent=1, generation=1), subject=7)


@pytest.mark.parametrize("reason", ["failed", "timed_out", "not_verified", "deadline_passed", WORKER_HELD])
def test_what_happens_after_the_answer_or_without_a_call_is_not_told_again(reason: str) -> None:
    wishes = of_worker().wishes(failed(reason), subject=7)
    assert not [wish for wish in wishes if isinstance(wish, RecordCall)]


def test_an_attempt_of_nobody_is_told_to_nobody() -> None:
    nobodys = TaskDeadLettered(agent=0, generation=0, reason="deadline_passed")
    wishes = of_worker().wishes(nobodys, subject=7)
    assert not [wish for wish in wishes if not isinstance(wish, Later)]


# -- dispatch to workers ----------------------------------------------------------------------------------------------


class Yard(Floor):
    """A floor with workers."""

    def worker(self, number: int, breaker: str = CLOSED, tier: int = 2) -> None:
        self.cells["agent", number] = SimpleNamespace(
            presence=presence.OFFLINE,
            quarantined=False,
            retired=False,
            worker=Worker(url="https://w.example.org/", breaker=breaker),
            capabilities=("git",),
            session="",
            node="",
            parent=0,
        )
        self.cells["trust", number] = SimpleNamespace(tier=tier)


def registered() -> AgentRegistered:
    return AgentRegistered(
        capabilities=("git",),
        credential="key_a",
        expires_at=1,
        name="w",
        nonce=1,
        owner="system",
        tools=(),
        type="worker",
        version="",
        url="https://w.example.org/",
    )


def test_a_worker_is_offered_what_waits_as_soon_as_it_is_registered() -> None:
    yard = Yard()
    task = yard.task("git")
    assert yard.wishes(task) == []
    yard.worker(100)
    assert yard.wishes(yard.show(registered(), subject=100)) == assigns((task.subject, 100))


def test_an_open_breaker_takes_the_worker_out_of_the_pool_and_a_probe_takes_one_task() -> None:
    yard = Yard()
    yard.worker(100)
    yard.show(registered(), subject=100)
    yard.worker(100, OPEN)
    yard.show(WorkerBreakerOpened(failures=5, reason="worker_error", until_at=9), subject=100)
    assert list(free_agents(("git",), 0, yard.read)) == []
    first, second = yard.task("git"), yard.task("git")
    assert yard.wishes(first) == []
    yard.worker(100, HALF_OPEN)
    half_opened = yard.show(WorkerBreakerHalfOpened(), subject=100)
    assert yard.wishes(half_opened) == assigns((first.subject, 100))
    yard.give(first.subject, 100)
    yard.cells["task", first.subject].stage = "assigned"
    assert yard.wishes(second) == []
    yard.worker(100)
    closed = yard.show(WorkerBreakerClosed(), subject=100)
    assert yard.wishes(closed) == assigns((second.subject, 100))


def test_what_a_worker_has_accepted_does_not_keep_it_from_the_probe() -> None:
    yard = Yard()
    yard.worker(100, HALF_OPEN)
    yard.show(WorkerBreakerHalfOpened(), subject=100)
    yard.give(900, 100)
    yard.cells["task", 900] = SimpleNamespace(stage="running")
    task = yard.task("git")
    assert yard.wishes(task) == assigns((task.subject, 100))


def test_a_worker_that_gave_no_answer_gets_work_when_its_breaker_was_told() -> None:
    yard = Yard()
    yard.worker(100)
    yard.show(registered(), subject=100)
    task = yard.task("git")
    assert yard.wishes(yard.show(failed("worker_error", 100), subject=900)) == []
    assert yard.wishes(yard.show(failed("failed", 100), subject=900)) == assigns((task.subject, 100))
    for told in (
        WorkerCallFailed(failures=1, reason="worker_error"),
        WorkerAnswered(),
        WorkerMoved(url="https://w.example.org/"),
    ):
        assert yard.wishes(yard.show(told, subject=100)) == assigns((task.subject, 100))
