"""Budgets and economics (spec 2.4 *Economics*, 3.3 *Budgets*). What is left of a budget is read from the register."""

from __future__ import annotations

from typing import Any

from watchfloor.http import lists, problems
from watchfloor.http.asking import Call
from watchfloor.http.bodies import economics as wire
from watchfloor.http.bodies import fields
from watchfloor.http.problems import Problem
from watchfloor.http.replies import Reply
from watchfloor.kernel.ids import KINDS
from watchfloor.registers.budgets import InForce, use_of
from watchfloor.work.budget_messages import RemoveBudget, SetBudget

_TARGETS = {"agent": "agent", "task": "task", "lineage": "task"}


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
        removed_at=row["removed_at"],
        reason=row["reason"],
    )


_STATES = {
    "in_force": ("removed_at = 0",),
    "exhausted": ("removed_at = 0", "exhausted_at > 0"),
    "removed": ("removed_at > 0",),
}


async def list_budgets(call: Call) -> Reply:
    """Budgets, newest first, with what is left of them."""
    params: wire.BudgetsParams = call.params
    target = None
    if params.target:
        kind = KINDS.get(params.target[:3], "")
        if kind not in ("agent", "task"):
            raise problems.not_found("agent or task")
        target = call.resolve(kind, params.target)[0]
    where = {"scope": params.scope, "measure": params.measure, "target": target}
    rows, following = await lists.page(call, "budgets", ("budget",), where, also=_STATES[params.state])
    items = tuple(item(call, row) for row in rows)
    return Reply(body=wire.BudgetPage(items=items, next=following, seq=call.view_seq))


async def get_budget(call: Call) -> Reply:
    """One budget."""
    subject, _ = call.resolve("budget", call.path["budget"])
    return Reply(body=item(call, await lists.viewed(call, "budgets", "budget", subject)))
