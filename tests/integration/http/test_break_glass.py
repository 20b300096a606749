"""Break-glass through REST: forced, told, started, reviewed; not past a stop (spec 3.2)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.integration.http.conftest import ask_patch
from tests.integration.http.deciding import broken, new_agent, person, start, vote
from tests.integration.http.kit import Running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path).start()
    for roles in (("supervisor",), ("director",), ("admin",)):
        running.person(*roles)
    yield running
    assert broken(running) == []
    running.stop()


def force(client: httpx2.Client, decision: str) -> httpx2.Response:
    seen = client.get(f"/api/v1/decisions/{decision}").json()["decision"]
    body = {"digest": seen["digest"], "reason": "the site is down"}
    return client.post(f"/api/v1/decisions/{decision}/force", json=body)


def test_a_director_forces_it_the_agent_starts_and_another_person_reviews(server: Running) -> None:
    agent, director, supervisor = new_agent(server), person(server, "director"), person(server, "supervisor")
    asked = ask_patch(agent)
    place = f"/api/v1/decisions/{asked['decision_id']}"
    assert supervisor.post(f"{place}/force", json={"digest": "0" * 64, "reason": "x"}).status_code == 403
    offered = [client.get(place).json() for client in (supervisor, director)]
    assert [(one["may_force"], one["may_review"]) for one in offered] == [(False, False), (True, False)]
    done = force(director, asked["decision_id"])
    assert done.json()["status"] == "forced", done.text
    after = f"{place}?min_seq={done.json()['seq']}"
    offered = [client.get(after).json() for client in (supervisor, director)]
    assert [(one["may_force"], one["may_review"]) for one in offered] == [(False, True), (False, False)]
    assert start(agent, asked["action_id"]).json()["status"] == "executing"
    mine = director.post(f"{place}/review", json={"verdict": "justified"})
    assert mine.json()["code"] == "needs_another_person"
    seen = supervisor.post(f"{place}/review", json={"verdict": "unjustified", "comment": "it was up"})
    assert seen.status_code == 200, seen.text
    now = supervisor.get(f"{place}?min_seq={seen.json()['seq']}").json()
    assert (now["decision"]["reason"], now["decision"]["review"]) == ("forced", "unjustified")
    assert now["decision"]["forced_by"] == [director.headers["x-person"]]
    told = [line["sentence"] for line in now["timeline"] if line["type"].startswith("decision.")]
    assert any("Alert to role:director, role:admin" in sentence for sentence in told)
    assert "Forced past the people by director" in supervisor.get(f"/inbox/{asked['decision_id']}").text
    assert vote(supervisor, asked["decision_id"]).json()["late"]


def test_forcing_goes_past_people_and_not_past_a_stop(server: Running) -> None:
    agent, director = new_agent(server), person(server, "director")
    asked = ask_patch(agent)
    stop = person(server, "operator").post(
        "/api/v1/stops", json={"scope": "tool", "target": "git", "reason": "drill"}
    )
    assert stop.status_code == 201, stop.text
    assert force(director, asked["decision_id"]).json()["status"] == "forced"
    assert start(agent, asked["action_id"]).json()["status"] == "grant_revoked"
