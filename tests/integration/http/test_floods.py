"""A runaway over REST is contained as on the socket: what is turned away counts (spec 3.3; fault F3)."""

from __future__ import annotations

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.integration.http.kit import Running

from watchfloor.fleet.messages import AgentQuarantined
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
    until = time.monotonic() + 5
    while not floor.engine.state(floor.orgs[0], "agent", number).quarantined:
        assert time.monotonic() < until, "the flood was not noticed"
        time.sleep(0.02)
    assert time.monotonic() - began < 5
    assert sum(isinstance(event.facts, AgentQuarantined) for event in seen) == 1
