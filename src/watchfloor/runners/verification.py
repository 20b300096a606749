"""The platform checks a task's criteria itself instead of believing its agent (spec 2.4 *Verification*).

Theory of operation
-------------------
The effect `VerifyTask` names a task, a generation and the event whose private part holds the criteria. Each criterion
of kind `command` is run (commands.py), one after another, the first that fails ends the check; what was found goes back
as `RecordVerification`, with a private report. What cannot be run (a program that is not on the list, a folder outside
the roots, criteria that were erased) has failed: only exit code 0 of every command passes. Checking twice is harmless:
a report of another generation, or of a task that is over, is no news to the rules.

**There is no sandbox yet**; every report says so (`"sandbox": "none"`). Who may submit tasks can run the listed programs
with any arguments as the server's account: `python` on the list means any code. Without configured roots every
criterion is refused. See docs/verification.md.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import msgspec

from watchfloor.engine.effects import Undeliverable
from watchfloor.kernel.codec import canonical, canonicalise
from watchfloor.kernel.limits import CRITERIA_PER_TASK_MAX, PRIVATE_BYTES_MAX
from watchfloor.kernel.messages import Command, Event, Refused
from watchfloor.runners.commands import Ran, run
from watchfloor.runners.output import plain, without_secrets
from watchfloor.work.messages import RecordVerification, VerifyTask

COMMAND_MS_MAX = 300_000  # an analyser on a large repository; a check that takes longer belongs into CI
VERIFICATION_MS_MAX = 1_800_000  # all criteria together: half of what the rules wait for a verification
OUTPUT_BYTES_MAX = 64 * 1024  # kept of a stream while it is read
REPORT_BYTES_MAX = PRIVATE_BYTES_MAX * 3 // 4  # the rest is for what a report may say later
STREAM_CHARS_MAX = 16 * 1024  # of one stream in the report
STREAM_CHARS_MIN = 64  # even with the most criteria of the longest commands it then fits
AT_ONCE_MAX = 2  # verifications at the same time: each may use a core
ARGV_CHARS_SHOWN = 1_024  # of one command in the report; the whole of it is in the task's own private part

Private = Callable[
    [int, int], bytes | None
]  # (org, seq) -> body of a private part; None: never was or erased
Ask = Callable[[int, Command], Awaitable[Any]]  # raises Refused
Wanted = Callable[[int, VerifyTask], bool]


class Criterion(msgspec.Struct, frozen=True):
    """One condition of a task. Fields of other kinds are ignored, so that the kind can be refused by name."""

    kind: str = ""
    argv: tuple[str, ...] = ()
    cwd: str = ""


class _Criteria(msgspec.Struct):
    criteria: tuple[Criterion, ...] = ()


class Refusal(Exception):
    """The criterion cannot be run here; the text says why, to the people who read the report."""


def search_path() -> str:
    """Where programs are looked for, and the only PATH they get: beside our own interpreter, then the system's."""
    return os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"])


class VerificationTerms(msgspec.Struct, frozen=True, kw_only=True):
    """From the configuration: folders in which commands may run, and the programs they may begin with."""

    roots: tuple[Path, ...]
    programs: Mapping[str, str]  # name → absolute path
    path: str
    command_ms: int = COMMAND_MS_MAX
    all_ms: int = VERIFICATION_MS_MAX

    @classmethod
    def of(cls, roots: Iterable[str | Path], commands: Iterable[str], **limits: int) -> VerificationTerms:
        """Terms with names looked up now. Names that are not installed are left out, and refused when they come."""
        path = search_path()
        found = {name: program for name in commands if (program := shutil.which(name, path=path))}
        resolved = tuple(Path(root).resolve() for root in roots)
        return cls(roots=resolved, programs=found, path=path, **limits)

    def program(self, name: str) -> str:
        """The program's path. Raises Refusal unless the bare name is on the list."""
        program = self.programs.get(name)
        if program is None:
            raise Refusal(f"program {name[:64]!r} is not on the list of this server")
        return program

    def folder(self, cwd: str) -> Path:
        """The folder, links resolved. Raises Refusal unless it exists inside a root. Relative ones are of any root."""
        if "\0" in cwd:
            raise Refusal("cwd is not a path")
        for root in self.roots:
            folder = (root / cwd).resolve()
            if folder.is_relative_to(root) and folder.is_dir():
                return folder
        raise Refusal(
            "cwd is not a folder inside the roots of this server" if self.roots else "no root is configured"
        )


class Verifier:
    """The executor of VerifyTask. `wanted` says whether the task still waits for this check (asked before work)."""

    def __init__(
        self,
        terms: VerificationTerms,
        *,
        private: Private,
        ask: Ask,
        wanted: Wanted = lambda org, effect: True,  # noqa: ARG005
    ) -> None:
        self._terms = terms
        self._private = private
        self._ask = ask
        self._wanted = wanted
        self._threads = ThreadPoolExecutor(AT_ONCE_MAX, "verification")

    async def __call__(self, org: int, event: Event, effect: VerifyTask) -> None:
        """Check and report. Raises Undeliverable when the rules will never take the report, Refused when later may."""
        if not self._wanted(org, effect):
            return
        body = await asyncio.to_thread(self._private, org, effect.seq)
        cancelled = threading.Event()
        try:
            checked = asyncio.get_running_loop().run_in_executor(self._threads, self.check, body, cancelled)
            passed, report = await checked
        except asyncio.CancelledError:
            cancelled.set()  # the thread kills its command and ends
            raise
        command = RecordVerification(
            subject=effect.task, generation=effect.generation, passed=passed, private=fitted(report)
        )
        try:
            await self._ask(org, command)
        except Refused as refused:
            if refused.retryable:
                raise
            raise Undeliverable(f"{event.type} of task {effect.task}: {refused}") from refused

    def close(self) -> None:
        """No further checks."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def check(self, body: bytes | None, cancelled: threading.Event) -> tuple[bool, dict[str, Any]]:
        """Whether every criterion holds, and the report. Blocking."""
        report: dict[str, Any] = {"checks": [], "sandbox": "none"}
        try:
            criteria = msgspec.json.decode(body, type=_Criteria).criteria if body is not None else ()
        except msgspec.MsgspecError:
            criteria = ()
        if not criteria or len(criteria) > CRITERIA_PER_TASK_MAX:
            report["detail"] = "criteria_erased" if body is None else "criteria_unreadable"
            return False, report
        left_ms = self._terms.all_ms
        for criterion in criteria:
            check = self._checked(criterion, left_ms, cancelled)
            report["checks"].append(check)
            left_ms -= check["duration_ms"]
            if check["outcome"] != "exited" or check["exit_code"] != 0:
                return False, report
        return True, report

    def _checked(self, criterion: Criterion, left_ms: int, cancelled: threading.Event) -> dict[str, Any]:
        shown: dict[str, Any] = {
            "argv": _shown(criterion.argv),
            "cwd": criterion.cwd[:256],
            "kind": criterion.kind[:64],
        }
        try:
            if criterion.kind != "command" or not criterion.argv:
                raise Refusal(f"a criterion of kind {criterion.kind[:64]!r} cannot be checked")
            if left_ms <= 0:
                raise Refusal("the time for all criteria is used up")
            program = self._terms.program(criterion.argv[0])
            folder = self._terms.folder(criterion.cwd)
        except Refusal as refusal:
            return {**shown, "detail": str(refusal), "duration_ms": 0, "exit_code": -1, "outcome": "refused"}
        ran = run(
            [program, *criterion.argv[1:]],
            cwd=folder,
            environment={"PATH": self._terms.path},
            time_ms=min(left_ms, self._terms.command_ms),
            output_bytes_max=OUTPUT_BYTES_MAX,
            cancelled=cancelled,
        )
        return {**shown, **_told(ran)}


def _shown(argv: tuple[str, ...]) -> list[str]:
    """The command as far as it fits, without secrets."""
    shown: list[str] = []
    left = ARGV_CHARS_SHOWN
    for argument in argv:
        if left <= 0:
            return [*shown, "…"]
        shown.append(without_secrets(argument)[:left])
        left -= len(argument)
    return shown


def _told(ran: Ran) -> dict[str, Any]:
    return {
        "detail": plain(ran.detail.encode("utf-8", "replace")),
        "duration_ms": ran.duration_ms,
        "exit_code": ran.exit_code,
        "outcome": ran.outcome,
        "stderr": ran.stderr.text(STREAM_CHARS_MAX),
        "stdout": ran.stdout.text(STREAM_CHARS_MAX),
    }


def fitted(report: dict[str, Any]) -> bytes:
    """The report's canonical bytes, its outputs cut to their ends until it fits a private part."""
    chars_max = STREAM_CHARS_MAX
    while len(body := canonical(canonicalise(report))) > REPORT_BYTES_MAX and chars_max > STREAM_CHARS_MIN:
        chars_max //= 2
        for check in report["checks"]:
            for stream in ("stderr", "stdout"):
                text = check.get(stream, "")
                if len(text) > chars_max:
                    check[stream] = "[… cut to fit …]\n" + text[-chars_max:]
    return body
