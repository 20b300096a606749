"""Alarms about reviewers on a running server: rubber stamps and bias (spec 3.2 *Inbox*)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from tests.integration.http.conftest import ask_patch
from tests.integration.http.kit import Running

Client = httpx2.Client


@pytest.fixture(scope="module")
def quick(server: Running) -> Iterator[Client]:
    """A supervisor who does not read; the policy looks at five reviews."""
    director = server.client(server.person("director"))
    now = director.get("/api/v1/policy")
    policy = now.json()["document"]
    policy["anomalies"] |= {"reviews": 5, "bias_reviews": 13}
    answer = director.put("/api/v1/policy", json=policy, headers={"if-match": now.headers["etag"]})
    assert answer.status_code == 200, answer.text
    with server.client(server.person("supervisor", "auditor")) as client:
        yield client


def decide(agent: Client, who: Client, say: str, *, looking: bool) -> None:
    ruling = ask_patch(agent)
    path = f"/api/v1/decisions/{ruling['decision_id']}"
    if looking:
        assert who.post(f"{path}/seen", json={}).status_code == 200
    answer = who.post(f"{path}/vote", json={"vote": say, "digest": ruling["digest"]})
    assert answer.status_code == 200, answer.text


def found(server: Running, client: Client, what: str) -> list[dict[str, Any]]:
    head = server.engine.head(server.orgs[0])
    answer = client.get("/api/v1/anomalies", params={"what": what, "min_seq": str(head)})
    items: list[dict[str, Any]] = answer.json()["items"]
    return items


def test_who_decides_faster_than_anybody_reads_is_told_of_with_the_votes_and_cannot_clear_it(
    server: Running, agent: Client, quick: Client, supervisor: Client
) -> None:
    me = quick.get("/api/v1/me").json()["id"]
    for _ in range(4):
        decide(agent, quick, "approve", looking=True)
    decide(agent, quick, "approve", looking=False)
    assert found(server, supervisor, "rubber_stamp") == [], "four measured reviews are too few"
    decide(agent, quick, "approve", looking=True)
    (stamp,) = found(server, supervisor, "rubber_stamp")
    assert (stamp["about"], stamp["unit"], stamp["threshold"]) == (me, "ms", 3_000)
    for seq in stamp["evidence"]:
        assert supervisor.get(f"/api/v1/ledger/events/{seq}").json()["event"]["type"] == "decision.voted/1"
    path = f"/api/v1/anomalies/{stamp['anomaly_id']}/resolve"
    body = {"outcome": "false_alarm", "reason": "I read fast"}
    assert quick.post(path, json=body).json()["code"] == "own_agent"
    assert supervisor.post(path, json=body | {"outcome": "confirmed"}).status_code == 200


def test_whose_approvals_are_far_from_the_others_is_told_of(
    server: Running, quick: Client, supervisor: Client
) -> None:
    agents = [server.client(server.agent()["api_key"]) for _ in range(4)]  # one alone would be a runaway
    for turn in range(13):
        decide(agents[turn % 4], supervisor, "deny", looking=False)
        decide(agents[turn % 4], quick, "approve", looking=False)
    about = {item["about"] for item in found(server, supervisor, "reviewer_bias")}
    me = quick.get("/api/v1/me").json()["id"]
    assert any(what.startswith(f"{me} type:repository.patch") for what in about), about
    alerts = supervisor.get("/api/v1/alerts", params={"what": "anomaly", "status": "active"}).json()["items"]
    assert any(alert["title"].startswith("Reviewer bias: supervisor-auditor") for alert in alerts)
