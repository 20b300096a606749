"""A policy is changed with separation of duties: proposed, agreed to by others, put in force (spec 3.6, DESIGN 2b.15)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.http.kit import Running

Json = dict[str, Any]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    """A server of this test's own: who is there is what these tests are about."""
    running = Running(tmp_path).start()
    yield running
    running.stop()


@pytest.fixture
def admin(server: Running) -> httpx2.Client:
    return server.client(server.person("admin"))


@pytest.fixture
def director(server: Running) -> httpx2.Client:
    return server.client(server.person("director"))


@pytest.fixture
def supervisor(server: Running) -> httpx2.Client:
    return server.client(server.person("supervisor"))


def put(client: httpx2.Client, change: Json, reason: str = "test") -> httpx2.Response:
    """Lay a change of top-level sections over the policy in force."""
    now = client.get("/api/v1/policy")
    document = now.json()["document"]
    for section, value in change.items():
        document[section] = {**document[section], **value} if isinstance(value, dict) else value
    return client.put(
        f"/api/v1/policy?reason={reason}", json=document, headers={"if-match": now.headers["etag"]}
    )


LOOSER = {"auto": {"per_hour": 1000}}
TIGHTER = {"auto": {"per_hour": 3}}


def vote(client: httpx2.Client, decision: str, vote: str = "approve") -> httpx2.Response:
    found = client.get(f"/api/v1/decisions/{decision}").json()
    digest = found["decision"]["digest"] if "decision" in found else found["digest"]
    return client.post(f"/api/v1/decisions/{decision}/vote", json={"vote": vote, "digest": digest})


def test_what_loosens_waits_for_somebody_else(director: httpx2.Client, supervisor: httpx2.Client) -> None:
    proposed = put(director, LOOSER)
    assert proposed.status_code == 202, proposed.text
    body = proposed.json()
    assert (body["state"], body["version"], body["level"], body["loosens"]) == ("proposed", 1, 3, 1)
    assert director.get("/api/v1/policy").json()["version"] == 1
    own = vote(director, body["decision_id"])
    assert (own.status_code, own.json()["code"]) == (403, "party_to_it")
    agreed = vote(supervisor, body["decision_id"])
    assert agreed.status_code == 200, agreed.text
    now = director.get(f"/api/v1/policy?min_seq={agreed.json()['seq']}").json()
    assert (now["version"], now["document"]["auto"]["per_hour"]) == (2, 1000)
    newest = director.get("/api/v1/policy/versions").json()["items"][0]
    assert (newest["basis"], newest["loosens"]) == ("approved", 1)
    assert newest["approved_by"] == [supervisor.get("/api/v1/me").json()["id"]]
    assert newest["applied_by"] == director.get("/api/v1/me").json()["id"]
    assert director.get("/api/v1/policy/proposals").json()["items"][0]["state"] == "applied"


def test_people_see_the_change_as_a_diff(director: httpx2.Client, supervisor: httpx2.Client) -> None:
    body = put(director, LOOSER).json()
    supervisor.get(f"/api/v1/decisions?min_seq={body['seq']}")
    detail = supervisor.get(f"/api/v1/actions/{body['action_id']}?min_seq={body['seq']}").json()
    assert "-  per_hour: 30\n+  per_hour: 1000" in str(detail).replace("\\n", "\n")
    page = supervisor.get(f"/inbox/{body['decision_id']}", headers={"accept": "text/html"})
    assert page.status_code == 200, page.text[:300]
    assert "per_hour: 1000" in page.text
    assert "/auto/per_hour" in page.text
    listed = supervisor.get("/inbox", headers={"accept": "text/html"})
    assert "the platform itself" in listed.text


def test_what_only_tightens_is_in_force_at_once_and_ends_what_was_proposed_before(
    director: httpx2.Client, supervisor: httpx2.Client
) -> None:
    waiting = put(director, LOOSER).json()
    again = put(director, {"auto": {"per_hour": 900}})
    assert (again.status_code, again.json()["code"]) == (409, "proposal_pending")
    tightened = put(supervisor, TIGHTER)
    assert tightened.status_code == 403
    tightened = put(director, TIGHTER)
    assert (tightened.status_code, tightened.json()["basis"]) == (200, "tightening")
    late = vote(supervisor, waiting["decision_id"])
    assert director.get("/api/v1/policy").json()["version"] == 2, late.text
    seq = tightened.json()["seq"]
    proposal = director.get(f"/api/v1/policy/proposals?min_seq={seq}").json()["items"][0]
    assert proposal["state"] == "outdated"


def test_a_denied_proposal_changes_nothing_and_leaves_room_for_the_next(
    director: httpx2.Client, supervisor: httpx2.Client
) -> None:
    body = put(director, LOOSER).json()
    denied = vote(supervisor, body["decision_id"], "deny")
    assert denied.status_code == 200
    items = director.get(f"/api/v1/policy/proposals?min_seq={denied.json()['seq']}").json()["items"]
    assert items[0]["state"] == "denied"
    assert director.get("/api/v1/policy").json()["version"] == 1
    assert put(director, {"auto": {"per_hour": 900}}).status_code == 202


def test_going_back_to_a_looser_version_is_a_proposal(
    director: httpx2.Client, supervisor: httpx2.Client
) -> None:
    seq = put(director, TIGHTER).json()["seq"]
    compared = director.get(f"/api/v1/policy/diff?min_seq={seq}&older=2&newer=1").json()
    assert [
        (one["path"], one["before"], one["after"], one["loosens"]) for one in compared["differences"]
    ] == [("/auto/per_hour", "3", "30", True)]
    assert "-  per_hour: 3\n+  per_hour: 30\n" in compared["patch"]
    back = director.post("/api/v1/policy/revert", json={"to": 1})
    assert (back.status_code, back.json()["state"]) == (202, "proposed")
    agreed = vote(supervisor, back.json()["decision_id"]).json()
    now = director.get(f"/api/v1/policy?min_seq={agreed['seq']}").json()
    assert (now["version"], now["document"]["auto"]["per_hour"]) == (3, 30)
    assert director.get("/api/v1/policy/versions").json()["items"][0]["revert_to"] == 1
    assert director.post("/api/v1/policy/revert", json={"to": 3}).status_code == 404


def test_a_lone_administrator_may_loosen_and_it_is_written_down(admin: httpx2.Client) -> None:
    changed = put(admin, LOOSER)
    assert (changed.status_code, changed.json()["basis"]) == (200, "alone"), changed.text
    seq = changed.json()["seq"]
    newest = admin.get(f"/api/v1/policy/versions?min_seq={seq}").json()["items"][0]
    assert (newest["basis"], newest["loosens"]) == ("alone", 1)


def test_the_schema_of_the_document_is_published(admin: httpx2.Client) -> None:
    schema = admin.get("/api/v1/schemas/Policy").json()
    assert "grant_ms" in schema["components"]["schemas"]["Policy"]["properties"]


def test_agents_do_not_ask_for_it(server: Running) -> None:
    agent = server.agent()
    client = server.client(agent["api_key"])
    asked = client.post("/api/v1/actions", json={"type": "policy.apply", "params": {}})
    assert (asked.status_code, asked.json()["code"]) == (403, "reserved_type")


def test_a_draft_is_checked_as_yaml_and_as_json_and_nothing_is_recorded(director: httpx2.Client) -> None:
    now = director.get("/api/v1/policy")
    head = director.get("/api/v1/ledger/head").json()["seq"]
    document = now.json()["document"]
    document["auto"]["per_hour"] = 31
    asked = director.post("/api/v1/policy/check", json=document)
    assert asked.status_code == 200, asked.text
    found = asked.json()
    assert (found["base"], found["etag"], found["loosens"]) == (1, now.headers["etag"], 1)
    assert found["differences"] == [
        {"path": "/auto/per_hour", "before": "30", "after": "31", "loosens": True}
    ]
    yaml = {"content-type": "application/yaml"}
    again = director.post("/api/v1/policy/check", content=found["text"], headers=yaml).json()
    assert (again["document"], again["text"]) == (found["document"], found["text"])
    wrong = director.post(
        "/api/v1/policy/check", content=found["text"].replace("per_hour: 31", "per_hour: many"), headers=yaml
    )
    assert (wrong.status_code, wrong.json()["code"]) == (422, "invalid_policy")
    assert wrong.json()["errors"][0]["field"] == "/auto/per_hour"
    assert "line" in wrong.json()["errors"][0]["detail"]
    assert director.get("/api/v1/ledger/head").json()["seq"] == head
