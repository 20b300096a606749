"""Containment as a caller sees it: ungated calls, an agent's first hour, rulings that leave no trace (spec 3.1, 3.2)."""

from __future__ import annotations

from typing import Any

import httpx2
from tests.integration.http.kit import Running

from watchfloor.actions.messages import UngatedCall
from watchfloor.kernel.ids import parse_id

READ = {"type": "file.read", "tool": "fs", "params": {"path": "/srv/data/a.csv"}}


def ask(agent: httpx2.Client, **body: Any) -> dict[str, Any]:
    answer = agent.post("/api/v1/actions", json=READ | body)
    assert answer.status_code == 200, answer.text
    ruling: dict[str, Any] = answer.json()
    return ruling


def counters(server: Running, agent: str) -> dict[str, Any]:
    """Every cell that the gate's limits are read from."""
    org, subject = server.orgs[0], parse_id(agent, "agent")[0]
    cells = {name: server.engine.cell(org, name, subject) for name in ("activity", "spend", "touched")}
    cells["types"] = server.engine.cell(org, "types", (subject, "file.read"))
    return cells


def test_what_was_done_without_a_grant_is_an_alarm_and_costs_trust(
    server: Running, agent: httpx2.Client, operator: httpx2.Client
) -> None:
    ruling = ask(agent)
    path = f"/api/v1/actions/{ruling['action_id']}/complete"
    before = operator.get(f"/api/v1/agents/{agent.headers['x-agent']}").json()["agent"]["score"]
    alarm = agent.post(path, json={"execution_id": "exe_1"})
    assert (alarm.status_code, alarm.json()["code"]) == (403, "ungated_call")
    seq = server.engine.head(server.orgs[0])
    again = agent.post(path, json={"execution_id": "exe_2"})
    assert (again.status_code, again.json()["code"]) == (403, "ungated_call")
    assert server.engine.head(server.orgs[0]) == seq
    after = operator.get(f"/api/v1/agents/{agent.headers['x-agent']}?min_seq={seq}").json()["agent"]["score"]
    assert after == before - 50
    event = server.engine.event(server.orgs[0], alarm.json()["seq"])
    assert event is not None
    assert isinstance(event.facts, UngatedCall)
    assert event.facts.execution == "exe_1"


def test_an_agent_becomes_productive_in_its_first_hour_and_nothing_is_weakened(
    server: Running, agent: httpx2.Client, supervisor: httpx2.Client
) -> None:
    assert ask(agent)["verdict"] == "pending"
    standing = supervisor.post(
        "/api/v1/standing-approvals",
        json={
            "agent_id": agent.headers["x-agent"],
            "type": "file.read",
            "expires_at": server.engine.clock() + 3_600_000_000,
        },
    ).json()
    for number in range(10):
        ruling = ask(agent, params={"path": f"/srv/data/{number}.csv"})
        assert (ruling["verdict"], ruling["grant"]["basis"]) == ("permitted", "standing")
    patch = ask(agent, type="repository.patch", params={"path": "a", "diff": "-a\n+b\n"})
    assert (patch["verdict"], patch["level"]) == ("pending", 3)
    assert ask(agent, params={"path": "/etc/passwd"})["verdict"] == "denied"
    assert ask(agent, type="agent.spawn", params={})["verdict"] == "denied"
    revoked = supervisor.post(f"/api/v1/standing-approvals/{standing['standing_id']}/revoke")
    assert revoked.status_code == 200, revoked.text
    assert ask(agent)["verdict"] == "pending"


def test_a_dry_run_moves_no_counter_and_records_nothing(server: Running, agent: httpx2.Client) -> None:
    ask(agent)
    before, head = counters(server, agent.headers["x-agent"]), server.engine.head(server.orgs[0])
    for number in range(200):
        body = READ | {"params": {"path": f"/opt/{number}/a.csv"}, "cost_micro": 5}
        ruling = agent.post("/api/v1/actions/dry-run", json=body)
        assert ruling.status_code == 200, ruling.text
        assert ruling.json()["dry_run"]
        assert not ruling.json()["grant"]
    assert counters(server, agent.headers["x-agent"]) == before
    assert server.engine.head(server.orgs[0]) == head
