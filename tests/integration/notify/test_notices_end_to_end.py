"""From an agent's request to a message with a link, on a running server; channels by REST (spec 3.2, 06)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from tests.integration.http.conftest import ask_patch
from tests.integration.http.kit import Running
from tests.integration.notify.receivers import Receiver, receiving

from watchfloor.fleet.messages import ConnectAgent
from watchfloor.kernel.ids import parse_id
from watchfloor.kernel.messages import SYSTEM


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(
        Path(tmp_path_factory.mktemp("server")), config={"outbound_allow": ("127.0.0.1/32",)}
    ).start()
    for role in ("supervisor", "director"):
        running.person(role)
    yield running
    running.stop()


def wait_for(receiver: Receiver, text: bytes) -> Any:
    until = time.monotonic() + 20
    while time.monotonic() < until:
        for got in receiver.got:
            if text in got.body:
                return got
        time.sleep(0.02)
    raise AssertionError(f"nothing with {text!r} arrived; there is {receiver.got}")


def states(client: httpx2.Client, words: str) -> list[str]:
    """Of the deliveries with these words in their title, once none is open: recorded after the receiver has answered."""
    until = time.monotonic() + 15
    while True:
        seen = client.get("/api/v1/notifications/deliveries").json()["items"]
        found = [one["state"] for one in seen if words in one["title"]]
        if (found and "open" not in found) or time.monotonic() > until:
            return found
        time.sleep(0.05)


def test_a_supervisor_hears_of_a_decision_with_a_link_to_it(server: Running) -> None:
    boss = server.person("supervisor")
    made = server.agent()
    with receiving() as receiver, server.client(boss) as client, server.client(made["api_key"]) as agent:
        url = f"http://127.0.0.1:{receiver.port}/secret-path"
        answer = client.post(
            "/api/v1/notifications/channels", json={"name": "hook", "means": "webhook", "url": url}
        )
        assert answer.status_code == 201, answer.text
        assert answer.json()["signing_secret"].startswith("whsec_")
        tested = client.post("/api/v1/notifications/channels/test", json={"name": "hook"})
        assert tested.json() == {"delivered": True, "error": ""}
        ask_patch(agent)
        got = wait_for(receiver, b"Decision needed")
        told = msgspec.json.decode(got.body)["data"]
        assert told["url"].startswith(f"{server.backbone.base_url}/tap/wf_tap_")
        page = server.client().get(told["url"].removeprefix(server.backbone.base_url))
        assert "You vote as" in page.text and "import sys" in page.text
        assert "import sys" not in got.body.decode() and "unused import" not in got.body.decode()
        listed = client.get("/api/v1/notifications/channels").text
        assert "secret-path" not in listed and str(receiver.port) not in listed
        assert states(client, "Decision needed") == ["delivered"]
        gone = client.post("/api/v1/notifications/channels/remove", json={"name": "hook"})
        assert gone.status_code == 200, gone.text
        assert client.get("/api/v1/notifications/channels").json()["items"] == []
        again = client.post("/api/v1/notifications/channels/remove", json={"name": "hook"})
        assert again.status_code == 404
    events = server.engine.events(server.orgs[0], 0, 1_000)
    noted = [event.facts.change for event in events if event.type == "person.channel_noted/1"]  # type: ignore[attr-defined]
    assert noted == ["set", "removed"]
    ledger = server.backbone.directory.database.read_bytes()
    assert b"secret-path" not in ledger, "the ledger knows no address"


def test_other_peoples_channels_are_theirs_and_the_admins(server: Running) -> None:
    boss, operator, admin = (server.person(role) for role in ("supervisor", "operator", "admin"))
    body = {"name": "log", "means": "console", "person": boss.handle}
    assert server.client(operator).post("/api/v1/notifications/channels", json=body).status_code == 403
    assert server.client(operator).get(f"/api/v1/notifications/channels?person={boss.id}").status_code == 403
    assert server.client(operator).get("/api/v1/notifications/deliveries?person=everybody").status_code == 403
    with server.client(admin) as client:
        assert client.post("/api/v1/notifications/channels", json=body).status_code == 201
        assert client.get("/api/v1/notifications/deliveries?person=everybody").status_code == 200
        wrong = body | {"means": "webhook", "url": "http://169.254.169.254/x"}
        assert client.post("/api/v1/notifications/channels", json=wrong).status_code == 422
        wrong = body | {"time_zone": "Mars/Base"}
        assert client.post("/api/v1/notifications/channels", json=wrong).status_code == 422
        wrong = body | {"person": "nobody"}
        assert client.post("/api/v1/notifications/channels", json=wrong).status_code == 422


def test_a_domain_that_passes_on_by_itself_is_told_to_the_supervisor_and_so_is_that_nobody_is_left(
    server: Running,
) -> None:
    """A supervising agent is gone: who has its work now, and at last that it is with people (spec 2.3, scenario 9)."""
    engine, org = server.engine, server.orgs[0]
    ids = {
        name: server.agent(name, type=kind, capabilities=["plan"])["agent_id"]
        for name, kind in (
            ("night-first", "orchestrator"),
            ("night-second", "orchestrator"),
            ("night-hand", "worker"),
        )
    }
    first, second = (parse_id(ids[name], "agent")[0] for name in ("night-first", "night-second"))
    for agent in (first, second):
        session = f"{engine.incarnation}.{agent:08x}"
        server.run(
            engine.ask(org, ConnectAgent(subject=agent, node=engine.node_name, session=session), SYSTEM)
        )
    with receiving() as receiver, server.client(server.person("supervisor")) as client:
        url = f"http://127.0.0.1:{receiver.port}/night"
        client.post(
            "/api/v1/notifications/channels/remove", json={"name": "log"}
        )  # of another test, and first
        hook = {"name": "night", "means": "webhook", "url": url}
        assert client.post("/api/v1/notifications/channels", json=hook).status_code == 201
        domain = {
            "domain": "night shift", "primary_id": ids["night-first"], "backup_ids": [ids["night-second"]],
            "member_ids": [ids["night-hand"]], "patience_ms": 500,
        }  # fmt: skip
        made = client.post("/api/v1/supervision", json=domain)
        assert (made.status_code, made.json()["holder_id"]) == (201, ids["night-first"]), made.text
        for agent, title, severity in (
            (ids["night-first"], "night-second supervises night shift now", "warning"),
            (ids["night-second"], "Nobody supervises night shift", "immediate"),
        ):
            held = client.post(f"/api/v1/agents/{agent}/quarantine", json={"reason": "odd"})
            assert held.status_code == 200, held.text
            told = msgspec.json.decode(wait_for(receiver, title.encode()).body)["data"]
            assert (told["title"], told["severity"]) == (title, severity)
        about = states(client, "night shift")
        assert about == ["delivered", "delivered"], "each is told once"
        assert client.post("/api/v1/notifications/channels/remove", json={"name": "night"}).status_code == 200
