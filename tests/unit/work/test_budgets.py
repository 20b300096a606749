"""The life of a budget: set, changed, said once in a period, renewed, removed (spec 3.3 *Budgets*; fault F12)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.transcripts.world import START, World

from watchfloor.kernel.instants import DAY, HOUR
from watchfloor.kernel.messages import Event
from watchfloor.work.budget_messages import NoteBudget, RemoveBudget, RenewBudget, SetBudget
from watchfloor.work.budgets import BUDGET, Budget, BudgetEvidence

MIDNIGHT = START - START % DAY


def made(world: World, **fields: Any) -> int:
    usual: dict[str, Any] = {"scope": "agent", "target": 3, "measure": "money", "limit": 1_000}
    (event,) = world.perform(SetBudget(**(usual | fields)), evidence=BudgetEvidence())
    return event.subject


def state(world: World, budget: int) -> Budget:
    found: Budget = world.states["budget", budget]
    return found


def noted(world: World, budget: int, spent: int, reserved: int = 0, asked: int = 0) -> list[str]:
    evidence = BudgetEvidence(spent=spent, reserved=reserved)
    return types(world.perform(NoteBudget(subject=budget, asked=asked), evidence=evidence))


def types(events: list[Event]) -> list[str]:
    return [event.type for event in events]


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"scope": "fleet"}, ("unknown_choice", "/scope", 422)),
        ({"measure": "gold"}, ("unknown_choice", "/measure", 422)),
        ({"period": "week"}, ("unknown_choice", "/period", 422)),
        ({"limit": -1}, ("out_of_range", "/limit", 422)),
        ({"scope": "organisation"}, ("wrong_target", "/target", 422)),
        ({"target": 0}, ("wrong_target", "/target", 422)),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(
    fields: dict[str, Any], refusal: tuple[str, str, int]
) -> None:
    usual: dict[str, Any] = {"scope": "agent", "target": 3, "measure": "money", "limit": 1}
    assert World().refusal(SetBudget(**(usual | fields))) == refusal


def test_a_second_budget_of_the_same_kind_is_refused_and_may_be_tried_again() -> None:
    command = SetBudget(scope="organisation", measure="tokens", limit=1)
    refusal = World().refusal(command, evidence=BudgetEvidence(taken_by=4))
    assert refusal == ("already_set", "", 409)


def test_only_the_limit_changes_and_the_same_limit_is_no_news() -> None:
    world = World()
    budget = made(world)
    same: dict[str, Any] = {"subject": budget, "scope": "agent", "target": 3, "measure": "money"}
    assert world.perform(SetBudget(limit=1_000, **same)) == []
    assert types(world.perform(SetBudget(limit=2_000, **same))) == ["budget.changed/1"]
    assert state(world, budget).limit == 2_000
    other = same | {"measure": "tokens"}
    assert world.refusal(SetBudget(limit=1, **other)) == ("another_budget", "/scope", 409)
    assert types(world.perform(RemoveBudget(subject=budget, reason="over"))) == ["budget.removed/1"]
    assert world.perform(RemoveBudget(subject=budget)) == []
    assert world.refusal(SetBudget(limit=1, **same)) == ("budget_removed", "", 409)
    assert noted(world, budget, 5_000) == []


def test_what_does_not_exist_is_not_found() -> None:
    for command in (RemoveBudget(subject=9), NoteBudget(subject=9), RenewBudget(subject=9)):
        assert World().refusal(command) == ("unknown_budget", "", 404)


def test_people_hear_once_at_four_fifths_and_once_when_it_is_used_up() -> None:
    world = World()
    budget = made(world)
    assert noted(world, budget, 500, 299) == []
    assert noted(world, budget, 500, 300) == ["budget.warned/1"]
    assert noted(world, budget, 999) == []
    assert noted(world, budget, 999, 0, asked=2) == ["budget.exhausted/1"], "something was turned away"
    assert noted(world, budget, 999, 0, asked=2) == []
    assert noted(world, budget, 1_000) == ["budget.exhausted/1"], "now it is used up"
    assert noted(world, budget, 2_000) == []
    assert noted(world, budget, 2_000, asked=2) == []
    world.perform(SetBudget(subject=budget, scope="agent", target=3, measure="money", limit=4_000))
    assert noted(world, budget, 4_000) == ["budget.warned/1", "budget.exhausted/1"]


def test_a_new_period_is_said_only_of_a_budget_that_people_had_heard_of() -> None:
    world = World()
    quiet, told = made(world, period="day"), made(world, period="day", measure="tokens")
    noted(world, told, 1_000)
    assert BUDGET.due(state(world, quiet)) == 0
    assert not BUDGET.live(state(world, quiet))
    assert BUDGET.due(state(world, told)) == MIDNIGHT + DAY
    assert world.perform(RenewBudget(subject=quiet)) == []
    assert world.perform(RenewBudget(subject=told)) == []
    assert types(world.ring(START + DAY)) == ["budget.renewed/1"]
    assert BUDGET.due(state(world, told)) == 0
    assert noted(world, told, 800) == ["budget.warned/1"]


def test_a_total_has_no_clock_and_neither_has_what_was_removed() -> None:
    world = World()
    total, daily = made(world), made(world, period="day", measure="time")
    noted(world, total, 1_000)
    noted(world, daily, 1_000)
    assert BUDGET.due(state(world, total)) == 0
    world.perform(RemoveBudget(subject=daily))
    assert BUDGET.due(state(world, daily)) == 0
    world.at += 2 * DAY + HOUR
    assert world.perform(RenewBudget(subject=daily)) == []
