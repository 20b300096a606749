"""Tasks over a real socket: taken, worked on, reported, resumed, dropped (spec 2.2 to 2.4)."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import AsyncIterator

import pytest

from watchfloor_agent import Agent, ConfigurationError, Denied, Task, current_task
from watchfloor_agent.testing import FakeServer

FAST = (20, 60)


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer() as server:
        yield server


@pytest.fixture
def agent(server: FakeServer) -> Agent:
    return Agent(server.url, server.api_key, reconnect_ms=FAST)


async def test_what_the_function_returns_is_the_result(server: FakeServer, agent: Agent) -> None:
    @agent.on_task
    async def work(task: Task) -> dict[str, object]:
        assert current_task.get() is task
        await agent.progress(40, "half way")
        agent.update_status("working", progress=40, message="busy")
        return {"title": task.title, "input": task.input, "attempt": task.attempt}

    async with agent:
        task = await server.assign("count", input={"n": 3}, deadline_at=5)
        await server.until(lambda: task.status == "succeeded")
    assert task.result == {"title": "count", "input": {"n": 3}, "attempt": 1}
    assert task.progress == [40]
    assert server.received("status:update")[0]["payload"]["task_id"] == task.id


async def test_a_plain_function_works_on_a_thread_and_may_ask_from_there(
    server: FakeServer, agent: Agent
) -> None:
    threads: list[str] = []

    @agent.guarded("file.write")
    def write(path: str) -> int:
        threads.append(threading.current_thread().name)
        return len(path)

    @agent.on_task
    def work(task: Task) -> int:
        agent.wait(task.progress(10))
        return write("abc")

    async with agent:
        task = await server.assign()
        await server.until(lambda: task.status == "succeeded")
    assert task.result == 3
    assert threads[0] != threading.current_thread().name
    assert next(iter(server.actions.values())).request["task_id"] == task.id


async def test_a_function_may_report_itself_and_only_once(server: FakeServer, agent: Agent) -> None:
    @agent.on_task
    async def work(task: Task) -> str:
        recorded = await agent.complete({"n": 1}, report={"checked": True}, tokens=7, cost_micro=9)
        assert recorded.status == "succeeded"
        return "ignored"

    async with agent:
        task = await server.assign()
        await server.until(lambda: task.status == "succeeded")
    completed = server.received("task:completed")
    assert len(completed) == 1
    assert completed[0]["payload"] == {
        "task_id": task.id,
        "generation": 1,
        "result": {"n": 1},
        "report": {"checked": True},
        "tokens": 7,
        "cost_micro": 9,
    }


@pytest.mark.parametrize(
    ("error", "reason", "retryable"),
    [
        (RuntimeError("disk full"), "RuntimeError: disk full", True),
        (Denied("payment.send was denied"), "Denied: payment.send was denied", False),
        (ValueError("\ud800"), "ValueError: ?", True),
    ],
)
async def test_what_the_function_raises_is_the_failure(
    server: FakeServer,
    agent: Agent,
    error: Exception,
    reason: str,
    retryable: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(
        logging.CRITICAL, "watchfloor_agent"
    )  # half a surrogate pair in a report ends a test worker

    @agent.on_task
    async def work(task: Task) -> None:
        raise error

    async with agent:
        task = await server.assign()
        await server.until(lambda: task.status == "failed")
    assert task.reason == reason
    assert server.received("task:failed")[0]["payload"].get("retryable", True) is retryable


async def test_a_result_without_canonical_form_is_a_failure_that_says_so(
    server: FakeServer, agent: Agent
) -> None:
    @agent.on_task
    async def work(task: Task) -> dict[str, float]:
        return {"ratio": 0.5}

    async with agent:
        task = await server.assign()
        await server.until(lambda: task.status == "failed")
    assert "/ratio: float" in task.reason


async def test_an_agent_may_fail_a_task_for_good(server: FakeServer, agent: Agent) -> None:
    @agent.on_task
    async def work(task: Task) -> None:
        await agent.fail("no such repository", retryable=False)

    async with agent:
        task = await server.assign()
        await server.until(lambda: task.status == "failed")
    assert server.received("task:failed")[0]["payload"]["retryable"] is False
    assert server.received("task:completed") == []


@pytest.mark.parametrize("answer", [False, "only on weekdays"])
async def test_an_agent_may_turn_a_task_down(server: FakeServer, agent: Agent, answer: bool | str) -> None:
    async def accept(task: Task) -> bool | str:
        return answer

    @agent.on_task(accept=accept)
    async def work(task: Task) -> None:
        pytest.fail("the task was worked on")

    async with agent:
        task = await server.assign()
        await server.until(lambda: task.status == "rejected")
    assert task.reason == (answer or "not accepted")


async def test_an_agent_without_a_function_takes_no_tasks(server: FakeServer, agent: Agent) -> None:
    async with agent:
        task = await server.assign()
        await server.until(lambda: task.status == "rejected")
    assert task.reason == "this agent takes no tasks"


async def test_there_is_one_function_for_tasks(agent: Agent) -> None:
    @agent.on_task
    async def work(task: Task) -> None: ...

    with pytest.raises(ConfigurationError, match="already"):
        agent.on_task(work)


async def test_a_cancelled_task_is_stopped_and_not_reported(server: FakeServer, agent: Agent) -> None:
    stopped = asyncio.Event()
    begun = asyncio.Event()

    @agent.on_task
    async def work(task: Task) -> None:
        begun.set()
        try:
            await asyncio.sleep(30)
        finally:
            assert task.cancelled.is_set()
            stopped.set()

    async with agent:
        task = await server.assign()
        await begun.wait()
        await server.cancel(task.id)
        await asyncio.wait_for(stopped.wait(), 30)
        await agent.request_action("file.read")
    assert task.status == "cancelled"
    assert server.received("task:failed") == server.received("task:completed") == []


async def test_a_plain_function_hears_of_the_cancellation(server: FakeServer, agent: Agent) -> None:
    begun, heard = threading.Event(), threading.Event()

    @agent.on_task
    def work(task: Task) -> None:
        begun.set()
        if task.cancelled.wait(10):
            heard.set()

    async with agent:
        task = await server.assign()
        assert await asyncio.to_thread(begun.wait, 5)
        await server.cancel(task.id)
        assert await asyncio.to_thread(heard.wait, 5)
    assert server.received("task:completed") == []


async def test_a_task_is_resumed_after_a_reconnect(server: FakeServer, agent: Agent) -> None:
    go_on = asyncio.Event()

    @agent.on_task
    async def work(task: Task) -> str:
        await go_on.wait()
        return "done"

    async with agent:
        task = await server.assign()
        await server.until(lambda: task.status == "running")
        await server.drop()
        await server.until(lambda: len(server.received("task:resume")) == 1)
        go_on.set()
        await server.until(lambda: task.status == "succeeded")
    assert server.received("task:resume")[0]["payload"] == {"task_id": task.id, "generation": 1}
    assert len(server.received("task:accepted")) == 1


async def test_a_task_that_went_to_somebody_else_is_dropped_at_the_resume(
    server: FakeServer, agent: Agent
) -> None:
    stopped = asyncio.Event()

    @agent.on_task
    async def work(task: Task) -> None:
        try:
            await asyncio.sleep(30)
        finally:
            stopped.set()

    async with agent:
        task = await server.assign()
        await server.until(lambda: task.status == "running")
        task.generation = 2
        await server.drop()
        await asyncio.wait_for(stopped.wait(), 30)
    assert server.received("task:failed") == server.received("task:completed") == []


async def test_a_new_generation_replaces_the_old_one(server: FakeServer, agent: Agent) -> None:
    generations: list[int] = []
    begun, release = asyncio.Event(), asyncio.Event()

    @agent.on_task
    async def work(task: Task) -> int:
        generations.append(task.generation)
        begun.set()
        if task.generation == 1:
            await asyncio.sleep(30)
        await release.wait()
        return task.generation

    async with agent:
        task = await server.assign()
        await begun.wait()
        task.generation, task.status = 2, "assigned"
        await server.push(
            "task:assigned", {"task_id": task.id, "generation": 2, "attempt": 2, "title": "again"}
        )
        await server.push(
            "task:assigned", {"task_id": task.id, "generation": 1, "attempt": 1, "title": "old"}
        )
        await server.until(lambda: task.status == "running")
        release.set()
        await server.until(lambda: task.status == "succeeded")
    assert generations == [1, 2]
    assert task.result == 2


async def test_an_acceptance_that_came_too_late_is_no_acceptance(server: FakeServer, agent: Agent) -> None:
    @agent.on_task
    async def work(task: Task) -> None:
        pytest.fail("the task was worked on")

    async with agent:
        server.script = lambda frame: (
            [
                {
                    "type": "task:recorded",
                    "re": frame["id"],
                    "payload": {"task_id": "tsk_1", "status": "queued", "late": True},
                }
            ]
            if frame["type"] == "task:accepted"
            else None
        )
        await server.assign()
        await server.until(lambda: len(server.received("task:accepted")) == 1)
        await agent.request_action("file.read")


async def test_resync_is_the_truth_about_what_is_open(server: FakeServer, agent: Agent) -> None:
    begun: list[str] = []
    ended: list[str] = []

    @agent.on_task
    async def work(task: Task) -> None:
        begun.append(task.id)
        await server.notify()
        try:
            await asyncio.sleep(30)
        except asyncio.CancelledError:
            ended.append(task.id)
            raise

    async with agent:
        first = await server.assign()
        second = await server.assign()
        await server.until(lambda: len(begun) == 2)
        server.rule = lambda _: "hold"
        asking = [asyncio.create_task(agent.request_action("payment.send")) for _ in range(3)]
        await server.asked("payment.send", 3)
        open_action, closed_action, granted = server.actions.values()
        granted.status = "permitted"
        server.seq += 1000
        await server.push(
            "resync",
            {
                "seq": server.seq,
                "tasks": [{"task_id": second.id, "generation": 1, "attempt": 1, "title": "x"}],
                "actions": [server.decided(open_action), server.decided(granted)],
            },
        )
        with pytest.raises(Denied, match="closed while the agent was away"):
            await asking[1]
        assert (await asking[2]).action_id == granted.id
        assert not asking[0].done()
        assert ended == [first.id]
        await server.decide(open_action.id, "deny")
        with pytest.raises(Denied):
            await asking[0]
        assert closed_action.status == "pending"
    assert begun == [first.id, second.id]


async def test_stopping_the_agent_fails_its_tasks_so_that_others_get_them(
    server: FakeServer, agent: Agent
) -> None:
    @agent.on_task
    async def work(task: Task) -> None:
        await asyncio.sleep(30)

    async with agent:
        task = await server.assign()
        await server.until(lambda: task.status == "running")
    assert task.status == "failed"
    assert server.received("task:failed")[0]["payload"].get("retryable", True) is True


async def test_progress_that_nobody_takes_does_not_fail_the_work(server: FakeServer, agent: Agent) -> None:
    server.script = lambda frame: (
        [{"type": "error", "re": frame["id"], "payload": {"code": "no", "detail": "not now"}}]
        if frame["type"] == "task:progress"
        else None
    )

    @agent.on_task
    async def work(task: Task) -> str:
        await task.progress(5, blocked=True)
        return "done"

    async with agent:
        task = await server.assign()
        await server.until(lambda: task.status == "succeeded")
    assert server.received("task:progress")[0]["payload"]["status"] == "blocked"
