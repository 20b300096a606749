"""The guard's law under faults: no run without a start that the server allowed, nothing but what was granted (promise 2)."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from watchfloor_agent import Agent, WatchfloorError
from watchfloor_agent.testing import FakeServer

HONEST: dict[str, Any] = {
    "rule": "permit",
    "decision": "approve",
    "start": "honest",
    "cut": None,
    "twice": False,
    "mutate": None,
    "lie": None,
}
FAULTS: list[dict[str, Any]] = [
    {},
    {"rule": "deny"},
    *({"rule": "hold", "decision": decision} for decision in ("approve", "deny", "expire", "cancel")),
    *(
        {"start": start}
        for start in ("grant_revoked", "misused", "unknown", "error", "silence", "wrong", "other")
    ),
    *({"cut": (kind, when)} for kind in ("action:request", "action:started") for when in ("before", "after")),
    {"twice": True},
    *({"mutate": when} for when in ("asking", "starting")),
    *({"lie": lie} for lie in ("digest", "no grant", "pending grant", "unknown verdict")),
]
STEP = st.lists(st.sampled_from(FAULTS), min_size=1, max_size=3).map(
    lambda faults: {key: value for fault in (HONEST, *faults) for key, value in fault.items()}
)


@pytest.mark.parametrize("rule", ["permit", "hold"])
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: "-".join(map(str, fault.values())) or "honest")
async def test_with_one_fault_a_guarded_function_runs_only_when_the_server_allowed_its_start(
    fault: dict[str, Any], rule: str
) -> None:
    step = {**HONEST, "rule": rule, **fault}
    harmless = (
        step["rule"] != "deny"
        and (step["rule"] == "permit" or step["decision"] == "approve")
        and step["start"] == "honest"
        and step["mutate"] is None
        and (step["lie"] is None or (step["rule"] == "hold" and step["lie"] != "unknown verdict"))
    )
    assert await _law([step]) == (1 if harmless else 0)


@settings(max_examples=100, deadline=None)
@given(st.lists(STEP, min_size=1, max_size=3))
def test_with_any_faults_a_guarded_function_never_runs_without_a_start_the_server_allowed(
    steps: list[dict[str, Any]],
) -> None:
    asyncio.run(_law(steps))


async def _law(steps: list[dict[str, Any]]) -> int:
    """Live through the steps; how often the function ran."""
    async with FakeServer() as server:
        answer_ms = 60 if any(step["start"] == "silence" for step in steps) else 5_000
        agent = Agent(server.url, server.api_key, answer_ms=answer_ms, drain_ms=100, reconnect_ms=(1, 2))
        ran: list[list[int]] = []

        @agent.guarded("payment.send")
        async def pay(amounts: list[int]) -> None:
            ran.append(list(amounts))

        await agent.start(wait_ms=10_000)
        try:
            for index, step in enumerate(steps):
                before = len(ran)
                allowed = _misbehave(server, step, amounts := [index])
                paying = asyncio.create_task(pay(amounts))
                outcome = await _lived_through(server, paying, step)
                assert len(ran) - before == (1 if outcome is None else 0), (step, outcome)
                assert len(ran) - before <= len(allowed), (step, outcome)
                assert all(amounts == [index] for amounts in ran[before:]), (
                    "something else ran than was granted"
                )
        finally:
            await agent.stop()
        executing = [action for action in server.actions.values() if action.execution_id]
        assert len(ran) <= len(executing)
        return len(ran)


def _misbehave(server: FakeServer, step: dict[str, Any], amounts: list[int]) -> list[str]:
    """Set the server up for one call; the list fills with executions it has allowed by the protocol."""
    allowed: list[str] = []
    server.rule = lambda _: step["rule"]
    if step["cut"] is not None:
        server.cut(*step["cut"])

    def script(frame: dict[str, Any]) -> list[dict[str, Any]] | None:
        answers: list[dict[str, Any]] | None = None
        if frame["type"] == "action:request":
            answers = server.answer(frame)
            if step["lie"] is not None:
                answers = [_lied(answer, step["lie"]) for answer in answers]
            if step["mutate"] == "asking":
                amounts.append(666)
        elif frame["type"] == "action:started":
            if step["mutate"] == "starting":
                amounts.append(666)
            answers = _started(server, frame, step["start"])
        if answers is None:
            return None
        allowed.extend(
            answer["payload"]["execution_id"]
            for answer in answers
            if answer["type"] == "action:recorded" and answer["payload"].get("status") == "executing"
        )
        return answers * 2 if step["twice"] else answers

    server.script = script
    return allowed


def _lied(answer: dict[str, Any], lie: str) -> dict[str, Any]:
    payload = dict(answer["payload"])
    if lie == "digest" and "grant" in payload:
        payload["grant"] = {**payload["grant"], "salt": "00" * 32}
    elif lie == "no grant":
        payload.pop("grant", None)
    elif lie == "pending grant" and payload["verdict"] == "permitted":
        payload["verdict"] = "pending"
    elif lie == "unknown verdict":
        payload["verdict"] = "sure"
    return {**answer, "payload": payload}


def _started(server: FakeServer, frame: dict[str, Any], how: str) -> list[dict[str, Any]]:
    number, payload = frame["id"], frame["payload"]
    if how == "honest":
        return server.answer(frame)
    if how == "silence":
        return []
    if how == "error":
        return [{"type": "error", "re": number, "payload": {"code": "grant_expired", "detail": "too late"}}]
    if how == "wrong":
        wrong = {"action_id": "act_0", "status": "executing", "execution_id": "exe_0"}
        return [{"type": "action:recorded", "re": number, "payload": wrong}]
    if how == "other":
        other = {"action_id": payload["action_id"], "status": "executing", "execution_id": "exe_other"}
        return [{"type": "action:recorded", "re": number, "payload": other}]
    recorded = {"action_id": payload["action_id"], "status": how, "execution_id": payload["execution_id"]}
    return [{"type": "action:recorded", "re": number, "payload": recorded}]


async def _lived_through(
    server: FakeServer, paying: asyncio.Task[None], step: dict[str, Any]
) -> BaseException | None:
    """Let people decide whatever is pending until the call has ended; how it ended."""
    for _ in range(600):
        done, _pending = await asyncio.wait({paying}, timeout=0.01)
        if done:
            break
        for action in [action for action in server.actions.values() if action.status == "pending"]:
            await server.decide(action.id, step["decision"])
        if (step["lie"] == "pending grant" and step["rule"] == "permit") or step["start"] == "grant_revoked":
            paying.cancel()
    else:
        paying.cancel()
    outcome = (await asyncio.gather(paying, return_exceptions=True))[0]
    assert outcome is None or isinstance(outcome, WatchfloorError | asyncio.CancelledError), outcome
    return outcome
