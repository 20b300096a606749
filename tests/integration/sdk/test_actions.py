"""Asking before acting, over a real socket: every way a request can end (spec 8, 3.2, DESIGN 2b.8)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.integration.sdk.hurry import impatient

from watchfloor_agent import (
    Action,
    Agent,
    Cancelled,
    ConfigurationError,
    Denied,
    Expired,
    GrantMismatch,
    GrantRefused,
    GrantRevoked,
    NotCanonical,
    ProtocolError,
    Refused,
    Unavailable,
)
from watchfloor_agent.testing import FakeServer


@pytest.fixture
async def server() -> AsyncIterator[FakeServer]:
    async with FakeServer() as server:
        yield server


@pytest.fixture
async def agent(server: FakeServer) -> AsyncIterator[Agent]:
    async with Agent(server.url, server.api_key, reconnect_ms=(20, 40)) as agent:
        yield agent


async def test_a_permitted_action_returns_a_grant_for_exactly_what_was_asked(
    server: FakeServer, agent: Agent
) -> None:
    grant = await agent.request_action(
        "payment.send", tool="bank", params={"to": "Zoe\u0308", "cents": 5}, reason="invoice 7", cost_micro=9
    )
    request = server.actions[grant.action_id].request
    assert request["params"] == {"to": "Zo\u00eb", "cents": 5}
    assert (request["tool"], request["reason"], request["cost_micro"]) == ("bank", "invoice 7", 9)
    assert grant.allows(Action.of("payment.send", "bank", {"cents": 5, "to": "Zo\u00eb"}))
    assert not grant.allows(Action.of("payment.send", "bank", {"cents": 6, "to": "Zo\u00eb"}))
    assert not grant.allows(Action.of("payment.send", "", {"cents": 5, "to": "Zo\u00eb"}))
    assert grant.salt not in repr(grant)


async def test_a_pending_action_waits_for_people_and_returns_their_grant(
    server: FakeServer, agent: Agent
) -> None:
    server.rule = lambda _: "hold"
    asking = asyncio.create_task(agent.request_action("repository.patch"))
    action = await server.asked("repository.patch")
    await asyncio.sleep(0.05)
    assert not asking.done()
    await server.decide(action.id, "approve")
    grant = await asking
    assert (grant.basis, grant.level) == ("approved", 3)


@pytest.mark.parametrize(
    ("decision", "error", "said"),
    [
        ("deny", Denied, "was denied .level 3.: not today"),
        ("expire", Expired, "was not decided in time"),
        ("cancel", Cancelled, "was withdrawn"),
    ],
)
async def test_people_may_say_no_in_several_ways(
    server: FakeServer, agent: Agent, decision: str, error: type[Denied], said: str
) -> None:
    server.rule = lambda _: "hold"
    asking = asyncio.create_task(agent.request_action("payment.send"))
    action = await server.asked("payment.send")
    await server.decide(action.id, decision)
    with pytest.raises(error, match=said) as caught:
        await asking
    assert type(caught.value) is error
    assert caught.value.action_id == action.id
    assert [reason.rule for reason in caught.value.reasons] == ["the_script_denies"]


async def test_a_decision_that_overtakes_the_waiting_is_not_lost(server: FakeServer, agent: Agent) -> None:
    def decide_at_once(frame: dict[str, Any]) -> list[dict[str, Any]] | None:
        if frame["type"] != "action:request":
            return None
        pending = server.answer(frame)
        action = server.actions[pending[0]["payload"]["action_id"]]
        action.status, action.level = "permitted", 3
        push = {"type": "action:decided", "seq": 99, "payload": server.decided(action)}
        return [push, *pending]

    server.rule = lambda _: "hold"
    server.script = decide_at_once
    assert (await agent.request_action("file.read")).basis == "approved"


async def test_waiting_for_people_can_be_bounded_and_taken_up_again(server: FakeServer, agent: Agent) -> None:
    server.rule = lambda _: "hold"
    with pytest.raises(Unavailable, match="still pending"):
        await agent.request_action("payment.send", params={"a": 1}, wait_ms=50)
    action = await server.asked("payment.send")
    await server.decide(action.id, "approve")
    grant = await agent.decision(action.id, Action.of("payment.send", "", {"a": 1}), wait_ms=20_000)
    assert grant.action_id == action.id


async def test_a_grant_for_something_else_is_refused_by_the_agent(server: FakeServer, agent: Agent) -> None:
    def other_digest(frame: dict[str, Any]) -> list[dict[str, Any]] | None:
        if frame["type"] != "action:request":
            return None
        return server.answer({**frame, "payload": {**frame["payload"], "params": {"cents": 999}}})

    server.script = other_digest
    with pytest.raises(GrantMismatch, match="something else"):
        await agent.request_action("payment.send", params={"cents": 1})


@pytest.mark.parametrize(
    "payload",
    [
        {"action_id": "act_1", "verdict": "permitted", "digest": ""},
        {"action_id": "act_1", "verdict": "granted", "digest": ""},
        {"action_id": "act_1", "verdict": "", "digest": ""},
    ],
    ids=["no grant", "unknown verdict", "no verdict"],
)
async def test_an_unclear_ruling_is_never_a_yes(
    server: FakeServer, agent: Agent, payload: dict[str, Any]
) -> None:
    server.script = lambda frame: (
        [{"type": "action:decided", "re": frame["id"], "payload": payload}] if frame.get("id") else None
    )
    with pytest.raises((ProtocolError, Denied)):
        await agent.request_action("payment.send")


async def test_an_answer_of_another_kind_is_a_protocol_error(server: FakeServer, agent: Agent) -> None:
    recorded = {"action_id": "act_1", "status": "executing"}
    server.script = lambda frame: (
        [{"type": "action:recorded", "re": frame["id"], "payload": recorded}] if frame.get("id") else None
    )
    with pytest.raises(ProtocolError, match="action:request was answered by action:recorded"):
        await agent.request_action("payment.send")


async def test_a_refusal_names_code_and_place(server: FakeServer, agent: Agent) -> None:
    error = {"code": "invalid_field", "detail": "too long", "field": "/payload/type"}
    server.script = lambda frame: (
        [{"type": "error", "re": frame["id"], "payload": error}] if frame.get("id") else None
    )
    with pytest.raises(Refused, match=r"invalid_field: too long \(at /payload/type\)") as caught:
        await agent.request_action("x" * 200)
    assert (caught.value.code, caught.value.field) == ("invalid_field", "/payload/type")


@pytest.mark.parametrize("kind", ["rate:limited", "error"])
async def test_a_refusal_for_now_is_asked_again_under_a_new_number(
    server: FakeServer, agent: Agent, kind: str
) -> None:
    limited = {"retry_after_ms": 30, "class": "heavy"}
    error = {"code": "overloaded", "detail": "busy", "retryable": True, "retry_after_ms": 30}
    refusals = 2

    def busy(frame: dict[str, Any]) -> list[dict[str, Any]] | None:
        nonlocal refusals
        if frame["type"] != "action:request" or refusals == 0:
            return None
        refusals -= 1
        return [{"type": kind, "re": frame["id"], "payload": limited if kind == "rate:limited" else error}]

    server.script = busy
    await agent.request_action("file.read")
    numbers = [frame["id"] for frame in server.received("action:request")]
    assert numbers == [1, 2, 3]
    assert len(server.actions) == 1


async def test_parameters_without_canonical_form_never_leave_the_agent(
    server: FakeServer, agent: Agent
) -> None:
    with pytest.raises(NotCanonical, match=r"/amount: float"):
        await agent.request_action("payment.send", params={"amount": 1.5})
    assert server.received("action:request") == []


async def test_a_frame_the_server_would_not_take_is_refused_before_it_is_sent(
    server: FakeServer, agent: Agent
) -> None:
    with pytest.raises(Refused, match="too_large"):
        await agent.request_action("file.write", params={"text": "x" * 1_100_000})
    assert agent.connected
    assert server.received("action:request") == []


async def test_a_dry_run_rules_without_recording_anything(server: FakeServer, agent: Agent) -> None:
    server.rule = lambda _: "hold"
    ruling = await agent.dry_run("agent.spawn", params={"n": 3})
    assert (ruling.verdict, ruling.judged_at_seq) == ("pending", 0)
    assert server.actions == {}
    assert server.received("action:request")[0]["payload"]["dry_run"] is True


async def test_an_execution_starts_with_the_digest_and_reports_its_outcome(
    server: FakeServer, agent: Agent
) -> None:
    grant = await agent.request_action("file.write", params={"path": "a"})
    async with agent.execution(grant, target="/srv/a") as execution:
        assert server.actions[grant.action_id].status == "executing"
        execution.outcome = {"bytes": 3}
        execution.cost_micro = 8
    action = server.actions[grant.action_id]
    assert (action.status, action.outcome) == ("completed", {"bytes": 3})
    started = server.received("action:started")[0]["payload"]
    assert (started["digest"], started["target"]) == (grant.digest, "/srv/a")
    completed = server.received("action:completed")[0]["payload"]
    assert completed["cost_micro"] == 8
    assert len(completed["outcome_digest"]) == 64


async def test_an_execution_that_raises_is_reported_as_failed(server: FakeServer, agent: Agent) -> None:
    grant = await agent.request_action("file.write")
    with pytest.raises(FileNotFoundError):
        async with agent.execution(grant):
            raise FileNotFoundError("nothing there")
    failed = server.received("action:failed")[0]["payload"]
    assert (failed["code"], failed["reason"]) == ("file_not_found_error", "FileNotFoundError: nothing there")


async def test_a_grant_is_used_once(server: FakeServer, agent: Agent) -> None:
    grant = await agent.request_action("file.write")
    async with agent.execution(grant) as execution:
        with pytest.raises(GrantRefused, match="used once"):
            await execution.start()
    with pytest.raises(GrantRefused, match="misused"):
        async with agent.execution(grant):
            pytest.fail("the second execution ran")
    assert server.executions == 1


async def test_what_was_not_granted_does_not_start(server: FakeServer, agent: Agent) -> None:
    grant = await agent.request_action("file.write", params={"path": "a"})
    with pytest.raises(GrantMismatch, match="not what was granted"):
        async with agent.execution(grant, describe=lambda: Action.of("file.write", "", {"path": "b"})):
            pytest.fail("it ran")
    assert server.received("action:started") == []


@pytest.mark.parametrize(
    ("status", "error"),
    [
        ("grant_revoked", GrantRevoked),
        ("misused", GrantRefused),
        ("unknown", GrantRefused),
        ("completed", GrantRefused),
    ],
)
async def test_only_executing_lets_it_run(
    server: FakeServer, agent: Agent, status: str, error: type[GrantRefused]
) -> None:
    grant = await agent.request_action("file.write")
    recorded = {"action_id": grant.action_id, "status": status, "reason": "stop_in_force"}
    server.script = lambda frame: (
        [{"type": "action:recorded", "re": frame["id"], "payload": recorded}]
        if frame["type"] == "action:started"
        else None
    )
    with pytest.raises(error, match="stop_in_force"):
        async with agent.execution(grant):
            pytest.fail("it ran")
    assert server.received("action:failed") == []


@pytest.mark.parametrize(
    "recorded",
    [
        {"action_id": "act_other", "status": "executing"},
        {"action_id": "act_1", "status": "executing", "execution_id": "exe_other"},
    ],
)
async def test_a_start_that_was_answered_for_something_else_lets_nothing_run(
    server: FakeServer, agent: Agent, recorded: dict[str, Any]
) -> None:
    grant = await agent.request_action("file.write")
    server.script = lambda frame: (
        [{"type": "action:recorded", "re": frame["id"], "payload": recorded}]
        if frame["type"] == "action:started"
        else None
    )
    with pytest.raises(ProtocolError):
        async with agent.execution(grant):
            pytest.fail("it ran")


async def test_a_start_without_answer_lets_nothing_run_and_says_so_later(server: FakeServer) -> None:
    async with Agent(server.url, server.api_key, reconnect_ms=(20, 40)) as agent:
        grant = await agent.request_action("file.write")
        server.script = lambda frame: (
            server.answer(frame) and [] if frame["type"] == "action:started" else None
        )
        impatient(agent, 200)
        with pytest.raises(Unavailable):
            async with agent.execution(grant):
                pytest.fail("it ran")
        await server.until(lambda: server.actions[grant.action_id].status == "failed")
    assert server.actions[grant.action_id].code == "not_started"


async def test_an_execution_of_unknown_outcome_can_be_settled(server: FakeServer, agent: Agent) -> None:
    grant = await agent.request_action("file.write")
    await agent.settle(grant.action_id, "exe_1", "failed", cost_micro=2)
    settled = server.received("action:settled")[0]["payload"]
    assert settled == {
        "action_id": grant.action_id,
        "execution_id": "exe_1",
        "outcome": "failed",
        "cost_micro": 2,
    }


async def test_what_failed_is_retried_with_a_grant_for_the_same_action(
    server: FakeServer, agent: Agent
) -> None:
    grant = await agent.request_action("file.write", params={"path": "a"}, attempts=2)
    execution = agent.execution(grant)
    with pytest.raises(RuntimeError):
        async with execution:
            raise RuntimeError("the disk was busy")
    again = await agent.retry(execution)
    assert again.grant_id != grant.grant_id
    assert again.action == grant.action
    async with agent.execution(again) as second:
        second.outcome = "written"
    assert server.actions[grant.action_id].status == "completed"
    with pytest.raises(Refused, match="not_retryable"):
        await agent.retry(second)


async def test_no_more_requests_are_in_flight_than_the_server_takes(server: FakeServer) -> None:
    server.welcome["limits"] = {"in_flight_max": 2}
    waiting: list[dict[str, Any]] = []
    most = 0

    def slowly(frame: dict[str, Any]) -> list[dict[str, Any]] | None:
        nonlocal most
        if frame["type"] != "action:request":
            return None
        waiting.append(frame)
        most = max(most, len(waiting))
        if len(waiting) < 2:
            return []
        return [answer for held in (waiting.pop(0), waiting.pop(0)) for answer in server.answer(held)]

    server.script = slowly
    async with Agent(server.url, server.api_key) as agent:
        await asyncio.gather(*(agent.request_action("file.read") for _ in range(10)))
    assert most == 2
    assert len(server.actions) == 10


async def test_asking_without_running_is_an_error_that_says_what_to_do() -> None:
    agent = Agent("ws://127.0.0.1:9/ws", "wf_key_x")
    with pytest.raises(ConfigurationError, match="async with agent"):
        await agent.request_action("file.read")
    with pytest.raises(ConfigurationError, match="no task at hand"):
        await agent.progress(5)
