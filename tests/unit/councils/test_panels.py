"""Who sits on a committee, and which committee decides (spec 3.2 *Committees*)."""

from __future__ import annotations

import pytest

from watchfloor.councils.messages import Member
from watchfloor.councils.panels import Candidate, committee_for, may_still, route, seated
from watchfloor.kernel.council_terms import Assignment, CommitteeTerms, RoutingTerms, Seat

ADA = Candidate("per_ada", "ada", ("director",))
BEN = Candidate("per_ben", "ben", ("supervisor",))
CLEO = Candidate("per_cleo", "cleo", ("admin",))
DIRECTORS = CommitteeTerms(seats=(Seat(role="director"),))


@pytest.mark.parametrize(
    ("people", "needed", "missing"),
    [((), 1, 1), ((ADA,), 1, 0), ((ADA, CLEO), 2, 0), ((ADA, BEN, CLEO), 2, 0)],
)
def test_two_directors_decide_or_all_where_there_are_fewer(
    people: tuple[Candidate, ...], needed: int, missing: int
) -> None:
    panel = seated(DIRECTORS, people)
    assert (panel.needed, panel.missing) == (needed, missing)
    assert all(member.role == "director" and member.weight == 1 for member in panel.members)


def test_a_count_that_nobody_can_reach_says_how_many_are_missing() -> None:
    terms = CommitteeTerms(seats=(Seat(role="supervisor"),), needed=5)
    assert seated(terms, (ADA, BEN, CLEO)).missing == 2


def test_unanimity_takes_every_named_seat_filled() -> None:
    board = CommitteeTerms(seats=(Seat(person="ada"), Seat(person="ben"), Seat(person="zoe")), rule="all")
    assert (seated(board, (ADA, BEN)).needed, seated(board, (ADA, BEN)).missing) == (3, 1)
    whole = CommitteeTerms(seats=(Seat(role="supervisor"),), rule="all")
    assert (seated(whole, (ADA, BEN, CLEO)).needed, seated(whole, (ADA, BEN, CLEO)).missing) == (3, 0)
    assert seated(whole, ()).missing == 1


def test_who_fits_several_seats_has_the_heaviest_and_any_veto() -> None:
    terms = CommitteeTerms(
        seats=(Seat(role="director", weight=2), Seat(person="ada", weight=5), Seat(role="admin", veto=True)),
        rule="weight",
        needed=6,
    )
    panel = seated(terms, (ADA, CLEO))
    assert panel.members == (Member("per_ada", "", 5), Member("per_cleo", "director", 2, veto=True))
    assert (panel.needed, panel.missing) == (6, 0)
    assert seated(terms, (CLEO,)).missing == 4


def test_a_seat_for_a_role_takes_the_role_still_and_a_named_one_the_person() -> None:
    assert may_still(Member("per_ada", "director"), {"per_ada": ("admin",)})
    assert not may_still(Member("per_ada", "director"), {"per_ada": ("operator",)})
    assert may_still(Member("per_ada"), {"per_ada": ()})
    assert not may_still(Member("per_ada"), {})


def test_the_level_routes_and_an_assignment_names_another_committee() -> None:
    routing = RoutingTerms(
        assignments=(
            Assignment(committee="finance", level_min=3, types=("payment.send",)),
            Assignment(committee="changes", level_min=3, classes=("system_config",)),
        )
    )
    assert [route(routing, level).role for level in (2, 3, 4)] == ["operator", "supervisor", "director"]
    assert committee_for(routing, 3, "payment.send", "financial") == "finance"
    assert committee_for(routing, 2, "payment.send", "financial") == ""
    assert committee_for(routing, 4, "config.change", "system_config") == "changes"
    assert committee_for(routing, 3, "file.write", "write") == ""
    assert committee_for(routing, 4, "file.write", "write") == "directors"
