"""Anomalies on a running server: found, shown with their evidence, acknowledged, resolved, contained (spec 3.4)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
from tests.integration.http.kit import Running


def violate(server: Running, agent: httpx2.Client, times: int) -> int:
    """Try what is forbidden; the seq of the last ruling."""
    seq = 0
    for number in range(times):
        body = {"type": "file.read", "tool": "fs", "params": {"path": f"/etc/shadow{number}"}}
        answer = agent.post("/api/v1/actions", json=body)
        assert answer.json()["verdict"] == "denied", answer.text
        seq = server.engine.head(server.orgs[0])
    return seq


def of(client: httpx2.Client, agent: httpx2.Client, seq: int, **more: str) -> dict[str, dict[str, Any]]:
    """Anomalies of an agent by kind."""
    params = {"agent": agent.headers["x-agent"], "min_seq": str(seq), **more}
    answer = client.get("/api/v1/anomalies", params=params)
    assert answer.status_code == 200, answer.text
    return {item["what"]: item for item in answer.json()["items"]}


def test_a_series_of_violations_is_found_once_with_the_events_that_show_it(
    server: Running, agent: httpx2.Client, operator: httpx2.Client, supervisor: httpx2.Client
) -> None:
    seq = violate(server, agent, 5)
    found = of(supervisor, agent, seq)
    assert {"trust_drop", "violations"} <= found.keys()
    series = found["violations"]
    assert (series["measured"], series["unit"], series["status"]) == (3, "events", "open")
    for shown in series["evidence"]:
        event = supervisor.get(f"/api/v1/ledger/events/{shown}").json()
        assert event["event"]["type"] == "action.decided/1"
    path = f"/api/v1/anomalies/{series['anomaly_id']}"
    assert agent.get(path).status_code == 403
    seen = operator.post(f"{path}/acknowledge", json={}).json()["seq"]
    assert supervisor.get(f"{path}?min_seq={seen}").json()["status"] == "acknowledged"
    body = {"outcome": "confirmed", "reason": "its prompt was injected"}
    assert operator.post(f"{path}/resolve", json=body).status_code == 403, "a supervisor closes it"
    own = server.client(server.person("operator", "supervisor"))
    assert own.post(f"{path}/resolve", json={"outcome": "maybe", "reason": "x"}).status_code == 422
    closed = supervisor.post(f"{path}/resolve", json=body)
    assert closed.status_code == 200, closed.text
    shown = supervisor.get(f"{path}?min_seq={closed.json()['seq']}").json()
    assert (shown["status"], shown["outcome"], shown["reason"]) == ("resolved", "confirmed", body["reason"])
    again = supervisor.post(f"{path}/resolve", json=body)
    assert (again.status_code, again.json()["code"]) == (409, "already_resolved")
    other = server.client(server.person("supervisor", org=server.orgs[1]))
    assert other.get(path).status_code == 404
    assert other.get("/api/v1/anomalies").json()["items"] == []


def test_the_policy_contains_at_once(
    server: Running, agent: httpx2.Client, supervisor: httpx2.Client
) -> None:
    director = server.client(server.person("director"))
    now = director.get("/api/v1/policy")
    policy = now.json()["document"]
    try:
        changed = {**policy, "anomalies": {**policy["anomalies"], "contain": ["violations"]}}
        headers = {"if-match": now.headers["etag"]}
        assert director.put("/api/v1/policy", json=changed, headers=headers).status_code == 200
        seq = violate(server, agent, 3)
        agent_id = agent.headers["x-agent"]
        shown = supervisor.get(f"/api/v1/agents/{agent_id}?min_seq={seq}").json()
        assert shown["agent"]["state"] == "quarantined"
        wrong = {**policy, "anomalies": {**policy["anomalies"], "contain": ["boredom"]}}
        headers = {"if-match": director.get("/api/v1/policy").headers["etag"]}
        refused = director.put("/api/v1/policy", json=wrong, headers=headers)
        assert refused.json()["errors"][0]["field"] == "/anomalies/contain/0"
    finally:
        headers = {"if-match": director.get("/api/v1/policy").headers["etag"]}
        director.put("/api/v1/policy", json=policy, headers=headers)


def test_the_command_line_lists_shows_acknowledges_and_resolves(
    server: Running, agent: httpx2.Client
) -> None:
    violate(server, agent, 3)
    token = server.person("supervisor").token
    environment = {**os.environ, "WATCHFLOOR_URL": server.url, "WATCHFLOOR_TOKEN": token}

    def run(*words: str) -> str:
        program = str(Path(sys.executable).parent / "watchfloor")
        done = subprocess.run(
            [program, "anomalies", *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    table = run("list", "--agent", agent.headers["x-agent"], "--what", "violations")
    anomaly = table.splitlines()[1].split()[0]
    assert "3 events, bound 3" in table
    assert run("acknowledge", anomaly) == f"{anomaly}: acknowledged\n"
    assert "resolved as false_alarm" in run("resolve", anomaly, "false_alarm", "--reason", "a drill")
    text = run("show", anomaly)
    assert "Evidence:" in text
    assert "false_alarm: a drill" in text
