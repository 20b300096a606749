"""The stricter of two policies, counted: each demand by its own people, all of them together (spec 3.2)."""

from __future__ import annotations

import pytest

from watchfloor.councils.demands import DEMANDS_MAX, added, outcome, same, strictest
from watchfloor.councils.messages import Demand, Member
from watchfloor.councils.quorum import APPROVED, DENIED, PENDING, Vote
from watchfloor.kernel.loosening import affects

OWN = Demand(0, "supervisor", 1)
ROLES = {"per_ada": ("director",), "per_ben": ("supervisor",), "per_cleo": ("operator",)}
BOARD = Demand(2, "director", 2, "board", (Member("per_ada", "director"), Member("per_ben")))


def votes(*said: str) -> tuple[Vote, ...]:
    """`ada` approves, `-ada` denies."""
    return tuple(Vote(f"per_{who.strip('-')}", "deny" if who[0] == "-" else "approve") for who in said)


@pytest.mark.parametrize(
    ("said", "demand", "expected"),
    [
        (("cleo", "ben"), OWN, APPROVED),
        (("cleo",), OWN, PENDING),
        (("-cleo",), OWN, PENDING),
        (("-ben", "ada"), OWN, DENIED),
        (("ada",), BOARD, PENDING),
        (("ada", "ben"), BOARD, APPROVED),
        (("-ada",), BOARD, DENIED),
        (("eve", "ben"), Demand(3, "supervisor", 2), PENDING),
        (("ada",), Demand(3, "director", 1, "board"), PENDING),
    ],
)
def test_only_votes_of_those_who_may_under_it_count_under_a_demand(
    said: tuple[str, ...], demand: Demand, expected: str
) -> None:
    assert outcome(votes(*said), demand, ROLES) == expected


def test_approved_by_all_is_approved_and_denied_by_one_is_denied() -> None:
    assert strictest((APPROVED, APPROVED)) == APPROVED
    assert strictest((APPROVED, PENDING)) == PENDING
    assert strictest((PENDING, DENIED)) == DENIED


def test_a_policy_adds_a_demand_once_and_none_takes_one_away() -> None:
    two = Demand(2, "supervisor", 2)
    assert added(OWN, (), Demand(5, "supervisor", 1)) == ()
    assert added(OWN, (), two) == (two,)
    assert added(OWN, (two,), Demand(9, "supervisor", 2)) == (two,)
    assert added(OWN, (two,), BOARD) == (two, BOARD)
    assert same(BOARD, Demand(7, "operator", 2, "board", BOARD.members))


def test_more_policies_than_a_decision_takes_on_make_it_impossible() -> None:
    also: tuple[Demand, ...] = ()
    for needed in range(2, DEMANDS_MAX + 4):
        also = added(OWN, also, Demand(needed, "supervisor", needed))
    assert len(also) == DEMANDS_MAX
    assert also[-1].needed == 1_000_000


def test_a_selector_names_type_tool_class_level_or_everything() -> None:
    for selector, hit in (
        ("*", True),
        ("type:file.write", True),
        ("tool:editor", True),
        ("class:write", True),
        ("level:3", True),
        ("level:4", False),
        ("type:file", False),
    ):
        assert affects((selector,), "file.write", "editor", "write", 3) is hit
    assert not affects((), "file.write", "editor", "write", 3)
