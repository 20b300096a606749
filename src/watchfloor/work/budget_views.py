"""What people see of budgets: `budgets` (spec 3.3). What is spent and reserved right now is joined from the register."""

from __future__ import annotations

from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Event
from watchfloor.kernel.projection import Change, Index, Projectors, Table, instant, integer, text
from watchfloor.work.budget_messages import (
    BudgetChanged,
    BudgetExhausted,
    BudgetRemoved,
    BudgetRenewed,
    BudgetSet,
    BudgetWarned,
)

BUDGETS = Table(
    name="budgets",
    version=2,
    meaning="Budgets, in force while removed_at is 0.",
    key=("budget",),
    columns={
        "budget": integer("subject"),
        "id": text("public id bud_…"),
        "scope": text("organisation, agent, spawned, task or lineage"),
        "target": integer("subject of the agent or task, 0: the organisation"),
        "measure": text("money (micro units), tokens, actions or time (ms)"),
        "period": text("day, month (UTC) or total"),
        "limit_amount": integer("in the unit of the measure"),
        "set_at": instant("when"),
        "set_by": text("public id"),
        "changed_at": instant("of the limit now in force"),
        "warned_at": instant("four fifths were gone, 0: not in this period"),
        "exhausted_at": instant("all of it was spent, 0: not in this period"),
        "turned_away_at": instant("something was turned away while anything was left, 0: not in this period"),
        "removed_at": instant("0: in force"),
        "removed_by": text("public id"),
        "reason": text("why it was removed"),
        "seq": integer("newest event"),
    },
    indexes=(Index(("scope", "target")),),
)


_NOTHING_SAID = {"warned_at": 0, "exhausted_at": 0, "turned_away_at": 0}


def _set(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, BudgetSet)
    return [
        BUDGETS.put(
            event.subject,
            id=public_id("budget", event.subject, facts.nonce),
            scope=facts.scope,
            target=facts.target,
            measure=facts.measure,
            period=facts.period,
            limit_amount=facts.limit,
            set_at=event.at,
            set_by=event.of or event.actor.id,
            changed_at=event.at,
            seq=event.seq,
        )
    ]


def _changed(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, BudgetChanged)
    now = {"limit_amount": facts.limit, "changed_at": event.at}
    return [BUDGETS.set(event.subject, seq=event.seq, **now, **_NOTHING_SAID)]


def _removed(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, BudgetRemoved)
    who = event.of or event.actor.id
    gone = BUDGETS.set(event.subject, seq=event.seq, removed_at=event.at, removed_by=who, reason=facts.reason)
    return [gone]


def _warned(event: Event) -> list[Change]:
    return [BUDGETS.set(event.subject, seq=event.seq, warned_at=event.at)]


def _exhausted(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, BudgetExhausted)
    said = "exhausted_at" if facts.spent >= facts.limit else "turned_away_at"
    return [BUDGETS.set(event.subject, seq=event.seq, **{said: event.at})]


def _renewed(event: Event) -> list[Change]:
    return [BUDGETS.set(event.subject, seq=event.seq, **_NOTHING_SAID)]


PROJECT_BUDGETS: Projectors = {
    BudgetSet: _set,
    BudgetChanged: _changed,
    BudgetRemoved: _removed,
    BudgetWarned: _warned,
    BudgetExhausted: _exhausted,
    BudgetRenewed: _renewed,
}
