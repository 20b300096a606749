"""Actions: what is asked of the gate, and which rule answers which command (spec 03 §3.1 to §3.3, DESIGN §1).

Theory of operation
-------------------
An action begins with its ruling: `request` derives what may be recorded of the private parameters, asks the gate and
drafts the one event `action.decided/1`, which holds the request's facts, the evidence, the ruling and, when it is
permitted, the grant. A *denied* action is an event like any other; only nonsense is refused. A dry run drafts the
same event, which the engine shows and drops. What follows (life.py, grants.py, executions.py) and what stands beside
it (containment.py) are tables here, so that this file tells which commands there are.
"""

from __future__ import annotations

from hashlib import sha256

import msgspec

from watchfloor.actions import containment, editing, executions, grants, life, retries
from watchfloor.actions.bypasses import BYPASS, BYPASS_FACTS
from watchfloor.actions.containment import BreakerState, StandingState, StopState
from watchfloor.actions.derive import derive
from watchfloor.actions.disclosures import SecretDisclosed, disclosed
from watchfloor.actions.dry_runs import DRY_RUN, DryRunJudged
from watchfloor.actions.edit_messages import ActionEdited, EditAction
from watchfloor.actions.gate import Gathered, judge, reserve, urgency_of
from watchfloor.actions.life import ActionState
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
    BreakerHalfOpened,
    BreakerOpened,
    CancelAction,
    CloseAction,
    CompleteAction,
    Derived,
    EaseStop,
    Evidence,
    FailAction,
    GrantAction,
    GrantMisused,
    GrantRevoked,
    GrantStanding,
    HalfOpenBreaker,
    LiftStop,
    OpenBreaker,
    RecordStop,
    RequestAction,
    RevokeStanding,
    SettleAction,
    StandingGranted,
    StandingRevoked,
    StartAction,
    StopEased,
    StopLifted,
    StopRecorded,
    UngatedCall,
)
from watchfloor.actions.modes import observed
from watchfloor.actions.names import fold
from watchfloor.actions.question import ask
from watchfloor.actions.retry_messages import ActionRetried, RetryAction
from watchfloor.actions.tables import Tables, of
from watchfloor.kernel.amounts import UNSAID
from watchfloor.kernel.ids import nonce_from
from watchfloor.kernel.limits import ATTEMPTS_PER_DECISION_MAX, INTEGER_MAX, NAME_CHARS_MAX
from watchfloor.kernel.messages import Draft, Refused
from watchfloor.kernel.mode_terms import TURN_ON_LEVEL
from watchfloor.kernel.schema import check_canonical_text, check_choice, check_range
from watchfloor.kernel.subject import Given, Subject
from watchfloor.kernel.terms import APPLY_POLICY, PLATFORM_TYPES

OBSERVES = "observes"  # the parameter of a change of the policy that names what it lets run observed
POLICY_LEVEL_MIN = 2  # no policy says that a policy is changed unasked
URGENCIES = ("low", "normal", "high", "immediate")


def request(state: ActionState | None, command: RequestAction, given: Given) -> list[Draft]:
    """Judge an action. Refused: texts and numbers that no honest client sends (422); everything else is ruled on."""
    if state is not None:
        raise Refused("already_judged", "an action is judged once; changed parameters are a new action")
    action_type, tool = _name(command.type, "/type"), _name(command.tool, "/tool")
    if not action_type:
        raise Refused("invalid_name", "an action has a type", field="/type", status=422)
    check_choice(command.urgency, "/urgency", URGENCIES)
    if not UNSAID <= command.cost_micro <= INTEGER_MAX:
        check_range(command.cost_micro, "/cost_micro", 0, INTEGER_MAX)
    if not UNSAID <= command.tokens <= INTEGER_MAX:
        check_range(command.tokens, "/tokens", 0, INTEGER_MAX)
    check_range(command.attempts, "/attempts", 0, ATTEMPTS_PER_DECISION_MAX)
    cost_micro = max(0, command.cost_micro)
    gathered: Gathered = given.evidence
    if action_type in PLATFORM_TYPES:
        if given.actor.kind == "agent":
            detail = "the platform does this on a person's request"
            raise Refused("reserved_type", detail, field="/type", status=403)
        if gathered.unfit is not None:
            raise gathered.unfit
    seen = gathered.evidence
    tables = of(gathered.policy, gathered.policy_digest)
    derived = derived_of(tables, command.type, command.tool, command.params, command.salt, command.agent)
    if derived.zones:
        seen = _been_there(seen, gathered.touched, derived.zones)
    unheld = tables.observing and observed(tables, command.agent, action_type)
    question = ask(tables, derived, seen, given.at, cost_micro, command.task, command.agent, observed=unheld)
    ruling = judge(question)
    attempts, idempotent = retries.borne(gathered.policy, derived.cls, command.attempts)
    facts = ActionDecided(
        action_type=action_type,
        agent=command.agent,
        cost_micro=cost_micro,
        derived=derived,
        digest=sha256(command.salt + command.action).hexdigest(),
        evidence=seen,
        failed=ruling.failed,
        generation=command.generation,
        grant=ruling.grant,
        level=ruling.level,
        nonce=nonce_from(given.entropy),
        policy_digest=gathered.policy_digest,
        reserves_micro=reserve(ruling.verdict, cost_micro),
        reserves_tokens=reserve(ruling.verdict, command.tokens),
        risk=ruling.risk,
        task=command.task,
        tool=tool,
        urgency=urgency_of(command.urgency, ruling.risk),
        verdict=ruling.verdict,
        attempts=attempts,
        idempotent=idempotent,
    )
    return [Draft(facts=facts, private=command.private, salt=command.salt)]


def derived_of(tables: Tables, type_name: str, tool: str, params: object, salt: bytes, agent: int) -> Derived:
    """What a policy derives from a request, with what no policy may say of itself."""
    derived = derive(tables, type_name, tool, params, salt, agent)
    if fold(type_name) != APPLY_POLICY:
        return derived
    # Turning observation on is decided at level 3; that the request names what is turned on is checked where it is made.
    observes = isinstance(params, dict) and bool(params.get(OBSERVES))
    least = TURN_ON_LEVEL if observes else POLICY_LEVEL_MIN
    return derived if derived.level_min >= least else msgspec.structs.replace(derived, level_min=least)


def _been_there(seen: Evidence, touched: tuple[int, ...], zones: tuple[int, ...]) -> Evidence:
    """The evidence with how many of the request's zones are new to the agent."""
    new = sum(1 for zone in zones if zone not in touched)
    if not new and not touched:
        return seen
    return msgspec.structs.replace(seen, zones_known=len(touched), zones_new=new)


def _name(name: str, field: str) -> str:
    """The name as it is recorded: folded. Deceptive names are no nonsense but an attempt, and the gate denies them."""
    if len(name) > NAME_CHARS_MAX:
        detail = f"takes at most {NAME_CHARS_MAX} characters"
        raise Refused("invalid_name", detail, field=field, status=422)
    folded = fold(name)
    if not folded.isascii():
        check_canonical_text(folded, field)
    return folded


def _not_kept(state: object) -> bool:
    """What is in force is known to a register; the subject has no timer of its own."""
    del state
    return False


ACTION = Subject(
    kind="action",
    state=ActionState,
    decide={
        RequestAction: request,
        GrantAction: grants.grant,
        EditAction: editing.edit,
        CloseAction: grants.close,
        CancelAction: grants.cancel,
        StartAction: grants.start,
        CompleteAction: executions.complete,
        FailAction: executions.fail,
        SettleAction: executions.settle,
        RetryAction: retries.retry,
        ActionTimePassed: executions.time_passed,
    },
    evolve={
        ActionDecided: life.decided,
        ActionGranted: life.granted,
        ActionEdited: editing.edited,
        ActionClosed: life.closed,
        GrantRevoked: life.revoked,
        GrantMisused: life.misused,
        ActionStarted: life.started,
        UngatedCall: life.ungated,
        SecretDisclosed: disclosed,
        ActionCompleted: life.completed,
        ActionFailed: life.failed,
        ActionUnknown: life.lost,
        ActionSettled: life.settled,
        ActionRetried: retries.retried,
    },
    live=life.live,
    due=life.due,
    overdue=life.overdue,
)
STOP = Subject(
    kind="stop",
    state=StopState,
    decide={
        RecordStop: containment.record_stop,
        EaseStop: containment.ease_stop,
        LiftStop: containment.lift_stop,
    },
    evolve={
        StopRecorded: containment.stop_recorded,
        StopEased: containment.stop_eased,
        StopLifted: containment.stop_lifted,
    },
    live=lambda state: not state.lifted,
)
STANDING = Subject(
    kind="standing",
    state=StandingState,
    decide={GrantStanding: containment.grant_standing, RevokeStanding: containment.revoke_standing},
    evolve={
        StandingGranted: containment.standing_granted,
        StandingRevoked: containment.standing_revoked,
    },
    live=_not_kept,
)
BREAKER = Subject(
    kind="breaker",
    state=BreakerState,
    decide={OpenBreaker: containment.open_breaker, HalfOpenBreaker: containment.half_open_breaker},
    evolve={
        BreakerOpened: containment.breaker_opened,
        BreakerHalfOpened: containment.breaker_half_opened,
    },
    live=containment.waits,
    due=containment.due,
    overdue=containment.overdue,
)
SUBJECTS = (ACTION, STOP, STANDING, BREAKER, BYPASS, DRY_RUN)
FACTS = (
    ActionDecided,
    ActionGranted,
    ActionEdited,
    ActionClosed,
    GrantRevoked,
    GrantMisused,
    ActionStarted,
    ActionCompleted,
    ActionFailed,
    ActionUnknown,
    ActionSettled,
    ActionRetried,
    UngatedCall,
    SecretDisclosed,
    StopRecorded,
    StopEased,
    StopLifted,
    StandingGranted,
    StandingRevoked,
    *BYPASS_FACTS,
    DryRunJudged,
    BreakerOpened,
    BreakerHalfOpened,
)
