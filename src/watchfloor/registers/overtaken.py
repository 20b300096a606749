"""What changes of the policy mean for decisions: demands added to pending ones, and who is barred (spec 3.2).

Cells: `pending_decisions` by "all" → their integers; `demands` by decision → what policies applied since it was opened
demand besides; `loosenings` by "all" → who loosened what, until when it bars them.
"""

from __future__ import annotations

import msgspec

from watchfloor.actions.grants import level_now
from watchfloor.councils.decision import Decision
from watchfloor.councils.demands import added
from watchfloor.councils.messages import (
    DecisionApproved,
    DecisionCancelled,
    DecisionDenied,
    DecisionExpired,
    DecisionForced,
    DecisionOpened,
    Demand,
)
from watchfloor.councils.panels import Candidate, committee_for, route, seated
from watchfloor.councils.rules import demand_of
from watchfloor.kernel.loosening import affects
from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Read, Register
from watchfloor.policy.messages import PolicyApplied
from watchfloor.registers.directory import Person

Cells = list[tuple[str, object, object]]


class Loosening(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`by` a person's public id; `selectors` of kernel/loosening.py."""

    by: str
    until_at: int
    selectors: tuple[str, ...]


def _opened(event: Event, read: Read) -> Cells:
    pending: tuple[int, ...] = read("pending_decisions", "all") or ()
    if event.subject in pending:
        return []
    return [("pending_decisions", "all", (*pending, event.subject))]


def _over(event: Event, read: Read) -> Cells:
    pending: tuple[int, ...] = read("pending_decisions", "all") or ()
    rest = tuple(decision for decision in pending if decision != event.subject)
    cells: Cells = [("pending_decisions", "all", rest)]
    if read("demands", event.subject) is not None:
        cells.append(("demands", event.subject, None))
    return cells


def _applied(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, PolicyApplied)
    cells: Cells = []
    for number in read("pending_decisions", "all") or ():
        decision: Decision | None = read("decision", number)
        if decision is None:
            continue
        before: tuple[Demand, ...] = read("demands", number) or ()
        demand = demand_under(facts, decision, read)
        after = added(demand_of(decision), before, demand)
        if after != before:
            cells.append(("demands", number, after))
    if facts.loosens and facts.by and facts.barred_until_at > event.at:
        known: tuple[Loosening, ...] = read("loosenings", "all") or ()
        mine = Loosening(facts.by, facts.barred_until_at, facts.loosens)
        rest = tuple(one for one in known if one.until_at > event.at and one != mine)
        cells.append(("loosenings", "all", (*rest, mine)))
    return cells


def demand_under(applied: PolicyApplied, decision: Decision, read: Read) -> Demand:
    """The route that a policy has for this decision's action, its committee seated as of now.

    The level is the higher of the decision's and what class and risk have under that policy.
    """
    policy, version = applied.document, applied.version
    action = read("action", decision.action)
    action_type = action.action_type if action is not None else ""
    level = decision.level
    if action is not None:
        level = max(level, level_now(policy, applied.digest, action))
    terms = route(policy.routing, level)
    cls = policy.types.get(action_type, "unknown")
    name = committee_for(policy.routing, level, action_type, cls)
    if not name:
        return Demand(version, terms.role, max(terms.needed, 1), level=level)
    committee = policy.committees.get(name)
    if committee is None:  # a sound policy names none that is not there
        return Demand(version, terms.role, 1, name, level=level)
    everyone: tuple[Person, ...] = read("people", "all") or ()
    panel = seated(
        committee,
        (
            Candidate(one.id, one.handle, one.roles)
            for one in everyone
            if one.enabled and one.id != decision.owner and one.id not in decision.parties
        ),
    )
    return Demand(version, terms.role, panel.needed, name, panel.members, level)


def loosened_by(read: Read, person: str, decision: Decision, at: int) -> bool:
    """Is the person barred from this decision, because they loosened the policy for its action (spec 3.2)?"""
    known: tuple[Loosening, ...] = read("loosenings", "all") or ()
    mine = tuple(one for one in known if one.by == person and one.until_at > at)
    if not mine:
        return False
    action = read("action", decision.action)
    if action is None:
        return True
    return any(
        affects(one.selectors, action.action_type, action.tool, action.cls, decision.level) for one in mine
    )


REGISTER = Register(
    name="overtaken",
    cells={
        "pending_decisions": tuple[int, ...],
        "demands": tuple[Demand, ...],
        "loosenings": tuple[Loosening, ...],
    },
    folds={
        DecisionOpened: _opened,
        DecisionApproved: _over,
        DecisionDenied: _over,
        DecisionExpired: _over,
        DecisionCancelled: _over,
        DecisionForced: _over,
        PolicyApplied: _applied,
    },
)
