"""Observing, rules of the organisation, packs, shadow policies: through REST, on a server of their own (spec 3.1, 3.6, 3.7)."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.http.conftest import ask_patch
from tests.integration.http.deciding import broken
from tests.integration.http.kit import Running
from tests.integration.http.test_policy_changes import put, vote

from watchfloor.engine import backtesting

Json = dict[str, Any]
PATCH = {"type": "repository.patch", "tool": "git", "params": {"path": "demo", "diff": "+x"}, "reason": "r"}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path).start()
    for role in ("operator", "supervisor", "director"):
        running.person(role)
    yield running
    running.stop()


@pytest.fixture
def director(server: Running) -> httpx2.Client:
    return server.client(server.person("director"))


@pytest.fixture
def supervisor(server: Running) -> httpx2.Client:
    return server.client(server.person("supervisor"))


@pytest.fixture
def agent(server: Running) -> httpx2.Client:
    made = server.agent()
    client = server.client(made["api_key"])
    client.headers["x-agent"] = made["agent_id"]
    return client


def settled(client: httpx2.Client) -> None:
    """Wait until the views show everything."""
    head = client.get("/api/v1/ledger/head").json()["seq"]
    assert client.get(f"/api/v1/actions?min_seq={head}").status_code == 200


def agreed(director: httpx2.Client, supervisor: httpx2.Client, change: Json) -> Json:
    """A looser policy, proposed by one and agreed to by the other."""
    proposed = put(director, change)
    assert proposed.status_code == 202, proposed.text
    body: Json = proposed.json()
    assert vote(supervisor, body["decision_id"]).status_code == 200
    settled(director)
    return body


def executed(agent: httpx2.Client, ruled: Json) -> Json:
    path = f"/api/v1/actions/{ruled['action_id']}"
    grant = {"grant_id": ruled["grant"]["grant_id"], "execution_id": "x1", "digest": ruled["digest"]}
    started: Json = agent.post(f"{path}/start", json=grant).json()
    if started.get("status") == "executing":
        assert agent.post(f"{path}/complete", json={"execution_id": "x1"}).status_code == 200
    return started


def test_what_is_observed_runs_marked_and_is_reported_and_nothing_else_is_let_through(
    server: Running, director: httpx2.Client, supervisor: httpx2.Client, agent: httpx2.Client
) -> None:
    asked = agreed(director, supervisor, {"modes": {"agents": {agent.headers["x-agent"]: "observe"}}})
    shown = supervisor.get(f"/api/v1/decisions/{asked['decision_id']}").json()
    assert asked["level"] >= 3
    assert shown["params"]["observes"] == [f"agents/{agent.headers['x-agent']}"]
    score = director.get(f"/api/v1/agents/{agent.headers['x-agent']}/trust").json()["score"]
    ruled = agent.post("/api/v1/actions", json=PATCH).json()
    assert (ruled["verdict"], ruled["level"], ruled["grant"]["basis"]) == ("permitted", 3, "observed")
    assert executed(agent, ruled)["status"] == "executing"
    settled(director)
    row = director.get(f"/api/v1/actions/{ruled['action_id']}").json()
    assert (row["action"]["observed"], row["action"]["unheld"], row["action"]["decision_id"]) == (3, True, "")
    assert any("would have held" in line["sentence"] for line in row["timeline"]), row["timeline"]
    trust = director.get(f"/api/v1/agents/{agent.headers['x-agent']}/trust").json()
    assert trust["score"] == score, "nobody looked, so it says nothing for the agent"
    # What is denied is denied in every mode.
    secret = agent.post("/api/v1/actions", json={"type": "file.read", "params": {"path": "/etc/shadow"}})
    assert secret.json()["verdict"] == "denied"
    stop = supervisor.post("/api/v1/stops", json={"scope": "tool", "target": "git", "reason": "drill"})
    assert stop.status_code == 201, stop.text
    stopped = agent.post("/api/v1/actions", json=PATCH)
    assert stopped.status_code != 200 or stopped.json()["verdict"] == "denied", stopped.text
    other = server.client(server.agent()["api_key"])
    held = other.post("/api/v1/actions", json={**PATCH, "tool": "svn"}).json()
    assert held["verdict"] == "pending", "another agent is enforced"
    settled(director)
    report = director.get("/api/v1/policy/observed?days=1").json()
    assert (report["observed"], report["unheld"]) == (1, 1)
    (group,) = report["groups"]
    assert (group["type"], group["level"], group["unheld"], group["count"]) == (
        "repository.patch",
        3,
        True,
        1,
    )
    assert (group["completed"], group["failed"], group["role"]) == (1, 0, "supervisor")
    assert set(group["people"]) == {"supervisor", "director"}
    assert group["actions"] == [ruled["action_id"]]
    assert {"rule": "a_parameter_demands_people", "count": 1} in report["rules"]
    assert broken(server) == []


def test_the_command_line_shows_what_was_observed_shadows_and_backtests(
    server: Running, director: httpx2.Client, supervisor: httpx2.Client, agent: httpx2.Client, tmp_path: Path
) -> None:
    agreed(director, supervisor, {"modes": {"organisation": "observe"}})
    file = tmp_path / "stricter.yaml"
    file.write_text('envelope: {forbidden_types: ["repository.patch"]}\n')
    token = server.person("director").token

    def run(*words: str) -> str:
        done = subprocess.run(
            [str(Path(sys.executable).parent / "watchfloor"), "policy", *words],
            env=os.environ | {"WATCHFLOOR_URL": server.url, "WATCHFLOOR_TOKEN": token},
            capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout

    assert "is compared with every decision" in run("shadow", "set", "no_patches", str(file))
    executed(agent, agent.post("/api/v1/actions", json=PATCH).json())
    settled(director)
    said = run("observed", "--days", "1")
    assert "1 of 1 actions would have been held; 1 of level 3 and more ran UNHELD." in said
    assert "1 x repository.patch at level 3 UNHELD (1 completed, 0 failed): 1 of supervisor" in said
    assert "1 x permitted → denied" in run("shadow", "show", "no_patches")
    assert "Outside the envelope" in run("shadow", "differences", "no_patches")
    assert "no_patches" in run("shadow", "list")
    assert "compared no longer" in run("shadow", "remove", "no_patches")
    assert "No backtest is under way." in run("backtest-progress")
    assert "No backtest is under way." in run("backtest-cancel")


def test_a_grant_of_the_mode_ends_with_the_mode(
    server: Running, director: httpx2.Client, supervisor: httpx2.Client, agent: httpx2.Client
) -> None:
    agreed(director, supervisor, {"modes": {"organisation": "observe"}})
    ruled = agent.post("/api/v1/actions", json=PATCH).json()
    assert ruled["grant"]["basis"] == "observed"
    assert put(director, {"modes": {"organisation": "enforce"}}).status_code == 200, (
        "turning it off is no loosening"
    )
    late = executed(agent, ruled)
    assert (late["status"], late["reason"]) == ("grant_revoked", "policy_forbids"), late
    settled(director)
    row = director.get(f"/api/v1/actions/{ruled['action_id']}").json()["action"]
    assert row["status"] == "pending"
    assert row["decision_id"], "now people are asked"
    # What the platform does itself was held all along.
    assert put(director, {"auto": {"per_hour": 999}}).json()["state"] == "proposed"
    assert broken(server) == []


def test_a_grant_of_what_is_forbidden_by_now_is_denied_at_once_and_nobody_is_asked_about_it(
    server: Running, director: httpx2.Client, agent: httpx2.Client
) -> None:
    ruled = agent.post("/api/v1/actions", json={"type": "file.read", "params": {"path": "/srv/a"}}).json()
    if ruled["verdict"] == "pending":
        vote = {"vote": "approve", "digest": ruled["digest"]}
        said = director.post(f"/api/v1/decisions/{ruled['decision_id']}/vote", json=vote).json()
        path = f"/api/v1/actions/{ruled['action_id']}?min_seq={said['seq']}"
        ruled["grant"] = agent.get(path).json()["grant"]
    assert put(director, {"envelope": {"forbidden_types": ["file.read"]}}).status_code == 200
    late = executed(agent, ruled)
    assert (late["status"], late["reason"]) == ("grant_revoked", "envelope_forbids"), late
    settled(director)
    row = director.get(f"/api/v1/actions/{ruled['action_id']}").json()["action"]
    assert row["status"] == "denied"
    waiting = director.get("/api/v1/decisions?status=pending").json()["items"]
    assert ruled["action_id"] not in [one["action_id"] for one in waiting]
    assert broken(server) == []


def test_packs_prohibit_demand_levels_and_forbid_observing(
    server: Running, director: httpx2.Client, agent: httpx2.Client
) -> None:
    assert put(director, {"compliance": {"packs": ["finance"]}}).status_code == 200, "a pack tightens"
    refused = put(director, {"modes": {"organisation": "observe"}})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "/modes")
    wash = agent.post("/api/v1/actions", json={"type": "trade.wash", "params": {}}).json()
    assert wash["verdict"] == "denied"
    assert "a_pack_in_force_forbids_it" in {reason["rule"] for reason in wash["reasons"]}
    place = agent.post("/api/v1/actions", json={"type": "trade.place", "params": {}}).json()
    demanded = next(r for r in place["reasons"] if r["rule"] == "a_pack_in_force_demands_people")
    assert demanded["text"] == "Level 3 at least: the pack finance gives this type of action its least level."
    assert put(director, {"compliance": {"packs": []}}).status_code == 202, (
        "to leave a pack others must agree"
    )
    assert broken(server) == []


def test_a_rule_of_typed_conditions_holds_what_it_describes_and_says_so(
    server: Running, director: httpx2.Client, agent: httpx2.Client
) -> None:
    rule: Json = {
        "name": "young_agents_write_outside",
        "when": [
            {"of": "agent", "field": "trust", "op": "lt", "value": 500},
            {
                "any": [
                    {"field": "to", "op": "prefix", "value": "ext"},
                    {"field": "size", "op": "gt", "value": 100},
                ]
            },
        ],
        "then": "raise",
        "level": 4,
    }
    wrong = {**rule, "when": [{"of": "agent", "field": "trust", "op": "gt", "value": 500}]}
    refused = put(director, {"rules": [wrong]})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "/rules/0/when/0/op")
    assert put(director, {"rules": [rule]}).status_code == 200, "a new rule tightens"
    ask: Json = {"type": "file.read", "params": {"path": "a", "to": "external"}}
    ruled = agent.post("/api/v1/actions", json=ask).json()
    said = next(r for r in ruled["reasons"] if r["rule"] == "a_rule_of_the_policy_demands_people")
    assert (ruled["verdict"], ruled["level"]) == ("pending", 4)
    assert said["text"] == (
        "The policy demands level 4: young_agents_write_outside "
        "(the agent's trust is below 500 and (to begins with ext or size is above 100))."
    )
    calm = agent.post(
        "/api/v1/actions", json={"type": "file.read", "params": {"path": "a", "to": "inside"}}
    ).json()
    assert calm["level"] < 4
    softer = {**rule, "when": [rule["when"][0], {"field": "size", "op": "gt", "value": 100}]}
    assert put(director, {"rules": [softer]}).status_code == 202, "it holds less often"
    dry = agent.post("/api/v1/actions", json={**ask, "dry_run": True}).json()
    assert (dry["level"], dry["dry_run"], dry["action_id"]) == (4, True, "")
    schema = director.get("/api/v1/schemas/Policy").json()
    assert "DomainRule" in str(schema)
    assert "Condition" in str(schema)
    assert broken(server) == []


def test_a_shadow_is_compared_with_what_is_decided_from_then_on_and_decides_nothing(
    server: Running, director: httpx2.Client, agent: httpx2.Client
) -> None:
    ask_patch(agent)
    document = director.get("/api/v1/policy").json()["document"]
    stricter = {**document, "envelope": {**document["envelope"], "forbidden_types": ["repository.patch"]}}
    body = {"name": "no_patches", "document": stricter, "reason": "what if"}
    made = director.post("/api/v1/policy/shadows", json=body)
    assert made.status_code == 201, made.text
    assert (
        director.post("/api/v1/policy/shadows", json={**body, "name": "No!"}).json()["code"] == "invalid_name"
    )
    unsound = {**document, "levels": {**document["levels"], "low": 4}}
    refused = director.post("/api/v1/policy/shadows", json={"name": "unsound", "document": unsound})
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "/document/levels")
    before = director.get("/api/v1/policy/shadows/no_patches").json()
    assert (before["decisions"], before["behind"]) == (0, 0), "what was decided earlier is not compared"
    asked = [ask_patch(agent) for _ in range(3)]
    agent.post("/api/v1/actions", json={"type": "file.read", "params": {"path": "a"}})
    settled(director)
    found = director.get("/api/v1/policy/shadows/no_patches").json()
    assert (found["decisions"], found["stricter"], found["looser"], found["behind"]) == (4, 3, 0, 0)
    assert found["kinds"] == [{"recorded": "pending", "candidate": "denied", "stricter": True, "count": 3}]
    one = director.get("/api/v1/policy/shadows/no_patches/differences?limit=2").json()
    two = director.get(f"/api/v1/policy/shadows/no_patches/differences?limit=2&cursor={one['next']}").json()
    listed = [item["action_id"] for item in (*one["items"], *two["items"])]
    assert listed == [item["action_id"] for item in reversed(asked)]
    assert two["next"] is None
    for number in range(3):
        more = director.post("/api/v1/policy/shadows", json={"name": f"more_{number}", "version": 1})
        assert more.status_code == 201
    full = director.post("/api/v1/policy/shadows", json={"name": "one_too_many", "version": 1})
    assert full.json()["code"] == "too_many_shadows"
    assert (
        director.post("/api/v1/policy/shadows/no_patches/remove", json={"reason": "seen"}).status_code == 200
    )
    assert director.get("/api/v1/policy/shadows/no_patches").status_code == 404
    settled(director)
    rows = director.get("/api/v1/policy/shadows").json()["items"]
    assert [row["name"] for row in rows] == ["more_2", "more_1", "more_0", "no_patches"]
    assert rows[3]["ended_at"] > rows[3]["set_at"]
    assert rows[0]["ended_at"] == 0
    assert agent.post("/api/v1/policy/shadows", json=body).status_code == 403
    assert broken(server) == []


def test_a_backtest_counts_trust_again_under_other_terms(
    server: Running, director: httpx2.Client, supervisor: httpx2.Client, agent: httpx2.Client
) -> None:
    read: Json = {"type": "file.read", "params": {"path": "a"}}
    assert agent.post("/api/v1/actions", json=read).json()["verdict"] == "pending"
    settled(director)
    document = director.get("/api/v1/policy").json()["document"]
    trusting = {**document, "trust": {**document["trust"], "base": 900}}
    report = director.post("/api/v1/policy/backtest", json={"document": trusting}).json()
    assert (report["decisions"], report["looser"]) == (1, 1), report
    assert report["differences"][0]["candidate"]["verdict"] == "permitted"
    assert any("trust events" in note for note in report["notes"])
    adjusted = supervisor.post(
        f"/api/v1/agents/{agent.headers['x-agent']}/trust/adjust", json={"points": -700, "reason": "test"}
    )
    assert adjusted.status_code == 200, adjusted.text
    agent.post("/api/v1/actions", json=read)
    settled(director)
    report = director.post("/api/v1/policy/backtest", json={"document": trusting}).json()
    assert (report["decisions"], report["looser"]) == (2, 2), "denied as untrusted, held with a score of 200"
    assert {(one["recorded"], one["candidate"]) for one in report["kinds"]} == {
        ("pending", "permitted"),
        ("denied", "pending"),
    }


def test_a_backtest_says_how_far_it_is_and_can_be_cancelled(
    director: httpx2.Client, agent: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert director.get("/api/v1/policy/backtest").json()["running"] is False
    assert director.post("/api/v1/policy/backtest/cancel").json()["running"] is False
    for _ in range(5):
        ask_patch(agent)
    settled(director)
    monkeypatch.setattr(backtesting, "SLICE", 1)
    monkeypatch.setattr(backtesting, "_PAUSE_S", 0.2)
    found: list[Json] = []
    running = threading.Thread(
        target=lambda: found.append(director.post("/api/v1/policy/backtest", json={"version": 1}).json())
    )
    running.start()
    said: Json = {"running": False}
    for _ in range(200):
        said = director.get("/api/v1/policy/backtest").json()
        if said["running"] and said["seq"] >= said["from_seq"]:
            break
    assert said["running"]
    assert 0 < said["permille"] < 1000
    again = director.post("/api/v1/policy/backtest", json={"version": 1})
    assert (again.status_code, again.json()["code"], again.json()["retryable"]) == (
        409,
        "backtest_running",
        True,
    )
    assert director.post("/api/v1/policy/backtest/cancel").json()["cancelled"] is True
    running.join(20)
    assert found[0]["ended"] == "stopped", found
    assert director.get("/api/v1/policy/backtest").json()["running"] is False
