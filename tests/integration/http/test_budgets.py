"""Budgets on a running server: set, asked of by the gate, settled, used up, raised, removed (spec 2.4, 3.3; fault F12)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from tests.integration.http.kit import Running

Client = httpx2.Client


@pytest.fixture(scope="module")
def director(server: Running) -> Iterator[Client]:
    with server.client(server.person("director")) as client:
        yield client


def limit(client: Client, measure: str, number: int, target: str = "", **more: Any) -> str:
    """Set a budget; its id."""
    scope = more.pop("scope", "agent" if target else "organisation")
    body = {"scope": scope, "target_id": target, "measure": measure, "limit": number, **more}
    answer = client.post("/api/v1/budgets", json=body)
    assert answer.status_code == 201, answer.text
    budget: str = answer.json()["budget_id"]
    return budget


def shown(client: Client, budget: str, seq: int = 0) -> dict[str, Any]:
    answer = client.get(f"/api/v1/budgets/{budget}?min_seq={seq}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def read(agent: Client, **more: Any) -> dict[str, Any]:
    """Ask to read a file, which a machine may permit."""
    body = {"type": "file.read", "tool": "fs", "params": {"path": "README.md"}, **more}
    answer = agent.post("/api/v1/actions", json=body)
    assert answer.status_code == 200, answer.text
    ruling: dict[str, Any] = answer.json()
    return ruling


def refused_by(ruling: dict[str, Any]) -> set[str]:
    return {reason["rule"] for reason in ruling["reasons"] if reason["answer"] == "deny"}


def trusted(server: Running, agent: Client) -> str:
    """A standing approval, so that reads run at once; the agent's id."""
    agent_id: str = agent.headers["x-agent"]
    answer = server.client(server.person("supervisor")).post(
        "/api/v1/standing-approvals",
        json={"agent_id": agent_id, "type": "file.read", "expires_at": server.engine.clock() + 10**12},
    )
    assert answer.status_code == 201, answer.text
    return agent_id


def run(agent: Client, ruling: dict[str, Any], **outcome: Any) -> int:
    """Start and complete a permitted action; the seq."""
    assert ruling["grant"], ruling
    path = f"/api/v1/actions/{ruling['action_id']}"
    started = agent.post(
        f"{path}/start", json={"grant_id": ruling["grant"]["grant_id"], "execution_id": "exe_1"}
    )
    assert started.status_code == 200, started.text
    done = agent.post(f"{path}/complete", json={"execution_id": "exe_1", **outcome})
    assert done.status_code == 200, done.text
    seq: int = done.json()["seq"]
    return seq


def test_a_budget_reserves_before_and_settles_after(server: Running, agent: Client, director: Client) -> None:
    budget = limit(director, "money", 1_000, trusted(server, agent))
    ruling = read(agent, cost_micro=300)
    found = shown(director, budget, ruling["seq"])
    assert (found["spent"], found["reserved"], found["left"]) == (0, 300, 700)
    found = shown(director, budget, run(agent, ruling, cost_micro=120))
    assert (found["spent"], found["reserved"], found["left"]) == (120, 0, 880)
    found = shown(director, budget, run(agent, read(agent, cost_micro=80)))
    assert (found["spent"], found["reserved"]) == (200, 0), "who does not say is charged what was reserved"
    found = shown(director, budget, run(agent, read(agent, cost_micro=80), cost_micro=0))
    assert (found["spent"], found["reserved"]) == (200, 0), "nothing said is not nothing spent"


def test_a_budget_that_runs_out_stops_new_actions_and_says_so(
    server: Running, agent: Client, director: Client
) -> None:
    budget = limit(director, "tokens", 100, trusted(server, agent))
    first = read(agent, tokens=90)
    over = read(agent, tokens=20)
    assert over["verdict"] == "denied"
    assert refused_by(over) == {"a_budget_is_used_up"}
    (said,) = (r["text"] for r in over["reasons"] if r["rule"] == "a_budget_is_used_up")
    assert said == f"Budget {budget} of the agent has 10 of 100 tokens left (and 90 reserved); 20 asked."
    assert read(agent, tokens=0)["verdict"] == "permitted", (
        "what asks for nothing passes while something is left"
    )
    seq = run(agent, first, tokens=130)
    found = shown(director, budget, seq)
    assert (found["spent"], found["reserved"], found["left"]) == (130, 0, 0)
    assert found["warned_at"] > 0
    assert found["exhausted_at"] > 0
    assert refused_by(read(agent, tokens=0)) == {"a_budget_is_used_up"}
    used_up = director.get("/api/v1/budgets?state=exhausted").json()["items"]
    assert budget in [item["budget_id"] for item in used_up]
    assert limit(director, "tokens", 1_000, agent.headers["x-agent"]) == budget
    assert read(agent, tokens=20)["verdict"] == "permitted"


def test_what_nobody_estimated_is_too_much(server: Running, agent: Client, director: Client) -> None:
    budget = limit(director, "money", 10**12, trusted(server, agent))
    ruling = read(agent)
    assert ruling["verdict"] == "denied"
    assert refused_by(ruling) == {"the_cost_is_not_estimated"}
    assert read(agent, cost_micro=0)["verdict"] == "permitted"
    removed = director.post(f"/api/v1/budgets/{budget}/remove", json={"reason": "over"})
    assert removed.status_code == 200, removed.text
    assert read(agent)["verdict"] == "permitted"
    gone = director.get(f"/api/v1/budgets?state=removed&min_seq={removed.json()['seq']}").json()["items"]
    assert [item["reason"] for item in gone if item["budget_id"] == budget] == ["over"]


def test_an_unknown_outcome_keeps_its_reservation_until_it_is_settled(
    server: Running, agent: Client, director: Client
) -> None:
    budget = limit(director, "actions", 2, trusted(server, agent))
    first, second = read(agent), read(agent)
    assert refused_by(read(agent)) == {"a_budget_is_used_up"}
    cancelled = agent.post(f"/api/v1/actions/{second['action_id']}/cancel", json={"reason": "not needed"})
    assert cancelled.status_code == 200, cancelled.text
    assert shown(director, budget, cancelled.json()["seq"])["left"] == 1
    found = shown(director, budget, run(agent, first))
    assert (found["spent"], found["reserved"], found["left"]) == (1, 0, 1)


def test_a_budget_of_the_organisation_counts_every_agent(server: Running, director: Client) -> None:
    other = server.orgs[1]
    boss = server.client(server.person("director", org=other))
    one, two = (server.client(server.agent(org=other)["api_key"]) for _ in range(2))
    budget = limit(boss, "actions", 1, period="day")
    assert read(one)["verdict"] == "pending"
    assert refused_by(read(two)) == {"a_budget_is_used_up"}
    assert shown(boss, budget)["reserved"] == 1
    assert director.get(f"/api/v1/budgets/{budget}").status_code == 404


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"scope": "organisation", "measure": "money", "limit": 1, "target_id": "agt_1"}, "invalid_fields"),
        ({"scope": "agent", "measure": "money", "limit": 1}, "invalid_fields"),
        ({"scope": "agent", "measure": "money", "limit": 1, "target_id": "agt_zzzz"}, "not_found"),
        ({"scope": "agent", "measure": "money", "limit": -1}, "invalid_fields"),
        ({"scope": "fleet", "measure": "money", "limit": 1}, "invalid_fields"),
        ({"scope": "organisation", "measure": "gold", "limit": 1}, "invalid_fields"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(director: Client, body: dict[str, Any], code: str) -> None:
    answer = director.post("/api/v1/budgets", json=body)
    assert answer.status_code in (404, 422)
    assert answer.json()["code"] == code


def test_budgets_are_listed_by_what_they_are_for(server: Running, agent: Client, director: Client) -> None:
    budget = limit(director, "time", 60_000, agent.headers["x-agent"])
    assert shown(director, budget, server.engine.head(server.orgs[0]))["measure"] == "time"
    found = director.get(f"/api/v1/budgets?target={agent.headers['x-agent']}&measure=time").json()["items"]
    assert [item["budget_id"] for item in found] == [budget]
    assert director.get("/api/v1/budgets?target=dec_1").status_code == 404
