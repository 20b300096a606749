"""Who handed what on to whom; and handing on by agents without a socket (spec 2.2)."""

from __future__ import annotations

from typing import Any

from watchfloor.http import lists
from watchfloor.http.asking import Call, encoded
from watchfloor.http.bodies import lineage as wire
from watchfloor.http.bodies.tasks import TaskSubmitted
from watchfloor.http.problems import Problem
from watchfloor.http.replies import Reply
from watchfloor.kernel.ids import public_id
from watchfloor.work import messages as work


async def delegate_task(call: Call) -> Reply:
    """Hand a part of a task at hand to another agent, named or found by what it needs, with at most one's own rights.

    What is more than that is answered with 403 `invalid_delegation`; it is on the record and costs trust.
    """
    body: wire.DelegateTaskBody = call.body
    parent, _ = call.resolve("task", call.path["task"])
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
        delegated=True,
        parent=parent,
        parent_generation=body.generation,
        tools=body.tools,
        share_milli=body.share_milli,
        private=encoded(private),
    )
    recorded = await call.ask(command)
    event = recorded.event
    assert event is not None
    facts = event.facts
    if isinstance(facts, work.DelegationRefused):
        raise Problem(403, "invalid_delegation", f"{facts.reason}: it is on the record and costs trust")
    assert isinstance(facts, work.TaskSubmitted)
    return Reply(body=TaskSubmitted(task_id=public_id("task", event.subject, facts.nonce), seq=recorded.seq))


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
