"""The repository of the git workflow by itself: named branches, remotes that are away (spec 2.5)."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.integration.sidecar.test_git import Remote, git

from watchfloor_agent.received import TaskAssigned
from watchfloor_agent.sidecar import repository as repositories
from watchfloor_agent.sidecar.git import Trouble
from watchfloor_agent.sidecar.repository import Made, Repository, wanted_branch
from watchfloor_agent.sidecar.settings import Git


def task(number: int = 1, branch: str = "") -> TaskAssigned:
    criteria: tuple[Any, ...] = ({"kind": "git_commit", "branch": branch},) if branch else ()
    return TaskAssigned(task_id=f"tsk_{number}", generation=1, title="t", criteria=({"kind": "x"}, *criteria))


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    return Remote(tmp_path)


async def work(repository: Repository, folder: Path, about: TaskAssigned) -> Made:
    """One task, from its clone to its pushed branch; it writes one file of its own."""
    place = folder / about.task_id / "work"
    place.mkdir(parents=True)
    branch = await repository.prepare(about, place)
    (place / about.task_id).write_text("x", encoding="utf-8")
    made = await repository.harvest(about, place, branch, place.parent / "index")
    await repository.push(made)
    return made


async def test_a_branch_that_a_criterion_names_is_worked_on_and_gone_on_with(
    remote: Remote, tmp_path: Path
) -> None:
    repository = Repository(Git(remote=str(remote.path)), tmp_path / "state", "mark")
    first = await work(repository, tmp_path, task(1, "task/mend-the-lamp"))
    second = await work(repository, tmp_path, task(2, "task/mend-the-lamp"))
    assert remote.branches()["task/mend-the-lamp"] == second.commit
    assert second.branch.base == first.commit
    assert remote.files(second.commit) == ["README", "tsk_1", "tsk_2"]
    with pytest.raises(Trouble, match="protected branch task/held") as caught:
        guarded = Repository(
            Git(remote=str(remote.path), protected=("task/held",)), tmp_path / "other", "mark"
        )
        await work(guarded, tmp_path, task(3, "task/held"))
    assert not caught.value.retryable


@pytest.mark.parametrize(
    "name", ["main", "task/", "task/a..b", "task/x.lock", "-x", "task/-x", "task/x\n", ""]
)
def test_only_a_branch_below_task_is_taken_from_a_criterion(name: str) -> None:
    assert wanted_branch(task(1, name)) == ""
    assert wanted_branch(task(1, "task/x")) == "task/x"


async def test_a_push_waits_for_a_remote_that_is_away_for_a_moment(
    remote: Remote, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(repositories, "PUSH_PAUSE_S", 0.3)
    repository = Repository(Git(remote=str(remote.path)), tmp_path / "state", "mark")
    place = tmp_path / "work"
    place.mkdir()
    branch = await repository.prepare(task(), place)
    (place / "new").write_text("x", encoding="utf-8")
    made = await repository.harvest(task(), place, branch, tmp_path / "index")
    away = remote.path.rename(tmp_path / "away.git")
    pushing = asyncio.create_task(repository.push(made))
    await asyncio.sleep(0.5)
    away.rename(remote.path)
    await asyncio.wait_for(pushing, 20)
    await repository.push(made)  # again, after a crash: nothing changes
    assert remote.branches()[branch.name] == made.commit


async def test_a_branch_that_somebody_else_moved_is_not_overwritten(remote: Remote, tmp_path: Path) -> None:
    repository = Repository(Git(remote=str(remote.path)), tmp_path / "state", "mark")
    place = tmp_path / "work"
    place.mkdir()
    branch = await repository.prepare(task(), place)
    (place / "new").write_text("x", encoding="utf-8")
    made = await repository.harvest(task(), place, branch, tmp_path / "index")
    (remote.seed / "other").write_text("y", encoding="utf-8")
    git(remote.seed, "add", "-A")
    git(remote.seed, "commit", "-q", "-m", "theirs")
    git(remote.seed, "push", "-q", "origin", f"HEAD:{branch.name}")
    theirs = remote.branches()[branch.name]
    with pytest.raises(Trouble, match="refused the branch") as caught:
        await repository.push(made)
    assert not caught.value.retryable
    assert remote.branches()[branch.name] == theirs


async def test_a_remote_without_a_commit_is_told_apart(tmp_path: Path) -> None:
    empty = tmp_path / "empty.git"
    git(tmp_path, "init", "-q", "--bare", str(empty))
    (tmp_path / "work").mkdir()
    with pytest.raises(Trouble, match="no default branch"):
        await Repository(Git(remote=str(empty)), tmp_path / "s", "m").prepare(task(), tmp_path / "work")
    with pytest.raises(Trouble, match="cannot be fetched"):
        await Repository(Git(remote=str(empty), base="x"), tmp_path / "s", "m").prepare(
            task(), tmp_path / "work"
        )


async def test_submodules_that_were_there_stay_and_are_not_fetched(remote: Remote, tmp_path: Path) -> None:
    (remote.seed / ".gitmodules").write_text(
        '[submodule "lib"]\n\tpath = lib\n\turl = https://example.invalid/lib\n', encoding="utf-8"
    )
    head = git(remote.seed, "rev-parse", "HEAD")
    git(remote.seed, "update-index", "--add", "--cacheinfo", f"160000,{head},lib")
    git(remote.seed, "add", ".gitmodules")
    git(remote.seed, "commit", "-q", "-m", "sub")
    git(remote.seed, "push", "-q", "origin", "main")
    made = await work(Repository(Git(remote=str(remote.path)), tmp_path / "s", "m"), tmp_path, task())
    assert remote.files(made.commit) == [".gitmodules", "README", "lib", "tsk_1"]
