"""Agents that keep in touch by REST alone, on a real server that is killed under them (spec 2.3)."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
import websockets
from tests.chaos.deployment import Deployment

HEARTBEAT_S = 1.0
EXAMPLE = Path(__file__).parents[3] / "examples" / "rest_only" / "agent.py"


@pytest.fixture(scope="module")
def deployment(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Deployment]:
    fast = {"WATCHFLOOR_HEARTBEAT_MS": str(int(HEARTBEAT_S * 1_000))}
    with Deployment(tmp_path_factory.mktemp("presence"), environment=fast) as found:
        yield found


@pytest.fixture(scope="module")
def people(deployment: Deployment) -> Iterator[httpx2.Client]:
    headers = {"Authorization": f"Bearer {deployment.token()}"}
    with httpx2.Client(base_url=deployment.url, headers=headers, timeout=10) as client:
        yield client


class Caller:
    """An agent with a key and nothing else."""

    def __init__(self, deployment: Deployment, people: httpx2.Client, **more: Any) -> None:
        self.need = f"need-{time.monotonic_ns()}"
        body = {"name": f"caller-{time.monotonic_ns()}", "capabilities": [self.need], **more}
        made = people.post("/api/v1/agents/register", json=body).json()
        self.people = people
        self.id, self.key = made["agent_id"], made["api_key"]
        self.client = httpx2.Client(
            base_url=deployment.url, headers={"Authorization": f"Bearer {self.key}"}, timeout=10
        )

    def beat(self, *working_on: str, generation: int = 1, **more: Any) -> dict[str, Any]:
        working = [{"task_id": task, "generation": generation} for task in working_on]
        answer = self.client.post(f"/api/v1/agents/{self.id}/heartbeat", json={"working_on": working, **more})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def until(self, presence: str, seconds: float = 30) -> None:
        """Wait, without a word, until people see this agent so."""
        until = time.monotonic() + seconds
        while (seen := self.people.get(f"/api/v1/agents/{self.id}").json()["agent"]["state"]) != presence:
            assert time.monotonic() < until, seen
            time.sleep(0.1)

    def submit(self, **more: Any) -> str:
        body = {"title": "count", "needs": [self.need], "grace_ms": 20_000, **more}
        return str(self.people.post("/api/v1/tasks", json=body).json()["task_id"])

    def report(self, task: str, verb: str, **more: Any) -> dict[str, Any]:
        answer = self.client.post(f"/api/v1/tasks/{task}/{verb}", json={"generation": 1, **more})
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def status(self, task: str) -> str:
        return str(self.people.get(f"/api/v1/tasks/{task}").json()["task"]["status"])


@pytest.fixture
def caller(deployment: Deployment, people: httpx2.Client) -> Iterator[Caller]:
    found = Caller(deployment, people)
    yield found
    found.client.close()


def test_an_agent_that_only_sends_requests_gets_work_and_does_it(caller: Caller) -> None:
    task = caller.submit()
    assert caller.client.get("/api/v1/tasks?status=assigned").json()["items"] == [], (
        "it has never been heard of"
    )
    said = caller.beat()
    assert said["presence"] == "online"
    assert said["heartbeat_interval_ms"] == HEARTBEAT_S * 1_000
    assert [(held["task_id"], held["status"]) for held in said["tasks"]] == [(task, "assigned")]
    detail = caller.client.get(f"/api/v1/tasks/{task}?min_seq={said['seq']}").json()
    assert detail["task"]["title"] == "count"
    caller.report(task, "accept")
    assert caller.beat(task, metrics={"memory_bytes": 7})["tasks"][0]["status"] == "running"
    seen = caller.people.get(f"/api/v1/agents/{caller.id}").json()
    assert (seen["usage"]["memory_bytes"], seen["usage"]["cpu_milli"]) == (7, 0)
    assert 0 <= time.time() * 1e6 - seen["agent"]["last_seen_at"] < 30e6
    assert caller.report(task, "complete", result={"counted": 3})["status"] == "succeeded"
    assert caller.beat(task)["lost"] == [task], "it is over"


def test_silence_degrades_and_then_ends_its_presence_and_the_next_heartbeat_resumes_its_tasks(
    caller: Caller,
) -> None:
    task = caller.submit()
    first = caller.beat()["session"]
    caller.report(task, "accept")
    caller.until("degraded")
    caller.until("offline")
    assert caller.status(task) == "orphaned"
    said = caller.beat(task)
    assert said["session"] != first
    assert [(held["task_id"], held["generation"], held["status"]) for held in said["tasks"]] == [
        (task, 1, "running")
    ]
    assert said["lost"] == []
    caller.report(task, "complete")


def test_an_agent_that_says_it_is_not_well_gets_no_work_until_two_good_heartbeats(caller: Caller) -> None:
    caller.beat()
    caller.beat(status="unhealthy")
    caller.until("degraded")
    task = caller.submit()
    assert caller.beat()["tasks"] == []
    until = time.monotonic() + 30
    while not (held := caller.beat()["tasks"]):  # the second one, as soon as it is recorded
        assert time.monotonic() < until
        time.sleep(0.05)
    assert held[0]["task_id"] == task


def test_more_room_by_a_policy_is_used_at_once(caller: Caller, people: httpx2.Client) -> None:
    for _ in range(12):
        caller.submit()
    caller.beat()
    shown = people.get("/api/v1/policy")
    before = len(caller.beat()["tasks"])
    assert before < 12, "as many as its tier allows"
    terms = {"trust": {"tasks_per_tier": [before + 3] * 6}}
    answer = people.put("/api/v1/policy", json=terms, headers={"If-Match": shown.headers["etag"]})
    assert answer.status_code == 200, answer.text
    until = time.monotonic() + 30
    while len(held := caller.beat()["tasks"]) < before + 3:
        assert time.monotonic() < until, held
        time.sleep(0.05)
    assert len(held) == before + 3


def test_nobody_beats_for_another_and_a_worker_with_a_url_does_not_beat(
    caller: Caller, deployment: Deployment, people: httpx2.Client
) -> None:
    other = Caller(deployment, people)
    answer = other.client.post(f"/api/v1/agents/{caller.id}/heartbeat", json={})
    assert answer.status_code == 404
    assert people.post(f"/api/v1/agents/{caller.id}/heartbeat", json={}).status_code == 403
    answer = other.client.post(
        f"/api/v1/agents/{other.id}/heartbeat", json={"working_on": [{"task_id": "x"}]}
    )
    assert answer.status_code == 422
    assert other.beat("tsk_q0d1k7m9x2v4", caller.id.replace("agt", "tsk"))["lost"] != []
    other.client.close()


def test_a_socket_takes_over_and_a_revoked_key_ends_it_at_once(
    caller: Caller, deployment: Deployment
) -> None:
    caller.beat()

    async def by_socket() -> None:
        url = deployment.url.replace("http", "ws", 1) + "/ws"
        headers = {"Authorization": f"Bearer {caller.key}"}
        async with websockets.connect(url, additional_headers=headers, proxy=None) as peer:
            welcome = json.loads(await peer.recv())
            said = await asyncio.to_thread(caller.beat)
            assert said["session"] == welcome["payload"]["session"], "its presence is its socket's now"

    asyncio.run(by_socket())
    caller.until("offline")
    assert caller.beat()["presence"] == "online"
    for found in caller.people.get(f"/api/v1/agents/{caller.id}/keys").json()["items"]:
        caller.people.post(
            f"/api/v1/agents/{caller.id}/keys/{found['key_id']}/revoke", json={"reason": "test"}
        )
    caller.until("offline", seconds=2)
    answer = caller.client.post(f"/api/v1/agents/{caller.id}/heartbeat", json={})
    assert answer.status_code == 401


def test_the_example_works_until_it_is_killed_and_goes_on_where_it_was(
    caller: Caller, deployment: Deployment, tmp_path: Path
) -> None:
    (tmp_path / "agent.key").write_text(caller.key)
    command = [sys.executable, "-I", str(EXAMPLE), deployment.url, str(tmp_path / "agent.key")]
    task = caller.submit(input={"text": "one two three"})
    caller.beat()
    caller.report(task, "accept")  # by an earlier life of it, as far as the server can tell
    with subprocess.Popen(command) as process:
        try:
            until = time.monotonic() + 30
            while caller.status(task) != "succeeded":
                assert time.monotonic() < until
                time.sleep(0.1)
        finally:
            process.kill()
    assert caller.people.get(f"/api/v1/tasks/{task}").json()["result"] == {"words": 3}


def test_a_killed_server_finds_it_again_with_its_task(caller: Caller, deployment: Deployment) -> None:
    task = caller.submit()
    caller.beat()
    caller.report(task, "accept")
    deployment.kill()
    deployment.start()
    said = caller.beat(task)
    assert (said["presence"], said["lost"]) == ("online", [])
    assert caller.report(task, "complete")["status"] == "succeeded"
