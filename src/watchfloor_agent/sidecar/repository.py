"""The git workflow of a task: a fresh branch in a clone of its own, one commit of what is left, a push (spec 2.5).

Theory of operation
-------------------
`cache.git` belongs to the sidecar: the remote's base branch is fetched into it, everything is pushed from it, and no
command works in it. Each task gets a clone on a new branch `task/<id>-<slug>`, made from the base as the remote has it
now; what a killed attempt left is thrown away. When the command is through, its HEAD is fetched into the cache like
from a stranger, what it did not commit is added from the files as they lie there, and the commit is made by plumbing
that runs no hook. The commit's id is on disk (spool, `committed`) before anything is pushed; a push is never forced.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
import unicodedata
from fnmatch import fnmatchcase
from pathlib import Path

import msgspec

from watchfloor_agent.errors import ConfigurationError
from watchfloor_agent.received import TaskAssigned
from watchfloor_agent.sidecar.git import Git, GitFailed, Trouble
from watchfloor_agent.sidecar.printed import without_secrets
from watchfloor_agent.sidecar.settings import Git as GitSettings

PROTECTED = ("main", "master", "trunk", "production", "release", "release/*")
SLUG_CHARS_MAX = 40
PUSHES = 4
PUSH_PAUSE_S = 1.0
NAMES_MAX = 50  # branches of earlier attempts that are looked past
_WANTED = re.compile(r"task/[A-Za-z0-9_][A-Za-z0-9_+./#-]{0,200}\Z")
_AUTHOR = re.compile(r"(?P<name>[^<>\n]{1,100}?)\s*<(?P<mail>[^<>\s]{1,200})>\Z")


class Branch(msgspec.Struct, frozen=True, kw_only=True):
    """Where a task's work happens: `base` is the commit of `base_branch` it began from."""

    name: str
    base_branch: str
    base: str


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What a task made. `commit` is empty when nothing changed."""

    branch: Branch
    commit: str = ""
    own_commits: int = 0  # made by the command itself


class Repository:
    """One remote, as one sidecar works with it."""

    def __init__(self, settings: GitSettings, folder: Path, mark: str) -> None:
        check(settings)
        self._settings = settings
        self._folder = folder / "cache.git"
        self._mark = mark
        self._one_at_a_time = asyncio.Lock()
        self._author = author(settings.author)

    def _git(self, folder: Path) -> Git:
        """git in the cache, whatever the operator's configuration says of bare repositories; or in a clone."""
        fixed = {"GIT_DIR": str(folder)} if folder == self._folder else {}
        return Git(folder, self._mark, self._settings.time_ms, fixed)

    async def prepare(self, task: TaskAssigned, work: Path) -> Branch:
        """Fetch the base and lay out a clone on a fresh branch in `work`, which must be empty. Raises Trouble."""
        async with self._one_at_a_time:
            cache = await self._cache()
            base_branch = self._settings.base or await self._default_branch(cache)
            ref = f"refs/watchfloor/base/{base_branch}"
            try:
                await cache(
                    "fetch", "-q", "--no-tags", "--no-write-fetch-head", "--", self._settings.remote,
                    f"+refs/heads/{base_branch}:{ref}",
                )  # fmt: skip
            except GitFailed as error:
                raise Trouble(f"the branch {base_branch} cannot be fetched: {error}") from error
            base = (await cache("rev-parse", "--verify", f"{ref}^{{commit}}")).strip()
            name = wanted_branch(task)
            if not name:
                name = await self._free_name(cache, task)
            elif self.is_protected(name, base_branch):
                raise Trouble(f"the task names the protected branch {name}", retryable=False)
            else:
                base = await self._tip(cache, name) or base
        branch = Branch(name=name, base_branch=base_branch, base=base)
        await self._clone(work, branch)
        return branch

    async def harvest(self, task: TaskAssigned, work: Path, branch: Branch, index: Path) -> Made:
        """One commit of all the command made, in the cache and kept there by a ref. Raises Trouble."""
        self._check_head(work)
        cache = self._git(self._folder)
        ref = f"refs/watchfloor/tasks/{task.task_id}.{task.generation}"
        try:
            await cache(
                "-c", "fetch.fsckObjects=true",
                "fetch", "-q", "--no-tags", "--no-write-fetch-head", "--", str(work), f"+HEAD:{ref}",
            )  # fmt: skip
        except GitFailed as error:
            raise Trouble(f"what the command committed cannot be read: {error}") from error
        head = (await cache("rev-parse", "--verify", f"{ref}^{{commit}}")).strip()
        try:
            await cache("merge-base", "--is-ancestor", branch.base, head)
        except GitFailed as error:
            raise Trouble(f"the command left a history that does not begin at {branch.base[:12]}") from error
        own = int((await cache("rev-list", "--count", f"{branch.base}..{head}")).strip())
        commit = await self._commit_rest(task, work, head, index)
        if commit == branch.base:
            return Made(branch=branch)
        await cache("update-ref", ref, commit)
        return Made(branch=branch, commit=commit, own_commits=own)

    async def push(self, made: Made) -> None:
        """Push the branch, again while the remote cannot be reached; never forced. Raises Trouble."""
        name = made.branch.name
        if self.is_protected(name, made.branch.base_branch):
            raise Trouble(f"{name} is a protected branch", retryable=False)
        cache = self._git(self._folder)
        for turn in range(PUSHES):
            try:
                await cache(
                    "push", "--porcelain", "--no-verify", "--recurse-submodules=no", "--", self._settings.remote,
                    f"{made.commit}:refs/heads/{name}",
                )  # fmt: skip
                return
            except GitFailed as error:
                if any(line.startswith("!") for line in error.output.splitlines()):
                    raise Trouble(
                        f"the remote refused the branch {name}: {error}", retryable=False
                    ) from error
                if turn == PUSHES - 1:
                    raise Trouble(f"the branch {name} could not be pushed: {error}") from error
            await asyncio.sleep(PUSH_PAUSE_S * 2**turn)

    def described(self, made: Made) -> dict[str, object]:
        """For the result of the task."""
        said: dict[str, object] = {
            "remote": without_secrets(self._settings.remote),
            "base": made.branch.base,
            "base_branch": made.branch.base_branch,
            "changed": bool(made.commit),
        }
        if made.commit:
            said |= {"branch": made.branch.name, "commit": made.commit, "own_commits": made.own_commits}
        return said

    def is_protected(self, name: str, base_branch: str) -> bool:
        """Is it a branch nobody's task is worked on?"""
        patterns = (*PROTECTED, *self._settings.protected, base_branch)
        return any(fnmatchcase(name, pattern) for pattern in patterns)

    # Parts -------------------------------------------------------------------------------------------------------

    async def _cache(self) -> Git:
        if not (self._folder / "HEAD").exists():
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            await self._git(self._folder)("init", "-q", "--bare", "--template=", ".")
        return self._git(self._folder)

    async def _default_branch(self, cache: Git) -> str:
        try:
            said = await cache("ls-remote", "--symref", "--", self._settings.remote, "HEAD")
        except GitFailed as error:
            raise Trouble(f"the remote cannot be read: {error}") from error
        for line in said.splitlines():
            if line.startswith("ref: refs/heads/"):
                return line.removeprefix("ref: refs/heads/").partition("\t")[0]
        raise Trouble("the remote names no default branch: give one with --base")

    async def _tip(self, cache: Git, name: str) -> str:
        """Where a branch the task names points already; empty when there is none."""
        if not await cache("ls-remote", "--", self._settings.remote, f"refs/heads/{name}"):
            return ""
        ref = f"refs/watchfloor/named/{name}"
        await cache(
            "fetch", "-q", "--no-tags", "--no-write-fetch-head", "--", self._settings.remote,
            f"+refs/heads/{name}:{ref}",
        )  # fmt: skip
        return (await cache("rev-parse", "--verify", f"{ref}^{{commit}}")).strip()

    async def _free_name(self, cache: Git, task: TaskAssigned) -> str:
        """`task/<id>-<slug>`; with a number when an earlier attempt has left a branch of that name."""
        name = branch_name(task)
        said = await cache(
            "ls-remote", "--", self._settings.remote, f"refs/heads/{name}", f"refs/heads/{name}-*"
        )
        taken = {line.partition("\t")[2].removeprefix("refs/heads/") for line in said.splitlines()}
        candidates = (name, *(f"{name}-{number}" for number in range(2, NAMES_MAX)))
        for candidate in candidates:
            if candidate not in taken:
                return candidate
        raise Trouble(f"the remote has {NAMES_MAX} branches of this task", retryable=False)

    async def _clone(self, work: Path, branch: Branch) -> None:
        """A clone that shares the cache's objects; `origin` can be fetched from and not be pushed to."""
        git = self._git(work)
        await git("init", "-q", "--template=", "-b", branch.name, ".")
        alternates = work / ".git" / "objects" / "info" / "alternates"
        alternates.parent.mkdir(exist_ok=True)
        alternates.write_text(f"{self._folder / 'objects'}\n", encoding="utf-8")
        name, mail = self._author
        remote = without_secrets(self._settings.remote)
        with (work / ".git" / "config").open("a", encoding="utf-8") as config:
            config.write(
                f"[user]\n\tname = {quoted(name)}\n\temail = {quoted(mail)}\n"
                f'[remote "origin"]\n\turl = {quoted(remote)}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n'
                "\tpushurl = no-push:the-sidecar-pushes\n"
            )
        await git("update-ref", f"refs/remotes/origin/{branch.base_branch}", branch.base)
        await git("update-ref", f"refs/heads/{branch.name}", branch.base)
        await git("reset", "-q", "--hard")

    def _check_head(self, work: Path) -> None:
        """The command is still where it was put: in a clone, not on a protected branch."""
        for place in (work, work / ".git"):
            try:
                mode = place.lstat().st_mode
            except OSError as error:
                raise Trouble("the command removed its repository") from error
            if not stat.S_ISDIR(mode):
                raise Trouble(
                    "the command put something else in the place of its repository", retryable=False
                )
        try:
            number = os.open(work / ".git" / "HEAD", os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError as error:
            raise Trouble("the command's HEAD cannot be read") from error
        with os.fdopen(number, "rb") as file:
            head = file.read(4096).decode("utf-8", "replace").strip()
        name = head.removeprefix("ref: refs/heads/")
        if name != head and self.is_protected(name, self._settings.base or "main"):
            raise Trouble(
                f"the command switched to the protected branch {name}; work belongs on the task's own branch",
                retryable=False,
            )

    async def _commit_rest(self, task: TaskAssigned, work: Path, head: str, index: Path) -> str:
        """Commit what the command did not, on top of its HEAD; HEAD itself when nothing is left."""
        git = self._git(self._folder)
        await asyncio.to_thread(index.unlink, missing_ok=True)
        there = {
            "GIT_DIR": str(self._folder),
            "GIT_WORK_TREE": str(work),
            "GIT_INDEX_FILE": str(index),
        }
        worker = self._git(work)
        await git("read-tree", head, environment=there)
        await worker("add", "-A", "--", ".", environment=there)
        tree = (await git("write-tree", environment=there)).strip()
        if tree == (await git("rev-parse", f"{head}^{{tree}}")).strip():
            return head
        changed = await git("diff-tree", "-r", "-z", "--raw", "--no-renames", head, tree)
        nested = nested_repositories(changed)
        if nested:
            raise Trouble(
                f"the command left a git repository inside the work tree, which no commit holds: {nested[0]}"
            )
        name, mail = self._author
        people = {
            f"GIT_{role}_{part}": value
            for role in ("AUTHOR", "COMMITTER")
            for part, value in (("NAME", name), ("EMAIL", mail))
        }
        message = f"{one_line(task.title) or task.task_id}\n\nTask: {task.task_id}\n"
        return (await git("commit-tree", tree, "-p", head, "-m", message, environment=people)).strip()


def check(settings: GitSettings) -> None:
    """Raises ConfigurationError for a remote, base or author that cannot be meant."""
    if settings.remote.startswith("-") or "::" in settings.remote:
        raise ConfigurationError(f"--git {settings.remote!r} is no path and no address of a repository")
    if settings.base.startswith("-") or ".." in settings.base:
        raise ConfigurationError(f"--base {settings.base!r} is no branch")
    author(settings.author)


def author(text: str) -> tuple[str, str]:
    """(name, mail) of `Name <mail>`; the sidecar's own when empty. Raises ConfigurationError."""
    if not text:
        return "Watchfloor sidecar", "sidecar@watchfloor.invalid"
    found = _AUTHOR.match(text.strip())
    if found is None:
        raise ConfigurationError(f"--author is `Name <mail>`, not {text!r}")
    return found["name"], found["mail"]


def branch_name(task: TaskAssigned) -> str:
    """`task/<id>-<slug>`."""
    slug = re.sub(r"[^a-z0-9]+", "-", unicodedata.normalize("NFKD", task.title).lower())
    slug = slug[:SLUG_CHARS_MAX].strip("-")
    number = task.task_id.rpartition("_")[2].lower()
    return f"task/{number}-{slug}" if slug else f"task/{number}"


def wanted_branch(task: TaskAssigned) -> str:
    """The branch below `task/` that a `git_commit` criterion of the task names, so that it can be checked; else none."""
    for criterion in task.criteria:
        if isinstance(criterion, dict) and criterion.get("kind") == "git_commit":
            name = str(criterion.get("branch") or "")
            if _WANTED.match(name) and ".." not in name and not name.endswith((".lock", "/", ".")):
                return name
    return ""


def quoted(value: str) -> str:
    """A value as git's configuration files hold it."""
    escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def one_line(title: str) -> str:
    """A title as the first line of a commit."""
    return " ".join("".join(c if c.isprintable() else " " for c in title).split())[:120]


def nested_repositories(raw: str) -> list[str]:
    """Paths that became a link to a commit, in `diff-tree -z --raw`."""
    fields = raw.split("\0")
    return [
        path
        for change, path in zip(fields[::2], fields[1::2], strict=False)
        if change.startswith(":") and change.split()[1] == "160000" and change.split()[0] != ":160000"
    ]
