"""Counts for badges, search for the palette, and state as it was (spec 7 *Inbox*, *Audit*; fault G13)."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from tests.integration.http.conftest import ask_patch
from tests.integration.http.kit import Running

from watchfloor.engine import replaying
from watchfloor.kernel.messages import Refused


def counts(client: httpx2.Client, seq: int = 0) -> dict[str, Any]:
    if seq:
        client.get("/api/v1/tasks", params={"min_seq": seq})
    found: dict[str, Any] = client.get("/api/v1/badges").json()
    return found


def hits(client: httpx2.Client, text: str, seq: int = 0) -> list[tuple[str, str, str]]:
    answer = client.get("/api/v1/search", params={"q": text, **({"min_seq": seq} if seq else {})})
    assert answer.status_code == 200, answer.text
    return [(hit["kind"], hit["id"], hit["title"]) for hit in answer.json()["items"]]


def test_badges_count_what_waits_and_whom_for(server: Running, operator: httpx2.Client) -> None:
    supervisor = server.client(server.person("supervisor"))
    before, mine = counts(supervisor), counts(operator)
    made = server.agent()
    ruling = ask_patch(server.client(made["api_key"]))
    seq = operator.post(f"/api/v1/agents/{made['agent_id']}/quarantine", json={}).json()["seq"]
    after = counts(supervisor, seq)
    assert after["decisions"] == before["decisions"] + 1
    assert after["mine"] == before["mine"] + 1
    assert after["quarantined"] == before["quarantined"] + 1
    listed = operator.get("/api/v1/decisions?status=pending").json()["items"]
    assert {item["agent_tier"] for item in listed} == {"PROBATIONARY"}
    assert counts(operator)["mine"] == mine["mine"], "an operator may not decide it"
    vote = {"vote": "deny", "digest": ruling["digest"], "comment": "no"}
    done = supervisor.post(f"/api/v1/decisions/{ruling['decision_id']}/vote", json=vote).json()
    assert counts(supervisor, done["seq"])["decisions"] == before["decisions"]


def test_the_palette_finds_by_name_title_and_id_within_the_organisation(
    server: Running, operator: httpx2.Client
) -> None:
    made = server.agent("palette-Painter")
    task = operator.post("/api/v1/tasks", json={"title": "Überprüfe the 50% painter's _bill_"}).json()
    ruling = ask_patch(server.client(made["api_key"]))
    seq = server.engine.head(server.orgs[0])
    found = hits(operator, "PAINTER", seq)
    assert ("agent", made["agent_id"], "palette-Painter") in found
    assert ("task", task["task_id"], "Überprüfe the 50% painter's _bill_") in found
    assert ("decision", ruling["decision_id"], "repository.patch") in hits(operator, "palette-painter")
    assert hits(operator, "überprüfe BILL")[0][1] == task["task_id"]
    assert hits(operator, "50% pain")[0][1] == task["task_id"]
    assert not [hit for hit in hits(operator, "5_% pain") if hit[0] == "task"], "no wildcards"
    assert hits(operator, "supervisor")[0][0] == "person"
    for kind, public in (
        ("agent", made["agent_id"]),
        ("task", task["task_id"]),
        ("decision", ruling["decision_id"]),
        ("action", ruling["action_id"]),
        ("person", server.person("operator").id),
    ):
        assert [hit[:2] for hit in hits(operator, public)] == [(kind, public)]
    foreign = server.client(server.person("operator", org=server.orgs[1]))
    for text in ("painter", made["agent_id"], task["task_id"], ruling["decision_id"], "' OR 1=1 --"):
        assert hits(foreign, text) == [], text
    assert operator.get("/api/v1/search").status_code == 422
    assert operator.get("/api/v1/search", params={"q": "x" * 101}).status_code == 422


def test_state_is_as_it_was_at_a_seq_and_at_an_instant(server: Running, operator: httpx2.Client) -> None:
    first = operator.post("/api/v1/tasks", json={"title": "then"}).json()
    before = operator.get("/api/v1/ledger/state", params={"seq": first["seq"] - 1}).json()
    at = operator.get("/api/v1/ledger/state", params={"seq": first["seq"], "of": first["task_id"]}).json()
    operator.post(f"/api/v1/tasks/{first['task_id']}/cancel", json={})
    now = operator.get("/api/v1/ledger/state", params={"of": first["task_id"]}).json()
    assert at["tasks"].get("queued", 0) == before["tasks"].get("queued", 0) + 1
    assert (at["seq"], at["subject"]["stage"], now["subject"]["stage"]) == (
        first["seq"],
        "queued",
        "cancelled",
    )
    assert now["head"] == now["seq"] > at["seq"]
    assert now["policy_version"] == 1
    gone = operator.get(
        "/api/v1/ledger/state", params={"seq": first["seq"] - 1, "of": first["task_id"]}
    ).json()
    assert gone["subject"] is None
    then = operator.get("/api/v1/ledger/state", params={"at": at["at"]}).json()
    assert (then["seq"], then["counts"]) == (at["seq"], at["counts"])
    assert operator.get("/api/v1/ledger/state", params={"at": 1}).json()["counts"] == {}
    assert operator.get("/api/v1/ledger/state", params={"of": "xyz_1"}).status_code == 404
    foreign = server.client(server.person("operator", org=server.orgs[1]))
    assert foreign.get("/api/v1/ledger/state", params={"of": first["task_id"]}).status_code == 404


def test_the_past_equals_what_lived_and_is_bounded(server: Running) -> None:
    org = server.orgs[0]
    ledger, core = server.backbone.ledger, server.engine.core
    row = next(row for row in ledger.organisations() if row.org == org)
    head = ledger.head(org)[0]
    folder = server.backbone.directory.snapshots
    live = replaying.described(replaying.rebuilt(core, ledger, row, head))
    assert replaying.described(replaying.as_of(core, ledger, row, head, folder, 100_000)) == live
    with pytest.raises(Refused, match="too_far_back"):
        replaying.as_of(core, ledger, row, head, folder, 5)
