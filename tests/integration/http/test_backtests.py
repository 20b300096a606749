"""Before a policy is changed: backtest over what was recorded, preview of trust and routing (spec 3.4)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.http.conftest import ask_patch
from tests.integration.http.kit import Running

Json = dict[str, Any]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path).start()
    for role in ("supervisor", "director"):
        running.person(role)
    yield running
    running.stop()


@pytest.fixture
def operator(server: Running) -> httpx2.Client:
    return server.client(server.person("operator"))


@pytest.fixture
def agents(server: Running) -> list[httpx2.Client]:
    made = [server.agent() for _ in range(2)]
    clients = [server.client(one["api_key"]) for one in made]
    for client, one in zip(clients, made, strict=True):
        client.headers["x-agent"] = one["agent_id"]
    return clients


def candidate(client: httpx2.Client, change: Json) -> Json:
    document: Json = client.get("/api/v1/policy").json()["document"]
    for section, value in change.items():
        document[section] = {**document[section], **value} if isinstance(value, dict) else value
    return document


def backtest(client: httpx2.Client, change: Json, **more: Any) -> Json:
    head = client.get("/api/v1/ledger/head").json()["seq"]
    client.get(f"/api/v1/actions?min_seq={head}")
    body = {"document": candidate(client, change), **more}
    answer = client.post("/api/v1/policy/backtest", json=body)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


def test_every_decision_that_would_have_gone_otherwise_is_listed_with_why(
    operator: httpx2.Client, agents: list[httpx2.Client]
) -> None:
    asked = [ask_patch(client) for client in agents]
    read = agents[0].post("/api/v1/actions", json={"type": "file.read", "params": {"path": "a.txt"}})
    assert read.status_code == 200
    unchanged = backtest(operator, {})
    assert (unchanged["decisions"], unchanged["same"], unchanged["differences"]) == (3, 3, [])
    factors = [
        {
            "name": "changes_source_code",
            "points": 60,
            "level_min": 4,
            "when": [{"field": "diff", "op": "exists"}],
        }
    ]
    report = backtest(operator, {"factors": factors})
    assert (report["decisions"], report["stricter"], report["looser"], report["same"]) == (3, 2, 0, 1)
    assert report["derived_anew"] == 3
    one = report["differences"][0]
    assert one["action_id"] == asked[0]["action_id"]
    assert (one["recorded"]["level"], one["candidate"]["level"]) == (3, 4)
    assert (one["candidate"]["verdict"], one["derivation"]) == ("pending", "anew")
    assert "A parameter demands level 4." in one["why"]
    assert report["ended"] == "complete"
    head = operator.get("/api/v1/ledger/head").json()["seq"]
    assert backtest(operator, {})["until_seq"] == head, "nothing was recorded"


def test_a_backtest_is_of_some_agents_and_of_the_newest(
    operator: httpx2.Client, agents: list[httpx2.Client]
) -> None:
    for client in agents:
        ask_patch(client)
    first = agents[0].headers["x-agent"]
    forbidden = {"envelope": {"forbidden_types": ["repository.patch"]}}
    only = backtest(operator, forbidden, only=[first])
    assert [one["agent_id"] for one in only["differences"]] == [first]
    assert only["differences"][0]["candidate"]["verdict"] == "denied"
    assert first not in {
        one["agent_id"] for one in backtest(operator, forbidden, excluding=[first])["differences"]
    }
    assert backtest(operator, forbidden, last=1)["decisions"] == 1
    assert backtest(operator, forbidden, days=1)["decisions"] == 2


def test_parameters_that_are_gone_are_judged_by_what_was_derived_and_it_is_said(
    server: Running, operator: httpx2.Client, agents: list[httpx2.Client]
) -> None:
    asked = ask_patch(agents[0])
    admin = server.client(server.person("admin"))
    decided = backtest(operator, {"envelope": {"forbidden_types": ["repository.patch"]}})["differences"][0]
    assert decided["action_id"] == asked["action_id"]
    erased = admin.post(f"/api/v1/ledger/events/{decided['seq']}/redact", json={"reason": "asked for"})
    assert erased.status_code == 200, erased.text
    report = backtest(operator, {"envelope": {"forbidden_types": ["repository.patch"]}})
    assert (report["from_record"], report["same"]) == (1, 1)
    assert any("recorded derivation" in note for note in report["notes"])


def test_a_candidate_must_be_sound_and_one(operator: httpx2.Client) -> None:
    unsound = candidate(operator, {"levels": {"low": 4}})
    refused = operator.post("/api/v1/policy/backtest", json={"document": unsound})
    assert (refused.status_code, refused.json()["code"]) == (422, "invalid_policy")
    assert refused.json()["errors"][0]["field"] == "/document/levels"
    for body in ({}, {"document": candidate(operator, {}), "version": 1}):
        assert operator.post("/api/v1/policy/backtest", json=body).json()["code"] == "one_candidate"
    assert operator.post("/api/v1/policy/backtest", json={"version": 9}).status_code == 404
    assert operator.post("/api/v1/policy/backtest", json={"version": 1}).status_code == 200


def test_a_preview_says_who_changes_tier_and_who_would_decide(
    operator: httpx2.Client, agents: list[httpx2.Client]
) -> None:
    head = operator.get("/api/v1/ledger/head").json()["seq"]
    operator.get(f"/api/v1/agents?min_seq={head}")
    document = candidate(operator, {})
    document["trust"]["base"] = 450
    document["routing"]["approve"]["needed"] = 3
    found = operator.post("/api/v1/policy/preview", json={"document": document}).json()
    assert found["agents"] == found["scores_changed"] == len(found["moves"]) == len(agents)
    assert {(one["score"], one["score_after"], one["tier_after"]) for one in found["moves"]} == {
        (300, 450, "TRUSTED")
    }
    now, then = ({one["level"]: one for one in found[when]} for when in ("now", "then"))
    assert (now[3]["needed"], now[3]["missing"], len(now[3]["people"])) == (1, 0, 2)
    assert (then[3]["needed"], then[3]["missing"]) == (3, 1)
    assert now[4]["committee"] == "directors"


def test_packs_are_there_to_begin_from(operator: httpx2.Client) -> None:
    listed = operator.get("/api/v1/policy/packs").json()["items"]
    assert [one["name"] for one in listed] == ["aviation", "finance", "healthcare"]
    found = operator.get("/api/v1/policy/packs/finance").json()
    assert found["text"].startswith("# Finance")
    assert operator.post("/api/v1/policy/preview", json={"document": found["document"]}).status_code == 200
    assert operator.get("/api/v1/policy/packs/none").status_code == 404


def test_other_terms_of_trust_are_played_on_recorded_trust(
    server: Running, operator: httpx2.Client, agents: list[httpx2.Client]
) -> None:
    """A candidate that begins with more trust: its agents would have read unasked (spec 3.4)."""
    for client in agents:
        for number in range(2):
            client.post("/api/v1/actions", json={"type": "file.read", "params": {"path": f"{number}.txt"}})
    unchanged = backtest(operator, {"trust": {"tasks_per_tier": [0, 1, 3, 5, 10, 999]}})
    assert (unchanged["decisions"], unchanged["same"], unchanged["rescored"]) == (4, 4, 0)
    report = backtest(operator, {"trust": {"base": 900}})
    assert report["rescored"] == 4
    assert report["looser"] == 4
    assert {one["candidate"]["verdict"] for one in report["differences"]} == {"permitted"}
    assert any("Played" in note or "played" in note for note in report["notes"])
