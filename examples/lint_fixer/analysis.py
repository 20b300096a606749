"""What ruff and bandit find in a folder. They run as programs, with the configuration of the repository itself."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

RULES = "S,E,F,B"
TIMEOUT_S = 300


class AnalyserFailed(Exception):
    """An analyser did not run; the text is what it said."""


@dataclass(frozen=True, order=True)
class Finding:
    """One fault: where (`line` from 1, `column` from 0), which rule of which tool, and its sentence."""

    path: str
    line: int
    column: int
    rule: str
    tool: str
    text: str


def ruff_findings(folder: Path) -> list[Finding]:
    """What ruff finds by the repository's own rules; where it has none, by security, errors, pyflakes, bugbear."""
    common = ("check", "--no-cache", "--quiet", "--output-format=json")
    found = _json(_run(folder, "ruff", *common, *_selection(folder)))
    return sorted(
        Finding(
            path=Path(entry["filename"]).resolve().relative_to(folder.resolve()).as_posix(),
            line=entry["location"]["row"],
            column=entry["location"]["column"] - 1,
            rule=entry["code"] or "syntax",
            tool="ruff",
            text=entry["message"],
        )
        for entry in found
    )


def bandit_findings(folder: Path) -> list[Finding]:
    """What bandit finds, with the repository's own .bandit file."""
    report = _json(_run(folder, "bandit", "--quiet", "--recursive", "--format=json", "."))
    if report["errors"]:
        raise AnalyserFailed(f"bandit could not read {report['errors'][0]['filename']}")
    return sorted(
        Finding(
            path=Path(entry["filename"]).as_posix(),
            line=entry["line_number"],
            column=entry["col_offset"],
            rule=entry["test_id"],
            tool="bandit",
            text=entry["issue_text"],
        )
        for entry in report["results"]
    )


def findings(folder: Path) -> list[Finding]:
    """Everything both find."""
    return [*ruff_findings(folder), *bandit_findings(folder)]


def mend_lint(folder: Path, unsafe: Sequence[str]) -> None:
    """Let ruff apply its safe fixes, and of the others those of the rules named in `unsafe`."""
    common = ("check", "--no-cache", "--quiet", "--fix-only", "--exit-zero")
    _run(folder, "ruff", *common, *_selection(folder))
    if unsafe:
        _run(folder, "ruff", *common, "--unsafe-fixes", f"--select={','.join(unsafe)}")
        _run(folder, "ruff", *common, *_selection(folder))  # an import may have lost its last use


def _selection(folder: Path) -> tuple[str, ...]:
    """The rules, unless the repository has chosen its own."""
    project = folder / "pyproject.toml"
    chosen = any((folder / name).exists() for name in ("ruff.toml", ".ruff.toml")) or (
        project.is_file() and "ruff" in tomllib.loads(project.read_text(encoding="utf-8")).get("tool", {})
    )
    return () if chosen else (f"--select={RULES}",)


def _run(folder: Path, module: str, *arguments: str) -> str:
    """Standard output of a tool. Exit 1 means findings; everything above means it did not work."""
    command = [sys.executable, "-m", module, *arguments]
    try:
        done = subprocess.run(  # noqa: S603  a fixed argument list, no shell
            command, cwd=folder, capture_output=True, text=True, timeout=TIMEOUT_S, check=False
        )
    except subprocess.TimeoutExpired as error:
        raise AnalyserFailed(f"{module} took longer than {TIMEOUT_S} s") from error
    if done.returncode not in (0, 1):
        raise AnalyserFailed(f"{module} ended with {done.returncode}: {done.stderr.strip()[-1000:]}")
    if done.returncode == 1 and not done.stdout.strip():
        raise AnalyserFailed(f"{module} said nothing but: {done.stderr.strip()[-1000:]}")
    return done.stdout


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError as error:
        raise AnalyserFailed(f"this is not the JSON of an analyser: {text[:200]!r}") from error
