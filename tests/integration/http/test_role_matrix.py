"""Every operation for every role: the table is what decides (spec 6 *Security*; fault G13, ASVS 8.2)."""

from __future__ import annotations

import re

import httpx2
import pytest
from tests.integration.http.kit import Running
from tests.integration.http.test_access import Seat

from watchfloor.http.operations import OPERATIONS, Operation
from watchfloor.kernel.terms import ROLES, holds

SOMETHING = {
    "seq": "1",
    "version": "1",
    "schema": "SubmitTaskBody",
    "asset": "x",
    "link": "x",
    "number": "1",
    "provider": "x",
}
WHO = ("nobody", "agent", *ROLES)


def path_of(operation: Operation) -> str:
    """A path of the operation whose ids are well-formed and lead nowhere."""
    return re.sub(
        r"\{([a-z]+)\}",
        lambda found: SOMETHING.get(found.group(1), f"{found.group(1)[:3]}_zzzzz"),
        operation.path,
    )


def allowed(operation: Operation, who: str) -> bool:
    """What the table says."""
    if operation.who == "anyone":
        return True
    if who == "nobody":
        return False
    if who == "agent":
        return operation.who.startswith("agent")
    if who == "auditor" and operation.who.startswith("auditor+"):
        return True
    role = operation.who.rpartition("+")[2]
    return role == "reader" or (role != "agent" and holds((who,), role))


@pytest.fixture(scope="module")
def clients(server: Running) -> dict[str, httpx2.Client]:
    found = {role: server.client(server.person(role)) for role in ROLES}
    found["nobody"] = server.client()
    found["agent"] = server.client(server.agent("matrix")["api_key"])
    return found


@pytest.mark.parametrize("who", WHO)
@pytest.mark.parametrize(
    "operation",
    [o for o in OPERATIONS if o.effect != "stream" and o.id != "start_export"],
    ids=lambda o: o.key,
)
def test_an_operation_is_open_to_exactly_those_the_table_names(
    clients: dict[str, httpx2.Client], operation: Operation, who: str
) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"} if operation.effect == "form" else {}
    answer = clients[who].request(operation.method, path_of(operation), headers=headers)
    assert answer.status_code < 500, answer.text
    if allowed(operation, who):
        assert answer.status_code != 403 or "role_missing" not in answer.text
        assert answer.status_code != 401 or operation.id in ("sign_in", "show_link", "use_link", "come_back")
    elif who == "nobody" and operation.page:
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in")
    elif who == "nobody":
        assert answer.status_code == 401
        assert answer.json()["code"] == "unauthenticated"
    else:
        assert answer.status_code == 403
        assert "role_missing" in answer.text


@pytest.mark.parametrize("who", ["nobody", "agent", "auditor", "director"])
def test_the_stream_and_exports_follow_the_table_too(clients: dict[str, httpx2.Client], who: str) -> None:
    assert (
        clients[who].post("/api/v1/ledger/exports").status_code
        == {"nobody": 401, "agent": 403, "auditor": 202, "director": 403}[who]
    )
    with clients[who].stream("GET", "/api/v1/stream") as answer:
        assert answer.status_code == (401 if who == "nobody" else 200)


def test_a_session_changes_nothing_without_its_token_and_from_elsewhere(server: Running) -> None:
    seat = Seat(server)
    seat.enter(link=server.link(server.person("admin")))
    own = {"origin": server.url, "sec-fetch-site": "same-origin"}
    elsewhere = {"origin": "https://evil.example", "sec-fetch-site": "cross-site", "x-csrf-token": seat.csrf}
    changes = [o for o in OPERATIONS if o.mutates and o.effect != "form" and o.who not in ("anyone", "agent")]
    assert {"start_backup", "start_export", "rotate_token_keys", "submit_task"} <= {o.id for o in changes}
    for operation in changes:
        for headers, code in ((own, "form_token"), (elsewhere, "foreign_origin")):
            answer = seat.client.request(operation.method, path_of(operation), headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (403, code), operation.key


def test_a_token_with_scopes_reaches_no_further(server: Running) -> None:
    with server.client(server.person("admin", scopes=("tasks:read",))) as client:
        assert client.get("/api/v1/tasks").status_code == 200
        assert client.post("/api/v1/tasks", json={"title": "x"}).json()["code"] == "scope_missing"
        assert client.get("/api/v1/agents").status_code == 403
        assert client.post("/api/v1/tokens", json={}).status_code == 403
    with server.client(server.person("admin", scopes=("backups:read", "ledger:read"))) as client:
        assert client.get("/api/v1/backups").status_code == 200
        assert client.post("/api/v1/backups").json()["code"] == "scope_missing"
        assert client.post("/api/v1/ledger/exports").json()["code"] == "scope_missing"


def test_what_the_table_does_not_name_does_not_exist(server: Running) -> None:
    with server.client(server.person("admin")) as client:
        for path in (
            "/api/v1/nothing",
            "/api/v2/tasks",
            "/admin",
            "/.env",
            "/schema",
            "/api/v1/tasks/a/b/c",
            "/%2e%2e/etc/passwd",
        ):
            assert client.get(path).status_code == 404, path
        answer = client.delete("/api/v1/tasks")
        assert answer.status_code == 405
        assert set(answer.headers["allow"].split(", ")) == {"GET", "OPTIONS", "POST"}
