"""A runaway over REST is contained as on the socket: what is turned away counts (spec 3.3; fault F3)."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.integration.http.kit import Running

from watchfloor.fleet.messages import AgentQuarantined
from watchfloor.http.operations import OPERATIONS, Operation, operation
from watchfloor.http.pacing import RATES, Rate
from watchfloor.kernel.ids import parse_id
from watchfloor.kernel.messages import Event


@pytest.fixture(scope="module")
def floor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(Path(tmp_path_factory.mktemp("floods"))).start()
    yield running
    running.stop()


def test_an_agent_that_floods_rest_is_quarantined_within_five_seconds_and_told_of_once(
    floor: Running,
) -> None:
    made = floor.agent()
    number = parse_id(made["agent_id"], "agent")[0]
    seen: list[Event] = []
    floor.engine.follow(lambda org, events: seen.extend(events))
    with floor.client(made["api_key"]) as wild:

        def ask(n: int) -> Any:
            return wild.post("/api/v1/actions", json={"type": "payment.send", "params": {"n": n}})

        began = time.monotonic()
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(ask, range(120)))
    assert {answer.status_code for answer in answers} <= {200, 429}
    until = time.monotonic() + 30
    while not floor.engine.state(floor.orgs[0], "agent", number).quarantined:
        assert time.monotonic() < until, "the flood was not noticed"
        time.sleep(0.02)
    assert time.monotonic() - began < 15, "five seconds, and a slow machine"
    while not any(isinstance(event.facts, AgentQuarantined) for event in seen):
        assert time.monotonic() < until, "followers did not hear of it"
        time.sleep(0.02)
    assert sum(isinstance(event.facts, AgentQuarantined) for event in seen) == 1


WRITES = [entry for entry in OPERATIONS if entry.mutates and not entry.page and entry.who.startswith("agent")]


def test_whatever_an_agent_writes_is_limited_by_its_class_told_when_again_and_counted_as_a_flood(
    tmp_path: Path,
) -> None:
    """Deciding, stopping and taking back are exempt; everything else of an agent's has a bucket (spec 3.3)."""
    tight = {name: Rate(per_minute=1, burst=3) for name in RATES}
    slow = Running(tmp_path, rates=tight).start()
    try:
        made = slow.agent()
        seen: list[Event] = []
        slow.engine.follow(lambda org, events: seen.extend(events))
        with slow.client(made["api_key"]) as wild:

            def send(entry: Operation) -> Any:
                path = re.sub(r"\{\w+\}", "x", entry.path)
                return wild.request(entry.method, path, json={})

            for _ in range(3):
                assert send(operation("accept_task")).status_code != 429
            assert len(WRITES) > 15
            for entry in WRITES:
                answer = send(entry)
                if entry.rate_class == "exempt":
                    assert answer.status_code != 429, entry.id
                    continue
                assert answer.status_code == 429, entry.id
                problem = answer.json()
                assert (problem["code"], problem["retryable"]) == ("rate_limited", True)
                assert problem["class"] in (entry.rate_class, "authenticated")
                assert problem["retry_after_ms"] > 0
                assert int(answer.headers["retry-after"]) > 0
            for _ in range(30):
                send(operation("report_progress"))
        number = parse_id(made["agent_id"], "agent")[0]
        until = time.monotonic() + 30
        while not slow.engine.state(slow.orgs[0], "agent", number).quarantined:
            assert time.monotonic() < until, "the flood was not noticed"
            time.sleep(0.02)
        while not any(isinstance(event.facts, AgentQuarantined) for event in seen):
            assert time.monotonic() < until, "followers did not hear of it"
            time.sleep(0.02)
        assert sum(isinstance(event.facts, AgentQuarantined) for event in seen) == 1
    finally:
        slow.stop()
