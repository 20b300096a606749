"""A decision that nobody can answer any more is not waited for (spec 3.2, fault F11)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.transcripts.world import World
from tests.unit.councils.test_rules import DEADLINE, decision, opened, votes

from watchfloor.councils import demands
from watchfloor.councils import messages as m
from watchfloor.councils.messages import Demand, Member
from watchfloor.councils.quorum import Vote
from watchfloor.councils.rules import ReachEvidence
from watchfloor.kernel.messages import Facts

SUE, DEE = ("per_sue", ("supervisor",)), ("per_dee", ("director",))
BOARD = Demand(2, "director", 2, "board", (Member("per_sue"), Member("per_dee", "director")), 4)


def rechecks(world: World, *people: tuple[str, tuple[str, ...]], **seen: Any) -> list[Facts]:
    evidence = ReachEvidence(people=people, **seen)
    return [event.facts for event in world.perform(m.RecheckDecision(subject=1), evidence=evidence)]


def lacking(missing: int, *lacks: str) -> m.DecisionDenied:
    return m.DecisionDenied(action=41, agent=7, reason="unanswerable", missing=missing, lacks=lacks)


@pytest.mark.parametrize(
    ("said", "demand", "missing"),
    [
        ((), Demand(0, "supervisor", 2), 0),
        ((), Demand(0, "director", 2), 1),
        ((Vote("per_sue", "abstain"),), Demand(0, "supervisor", 2), 1),
        ((Vote("per_sue", "approve"),), Demand(0, "supervisor", 2), 0),
        ((Vote("per_sue", "deny", late=True),), Demand(0, "supervisor", 2), 0),
        ((), BOARD, 0),
        ((Vote("per_dee", "abstain"),), BOARD, 1),
        ((), Demand(2, "", 9, "board", BOARD.members), 7),
    ],
)
def test_what_is_missing_is_counted_over_those_who_are_there_and_have_not_said_otherwise(
    said: tuple[Vote, ...], demand: Demand, missing: int
) -> None:
    assert demands.missing(said, demand, dict((SUE, DEE))) == missing


def test_it_is_denied_at_once_with_who_must_be_added_under_any_route() -> None:
    assert rechecks(opened(), SUE) == []
    assert rechecks(opened()) == [lacking(1, "role:supervisor")]
    assert rechecks(opened(), SUE, also=(BOARD,)) == [lacking(1, "committee:board")]
    short = rechecks(opened(), also=(BOARD, BOARD))
    assert short == [lacking(2, "role:supervisor", "committee:board")]
    assert rechecks(opened(), SUE, DEE, also=(BOARD,)) == []


def test_what_is_over_is_left_alone() -> None:
    world = opened()
    votes(world, "per_sue", "deny")
    assert rechecks(world) == []
    world = opened()
    world.at = DEADLINE
    assert rechecks(world) == []
    assert world.perform(m.RecheckDecision(subject=1)) == []


def test_with_a_warning_or_a_rung_it_is_looked_at_again() -> None:
    world = opened(warn_permille=500)
    world.at = decision(world).warn_at
    (event,) = world.perform(m.DecisionTimePassed(subject=1), evidence=ReachEvidence(people=()))
    assert event.facts == lacking(1, "role:supervisor")
