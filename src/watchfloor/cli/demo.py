"""`watchfloor demo`: the main job on real input, from one command (issue text; spec 10.3).

A server with a demo organisation, a git repository with genuine faults, and a real agent that analyses it and asks to
apply a patch. Somebody approves: you, on the page whose link is printed, or with `watchfloor decisions approve`. With
`--unattended` a scripted second person does, every step is printed, and the exit code is 0 only after the stand-alone
verifier has passed.
"""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
from cyclopts import App

from watchfloor.cli.output import Failure

app = App(name="demo", help="Start a server with a demo organisation and a real agent at work.")
_WAIT_S = 60


@app.default
def demo(*, data: Path = Path("watchfloor-demo"), port: int = 7300, unattended: bool = False) -> None:
    """Start the demo and serve until stopped; or play it through.

    Parameters
    ----------
    data
        Where the demo lives. Remove the folder to begin anew.
    port
        Port to listen on; 0 takes a free one.
    unattended
        Let a scripted person approve, print each step, verify, and exit.
    """
    from watchfloor.ledger.contract import LedgerError

    examples = Path(__file__).parents[3] / "examples"
    if not (examples / "lint_fixer").is_dir():
        raise Failure("the demo's agent is in the source checkout (folder examples/), which is not here", 2)
    stage = _Stage(data.absolute(), examples, 0 if unattended else port, unattended)
    try:
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(stage.play())
    except (LedgerError, OSError) as error:
        raise Failure(str(error)) from error
    if stage.failure:
        raise Failure(stage.failure)


def _say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


class _Stage:
    """The demo's server, agent and people."""

    def __init__(self, data: Path, examples: Path, port: int, unattended: bool) -> None:
        self.data = data
        self.examples = examples
        self.port = port
        self.unattended = unattended
        self.failure = ""
        self.agent: asyncio.subprocess.Process | None = None
        self.repository = Path()

    async def play(self) -> None:
        from watchfloor.app import Server
        from watchfloor.config import Config
        from watchfloor.telemetry import logs

        self.data.mkdir(mode=0o700, parents=True, exist_ok=True)
        logs.configure("warning")
        work = self.data / "work"
        work.mkdir(mode=0o700, exist_ok=True)
        server = Server(Config(data=str(self.data / "data"), port=self.port, verify_roots=(str(work),)))
        try:
            await server.run(self._begin)
        finally:
            await self._stop_agent()

    async def _begin(self, server: Any) -> None:
        """Runs beside the server once it listens."""
        try:
            await self._set_up(server)
            if self.unattended:
                await self._play_through(server)
        except Failure as failure:
            self.failure = str(failure)
        except Exception as error:  # noqa: BLE001 -- whatever it is, the demo failed, and says so
            self.failure = f"{type(error).__name__}: {error}"
        if self.unattended or self.failure:
            if self.failure:
                _say(f"\nFAILED: {self.failure}")
            os.kill(os.getpid(), 15)

    # -- setting the stage --------------------------------------------------------------------------------------------

    async def _set_up(self, server: Any) -> None:
        from watchfloor.engine.setup import credential_for, first_person

        engine = server.engine
        people = self.data / "people.json"
        if not engine.core.nodes:
            org = await server.backbone.found("Demo")
            ada = await first_person(engine, org, "ada", server.url, ("admin",))
            sam = await first_person(engine, org, "sam", server.url, ("operator",))
            _private(people, {"ada": ada, "sam": sam})
            link = ada.link
        else:
            org = next(iter(engine.core.nodes))
            known = msgspec.json.decode(people.read_bytes())
            link = f"{server.url}/sign-in/{await credential_for(engine, org, known['ada']['subject'], 'link', 1)}"
        self.people = msgspec.json.decode(people.read_bytes())
        _private(self.data / "operator.json", {"token": self.people["ada"]["token"], "url": server.url})
        self.ada = _Caller(server.url, self.people["ada"]["token"])
        self.sam = _Caller(server.url, self.people["sam"]["token"])
        _say(f"Watchfloor listens on {server.url} · data in {self.data}")
        key_file = await self._register(server, org)
        self.repository = await self._repository()
        await self._start_agent(server, key_file)
        self.task = await self._submit()
        if not self.unattended:
            self._invite(link)

    def _invite(self, link: str) -> None:
        _say()
        _say(
            "An agent is at work on a repository with real faults. It will ask to apply its patch; you decide."
        )
        _say()
        _say(f"  Sign in (once):   {link}")
        _say("  Or here, in another terminal, from this folder:")
        _say("    .venv/bin/watchfloor decisions list")
        _say("    .venv/bin/watchfloor decisions approve DECISION")
        _say(f"    .venv/bin/watchfloor task show {self.task}")
        _say(f"    .venv/bin/watchfloor ledger verify --data {self.data / 'data'}")
        _say()
        _say("Stop with Ctrl-C. Remove the folder watchfloor-demo to begin anew.")

    async def _register(self, server: Any, org: int) -> Path:
        """The demo's agent belongs to the system, so that whoever tries the demo may decide on what it asks."""
        from watchfloor.engine.setup import register_agent

        key_file = self.data / "lint-fixer.key"
        if not server.engine.cell(org, "names", "agent:lint-fixer"):
            agent, key = await register_agent(server.engine, org, "lint-fixer", "worker", ("development",))
            key_file.touch(mode=0o600)
            key_file.write_text(key + "\n")
            _say(f"  agent     lint-fixer registered as {agent}")
        if not key_file.exists():
            raise Failure(f"the agent is registered and its key is lost: remove {self.data}")
        return key_file

    async def _repository(self) -> Path:
        number = len(list((self.data / "work").iterdir())) + 1
        target = self.data / "work" / f"repository-{number}"
        await _run([sys.executable, str(self.examples / "demo_repository.py"), str(target)])
        _say(f"  git       a repository with real lint and security faults: {target}")
        return target

    async def _start_agent(self, server: Any, key_file: Path) -> None:
        log = (self.data / "agent.log").open("ab")
        self.agent = await asyncio.create_subprocess_exec(
            sys.executable,
            str(self.examples / "lint_fixer" / "agent.py"),
            "--url",
            server.url.replace("http", "ws", 1) + "/ws",
            "--key-file",
            str(key_file),
            "--root",
            str(self.data / "work"),
            "--state-file",
            str(self.data / "agent-state.json"),
            stdout=log,
            stderr=log,
        )
        log.close()
        _say(f"  agent     running as its own process, pid {self.agent.pid}, log {self.data / 'agent.log'}")

    async def _stop_agent(self) -> None:
        if self.agent is not None and self.agent.returncode is None:
            self.agent.terminate()
            try:
                await asyncio.wait_for(self.agent.wait(), 10)
            except TimeoutError:
                self.agent.kill()
                await self.agent.wait()

    async def _submit(self) -> str:
        criteria = [
            {"kind": "command", "argv": ["ruff", "check", "--no-cache", "."], "cwd": str(self.repository)},
            {"kind": "command", "argv": ["bandit", "-q", "-r", "."], "cwd": str(self.repository)},
        ]
        body = {
            "title": "Make ruff and bandit pass",
            "description": "Find lint and security faults, repair them, and get your patch approved before you apply it.",
            "needs": ["development"],
            "input": {"repository": str(self.repository)},
            "criteria": criteria,
        }
        answer = await self.sam.post("/api/v1/tasks", body)
        _say(f"  task      {answer['task_id']}: the platform itself will run ruff and bandit at the end")
        return str(answer["task_id"])

    # -- playing it through -------------------------------------------------------------------------------------------

    async def _play_through(self, server: Any) -> None:
        decision = await self._until(self._pending, "the agent asks for a decision")
        found = await self.ada.get(f"/api/v1/decisions/{decision}")
        asked = found["decision"]
        _say(
            f"\nThe agent asks: {asked['type']} · level {asked['level']} · risk {asked['risk']} · {asked['role']} decides"
        )
        for line in found["trace"]:
            if line["answer"] != "pass":
                _say(f"  gate      {line.get('sentence') or line.get('text')}")
        diff = str(found["params"]["diff"])
        _say(
            f"  diff      {diff.count(chr(10))} lines over {len(found['params'].get('files', []))} files, digest {asked['digest'][:16]}…"
        )
        vote = {
            "vote": "approve",
            "digest": asked["digest"],
            "comment": "The diff repairs what the analysers report.",
        }
        answer = await self.ada.post(f"/api/v1/decisions/{decision}/vote", vote)
        _say(f"  ada       saw parameters and diff, votes approve: {answer['status']}")
        task = await self._until(self._ended, "the task ends")
        _say(f"  platform  ran the criteria itself: {task['task']['status']}")
        if task["task"]["status"] != "succeeded":
            raise Failure(f"the task ended as {task['task']['status']}: {task.get('checks')}")
        agent = await self.ada.get(f"/api/v1/agents/{task['task']['agent_id']}")
        _say(f"  trust     {agent['agent']['score']} ({agent['agent']['tier']})")
        _say("\nThe story, one timeline:")
        for event in task["timeline"]:
            _say(f"  {event['seq']:>4}  {event['type']}")
        await self._until(self._settled(server), "the last checkpoint is signed")
        await self._prove()

    async def _pending(self) -> str:
        items = (await self.ada.get("/api/v1/decisions?status=pending"))["items"]
        return str(items[0]["decision_id"]) if items else ""

    async def _ended(self) -> Any:
        found = await self.ada.get(f"/api/v1/tasks/{self.task}")
        return found if found["task"]["status"] in ("succeeded", "dead_letter", "cancelled") else None

    @staticmethod
    def _settled(server: Any) -> Callable[[], Any]:
        async def settled() -> bool:
            org = next(iter(server.engine.core.nodes))
            latest = server.engine.signing.latest.get(org)
            return latest is not None and latest[0] == server.engine.head(org)

        return settled

    async def _until(self, ask: Callable[[], Any], what: str) -> Any:
        for _ in range(_WAIT_S * 5):
            found = await ask()
            if found:
                return found
            if self.agent is not None and self.agent.returncode is not None:
                log = (self.data / "agent.log").read_text()[-2_000:]
                raise Failure(f"the agent ended with {self.agent.returncode}: {log}")
            await asyncio.sleep(0.2)
        raise Failure(f"waited {_WAIT_S} s and not yet: {what}")

    async def _prove(self) -> None:
        """Everything an outsider would do, with the programs an outsider has."""
        data = self.data / "data"
        here = Path(sys.executable).parent
        _say("\nThe proof:")
        await _step([str(here / "watchfloor"), "ledger", "verify", "--data", str(data)])
        await _step([str(here / "watchfloor"), "ledger", "audit", "--data", str(data)])
        target = self.data / f"export-{len(list(self.data.glob('export-*'))) + 1}"
        printed = await _run(
            [str(here / "watchfloor"), "ledger", "export", str(target), "--data", str(data), "--json"]
        )
        key = msgspec.json.decode(printed)["key"]
        await _step([str(here / "watchfloor-verify"), str(target), "--key", key])
        _say("\nDone: asked, decided, done, verified, proven.")


def _private(path: Path, value: Any) -> None:
    path.touch(mode=0o600)
    path.write_bytes(msgspec.json.encode(value))


class _Caller:
    """A person's requests, off the event loop's thread."""

    def __init__(self, url: str, token: str) -> None:
        from watchfloor.cli.client import Client, Profile

        self._client = Client(Profile(url, token))

    async def get(self, path: str) -> Any:
        return await asyncio.to_thread(self._client.get, path)

    async def post(self, path: str, body: Any) -> Any:
        return await asyncio.to_thread(self._client.post, path, body)


async def _run(command: list[str]) -> bytes:
    """Run a program to its end; Failure with what it printed when it does not exit 0."""
    process = await asyncio.create_subprocess_exec(*command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    out, err = await process.communicate()
    if process.returncode:
        raise Failure(
            f"{Path(command[0]).name} {command[1]} exited {process.returncode}: {(out + err).decode()[-2_000:]}"
        )
    return out


async def _step(command: list[str]) -> None:
    out = (await _run(command)).decode().strip()
    shown = " ".join(
        [Path(command[0]).name, *(Path(c).name if c.startswith("/") else c for c in command[1:])]
    )
    _say(f"  $ {shown}\n" + "\n".join("      " + line for line in out.splitlines()[:8]))
