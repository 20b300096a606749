"""A supervising agent is gone, contained or overloaded: its domain and its open work pass on (spec 2.3, scenario 9)."""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.hub.house import Frame, House, Peer, house

from watchfloor.engine.setup import register_agent
from watchfloor.fleet.messages import QuarantineAgent
from watchfloor.fleet.supervision_messages import ArrangeSupervision, PassSupervision
from watchfloor.kernel.ids import parse_id
from watchfloor.work.messages import SubmitTask

pytestmark = pytest.mark.timeout(60)

# A real agent in a process of its own: accepts its task, says so, and never ends it.
WORKING = """
import asyncio, sys
from watchfloor_agent import Agent
agent = Agent(sys.argv[1], sys.argv[2])
@agent.on_task
async def work(task):
    await task.progress(10, "begun")
    print("working", flush=True)
    await asyncio.sleep(600)
agent.run()
"""


@pytest.fixture
async def floor(tmp_path: Path) -> AsyncIterator[House]:
    async with house(tmp_path) as here:
        yield here


async def orchestrator(floor: House, name: str) -> tuple[int, str]:
    """(subject, key) of a new one."""
    public, key = await register_agent(floor.engine, floor.org, name, "orchestrator", ("plan",))
    return parse_id(public, "agent")[0], key


async def domain(floor: House, primary: int, *backups: int, **terms: Any) -> int:
    """A domain with one member."""
    member = parse_id((await floor.agent(f"member-{primary}"))[0], "agent")[0]
    return await floor.put(
        ArrangeSupervision(
            domain="night",
            primary=primary,
            backups=backups,
            members=(member,),
            **{"patience_ms": 500, **terms},
        )
    )


def held(floor: House, supervision: int) -> tuple[int, int]:
    """(holder, generation)."""
    state = floor.engine.state(floor.org, "supervision", supervision)
    return state.holder, state.generation


async def news(peer: Peer) -> Frame:
    payload: Frame = (await peer.hear("supervision:changed"))["payload"]
    return payload


async def test_the_work_of_a_supervisor_killed_in_mid_task_is_its_backups_within_ten_seconds(
    floor: House,
) -> None:
    first, first_key = await orchestrator(floor, "first")
    second, second_key = await orchestrator(floor, "second")
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", WORKING, floor.url, first_key, stdout=asyncio.subprocess.PIPE
    )
    try:
        await floor.until(lambda: floor.engine.state(floor.org, "agent", first).session, 30)
        supervision = await domain(floor, first, second, patience_ms=3_000)
        assert held(floor, supervision) == (first, 1)
        task = await floor.put(SubmitTask(needs=("plan",), private=b'{"title":"t"}'))
        assert process.stdout is not None
        assert await asyncio.wait_for(process.stdout.readline(), 20) == b"working\n"
        async with floor.peer(second_key) as backup:
            process.kill()  # SIGKILL
            began = time.monotonic()
            told = (await backup.hear("supervision:changed", within=30))["payload"]
            assert told["held"]
            assert (told["generation"], told["reason"]) == (2, "offline")
            assert len(told["members"]) == 1
            offered = (await backup.hear("task:assigned"))["payload"]
            assert time.monotonic() - began <= 20, "ten seconds, and a slow machine"
            assert offered["generation"] == 2
            kept = {"task_id": offered["task_id"], "generation": 2}
            assert (await backup.ask("task:accepted", kept))["payload"]["status"] == "running"
            assert held(floor, supervision) == (second, 2)
            state = floor.engine.state(floor.org, "task", task)
            assert (state.agent, state.generation, state.attempts) == (second, 2, 2)
            async with floor.peer(first_key) as returned:  # what it says of its old generation is late
                late = await returned.ask("task:completed", {**kept, "generation": 1})
                assert late["payload"]["late"] is True
                assert held(floor, supervision) == (second, 2)  # and it does not take the domain back
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_a_supervisor_that_is_back_in_time_keeps_its_domain(floor: House) -> None:
    first, first_key = await orchestrator(floor, "first")
    second, second_key = await orchestrator(floor, "second")
    async with floor.peer(second_key):
        async with floor.peer(first_key):
            supervision = await domain(floor, first, second, patience_ms=5_000)
        await floor.until(lambda: floor.engine.state(floor.org, "supervision", supervision).until_at)
        async with floor.peer(first_key):
            await floor.until(lambda: not floor.engine.state(floor.org, "supervision", supervision).until_at)
            assert held(floor, supervision) == (first, 1)


async def test_without_a_backup_it_is_peoples_until_one_of_its_agents_is_there(floor: House) -> None:
    first, first_key = await orchestrator(floor, "first")
    async with floor.peer(first_key):
        supervision = await domain(floor, first)
    await floor.until(lambda: held(floor, supervision) == (0, 2))
    async with floor.peer(first_key):
        await floor.until(lambda: held(floor, supervision) == (first, 3))


async def test_a_quarantined_supervisor_passes_on_at_once(floor: House) -> None:
    first, first_key = await orchestrator(floor, "first")
    second, second_key = await orchestrator(floor, "second")
    async with floor.peer(first_key) as old, floor.peer(second_key) as backup:
        supervision = await domain(floor, first, second)
        assert (await news(old))["held"]
        await floor.put(QuarantineAgent(subject=first, reason="test"))
        assert (await news(backup))["reason"] == "quarantined"
        assert (await news(old)).get("held", False) is False
        assert held(floor, supervision) == (second, 2)


async def test_an_overloaded_supervisor_passes_on_and_keeps_what_it_has_begun(floor: House) -> None:
    first, first_key = await orchestrator(floor, "first")
    second, second_key = await orchestrator(floor, "second")
    async with floor.peer(first_key) as busy, floor.peer(second_key) as backup:
        supervision = await domain(floor, first, second, tasks_max=1)
        begun = await floor.put(SubmitTask(needs=("plan",), agent=first, private=b'{"title":"t"}'))
        offered = (await busy.hear("task:assigned"))["payload"]
        await busy.ask("task:accepted", {"task_id": offered["task_id"], "generation": 1})
        waiting = await floor.put(SubmitTask(needs=("plan",), agent=first, private=b'{"title":"t"}'))
        assert (await news(backup))["reason"] == "overloaded"
        assert (await backup.hear("task:assigned"))["payload"]["generation"] == 2
        assert floor.engine.state(floor.org, "task", begun).agent == first
        assert floor.engine.state(floor.org, "task", waiting).agent == second
        assert held(floor, supervision) == (second, 2)
        await floor.put(PassSupervision(subject=supervision, agent=first, reason="rested"))
        assert held(floor, supervision) == (first, 3)
