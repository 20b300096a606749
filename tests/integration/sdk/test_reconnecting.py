"""Connections come and go; requests, pushes and what is owed do not get lost or doubled (spec 2.2, DESIGN 2b.5)."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.integration.sdk.hurry import impatient

from watchfloor_agent import (
    Agent,
    AuthenticationFailed,
    ConfigurationError,
    LedgerShrank,
    Replaced,
    Unavailable,
)
from watchfloor_agent.testing import FakeServer

FAST = (20, 60)


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer() as server:
        yield server


@pytest.fixture
async def agent(server: FakeServer) -> AsyncIterator[Agent]:
    async with Agent(server.url, server.api_key, reconnect_ms=FAST) as agent:
        yield agent


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("frame_type", ["action:request", "action:started", "action:completed"])
async def test_a_connection_cut_in_the_middle_of_an_action_changes_nothing_about_it(
    server: FakeServer, agent: Agent, frame_type: str, when: str
) -> None:
    server.cut(frame_type, when)
    ran = 0
    grant = await agent.request_action("file.write")
    async with agent.execution(grant) as execution:
        ran += 1
        execution.outcome = "done"
    assert server.connections == 2
    assert (ran, server.executions, len(server.actions)) == (1, 1, 1)
    assert server.actions[grant.action_id].status == "completed"
    numbers = [frame["id"] for frame in server.frames if frame.get("id")]
    assert sorted(set(numbers)) == [1, 2, 3]


async def test_a_repeated_frame_is_the_same_byte_for_byte(server: FakeServer, agent: Agent) -> None:
    server.cut("action:request", "after")
    await agent.request_action("file.write", params={"b": 1, "a": "Zo\u00eb"})
    first, second = server.received("action:request")
    assert first == second
    assert list(first["payload"]["params"]) == ["b", "a"]


async def test_unanswered_requests_are_repeated_in_order_before_new_ones(server: FakeServer) -> None:
    async with Agent(server.url, server.api_key, reconnect_ms=FAST) as agent:
        server.script = lambda frame: [] if frame["type"] == "action:request" else None
        asking = [asyncio.create_task(agent.request_action("file.read", params={"n": n})) for n in range(5)]
        await server.until(lambda: len(server.received("action:request")) == 5)
        server.script = lambda _: None
        server.frames.clear()
        await server.drop()
        await asyncio.gather(*asking)
        await agent.request_action("file.read", params={"n": 5})
    assert [frame["payload"]["params"]["n"] for frame in server.received("action:request")] == [
        0,
        1,
        2,
        3,
        4,
        5,
    ]


async def test_numbers_go_on_above_what_the_server_has_seen(server: FakeServer) -> None:
    for _ in range(2):
        async with Agent(server.url, server.api_key) as agent:
            await agent.request_action("file.read")
    assert [frame["id"] for frame in server.received("action:request")] == [1, 2]


async def test_a_second_answer_is_ignored(server: FakeServer, agent: Agent) -> None:
    server.script = lambda frame: (
        [*server.answer(frame), *server.answer(frame)] if frame["type"] == "action:request" else None
    )
    first = await agent.request_action("file.read")
    second = await agent.request_action("file.read")
    assert first.action_id != second.action_id


async def test_a_decision_made_while_the_agent_was_away_reaches_it(server: FakeServer, agent: Agent) -> None:
    server.rule = lambda _: "hold"
    asking = asyncio.create_task(agent.request_action("payment.send"))
    action = await server.asked("payment.send")
    await server.close()
    await server.decide(action.id, "approve")
    await server.open()
    assert (await asking).action_id == action.id


async def test_a_redelivered_push_is_handled_once(server: FakeServer) -> None:
    worked: list[str] = []
    agent = Agent(server.url, server.api_key, reconnect_ms=FAST)

    @agent.on_task
    async def work(task: Any) -> None:
        worked.append(task.id)

    async with agent:
        task = await server.assign()
        await server.until(lambda: task.status == "succeeded")
        await server.redeliver()
        await server.drop()
        await server.until(lambda: server.connections == 2)
        await agent.request_action("file.read")
    assert worked == ["tsk_1"]
    assert len(server.received("task:accepted")) == 1


async def test_a_heartbeat_acknowledges_pushes_and_hello_names_the_newest(server: FakeServer) -> None:
    server.welcome["heartbeat_interval_ms"] = 50
    async with Agent(server.url, server.api_key, reconnect_ms=FAST):
        await server.push("config:updated", {"tier": "VERIFIED"})
        await server.until(lambda: server.acknowledged == 1)
        await server.drop()
        await server.until(lambda: server.connections == 2 and len(server.received("hello")) == 2)
    assert server.received("hello")[1]["payload"]["last_seq"] == 1
    assert server.received("heartbeat")[0]["payload"]["metrics"]["memory_bytes"] > 0


async def test_many_pushes_are_acknowledged_before_the_next_heartbeat_is_due(server: FakeServer) -> None:
    async with Agent(server.url, server.api_key):
        for number in range(40):
            await server.push("config:updated", {"score": number})
        await server.until(lambda: server.acknowledged >= 32)


async def test_heartbeats_come_at_the_pace_the_server_asks_for(server: FakeServer) -> None:
    async with Agent(server.url, server.api_key) as agent:
        agent.health = "degraded"
        await server.push("config:updated", {"heartbeat_interval_ms": 40})
        await server.until(lambda: len(server.received("heartbeat")) >= 4)
    assert server.received("heartbeat")[-1]["payload"]["status"] == "degraded"


async def test_the_servers_hint_decides_when_to_come_back(server: FakeServer) -> None:
    async with Agent(server.url, server.api_key, reconnect_ms=(60_000, 60_000)):
        await server.push(
            "disconnecting", {"reason": "restart", "code": 1012, "retry_after_ms": 150}, durable=False
        )
        began = time.monotonic()
        await server.drop(1012, "restart")
        await server.until(lambda: server.connections == 2)
        assert 0.14 <= time.monotonic() - began < 30


async def test_a_server_that_is_full_is_asked_again_after_what_it_says(server: FakeServer) -> None:
    server.refuse_with = 503
    agent = Agent(server.url, server.api_key, reconnect_ms=FAST)
    serving = asyncio.create_task(agent.serve())
    await asyncio.sleep(0.15)
    assert not agent.connected
    server.refuse_with = 0
    await server.until(lambda: server.connections == 1)
    await agent.stop()
    await serving


@pytest.mark.parametrize("status", [401, 403])
async def test_a_wrong_key_ends_the_agent(server: FakeServer, status: int) -> None:
    server.refuse_with = status if status == 403 else 0
    key = server.api_key if status == 403 else "wf_key_wrong"
    agent = Agent(server.url, key, reconnect_ms=FAST)
    with pytest.raises(AuthenticationFailed, match=str(status)) as caught:
        await agent.serve()
    assert key not in str(caught.value)
    assert server.connections == 0


async def test_close_code_4003_ends_the_agent_and_everybody_who_waits(server: FakeServer) -> None:
    agent = Agent(server.url, server.api_key, reconnect_ms=FAST)
    server.rule = lambda _: "hold"
    await agent.start()
    asking = asyncio.create_task(agent.request_action("payment.send"))
    await server.asked("payment.send")
    await server.drop(4003, "key revoked")
    with pytest.raises(AuthenticationFailed, match="key revoked"):
        await asking
    with pytest.raises(AuthenticationFailed):
        await agent.request_action("file.read")
    await agent.stop()
    assert server.connections == 1


async def test_being_replaced_ends_the_agent(server: FakeServer) -> None:
    agent = Agent(server.url, server.api_key, reconnect_ms=FAST)
    serving = asyncio.create_task(agent.serve())
    await server.until(lambda: len(server.received("hello")) == 1)
    await server.push("disconnecting", {"reason": "replaced", "code": 4029}, durable=False)
    with pytest.raises(Replaced, match="one process per key"):
        await serving


@pytest.mark.parametrize("code", [1000, 1009, 1012, 1013, 4001, 4008, 4029])
async def test_every_other_close_code_is_followed_by_a_reconnect(server: FakeServer, code: int) -> None:
    async with Agent(server.url, server.api_key, reconnect_ms=FAST) as agent:
        await server.drop(code, "because")
        await server.until(lambda: server.connections == 2)
        await agent.request_action("file.read")


@pytest.mark.parametrize("text", ["hello?", '{"type":"task:assigned"}', '{"payload":{}}'])
async def test_a_frame_that_cannot_be_read_costs_the_connection_and_not_the_agent(
    server: FakeServer, agent: Agent, text: str
) -> None:
    for socket in list(server._sockets):
        await socket.send(text)
    await server.until(lambda: server.connections == 2)
    await agent.request_action("file.read")


async def test_a_ledger_that_shrank_between_two_sessions_ends_the_agent(
    server: FakeServer, tmp_path: Path
) -> None:
    state = tmp_path / "agent.json"
    server.welcome["checkpoint"] = {"size": 90, "root": "ab" * 32, "note": ""}
    async with Agent(server.url, server.api_key, state_path=state):
        pass
    server.welcome["checkpoint"] = {"size": 89, "root": "ab" * 32, "note": ""}
    agent = Agent(server.url, server.api_key, state_path=state, reconnect_ms=FAST)
    with pytest.raises(LedgerShrank, match="90 events"):
        await agent.start()


async def test_a_ledger_that_tells_another_story_within_a_session_ends_the_agent(server: FakeServer) -> None:
    server.welcome["checkpoint"] = {"size": 90, "root": "ab" * 32, "note": ""}
    agent = Agent(server.url, server.api_key, reconnect_ms=FAST)
    serving = asyncio.create_task(agent.serve())
    await server.until(lambda: len(server.received("hello")) == 1)
    await server.push("config:updated", {"checkpoint": {"size": 90, "root": "cd" * 32, "note": ""}})
    with pytest.raises(LedgerShrank, match="root"):
        await serving


async def test_a_request_given_up_while_the_server_was_away_is_not_sent_later(server: FakeServer) -> None:
    async with Agent(server.url, server.api_key, reconnect_ms=FAST) as agent:
        await server.close()
        impatient(agent, 100)
        with pytest.raises(Unavailable, match="no connection within 100 ms"):
            await agent.request_action("payment.send")
        await server.open()
        await server.until(lambda: server.connections == 2 and len(server.received("hello")) == 2)
        await asyncio.sleep(0.05)
    assert server.received("action:request") == []


async def test_an_outcome_reported_while_the_server_is_away_arrives_when_it_is_back(
    server: FakeServer,
) -> None:
    async with Agent(server.url, server.api_key, reconnect_ms=FAST) as agent:
        grant = await agent.request_action("file.write")
        async with agent.execution(grant) as execution:
            execution.outcome = 3
            await server.close()
            impatient(execution, 100)
        assert server.actions[grant.action_id].status == "executing"
        await server.open()
        await server.until(lambda: server.actions[grant.action_id].status == "completed")


async def test_stopping_delivers_what_is_owed_first(server: FakeServer) -> None:
    agent = Agent(server.url, server.api_key, reconnect_ms=FAST)
    await agent.start()
    grant = await agent.request_action("file.write")
    late: list[dict[str, Any]] = []

    def slow(frame: dict[str, Any]) -> list[dict[str, Any]] | None:
        if frame["type"] != "action:completed" or late:
            return None
        late.append(frame)
        return []

    server.script = slow
    async with agent.execution(grant) as execution:
        impatient(execution, 50)
    stopping = asyncio.create_task(agent.stop())
    await asyncio.sleep(0.05)
    assert not stopping.done()
    await server.push("nothing:new", {}, durable=False)
    for socket in list(server._sockets):
        socket.transport.abort()
    await stopping
    assert server.actions[grant.action_id].status == "completed"


async def test_a_server_that_is_away_at_the_start_is_unavailable() -> None:
    agent = Agent("ws://127.0.0.1:9/ws", "wf_key_x", reconnect_ms=FAST)
    with pytest.raises(Unavailable, match="within 150 ms"):
        await agent.start(wait_ms=150)


async def test_an_agent_can_be_started_again_but_not_twice(server: FakeServer) -> None:
    agent = Agent(server.url, server.api_key)
    for _ in range(2):
        async with agent:
            with pytest.raises(ConfigurationError, match="running already"):
                await agent.start()
            await agent.request_action("file.read")
        assert not agent.connected
    assert server.connections == 2


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("http://127.0.0.1/ws", "WebSocket address"),
        ("ws://", "WebSocket address"),
        ("wss://user:secret@host/ws", "address only"),
        ("wss://host/ws?key=wf_x", "address only"),
        ("ws://watchfloor.example/ws", "show the key"),
    ],
)
def test_addresses_that_are_wrong_or_show_the_key_are_refused(url: str, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Agent(url, "wf_key_x")


def test_an_empty_key_is_refused_and_a_key_is_never_shown() -> None:
    with pytest.raises(ConfigurationError, match="key file as key_path"):
        Agent("wss://host/ws", "")
    agent = Agent("wss://host/ws", "wf_key_s3cret", name="n")
    assert "s3cret" not in repr(agent)
    assert "s3cret" not in repr(agent._life._settings)


def test_a_trusted_network_may_go_without_tls_when_told_so() -> None:
    assert Agent("ws://watchfloor:7300/ws", "wf_key_x", insecure=True).url == "ws://watchfloor:7300/ws"


@pytest.mark.parametrize(
    "answer", [b"", b"HTTP/1.1 101 Switching Protocols\r\n"], ids=["silence", "half an answer"]
)
async def test_stopping_does_not_wait_for_a_server_that_never_answers(answer: bytes) -> None:
    async def mute(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(answer)
        await reader.read()
        writer.close()

    silent = await asyncio.start_server(mute, "127.0.0.1", 0)
    agent = Agent(f"ws://127.0.0.1:{silent.sockets[0].getsockname()[1]}/ws", "wf_key_x", reconnect_ms=FAST)
    began = time.monotonic()
    with pytest.raises(Unavailable):
        await agent.start(wait_ms=100)
    assert time.monotonic() - began < 8
    silent.close()


async def test_stopping_while_the_server_is_away_does_not_begin_another_session(server: FakeServer) -> None:
    for pause in range(12):
        agent = Agent(server.url, server.api_key, reconnect_ms=(2, 4))
        await agent.start()
        await server.drop()
        await asyncio.sleep(pause / 1000)
        await asyncio.wait_for(agent.stop(), 20)
        assert not agent.connected
