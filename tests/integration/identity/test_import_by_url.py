"""Agent cards fetched from where they are, by the guarded way out of a whole server (spec 2.1, fault K1)."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2
from tests.integration.identity.standing import standing
from tests.integration.workers.yard import place

from watchfloor.app import Server
from watchfloor.kernel.ids import parse_id
from watchfloor_agent import Registration, register

HERE = ("127.0.0.1",)


def card(**fields: Any) -> bytes:
    return json.dumps({"name": "Planner", "skills": [{"id": "plan"}], **fields}).encode()


class Shelf(ThreadingHTTPServer):
    """Serves documents by path; another path is a redirect to the first one."""

    daemon_threads = True

    def __init__(self, documents: dict[str, bytes]) -> None:
        super().__init__(("127.0.0.1", 0), Reading)
        self.documents = documents
        self.asked: list[str] = []

    def url(self, path: str) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}{path}"


class Reading(BaseHTTPRequestHandler):
    server: Shelf

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        found = self.server.documents.get(self.path)
        self.send_response(200 if found is not None else 302)
        self.send_header("Location", "/card.json")
        self.send_header("Content-Length", str(len(found or b"")))
        self.end_headers()
        self.wfile.write(found or b"")

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 -- the base class names it so
        """No line per request."""


@contextmanager
def shelf(documents: dict[str, bytes]) -> Iterator[Shelf]:
    server = Shelf(documents)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join(5)


def asking(server: Server, token: str) -> httpx2.AsyncClient:
    headers = {"authorization": f"Bearer {token}"}
    return httpx2.AsyncClient(base_url=server.url, headers=headers, trust_env=False)


async def test_a_card_is_fetched_only_from_where_this_server_may_go(tmp_path: Path) -> None:
    with shelf({"/card.json": card()}) as found:
        async with (
            standing(tmp_path / "shut") as (server, admin, _),
            asking(server, admin.token) as http,
        ):
            answer = await http.post("/api/v1/agents/import", json={"url": found.url("/card.json")})
            assert (answer.status_code, answer.json()["code"]) == (422, "not_fetched")
            assert found.asked == [], "nobody connected"
        async with (
            standing(tmp_path / "open", outbound_allow=HERE) as (server, admin, _),
            asking(server, admin.token) as http,
        ):
            answer = await http.post("/api/v1/agents/import", json={"url": found.url("/card.json")})
            assert answer.status_code == 201, answer.text
            assert answer.json()["name"] == "Planner"
            assert answer.json()["url"] == "", "a card's url is metadata unless it is asked for"


async def test_what_is_no_card_is_refused_and_redirects_lead_nowhere(tmp_path: Path) -> None:
    documents = {
        "/card.json": card(),
        "/large": card(description="x" * 300_000),
        "/torn": card()[:-2],
        "/twice": b'{"name":"a","name":"b","skills":[]}',
        "/inside": b'{}, "owner": "eve"',
    }
    with shelf(documents) as found:
        async with (
            standing(tmp_path, outbound_allow=HERE) as (server, admin, _),
            asking(server, admin.token) as http,
        ):
            for path in ("/elsewhere", "/large", "/torn", "/twice", "/inside"):
                answer = await http.post("/api/v1/agents/import", json={"url": found.url(path)})
                assert 400 <= answer.status_code < 500, (path, answer.text)
            agents = (await http.get("/api/v1/agents")).json()["items"]
            assert agents == []
        assert "/card.json" not in found.asked


async def test_a_card_becomes_an_http_worker_that_is_called(tmp_path: Path) -> None:
    def working(handler: Any, asked: Any, number: int) -> None:
        handler.tell(200, b'{"result":{"planned":true}}')

    with place(working) as worker, shelf({"/card.json": card(url=worker.url)}) as found:
        async with (
            standing(tmp_path, outbound_allow=HERE) as (server, admin, org),
            asking(server, admin.token) as http,
        ):
            body = {"url": found.url("/card.json"), "as_worker": True}
            made = (await http.post("/api/v1/agents/import", json=body)).json()
            assert made["url"] == worker.url
            assert made["signing_secret"].startswith("wfs_")
            task = (await http.post("/api/v1/tasks", json={"title": "go", "needs": ["plan"]})).json()
            for _ in range(500):
                state = server.engine.state(org, "task", parse_id(task["task_id"], "task")[0])
                if state.stage == "succeeded":
                    break
                await http.get("/api/v1/me")
            assert state.stage == "succeeded"
            assert len(worker.asked) == 1
            document = {**json.loads(card()), "name": "Other"}
            none = await http.post("/api/v1/agents/import", json={"document": document, "as_worker": True})
            assert (none.status_code, none.json()["code"]) == (422, "invalid_card")
            away = {**document, "url": "http://10.1.2.3/x"}
            refused = await http.post("/api/v1/agents/import", json={"document": away, "as_worker": True})
            assert refused.status_code == 422, "this server does not go there"


async def test_the_sdk_registers_a_worker_and_gets_its_secret_once(tmp_path: Path) -> None:
    async with standing(tmp_path, outbound_allow=HERE) as (server, admin, org):
        url = "http://127.0.0.1:9/work"

        def registered() -> Registration:
            return register(server.url, admin.token, name="w", capabilities=["work"], worker_url=url)

        made = await asyncio.to_thread(registered)
        assert made.signing_secret == server.backbone.worker_secret(org, made.agent_id, 1)
        assert made.signing_secret not in repr(made)
        assert server.engine.state(org, "agent", parse_id(made.agent_id, "agent")[0]).worker.url == url
        assert (await asyncio.to_thread(registered)).signing_secret == ""
