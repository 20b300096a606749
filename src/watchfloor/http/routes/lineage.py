"""Who handed what on to whom; and handing on by agents without a socket (spec 2.2)."""

from __future__ import annotations

from typing import Any

from watchfloor.engine.spawning import spawn
from watchfloor.fleet.messages import AgentRegistered
from watchfloor.fleet.spawn_messages import SpawnRefused
from watchfloor.http import lists
from watchfloor.http.asking import Call, encoded
from watchfloor.http.bodies import lineage as wire
from watchfloor.http.bodies.tasks import SubmitTaskBody, TaskSubmitted
from watchfloor.http.problems import Problem
from watchfloor.http.replies import Reply
from watchfloor.http.routes import actions, agents
from watchfloor.kernel.ids import public_id
from watchfloor.work import messages as work


async def delegate_task(call: Call) -> Reply:
    """Hand a part of a task at hand to another agent, named or found by what it needs, with at most one's own rights.

    What is more than that is answered with 403 `invalid_delegation`; it is on the record and costs trust.
    """
    body: wire.DelegateTaskBody = call.body
    return await handed_on(call, body, parent_id=call.path["task"], generation=body.generation)


async def handed_on(
    call: Call,
    body: wire.DelegateTaskBody | SubmitTaskBody,
    *,
    parent_id: str,
    generation: int,
    delegated: bool = True,
    **terms: Any,
) -> Reply:
    """An agent's task in the queue, under the stops and in the rate class of `task.delegate`."""
    actions.refuse_stopped(call, "task.delegate", "")
    actions.paced(call, "task.delegate")
    private = {
        "criteria": [],  # what the platform runs is not for agents to choose
        "description": body.description,
        "input": body.input,
        "metadata": body.metadata,
        "title": body.title,
    }
    command = work.SubmitTask(
        priority=body.priority,
        needs=body.needs,
        agent=call.resolve("agent", body.agent_id)[0] if body.agent_id else 0,
        timeout_ms=body.timeout_ms,
        by=call.principal.subject,
        delegated=delegated,
        parent=call.resolve("task", parent_id)[0] if parent_id else 0,
        parent_generation=generation,
        tools=body.tools,
        share_milli=body.share_milli,
        private=encoded(private),
        **terms,
    )
    recorded = await call.ask(command)
    event = recorded.event
    assert event is not None
    facts = event.facts
    if isinstance(facts, work.DelegationRefused):
        raise Problem(403, "invalid_delegation", f"{facts.reason}: it is on the record and costs trust")
    assert isinstance(facts, work.TaskSubmitted)
    return Reply(body=TaskSubmitted(task_id=public_id("task", event.subject, facts.nonce), seq=recorded.seq))


async def submitted_by_agent(call: Call, body: SubmitTaskBody) -> Reply:
    """A task of the agent's own: a part of the one at hand (`task_id`, `generation`), or the root of a lineage."""
    for name in SubmitTaskBody.__struct_fields__:
        if name not in _AGENTS_SAY and getattr(body, name) != getattr(_SAYS_NOTHING, name):
            raise Problem(422, "invalid_fields", f"/{name}: this is for people to say")
    return await handed_on(
        call,
        body,
        parent_id=body.task_id,
        generation=body.generation,
        delegated=False,
        attempts_max=body.max_attempts,
        acceptance_ms=body.acceptance_ms,
        deadline_at=body.deadline_at,
        reassignable=body.reassignable,
    )


_SAYS_NOTHING = SubmitTaskBody(title="-")
_AGENTS_SAY = frozenset(
    (
        *(
            "title",
            "description",
            "priority",
            "needs",
            "agent_id",
            "input",
            "metadata",
            "task_id",
            "generation",
        ),
        *(
            "tools",
            "share_milli",
            "timeout_ms",
            "max_attempts",
            "acceptance_ms",
            "deadline_at",
            "reassignable",
        ),
        "idempotency_key",
    )
)


async def spawn_agent(call: Call) -> Reply:
    """Turn a started execution of class spawn into an agent with at most one's own rights. Its key is shown once.

    The same as the frame `agent:spawn`; what is more than one's own rights is 403 `invalid_delegation`, on the record.
    """
    body: wire.SpawnAgentBody = call.body
    actions.refuse_stopped(call, "agent.spawn", "")
    actions.paced(call, "agent.spawn")
    made = spawn(
        call.services.engine,
        call.services.reads,
        call.org,
        call.principal.subject,
        now=call.now,
        action_id=body.action_id,
        execution_id=body.execution_id,
        name=body.name,
        type_=body.type,
        capabilities=body.capabilities,
        tools=body.tools,
        share_milli=body.share_milli,
    )
    recorded = await call.ask(made.command, credentials=[made.row])
    event = recorded.event
    assert event is not None
    facts = event.facts
    if isinstance(facts, SpawnRefused):
        raise Problem(403, "invalid_delegation", f"{facts.reason}: it is on the record and costs trust")
    assert isinstance(facts, AgentRegistered)
    answer = wire.AgentSpawned(
        agent_id=public_id("agent", event.subject, facts.nonce),
        name=facts.name,
        structured_id=agents.code_of(call, event.subject, call.state("agent", event.subject)),
        api_key=None if recorded.replayed else made.key,
        expires_at=facts.expires_at,
        depth=facts.depth,
        seq=recorded.seq,
    )
    return Reply(body=answer)


async def get_lineage(call: Call) -> Reply:
    """A task's ancestors, the root first, and its parts. An agent sees those of tasks it has or handed on."""
    subject, state = call.resolve("task", call.path["task"])
    if state.delegator != call.principal.subject:
        call.own_only(state.agent, "task")
    row = await lists.viewed(call, "tasks", "task", subject)
    above: list[wire.LineageItem] = []
    parent = row["parent"]
    while parent:
        found = await lists.viewed(call, "tasks", "task", parent)
        above.append(item(call, found))
        parent = found["parent"]
    parts, _ = await lists.page(call, "tasks", ("task",), {"parent": subject}, ascending=True, limit=256)
    answer = wire.TaskLineage(
        task=item(call, row),
        ancestors=tuple(reversed(above)),
        parts=tuple(item(call, part) for part in parts),
        chain=tuple(call.id_of("agent", agent) for agent in state.chain),
        tools=state.tools,
        tier_max=state.tier_max,
        seq=call.view_seq,
    )
    return Reply(body=answer)


def item(call: Call, row: dict[str, Any]) -> wire.LineageItem:
    """A row of `tasks` as a place in a lineage."""
    return wire.LineageItem(
        task_id=row["id"],
        status=row["status"],
        depth=row["depth"],
        agent_id=call.id_of("agent", row["agent"]),
        delegator_id=call.id_of("agent", row["delegator"]),
        share_milli=row["share_milli"],
    )
