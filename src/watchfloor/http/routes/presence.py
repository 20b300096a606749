"""Agents that keep in touch by REST alone: a heartbeat says they are there, its answer what they have to do (spec 2.3)."""

from __future__ import annotations

from typing import Any

from watchfloor.engine.requests import Lane
from watchfloor.http.asking import Call
from watchfloor.http.bodies import presence as wire
from watchfloor.http.problems import Problem
from watchfloor.http.replies import Reply
from watchfloor.http.routes import agents
from watchfloor.kernel.ids import parse_id, public_id
from watchfloor.kernel.messages import Refused
from watchfloor.work.life import ASSIGNED, IN_HAND, ORPHANED
from watchfloor.work.messages import ResumeTask


async def beat(call: Call) -> Reply:
    """Say that you are there; hear which tasks are yours. For agents without a socket and without a url.

    The first heartbeat makes the agent available for work, three missed ones end that. While a socket of the agent is open
    its presence is the socket's, and only the tasks are told.
    """
    body: wire.HeartbeatBody = call.body
    subject, _ = await agents.find(call)
    hears = call.services.presence
    if hears is None:
        raise Problem(503, "unavailable", "this server hears no heartbeats")
    principal = call.principal
    usage = (body.metrics.cpu_milli, body.metrics.memory_bytes, body.metrics.queue)
    session = await hears.beat(principal.credential, principal.actor, body.status, usage)
    lost = [one.task_id for one in body.working_on if not await _goes_on(call, subject, one)]
    answer = wire.HeartbeatAnswer(
        session=session,
        presence=call.state("agent", subject).presence,
        heartbeat_interval_ms=call.services.heartbeat_ms,
        tasks=tuple(_held(task, call.state("task", task)) for task in call.read("load", subject) or ()),
        lost=tuple(lost),
        seq=call.services.engine.head(call.org),
    )
    return Reply(body=answer)


async def _goes_on(call: Call, agent: int, one: wire.WorkingOn) -> bool:
    """Is it still the agent's task? One that was orphaned is resumed."""
    try:
        task, nonce = parse_id(one.task_id, "task")
    except Refused:
        return False
    state = call.state("task", task)
    if state is None or state.nonce != nonce or state.agent != agent or state.generation != one.generation:
        return False
    if state.stage == ORPHANED:
        command = ResumeTask(subject=task, agent=agent, generation=one.generation)
        try:
            await call.ask(command, lane=Lane.OUTCOMES, keyed=False)
        except Refused as refused:
            if refused.code != "task_reassigned":
                raise
            return False
    return call.state("task", task).stage in (ASSIGNED, *IN_HAND)


def _held(task: int, state: Any) -> wire.HeldTask:
    return wire.HeldTask(
        task_id=public_id("task", task, state.nonce),
        generation=state.generation,
        status=state.status,
        accept_by_at=state.until_at if state.stage == ASSIGNED else 0,
        deadline_at=state.deadline_at,
    )
