"""One task, from its files to its report: wake the command, judge how it ended, deliver what it made."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
import random
import re
import stat
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from watchfloor_agent.canonical import plain
from watchfloor_agent.errors import NotCanonical
from watchfloor_agent.messages import TaskCompleted, TaskFailed
from watchfloor_agent.received import TaskAssigned
from watchfloor_agent.sidecar.change import submit
from watchfloor_agent.sidecar.command import Command, Ended
from watchfloor_agent.sidecar.git import Trouble
from watchfloor_agent.sidecar.leftovers import MARK
from watchfloor_agent.sidecar.lines import Heard, Lines, as_json, as_object
from watchfloor_agent.sidecar.printed import without_secrets
from watchfloor_agent.sidecar.repository import Branch, Made, Repository, one_line
from watchfloor_agent.sidecar.settings import AGAIN_EXIT, Settings, erase, replace
from watchfloor_agent.sidecar.spool import COMMITTED, Kept, Report, Spool

log = logging.getLogger("watchfloor_sidecar")

RESULT_BYTES_MAX = (
    384 * 1024
)  # of what the command hands back; the server takes 512 KiB with everything around it
OUTPUT_CHARS_MAX = 16 * 1024  # of each stream, in the result
REASON_CHARS_MAX = 1_000
AGAIN_MS = (1_000, 30_000)  # pause before a wake is repeated, doubling
_SAFE_ID = re.compile(r"[A-Za-z0-9_]{1,64}\Z")


class Through(msgspec.Struct, frozen=True, kw_only=True):
    """The command is through: what is still to be delivered."""

    result: dict[str, Any]
    tokens: int = 0
    cost_micro: int = 0
    made: Made | None = None


class Lost(Exception):
    """The work has become pointless: cancelled, somebody else's, or the sidecar stops. Nothing is to be reported."""


class Work:
    """One task at work. `heard` is what its command says; `drop` ends it."""

    def __init__(
        self,
        settings: Settings,
        spool: Spool,
        repository: Repository | None,
        folder: Path,
        kept: Kept,
        moved: Callable[[], None],
    ) -> None:
        self._settings = settings
        self._spool = spool
        self._repository = repository
        self._branch: Branch | None = None
        self._task = kept.task
        self._kept = kept
        self._folder = folder / f"{self._task.task_id}.{self._task.generation}"
        self._moved = moved
        self._command: Command | None = None
        self._dropped = asyncio.Event()
        self._going = asyncio.Event()
        self._going.set()
        self._stood_still_us = 0
        self.heard = Heard()

    def drop(self) -> None:
        """Stop the command; `report` raises Lost."""
        self._dropped.set()
        self._going.set()
        if self._command is not None:
            self._command.stop()

    @property
    def paused(self) -> bool:
        """Does a person hold it?"""
        return not self._going.is_set()

    def pause(self, held: bool) -> None:
        """A person holds the task, or lets it go on: its processes stand still meanwhile, and none is started."""
        (self._going.clear if held else self._going.set)()
        if self._command is not None:
            self._command.pause(held)

    def clear(self) -> None:
        """Remove the task's files."""
        with contextlib.suppress(OSError):
            erase(self._folder)

    async def report(self) -> Report:
        """Do the work, or what is left of it. Raises Lost."""
        task = self._task
        if not is_safe(task):
            return failed(task, "the task's id cannot be the name of a file", retryable=False)
        try:
            if self._kept.state == COMMITTED:
                return await self._deliver(msgspec.json.decode(self._kept.work, type=Through))
            while True:
                await self._until_unpaused()
                wake = self._spool.wake(task)
                if wake > self._settings.wakes:
                    return failed(task, f"the command was woken {wake - 1} times and never came to an end")
                await self._lay_out()
                ended = await self._wake(wake)
                self._still_ours()
                if not self._again(ended, wake):
                    return await self._judged(ended, wake)
                await self._pause(wake)
        except Trouble as trouble:
            self._still_ours()
            return failed(task, str(trouble), retryable=trouble.retryable)
        except OSError as error:
            log.error("%s: %s", task.task_id, error)
            return failed(task, f"the sidecar's disk: {error}")

    async def _until_unpaused(self) -> None:
        began = time.monotonic()
        await self._going.wait()
        self._stood_still_us += int((time.monotonic() - began) * 1_000_000)
        self._still_ours()

    def _still_ours(self) -> None:
        if self._dropped.is_set():
            raise Lost

    async def _lay_out(self) -> None:
        """The folder of the task, new, with its file and, in the git workflow, its clone."""
        await asyncio.to_thread(erase, self._folder)
        work = self._folder / "work"
        work.mkdir(parents=True, mode=0o700)
        await asyncio.to_thread(replace, self._folder / "task.json", described(self._task))
        if self._repository is not None:
            self._branch = await self._repository.prepare(self._task, work)
        self._still_ours()

    async def _wake(self, wake: int) -> Ended:
        result = self._folder / "result.json"
        result.unlink(missing_ok=True)
        lines = Lines(self._moved)
        self.heard = lines.heard
        self._command = command = Command(
            self._settings.argv,
            cwd=self._place(),
            environment=self._environment(wake),
            stdin=self._folder / "task.json",
            grace_ms=self._settings.grace_ms,
        )
        command.pause(self.paused)
        log.info("%s: woken (%d)", self._task.task_id, wake)
        ended = await command.run(
            time_ms=self._time_ms(), silence_ms=self._settings.silence_ms, hear=lines.feed
        )
        lines.finish()
        log.info("%s: %s %d after %d ms", self._task.task_id, ended.how, ended.code, ended.duration_ms)
        return ended

    def _place(self) -> Path:
        return Path(self._settings.directory) if self._settings.directory else self._folder / "work"

    def _environment(self, wake: int) -> dict[str, str]:
        """The sidecar's own environment without anything of Watchfloor, and what the command should know."""
        task = self._task
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("WATCHFLOOR_")}
        branch = self._branch
        in_git = (
            {"WATCHFLOOR_BRANCH": branch.name, "WATCHFLOOR_BASE": branch.base} if branch is not None else {}
        )
        return {
            **inherited,
            **in_git,
            MARK: self._spool.mark,
            "WATCHFLOOR_TASK_FILE": str(self._folder / "task.json"),
            "WATCHFLOOR_RESULT_FILE": str(self._folder / "result.json"),
            "WATCHFLOOR_TASK_ID": task.task_id,
            "WATCHFLOOR_GENERATION": str(task.generation),
            "WATCHFLOOR_ATTEMPT": str(task.attempt),
            "WATCHFLOOR_WAKE": str(wake),
        }

    def _time_ms(self) -> int:
        """What is left of the task's time, a little less, so that our report comes before the server's own clock."""
        now = time.time_ns() // 1000
        ends = [now + self._settings.time_ms * 1000] if self._settings.time_ms else []
        if self._task.timeout_ms:
            ends.append(self._kept.accepted_at + self._task.timeout_ms * 1000 + self._stood_still_us)
        if self._task.deadline_at:
            ends.append(self._task.deadline_at)
        if not ends:
            return 0
        left_ms = (min(ends) - now) // 1000
        return max(left_ms - min(self._settings.grace_ms + 1_000, left_ms // 5), 1)

    def _again(self, ended: Ended, wake: int) -> bool:
        """Is the same wake worth another try, here and now?"""
        passing = ended.how in ("not_started", "lost") or (ended.how, ended.code) == ("exited", AGAIN_EXIT)
        return passing and wake < self._settings.wakes

    async def _pause(self, wake: int) -> None:
        base = min(AGAIN_MS[0] << (wake - 1), AGAIN_MS[1])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(random.uniform(base / 2, base) / 1000):  # noqa: S311
                await self._dropped.wait()
        self._still_ours()

    async def _judged(self, ended: Ended, wake: int) -> Report:
        if (ended.how, ended.code) != ("exited", 0):
            return failed(self._task, self._reason(ended), retryable=self._retryable(ended))
        try:
            result = self._result(ended)
        except ValueError as error:
            return failed(self._task, f"the command's result: {error}", retryable=False)
        result["run"] = run(ended, wake)
        through = Through(result=result, tokens=self.heard.tokens, cost_micro=self.heard.cost_micro)
        if self._repository is not None and self._branch is not None:
            made = await self._repository.harvest(
                self._task, self._folder / "work", self._branch, self._folder / "index"
            )
            through = msgspec.structs.replace(through, made=made)
            self._spool.commit(self._task, msgspec.json.encode(through))
        return await self._deliver(through)

    async def _deliver(self, through: Through) -> Report:
        """Push, open the change, and say that it is done. Repeated after a crash, from here."""
        result, made = through.result, through.made
        repository, git = self._repository, self._settings.git
        if made is not None:
            if repository is None or git is None:
                return failed(self._task, "the git workflow was turned off while its commit waited")
            result = {**result, "git": repository.described(made)}
            if made.commit:
                self._still_ours()
                await repository.push(made)
                self._still_ours()
                if git.submit:
                    result["git"]["change"] = plain(await self._submit(git.submit, made, result))
        return TaskCompleted(
            task_id=self._task.task_id,
            generation=self._task.generation,
            result=result,
            tokens=through.tokens or None,  # a command that says nothing of it has not said "nothing"
            cost_micro=through.cost_micro or None,
        )

    async def _submit(
        self, template: tuple[str, ...], made: Made, result: dict[str, Any]
    ) -> dict[str, object]:
        told = self._folder / "change.json"
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        about = {"task": msgspec.to_builtins(self._task), "git": result["git"], "result": result}
        await asyncio.to_thread(replace, told, json.dumps(about, ensure_ascii=False).encode())
        values = {
            "branch": made.branch.name,
            "base": made.branch.base_branch,
            "commit": made.commit,
            "title": one_line(self._task.title),
            "task_id": self._task.task_id,
            "remote": str(result["git"]["remote"]),
        }
        return await submit(
            template,
            values,
            told=told,
            environment=self._environment(self._kept.wakes),
            grace_ms=self._settings.grace_ms,
        )

    def _retryable(self, ended: Ended) -> bool:
        return not (ended.how == "exited" and ended.code in self._settings.final_exits)

    def _reason(self, ended: Ended) -> str:
        how = {
            "exited": f"the command exited with {ended.code}",
            "signalled": f"the command was ended by signal {ended.code}",
            "timed_out": f"the command was not done within {ended.duration_ms} ms",
            "silent": f"the command said nothing for {self._settings.silence_ms} ms",
            "not_started": f"the command cannot be started: {ended.detail}",
            "lost": f"the command was lost: {ended.detail}",
        }[ended.how]
        said = self.heard.reason or (ended.stderr.text(REASON_CHARS_MAX).strip() if ended.stderr else "")
        return f"{how}: {said}" if said else how

    def _result(self, ended: Ended) -> dict[str, Any]:
        """The result file, else the last `::result`, else the last JSON object of the output. Raises ValueError."""
        written = self._result_file()
        if written is not None:
            return written
        if self.heard.result is not None:
            return dict(plain(self.heard.result))
        guessed = self.heard.guessed
        if guessed is None and ended.stdout is not None:
            guessed = as_object(ended.stdout.whole())
        with contextlib.suppress(NotCanonical):  # it was not meant to be a result, perhaps
            found = plain(guessed or {})
            if len(msgspec.json.encode(found)) <= RESULT_BYTES_MAX:
                return dict(found)
        return {}

    def _result_file(self) -> dict[str, Any] | None:
        path = self._folder / "result.json"
        try:
            number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise ValueError(f"WATCHFLOOR_RESULT_FILE cannot be read: {error.strerror}") from error
        with os.fdopen(number, "rb") as file:
            if not stat.S_ISREG(os.fstat(number).st_mode):
                raise ValueError("WATCHFLOOR_RESULT_FILE is no plain file")
            data = file.read(RESULT_BYTES_MAX + 1)
        if len(data) > RESULT_BYTES_MAX:
            raise ValueError(f"more than {RESULT_BYTES_MAX} bytes")
        if not data.strip():
            return None
        found = as_json(data)
        if found is None:
            raise ValueError("WATCHFLOOR_RESULT_FILE holds no JSON")
        return dict(plain(found if isinstance(found, dict) else {"value": found}))


def run(ended: Ended, wake: int) -> dict[str, Any]:
    """How the command ran, for the result."""
    return {
        "exit_code": ended.code,
        "duration_ms": ended.duration_ms,
        "cpu_ms": ended.cpu_ms,
        "wakes": wake,
        "stdout": ended.stdout.text(OUTPUT_CHARS_MAX) if ended.stdout else "",
        "stderr": ended.stderr.text(OUTPUT_CHARS_MAX) if ended.stderr else "",
    }


def is_safe(task: TaskAssigned) -> bool:
    """May the id be the name of a folder and a branch?"""
    return bool(_SAFE_ID.match(task.task_id))


def failed(task: TaskAssigned, reason: str, *, retryable: bool = True) -> TaskFailed:
    """A failure with its reason, bounded and without secrets."""
    text = plain(without_secrets(reason).encode("utf-8", "replace").decode())[:REASON_CHARS_MAX]
    return TaskFailed(task_id=task.task_id, generation=task.generation, reason=text, retryable=retryable)


def described(task: TaskAssigned) -> bytes:
    """The task as the command reads it: one JSON object."""
    return json.dumps(msgspec.to_builtins(task), ensure_ascii=False, indent=1).encode() + b"\n"
