"""A real server as its own process, killed and started again as often as a test likes; and a client that never gives up."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import httpx2 as httpx
import websockets

POLICY = {
    "auto": {"score_min": 0, "medium_allowed": True, "per_hour": 1_000_000},
    "rates": {"light": 1_000_000, "normal": 1_000_000, "heavy": 1_000_000},
    "runaway": {
        "requests_per_second": 1_000_000,
        "executed_per_10s": 1_000_000,
        "same_digest_per_60s": 1_000_000,
    },
}


def free_port() -> int:
    """A port for a server that is killed and comes back: below the range from which the kernel takes local ports."""
    while True:
        port = random.randint(20_000, 32_000)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


class Deployment:
    """One data directory and at most one server process on it."""

    def __init__(self, root: Path, *, environment: dict[str, str] | None = None) -> None:
        self.root = root
        self.data = root / "data"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.environment = environment or {}
        self.process: subprocess.Popen[bytes] | None = None
        self.starts = 0

    def __enter__(self) -> Deployment:
        """Started, and whatever happens then, no process stays."""
        try:
            self.start()
        except BaseException:
            self.kill()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self, wait_s: float = 30) -> None:
        """Start and wait until it is ready to accept writes."""
        self.launch()
        until = time.monotonic() + wait_s
        while time.monotonic() < until:
            assert self.process is not None
            if self.process.poll() is not None:
                raise AssertionError(f"the server ended by itself: {self.log()[-3_000:]}")
            try:
                if httpx.get(f"{self.url}/ready", timeout=1).status_code == 200:
                    return
            except httpx.HTTPError:
                pass
            time.sleep(0.02)
        raise AssertionError(f"the server did not come up: {self.log()[-3_000:]}")

    def launch(self) -> subprocess.Popen[bytes]:
        self.starts += 1
        with (self.root / "server.log").open("ab") as log:
            self.process = subprocess.Popen(
                [
                    str(Path(sys.executable).parent / "watchfloor"),
                    "serve",
                    "--data",
                    str(self.data),
                    "--port",
                    str(self.port),
                    "--first-admin",
                    "chaos",
                ],
                stdout=log,
                stderr=log,
                cwd=self.root,
                env={
                    **os.environ,
                    "WATCHFLOOR_LOG_LEVEL": "error",
                    "WATCHFLOOR_BACKUP_HOURS": "0",
                    **self.environment,
                },
            )
        return self.process

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(10)
            self.process = None

    def stop(self) -> int:
        """SIGTERM, and the exit code."""
        assert self.process is not None
        self.process.terminate()
        code = self.process.wait(20)
        self.process = None
        return code

    def log(self) -> str:
        return (self.root / "server.log").read_text(errors="replace")

    def token(self) -> str:
        until = time.monotonic() + 10
        while not (self.data / "operator.json").exists() and time.monotonic() < until:
            time.sleep(0.02)
        assert (self.data / "operator.json").exists(), self.log()
        return str(json.loads((self.data / "operator.json").read_text())["token"])

    def post(self, path: str, body: Any, key: str = "", token: str = "", **headers: str) -> httpx.Response:
        sent = {"Authorization": f"Bearer {token or self.token()}", **headers}
        if key:
            sent["Idempotency-Key"] = key
        return httpx.post(self.url + path, json=body, headers=sent, timeout=10)

    def get(self, path: str) -> Any:
        answer = httpx.get(self.url + path, headers={"Authorization": f"Bearer {self.token()}"}, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def permissive(self) -> None:
        """A policy under which an agent may do as much as it likes, so that load is load."""
        shown = httpx.get(f"{self.url}/api/v1/policy", headers={"Authorization": f"Bearer {self.token()}"})
        assert shown.status_code == 200, shown.text
        tag = shown.headers["etag"]
        answer = httpx.put(
            f"{self.url}/api/v1/policy",
            json=POLICY,
            headers={
                "Authorization": f"Bearer {self.token()}",
                "If-Match": tag,
                "Idempotency-Key": "policy-1",
            },
        )
        assert answer.status_code == 200, answer.text

    def register(self, name: str) -> tuple[str, str]:
        """(agent id, key) of a new agent."""
        answer = self.post(
            "/api/v1/agents/register",
            {"name": name, "type": "worker", "capabilities": ["load"]},
            f"reg-{name}",
        )
        assert answer.status_code == 201, answer.text
        return answer.json()["agent_id"], answer.json()["api_key"]


class Persistent:
    """An agent that repeats every frame with the same id until it is answered, over any number of connections."""

    def __init__(self, deployment: Deployment, key: str) -> None:
        self.deployment = deployment
        self.key = key
        self.frame = 0
        self.waiting: dict[int, str] = {}
        self.answers: dict[int, dict[str, Any]] = {}
        self.repeats = 0
        self.stopping = False

    async def run(self, in_flight: int = 4) -> None:
        while not self.stopping:
            try:
                await self._connected(in_flight)
            except (TimeoutError, OSError, websockets.WebSocketException):
                await asyncio.sleep(0.02)

    async def _connected(self, in_flight: int) -> None:
        url = self.deployment.url.replace("http", "ws") + "/ws"
        async with websockets.connect(
            url, additional_headers={"Authorization": f"Bearer {self.key}"}, open_timeout=2, close_timeout=0.2
        ) as socket:
            await socket.send('{"type":"hello","payload":{}}')
            while json.loads(await asyncio.wait_for(socket.recv(), 5))["type"] != "welcome":
                pass
            for text in self.waiting.values():
                self.repeats += 1
                await socket.send(text)
            while not self.stopping or self.waiting:
                while len(self.waiting) < in_flight and not self.stopping:
                    await socket.send(self._next())
                frame = json.loads(await asyncio.wait_for(socket.recv(), 5))
                number = frame.get("re", 0)
                if number in self.waiting:
                    if frame["type"] == "error" and frame["payload"].get("retryable"):
                        await asyncio.sleep(0.01)
                        await socket.send(self.waiting[number])
                        continue
                    del self.waiting[number]
                    self.answers[number] = frame

    def _next(self) -> str:
        self.frame += 1
        text = json.dumps(
            {
                "type": "action:request",
                "id": self.frame,
                "payload": {"type": "file.read", "tool": "fs", "params": {"path": f"/srv/{self.frame}"}},
            }
        )
        self.waiting[self.frame] = text
        return text
