"""Actions over REST: ruling, trace, grant, outcome, dry run, stops, standing approvals (spec 3.1 to 3.3)."""

from __future__ import annotations

import json
import time
from hashlib import sha256
from typing import Any

import httpx2
import msgspec
from tests.integration.http.conftest import DIFF, ask_patch
from tests.integration.http.kit import Running

from watchfloor.actions.disclosures import SecretDisclosed
from watchfloor.actions.dry_runs import DryRunJudged
from watchfloor.kernel.ids import parse_id


def granted(server: Running, agent: httpx2.Client) -> tuple[dict[str, str], dict[str, str]]:
    """An approved action and its grant."""
    ruling = ask_patch(agent)
    supervisor = server.client(server.person("supervisor"))
    vote = supervisor.post(
        f"/api/v1/decisions/{ruling['decision_id']}/vote",
        json={"vote": "approve", "digest": ruling["digest"]},
    )
    assert vote.json()["status"] == "approved", vote.text
    detail = agent.get(f"/api/v1/actions/{ruling['action_id']}?min_seq={vote.json()['seq']}").json()
    return ruling, detail["grant"]


def test_the_ruling_explains_itself_and_binds_to_what_would_run(agent: httpx2.Client) -> None:
    ruling = ask_patch(agent)
    assert ruling["risk"]["score"] == sum(factor["points"] for factor in ruling["risk"]["factors"])
    assert all(reason["text"] and reason["answer"] != "pass" for reason in ruling["reasons"])
    detail = agent.get(f"/api/v1/actions/{ruling['action_id']}?min_seq={ruling['seq']}").json()
    assert detail["params"] == {"diff": DIFF, "path": "demo"}
    assert detail["words"] == "unused import"
    assert len(detail["trace"]) > len(ruling["reasons"])
    assert {line["rule"] for line in detail["trace"] if line["answer"] != "pass"} == {
        reason["rule"] for reason in ruling["reasons"]
    }


def test_a_grant_is_used_once_for_exactly_what_was_approved(server: Running, agent: httpx2.Client) -> None:
    ruling, grant = granted(server, agent)
    action = msgspec.json.encode(
        {"params": {"diff": DIFF, "path": "demo"}, "tool": "git", "type": "repository.patch"}, order="sorted"
    )
    assert sha256(bytes.fromhex(grant["salt"]) + action).hexdigest() == grant["digest"] == ruling["digest"]
    path = f"/api/v1/actions/{ruling['action_id']}"
    other = agent.post(
        f"{path}/start", json={"grant_id": grant["grant_id"], "execution_id": "e1", "digest": "0" * 64}
    )
    assert (other.status_code, other.json()["code"]) == (403, "grant_misused")
    started = agent.post(
        f"{path}/start",
        json={"grant_id": grant["grant_id"], "execution_id": "e1", "digest": ruling["digest"]},
    )
    assert started.json()["status"] == "executing", started.text
    again = agent.post(f"{path}/start", json={"grant_id": grant["grant_id"], "execution_id": "e1"})
    assert again.json()["status"] == "executing"
    second = agent.post(f"{path}/start", json={"grant_id": grant["grant_id"], "execution_id": "e2"})
    assert second.json()["code"] == "grant_misused"
    done = agent.post(f"{path}/complete", json={"execution_id": "e1", "outcome": {"commit": "abc"}})
    assert done.json()["status"] == "completed"
    assert agent.post(f"{path}/fail", json={"execution_id": "e1"}).json()["code"] == "already_over"


def test_people_do_not_see_the_salt(server: Running, agent: httpx2.Client, operator: httpx2.Client) -> None:
    ruling, grant = granted(server, agent)
    assert grant["salt"]
    assert operator.get(f"/api/v1/actions/{ruling['action_id']}").json()["grant"]["salt"] == ""


def test_a_grant_of_another_action_is_refused(server: Running, agent: httpx2.Client) -> None:
    first, grant = granted(server, agent)
    second, _ = granted(server, agent)
    answer = agent.post(
        f"/api/v1/actions/{second['action_id']}/start",
        json={"grant_id": grant["grant_id"], "execution_id": "x"},
    )
    assert (answer.status_code, answer.json()["code"]) == (404, "unknown_grant")
    assert first["digest"] != second["digest"], "salted: equal actions have different digests"


def test_a_dry_run_records_nothing(server: Running, agent: httpx2.Client, operator: httpx2.Client) -> None:
    before = server.engine.head(server.orgs[0])
    body = {"type": "payment.send", "params": {"amount_micro": 5}}
    for answer in (
        agent.post("/api/v1/actions/dry-run", json=body),
        agent.post("/api/v1/actions", json={**body, "dry_run": True}),
        operator.post("/api/v1/actions/dry-run", json={**body, "agent_id": agent.headers["x-agent"]}),
    ):
        assert answer.status_code == 200, answer.text
        ruling = answer.json()
        assert ruling["dry_run"]
        assert ruling["level"] == 4
        assert (ruling["action_id"], ruling["grant"], ruling["seq"]) == ("", None, before)
    assert server.engine.head(server.orgs[0]) == before
    assert operator.post("/api/v1/actions/dry-run", json=body).status_code == 422


def test_a_secret_in_what_is_reported_costs_trust_and_is_said_without_it(
    server: Running, agent: httpx2.Client, operator: httpx2.Client
) -> None:
    ruling, grant = granted(server, agent)
    path, who = f"/api/v1/actions/{ruling['action_id']}", agent.headers["x-agent"]
    start = {"grant_id": grant["grant_id"], "execution_id": "x1", "digest": ruling["digest"]}
    assert agent.post(f"{path}/start", json=start).json()["status"] == "executing"
    before = operator.get(f"/api/v1/agents/{who}/trust").json()["score"]
    secret = "AKIA" + "ABCDEFGHIJKLMNOP"
    done = agent.post(f"{path}/complete", json={"execution_id": "x1", "outcome": {"log": f"key {secret}"}})
    assert done.json()["status"] == "completed", done.text
    after = operator.get(f"/api/v1/agents/{who}/trust?min_seq={done.json()['seq']}").json()["score"]
    assert after <= before - 40, "a security violation, less what completing it gave"
    told = server.engine.events(server.orgs[0], done.json()["seq"] - 1, 20)
    (event,) = [one for one in told if isinstance(one.facts, SecretDisclosed)]
    assert (event.facts.secrets, secret in str(event)) == (("aws_access_key",), False)  # type: ignore[attr-defined]


def test_a_dry_run_leaves_one_line_where_it_is_asked_to_and_moves_nothing_else(
    server: Running, agent: httpx2.Client, operator: httpx2.Client
) -> None:
    org = server.orgs[0]
    number = parse_id(agent.headers["x-agent"], "agent")[0]
    cells = (("activity", number), ("types", (number, "payment.send")), ("spend", number))
    before, head = [server.engine.cell(org, *cell) for cell in cells], server.engine.head(org)
    body = {
        "type": "Payment.Send", "params": {"amount_micro": 7}, "agent_id": agent.headers["x-agent"],
        "reason": "would it?", "audit": True,
    }  # fmt: skip
    ruling = operator.post("/api/v1/actions/dry-run", json=body).json()
    assert (ruling["dry_run"], ruling["grant"], ruling["seq"]) == (True, None, head)
    assert ruling["audit_seq"] == server.engine.head(org) == head + 1, (
        "one event, and nothing follows from it"
    )
    line = server.engine.event(org, ruling["audit_seq"])
    assert line is not None
    facts = line.facts
    assert isinstance(facts, DryRunJudged)
    assert (line.actor.kind, facts.agent, facts.action_type) == ("person", number, "payment.send")
    assert (facts.verdict, facts.level, facts.digest) == ("pending", 4, ruling["digest"])
    assert facts.judged_at == head
    salt, private = server.engine.private(org, line.seq) or (b"", b"")
    assert json.loads(private)["reason"] == "would it?"
    assert (
        sha256(salt + msgspec.json.encode(json.loads(private)["action"], order="sorted")).hexdigest()
        == facts.digest
    )
    assert [server.engine.cell(org, *cell) for cell in cells] == before
    found = operator.get(f"/api/v1/ledger/events?after={head}").json()["items"]
    assert [item["event"]["type"] for item in found] == ["dry_run.judged/1"]


def test_an_action_can_be_withdrawn_and_its_decision_ends(
    agent: httpx2.Client, operator: httpx2.Client
) -> None:
    ruling = ask_patch(agent)
    gone = agent.post(f"/api/v1/actions/{ruling['action_id']}/cancel", json={"reason": "not needed"})
    assert gone.status_code == 200
    decision = operator.get(f"/api/v1/decisions/{ruling['decision_id']}?min_seq={gone.json()['seq']}").json()[
        "decision"
    ]
    assert decision["status"] in ("cancelled", "pending")


def test_lists_filter_by_what_they_say(agent: httpx2.Client, operator: httpx2.Client) -> None:
    ruling = ask_patch(agent)
    own = agent.get(f"/api/v1/actions?status=pending&min_seq={ruling['seq']}").json()["items"]
    assert [item["action_id"] for item in own] == [ruling["action_id"]]
    by_agent = operator.get(f"/api/v1/actions?agent={agent.headers['x-agent']}&verdict=pending").json()[
        "items"
    ]
    assert [item["decision_id"] for item in by_agent] == [ruling["decision_id"]]
    inbox = operator.get("/api/v1/decisions?status=pending").json()["items"]
    assert [item["deadline_at"] for item in inbox] == sorted(item["deadline_at"] for item in inbox)


def test_a_decision_has_an_etag_that_changes_with_it(
    server: Running, agent: httpx2.Client, supervisor: httpx2.Client
) -> None:
    ruling = ask_patch(agent)
    path = f"/api/v1/decisions/{ruling['decision_id']}"
    first = supervisor.get(f"{path}?min_seq={ruling['seq']}")
    assert supervisor.get(path, headers={"if-none-match": first.headers["etag"]}).status_code == 304
    body = {"vote": "abstain", "digest": ruling["digest"]}
    assert supervisor.post(f"{path}/vote", json=body, headers={"if-match": '"1"'}).status_code == 412
    vote = supervisor.post(f"{path}/vote", json=body, headers={"if-match": first.headers["etag"]}).json()
    assert supervisor.get(f"{path}?min_seq={vote['seq']}").headers["etag"] != first.headers["etag"]


def test_what_may_not_be_decided_is_recorded_as_refused(
    server: Running, agent: httpx2.Client, operator: httpx2.Client
) -> None:
    ruling = ask_patch(agent)
    path = f"/api/v1/decisions/{ruling['decision_id']}"
    answer = operator.post(f"{path}/vote", json={"vote": "approve", "digest": ruling["digest"]})
    assert (answer.status_code, answer.json()["code"]) == (403, "own_agent")
    votes = operator.get(f"{path}?min_seq={answer.json()['seq']}").json()["votes"]
    assert votes[0]["refused"] == "own_agent"


def test_a_stop_is_in_force_at_once_and_takes_another_person_to_lift(
    server: Running, agent: httpx2.Client, operator: httpx2.Client, supervisor: httpx2.Client
) -> None:
    target = agent.headers["x-agent"]
    stop = operator.post(
        "/api/v1/stops", json={"scope": "agent", "target": target, "reason": "wrong branch"}
    ).json()
    refused = agent.post("/api/v1/actions", json={"type": "file.read"})
    assert (refused.status_code, refused.json()["code"]) == (403, "stopped")
    listed = operator.get(f"/api/v1/stops?state=in_force&min_seq={stop['seq']}").json()["items"]
    assert (listed[0]["stop_id"], listed[0]["target"]) == (stop["stop_id"], target)
    lifted = supervisor.post(f"/api/v1/stops/{stop['stop_id']}/lift", json={"reason": "mended"})
    assert lifted.status_code == 200
    assert agent.post("/api/v1/actions", json={"type": "file.read"}).status_code == 200
    again = operator.post(
        "/api/v1/stops",
        json={"scope": "agent", "target": target, "reason": "x"},
        headers={"idempotency-key": "stop-1"},
    )
    repeat = operator.post(
        "/api/v1/stops",
        json={"scope": "agent", "target": target, "reason": "x"},
        headers={"idempotency-key": "stop-1"},
    )
    assert again.json() == repeat.json()
    assert len(server.engine.stops.in_force(server.orgs[0])) == 1
    supervisor.post(f"/api/v1/stops/{again.json()['stop_id']}/lift", json={})
    assert server.engine.stops.in_force(server.orgs[0]) == []


def test_nobody_lifts_their_own_stop(supervisor: httpx2.Client, admin: httpx2.Client) -> None:
    stop = supervisor.post(
        "/api/v1/stops", json={"scope": "tool", "target": "Own Tool", "reason": "x"}
    ).json()
    answer = supervisor.post(f"/api/v1/stops/{stop['stop_id']}/lift", json={})
    assert (answer.status_code, answer.json()["code"]) == (403, "needs_another_person")
    assert admin.post(f"/api/v1/stops/{stop['stop_id']}/lift", json={}).status_code == 200


def test_a_standing_approval_is_given_listed_and_revoked(
    server: Running, agent: httpx2.Client, supervisor: httpx2.Client
) -> None:
    body = {
        "agent_id": agent.headers["x-agent"],
        "type": "file.write",
        "expires_at": server.engine.clock() + 3_600_000_000,
    }
    made = supervisor.post("/api/v1/standing-approvals", json=body)
    assert made.status_code == 201, made.text
    listed = supervisor.get(f"/api/v1/standing-approvals?min_seq={made.json()['seq']}").json()["items"]
    assert listed[0]["type"] == "file.write"
    assert (
        supervisor.post(f"/api/v1/standing-approvals/{made.json()['standing_id']}/revoke").status_code == 200
    )


def test_actions_are_listed_by_level_by_who_decided_and_by_time(
    server: Running, operator: httpx2.Client, supervisor: httpx2.Client
) -> None:
    made = server.agent("listed")
    agent = server.client(made["api_key"])
    standing = {"agent_id": made["agent_id"], "type": "file.read"}
    until = server.engine.clock() + 3_600_000_000
    supervisor.post("/api/v1/standing-approvals", json={**standing, "expires_at": until}).raise_for_status()
    auto = agent.post(
        "/api/v1/actions", json={"type": "file.read", "tool": "fs", "params": {"path": "a"}}
    ).json()
    assert auto["verdict"] == "permitted"
    held = ask_patch(agent)
    grave = ask_patch(agent, type="system.shutdown", tool="kubernetes")
    between = server.engine.clock()
    while server.engine.clock() <= between:
        time.sleep(0.001)
    forbidden = {"type": "file.read", "tool": "fs", "params": {"path": "/etc/shadow"}}
    denied = agent.post("/api/v1/actions", json=forbidden).json()
    assert [one["verdict"] for one in (held, grave, denied)] == ["pending", "pending", "denied"], (
        held,
        grave,
    )
    of = made["agent_id"]

    def found(query: str) -> set[str]:
        """By the agent's slabs, and by the key or an index of everybody's: the same rows."""
        path = f"/api/v1/actions?{query}&min_seq={denied['seq']}"
        everybody = operator.get(f"{path}&limit=200").json()["items"]
        mine = operator.get(f"{path}&limit=200&agent={of}").json()["items"]
        assert [one for one in everybody if one["agent_id"] == of] == mine
        assert all(one["agent_name"] == "listed" for one in mine)
        return {one["action_id"] for one in mine}

    ids = {one["action_id"]: one for one in (auto, held, grave, denied)}
    assert found("") == set(ids)
    assert found(f"level={held['level']}") == {
        name for name, one in ids.items() if one["level"] == held["level"]
    }
    assert found("level=4") == {name for name, one in ids.items() if one["level"] == 4}
    assert found("by=people") == {held["action_id"], grave["action_id"]}
    assert found("by=automatic") == {auto["action_id"]}
    assert found("status=denied") == {denied["action_id"]}
    assert found(f"from_at={between + 1}") == {denied["action_id"]}
    assert found(f"to_at={between + 1}") == set(ids) - {denied["action_id"]}
    assert found(f"from_at={between + 86_400_000_000}") == set()
    assert found("to_at=1&by=people") == set()
    # Page by page, both ways of reading; nothing twice, nothing left out.
    for query in (
        f"agent={of}",
        "by=people",
        f"from_at=1&agent={of}&to_at={denied_at(operator, denied) + 1}",
    ):
        seen: list[str] = []
        cursor: str | None = ""
        while cursor is not None:
            page = operator.get(f"/api/v1/actions?{query}&limit=1&cursor={cursor}").json()
            seen += [one["action_id"] for one in page["items"]]
            cursor = page["next"]
        whole = operator.get(f"/api/v1/actions?{query}&limit=200").json()["items"]
        assert seen == [one["action_id"] for one in whole]
    for wrong in ("level=5", "by=me", "from_at=-1"):
        assert operator.get(f"/api/v1/actions?{wrong}").json()["code"] == "invalid_parameters"
    assert agent.get("/api/v1/actions?by=people").json()["items"], (
        "an agent sees its own, by the same filters"
    )


def denied_at(client: httpx2.Client, ruling: dict[str, Any]) -> int:
    at: int = client.get(f"/api/v1/actions/{ruling['action_id']}").json()["action"]["decided_at"]
    return at
