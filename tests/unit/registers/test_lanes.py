"""The queue gives out tasks by lane, first in first out, and `low` does not starve (spec 01 lanes, 2.4)."""

from __future__ import annotations

from typing import Any

from tests.transcripts.world import START

from watchfloor.kernel.instants import HOUR, MINUTE
from watchfloor.kernel.messages import SYSTEM, Event
from watchfloor.registers.queue import REGISTER, candidates
from watchfloor.work.messages import TaskSubmitted


class Cells:
    """The cells of the queue register, filled by its own folds."""

    def __init__(self) -> None:
        self.cells: dict[tuple[str, Any], Any] = {}

    def read(self, name: str, key: Any) -> Any:
        """A cell's value, None when it is not set."""
        return self.cells.get((name, key))

    def submit(self, task: int, priority: str, at: int, needs: tuple[str, ...] = (), agent: int = 0) -> None:
        """A task enters the queue."""
        facts = TaskSubmitted(
            acceptance_ms=1,
            agent=agent,
            attempts_max=1,
            backoff_ms=0,
            criteria=0,
            deadline_at=0,
            grace_ms=0,
            needs=needs,
            nonce=0,
            priority=priority,
            timeout_ms=1,
        )
        event = Event(
            org="o", seq=task, at=at, type=facts.TYPE, kind="task", subject=task, actor=SYSTEM, facts=facts
        )
        for name, key, value in REGISTER.folds[TaskSubmitted](event, self.read):
            self.cells[name, key] = value


def test_a_fresh_urgent_task_goes_before_a_backlog_of_ten_minutes() -> None:
    queue = Cells()
    for task in range(1, 20):
        queue.submit(task, "low" if task % 2 else "normal", START + task)
    queue.submit(20, "urgent", START + 10 * MINUTE)
    assert candidates(7, (), 2, queue.read) == [20, 2]


def test_inside_a_lane_the_first_in_is_the_first_out_over_all_needs() -> None:
    queue = Cells()
    queue.submit(1, "normal", START, ("git",))
    queue.submit(2, "normal", START + 1)
    queue.submit(3, "normal", START + 2, ("git",))
    assert candidates(7, ("git",), 3, queue.read) == [1, 2, 3]


def test_an_agent_is_offered_only_what_it_can_and_may_do() -> None:
    queue = Cells()
    queue.submit(1, "urgent", START, ("rust",))
    queue.submit(2, "urgent", START, agent=9)
    queue.submit(3, "low", START)
    assert candidates(7, ("git",), 3, queue.read) == [3]


def test_low_waits_four_hours_at_most_longer_than_what_comes_after_it() -> None:
    queue = Cells()
    queue.submit(1, "low", START)
    for task in range(2, 9):
        queue.submit(task, "urgent", START + task * HOUR)
    assert candidates(7, (), 8, queue.read) == [2, 3, 1, 4, 5, 6, 7, 8]
