"""`watchfloor top` against a running server: on a screen (textual's pilot), as text, as JSON, and its refusals."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.http.conftest import ask_patch
from tests.integration.http.kit import Running
from textual.widgets import DataTable, Static

from watchfloor.cli.client import Client, Profile
from watchfloor.cli.terminal import Terminal

WATCHFLOOR = Path(sys.executable).with_name("watchfloor")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(Path(tmp_path_factory.mktemp("server"))).start()
    running.person("supervisor")
    yield running
    running.stop()


@pytest.fixture(scope="module")
def profile(server: Running) -> Profile:
    return Profile(f"http://127.0.0.1:{server.port}", server.person("operator").token)


@pytest.fixture(scope="module")
def ada(profile: Profile) -> Iterator[Client]:
    client = Client(profile)
    for priority, number in (("urgent", 1), ("low", 3)):
        for _ in range(number):
            client.post("/api/v1/tasks", {"title": "waits", "priority": priority, "needs": ["nobody"]})
    yield client
    client._http.close()


@pytest.fixture(scope="module")
def asked(server: Running) -> str:
    """A decision that waits for people."""
    made = server.agent(name="asker", capabilities=["asking"])
    server.agent(name="idler", capabilities=["resting"])
    with server.client(made["api_key"]) as agent:
        return str(ask_patch(agent)["decision_id"])


def run(*words: str, profile: Profile | None = None, code: int = 0) -> str:
    told = {"WATCHFLOOR_URL": profile.url, "WATCHFLOOR_TOKEN": profile.token} if profile else {}
    done = subprocess.run(
        [WATCHFLOOR, *words], capture_output=True, text=True, timeout=60, env={**os.environ, **told}, cwd="/"
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


async def until(holds: Callable[[], Any], pilot: Any, what: str) -> None:
    end = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < end, what
        await pilot.pause(0.05)


def column(app: Terminal, table: str, key: str) -> list[str]:
    found: DataTable[Any] = app.query_one(f"#{table}", DataTable)
    return [str(found.get_row(row)[found.get_column_index(key)]) for row in found.rows]


async def test_the_screen_shows_the_floor_follows_it_sorts_filters_and_quits(
    ada: Client, asked: str, server: Running
) -> None:
    app = Terminal(ada, 0.3)
    async with app.run_test(size=(160, 40)) as pilot:
        await until(lambda: app.found is not None and app.newest.state == "live", pilot, "a picture")
        assert set(column(app, "agents", "name")) >= {"asker", "idler"}
        assert column(app, "decisions", "decision_id") == [asked]
        queued = dict(zip(column(app, "tasks", "lane"), column(app, "tasks", "queued"), strict=True))
        assert queued == {"urgent": "1", "high": "0", "normal": "0", "low": "3"}

        task = await asyncio.to_thread(ada.post, "/api/v1/tasks", {"title": "new", "needs": ["nobody"]})
        await until(lambda: task["task_id"] in shown(app, "events"), pilot, "the event, by the stream")
        await until(lambda: column(app, "tasks", "queued") == ["1", "0", "1", "3"], pilot, "the next picture")
        assert app.newest.rates()["submitted"] > 0
        assert "submitted" in shown(app, "heading")

        await pilot.press("s")
        assert app.sorted_by == "name"
        assert column(app, "agents", "name") == sorted(column(app, "agents", "name"))
        await pilot.press("slash", *"idl", "enter")
        assert column(app, "agents", "name") == ["idler"]
        assert column(app, "decisions", "decision_id") == []
        assert "filter: idl" in shown(app, "heading")
        await pilot.press("escape")
        assert set(column(app, "agents", "name")) >= {"asker", "idler"}
        await pilot.press("q")
    assert app.return_code == 0


def shown(app: Terminal, name: str) -> str:
    return str(app.query_one(f"#{name}", Static).render())


async def test_a_server_that_is_away_is_said_and_the_last_picture_stays(ada: Client, asked: str) -> None:
    app = Terminal(ada, 0.2)
    async with app.run_test(size=(140, 30)) as pilot:
        await until(lambda: app.found is not None, pilot, "a picture")
        before = column(app, "agents", "name")
        app._client = Client(Profile("http://127.0.0.1:9", "t"))
        await until(lambda: "cannot be reached" in shown(app, "heading"), pilot, "the trouble")
        assert column(app, "agents", "name") == before
        app._client._http.close()
        app._client = ada
        await until(lambda: "cannot be reached" not in shown(app, "heading"), pilot, "the end of it")


def test_once_prints_a_picture_as_text_or_json(profile: Profile, ada: Client, asked: str) -> None:
    text = run("top", "--once", profile=profile)
    for word in ("AGENT", "asker", "LANE", "urgent", "DECISION", asked):
        assert word in text
    found = json.loads(run("top", "--json", profile=profile))
    assert found["tasks"]["urgent"] == {"queued": 1}
    assert [row["decision_id"] for row in found["decisions"]] == [asked]


def test_where_there_is_no_terminal_events_are_lines(profile: Profile, ada: Client, server: Running) -> None:
    told = {"WATCHFLOOR_URL": profile.url, "WATCHFLOOR_TOKEN": profile.token}
    process = subprocess.Popen(
        [WATCHFLOOR, "top"],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, **told},
        stdin=subprocess.DEVNULL,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            if "DECISION" in line or "No decision" in line:
                break
        task = ada.post("/api/v1/tasks", {"title": "a line", "needs": ["nobody"]})["task_id"]
        assert any(task in line and "task.submitted/1" in line for line in process.stdout)
    finally:
        process.terminate()
        process.communicate(timeout=10)


def test_its_help_names_the_keys_and_its_refusals_are_sentences(profile: Profile) -> None:
    said = " ".join(run("top", "--help").split())
    for word in ("--once", "--json", "--every", "sorts the agents", "filters", "quits"):
        assert word in said
    assert "cannot be reached" in run("top", "--once", profile=Profile("http://127.0.0.1:9", "t"), code=4)
    assert "which server?" in run("top", "--once", code=2)
    refused = run("top", "--once", profile=Profile(profile.url, "wf_no"), code=3)
    assert "Traceback" not in refused
    assert httpx2.get(f"{profile.url}/live").status_code == 200
    run("top", "--every", "0", profile=profile, code=2)
