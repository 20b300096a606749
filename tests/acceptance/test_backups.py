"""Backups of people, by REST and real receivers: away, too much, another's domain (spec 3.2 *Routing*, spec 10 number 9)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.http.conftest import ask_patch
from tests.integration.http.deciding import broken
from tests.integration.http.kit import Person, Running
from tests.integration.notify.receivers import Receiver, receiving

from watchfloor.kernel.council_terms import BackupTerms, RouteTerms, RoutingTerms
from watchfloor.kernel.ids import parse_id
from watchfloor.kernel.terms import Policy

ADA, BEN = "supervisor", "director"  # handles of kit's people are their roles


def policy(*backups: BackupTerms, tell: str = f"person:{ADA}") -> Policy:
    approve = RouteTerms(role="supervisor", deadline_ms=86_400_000, unanswered="denied", tell=(tell,))
    return Policy(routing=RoutingTerms(approve=approve, backups=backups))


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = Path(tmp_path_factory.mktemp("server"))
    running = Running(folder, config={"outbound_allow": ("127.0.0.1/32",)}).start()
    yield running
    assert [broken(running, org) for org in running.engine.core.nodes] == [[]] * len(
        running.engine.core.nodes
    )
    running.stop()


class Floor:
    """An organisation with a policy of its own, two who may decide, an agent, and where one of them is told."""

    def __init__(self, server: Running, policy: Policy, receiver: Receiver) -> None:
        self.server = server
        self.org = server.run(server.backbone.found("Floor", policy))
        self.ada: Person = server.person(ADA, org=self.org)
        self.ben: Person = server.person(BEN, org=self.org)
        self.agent: httpx2.Client = server.client(server.agent(org=self.org)["api_key"])
        with server.client(self.ben) as client:
            body = {"name": "hook", "means": "webhook", "url": f"http://127.0.0.1:{receiver.port}/ben"}
            assert client.post("/api/v1/notifications/channels", json=body).status_code == 201

    def decision(self, ruling: dict[str, Any]) -> Any:
        subject, _ = parse_id(ruling["decision_id"], "decision")
        return self.server.engine.state(self.org, "decision", subject)

    def taken(self) -> list[Any]:
        events = self.server.engine.events(self.org, 0, 10_000)
        return [event.facts for event in events if event.type == "decision.taken_over/1"]


def eventually(true: Callable[[], Any], within_s: float = 30) -> Any:
    until = time.monotonic() + within_s
    while time.monotonic() < until:
        if found := true():
            return found
        time.sleep(0.02)
    raise AssertionError("it did not happen in time")


def told(receiver: Receiver, text: bytes) -> bytes:
    return eventually(lambda: next((got.body for got in receiver.got if text in got.body), b""))  # type: ignore[no-any-return]


def test_who_was_not_seen_for_long_is_stood_in_for_and_the_backup_decides(server: Running) -> None:
    backup = BackupTerms(of=f"person:{ADA}", by=(f"person:{BEN}",), offline_ms=60_000)
    with receiving() as receiver:
        floor = Floor(server, policy(backup), receiver)
        first = ask_patch(floor.agent)
        time.sleep(0.3)
        assert floor.taken() == [], "everybody counts as seen when the server starts"
        server.backbone.alerting.backups.since_at = 1  # as if it had run since long ago
        with server.client(floor.ben) as client:
            client.get("/api/v1/decisions")  # ben is here
            second = ask_patch(floor.agent)
            told(receiver, b"supervisor was not seen for")
            eventually(lambda: len(floor.taken()) == 2)  # the first one as well, at the next look
            (one, _) = floor.taken()
            assert (one.of, one.by, one.reason) == (f"person:{ADA}", (f"person:{BEN}",), "offline")
            assert one.measured >= 60_000
            assert floor.decision(first).tell == floor.decision(second).tell == (f"person:{BEN}",)
            body = {"vote": "approve", "digest": second["digest"]}
            answer = client.post(f"/api/v1/decisions/{second['decision_id']}/vote", json=body)
            assert answer.json()["status"] == "approved"
            shown = client.get(f"/api/v1/decisions/{second['decision_id']}?min_seq={answer.json()['seq']}")
            assert any(
                "took over from person:supervisor" in line["sentence"] for line in shown.json()["timeline"]
            )
        with server.client(floor.ada) as client:
            client.get("/api/v1/decisions")  # ada is back
        ask_patch(floor.agent)
        time.sleep(0.3)
        assert len(floor.taken()) == 2, "whoever is here decides for themselves"


def test_who_has_too_many_waiting_hands_the_newest_on(server: Running) -> None:
    backup = BackupTerms(of=f"person:{ADA}", by=(f"person:{BEN}",), waiting_max=2)
    with receiving() as receiver:
        floor = Floor(server, policy(backup), receiver)
        rulings = [ask_patch(floor.agent) for _ in range(4)]
        eventually(lambda: len(floor.taken()) == 2)
        assert {facts.reason for facts in floor.taken()} == {"overloaded"}
        told(receiver, b"supervisor has 3 decisions waiting")
        handed_on = [floor.decision(one).tell == (f"person:{BEN}",) for one in rulings]
        assert handed_on == [False, False, True, True]


def test_a_role_hands_what_is_another_roles_domain_on_at_once(server: Running) -> None:
    backup = BackupTerms(of="role:supervisor", by=("role:director",), types=("repository.patch",))
    with receiving() as receiver:
        floor = Floor(server, policy(backup, tell="role:supervisor"), receiver)
        ruling = ask_patch(floor.agent)
        (facts,) = eventually(floor.taken)
        assert (facts.reason, facts.tell) == ("specialist", ("role:director",))
        told(receiver, b"You take over")
        assert floor.decision(ruling).tell == ("role:director",)
