"""Handing on by REST, the lineage of a task, and an invalid delegation (spec 2.2)."""

from __future__ import annotations

from tests.integration.http.kit import Running


def test_a_part_that_must_not_be_is_answered_and_the_lineage_of_a_task_is_seen(server: Running) -> None:
    person = server.client(server.person("operator"))
    made = server.agent("handing-on", capabilities=["handing.on"])
    agent = server.client(made["api_key"])
    task = person.post("/api/v1/tasks", json={"title": "t", "needs": ["handing.on"]}).json()
    path = f"/api/v1/tasks/{task['task_id']}"
    none = agent.post(f"{path}/delegate", json={"generation": 1, "title": "p"})
    assert (none.status_code, none.json()["code"]) == (409, "not_held")
    seen = person.get(f"{path}/lineage", params={"min_seq": task["seq"]}).json()
    assert seen["task"]["task_id"] == task["task_id"]
    assert (seen["task"]["depth"], seen["ancestors"], seen["parts"], seen["chain"]) == (0, [], [], [])
    hidden = agent.get(f"{path}/lineage")
    assert hidden.status_code == 404  # it is not this agent's
