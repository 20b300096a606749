"""Small things of the sidecar: names, words, bounds, and that both sides of the wall redact alike."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.cli import names
from watchfloor.runners import output
from watchfloor_agent.errors import ConfigurationError
from watchfloor_agent.received import TaskAssigned
from watchfloor_agent.sidecar import change, lock, printed, repository, settings
from watchfloor_agent.sidecar.worker import failed, is_safe


def task(title: str, task_id: str = "tsk_abc12") -> TaskAssigned:
    return TaskAssigned(task_id=task_id, generation=1, title=title)


@pytest.mark.parametrize(
    ("title", "branch"),
    [
        ("Mend the lamp!", "task/abc12-mend-the-lamp"),
        ("Über/alles: ..~^:?*[\\", "task/abc12-u-ber-alles"),
        ("", "task/abc12"),
        ("日本", "task/abc12"),
        ("-" * 90, "task/abc12"),
        ("x" * 90, "task/abc12-" + "x" * 40),
    ],
)
def test_a_branch_is_named_by_id_and_title(title: str, branch: str) -> None:
    assert repository.branch_name(task(title)) == branch


@given(st.text(max_size=200))
def test_every_title_makes_a_branch_and_a_first_line_git_takes(title: str) -> None:
    name = repository.branch_name(task(title))
    assert name.isascii() and ".." not in name and not name.endswith((".", "/", ".lock", "-"))
    assert all(c.isalnum() or c in "/-" for c in name)
    assert "\n" not in repository.one_line(title) and len(repository.one_line(title)) <= 120


@pytest.mark.parametrize("task_id", ["../x", "a/b", "", "x" * 65, "a b", "tsk_x\n"])
def test_an_id_that_could_leave_its_folder_is_refused(task_id: str) -> None:
    assert not is_safe(task("t", task_id))
    assert is_safe(task("t"))


def test_nested_repositories_are_seen_and_submodules_that_were_there_are_not_news() -> None:
    zero = "0" * 40
    raw = f":000000 160000 {zero} {zero} A\0new\0:160000 160000 {zero} {zero} M\0old\0:100644 100644 {zero} {zero} M\0f\0"
    assert repository.nested_repositories(raw) == ["new"]


def test_words_are_split_once_and_places_filled_inside_them() -> None:
    assert settings.words("gh pr create '--title={title}' \"a b\"") == (
        "gh",
        "pr",
        "create",
        "--title={title}",
        "a b",
    )
    told = {"title": "{branch} $(x) 'y'", "branch": "b"}
    assert change.filled(["--title={title}", "{branch}:{branch}"], told) == [
        "--title={branch} $(x) 'y'",
        "b:b",
    ]
    for wrong in ("", "'"):
        with pytest.raises(ConfigurationError):
            settings.words(wrong)


def test_git_reads_back_what_was_quoted(tmp_path: Path) -> None:
    value = 'a "b" \\c # ; \n\u00e9'
    (tmp_path / "config").write_text(f"[x]\n\ty = {repository.quoted(value)}\n", encoding="utf-8")
    said = subprocess.run(
        ["git", "config", "-f", "config", "-z", "x.y"], cwd=tmp_path, capture_output=True, check=True
    )
    assert said.stdout.decode() == value + "\0"


@pytest.mark.parametrize("text", ["me", "<a@b>", "a <b c>", "a\nb <c@d>", "a <b> <c>"])
def test_an_author_is_a_name_and_an_address(text: str) -> None:
    with pytest.raises(ConfigurationError):
        repository.author(text)
    assert repository.author("Ada L <a@b.org>") == ("Ada L", "a@b.org")


@pytest.mark.parametrize(
    "text",
    [
        "wf_key_0123456789abcdef_" + "a" * 43,
        "Authorization: Bearer abcdefghijk",
        "postgres://u:secret@host/db",
        "AKIAABCDEFGHIJKLMNOP",
        "api_key=abc DB_PASSWORD: 'x y'",
        "-----BEGIN PRIVATE KEY-----\nabc\n-----END PRIVATE KEY-----",
        "ghp_" + "a" * 36,
        "nothing secret here, token economy",
        "\x1b[31mred\x1b[0m\r\nline\x00",
    ],
)
def test_the_sidecar_redacts_as_the_platform_does(text: str) -> None:
    ours, theirs = printed.Kept(1_000), output.Kept(1_000)
    ours.add(text.encode())
    theirs.add(text.encode())
    assert ours.text(500) == theirs.text(500)
    assert printed._SECRETS == output._SECRETS


def test_a_reason_is_bounded_and_without_secrets() -> None:
    assert "hunter2" not in failed(task("t"), "password=hunter2").reason
    assert len(failed(task("t"), "x" * 9_000).reason) <= 1_000


def test_settings_come_back_as_they_were_written_and_nobody_else_reads_them(tmp_path: Path) -> None:
    found = settings.Settings(url="ws://x/ws", key_file="k", argv=("a", "b c"), git=settings.Git(remote="r"))
    path = tmp_path / settings.NAME
    settings.write(path, found)
    settings.write(path, found)
    assert settings.read(path) == found
    assert path.stat().st_mode & 0o077 == 0
    path.write_text('{"url": "x", "key_file": "k", "argv": [], "unknown": 1}', encoding="utf-8")
    with pytest.raises(ConfigurationError, match=r"sidecar\.json"):
        settings.read(path)
    with pytest.raises(ConfigurationError, match="no settings"):
        settings.read(tmp_path / "nothing")


def test_a_lock_has_one_holder_and_a_stale_file_none(tmp_path: Path) -> None:
    assert lock.holder(tmp_path) == 0
    held = lock.Lock(tmp_path)
    assert lock.holder(tmp_path) == os.getpid()
    with pytest.raises(ConfigurationError, match="already"):
        lock.Lock(tmp_path)
    held.release()
    (tmp_path / lock.NAME).write_text("1\n", encoding="utf-8")
    assert lock.holder(tmp_path) == 0, "process 1 is not ours to stop"


def test_made_up_names_differ_and_are_names_of_branches_too() -> None:
    made = {names.suggest() for _ in range(50)}
    assert len(made) > 40
    assert all(name.replace("-", "").isalpha() and name.islower() for name in made)
