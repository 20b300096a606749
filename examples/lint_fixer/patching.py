"""Patches of a git repository: made in a clone, applied in a worktree of their own, and only then checked out.

The repository of the task is not touched before the grant. Applying compares the base commit, refuses every path or
mode that is not a plain file inside the repository, and moves nothing unless the commit is complete.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

PLAIN_MODES = ("100644", "100755")
TIMEOUT_S = 120


class PatchRefused(Exception):
    """The patch does not fit the repository, or touches what it must not; nothing has changed."""


@dataclass(frozen=True)
class Patch:
    """A unified diff against a commit, for a branch that does not exist yet. What is approved is exactly this."""

    repository: str
    base_commit: str
    branch: str
    diff: str
    files: tuple[str, ...]

    def params(self) -> dict[str, Any]:
        """As the parameters of the action."""
        return {
            "repository": self.repository,
            "base_commit": self.base_commit,
            "branch": self.branch,
            "diff": self.diff,
            "files": list(self.files),
        }


def git(folder: Path, *arguments: str, stdin: str | None = None) -> str:
    """What git printed. No hooks, no configuration but the repository's own. Raises PatchRefused."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    environment = {
        **kept,
        "GIT_CONFIG_GLOBAL": os.devnull,
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_TERMINAL_PROMPT": "0",
        "LC_ALL": "C",
    }
    command = ["git", "-C", str(folder), "-c", f"core.hooksPath={os.devnull}", *arguments]
    done = subprocess.run(  # noqa: S603  a fixed argument list, no shell
        command, input=stdin, capture_output=True, text=True, timeout=TIMEOUT_S, check=False, env=environment
    )
    if done.returncode != 0:
        raise PatchRefused(f"git {arguments[0]}: {done.stderr.strip()[-500:] or done.returncode}")
    return done.stdout


def head_of(repository: Path) -> str:
    """The commit that is checked out."""
    return git(repository, "rev-parse", "--verify", "HEAD^{commit}").strip()


@contextmanager
def clone_of(repository: Path) -> Iterator[Path]:
    """A throw-away clone at the commit that is checked out."""
    with tempfile.TemporaryDirectory(prefix="lint-fixer-") as folder:
        clone = Path(folder) / "clone"
        git(repository, "clone", "--quiet", "--no-hardlinks", "--no-tags", "--template=", ".", str(clone))
        git(clone, "checkout", "--quiet", "--detach", head_of(repository))
        yield clone


def patch_of(clone: Path, repository: Path, base_commit: str, branch: str) -> Patch:
    """What has changed in the clone, as a patch for the repository."""
    diff = git(clone, "diff", "--no-color", "--no-ext-diff", "--no-textconv", "--no-renames", base_commit)
    names = git(clone, "diff", "--name-only", "--no-renames", "-z", base_commit)
    return Patch(str(repository), base_commit, branch, diff, tuple(sorted(filter(None, names.split("\0")))))


def apply(patch: Patch, repository: Path, *, author: str, message: str) -> str:
    """Commit the patch on its branch and check that out; the new commit. Raises PatchRefused."""
    if head_of(repository) != patch.base_commit:
        raise PatchRefused(f"the repository has moved away from {patch.base_commit[:12]}; ask again")
    if git(repository, "status", "--porcelain", "--untracked-files=no").strip():
        raise PatchRefused("the repository has changes that are not committed")
    git(repository, "check-ref-format", "--branch", patch.branch)
    for name in patch.files:
        _check_path(name)
    with tempfile.TemporaryDirectory(prefix="lint-fixer-") as folder:
        tree = Path(folder) / "tree"
        git(repository, "worktree", "add", "--quiet", "--detach", str(tree), patch.base_commit)
        try:
            commit = _commit(patch, tree, author, message)
        finally:
            git(repository, "worktree", "remove", "--force", str(tree))
    git(repository, "switch", "--quiet", "--create", patch.branch, commit)
    return commit


def _commit(patch: Patch, tree: Path, author: str, message: str) -> str:
    git(tree, "apply", "--index", "--whitespace=nowarn", "-", stdin=patch.diff)
    changed = []
    fields = git(
        tree, "diff", "--cached", "--raw", "--no-renames", "--no-abbrev", "-z", patch.base_commit
    ).split("\0")
    for entry, name in zip(fields[::2], fields[1::2], strict=False):
        before, after, *_ = entry.lstrip(":").split(" ")
        if before != after or after not in PLAIN_MODES:
            raise PatchRefused(f"{name} would change from mode {before} to {after}")
        _check_path(name)
        if (tree / name).is_symlink():
            raise PatchRefused(f"{name} is a symbolic link")
        changed.append(name)
    if tuple(sorted(changed)) != patch.files:
        raise PatchRefused("the diff touches other files than were named")
    identity = ("-c", f"user.name={author}", "-c", "user.email=lint-fixer@agents.invalid")
    git(tree, *identity, "commit", "--quiet", "--no-gpg-sign", "--file=-", stdin=message)
    return head_of(tree)


def _check_path(name: str) -> None:
    """A plain relative path inside the repository, and not git's own."""
    path = PurePosixPath(name)
    parts = [part.casefold() for part in path.parts]
    if (
        not name
        or path.is_absolute()
        or ".." in parts
        or ".git" in parts
        or str(path) != name
        or not name.isprintable()
        or "\\" in name
    ):
        raise PatchRefused(f"{name!r} is not a plain path inside the repository")
