"""The git workflow with real remotes on disk: fresh branch, commit, push, change (spec 2.5, scenario 12)."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.sidecar.floor import Floor, Standing, appears

from watchfloor_agent.sidecar.settings import Git


def git(folder: Path, *arguments: str) -> str:
    people = {f"GIT_{r}_{p}": "x@y.invalid" for r in ("AUTHOR", "COMMITTER") for p in ("NAME", "EMAIL")}
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder), **people}
    return subprocess.run(
        ["git", *arguments], cwd=folder, env=environment, check=True, capture_output=True, text=True
    ).stdout.strip()


class Remote:
    """A bare repository on disk with one file on main."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "remote.git"
        self.path.mkdir()
        git(self.path, "init", "-q", "--bare", "-b", "main")
        self.seed = folder / "seed"
        self.seed.mkdir()
        git(self.seed, "init", "-q", "-b", "main")
        git(self.seed, "remote", "add", "origin", str(self.path))
        self.commit("README", "hello\n")

    def commit(self, name: str, text: str) -> str:
        (self.seed / name).write_text(text, encoding="utf-8")
        git(self.seed, "add", "-A")
        git(self.seed, "commit", "-q", "-m", name)
        git(self.seed, "push", "-q", "origin", "main")
        return git(self.seed, "rev-parse", "HEAD")

    def branches(self) -> dict[str, str]:
        lines = git(
            self.path, "for-each-ref", "--format=%(refname:short) %(objectname)", "refs/heads"
        ).splitlines()
        return {line.split()[0]: line.split()[1] for line in lines}

    def show(self, commit: str, path: str) -> str:
        return git(self.path, "show", f"{commit}:{path}")

    def files(self, commit: str) -> list[str]:
        return git(self.path, "ls-tree", "-r", "--name-only", commit).splitlines()


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    return Remote(tmp_path)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    server = Standing(tmp_path_factory.mktemp("server"))
    yield server
    server.end()


@pytest.fixture
async def floor(tmp_path: Path, standing: Standing) -> AsyncIterator[Floor]:
    async with Floor(tmp_path, standing) as found:
        yield found


async def done(
    floor: Floor, remote: Remote, script: str, title: str = "Mend the lamp!", **git: Any
) -> dict[str, Any]:
    """The finished task of a sidecar in the git workflow."""
    await floor.sidecar(script, git=Git(remote=str(remote.path), **git))
    return await floor.ended(await floor.submit(title=title))


def why(floor: Floor, found: dict[str, Any]) -> str:
    """Everything that is known about a failure."""
    return json.dumps(found) + "".join(sidecar.said() for sidecar in floor.sidecars)


WRITE = "open('new.txt', 'w').write(task['task_id'])\n"
RUN = "import subprocess\ndef git(*a): subprocess.run(['git', *a], check=True)\n"


async def test_what_a_command_leaves_becomes_one_commit_on_a_fresh_branch_of_the_remote(
    floor: Floor, remote: Remote
) -> None:
    main = remote.branches()["main"]
    found = await done(floor, remote, WRITE + "os.remove('README')\n", author="Ada <ada@example.org>")
    made = found["result"]["git"]
    task_id = found["task"]["task_id"]
    assert made["branch"] == f"task/{task_id.removeprefix('tsk_')}-mend-the-lamp"
    assert remote.branches() == {"main": main, made["branch"]: made["commit"]}
    assert (made["base"], made["base_branch"], made["changed"]) == (main, "main", True)
    assert remote.files(made["commit"]) == ["new.txt"]
    assert remote.show(made["commit"], "new.txt") == task_id
    told = git(remote.path, "log", "-1", "--format=%an <%ae>|%s|%P", made["commit"])
    assert told == f"Ada <ada@example.org>|Mend the lamp!|{main}"


async def test_every_task_begins_from_the_main_the_remote_has_now(floor: Floor, remote: Remote) -> None:
    await done(floor, remote, WRITE)
    moved = remote.commit("second", "two\n")
    found = await floor.ended(await floor.submit())
    assert found["result"]["git"]["base"] == moved
    assert "second" in remote.files(found["result"]["git"]["commit"])


async def test_the_remote_may_move_on_while_the_command_works(
    floor: Floor, remote: Remote, tmp_path: Path
) -> None:
    go, begun = tmp_path / "go", tmp_path / "begun"
    script = (
        f"open({str(begun)!r}, 'w').write('x')\nwhile not os.path.exists({str(go)!r}): time.sleep(0.02)\n"
        + WRITE
    )
    await floor.sidecar(script, git=Git(remote=str(remote.path)))
    task = await floor.submit()
    await appears(begun)
    moved = remote.commit("second", "two\n")
    go.touch()
    made = (await floor.ended(task))["result"]["git"]
    assert made["base"] != moved
    assert remote.branches()[made["branch"]] == made["commit"]
    assert remote.branches()["main"] == moved


async def test_without_changes_nothing_is_pushed(floor: Floor, remote: Remote) -> None:
    found = await done(floor, remote, "pass\n", submit=("false",))
    assert found["task"]["status"] == "succeeded"
    assert found["result"]["git"]["changed"] is False
    assert list(remote.branches()) == ["main"]


async def test_a_command_may_commit_by_itself_and_leave_more(floor: Floor, remote: Remote) -> None:
    found = await done(
        floor,
        remote,
        RUN + WRITE + "git('add', '-A'); git('commit', '-qm', 'own work')\nopen('more', 'w').write('x')\n",
    )
    made = found["result"]["git"]
    assert made["own_commits"] == 1
    assert git(remote.path, "log", "--format=%s", f"main..{made['commit']}").splitlines() == [
        "a task",
        "own work",
    ] or (
        git(remote.path, "log", "--format=%s", f"main..{made['commit']}").splitlines()
        == ["Mend the lamp!", "own work"]
    )
    assert set(remote.files(made["commit"])) == {"README", "more", "new.txt"}


@pytest.mark.parametrize("branch", ["main", "release/1.0", "guarded"])
async def test_work_on_a_protected_branch_is_refused(floor: Floor, remote: Remote, branch: str) -> None:
    found = await done(
        floor, remote, RUN + f"git('checkout', '-q', '-B', {branch!r})\n" + WRITE, protected=("guarded",)
    )
    assert found["task"]["status"] == "dead_letter"
    assert list(remote.branches()) == ["main"]
    assert f"protected branch {branch}" in why(floor, found)


async def test_the_command_cannot_push_by_accident(floor: Floor, remote: Remote) -> None:
    script = (
        RUN + WRITE + "git('add', '-A'); git('commit', '-qm', 'x')\n"
        "code = subprocess.run(['git', 'push', 'origin', 'HEAD:main']).returncode\nprint(json.dumps({'code': code}))\n"
    )
    before = remote.branches()["main"]
    found = await done(floor, remote, script)
    assert found["result"]["code"] != 0
    assert remote.branches()["main"] == before


async def test_a_refused_push_is_told_in_the_words_of_the_remote(floor: Floor, remote: Remote) -> None:
    hook = remote.path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\necho the gate is closed >&2\nexit 1\n", encoding="utf-8")
    hook.chmod(0o755)
    found = await done(floor, remote, WRITE)
    assert found["task"]["status"] == "dead_letter"
    assert list(remote.branches()) == ["main"]
    assert "pushed" not in found


async def test_an_unreachable_remote_fails_the_attempt_and_says_so(floor: Floor, tmp_path: Path) -> None:
    await floor.sidecar("pass", git=Git(remote=str(tmp_path / "nowhere")))
    found = await floor.ended(await floor.submit())
    assert found["task"]["status"] == "dead_letter"


async def test_what_a_killed_attempt_left_is_thrown_away(
    floor: Floor, remote: Remote, tmp_path: Path
) -> None:
    begun = tmp_path / "begun"
    script = (
        "if os.environ['WATCHFLOOR_WAKE'] == '1':\n"
        "    open('half', 'w').write('dirty'); open('README', 'w').write('broken')\n"
        f"    open({str(begun)!r}, 'w').write('x'); time.sleep(600)\n" + WRITE
    )
    sidecar = await floor.sidecar(script, git=Git(remote=str(remote.path)))
    task = await floor.submit()
    await appears(begun)
    await sidecar.end(signal.SIGKILL)
    await sidecar.start()
    made = (await floor.ended(task))["result"]["git"]
    assert remote.files(made["commit"]) == ["README", "new.txt"]
    assert remote.show(made["commit"], "README") == "hello"


async def test_a_commit_made_before_kill_9_is_delivered_without_waking_the_command_again(
    floor: Floor, remote: Remote, tmp_path: Path
) -> None:
    woken, at_push = tmp_path / "woken", tmp_path / "at_push"
    hook = remote.path / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(
        f"#!/bin/sh\nif [ ! -e {at_push} ]; then echo x > {at_push}; sleep 600; fi\n", encoding="utf-8"
    )
    hook.chmod(0o755)
    sidecar = await floor.sidecar(
        f"open({str(woken)!r}, 'a').write('x')\n" + WRITE, git=Git(remote=str(remote.path))
    )
    task = await floor.submit()
    await appears(at_push)
    await sidecar.end(signal.SIGKILL)
    await sidecar.start()
    found = await floor.ended(task)
    made = found["result"]["git"]
    assert remote.branches()[made["branch"]] == made["commit"]
    assert woken.read_text(encoding="utf-8") == "x"


async def test_a_second_attempt_has_a_branch_of_its_own(floor: Floor, remote: Remote) -> None:
    script = WRITE + "sys.exit(0)\n"
    await floor.sidecar(
        script,
        git=Git(remote=str(remote.path), submit=("sh", "-c", "test $WATCHFLOOR_GENERATION = 2")),
    )
    found = await floor.ended(await floor.submit(max_attempts=2))
    branches = sorted(name for name in remote.branches() if name != "main")
    assert found["task"]["status"] == "succeeded"
    assert branches == [found["result"]["git"]["branch"].removesuffix("-2"), found["result"]["git"]["branch"]]


async def test_the_submit_command_gets_words_and_json_and_opens_the_change(
    floor: Floor, remote: Remote
) -> None:
    opener = floor.script(
        "print(json.dumps({'url': 'https://example.org/1', 'argv': sys.argv[1:], 'branch': task['git']['branch'],"
        " 'title': task['task']['title']}))",
        "opener.py",
    )
    title = "x'; touch /tmp/pwned; '"
    found = await done(
        floor,
        remote,
        WRITE,
        title,
        submit=("python3", str(opener), "--head={branch}", "--title={title}", "{base}:{commit}"),
    )
    made = found["result"]["git"]
    change = made["change"]
    assert change["url"] == "https://example.org/1"
    assert change["argv"] == [f"--head={made['branch']}", f"--title={title}", f"main:{made['commit']}"]
    assert (change["branch"], change["title"]) == (made["branch"], title)


async def test_hooks_and_configuration_of_a_hostile_clone_are_not_run(
    floor: Floor, remote: Remote, tmp_path: Path
) -> None:
    bad = tmp_path / "bad"
    script = (
        RUN + WRITE + f"evil = '#!/bin/sh\\ntouch {bad}\\n'\n"
        "os.makedirs('.git/hooks', exist_ok=True)\n"
        "for hook in ('pre-commit', 'post-commit', 'pre-push', 'post-checkout', 'reference-transaction'):\n"
        "    open(f'.git/hooks/{hook}', 'w').write(evil); os.chmod(f'.git/hooks/{hook}', 0o755)\n"
        "path = os.path.abspath('.git/hooks/pre-push')\n"
        "for key in ('core.fsmonitor', 'core.sshCommand', 'filter.x.clean', 'filter.x.process', 'uploadpack.packObjectsHook',\n"
        "            'core.alternateRefsCommand', 'gpg.program', 'credential.helper', 'core.editor', 'diff.external'):\n"
        "    git('config', key, path)\n"
        "git('config', 'core.hooksPath', os.path.abspath('.git/hooks'))\n"
        "open('.gitattributes', 'w').write('* filter=x\\n')\n"
    )
    found = await done(floor, remote, script)
    assert found["task"]["status"] == "succeeded", why(floor, found)
    assert not bad.exists()
    assert remote.show(found["result"]["git"]["commit"], "new.txt") == found["task"]["task_id"]


async def test_symbolic_links_are_kept_as_links_and_never_followed(
    floor: Floor, remote: Remote, tmp_path: Path
) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("hush", encoding="utf-8")
    found = await done(
        floor, remote, f"os.symlink({str(secret)!r}, 'out'); os.symlink({str(secret / 'key')!r}, 'key')\n"
    )
    commit = found["result"]["git"]["commit"]
    assert remote.files(commit) == ["README", "key", "out"]
    assert remote.show(commit, "key") == str(secret / "key")


@pytest.mark.parametrize(
    ("script", "said"),
    [
        (("os.makedirs('sub'); subprocess.run(['git', 'init', '-q', 'sub'], check=True)\n"
         "open('sub/f', 'w').write('x'); subprocess.run(['git', '-C', 'sub', 'add', 'f'])\n"
         "subprocess.run(['git', '-C', 'sub', 'commit', '-qm', 'x'])\n"), "no commit holds: sub"),
        ("os.rename('.git', '../elsewhere'); os.symlink('../elsewhere', '.git')\n", "in the place of its repository"),
        ("import shutil; shutil.rmtree('.git')\n", "removed its repository"),
        ("git('checkout', '-q', '--orphan', 'new'); git('commit', '-qm', 'x')\n", "does not begin at"),
    ],
)  # fmt: skip
async def test_oddities_fail_with_a_reason_and_push_nothing(
    floor: Floor, remote: Remote, script: str, said: str
) -> None:
    people = "os.environ.update({f'GIT_{r}_{p}': 'x' for r in ('AUTHOR', 'COMMITTER') for p in ('NAME', 'EMAIL')})\n"
    found = await done(floor, remote, RUN + people + script)
    assert found["task"]["status"] == "dead_letter"
    assert list(remote.branches()) == ["main"]
    assert said in why(floor, found)


async def test_two_tasks_at_a_time_do_not_meet(floor: Floor, remote: Remote) -> None:
    await floor.sidecar("time.sleep(0.2)\n" + WRITE, git=Git(remote=str(remote.path)), concurrency=3)
    tasks = await asyncio.gather(*(floor.submit(title=f"n {n}") for n in range(3)))
    for task in tasks:
        made = (await floor.ended(task))["result"]["git"]
        assert remote.show(made["commit"], "new.txt") == task
    assert len(remote.branches()) == 4
