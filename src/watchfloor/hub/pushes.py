"""What an agent hears without asking: an event as the frame that tells this agent of it (spec 2.2, DESIGN §2 *Pushes*)."""

from __future__ import annotations

from typing import Any

import msgspec

from watchfloor.actions.messages import ActionClosed, ActionGranted
from watchfloor.councils.tribunal_messages import TribunalConvened
from watchfloor.engine.engine import Engine
from watchfloor.fleet.supervision_messages import (
    SupervisionArranged,
    SupervisionEnded,
    SupervisionPassed,
)
from watchfloor.hub import judging
from watchfloor.hub import protocol as wire
from watchfloor.hub.commands import closed, granted, task_news
from watchfloor.hub.delegations import id_of, parts, result
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Event
from watchfloor.registers.lineage import recipient
from watchfloor.work.life import Task
from watchfloor.work.messages import (
    TaskAssigned,
    TaskAttemptFailed,
    TaskCancelled,
    TaskDeadLettered,
    TaskHandedOver,
    TaskPaused,
    TaskSucceeded,
    TaskUnpaused,
)

# Pushed to the agent that has or had the task.
SUPERVISION = (SupervisionArranged, SupervisionPassed, SupervisionEnded)
OF_TASKS = (TaskCancelled, TaskAttemptFailed, TaskDeadLettered, TaskPaused, TaskUnpaused)

ENDS = frozenset((TaskSucceeded, TaskDeadLettered, TaskCancelled))
TWICE = ENDS | {TaskHandedOver, SupervisionPassed}  # told to a second agent, too


def second(engine: Engine, org: int, event: Event) -> int:
    """Who hears of it besides the agent it is about: from whom a task was taken, who gets the result of one handed on."""
    if isinstance(event.facts, TaskHandedOver | SupervisionPassed):
        return event.facts.agent_before
    state = engine.state(org, "task", event.subject)
    return recipient(state, engine.node(org).world.read) if state is not None else 0


def payload(engine: Engine, org: int, agent: int, event: Event) -> wire.Payload | None:
    """What this agent is told of the event; None: nothing any more."""
    facts = event.facts
    if isinstance(facts, TaskAssigned | TaskHandedOver) and facts.agent == agent:
        return _assigned(engine, org, event, facts)
    if isinstance(facts, TaskHandedOver):
        task = id_of(engine, org, "task", event.subject)
        return wire.TaskReassigned(task_id=task, generation=facts.generation, reason="handed_over")
    if isinstance(facts, OF_TASKS) and facts.agent == agent:
        return task_news(engine, org, event)
    if type(facts) in ENDS:
        return result(engine, org, event)
    if isinstance(facts, SUPERVISION):
        return _supervision(engine, org, agent, event)
    if isinstance(facts, TribunalConvened):
        return judging.asked(engine, org, agent, event.subject)
    if isinstance(facts, ActionGranted):
        return granted(engine, org, event)
    if isinstance(facts, ActionClosed):
        return closed(engine, org, event)
    return None


def _supervision(engine: Engine, org: int, agent: int, event: Event) -> wire.Payload | None:
    """Whose the domain is, as it stands now: a newer change follows anyway."""
    facts: Any = event.facts
    state = engine.state(org, "supervision", event.subject)
    if state is None:
        return None
    held = state.holder == agent and not state.ended
    members = tuple(id_of(engine, org, "agent", member) for member in state.members) if held else ()
    return wire.SupervisionChanged(
        supervision_id=public_id("supervision", event.subject, state.nonce),
        domain=state.domain,
        generation=state.generation,
        held=held,
        members=members,
        reason=getattr(facts, "reason", ""),
    )


def _assigned(
    engine: Engine, org: int, event: Event, facts: TaskAssigned | TaskHandedOver
) -> wire.Payload | None:
    state = engine.state(org, "task", event.subject)
    if state is None or state.generation != facts.generation:
        return None  # an older assignment: the newer one follows
    return offer(engine, org, event.subject, state, facts.attempt, facts.accept_by_at)


def offer(
    engine: Engine, org: int, task: int, state: Task, attempt: int, accept_by_at: int
) -> wire.TaskAssigned:
    """`task:assigned`: everything about a task that whoever does it must know."""
    private = engine.private(org, task)
    told = msgspec.json.decode(private[1]) if private is not None else {}
    return wire.TaskAssigned(
        task_id=public_id("task", task, state.nonce),
        generation=state.generation,
        attempt=attempt,
        title=told.get("title", ""),
        description=told.get("description", ""),
        input=told.get("input"),
        metadata=told.get("metadata"),
        criteria=tuple(told.get("criteria", ())),
        priority=state.priority,
        accept_by_at=accept_by_at,
        deadline_at=state.deadline_at,
        timeout_ms=state.timeout_ms,
        stuck_ms=state.stuck_ms,
        paused=bool(state.paused_at),
        parent_id=id_of(engine, org, "task", state.parent),
        delegator_id=id_of(engine, org, "agent", state.delegator),
        depth=len(state.chain),
        tools=state.tools,
        parts=parts(engine, org, task, engine.node(org).world.read),
    )


def offer_frame(engine: Engine, org: int, task: int, state: Task) -> bytes:
    """The frame of an assignment in force, for an agent that is called (spec 2.4 *HTTP workers*)."""
    return wire.encode_frame(offer(engine, org, task, state, state.attempts, state.until_at))


def news_frame(engine: Engine, org: int, event: Event) -> bytes:
    """The push about a task somebody has or had, for an agent that is called; empty when it is told nothing."""
    told = task_news(engine, org, event)
    return wire.encode_frame(told, seq=event.seq) if told is not None else b""
