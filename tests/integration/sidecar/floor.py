"""A real server, a real sidecar, real commands: each a process of its own."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import msgspec
from tests.integration.sdk.test_with_the_server import PROGRAM, Watchfloor

from watchfloor.cli.client import Client, Profile
from watchfloor_agent import register, write_key
from watchfloor_agent.sidecar import settings
from watchfloor_agent.sidecar.settings import Settings

ENDS = ("succeeded", "dead_letter", "cancelled")


class Sidecar:
    """The sidecar's process, over as many lives as a test wants."""

    def __init__(self, folder: Path, found: Settings) -> None:
        self.folder = folder
        self.settings = found
        self.process: asyncio.subprocess.Process | None = None
        self.log = folder / "sidecar.log"

    async def start(self, **changes: Any) -> None:
        self.settings = msgspec.structs.replace(self.settings, **changes)
        settings.write(self.folder / settings.NAME, self.settings)
        with self.log.open("ab") as log:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "watchfloor_agent.sidecar", str(self.folder), stderr=log, stdout=log
            )

    async def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        assert self.process is not None
        if self.process.returncode is None:
            self.process.send_signal(number)
        return await asyncio.wait_for(self.process.wait(), 30)

    def said(self) -> str:
        return self.log.read_text(encoding="utf-8")


class Standing:
    """A server that many tests share; each has agents of its own."""

    def __init__(self, folder: Path, verify_roots: str = "") -> None:
        self.process = subprocess.Popen(
            [sys.executable, str(PROGRAM), str(folder), "0"],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "WATCHFLOOR_VERIFY_ROOTS": verify_roots},
        )
        assert self.process.stdout is not None
        told = json.loads(self.process.stdout.readline())
        self.url = str(told["url"])
        self.ada = Client(Profile(self.url, told["ada"]))

    def end(self) -> None:
        self.ada._http.close()
        self.process.terminate()
        self.process.communicate(timeout=30)


class Floor:
    """Everything a test of the sidecar needs."""

    def __init__(self, folder: Path, standing: Standing | None = None) -> None:
        self.folder = folder
        self.own = Watchfloor(folder / "server") if standing is None else None
        self.standing = standing
        self.sidecars: list[Sidecar] = []
        self.agents: dict[str, str] = {}
        self._mark = secrets.token_hex(4)

    @property
    def server(self) -> Watchfloor:
        """The server of this test alone."""
        assert self.own is not None, "this test shares its server"
        return self.own

    @property
    def url(self) -> str:
        return self.standing.url if self.standing is not None else self.server.url

    @property
    def ada(self) -> Client:
        return self.standing.ada if self.standing is not None else self.server.ada

    async def __aenter__(self) -> Floor:
        if self.own is not None:
            await self.own.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        for sidecar in self.sidecars:
            if sidecar.process is not None and sidecar.process.returncode is None:
                sidecar.process.kill()
                await sidecar.process.wait()
        if self.own is not None:
            self.own.close()
            await self.own.end(signal.SIGTERM)

    def script(self, text: str, name: str = "command.py") -> Path:
        path = self.folder / name
        path.write_text(f"import json, os, sys, time\ntask = json.load(sys.stdin)\n{text}", encoding="utf-8")
        return path

    async def sidecar(
        self, script: Path | str, name: str = "side", need: str = "", **options: Any
    ) -> Sidecar:
        """A running sidecar whose command is this Python program."""
        path = script if isinstance(script, Path) else self.script(script, f"{name}.py")
        registered = await asyncio.to_thread(
            register,
            self.url,
            self.ada.profile.token,
            name=f"{name}-{self._mark}",
            capabilities=[f"{need or name}-{self._mark}"],
        )
        self.agents[name] = registered.agent_id
        folder = self.folder / name
        folder.mkdir()
        write_key(folder / "agent.key", registered.api_key)
        found = Settings(
            url=self.url.replace("http", "ws") + "/ws",
            key_file=str(folder / "agent.key"),
            argv=(sys.executable, str(path)),
            first_ms=50,
            longest_ms=200,
            grace_ms=1_000,
            drain_ms=1_000,
        )
        sidecar = Sidecar(folder, msgspec.structs.replace(found, **options))
        self.sidecars.append(sidecar)
        await sidecar.start()
        return sidecar

    async def submit(self, need: str = "side", **body: Any) -> str:
        body = {
            "title": "a task",
            "needs": [f"{need}-{self._mark}"],
            "max_attempts": 1,
            "backoff_ms": 0,
            **body,
        }
        answer = await asyncio.to_thread(self.ada.post, "/api/v1/tasks", body)
        return str(answer["task_id"])

    async def task(self, task_id: str) -> dict[str, Any]:
        return dict(await asyncio.to_thread(self.ada.get, f"/api/v1/tasks/{task_id}"))

    async def ended(self, task_id: str, within_s: float = 40) -> dict[str, Any]:
        """The task once it has ended."""
        until = time.monotonic() + within_s
        while time.monotonic() < until:
            found = await self.task(task_id)
            if found["task"]["status"] in ENDS:
                return found
            await asyncio.sleep(0.05)
        logs = "\n".join(sidecar.said() for sidecar in self.sidecars)
        raise AssertionError(f"{json.dumps(found, indent=1)}\n{logs}")


def _content(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.exists() else ""


async def appears(path: Path, within_s: float = 20) -> str:
    """The content of a file once it is there and not empty."""
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        found = _content(path)
        if found:
            return found
        await asyncio.sleep(0.02)
    raise AssertionError(f"{path} did not appear")


def alive(pid: int) -> bool:
    """Does the process live (a zombie does not)?"""
    try:
        state = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[0]
    except OSError:
        return False
    return state not in (b"Z", b"X")


async def gone(pid: int, within_s: float = 20) -> bool:
    """Whether the process ends in time."""
    until = time.monotonic() + within_s
    while alive(pid) and time.monotonic() < until:
        await asyncio.sleep(0.02)
    return not alive(pid)
