"""Retries over REST: the same commands as on the socket, for the agent whose action it is (DESIGN 2b.8)."""

from __future__ import annotations

import httpx2
from tests.integration.http.kit import Running

READ = {"type": "file.read", "tool": "fs", "params": {"path": "/srv/data/again.csv"}}


def test_an_action_that_failed_is_refused_beyond_its_attempts_and_shows_how_many_it_has(
    server: Running, agent: httpx2.Client, supervisor: httpx2.Client, operator: httpx2.Client
) -> None:
    standing = {"agent_id": agent.headers["x-agent"], "type": "file.read"}
    standing["expires_at"] = server.engine.clock() + 3_600_000_000  # type: ignore[assignment]
    assert supervisor.post("/api/v1/standing-approvals", json=standing).status_code == 201
    ruling = agent.post("/api/v1/actions", json=READ | {"attempts": 3}).json()
    path = f"/api/v1/actions/{ruling['action_id']}"
    assert ruling["grant"], ruling
    start = {"grant_id": ruling["grant"]["grant_id"], "execution_id": "exe_1"}
    assert agent.post(f"{path}/start", json=start).status_code == 200
    running = agent.post(f"{path}/retry", json={"execution_id": "exe_1"})
    assert (running.status_code, running.json()["code"]) == (409, "not_retryable")
    assert agent.post(f"{path}/fail", json={"execution_id": "exe_1"}).status_code == 200
    refused = agent.post(f"{path}/retry", json={"execution_id": "exe_1"})
    assert (refused.status_code, refused.json()["code"]) == (409, "attempts_used_up")
    assert operator.post(f"{path}/retry", json={"execution_id": "exe_1"}).status_code == 403
    shown = operator.get(path, params={"min_seq": server.engine.head(server.orgs[0])}).json()
    assert (shown["attempt"], shown["attempts"], shown["executions"]) == (1, 1, ["exe_1"])
