"""Criteria checked the way the platform does, in folders and repositories made for a test."""

from __future__ import annotations

import os
import subprocess
import threading
from pathlib import Path
from typing import Any

from watchfloor.kernel.codec import canonical
from watchfloor.kernel.messages import Command
from watchfloor.runners.responses import Fetch
from watchfloor.runners.verification import VerificationTerms, Verifier, reported


def none(org: int, seq: int) -> bytes | None:
    return None


async def nobody(org: int, command: Command) -> None:
    raise AssertionError("nobody is asked here")


def checked(
    root: Path,
    *criteria: dict[str, Any],
    told: bytes | None = None,
    fetch: Fetch | None = None,
    **limits: int,
) -> tuple[bool, list[dict[str, Any]]]:
    """Whether the criteria held, and what was found."""
    verifier = Verifier(VerificationTerms.of([root], ("python", "git"), **limits), private=none, ask=nobody)
    try:
        passed, report = verifier.check(
            canonical({"criteria": list(criteria)}), threading.Event(), reported(told), fetch
        )
    finally:
        verifier.close()
    return passed, report["checks"]


def only(root: Path, criterion: dict[str, Any], **more: Any) -> dict[str, Any]:
    """The one check; that it agrees with the verdict is checked."""
    passed, (check,) = checked(root, criterion, **more)
    assert passed is check["held"]
    return check


def git(folder: Path, *words: str) -> str:
    """git with an identity, as somebody who works there would use it."""
    environment = {
        **os.environ,
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@example.org",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@example.org",
    }
    done = subprocess.run(
        ["git", *words], cwd=folder, env=environment, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def repository(folder: Path) -> tuple[str, str, str]:
    """main: A ─ B; work: A ─ C, where C changes src/a.py. The three hashes."""
    folder.mkdir(parents=True)
    git(folder, "init", "-q", "-b", "main")
    (folder / "src").mkdir()
    (folder / "src" / "a.py").write_text("1")
    (folder / "README").write_text("r")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "A")
    first = git(folder, "rev-parse", "HEAD")
    git(folder, "checkout", "-qb", "task/7-mend")
    (folder / "src" / "a.py").write_text("2")
    git(folder, "commit", "-qam", "C")
    work = git(folder, "rev-parse", "HEAD")
    git(folder, "checkout", "-q", "main")
    (folder / "README").write_text("s")
    git(folder, "commit", "-qam", "B")
    return first, git(folder, "rev-parse", "HEAD"), work
