"""Registering over REST against a real HTTP server, and keeping the key (spec 2.1)."""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from watchfloor_agent import (
    ConfigurationError,
    ProtocolError,
    Refused,
    Unavailable,
    read_key,
    register,
    write_key,
)
from watchfloor_agent.registration import replace_key

KEY = "wf_key_0123456789abcdef_" + "a" * 43


class Registry(ThreadingHTTPServer):
    """Answers every POST with `status` and `body`, and keeps what it was asked."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Answering)
        self.status = 201
        self.body: Any = {"agent_id": "agt_1", "structured_id": "213000", "api_key": KEY, "expires_at": 77}
        self.got: Any = {}
        self.raw: bytes | None = None
        self.asked: list[tuple[str, dict[str, str], Any]] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class Answering(BaseHTTPRequestHandler):
    server: Registry

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.asked.append((self.path, dict(self.headers), json.loads(body)))
        answer = self.server.raw if self.server.raw is not None else json.dumps(self.server.body).encode()
        self.send_response(self.server.status)
        if self.server.status == 307:
            self.send_header("Location", f"{self.server.url}/elsewhere")
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def do_GET(self) -> None:
        self.server.asked.append((self.path, dict(self.headers), None))
        answer = json.dumps(self.server.got).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, *_: Any) -> None:
        """Tests are quiet."""


@pytest.fixture
def registry() -> Iterator[Registry]:
    server = Registry()
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def test_an_agent_is_registered_with_what_was_given(registry: Registry) -> None:
    got = register(
        registry.url,
        "wf_tok_x",
        name="lint-fixer",
        capabilities=["development"],
        tools=["git"],
        metadata={"team": "a"},
    )
    path, headers, body = registry.asked[0]
    assert path == "/api/v1/agents/register"
    assert headers["Authorization"] == "Bearer wf_tok_x"
    assert body == {
        "name": "lint-fixer",
        "type": "worker",
        "capabilities": ["development"],
        "tools": ["git"],
        "metadata": {"team": "a"},
    }
    assert (got.agent_id, got.structured_id, got.api_key, got.expires_at) == ("agt_1", "213000", KEY, 77)
    assert KEY not in repr(got)


def test_the_websocket_address_finds_the_same_server(registry: Registry) -> None:
    register(registry.url.replace("http", "ws") + "/ws", "t", name="n", capabilities=["c"])
    assert registry.asked[0][0] == "/api/v1/agents/register"


def test_a_second_registration_returns_the_agent_without_a_key(registry: Registry) -> None:
    registry.status, registry.body = 200, {"agent_id": "agt_1"}
    assert register(registry.url, "t", name="n", capabilities=["c"]).api_key == ""


def test_a_refusal_says_what_the_problem_document_says(registry: Registry) -> None:
    registry.status = 422
    registry.body = {"code": "invalid_name", "detail": "takes printable characters", "field": "/name"}
    with pytest.raises(Refused, match=r"invalid_name: takes printable characters \(at /name\)"):
        register(registry.url, "t", name="\t", capabilities=["c"])


@pytest.mark.parametrize(
    ("status", "error"),
    [(401, Refused), (403, Refused), (500, Refused), (429, Unavailable), (503, Unavailable)],
)
def test_statuses_without_a_document_still_have_a_meaning(
    registry: Registry, status: int, error: type[Exception]
) -> None:
    registry.status, registry.raw = status, b"<html>no</html>"
    with pytest.raises(error, match=f"HTTP {status}"):
        register(registry.url, "t", name="n", capabilities=["c"])


def test_a_redirect_is_not_followed_with_the_token(registry: Registry) -> None:
    registry.status = 307
    with pytest.raises(Refused):
        register(registry.url, "t", name="n", capabilities=["c"])
    assert len(registry.asked) == 1


@pytest.mark.parametrize("raw", [b"<html>", b"[]", b"{}"])
def test_an_answer_of_something_else_is_a_protocol_error(registry: Registry, raw: bytes) -> None:
    registry.raw = raw
    with pytest.raises(ProtocolError):
        register(registry.url, "t", name="n", capabilities=["c"])


def test_a_server_that_is_away_is_unavailable() -> None:
    with pytest.raises(Unavailable, match="cannot be reached"):
        register("http://127.0.0.1:9", "t", name="n", capabilities=["c"], timeout_ms=2_000)


@pytest.mark.parametrize("url", ["ftp://x", "nothing", "http://", "http://example.com"])
def test_addresses_that_are_wrong_or_show_the_token_are_refused(url: str) -> None:
    with pytest.raises(ConfigurationError):
        register(url, "t", name="n", capabilities=["c"])


def test_a_key_file_is_written_once_for_its_owner_only_and_read_back(tmp_path: Path) -> None:
    path = tmp_path / "agent.key"
    write_key(path, KEY)
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_key(path) == KEY
    with pytest.raises(ConfigurationError, match="never overwritten"):
        write_key(path, KEY)


def test_a_key_is_replaced_at_once_and_stays_its_owners_own(tmp_path: Path) -> None:
    path = tmp_path / "agent.key"
    write_key(path, KEY)
    (tmp_path / "agent.key.new").write_text("left by a crash", encoding="ascii")
    replace_key(path, f"{KEY}2")
    assert read_key(path) == f"{KEY}2"
    assert [entry.name for entry in tmp_path.iterdir()] == ["agent.key"]


@pytest.mark.skipif(os.name != "posix", reason="file modes are POSIX")
def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "agent.key"
    write_key(path, KEY)
    path.chmod(0o640)
    with pytest.raises(ConfigurationError, match="chmod 600"):
        read_key(path)


@pytest.mark.parametrize("text", ["", "hello", "wf_a b", "wf_\u00e9"])
def test_a_file_that_holds_no_key_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "agent.key"
    path.write_text(text, encoding="utf-8")
    path.chmod(0o600)
    with pytest.raises(ConfigurationError, match="key"):
        read_key(path)
