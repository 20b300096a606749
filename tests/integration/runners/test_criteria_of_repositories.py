"""The criterion `git_commit` on real repositories, some of which are traps (spec 2.4 *Verification*)."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import Any

import pytest
from tests.integration.runners.checks import git, only, repository


def wants(**fields: Any) -> dict[str, Any]:
    return {"kind": "git_commit", "repository": "r", **fields}


def test_a_commit_holds_by_hash_branch_history_and_changed_paths(tmp_path: Path) -> None:
    first, main, work = repository(tmp_path / "r")
    good: list[dict[str, Any]] = [
        {"commit": first},
        {"commit": work[:12]},
        {"branch": "main"},
        {"branch": "task/7-mend", "descends_from": first},
        {"commit": first, "contained_in": "task/7-mend"},
        {"branch": "task/7-mend", "descends_from": first, "paths": ("src",)},
        {"branch": "task/7-mend", "paths": ("docs", "src/a.py")},
        {"commit": first, "paths": ("src", "README")},
    ]
    for fields in good:
        assert only(tmp_path, wants(**fields))["held"], fields
    bad: list[dict[str, Any]] = [
        {"commit": "0" * 40},
        {"branch": "nowhere"},
        {"commit": work, "contained_in": "main"},
        {"commit": first, "contained_in": "nowhere"},
        {"branch": "main", "descends_from": work},
        {"commit": first, "descends_from": first},
        {"branch": "main", "descends_from": "0" * 40},
        {"branch": "task/7-mend", "descends_from": first, "paths": ("README",)},
        {"branch": "task/7-mend", "paths": ("src/a",)},
        {"commit": first, "paths": ("src",)},
        {"branch": "task/7-mend", "descends_from": first, "paths": (":(glob)**",)},
    ]
    for fields in bad:
        check = only(tmp_path, wants(**fields))
        assert (check["held"], check["outcome"]) == (False, "found"), fields
        assert check["detail"]
    assert main


def test_a_tag_or_a_file_is_no_commit_and_a_folder_is_no_repository(tmp_path: Path) -> None:
    repository(tmp_path / "r")
    blob = git(tmp_path / "r", "rev-parse", "HEAD:README")
    assert not only(tmp_path, wants(commit=blob))["held"]
    (tmp_path / "plain").mkdir()
    assert only(tmp_path, {**wants(branch="main"), "repository": "plain"})["outcome"] == "refused"
    assert only(tmp_path, {**wants(branch="main"), "repository": "gone"})["outcome"] == "refused"


def test_a_branch_of_an_option_is_not_read_as_one(tmp_path: Path) -> None:
    repository(tmp_path / "r")
    assert only(tmp_path, wants(branch="--upload-pack=x"))["outcome"] == "refused"


def trap(folder: Path) -> Path:
    """A program that leaves a trace when anybody runs it."""
    program = folder / "trap.sh"
    program.write_text(f"#!/bin/sh\ntouch {folder}/sprung\nexit 0\n")
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    return program


def test_nothing_a_repository_configures_is_ever_run(tmp_path: Path) -> None:
    root = tmp_path / "root"
    first, _, work = repository(root / "r")
    program = trap(tmp_path)
    hooks = root / "r" / ".git" / "hooks"
    for name in (
        "post-checkout",
        "reference-transaction",
        "pre-auto-gc",
        "fsmonitor-watchman",
        "post-index-change",
    ):
        (hooks / name).write_bytes(program.read_bytes())
        (hooks / name).chmod(0o755)
    for name, text in {
        "core.fsmonitor": str(program),
        "core.hooksPath": str(hooks),
        "core.pager": str(program),
        "core.sshCommand": str(program),
        "core.editor": str(program),
        "core.alternateRefsCommand": str(program),
        "pager.rev-parse": str(program),
        "pager.diff-tree": str(program),
        "diff.external": str(program),
        "diff.trap.textconv": str(program),
        "diff.trap.command": str(program),
        "filter.trap.smudge": str(program),
        "gpg.program": str(program),
        "log.showSignature": "true",
        "alias.rev-parse": f"!{program}",
        "credential.helper": f"!{program}",
        "include.path": "/etc/passwd",
        "uploadpack.packObjectsHook": str(program),
    }.items():
        if name != "include.path":
            git(root / "r", "config", name, text)
    (root / "r" / ".gitattributes").write_text("* diff=trap filter=trap\n")
    (root / "r" / ".git" / "info" / "attributes").write_text("* diff=trap filter=trap\n")
    check = only(
        root, wants(branch="task/7-mend", descends_from=first, contained_in="task/7-mend", paths=("src",))
    )
    assert check["held"], check
    assert check["detail"] == work
    assert not (tmp_path / "sprung").exists()
    os.system(f"cd {root}/r && PATH=/usr/bin:/bin git diff >/dev/null 2>&1")  # the trap does work
    assert (tmp_path / "sprung").exists()


def test_a_missing_object_of_a_partial_clone_is_not_fetched(tmp_path: Path) -> None:
    root = tmp_path / "root"
    first, _, _ = repository(root / "r")
    program = trap(tmp_path)
    for name, text in {
        "extensions.partialClone": "origin",
        "core.repositoryFormatVersion": "1",
        "remote.origin.url": f"ext::{program}",
        "remote.origin.promisor": "true",
        "remote.origin.uploadpack": str(program),
        "protocol.ext.allow": "always",
    }.items():
        git(root / "r", "config", name, text)
    (root / "r" / ".git" / "objects" / first[:2] / first[2:]).unlink()
    check = only(root, wants(commit=first))
    assert not check["held"]
    assert not (tmp_path / "sprung").exists()


def outside_by_link(root: Path, elsewhere: Path) -> None:
    (root / "r").symlink_to(elsewhere)


def outside_by_file(root: Path, elsewhere: Path) -> None:
    (root / "r").mkdir()
    (root / "r" / ".git").write_text(f"gitdir: {elsewhere}/.git\n")


def outside_by_linked_folder(root: Path, elsewhere: Path) -> None:
    (root / "r").mkdir()
    (root / "r" / ".git").symlink_to(elsewhere / ".git")


def outside_by_common_folder(root: Path, elsewhere: Path) -> None:
    folder = root / "r" / ".git"
    folder.mkdir(parents=True)
    (folder / "HEAD").write_text("ref: refs/heads/main\n")
    (folder / "commondir").write_text(f"{elsewhere}/.git\n")


def outside_by_alternates(root: Path, elsewhere: Path) -> None:
    (root / "r").mkdir()
    git(root / "r", "init", "-q", "-b", "main")
    (root / "r" / ".git" / "objects" / "info" / "alternates").write_text(f"{elsewhere}/.git/objects\n")
    (root / "r" / ".git" / "refs" / "heads" / "main").write_text(git(elsewhere, "rev-parse", "main") + "\n")


def outside_by_linked_objects(root: Path, elsewhere: Path) -> None:
    (root / "r").mkdir()
    git(root / "r", "init", "-q", "-b", "main")
    objects = root / "r" / ".git" / "objects"
    for folder in sorted(objects.iterdir()):
        folder.rmdir()
    objects.rmdir()
    objects.symlink_to(elsewhere / ".git" / "objects")
    (root / "r" / ".git" / "refs" / "heads" / "main").write_text(git(elsewhere, "rev-parse", "main") + "\n")


@pytest.mark.parametrize(
    "arrange",
    [
        outside_by_link,
        outside_by_file,
        outside_by_linked_folder,
        outside_by_common_folder,
        outside_by_alternates,
        outside_by_linked_objects,
    ],
)
def test_a_repository_that_reaches_outside_the_roots_is_refused(tmp_path: Path, arrange: Any) -> None:
    repository(tmp_path / "elsewhere")
    root = tmp_path / "root"
    root.mkdir()
    arrange(root, tmp_path / "elsewhere")
    check = only(root, wants(branch="main"))
    assert (check["held"], check["outcome"]) == (False, "refused"), check


def test_a_repository_above_the_root_is_not_found(tmp_path: Path) -> None:
    repository(tmp_path / "above")
    root = tmp_path / "above" / "root"
    (root / "r").mkdir(parents=True)
    assert only(root, wants(branch="main"))["outcome"] == "refused"


def test_a_replacement_does_not_pass_for_the_commit_it_replaces(tmp_path: Path) -> None:
    first, main, work = repository(tmp_path / "r")
    git(tmp_path / "r", "replace", main, work)
    assert not only(tmp_path, wants(branch="main", paths=("src",)))["held"]
    assert first


def test_a_repository_of_somebody_else_is_read_all_the_same(tmp_path: Path) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can give a folder away")
    first, _, _ = repository(tmp_path / "r")
    for folder, _, names in os.walk(tmp_path / "r"):
        for path in (folder, *(os.path.join(folder, name) for name in names)):  # noqa: PTH118
            os.chown(path, 65_534, 65_534)
    assert only(tmp_path, wants(commit=first))["held"]
