"""Fleets let themselves in with a token, within what it allows (spec 2.1; faults S3, S10)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
from tests.integration.http.kit import Running


def token(client: httpx2.Client, **terms: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/enrolment-tokens", json=terms)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def enrol(server: Running, key: str, name: str, **more: Any) -> httpx2.Response:
    with server.client() as client:
        return client.post(
            "/api/v1/agents/register",
            json={"name": name, "type": "worker", "capabilities": ["python"], **more},
            headers={"authorization": f"Bearer {key}"},
        )


def test_an_agent_registers_itself_and_belongs_to_whom_the_token_says(
    server: Running, operator: httpx2.Client
) -> None:
    owner = server.person("supervisor")
    made = token(operator, owner=owner.handle)
    answer = enrol(server, made["token"], "self-made")
    assert answer.status_code == 201, answer.text
    assert answer.json()["owner"] == owner.id == made["owner"]
    with server.client() as client:
        client.headers["authorization"] = f"Bearer {answer.json()['api_key']}"
        assert client.get("/api/v1/me").json()["kind"] == "agent"
    detail = operator.get(
        f"/api/v1/enrolment-tokens/{made['enrolment_id']}?min_seq={answer.json()['seq']}"
    ).json()
    assert detail["enrolment"]["state"] == "used_up"
    assert detail["agents"] == [answer.json()["agent_id"]]


def test_of_many_that_race_for_the_last_use_exactly_one_wins(
    server: Running, operator: httpx2.Client
) -> None:
    made = token(operator, uses=1)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: enrol(server, made["token"], f"racer-{n}"), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201, *[409] * 7]
    assert {answer.json()["code"] for answer in answers if answer.status_code == 409} == {"enrolment_used_up"}


def test_whoever_lost_the_answer_learns_what_became_of_it_and_gets_no_second_key(
    server: Running, operator: httpx2.Client
) -> None:
    made = token(operator)
    first = enrol(server, made["token"], "forgetful")
    again = enrol(server, made["token"], "forgetful")
    assert (again.status_code, again.json()["agent_id"]) == (200, first.json()["agent_id"])
    assert again.json()["api_key"] is None


def test_a_token_does_not_tell_of_agents_that_others_registered(
    server: Running, operator: httpx2.Client
) -> None:
    server.agent("not-yours")
    made = token(operator)
    answer = enrol(server, made["token"], "not-yours")
    assert (answer.status_code, answer.json()["code"]) == (409, "already_registered")


def test_a_token_opens_nothing_but_registration(server: Running, operator: httpx2.Client) -> None:
    made = token(operator)
    with server.client() as client:
        client.headers["authorization"] = f"Bearer {made['token']}"
        for path in ("/api/v1/me", "/api/v1/agents", "/api/v1/enrolment-tokens", "/api/v1/policy"):
            assert client.get(path).status_code == 403, path
        assert client.post("/api/v1/enrolment-tokens", json={}).status_code == 403


def test_a_token_lets_in_only_what_it_is_for(server: Running, operator: httpx2.Client) -> None:
    made = token(operator, uses=5, types=["worker"], capabilities=["python"])
    for more, code in (
        ({"type": "planner"}, "not_enrolled_for"),
        ({"capabilities": ["python", "payments"]}, "not_enrolled_for"),
        ({"owner": "somebody"}, "owner_is_set"),
    ):
        answer = enrol(server, made["token"], "too-much", **more)
        assert (answer.status_code, answer.json()["code"]) == (403, code)


def test_a_revoked_token_is_no_credential(server: Running, operator: httpx2.Client) -> None:
    made = token(operator)
    done = operator.post(f"/api/v1/enrolment-tokens/{made['enrolment_id']}/revoke", json={})
    assert done.status_code == 200
    assert enrol(server, made["token"], "late").status_code == 401


def test_a_token_in_the_query_is_refused(server: Running, operator: httpx2.Client) -> None:
    made = token(operator)
    with server.client() as client:
        answer = client.get(f"/api/v1/me?x={made['token']}")
    assert (answer.status_code, answer.json()["code"]) == (400, "credential_in_query")
    assert made["token"] not in answer.text


def test_an_owner_nobody_knows_is_refused(server: Running, operator: httpx2.Client) -> None:
    answer = operator.post(
        "/api/v1/agents/register", json={"name": "stray", "capabilities": ["x"], "owner": "system"}
    )
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "/owner"


def test_an_organisation_of_one_is_told_that_nobody_else_can_decide(server: Running) -> None:
    org = server.run(server.backbone.found("Alone"))
    owner = server.person("director", org=org)
    with server.client(owner) as client:
        (lonely,) = client.post(
            "/api/v1/agents/register", json={"name": "lonely", "capabilities": ["x"]}
        ).json()["warnings"]
        assert lonely["code"] == "nobody_else_can_decide"
        assert "level 4 needs 1 more for the committee directors" in lonely["detail"]
        server.person(
            "operator", "director", org=org
        )  # of two directors one is the other: a committee of one
        company = client.post("/api/v1/agents/register", json={"name": "company", "capabilities": ["x"]})
        assert company.json()["warnings"] == []


def test_an_agent_card_becomes_an_agent_of_whoever_imports_it(operator: httpx2.Client) -> None:
    card = {"name": "carded", "skills": [{"id": "maps"}], "url": "https://maps.example"}
    answer = operator.post("/api/v1/agents/import", json={"document": card})
    assert answer.status_code == 201, answer.text
    assert answer.json()["api_key"]
    detail = operator.get(f"/api/v1/agents/{answer.json()['agent_id']}?min_seq={answer.json()['seq']}").json()
    assert detail["agent"]["capabilities"] == ["maps"]
    assert detail["metadata"]["a2a"]["url"] == "https://maps.example"
    assert operator.post("/api/v1/agents/import", json={"document": card}).status_code == 200
    for wrong in ({}, {"document": card, "url": "https://maps.example/card"}, {"document": {"name": "x"}}):
        refused = operator.post("/api/v1/agents/import", json=wrong)
        assert (refused.status_code, refused.json()["code"]) == (422, "invalid_card")
