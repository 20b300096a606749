"""Budgets and economics (spec 2.4 *Economics*, 3.3 *Budgets*). What is left of a budget is read from the register."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec

from watchfloor.http import lists, totals
from watchfloor.http.asking import Call, encoded
from watchfloor.http.bodies import economics as wire
from watchfloor.http.bodies import fields
from watchfloor.http.problems import Problem
from watchfloor.http.queueing import economics_of
from watchfloor.http.replies import Reply
from watchfloor.kernel.amounts import UNITS, UNSAID, roi_permille
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.instants import DAY, SECOND
from watchfloor.registers.budgets import InForce, Use, use_of
from watchfloor.registers.task_budgets import without_room
from watchfloor.work.budget_messages import RemoveBudget, SetBudget
from watchfloor.work.budgets import low
from watchfloor.work.economic_messages import AssessTask, Economics, EstimateTask

_TARGETS = {"agent": "agent", "spawned": "agent", "task": "task", "lineage": "task"}


def _target(call: Call, scope: str, text: str) -> int:
    """The agent or task a budget is for. Raises Problem 404, 422."""
    if scope == "organisation":
        if text:
            raise Problem(422, "invalid_fields", "/target_id: the organisation needs none")
        return 0
    if not text:
        raise Problem(422, "invalid_fields", f"/target_id: say which {_TARGETS[scope]}")
    return call.resolve(_TARGETS[scope], text)[0]


async def set_budget(call: Call) -> Reply:
    """Limit what an organisation, an agent, a task or a lineage may spend; what is in flight keeps its reservation."""
    body: wire.SetBudgetBody = call.body
    target = _target(call, body.scope, body.target_id)
    known: tuple[InForce, ...] = call.services.engine.cell(call.org, "budgets", (body.scope, target)) or ()
    same = (b.budget for b in known if (b.measure, b.period) == (body.measure, body.period))
    subject = next(same, 0)
    command = SetBudget(
        subject=subject,
        scope=body.scope,
        target=target,
        measure=body.measure,
        period=body.period,
        limit=body.limit,
    )
    recorded = await call.ask(command)
    budget = recorded.event.subject if recorded.event is not None else subject
    return Reply(body=wire.BudgetRecorded(budget_id=call.id_of("budget", budget), seq=recorded.seq))


async def remove_budget(call: Call) -> Reply:
    """No limit any more; work that waited for it is given out."""
    subject, _ = call.resolve("budget", call.path["budget"])
    recorded = await call.ask(RemoveBudget(subject=subject, reason=call.body.reason))
    return Reply(body=fields.Recorded(seq=recorded.seq))


def _state(row: dict[str, Any], use: Use) -> str:
    """What is true of a budget now, whatever was said of it before (spec 3.3)."""
    limit = row["limit_amount"]
    if row["removed_at"]:
        return "removed"
    if use.spent >= limit:
        return "exhausted"
    if row["turned_away_at"]:
        return "turned_away"
    return "low" if low(row["scope"], limit, use.spent, use.reserved) else "in_force"


def item(call: Call, row: dict[str, Any]) -> wire.BudgetItem:
    """A row of `budgets` with what is spent and reserved of it now."""
    engine = call.services.engine
    budget = InForce(row["budget"], 0, row["scope"], row["measure"], row["period"], row["limit_amount"])
    use = use_of(budget, call.now, lambda name, key: engine.cell(call.org, name, key))
    kind = _TARGETS.get(row["scope"])
    return wire.BudgetItem(
        budget_id=row["id"],
        scope=row["scope"],
        target_id=call.id_of(kind, row["target"]) if kind else "",
        measure=row["measure"],
        period=row["period"],
        limit=row["limit_amount"],
        spent=use.spent,
        reserved=use.reserved,
        left=max(0, row["limit_amount"] - use.spent - use.reserved),
        since_at=use.since_at,
        set_at=row["set_at"],
        set_by=row["set_by"],
        warned_at=row["warned_at"],
        exhausted_at=row["exhausted_at"],
        turned_away_at=row["turned_away_at"],
        state=_state(row, use),
        removed_at=row["removed_at"],
        reason=row["reason"],
    )


_STATES = {
    "in_force": ("removed_at = 0",),
    "exhausted": ("removed_at = 0", "(exhausted_at > 0 OR limit_amount = 0 OR changed_at > set_at)"),
    "turned_away": ("removed_at = 0", "turned_away_at > 0"),
    "removed": ("removed_at > 0",),
}


async def list_budgets(call: Call) -> Reply:
    """Budgets, newest first, with what is left of them."""
    params: wire.BudgetsParams = call.params
    target = None
    if params.target:
        kind = "task" if params.target.startswith("tsk_") else "agent"
        target = call.resolve(kind, params.target)[0]
    where = {"scope": params.scope, "measure": params.measure, "target": target}
    rows, following = await lists.page(call, "budgets", ("budget",), where, also=_STATES[params.state])
    items = tuple(item(call, row) for row in rows)
    if params.state in (
        "exhausted",
        "turned_away",
    ):  # a limit or a settlement may have made room since it was said
        items = tuple(one for one in items if one.state == params.state)
    return Reply(body=wire.BudgetPage(items=items, next=following, seq=call.view_seq))


async def get_budget(call: Call) -> Reply:
    """One budget."""
    subject, _ = call.resolve("budget", call.path["budget"])
    return Reply(body=item(call, await lists.viewed(call, "budgets", "budget", subject)))


# Economics ------------------------------------------------------------------------------------------------------------


async def get_economics(call: Call) -> Reply:
    """What work cost and was worth: by agent, task or day, or of the whole organisation."""
    params: wire.EconomicsParams = call.params
    where = {
        "agent": call.resolve("agent", params.agent)[0] if params.agent else None,
        "task": call.resolve("task", params.task)[0] if params.task else None,
        "workflow": params.workflow or None,
    }
    rows, following = await totals.page(
        call,
        params.by,
        where,
        first_day=params.from_at // DAY,
        last_day=params.to_at // DAY,
        limit=params.limit,
    )
    items = tuple(
        wire.Total(
            key=_named(call, params.by, row.pop("key")),
            roi_permille=roi_permille(row["value_micro"], row["cost_micro"]),
            **row,
        )
        for row in rows
    )
    return Reply(body=wire.TotalPage(items=items, next=following, seq=call.view_seq))


def _named(call: Call, by: str, key: Any) -> str:
    """The key of a total for people."""
    if by == "day":
        return datetime.fromtimestamp(key * DAY // SECOND, UTC).date().isoformat()
    if by == "workflow":
        return str(key)
    return call.id_of(by, key) if by in ("agent", "task") else ""


async def estimate_task(call: Call) -> Reply:
    """Say anew what a task is expected to take and to be worth; its own limits stay as they are."""
    body: wire.EstimateBody = call.body
    subject, state = call.resolve("task", call.path["task"])
    known = state.economics or Economics()
    economics = economics_of(body, None)
    assert economics is not None
    kept = msgspec.structs.replace(
        economics,
        limit_micro=known.limit_micro,
        limit_tokens=known.limit_tokens,
        limit_ms=known.limit_ms,
    )
    private = encoded({"rationale": body.rationale}) if body.rationale else b""
    recorded = await call.ask(EstimateTask(subject=subject, economics=kept, private=private))
    return Reply(body=fields.Recorded(seq=recorded.seq))


async def assess_task(call: Call) -> Reply:
    """Say what a finished task was worth. A person's word stands above the policy's rule."""
    body: wire.AssessTaskBody = call.body
    subject, _ = call.resolve("task", call.path["task"])
    private = encoded({"reason": body.reason}) if body.reason else b""
    command = AssessTask(subject=subject, value_micro=body.value_micro, private=private)
    return Reply(body=fields.Recorded(seq=(await call.ask(command)).seq))


def over_budget(call: Call, subject: int) -> str:
    """Which budget has no room for a task that waits, as a sentence; "" where every one has, whoever gets the task."""
    engine = call.services.engine

    def read(name: str, key: Any) -> Any:
        if name in ("task", "budget"):
            return engine.state(call.org, name, key)
        return engine.cell(call.org, name, key)

    task = read("task", subject)
    if task is None or task.stage != "queued" or read("budgeted", "all") is None:
        return ""
    found = without_room(subject, task, 0, call.now, read)
    if found is None:
        return ""
    budget, asked = found
    name = public_id("budget", budget.budget, budget.nonce)
    if asked < 0:
        return f"{name} limits {budget.measure}, and nobody estimated how much the task takes"
    use = use_of(budget, call.now, read)
    left = max(0, budget.limit - use.spent - use.reserved)
    return f"{name} has {left} of {budget.limit} {UNITS[budget.measure]} left, {asked} asked"


async def of_task(call: Call, subject: int) -> wire.TaskEconomics:
    """What a task was expected to take, took, and was worth."""
    took = await totals.of_task(call, subject)
    estimate = await lists.row(call, "estimates", task=subject)
    assessment = await lists.row(call, "assessments", task=subject)
    seqs = [row["seq"] if row is not None else 0 for row in (estimate, assessment)]
    privates = await call.privates(seqs)

    def expected(column: str) -> int | None:
        return None if estimate is None or estimate[column] == UNSAID else int(estimate[column])

    value = None if assessment is None else int(assessment["value_micro"])
    return wire.TaskEconomics(
        estimated_cost_micro=expected("cost_micro"),
        estimated_tokens=expected("tokens"),
        estimated_ms=expected("time_ms"),
        estimated_value_micro=expected("value_micro"),
        rationale=privates.get(seqs[0], {}).get("rationale"),
        value_micro=value,
        assessed_by="" if assessment is None else assessment["by"],
        assessment=privates.get(seqs[1], {}).get("reason"),
        roi_permille=None if value is None else roi_permille(value, took["cost_micro"]),
        **took,
    )
