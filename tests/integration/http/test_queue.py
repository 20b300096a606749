"""The queue over REST on a running server: dependencies, delays, pausing, silence, the dead letter (spec 2.4)."""

from __future__ import annotations

import time
from typing import Any

import httpx2
import pytest
from tests.integration.http.kit import Running

from watchfloor.fleet.messages import ConnectAgent
from watchfloor.kernel.ids import parse_id
from watchfloor.kernel.messages import SYSTEM
from watchfloor.work.messages import TaskDeadLettered


@pytest.fixture
def need(server: Running) -> str:
    """A capability of this test's own."""
    return f"queue-{time.monotonic_ns()}"


@pytest.fixture
def worker(server: Running, need: str) -> Any:
    """An agent that has it and may be given work over REST: it has a session."""
    return Worker(server, need)


class Worker:
    """An agent without a socket: the engine is told that it is connected."""

    def __init__(self, server: Running, need: str) -> None:
        made = server.agent(capabilities=[need])
        self.id = made["agent_id"]
        self.client = server.client(made["api_key"])
        server.run(connect(server, self.id))

    def report(self, task: str, what: str, generation: int = 1, **more: Any) -> dict[str, Any]:
        answer = self.client.post(f"/api/v1/tasks/{task}/{what}", json={"generation": generation, **more})
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told


async def connect(server: Running, agent: str) -> None:
    """What the hub tells the engine when a socket opens."""
    engine, org = server.engine, server.orgs[0]
    subject = parse_id(agent, "agent")[0]
    session = f"{engine.incarnation}-{subject}"
    await engine.ask(org, ConnectAgent(subject=subject, node=engine.node_name, session=session), SYSTEM)


def submit(client: httpx2.Client, **body: Any) -> str:
    answer = client.post("/api/v1/tasks", json={"title": "t", **body})
    assert answer.status_code == 201, answer.text
    task: str = answer.json()["task_id"]
    return task


def detail(client: httpx2.Client, task: str) -> dict[str, Any]:
    found: dict[str, Any] = client.get(f"/api/v1/tasks/{task}?min_seq={_head(client)}").json()
    return found


def _head(client: httpx2.Client) -> int:
    return int(client.get("/api/v1/ledger/events?limit=1").json()["head"])


def status(client: httpx2.Client, task: str) -> str:
    told: str = detail(client, task)["task"]["status"]
    return told


def eventually(client: httpx2.Client, task: str, wanted: str, seconds: float = 30) -> dict[str, Any]:
    until = time.monotonic() + seconds
    while (found := detail(client, task))["task"]["status"] != wanted:
        assert time.monotonic() < until, found["task"]
        time.sleep(0.05)
    return found


def test_a_task_waits_for_those_it_depends_on_and_is_then_assigned(
    operator: httpx2.Client, worker: Worker, need: str
) -> None:
    first = submit(operator, needs=[need])
    second = submit(operator, needs=[need], depends_on=[first])
    waits = detail(operator, second)
    assert (waits["task"]["status"], waits["task"]["waiting"]) == ("queued", True)
    assert waits["depends_on"] == [{"task_id": first, "status": "assigned", "met": False}]
    worker.report(first, "accept")
    worker.report(first, "complete")
    found = detail(operator, second)
    assert (found["task"]["status"], found["task"]["waiting"]) == ("assigned", False)
    assert found["depends_on"] == [{"task_id": first, "status": "succeeded", "met": True}]
    assert found["task"]["agent_id"] == worker.id


def test_a_failed_dependency_ends_its_dependents_at_once_and_all_of_theirs(
    operator: httpx2.Client, worker: Worker, need: str
) -> None:
    root = submit(operator, needs=[need], max_attempts=1)
    failing = submit(operator, depends_on=[root])
    skipped = submit(operator, depends_on=[root], on_failure="skip")
    chain = [failing]
    for _ in range(30):
        chain.append(submit(operator, depends_on=[chain[-1]]))
    worker.report(root, "reject")
    assert status(operator, root) == "dead_letter"
    assert detail(operator, failing)["task"]["reason"] == "dependency_failed"
    assert (status(operator, failing), status(operator, skipped)) == ("dead_letter", "cancelled")
    eventually(operator, chain[-1], "dead_letter")
    refused = operator.post(f"/api/v1/tasks/{failing}/retry", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "dependency_failed")
    assert operator.post(f"/api/v1/tasks/{root}/retry", json={}).status_code == 200
    assert operator.post(f"/api/v1/tasks/{failing}/retry", json={}).status_code == 200
    assert detail(operator, failing)["task"]["waiting"]


def test_more_dependents_than_one_batch_takes_are_all_told(
    operator: httpx2.Client, worker: Worker, need: str
) -> None:
    root = submit(operator, needs=[need])
    body = {"tasks": [{"title": "t", "depends_on": [root], "needs": ["nobody"]}] * 75}
    dependents = [
        task for _ in range(2) for task in operator.post("/api/v1/tasks/bulk", json=body).json()["task_ids"]
    ]
    worker.report(root, "accept")
    worker.report(root, "complete")
    until = time.monotonic() + 30
    while any(detail(operator, task)["task"]["waiting"] for task in (dependents[0], dependents[-1])):
        assert time.monotonic() < until
        time.sleep(0.05)
    page = operator.get("/api/v1/tasks?limit=150").json()["items"]
    assert {item["task_id"] for item in page} == set(dependents)
    assert not any(item["waiting"] for item in page)


def test_work_of_one_workflow_stays_with_the_agent_that_did_the_newest_and_is_summed(
    server: Running, operator: httpx2.Client, worker: Worker, need: str
) -> None:
    others = [Worker(server, need) for _ in range(3)]
    everybody = {one.id: one for one in (worker, *others)}
    workflow = f"release {need}"
    for _ in range(6):  # somebody does the first, and whoever did it the others, although the others are idle
        task = submit(operator, needs=[need], workflow=workflow)
        keep = submit(operator, needs=["nobody"], workflow=workflow)
        doing = everybody[detail(operator, task)["task"]["agent_id"]]
        everybody = {doing.id: doing}
        doing.report(task, "accept")
        doing.report(task, "complete", cost_micro=7)
    found = operator.get(f"/api/v1/tasks?workflow={workflow}&limit=20&min_seq={_head(operator)}").json()
    assert len(found["items"]) == 12
    assert {item["workflow"] for item in found["items"]} == {workflow}
    assert keep in {item["task_id"] for item in found["items"]}
    total = operator.get(f"/api/v1/economics?by=workflow&workflow={workflow}").json()["items"]
    assert [(one["key"], one["cost_micro"], one["attempts"]) for one in total] == [(workflow, 42, 6)]
    one, *_ = operator.get("/api/v1/economics?by=workflow&limit=1").json()["items"]
    assert one["key"] != "", "what belongs to no workflow is in the total of the organisation"
    assert operator.get("/api/v1/economics?by=agent&workflow=unknown").json()["items"] == []


def test_two_thousand_dependents_of_a_task_that_fails_are_lost_in_slices_and_others_go_on(
    server: Running, operator: httpx2.Client, worker: Worker, need: str
) -> None:
    root = submit(operator, needs=[need], max_attempts=1)
    waiting = [{"title": "t", "depends_on": [root]} for _ in range(100)]
    for number in range(20):
        body = {"tasks": waiting, "idempotency_key": f"{need}-{number}"}
        assert operator.post("/api/v1/tasks/bulk", json=body).status_code == 201
    before = _head(operator)
    worker.report(root, "reject")
    other = submit(operator, needs=[need])
    assert status(operator, other) == "assigned", "it waits for none of them"
    assert len(lost(operator, root)) == 2_000
    events = [row.facts for row in server.engine.events(server.orgs[0], before, 10_000)]
    told = [facts for facts in events if isinstance(facts, TaskDeadLettered) and facts.dependency]
    assert len(told) == 2_000, "each is told once"


def lost(client: httpx2.Client, root: str, seconds: float = 20) -> set[str]:
    """Those that wait for it and are in the dead letter, once that does not change any more."""
    until = time.monotonic() + seconds
    while True:
        found: set[str] = set()
        cursor = ""
        while True:
            query = f"depends_on={root}&status=dead_letter&limit=200&min_seq={_head(client)}&cursor={cursor}"
            page = client.get(f"/api/v1/tasks?{query}").json()
            found |= {item["task_id"] for item in page["items"]}
            cursor = page["next"]
            if not cursor:
                break
        if len(found) >= 2_000 or time.monotonic() > until:
            return found
        time.sleep(0.2)


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"depends_on": ["tsk_q0d1k7m9x2v4"]}, "unknown_dependency", "/depends_on/0"),
        ({"on_failure": "shrug"}, "invalid_fields", "on_failure"),
        ({"not_before_at": 5_000, "deadline_at": 2**52}, "", ""),
    ],
)
def test_what_cannot_be_waited_for_is_refused_at_its_field(
    operator: httpx2.Client, body: dict[str, Any], code: str, field: str
) -> None:
    answer = operator.post("/api/v1/tasks", json={"title": "t", **body})
    assert answer.status_code == (422 if code else 201), answer.text
    if code:
        assert code == answer.json()["code"]
        assert field in answer.text


def test_a_delayed_task_is_assigned_when_its_time_has_come(
    operator: httpx2.Client, worker: Worker, need: str
) -> None:
    at = int(time.time() * 1_000_000) + 700_000
    task = submit(operator, needs=[need], not_before_at=at)
    assert detail(operator, task)["task"]["waiting"]
    eventually(operator, task, "assigned")


def test_a_person_holds_a_task_and_lets_it_go_on(operator: httpx2.Client, worker: Worker, need: str) -> None:
    task = submit(operator, needs=[need])
    worker.report(task, "accept")
    assert operator.post(f"/api/v1/tasks/{task}/pause", json={"reason": "wait"}).status_code == 200
    assert status(operator, task) == "paused"
    listed = operator.get("/api/v1/tasks?status=paused").json()["items"]
    assert task in {item["task_id"] for item in listed}
    listed = operator.get("/api/v1/tasks?status=running").json()["items"]
    assert task not in {item["task_id"] for item in listed}
    assert operator.post(f"/api/v1/tasks/{task}/resume", json={}).status_code == 200
    assert status(operator, task) == "running"
    refused = operator.post(f"/api/v1/tasks/{task}/resume", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_paused")
    worker.report(task, "complete")
    refused = operator.post(f"/api/v1/tasks/{task}/pause", json={"reason": "late"})
    assert (refused.status_code, refused.json()["code"]) == (409, "task_over")


def test_a_silent_agent_is_an_alarm_and_then_loses_the_task(
    operator: httpx2.Client, worker: Worker, need: str
) -> None:
    task = submit(operator, needs=[need], stuck_ms=400, reassign_ms=400, backoff_ms=0)
    worker.report(task, "accept")
    until = time.monotonic() + 30
    while not detail(operator, task)["task"]["stuck_at"]:
        assert time.monotonic() < until
        time.sleep(0.05)
    assert status(operator, task) == "running"
    found = eventually(operator, task, "assigned")
    assert (found["task"]["generation"], found["task"]["attempts"]) == (2, 2)
    late = worker.report(task, "complete", generation=1)
    assert late["late"]


def test_the_dead_letter_is_listed_retried_and_purged(
    operator: httpx2.Client, worker: Worker, need: str
) -> None:
    task = submit(operator, needs=[need], max_attempts=1)
    worker.report(task, "reject", reason="no")
    listed = operator.get(f"/api/v1/tasks?status=dead_letter&min_seq={_head(operator)}").json()["items"]
    assert task in {item["task_id"] for item in listed}
    assert operator.post(f"/api/v1/tasks/{task}/retry", json={}).status_code == 200
    worker.report(task, "reject", generation=2)
    assert operator.post(f"/api/v1/tasks/{task}/purge", json={"reason": "old"}).status_code == 200
    found = detail(operator, task)["task"]
    assert (found["status"], found["reason"]) == ("cancelled", "purged")
    refused = operator.post(f"/api/v1/tasks/{task}/retry", json={})
    assert (refused.status_code, refused.json()["code"]) == (409, "not_dead_letter")


def test_many_tasks_are_submitted_all_or_none_and_once(operator: httpx2.Client, need: str) -> None:
    body = {
        "tasks": [
            {"title": "report", "needs": [need], "depends_on": ["parse", "fetch"]},
            {"title": "fetch", "needs": [need], "ref": "fetch"},
            {"title": "parse", "needs": [need], "ref": "parse", "depends_on": ["fetch"]},
        ],
        "idempotency_key": f"bulk-{need}",
    }
    made = operator.post("/api/v1/tasks/bulk", json=body)
    assert made.status_code == 201, made.text
    report, fetch, parse = made.json()["task_ids"]
    found = detail(operator, report)
    assert [waits["task_id"] for waits in found["depends_on"]] == [parse, fetch]
    assert [found["task"]["title"], detail(operator, fetch)["task"]["title"]] == ["report", "fetch"]
    before = _head(operator)
    again = operator.post("/api/v1/tasks/bulk", json=body)
    assert again.json()["task_ids"] == [report, fetch, parse]
    assert _head(operator) == before
    waiting = operator.get(f"/api/v1/tasks?depends_on={fetch}").json()["items"]
    assert {item["task_id"] for item in waiting} == {report, parse}


@pytest.mark.parametrize(
    ("tasks", "code", "field"),
    [
        (
            [{"ref": "a", "depends_on": ["b"]}, {"ref": "b", "depends_on": ["a"]}],
            "dependency_cycle",
            "/tasks/",
        ),
        ([{"ref": "a", "depends_on": ["a"]}], "dependency_cycle", "/tasks/0/depends_on"),
        ([{"ref": "a"}, {"ref": "a"}], "repeated", "/tasks/1/ref"),
        ([{}, {"depends_on": ["nobody"]}], "unknown_dependency", "/tasks/1/depends_on/0"),
        ([{}, {}, {"deadline_at": 5}], "out_of_range", "/tasks/2/deadline_at"),
        ([{"deadline_at": 5}, {}], "out_of_range", "/tasks/0/deadline_at"),
    ],
)
def test_one_wrong_task_refuses_them_all(
    operator: httpx2.Client, tasks: list[dict[str, Any]], code: str, field: str
) -> None:
    before = _head(operator)
    answer = operator.post("/api/v1/tasks/bulk", json={"tasks": [{"title": "t", **task} for task in tasks]})
    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert field in answer.text
    assert _head(operator) == before


def test_many_tasks_are_changed_by_id_and_by_filter(operator: httpx2.Client, need: str) -> None:
    bulk = {"tasks": [{"title": "t", "needs": [need]} for _ in range(90)]}
    tasks = operator.post("/api/v1/tasks/bulk", json=bulk).json()["task_ids"]
    _head(operator)
    paused = operator.post("/api/v1/tasks/change", json={"operation": "pause", "task_ids": tasks[:40]})
    assert paused.json()["matched"] == 40, paused.text
    eventually(operator, tasks[39], "paused")
    detail(operator, tasks[-1])
    cancelled = operator.post(
        "/api/v1/tasks/change", json={"operation": "cancel", "filter": {"needs": need}, "reason": "enough"}
    )
    assert (cancelled.json()["matched"], cancelled.json()["next"]) == (90, None)
    eventually(operator, tasks[0], "cancelled")
    page = operator.get(f"/api/v1/tasks?needs={need}&limit=200&min_seq={_head(operator)}").json()["items"]
    assert {item["status"] for item in page} == {"cancelled"}
    wrong = operator.post("/api/v1/tasks/change", json={"operation": "cancel"})
    assert wrong.status_code == 422
    nothing = operator.post(
        "/api/v1/tasks/change", json={"operation": "cancel", "filter": {"needs": need, "status": "queued"}}
    )
    assert nothing.json()["matched"] == 0


def test_tasks_are_found_by_part_of_their_id_and_by_deadline(operator: httpx2.Client, need: str) -> None:
    soon = int(time.time() * 1_000_000) + 3_600_000_000
    task = submit(operator, needs=[need], deadline_at=soon)
    submit(operator, needs=[need], deadline_at=soon * 2)
    submit(operator, needs=[need])
    detail(operator, task)
    by_text = operator.get(f"/api/v1/tasks?text={task[6:]}&min_seq={_head(operator)}").json()["items"]
    assert [item["task_id"] for item in by_text] == [task]
    by_deadline = operator.get(f"/api/v1/tasks?needs={need}&deadline_before={soon + 1}").json()["items"]
    assert [item["task_id"] for item in by_deadline] == [task]
