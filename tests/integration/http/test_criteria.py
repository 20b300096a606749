"""Criteria from submission to what people read, through the running server (spec 2.4 *Verification*)."""

from __future__ import annotations

import http.server
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.integration.http.kit import Running
from tests.integration.runners.checks import repository

from watchfloor.fleet.messages import ConnectAgent
from watchfloor.kernel.ids import parse_id
from watchfloor.kernel.messages import SYSTEM


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Path]]:
    """A server that may check things in a folder, and that folder."""
    folder = tmp_path_factory.mktemp("criteria")
    root = folder / "root"
    root.mkdir()
    config = {"verify_roots": (str(root),), "outbound_allow": ("127.0.0.1",)}
    server = Running(folder, config=config).start()
    yield server, root
    server.stop()


@pytest.fixture(scope="module")
def operator(place: tuple[Running, Path]) -> httpx2.Client:
    return place[0].client(place[0].person("operator"))


@pytest.fixture(scope="module")
def agent(place: tuple[Running, Path]) -> httpx2.Client:
    """An agent that is connected and takes what needs `checks`."""
    server = place[0]
    made = server.agent("checked", capabilities=["checks"])
    subject = parse_id(made["agent_id"], "agent")[0]
    session = f"{server.engine.incarnation}-1"
    connect = ConnectAgent(subject=subject, node=server.engine.node_name, session=session)
    server.run(server.engine.ask(server.orgs[0], connect, SYSTEM))
    return server.client(made["api_key"])


class Answering(http.server.BaseHTTPRequestHandler):
    """Says that all is well."""

    def do_GET(self) -> None:
        body = b'{"status": "ok"}'
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        """Nothing on the terminal."""


@pytest.fixture
def answering() -> Iterator[str]:
    server = http.server.HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/health"
    server.shutdown()
    thread.join()
    server.server_close()


def done(
    operator: httpx2.Client, agent: httpx2.Client, criteria: list[Any], result: Any = None
) -> dict[str, Any]:
    """A task with these criteria, reported as done, when it has ended."""
    body = {"title": "Checked", "needs": ["checks"], "criteria": criteria, "max_attempts": 1}
    submitted = operator.post("/api/v1/tasks", json=body)
    assert submitted.status_code == 201, submitted.text
    task = submitted.json()["task_id"]
    for _ in range(600):
        accepted = agent.post(f"/api/v1/tasks/{task}/accept", json={"generation": 1})
        if accepted.status_code == 200:
            break
        time.sleep(0.05)
    assert accepted.status_code == 200, accepted.text
    reported = agent.post(f"/api/v1/tasks/{task}/complete", json={"generation": 1, "result": result})
    assert reported.json()["status"] == "running", reported.text
    for _ in range(600):
        found: dict[str, Any] = operator.get(f"/api/v1/tasks/{task}").json()
        if found["task"]["status"] in ("succeeded", "dead_letter"):
            return found
        time.sleep(0.05)
    raise AssertionError("never ended")


def test_a_task_with_every_kind_of_criterion_succeeds_when_all_hold_and_people_read_what_was_found(
    place: tuple[Running, Path], operator: httpx2.Client, agent: httpx2.Client, answering: str
) -> None:
    server, root = place
    first, _, work = repository(root / "repository")
    (root / "repository" / "test_it.py").write_text("def test_one():\n    pass\n")
    criteria: list[dict[str, Any]] = [
        {"kind": "command", "argv": ["python", "-c", "print('it holds')"], "cwd": "repository"},
        {"kind": "file", "path": "repository/README", "bytes_min": 1, "bytes_max": 1},
        {
            "kind": "git_commit",
            "repository": "repository",
            "branch": "task/7-mend",
            "descends_from": first,
            "paths": ["src"],
        },
        {
            "kind": "tests",
            "argv": [
                "python",
                "-m",
                "pytest",
                "-q",
                "-p",
                "no:cacheprovider",
                "--junitxml={report}",
                "test_it.py",
            ],
            "cwd": "repository",
        },
        {"kind": "json_schema", "schema": {"type": "object", "required": ["commit"]}},
        {"kind": "http_response", "url": answering, "value": {"pointer": "/status", "equals": "ok"}},
    ]
    found = done(operator, agent, criteria, {"commit": work})
    assert found["task"]["status"] == "succeeded", found["checks"]
    assert [check["kind"] for check in found["checks"]] == [criterion["kind"] for criterion in criteria]
    assert all(check["held"] for check in found["checks"])
    assert found["checks"][0]["stdout"] == "it holds\n"
    assert found["checks"][2]["detail"] == work
    task = found["task"]["task_id"]
    environment = {
        **os.environ,
        "WATCHFLOOR_URL": server.url,
        "WATCHFLOOR_TOKEN": server.person("operator").token,
    }
    told = subprocess.run(
        [str(Path(sys.executable).parent / "watchfloor"), "task", "show", task],
        env=environment, capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip
    for line in (
        "held    command  python -c",
        "stdout | it holds",
        "held    http_response  http://127.0.0.1",
    ):
        assert line in told
    browser = server.client()
    browser.post(f"/sign-in/{server.link(server.person('operator')).rpartition('/')[2]}")
    page = browser.get(f"/tasks/{task}").text
    for text in ("What the platform found", "it holds", "http_response", "1 passed, 0 failed, 0 skipped"):
        assert text in page, text


@pytest.mark.parametrize(
    "wrong",
    [
        {"kind": "file", "path": "nowhere"},
        {"kind": "git_commit", "repository": "nowhere", "branch": "main"},
        {"kind": "json_schema", "schema": {"required": ["other"]}},
        {"kind": "http_response", "url": "http://169.254.169.254/latest/meta-data/"},
        {"kind": "http_response", "url": "http://127.0.0.2:1/"},
        {"kind": "tests", "argv": ["python", "-c", "pass", "{report}"]},
    ],
    ids=lambda wrong: wrong["kind"],
)
def test_one_criterion_that_does_not_hold_ends_the_attempt(
    operator: httpx2.Client, agent: httpx2.Client, wrong: dict[str, Any]
) -> None:
    holds = {"kind": "command", "argv": ["python", "-c", "pass"]}
    found = done(operator, agent, [holds, wrong, holds], {"commit": "x"})
    assert found["task"]["status"] == "dead_letter"
    assert found["task"]["reason"] == "not_verified"
    assert [check["held"] for check in found["checks"]] == [True, False]


REFUSED = [
    ({"kind": "magic"}, "/criteria/0"),
    ({"argv": ["true"]}, "/criteria/0"),
    ({}, "/criteria/0"),
    ("command", "/criteria/0"),
    ({"kind": "command"}, "/criteria/0"),
    ({"kind": "command", "argv": []}, "/criteria/0/argv"),
    ({"kind": "command", "argv": ["a", ""]}, "/criteria/0/argv/"),
    ({"kind": "command", "argv": ["a"], "shell": True}, "/criteria/0"),
    ({"kind": "file", "path": ""}, "/criteria/0/path"),
    ({"kind": "file", "path": "a\0b"}, "/criteria/0/path"),
    ({"kind": "file", "path": "a", "sha256": "XYZ"}, "/criteria/0/sha256"),
    ({"kind": "file", "path": "a", "bytes_min": -1}, "/criteria/0/bytes_min"),
    ({"kind": "file", "path": "a", "bytes_min": 2, "bytes_max": 1}, "/criteria/0/bytes_min"),
    ({"kind": "git_commit", "repository": "r"}, "/criteria/0/commit"),
    ({"kind": "git_commit", "commit": "a" * 40, "branch": "main"}, "/criteria/0/commit"),
    ({"kind": "git_commit", "commit": "HEAD"}, "/criteria/0/commit"),
    ({"kind": "git_commit", "branch": "--all"}, "/criteria/0/branch"),
    ({"kind": "git_commit", "branch": "a..b"}, "/criteria/0/branch"),
    ({"kind": "git_commit", "branch": "main", "paths": ["../x"]}, "/criteria/0/paths/0"),
    ({"kind": "tests", "argv": ["pytest"]}, "/criteria/0/argv"),
    ({"kind": "tests", "argv": ["pytest", "{report}"], "passed_min": 0}, "/criteria/0/passed_min"),
    ({"kind": "json_schema"}, "/criteria/0"),
    ({"kind": "json_schema", "schema": []}, "/criteria/0/schema"),
    ({"kind": "json_schema", "schema": {"type": "unicorn"}}, "/criteria/0/schema"),
    ({"kind": "json_schema", "schema": {"a": {"$ref": "http://x/"}}}, "/criteria/0/schema/a/$ref"),
    ({"kind": "json_schema", "schema": {"$schema": "http://x/"}}, "/criteria/0/schema/$schema"),
    ({"kind": "json_schema", "schema": {"$comment": "c" * 40_000}}, "/criteria/0/schema"),
    ({"kind": "http_response", "url": "ftp://x/"}, "/criteria/0/url"),
    ({"kind": "http_response", "url": "http://u:p@x/"}, "/criteria/0/url"),
    ({"kind": "http_response", "url": "http://x/", "status": 99}, "/criteria/0/status"),
    ({"kind": "http_response", "url": "http://x/", "value": {"pointer": "a"}}, "/criteria/0/value/pointer"),
]


@pytest.mark.parametrize(("criterion", "field"), REFUSED, ids=[str(index) for index in range(len(REFUSED))])
def test_a_criterion_that_cannot_be_is_refused_at_its_field(
    operator: httpx2.Client, criterion: Any, field: str
) -> None:
    answer = operator.post("/api/v1/tasks", json={"title": "x", "criteria": [criterion]})
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"].startswith(field), answer.text
    second = operator.post(
        "/api/v1/tasks", json={"title": "x", "criteria": [{"kind": "command", "argv": ["a"]}, criterion]}
    )
    assert second.json()["errors"][0]["field"].startswith(field.replace("/0", "/1", 1))


def test_too_many_criteria_are_refused(operator: httpx2.Client) -> None:
    criteria = [{"kind": "command", "argv": ["true"]}] * 33
    assert operator.post("/api/v1/tasks", json={"title": "x", "criteria": criteria}).status_code == 422


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**60), 2**60) | st.text(max_size=8) | st.floats(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=8,
)
FIELDS = ("argv", "cwd", "path", "sha256", "repository", "commit", "branch", "paths", "schema", "url", "status", "value",
          "header", "passed_min", "bytes_min", "pointer", "$ref")  # fmt: skip
KINDS = st.sampled_from(("command", "file", "git_commit", "tests", "json_schema", "http_response", "other"))
SCHEMAS = st.dictionaries(
    st.sampled_from(("$ref", "$schema", "$id", "type", "allOf", "properties", "pattern", "$defs", "const")),
    PLAIN,
    max_size=4,
)
CRITERIA = st.fixed_dictionaries(
    {"kind": KINDS},
    optional={
        name: PLAIN | SCHEMAS | st.just(["python", "{report}"]) | st.just("http://x/") for name in FIELDS
    },
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(criteria=st.lists(CRITERIA | PLAIN, max_size=3) | PLAIN)
def test_no_criterion_breaks_the_server(operator: httpx2.Client, criteria: Any) -> None:
    import json

    body = json.dumps({"title": "fuzz", "criteria": criteria})
    answer = operator.post("/api/v1/tasks", content=body, headers={"content-type": "application/json"})
    assert answer.status_code in (201, 400, 422), answer.text
