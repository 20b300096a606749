"""Budgets of tasks: an assignment reserves, an attempt that is over settles, a handover moves (spec 2.4; faults F4, F12)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.registers.board import Board
from tests.unit.work.test_life import state

from watchfloor.kernel.subject import Register
from watchfloor.registers import budgets, task_budgets
from watchfloor.registers.budgets import Part, Use
from watchfloor.registers.task_budgets import asks_of, without_room
from watchfloor.work.budget_messages import BudgetRemoved, BudgetSet
from watchfloor.work.economic_messages import Economics
from watchfloor.work.life import Task
from watchfloor.work.messages import TaskAssigned, TaskAttemptFailed, TaskHandedOver, TaskSucceeded

TASK, PARENT, AGENT = 40, 30, 1
BOTH = Register(name="both", cells=budgets.REGISTER.cells, folds={})


class Ledger(Board):
    """Both registers of budgets, and tasks as the test says they are."""

    def __init__(self) -> None:
        super().__init__(BOTH)

    def again(self, event: Any) -> None:
        for register in (budgets.REGISTER, task_budgets.REGISTER):
            fold = register.folds.get(type(event.facts))
            for name, key, value in fold(event, self.read) if fold is not None else ():
                if value is None:
                    self.cells.pop((name, key), None)
                else:
                    self.cells[name, key] = value

    def limit(self, measure: str, limit: int, scope: str = "agent", target: int = AGENT) -> int:
        facts = BudgetSet(limit=limit, measure=measure, nonce=7, period="total", scope=scope, target=target)
        return self.show(facts).subject

    def task(self, stage: str = "queued", **fields: Any) -> Task:
        task = state(stage, **fields)
        self.cells["task", TASK] = task
        return task

    def assign(self, agent: int = AGENT) -> None:
        self.show(TaskAssigned(accept_by_at=9, agent=agent, attempt=1, generation=1), TASK)

    def succeed(self, agent: int = AGENT, **took: Any) -> None:
        usual: dict[str, Any] = {"cost_micro": 0, "tokens": 0}
        self.show(TaskSucceeded(agent=agent, generation=1, verified=True, **(usual | took)), TASK)

    def use(self, budget: int) -> tuple[int, int]:
        found: Use = self.read("budget_use", budget) or Use()
        return found.spent, found.reserved


def test_without_budgets_an_assignment_keeps_nothing() -> None:
    ledger = Ledger()
    task = ledger.task(economics=Economics(cost_micro=5))
    ledger.assign()
    ledger.succeed(cost_micro=5)
    ledger.show(TaskHandedOver(accept_by_at=9, agent=2, agent_before=1, attempt=2, generation=2), TASK)
    assert set(ledger.cells) == {("task", TASK)}
    assert without_room(TASK, task, AGENT, ledger.now, ledger.read) is None


def test_an_assignment_reserves_the_estimate_and_the_outcome_settles_it() -> None:
    ledger = Ledger()
    money, time = ledger.limit("money", 100), ledger.limit("time", 10**9)
    task = ledger.task(economics=Economics(cost_micro=60))
    ledger.assign()
    assert (ledger.use(money), ledger.use(time)) == ((0, 60), (0, task.timeout_ms))
    ledger.succeed(cost_micro=20, time_ms=5)
    assert (ledger.use(money), ledger.use(time)) == ((20, 0), (5, 0))


def test_what_was_not_said_is_all_that_was_reserved() -> None:
    ledger = Ledger()
    money = ledger.limit("money", 100)
    ledger.task(economics=Economics(cost_micro=60))
    ledger.assign()
    over = TaskAttemptFailed(agent=AGENT, generation=1, reason="failed", retry_at=1, unsaid=("money",))
    ledger.show(over, TASK)
    assert ledger.use(money) == (60, 0)


@pytest.mark.parametrize(
    ("economics", "asked"),
    [
        (None, (-1, -1, 1_800_000)),
        (Economics(cost_micro=1, tokens=2, time_ms=3), (1, 2, 3)),
        (Economics(limit_micro=4, limit_tokens=5, limit_ms=6), (4, 5, 6)),
        (Economics(cost_micro=1, limit_micro=4), (1, -1, 1_800_000)),
    ],
)
def test_who_gives_no_estimate_may_take_the_tasks_own_budget(
    economics: Economics | None, asked: tuple[int, int, int]
) -> None:
    ledger = Ledger()
    asks = asks_of(TASK, ledger.task(economics=economics, timeout_ms=1_800_000), ledger.now, ledger.read)
    assert (asks["money"], asks["tokens"], asks["time"]) == asked


def test_of_two_own_budgets_the_smaller_rest_counts() -> None:
    ledger = Ledger()
    task = ledger.task()
    ledger.limit("money", 9, "lineage", TASK)
    ledger.limit("money", 7, "task", TASK)
    assert asks_of(TASK, task, ledger.now, ledger.read)["money"] == 7


def test_the_first_budget_without_room_is_named() -> None:
    ledger = Ledger()
    task = ledger.task(economics=Economics(cost_micro=60))
    roomy = ledger.limit("money", 100)
    assert without_room(TASK, task, AGENT, ledger.now, ledger.read) is None
    tight = ledger.limit("money", 59, "organisation", 0)
    found = without_room(TASK, task, 0, ledger.now, ledger.read)
    assert found is not None
    assert (found[0].budget, found[1]) == (tight, 60)
    assert roomy != tight


def test_a_budget_set_for_a_task_in_hand_takes_over_its_reservation() -> None:
    ledger = Ledger()
    ledger.task("running", economics=Economics(tokens=30))
    assert ledger.use(ledger.limit("money", 50, "lineage", TASK)) == (0, 50)
    assert ledger.use(ledger.limit("tokens", 50, "task", TASK)) == (0, 30)
    assert ledger.use(ledger.limit("actions", 50, "task", TASK)) == (0, 0)
    ledger.task("queued")
    assert ledger.use(ledger.limit("time", 50, "lineage", TASK)) == (0, 0)


def test_what_is_submitted_under_a_task_counts_in_its_lineage() -> None:
    ledger = Ledger()
    ledger.cells["task", PARENT] = state("running")
    ledger.task(parent=PARENT, economics=Economics(cost_micro=60))
    above, alone = ledger.limit("money", 100, "lineage", PARENT), ledger.limit("money", 100, "task", PARENT)
    held = ledger.use(above)[1]
    ledger.cells["held", ("task", PARENT)] = (Part(above, "money", 0),)
    ledger.cells["budget_use", above] = Use(0, 0, 0)
    ledger.assign()
    assert (held, ledger.use(above), ledger.use(alone)[0]) == (100, (0, 60), 0)


def test_a_handover_moves_the_reservation_to_the_new_agents_budgets() -> None:
    ledger = Ledger()
    before, after = ledger.limit("money", 100), ledger.limit("money", 100, "agent", 2)
    ledger.task(economics=Economics(cost_micro=60))
    ledger.assign()
    ledger.show(TaskHandedOver(accept_by_at=9, agent=2, agent_before=1, attempt=2, generation=2), TASK)
    assert (ledger.use(before), ledger.use(after)) == ((60, 0), (0, 60))
    ledger.succeed(agent=2, cost_micro=10)
    assert (ledger.use(before), ledger.use(after)) == ((60, 0), (10, 0))


def test_what_an_agent_held_before_is_released_whoever_ends_it() -> None:
    ledger = Ledger()
    mine = ledger.limit("money", 100)
    ledger.task(economics=Economics(cost_micro=60))
    ledger.assign()
    ledger.succeed(agent=2, cost_micro=10)
    assert ledger.use(mine) == (0, 0)
    ledger.assign()
    ledger.cells["budget", mine] = type("Known", (), {"scope": "agent", "target": AGENT})
    ledger.show(BudgetRemoved(reason=""), mine)
    ledger.succeed(cost_micro=10)
    assert ledger.read("held", ("task", TASK)) is None
