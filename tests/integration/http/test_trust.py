"""Trust on a running server: now, in the past, why, and what would lift the agent (spec 3.4)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
from tests.integration.http.kit import Running

from watchfloor.kernel.ids import parse_id
from watchfloor.kernel.messages import SYSTEM
from watchfloor.trust.messages import RecordTrust


def trust(client: httpx2.Client, agent: str, **params: int) -> dict[str, Any]:
    answer = client.get(f"/api/v1/agents/{agent}/trust", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_an_agent_nobody_knows_is_told_what_would_lift_it(server: Running, operator: httpx2.Client) -> None:
    made = server.agent()
    now = trust(operator, made["agent_id"])
    assert (now["score"], now["tier"], now["next_tier"], now["missing"]) == (
        300,
        "PROBATIONARY",
        "TRUSTED",
        100,
    )
    assert now["reasons"] == []
    ways = {way["what"]: (way["events"], way["days_min"]) for way in now["lifts"]}
    # 10 and 2 points each, twenty counted a day; a review of 5 points has no cap.
    assert ways == {"task_succeeded": (10, 1), "action_completed": (50, 3), "reviewed_positively": (20, 1)}


def test_exactly_the_promised_events_lift_it_and_one_fewer_does_not(
    server: Running, operator: httpx2.Client
) -> None:
    made = server.agent()
    subject = parse_id(made["agent_id"], "agent")[0]
    before = trust(operator, made["agent_id"])
    (way,) = (way for way in before["lifts"] if way["what"] == "task_succeeded")
    for number in range(way["events"]):
        assert trust(operator, made["agent_id"])["tier"] == "PROBATIONARY"
        command = RecordTrust(subject=subject, what="task_succeeded", source=1 + number)
        server.run(server.engine.ask(server.orgs[0], command, SYSTEM))
    now = trust(operator, made["agent_id"])
    assert (now["score"], now["tier"], now["next_tier"]) == (400, "TRUSTED", "VERIFIED")
    (reason,) = now["reasons"]
    assert (reason["what"], reason["events"], reason["points_milli"]) == ("task_succeeded", 10, 100_000)
    (capped,) = (way for way in now["lifts"] if way["what"] == "task_succeeded")
    assert (capped["events"], capped["days_min"]) == (20, 2), "ten of today's twenty are used"
    then = trust(operator, made["agent_id"], at=before["at"])
    assert (then["score"], then["tier"], then["reasons"]) == (300, "PROBATIONARY", [])


def test_the_command_line_shows_why_and_what_would_lift(server: Running) -> None:
    made = server.agent()
    agent = made["agent_id"]
    environment = {
        **os.environ,
        "WATCHFLOOR_URL": server.url,
        "WATCHFLOOR_TOKEN": server.person("supervisor").token,
    }

    def run(*words: str, status: int = 0) -> str:
        program = str(Path(sys.executable).parent / "watchfloor")
        done = subprocess.run(
            [program, "trust", *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == status, done.stderr
        return done.stdout + done.stderr

    assert run("adjust", agent, "--reason", "careful work", "--", "120") == f"{agent}: moved by +120\n"
    text = run("show", agent)
    assert f"{agent}: 420 (TRUSTED)" in text
    assert "+120.0  manual x 120" in text
    assert "180 points to VERIFIED" in text
    assert "PROBATIONARY -> TRUSTED" in run("history", agent)
    assert f"{agent}: 300 (PROBATIONARY)" in run("show", agent, "--at", "2020-01-01")
    assert "is no instant" in run("show", agent, "--at", "yesterday", status=2)
