"""Tasks: submitted by people, reported on by agents (spec 2.4). The same commands as the agent protocol's frames."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from watchfloor.engine.requests import Lane
from watchfloor.http import lists, telling
from watchfloor.http.asking import Call, Recorded, encoded
from watchfloor.http.bodies import fields
from watchfloor.http.bodies import tasks as wire
from watchfloor.http.bulk import change_tasks as change_tasks
from watchfloor.http.bulk import submit_tasks as submit_tasks
from watchfloor.http.queueing import dependency, narrowed, submission
from watchfloor.http.replies import Reply
from watchfloor.http.routes import economics, lineage
from watchfloor.kernel.amounts import said
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Command
from watchfloor.work import messages as work


async def submit_task(call: Call) -> Reply:
    """Put a task into the queue. An agent's is of its own lineage, with at most its rights (403 `invalid_delegation`)."""
    body: wire.SubmitTaskBody = call.body
    if call.of_agent:
        return await lineage.submitted_by_agent(call, body)
    depends_on = tuple(
        dependency(call, text, f"/depends_on/{place}") for place, text in enumerate(body.depends_on)
    )
    command = submission(call, body, depends_on)
    recorded = await call.ask(command)
    event = recorded.event
    assert event is not None
    assert isinstance(event.facts, work.TaskSubmitted)
    return Reply(
        body=wire.TaskSubmitted(task_id=public_id("task", event.subject, event.facts.nonce), seq=recorded.seq)
    )


def item(call: Call, row: dict[str, Any], private: dict[str, Any]) -> wire.TaskItem:
    """A row of `tasks` as lists show it."""
    return wire.TaskItem(
        task_id=row["id"],
        title=private.get("title", ""),
        status="paused" if row["paused_at"] else row["status"],
        priority=row["priority"],
        agent_id=call.id_of("agent", row["agent"]),
        generation=row["generation"],
        attempts=row["attempt"],
        attempts_max=row["attempts_max"],
        percent=row["percent"],
        needs=lists.listed(row["needs"]),
        submitted_at=row["submitted_at"],
        changed_at=row["updated_at"],
        deadline_at=row["deadline_at"],
        reason=row["reason"],
        waiting=bool(row["waiting"]),
        not_before_at=row["not_before_at"],
        stuck_at=row["stuck_at"],
        over_budget=economics.over_budget(call, row["task"]) if row["status"] == "queued" else "",
        workflow=row["workflow"],
    )


async def listed(
    call: Call,
    where: dict[str, object],
    also: tuple[str, ...] = (),
    bound: Mapping[str, object] | None = None,
) -> tuple[tuple[wire.TaskItem, ...], str | None]:
    """One page of tasks, newest first, with their titles."""
    rows, following = await lists.page(call, "tasks", ("task",), where, also=also, bound=bound)
    privates = await call.privates(row["submitted_seq"] for row in rows)
    return tuple(item(call, row, privates.get(row["submitted_seq"], {})) for row in rows), following


async def list_tasks(call: Call) -> Reply:
    """Tasks, newest first; `status=dead_letter` is the dead letter. An agent sees those it has or had."""
    params: wire.TasksParams = call.params
    agent = call.principal.subject if call.of_agent else None
    where, also, bound = narrowed(call, params)
    if agent is not None:
        where["agent"] = agent
    items, following = await listed(call, where, also, bound)
    return Reply(body=wire.TaskPage(items=items, next=following, seq=call.view_seq))


async def get_task(call: Call) -> Reply:
    """One task with its criteria, result, the platform's checks and its story."""
    return Reply(body=await detail(call))


async def detail(call: Call) -> wire.TaskDetail:
    """The task of the path."""
    subject, state = call.resolve("task", call.path["task"])
    call.own_only(state.agent, "task")
    row = await lists.viewed(call, "tasks", "task", subject)
    seqs = [row["submitted_seq"], row["report_seq"], row["verification_seq"], row["review_seq"]]
    privates = await call.privates(seqs)
    depends_on = tuple(_waited_for(call, dependency, state.unmet) for dependency in state.depends_on)
    submitted, report, checks, review = (privates.get(seq, {}) for seq in seqs)
    lines, _ = await telling.of_story(call, row["story"], subject)
    return wire.TaskDetail(
        task=item(call, row, submitted),
        description=submitted.get("description", ""),
        criteria=tuple(submitted.get("criteria") or ()),
        input=submitted.get("input"),
        metadata=submitted.get("metadata"),
        result=report.get("result"),
        report=report.get("report", report.get("reason")),
        checks=checks.get("checks"),
        depends_on=depends_on,
        on_failure=state.on_failure,
        checks_detail=checks.get("detail", ""),
        review=wire.TaskReview(
            verdict=row["review"],
            reason=review.get("reason", ""),
            reviewer_id=row["reviewed_by"],
            reviewed_at=row["reviewed_at"],
        )
        if row["review"]
        else None,
        economics=await economics.of_task(call, subject),
        timeline=lines,
        seq=call.view_seq,
    )


def _waited_for(call: Call, task: int, unmet: tuple[int, ...]) -> wire.DependencyItem:
    state = call.state("task", task)
    return wire.DependencyItem(
        task_id=public_id("task", task, state.nonce), status=state.status, met=task not in unmet
    )


def recorded_as(recorded: Recorded) -> Reply:
    """The plain answer to a command."""
    return Reply(body=fields.Recorded(seq=recorded.seq))


async def cancel_task(call: Call) -> Reply:
    """Cancel a task, whatever its status; its agent is told."""
    subject, _ = call.resolve("task", call.path["task"])
    return recorded_as(await call.ask(work.CancelTask(subject=subject, reason=call.body.reason)))


async def pause_task(call: Call) -> Reply:
    """Hold a task, whatever its status; its agent is told, and keeps it."""
    subject, _ = call.resolve("task", call.path["task"])
    return recorded_as(await call.ask(work.PauseTask(subject=subject, reason=call.body.reason)))


async def unpause_task(call: Call) -> Reply:
    """Let a paused task go on where it was."""
    subject, _ = call.resolve("task", call.path["task"])
    return recorded_as(await call.ask(work.UnpauseTask(subject=subject)))


async def purge_task(call: Call) -> Reply:
    """Take a task out of the dead letter for good."""
    subject, _ = call.resolve("task", call.path["task"])
    return recorded_as(await call.ask(work.PurgeTask(subject=subject, reason=call.body.reason)))


async def retry_task(call: Call) -> Reply:
    """Take a task out of the dead letter, with all its attempts again."""
    subject, _ = call.resolve("task", call.path["task"])
    return recorded_as(await call.ask(work.RetryTask(subject=subject)))


async def review_task(call: Call) -> Reply:
    """Rate a finished task, once: positive or negative, with a reason. It moves its agent's trust."""
    body: wire.ReviewTaskBody = call.body
    subject, _ = call.resolve("task", call.path["task"])
    command = work.ReviewTask(subject=subject, verdict=body.verdict, reason=body.reason)
    return recorded_as(await call.ask(command))


# What agents report --------------------------------------------------------------------------------------------------

_STATUS: dict[type[Any], str] = {
    work.TaskAccepted: "running",
    work.TaskReported: "running",
    work.TaskSucceeded: "succeeded",
    work.TaskAttemptFailed: "failed",
    work.TaskDeadLettered: "dead_letter",
}


async def _report(call: Call, make: Callable[[int, int, int], Command]) -> Reply:
    """Put an agent's report; the answer is a function of the event it led to."""
    subject, state = call.resolve("task", call.path["task"])
    agent, generation = call.principal.subject, call.body.generation
    if state.agent != agent and not _had(call, subject, agent):
        call.own_only(state.agent, "task")
    recorded = await call.ask(make(subject, agent, generation), lane=Lane.OUTCOMES)
    facts: Any = recorded.event.facts if recorded.event is not None else None
    late = isinstance(facts, work.TaskReportedLate)
    told = facts.status if isinstance(facts, work.TaskProgressed) else _STATUS.get(type(facts))
    return Reply(
        body=wire.TaskRecorded(
            task_id=call.path["task"],
            status=told or call.state("task", subject).status,
            generation=generation,
            seq=recorded.seq,
            late=late,
        )
    )


def _had(call: Call, subject: int, agent: int) -> bool:
    """Did the agent have this task in an earlier generation? Then its report is late, not foreign."""
    rows = call.services.reads.read_stream(call.org, subject)
    events = (call.services.decode(data) for _, data, _ in rows)
    return any(isinstance(event.facts, work.TaskAssigned) and event.facts.agent == agent for event in events)


async def accept_task(call: Call) -> Reply:
    """The agent takes the task it was assigned."""
    return await _report(call, lambda s, a, g: work.AcceptTask(subject=s, agent=a, generation=g))


async def reject_task(call: Call) -> Reply:
    """The agent cannot take the task; it goes to another."""
    reason: str = call.body.reason
    return await _report(
        call, lambda s, a, g: work.RejectTask(subject=s, agent=a, generation=g, reason=reason)
    )


async def report_progress(call: Call) -> Reply:
    """Work goes on, or waits (`blocked`). Durable at a change of status or every 60 s."""
    body: wire.ProgressBody = call.body
    return await _report(
        call,
        lambda s, a, g: work.ReportProgress(
            subject=s, agent=a, generation=g, percent=body.percent, status=body.status
        ),
    )


async def complete_task(call: Call) -> Reply:
    """The agent says it is done; criteria are checked by the platform."""
    body: wire.CompleteTaskBody = call.body
    private = encoded({"report": body.report, "result": body.result})
    return await _report(
        call,
        lambda s, a, g: work.CompleteTask(
            subject=s,
            agent=a,
            generation=g,
            cost_micro=said(body.cost_micro),
            tokens=said(body.tokens),
            private=private,
        ),
    )


async def fail_task(call: Call) -> Reply:
    """The attempt failed; `retryable`: another may succeed."""
    body: wire.FailTaskBody = call.body
    private = encoded({"reason": body.reason})
    return await _report(
        call,
        lambda s, a, g: work.FailTask(
            subject=s,
            agent=a,
            generation=g,
            retryable=body.retryable,
            private=private,
            cost_micro=said(body.cost_micro),
            tokens=said(body.tokens),
        ),
    )
