"""Rates, the log's level and compaction of a running node (spec 7 *Operations*; spec 04 *Backup*, compaction)."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
from tests.integration.http.conftest import ask_patch
from tests.integration.http.kit import PLENTY, Running

from watchfloor.http.pacing import Pacing, Rate


@pytest.fixture
def level_kept() -> Iterator[None]:
    before = logging.getLogger().level
    yield
    logging.getLogger().setLevel(before)


def test_the_nearest_caller_of_each_class_is_told_and_nobody_is_named(tmp_path: Path) -> None:
    rates = {**PLENTY, "authenticated": Rate(per_minute=6, burst=300), "heavy": Rate(per_minute=1, burst=1)}
    running = Running(tmp_path, rates=rates).start()
    try:
        operator, admin = (running.client(running.person(role)) for role in ("operator", "admin"))
        for _ in range(5):
            operator.get("/api/v1/me")
        assert [admin.post("/api/v1/compaction").status_code for _ in range(2)] == [202, 429]
        answer = operator.get("/api/v1/rates")
        found = {one["rate_class"]: one for one in answer.json()["items"]}
        assert set(found) == set(rates)
        signed_in, heavy = found["authenticated"], found["heavy"]
        assert (signed_in["per"], signed_in["callers"], signed_in["burst"]) == ("credential", 2, 300)
        assert signed_in["used"] in (5, 6)
        assert (heavy["used"], heavy["refused"]) == (1, 1)
        assert "tok_" not in answer.text
    finally:
        running.stop()


def test_what_a_bucket_lacks_runs_full_again() -> None:
    now = [0.0]
    pacing = Pacing({"slow": Rate(per_minute=60, burst=10)}, lambda: now[0])
    for _ in range(4):
        pacing.take("slow", "a")
    pacing.take("slow", "b")
    pacing.take("action light", "c", Rate(per_minute=1, burst=1))
    assert pacing.nearest() == {"slow": (2, 4)}
    now[0] = 2.0
    assert pacing.nearest() == {"slow": (1, 2)}
    now[0] = 60.0
    assert pacing.nearest() == {}


def test_an_administrator_changes_the_logs_level_and_the_log_says_who(
    server: Running,
    admin: httpx2.Client,
    operator: httpx2.Client,
    level_kept: None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    me = admin.get("/api/v1/me").json()["id"]
    begun = admin.get("/api/v1/log-level").json()["at_start"]
    for level in ("debug", "error", "info"):
        answer = admin.post("/api/v1/log-level", json={"level": level})
        assert answer.json() == {"level": level, "at_start": begun}, answer.text
        assert operator.get("/api/v1/log-level").json()["level"] == level
        told = [line for line in caplog.messages if f"to {level} by {me}" in line]
        assert len(told) == 1, caplog.messages
    refused = operator.post("/api/v1/log-level", json={"level": "debug"})
    assert (refused.status_code, refused.json()["code"]) == (403, "role_missing")
    wrong = admin.post("/api/v1/log-level", json={"level": "loud"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "/level")
    assert operator.get("/api/v1/log-level").json()["level"] == "info"


def test_compaction_gives_back_what_holds_nothing_any_more(
    server: Running, admin: httpx2.Client, operator: httpx2.Client, agent: httpx2.Client
) -> None:
    for number in range(8):
        ask_patch(agent, params={"path": "demo", "diff": f"{number}" * 20_000})
    # Idempotency keys are kept by day; dropping a day leaves free pages behind.
    for number in range(200):
        operator.post(
            "/api/v1/tasks", json={"title": "x"}, headers={"idempotency-key": f"{number}-{'k' * 150}"}
        )
    server.run(server.engine.ledger.drop_key_partitions(1_000_000))
    before = operator.get("/api/v1/compaction").json()
    assert before["state"] == "idle"
    assert before["free_bytes"] > 0
    assert operator.post("/api/v1/compaction").status_code == 403
    assert admin.post("/api/v1/compaction").status_code == 202
    until = time.monotonic() + 60
    while (now := operator.get("/api/v1/compaction").json())["state"] == "running":
        assert time.monotonic() < until
        time.sleep(0.05)
    assert now["free_bytes"] == 0
    assert now["freed_bytes"] == before["free_bytes"]
    assert operator.post("/api/v1/tasks", json={"title": "it works on"}).status_code == 201
