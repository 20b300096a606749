"""The situation report and alerts on a running server (spec 06 *Situation report*)."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx2
from tests.integration.http.conftest import ask_patch
from tests.integration.http.kit import Running
from tests.integration.http.test_anomalies import violate

Client = httpx2.Client


def alerts(server: Running, client: Client, **params: str) -> dict[str, dict[str, Any]]:
    """Alerts by kind."""
    answer = client.get(
        "/api/v1/alerts", params={"min_seq": str(server.engine.head(server.orgs[0])), **params}
    )
    assert answer.status_code == 200, answer.text
    return {item["what"]: item for item in answer.json()["items"]}


def situation(server: Running, client: Client, **params: str) -> dict[str, Any]:
    params = {"min_seq": str(server.engine.head(server.orgs[0])), **params}
    answer = client.get("/api/v1/situation", params=params)
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def refused(answer: httpx2.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def test_an_anomaly_is_one_alert_that_is_over_when_the_anomaly_is(
    server: Running, agent: Client, operator: Client, supervisor: Client
) -> None:
    violate(server, agent, 5)
    of = {"agent": agent.headers["x-agent"], "status": "active"}
    found = supervisor.get(
        "/api/v1/alerts", params={**of, "min_seq": str(server.engine.head(server.orgs[0]))}
    ).json()["items"]
    assert {item["what"] for item in found} == {"anomaly"}
    assert len(found) == 2, "a trust drop and a series of violations, each once"
    alert = next(item for item in found if item["title"].startswith("Violations"))
    path = f"/api/v1/alerts/{alert['alert_id']}"
    assert refused(supervisor.post(f"{path}/resolve", json={"reason": "no"})) == (409, "still_holds")
    anomaly = f"/api/v1/anomalies/{alert['thing_id']}"
    seq = operator.post(f"{anomaly}/acknowledge", json={}).json()["seq"]
    assert operator.get(f"{path}?min_seq={seq + 1}").json()["status"] == "acknowledged"
    seq = supervisor.post(
        f"{anomaly}/resolve", json={"outcome": "false_alarm", "reason": "a test of ours"}
    ).json()["seq"]
    over = operator.get(f"{path}?min_seq={seq + 1}").json()
    assert (over["status"], over["how"]) == ("resolved", "cleared")
    assert refused(operator.post(f"{path}/acknowledge", json={})) == (409, "already_resolved")


def test_what_nothing_ends_is_closed_by_a_supervisor_with_a_reason_and_not_by_the_owner(
    server: Running, supervisor: Client
) -> None:
    owner = server.person("operator", "supervisor")
    with server.client(owner) as client:
        body = {"name": "sneaky", "type": "executor", "capabilities": ["x"]}
        made = client.post("/api/v1/agents/register", json=body).json()
        with server.client(made["api_key"]) as agent:
            ruling = ask_patch(agent)
            done = {"execution_id": "x1", "outcome": "done"}
            agent.post(f"/api/v1/actions/{ruling['action_id']}/complete", json=done)
        alert = alerts(server, supervisor)["ungated_call"]
        assert (alert["severity"], alert["agent_id"], alert["by_hand"]) == (
            "critical",
            made["agent_id"],
            True,
        )
        path = f"/api/v1/alerts/{alert['alert_id']}"
        assert refused(client.post(f"{path}/resolve", json={"reason": "fine"})) == (403, "own_agent")
    assert supervisor.post(f"{path}/resolve", json={"reason": ""}).status_code == 422
    seq = supervisor.post(f"{path}/resolve", json={"reason": "key revoked"}).json()["seq"]
    shown = supervisor.get(f"{path}?min_seq={seq}").json()
    assert (shown["status"], shown["how"], shown["reason"]) == ("resolved", "resolved", "key revoked")
    other = server.client(server.person("supervisor", org=server.orgs[1]))
    assert other.get(path).status_code == 404


def test_the_report_shows_what_waits_what_holds_and_what_happened_since(
    server: Running, agent: Client, operator: Client, supervisor: Client
) -> None:
    before = situation(server, operator)
    ask_patch(agent)
    stop = operator.post(
        "/api/v1/stops", json={"scope": "tool", "target": "rocket", "reason": "it leaks"}
    ).json()
    now = situation(server, operator, since_seq=str(before["seq"]))
    assert now["decisions"]["pending"] == before["decisions"]["pending"] + 1
    waiting = now["decisions"]
    assert waiting["pending"] == waiting["under_5_min"] + waiting["under_1_h"] + waiting["later"]
    assert {item["type"] for item in waiting["items"]} == {"repository.patch"}
    assert now["mode"] == {"name": "NORMAL", "trouble": [], "stops": before["mode"]["stops"] + 1}
    thrown = next(item for item in now["alerts"]["items"] if item["what"] == "stopped")
    assert (thrown["thing_id"], thrown["severity"]) == (stop["stop_id"], "critical")
    assert thrown["title"] == "Stopped: tool rocket"
    happened = {item["what"]: item for item in now["away"]["items"]}
    assert happened["stops_thrown"]["ids"] == [stop["stop_id"]]
    assert happened["decisions_opened"]["count"] == happened["actions_held"]["count"] == 1
    by_time = situation(server, operator, since_at=str(now["away"]["since_at"]))["away"]
    assert by_time["since_seq"] == now["away"]["since_seq"], "a seq and its instant say the same"
    supervisor.post(f"/api/v1/stops/{stop['stop_id']}/lift", json={"reason": "mended"})
    after = situation(server, operator)
    assert after["mode"]["stops"] == before["mode"]["stops"]
    assert thrown["alert_id"] not in {item["alert_id"] for item in after["alerts"]["items"]}
    assert after["away"] is None
    other = server.client(server.person("supervisor", org=server.orgs[1]))
    assert other.get("/api/v1/situation").json()["decisions"]["pending"] == 0


def test_what_is_predicted_names_the_budget_and_the_bottleneck(
    server: Running, agent: Client, operator: Client
) -> None:
    director = server.client(server.person("director"))
    budget = {"scope": "organisation", "measure": "actions", "period": "total", "limit": 2}
    budget_id = director.post("/api/v1/budgets", json=budget).json()["budget_id"]
    try:
        for _ in range(2):
            agent.post("/api/v1/actions", json={"type": "file.read", "tool": "fs", "params": {"path": "a"}})
        operator.post("/api/v1/tasks", json={"title": "a kernel", "needs": ["rust.kernel"]})
        found = situation(server, operator)["predictions"]
        (line,) = [one for one in found["budgets"] if one["budget_id"] == budget_id]
        assert line["exhausted_at"] > 0
        (narrow,) = [one for one in found["bottlenecks"] if one["name"] == "rust.kernel"]
        assert (narrow["kind"], narrow["waiting"], narrow["able"]) == ("capability", 1, 0)
    finally:
        director.post(f"/api/v1/budgets/{budget_id}/remove", json={"reason": "over"})


def test_the_command_line_shows_the_report_and_closes_an_alert(
    server: Running, agent: Client, operator: Client
) -> None:
    seq = situation(server, operator)["seq"]
    ruling = ask_patch(agent)
    agent.post(f"/api/v1/actions/{ruling['action_id']}/complete", json={"execution_id": "x1"})
    token = server.person("supervisor").token
    environment = {**os.environ, "WATCHFLOOR_URL": server.url, "WATCHFLOOR_TOKEN": token}

    def run(*words: str) -> str:
        program = str(Path(sys.executable).parent / "watchfloor")
        done = subprocess.run(
            [program, *words], env=environment, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    report = run("situation", "--since", str(seq))
    for line in (
        "Mode:      NORMAL",
        "not acknowledged",
        "repository.patch",
        f"Since seq {seq}",
        "1  decisions opened",
    ):
        assert line in report, report
    listed = run("alerts", "list", "--what", "ungated_call", "--agent", agent.headers["x-agent"])
    alert = listed.splitlines()[1].split()[0]
    assert run("alerts", "acknowledge", alert) == f"{alert}: acknowledged\n"
    assert run("alerts", "resolve", alert, "--reason", "a drill") == f"{alert}: resolved\n"
    assert "resolved a drill" in run("alerts", "show", alert)
