"""Facts as nobody would write them: any value of the right type, from a small pool so that they meet each other."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, get_type_hints

import msgspec
from hypothesis import strategies as st

from watchfloor.actions.messages import Derived, Evidence, Grant
from watchfloor.councils.messages import Demand, Member, Step
from watchfloor.councils.schedule_messages import Layer, Offset
from watchfloor.councils.tribunal_messages import Validator
from watchfloor.kernel.messages import SYSTEM, Event, Facts
from watchfloor.kernel.terms import AutoTerms, Policy
from watchfloor.work.economic_messages import Economics

INTEGERS = st.one_of(st.integers(0, 4), st.sampled_from([1_000, 2**53 - 1]))
TEXTS = st.sampled_from(
    [
        "",
        "a",
        "b",
        "approve",
        "deny",
        "abstain",
        "running",
        "blocked",
        "expired",
        "denied",
        "used",
        "permitted",
        "pending",
        "auto",
        "approved",
        "completed",
        "admin",
        "session",
    ]
)
BY_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    int: INTEGERS,
    str: TEXTS,
    bool: st.booleans(),
    tuple[str, ...]: st.lists(TEXTS, max_size=3).map(tuple),
    tuple[int, ...]: st.lists(st.integers(0, 4), max_size=3).map(tuple),
}
# No fold looks into evidence beyond whether budgets were seen, so one value will do.
NOTHING_SEEN = Evidence(0, True, True, (), 0, 0, 0, 0, 0, 0, 0, 0, 1, 300, 0, True, True, 0, 0, 0, 0, 0, 0)
GRANTS = st.builds(Grant, basis=TEXTS, execution_ms=INTEGERS, expires_at=INTEGERS, number=INTEGERS)
BY_TYPE |= {
    Derived: st.builds(Derived, cls=TEXTS),
    Evidence: st.just(NOTHING_SEEN),
    Grant | None: st.none() | GRANTS,
    Grant: GRANTS,
    Economics: st.builds(Economics, INTEGERS, INTEGERS),
    tuple[tuple[str, str, int], ...]: st.just((("a_rule", "raise", 2),)),
    tuple[Member, ...]: st.lists(
        st.builds(Member, TEXTS, st.sampled_from(["", "admin"]), INTEGERS, st.booleans()), max_size=3
    ).map(tuple),
    tuple[Demand, ...]: st.lists(st.builds(Demand, INTEGERS, TEXTS, INTEGERS), max_size=2).map(tuple),
    tuple[Step, ...]: st.lists(st.builds(Step, st.just(("role:director",)), INTEGERS), max_size=2).map(tuple),
    tuple[Validator, ...]: st.lists(st.builds(Validator, INTEGERS, TEXTS, INTEGERS), max_size=3).map(tuple),
    tuple[Layer, ...]: st.lists(
        st.builds(Layer, st.just(("per_1",)), st.integers(60, 90), INTEGERS), max_size=2
    ).map(tuple),
    tuple[Offset, ...]: st.just((Offset(0, 3_600),)),
    Policy: st.sampled_from([Policy(), Policy(name="other", auto=AutoTerms(score_min=700))]),
}


def facts_of(kind: type[Facts]) -> st.SearchStrategy[Facts]:
    """Any facts of this class."""
    hints = get_type_hints(kind)
    fields = {field.name: BY_TYPE[hints[field.name]] for field in msgspec.structs.fields(kind)}
    return st.fixed_dictionaries(fields).map(lambda values: kind(**values))


def streams(kinds: Iterable[type[Facts]], *, begin: type[Facts]) -> st.SearchStrategy[list[Event]]:
    """Events of one subject with any facts in any order, their seqs in any order too; most begin as they should."""
    anything = st.one_of([facts_of(kind) for kind in kinds])
    facts = st.tuples(
        st.booleans(),
        facts_of(begin),
        st.lists(anything, max_size=5) | st.lists(anything, min_size=12, max_size=25),
    )
    return st.tuples(facts, st.lists(st.integers(1, 60), min_size=30, max_size=30), st.booleans()).map(
        lambda drawn: [
            as_event(said, seq=number + 1 if drawn[2] else drawn[1][number], at=number)
            for number, said in enumerate([drawn[0][1], *drawn[0][2]] if drawn[0][0] else drawn[0][2])
        ]
    )


def as_event(facts: Facts, *, seq: int, at: int) -> Event:
    """These facts as something that happened to subject 1."""
    return Event(
        org="o",
        seq=seq,
        at=at,
        type=facts.TYPE,
        kind=facts.KIND,
        subject=1,
        actor=SYSTEM,
        facts=facts,
    )
