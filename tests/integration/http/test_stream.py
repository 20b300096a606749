"""The event stream: nothing missed, nothing twice, nothing that is not one's own (spec 7; faults C10, C11, D5, S1)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx2
import msgspec
import pytest
from tests.integration.http.kit import Person, Running


class Stream:
    """Reads server-sent events until it has what it wants."""

    def __init__(self, answer: httpx2.Response) -> None:
        self.answer = answer
        self._lines = answer.iter_lines()
        self.last_id = 0
        self.events: list[dict[str, Any]] = []
        self.named: list[tuple[str, dict[str, Any]]] = []

    def step(self) -> None:
        """One message or comment."""
        name, data = "", ""
        for line in self._lines:
            if not line:
                break
            field, _, value = line.partition(": ")
            if field == "id":
                self.last_id = int(value)
            elif field == "event":
                name = value
            elif field == "data":
                data = value
        else:
            raise EOFError
        if data and name:
            self.named.append((name, msgspec.json.decode(data)))
        elif data:
            self.events.append(msgspec.json.decode(data))

    def until(self, seq: int) -> list[int]:
        """Read on to a seq; returns the seqs of the events seen so far."""
        while self.last_id < seq:
            self.step()
        return [event["seq"] for event in self.events]


@contextmanager
def opened(
    server: Running, who: Person | str, path: str = "/api/v1/stream", **headers: str
) -> Iterator[Stream]:
    with (
        server.client(who) as client,
        client.stream(
            "GET", path, headers={name.replace("_", "-"): v for name, v in headers.items()}
        ) as answer,
    ):
        assert answer.status_code == 200, answer.read()
        yield Stream(answer)


def submit(client: httpx2.Client, count: int = 1) -> int:
    """Submit tasks; the last seq."""
    seq = 0
    for number in range(count):
        seq = client.post("/api/v1/tasks", json={"title": f"stream {number}"}).json()["seq"]
    return seq


def test_what_happens_is_told_with_its_seq_and_public_id(server: Running, operator: httpx2.Client) -> None:
    with opened(server, server.person("operator")) as stream:
        stream.step()
        made = operator.post("/api/v1/tasks", json={"title": "secret title"}).json()
        stream.until(made["seq"])
        event = stream.events[-1]
        assert event["subject"] == {"kind": "task", "id": made["task_id"]}
        assert event["type"] == "task.submitted/1"
        assert "secret title" not in msgspec.json.encode(event).decode(), "private parts are not streamed"


def test_a_client_that_comes_back_misses_nothing_and_sees_nothing_twice(
    server: Running, operator: httpx2.Client
) -> None:
    person = server.person("operator")
    with opened(server, person) as stream:
        stream.step()
        first = submit(operator, 3)
        seen = stream.until(first)
    second = submit(operator, 5)
    with opened(server, person, last_event_id=str(stream.last_id)) as resumed:
        third = submit(operator, 2)
        seen += resumed.until(third)
    assert third > second
    assert seen == list(range(seen[0], third + 1))


def test_a_stream_may_begin_anywhere_and_takes_the_rest_from_the_ledger(
    server: Running, operator: httpx2.Client
) -> None:
    head = submit(operator)
    with opened(server, server.person("operator", "auditor"), "/api/v1/stream?after=0") as stream:
        assert stream.until(head) == list(range(1, head + 1))
        assert {event["subject"]["kind"] for event in stream.events if event["subject"]["id"]} >= {
            "person",
            "task",
        }


def test_too_old_or_unheard_of_positions_are_told_to_resync(
    server: Running, operator: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    head = submit(operator)
    operator.get(f"/api/v1/tasks?min_seq={head}")
    monkeypatch.setattr("watchfloor.http.stream.BEHIND_MAX", 2)
    with opened(server, server.person("operator"), last_event_id="1") as stream:
        stream.step()
        assert stream.named == [("resync", {"seq": head, "reason": "too_old"})]
    with opened(server, server.person("operator"), last_event_id=str(head + 10_000)) as stream:
        stream.step()
        assert stream.named[0][1]["reason"] == "ahead"


def test_everyone_sees_what_is_theirs(server: Running, operator: httpx2.Client) -> None:
    made = server.agent()
    with (
        opened(server, made["api_key"], "/api/v1/stream?after=0") as own,
        opened(server, server.person("operator"), "/api/v1/stream?after=0") as people,
        opened(server, server.person("auditor"), "/api/v1/stream?after=0") as all_of_it,
    ):
        head = submit(operator)
        for stream in (people, all_of_it):
            stream.until(head)
        with server.client(made["api_key"]) as agent:
            seq = agent.post("/api/v1/actions", json={"type": "file.read", "params": {"path": "x"}}).json()[
                "seq"
            ]
        own.until(seq)
        assert {event["subject"]["id"] for event in own.events if event["type"].startswith("agent.")} == {
            made["agent_id"]
        }
        assert all(
            event["facts"].get("agent", 0) or event["subject"]["kind"] in ("agent", "trust")
            for event in own.events
        )
        mine = server.person("operator").id
        assert {event["subject"]["id"] for event in people.events if event["type"].startswith("person.")} <= {
            mine
        }
        assert (
            len({event["subject"]["id"] for event in all_of_it.events if event["type"].startswith("person.")})
            > 1
        )


def test_kinds_can_be_chosen_and_positions_advance_all_the_same(
    server: Running, operator: httpx2.Client
) -> None:
    with opened(server, server.person("operator"), "/api/v1/stream?after=0&kinds=policy") as stream:
        stream.step()
        while not stream.events:
            stream.step()
        assert {event["subject"]["kind"] for event in stream.events} == {"policy"}


def test_another_organisations_events_are_never_seen(server: Running, operator: httpx2.Client) -> None:
    person = server.person("operator", "auditor", org=server.orgs[1])
    with opened(server, person, "/api/v1/stream?after=0") as stream:
        head = server.engine.head(server.orgs[1])
        submit(operator, 3)
        stream.until(head)
        assert all("task" not in event["type"] for event in stream.events)


def test_a_revoked_credential_stops_listening_within_a_second(
    server: Running, operator: httpx2.Client
) -> None:
    issued = operator.post("/api/v1/tokens", json={"label": "listener"}).json()
    with opened(server, issued["token"]) as stream:
        stream.step()
        operator.post(f"/api/v1/tokens/{issued['token_id']}/revoke", json={})
        since = time.monotonic()
        while not stream.named:
            stream.step()
        with pytest.raises(EOFError):
            stream.step()
        assert time.monotonic() - since < 5, "one second, and a slow machine"
        assert stream.named[-1][0] == "end"


def test_silence_is_as_short_as_was_asked_for(server: Running, operator: httpx2.Client) -> None:
    with opened(server, server.person("operator"), "/api/v1/stream?keep_alive_s=2&kinds=nothing") as stream:
        stream.step()
        since = time.monotonic()
        stream.step()
        assert 1 < time.monotonic() - since < 8
    for wrong in ("1", "61", "x"):
        assert operator.get(f"/api/v1/stream?keep_alive_s={wrong}").status_code == 422


def test_who_sees_everything_shares_and_who_does_not_is_filtered(
    server: Running, admin: httpx2.Client
) -> None:
    with (
        opened(server, server.person("admin"), "/api/v1/stream") as first,
        opened(server, server.person("auditor"), "/api/v1/stream?kinds=person") as second,
        opened(server, server.person("director"), "/api/v1/stream") as third,
    ):
        for stream in (first, second, third):
            stream.step()
        seq = admin.post("/api/v1/tokens", json={"label": "private"}).json()["seq"]
        later = submit(admin)
        first.until(later)
        third.until(later)
        second.until(seq)
        types = [
            [event["seq"] for event in stream.events if event["seq"] == seq]
            for stream in (first, second, third)
        ]
        assert types == [[seq], [seq], []], "when admins sign in is nothing for directors"
        assert {event["subject"]["kind"] for event in second.events} == {"person"}


def test_streams_are_counted_and_bounded_for_each_credential(server: Running) -> None:
    from watchfloor.http.stream import STREAMS_PER_CREDENTIAL

    issued = server.client(server.person("operator")).post("/api/v1/tokens", json={}).json()
    client = server.client(issued["token"], limits=httpx2.Limits(max_connections=None))
    answers = [
        client.send(client.build_request("GET", "/api/v1/stream"), stream=True)
        for _ in range(STREAMS_PER_CREDENTIAL)
    ]
    try:
        lines = [answer.iter_lines() for answer in answers]
        for line in lines:
            next(line)
        refused = client.get("/api/v1/stream")
        assert (refused.status_code, refused.json()["code"]) == (429, "too_many_streams")
        assert server.metrics.read("streams_current") >= STREAMS_PER_CREDENTIAL
    finally:
        for answer in answers:
            answer.close()
    until = time.monotonic() + 30
    while server.metrics.read("streams_current") and time.monotonic() < until:
        time.sleep(0.05)
    assert server.metrics.read("streams_current") == 0


def test_a_client_that_does_not_read_costs_no_memory(server: Running, operator: httpx2.Client) -> None:
    with server.client(server.person("operator")) as client, client.stream("GET", "/api/v1/stream?after=0"):
        submit(operator, 50)
        ring = server.services.streams._rings[server.orgs[0]]
        assert len(ring.held) <= 2 * 4_096


@pytest.mark.parametrize("value", ["x", "-1", "1.5", "9" * 30])
def test_a_last_event_id_is_a_seq(operator: httpx2.Client, value: str) -> None:
    assert operator.get("/api/v1/stream", headers={"last-event-id": value}).status_code == 400
