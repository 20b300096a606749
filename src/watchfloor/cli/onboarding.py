"""`watchfloor agent add` and `watchfloor agent remove`: an agent from nothing to its first finished task, and back.

In the agent's folder: `agent.json` (who it is), `agent.key` (0600), `sidecar.json` (0600), and what the sidecar keeps.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from watchfloor.cli.client import Client
from watchfloor.cli.names import suggest
from watchfloor.cli.output import Failure, visible
from watchfloor_agent.errors import ConfigurationError
from watchfloor_agent.registration import read_key, replace_key, write_key
from watchfloor_agent.rotating import key_id
from watchfloor_agent.sidecar import lock, settings

AGENTS = Path("watchfloor-agents")
ONLINE_S = 20.0
STOP_S = 40.0
TRIAL = ("-I", "-c", 'print(\'::result {"said": "hello"}\')')
_OURS = (
    *(
        "agent.json",
        "agent.key",
        "agent.key.new",
        "signing.secret",
        "sidecar.json",
        "sidecar.json.new",
        "sidecar.pid",
        "sidecar.log",
        "sidecar.log.1",
    ),
    *("spool.db", "spool.db-wal", "spool.db-shm", "ledger.json", "ledger.json.new"),
)
_OUR_FOLDERS = ("tasks", "git", "trial")
_ENDS = ("succeeded", "dead_letter", "cancelled")


class Identity(msgspec.Struct, frozen=True):
    """Which agent a folder belongs to."""

    agent_id: str
    name: str
    url: str


class Step(msgspec.Struct, frozen=True):
    """One step, how it went, and how long it took."""

    step: str
    ok: bool
    ms: int
    said: str
    advice: str = ""


class StepFailed(Exception):
    """The step did not work; `advice` says what to do."""

    def __init__(self, said: str, advice: str = "") -> None:
        super().__init__(said)
        self.advice = advice


class Steps:
    """Runs steps one after another, tells each as it ends, and stops at the first that fails."""

    def __init__(self, *, quiet: bool) -> None:
        self._quiet = quiet
        self.done: list[Step] = []

    @property
    def ok(self) -> bool:
        return all(step.ok for step in self.done)

    def run(self, name: str, work: Callable[[], str]) -> bool:
        """Whether all is well so far."""
        if not self.ok:
            return False
        began = time.monotonic()
        try:
            said, ok, advice = work(), True, ""
        except StepFailed as failed:
            said, ok, advice = str(failed), False, failed.advice
        except (Failure, ConfigurationError, OSError) as error:
            said, ok, advice = str(error), False, ""
        step = Step(name, ok, int((time.monotonic() - began) * 1000), said, advice)
        self.done.append(step)
        if not self._quiet:
            mark = "ok  " if ok else "FAIL"
            sys.stderr.write(f"{mark} {name:<10} {step.ms:>6} ms  {visible(said)}\n")
            if advice:
                sys.stderr.write(f"     {'':<10} what to do: {advice}\n")
            sys.stderr.flush()
        return ok


class Adding:
    """One agent being added. `argv` empty: it is tried with a built-in command and left for the SDK."""

    def __init__(
        self,
        client: Client,
        folder: Path,
        name: str,
        wanted: settings.Settings | None,
        *,
        capabilities: tuple[str, ...],
        type_: str,
        rotate: bool,
        insecure: bool = False,
        worker_url: str = "",
    ) -> None:
        self.client = client
        self.folder = folder
        self.name = name
        self.wanted = wanted
        self.capabilities = capabilities
        self.type = type_
        self.rotate = rotate
        self.insecure = insecure
        self.worker_url = worker_url
        self.agent_id = ""
        self.existed = False
        self._restart = False

    def play(self, steps: Steps, *, start: bool, test_s: int) -> None:
        """All steps in order; without `test_s` there is no test task."""
        steps.run("server", self.server)
        steps.run("register", self.register)
        if self.worker_url:
            # A new worker has to be given its secret first: added again, it is tried.
            if self.existed and test_s:
                steps.run("test task", lambda: self.test(test_s))
            return
        steps.run("configure", self.configure)
        if start and steps.ok:
            try:
                steps.run("start", self.start)
                steps.run("connect", self.connect)
                if test_s:
                    steps.run("test task", lambda: self.test(test_s))
            finally:
                self.finish_trial()

    def told(self) -> dict[str, str | bool]:
        """Which agent it is, for programs."""
        return {
            "name": self.name,
            "agent_id": self.agent_id,
            "folder": str(self.folder),
            "existed": self.existed,
        }

    # Steps -------------------------------------------------------------------------------------------------------

    def server(self) -> str:
        found = self.client.get("/ready")
        return f"{self.client.profile.url} is {found.get('status', 'ready')}"

    def register(self) -> str:
        """Register, or recognise. Writes the key and who it is."""
        identity = identity_of(self.folder)
        if identity is not None:
            return self._known(identity)
        body = {"name": self.name, "type": self.type, "capabilities": list(self.capabilities)}
        if self.worker_url:
            body["url"] = self.worker_url
        answer = self.client.post("/api/v1/agents/register", body)
        self.agent_id = answer["agent_id"]
        key = answer.get("api_key")
        self.existed = not key
        if not key:
            if not self.rotate:
                raise StepFailed(
                    f"{self.name} exists already ({self.agent_id}), and its key is not in {self.folder}",
                    "repeat with --rotate to issue a new key here, or choose another name",
                )
            key = self.client.post(f"/api/v1/agents/{self.agent_id}/keys", {})["api_key"]
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_key(self.folder / "agent.key", key)
        if self.worker_url:
            secret = answer.get("signing_secret")
            if not secret:
                secret = self.client.post(f"/api/v1/agents/{self.agent_id}/signing-secret", {})[
                    "signing_secret"
                ]
            write_key(self.folder / "signing.secret", secret)
        own = Identity(self.agent_id, self.name, self.client.profile.url)
        settings.replace(self.folder / "agent.json", msgspec.json.format(msgspec.json.encode(own)) + b"\n")
        how = "existed; a new key was issued" if self.existed else "registered"
        return f"{self.name} {how} as {self.agent_id}, key in {self.folder / 'agent.key'} (0600)"

    def _known(self, identity: Identity) -> str:
        self.existed = True
        self.agent_id, self.name = identity.agent_id, identity.name
        found = self.client.get(f"/api/v1/agents/{self.agent_id}")["agent"]
        if found["state"] == "retired":
            raise StepFailed(
                f"{self.name} was retired",
                f"watchfloor agent remove {self.name}, then add it under another name",
            )
        key = read_key(self.folder / "agent.key")
        if not self.rotate:
            return f"{self.name} exists already as {self.agent_id}; --rotate gives it a new key"
        answer = self.client.post(f"/api/v1/agents/{self.agent_id}/keys/{key_id(key)}/rotate", {})
        replace_key(self.folder / "agent.key", answer["api_key"])
        self._restart = True
        return (
            f"{self.name} exists already as {self.agent_id}; its key was rotated, the old one works for a day"
        )

    def configure(self) -> str:
        """Write the sidecar's settings; those of an existing one stay unless a command was given."""
        path = self.folder / settings.NAME
        if self.wanted is None:
            return f"{path} stays" if path.exists() else "no --exec: tried with a built-in command"
        if path.exists() and settings.read(path) == self.wanted:
            return f"{path} stays"
        self._restart = self._restart or path.exists()
        settings.write(path, self.wanted)
        return f"{path}: {' '.join(self.wanted.argv)}"

    def start(self) -> str:
        """Start the sidecar, unless it runs with these settings already."""
        place = self.place()
        running = lock.holder(place)
        if running and not self._restart:
            return f"runs already, process {running}"
        if running:
            stop(place)
        if place != self.folder:
            place.mkdir(mode=0o700, exist_ok=True)
            trial = settings.Settings(
                url=socket_address(self.client.profile.url),
                key_file=str(self.folder / "agent.key"),
                argv=(sys.executable, *TRIAL),
                insecure=self.insecure,
            )
            settings.write(place / settings.NAME, trial)
        with (self.folder / "sidecar.log").open("ab") as log:
            process = subprocess.Popen(
                [
                    sys.executable,
                    "-m",
                    "watchfloor_agent.sidecar",
                    str(place),
                    str(self.folder / "sidecar.log"),
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        until = time.monotonic() + ONLINE_S
        while lock.holder(place) != process.pid:
            if process.poll() is not None or time.monotonic() > until:
                raise StepFailed(
                    f"the sidecar did not start: {self.last_words()}", f"see {self.folder}/sidecar.log"
                )
            time.sleep(0.05)
        return f"process {process.pid}, log in {self.folder / 'sidecar.log'}"

    def connect(self) -> str:
        """Wait until the server sees it."""
        until = time.monotonic() + ONLINE_S
        while time.monotonic() < until:
            state = self.client.get(f"/api/v1/agents/{self.agent_id}")["agent"]["state"]
            if state != "offline":
                return f"the server sees it as {state}"
            if not lock.holder(self.place()):
                break
            time.sleep(0.1)
        raise StepFailed(
            f"it did not connect: {self.last_words()}",
            f"see {self.folder}/sidecar.log; a key that is refused: repeat with --rotate",
        )

    def test(self, seconds: int) -> str:
        """A task for this agent alone, end to end."""
        body = {
            "title": f"Test of {self.name}",
            "description": "A test by `watchfloor agent add`. Change nothing; answer with one line.",
            "input": {"test": True},
            "agent_id": self.agent_id,
            "max_attempts": 1,
            "timeout_ms": seconds * 1000,
        }
        task = self.client.post("/api/v1/tasks", body)["task_id"]
        until = time.monotonic() + seconds + 5
        while time.monotonic() < until:
            found = self.client.get(f"/api/v1/tasks/{task}")
            status = found["task"]["status"]
            if status in _ENDS:
                if status == "succeeded":
                    return f"{task} succeeded"
                raise StepFailed(
                    f"{task} ended as {status}: {found['task']['reason'] if self.worker_url else self.last_words()}",
                    f"run the command by hand; watchfloor task show {task} tells the story",
                )
            time.sleep(0.1)
        with contextlib.suppress(Failure):
            self.client.post(f"/api/v1/tasks/{task}/cancel", {"reason": "the test took too long"})
        raise StepFailed(
            f"{task} did not end within {seconds} s and was cancelled: {self.last_words()}",
            "give it longer with --test-seconds, or skip it with --no-test",
        )

    def finish_trial(self) -> None:
        """Without a command of its own nothing stays running."""
        if self.place() != self.folder:
            stop(self.place())
            shutil.rmtree(self.place(), ignore_errors=True)

    # Parts -------------------------------------------------------------------------------------------------------

    def place(self) -> Path:
        """The folder of the sidecar that is started: the agent's, or one for the trial."""
        has_command = self.wanted is not None or (self.folder / settings.NAME).exists()
        return self.folder if has_command else self.folder / "trial"

    def last_words(self) -> str:
        """The last line of the sidecar's log."""
        with contextlib.suppress(OSError):
            lines = (self.folder / "sidecar.log").read_text(encoding="utf-8", errors="replace").splitlines()
            return visible(lines[-1])[:300] if lines else "it said nothing"
        return "it said nothing"


def identity_of(folder: Path) -> Identity | None:
    """Whose folder it is; None when it is nobody's yet. Raises Failure."""
    path = folder / "agent.json"
    if not path.exists():
        return None
    try:
        return msgspec.json.decode(path.read_bytes(), type=Identity)
    except msgspec.DecodeError as error:
        raise Failure(f"{path} is damaged: {error}") from error


def folder_of(agent: str, named: Path | None, client: Client | None) -> tuple[Path, Identity]:
    """The folder of an agent said by name, id or structured code, and who it is; without `client` by name or id alone.

    An agent is of the folder only if its id is: a name that looks like an id removes nobody else. Raises Failure.
    """
    places = [named] if named is not None else [AGENTS / agent, *sorted(AGENTS.glob("*/"))]
    folders = {place.absolute(): found for place in places if (found := identity_of(place)) is not None}
    for by in ("agent_id", "name"):
        for folder, identity in folders.items():
            if getattr(identity, by) == agent:
                return folder, identity
    if client is not None and folders:
        meant = client.get(client.agent_path(agent))["agent"]["agent_id"]
        for folder, identity in folders.items():
            if identity.agent_id == meant:
                return folder, identity
    where = named if named is not None else AGENTS / agent
    raise Failure(f"{where.absolute()} is not the folder of {agent}: name it with --dir", 2)


def free_name(client: Client) -> str:
    """A generated name that no agent has."""
    for _ in range(20):
        name = suggest()
        if not client.get("/api/v1/agents", name=name)["items"]:
            return name
    raise Failure("every generated name is taken: give one")


def stop(folder: Path) -> str:
    """End the sidecar of a folder in good order, or else at once."""
    pid = lock.holder(folder)
    if not pid:
        return "no sidecar runs"
    for number, patience_s in ((signal.SIGTERM, STOP_S), (signal.SIGKILL, 5.0)):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
        until = time.monotonic() + patience_s
        while time.monotonic() < until:
            if not lock.holder(folder):
                return f"process {pid} stopped"
            time.sleep(0.05)
    raise Failure(f"process {pid} does not stop")


def retire(client: Client, identity: Identity) -> str:
    """Revoke every key, then retire the agent; what is so already stays so."""
    found = client.get(f"/api/v1/agents/{identity.agent_id}")
    own = f"/api/v1/agents/{identity.agent_id}"
    keys = [key["key_id"] for key in found["keys"] if not key["revoked_at"]]
    for key in keys:
        client.post(f"{own}/keys/{key}/revoke", {"reason": "the agent was removed"})
    if found["agent"]["state"] == "retired":
        return f"{identity.agent_id} was retired already; {len(keys)} keys revoked"
    client.post(f"{own}/retire", {"reason": "removed"})
    return f"{identity.agent_id} is retired; {len(keys)} keys revoked"


def clear(folder: Path) -> str:
    """Remove what was written by us, and nothing else."""
    for name in _OURS:
        (folder / name).unlink(missing_ok=True)
    for name in _OUR_FOLDERS:
        if not (folder / name).is_symlink():
            shutil.rmtree(folder / name, ignore_errors=True)
    left = sorted(path.name for path in folder.iterdir())
    if left:
        return f"removed; {folder} stays, because others' files are in it: {', '.join(left[:5])}"
    folder.rmdir()
    return f"{folder} removed"


def socket_address(url: str) -> str:
    """The server's WebSocket address, from its address."""
    address = url.rstrip("/")
    if address.startswith("http"):
        address = f"ws{address.removeprefix('http')}"
    return address if address.endswith("/ws") else f"{address}/ws"
