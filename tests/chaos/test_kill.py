"""kill -9 under load, again and again (spec 01 promise 1, spec 09 A1, A2, C1, C4).

The oracle is the ledger: everything acknowledged is in it, once, whatever was killed when; the chain verifies; and
every start needs no hand.
"""

from __future__ import annotations

import asyncio
import random
from pathlib import Path

import httpx2 as httpx
import pytest
from tests.chaos.deployment import Deployment, Persistent

from watchfloor.engine.wiring import wire
from watchfloor.ledger.sqlite.reader import Reader
from watchfloor.ledger.verify import verify_here


async def _under_load(
    deployment: Deployment, keys: list[str], kills: int, seed: int
) -> tuple[list[Persistent], dict[str, str]]:
    dice = random.Random(seed)
    agents = [Persistent(deployment, key) for key in keys]
    running = [asyncio.create_task(agent.run()) for agent in agents]
    tasks: dict[str, str] = {}
    submitting = asyncio.create_task(_submit(deployment, tasks))
    for _ in range(kills):
        await asyncio.sleep(dice.uniform(0.05, 0.5))
        await asyncio.to_thread(deployment.kill)
        await asyncio.to_thread(deployment.start)
    await asyncio.sleep(0.5)
    submitting.cancel()
    for agent in agents:
        agent.stopping = True
    await asyncio.wait_for(asyncio.gather(*running), 30)
    return agents, tasks


async def _submit(deployment: Deployment, tasks: dict[str, str]) -> None:
    """Tasks over REST, each repeated by its key until it is answered."""
    number = 0
    while True:
        number += 1
        key = f"task-{number}"
        while key not in tasks:
            try:
                body = {"title": key, "needs": ["nobody-has-this"]}
                answer = await asyncio.to_thread(deployment.post, "/api/v1/tasks", body, key)
                if answer.status_code == 201:
                    tasks[key] = answer.json()["task_id"]
            except httpx.HTTPError:
                pass
            await asyncio.sleep(0.02)


def _kill(tmp_path: Path, kills: int, seed: int) -> None:
    deployment = Deployment(tmp_path)
    try:
        deployment.start()
        deployment.permissive()
        registered = [deployment.register(f"agent-{number}") for number in range(6)]
        agents, tasks = asyncio.run(_under_load(deployment, [key for _, key in registered], kills, seed))
        assert deployment.starts == kills + 1, "every start was by itself"
        assert deployment.stop() == 0
    finally:
        deployment.kill()
    reads = Reader(deployment.data / "ledger.db", lambda reason: None)
    assert [report.problem for report in verify_here(reads)] == [""]
    catalogue = wire()[2]
    events = [catalogue.decode(data) for _, data, _ in reads.read(1, 0, 10_000_000)]
    frames: dict[tuple[str, int], int] = {}
    for event in events:
        if event.frame:
            assert (event.actor.id, event.frame) not in frames, "a frame was carried out twice"
            frames[(event.actor.id, event.frame)] = event.seq
    acknowledged = repeats = 0
    for (agent_id, _), agent in zip(registered, agents, strict=True):
        assert not agent.waiting, "everything was answered in the end"
        repeats += agent.repeats
        for number, answer in agent.answers.items():
            assert answer["type"] == "action:decided", answer
            acknowledged += 1
            assert (agent_id, number) in frames, f"acknowledged and lost: {agent_id} {number}"
    assert acknowledged > kills * 5, "there was load"
    assert repeats > 0, "requests were repeated"
    submitted = [event for event in events if event.type == "task.submitted/1"]
    assert len(set(tasks.values())) == len(tasks) > 0
    assert len(tasks) <= len(submitted) <= len(tasks) + 1, "a task for each key, and at most one unanswered"


@pytest.mark.timeout(600)
def test_nothing_acknowledged_is_lost_or_doubled_over_five_kills_under_load(tmp_path: Path) -> None:
    _kill(tmp_path, kills=5, seed=1)


@pytest.mark.long
def test_nothing_acknowledged_is_lost_or_doubled_over_a_hundred_kills_under_load(tmp_path: Path) -> None:
    _kill(tmp_path, kills=100, seed=2)
