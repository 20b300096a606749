"""The load client measures what it says: every answer matched, pushes tolerated, surprises counted."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from benchmarks.floors import floor_server
from benchmarks.histogram import Histogram
from benchmarks.loadgen import Load
from benchmarks.machine import scratch
from benchmarks.scripts import by_id, by_re
from tests.contracts.socket_kit import House, Hub

from watchfloor.hub.sockets import Refusal, Socket, SocketLimits, UpgradeRequest


class Floor(Hub):
    """Answers like Watchfloor: welcome, pushes in between, one answer to each numbered frame."""

    def __init__(self) -> None:
        super().__init__()
        self.keys: set[bytes] = set()
        self.ids: dict[str, list[int]] = {}
        self.deny_each = 0

    def accept(self, request: UpgradeRequest) -> Any:
        key = request.headers.get(b"authorization", b"")
        self.keys.add(key)
        if key == b"Bearer wf_revoked":
            return Refusal(status=401)
        return FloorEar(self)


class FloorEar:
    def __init__(self, floor: Floor) -> None:
        self.floor = floor

    def opened(self, socket: Socket) -> None:
        self.socket = socket
        self.say("welcome", {"agent_id": "agt_1", "last_id": 41})

    def say(self, kind: str, payload: dict[str, Any], **more: int) -> None:
        self.socket.send(
            json.dumps({"type": kind, "payload": payload, **more}, separators=(",", ":")).encode()
        )

    def text(self, data: bytes) -> None:
        frame = json.loads(data)
        ids = self.floor.ids.setdefault(self.socket.peer, [])
        ids.append(frame["id"])
        self.say("config:updated", {"policy_version": 2, "re": 7}, seq=3)
        payload = frame["payload"]
        if (
            frame["type"] == "action:request"
            and self.floor.deny_each
            and len(ids) % self.floor.deny_each == 0
        ):
            self.say("action:decided", {"action_id": "act_x", "verdict": "denied"}, re=frame["id"])
        elif frame["type"] == "action:request":
            grant = {"grant_id": "grt_1", "digest": "00"}
            self.say(
                "action:decided",
                {"action_id": f"act_{frame['id']}", "verdict": "permitted", "digest": "00", "grant": grant},
                re=frame["id"],
            )
        elif payload["action_id"] != f"act_{ids[-2]}" and payload["action_id"] != f"act_{ids[-3]}":
            self.say("error", {"code": "not_found"}, re=frame["id"])
        else:
            self.say(
                "action:recorded", {"action_id": payload["action_id"], "status": "ok"}, re=frame["id"], seq=9
            )

    def closed(self, code: int, reason: str) -> None:
        self.floor.heard.put(("closed", (code, reason)))


@pytest.fixture
def floor() -> Iterator[tuple[str, Floor]]:
    with House("picows on uvloop", SocketLimits(), hub=Floor()) as house:
        assert isinstance(house.hub, Floor)
        yield f"ws://127.0.0.1:{house.port}/ws", house.hub


def test_each_decision_is_matched_and_ids_go_on_where_the_server_left_off(floor: tuple[str, Floor]) -> None:
    url, hub = floor
    with Load(url, script="benchmarks.scripts:decisions", keys=["wf_a", "wf_b"]) as load:
        assert load.open(6)["opened"] == 6
        figures = load.run(seconds=0.5, in_flight=2, warmup_s=0.1)
    assert figures["failures"] == {}
    assert (figures["unanswered"], figures["lost_connections"]) == (0, 0)
    assert figures["done"] == figures["steps"]["action:request"]["count"] > 50
    assert figures["pushes"] > 50
    assert hub.keys == {b"Bearer wf_a", b"Bearer wf_b"}
    for ids in hub.ids.values():
        assert ids == list(range(42, 42 + len(ids)))


def test_whole_actions_take_three_answers_each(floor: tuple[str, Floor]) -> None:
    url, _ = floor
    with Load(url, script="benchmarks.scripts:whole_actions") as load:
        load.open(3)
        figures = load.run(seconds=0.5, warmup_s=0.1)
    assert figures["failures"] == {}
    assert set(figures["steps"]) == {"action:request", "action:started", "action:completed"}
    assert abs(figures["steps"]["action:started"]["count"] - figures["done"]) <= 3
    assert figures["done"] > 30


def test_answers_that_are_not_wanted_are_failures_by_kind(floor: tuple[str, Floor]) -> None:
    url, hub = floor
    hub.deny_each = 2
    with Load(url, script="benchmarks.scripts:decisions") as load:
        load.open(2)
        figures = load.run(seconds=0.5, warmup_s=0.1)
    assert abs(figures["failures"]["action:decided denied"] - figures["done"]) <= 4


def test_an_open_loop_sends_at_its_rate(floor: tuple[str, Floor]) -> None:
    url, _ = floor
    with Load(url, script="benchmarks.scripts:decisions") as load:
        load.open(10)
        figures = load.run(seconds=1.0, rate=500, warmup_s=0.2)
    assert 400 < figures["per_second"] < 600
    assert figures["unanswered"] == 0


def test_connections_that_are_refused_are_counted(floor: tuple[str, Floor]) -> None:
    url, _ = floor
    with Load(url, script="benchmarks.scripts:decisions", keys=["wf_good", "wf_revoked"]) as load:
        opened = load.open(10)
        assert opened["opened"] == 5
        assert sum(opened["failures"].values()) == 5
        assert load.drop(graceful=True) == {"dropped": 5, "still_open": 0}


@pytest.mark.parametrize("kind", ["echo", "durable"])
def test_the_floors_answer_every_message(kind: str) -> None:
    with scratch() as folder:
        arguments = ["--database", str(folder / "rows.db")] if kind == "durable" else []
        with floor_server(kind, *arguments) as (url, _), Load(url) as load:
            load.open(20)
            figures = load.run(seconds=0.5, in_flight=2, warmup_s=0.1)
    assert figures["done"] > 100
    assert (figures["unanswered"], figures["failures"]) == (0, {})


def test_a_histogram_is_right_within_a_thirty_second() -> None:
    source = random.Random(7)
    values = sorted(int(10 ** source.uniform(0, 10)) for _ in range(20_000))
    histogram = Histogram()
    for value in values:
        histogram.add(value)
    for share in (0.5, 0.9, 0.99):
        true_us = values[int(share * len(values)) - 1] / 1_000
        assert true_us - 0.1 <= histogram.percentile_us(share) <= true_us * 1.04 + 0.1
    assert histogram.figures()["max_us"] == round(values[-1] / 1_000, 1)


@pytest.mark.parametrize(
    ("frame", "answers"),
    [
        (b'{"type":"action:decided","payload":{"re":5},"re":12}', 12),
        (b'{"type":"action:recorded","payload":{},"re":12,"seq":99,"traceparent":"00-aa-bb-01"}', 12),
        (b'{"type":"x","re":3,"payload":{"a":"' + b"y" * 300 + b'"}}', 3),
        (b'{"type":"config:updated","payload":{}}', 0),
    ],
)
def test_answers_are_matched_by_re(frame: bytes, answers: int) -> None:
    assert by_re(frame) == answers
    assert by_id(b'{"type":"action:request","id":77,"payload":{}}') == 77
