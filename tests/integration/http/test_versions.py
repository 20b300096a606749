"""Versions of an agent over HTTP: decided on by people, put in force by the platform, taken back (spec 2.1; fault K10)."""

from __future__ import annotations

import subprocess
import sys
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.http.kit import Running

from watchfloor.ledger.signer import public_key_of

FIRST, SECOND = "You mend code.\nBe brief.", "You mend code.\nRun the tests.\nBe brief."


def digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()


@pytest.fixture
def versioned(server: Running, operator: httpx2.Client, request: pytest.FixtureRequest) -> dict[str, Any]:
    """A fresh agent with a prompt."""
    body = {"name": request.node.name[-60:], "capabilities": ["python"], "prompt": FIRST, "tools": ["git"]}
    made: dict[str, Any] = operator.post("/api/v1/agents/register", json=body).json()
    return made


def agents_client(server: Running, made: dict[str, Any]) -> httpx2.Client:
    client = server.client()
    client.headers["authorization"] = f"Bearer {made['api_key']}"
    return client


def approve(client: httpx2.Client, decision: str, vote: str = "approve") -> httpx2.Response:
    seen = client.get(f"/api/v1/decisions/{decision}").json()
    digest = seen["decision"]["digest"] if "decision" in seen else seen["digest"]
    return client.post(f"/api/v1/decisions/{decision}/vote", json={"vote": vote, "digest": digest})


def propose(client: httpx2.Client, agent: str, **body: Any) -> dict[str, Any]:
    answer = client.post(f"/api/v1/agents/{agent}/versions", json={"reason": "it forgot the tests", **body})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_a_version_is_in_force_when_people_agreed_and_not_before(
    server: Running, operator: httpx2.Client, supervisor: httpx2.Client, versioned: dict[str, Any]
) -> None:
    agent = versioned["agent_id"]
    asked = propose(operator, agent, prompt=SECOND, tools=["git", "pytest"])
    assert (asked["number"], asked["verdict"], asked["level"]) == (2, "pending", 3)
    now = operator.get(f"/api/v1/agents/{agent}?min_seq={asked['seq']}").json()["agent"]
    assert (now["version_number"], now["tools"]) == (1, ["git"])
    page = supervisor.get(f"/api/v1/decisions/{asked['decision_id']}?min_seq={asked['seq']}").text
    assert "+Run the tests." in page, "people see the difference"
    voted = approve(supervisor, asked["decision_id"])
    assert voted.status_code == 200, voted.text
    items = operator.get(f"/api/v1/agents/{agent}/versions?min_seq={voted.json()['seq']}").json()["items"]
    assert [(item["number"], item["state"]) for item in items] == [(2, "active"), (1, "replaced")]
    assert items[0]["approved_by"] == [supervisor.get("/api/v1/me").json()["id"]]
    detail = operator.get(f"/api/v1/agents/{agent}").json()["agent"]
    assert (detail["version_number"], detail["tools"]) == (2, ["git", "pytest"])
    difference = operator.get(f"/api/v1/agents/{agent}/versions/diff").json()
    assert (difference["older"], difference["newer"], difference["tools_added"]) == (1, 2, ["pytest"])
    with agents_client(server, versioned) as own:
        assert own.get(f"/api/v1/agents/{agent}/versions/2").json()["prompt"] == SECOND
        action = own.get(f"/api/v1/actions/{asked['action_id']}").json()
    assert action["action"]["status"] == "completed" if "action" in action else True


def test_whoever_asks_does_not_decide(server: Running, versioned: dict[str, Any]) -> None:
    with server.client(server.person("director")) as both:
        asked = propose(both, versioned["agent_id"], prompt=SECOND)
        voted = approve(both, asked["decision_id"])
    assert voted.status_code == 403, voted.text
    assert voted.json()["code"] == "party_to_it"


def test_one_call_goes_back_and_people_decide_on_that_too(
    operator: httpx2.Client, supervisor: httpx2.Client, versioned: dict[str, Any]
) -> None:
    agent = versioned["agent_id"]
    approve(supervisor, propose(operator, agent, prompt=SECOND)["decision_id"])
    back = operator.post(f"/api/v1/agents/{agent}/versions/rollback", json={"reason": "worse"}).json()
    assert (back["number"], back["verdict"]) == (3, "pending")
    voted = approve(supervisor, back["decision_id"]).json()
    shown = operator.get(f"/api/v1/agents/{agent}/versions/3?min_seq={voted['seq']}").json()
    assert (shown["version"]["is_rollback"], shown["version"]["rollback_to"]) == (True, 1)
    assert shown["prompt"] == FIRST
    assert shown["version"]["prompt_digest"] == digest(FIRST)


def test_a_denied_version_makes_room_for_another(
    operator: httpx2.Client, supervisor: httpx2.Client, versioned: dict[str, Any]
) -> None:
    agent = versioned["agent_id"]
    asked = propose(operator, agent, prompt=SECOND)
    twice = operator.post(f"/api/v1/agents/{agent}/versions/2/activate", json={})
    assert (twice.status_code, twice.json()["code"]) == (409, "activation_pending")
    assert approve(supervisor, asked["decision_id"], "deny").status_code == 200
    assert propose(operator, agent, prompt="Something else.")["number"] == 3


def test_a_proposal_on_top_of_a_version_that_is_gone_is_refused(
    operator: httpx2.Client, supervisor: httpx2.Client, versioned: dict[str, Any]
) -> None:
    agent = versioned["agent_id"]
    propose(operator, agent, prompt="A", activate=False)
    approve(supervisor, propose(operator, agent, prompt="B")["decision_id"])
    late = operator.post(f"/api/v1/agents/{agent}/versions/2/activate", json={})
    assert (late.status_code, late.json()["code"]) == (409, "version_outdated")


def test_a_changed_prompt_is_a_quarantine_until_a_version_with_it_is_approved(
    server: Running, operator: httpx2.Client, supervisor: httpx2.Client, versioned: dict[str, Any]
) -> None:
    agent = versioned["agent_id"]
    with agents_client(server, versioned) as own:
        same = own.post(f"/api/v1/agents/{agent}/identity", json={"prompt_digest": digest(FIRST)})
        assert same.json()["state"] == "accepted"
        rug = own.post(f"/api/v1/agents/{agent}/identity", json={"prompt_digest": digest(SECOND)})
        assert rug.json()["state"] == "quarantined"
        asked = own.post("/api/v1/actions", json={"type": "file.read", "tool": "git", "params": {}})
        assert asked.json()["verdict"] == "denied"
        shown = operator.get(f"/api/v1/agents/{agent}?min_seq={rug.json()['seq']}").json()
        assert (shown["agent"]["state"], shown["quarantine_reason"]) == ("quarantined", "identity_changed")
        approve(supervisor, propose(operator, agent, prompt=SECOND)["decision_id"])
        after = own.post(f"/api/v1/agents/{agent}/identity", json={"prompt_digest": digest(SECOND)})
        assert (after.json()["state"], after.json()["version_number"]) == ("accepted", 2)


def test_an_agent_cannot_ask_for_a_version_of_itself(server: Running, versioned: dict[str, Any]) -> None:
    with agents_client(server, versioned) as own:
        answer = own.post("/api/v1/actions", json={"type": "agent.activate_version", "params": {}})
    assert (answer.status_code, answer.json()["code"]) == (403, "reserved_type")


def test_the_record_of_a_rug_pull_and_its_end_obeys_the_rules(
    server: Running, operator: httpx2.Client, supervisor: httpx2.Client, versioned: dict[str, Any]
) -> None:
    """A contained agent's new version is started by the platform; the verifier, which knows no code of ours, agrees."""
    agent = versioned["agent_id"]
    with agents_client(server, versioned) as own:
        own.post(f"/api/v1/agents/{agent}/identity", json={"prompt_digest": digest(SECOND)})
    approve(supervisor, propose(operator, agent, prompt=SECOND)["decision_id"])
    with server.client(server.person("auditor")) as auditor:
        started = auditor.post("/api/v1/ledger/exports").json()
    found: list[Path] = []
    for _ in range(600):
        listed = operator.get("/api/v1/ledger/exports").json()["items"]
        (export,) = [entry for entry in listed if entry["export_id"] == started["export_id"]]
        if export["state"] == "ready":
            found = sorted((server.folder / "data" / "exports").glob(f"{started['export_id']}-*"))
            break
        time.sleep(0.05)
    log = server.engine.node(server.orgs[0]).world.public
    key = public_key_of(server.folder / "signer", server.backbone.config.origin)(log).text
    checked = subprocess.run(
        [sys.executable, "-m", "watchfloor_verify", str(found[-1]), "--key", key],
        capture_output=True,
        text=True,
        check=False,
    )
    assert checked.returncode == 0, checked.stdout + checked.stderr
