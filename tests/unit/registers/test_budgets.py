"""The budgets register: reserving is the deciding event, and what is released is what was reserved (DESIGN §2)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import msgspec
from tests.unit.registers.board import Board, closed, completed, decided, failed, retried, settled

from watchfloor.actions.messages import ActionDecided
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.limits import INTEGER_MAX
from watchfloor.registers import budgets
from watchfloor.registers.budgets import REGISTER, Part, Use, in_force, seen
from watchfloor.trust.anomaly_messages import AnomalyResolved
from watchfloor.work.budget_messages import BudgetChanged, BudgetRemoved, BudgetSet

AGENT, TASK = 1, 40


class Till(Board):
    """A board with budgets on it, and actions whose state is what the register asks of it."""

    def __init__(self) -> None:
        super().__init__(REGISTER)

    def limit(self, measure: str, limit: int, scope: str = "agent", target: int = AGENT, **more: Any) -> int:
        usual: dict[str, Any] = {"nonce": 7, "period": "total"}
        facts = BudgetSet(limit=limit, measure=measure, scope=scope, target=target, **(usual | more))
        budget = self.show(facts).subject
        self.cells["budget", budget] = SimpleNamespace(scope=scope, target=target)
        return budget

    def decide(self, verdict: str = "permitted", *, micro: int = 0, tokens: int = 0, task: int = 0) -> int:
        facts: ActionDecided = msgspec.structs.replace(
            decided(verdict, agent=AGENT, reserves=micro), reserves_tokens=tokens, task=task
        )
        action = self.show(facts).subject
        self.cells["action", action] = SimpleNamespace(agent=AGENT, task=task)
        return action

    def use(self, budget: int) -> tuple[int, int]:
        found: Use = self.read("budget_use", budget) or Use()
        return found.spent, found.reserved


def test_without_budgets_nothing_is_kept() -> None:
    till = Till()
    action = till.decide(micro=5)
    till.show(completed(cost=5), action)
    till.show(closed(), action)
    assert {name for name, _ in till.cells} == {"action"}
    assert in_force(AGENT, TASK, till.read) == ()
    assert seen(AGENT, TASK, 1, 1, till.now, till.read) == ()


def test_reserved_by_the_ruling_settled_by_the_outcome() -> None:
    till = Till()
    money, tokens, number = till.limit("money", 100), till.limit("tokens", 100), till.limit("actions", 9)
    action = till.decide("pending", micro=60, tokens=10)
    assert [till.use(b) for b in (money, tokens, number)] == [(0, 60), (0, 10), (0, 1)]
    till.show(msgspec.structs.replace(completed(cost=25), tokens=12), action)
    assert [till.use(b) for b in (money, tokens, number)] == [(25, 0), (12, 0), (1, 0)]
    for end in (failed(cost=5), settled(cost=5)):
        till.show(end, till.decide(micro=1))
    assert [till.use(b) for b in (money, tokens, number)] == [(35, 0), (12, 0), (3, 0)]
    till.show(closed(), till.decide(micro=50))
    assert [till.use(b) for b in (money, tokens, number)] == [(35, 0), (12, 0), (3, 0)]
    till.decide("denied", micro=50)
    assert till.use(money) == (35, 0)


def test_a_ruling_shown_twice_reserves_once() -> None:
    till = Till()
    budget = till.limit("money", 100)
    action = till.decide(micro=60)
    till.again(till.show(decided(agent=AGENT, reserves=60), action))
    assert till.use(budget) == (0, 60)
    till.show(completed(cost=60), action)
    till.show(closed(), action)
    assert till.use(budget) == (60, 0)


def test_an_outcome_counts_against_a_budget_that_was_set_meanwhile_and_not_against_one_that_was_removed() -> (
    None
):
    till = Till()
    gone = till.limit("money", 100)
    action = till.decide(micro=60)
    till.show(BudgetRemoved(reason=""), gone)
    late = till.limit("money", 100)
    till.show(completed(cost=60), action)
    assert till.read("budget_use", gone) is None
    assert till.use(late) == (60, 0)
    assert till.read("held", ("action", action)) is None


def test_setting_and_removing_twice_changes_nothing() -> None:
    till = Till()
    one, two = till.limit("money", 100), till.limit("money", 50, "organisation", 0)
    event = till.show(BudgetSet(limit=1, measure="money", nonce=1, period="day", scope="agent", target=9))
    till.cells["budget", event.subject] = SimpleNamespace(scope="agent", target=9)
    till.again(event)
    assert till.read("budgeted", "all") == 3
    for budget in (event.subject, event.subject, one):
        till.show(BudgetRemoved(reason=""), budget)
    assert [budget.budget for budget in in_force(AGENT, 0, till.read)] == [two]
    till.show(BudgetChanged(limit=70, limit_before=50), two)
    assert [budget.limit for budget in in_force(AGENT, 0, till.read)] == [70]
    till.show(BudgetRemoved(reason=""), two)
    assert till.read("budgeted", "all") is None
    till.show(BudgetRemoved(reason=""), 999)


def test_changing_one_budget_leaves_its_neighbour_alone() -> None:
    till = Till()
    one, two = till.limit("money", 100), till.limit("tokens", 50)
    till.show(BudgetChanged(limit=70, limit_before=100), one)
    assert [(b.budget, b.limit) for b in in_force(AGENT, 0, till.read)] == [(one, 70), (two, 50)]


def test_a_claim_that_a_person_confirms_counts_once_for_the_agent_and_everybody() -> None:
    till = Till()
    own, everybody = till.limit("money", 100), till.limit("money", 1_000, "organisation", 0)
    tokens = till.limit("tokens", 100)
    facts = AnomalyResolved(
        about="money", agent=AGENT, outcome="confirmed", reason="a real bill", what="cost_report", excess=70
    )
    till.cells["anomaly", 90] = SimpleNamespace()
    resolved = till.show(facts, 90)
    assert [till.use(b) for b in (own, everybody, tokens)] == [(70, 0), (70, 0), (0, 0)]
    till.again(resolved)
    assert till.use(own) == (70, 0)
    for other in ({"outcome": "false_alarm"}, {"what": "farming"}):
        till.cells["anomaly", 91] = SimpleNamespace()
        till.show(msgspec.structs.replace(facts, **other), 91)
    till.show(facts, 92)
    assert till.use(own) == (70, 0), "nobody knows anomaly 92"
    without = Till()
    without.cells["anomaly", 90] = SimpleNamespace()
    without.show(facts, 90)
    assert set(without.cells) == {("anomaly", 90)}


def test_a_new_day_forgets_what_was_spent_and_keeps_what_is_reserved() -> None:
    till = Till()
    budget = till.limit("money", 100, period="day")
    till.show(completed(cost=30), till.decide(micro=30))
    till.decide(micro=20)
    assert till.use(budget) == (30, 20)
    (row,) = seen(AGENT, 0, 1, 0, till.now + DAY, till.read)
    assert (row.spent, row.reserved) == (0, 20)


def test_absurd_costs_saturate_and_leave_nothing() -> None:
    till = Till()
    budget = till.limit("money", INTEGER_MAX)
    for _ in range(2):
        till.show(completed(cost=INTEGER_MAX), till.decide(micro=1))
    assert till.use(budget) == (INTEGER_MAX, 0)


def test_the_gate_sees_the_tightest_budget_of_each_measure() -> None:
    till = Till()
    till.limit("money", 100, "organisation", 0)
    tight = till.limit("money", 30)
    mine, others = till.limit("tokens", 10, "task", TASK), till.limit("tokens", 1, "task", TASK + 1)
    line = till.limit("actions", 5, "lineage", TASK)
    rows = {row.measure: row for row in seen(AGENT, TASK, 10, -1, till.now, till.read)}
    assert {name: (row.budget, row.asked) for name, row in rows.items()} == {
        "money": (tight, 10),
        "tokens": (mine, -1),
        "actions": (line, 1),
    }
    assert others not in {row.budget for row in rows.values()}
    till.show(completed(cost=0), till.decide())
    assert [row.measure for row in seen(AGENT, 0, 0, 0, till.now, till.read)] == ["money"]


def test_a_spent_budget_is_tighter_than_one_that_only_has_little_left() -> None:
    till = Till()
    roomy = till.limit("money", 100)
    till.show(completed(cost=100), till.decide(micro=1))
    till.limit("money", 3, "organisation", 0)
    (row,) = seen(AGENT, 0, 2, 0, till.now, till.read)
    assert row.budget == roomy


def test_an_action_takes_from_its_tasks_reservation_first_and_gives_back_what_it_did_not_use() -> None:
    till = Till()
    budget = till.limit("money", 100, "lineage", TASK)
    lent = budgets.reserve(
        ("task", TASK), TASK, {"money": 80}, in_force(AGENT, TASK, till.read), till.now, till.read
    )
    for name, key, value in lent:
        till.cells[name, key] = value
    assert till.use(budget) == (0, 80)
    (row,) = seen(AGENT, TASK, 90, 0, till.now, till.read)
    assert (row.reserved, row.asked) == (80, 10)
    action = till.decide(micro=90, task=TASK)
    assert till.use(budget) == (0, 90)
    assert till.read("held", ("task", TASK)) == (Part(budget, "money", 0),)
    till.show(completed(cost=50), action)
    assert till.read("held", ("task", TASK)) == (Part(budget, "money", 40),)
    assert till.use(budget) == (50, 40)
    dear = till.decide(micro=10, task=TASK)
    till.show(completed(cost=70), dear)
    assert till.use(budget) == (120, 30)


def test_an_outcome_of_an_action_nobody_knows_changes_nothing() -> None:
    till = Till()
    budget = till.limit("money", 100)
    till.show(completed(cost=50), 777)
    assert till.use(budget) == (0, 0)


def test_another_attempt_reserves_again_and_a_lost_one_counts_as_it_was_reserved() -> None:
    till = Till()
    money, number = till.limit("money", 100), till.limit("actions", 9)
    action = till.decide(micro=30)
    till.show(failed(cost=10), action)
    assert till.use(money) == (10, 0)
    till.show(retried(reserves=30), action)
    assert (till.use(money), till.use(number)) == ((10, 30), (1, 1))
    till.show(retried(charged=30, reserves=30), action)  # nobody knows what became of the second
    assert (till.use(money), till.use(number)) == ((40, 30), (2, 1))
    till.show(completed(cost=5), action)
    assert (till.use(money), till.use(number)) == ((45, 0), (3, 0))


def test_another_attempt_without_budgets_or_of_nobody_knows_what_is_nothing() -> None:
    till = Till()
    till.show(retried(reserves=30), till.decide(micro=30))
    assert {name for name, _ in till.cells} == {"action"}
    till.limit("money", 100)
    till.show(retried(reserves=30), 9_999)
    assert not [name for name, _ in till.cells if name == "held"]


def test_a_budget_of_an_agent_with_all_it_spawned_counts_every_one_of_them() -> None:
    till = Till()
    for number, parent in ((AGENT, 5), (5, 4), (4, 0)):
        till.cells["agent", number] = SimpleNamespace(parent=parent)
    grandparents, own, others = (
        till.limit("money", 100, scope="spawned", target=4),
        till.limit("money", 50, scope="spawned", target=AGENT),
        till.limit("money", 10, scope="spawned", target=9),
    )
    assert {budget.budget for budget in in_force(AGENT, 0, till.read)} == {grandparents, own}
    assert {budget.budget for budget in in_force(5, 0, till.read)} == {grandparents}
    till.show(completed(cost=30), till.decide(micro=40))
    assert [till.use(budget) for budget in (grandparents, own, others)] == [(30, 0), (30, 0), (0, 0)]
    (row,) = seen(AGENT, 0, 30, 0, till.now, till.read)
    assert (row.budget, row.scope, row.limit, row.spent) == (own, "spawned", 50, 30)
