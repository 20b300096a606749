"""Agents and tasks over REST: the same as over the socket (spec 2.1, 2.4, 3.4)."""

from __future__ import annotations

import time

import httpx2
import pytest
from tests.integration.http.kit import Running


def test_an_agent_is_found_by_public_and_by_structured_id(server: Running, operator: httpx2.Client) -> None:
    made = server.agent("lookup", capabilities=["development"])
    by_id = operator.get(f"/api/v1/agents/{made['agent_id']}").json()
    by_code = operator.get(f"/api/v1/agents/{made['structured_id']}").json()
    assert by_id == by_code
    assert by_id["agent"]["name"] == "lookup"
    assert by_id["agent"]["structured_id"] == made["structured_id"]
    assert by_id["agent"]["owner"] == server.person("operator").id
    assert made["api_key"] not in str(by_id)


def test_agents_are_listed_and_filtered(server: Running, operator: httpx2.Client) -> None:
    made = server.agent("planner-1", type="planner")
    page = operator.get(f"/api/v1/agents?type=planner&min_seq={made['seq']}").json()
    assert [item["agent_id"] for item in page["items"]] == [made["agent_id"]]
    assert operator.get("/api/v1/agents?state=retired").json()["items"] == []


def test_a_scoped_key_asks_for_its_types_alone_also_after_it_is_rotated(
    server: Running, operator: httpx2.Client
) -> None:
    made = server.agent()
    path = f"/api/v1/agents/{made['agent_id']}/keys"
    assert operator.post(path, json={"scopes": ["Not A Type"]}).status_code == 422
    scoped = operator.post(path, json={"scopes": ["file.read"]}).json()
    assert scoped["scopes"] == ["file.read"]

    def refused(key: str, kind: str) -> bool:
        with server.client(key) as client:
            ruling = client.post("/api/v1/actions", json={"type": kind, "params": {}}).json()
            return "the_key_does_not_cover_the_type" in {line["rule"] for line in ruling["reasons"]}

    assert not refused(scoped["api_key"], "file.read")
    assert refused(scoped["api_key"], " FILE.write")
    with server.client(scoped["api_key"]) as own:
        rotated = own.post(f"{path}/{scoped['key_id']}/rotate", json={}).json()
    assert rotated["scopes"] == ["file.read"]
    assert refused(rotated["api_key"], "file.write")
    assert not refused(made["api_key"], "file.write")
    keys = operator.get(f"{path}?min_seq={rotated['seq']}").json()["items"]
    assert {key["key_id"]: key["scopes"] for key in keys}[rotated["key_id"]] == ["file.read"]


def test_an_attested_target_has_to_be_one_that_was_asked_for(server: Running) -> None:
    made = server.agent()
    with server.client(server.person("supervisor")) as supervisor:
        standing = {
            "agent_id": made["agent_id"],
            "type": "file.read",
            "expires_at": server.engine.clock() + 10**12,
        }
        assert supervisor.post("/api/v1/standing-approvals", json=standing).status_code == 201
    with server.client(made["api_key"]) as client:
        for target, status in (("/srv/data/a.csv", 200), ("/srv/other/a.csv", 403)):
            ruling = client.post(
                "/api/v1/actions", json={"type": "file.read", "params": {"path": "/srv/data"}}
            ).json()
            start = {"grant_id": ruling["grant"]["grant_id"], "execution_id": "exe_1", "target": target}
            answer = client.post(f"/api/v1/actions/{ruling['action_id']}/start", json=start)
            assert answer.status_code == status, answer.text
        assert answer.json()["code"] == "grant_misused"


def test_keys_rotate_with_an_overlap_and_end_when_revoked(server: Running, operator: httpx2.Client) -> None:
    made = server.agent("rotating")
    path = f"/api/v1/agents/{made['agent_id']}/keys"
    old = server.client(made["api_key"])
    rotated = old.post(f"{path}/{made['key_id']}/rotate", json={}).json()
    new = server.client(rotated["api_key"])
    assert old.get("/api/v1/me").status_code == new.get("/api/v1/me").status_code == 200
    keys = operator.get(f"{path}?min_seq={rotated['seq']}").json()["items"]
    assert {key["key_id"] for key in keys} == {made["key_id"], rotated["key_id"]}
    assert operator.post(f"{path}/{made['key_id']}/revoke", json={"reason": "leaked"}).status_code == 200
    assert old.get("/api/v1/me").status_code == 401
    assert new.get("/api/v1/me").status_code == 200
    shorter = new.post(f"{path}/{rotated['key_id']}/rotate", json={"overlap_ms": 1_000}).json()
    time.sleep(1.1)
    assert new.get("/api/v1/me").status_code == 401
    assert server.client(shorter["api_key"]).get("/api/v1/me").status_code == 200


def test_a_retired_agent_is_out(server: Running, operator: httpx2.Client) -> None:
    made = server.agent("retiring")
    assert (
        operator.post(f"/api/v1/agents/{made['agent_id']}/retire", json={"reason": "done"}).status_code == 200
    )
    assert server.client(made["api_key"]).get("/api/v1/me").status_code == 401


def test_a_quarantined_agent_may_look_and_do_nothing(
    server: Running, operator: httpx2.Client, supervisor: httpx2.Client
) -> None:
    made = server.agent("contained")
    agent = server.client(made["api_key"])
    operator.post(f"/api/v1/agents/{made['agent_id']}/quarantine", json={})
    assert agent.get("/api/v1/me").status_code == 200
    ruling = agent.post("/api/v1/actions", json={"type": "file.read"}).json()
    assert (ruling["verdict"], ruling["reasons"][0]["rule"]) == ("denied", "the_agent_is_not_active")
    assert operator.post(f"/api/v1/agents/{made['agent_id']}/release", json={}).status_code == 403
    assert supervisor.post(f"/api/v1/agents/{made['agent_id']}/release", json={}).status_code == 200


def test_trust_can_be_moved_seen_and_asked_for_at_an_instant(
    server: Running, operator: httpx2.Client, supervisor: httpx2.Client
) -> None:
    made = server.agent("trusted")
    path = f"/api/v1/agents/{made['agent_id']}/trust"
    before = server.engine.clock()
    moved = supervisor.post(f"{path}/adjust", json={"points": 350, "reason": "known for years"})
    assert moved.status_code == 200
    now = operator.get(f"{path}?min_seq={moved.json()['seq']}").json()
    assert (now["score"], now["tier"]) == (650, "VERIFIED")
    assert operator.get(f"{path}?at={before}").json()["score"] == 300
    history = operator.get(f"{path}/history").json()["items"]
    assert (history[0]["points"], history[0]["score_before"], history[0]["score"], history[0]["reason"]) == (
        350,
        300,
        650,
        "known for years",
    )
    own = server.client(server.person("supervisor"))
    mine = own.post("/api/v1/agents/register", json={"name": "mine", "capabilities": ["x"]}).json()
    assert (
        own.post(f"/api/v1/agents/{mine['agent_id']}/trust/adjust", json={"points": 1, "reason": "x"}).json()[
            "code"
        ]
        == "own_agent"
    )


def test_a_task_is_submitted_seen_and_cancelled(server: Running, operator: httpx2.Client) -> None:
    body = {
        "title": "Mend",
        "description": "all of it",
        "priority": "high",
        "criteria": [{"kind": "command", "argv": ["true"]}],
        "input": {"a": [1, "x"]},
    }
    made = operator.post("/api/v1/tasks", json=body).json()
    detail = operator.get(f"/api/v1/tasks/{made['task_id']}?min_seq={made['seq']}").json()
    assert detail["task"]["title"] == "Mend"
    assert detail["input"] == {"a": [1, "x"]}
    assert detail["criteria"] == [{"argv": ["true"], "cwd": "", "kind": "command"}]
    assert detail["timeline"][0]["sentence"] == "The task was submitted with priority high."
    cancelled = operator.post(f"/api/v1/tasks/{made['task_id']}/cancel", json={"reason": "no need"}).json()
    page = operator.get(f"/api/v1/tasks?status=cancelled&lane=high&min_seq={cancelled['seq']}").json()
    assert [item["task_id"] for item in page["items"]] == [made["task_id"]]
    assert operator.post(f"/api/v1/tasks/{made['task_id']}/retry").json()["code"]


def test_a_task_is_done_over_rest_alone(server: Running, operator: httpx2.Client) -> None:
    made = server.agent("by-rest", capabilities=["rest"])
    agent = server.client(made["api_key"])
    task = operator.post(
        "/api/v1/tasks", json={"title": "By REST", "needs": ["rest"], "agent_id": made["agent_id"]}
    ).json()["task_id"]
    early = agent.post(f"/api/v1/tasks/{task}/accept", json={"generation": 1})
    assert early.status_code in (404, 409), "nobody has assigned it yet: only connected agents get work"
    server.run(_assign(server, task, made["agent_id"]))
    assert [
        item["task_id"]
        for item in agent.get(f"/api/v1/tasks?min_seq={server.engine.head(server.orgs[0])}").json()["items"]
    ] == [task]
    accepted = agent.post(f"/api/v1/tasks/{task}/accept", json={"generation": 1})
    assert accepted.json()["status"] == "running", accepted.text
    assert (
        agent.post(
            f"/api/v1/tasks/{task}/progress", json={"generation": 1, "percent": 50, "status": "blocked"}
        ).json()["status"]
        == "blocked"
    )
    done = agent.post(
        f"/api/v1/tasks/{task}/complete", json={"generation": 1, "result": {"lines": 3}, "tokens": 5}
    )
    assert done.json()["status"] in ("running", "succeeded"), done.text
    operator.post("/api/v1/tasks", json={"title": "something else"})
    late = agent.post(f"/api/v1/tasks/{task}/fail", json={"generation": 7, "reason": "x"})
    assert late.status_code in (200, 409), late.text
    detail = agent.get(f"/api/v1/tasks/{task}?min_seq={done.json()['seq']}").json()
    assert detail["result"] == {"lines": 3}
    assert [line["type"] for line in detail["timeline"]][:3] == [
        "task.submitted/1",
        "task.assigned/1",
        "task.accepted/1",
    ]


async def _assign(server: Running, task: str, agent: str) -> None:
    """What the dispatch process does once the agent has connected."""
    from watchfloor.fleet.messages import ConnectAgent
    from watchfloor.kernel.ids import parse_id
    from watchfloor.kernel.messages import SYSTEM

    engine, org = server.engine, server.orgs[0]
    subject = parse_id(agent, "agent")[0]
    await engine.ask(
        org, ConnectAgent(subject=subject, node=engine.node_name, session=f"{engine.incarnation}-1"), SYSTEM
    )
    del task


@pytest.mark.parametrize("verb", ["accept", "reject", "progress", "complete", "fail"])
def test_an_agent_reports_on_nobody_elses_task(
    server: Running, operator: httpx2.Client, agent: httpx2.Client, verb: str
) -> None:
    task = operator.post("/api/v1/tasks", json={"title": "not yours"}).json()["task_id"]
    assert agent.post(f"/api/v1/tasks/{task}/{verb}", json={"generation": 1}).status_code == 404
