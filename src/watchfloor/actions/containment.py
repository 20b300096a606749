"""Stops, standing approvals and opened breakers as subjects of their own (spec 03 §3.1 rules 2, 3, 8; §3.3).

Theory of operation
-------------------
All three are short lives: recorded, in force, over. What is in force is read from registers by the gate, so their
states only serve their own next command. A stop is *recorded*, never asked: it took effect through the journal
before any rule saw it (DESIGN 2b.9), so nothing but nonsense is refused. Lifting one takes another person, at once or
in stages: eased for one name after the other while all else stays stopped. A standing
approval is time-boxed, and the gate lets it answer at most level 2. A breaker is opened by the containment process
and lets a probe through when its time is over: the probe closes it, or opens it again.
"""

from __future__ import annotations

import msgspec

from watchfloor.actions.messages import (
    BreakerHalfOpened,
    BreakerOpened,
    EaseStop,
    GrantStanding,
    HalfOpenBreaker,
    LiftStop,
    OpenBreaker,
    RecordStop,
    RevokeStanding,
    StandingGranted,
    StandingRevoked,
    StopEased,
    StopLifted,
    StopRecorded,
)
from watchfloor.actions.names import fold
from watchfloor.kernel.folds import first, once
from watchfloor.kernel.ids import nonce_from
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.limits import INTEGER_MAX, NAME_CHARS_MAX, STAGES_PER_STOP_MAX
from watchfloor.kernel.messages import Command, Draft, Event, Facts, Refused
from watchfloor.kernel.schema import check_choice, check_name, check_range, check_reason
from watchfloor.kernel.subject import Given

# The lineage of an agent is the agent and all it spawned; a workflow is a task and all that was handed on below it.
SCOPES = ("organisation", "agent", "lineage", "agent_type", "action_type", "tool", "workflow")
# "Trust this type" is time-boxed; whoever wants it for longer changes the policy, which is a decision of its own.
STANDING_DAYS_MAX = 30


class StopState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`by` is the public id of whoever recorded it; in force until `lifted`."""

    seq: int
    scope: str
    target: str
    by: str
    nonce: int
    lifted: bool = False
    eased: tuple[tuple[str, str], ...] = ()


class StandingState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    seq: int
    agent: int
    action_type: str
    expires_at: int
    nonce: int
    revoked: bool = False


class BreakerState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One opening of a breaker."""

    seq: int
    scope: str
    target: str
    until_at: int
    half_open: bool = False


# Stops ---------------------------------------------------------------------------------------------------------------


def record_stop(state: StopState | None, command: RecordStop, given: Given) -> list[Draft]:
    """Put into the ledger what took effect at `effective_at` (now, when 0). Targets that are names are folded."""
    if state is not None:
        return []
    check_choice(command.scope, "/scope", SCOPES)
    check_reason(command.reason)
    check_range(len(command.journal), "/journal", 0, NAME_CHARS_MAX)
    target = "" if command.scope == "organisation" else _target(command)
    facts = StopRecorded(
        # The journal's clock may be ahead of the ledger's; no event speaks of the future.
        effective_at=min(command.effective_at or given.at, given.at),
        journal=command.journal,
        nonce=nonce_from(given.entropy),
        number=command.number,
        reason=command.reason,
        scope=command.scope,
        target=target,
    )
    return [Draft(facts=facts)]


def _target(command: RecordStop | EaseStop) -> str:
    check_name(command.target, "/target")
    check_range(command.number, "/number", 0, INTEGER_MAX)
    return fold(command.target) if command.scope in ("action_type", "tool") else command.target


def ease_stop(state: StopState | None, command: EaseStop, given: Given) -> list[Draft]:
    """A stage of lifting it: work with this name goes on. Like lifting, it takes another person."""
    if state is None:
        raise Refused("unknown_stop", "there is no such stop", status=404)
    check_choice(command.scope, "/scope", SCOPES[1:])
    check_reason(command.reason)
    stage = (command.scope, _target(command))
    if state.lifted:
        raise Refused("stop_lifted", "the stop was lifted: nothing is held any more")
    if stage in state.eased:
        return []
    _check_another(state, given)
    if len(state.eased) >= STAGES_PER_STOP_MAX:
        raise Refused("too_many_stages", f"a stop is lifted in at most {STAGES_PER_STOP_MAX} stages")
    facts = StopEased(number=command.number, reason=command.reason, scope=stage[0], target=stage[1])
    return [Draft(facts=facts)]


def _check_another(state: StopState, given: Given) -> None:
    if given.actor.kind == "person" and given.actor.id == state.by:
        raise Refused("needs_another_person", "a stop is lifted by somebody else than who set it", status=403)


def lift_stop(state: StopState | None, command: LiftStop, given: Given) -> list[Draft]:
    """Let work go on. Refused `needs_another_person` (403) to the person who stopped it."""
    if state is None:
        raise Refused("unknown_stop", "there is no such stop", status=404)
    check_reason(command.reason)
    if state.lifted:
        return []
    _check_another(state, given)
    return [Draft(facts=StopLifted(reason=command.reason))]


def _stopped(facts: Facts, event: Event) -> StopState:
    assert isinstance(facts, StopRecorded)
    return StopState(
        seq=event.seq, scope=facts.scope, target=facts.target, by=event.actor.id, nonce=facts.nonce
    )


stop_recorded = first(_stopped)


@once
def stop_lifted(state: StopState, facts: StopLifted, event: Event) -> dict[str, object]:
    del state, facts, event
    return {"lifted": True}


@once
def stop_eased(state: StopState, facts: StopEased, event: Event) -> dict[str, object]:
    del event
    stage = (facts.scope, facts.target)
    return {} if stage in state.eased else {"eased": (*state.eased, stage)}


# Standing approvals --------------------------------------------------------------------------------------------------


def grant_standing(state: StandingState | None, command: GrantStanding, given: Given) -> list[Draft]:
    """'This type, this agent, until …', for at most STANDING_DAYS_MAX days."""
    if state is not None:
        return []
    check_range(command.agent, "/agent", 1, 2**53 - 1)
    check_name(command.type, "/type")
    check_range(command.expires_at, "/expires_at", given.at + 1, given.at + STANDING_DAYS_MAX * DAY)
    facts = StandingGranted(
        action_type=fold(command.type),
        agent=command.agent,
        expires_at=command.expires_at,
        nonce=nonce_from(given.entropy),
    )
    return [Draft(facts=facts)]


def revoke_standing(state: StandingState | None, command: RevokeStanding, given: Given) -> list[Draft]:
    """Take it back. Grants already given stand or fall at their start."""
    del command, given
    if state is None:
        raise Refused("unknown_standing", "there is no such standing approval", status=404)
    if state.revoked:
        return []
    return [Draft(facts=StandingRevoked(action_type=state.action_type, agent=state.agent))]


def _standing(facts: Facts, event: Event) -> StandingState:
    assert isinstance(facts, StandingGranted)
    return StandingState(
        seq=event.seq,
        agent=facts.agent,
        action_type=facts.action_type,
        expires_at=facts.expires_at,
        nonce=facts.nonce,
    )


standing_granted = first(_standing)


@once
def standing_revoked(state: StandingState, facts: StandingRevoked, event: Event) -> dict[str, object]:
    del state, facts, event
    return {"revoked": True}


# Breakers ------------------------------------------------------------------------------------------------------------


def open_breaker(state: BreakerState | None, command: OpenBreaker, given: Given) -> list[Draft]:
    """Too many failures: nothing of this agent, or with this tool, until `until_at`."""
    if state is not None:
        return []
    check_choice(command.scope, "/scope", ("agent", "tool"))
    check_name(command.target, "/target")
    check_range(command.until_at, "/until_at", given.at + 1, given.at + DAY)
    check_range(command.failures, "/failures", 0, 2**31)
    facts = BreakerOpened(
        failures=command.failures, scope=command.scope, target=command.target, until_at=command.until_at
    )
    return [Draft(facts=facts)]


def _opened(facts: Facts, event: Event) -> BreakerState:
    assert isinstance(facts, BreakerOpened)
    return BreakerState(seq=event.seq, scope=facts.scope, target=facts.target, until_at=facts.until_at)


breaker_opened = first(_opened)


def half_open_breaker(state: BreakerState | None, command: HalfOpenBreaker, given: Given) -> list[Draft]:
    """Its open time is over, once: whoever waited for the agent hears of it."""
    del command
    if state is None or state.half_open or given.at < state.until_at:
        return []
    return [Draft(facts=BreakerHalfOpened(scope=state.scope, target=state.target))]


@once
def breaker_half_opened(state: BreakerState, facts: BreakerHalfOpened, event: Event) -> dict[str, object]:
    del state, facts, event
    return {"half_open": True}


def waits(state: BreakerState) -> bool:
    """Only of agents: the scheduler gives work to them, and to no tool."""
    return state.scope == "agent" and not state.half_open


def due(state: BreakerState) -> int:
    return state.until_at if waits(state) else 0


def overdue(subject: int, state: BreakerState, at: int) -> Command | None:
    return HalfOpenBreaker(subject=subject) if 0 < due(state) <= at else None
