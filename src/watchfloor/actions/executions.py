"""Outcomes: what became of an execution, told by its agent, found out later, or by the clock (DESIGN 2b.8).

Only the execution that consumed the grant has an outcome. It may be told late, after its time ran out and the outcome
became unknown; whoever settles an unknown outcome ends it for good.
"""

from __future__ import annotations

from watchfloor.actions.disclosures import SecretDisclosed, secrets_in
from watchfloor.actions.life import ActionState, closing, due, existing
from watchfloor.actions.messages import (
    ActionCompleted,
    ActionFailed,
    ActionSettled,
    ActionTimePassed,
    ActionUnknown,
    CompleteAction,
    FailAction,
    SettleAction,
    UngatedCall,
)
from watchfloor.kernel.amounts import UNSAID, believed
from watchfloor.kernel.limits import INTEGER_MAX, NAME_CHARS_MAX
from watchfloor.kernel.messages import Draft, Refused
from watchfloor.kernel.schema import check_choice, check_name, check_range
from watchfloor.kernel.subject import Given


def complete(state: ActionState | None, command: CompleteAction, given: Given) -> list[Draft]:
    """The execution that runs succeeded; also late, after its outcome had become unknown."""
    del given
    action = existing(state)
    _check_amounts(command)
    check_range(len(command.outcome_digest), "/outcome_digest", 0, NAME_CHARS_MAX)
    if command.agent == action.agent and command.execution and not action.execution:
        return _ungated(action, command)
    if _told(action, command.agent, command.execution, "completed"):
        return []
    facts = ActionCompleted(
        action_type=action.action_type,
        agent=action.agent,
        execution=command.execution,
        outcome_digest=command.outcome_digest,
        released_micro=action.reserved_micro,
        tool=action.tool,
        **_spent(action, command),
        unheld=action.grant is not None and action.grant.basis == "observed",
    )
    return [Draft(facts=facts, private=command.private), *_disclosed(command)]


def _ungated(action: ActionState, command: CompleteAction) -> list[Draft]:
    """Done, says the agent, and no grant was ever used for it: said once, not a thousand times."""
    if action.ungated:
        raise Refused("ungated_call", "it was done without a grant; that is recorded", status=403)
    check_name(command.execution, "/execution")
    facts = UngatedCall(
        action_type=action.action_type,
        agent=action.agent,
        execution=command.execution,
        tool=action.tool,
    )
    return [Draft(facts=facts, private=command.private)]


def fail(state: ActionState | None, command: FailAction, given: Given) -> list[Draft]:
    """The execution that runs failed; also late."""
    del given
    action = existing(state)
    _check_amounts(command)
    check_name(command.code, "/code")
    if _told(action, command.agent, command.execution, "failed"):
        return []
    facts = ActionFailed(
        action_type=action.action_type,
        agent=action.agent,
        code=command.code,
        execution=command.execution,
        released_micro=action.reserved_micro,
        tool=action.tool,
        **_spent(action, command),
    )
    return [Draft(facts=facts, private=command.private), *_disclosed(command)]


def _disclosed(command: CompleteAction | FailAction) -> list[Draft]:
    """A secret in what was reported is a security violation, and news for people."""
    found = secrets_in(command.private)
    if not found:
        return []
    return [Draft(facts=SecretDisclosed(agent=command.agent, execution=command.execution, secrets=found))]


def _check_amounts(command: CompleteAction | FailAction | SettleAction) -> None:
    if command.cost_micro != UNSAID:
        check_range(command.cost_micro, "/cost_micro", 0, INTEGER_MAX)
    if command.tokens != UNSAID:
        check_range(command.tokens, "/tokens", 0, INTEGER_MAX)


def _spent(
    action: ActionState, command: CompleteAction | FailAction | SettleAction, *, trusted: bool = False
) -> dict[str, int]:
    """What counts as spent, and what was claimed beyond belief. Who does not say what it took is charged what was
    reserved (fault F12); a person who settles (`trusted`) is believed (decision 31)."""
    amounts: dict[str, int] = {}
    for measure, field, beyond, said, reserved in (
        ("money", "cost_micro", "claimed_micro", command.cost_micro, action.reserved_micro),
        ("tokens", "tokens", "claimed_tokens", command.tokens, action.reserved_tokens),
    ):
        if said == UNSAID or trusted:
            amounts[field] = reserved if said == UNSAID else said
            continue
        expected = reserved if reserved or action.budgeted else UNSAID
        amounts[field], claim = believed(measure, said, expected)
        if claim:
            amounts[beyond] = claim
    return amounts


def _told(action: ActionState, agent: int, execution: str, outcome: str) -> bool:
    """Is this outcome known already? Refused when it is not this agent's, not this execution's, or contradicts."""
    if agent != action.agent:
        raise Refused("not_your_action", "another agent's action", status=403)
    if execution in action.executions:
        raise Refused("already_over", "the execution is over: the action was granted again")
    if not action.execution or execution != action.execution:
        raise Refused(
            "not_this_execution", "no such execution of this action was started", field="/execution"
        )
    if action.status in ("executing", "unknown"):
        return False
    if action.status == outcome:
        return True
    raise Refused("already_over", f"the execution is recorded as {action.status}")


def settle(state: ActionState | None, command: SettleAction, given: Given) -> list[Draft]:
    """Somebody found out what happened to an execution of unknown outcome."""
    action = existing(state)
    check_choice(command.outcome, "/outcome", ("completed", "failed"))
    _check_amounts(command)
    if command.execution != action.execution or action.status != "unknown":
        if command.execution == action.execution and action.status == command.outcome:
            return []
        raise Refused("not_unknown", f"the action is {action.status}, nothing is to be settled")
    facts = ActionSettled(
        agent=action.agent,
        execution=command.execution,
        outcome=command.outcome,
        released_micro=action.reserved_micro,
        **_spent(action, command, trusted=given.actor.kind == "person"),
    )
    return [Draft(facts=facts)]


def time_passed(state: ActionState | None, command: ActionTimePassed, given: Given) -> list[Draft]:
    """A grant expired unused, or an execution ran out of time. Never anything else."""
    del command
    action = existing(state)
    when = due(action)
    if not when or given.at < when:
        return []
    if action.status == "granted":
        return [closing(action, "grant_expired", action.decision)]
    facts = ActionUnknown(
        action_type=action.action_type, agent=action.agent, execution=action.execution, tool=action.tool
    )
    return [Draft(facts=facts)]
