"""What the command line asks for is what reaches the server."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from watchfloor.cli.client import Client, Profile


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A real HTTP server that answers everything with an empty page and remembers the targets."""
    targets: list[str] = []

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            targets.append(self.path)
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.end_headers()
            self.wfile.write(b'{"items":[],"next":null}')

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the name of the base class
            """Quiet."""

    server = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", targets
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_query_in_the_path_is_sent(asked: tuple[str, list[str]]) -> None:
    url, targets = asked
    client = Client(Profile(url, "token"))
    client.get("/api/v1/decisions?status=pending")
    assert targets == ["/api/v1/decisions?status=pending"]
    client._http.close()


def test_empty_parameters_are_left_out_and_others_sent(asked: tuple[str, list[str]]) -> None:
    url, targets = asked
    client = Client(Profile(url, "token"))
    client.get("/api/v1/tasks", status="queued", agent="", limit=None)
    assert targets == ["/api/v1/tasks?status=queued"]
    client._http.close()
