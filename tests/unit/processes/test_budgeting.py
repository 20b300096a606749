"""Budgeting: who is told of which budget (spec 3.3 *Budgets*)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.unit.actions.test_gate import budget
from tests.unit.registers.board import NOTHING_SEEN, completed, decided
from tests.unit.registers.test_budgets import Till

from watchfloor.actions.messages import ActionDecided
from watchfloor.fleet.messages import AgentRegistered
from watchfloor.kernel.messages import Event
from watchfloor.processes.budgeting import decided as hears
from watchfloor.processes.budgeting import over, spawned
from watchfloor.work.budget_messages import NoteBudget, SetBudget
from watchfloor.work.budgets import Budget


class Told(Till):
    """A till whose budgets remember what was said."""

    def known(self, budget: int, **said: Any) -> None:
        self.cells["budget", budget] = Budget(
            seq=1, nonce=1, scope="agent", target=1, measure="money", period="total", limit=100, **said
        )

    def reserves(self, micro: int) -> Event:
        action = self.decide(micro=micro)
        return self.show(decided(agent=1, reserves=micro), action)


def test_without_budgets_nobody_is_asked() -> None:
    till = Told()
    assert hears(till.reserves(5), till.read) == []
    assert over(till.show(completed(), 1), till.read) == []


@pytest.mark.parametrize(
    ("micro", "said", "wishes"),
    [
        (79, {}, False),
        (80, {}, True),
        (80, {"warned_since": 0}, False),
        (100, {"warned_since": 0}, False),  # reserved, not spent: not used up
    ],
)
def test_a_budget_is_noted_until_people_have_heard(micro: int, said: dict[str, int], wishes: bool) -> None:
    till = Told()
    number = till.limit("money", 100)
    till.known(number, **said)
    assert hears(till.reserves(micro), till.read) == ([NoteBudget(subject=number)] if wishes else [])


def test_a_dear_outcome_is_noted_even_after_the_warning() -> None:
    till = Told()
    number = till.limit("money", 100)
    till.known(number, warned_since=0)
    action = till.decide(micro=50)
    event = till.show(completed(cost=130), action)
    assert over(event, till.read) == [NoteBudget(subject=number)]
    till.known(number, warned_since=0, exhausted_since=0)
    assert over(event, till.read) == []
    assert over(till.show(completed(), 777), till.read) == []


def test_a_denied_action_is_noted_for_the_budgets_that_turned_it_away() -> None:
    till = Told()
    till.limit("money", 100)
    rows = (budget(budget=5, asked=-1), budget(budget=6, spent=1_000, asked=3), budget(budget=7))
    facts: ActionDecided = msgspec.structs.replace(
        decided("denied"), evidence=msgspec.structs.replace(NOTHING_SEEN, budgets=rows)
    )
    assert hears(till.show(facts), till.read) == [NoteBudget(subject=6, asked=3)]


def registered(share_milli: int, parent: int) -> AgentRegistered:
    return AgentRegistered(
        capabilities=(),
        credential="key",
        expires_at=0,
        name="child",
        nonce=1,
        owner="system",
        tools=(),
        type="worker",
        version="1",
        parent=parent,
        root=parent,
        share_milli=share_milli,
    )


def test_an_agent_spawned_with_a_share_gets_budgets_of_that_share_once() -> None:
    till = Told()
    till.limit("money", 100, scope="spawned", target=1)
    till.limit("tokens", 1_000, scope="spawned", target=1, period="day")
    till.limit("money", 7, scope="agent", target=1)
    event = till.show(registered(250, 1))
    assert spawned(event, till.read) == [
        SetBudget(scope="spawned", target=event.subject, measure="money", limit=25),
        SetBudget(scope="spawned", target=event.subject, measure="tokens", period="day", limit=250),
    ]
    till.limit("money", 25, scope="spawned", target=event.subject)
    till.limit("tokens", 250, scope="spawned", target=event.subject)
    assert spawned(event, till.read) == []
    assert spawned(till.show(registered(0, 1)), till.read) == []
    assert spawned(till.show(registered(250, 0)), till.read) == []
