"""The example agent on a real repository with real analysers: it finds, asks, and changes only what was approved."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from examples.demo_repository import DemoRepository, make
from examples.lint_fixer.agent import NothingToMend, propose
from examples.lint_fixer.patching import Patch, PatchRefused, apply, git, head_of

from watchfloor_agent import write_key
from watchfloor_agent.testing import FakeServer

ROOT = Path(__file__).resolve().parents[3]
FOUND = {
    "B101",
    "B108",
    "B110",
    "B307",
    "B324",
    "B506",
    "B602",
    "E711",
    "E722",
    "F401",
    "F841",
    "B006",
    "E731",
}


@pytest.fixture
def repository(tmp_path: Path) -> DemoRepository:
    return make(tmp_path / "repositories" / "shop")


@pytest.fixture(scope="module")
def proposed(tmp_path_factory: pytest.TempPathFactory) -> Patch:
    """The agent's patch; its repository is not the one of the test, which `fitting` mends."""
    repository = make(tmp_path_factory.mktemp("proposed") / "shop")
    return propose(repository.path, "tsk_1")[0]


def exit_code(folder: Path, *arguments: str) -> int:
    """How a tool ends there, without leaving anything behind."""
    with tempfile.TemporaryDirectory() as scratch:
        environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "TMPDIR": scratch}
        command = [sys.executable, "-m", *arguments]
        done = subprocess.run(command, cwd=folder, capture_output=True, env=environment, timeout=60)
    shutil.rmtree("/tmp/shop-backup", ignore_errors=True)  # what the faulty shop writes to
    return done.returncode


def checks(folder: Path) -> tuple[int, int, int]:
    """Exit codes of ruff, bandit and the repository's own tests."""
    return (
        exit_code(folder, "ruff", "check", "--no-cache"),
        exit_code(folder, "bandit", "-q", "-r", "."),
        exit_code(folder, "unittest"),
    )


def state_of(repository: DemoRepository) -> tuple[str, str, str]:
    """Everything a refused patch must leave as it was: branches, what is checked out, the working tree."""
    return (
        git(repository.path, "for-each-ref", "--format=%(refname) %(objectname)"),
        git(repository.path, "symbolic-ref", "HEAD"),
        git(repository.path, "status", "--porcelain", "--ignored"),
    )


@asynccontextmanager
async def program(server: FakeServer, tmp_path: Path) -> AsyncIterator[asyncio.subprocess.Process]:
    """The agent as a process of its own, run by path as a reader of the documents would."""
    key_file = tmp_path / "agent.key"
    write_key(key_file, server.api_key)
    arguments = ["--url", server.url, "--key-file", str(key_file), "--root", str(tmp_path / "repositories")]
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        str(ROOT / "examples" / "lint_fixer" / "agent.py"),
        *arguments,
        cwd=tmp_path,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.terminate()
        _, said = await process.communicate()
        assert server.api_key.encode() not in said


def test_the_demo_repository_is_the_same_everywhere_and_really_faulty(
    repository: DemoRepository, tmp_path: Path
) -> None:
    assert make(tmp_path / "again").commit == repository.commit
    assert checks(repository.path) == (1, 1, 0)
    with pytest.raises(FileExistsError, match="not empty"):
        make(repository.path)


def test_the_proposal_mends_everything_and_touches_only_a_copy(repository: DemoRepository) -> None:
    before_that = state_of(repository)
    patch, before, after = propose(repository.path, "tsk_1")
    assert {finding.rule for finding in before} >= FOUND
    assert after == []
    assert patch.base_commit == repository.commit
    assert patch.files == ("shop/backup.py", "shop/orders.py", "shop/report.py", "shop/settings.py")
    assert state_of(repository) == before_that


async def test_a_task_ends_with_a_clean_branch_after_a_person_has_agreed(
    repository: DemoRepository, tmp_path: Path
) -> None:
    async with FakeServer() as server:
        server.rule = lambda _: "hold"
        async with program(server, tmp_path) as process:
            task = await server.assign("Mend the shop", input={"repository": str(repository.path)})
            action = await server.asked("repository.patch")
            params = action.request["params"]
            assert set(params) == {"repository", "base_commit", "branch", "diff", "files"}
            assert params["base_commit"] == repository.commit
            assert "-    return eval(text)" in params["diff"]
            assert "+    return ast.literal_eval(text)" in params["diff"]
            assert action.request["task_id"] == task.id
            assert head_of(repository.path) == repository.commit
            await server.decide(action.id, "approve")
            await server.until(lambda: task.status in ("succeeded", "failed"), wait_ms=30_000)
            assert task.status == "succeeded", task.reason
            process.terminate()
            assert await process.wait() == 0
    assert checks(repository.path) == (0, 0, 0)
    commit = head_of(repository.path)
    assert action.outcome == {"commit": commit, "branch": "lint-fixer/tsk_1", "files": 4}
    assert task.result["left"] == {}
    assert git(repository.path, "rev-parse", "main").strip() == repository.commit
    message = git(repository.path, "log", "-1", "--format=%an%n%B")
    assert message.startswith("lint-fixer\n")
    assert f"Watchfloor-Action: {action.id}" in message


async def test_a_denied_patch_changes_nothing(repository: DemoRepository, tmp_path: Path) -> None:
    before = state_of(repository)
    async with FakeServer() as server:
        server.rule = lambda _: "deny"
        async with program(server, tmp_path):
            task = await server.assign(input={"repository": str(repository.path)})
            await server.until(lambda: task.status == "failed", wait_ms=30_000)
        assert "was denied" in task.reason
        assert server.received("action:started") == []
    assert state_of(repository) == before


async def test_a_repository_that_moved_while_people_thought_is_left_alone(
    repository: DemoRepository, tmp_path: Path
) -> None:
    async with FakeServer() as server:
        server.rule = lambda _: "hold"
        async with program(server, tmp_path):
            task = await server.assign(input={"repository": str(repository.path)})
            action = await server.asked("repository.patch")
            identity = ("-c", "user.name=Ada", "-c", "user.email=ada@shop.example")
            git(repository.path, *identity, "commit", "--allow-empty", "--message", "meanwhile")
            before = state_of(repository)
            await server.decide(action.id, "approve")
            await server.until(lambda: task.status == "failed", wait_ms=30_000)
        assert "moved away" in task.reason
        assert (action.status, action.code) == ("failed", "patch_refused")
    assert state_of(repository) == before


async def test_repositories_outside_of_the_root_are_turned_down(tmp_path: Path) -> None:
    (tmp_path / "repositories").mkdir()
    elsewhere = make(tmp_path / "elsewhere")
    (tmp_path / "repositories" / "link").symlink_to(elsewhere.path)
    told: list[object] = [
        str(elsewhere.path),
        str(tmp_path / "repositories" / "link"),
        str(tmp_path / "repositories" / ".." / "elsewhere"),
        str(tmp_path / "repositories"),
        None,
    ]
    async with FakeServer() as server, program(server, tmp_path):
        for path in told:
            task = await server.assign(input={"repository": path})
            await server.until(lambda task=task: task.status == "rejected", wait_ms=30_000)  # type: ignore[misc]
    assert server.received("action:request") == []


def test_a_clean_repository_is_not_asked_about(repository: DemoRepository, proposed: Patch) -> None:
    apply(fitting(proposed, repository), repository.path, author="a", message="m")
    with pytest.raises(NothingToMend, match="0 findings"):
        propose(repository.path, "tsk_2")


def fitting(patch: Patch, repository: DemoRepository) -> Patch:
    return replace(patch, repository=str(repository.path))


def creating(name: str, mode: str = "100644", content: str = "x") -> str:
    """A diff that makes a file of any name and mode."""
    return (
        f"diff --git a/{name} b/{name}\nnew file mode {mode}\nindex 0000000..1111111\n"
        f"--- /dev/null\n+++ b/{name}\n@@ -0,0 +1 @@\n+{content}\n"
    )


ORDERS = "shop/orders.py"
HOSTILE = [
    pytest.param(creating("new.py"), ("new.py",), id="a new file"),
    pytest.param(creating("../outside.py"), ("../outside.py",), id="above the repository"),
    pytest.param(creating("/tmp/outside.py"), ("/tmp/outside.py",), id="an absolute path"),
    pytest.param(creating(".git/hooks/pre-commit", "100755"), (".git/hooks/pre-commit",), id="a hook"),
    pytest.param(creating("shop/.GIT/config"), ("shop/.GIT/config",), id="a disguised .git"),
    pytest.param(creating("link", "120000", "/etc/passwd"), ("link",), id="a symbolic link"),
    pytest.param(
        f"diff --git a/{ORDERS} b/{ORDERS}\nold mode 100644\nnew mode 100755\n", (ORDERS,), id="a mode"
    ),
    pytest.param(
        f"diff --git a/{ORDERS} b/shop/other.py\nsimilarity index 100%\nrename from {ORDERS}\nrename to shop/other.py\n",
        (ORDERS,),
        id="a rename",
    ),
    pytest.param("", ("README.md",), id="an empty diff"),
    pytest.param("nonsense\n", ("README.md",), id="no diff"),
    pytest.param(creating("a\nb.py"), ("a\nb.py",), id="a line break in a name"),
]


@pytest.mark.parametrize(("diff", "files"), HOSTILE)
def test_a_patch_that_is_no_plain_change_of_plain_files_is_refused(
    repository: DemoRepository, diff: str, files: tuple[str, ...]
) -> None:
    before = state_of(repository)
    patch = Patch(str(repository.path), repository.commit, "lint-fixer/x", diff, files)
    with pytest.raises(PatchRefused):
        apply(patch, repository.path, author="a", message="m")
    assert state_of(repository) == before
    assert not Path("/tmp/outside.py").exists()
    assert not (repository.path.parent / "outside.py").exists()


def test_a_patch_through_a_symbolic_link_is_refused(repository: DemoRepository, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.py").write_text("x = 1\n", encoding="utf-8")
    (repository.path / "way").symlink_to(outside)
    git(repository.path, "add", "way")
    identity = ("-c", "user.name=Ada", "-c", "user.email=ada@shop.example")
    git(repository.path, *identity, "commit", "--quiet", "--message", "a way out")
    diff = "diff --git a/way/a.py b/way/a.py\n--- a/way/a.py\n+++ b/way/a.py\n@@ -1 +1 @@\n-x = 1\n+x = 2\n"
    patch = Patch(str(repository.path), head_of(repository.path), "lint-fixer/x", diff, ("way/a.py",))
    with pytest.raises(PatchRefused):
        apply(patch, repository.path, author="a", message="m")
    assert (outside / "a.py").read_text(encoding="utf-8") == "x = 1\n"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"files": (ORDERS,)}, "other files than were named"),
        ({"branch": "main"}, "already exists"),
        ({"branch": "-f"}, "check-ref-format"),
        ({"base_commit": "0" * 40}, "moved away"),
    ],
)
def test_a_patch_whose_terms_do_not_hold_is_refused(
    repository: DemoRepository, proposed: Patch, change: dict[str, object], said: str
) -> None:
    before = state_of(repository)
    patch = replace(fitting(proposed, repository), **change)  # type: ignore[arg-type]
    with pytest.raises(PatchRefused, match=said):
        apply(patch, repository.path, author="a", message="m")
    assert state_of(repository) == before


def test_uncommitted_work_is_never_mixed_with_a_patch(repository: DemoRepository, proposed: Patch) -> None:
    (repository.path / "README.md").write_text("changed\n", encoding="utf-8")
    with pytest.raises(PatchRefused, match="not committed"):
        apply(fitting(proposed, repository), repository.path, author="a", message="m")
    assert (repository.path / "README.md").read_text(encoding="utf-8") == "changed\n"


def test_hooks_of_the_repository_are_not_run(
    repository: DemoRepository, proposed: Patch, tmp_path: Path
) -> None:
    trap = tmp_path / "trapped"
    for name in ("post-checkout", "pre-commit", "post-commit", "reference-transaction"):
        hook = repository.path / ".git" / "hooks" / name
        hook.parent.mkdir(exist_ok=True)
        hook.write_text(f"#!/bin/sh\ntouch {trap}\n", encoding="utf-8")
        hook.chmod(0o755)
    apply(fitting(proposed, repository), repository.path, author="a", message="m")
    assert not trap.exists()


@pytest.mark.parametrize("allowed", [True, False])
async def test_the_smallest_agent_writes_its_file_only_with_a_grant(tmp_path: Path, allowed: bool) -> None:
    async with FakeServer() as server:
        server.rule = lambda _: "permit" if allowed else "deny"
        write_key(tmp_path / "agent.key", server.api_key)
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            str(ROOT / "examples" / "hello.py"),
            server.url,
            "agent.key",
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
        )
        said, _ = await process.communicate()
    assert process.returncode == 0
    assert said.startswith(b"written: 15" if allowed else b"not written: file.write was denied")
    assert (tmp_path / "hello.txt").exists() is allowed
