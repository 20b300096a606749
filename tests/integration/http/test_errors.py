"""Nothing malformed ever yields a 5xx, and every refusal is a problem document (spec 6; 9 D9, J1 to J13, G14)."""

from __future__ import annotations

import contextlib
import socket

import httpx2
import pytest
from tests.integration.http.kit import Running

from watchfloor.http.operations import OPERATIONS, Operation

COMMANDS = [o for o in OPERATIONS if o.method in ("POST", "PUT") and o.path.startswith("/api/")]
BAD_BODIES = (
    b"{",
    b"[]",
    b'"x"',
    b"null",
    b"NaN",
    b'{"a":1,"a":2}',
    b'{"x":' + b"[" * 50_000,
    b"\xff\xfe",
    b'{"\\ud800":1}',
    b'{"reason":1e999}',
    b'{"unknown_field":true,"role":"admin","org_id":1}',
    b'{"reason":"' + b"x" * 200_000 + b'"}',
)


@pytest.mark.parametrize("operation", COMMANDS, ids=lambda o: o.key)
def test_no_body_breaks_an_operation(server: Running, admin: httpx2.Client, operation: Operation) -> None:
    path = operation.path.replace("{", "").replace("}", "")
    with contextlib.ExitStack() as own:
        client = admin
        if operation.who == "agent":
            client = own.enter_context(server.client(server.agent("fuzzed")["api_key"]))
        for body in BAD_BODIES:
            answer = client.request(
                operation.method,
                path,
                content=body,
                headers={"content-type": "application/json", "if-match": '"1"'},
            )
            assert 400 <= answer.status_code < 500, (body[:40], answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            document = answer.json()
            assert document["status"] == answer.status_code
            assert document["trace_id"] == answer.headers["traceparent"].split("-")[1]
            assert document["code"] == document["type"].rpartition("-")[2]
            assert document["retryable"] is False, "always said, so that a client need not guess"


def test_mass_assignment_is_refused_with_the_field(operator: httpx2.Client) -> None:
    for field, value in (
        ("trust_score", 1000),
        ("registered_by", "per_1"),
        ("org_id", 2),
        ("state", "idle"),
        ("approved_by", "x"),
    ):
        answer = operator.post(
            "/api/v1/agents/register", json={"name": "m", "capabilities": ["x"], field: value}
        )
        assert answer.status_code == 422
        assert answer.json()["errors"] == [
            {
                "field": f"/{field}",
                "code": "unknown_field",
                "detail": f"Object contains unknown field `{field}`",
            }
        ]


def test_a_body_may_have_one_mebibyte_and_not_a_byte_more(server: Running, operator: httpx2.Client) -> None:
    headers = {"content-type": "application/json"}
    assert (
        operator.post("/api/v1/tasks", content=b" " * (1024 * 1024 + 1), headers=headers).status_code == 413
    )

    def endless() -> object:
        for _ in range(200):
            yield b" " * 65_536

    assert operator.post("/api/v1/tasks", content=endless(), headers=headers).status_code == 413  # type: ignore[arg-type]


def test_a_length_that_is_a_lie_is_no_fault_of_ours(server: Running) -> None:
    token = server.person("operator").token
    for length in ("99999999999999999999999", "2000000"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock:
            sock.sendall(
                f"POST /api/v1/tasks HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n"
                f"content-type: application/json\r\ncontent-length: {length}\r\n\r\n{{}}".encode()
            )
            status = sock.recv(4_096).split(b" ")[1]
            assert status in (b"400", b"413")


def test_the_wrong_media_type_is_415_also_for_json_in_disguise(operator: httpx2.Client) -> None:
    for kind in (
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/xml",
    ):
        answer = operator.post("/api/v1/tasks", content=b'{"title":"x"}', headers={"content-type": kind})
        assert answer.status_code == 415, kind


def test_a_body_where_none_is_taken_is_refused(operator: httpx2.Client) -> None:
    assert operator.request("GET", "/api/v1/tasks", content=b"{}").json()["code"] == "body_not_expected"


def test_credentials_in_the_query_are_refused_and_never_logged(
    server: Running, capfd: pytest.CaptureFixture[str]
) -> None:
    token = server.person("operator").token
    with server.client() as client:
        answer = client.get(f"/api/v1/tasks?api_key={token}")
    assert (answer.status_code, answer.json()["code"]) == (400, "credential_in_query")
    assert token not in answer.text
    said = capfd.readouterr()
    assert token not in said.out + said.err


def test_ids_and_trace_context_come_back(operator: httpx2.Client) -> None:
    answer = operator.get(
        "/api/v1/tasks", headers={"traceparent": f"00-{'c' * 32}-{'d' * 16}-01", "x-request-id": "my-request"}
    )
    assert answer.headers["x-request-id"] == "my-request"
    assert answer.headers["traceparent"].startswith(f"00-{'c' * 32}-")


def test_every_answer_carries_the_safeguards(server: Running, operator: httpx2.Client) -> None:
    for path in ("/api/v1/tasks", "/health", "/nothing", "/inbox", "/docs", "/metrics", "/openapi.json"):
        headers = operator.get(path).headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["x-frame-options"] == "DENY"
        assert "frame-ancestors 'none'" in headers["content-security-policy"]
        assert "unsafe" not in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers
    answer = operator.get("/api/v1/tasks", headers={"origin": "https://evil.example"})
    assert "access-control-allow-origin" not in answer.headers


def test_views_that_lag_are_waited_for_and_then_said(operator: httpx2.Client) -> None:
    made = operator.post("/api/v1/tasks", json={"title": "fresh"}).json()
    page = operator.get(f"/api/v1/tasks?min_seq={made['seq']}&limit=1").json()
    assert page["items"][0]["task_id"] == made["task_id"]
    answer = operator.get(f"/api/v1/tasks?min_seq={made['seq'] + 1_000_000}")
    assert (answer.status_code, answer.json()["code"], answer.json()["retryable"]) == (
        503,
        "view_behind",
        True,
    )
    assert answer.headers["retry-after"]


def test_pages_meet_without_gap_or_double(operator: httpx2.Client) -> None:
    for number in range(7):
        last = operator.post("/api/v1/tasks", json={"title": f"page {number}"}).json()
    seen: list[str] = []
    cursor = ""
    while True:
        page = operator.get(f"/api/v1/tasks?limit=3&cursor={cursor}&min_seq={last['seq']}").json()
        seen += [item["task_id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) >= 7
    assert seen[0] == last["task_id"]


def test_a_request_that_is_no_http_is_answered_and_closed(server: Running) -> None:
    for junk in (b"\x00\x01\x02\r\n\r\n", b"GET\r\n\r\n", b"GET / HTTP/9.9\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", server.port), timeout=5) as sock:
            sock.sendall(junk)
            assert sock.recv(64).startswith(b"HTTP/1.1 400")
