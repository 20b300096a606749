"""A repeated request happens once and gets the same answer (spec 9 C1 to C4; DESIGN 2b.5)."""

from __future__ import annotations

import threading

import httpx2
import pytest
from tests.integration.http.conftest import ask_patch
from tests.integration.http.kit import Running

from watchfloor.http.operations import OPERATIONS

KEYED = [operation for operation in OPERATIONS if operation.keyed]


def test_the_same_key_and_body_get_the_same_answer(operator: httpx2.Client) -> None:
    answers = [
        operator.post("/api/v1/tasks", json={"title": "once"}, headers={"idempotency-key": "task-1"})
        for _ in range(3)
    ]
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.text for answer in answers}) == 1


def test_another_body_under_the_same_key_is_422(operator: httpx2.Client) -> None:
    operator.post("/api/v1/tasks", json={"title": "a"}, headers={"idempotency-key": "task-2"})
    other = operator.post("/api/v1/tasks", json={"title": "b"}, headers={"idempotency-key": "task-2"})
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")


def test_the_same_key_on_another_route_is_422(operator: httpx2.Client) -> None:
    task = operator.post("/api/v1/tasks", json={"title": "a"}, headers={"idempotency-key": "task-3"}).json()[
        "task_id"
    ]
    other = operator.post(f"/api/v1/tasks/{task}/cancel", json={}, headers={"idempotency-key": "task-3"})
    assert other.status_code == 422


def test_two_people_may_choose_the_same_key(
    server: Running, operator: httpx2.Client, admin: httpx2.Client
) -> None:
    first = operator.post("/api/v1/tasks", json={"title": "x"}, headers={"idempotency-key": "shared"})
    second = admin.post("/api/v1/tasks", json={"title": "x"}, headers={"idempotency-key": "shared"})
    assert first.json()["task_id"] != second.json()["task_id"]


def test_fifty_at_once_do_it_once(server: Running) -> None:
    person = server.person("operator")
    outcomes: list[httpx2.Response] = []

    def ask() -> None:
        with server.client(person) as client:
            outcomes.append(
                client.post("/api/v1/tasks", json={"title": "storm"}, headers={"idempotency-key": "storm"})
            )

    threads = [threading.Thread(target=ask) for _ in range(50)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    done = [answer for answer in outcomes if answer.status_code == 201]
    assert len({answer.json()["task_id"] for answer in done}) == 1
    for answer in outcomes:
        assert answer.status_code in (201, 409)
        if answer.status_code == 409:
            assert answer.json()["code"] == "in_flight"
            assert answer.headers["retry-after"] == "1"


def test_secrets_are_never_shown_twice(operator: httpx2.Client, server: Running) -> None:
    body = {"name": "keyed", "capabilities": ["x"]}
    first = operator.post("/api/v1/agents/register", json=body, headers={"idempotency-key": "reg-1"})
    again = operator.post("/api/v1/agents/register", json=body, headers={"idempotency-key": "reg-1"})
    unkeyed = operator.post("/api/v1/agents/register", json=body)
    assert first.status_code == 201
    assert first.json()["api_key"].startswith("wf_key_")
    for answer in (again, unkeyed):
        assert answer.json()["agent_id"] == first.json()["agent_id"]
        assert answer.json()["api_key"] is None
        assert "otate" in answer.json()["note"]
    with server.client(first.json()["api_key"]) as agent:
        assert agent.get("/api/v1/me").json()["id"] == first.json()["agent_id"]

    token = operator.post("/api/v1/tokens", json={"label": "ci"}, headers={"idempotency-key": "tok-1"})
    repeated = operator.post("/api/v1/tokens", json={"label": "ci"}, headers={"idempotency-key": "tok-1"})
    assert token.json()["token"]
    assert repeated.json() == {**token.json(), "token": None}


def test_an_agents_request_by_key_is_one_action_and_its_grant_can_be_used_from_the_repeat(
    server: Running, agent: httpx2.Client
) -> None:
    body = {"type": "repository.patch", "params": {"path": "x"}}
    first = agent.post("/api/v1/actions", json=body, headers={"idempotency-key": "act-1"}).json()
    again = agent.post("/api/v1/actions", json=body, headers={"idempotency-key": "act-1"}).json()
    assert {key: first[key] for key in ("action_id", "digest", "seq", "verdict")} == {
        key: again[key] for key in ("action_id", "digest", "seq", "verdict")
    }


def test_a_vote_by_key_is_cast_once(server: Running, agent: httpx2.Client, supervisor: httpx2.Client) -> None:
    ruling = ask_patch(agent)
    path = f"/api/v1/decisions/{ruling['decision_id']}/vote"
    body = {"vote": "approve", "digest": ruling["digest"]}
    first = supervisor.post(path, json=body, headers={"idempotency-key": "vote-1"})
    again = supervisor.post(path, json=body, headers={"idempotency-key": "vote-1"})
    assert first.status_code == again.status_code == 200
    assert first.json()["seq"] == again.json()["seq"]
    assert supervisor.post(path, json=body).json()["code"] == "already_voted"


def test_a_refusal_is_not_remembered(operator: httpx2.Client) -> None:
    refused = operator.post(
        "/api/v1/tasks", json={"title": "x", "deadline_at": 1}, headers={"idempotency-key": "ref-1"}
    )
    assert refused.status_code == 422
    assert (
        operator.post("/api/v1/tasks", json={"title": "x"}, headers={"idempotency-key": "ref-1"}).status_code
        == 201
    )


@pytest.mark.parametrize("key", ["", "a b", "x" * 201, "schlüssel"])
def test_a_key_is_visible_ascii_of_bounded_length(operator: httpx2.Client, key: str) -> None:
    answer = operator.post("/api/v1/tasks", json={"title": "x"}, headers={b"idempotency-key": key.encode()})
    assert answer.status_code == (400 if key else 201)


def test_every_command_of_the_api_takes_a_key() -> None:
    without = {o.id for o in OPERATIONS if o.effect in ("write", "secret") and not o.keyed}
    assert without == {"sign_in"}
    assert len(KEYED) > 25
