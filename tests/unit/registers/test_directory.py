"""Who is who: names, display codes, people and their roles, the policy in force, what waits for whom (spec 1, 2.1)."""

from __future__ import annotations

import pytest
from tests.unit.registers.board import Board

from watchfloor.councils.messages import (
    DecisionApproved,
    DecisionCancelled,
    DecisionDenied,
    DecisionExpired,
    DecisionOpened,
)
from watchfloor.fleet.messages import AgentRegistered
from watchfloor.fleet.structured_id import structured_id
from watchfloor.kernel.messages import Facts
from watchfloor.kernel.terms import Policy
from watchfloor.people.messages import OrganisationFounded, PersonDisabled, PersonJoined, RolesChanged
from watchfloor.policy.messages import PolicyApplied
from watchfloor.registers.directory import REGISTER, find_display, find_person, number_of


def registered(name: str, kind: str = "worker", capability: str = "git") -> AgentRegistered:
    return AgentRegistered(
        capabilities=(capability,),
        credential="key_a",
        expires_at=9,
        name=name,
        nonce=1,
        owner="system",
        tools=(),
        type=kind,
        version="",
    )


def test_names_of_agents_and_people_are_apart() -> None:
    board = Board(REGISTER)
    agent = board.show(registered("eve"))
    person = board.show(PersonJoined(handle="eve", nonce=1, roles=("admin",)))
    assert board.read("names", "agent:eve") == agent.subject
    assert board.read("names", "person:eve") == person.subject


def test_display_codes_are_unique_over_two_hundred_agents_of_one_kind_and_lead_back() -> None:
    board = Board(REGISTER)
    codes = {}
    for number in range(200):
        agent = board.show(registered(f"a{number}")).subject
        codes[structured_id(3, "worker", "git", number_of(board.read, agent))] = agent
    other = board.show(registered("b", kind="planner")).subject
    assert len(codes) == 200
    assert number_of(board.read, other) == 0, "another series begins at its own 0"
    assert all(find_display(board.read, code) == agent for code, agent in codes.items())
    moved = {f"5{code[1:]}": agent for code, agent in codes.items()}
    assert all(find_display(board.read, code) == agent for code, agent in moved.items()), (
        "the tier may change"
    )
    assert find_display(board.read, "399999") == 0


def test_a_registration_shown_twice_takes_one_number() -> None:
    board = Board(REGISTER)
    event = board.show(registered("a"))
    board.show(registered("b"))
    before = dict(board.cells)
    board.again(event)
    assert board.cells == before


def test_people_change_roles_and_are_disabled_one_by_one() -> None:
    board = Board(REGISTER)
    ada = board.show(PersonJoined(handle="ada", nonce=1, roles=("admin",)))
    bob = board.show(PersonJoined(handle="bob", nonce=2, roles=("operator",)))
    board.again(ada)
    assert {person.handle for person in board.read("people", "all")} == {"ada", "bob"}
    board.show(RolesChanged(roles=("director",)), subject=bob.subject)
    board.show(PersonDisabled(), subject=ada.subject)
    by_handle = {person.handle: person for person in board.read("people", "all")}
    assert (by_handle["bob"].roles, by_handle["bob"].enabled) == (("director",), True)
    assert (by_handle["ada"].roles, by_handle["ada"].enabled) == (("admin",), False)
    assert find_person(board.read, by_handle["bob"].id) == by_handle["bob"]
    assert find_person(board.read, "per_nobody") is None
    assert find_person(Board(REGISTER).read, "per_nobody") is None


def test_the_newest_policy_is_in_force() -> None:
    board = Board(REGISTER)
    for version in (1, 2):
        board.show(
            PolicyApplied(digest=f"d{version}", document=Policy(), nonce=1, reason="", version=version)
        )
    assert (board.read("active_policy", "active").version, board.read("active_policy", "active").digest) == (
        2,
        "d2",
    )


def test_the_organisation_is_found_by_its_name() -> None:
    board = Board(REGISTER)
    assert board.show(OrganisationFounded(name="o", nonce=1, origin="o")).subject == board.read(
        "names", "organisation"
    )


def opened(action: int) -> DecisionOpened:
    return DecisionOpened(
        action=action,
        agent=1,
        deadline_at=1,
        digest="d",
        execution_ms=1,
        grant_ms=1,
        level=3,
        needed=1,
        nonce=1,
        owner="system",
        risk=1,
        role="supervisor",
        unanswered="deny",
        urgency="normal",
    )


ANSWERS: list[Facts] = [
    DecisionApproved(action=9, agent=1, execution_ms=1, grant_ms=1, level=3, voters=()),
    DecisionDenied(action=9, agent=1, reason=""),
    DecisionExpired(action=9, agent=1),
    DecisionCancelled(action=9, agent=1, reason=""),
]


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda facts: type(facts).__name__)
def test_an_action_waits_for_its_newest_decision_only(answer: Facts) -> None:
    board = Board(REGISTER)
    old, new = board.show(opened(9)), board.show(opened(9))
    board.show(answer, subject=old.subject)
    assert board.read("waiting", 9) == new.subject, "an older decision's end is not the newer one's"
    board.show(answer, subject=new.subject)
    assert board.read("waiting", 9) is None
