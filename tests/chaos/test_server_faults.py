"""What a running server does when the machine fails it (spec 09 A3, A5, A15, B1, F9)."""

from __future__ import annotations

import asyncio
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2 as httpx
import pytest
import websockets
from tests.chaos.deployment import Deployment, Persistent


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(tmp_path) as found:
        found.token()
        yield found


def test_a_second_server_on_the_same_data_names_the_first_and_ends(deployment: Deployment) -> None:
    first = deployment.process
    assert first is not None
    second = Deployment(deployment.root)
    process = second.launch()
    try:
        assert process.wait(20) != 0
    finally:
        second.kill()
    assert str(first.pid) in deployment.log()
    assert httpx.get(f"{deployment.url}/ready").status_code == 200


def test_sigterm_under_load_drains_and_tells_agents_to_come_back(deployment: Deployment) -> None:
    deployment.permissive()
    _, key = deployment.register("loaded")

    async def scene() -> tuple[list[str], int]:
        agent = Persistent(deployment, key)
        load = asyncio.create_task(agent.run())
        _, watcher = deployment.register("watcher")
        url = deployment.url.replace("http", "ws") + "/ws"
        async with websockets.connect(
            url, additional_headers={"Authorization": f"Bearer {watcher}"}
        ) as socket:
            await asyncio.sleep(0.5)
            begun = time.monotonic()
            code = await asyncio.to_thread(deployment.stop)
            assert time.monotonic() - begun < 10
            assert code == 0
            types = []
            try:
                while True:
                    types.append(json.loads(await socket.recv())["type"])
            except websockets.ConnectionClosed as closed:
                assert closed.rcvd is not None
                types.append(str(closed.rcvd.code))
        load.cancel()
        return types, len(agent.answers)

    types, answered = asyncio.run(scene())
    assert types[-2:] == ["disconnecting", "1012"]
    assert answered > 10
    deployment.start()


def test_a_revoked_key_closes_its_open_socket_within_two_seconds(deployment: Deployment) -> None:
    agent_id, key = deployment.register("doomed")

    async def scene() -> tuple[float, int]:
        url = deployment.url.replace("http", "ws") + "/ws"
        async with websockets.connect(url, additional_headers={"Authorization": f"Bearer {key}"}) as socket:
            await socket.recv()
            while not (keys := deployment.get(f"/api/v1/agents/{agent_id}/keys")["items"]):
                await asyncio.sleep(0.05)  # views are a moment behind
            begun = time.monotonic()
            path = f"/api/v1/agents/{agent_id}/keys/{keys[0]['key_id']}/revoke"
            answer = await asyncio.to_thread(deployment.post, path, {"reason": "leaked"}, "revoke-1")
            assert answer.status_code == 200, answer.text
            with pytest.raises(websockets.ConnectionClosed) as closed:
                while True:
                    await asyncio.wait_for(socket.recv(), 5)
            assert closed.value.rcvd is not None
            return time.monotonic() - begun, closed.value.rcvd.code

    spent, code = asyncio.run(scene())
    assert code == 4003
    assert spent < 2
    answer = httpx.get(f"{deployment.url}/api/v1/me", headers={"Authorization": f"Bearer {key}"})
    assert answer.status_code == 401


def test_a_stop_is_in_force_at_once_and_after_a_restart(deployment: Deployment) -> None:
    agent_id, key = deployment.register("halted")
    answer = deployment.post(
        "/api/v1/stops", {"scope": "agent", "target": agent_id, "reason": "odd"}, "stop-1"
    )
    assert answer.status_code == 201, answer.text

    async def refused() -> dict[str, object]:
        url = deployment.url.replace("http", "ws") + "/ws"
        async with websockets.connect(url, additional_headers={"Authorization": f"Bearer {key}"}) as socket:
            await socket.recv()
            request = {"type": "action:request", "id": 1, "payload": {"type": "file.read", "params": {}}}
            await socket.send(json.dumps(request))
            while True:
                frame: dict[str, object] = json.loads(await asyncio.wait_for(socket.recv(), 5))
                if frame.get("re") == 1:
                    return frame

    assert asyncio.run(refused())["payload"]["code"] == "stopped"  # type: ignore[index]
    deployment.kill()
    deployment.start()
    assert asyncio.run(refused())["payload"]["code"] == "stopped"  # type: ignore[index]


def test_an_older_ledger_under_a_newer_signer_is_read_only_until_declared(deployment: Deployment) -> None:
    for number in range(5):
        deployment.register(f"early-{number}")
    assert deployment.stop() == 0
    watchfloor = str(Path(deployment.root) / "copy")
    subprocess.run(["cp", "-r", str(deployment.data), watchfloor], check=True)
    deployment.start()
    for number in range(5):
        deployment.register(f"late-{number}")
    assert deployment.stop() == 0
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm"):
        (deployment.data / name).unlink(missing_ok=True)
        old = Path(watchfloor) / name
        if old.exists():
            subprocess.run(["cp", str(old), str(deployment.data / name)], check=True)
    deployment.launch()
    until = time.monotonic() + 20
    status = 0
    while time.monotonic() < until:
        try:
            ready = httpx.get(f"{deployment.url}/ready")
            status = ready.status_code
            break
        except httpx.HTTPError:
            time.sleep(0.05)
    assert status == 503, "a ledger shorter than its signer's file must not accept writes"
    assert httpx.get(f"{deployment.url}/health").status_code == 200
    refused = deployment.post(
        "/api/v1/agents/register", {"name": "x", "type": "worker", "capabilities": ["a"]}, "k"
    )
    assert refused.status_code == 503
    assert refused.json()["retryable"] is True
    deployment.stop()
    program = str(Path(subprocess.sys.executable).parent / "watchfloor")  # type: ignore[attr-defined]
    told = subprocess.run(
        [
            program,
            "ledger",
            "recover",
            "--data",
            str(deployment.data),
            "--declare-rollback",
            "--reason",
            "test",
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stdout + told.stderr
    deployment.start()
    events = deployment.get("/api/v1/ledger/events?limit=200")
    assert "ledger.rollback_declared/1" in json.dumps(events)
