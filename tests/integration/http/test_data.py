"""People's own SQL over REST and the command line, saved queries and views (spec 6 *Saved queries*, 7 *Data*; G13, I5, J10)."""

from __future__ import annotations

import csv
import io
import os
import subprocess
import sys
from typing import Any

import httpx2
import pytest
from tests.integration.http.kit import Running

from watchfloor.engine.projections import TABLES
from watchfloor.http.desk import Kept
from watchfloor.kernel.limits import SAVED_PER_PERSON_MAX, SAVED_VIEW_BYTES_MAX


def ask(client: httpx2.Client, sql: str, status: int = 200, **more: Any) -> dict[str, Any]:
    answer = client.post("/api/v1/sql", json={"sql": sql, **more})
    assert answer.status_code == status, answer.text
    found: dict[str, Any] = answer.json()
    return found


def test_every_query_sees_its_own_organisation(server: Running, operator: httpx2.Client) -> None:
    theirs = server.client(server.person("operator", org=server.orgs[1]))
    for client, title in ((operator, "ours"), (theirs, "of the others")):
        task = client.post("/api/v1/tasks", json={"title": title}).json()
        client.get(f"/api/v1/tasks/{task['task_id']}", params={"min_seq": task["seq"]})
    for client, org in ((operator, server.orgs[0]), (theirs, server.orgs[1])):
        found = ask(
            client,
            "SELECT DISTINCT org FROM tasks UNION SELECT org FROM people UNION SELECT org FROM timeline",
        )
        assert found["rows"] == [[org]]
        assert found["columns"] == ["org"]
        assert found["seq"] > 0
        organisations = ask(client, "SELECT count(*) FROM organisations")
        assert organisations["rows"] == [[1]]


def test_what_is_refused_names_the_statement(operator: httpx2.Client) -> None:
    for sql, status, code in (
        ("DELETE FROM tasks", 403, "query_refused"),
        ("SELECT * FROM main.tasks", 403, "query_refused"),
        ("SELECT nonesuch FROM tasks", 422, "query_wrong"),
    ):
        problem = ask(operator, sql, status)
        assert (problem["code"], problem["errors"][0]["field"]) == (code, "/sql")


def test_sign_ins_are_for_admins_and_auditors(server: Running, operator: httpx2.Client) -> None:
    shown = {table["name"] for table in operator.get("/api/v1/sql/schema").json()["tables"]}
    assert shown == {table.name for table in TABLES} - {"credentials"}
    ask(operator, "SELECT * FROM credentials", 403)
    for role in ("admin", "auditor"):
        client = server.client(server.person(role))
        assert ask(client, "SELECT count(*) > 0 FROM credentials")["rows"] == [[1]]
        schema = client.get("/api/v1/sql/schema").json()
        (table,) = (table for table in schema["tables"] if table["name"] == "agents")
        names = [column["name"] for column in table["columns"]]
        assert ask(client, "SELECT * FROM agents", limit=1)["columns"] == names


def test_csv_is_no_formula(operator: httpx2.Client) -> None:
    answer = operator.post(
        "/api/v1/sql.csv", json={"sql": "SELECT '=cmd()' AS word, -1 AS number, '-x' AS more"}
    )
    assert answer.headers["content-type"].startswith("text/csv")
    assert list(csv.reader(io.StringIO(answer.text))) == [
        ["word", "number", "more"],
        ["'=cmd()", "-1", "'-x"],
    ]


def test_a_saved_query_is_its_owners_and_shared_within_the_organisation(server: Running) -> None:
    mine = server.client(server.person("operator"))
    other = server.client(server.person("supervisor"))
    foreign = server.client(server.person("operator", org=server.orgs[1]))
    body = {"name": "open", "sql": "SELECT 1"}
    assert mine.post("/api/v1/queries", json=body).json()["own"] is True
    assert not other.get("/api/v1/queries").json()["items"]
    mine.post("/api/v1/queries", json={**body, "sql": "SELECT 2", "shared": True})
    (seen,) = other.get("/api/v1/queries").json()["items"]
    assert (seen["name"], seen["sql"], seen["own"], seen["owner_name"]) == (
        "open",
        "SELECT 2",
        False,
        "operator",
    )
    assert seen["owner"] == server.person("operator").id
    assert foreign.get("/api/v1/queries").json()["items"] == []
    for client in (other, foreign):
        assert client.post("/api/v1/queries/remove", json={"name": "open"}).status_code == 404
    assert mine.post("/api/v1/queries/remove", json={"name": "open"}).status_code == 200
    assert mine.get("/api/v1/queries").json()["items"] == []


def test_saved_views_are_personal_and_bounded(server: Running) -> None:
    mine, other = server.client(server.person("auditor")), server.client(server.person("supervisor"))
    view = {"page": "tasks", "name": "failed", "state": "status=failed"}
    assert mine.post("/api/v1/saved-views", json=view).status_code == 200
    assert mine.post("/api/v1/saved-views", json={**view, "page": "agents"}).status_code == 200
    assert [item["page"] for item in mine.get("/api/v1/saved-views?page=tasks").json()["items"]] == ["tasks"]
    assert len(mine.get("/api/v1/saved-views").json()["items"]) == 2
    assert other.get("/api/v1/saved-views").json()["items"] == []
    assert (
        other.post("/api/v1/saved-views/remove", json={"page": "tasks", "name": "failed"}).status_code == 404
    )
    for wrong in ({"state": "x" * (SAVED_VIEW_BYTES_MAX + 1)}, {"page": "../x"}, {"name": ""}):
        assert mine.post("/api/v1/saved-views", json={**view, **wrong}).status_code == 422
    auditor = server.person("auditor").subject
    for number in range(SAVED_PER_PERSON_MAX - 2):
        kept = Kept(
            kind="view", owner=auditor, place="x", name=str(number), body="", shared=False, changed_at=1
        )
        server.services.desk.keep(server.orgs[0], kept)
    assert mine.post("/api/v1/saved-views", json={**view, "name": "more"}).json()["code"] == "too_many"
    assert mine.post("/api/v1/saved-views", json={**view, "state": "anew"}).status_code == 200, (
        "in place of it"
    )


@pytest.fixture
def shell(server: Running) -> Any:
    def run(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        environment = {
            **os.environ,
            "WATCHFLOOR_URL": server.url,
            "WATCHFLOOR_TOKEN": server.person("operator").token,
        }
        command = [sys.executable, "-c", "from watchfloor.cli import main; main()", "sql", *arguments]
        return subprocess.run(
            command, env=environment, input=stdin, capture_output=True, text=True, timeout=60, check=False
        )

    return run


def test_the_command_line_asks_saves_and_lists(shell: Any) -> None:
    shown = shell("SELECT 'a' AS word, NULL AS none")
    assert shown.returncode == 0, shown
    assert shown.stdout.splitlines()[0].split() == ["word", "none"], shown.stderr
    assert shell("save", "one", "SELECT 1 AS x").returncode == 0
    assert shell("--saved", "one", "--form", "csv").stdout.splitlines() == ["x", "1"]
    assert "one" in shell("saved").stdout
    assert "instant" in shell("tables", "agents").stdout
    refused = shell("--file", "/dev/stdin", stdin="DROP TABLE agents")
    assert (refused.returncode, "query_refused" in refused.stderr) == (3, True)
