"""The criterion `git_commit`: what a repository contains, asked of git without believing the repository (spec 2.4).

A repository is somebody else's folder, and git does what its configuration says. So git is only asked plumbing questions
about objects and refs, never about the work tree or the index; hooks, monitors, pagers, external differs, text
converters, signature programs, replacements, grafts and fetching of missing objects are off; the user's and the
system's configuration are not read; and the repository's own folders (also those that a `.git` file, `commondir` or
`alternates` name) have to lie inside the roots.
"""

from __future__ import annotations

import threading
import time
from pathlib import Path

from watchfloor.runners.commands import Ran, run
from watchfloor.runners.terms import Refusal, VerificationTerms, search_path
from watchfloor.work.criteria import GitCommitCriterion

GIT_MS_MAX = 60_000  # one question
_OUTPUT_BYTES_MAX = 4 * 1024 * 1024  # names of changed files
_CHARS_MAX = _OUTPUT_BYTES_MAX
_SETTINGS = (
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.untrackedCache=false",
    "core.attributesFile=/dev/null",
    "core.pager=cat",
    "core.askPass=",
    "core.sshCommand=false",
    "core.gitProxy=",
    "core.alternateRefsCommand=",
    "core.useReplaceRefs=false",
    "credential.helper=",
    "diff.external=",
    "diff.ignoreSubmodules=all",
    "gpg.program=false",
    "log.showSignature=false",
    "protocol.allow=never",
    "submodule.recurse=false",
    "uploadpack.packObjectsHook=",
    "gc.auto=0",
    "maintenance.auto=false",
)


def environment(roots: tuple[Path, ...]) -> dict[str, str]:
    """All that git is told from outside."""
    return {
        "GIT_ALLOW_PROTOCOL": "",
        "GIT_ASKPASS": "/bin/false",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": ":".join(str(root.parent) for root in roots),
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CONFIG_SYSTEM": "/dev/null",
        "GIT_GRAFT_FILE": "/dev/null",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_PAGER": "cat",
        "GIT_SSH_COMMAND": "/bin/false",
        "GIT_TERMINAL_PROMPT": "0",
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "PATH": search_path(),
    }


class Repository:
    """A repository inside the roots, to ask questions about. Raises Refusal when it is none, TimeoutError when slow."""

    def __init__(
        self, folder: Path, terms: VerificationTerms, until: float, cancelled: threading.Event
    ) -> None:
        self._folder = folder
        self._terms = terms
        self._until = until
        self._cancelled = cancelled
        self._check_folders()

    def _check_folders(self) -> None:
        found = self.ask("rev-parse", "--path-format=absolute", "--git-dir", "--git-common-dir")
        folders = [Path(line) for line in found.splitlines()] if found is not None else []
        if len(folders) != 2:
            raise Refusal("not a git repository that can be read")
        objects = self.ask("rev-parse", "--path-format=absolute", "--git-path", "objects")
        folders += [Path(line) for line in (objects or "").splitlines()]
        seen: set[Path] = set()
        while folders:
            folder = folders.pop()
            if folder in seen:
                continue
            seen.add(folder)
            if not self._terms.contains(folder) or len(seen) > 16:
                raise Refusal("the repository reaches outside the roots of this server")
            folders += _alternates(folder)

    def ask(self, *words: str) -> str | None:
        """What git prints, None when it says no. Raises TimeoutError."""
        left_ms = int((self._until - time.monotonic()) * 1_000)
        if left_ms <= 0:
            raise TimeoutError
        settings = [
            word for setting in (*_SETTINGS, f"safe.directory={self._folder}") for word in ("-c", setting)
        ]
        git = self._terms.programs.get("git")
        if git is None:
            raise Refusal("program 'git' is not on the list of this server")
        ran: Ran = run(
            [git, "--no-pager", "--literal-pathspecs", *settings, *words],
            cwd=self._folder,
            environment=environment(self._terms.roots),
            time_ms=min(left_ms, GIT_MS_MAX),
            output_bytes_max=_OUTPUT_BYTES_MAX,
            cancelled=self._cancelled,
        )
        if ran.outcome in ("timed_out", "cancelled"):
            raise TimeoutError
        if ran.outcome != "exited" or ran.exit_code != 0:
            return None
        if ran.stdout.left_out:
            raise Refusal("git has more to say than fits")
        return ran.stdout.raw().decode("utf-8", "replace")

    def commit(self, name: str) -> str:
        """The full hash of what the name leads to, if that is a commit; "" otherwise."""
        found = self.ask("rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
        hash_ = (found or "").strip()
        return hash_ if hash_ and self.ask("cat-file", "-e", f"{hash_}^{{tree}}") is not None else ""

    def within(self, ancestor: str, descendant: str) -> bool:
        """Is the one in the history of the other, or the same?"""
        return self.ask("merge-base", "--is-ancestor", ancestor, descendant) is not None

    def changed(self, before: str, after: str) -> list[str] | None:
        """Paths that differ; `before` empty: all that a commit without parents contains. None when git cannot say."""
        words = ("diff-tree", "-r", "-z", "--name-only", "--no-ext-diff", "--no-textconv", "--no-renames")
        found = (
            self.ask(*words, before, after) if before else self.ask(*words, "--root", "--no-commit-id", after)
        )
        return None if found is None else [path for path in found.split("\0") if path]


def _alternates(folder: Path) -> list[Path]:
    """Where an object folder borrows from."""
    try:
        text = (folder / "info" / "alternates").read_bytes()[: 64 * 1024]
    except OSError:
        return []
    lines = text.decode("utf-8", "surrogateescape").splitlines()
    return [folder / line for line in lines if line and not line.startswith("#")]


def check(
    criterion: GitCommitCriterion, terms: VerificationTerms, until: float, cancelled: threading.Event
) -> tuple[bool, str]:
    """Whether it holds, and why not. Raises Refusal, TimeoutError."""
    repository = Repository(terms.folder(criterion.repository), terms, until, cancelled)
    commit = repository.commit(criterion.commit or f"refs/heads/{criterion.branch}")
    if not commit:
        return False, "there is no such commit" if criterion.commit else "there is no such branch"
    if criterion.contained_in:
        branch = repository.commit(f"refs/heads/{criterion.contained_in}")
        if not branch or not repository.within(commit, branch):
            return False, f"{commit} is not in the history of {criterion.contained_in}"
    base = ""
    if criterion.descends_from:
        base = repository.commit(criterion.descends_from)
        if not base or base == commit or not repository.within(base, commit):
            return False, f"{commit} does not descend from {criterion.descends_from}"
    if criterion.paths:
        changed = repository.changed(base or repository.commit(f"{commit}^1"), commit)
        if changed is None:
            return False, "git cannot say what changed"
        for path in changed:
            if not any(
                path == allowed or path.startswith(f"{allowed.rstrip('/')}/") for allowed in criterion.paths
            ):
                return False, f"{commit} changes {path[:256]!r}"
    return True, commit
