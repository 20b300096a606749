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

from watchfloor.http import figures
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


def behind(client: httpx2.Client, **params: Any) -> list[str]:
    """Everything a number counts, in pages of two."""
    ids: list[str] = []
    cursor = ""
    while True:
        answer = client.get("/api/v1/analytics/behind", params={"limit": 2, "cursor": cursor, **params})
        assert answer.status_code == 200, answer.text
        ids += answer.json()["ids"]
        cursor = answer.json()["next"] or ""
        if not cursor:
            return ids


@pytest.mark.parametrize("report", ["automation", "decisions", "approvers", "overrides", "reviewers"])
def test_every_number_is_the_things_behind_it(
    server: Running, trusted: httpx2.Client, supervisor: httpx2.Client, report: str
) -> None:
    for number in range(3):
        read(trusted, f"b{number}.md")
    for say in ("approve", "deny", "deny"):
        ruling = ask_patch(trusted)
        path = f"/api/v1/decisions/{ruling['decision_id']}"
        supervisor.post(f"{path}/seen", json={})
        supervisor.post(f"{path}/vote", json={"vote": say, "digest": ruling["digest"]})
    mine = {
        "agent": trusted.headers["x-agent"],
        "min_seq": server.engine.head(server.orgs[0]),
        "by": {"approvers": "approver", "reviewers": "person", "overrides": "risk"}.get(report, "type"),
    }
    path = "decisions" if report == "approvers" else report
    some = 0
    for key, row in ask(supervisor, path, **mine).items():
        for figure in row.keys() & figures.REPORTS[report].figures.keys():
            found = behind(supervisor, report=report, figure=figure, of=key, **mine)
            assert len(found) == len(set(found)) == row[figure], (key, figure)
            some += row[figure]
    assert some > 2


def test_a_no_to_what_was_mild_and_a_forced_action_are_against_the_gate(
    server: Running, trusted: httpx2.Client, supervisor: httpx2.Client
) -> None:
    director = server.client(server.person("director"))
    body = {"type": "message.send", "tool": "mail", "params": {"to": "ada"}}
    said = []
    for vote in ("approve", "deny"):
        ruling = trusted.post("/api/v1/actions", json=body).json()
        assert (ruling["verdict"], ruling["level"]) == ("pending", 2), ruling
        answer = supervisor.post(
            f"/api/v1/decisions/{ruling['decision_id']}/vote",
            json={"vote": vote, "digest": ruling["digest"]},
        )
        assert answer.status_code == 200, answer.text
        said.append(ruling["decision_id"])
    patches = [ask_patch(trusted) for _ in range(2)]
    denied = {"vote": "deny", "digest": patches[0]["digest"]}
    supervisor.post(f"/api/v1/decisions/{patches[0]['decision_id']}/vote", json=denied)
    forced = director.post(
        f"/api/v1/decisions/{patches[1]['decision_id']}/force",
        json={"digest": patches[1]["digest"], "reason": "the site is down"},
    )
    assert forced.status_code == 200, forced.text
    mine = {"agent": trusted.headers["x-agent"], "min_seq": server.engine.head(server.orgs[0])}
    (row,) = ask(supervisor, "overrides", **mine).values()
    assert (row["answered"], row["gate_advised"], row["gate_overridden"], row["forced"]) == (4, 3, 2, 1)
    assert row["gate_permille"] == 666
    assert set(row["gate_ids"]) == {said[1], patches[1]["decision_id"]}
    assert (row["tribunal_advised"], row["tribunal_permille"]) == (0, None)


def test_reviewers_are_shown_with_their_load_and_how_long_they_look(
    server: Running, agent: httpx2.Client, supervisor: httpx2.Client
) -> None:
    person = server.person("supervisor", "director")
    with server.client(person) as client:
        for looking in (True, False):
            ruling = ask_patch(agent)
            path = f"/api/v1/decisions/{ruling['decision_id']}"
            if looking:
                client.post(f"{path}/seen", json={})
            client.post(f"{path}/vote", json={"vote": "deny", "digest": ruling["digest"]})
    ask_patch(agent)
    seq = server.engine.head(server.orgs[0])
    row = ask(supervisor, "reviewers", min_seq=seq)[person.id]
    assert (row["votes"], row["denied"], row["measured"], row["quick"]) == (2, 2, 1, 1)
    assert (row["days"], row["busiest_day"]) == (1, 2)
    assert row["pending"] >= 1
    csv_text = supervisor.get("/api/v1/analytics/reviewers.csv", params={"min_seq": seq}).text
    assert person.id in csv_text
    assert supervisor.get("/api/v1/analytics/overrides.csv").text.startswith("key,answered,")


def test_trends_and_suggestions_rest_on_recorded_decisions(
    server: Running, supervisor: httpx2.Client
) -> None:
    made = [server.agent() for _ in range(7)]  # after five supervised actions of a type nobody would be asked
    for turn in range(28):
        with server.client(made[turn % 7]["api_key"]) as client:
            ruling = read(client, f"doc-{turn}.md")
        if ruling["verdict"] != "pending":
            continue
        body = {"vote": "approve", "digest": ruling["digest"]}
        supervisor.post(f"/api/v1/decisions/{ruling['decision_id']}/vote", json=body)
    seq = server.engine.head(server.orgs[0])
    trends = supervisor.get("/api/v1/analytics/trends", params={"min_seq": seq}).json()["items"]
    (low,) = [item for item in trends if item["name"] == "low_risk_automatic"]
    assert (low["before"], low["target"]) == (None, 800)
    assert low["part"] <= low["whole"]
    items = supervisor.get("/api/v1/analytics/suggestions", params={"min_seq": seq}).json()["items"]
    found = {item["path"]: item for item in items}
    assert found["/auto/score_min"]["suggested"] == "290", "agents of a score of 300 would have passed"
    assert found["/auto/score_min"]["answers"] >= 20
    assert found["/auto/score_min"]["agreed_permille"] >= 980


@pytest.mark.parametrize(
    "wrong",
    [
        {"report": "automation", "figure": "mood"},
        {"report": "automation", "figure": "held", "by": "risk"},
        {"report": "decisions", "figure": "denied", "by": "day", "of": "tomorrow"},
    ],
)
def test_a_number_that_is_none_has_nothing_behind_it(
    supervisor: httpx2.Client, wrong: dict[str, str]
) -> None:
    assert supervisor.get("/api/v1/analytics/behind", params=wrong).status_code == 422


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
    assert "AGAINST THE GATE" in run("overrides")
    assert "low risk automatic" in run("trends")
    assert run("behind", "automation", "actions", "--limit", "3").count("act_") == 3
    assert "BELOW 3 S" in run("reviewers")
    assert run("suggestions")


@pytest.mark.parametrize("params", [{"by": "mood"}, {"from_at": -1}, {"agent": "agt_zzzzzzzzzzzz"}])
def test_a_filter_that_is_none_is_refused(supervisor: httpx2.Client, params: dict[str, Any]) -> None:
    assert supervisor.get("/api/v1/analytics/automation", params=params).status_code in (404, 422)
