"""What limits an agent now, read from what the gate reads (spec 3.3); how it has been going (spec 06)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
from tests.integration.http.conftest import ask_patch
from tests.integration.http.kit import Running
from tests.integration.http.test_analytics import read, trusted
from tests.integration.http.test_situation import situation

__all__ = ["trusted"]


def limits(server: Running, client: httpx2.Client, agent: str) -> dict[str, Any]:
    seq = server.engine.head(server.orgs[0])
    answer = client.get(f"/api/v1/agents/{agent}/limits", params={"min_seq": seq})
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    found["by"] = {(one["kind"], one["name"]): one for one in found["items"]}
    return found


def test_what_an_agent_asked_for_is_used_up_of_its_rates_and_its_budget(
    server: Running, agent: httpx2.Client, supervisor: httpx2.Client
) -> None:
    mine = agent.headers["x-agent"]
    before = limits(server, supervisor, mine)
    assert before["budgets"] == []
    assert before["by"][("rate", "light")]["used"] == 0
    director = server.client(server.person("director"))
    body = {"scope": "agent", "target_id": mine, "measure": "actions", "period": "day", "limit": 5}
    budget = director.post("/api/v1/budgets", json=body).json()["budget_id"]
    rulings = [read(agent, f"{number}.md") for number in range(3)]
    after = limits(server, supervisor, mine)
    light = after["by"][("rate", "light")]
    assert (light["limit"], light["window_ms"]) == (120, 60_000)
    assert 1 <= light["used"] <= 3, "some may have come back meanwhile"
    assert after["by"][("runaway", "executed")]["used"] == 0
    (one,) = after["budgets"]
    assert (one["budget_id"], one["limit"]) == (budget, 5)
    assert one["spent"] + one["reserved"] == sum(ruling["verdict"] != "denied" for ruling in rulings)
    assert after["breaker"] == {
        "failures": 0,
        "failures_max": 3,
        "window_ms": 300_000,
        "open_until_at": 0,
    }
    assert after["by"][("tasks", "")]["limit"] == 1, "probationary"


def test_the_type_that_runs_by_itself_most_this_hour_is_named(
    server: Running, trusted: httpx2.Client, supervisor: httpx2.Client
) -> None:
    rulings = [read(trusted, f"{number}.md") for number in range(4)]
    assert {ruling["verdict"] for ruling in rulings} == {"permitted"}
    found = limits(server, supervisor, trusted.headers["x-agent"])["by"]
    assert found["automatic", "file.read"]["limit"] == 30
    assert 1 <= found["automatic", "file.read"]["used"] <= 4, "fewer when the hour has just changed"


def test_the_command_line_tells_limits_and_what_is_used_up(server: Running, agent: httpx2.Client) -> None:
    read(agent, "a.md")
    done = subprocess.run(
        [str(Path(sys.executable).parent / "watchfloor"), "agent", "limits", agent.headers["x-agent"]],
        env={
            **os.environ,
            "WATCHFLOOR_URL": server.url,
            "WATCHFLOOR_TOKEN": server.person("operator").token,
        },
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "rate light" in done.stdout
    assert "120" in done.stdout
    assert "breaker" in done.stdout


def test_a_stop_that_hits_the_agent_is_named(
    server: Running, agent: httpx2.Client, operator: httpx2.Client, supervisor: httpx2.Client
) -> None:
    mine = agent.headers["x-agent"]
    stop = operator.post("/api/v1/stops", json={"scope": "agent", "target": mine, "reason": "a drill"}).json()
    assert limits(server, supervisor, mine)["stops"] == [stop["stop_id"]]
    assert (
        supervisor.post(f"/api/v1/stops/{stop['stop_id']}/lift", json={"reason": "over"}).status_code == 200
    )
    assert limits(server, supervisor, mine)["stops"] == []


def test_what_is_said_of_the_last_day_is_what_people_answered(
    server: Running, agent: httpx2.Client, supervisor: httpx2.Client
) -> None:
    before = situation(server, supervisor)["lately"]
    ruling = ask_patch(agent)
    assert situation(server, supervisor)["lately"]["decided"] == before["decided"], "it waits"
    body = {"vote": "approve", "digest": ruling["digest"]}
    assert supervisor.post(f"/api/v1/decisions/{ruling['decision_id']}/vote", json=body).status_code == 200
    after = situation(server, supervisor)["lately"]
    assert after["decided"] == before["decided"] + 1
    assert after["decision_ms_mean"] is not None
    found = supervisor.get(
        "/api/v1/analytics/behind",
        params={"report": "decisions", "figure": "approved", "by": "agent", "of": agent.headers["x-agent"]},
    ).json()
    (item,) = found["items"]
    assert found["ids"] == [item["id"]] == [item["decision_id"]] == [ruling["decision_id"]]
    assert (item["type"], item["status"]) == ("repository.patch", "approved")
