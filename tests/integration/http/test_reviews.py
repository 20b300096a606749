"""Ratings of tasks through the running server: who may, what it moves, who sees it (spec 2.4 *Review*, 3.4)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.http.kit import Running

from watchfloor.fleet.messages import ConnectAgent
from watchfloor.kernel.ids import parse_id
from watchfloor.kernel.messages import SYSTEM


@pytest.fixture(scope="module")
def owner(server: Running) -> httpx2.Client:
    return server.client(server.person("operator"))


@pytest.fixture(scope="module")
def other(server: Running) -> httpx2.Client:
    return server.client(server.person("operator", "supervisor"))


@pytest.fixture(scope="module")
def made(server: Running) -> dict[str, Any]:
    """An agent that a person with the role operator owns."""
    made = server.agent("rated", capabilities=["rated"])
    subject = parse_id(made["agent_id"], "agent")[0]
    session = f"{server.engine.incarnation}-1"
    connect = ConnectAgent(subject=subject, node=server.engine.node_name, session=session)
    server.run(server.engine.ask(server.orgs[0], connect, SYSTEM))
    return made


def finished(server: Running, owner: httpx2.Client, made: dict[str, Any]) -> str:
    """A task the agent has done."""
    agent = server.client(made["api_key"])
    task: str = owner.post("/api/v1/tasks", json={"title": "Rate me", "needs": ["rated"]}).json()["task_id"]
    for _ in range(600):
        accepted = agent.post(f"/api/v1/tasks/{task}/accept", json={"generation": 1})
        if accepted.status_code == 200:
            break
        time.sleep(0.05)
    early = owner.post(f"/api/v1/tasks/{task}/review", json={"verdict": "positive", "reason": "early"})
    assert (early.status_code, early.json()["code"]) == (409, "not_finished")
    done = agent.post(f"/api/v1/tasks/{task}/complete", json={"generation": 1, "result": {"n": 1}})
    assert done.json()["status"] == "succeeded", done.text
    return task


def test_a_person_who_does_not_own_the_agent_rates_its_work_once_and_its_trust_moves(
    server: Running, owner: httpx2.Client, other: httpx2.Client, made: dict[str, Any]
) -> None:
    task = finished(server, owner, made)
    trust = f"/api/v1/agents/{made['agent_id']}/trust"
    before = other.get(trust).json()["score"]
    body = {"verdict": "positive", "reason": "a small, careful patch"}
    own = owner.post(f"/api/v1/tasks/{task}/review", json=body)
    assert (own.status_code, own.json()["code"]) == (403, "own_work")
    agent = server.client(made["api_key"])
    assert agent.post(f"/api/v1/tasks/{task}/review", json=body).status_code == 403
    rated = other.post(f"/api/v1/tasks/{task}/review", json=body)
    assert rated.status_code == 200, rated.text
    seq = rated.json()["seq"]
    assert other.get(f"{trust}?min_seq={seq}").json()["score"] == before + 5
    again = other.post(f"/api/v1/tasks/{task}/review", json={**body, "verdict": "negative"})
    assert (again.status_code, again.json()["code"]) == (409, "already_reviewed")
    detail = other.get(f"/api/v1/tasks/{task}?min_seq={seq}").json()
    assert detail["review"] == {
        "reason": "a small, careful patch",
        "reviewed_at": detail["review"]["reviewed_at"],
        "reviewer_id": server.person("operator", "supervisor").id,
        "verdict": "positive",
    }
    types = [line["type"] for line in detail["timeline"]]
    assert types[-2:] == ["task.reviewed/1", "trust.changed/1"]
    browser = server.client()
    browser.post(f"/sign-in/{server.link(server.person('operator')).rpartition('/')[2]}")
    assert "a small, careful patch" in browser.get(f"/tasks/{task}").text
    person = server.client(server.person("admin"))
    erased = person.post(f"/api/v1/ledger/events/{seq}/redact", json={"reason": "named somebody"})
    assert erased.status_code == 200, erased.text
    detail = other.get(f"/api/v1/tasks/{task}?min_seq={erased.json()['seq']}").json()
    assert (detail["review"]["verdict"], detail["review"]["reason"]) == ("positive", "")


def test_the_command_line_rates_and_shows(
    server: Running, owner: httpx2.Client, made: dict[str, Any]
) -> None:
    task = finished(server, owner, made)
    token = server.person("operator", "supervisor").token
    environment = {**os.environ, "WATCHFLOOR_URL": server.url, "WATCHFLOOR_TOKEN": token}

    def run(*words: str) -> str:
        program = str(Path(sys.executable).parent / "watchfloor")
        done = subprocess.run(
            [program, "task", *words], env=environment, capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout

    assert run("review", task, "negative", "--reason", "left half of it") == f"{task}: rated negative\n"
    assert "Rated negative by per_" in run("show", task)
    assert "left half of it" in run("show", task)


@pytest.mark.parametrize(
    "body",
    [{}, {"verdict": "superb", "reason": "x"}, {"verdict": "positive"}, {"verdict": "positive", "reason": ""},
     {"verdict": "positive", "reason": "x" * 1_025}, {"verdict": "positive", "reason": "x", "more": 1}],
)  # fmt: skip
def test_a_rating_that_is_none_is_refused_at_its_field(
    server: Running, other: httpx2.Client, owner: httpx2.Client, made: dict[str, Any], body: dict[str, Any]
) -> None:
    task = owner.post("/api/v1/tasks", json={"title": "x"}).json()["task_id"]
    assert other.post(f"/api/v1/tasks/{task}/review", json=body).status_code == 422
    assert (
        other.post(
            "/api/v1/tasks/tsk_zzzzzzzzzzzz/review", json={"verdict": "positive", "reason": "x"}
        ).status_code
        == 404
    )
