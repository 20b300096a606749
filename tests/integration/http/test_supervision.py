"""Supervision by REST: arranged, seen, passed on, ended; what is nonsense is refused (spec 2.3)."""

from __future__ import annotations

from typing import Any

import httpx2
from tests.integration.http.kit import Running


def orchestrator(client: httpx2.Client, name: str, kind: str = "orchestrator") -> str:
    answer = client.post(
        "/api/v1/agents/register", json={"name": name, "type": kind, "capabilities": ["plan"]}
    )
    found: str = answer.json()["agent_id"]
    return found


def test_a_domain_from_its_arrangement_to_its_end(server: Running) -> None:
    client = server.client(server.person("supervisor"))
    first, second = orchestrator(client, "sup-first"), orchestrator(client, "sup-second")
    worker = orchestrator(client, "sup-worker", "worker")
    domain: dict[str, Any] = {
        "domain": "day shift",
        "primary_id": first,
        "backup_ids": [second],
        "member_ids": [worker],
    }
    made = client.post("/api/v1/supervision", json=domain)
    assert made.status_code == 201, made.text
    assert made.json()["holder_id"] == ""  # none of them is there: people have it
    path = f"/api/v1/supervision/{made.json()['supervision_id']}"
    found = client.get(path, params={"min_seq": made.json()["seq"]}).json()["supervision"]
    assert (found["state"], found["primary_id"], found["backup_ids"]) == ("people", first, [second])
    assert [item["domain"] for item in client.get("/api/v1/supervision?state=people").json()["items"]] == [
        "day shift"
    ]
    away = client.post(f"{path}/pass", json={"agent_id": second})
    assert (away.status_code, away.json()["code"]) == (409, "agent_unavailable")
    again = client.post("/api/v1/supervision", json={**domain, "primary_id": second, "backup_ids": []})
    assert (again.status_code, again.json()["generation"]) == (201, 2)
    assert client.post(f"{path}/end", json={"reason": "over"}).status_code == 200
    over = client.post(f"{path}/pass", json={})
    assert (over.status_code, over.json()["code"]) == (409, "supervision_ended")


def test_only_orchestrators_supervise_and_nobody_itself(server: Running) -> None:
    client = server.client(server.person("supervisor"))
    chief, worker = orchestrator(client, "sup-chief"), orchestrator(client, "sup-hand", "worker")
    for domain, code in (
        ({"primary_id": worker, "member_ids": [chief]}, "not_orchestrator"),
        ({"primary_id": chief, "member_ids": [chief]}, "repeated"),
        ({"primary_id": chief, "member_ids": [worker], "backup_ids": [worker]}, "repeated"),
    ):
        answer = client.post("/api/v1/supervision", json={"domain": "odd", **domain})
        assert (answer.status_code, answer.json()["code"]) == (422, code)
