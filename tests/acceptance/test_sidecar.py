"""Scenario 12 (spec 10.3): sidecar relay, queue, wake, git; by the commands an operator types, against a running server."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.sidecar.floor import Standing, alive
from tests.integration.sidecar.test_git import Remote

WATCHFLOOR = Path(sys.executable).with_name("watchfloor")
PROGRAM = """#!/bin/sh
# Changes the repository it is in; slow when it is told to, and once only.
if grep -q slow "$WATCHFLOOR_TASK_FILE" && [ "$WATCHFLOOR_WAKE" = 1 ]; then
  echo half > half-done; echo begun > "{begun}"; sleep 600
fi
echo "::progress 50 writing"
echo "$WATCHFLOOR_TASK_ID" > done.txt
echo '::result {{"written": true}}'
"""


@pytest.fixture
def standing(tmp_path: Path) -> Iterator[Standing]:
    server = Standing(tmp_path / "server", verify_roots=str(tmp_path))
    yield server
    server.end()


def ended(standing: Standing, task: str, seconds: float = 60) -> dict[str, Any]:
    """The task once it is over."""
    until = time.monotonic() + seconds
    while True:
        found: dict[str, Any] = standing.ada.get(f"/api/v1/tasks/{task}")
        if found["task"]["status"] in ("succeeded", "dead_letter", "cancelled"):
            return found
        assert time.monotonic() < until, found
        time.sleep(0.1)


def test_scenario_12_a_program_becomes_an_agent_works_in_git_is_killed_goes_on_and_is_removed(
    standing: Standing, tmp_path: Path
) -> None:
    remote, begun = Remote(tmp_path), tmp_path / "begun"
    program = tmp_path / "program.sh"
    program.write_text(PROGRAM.format(begun=begun), encoding="utf-8")
    program.chmod(0o755)
    told = {"WATCHFLOOR_URL": standing.url, "WATCHFLOOR_TOKEN": standing.ada.profile.token}

    def type_in(*words: str) -> Any:
        ran = subprocess.run(
            [WATCHFLOOR, *words, "--json"],
            cwd=tmp_path,
            env={**os.environ, **told},
            capture_output=True,
            text=True,
            timeout=100,
        )
        assert ran.returncode == 0, ran.stderr + ran.stdout
        return json.loads(ran.stdout)

    added = type_in("agent", "add", "mender", "--exec", str(program), "--git", str(remote.path),
                    "--submit", "echo change-{branch}", "--author", "Mender <mender@example.org>")  # fmt: skip
    assert [step["step"] for step in added["steps"]] == [
        "server", "register", "configure", "start", "connect", "test task",
    ]  # fmt: skip
    folder = Path(added["folder"])
    first = type_in("task", "submit", "A quick one", "--need", "mender", "--wait")
    git = first["result"]["git"]
    assert remote.branches()[git["branch"]] == git["commit"]
    assert git["change"]["said"] == f"change-{git['branch']}"

    # The commit as a criterion: the platform looks into the remote itself, and does not take the agent's word.
    for branch, path, ends in (
        ("task/mend-the-lamp", "done.txt", "succeeded"),
        ("task/touch-too-much", "src", "dead_letter"),
    ):
        criterion = {"kind": "git_commit", "repository": remote.path.name, "branch": branch, "paths": [path]}
        (tmp_path / "criteria.json").write_text(json.dumps([criterion]), encoding="utf-8")
        task = type_in("task", "submit", f"Onto {branch}", "--need", "mender", "--attempts", "1",
                       "--criteria", str(tmp_path / "criteria.json"))["task_id"]  # fmt: skip
        found = ended(standing, task)
        assert found["task"]["status"] == ends, found
        assert [check["held"] for check in found["checks"]] == [ends == "succeeded"]
        assert remote.show(remote.branches()[branch], "done.txt") == task, (
            "the agent had pushed it either way"
        )

    slow = type_in("task", "submit", "A slow one", "--need", "mender")["task_id"]
    queued = type_in("task", "submit", "One that waits", "--need", "mender")["task_id"]
    until = time.monotonic() + 30
    while not begun.exists() and time.monotonic() < until:
        time.sleep(0.05)
    pid = int((folder / "sidecar.pid").read_text(encoding="utf-8"))
    os.kill(pid, signal.SIGKILL)
    while alive(pid):
        time.sleep(0.02)
    type_in("agent", "add", "mender", "--no-test")  # starts it again
    for task in (slow, queued):
        while (found := standing.ada.get(f"/api/v1/tasks/{task}"))["task"]["status"] != "succeeded":
            assert time.monotonic() < until + 60, found
            time.sleep(0.1)
        made = found["result"]["git"]
        assert remote.files(made["commit"]) == ["README", "done.txt"]
        assert remote.show(made["commit"], "done.txt") == task
        assert found["task"]["attempts"] == 1
    removed = type_in("agent", "remove", "mender")
    assert removed["ok"] is True
    assert not folder.exists()
    assert standing.ada.get(f"/api/v1/agents/{added['agent_id']}")["agent"]["state"] == "retired"
