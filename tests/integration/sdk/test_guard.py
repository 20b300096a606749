"""A guarded function runs only between a start that was allowed and its report, whatever happens (spec 8, promise 2)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import PurePosixPath
from typing import Any

import pytest

from watchfloor_agent import (
    Agent,
    ConfigurationError,
    Denied,
    GrantMismatch,
    GrantRevoked,
    NotCanonical,
)
from watchfloor_agent.testing import FakeServer

FAST = (5, 10)
NOTE = PurePosixPath("a/b")


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer() as server:
        yield server


@pytest.fixture
async def agent(server: FakeServer) -> AsyncIterator[Agent]:
    async with Agent(server.url, server.api_key, reconnect_ms=FAST) as agent:
        yield agent


async def test_arguments_are_the_parameters_with_their_defaults(server: FakeServer, agent: Agent) -> None:
    class Bank:
        @agent.guarded("payment.send", tool="bank", reason=lambda self, to, *_, **__: f"for {to}")
        async def pay(self, to: str, *amounts: int, note: PurePosixPath = NOTE, **more: int) -> str:
            return to

    assert await Bank().pay("ada", 1, 2, extra=3) == "ada"
    request = (await server.asked("payment.send")).request
    assert request["params"] == {"to": "ada", "amounts": [1, 2], "note": "a/b", "extra": 3}
    assert (request["tool"], request["reason"]) == ("bank", "for ada")


async def test_an_author_may_choose_what_people_see(server: FakeServer, agent: Agent) -> None:
    @agent.guarded(
        "file.write",
        params=lambda path, data: {"path": path, "bytes": len(data)},
        cost_micro=lambda path, data: len(data),
        target=lambda path, data: f"/srv/{path}",
        outcome=lambda result: {"written": result},
        urgency="high",
    )
    async def write(path: str, data: bytes) -> int:
        return len(data)

    assert await write("a", b"xyz") == 3
    action = await server.asked("file.write")
    assert action.request["params"] == {"path": "a", "bytes": 3}
    assert (action.request["cost_micro"], action.request["urgency"]) == (3, "high")
    assert action.outcome == {"written": 3}
    assert server.received("action:started")[0]["payload"]["target"] == "/srv/a"


async def test_a_result_without_canonical_form_is_returned_and_not_reported(
    server: FakeServer, agent: Agent
) -> None:
    @agent.guarded("file.read")
    async def read() -> bytes:
        return b"\x00"

    assert await read() == b"\x00"
    assert (await server.asked("file.read")).status == "completed"


async def test_a_denied_call_does_not_run(server: FakeServer, agent: Agent) -> None:
    server.rule = lambda _: "deny"

    @agent.guarded("payment.send")
    async def pay() -> None:
        pytest.fail("it ran")

    with pytest.raises(Denied):
        await pay()
    assert server.received("action:started") == []


async def test_arguments_that_changed_while_people_thought_do_not_run(
    server: FakeServer, agent: Agent
) -> None:
    server.rule = lambda _: "hold"

    @agent.guarded("payment.send")
    async def pay(amounts: list[int]) -> None:
        pytest.fail("it ran")

    amounts = [1]
    paying = asyncio.create_task(pay(amounts))
    action = await server.asked("payment.send")
    amounts.append(1_000_000)
    await server.decide(action.id, "approve")
    with pytest.raises(GrantMismatch, match="not what was granted"):
        await paying
    assert server.received("action:started") == []


async def test_arguments_that_changed_while_starting_do_not_run_and_that_is_reported(
    server: FakeServer, agent: Agent
) -> None:
    amounts = [1]

    def swap(frame: dict[str, Any]) -> list[dict[str, Any]] | None:
        if frame["type"] == "action:started":
            amounts.append(1_000_000)
        return None

    server.script = swap

    @agent.guarded("payment.send")
    async def pay(amounts: list[int]) -> None:
        pytest.fail("it ran")

    with pytest.raises(GrantMismatch):
        await pay(amounts)
    action = await server.asked("payment.send")
    await server.until(lambda: action.status == "failed")
    assert action.code == "changed_after_start"


async def test_a_revoked_grant_waits_for_the_new_decision(server: FakeServer, agent: Agent) -> None:
    revoked = False

    def revoke(frame: dict[str, Any]) -> list[dict[str, Any]] | None:
        nonlocal revoked
        if frame["type"] != "action:started" or revoked:
            return None
        revoked = True
        action = server.actions[frame["payload"]["action_id"]]
        action.status = "pending"
        recorded = {"action_id": action.id, "status": "grant_revoked", "reason": "voters_invalid"}
        return [{"type": "action:recorded", "re": frame["id"], "payload": recorded}]

    server.script = revoke
    ran = 0

    @agent.guarded("payment.send")
    async def pay() -> None:
        nonlocal ran
        ran += 1

    paying = asyncio.create_task(pay())
    await server.until(lambda: revoked)
    await asyncio.sleep(0.03)
    assert ran == 0
    await server.decide("act_1", "approve")
    await paying
    assert (ran, server.executions) == (1, 1)


async def test_a_grant_is_not_revoked_and_given_for_ever(server: FakeServer, agent: Agent) -> None:
    def revoke(frame: dict[str, Any]) -> list[dict[str, Any]] | None:
        if frame["type"] != "action:started":
            return None
        action = server.actions[frame["payload"]["action_id"]]
        recorded = {"action_id": action.id, "status": "grant_revoked", "reason": "stop"}
        push = {"type": "action:decided", "seq": 100 + frame["id"], "payload": server.decided(action)}
        return [{"type": "action:recorded", "re": frame["id"], "payload": recorded}, push]

    server.script = revoke

    @agent.guarded("payment.send")
    async def pay() -> None:
        pytest.fail("it ran")

    with pytest.raises(GrantRevoked):
        await pay()


async def test_a_call_that_is_cancelled_while_running_is_reported(server: FakeServer, agent: Agent) -> None:
    begun = asyncio.Event()

    @agent.guarded("command.run")
    async def run() -> None:
        begun.set()
        await asyncio.sleep(30)

    running = asyncio.create_task(run())
    await begun.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    action = await server.asked("command.run")
    await server.until(lambda: action.status == "failed")
    assert action.code == "cancelled"


async def test_a_call_that_is_cancelled_while_asking_never_runs(server: FakeServer, agent: Agent) -> None:
    server.rule = lambda _: "hold"

    @agent.guarded("command.run")
    async def run() -> None:
        pytest.fail("it ran")

    running = asyncio.create_task(run())
    action = await server.asked("command.run")
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    await server.decide(action.id, "approve")
    server.rule = lambda _: "permit"
    await agent.request_action("file.read")
    assert server.executions == 0


async def test_arguments_without_canonical_form_are_refused_before_anybody_is_asked(
    server: FakeServer, agent: Agent
) -> None:
    @agent.guarded("payment.send")
    async def pay(amount: float) -> None:
        pytest.fail("it ran")

    with pytest.raises(NotCanonical, match="/amount: float"):
        await pay(1.5)
    with pytest.raises(TypeError, match="missing a required argument"):
        await pay()  # type: ignore[call-arg]
    assert server.received("action:request") == []


def test_generators_cannot_be_guarded() -> None:
    agent = Agent("ws://127.0.0.1:9/ws", "wf_key_x")

    def stream() -> Iterator[int]:
        yield 1

    async def astream() -> AsyncIterator[int]:
        yield 1

    for function in (stream, astream):
        with pytest.raises(ConfigurationError, match="is a generator"):
            agent.guarded("file.read")(function)


async def test_a_plain_function_on_the_agents_own_loop_is_refused_instead_of_hanging(
    server: FakeServer, agent: Agent
) -> None:
    @agent.guarded("file.write")
    def write() -> None:
        pytest.fail("it ran")

    with pytest.raises(ConfigurationError, match=r"asyncio\.to_thread"):
        write()


def test_a_plain_program_needs_no_event_loop() -> None:
    """Agent and server on threads of their own; guarded plain functions, success and failure."""

    async def scenario() -> None:
        async with FakeServer() as server:

            def program() -> list[object]:
                agent = Agent(server.url, server.api_key)
                results: list[object] = []

                @agent.guarded("file.write")
                def write(text: str) -> int:
                    if text == "bad":
                        raise ValueError("bad text")
                    return len(text)

                with pytest.raises(ConfigurationError, match=r"agent\.background"):
                    write("too early")
                with agent.background():
                    results.append(write("abc"))
                    with pytest.raises(ValueError, match="bad text"):
                        write("bad")
                    results.append(agent.wait(agent.request_action("file.read")).basis)
                return results

            assert await asyncio.to_thread(program) == [3, "auto"]
            statuses = [(action.status, action.code) for action in server.actions.values()]
            assert statuses == [("completed", ""), ("failed", "value_error"), ("permitted", "")]

    asyncio.run(scenario())


async def test_a_function_that_raised_runs_again_as_often_as_it_is_granted(
    server: FakeServer, agent: Agent
) -> None:
    calls: list[str] = []

    @agent.guarded("file.write", attempts=3)
    async def write(path: str) -> str:
        calls.append(path)
        if len(calls) < 3:
            raise OSError("busy")
        return "written"

    assert await write("a") == "written"
    assert calls == ["a"] * 3
    assert [action.status for action in server.actions.values()] == ["completed"], "one decision for all"
    calls.clear()

    @agent.guarded("file.write", attempts=2)
    def never(path: str) -> None:
        calls.append(path)
        raise OSError("broken")

    with pytest.raises(OSError, match="broken"):
        await asyncio.to_thread(never, "b")
    assert calls == ["b"] * 2
