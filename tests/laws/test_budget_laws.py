"""Laws of budgets: what is reserved, what is spent, and by how much a limit can be exceeded (spec 2.4, 3.3; fault F12).

Any actions of two agents, inside and outside a task, with any estimates and any actual costs, ending in any way: the
register folds their events, and the gate's own rule decides from its evidence what is let through.
"""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace

import msgspec
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.registers.board import Board, closed, completed, decided, failed, settled

from watchfloor.kernel.amounts import turned_away
from watchfloor.kernel.instants import HOUR
from watchfloor.kernel.messages import Facts
from watchfloor.registers import budgets
from watchfloor.registers.budgets import REGISTER, Part, Use
from watchfloor.work.budget_messages import BudgetSet

TASK = 900
MEASURES = ("money", "tokens", "actions")
LIMITS = st.lists(
    st.tuples(
        st.sampled_from([("organisation", 0), ("agent", 1), ("agent", 2), ("task", TASK), ("lineage", TASK)]),
        st.sampled_from(MEASURES),
        st.sampled_from(["total", "day"]),
        st.integers(0, 60),
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda limit: limit[:3],
)
STEPS = st.lists(
    st.tuples(
        st.sampled_from(["ask", "ask", "ask", "complete", "fail", "settle", "close", "wait"]),
        st.sampled_from([1, 2]),  # agent
        st.sampled_from([0, TASK]),
        st.integers(-1, 25),  # estimate of money and tokens
        st.integers(0, 40),  # what it really took
        st.integers(0, 9),  # which of the open ones
    ),
    max_size=25,
)


class Till(Board):
    """The register, a gate before it, and by hand what it should say."""

    def __init__(self, limits: list[tuple[tuple[str, int], str, str, int]]) -> None:
        super().__init__(REGISTER)
        self.open: list[tuple[int, int]] = []
        self.excess: dict[int, int] = {}  # by budget, what outcomes took beyond their reservation
        self.totals: dict[int, int] = {}
        self.periods: dict[int, str] = {}
        for (scope, target), measure, period, limit in limits:
            facts = BudgetSet(
                limit=limit, measure=measure, nonce=1, period=period, scope=scope, target=target
            )
            self.periods[self.show(facts).subject] = period

    def use(self, budget: int) -> Use:
        found: Use = self.read("budget_use", budget) or Use()
        return found

    def parts(self) -> list[Part]:
        return [part for (name, _), held in self.cells.items() if name == "held" for part in held]

    def lend(self, amount: int) -> None:
        """The task is in hand and has reserved this much of its budgets."""
        in_force = budgets.in_force(1, TASK, self.read)
        takes = {"money": amount, "tokens": amount}
        for budget in in_force:
            use = budgets.use_of(budget, self.now, self.read)
            if turned_away(budget.limit, use.spent, use.reserved, takes.get(budget.measure, 0)):
                return
        for name, key, value in budgets.reserve(("task", TASK), TASK, takes, in_force, self.now, self.read):
            self.cells[name, key] = value

    def ask(self, agent: int, task: int, estimate: int) -> None:
        seen = budgets.seen(agent, task, estimate, estimate, self.now, self.read)
        away = any(turned_away(row.limit, row.spent, row.reserved, row.asked) for row in seen)
        verdict = "denied" if away else "permitted"
        reserves = 0 if away else max(0, estimate)
        facts = msgspec.structs.replace(
            decided(verdict, agent=agent, reserves=reserves), task=task, reserves_tokens=reserves
        )
        action = self.show(facts).subject
        self.cells["action", action] = SimpleNamespace(agent=agent, task=task)
        if not away:
            self.open.append((action, task))

    def end(self, how: str, actual: int, which: int) -> None:
        if not self.open:
            return
        action, task = self.open.pop(which % len(self.open))
        state = self.cells["action", action]
        held = {part.budget: part.amount for part in self.read("held", ("action", action)) or ()}
        if how == "close":
            self.show(closed(), action)
            return
        costs = {"money": actual, "tokens": actual, "actions": 1}
        for budget in budgets.in_force(state.agent, task, self.read):
            cost = costs.get(budget.measure, 0)
            self.totals[budget.budget] = self.totals.get(budget.budget, 0) + cost
            over = max(0, cost - held.get(budget.budget, 0))
            self.excess[budget.budget] = self.excess.get(budget.budget, 0) + over
        reports: dict[str, Callable[..., Facts]] = {"complete": completed, "fail": failed, "settle": settled}
        facts = reports[how](cost=actual)
        self.show(msgspec.structs.replace(facts, tokens=actual), action)


def played(till: Till, steps: list[tuple[str, int, int, int, int, int]]) -> None:
    for what, agent, task, estimate, actual, which in steps:
        if what == "ask":
            till.ask(agent, task, estimate)
        elif what == "wait":
            till.now += HOUR
        else:
            till.end(what, actual, which)
        check(till)


def check(till: Till) -> None:
    parts = till.parts()
    assert all(part.amount >= 0 and 0 <= part.covered <= part.amount for part in parts)
    for budget in budgets.in_force(1, TASK, till.read) + budgets.in_force(2, 0, till.read):  # type: ignore[operator]
        use = till.use(budget.budget)
        held = sum(part.amount for part in parts if part.budget == budget.budget)
        assert use.reserved == held >= 0, "what is reserved is what is held"
        spent = till.totals.get(budget.budget, 0)
        if budget.period == "total":
            assert use.spent == spent, "what is spent is the sum over the outcomes"
            if use.spent + use.reserved > budget.limit:
                assert use.spent <= budget.limit + till.excess.get(budget.budget, 0), (
                    "the overshoot is bounded"
                )


@given(LIMITS, STEPS, st.integers(0, 30))
def test_reservations_are_what_is_held_and_overshoot_is_what_outcomes_took_beyond_their_estimate(
    limits: list[tuple[tuple[str, int], str, str, int]],
    steps: list[tuple[str, int, int, int, int, int]],
    lent: int,
) -> None:
    till = Till(limits)
    till.lend(lent)
    played(till, steps)


@given(LIMITS, STEPS)
def test_when_everything_is_over_nothing_is_reserved(
    limits: list[tuple[tuple[str, int], str, str, int]], steps: list[tuple[str, int, int, int, int, int]]
) -> None:
    till = Till(limits)
    played(till, steps)
    while till.open:
        till.end("close", 0, 0)
    assert not till.parts()
    assert all(till.use(budget).reserved == 0 for budget in till.periods)
