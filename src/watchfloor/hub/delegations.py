"""Work and agents that agents make: their frames as commands, and what answers them (spec 2.2)."""

from __future__ import annotations

from typing import Any

import msgspec

from watchfloor.engine.engine import Engine
from watchfloor.engine.requests import Answer
from watchfloor.engine.spawning import known
from watchfloor.fleet.messages import AgentRegistered
from watchfloor.fleet.spawn_messages import SpawnRefused
from watchfloor.fleet.structured_id import structured_id
from watchfloor.hub import protocol as wire
from watchfloor.kernel.codec import canonical
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Event, Refused
from watchfloor.kernel.subject import Read
from watchfloor.registers.directory import number_of
from watchfloor.trust.rules import tier_at_birth
from watchfloor.work import messages as work
from watchfloor.work.life import Task

# The action whose rate class and stops a frame that hands something on is under.
ACTION_TYPES: dict[type[wire.Payload], str] = {
    wire.TaskSubmit: "task.delegate",
    wire.TaskDelegate: "task.delegate",
    wire.AgentSpawn: "agent.spawn",
}


def submit(engine: Engine, org: int, agent: int, payload: wire.TaskSubmit, entropy: bytes) -> work.SubmitTask:
    """A task that an agent hands on. It has no criteria: what the platform runs is not for agents to choose."""
    del entropy
    parent = known(engine, org, "task", payload.task_id, "/payload/task_id")[0] if payload.task_id else 0
    target = known(engine, org, "agent", payload.agent_id, "/payload/agent_id")[0] if payload.agent_id else 0
    private = {
        "criteria": [],
        "description": payload.description,
        "input": wire.read_subtree(payload.input, "input"),
        "metadata": wire.read_subtree(payload.metadata, "metadata"),
        "title": payload.title,
    }
    return work.SubmitTask(
        priority=payload.priority,
        needs=payload.needs,
        agent=target,
        attempts_max=payload.max_attempts,
        acceptance_ms=payload.acceptance_ms,
        timeout_ms=payload.timeout_ms,
        deadline_at=payload.deadline_at,
        reassignable=payload.reassignable,
        by=agent,
        delegated=isinstance(payload, wire.TaskDelegate),
        parent=parent,
        parent_generation=payload.generation,
        tools=payload.tools,
        share_milli=payload.share_milli,
        private=canonical(private),
    )


# Answers ----------------------------------------------------------------------------------------------------------------

_WHY = {
    "contained": "you, or an agent above you, are contained",
    "tier_too_low": "your tier may not hand on work or spawn agents, or the task's lineage left too low a tier",
    "too_deep": "it has come through as many agents as the policy allows",
    "cycle": "the task came through that agent already",
    "target_lacks_capability": "that agent lacks what the task needs",
    "more_rights": "it would have more rights than you have",
    "too_many_parts": "the task has as many parts as the policy allows",
    "lineage_too_large": "the lineage is as large as the policy allows",
    "too_many_open": "you have as many open tasks handed on as the policy allows",
    "too_many_agents": "you have spawned as many agents as the policy allows",
    "budget_exceeded": "more than the whole budget would be given away",
}


def refused_as(event: Event | None) -> Refused | None:
    """An invalid delegation as the refusal its sender hears; it is on the record, and counts against them."""
    facts = event.facts if event is not None else None
    if not isinstance(facts, work.DelegationRefused | SpawnRefused):
        return None
    detail = f"{facts.reason}: {_WHY.get(facts.reason, 'it is not allowed')}"
    return Refused("invalid_delegation", detail, status=403)


def answered(engine: Engine, org: int, answer: Answer, key: str) -> wire.Payload:
    """`task:submitted`, `agent:spawned` or the refusal. `key` is empty for a repeated frame."""
    event = answer.event
    assert event is not None
    refused = refused_as(event)
    if refused is not None:
        return wire.Error(code=refused.code, detail=refused.detail)
    facts = event.facts
    if isinstance(facts, AgentRegistered):
        terms = engine.cell(org, "active_policy", "active").document.trust
        number = number_of(engine.node(org).world.read, event.subject)
        return wire.AgentSpawned(
            agent_id=public_id("agent", event.subject, facts.nonce),
            structured_id=structured_id(tier_at_birth(terms), facts.type, facts.capabilities[0], number),
            name=facts.name,
            api_key=key,
            expires_at=facts.expires_at,
            depth=facts.depth,
            seq=answer.seq,
        )
    assert isinstance(facts, work.TaskSubmitted)
    return wire.TaskSubmitted(
        task_id=public_id("task", event.subject, facts.nonce), depth=len(facts.chain), seq=answer.seq
    )


def id_of(engine: Engine, org: int, kind: str, subject: int) -> str:
    """Public id, empty for 0."""
    state = engine.state(org, kind, subject) if subject else None
    return public_id(kind, subject, state.nonce) if state is not None else ""


def result(engine: Engine, org: int, event: Event) -> wire.Payload | None:
    """`task:result`: what became of a task, for whoever handed it on (or has its parent now)."""
    state: Task | None = engine.state(org, "task", event.subject)
    if state is None:
        return None
    facts: Any = event.facts
    told: dict[str, Any] = {}
    if isinstance(facts, work.TaskSucceeded) and state.result_seq:
        private = engine.ledger.read_private(org, state.result_seq)
        told = msgspec.json.decode(private[1]) if private is not None else {}
    return wire.TaskResult(
        task_id=public_id("task", event.subject, state.nonce),
        parent_id=id_of(engine, org, "task", state.parent),
        agent_id=id_of(engine, org, "agent", facts.agent),
        status=state.status,  # type: ignore[arg-type]  # only ends lead here
        result=told.get("result"),
        reason=getattr(facts, "reason", ""),
        verified=getattr(facts, "verified", False),
        cost_micro=getattr(facts, "cost_micro", 0),
        tokens=getattr(facts, "tokens", 0),
    )


def parts(engine: Engine, org: int, task: int, read: Read) -> tuple[wire.Part, ...]:
    """The parts of a task and where they stand: for whoever takes it over."""
    family = read("family", task)
    found = []
    for member in family.members if family is not None else ():
        state = engine.state(org, "task", member)
        if state is not None:
            found.append(wire.Part(task_id=public_id("task", member, state.nonce), status=state.status))
    return tuple(found)
