"""A policy that changes while people decide: the stricter of both, and who loosened it does not decide (spec 3.2)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.http.conftest import ask_patch
from tests.integration.http.deciding import broken, change_policy, new_agent, person, start, vote
from tests.integration.http.kit import Running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path).start()
    yield running
    assert broken(running) == []
    running.stop()


@pytest.fixture
def people(server: Running) -> dict[str, httpx2.Client]:
    """Two supervisors, two directors and an admin."""
    return {
        "sue": person(server, "supervisor"),
        "sam": person(server, "supervisor", "auditor"),
        "dee": person(server, "director"),
        "dan": person(server, "director", "auditor"),
        "ada": person(server, "admin"),
    }


def two_supervisors(document: dict[str, Any]) -> None:
    document["routing"]["approve"]["needed"] = 2


def one_supervisor(document: dict[str, Any]) -> None:
    document["routing"]["approve"]["needed"] = 1


def the_directors(document: dict[str, Any]) -> None:
    document["routing"]["approve"]["committee"] = "directors"


def test_a_stricter_policy_binds_what_waits_already(
    server: Running, people: dict[str, httpx2.Client]
) -> None:
    agent = new_agent(server)
    asked = ask_patch(agent)
    change_policy(people["ada"], two_supervisors)
    first = vote(people["sue"], asked["decision_id"])
    assert first.json()["status"] == "pending", first.text
    shown = people["sam"].get(f"/api/v1/decisions/{asked['decision_id']}").json()
    assert [(one["role"], one["needed"]) for one in shown["also"]] == [("supervisor", 2)]
    assert "The policy has changed since" in people["sam"].get(f"/inbox/{asked['decision_id']}").text
    assert vote(people["sam"], asked["decision_id"]).json()["status"] == "approved"
    assert start(agent, asked["action_id"]).json()["status"] == "executing"


def test_a_looser_policy_makes_nothing_easier_in_whatever_order(
    server: Running, people: dict[str, httpx2.Client]
) -> None:
    agent = new_agent(server)
    asked = ask_patch(agent)
    change_policy(people["ada"], two_supervisors)
    change_policy(people["ada"], one_supervisor, people["sue"], people["sam"])
    assert vote(people["sue"], asked["decision_id"]).json()["status"] == "pending"
    assert vote(people["sam"], asked["decision_id"]).json()["status"] == "approved"
    again = ask_patch(agent, params={"path": "other", "diff": "x"})
    assert vote(people["sue"], again["decision_id"]).json()["status"] == "approved"


def test_a_committee_that_comes_meanwhile_must_agree_too(
    server: Running, people: dict[str, httpx2.Client]
) -> None:
    agent = new_agent(server)
    asked = ask_patch(agent)
    change_policy(people["ada"], the_directors, people["sue"])
    for name, status in (("sue", "pending"), ("dee", "pending"), ("dan", "approved")):
        assert vote(people[name], asked["decision_id"]).json()["status"] == status
    assert start(agent, asked["action_id"]).json()["status"] == "executing"


def test_who_loosened_the_policy_does_not_decide_on_what_it_affects(
    server: Running, people: dict[str, httpx2.Client]
) -> None:
    change_policy(people["ada"], two_supervisors)
    change_policy(people["dee"], one_supervisor, people["sue"], people["sam"])
    agent = new_agent(server)
    asked = ask_patch(agent)
    shown = people["dee"].get(f"/api/v1/decisions/{asked['decision_id']}").json()
    assert not shown["may_vote"]
    assert "loosened" in shown["obstacle"]
    refused = vote(people["dee"], asked["decision_id"])
    assert (refused.status_code, refused.json()["code"]) == (403, "loosened_it")
    assert vote(people["sue"], asked["decision_id"]).json()["status"] == "approved"


def test_who_loosens_it_after_voting_has_voted_in_vain(
    server: Running, people: dict[str, httpx2.Client]
) -> None:
    agent = new_agent(server)
    asked = ask_patch(agent)
    assert vote(people["dee"], asked["decision_id"]).json()["status"] == "approved"
    change_policy(people["ada"], two_supervisors)
    change_policy(people["dee"], one_supervisor, people["sue"], people["sam"])
    refused = start(agent, asked["action_id"])
    assert refused.json()["status"] == "grant_revoked", refused.text
