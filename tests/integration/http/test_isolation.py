"""Nothing of one organisation is visible in another, on any route that takes an id (fault G13, OWASP API1)."""

from __future__ import annotations

import re
from typing import Any

import httpx2
import pytest
from tests.integration.http.conftest import ask_patch
from tests.integration.http.kit import Person, Running

from watchfloor.http.declared import EXAMPLES, find_type
from watchfloor.http.operations import OPERATIONS, Operation

# Positions, versions and assets are counted or named in each organisation alone; sign-in links are secrets.
LOCAL = {"seq", "version", "asset", "schema", "link", "pack", "rest", "provider"}
WITH_IDS = [o for o in OPERATIONS if set(re.findall(r"\{([a-z]+)\}", o.path)) - LOCAL]


class Things:
    """One of everything, in one organisation."""

    def __init__(self, server: Running, org: int) -> None:
        made = server.agent(f"isolated-{org}", org=org)
        operator = server.client(server.person("operator", org=org))
        director = server.client(server.person("director", org=org))
        supervisor = server.client(server.person("supervisor", org=org))
        agent = server.client(made["api_key"])
        ruling = ask_patch(agent)
        person = server.person("auditor", org=org)
        self.token = server.person("operator", org=org).token.rpartition("_")[0].removeprefix("wf_")
        self.key = made["api_key"]
        chief = operator.post(
            "/api/v1/agents/register",
            json={"name": f"chief-{org}", "type": "orchestrator", "capabilities": ["plan"]},
        ).json()["agent_id"]
        domain = {"domain": "night", "primary_id": chief, "member_ids": [made["agent_id"]]}
        self.ids = {
            "supervision": supervisor.post("/api/v1/supervision", json=domain).json()["supervision_id"],
            "agent": made["agent_id"],
            "key": made["key_id"],
            "task": operator.post("/api/v1/tasks", json={"title": "x"}).json()["task_id"],
            "action": ruling["action_id"],
            "decision": ruling["decision_id"],
            "stop": operator.post(
                "/api/v1/stops", json={"scope": "tool", "target": "rm", "reason": "x"}
            ).json()["stop_id"],
            "standing": supervisor.post(
                "/api/v1/standing-approvals",
                json={
                    "agent_id": made["agent_id"],
                    "type": "file.write",
                    "expires_at": server.engine.clock() + 3_600_000_000,
                },
            ).json()["standing_id"],
            "bypass": director.post(
                "/api/v1/bypasses",
                json={"reason": "night", "expires_at": server.engine.clock() + 3_600_000_000},
            ).json()["bypass_id"],
            "chat": operator.post("/api/v1/chat/sessions", json={"agent_id": made["agent_id"]}).json()[
                "chat_id"
            ],
            "channel": operator.post("/api/v1/channels", json={"name": "isolated"}).json()["channel_id"],
            "enrolment": operator.post("/api/v1/enrolment-tokens", json={}).json()["enrolment_id"],
            "budget": director.post(
                "/api/v1/budgets", json={"scope": "organisation", "measure": "actions", "limit": 1_000_000}
            ).json()["budget_id"],
            "schedule": supervisor.post(
                "/api/v1/schedules",
                json={
                    "name": "isolated",
                    "layers": [{"members": [person.id], "start": "2026-01-05T09:00"}],
                },
            ).json()["schedule_id"],
            "anomaly": _anomaly(server, supervisor, org),
            "alert": _alert(supervisor),
            "export": _export(server, person),
            "person": person.id,
            "token": _token_id(server, org),
            "shadow": f"isolated_{org}",
        }
        shadow = director.post("/api/v1/policy/shadows", json={"name": self.ids["shadow"], "version": 1})
        assert shadow.status_code == 201, shadow.text
        self.digest = ruling["digest"]


def _anomaly(server: Running, supervisor: httpx2.Client, org: int) -> str:
    """What an agent that tries what is forbidden again and again leaves behind."""
    with server.client(server.agent(f"violent-{org}", org=org)["api_key"]) as agent:
        for number in range(5):
            body = {"type": "file.read", "tool": "fs", "params": {"path": f"/etc/shadow{number}"}}
            agent.post("/api/v1/actions", json=body)
    answer = supervisor.get(f"/api/v1/anomalies?min_seq={server.engine.head(org)}")
    found: str = answer.json()["items"][0]["anomaly_id"]
    return found


def _alert(supervisor: httpx2.Client) -> str:
    """What the same agent raised."""
    found: str = supervisor.get("/api/v1/alerts").json()["items"][0]["alert_id"]
    return found


def _export(server: Running, auditor: Person) -> str:
    """An export that is being written or is ready: neither is there for others."""
    with server.client(auditor) as client:
        found: str = client.post("/api/v1/ledger/exports").json()["export_id"]
        return found


def _token_id(server: Running, org: int) -> str:
    with server.client(server.person("operator", org=org)) as client:
        found: str = client.get("/api/v1/me").json()["credential"]
        return found


@pytest.fixture(scope="module")
def acme(server: Running) -> Things:
    return Things(server, server.orgs[0])


@pytest.fixture(scope="module")
def globex(server: Running) -> dict[str, httpx2.Client]:
    org = server.orgs[1]
    Things(server, org)
    return {
        "person": server.client(server.person("admin", "auditor", org=org)),
        "agent": server.client(server.agent("foreign", org=org)["api_key"]),
    }


def body_of(operation: Operation, things: Things) -> Any:
    """The example of the operation's body, with the digest that would be right."""
    if not operation.body:
        return None
    example = dict(EXAMPLES[find_type(operation.body)])
    return {**example, "digest": things.digest} if operation.id == "cast_vote" else example


@pytest.mark.parametrize("operation", WITH_IDS, ids=lambda o: o.key)
def test_another_organisations_id_does_not_exist(
    acme: Things, globex: dict[str, httpx2.Client], operation: Operation
) -> None:
    path = re.sub(r"\{([a-z]+)\}", lambda found: (acme.ids | {"number": "1"})[found.group(1)], operation.path)
    client = globex["agent" if operation.who == "agent" else "person"]
    if operation.effect == "form":
        answer = client.post(path, data={"vote": "approve", "digest": acme.digest, "reason": "x"})
    else:
        answer = client.request(operation.method, path, json=body_of(operation, acme))
    assert answer.status_code == 404, answer.text
    assert acme.digest not in answer.text


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/tasks?agent={agent}",
        "/api/v1/actions?agent={agent}",
        "/api/v1/decisions?agent={agent}",
        "/api/v1/timeline?of={task}",
        "/api/v1/timeline?of={action}",
        "/api/v1/timeline?of={person}",
        "/api/v1/timeline?of={chat}",
        "/api/v1/timeline?of={channel}",
        "/api/v1/chat/sessions?agent={agent}",
        "/api/v1/chat/search?q=anything&agent={agent}",
    ],
)
def test_filters_lead_nowhere_either(acme: Things, globex: dict[str, httpx2.Client], path: str) -> None:
    assert globex["person"].get(path.format(**acme.ids)).status_code == 404


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/agents",
        "/api/v1/tasks",
        "/api/v1/actions",
        "/api/v1/decisions",
        "/api/v1/stops",
        "/api/v1/people",
        "/api/v1/standing-approvals",
        "/api/v1/ledger/events?limit=200",
        "/api/v1/tokens",
        "/api/v1/enrolment-tokens",
        "/api/v1/budgets",
        "/api/v1/schedules",
        "/inbox",
        "/agents",
        "/tasks",
        "/stops",
    ],
)
def test_lists_hold_only_ones_own(acme: Things, globex: dict[str, httpx2.Client], path: str) -> None:
    text = globex["person"].get(path).text
    assert not [thing for thing in acme.ids.values() if thing in text]


def test_bodies_do_not_reach_across(acme: Things, globex: dict[str, httpx2.Client]) -> None:
    foreign = acme.ids["agent"]
    person = globex["person"]
    assert person.post("/api/v1/tasks", json={"title": "x", "agent_id": foreign}).status_code == 404
    assert (
        person.post("/api/v1/stops", json={"scope": "agent", "target": foreign, "reason": "x"}).status_code
        == 404
    )
    assert (
        person.post("/api/v1/actions/dry-run", json={"agent_id": foreign, "type": "file.read"}).status_code
        == 404
    )
    assert (
        person.post(
            "/api/v1/standing-approvals", json={"agent_id": foreign, "type": "x", "expires_at": 1}
        ).status_code
        == 404
    )
    assert (
        globex["agent"]
        .post("/api/v1/actions", json={"type": "file.read", "task_id": acme.ids["task"]})
        .status_code
        == 404
    )


def test_agents_of_one_organisation_see_only_their_own(server: Running, acme: Things) -> None:
    with server.client(server.agent("neighbour")["api_key"]) as other:
        for path in (
            "/api/v1/agents/{agent}",
            "/api/v1/agents/{agent}/keys",
            "/api/v1/agents/{agent}/trust",
            "/api/v1/tasks/{task}",
            "/api/v1/actions/{action}",
        ):
            assert other.get(path.format(**acme.ids)).status_code == 404, path
        assert other.get("/api/v1/actions").json()["items"] == []
        for verb, body in (
            ("start", {"grant_id": f"grt_{acme.ids['action'][4:]}.1", "execution_id": "x"}),
            ("complete", {"execution_id": "x"}),
            ("cancel", {}),
        ):
            answer = other.post(f"/api/v1/actions/{acme.ids['action']}/{verb}", json=body)
            assert answer.status_code in (403, 404, 409), answer.text
        assert (
            other.post(
                f"/api/v1/agents/{acme.ids['agent']}/keys/{acme.ids['key']}/rotate", json={}
            ).status_code
            == 404
        )
