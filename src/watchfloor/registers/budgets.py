"""What budgets are in force, and what is spent and reserved of each (spec 2.4 *Economics*, 3.3; DESIGN §2).

Cells
  budgeted    by "all" → how many budgets are in force; absent when there are none, so that asking costs one look-up
  budgets     by (scope, target) → the budgets of an organisation (target 0), an agent, an agent with all it spawned, a
              task, a lineage of tasks
  budget_use  by budget → what is spent in its present period, and what is reserved
  held        by (kind, subject) → what an action or a task in hand has reserved, a part for each budget
  claims_settled  by anomaly → a report beyond belief that a person has confirmed, so that it counts once

Theory of operation
-------------------
Reserving is the deciding event itself, and what it reserved is remembered with the holder, not worked out again: so
what is released is exactly what was reserved, whatever budgets were set, changed or removed meanwhile, and

    the reservation of a budget = the sum of the parts that are held of it

at every event (law; never negative by construction). An action inside a task takes from the task's reservation first
(`covered`); only what goes beyond it is reserved anew, and what it did not use goes back. Spending counts against every
budget in force when the outcome is known; what is spent belongs to the period of its outcome, what is reserved goes
over into the next period.

Overshoot: a reservation is refused when it would exceed the limit, so spent + reserved ≤ limit after each; only an
outcome above its estimate can exceed it: spent ≤ limit + Σ (actual - estimate) of executions that were in flight, and of
an actual no more counts than OVERRUN_TIMES the estimate until a person has confirmed it (decision 31). What nobody said counts as the whole reservation, and an unknown outcome keeps it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from watchfloor.actions.messages import (
    ActionClosed,
    ActionCompleted,
    ActionDecided,
    ActionFailed,
    ActionSettled,
    BudgetSeen,
)
from watchfloor.actions.retry_messages import ActionRetried
from watchfloor.kernel.amounts import began, capped
from watchfloor.kernel.limits import BUDGETED_ANCESTORS_MAX
from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Read, Register
from watchfloor.trust.anomaly_messages import AnomalyResolved
from watchfloor.work.budget_messages import BudgetChanged, BudgetRemoved, BudgetSet

Cells = list[tuple[str, object, object]]
Holder = tuple[str, int]
Amounts = Mapping[str, int]  # by measure


class InForce(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A budget as the gate needs it."""

    budget: int
    nonce: int
    scope: str
    measure: str
    period: str
    limit: int


class Use(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Of the period that began at `since_at`; `reserved` is of all periods."""

    since_at: int = 0
    spent: int = 0
    reserved: int = 0


class Part(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a holder has reserved of one budget; `covered` of it came out of its task's reservation."""

    budget: int
    measure: str
    amount: int
    covered: int = 0


# Asking ---------------------------------------------------------------------------------------------------------------


def in_force(agent: int, task: int, read: Read) -> Sequence[InForce]:
    """Every budget that counts what this agent does in this task (0: outside tasks)."""
    if read("budgeted", "all") is None:
        return ()
    keys: list[tuple[str, int]] = [("organisation", 0), ("agent", agent)]
    above = agent
    for _ in range(BUDGETED_ANCESTORS_MAX):
        if not above:
            break
        keys.append(("spawned", above))
        state = read("agent", above)
        above = state.parent if state is not None else 0
    if task:
        keys.append(("task", task))
        ancestor = task
        for _ in range(BUDGETED_ANCESTORS_MAX):
            keys.append(("lineage", ancestor))
            state = read("task", ancestor)
            ancestor = state.parent if state is not None else 0
            if not ancestor:
                break
    return [budget for key in keys for budget in read("budgets", key) or ()]


def use_of(budget: InForce, at: int, read: Read) -> Use:
    """What is spent and reserved of it in the period around `at`."""
    since_at = began(budget.period, at)
    use: Use | None = read("budget_use", budget.budget)
    if use is None:
        return Use(since_at)
    return use if use.since_at == since_at else Use(since_at, 0, use.reserved)


def covered_by(task: int, read: Read) -> dict[int, int]:
    """By budget, what the task in hand has reserved and not given to its actions."""
    parts: tuple[Part, ...] = (read("held", ("task", task)) or ()) if task else ()
    return {part.budget: part.amount for part in parts}


def seen(agent: int, task: int, cost_micro: int, tokens: int, at: int, read: Read) -> tuple[BudgetSeen, ...]:
    """The gate's evidence: of each measure the budget that is tightest for what this action asks."""
    budgets = in_force(agent, task, read)
    if not budgets:
        return ()
    asks = {"money": cost_micro, "tokens": tokens, "actions": 1, "time": 0}
    cover = covered_by(task, read)
    tightest: dict[str, tuple[int, BudgetSeen]] = {}
    for budget in budgets:
        use = use_of(budget, at, read)
        ask = asks[budget.measure]
        asked = ask if ask <= 0 else ask - min(ask, cover.get(budget.budget, 0))
        left = budget.limit - use.spent - use.reserved - max(0, asked)
        if use.spent >= budget.limit:
            left = min(left, -1)  # used up turns away even what asks for nothing
        known = tightest.get(budget.measure)
        if known is None or left < known[0]:
            row = BudgetSeen(
                budget.budget,
                budget.nonce,
                budget.scope,
                budget.measure,
                budget.limit,
                use.spent,
                use.reserved,
                asked,
            )
            tightest[budget.measure] = (left, row)
    return tuple(row for _, row in tightest.values())


# Reserving and settling -------------------------------------------------------------------------------------------------


def reserve(
    holder: Holder, task: int, amounts: Amounts, budgets: Sequence[InForce], at: int, read: Read
) -> Cells:
    """The holder takes these amounts of every budget; an action takes from its task's reservation first."""
    if not budgets or read("held", holder) is not None:
        return []
    cover = covered_by(task, read) if holder[0] == "action" else {}
    cells: Cells = []
    parts: list[Part] = []
    for budget in budgets:
        amount = amounts.get(budget.measure, 0)
        if amount <= 0:
            continue
        covered = min(amount, cover.get(budget.budget, 0))
        use = use_of(budget, at, read)
        reserved = use.reserved + amount - covered
        cells.append(("budget_use", budget.budget, Use(use.since_at, use.spent, reserved)))
        parts.append(Part(budget.budget, budget.measure, amount, covered))
    if parts:
        cells.append(("held", holder, tuple(parts)))
        cells += _moved(task, {part.budget: -part.covered for part in parts if part.covered}, read)
    return cells


def settle(
    holder: Holder,
    task: int,
    spent: Amounts,
    budgets: Sequence[InForce],
    at: int,
    read: Read,
    *,
    unsaid: Sequence[str] = (),
) -> Cells:
    """The holder gives back what it had reserved; what it spent counts, and what its task had lent it goes back.

    Of a measure that is `unsaid` all that was reserved counts as spent.
    """
    parts: dict[int, Part] = {part.budget: part for part in read("held", holder) or ()}
    cells: Cells = [("held", holder, None)] if parts else []
    counted = {budget.budget for budget in budgets}
    for (
        other
    ) in parts.values():  # of an agent that had the task before: released, nothing counts there any more
        left: Use | None = None if other.budget in counted else read("budget_use", other.budget)
        if left is not None:
            rest = left.reserved - other.amount
            cells.append(("budget_use", other.budget, Use(left.since_at, left.spent, rest)))
    lenders = covered_by(task, read) if holder[0] == "action" else {}
    returned: dict[int, int] = {}
    for budget in budgets:
        part = parts.get(budget.budget)
        cost = max(0, spent.get(budget.measure, 0))
        if part is not None and budget.measure in unsaid:
            cost = max(cost, part.amount)
        if part is None and not cost:
            continue
        use = use_of(budget, at, read)
        amount = 0 if part is None else part.amount
        back = 0
        if part is not None and budget.budget in lenders:
            back = min(part.covered, max(0, amount - cost))
            if back:
                returned[budget.budget] = back
        used = Use(use.since_at, capped(use.spent + cost), use.reserved - amount + back)
        cells.append(("budget_use", budget.budget, used))
    return cells + _moved(task, returned, read)


def _moved(task: int, by: Mapping[int, int], read: Read) -> Cells:
    """The task's own parts with more or less in them. An emptied part stays, so that it can take back."""
    if not by:
        return []
    parts: tuple[Part, ...] = read("held", ("task", task)) or ()
    changed = tuple(
        Part(part.budget, part.measure, part.amount + by.get(part.budget, 0), part.covered) for part in parts
    )
    return [("held", ("task", task), changed)]


# Folding ----------------------------------------------------------------------------------------------------------------


def _decided(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, ActionDecided)
    if facts.verdict == "denied":
        return []
    budgets = in_force(facts.agent, facts.task, read)
    amounts = {"money": facts.reserves_micro, "tokens": facts.reserves_tokens, "actions": 1}
    return reserve(("action", event.subject), facts.task, amounts, budgets, event.at, read)


def _over(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, ActionCompleted | ActionFailed | ActionSettled)
    if read("budgeted", "all") is None and read("held", ("action", event.subject)) is None:
        return []
    action = read("action", event.subject)
    if action is None:
        return []
    spent = {"money": facts.cost_micro, "tokens": facts.tokens, "actions": 1}
    budgets = in_force(action.agent, action.task, read)
    return settle(("action", event.subject), action.task, spent, budgets, event.at, read)


def _retried(event: Event, read: Read) -> Cells:
    """An attempt whose outcome nobody knows counts as it was reserved; the next one reserves like the first."""
    facts = event.facts
    assert isinstance(facts, ActionRetried)
    if read("budgeted", "all") is None and read("held", ("action", event.subject)) is None:
        return []
    action = read("action", event.subject)
    if action is None:
        return []
    holder = ("action", event.subject)
    budgets = in_force(action.agent, action.task, read)
    cells: Cells = []
    if read("held", holder) is not None:
        spent = {"money": facts.charged_micro, "tokens": facts.charged_tokens, "actions": 1}
        cells = settle(holder, action.task, spent, budgets, event.at, read)
    amounts = {"money": facts.reserves_micro, "tokens": facts.reserves_tokens, "actions": 1}
    return cells + reserve(holder, action.task, amounts, budgets, event.at, _after(cells, read))


def _after(cells: Cells, read: Read) -> Read:
    """Reads as if these cells were written already."""
    changed = {(name, key): value for name, key, value in cells}

    def look(name: str, key: object) -> Any:
        return changed[name, key] if (name, key) in changed else read(name, key)

    return look


def _closed(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, ActionClosed)
    if read("held", ("action", event.subject)) is None:
        return []
    action = read("action", event.subject)
    budgets = in_force(action.agent, action.task, read)
    return settle(("action", event.subject), action.task, {}, budgets, event.at, read)


def _confirmed(event: Event, read: Read) -> Cells:
    """A person confirms a report that nobody believed: what had not counted counts now, for the agent and everybody."""
    facts = event.facts
    assert isinstance(facts, AnomalyResolved)
    anomaly = read("anomaly", event.subject)
    if facts.what != "cost_report" or facts.outcome != "confirmed" or anomaly is None:
        return []
    if read("claims_settled", event.subject) is not None or read("budgeted", "all") is None:
        return []
    cells: Cells = [("claims_settled", event.subject, 1)]
    for budget in in_force(facts.agent, 0, read):
        if budget.measure == facts.about:
            use = use_of(budget, event.at, read)
            spent = capped(use.spent + facts.excess)
            cells.append(("budget_use", budget.budget, Use(use.since_at, spent, use.reserved)))
    return cells


def _set(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, BudgetSet)
    key = (facts.scope, facts.target)
    known: tuple[InForce, ...] = read("budgets", key) or ()
    if any(budget.budget == event.subject for budget in known):
        return []
    new = InForce(event.subject, facts.nonce, facts.scope, facts.measure, facts.period, facts.limit)
    number: int = read("budgeted", "all") or 0
    return [("budgets", key, (*known, new)), ("budgeted", "all", number + 1)]


def _changed(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, BudgetChanged)
    key = _key(event.subject, read)
    known: tuple[InForce, ...] = read("budgets", key) or ()
    return [
        (
            "budgets",
            key,
            tuple(
                msgspec.structs.replace(budget, limit=facts.limit)
                if budget.budget == event.subject
                else budget
                for budget in known
            ),
        )
    ]


def _removed(event: Event, read: Read) -> Cells:
    return without((event.subject,), _key(event.subject, read), read)


def without(gone: Sequence[int], key: tuple[str, int], read: Read) -> Cells:
    """Budgets of one scope and target that are in force no more."""
    known: tuple[InForce, ...] = read("budgets", key) or ()
    left = tuple(budget for budget in known if budget.budget not in gone)
    if len(left) == len(known):
        return []
    number: int = (read("budgeted", "all") or 0) - (len(known) - len(left))
    return [
        ("budgets", key, left or None),
        ("budgeted", "all", number or None),
        *(("budget_use", budget, None) for budget in gone),
    ]


def _key(budget: int, read: Read) -> tuple[str, int]:
    state = read("budget", budget)
    return (state.scope, state.target) if state is not None else ("", 0)


REGISTER = Register(
    name="budgets",
    cells={
        "budgeted": int,
        "budgets": tuple[InForce, ...],
        "budget_use": Use,
        "held": tuple[Part, ...],
        "claims_settled": int,
    },
    folds={
        ActionDecided: _decided,
        ActionCompleted: _over,
        ActionFailed: _over,
        ActionSettled: _over,
        ActionClosed: _closed,
        ActionRetried: _retried,
        AnomalyResolved: _confirmed,
        BudgetSet: _set,
        BudgetChanged: _changed,
        BudgetRemoved: _removed,
    },
)
