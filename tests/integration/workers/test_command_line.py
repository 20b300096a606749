"""The command line against a running server: the fleet's and the queue's commands, as people type them (spec 8)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.chaos.deployment import Deployment
from tests.integration.workers.test_server import run

pytestmark = [pytest.mark.serial, pytest.mark.timeout(180)]


@pytest.fixture
def deployment(tmp_path: Path) -> Iterator[Deployment]:
    with Deployment(tmp_path) as found:
        yield found


def asked(deployment: Deployment, *words: str) -> Any:
    """What a command says as JSON."""
    return json.loads(run(deployment, *words, "--json"))


def test_versions_supervision_and_token_keys(deployment: Deployment) -> None:
    for handle in ("bob", "cyd"):
        run(deployment, "people", "add", handle, "--role", "admin")
    ids = {}
    for name, type_ in (("chief", "orchestrator"), ("deputy", "orchestrator"), ("hand", "worker")):
        made = asked(
            deployment,
            "agent",
            "register",
            name,
            "--type",
            type_,
            "--capability",
            "work",
            "--key-file",
            f"{name}.key",
        )
        ids[name] = made["agent_id"]
    (deployment.root / "prompt.txt").write_text("You mend code.", encoding="utf-8")
    agent = ids["hand"]
    words = ("--reason", "it forgot the tests", "--prompt", "prompt.txt", "--tool", "git")
    proposed = asked(deployment, "agent", "version", "propose", agent, *words)
    assert (proposed["number"], proposed["verdict"]) == (2, "pending")
    versions = {v["number"]: v["state"] for v in asked(deployment, "agent", "version", "list", agent)}
    assert versions == {1: "active", 2: "activating"}
    difference = asked(deployment, "agent", "version", "diff", agent, "--older", "1", "--newer", "2")
    assert difference["prompt_changed"]
    assert "no such version" in run(deployment, "agent", "version", "activate", agent, "9", code=3)
    run(deployment, "agent", "version", "rollback", agent, "--reason", "nothing before it", code=3)

    arranged = asked(
        deployment,
        *("supervision", "arrange", "night", "--primary", ids["chief"]),
        *("--backup", ids["deputy"], "--member", agent),
    )
    name = arranged["supervision_id"]
    assert arranged["holder_id"] == ""
    (listed,) = asked(deployment, "supervision", "list")
    assert (listed["domain"], listed["supervision_id"]) == ("night", name)
    run(deployment, "supervision", "end", name, "--reason", "morning")
    (ended,) = asked(deployment, "supervision", "list", "--state", "ended")
    assert ended["supervision_id"] == name

    before = deployment.get("/.well-known/jwks.json")["keys"]
    refused = run(deployment, "agent", "rotate-token-key", code=3)
    assert "less than an hour old" in refused
    assert deployment.get("/.well-known/jwks.json")["keys"] == before

    checks = {c["check"]: c for c in asked(deployment, "doctor", "--server", "--data", "data")}
    assert checks["who decides"]["status"] == "ok"
    assert checks["who decides"]["detail"] == "3 agents, somebody can decide for each"


def test_the_queue(deployment: Deployment) -> None:
    tasks = [
        {"title": "first", "ref": "a", "needs": ["nobody.can"]},
        {"title": "second", "depends_on": ["a"], "on_failure": "fail"},
        {"title": "third", "depends_on": ["a"], "on_failure": "skip"},
    ]
    (deployment.root / "many.json").write_text(json.dumps(tasks), encoding="utf-8")
    first, second, third = asked(deployment, "task", "submit-many", "many.json")["task_ids"]

    def status(task: str) -> str:
        return str(asked(deployment, "task", "show", task)["task"]["status"])

    run(deployment, "task", "pause", first)
    assert status(first) == "paused"
    run(deployment, "task", "resume", first)
    assert status(first) == "queued"
    assert asked(deployment, "task", "change", "pause", "--status", "queued")["matched"] == 3
    assert [status(task) for task in (first, second, third)] == ["paused"] * 3
    assert asked(deployment, "task", "change", "resume", first, second, third)["matched"] == 3
    run(deployment, "task", "cancel", first, "--reason", "no longer")
    assert [status(task) for task in (first, second, third)] == ["cancelled", "dead_letter", "cancelled"]
    run(deployment, "task", "purge", second, "--reason", "seen")
    assert "not_dead_letter" in run(deployment, "task", "retry", second, code=3)
    shown = asked(deployment, "task", "lineage", second)
    assert (shown["task"]["task_id"], shown["ancestors"], shown["parts"]) == (second, [], [])
    assert second in run(deployment, "task", "lineage", second)
