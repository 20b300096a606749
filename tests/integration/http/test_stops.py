"""The kill switch over REST: every scope, lifted in stages by another person, in force before the ledger knows (spec 3.3)."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from tests.integration.http.kit import Running

from watchfloor.kernel.ids import parse_id, public_id

Client = httpx2.Client
READ: dict[str, Any] = {"type": "file.read", "tool": "fs", "params": {"path": "/srv/data/a.csv"}}


def throw(client: Client, scope: str, target: str = "") -> str:
    answer = client.post("/api/v1/stops", json={"scope": scope, "target": target, "reason": "drill"})
    assert answer.status_code == 201, answer.text
    stop: str = answer.json()["stop_id"]
    return stop


def stopped(agent: Client, **more: Any) -> bool:
    answer = agent.post("/api/v1/actions", json=READ | more)
    assert answer.status_code in (200, 403), answer.text
    return bool(answer.status_code == 403 and answer.json()["code"] == "stopped")


def lift(client: Client, stop: str) -> None:
    assert client.post(f"/api/v1/stops/{stop}/lift", json={"reason": "over"}).status_code == 200


@pytest.mark.parametrize(
    ("scope", "target", "other"),
    [
        ("organisation", "", None),
        ("agent", "<agent>", None),
        ("lineage", "<agent>", None),
        ("agent_type", "<type>", None),
        ("action_type", " File.READ ", {"type": "file.write"}),
        ("tool", "FS", {"tool": "hand"}),
    ],
)
def test_a_stop_of_every_scope_holds_at_once_and_is_lifted_by_another(
    server: Running,
    agent: Client,
    supervisor: Client,
    admin: Client,
    scope: str,
    target: str,
    other: dict[str, Any] | None,
) -> None:
    public = agent.headers["x-agent"]
    state = server.engine.state(server.orgs[0], "agent", parse_id(public, "agent")[0])
    stop = throw(supervisor, scope, target.replace("<agent>", public).replace("<type>", state.type).strip())
    try:
        assert stopped(agent)
        if other is not None:
            assert not stopped(agent, **other)
        own = supervisor.post(
            f"/api/v1/stops/{stop}/ease", json={"scope": "tool", "target": "x", "reason": "r"}
        )
        assert (own.status_code, own.json()["code"]) == (403, "needs_another_person")
    finally:
        lift(admin, stop)
    assert not stopped(agent)


def test_a_workflow_that_is_stopped_holds_whoever_works_on_it_and_gets_no_agent(
    server: Running, agent: Client, supervisor: Client, admin: Client, operator: Client
) -> None:
    task = operator.post("/api/v1/tasks", json={"title": "whole", "needs": ["nobody"]}).json()["task_id"]
    stop = throw(supervisor, "workflow", task)
    try:
        state = server.engine.state(server.orgs[0], "task", parse_id(task, "task")[0])
        assert not stopped(agent), "what names no task and holds none is of no workflow"
        assert stopped(agent, task_id=task, generation=state.generation)
        missing = supervisor.post(
            "/api/v1/stops", json={"scope": "workflow", "target": "tsk_0", "reason": "x"}
        )
        assert missing.status_code in (404, 422)
    finally:
        lift(admin, stop)


def test_a_stop_is_lifted_in_stages_each_in_force_and_listed(
    server: Running, agent: Client, supervisor: Client, admin: Client
) -> None:
    stop = throw(supervisor, "organisation")
    try:
        path = f"/api/v1/stops/{stop}/ease"
        eased = admin.post(path, json={"scope": "action_type", "target": "File.Read", "reason": "harmless"})
        assert eased.status_code == 200, eased.text
        assert not stopped(agent)
        assert stopped(agent, type="file.write")
        assert admin.post(path, json={"scope": "agent", "target": "agt_0", "reason": "x"}).status_code == 404
        everybody = {"scope": "agent", "target": agent.headers["x-agent"], "reason": "one to try it out"}
        seq = admin.post(path, json=everybody).json()["seq"]
        assert not stopped(agent, type="file.write")
        items = admin.get("/api/v1/stops", params={"state": "in_force", "min_seq": seq}).json()["items"]
        shown = next(item for item in items if item["stop_id"] == stop)
        assert shown["eased"] == [
            {"scope": "action_type", "target": "file.read"},
            {"scope": "agent", "target": agent.headers["x-agent"]},
        ]
        journal = [
            entry for entry in server.engine.stops.in_force(server.orgs[0]) if entry.scope == "organisation"
        ]
        assert journal[0].eased == (("action_type", "file.read"), ("agent", agent.headers["x-agent"]))
    finally:
        lift(admin, stop)
    number = parse_id(stop, "stop")[0]
    assert public_id("stop", number, server.engine.state(server.orgs[0], "stop", number).nonce) == stop
