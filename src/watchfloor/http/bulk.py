"""Many tasks in one request: submitted all or none, changed in slices (spec 2.4)."""

from __future__ import annotations

from graphlib import CycleError, TopologicalSorter
from typing import Any

from watchfloor.http import lists
from watchfloor.http.asking import Call
from watchfloor.http.bodies import tasks as wire
from watchfloor.http.problems import FieldError, Problem
from watchfloor.http.queueing import dependency, narrowed, submission
from watchfloor.http.replies import Reply
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.limits import TASKS_PER_CHANGE_MAX
from watchfloor.kernel.messages import Event, Refused
from watchfloor.work import messages as work

_READ = 500


async def submit_tasks(call: Call) -> Reply:
    """Put many tasks into the queue, all or none; they may depend on each other."""
    body: wire.SubmitTasksBody = call.body
    order = _in_order(body.tasks)
    places = {body.tasks[index].ref: place for place, index in enumerate(order) if body.tasks[index].ref}
    commands = []
    for index in order:
        task = body.tasks[index]
        waits_for = tuple(
            -places[text] - 1
            if text in places
            else dependency(call, text, f"/tasks/{index}/depends_on/{place}")
            for place, text in enumerate(task.depends_on)
        )
        try:
            commands.append(submission(call, task, waits_for))
        except Refused as refused:
            refused.field = f"/tasks/{index}{refused.field}"
            raise
    request = call.request(commands[0])
    request.more = tuple(commands[1:])
    try:
        answer = await call.submit(request)
    except Refused as refused:
        refused.field = _field(refused.field, order)
        raise
    events = await _submitted(call, answer.seq, len(order)) if answer.replayed else answer.events
    submitted = [event for event in events if isinstance(event.facts, work.TaskSubmitted)]
    ids = dict(zip(order, map(_id_of, submitted), strict=True))
    return Reply(
        body=wire.TasksSubmitted(
            task_ids=tuple(ids[index] for index in range(len(order))), seq=submitted[-1].seq
        )
    )


def _in_order(tasks: tuple[wire.BulkTask, ...]) -> list[int]:
    """Every task behind those of this request it depends on. Raises Refused for a cycle or a name used twice."""
    named: dict[str, int] = {}
    for index, task in enumerate(tasks):
        if task.ref in named:
            raise Refused("repeated", "every ref once", field=f"/tasks/{index}/ref", status=422)
        if task.ref:
            named[task.ref] = index
    graph: TopologicalSorter[int] = TopologicalSorter()
    for index, task in enumerate(tasks):
        graph.add(index, *(named[text] for text in task.depends_on if text in named))
    try:
        return list(graph.static_order())
    except CycleError as error:
        cycle: list[int] = error.args[1]
        names = " → ".join(tasks[index].ref for index in cycle)
        field = f"/tasks/{cycle[0]}/depends_on"
        raise Refused(
            "dependency_cycle", f"these wait for each other: {names}", field=field, status=422
        ) from None


def _field(field: str, order: list[int]) -> str:
    """Where in the body the command's field is."""
    if field.startswith("/more/"):
        place, _, rest = field.removeprefix("/more/").partition("/")
        return f"/tasks/{order[int(place) + 1]}" + (f"/{rest}" if rest else "")
    return f"/tasks/{order[0]}{field}"


async def _submitted(call: Call, seq: int, count: int) -> list[Event]:
    """The submissions of an earlier request with the same key, which begin at `seq`, read back."""
    found: list[Event] = []
    after = seq - 1
    while len(found) < count:
        rows = call.services.reads.read(call.org, after, _READ)
        events = [call.services.decode(data) for _, data, _ in rows]
        found += [
            event for event in events if isinstance(event.facts, work.TaskSubmitted) and not event.cause
        ]
        after = rows[-1][0]
    return found[:count]


def _id_of(event: Event) -> str:
    facts: Any = event.facts
    return public_id("task", event.subject, facts.nonce)


async def change_tasks(call: Call) -> Reply:
    """Cancel, pause, resume, retry or purge many tasks; those to which it does not apply are passed by."""
    body: wire.ChangeTasksBody = call.body
    if bool(body.task_ids) == (body.filter is not None):
        wrong = FieldError(field="task_ids", code="invalid", detail="name tasks, or a filter, not both")
        raise Problem(422, "invalid_fields", "either task_ids or filter", errors=(wrong,))
    following = None
    if body.filter is None:
        found = tuple(
            dependency(call, text, f"/task_ids/{place}") for place, text in enumerate(body.task_ids)
        )
    else:
        where, also, bound = narrowed(call, body.filter)
        rows, following = await lists.page(
            call,
            "tasks",
            ("task",),
            where,
            also=also,
            bound=bound,
            limit=TASKS_PER_CHANGE_MAX,
            cursor=body.cursor,
        )
        found = tuple(row["task"] for row in rows)
    if not found:
        return Reply(body=wire.TasksChanging(matched=0, seq=call.services.engine.head(call.org)))
    command = work.ChangeTasks(
        subject=call.services.engine.cell(call.org, "names", "organisation") or 1,
        operation=body.operation,
        tasks=found,
        reason=body.reason,
    )
    recorded = await call.ask(command)
    facts = recorded.event.facts if recorded.event is not None else None
    assert isinstance(facts, work.TasksChanged)
    return Reply(body=wire.TasksChanging(matched=len(facts.tasks), seq=recorded.seq, next=following))
