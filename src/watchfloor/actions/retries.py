"""Retries: a new grant under the same decision, a bounded number of times (DESIGN 2b.8, spec 03 §3.2).

Theory of operation
-------------------
    failed  ---RetryAction--> granted     at most `attempts` executions for one decision
    unknown ---RetryAction--> granted     only where the class is declared idempotent

How often was settled with the ruling, so people who agree agree to that, too; the policy in force may since allow
less, never more. The new grant is looked at like a start: stops, agent, breakers, votes and policy. It ends when the
first one would have ended, so that an agreement does not live longer for having failed. Whatever does not fit is
refused and nothing is recorded: whoever wants to go on asks again, which is a decision of its own.
"""

from __future__ import annotations

import msgspec

from watchfloor.actions.grants import StartEvidence, gone
from watchfloor.actions.life import ActionState, existing
from watchfloor.actions.messages import BudgetSeen, Grant
from watchfloor.actions.retry_messages import ActionRetried, RetryAction
from watchfloor.actions.tables import UNKNOWN
from watchfloor.kernel.amounts import turned_away
from watchfloor.kernel.folds import once
from watchfloor.kernel.messages import Draft, Event, Refused
from watchfloor.kernel.schema import check_name
from watchfloor.kernel.subject import Given
from watchfloor.kernel.terms import PLATFORM_TYPES, ClassTerms, Policy

_PASSING = frozenset(("stopped", "agents_breaker_open", "tools_breaker_open"))


class RetryEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a retry looks at: all a start looks at, and what only a request is asked otherwise.

    `attempts` and `idempotent` are the class's under the policy in force.
    """

    start: StartEvidence
    attempts: int
    idempotent: bool
    permitted: bool  # the key covers the type and the version in force the tool
    task_valid: bool
    spend_left_micro: int
    budgets: tuple[BudgetSeen, ...] = ()


def class_terms(policy: Policy, cls: str) -> ClassTerms:
    """What the policy says of a class; of one it does not know, what it says of `unknown`."""
    return policy.classes.get(cls) or policy.classes[UNKNOWN]


def borne(policy: Policy, cls: str, wanted: int) -> tuple[int, bool]:
    """(attempts, idempotent) that a ruling bears: the class's, or fewer where the request wants fewer (0: says nothing)."""
    terms = class_terms(policy, cls)
    return (min(terms.attempts, wanted) if wanted else terms.attempts), terms.idempotent


def retry(state: ActionState | None, command: RetryAction, given: Given) -> list[Draft]:
    """Grant it once more, or say why not. Nothing when the grant for this execution's retry is there already."""
    action = existing(state)
    if command.agent != action.agent:
        raise Refused("not_your_action", "another agent's action", status=403)
    check_name(command.execution, "/execution")
    if action.action_type in PLATFORM_TYPES:
        raise Refused("reserved_type", "the platform does this on a person's request", status=403)
    if action.status == "granted" and action.executions[-1:] == (command.execution,):
        return []
    if command.execution != action.execution:
        detail = "no such execution of this action was the last"
        raise Refused("not_this_execution", detail, field="/execution")
    evidence: RetryEvidence = given.evidence
    _check_ended(action, evidence)
    held = action.grant
    assert held is not None  # what was executed had a grant
    if action.attempt >= min(action.attempts, evidence.attempts):
        raise Refused("attempts_used_up", f"{action.attempt} of the attempts were made: ask again")
    if given.at >= held.expires_at:
        raise Refused("grant_expired", "a retry ends with the grant it repeats: ask again")
    _check_basis(action, evidence, given.at)
    unknown = action.status == "unknown"
    facts = ActionRetried(
        action_type=action.action_type,
        agent=action.agent,
        attempt=action.attempt + 1,
        charged_micro=action.reserved_micro if unknown else 0,
        charged_tokens=action.reserved_tokens if unknown else 0,
        execution=action.execution,
        grant=Grant(
            basis=held.basis,
            execution_ms=held.execution_ms,
            expires_at=held.expires_at,
            number=action.grants + 1,
        ),
        reserves_micro=action.asked_micro,
        reserves_tokens=action.asked_tokens,
        tool=action.tool,
    )
    return [Draft(facts=facts)]


def _check_ended(action: ActionState, evidence: RetryEvidence) -> None:
    """It failed; or nobody knows, and doing it twice does no harm."""
    if action.status == "unknown" and not (action.idempotent and evidence.idempotent):
        raise Refused("outcome_unknown", "nobody knows what became of it: settle it first")
    if action.status not in ("failed", "unknown"):
        raise Refused("not_retryable", f"the action is {action.status}")


def _check_basis(action: ActionState, evidence: RetryEvidence, at: int) -> None:
    """Would the grant be given now? What passes by itself is retryable."""
    lost = gone(evidence.start, at)
    if lost:
        detail = f"the basis of the grant is gone: {lost}"
        raise Refused("basis_gone", detail, retryable=lost in _PASSING)
    if not evidence.permitted or not evidence.task_valid:
        raise Refused("basis_gone", "the basis of the grant is gone: the key, the tool or the task")
    over = action.asked_micro > 0 and action.asked_micro > evidence.spend_left_micro
    turned = any(
        row.asked < 0 or turned_away(row.limit, row.spent, row.reserved, row.asked)
        for row in evidence.budgets
    )
    if over or turned:
        raise Refused("budget_used_up", "there is not enough left for another attempt")


@once
def retried(state: ActionState, facts: ActionRetried, event: Event) -> dict[str, object]:
    del event
    if state.status not in ("failed", "unknown") or facts.execution != state.execution:
        return {}
    return {
        "status": "granted",
        "grant": facts.grant,
        "grants": facts.grant.number,
        "attempt": facts.attempt,
        "executions": (*state.executions, facts.execution),
        "reason": "",
        "reserved_micro": facts.reserves_micro,
        "reserved_tokens": facts.reserves_tokens,
    }
