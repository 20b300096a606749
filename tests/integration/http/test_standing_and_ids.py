"""What a standing approval rests on, and which decision an answer names when nobody could approve (spec 3.1, 3.2)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.http.conftest import ask_patch
from tests.integration.http.deciding import broken, new_agent, person, start
from tests.integration.http.kit import Running


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path).start()
    yield running
    assert broken(running) == []
    running.stop()


def read(agent: httpx2.Client) -> dict[str, Any]:
    body = {"type": "file.read", "tool": "fs", "params": {"path": "/srv/data"}}
    return dict(agent.post("/api/v1/actions", json=body).json())


def test_a_standing_approval_does_not_outlive_its_givers_role(server: Running) -> None:
    giver, admin, agent = person(server, "supervisor"), person(server, "admin"), new_agent(server)
    body = {
        "agent_id": agent.headers["x-agent"],
        "type": "file.read",
        "expires_at": int(time.time() + 3_600) * 1_000_000,
    }
    assert giver.post("/api/v1/standing-approvals", json=body).status_code == 201
    kept, used = read(agent), read(agent)
    assert (kept["verdict"], kept["grant"]["basis"]) == ("permitted", "standing")
    assert start(agent, used["action_id"]).json()["status"] == "executing"
    roles = admin.post(f"/api/v1/people/{giver.headers['x-person']}/roles", json={"roles": ["operator"]})
    assert roles.status_code == 200, roles.text
    assert start(agent, kept["action_id"]).json()["status"] == "grant_revoked"
    assert read(agent)["verdict"] != "permitted"


def test_an_answer_names_the_decision_that_nobody_could_make(server: Running) -> None:
    """Nobody here is a supervisor: the decision is denied in the same breath, and has an id all the same."""
    ruling = ask_patch(new_agent(server))
    assert ruling["decision_id"].startswith("dec_")
    shown = person(server, "operator").get(f"/api/v1/decisions/{ruling['decision_id']}?min_seq=1").json()
    assert (shown["decision"]["status"], shown["decision"]["reason"]) == ("denied", "unanswerable")
