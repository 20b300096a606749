"""People say which agent they mean by its id, its structured code or its name (spec 2.1, 2.5)."""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.http.kit import Running

from watchfloor.cli import agent as command
from watchfloor.cli import budget, kill, onboarding, task, trust
from watchfloor.cli.client import Client, Profile
from watchfloor.cli.output import Failure
from watchfloor.kernel.ids import parse_id


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(Path(tmp_path_factory.mktemp("naming"))).start()
    for role in ("supervisor", "director"):
        running.person(role)
    yield running
    running.stop()


@pytest.fixture(scope="module")
def operator(server: Running) -> Iterator[httpx2.Client]:
    with server.client(server.person("operator")) as client:
        yield client


@pytest.fixture
def at_a_terminal(server: Running, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Who sits there; an operator until said otherwise."""
    with contextlib.ExitStack() as leaving:

        def sit(role: str) -> None:
            client = Client(Profile(server.url, server.person(role).token))
            leaving.enter_context(client._http)
            for module in (command, budget, kill, task, trust):
                monkeypatch.setattr(module, "Client", lambda: client)

        sit("operator")
        yield sit


def made(client: httpx2.Client, name: str, **more: Any) -> dict[str, Any]:
    body = {"name": name, "capabilities": ["development.git"], **more}
    answer = client.post("/api/v1/agents/register", json=body)
    assert answer.status_code == 201, answer.text
    found: dict[str, Any] = answer.json()
    seen(client, found)
    return found


def seen(client: httpx2.Client, recorded: dict[str, Any]) -> None:
    """Lists show it now."""
    assert client.get("/api/v1/tasks", params={"min_seq": recorded["seq"]}).status_code == 200


def printed(capsys: pytest.CaptureFixture[str]) -> Any:
    """What the command printed, among what the server beside it logs to the same place."""
    lines = capsys.readouterr().out.splitlines()
    return json.loads("\n".join(line for line in lines if not LOGGED.match(line)))


LOGGED = re.compile(r"\d{4}-\d\d-\d\d ")
NAMES = ("calm heron", "größer/kleiner?", "100%25 #1", "heron..")


@pytest.mark.parametrize("name", NAMES)
def test_every_name_an_agent_may_have_finds_it(
    operator: httpx2.Client, at_a_terminal: Any, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    wanted = made(operator, name)
    capsys.readouterr()
    for said in (wanted["agent_id"], wanted["structured_id"], name):
        command.show_(said, json=True)
        assert printed(capsys)["agent"]["agent_id"] == wanted["agent_id"], said


def test_commands_that_take_an_agent_take_its_name(
    server: Running, operator: httpx2.Client, at_a_terminal: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    agent = made(operator, "kind otter")["agent_id"]
    capsys.readouterr()
    task.submit("count", agent="kind otter", json=True)
    given = printed(capsys)["task_id"]
    state = server.engine.state(server.orgs[0], "task", parse_id(given, "task")[0])
    assert state.only_agent == parse_id(agent, "agent")[0]
    task.list_(agent="kind otter", json=True)
    assert printed(capsys) == [], "it is not connected, so nothing was given to it"
    trust.history("kind otter", json=True)
    assert printed(capsys) == []
    command.quarantine("kind otter", reason="a look", json=True)
    printed(capsys)
    kill.throw("agent", "kind otter", reason="a look", json=True)
    seen(operator, printed(capsys))
    kill.list_(json=True)
    assert [stop["target"] for stop in printed(capsys) if stop["scope"] == "agent"] == [agent]
    at_a_terminal("director")
    budget.set_("tokens", "100", agent="kind otter", json=True)
    recorded = printed(capsys)
    wanted = recorded["budget_id"]
    seen(operator, recorded)
    budget.list_(target="kind otter", json=True)
    assert [(item["budget_id"], item["target_id"]) for item in printed(capsys)] == [(wanted, agent)]


def test_a_name_that_is_anothers_code_is_refused_with_both_and_one_that_is_anothers_id_hides_nobody(
    operator: httpx2.Client, at_a_terminal: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    first = made(operator, "first")
    posing = made(operator, first["structured_id"])
    with pytest.raises(Failure) as refused:
        command.quarantine(first["structured_id"], reason="which?")
    assert "ambiguous_agent" in str(refused.value)
    assert first["agent_id"] in str(refused.value)
    assert posing["agent_id"] in str(refused.value)
    made(operator, first["agent_id"])
    capsys.readouterr()
    command.quarantine(first["agent_id"], reason="this one", json=True)
    printed(capsys)
    command.show_(first["agent_id"], json=True)
    assert printed(capsys)["agent"]["name"] == "first"


def test_a_name_of_another_organisation_is_not_found(
    server: Running, operator: httpx2.Client, at_a_terminal: Any
) -> None:
    with server.client(server.person("operator", org=server.orgs[1])) as other:
        made(other, "theirs")
    with pytest.raises(Failure, match="there is no such agent"):
        command.show_("theirs")
    with pytest.raises(Failure, match="there is no agent"):
        command.show_("the/irs")


@pytest.mark.parametrize("by", ["name", "agent_id", "structured_id"])
def test_an_agent_is_removed_by_whatever_people_call_it(
    operator: httpx2.Client,
    at_a_terminal: Any,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    by: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    agent = made(operator, f"leaving by {by}")
    folder = tmp_path / onboarding.AGENTS / "any folder"
    folder.mkdir(parents=True)
    (folder / "agent.json").write_text(json.dumps({**agent, "url": "http://127.0.0.1:1"}))
    capsys.readouterr()
    command.remove(agent[by], json=True)
    assert printed(capsys)["agent_id"] == agent["agent_id"]
    seen(operator, operator.post("/api/v1/tasks", json={"title": "later", "needs": ["x"]}).json())
    command.show_(agent["agent_id"], json=True)
    assert printed(capsys)["agent"]["state"] == "retired"
    with pytest.raises(Failure, match="is not the folder of"):
        command.remove(agent[by], json=True)
