"""`watchfloor agent add` and `remove` as an operator types them, against a running server (spec 2.5)."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.sidecar.floor import Standing, alive

from watchfloor_agent import read_key


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Standing]:
    server = Standing(tmp_path_factory.mktemp("server"))
    yield server
    server.end()


class Desk:
    """Where an operator sits: a folder, a profile, a terminal."""

    def __init__(self, folder: Path, standing: Standing) -> None:
        self.folder = folder
        self.standing = standing
        self.environment = {
            **os.environ,
            "WATCHFLOOR_URL": standing.url,
            "WATCHFLOOR_TOKEN": standing.ada.profile.token,
        }
        self.added: list[str] = []

    def type(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [Path(sys.executable).with_name("watchfloor"), *words],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=100,
        )

    def add(self, name: str, *words: str) -> tuple[int, dict[str, Any]]:
        self.added.append(name)
        ran = self.type("agent", "add", name, "--json", *words)
        assert ran.stdout, ran.stderr
        return ran.returncode, json.loads(ran.stdout)

    def key(self, name: str) -> Path:
        return self.folder / "watchfloor-agents" / name / "agent.key"

    def pid(self, name: str) -> int:
        return int((self.key(name).parent / "sidecar.pid").read_text(encoding="utf-8"))


@pytest.fixture
def desk(tmp_path: Path, standing: Standing) -> Iterator[Desk]:
    found = Desk(tmp_path, standing)
    yield found
    for name in found.added:
        found.type("agent", "remove", name, "--local")


def steps(said: dict[str, Any]) -> dict[str, bool]:
    return {step["step"]: step["ok"] for step in said["steps"]}


def test_one_command_brings_an_agent_to_its_first_finished_task_and_one_takes_it_away(desk: Desk) -> None:
    code, said = desk.add(
        "calm-heron", "--exec", "sh -c 'cat >/dev/null; echo ::progress 50 half; echo done'"
    )
    assert code == 0, said
    assert steps(said) == dict.fromkeys(
        ("server", "register", "configure", "start", "connect", "test task"), True
    )
    key = desk.key("calm-heron")
    for secret in (key, key.with_name("sidecar.json")):
        assert stat.S_IMODE(secret.stat().st_mode) == 0o600
    assert read_key(key) not in json.dumps(said)
    pid = desk.pid("calm-heron")
    assert alive(pid)
    ran = desk.type("agent", "remove", "calm-heron")
    assert ran.returncode == 0, ran.stderr
    assert not alive(pid)
    assert not key.parent.exists()
    found = desk.standing.ada.get(f"/api/v1/agents/{said['agent_id']}")
    assert found["agent"]["state"] == "retired"
    assert all(key["revoked_at"] for key in found["keys"])


def test_done_again_it_changes_nothing_and_says_so(desk: Desk) -> None:
    _, first = desk.add("neat-owl", "--exec", "cat")
    key, pid = read_key(desk.key("neat-owl")), desk.pid("neat-owl")
    code, again = desk.add("neat-owl", "--exec", "cat")
    assert (code, again["existed"], again["agent_id"]) == (0, True, first["agent_id"])
    assert "--rotate" in again["steps"][1]["said"]
    assert (read_key(desk.key("neat-owl")), desk.pid("neat-owl")) == (key, pid)


def test_rotating_gives_a_new_key_and_the_sidecar_takes_it(desk: Desk) -> None:
    desk.add("apt-kite", "--exec", "cat")
    key, pid = read_key(desk.key("apt-kite")), desk.pid("apt-kite")
    code, said = desk.add("apt-kite", "--rotate")
    assert code == 0, said
    assert read_key(desk.key("apt-kite")) != key
    assert desk.pid("apt-kite") != pid


def test_an_agent_whose_key_is_elsewhere_is_not_taken_over_silently(desk: Desk, tmp_path: Path) -> None:
    desk.add("plain-gull", "--exec", "cat", "--no-test")
    desk.type("agent", "remove", "plain-gull", "--local")
    code, said = desk.add("plain-gull", "--exec", "cat")
    assert code == 1
    assert steps(said) == {"server": True, "register": False}
    assert "--rotate" in said["steps"][1]["advice"]
    assert not desk.key("plain-gull").exists()
    code, said = desk.add("plain-gull", "--exec", "cat", "--rotate")
    assert (code, said["existed"]) == (0, True), said


def test_a_step_that_fails_says_what_to_do(desk: Desk) -> None:
    code, said = desk.add("grand-rook", "--exec", "/no/such/program", "--test-seconds", "20")
    assert code == 1
    assert steps(said)["connect"] is True
    assert steps(said)["test task"] is False
    assert "/no/such/program" in said["steps"][-1]["said"]
    assert "by hand" in said["steps"][-1]["advice"]


def test_without_a_command_it_is_tried_and_left_for_the_sdk(desk: Desk) -> None:
    desk.added.append("fond-lark")
    ran = desk.type("agent", "add", "fond-lark")
    assert ran.returncode == 0, ran.stderr
    assert "test task" in ran.stderr
    assert "key_path=" in ran.stdout
    folder = desk.key("fond-lark").parent
    assert sorted(path.name for path in folder.iterdir()) == ["agent.json", "agent.key", "sidecar.log"]


def test_a_name_is_made_up_and_the_folder_is_called_so(desk: Desk) -> None:
    ran = desk.type("agent", "add", "--json", "--no-start", "--exec", "cat")
    said = json.loads(ran.stdout)
    desk.added.append(said["name"])
    adjective, bird = said["name"].split("-")
    assert adjective and bird
    assert desk.key(said["name"]).exists()


def test_removing_leaves_what_others_put_into_the_folder(desk: Desk) -> None:
    desk.add("glad-robin", "--exec", "cat", "--no-start")
    own = desk.key("glad-robin").with_name("notes.txt")
    own.write_text("mine", encoding="utf-8")
    ran = desk.type("agent", "remove", "glad-robin")
    assert ran.returncode == 0, ran.stderr
    assert [path.name for path in own.parent.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["agent", "remove", "nobody"], "is not the folder of nobody"),
        (["sidecar"], "which command?"),
        (["sidecar", "--exec", "cat", "--exec-json", "[]"], "not both"),
        (["sidecar", "--exec", "'"], "cannot be split"),
        (["sidecar", "--exec-json", "{}"], "JSON list"),
        (["sidecar", "--exec", "cat", "--submit", "x"], "belong to --git"),
        (["sidecar", "--exec", "cat", "--git", "ext::sh -c x"], "no address"),
        (["sidecar", "--exec", "cat", "--git", ".", "--submit", "x {nothing}"], "{nothing}"),
        (["sidecar", "--exec", "cat", "--git", ".", "--author", "me"], "Name <mail>"),
        (["sidecar", "--exec", "cat", "--concurrency", "0"], "concurrency"),
        (["sidecar", "--exec", "cat"], "agent.key"),
        (["sidecar", "--exec", "cat", "--url", "http://example.org"], "agent.key"),
    ],
)
def test_what_cannot_be_meant_is_told_in_one_line(desk: Desk, words: list[str], said: str) -> None:
    ran = desk.type(*words)
    assert ran.returncode == 2
    assert said in ran.stderr
    assert "Traceback" not in ran.stderr
