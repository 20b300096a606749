"""Budgets on a running server: set, asked of by the gate, settled, used up, raised, removed (spec 2.4, 3.3; fault F12)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest
from tests.integration.http.kit import Running

from watchfloor.fleet.messages import ConnectAgent
from watchfloor.kernel.ids import parse_id
from watchfloor.kernel.messages import SYSTEM
from watchfloor.trust.messages import AdjustTrust

Client = httpx2.Client


@pytest.fixture(scope="module")
def director(server: Running) -> Iterator[Client]:
    with server.client(server.person("director")) as client:
        yield client


def limit(client: Client, measure: str, number: int, target: str = "", **more: Any) -> str:
    """Set a budget; its id."""
    scope = more.pop("scope", "agent" if target else "organisation")
    body = {"scope": scope, "target_id": target, "measure": measure, "limit": number, **more}
    answer = client.post("/api/v1/budgets", json=body)
    assert answer.status_code == 201, answer.text
    budget: str = answer.json()["budget_id"]
    return budget


def shown(client: Client, budget: str, seq: int = 0) -> dict[str, Any]:
    answer = client.get(f"/api/v1/budgets/{budget}?min_seq={seq}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def listed(client: Client, state: str, budget: str, seq: int = 0) -> bool:
    asked: dict[str, str | int] = {"state": state, "limit": 200, "min_seq": seq}
    items = client.get("/api/v1/budgets", params=asked).json()["items"]
    return budget in [item["budget_id"] for item in items]


def read(agent: Client, **more: Any) -> dict[str, Any]:
    """Ask to read a file, which a machine may permit."""
    body = {"type": "file.read", "tool": "fs", "params": {"path": "README.md"}, **more}
    answer = agent.post("/api/v1/actions", json=body)
    assert answer.status_code == 200, answer.text
    ruling: dict[str, Any] = answer.json()
    return ruling


def refused_by(ruling: dict[str, Any]) -> set[str]:
    return {reason["rule"] for reason in ruling["reasons"] if reason["answer"] == "deny"}


def trusted(server: Running, agent: Client) -> str:
    """A standing approval, so that reads run at once; the agent's id."""
    agent_id: str = agent.headers["x-agent"]
    answer = server.client(server.person("supervisor")).post(
        "/api/v1/standing-approvals",
        json={"agent_id": agent_id, "type": "file.read", "expires_at": server.engine.clock() + 10**12},
    )
    assert answer.status_code == 201, answer.text
    return agent_id


def run(agent: Client, ruling: dict[str, Any], **outcome: Any) -> int:
    """Start and complete a permitted action; the seq."""
    assert ruling["grant"], ruling
    path = f"/api/v1/actions/{ruling['action_id']}"
    started = agent.post(
        f"{path}/start", json={"grant_id": ruling["grant"]["grant_id"], "execution_id": "exe_1"}
    )
    assert started.status_code == 200, started.text
    done = agent.post(f"{path}/complete", json={"execution_id": "exe_1", **outcome})
    assert done.status_code == 200, done.text
    seq: int = done.json()["seq"]
    return seq


def test_a_budget_reserves_before_and_settles_after(server: Running, agent: Client, director: Client) -> None:
    budget = limit(director, "money", 1_000, trusted(server, agent))
    ruling = read(agent, cost_micro=300)
    found = shown(director, budget, ruling["seq"])
    assert (found["spent"], found["reserved"], found["left"]) == (0, 300, 700)
    found = shown(director, budget, run(agent, ruling, cost_micro=120))
    assert (found["spent"], found["reserved"], found["left"]) == (120, 0, 880)
    found = shown(director, budget, run(agent, read(agent, cost_micro=80)))
    assert (found["spent"], found["reserved"]) == (200, 0), "who does not say is charged what was reserved"
    found = shown(director, budget, run(agent, read(agent, cost_micro=80), cost_micro=0))
    assert (found["spent"], found["reserved"]) == (200, 0), "nothing said is not nothing spent"


def test_a_budget_that_runs_out_stops_new_actions_and_says_so(
    server: Running, agent: Client, director: Client
) -> None:
    budget = limit(director, "tokens", 100, trusted(server, agent))
    first = read(agent, tokens=90)
    over = read(agent, tokens=20)
    assert over["verdict"] == "denied"
    assert refused_by(over) == {"a_budget_is_used_up"}
    (said,) = (r["text"] for r in over["reasons"] if r["rule"] == "a_budget_is_used_up")
    assert said == f"Budget {budget} of the agent has 10 of 100 tokens left (and 90 reserved); 20 asked."
    assert read(agent, tokens=0)["verdict"] == "permitted", (
        "what asks for nothing passes while something is left"
    )
    found = shown(director, budget, over["seq"])
    assert (found["state"], found["exhausted_at"]) == ("turned_away", 0), "something is left"
    assert found["turned_away_at"] > 0
    assert listed(director, "exhausted", budget) is False
    assert listed(director, "turned_away", budget) is True
    seq = run(agent, first, tokens=130)
    found = shown(director, budget, seq)
    assert (found["spent"], found["reserved"], found["left"]) == (130, 0, 0)
    assert found["warned_at"] > 0
    assert found["exhausted_at"] > 0
    assert refused_by(read(agent, tokens=0)) == {"a_budget_is_used_up"}
    assert found["state"] == "exhausted"
    assert listed(director, "exhausted", budget) is True
    assert listed(director, "turned_away", budget) is False
    assert limit(director, "tokens", 1_000, agent.headers["x-agent"]) == budget
    ruling = read(agent, tokens=20)
    assert ruling["verdict"] == "permitted"
    assert listed(director, "exhausted", budget, ruling["seq"]) is False, "another limit made room"


def test_what_nobody_estimated_is_too_much(server: Running, agent: Client, director: Client) -> None:
    budget = limit(director, "money", 10**12, trusted(server, agent))
    ruling = read(agent)
    assert ruling["verdict"] == "denied"
    assert refused_by(ruling) == {"the_cost_is_not_estimated"}
    assert read(agent, cost_micro=0)["verdict"] == "permitted"
    removed = director.post(f"/api/v1/budgets/{budget}/remove", json={"reason": "over"})
    assert removed.status_code == 200, removed.text
    assert read(agent)["verdict"] == "permitted"
    gone = director.get(f"/api/v1/budgets?state=removed&min_seq={removed.json()['seq']}").json()["items"]
    assert [item["reason"] for item in gone if item["budget_id"] == budget] == ["over"]


def test_an_unknown_outcome_keeps_its_reservation_until_it_is_settled(
    server: Running, agent: Client, director: Client
) -> None:
    budget = limit(director, "actions", 2, trusted(server, agent))
    first, second = read(agent), read(agent)
    assert refused_by(read(agent)) == {"a_budget_is_used_up"}
    cancelled = agent.post(f"/api/v1/actions/{second['action_id']}/cancel", json={"reason": "not needed"})
    assert cancelled.status_code == 200, cancelled.text
    assert shown(director, budget, cancelled.json()["seq"])["left"] == 1
    found = shown(director, budget, run(agent, first))
    assert (found["spent"], found["reserved"], found["left"]) == (1, 0, 1)


def test_a_budget_of_the_organisation_counts_every_agent(server: Running, director: Client) -> None:
    other = server.orgs[1]
    boss = server.client(server.person("director", org=other))
    one, two = (server.client(server.agent(org=other)["api_key"]) for _ in range(2))
    budget = limit(boss, "actions", 1, period="day")
    assert read(one)["verdict"] == "pending"
    assert refused_by(read(two)) == {"a_budget_is_used_up"}
    assert shown(boss, budget)["reserved"] == 1
    assert director.get(f"/api/v1/budgets/{budget}").status_code == 404


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"scope": "organisation", "measure": "money", "limit": 1, "target_id": "agt_1"}, "invalid_fields"),
        ({"scope": "agent", "measure": "money", "limit": 1}, "invalid_fields"),
        ({"scope": "agent", "measure": "money", "limit": 1, "target_id": "agt_zzzz"}, "not_found"),
        ({"scope": "agent", "measure": "money", "limit": -1}, "invalid_fields"),
        ({"scope": "fleet", "measure": "money", "limit": 1}, "invalid_fields"),
        ({"scope": "organisation", "measure": "gold", "limit": 1}, "invalid_fields"),
    ],
)
def test_a_budget_that_makes_no_sense_is_refused(director: Client, body: dict[str, Any], code: str) -> None:
    answer = director.post("/api/v1/budgets", json=body)
    assert answer.status_code in (404, 422)
    assert answer.json()["code"] == code


def test_budgets_are_listed_by_what_they_are_for(server: Running, agent: Client, director: Client) -> None:
    budget = limit(director, "time", 60_000, agent.headers["x-agent"])
    assert shown(director, budget, server.engine.head(server.orgs[0]))["measure"] == "time"
    found = director.get(f"/api/v1/budgets?target={agent.headers['x-agent']}&measure=time").json()["items"]
    assert [item["budget_id"] for item in found] == [budget]
    assert director.get("/api/v1/budgets?target=dec_1").status_code == 404


# Tasks -----------------------------------------------------------------------------------------------------------------


class Worker:
    """An agent that is there and takes tasks over REST. Trusted: it may hold several tasks."""

    def __init__(self, server: Running) -> None:
        made = server.agent()
        self.id: str = made["agent_id"]
        self.client = server.client(made["api_key"])
        self.server = server
        org = server.orgs[0]
        self.subject = parse_id(self.id, "agent")[0]
        server.run(
            server.engine.ask(org, AdjustTrust(subject=self.subject, points=300, reason="test"), SYSTEM)
        )
        connect = ConnectAgent(subject=self.subject, node="elsewhere", session=f"s{self.subject}")
        server.run(server.engine.ask(org, connect, SYSTEM))

    def report(self, what: str, task: str, generation: int = 1, **body: Any) -> int:
        answer = self.client.post(f"/api/v1/tasks/{task}/{what}", json={"generation": generation, **body})
        assert answer.status_code == 200, answer.text
        seq: int = answer.json()["seq"]
        return seq


def submitted(operator: Client, worker: Worker, **body: Any) -> str:
    answer = operator.post("/api/v1/tasks", json={"title": "x", "agent_id": worker.id, **body})
    assert answer.status_code == 201, answer.text
    task: str = answer.json()["task_id"]
    return task


def task_of(server: Running, client: Client, task: str) -> dict[str, Any]:
    """The task as people see it now."""
    answer = client.get(f"/api/v1/tasks/{task}?min_seq={server.engine.head(server.orgs[0])}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_a_task_reserves_its_estimate_and_settles_what_it_took(
    server: Running, operator: Client, director: Client
) -> None:
    worker = Worker(server)
    budget = limit(director, "money", 1_000, worker.id)
    estimate = {"cost_micro": 400, "value_micro": 2_000, "rationale": "as the last ten"}
    task = submitted(operator, worker, estimate=estimate)
    assert task_of(server, operator, task)["task"]["status"] == "assigned"
    assert shown(director, budget)["reserved"] == 400
    waiting = submitted(operator, worker, estimate={"cost_micro": 601})
    found = task_of(server, operator, waiting)["task"]
    assert found["status"] == "queued"
    assert found["over_budget"] == f"{budget} has 600 of 1000 micro units of money left, 601 asked"
    worker.report("accept", task)
    seq = worker.report("complete", task, cost_micro=250, tokens=90)
    assert shown(director, budget, seq)["spent"] == 250
    assert task_of(server, operator, waiting)["task"]["status"] == "assigned", "what became free is given out"
    said = task_of(server, operator, task)["economics"]
    assert (said["estimated_cost_micro"], said["rationale"]) == (400, "as the last ten")
    assert (said["cost_micro"], said["tokens"], said["unreported"]) == (250, 90, 0)
    assert (said["value_micro"], said["assessed_by"]) == (None, ""), "nobody checked it"
    assessed = operator.post(
        f"/api/v1/tasks/{task}/assess", json={"value_micro": 1_000, "reason": "used daily"}
    )
    assert assessed.status_code == 200, assessed.text
    said = task_of(server, operator, task)["economics"]
    assert (said["value_micro"], said["assessed_by"], said["assessment"]) == (1_000, "person", "used daily")
    assert said["roi_permille"] == 3_000
    total = director.get(f"/api/v1/economics?by=agent&agent={worker.id}").json()["items"]
    assert [(t["key"], t["cost_micro"], t["value_micro"], t["roi_permille"]) for t in total] == [
        (worker.id, 250, 1_000, 3_000)
    ]


def test_an_absurd_report_does_not_use_up_everybodys_budget_until_a_person_confirms_it(
    server: Running, operator: Client, director: Client
) -> None:
    worker = Worker(server)
    budget = limit(director, "money", 100_000_000, worker.id)
    task = submitted(operator, worker, estimate={"cost_micro": 500_000})
    worker.report("accept", task)
    seq = worker.report("complete", task, cost_micro=2**53 - 1)
    assert shown(director, budget, seq)["spent"] == 5_000_000, "ten times what was expected"
    query = f"/api/v1/anomalies?agent={worker.id}&min_seq={server.engine.head(server.orgs[0])}"
    (anomaly,) = director.get(query).json()["items"]
    assert (anomaly["what"], anomaly["measured"], anomaly["threshold"]) == (
        "cost_report",
        2**53 - 1,
        5_000_000,
    )
    again = submitted(operator, worker, estimate={"cost_micro": 1})
    worker.report("accept", again)
    seq = worker.report("fail", again, reason="x", retryable=False, cost_micro=2**53 - 1)
    assert shown(director, budget, seq)["spent"] == 6_000_000
    assert len(director.get(f"{query}&limit=5").json()["items"]) == 1, "people look at it already"
    body = {"outcome": "confirmed", "reason": "the invoice says so"}
    answer = director.post(f"/api/v1/anomalies/{anomaly['anomaly_id']}/resolve", json=body)
    assert answer.status_code == 200, answer.text
    found = shown(director, budget, answer.json()["seq"])
    assert found["left"] == 0
    assert found["spent"] == 2**53 - 1, "capped: absurd sums saturate"


def test_a_task_nobody_estimated_waits_until_somebody_does_or_bounds_it(
    server: Running, operator: Client, director: Client
) -> None:
    worker = Worker(server)
    limit(director, "tokens", 1_000, worker.id)
    first, second = submitted(operator, worker), submitted(operator, worker)
    found = task_of(server, operator, first)["task"]
    assert found["status"] == "queued"
    assert found["over_budget"].endswith("limits tokens, and nobody estimated how much the task takes")
    assert operator.post(f"/api/v1/tasks/{first}/estimate", json={"tokens": 10}).status_code == 200
    assert task_of(server, operator, first)["task"]["status"] == "assigned"
    limit(director, "tokens", 500, second, scope="lineage")
    assert task_of(server, operator, second)["task"]["status"] == "assigned"


def test_a_budget_given_with_a_task_bounds_its_actions_and_ends_with_it(
    server: Running, operator: Client, director: Client
) -> None:
    worker = Worker(server)
    worker.client.headers["x-agent"] = worker.id
    trusted(server, worker.client)
    task = submitted(operator, worker, budget={"money_micro": 100, "seconds": 60})
    worker.report("accept", task)
    (money,) = (
        item["budget_id"]
        for item in director.get(
            f"/api/v1/budgets?target={task}&measure=money&min_seq={server.engine.head(server.orgs[0])}"
        ).json()["items"]
    )
    inside = {"task_id": task, "generation": 1}
    assert shown(director, money)["reserved"] == 100
    assert refused_by(read(worker.client, cost_micro=101, **inside)) == {"a_budget_is_used_up"}
    assert refused_by(read(worker.client, **inside)) == {"the_cost_is_not_estimated"}
    ruling = read(worker.client, cost_micro=60, **inside)
    assert (shown(director, money)["reserved"], shown(director, money)["spent"]) == (100, 0)
    run(worker.client, ruling, cost_micro=45)
    assert (shown(director, money)["reserved"], shown(director, money)["spent"]) == (55, 45)
    seq = worker.report("complete", task)
    found = shown(director, money, seq)
    assert found["removed_at"] > 0
    assert found["reason"] == "task_over"
    said = task_of(server, operator, task)["economics"]
    assert (said["cost_micro"], said["unreported"]) == (45, 1)


def test_who_says_nothing_is_charged_everything_and_who_rejects_nothing(
    server: Running, operator: Client, director: Client
) -> None:
    worker = Worker(server)
    budget = limit(director, "money", 1_000, worker.id)
    task = submitted(operator, worker, estimate={"cost_micro": 300}, max_attempts=1)
    worker.report("reject", task, reason="no")
    assert shown(director, budget, server.engine.head(server.orgs[0]))["left"] == 1_000
    task = submitted(operator, worker, estimate={"cost_micro": 300}, max_attempts=1)
    worker.report("accept", task)
    seq = worker.report("fail", task, reason="broken")
    assert shown(director, budget, seq)["spent"] == 300
    task = submitted(operator, worker, estimate={"cost_micro": 300}, max_attempts=1)
    worker.report("accept", task)
    seq = worker.report("fail", task, reason="broken", cost_micro=10)
    assert shown(director, budget, seq)["spent"] == 310


def test_raising_a_budget_of_the_organisation_gives_out_what_waited(server: Running) -> None:
    other = server.orgs[1]
    boss = server.client(server.person("director", org=other))
    for item in boss.get("/api/v1/budgets").json()["items"]:
        boss.post(f"/api/v1/budgets/{item['budget_id']}/remove", json={})
    made = server.agent(org=other)
    subject = parse_id(made["agent_id"], "agent")[0]
    connect = ConnectAgent(subject=subject, node="elsewhere", session="so")
    server.run(server.engine.ask(other, connect, SYSTEM))
    limit(boss, "money", 10, period="day")
    body = {"title": "x", "agent_id": made["agent_id"], "estimate": {"cost_micro": 20}}
    task = boss.post("/api/v1/tasks", json=body).json()["task_id"]

    def status() -> str:
        seq = server.engine.head(other)
        found: str = boss.get(f"/api/v1/tasks/{task}?min_seq={seq}").json()["task"]["status"]
        return found

    assert status() == "queued"
    limit(boss, "money", 20, period="day")
    deadline = time.monotonic() + 30
    while status() == "queued" and time.monotonic() < deadline:
        time.sleep(0.05)
    assert status() == "assigned"


def test_totals_are_paged_and_filtered_and_only_finished_tasks_are_assessed(
    server: Running, operator: Client, director: Client
) -> None:
    worker = Worker(server)
    tasks = [submitted(operator, worker) for _ in range(2)]
    early = operator.post(f"/api/v1/tasks/{tasks[0]}/assess", json={"value_micro": 1})
    assert (early.status_code, early.json()["code"]) == (409, "task_not_over")
    for task in tasks:
        worker.report("accept", task)
        worker.report("complete", task, cost_micro=5, tokens=1)
    seq = server.engine.head(server.orgs[0])
    path = f"/api/v1/economics?by=task&agent={worker.id}&limit=1&min_seq={seq}"
    first = director.get(path).json()
    second = director.get(f"{path}&cursor={first['next']}").json()
    assert [page["items"][0]["key"] for page in (first, second)] == tasks[::-1]
    assert second["next"] is None
    everything = director.get("/api/v1/economics").json()["items"]
    days = director.get("/api/v1/economics?by=day").json()["items"]
    agents = director.get("/api/v1/economics?by=agent&limit=200").json()["items"]
    for number in ("cost_micro", "tokens", "value_micro", "attempts"):
        assert everything[0][number] == sum(day[number] for day in days) == sum(a[number] for a in agents)
    assert director.get("/api/v1/economics?by=day&to_at=86400000000").json()["items"] == []
    assert director.get("/api/v1/economics?by=fleet").status_code == 422


def test_a_budget_of_an_agent_with_all_it_spawned_counts_the_agents_own_actions(
    server: Running, agent: Client, director: Client
) -> None:
    public = trusted(server, agent)
    budget = limit(director, "money", 100, public, scope="spawned")
    assert shown(director, budget)["scope"] == "spawned"
    seq = run(agent, read(agent, cost_micro=80), cost_micro=80)
    assert shown(director, budget, seq)["spent"] == 80
    assert refused_by(read(agent, cost_micro=30)) == {"a_budget_is_used_up"}
    assert director.post(f"/api/v1/budgets/{budget}/remove", json={"reason": "over"}).status_code == 200
