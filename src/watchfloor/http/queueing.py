"""What the routes of tasks share: bodies as commands, and filters as conditions on the view (spec 2.4)."""

from __future__ import annotations

from watchfloor.http.asking import Call, encoded
from watchfloor.http.bodies import tasks as wire
from watchfloor.http.bodies.economics import EstimateBody, TaskBudget
from watchfloor.http.problems import Problem
from watchfloor.kernel.amounts import UNSAID, said
from watchfloor.kernel.messages import Refused
from watchfloor.work import messages as work
from watchfloor.work.criteria import check_criteria, kept
from watchfloor.work.economic_messages import Economics


def submission(call: Call, body: wire.SubmitTaskBody, depends_on: tuple[int, ...]) -> work.SubmitTask:
    """The command a person's body asks for."""
    _peoples_only(body)
    agent = call.resolve("agent", body.agent_id)[0] if body.agent_id else 0
    check_criteria(body.criteria)
    private = {
        "criteria": kept(body.criteria),
        "description": body.description,
        "input": body.input,
        "metadata": body.metadata,
        "title": body.title,
    }
    return work.SubmitTask(
        priority=body.priority,
        needs=body.needs,
        agent=agent,
        criteria=len(body.criteria),
        attempts_max=body.max_attempts,
        acceptance_ms=body.acceptance_ms,
        timeout_ms=body.timeout_ms,
        deadline_at=body.deadline_at,
        backoff_ms=body.backoff_ms,
        grace_ms=body.grace_ms,
        depends_on=depends_on,
        on_failure=body.on_failure,
        not_before_at=body.not_before_at,
        stuck_ms=body.stuck_ms,
        reassign_ms=body.reassign_ms,
        reassignable=body.reassignable,
        workflow=body.workflow,
        private=encoded(private),
        economics=economics_of(body.estimate, body.budget),
        rationale=encoded({"rationale": body.estimate.rationale})
        if body.estimate is not None and body.estimate.rationale
        else b"",
    )


def _peoples_only(body: wire.SubmitTaskBody) -> None:
    """422 for what only agents say: people's tasks are roots and have no bound on tools."""
    for name in ("task_id", "generation", "tools", "share_milli"):
        if getattr(body, name):
            raise Problem(422, "invalid_fields", f"/{name}: only an agent that holds a task says this")


def economics_of(estimate: EstimateBody | None, budget: TaskBudget | None) -> Economics | None:
    """What a submission says of its economics, None when it says nothing."""
    if estimate is None and budget is None:
        return None
    estimate, budget = estimate or EstimateBody(), budget or TaskBudget()
    return Economics(
        cost_micro=said(estimate.cost_micro),
        tokens=said(estimate.tokens),
        time_ms=said(estimate.time_ms),
        value_micro=said(estimate.value_micro),
        limit_micro=said(budget.money_micro),
        limit_tokens=said(budget.tokens),
        limit_ms=UNSAID if budget.seconds is None else budget.seconds * 1000,
    )


def dependency(call: Call, text: str, field: str) -> int:
    try:
        return call.resolve("task", text)[0]
    except Problem:
        raise Refused("unknown_dependency", "there is no such task", field=field, status=422) from None


def narrowed(
    call: Call, wanted: wire.TasksParams | wire.TaskFilter
) -> tuple[dict[str, object], tuple[str, ...], dict[str, object]]:
    """Columns that must have a value, further conditions on `tasks`, and what is bound in those."""
    where: dict[str, object] = {"status": wanted.status, "priority": wanted.lane, "workflow": wanted.workflow}
    also: list[str] = []
    bound: dict[str, object] = {}
    if wanted.agent:
        where["agent"] = call.resolve("agent", wanted.agent)[0]
    if wanted.status == "paused":
        where["status"] = None
        also.append("paused_at > 0")
    elif wanted.status:
        also.append("paused_at = 0")
    if wanted.needs:
        also.append("EXISTS (SELECT 1 FROM json_each(tasks.needs) WHERE value = :need)")
        bound["need"] = wanted.needs
    if wanted.text:
        also.append("(instr(id, :text) > 0 OR instr(story, :text) > 0)")
        bound["text"] = wanted.text
    if wanted.depends_on:
        also.append("task IN (SELECT task FROM task_dependencies WHERE org = :org AND dependency = :on)")
        bound["on"] = call.resolve("task", wanted.depends_on)[0]
    if wanted.deadline_before:
        also.append("deadline_at > 0 AND deadline_at < :before")
        bound["before"] = wanted.deadline_before
    return where, tuple(also), bound
