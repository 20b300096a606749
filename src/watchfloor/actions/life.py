"""The life of an action after the gate: its state and how events move it (spec 03 §3.2 *Grant*, DESIGN 2b.8).

Theory of operation
-------------------

    (an approver's EditAction changes the digest of what is pending: editing.py)

    pending ---GrantAction--> granted ---StartAction--> executing ---CompleteAction--> completed
      | ^                    |  |                           | +-------FailAction------> failed
      | +---basis is gone----+  |                           |                             ^
      |                         |                           +--time ran out--> unknown ---+
      +--CloseAction, Cancel----+--expired--> closed           late outcome, SettleAction

What failed may be granted again under the same decision, as often as the ruling bears (retries.py).

A grant is used once: the first StartAction with its number consumes it, in the same commit that records it. The same
(grant, execution) again is the same start and records nothing. Another execution, another agent or another digest is
*misuse*: refused, recorded, a security violation. A start is also when the grant's basis is looked at again; if votes,
policy, agent, breakers or a stop no longer bear it, the grant is revoked, the action is pending again and only people
can grant it anew (law *Monotone oversight*). Expired is expired; no path with a time-out leads to `granted`.

Money asked for is reserved by the ruling and released by the outcome, whatever it is. Who does not say what it cost is
charged what was reserved (fault F12). A permitted action that nobody starts and that reserves nothing waits for
nothing: it has no timer, and its state may leave memory at once.
"""

from __future__ import annotations

import msgspec

from watchfloor.actions.messages import (
    ActionClosed,
    ActionCompleted,
    ActionDecided,
    ActionFailed,
    ActionGranted,
    ActionSettled,
    ActionStarted,
    ActionTimePassed,
    ActionUnknown,
    Grant,
    GrantMisused,
    GrantRevoked,
    UngatedCall,
)
from watchfloor.kernel.folds import first, once
from watchfloor.kernel.messages import Command, Draft, Event, Facts, Refused

_MACHINES = ("auto", "standing", "observed")


class ActionState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`status`: pending, granted, executing, unknown, completed, failed, denied or closed (`reason` says why).

    The subject's integer is also the seq under which the private part lies. `grant` is the newest one, `grants` how
    many there were; `execution` the newest one, running until `until_at` at most.
    """

    seq: int
    status: str
    agent: int
    action_type: str
    tool: str
    task: int
    cls: str
    digest: str
    level: int
    risk: int
    urgency: str
    reserved_micro: int
    nonce: int
    grant: Grant | None = None
    grants: int = 0
    decision: int = 0
    execution: str = ""
    until_at: int = 0
    reason: str = ""
    reserved_tokens: int = 0
    targets: tuple[str, ...] = ()  # salted digests of what it asked to touch
    zones: tuple[int, ...] = ()
    attempts: int = (
        1  # executions the ruling bears for one decision, and which of them the newest grant is for
    )
    attempt: int = 1
    idempotent: bool = False  # it may be repeated although nobody knows what became of it
    asked_micro: int = 0  # the estimates, for what a retry reserves again
    asked_tokens: int = 0
    executions: tuple[str, ...] = ()  # those before the newest one, oldest first
    ungated: bool = False  # it was reported as done without having been started
    content: int = (
        0  # seq of the event with the parameters since they were edited; 0: the action's own first event
    )
    edits: int = 0
    edited_by: tuple[str, ...] = ()
    budgeted: bool = False  # budgets counted it when it was judged, so whatever becomes of it must be said


def content_of(subject: int, state: ActionState | None) -> int:
    """The seq whose private part holds the parameters as they are now, and the salt of their digest."""
    return state.content if state is not None and state.content else subject


def existing(state: ActionState | None) -> ActionState:
    """The state, or Refused `unknown_action` (404)."""
    if state is None:
        raise Refused("unknown_action", "there is no such action", status=404)
    return state


def closing(action: ActionState, reason: str, decision: int = 0) -> Draft:
    """The end of an action that never started; releases what it had reserved."""
    return Draft(
        facts=ActionClosed(
            agent=action.agent, decision=decision, reason=reason, released_micro=action.reserved_micro
        )
    )


# Folding -------------------------------------------------------------------------------------------------------------

_STATUS = {"permitted": "granted", "pending": "pending"}


def _decided(facts: Facts, event: Event) -> ActionState:
    assert isinstance(facts, ActionDecided)
    return ActionState(
        seq=event.seq,
        status=_STATUS.get(facts.verdict, "denied"),
        agent=facts.agent,
        action_type=facts.action_type,
        tool=facts.tool,
        task=facts.task,
        cls=facts.derived.cls,
        digest=facts.digest,
        level=facts.level,
        risk=facts.risk,
        urgency=facts.urgency,
        reserved_micro=facts.reserves_micro,
        reserved_tokens=facts.reserves_tokens,
        budgeted=bool(facts.evidence.budgets),
        nonce=facts.nonce,
        targets=facts.derived.targets,
        zones=facts.derived.zones,
        attempts=facts.attempts,
        idempotent=facts.idempotent,
        asked_micro=facts.reserves_micro,
        asked_tokens=facts.reserves_tokens,
        grant=facts.grant,
        grants=0 if facts.grant is None else facts.grant.number,
    )


decided = first(_decided)


@once
def granted(state: ActionState, facts: ActionGranted, event: Event) -> dict[str, object]:
    del event
    if state.status != "pending":
        return {}
    return {
        "status": "granted",
        "grant": facts.grant,
        "grants": facts.grant.number,
        "attempt": 1,
        "decision": facts.decision,
        "level": facts.level or state.level,
        "reason": "",
    }


@once
def closed(state: ActionState, facts: ActionClosed, event: Event) -> dict[str, object]:
    del event
    if state.status not in ("pending", "granted"):
        return {}
    return {
        "status": "closed",
        "reason": facts.reason,
        "decision": facts.decision or state.decision,
        "reserved_micro": 0,
        "reserved_tokens": 0,
    }


@once
def revoked(state: ActionState, facts: GrantRevoked, event: Event) -> dict[str, object]:
    del event
    if state.status != "granted":
        return {}
    return {"status": "pending", "grant": None, "decision": 0, "level": facts.level, "reason": facts.reason}


@once
def misused(state: ActionState, facts: GrantMisused, event: Event) -> dict[str, object]:
    """Recorded against whoever tried; the action itself is untouched."""
    del state, facts, event
    return {}


@once
def ungated(state: ActionState, facts: UngatedCall, event: Event) -> dict[str, object]:
    """What happens to the action is the gate's and the people's business still."""
    del state, facts, event
    return {"ungated": True}


@once
def started(state: ActionState, facts: ActionStarted, event: Event) -> dict[str, object]:
    del event
    if state.status != "granted":
        return {}
    return {"status": "executing", "execution": facts.execution, "until_at": facts.until_at}


def _over(state: ActionState, execution: str, outcome: str) -> dict[str, object]:
    if state.status not in ("executing", "unknown") or execution != state.execution:
        return {}
    return {"status": outcome, "reserved_micro": 0, "reserved_tokens": 0}


@once
def completed(state: ActionState, facts: ActionCompleted, event: Event) -> dict[str, object]:
    del event
    return _over(state, facts.execution, "completed")


@once
def failed(state: ActionState, facts: ActionFailed, event: Event) -> dict[str, object]:
    del event
    return _over(state, facts.execution, "failed")


@once
def lost(state: ActionState, facts: ActionUnknown, event: Event) -> dict[str, object]:
    """The reservation is held: the money may have been spent."""
    del event
    if state.status != "executing" or facts.execution != state.execution:
        return {}
    return {"status": "unknown"}


@once
def settled(state: ActionState, facts: ActionSettled, event: Event) -> dict[str, object]:
    del event
    if state.status != "unknown":
        return {}
    return _over(state, facts.execution, facts.outcome)


# Life ----------------------------------------------------------------------------------------------------------------


def _expiry_matters(state: ActionState) -> bool:
    """A machine's grant that reserves nothing simply lapses; people want to see theirs lapse."""
    reserves = state.reserved_micro > 0 or state.budgeted
    return state.grant is not None and (reserves or state.grant.basis not in _MACHINES)


def live(state: ActionState) -> bool:
    """Somebody waits for it, or it has a timer. Unknown outcomes wait in the views and come back by their stream."""
    return state.status in ("pending", "executing") or (state.status == "granted" and _expiry_matters(state))


def due(state: ActionState) -> int:
    """The end of the execution, or of the grant where that matters."""
    if state.status == "executing":
        return state.until_at
    if state.status == "granted" and _expiry_matters(state):
        assert state.grant is not None
        return state.grant.expires_at
    return 0


def overdue(subject: int, state: ActionState, at: int) -> Command | None:
    return ActionTimePassed(subject=subject) if 0 < due(state) <= at else None
