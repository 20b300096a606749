"""One criterion is checked: by its kind, within its time, and told in a way that fits a report (spec 2.4).

Every check of a report says `kind`, whether it `held`, its `outcome`, `exit_code` (-1 where nothing ran), `duration_ms`,
`detail`, `stdout`, `stderr`, and what it was about. Outcomes: exited, killed, not_started (of commands), found (the
others looked and say what they saw), timed_out, cancelled, refused (it cannot be checked here). Only `held` counts.
"""

from __future__ import annotations

import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import msgspec

from watchfloor.runners import files, repositories, responses, shapes, suites
from watchfloor.runners.commands import Ran, run
from watchfloor.runners.output import plain, without_secrets
from watchfloor.runners.responses import Fetch
from watchfloor.runners.terms import Refusal, VerificationTerms
from watchfloor.work.criteria import (
    REPORT_HOLDER,
    AnyCriterion,
    CommandCriterion,
    FileCriterion,
    GitCommitCriterion,
    HTTPResponseCriterion,
    JSONSchemaCriterion,
    TestsCriterion,
)

OUTPUT_BYTES_MAX = 64 * 1024  # kept of a stream while it is read
STREAM_CHARS_MAX = 16 * 1024  # of one stream in the report
ARGV_CHARS_SHOWN = 1_024  # of one command in the report; the whole of it is in the task's own private part
ABOUT_CHARS_MAX = 512
DETAIL_CHARS_MAX = 4_096


class Reported(msgspec.Struct, frozen=True):
    """The result an agent reported; `known` False when it was erased."""

    known: bool
    result: Any = None


class Checking(msgspec.Struct, frozen=True, kw_only=True):
    """What checks may use. `fetch` is the guarded way out, None where there is none."""

    terms: VerificationTerms
    reported: Reported
    fetch: Fetch | None
    cancelled: threading.Event

    def one(self, raw: object, left_ms: int) -> dict[str, Any]:
        """Check one kept criterion. Never raises for what is found."""
        kind = str(raw.get("kind", ""))[:64] if isinstance(raw, dict) else ""
        began = time.monotonic()
        try:
            criterion: AnyCriterion = msgspec.convert(raw, AnyCriterion)
        except msgspec.ValidationError:
            told = {**_shown_raw(raw), **_refused(f"a criterion of kind {kind!r} cannot be checked")}
        else:
            told = {**_shown(criterion), **self._told(criterion, left_ms)}
        spent = int((time.monotonic() - began) * 1_000)
        return {"duration_ms": spent, "exit_code": -1, "kind": kind, "stderr": "", "stdout": "", **told}

    def _told(self, criterion: AnyCriterion, left_ms: int) -> dict[str, Any]:
        try:
            if left_ms <= 0:
                raise Refusal("the time for all criteria is used up")
            if isinstance(criterion, CommandCriterion):
                return self._commanded(criterion, left_ms)
            if isinstance(criterion, TestsCriterion):
                return self._tested(criterion, left_ms)
            held, detail = self._looked(criterion, min(left_ms, self.terms.command_ms))
        except Refusal as refusal:
            return _refused(str(refusal))
        except TimeoutError:
            outcome = "cancelled" if self.cancelled.is_set() else "timed_out"
            return {"detail": "", "held": False, "outcome": outcome}
        return {"detail": fit(detail), "held": held, "outcome": "found"}

    def _looked(
        self,
        criterion: FileCriterion | GitCommitCriterion | JSONSchemaCriterion | HTTPResponseCriterion,
        time_ms: int,
    ) -> tuple[bool, str]:
        until = time.monotonic() + time_ms / 1_000
        if isinstance(criterion, FileCriterion):
            return files.check(criterion, self.terms, until, self.cancelled)
        if isinstance(criterion, GitCommitCriterion):
            return repositories.check(criterion, self.terms, until, self.cancelled)
        if isinstance(criterion, JSONSchemaCriterion):
            if not self.reported.known:
                raise Refusal("the result was erased")
            return shapes.check(criterion.schema, self.reported.result, time_ms, self.cancelled)
        if self.fetch is None:
            raise Refusal("this server sends no requests")
        return responses.check(criterion, self.fetch, time_ms, self.cancelled)

    def _ran(self, argv: tuple[str, ...], cwd: str, left_ms: int) -> Ran:
        program = self.terms.program(argv[0])
        return run(
            [program, *argv[1:]],
            cwd=self.terms.folder(cwd),
            environment={"PATH": self.terms.path},
            time_ms=min(left_ms, self.terms.command_ms),
            output_bytes_max=OUTPUT_BYTES_MAX,
            cancelled=self.cancelled,
        )

    def _commanded(self, criterion: CommandCriterion, left_ms: int) -> dict[str, Any]:
        ran = self._ran(criterion.argv, criterion.cwd, left_ms)
        return {**_printed(ran), "held": ran.outcome == "exited" and ran.exit_code == 0}

    def _tested(self, criterion: TestsCriterion, left_ms: int) -> dict[str, Any]:
        with tempfile.TemporaryDirectory(prefix="watchfloor-") as folder:
            report = Path(folder) / "report.xml"
            argv = tuple(argument.replace(REPORT_HOLDER, str(report)) for argument in criterion.argv)
            ran = self._ran((criterion.argv[0], *argv[1:]), criterion.cwd, left_ms)
            told = _printed(ran)
            if ran.outcome != "exited":
                return {**told, "held": False}
            try:
                counts = suites.read(report)
            except suites.NoReport as fault:
                return {**told, "detail": str(fault), "held": False}
        detail = f"{counts.passed} passed, {counts.failed} failed, {counts.skipped} skipped"
        held = ran.exit_code == 0 and counts.failed == 0 and counts.passed >= criterion.passed_min
        return {**told, "detail": detail, "held": held}


def fit(text: str) -> str:
    """Text of others for a report: plain, without secrets, bounded."""
    return without_secrets(plain(text.encode("utf-8", "replace")))[:DETAIL_CHARS_MAX]


def _refused(why: str) -> dict[str, Any]:
    return {"detail": fit(why), "held": False, "outcome": "refused"}


def _shown(criterion: AnyCriterion) -> dict[str, Any]:
    """What the check is about, as far as it fits."""
    if isinstance(criterion, CommandCriterion | TestsCriterion):
        return {"argv": _shown_argv(criterion.argv), "cwd": fit(criterion.cwd)[:256]}
    if isinstance(criterion, FileCriterion):
        return {"about": fit(criterion.path)[:ABOUT_CHARS_MAX]}
    if isinstance(criterion, GitCommitCriterion):
        named = f"{criterion.repository or '.'} {criterion.commit or criterion.branch}"
        return {"about": fit(named)[:ABOUT_CHARS_MAX]}
    if isinstance(criterion, HTTPResponseCriterion):
        return {"about": fit(criterion.url)[:ABOUT_CHARS_MAX]}
    return {"about": "the result"}


def _shown_raw(raw: object) -> dict[str, Any]:
    """What is known of a criterion that cannot be read."""
    return {"about": fit(repr(raw))[:ABOUT_CHARS_MAX]}


def _shown_argv(argv: tuple[str, ...]) -> list[str]:
    """The command as far as it fits, without secrets."""
    shown: list[str] = []
    left = ARGV_CHARS_SHOWN
    for argument in argv:
        if left <= 0:
            return [*shown, "…"]
        shown.append(without_secrets(argument)[:left])
        left -= len(argument)
    return shown


def _printed(ran: Ran) -> dict[str, Any]:
    return {
        "detail": plain(ran.detail.encode("utf-8", "replace")),
        "duration_ms": ran.duration_ms,
        "exit_code": ran.exit_code,
        "outcome": ran.outcome,
        "stderr": ran.stderr.text(STREAM_CHARS_MAX),
        "stdout": ran.stdout.text(STREAM_CHARS_MAX),
    }
