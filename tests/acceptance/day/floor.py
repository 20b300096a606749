"""Server and agents of the scripted day, each a process of its own, killed with kill -9 and started again."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import httpx2 as httpx
from tests.chaos.deployment import Deployment, free_port

from watchfloor_agent import write_key
from watchfloor_agent.sidecar import settings

KINDS = ("sdk", "worker", "sidecar", "rest")
OF_EACH = 5
TASKS_AT_ONCE = 4  # of one agent, whatever trust the day's failures leave it
PROGRAM = Path(__file__).with_name("agents.py")


class Member:
    """One of the twenty."""

    def __init__(self, floor: Floor, kind: str, number: int) -> None:
        self.kind, self.name = kind, f"{kind}-{number}"
        self.folder = floor.root / self.name
        self.folder.mkdir()
        self.port = free_port() if kind == "worker" else 0
        self.process: subprocess.Popen[bytes] | None = None
        body: dict[str, Any] = {"name": self.name, "capabilities": ["day", kind]}
        if self.port:
            body["url"] = f"http://127.0.0.1:{self.port}/"
        made = floor.send("POST", "/api/v1/agents/register", body)
        self.id = str(made["agent_id"])
        write_key(self.folder / "agent.key", made["api_key"])
        if self.port:
            (self.folder / "signing.secret").write_text(made["signing_secret"], encoding="ascii")
        socket = floor.url.replace("http", "ws") + "/ws"
        self.command = [sys.executable, str(PROGRAM), kind, str(self.folder)]
        if kind == "sdk":
            self.command += [socket]
        elif kind == "sidecar":
            self.command = [sys.executable, "-m", "watchfloor_agent.sidecar", str(self.folder)]
            settings.write(
                self.folder / settings.NAME,
                settings.Settings(
                    url=socket,
                    key_file=str(self.folder / "agent.key"),
                    argv=(sys.executable, "-I", "-S", str(PROGRAM), "command"),
                    concurrency=2,
                    first_ms=100,
                    longest_ms=1_000,
                    drain_ms=1_000,
                ),
            )
        else:
            self.command += [str(self.port) if kind == "worker" else floor.url]

    def start(self) -> None:
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self.command, stdout=log, stderr=log)

    def kill(self) -> None:
        """kill -9."""
        if self.process is not None:
            self.process.send_signal(signal.SIGKILL)
            self.process.wait(10)
            self.process = None


class Floor:
    """The server, its twenty agents, and whoever kills them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.written = root / "written"
        self.written.mkdir()
        self.deployment = Deployment(
            root,
            environment={
                "WATCHFLOOR_OUTBOUND_ALLOW": "127.0.0.1",
                "WATCHFLOOR_VERIFY_ROOTS": str(self.written),
                "PYTHONHASHSEED": "0",
            },
        )
        self.url = self.deployment.url
        self.deployment.start()
        self._http = httpx.Client(
            base_url=self.url,
            headers={"Authorization": f"Bearer {self.deployment.token()}"},
            timeout=10,
        )
        self._number = 0
        self.kills: list[str] = []
        self.members: list[Member] = []
        self._over = threading.Event()
        self._mishaps: threading.Thread | None = None
        shown = self._http.get("/api/v1/policy")
        self.send(
            "PUT",
            "/api/v1/policy",
            {"trust": {"tasks_per_tier": [TASKS_AT_ONCE] * 6}},
            **{"If-Match": shown.headers["etag"]},
        )
        self.members = [Member(self, kind, number) for kind in KINDS for number in range(OF_EACH)]
        for member in self.members:
            member.start()

    def send(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """One request, repeated under its idempotency key until the server has answered it."""
        self._number += 1
        if method != "GET":
            headers["Idempotency-Key"] = f"day-{self._number}"
        until = time.monotonic() + 90
        while True:
            try:
                answer = self._http.request(method, path, json=body, headers=headers)
                if answer.status_code < 400:
                    return answer.json()
                told = answer.json()
                assert told.get("retryable"), f"{method} {path}: {answer.text}"
                time.sleep(min(told.get("retry_after_ms", 100), 6_000) / 1_000)
            except (httpx.HTTPError, ValueError) as error:
                assert time.monotonic() < until, (
                    f"{method} {path}: {error!r}\n{self.deployment.log()[-2_000:]}"
                )
                time.sleep(0.1)

    def pages(self, path: str) -> list[dict[str, Any]]:
        """The items of all pages."""
        found: list[dict[str, Any]] = []
        cursor = ""
        while True:
            page = self.send("GET", f"{path}{'&' if '?' in path else '?'}limit=200&cursor={cursor}")
            found += page["items"]
            cursor = page.get("next") or ""
            if not cursor:
                return found

    def kill_server(self) -> None:
        """kill -9, and start again on the same data."""
        self.kills.append("server")
        self.deployment.kill()
        self.deployment.start()

    def begin_mishaps(self, dice: random.Random, every_s: float) -> None:
        """Now and then an agent is killed, and comes back after a moment."""

        def go() -> None:
            away: list[tuple[float, Member]] = []
            following = time.monotonic() + dice.uniform(0.5, 1.5) * every_s
            while not self._over.wait(0.05):
                now = time.monotonic()
                for entry in [entry for entry in away if entry[0] <= now]:
                    away.remove(entry)
                    entry[1].start()
                if now >= following:
                    following = now + dice.uniform(0.5, 1.5) * every_s
                    here = [member for member in self.members if member.process is not None]
                    victim = dice.choice(here)
                    self.kills.append(victim.name)
                    victim.kill()
                    away.append((now + dice.uniform(0.1, 2.0), victim))
            for _, member in away:
                member.start()

        self._mishaps = threading.Thread(target=go)
        self._mishaps.start()

    def end_mishaps(self) -> None:
        """Nobody is killed any more; everybody is there."""
        self._over.set()
        if self._mishaps is not None:
            self._mishaps.join()
            self._mishaps = None

    def close(self) -> None:
        """End every process."""
        self.end_mishaps()
        for member in self.members:
            member.kill()
        self._http.close()
        self.deployment.kill()
        sweep(str(self.root))


def sweep(mark: str) -> None:
    """End what a killed sidecar's keepers left: processes of this user whose command line or folder is below `mark`."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            where = (entry / "cwd").readlink()
        except OSError:
            continue
        if str(where).startswith(mark):
            os.kill(int(entry.name), signal.SIGKILL)
