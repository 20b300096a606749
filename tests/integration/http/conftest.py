"""One running server for the tests of a module; each makes the things it needs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.http.kit import Running

DIFF = "--- a/x.py\n+++ b/x.py\n@@ -1 +1 @@\n-import os\n+import sys\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """A server with two organisations; nobody is rate limited."""
    running = Running(Path(tmp_path_factory.mktemp("server"))).start()
    for role in ("supervisor", "director"):  # without anybody who may decide, decisions are denied at once
        running.person(role)
        running.person(role, org=running.orgs[1])
    yield running
    running.stop()


@pytest.fixture(scope="module")
def operator(server: Running) -> Iterator[httpx2.Client]:
    with server.client(server.person("operator")) as client:
        yield client


@pytest.fixture(scope="module")
def admin(server: Running) -> Iterator[httpx2.Client]:
    with server.client(server.person("admin")) as client:
        yield client


@pytest.fixture(scope="module")
def supervisor(server: Running) -> Iterator[httpx2.Client]:
    with server.client(server.person("supervisor")) as client:
        yield client


@pytest.fixture
def agent(server: Running) -> Iterator[httpx2.Client]:
    """A fresh agent's client; `client.headers['x-agent']` is its id."""
    made = server.agent()
    with server.client(made["api_key"]) as client:
        client.headers["x-agent"] = made["agent_id"]
        yield client


def ask_patch(client: httpx2.Client, **more: Any) -> dict[str, Any]:
    """Ask for something that people must approve; the ruling."""
    body = {
        "type": "repository.patch",
        "tool": "git",
        "params": {"path": "demo", "diff": DIFF},
        "reason": "unused import",
        **more,
    }
    answer = client.post("/api/v1/actions", json=body)
    assert answer.status_code == 200, answer.text
    ruling: dict[str, Any] = answer.json()
    assert ruling["verdict"] == "pending", ruling
    return ruling
