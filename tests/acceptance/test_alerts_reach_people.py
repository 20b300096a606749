"""What must be heard is heard within a minute, by every channel, on a running server with real receivers (spec 3.2, 06; F10)."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import msgspec
import pytest
from tests.integration.http.conftest import ask_patch
from tests.integration.http.kit import Person, Running
from tests.integration.notify.receivers import Receiver, mail_server, receiving

from watchfloor.app import free_port
from watchfloor.kernel.notice_terms import AlertTerms, NoticeTerms
from watchfloor.kernel.terms import Policy
from watchfloor.notify.channels import url_fault

LIMIT_S = 60
HUGE = {
    "type": "reactor.vent",
    "tool": "valve",
    "params": {"percent": 100},
}  # of a class nobody has named: critical


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    assert url_fault("apprise", "ntfy://ntfy.sh/topic") == ""  # plugins are read once; it takes a second
    folder = Path(tmp_path_factory.mktemp("server"))
    running = Running(folder, config={"outbound_allow": ("127.0.0.1/32",)}).start()
    yield running
    running.stop()


class Floor:
    """An organisation: two directors, a supervisor, who is on call, who is not, an admin; and an agent of the latter."""

    def __init__(
        self, server: Running, notices: NoticeTerms | None = None, policy: Policy | None = None
    ) -> None:
        self.server = server
        self.org = server.run(
            server.backbone.found("Floor", policy or Policy(notices=notices or NoticeTerms()))
        )
        self.director = self.person("director")
        self.second = self.person("director", "auditor")
        self.supervisor = self.person("supervisor")
        self.on_call = self.person("operator", "auditor")
        self.bystander = self.person("operator")
        self.admin = self.person("admin")
        layer = {"members": [self.on_call.id], "start": "2026-01-01T09:00", "shift_hours": 168}
        body = {"name": "on_call", "time_zone": "UTC", "layers": [layer]}
        with server.client(self.supervisor) as client:
            made = client.post("/api/v1/schedules", json=body)
            assert made.status_code == 201, made.text
        self.agent_id, key = self.registered()
        self.agent: httpx2.Client = server.client(key)

    def registered(self) -> tuple[str, str]:
        made = self.server.agent(org=self.org)
        return made["agent_id"], made["api_key"]

    def person(self, *roles: str) -> Person:
        return self.server.person(*roles, org=self.org)

    def channel(self, who: Person, name: str, url: str, **more: Any) -> None:
        means = "webhook" if url.startswith("http") else "apprise"
        with self.server.client(who) as client:
            body = {"name": name, "means": means, "url": url, **more}
            answer = client.post("/api/v1/notifications/channels", json=body)
            assert answer.status_code == 201, answer.text

    def hook(self, who: Person, receiver: Receiver, **more: Any) -> None:
        name = "shared" if more.get("shared") else who.handle
        self.channel(who, "hook", f"http://127.0.0.1:{receiver.port}/{name}", **more)


def within(limit_s: float, true: Callable[[], Any]) -> float:
    """How long it took, s."""
    began = time.monotonic()
    while time.monotonic() - began < limit_s:
        if true():
            return time.monotonic() - began
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def told(receiver: Receiver, title: str) -> set[str]:
    """Paths at which a webhook with this in its title arrived."""
    return {
        got.path
        for got in receiver.got
        if got.headers.get("content-type", "").startswith("application/cloudevents")
        and title in msgspec.json.decode(got.body)["data"]["title"]
    }


def test_what_is_critical_reaches_supervisors_and_up_and_who_is_on_call_by_all_their_channels(
    server: Running,
) -> None:
    floor = Floor(server)
    with receiving() as hooks, receiving() as phone, mail_server() as (port, mails):
        for who in (
            floor.director,
            floor.second,
            floor.supervisor,
            floor.on_call,
            floor.bystander,
            floor.admin,
        ):
            floor.hook(who, hooks)
        mail = f"mailto://127.0.0.1:{port}?from=floor@example.com&to=director@example.com&mode=insecure"
        floor.channel(floor.director, "mail", mail, quiet_from="00:00", quiet_until="23:59")
        floor.channel(floor.on_call, "phone", f"ntfy://127.0.0.1:{phone.port}/topic")
        floor.channel(floor.admin, "dead", f"http://127.0.0.1:{free_port()}/")
        floor.hook(floor.admin, hooks, shared=True)
        ruling = ask_patch(floor.agent, **HUGE)
        everybody = {
            f"/{who.handle}" for who in (floor.director, floor.second, floor.supervisor, floor.on_call)
        }
        wanted = everybody | {"/admin", "/shared"}
        took = within(
            LIMIT_S, lambda: told(hooks, "reactor.vent") == wanted and len(mails) == len(phone.got) == 1
        )
        assert took < LIMIT_S
        assert "/operator" not in told(hooks, "reactor.vent"), "neither a supervisor nor on call"
        assert "reactor.vent" in mails[0] and b"reactor.vent" in phone.got[0].body
        # Nobody's link but their own; what is on the page they must decide, at level 4 signed in.
        links = {got.path: msgspec.json.decode(got.body)["data"]["url"] for got in hooks.got}
        assert all(link.endswith(f"/inbox/{ruling['decision_id']}") for link in links.values())
        with server.client(floor.admin) as client:
            until = time.monotonic() + 30  # a delivery is recorded after the receiver has answered
            while True:
                seen = client.get("/api/v1/notifications/deliveries?person=everybody").json()["items"]
                states = {one["person_id"]: (one["state"], one["channel"]) for one in seen}
                if all(state != "open" for state, _ in states.values()) or time.monotonic() > until:
                    break
                time.sleep(0.05)
            assert states["shared:hook"] == ("delivered", "hook")
            assert states[floor.admin.id][0] == "delivered" and "dead" not in states[floor.admin.id][1]
            (component,) = client.get("/health").json()["components"]
            assert (component["name"], component["status"]) == ("notifier", "degraded")
            assert "1 channels do not take messages" in component["detail"]
        with server.client() as nobody:
            assert "components" not in nobody.get("/health").json()


def test_break_glass_a_breaker_and_a_quarantine_are_told_within_a_minute(server: Running) -> None:
    alert = AlertTerms(kinds=("breaker", "quarantined"), tell=("role:admin",), channels=("hook",))
    floor = Floor(server, NoticeTerms(alerts=(alert,)))
    with receiving() as hooks:
        for who in (floor.director, floor.supervisor, floor.admin):
            floor.hook(who, hooks)
        floor.hook(floor.admin, hooks, shared=True)
        ruling = ask_patch(floor.agent)
        with server.client(floor.director) as client:
            body = {"digest": ruling["digest"], "reason": "the site is down"}
            done = client.post(f"/api/v1/decisions/{ruling['decision_id']}/force", json=body)
            assert done.json()["status"] == "forced", done.text
        within(LIMIT_S, lambda: told(hooks, "Forced past the people") == {"/director", "/admin"})
        for _ in range(3):
            _fails(floor)
        within(LIMIT_S, lambda: told(hooks, "Circuit breaker opened") >= {"/supervisor", "/admin", "/shared"})
        with server.client(floor.bystander) as client:
            done = client.post(f"/api/v1/agents/{floor.agent_id}/quarantine", json={"reason": "odd"})
            assert done.status_code == 200, done.text
        within(LIMIT_S, lambda: told(hooks, "Agent quarantined") >= {"/supervisor", "/admin", "/shared"})
        assert "/shared" not in told(hooks, "Forced"), "an alert that names it says what it is told"


def _fails(floor: Floor) -> None:
    """One action of the agent is approved, started and fails."""
    ruling = ask_patch(floor.agent)
    with floor.server.client(floor.supervisor) as client:
        body = {"vote": "approve", "digest": ruling["digest"]}
        answer = client.post(f"/api/v1/decisions/{ruling['decision_id']}/vote", json=body)
        assert answer.json()["status"] == "approved", answer.text
    place = f"/api/v1/actions/{ruling['action_id']}"
    granted = floor.agent.get(f"{place}?min_seq={answer.json()['seq']}").json()
    started = floor.agent.post(
        f"{place}/start",
        json={"grant_id": granted["grant"]["grant_id"], "execution_id": "e1", "digest": ruling["digest"]},
    )
    assert started.status_code == 200, started.text
    failed = floor.agent.post(f"{place}/fail", json={"execution_id": "e1", "reason": "broken"})
    assert failed.status_code == 200, failed.text


def test_the_organisations_channels_are_its_admins_to_set(server: Running) -> None:
    floor = Floor(server)
    body = {"name": "room", "means": "console", "shared": True}
    with server.client(floor.director) as client:
        assert client.post("/api/v1/notifications/channels", json=body).status_code == 403
    with server.client(floor.admin) as client:
        made = client.post("/api/v1/notifications/channels", json=body)
        assert made.status_code == 201, made.text
        listed = client.get("/api/v1/notifications/channels?shared=true").json()["items"]
        assert [(one["name"], one["one_tap"]) for one in listed] == [("room", False)]
        assert client.get("/api/v1/notifications/channels").json()["items"] == []
        named = {"name": "room", "shared": True}
        assert client.post("/api/v1/notifications/channels/test", json=named).json()["delivered"]
        assert client.post("/api/v1/notifications/channels/remove", json=named).status_code == 200
        environment = {**os.environ, "WATCHFLOOR_URL": server.url, "WATCHFLOOR_TOKEN": floor.admin.token}
        assert "room: set" in run(environment, "notify", "set", "room", "--shared", "--severity", "info")
        listed = run(environment, "notify", "list", "--shared")
        assert "room" in listed and "console" in listed
        assert "room: delivered" in run(environment, "notify", "test", "room", "--shared")
        assert client.post("/api/v1/notifications/channels/remove", json=named).status_code == 200
    events = server.engine.events(floor.org, 0, 1_000)
    noted = [event.facts.change for event in events if event.type == "organisation.channel_noted/1"]  # type: ignore[attr-defined]
    assert noted == ["set", "removed"] * 2


def ask_at_level_one(floor: Floor) -> dict[str, Any]:
    body = {"type": "web.fetch", "tool": "browser", "params": {"page": "x"}, "reason": "why"}
    ruling: dict[str, Any] = floor.agent.post("/api/v1/actions", json=body).json()
    assert (ruling["verdict"], ruling["level"]) == ("permitted", 1), ruling
    return ruling


def test_what_ran_at_level_one_is_told_to_the_owner_in_one_message(server: Running) -> None:
    terms = Policy()
    policy = msgspec.structs.replace(
        terms,
        auto=msgspec.structs.replace(terms.auto, score_min=0, medium_allowed=True),
        levels=msgspec.structs.replace(terms.levels, medium=0),
        types={**terms.types, "web.fetch": "read"},
    )
    floor = Floor(server, policy=policy)
    digests = server.backbone.alerting.digests
    server.run(digests.look(floor.org))
    with receiving() as hooks:
        floor.hook(floor.bystander, hooks, severity_min="info")  # who registered it owns it
        ask_at_level_one(floor)
        within(LIMIT_S, lambda: server.backbone.views.seq(floor.org) >= server.engine.head(floor.org))
        hooks.mode = "fails"
        server.run(digests.look(floor.org))
        hooks.mode = "takes"
        server.run(digests.look(floor.org))
        server.run(digests.look(floor.org))
        taken = [msgspec.json.decode(got.body)["data"] for got in hooks.got]
    assert len(taken) == 2 and taken[0] == taken[1], "tried again, then told once"
    assert taken[0]["title"] == "1 action ran at level 1, which you are told of"
    assert taken[0]["text"].endswith(": web.fetch 1.") and taken[0]["kind"] == "notified"


def run(environment: dict[str, str], *words: str) -> str:
    """What the command line prints."""
    program = str(Path(sys.executable).parent / "watchfloor")
    done = subprocess.run(
        [program, *words], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
