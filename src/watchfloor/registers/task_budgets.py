"""Tasks and their budgets: what an assignment reserves, whom a budget turns away, what an attempt that is over took.

An assignment reserves what the task is expected to take, of every budget that counts it; its actions take from that
(`budgets.py`). What is not estimated may take what is left of the task's own budget; without one, nobody knows, and a
budget of money or tokens has no room for it (fault F12). Time is measured by the platform and at most the time-out.
"""

from __future__ import annotations

from watchfloor.kernel.amounts import UNSAID, turned_away
from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Read, Register
from watchfloor.registers.budgets import Amounts, Cells, InForce, Part, in_force, reserve, settle, use_of
from watchfloor.work.budget_messages import BudgetSet
from watchfloor.work.economic_messages import Economics
from watchfloor.work.life import AT_WORK, Task
from watchfloor.work.messages import (
    TaskAssigned,
    TaskAttemptFailed,
    TaskCancelled,
    TaskDeadLettered,
    TaskHandedOver,
    TaskSucceeded,
)

_NOTHING_SAID = Economics()
_IN_HAND = ("assigned", "orphaned", "reported", *AT_WORK)


def asks_of(subject: int, task: Task, at: int, read: Read) -> Amounts:
    """By measure, what an attempt is expected to take; UNSAID where nobody said and nothing bounds it."""
    said = task.economics or _NOTHING_SAID
    own = _own_left(subject, at, read)
    bounds = {"money": said.limit_micro, "tokens": said.limit_tokens, "time": said.limit_ms} | own
    money = said.cost_micro if said.cost_micro != UNSAID else bounds["money"]
    tokens = said.tokens if said.tokens != UNSAID else bounds["tokens"]
    time_ms = task.timeout_ms if bounds["time"] == UNSAID else min(task.timeout_ms, bounds["time"])
    return {
        "money": money,
        "tokens": tokens,
        "time": said.time_ms if said.time_ms != UNSAID else time_ms,
        "actions": 0,
    }


def _own_left(subject: int, at: int, read: Read) -> dict[str, int]:
    """By measure, what is left of the task's own budgets."""
    left: dict[str, int] = {}
    for key in (("task", subject), ("lineage", subject)):
        for budget in read("budgets", key) or ():
            use = use_of(budget, at, read)
            room = max(0, budget.limit - use.spent - use.reserved)
            left[budget.measure] = min(room, left.get(budget.measure, room))
    return left


def without_room(subject: int, task: Task, agent: int, at: int, read: Read) -> tuple[InForce, int] | None:
    """The first budget that turns an assignment to this agent away (0: to anybody), and what was asked of it."""
    budgets = in_force(agent or task.only_agent, subject, read)
    if not budgets:
        return None
    asks = asks_of(subject, task, at, read)
    for budget in budgets:
        use = use_of(budget, at, read)
        asked = asks[budget.measure]
        if turned_away(budget.limit, use.spent, use.reserved, asked):
            return budget, asked
    return None


# Folding ----------------------------------------------------------------------------------------------------------------


def _assigned(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, TaskAssigned)
    budgets = in_force(facts.agent, event.subject, read)
    if not budgets:
        return []
    asks = asks_of(event.subject, read("task", event.subject), event.at, read)
    return reserve(("task", event.subject), event.subject, asks, budgets, event.at, read)


def _over(event: Event, read: Read) -> Cells:
    """The reservation ends with the attempt; what its agent did not say it took is all of it."""
    facts = event.facts
    assert isinstance(facts, TaskSucceeded | TaskAttemptFailed | TaskDeadLettered | TaskCancelled)
    holder = ("task", event.subject)
    if not facts.agent or (read("budgeted", "all") is None and read("held", holder) is None):
        return []
    spent = {"money": facts.cost_micro, "tokens": facts.tokens, "time": facts.time_ms}
    budgets = in_force(facts.agent, event.subject, read)
    return settle(holder, event.subject, spent, budgets, event.at, read, unsaid=facts.unsaid)


def _handed_over(event: Event, read: Read) -> Cells:
    """The new agent's budgets count it from here on; what the one before has used of it nobody said."""
    facts = event.facts
    assert isinstance(facts, TaskHandedOver)
    holder = ("task", event.subject)
    if read("budgeted", "all") is None and read("held", holder) is None:
        return []
    before = in_force(facts.agent_before, event.subject, read)
    over = settle(holder, event.subject, {}, before, event.at, read, unsaid=("money", "tokens"))
    changed = {(name, key): value for name, key, value in over}

    def after(name: str, key: object) -> object:
        return changed[name, key] if (name, key) in changed else read(name, key)

    asks = asks_of(event.subject, after("task", event.subject), event.at, after)  # type: ignore[arg-type]
    budgets = in_force(facts.agent, event.subject, after)
    return over + reserve(holder, event.subject, asks, budgets, event.at, after)


def _own_budget(event: Event, read: Read) -> Cells:
    """A budget set for a task in hand takes over what the assignment would have reserved of it."""
    facts = event.facts
    assert isinstance(facts, BudgetSet)
    if facts.scope not in ("task", "lineage"):
        return []
    holder = ("task", facts.target)
    task: Task | None = read("task", facts.target)
    parts: tuple[Part, ...] = read("held", holder) or ()
    known = any(part.budget == event.subject for part in parts)
    if task is None or task.stage not in _IN_HAND or known:
        return []
    said = task.economics or _NOTHING_SAID
    estimate = {"money": said.cost_micro, "tokens": said.tokens, "time": said.time_ms}.get(facts.measure, 0)
    amount = facts.limit if estimate == UNSAID else min(estimate, facts.limit)
    if not amount:
        return []
    new = InForce(event.subject, facts.nonce, facts.scope, facts.measure, facts.period, facts.limit)
    use = use_of(new, event.at, read)
    return [
        ("budget_use", event.subject, type(use)(use.since_at, use.spent, use.reserved + amount)),
        ("held", holder, (*parts, Part(event.subject, facts.measure, amount))),
    ]


REGISTER = Register(
    name="task_budgets",
    cells={},
    folds={
        TaskAssigned: _assigned,
        TaskHandedOver: _handed_over,
        TaskSucceeded: _over,
        TaskAttemptFailed: _over,
        TaskDeadLettered: _over,
        TaskCancelled: _over,
        BudgetSet: _own_budget,
    },
)
