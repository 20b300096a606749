"""An agent that hands on work and makes agents: what its author sees, by the double and by the real server (spec 2.2)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from tests.integration.sdk.test_with_the_server import Watchfloor
from tests.integration.sdk.test_with_the_server import watchfloor as watchfloor

from watchfloor_agent import Agent, ConfigurationError, Refused, Task
from watchfloor_agent.testing import FakeServer


async def test_a_part_is_handed_on_inside_a_task_and_its_result_awaited() -> None:
    async with FakeServer() as server:
        agent = Agent(server.url, server.api_key)

        @agent.on_task
        async def work(task: Task) -> object:
            handed = await agent.submit_task("dig", needs=["dig"], input={"depth_m": 2}, share_milli=10)
            outcome = await handed.result(wait_ms=30_000)
            return [outcome.status, outcome.result]

        async with agent:
            task = await server.assign("plan")
            (frame,) = await _heard(server, "task:submit")
            said = frame["payload"]
            assert (said["title"], said["task_id"], said["generation"]) == ("dig", task.id, 1)
            await server.finish("tsk_h1", result={"hole": True})
            await server.until(lambda: task.status == "succeeded")
        assert task.result == ["succeeded", {"hole": True}]


async def test_outside_a_task_there_is_nothing_to_delegate() -> None:
    async with FakeServer() as server, Agent(server.url, server.api_key) as agent:
        with pytest.raises(ConfigurationError):
            await agent.delegate("dig", to="agt_2")
        alone = await agent.submit_task("dig")
        assert alone.id == "tsk_h1"
        (frame,) = server.received("task:submit")
        assert not frame["payload"].get("task_id")


async def test_an_agent_is_made_of_a_granted_execution_that_ends_with_it() -> None:
    async with FakeServer() as server, Agent(server.url, server.api_key) as agent:
        made = await agent.spawn("junior", capabilities=["dig"])
        assert (made.name, made.depth) == ("junior", 1)
        assert made.api_key not in repr(made)
        action = await server.asked("agent.spawn")
        await server.until(lambda: action.status == "completed")
        (frame,) = server.received("agent:spawn")
        assert frame["payload"]["execution_id"] == action.execution_id


async def _heard(server: FakeServer, frame_type: str) -> list[dict[str, Any]]:
    await server.until(lambda: bool(server.received(frame_type)))
    return server.received(frame_type)


async def test_the_real_server_takes_a_task_of_an_agent_and_tells_how_it_ended(
    watchfloor: Watchfloor,
) -> None:
    async with await watchfloor.agent() as agent:
        handed = await agent.submit_task("anything", needs=["nobody.can"])
        assert handed.depth == 1
        waiting = asyncio.create_task(handed.result(wait_ms=30_000))
        await asyncio.to_thread(
            watchfloor.ada.post, f"/api/v1/tasks/{handed.id}/cancel", {"reason": "no longer"}
        )
        outcome = await waiting
        assert (outcome.task_id, outcome.status) == (handed.id, "cancelled")
        with pytest.raises(Refused) as caught:
            await agent.submit_task("more than I may", tools=["none.of.mine"], agent_id=agent_id(agent))
        assert caught.value.code == "invalid_delegation"


def agent_id(agent: Agent) -> str:
    assert agent.welcome is not None
    return agent.welcome.agent_id
