"""When something inside breaks: full disk, broken views, slow readers of the answer (spec 9 A3, F9; promise 6)."""

from __future__ import annotations

import asyncio
import errno
import threading
import time
from typing import Any

import httpx2
import msgspec
import pytest
from tests.integration.http.kit import Running

from watchfloor.ledger.contract import Batch, StorageFull


def test_a_fault_of_ours_is_a_500_that_says_nothing_but_its_trace(
    server: Running, operator: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise RuntimeError("hunter2")

    with monkeypatch.context() as patch:
        patch.setattr(server.backbone.views, "rows", broken)
        answer = operator.get("/api/v1/tasks")
        page = operator.get("/tasks")
    for found in (answer, page):
        assert found.status_code == 500
        assert "hunter2" not in found.text
        assert found.headers["traceparent"].split("-")[1] in found.text
    assert answer.json()["code"] == "internal"
    assert "It is our fault" in page.text
    assert operator.get("/api/v1/tasks").status_code == 200


def test_with_a_full_disk_stops_hold_at_once_and_are_recorded_when_there_is_room(
    server: Running, operator: httpx2.Client, agent: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = server.backbone.ledger
    target = agent.headers["x-agent"]

    async def full(batch: Batch) -> None:
        raise StorageFull("no space left")

    with monkeypatch.context() as patch:
        patch.setattr(ledger, "commit", full)
        patch.setattr(type(ledger), "full", property(lambda _: True))
        refused = operator.post("/api/v1/tasks", json={"title": "x"}, headers={"idempotency-key": "full-1"})
        assert refused.status_code == 503
        assert refused.json()["retryable"]
        since = time.monotonic()
        stopped = operator.post("/api/v1/stops", json={"scope": "agent", "target": target, "reason": "now"})
        assert time.monotonic() - since < 10
        assert stopped.status_code == 202, stopped.text
        assert (stopped.json()["recorded"], stopped.json()["seq"]) == (False, 0)
        assert operator.get("/ready").status_code == 503
        assert agent.post("/api/v1/actions", json={"type": "file.read"}).status_code in (403, 503)
        assert "waits for the ledger" in operator.get("/stops").text
        assert operator.get("/api/v1/tasks").status_code == 200
    until = time.monotonic() + 30
    while not any(
        stop["target"] == target for stop in operator.get("/api/v1/stops?state=in_force").json()["items"]
    ):
        assert time.monotonic() < until, "the stop was never recorded"
        time.sleep(0.2)
    assert operator.get("/ready").status_code == 200
    assert agent.post("/api/v1/actions", json={"type": "file.read"}).json()["code"] == "stopped"
    assert (
        len([stop for stop in operator.get("/api/v1/stops").json()["items"] if stop["target"] == target]) == 1
    )
    again = operator.post("/api/v1/tasks", json={"title": "x"}, headers={"idempotency-key": "full-1"})
    assert again.status_code == 201


def test_an_answer_that_does_not_come_is_an_unknown_outcome_that_the_key_settles(
    server: Running, operator: httpx2.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = server.backbone.ledger
    commit = ledger.commit

    async def slow(batch: Batch) -> None:
        await asyncio.to_thread(answered.wait, 30)
        await commit(batch)

    answered = threading.Event()
    quick = msgspec.structs.replace(server.services.config, answer_timeout_s=0.3)
    with monkeypatch.context() as patch:
        patch.setattr(ledger, "commit", slow)
        patch.setattr(server.services, "config", quick)
        answer = operator.post("/api/v1/tasks", json={"title": "slow"}, headers={"idempotency-key": "slow-1"})
        assert (answer.status_code, answer.json()["code"]) == (503, "outcome_unknown")
        answered.set()
    settled = operator.post("/api/v1/tasks", json={"title": "slow"}, headers={"idempotency-key": "slow-1"})
    assert settled.status_code == 201
    seq = settled.json()["seq"]
    found = operator.get(f"/api/v1/tasks?min_seq={seq}&limit=200").json()["items"]
    assert [item["title"] for item in found].count("slow") == 1


def test_a_stop_holds_from_memory_when_even_its_journal_cannot_be_written(
    server: Running,
    operator: httpx2.Client,
    supervisor: httpx2.Client,
    agent: httpx2.Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuses(*_: Any) -> int:
        raise OSError(errno.ENOSPC, "no space left on device")

    target = agent.headers["x-agent"]
    with monkeypatch.context() as patch:
        patch.setattr("watchfloor.engine.stops.os.fsync", refuses)
        stop = operator.post("/api/v1/stops", json={"scope": "agent", "target": target, "reason": "x"})
    assert stop.status_code in (201, 202), stop.text
    assert agent.post("/api/v1/actions", json={"type": "file.read"}).json()["code"] == "stopped"
