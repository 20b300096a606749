"""Grants: given by people, used once, looked at again when used (spec 03 §3.2 *Grant*, DESIGN 2b.8).

The life of an action as a whole is drawn in life.py. Everything that leads to a running execution is here: nothing
else drafts action.granted/1 after the ruling, and nothing but `start` drafts action.started/1.
"""

from __future__ import annotations

import msgspec

from watchfloor.actions import conditions
from watchfloor.actions.derive import target_allowed
from watchfloor.actions.life import ActionState, closing, existing
from watchfloor.actions.messages import (
    ActionGranted,
    ActionStarted,
    CancelAction,
    CloseAction,
    Grant,
    GrantAction,
    GrantMisused,
    GrantRevoked,
    StartAction,
)
from watchfloor.actions.modes import observed
from watchfloor.actions.risk import SCORE_MAX, TRUSTED, band_of
from watchfloor.actions.tables import UNKNOWN, of
from watchfloor.actions.targets import inside
from watchfloor.kernel.compliance import Asked
from watchfloor.kernel.instants import MILLISECOND
from watchfloor.kernel.limits import INTEGER_MAX, NAME_CHARS_MAX
from watchfloor.kernel.messages import Draft, Refused
from watchfloor.kernel.schema import check_choice, check_name, check_range
from watchfloor.kernel.subject import Given
from watchfloor.kernel.terms import PLATFORM_TYPES, Policy

_PEOPLES = ("approved", "committee", "forced")  # bases that people give
_COMMITTEES = ("committee", "forced")
_AT_LEVEL_2 = (*_PEOPLES, "tribunal")  # validator agents never answer for more
_COMMITTEE_LEVEL = 4
_CONFIRM = 2
FORBIDDEN = "envelope_forbids"  # why a grant is gone that no new decision brings back


class StartEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a start looks at again. `policy_allows`, `forbidden`: see the functions of these names."""

    stops: tuple[int, ...]
    agent_state: int
    breaker_agent_until: int
    breaker_tool_until: int
    voters_valid: bool
    policy_allows: bool
    forbidden: bool = False
    level: int = 0  # what the policy in force asks for it at least


def level_now(policy: Policy, digest: str, state: ActionState) -> int:
    """The level that class, recorded risk, packs and rules ask for under a policy; `digest` is the policy's.

    The parameters are not at hand: of the organisation's rules count those that hold whatever they are.
    """
    tables = of(policy, digest)
    names = (state.action_type, state.tool, state.cls)
    _, ruled = conditions.certain(tables.domain, names, state.risk) if tables.domain else (False, 0)
    classes = (
        tables.types.get(state.action_type, UNKNOWN),
        state.cls if state.cls in tables.bases else UNKNOWN,
    )
    # No recorded risk is lower than its class's base with all trust taken off; if it is, the base was raised since.
    risk = max(state.risk, *(tables.bases[cls] + TRUSTED for cls in classes))
    by_packs = (level for pack in tables.packs for _, _, level in pack.judge(Asked(*names, {})))
    return max(tables.levels[band_of(min(SCORE_MAX, risk))], ruled, *by_packs)


def forbidden(policy: Policy, digest: str, state: ActionState, target: str = "") -> bool:
    """Does the policy in force forbid it whoever approves? `digest` is the policy's, `target` what the executor attests.

    Its type or tool is forbidden, a pack in force prohibits it, a rule denies it whatever the parameters are, or the target
    is outside the envelope.
    """
    tables = of(policy, digest)
    if state.action_type in tables.forbidden_types or state.tool in tables.forbidden_tools:
        return True
    names = (state.action_type, state.tool, state.cls)
    denied, _ = conditions.certain(tables.domain, names, state.risk) if tables.domain else (False, 0)
    if denied or state.action_type in tables.prohibited:
        return True
    return not target_allowed(policy, digest, target)


def policy_allows(policy: Policy, digest: str, state: ActionState, target: str = "") -> bool:
    """Would the policy in force still bear this grant? `digest` is the policy's, `target` what the executor attests.

    It must not be `forbidden`, and the level that the policy asks for now (`level_now`) must not exceed what the grant's
    basis answered for: 1 for auto, 2 for standing and tribunal, the level the people were asked at for theirs. A grant of
    the mode `observe` needs that mode still.
    """
    if forbidden(policy, digest, state, target):
        return False
    tables = of(policy, digest)
    grant = state.grant
    basis = grant.basis if grant is not None else ""
    if basis == "forced":
        return True
    if basis == "observed":  # nobody was asked: it stands as long as the mode does
        return observed(tables, state.agent, state.action_type)
    answered = {"auto": 1, "standing": _CONFIRM, "tribunal": _CONFIRM}.get(basis, max(_CONFIRM, state.level))
    return level_now(policy, digest, state) <= answered


def grant(state: ActionState | None, command: GrantAction, given: Given) -> list[Draft]:
    """The people agreed. Only a pending action can be granted, and only by people (level 4: by a committee).

    `level` is what they answered for, where a policy applied meanwhile asked for more than the action's own.
    """
    action = existing(state)
    if action.status != "pending":
        if action.decision == command.decision:
            return []
        raise Refused("not_pending", f"the action is {action.status}")
    level = max(action.level, command.level)
    check_choice(command.basis, "/basis", _bases(level))
    check_range(command.execution_ms, "/execution_ms", 1, INTEGER_MAX)
    if command.expires_at <= given.at:
        raise Refused("grant_expired", "a grant ends after it begins", field="/expires_at", status=422)
    facts = ActionGranted(
        agent=action.agent,
        decision=command.decision,
        grant=Grant(
            basis=command.basis,
            execution_ms=command.execution_ms,
            expires_at=command.expires_at,
            number=action.grants + 1,
        ),
        level=level if level > action.level else 0,
    )
    return [Draft(facts=facts)]


def _bases(level: int) -> tuple[str, ...]:
    """Who may answer for an action of this level."""
    if level >= _COMMITTEE_LEVEL:
        return _COMMITTEES
    return _PEOPLES if level > _CONFIRM else _AT_LEVEL_2


def close(state: ActionState | None, command: CloseAction, given: Given) -> list[Draft]:
    """The people did not agree, or not in time. Nothing to do when the action is not waiting for them."""
    del given
    action = existing(state)
    check_choice(command.reason, "/reason", ("denied", "expired", "cancelled"))
    return [closing(action, command.reason, command.decision)] if action.status == "pending" else []


def cancel(state: ActionState | None, command: CancelAction, given: Given) -> list[Draft]:
    """Withdrawn before it started. An agent does not withdraw what people want of it."""
    del command
    action = existing(state)
    if action.action_type in PLATFORM_TYPES and given.actor.kind == "agent":
        raise Refused("reserved_type", "the platform does this on a person's request", status=403)
    if action.status in ("pending", "granted"):
        return [closing(action, "cancelled")]
    if action.status == "closed" and action.reason == "cancelled":
        return []
    raise Refused("not_cancellable", f"the action is {action.status}")


def start(state: ActionState | None, command: StartAction, given: Given) -> list[Draft]:
    """Consume the grant, or say why not: Refused, or recorded misuse, or a recorded revocation."""
    action = existing(state)
    check_name(command.execution, "/execution")
    check_range(len(command.target), "/target", 0, 4 * NAME_CHARS_MAX)
    misuse = _misuse(action, command)
    if misuse:
        return [Draft(facts=GrantMisused(agent=command.agent, misuse=misuse))]
    held = action.grant
    if held is None or held.number != command.grant:
        known = 0 < command.grant <= action.grants
        raise Refused("grant_revoked" if known else "not_granted", f"the action is {action.status}")
    if action.status != "granted":
        if action.execution == command.execution:
            return []
        # Closed: the grant was never used. Everything else has its execution, so this would be a second one.
        raise Refused("grant_expired" if action.reason == "grant_expired" else "not_granted", action.reason)
    if given.at >= held.expires_at:
        raise Refused("grant_expired", "the grant was not used in time")
    evidence: StartEvidence = given.evidence
    lost = gone(evidence, given.at)
    if lost:
        revoked = Draft(facts=_revoked(action, held, lost, evidence.level))
        # What nobody can approve any more is denied at once: a decision on it could not be used (spec 3.1 rule 3).
        return [revoked, closing(action, "denied")] if lost == FORBIDDEN else [revoked]
    if command.execution in action.executions:
        raise Refused("execution_used", "an execution has an id of its own", field="/execution")
    facts = ActionStarted(
        action_type=action.action_type,
        agent=action.agent,
        execution=command.execution,
        grant=held.number,
        target=command.target,
        tool=action.tool,
        until_at=given.at + held.execution_ms * MILLISECOND,
    )
    return [Draft(facts=facts)]


def _misuse(action: ActionState, command: StartAction) -> str:
    if command.agent != action.agent:
        return "other_agent"
    if command.digest and command.digest != action.digest:
        return "other_parameters"
    if not inside(action.targets, command.salt, command.target):
        return "other_target"
    used = action.status in ("executing", "unknown", "completed", "failed")
    return "second_use" if used and command.execution != action.execution else ""


def gone(evidence: StartEvidence, at: int) -> str:
    """The first reason why the grant's basis is gone, empty when it stands."""
    checks = (
        ("stopped", bool(evidence.stops)),
        ("agent_inactive", evidence.agent_state != 0),
        ("agents_breaker_open", evidence.breaker_agent_until > at),
        ("tools_breaker_open", evidence.breaker_tool_until > at),
        ("voters_invalid", not evidence.voters_valid),
        (FORBIDDEN, evidence.forbidden),
        ("policy_forbids", not evidence.policy_allows),
    )
    return next((reason for reason, bites in checks if bites), "")


def _revoked(action: ActionState, held: Grant, reason: str, level: int) -> GrantRevoked:
    """The new decision is of the level that the policy of now asks for, or it would be revoked again for ever."""
    return GrantRevoked(
        agent=action.agent,
        digest=action.digest,
        grant=held.number,
        level=max(_CONFIRM, action.level, level),
        reason=reason,
        risk=action.risk,
        urgency=action.urgency,
    )
