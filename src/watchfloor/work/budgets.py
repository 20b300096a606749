"""Rules of budgets: set, changed, removed, warned of, used up, renewed (spec 2.4 *Economics*, 3.3; faults F4, F12).

Theory of operation
-------------------
A budget is a limit on one measure for one scope and period. What counts against it is not kept here: the register
`budgets` folds it from the events that reserve and settle (DESIGN §2: reserving *is* the deciding event). A budget's
own life is what people hear of it:

    budget.set ─┬─ budget.warned ─── budget.exhausted ─┐   each once in a period
                ├─ budget.renewed  <── the period ends ┘   (only when one of the two was said)
                ├─ budget.changed      another limit: both may be said again
                └─ budget.removed

`NoteBudget` comes from the process `budgeting` whenever something was reserved, spent or turned away; the evidence is
the register's sum as of now. What is missing counts as too much, here as in the gate: `turned_away` (kernel/amounts.py) is
the one place that says when a budget turns something away.
"""

# ruff: noqa: ARG001 -- rules have one signature each, whatever they look at

from __future__ import annotations

import msgspec

from watchfloor.kernel.amounts import MEASURES, PERIODS, began, ends, turned_away
from watchfloor.kernel.folds import Changes, first, once
from watchfloor.kernel.ids import nonce_from
from watchfloor.kernel.limits import INTEGER_MAX
from watchfloor.kernel.messages import Command, Draft, Event, Facts, Refused
from watchfloor.kernel.schema import check_choice, check_range, check_reason
from watchfloor.kernel.subject import Given, Subject
from watchfloor.work.budget_messages import (
    SCOPES,
    BudgetChanged,
    BudgetExhausted,
    BudgetRemoved,
    BudgetRenewed,
    BudgetSet,
    BudgetWarned,
    NoteBudget,
    RemoveBudget,
    RenewBudget,
    SetBudget,
)

WARNED_PERMILLE = 800  # spec 3.3: people hear of it while there is still something to decide
_NEVER = -1


class BudgetEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`taken_by`: another budget of the same scope, target, measure and period (0: none); what is spent and reserved."""

    taken_by: int = 0
    spent: int = 0
    reserved: int = 0


class Budget(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`…_since`: the beginning of the period for which it was said, -1 for not. Turning something away while anything
    is left unspent is another matter than being used up.
    """

    seq: int
    nonce: int
    scope: str
    target: int
    measure: str
    period: str
    limit: int
    warned_since: int = _NEVER
    exhausted_since: int = _NEVER
    turned_away_since: int = _NEVER
    removed: bool = False


def low(scope: str, limit: int, spent: int, reserved: int) -> bool:
    """Are four fifths gone? A task in hand reserves all it may take, so of its own budgets only what is spent counts."""
    used = spent if scope in ("task", "lineage") else spent + reserved
    return used * 1000 >= limit * WARNED_PERMILLE


def _known(state: Budget | None) -> Budget:
    if state is None:
        raise Refused("unknown_budget", "no such budget", status=404)
    return state


def set_budget(state: Budget | None, command: SetBudget, given: Given) -> list[Draft]:
    """A new budget, or another limit for one that exists; the same limit again is no news."""
    evidence: BudgetEvidence = given.evidence or BudgetEvidence()
    check_choice(command.scope, "/scope", SCOPES)
    check_choice(command.measure, "/measure", MEASURES)
    check_choice(command.period, "/period", PERIODS)
    check_range(command.limit, "/limit", 0, INTEGER_MAX)
    if (command.scope == "organisation") != (command.target == 0):
        raise Refused(
            "wrong_target", "an agent or task has an id, the organisation none", field="/target", status=422
        )
    if state is None:
        if evidence.taken_by:
            raise Refused("already_set", "there is such a budget: change its limit", retryable=True)
        facts = BudgetSet(
            limit=command.limit,
            measure=command.measure,
            nonce=nonce_from(given.entropy),
            period=command.period,
            scope=command.scope,
            target=command.target,
        )
        return [Draft(facts=facts)]
    if state.removed:
        raise Refused("budget_removed", "the budget was removed meanwhile", retryable=True)
    same = (state.scope, state.target, state.measure, state.period)
    if (command.scope, command.target, command.measure, command.period) != same:
        raise Refused("another_budget", "only the limit of a budget changes", field="/scope")
    if command.limit == state.limit:
        return []
    return [Draft(facts=BudgetChanged(limit=command.limit, limit_before=state.limit))]


def remove(state: Budget | None, command: RemoveBudget, given: Given) -> list[Draft]:
    """No limit any more; twice is no news."""
    check_reason(command.reason)
    return [] if _known(state).removed else [Draft(facts=BudgetRemoved(reason=command.reason))]


def note(state: Budget | None, command: NoteBudget, given: Given) -> list[Draft]:
    """Say each once in a period: four fifths are gone, something was turned away, it is used up."""
    budget = _known(state)
    use: BudgetEvidence = given.evidence or BudgetEvidence()
    if budget.removed:
        return []
    since_at = began(budget.period, given.at)
    drafts: list[Draft] = []
    if budget.warned_since != since_at and low(budget.scope, budget.limit, use.spent, use.reserved):
        warned = BudgetWarned(limit=budget.limit, reserved=use.reserved, since_at=since_at, spent=use.spent)
        drafts.append(Draft(facts=warned))
    gone = use.spent >= budget.limit
    said = budget.exhausted_since if gone else budget.turned_away_since
    if said != since_at and turned_away(budget.limit, use.spent, use.reserved, max(0, command.asked)):
        exhausted = BudgetExhausted(
            asked=max(0, command.asked),
            limit=budget.limit,
            reserved=use.reserved,
            since_at=since_at,
            spent=use.spent,
        )
        drafts.append(Draft(facts=exhausted))
    return drafts


def renew(state: Budget | None, command: RenewBudget, given: Given) -> list[Draft]:
    """A new period, for a budget of which something had been said in an earlier one."""
    budget = _known(state)
    since_at = began(budget.period, given.at)
    told = said_since(budget)
    if budget.removed or told == _NEVER or told >= since_at:
        return []
    return [Draft(facts=BudgetRenewed(since_at=since_at))]


_NOTHING_SAID = {"warned_since": _NEVER, "exhausted_since": _NEVER, "turned_away_since": _NEVER}

# Folding --------------------------------------------------------------------------------------------------------------


def _set(facts: Facts, event: Event) -> Budget:
    assert isinstance(facts, BudgetSet)
    return Budget(
        seq=event.seq,
        nonce=facts.nonce,
        scope=facts.scope,
        target=facts.target,
        measure=facts.measure,
        period=facts.period,
        limit=facts.limit,
    )


def _changed(budget: Budget, facts: BudgetChanged, event: Event) -> Changes:
    return {"limit": facts.limit, **_NOTHING_SAID}


def _removed(budget: Budget, facts: BudgetRemoved, event: Event) -> Changes:
    return {"removed": True}


def _warned(budget: Budget, facts: BudgetWarned, event: Event) -> Changes:
    return {"warned_since": facts.since_at}


def _exhausted(budget: Budget, facts: BudgetExhausted, event: Event) -> Changes:
    return {"exhausted_since" if facts.spent >= facts.limit else "turned_away_since": facts.since_at}


def _renewed(budget: Budget, facts: BudgetRenewed, event: Event) -> Changes:
    return dict(_NOTHING_SAID)


def said_since(budget: Budget) -> int:
    """The beginning of the newest period in which something was said of it, -1 for never."""
    return max(budget.warned_since, budget.exhausted_since, budget.turned_away_since)


def due(budget: Budget) -> int:
    """The end of the period of which something was said; a budget nobody heard of needs no clock."""
    told = said_since(budget)
    return 0 if budget.removed or told == _NEVER else ends(budget.period, told)


def overdue(subject: int, budget: Budget, at: int) -> Command | None:
    return RenewBudget(subject=subject)


BUDGET = Subject(
    kind="budget",
    state=Budget,
    decide={SetBudget: set_budget, RemoveBudget: remove, NoteBudget: note, RenewBudget: renew},
    evolve={
        BudgetSet: first(_set),
        BudgetChanged: once(_changed),
        BudgetRemoved: once(_removed),
        BudgetWarned: once(_warned),
        BudgetExhausted: once(_exhausted),
        BudgetRenewed: once(_renewed),
    },
    live=lambda budget: due(budget) > 0,
    due=due,
    overdue=overdue,
)
BUDGET_FACTS: tuple[type[Facts], ...] = (
    BudgetSet,
    BudgetChanged,
    BudgetRemoved,
    BudgetWarned,
    BudgetExhausted,
    BudgetRenewed,
)
