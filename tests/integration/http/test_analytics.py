"""Analytics on a running server: sums that are the rows behind them, filters, CSV (spec 3.5)."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.http.conftest import ask_patch
from tests.integration.http.kit import Running

from watchfloor.kernel.ids import parse_id
from watchfloor.kernel.messages import SYSTEM
from watchfloor.trust.messages import AdjustTrust


def ask(client: httpx2.Client, path: str, **params: Any) -> dict[str, dict[str, Any]]:
    """The items of an answer by key."""
    answer = client.get(f"/api/v1/analytics/{path}", params=params)
    assert answer.status_code == 200, answer.text
    return {item["key"]: item for item in answer.json()["items"]}


def read(agent: httpx2.Client, path: str) -> dict[str, Any]:
    answer = agent.post("/api/v1/actions", json={"type": "file.read", "tool": "fs", "params": {"path": path}})
    ruling: dict[str, Any] = answer.json()
    return ruling


@pytest.fixture
def trusted(server: Running, agent: httpx2.Client) -> httpx2.Client:
    """An agent the gate lets read by itself."""
    subject = parse_id(agent.headers["x-agent"], "agent")[0]
    server.run(
        server.engine.ask(server.orgs[0], AdjustTrust(subject=subject, points=600, reason="known"), SYSTEM)
    )
    return agent


def test_low_risk_is_counted_before_history_and_wrong_is_what_failed(
    server: Running, trusted: httpx2.Client, supervisor: httpx2.Client
) -> None:
    agent = trusted
    rulings = [read(agent, f"a{number}.md") for number in range(4)]
    assert {ruling["verdict"] for ruling in rulings} == {"permitted"}
    grant = rulings[0]["grant"]
    path = f"/api/v1/actions/{rulings[0]['action_id']}"
    body = {"grant_id": grant["grant_id"], "execution_id": "e", "digest": grant["digest"]}
    assert agent.post(f"{path}/start", json=body).json()["status"] == "executing"
    assert agent.post(f"{path}/fail", json={"execution_id": "e", "code": "broken"}).status_code == 200
    held = read(
        agent, "after.md"
    )  # a failure in the last 24 h: people decide, and it is still a low-risk action
    assert held["verdict"] == "pending", held
    denied = read(agent, "/etc/shadow")
    assert denied["verdict"] == "denied"
    patch = ask_patch(agent)
    seq = server.engine.head(server.orgs[0])
    mine = {"agent": agent.headers["x-agent"], "min_seq": seq}
    found = ask(supervisor, "automation", **mine)
    reads = found["file.read"]
    assert (reads["actions"], reads["automatic"], reads["held"], reads["denied"]) == (6, 4, 1, 1)
    assert (reads["low_risk"], reads["low_risk_automatic"]) == (6, 4)
    assert reads["low_risk_automatic_permille"] == 666
    assert set(reads["held_ids"]) == {held["action_id"], denied["action_id"]}
    assert (reads["wrong"], reads["wrong_ids"]) == (1, [rulings[0]["action_id"]])
    assert found["repository.patch"]["low_risk"] == 0
    assert found["repository.patch"]["low_risk_automatic_permille"] is None
    assert set(ask(supervisor, "automation", type="file.read", **mine)) == {"file.read"}
    assert set(ask(supervisor, "automation", by="agent", **mine)) == {agent.headers["x-agent"]}
    owner = server.person("operator").id
    assert ask(supervisor, "automation", by="organisation", owner=owner, **mine)[""]["actions"] == 7
    assert ask(supervisor, "automation", by="day", to_at=1, **mine) == {}
    assert patch["action_id"] not in reads["held_ids"]


def test_people_are_timed_and_what_nobody_answered_is_told_apart(
    server: Running, agent: httpx2.Client, supervisor: httpx2.Client
) -> None:
    rulings = [ask_patch(agent) for _ in range(3)]
    for ruling, say in zip(rulings, ("approve", "deny"), strict=False):
        body = {"vote": say, "digest": ruling["digest"]}
        voted = supervisor.post(f"/api/v1/decisions/{ruling['decision_id']}/vote", json=body)
        assert voted.status_code == 200, voted.text
    seq = server.engine.head(server.orgs[0])
    mine = {"agent": agent.headers["x-agent"], "min_seq": seq}
    (row,) = ask(supervisor, "decisions", by="organisation", **mine).values()
    assert (row["decisions"], row["approved"], row["denied"], row["pending"]) == (3, 1, 1, 1)
    assert row["approved_permille"] == 500
    assert row["p50_ms"] <= row["mean_ms"] <= row["p95_ms"]
    assert set(row["ids"]) == {ruling["decision_id"] for ruling in rulings}
    (votes,) = ask(supervisor, "decisions", by="approver", **mine).values()
    assert (votes["key"], votes["approved"], votes["denied"]) == (server.person("supervisor").id, 1, 1)
    foreign = server.client(server.person("supervisor", org=server.orgs[1]))
    assert ask(foreign, "decisions") == {}
    assert ask(foreign, "automation") == {}


def test_csv_says_the_same_and_runs_nothing_in_a_spreadsheet(
    server: Running, agent: httpx2.Client, supervisor: httpx2.Client
) -> None:
    body = {"type": "=cmd()", "tool": "fs", "params": {}}
    assert agent.post("/api/v1/actions", json=body).status_code == 200
    params: dict[str, str | int] = {
        "agent": agent.headers["x-agent"],
        "min_seq": server.engine.head(server.orgs[0]),
    }
    answer = supervisor.get("/api/v1/analytics/automation.csv", params=params)
    assert answer.headers["content-type"].startswith("text/csv")
    (row,) = csv.DictReader(io.StringIO(answer.text))
    assert (row["key"], row["actions"]) == ("'=cmd()", "1")
    assert supervisor.get("/api/v1/analytics/decisions.csv", params=params).text.startswith("key,decisions,")
    environment = {
        **os.environ,
        "WATCHFLOOR_URL": server.url,
        "WATCHFLOOR_TOKEN": server.person("supervisor").token,
    }

    def run(*words: str) -> str:
        program = str(Path(sys.executable).parent / "watchfloor")
        done = subprocess.run(
            [program, "analytics", *words],
            env=environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "=cmd()" in run("automation", "--agent", agent.headers["x-agent"])
    assert run("automation", "--agent", agent.headers["x-agent"], "--form", "csv").startswith("key,actions,")
    assert "Nothing in this period." in run("decisions", "--until", "2020-01-01")


@pytest.mark.parametrize("params", [{"by": "mood"}, {"from_at": -1}, {"agent": "agt_zzzzzzzzzzzz"}])
def test_a_filter_that_is_none_is_refused(supervisor: httpx2.Client, params: dict[str, Any]) -> None:
    assert supervisor.get("/api/v1/analytics/automation", params=params).status_code in (404, 422)
