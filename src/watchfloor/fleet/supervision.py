"""Agents that supervise others, and who takes over from them (spec 2.3 *Supervising agents*).

Theory of operation
-------------------
A domain has a primary and ordered backups, all of them orchestrators, and the agents they look after. One of them
*holds* it, in a generation that rises whenever it passes on: what the former holder says of an older generation is
late. When the holder goes offline or misses heartbeats it is doubted, and confirmed if it is back within the domain's
patience; otherwise, and at once when it is quarantined, retired or has more work than the domain allows, the domain
passes to the first of the others that is there. Nobody there: to people (holder 0), which is an alert; the first of
them that appears takes it from people again. Whoever has it keeps it: the primary does not take it back by itself,
so that an agent which comes and goes does not move work about. The holder's open work follows by `processes/succession`.
"""

# ruff: noqa: ARG001, ARG005 -- rules and folds have one signature each, whatever they look at

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from watchfloor.fleet.supervision_messages import (
    ArrangeSupervision,
    ConfirmSupervisor,
    DoubtSupervisor,
    EndSupervision,
    PassSupervision,
    SupervisionArranged,
    SupervisionEnded,
    SupervisionPassed,
    SupervisionTimePassed,
    SupervisorConfirmed,
    SupervisorDoubted,
)
from watchfloor.kernel.folds import Changes, once
from watchfloor.kernel.ids import nonce_from
from watchfloor.kernel.instants import MILLISECOND
from watchfloor.kernel.limits import INTEGER_MAX, PATIENCE_MS_MAX, SUPERVISED_MAX, SUPERVISORS_MAX
from watchfloor.kernel.messages import Draft, Event, Facts, Refused
from watchfloor.kernel.schema import check_name, check_range, check_reason
from watchfloor.kernel.subject import Evolve, Given, Subject

OFFLINE, DEGRADED = "offline", "degraded"  # reasons that patience may cure
QUARANTINED, RETIRED, OVERLOADED = "quarantined", "retired", "overloaded"
PEOPLE = 0  # the holder when no agent is there


class SupervisionEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """`fit`: those named that are orchestrators in service; `present`: those of them that could take it now, in order;
    `known`: members that are in service; `taken_by`: the domain of this name, 0 none."""

    fit: tuple[int, ...] = ()
    present: tuple[int, ...] = ()
    known: tuple[int, ...] = ()
    taken_by: int = 0


class Supervision(msgspec.Struct, frozen=True, kw_only=True):
    """One domain. `holder` 0 is people; `until_at` is set while the holder is doubted, for `doubt`."""

    seq: int
    nonce: int
    domain: str
    primary: int
    backups: tuple[int, ...]
    members: tuple[int, ...]
    patience_ms: int
    tasks_max: int
    holder: int
    generation: int
    until_at: int = 0
    doubt: str = ""
    ended: bool = False


def in_force(state: Supervision | None) -> Supervision:
    """The domain, or Refused."""
    if state is None:
        raise Refused("unknown_supervision", "no such domain", status=404)
    if state.ended:
        raise Refused("supervision_ended", "nobody supervises this domain any more")
    return state


def arrange(state: Supervision | None, command: ArrangeSupervision, given: Given) -> list[Draft]:
    """Who keeps it on if still named; else the first that is there."""
    evidence: SupervisionEvidence = given.evidence
    if state is not None:
        in_force(state)
    check_name(command.domain, "/domain")
    check_range(command.patience_ms, "/patience_ms", 0, PATIENCE_MS_MAX)
    check_range(command.tasks_max, "/tasks_max", 0, INTEGER_MAX)
    check_range(len(command.backups), "/backups", 0, SUPERVISORS_MAX)
    check_range(len(command.members), "/members", 1, SUPERVISED_MAX)
    if evidence.taken_by not in (0, command.subject):
        raise Refused("domain_taken", "this domain is supervised already", field="/domain")
    candidates = (command.primary, *command.backups)
    if len({*candidates, *command.members}) != len(candidates) + len(command.members):
        detail = "every agent once: nobody supervises itself or its backup"
        raise Refused("repeated", detail, field="/members", status=422)
    if set(candidates) - set(evidence.fit):
        detail = "supervising agents are orchestrators in service"
        raise Refused("not_orchestrator", detail, field="/primary", status=422)
    if set(command.members) - set(evidence.known):
        raise Refused("unknown_agent", "a member is no agent in service", field="/members", status=404)
    keeps = state is not None and state.holder in candidates and state.holder
    facts = SupervisionArranged(
        agent=keeps or next(iter(evidence.present), PEOPLE),
        backups=command.backups,
        domain=command.domain,
        generation=state.generation + 1 if state is not None else 1,
        members=command.members,
        nonce=state.nonce if state is not None else nonce_from(given.entropy),
        patience_ms=command.patience_ms,
        primary=command.primary,
        tasks_max=command.tasks_max,
    )
    return [Draft(facts=facts)]


def doubt(state: Supervision | None, command: DoubtSupervisor, given: Given) -> list[Draft]:
    """Only the holder, and once."""
    if state is None or state.ended or state.holder != command.agent or state.until_at:
        return []
    until_at = given.at + max(1, state.patience_ms * MILLISECOND)
    return [Draft(facts=SupervisorDoubted(agent=command.agent, reason=command.reason, until_at=until_at))]


def confirm(state: Supervision | None, command: ConfirmSupervisor, given: Given) -> list[Draft]:
    """Back in time; or the first to be there for people."""
    if state is None or state.ended:
        return []
    if state.holder == command.agent:
        return [Draft(facts=SupervisorConfirmed(agent=command.agent))] if state.until_at else []
    evidence: SupervisionEvidence = given.evidence
    if state.holder == PEOPLE and command.agent in evidence.present:
        return [passed(state, command.agent, "available")]
    return []


def pass_on(state: Supervision | None, command: PassSupervision, given: Given) -> list[Draft]:
    """By a person to whom they name, or because the holder cannot."""
    domain = in_force(state)
    evidence: SupervisionEvidence = given.evidence
    check_reason(command.reason)
    if command.agent_before not in (0, domain.holder):
        return []
    if command.agent:
        if command.agent not in (domain.primary, *domain.backups):
            raise Refused("no_backup", "this agent is no backup of the domain", field="/agent", status=422)
        if command.agent == domain.holder:
            return []
        if command.agent not in evidence.present:
            raise Refused("agent_unavailable", "the agent is not there", field="/agent", retryable=True)
        return [passed(domain, command.agent, command.reason)]
    others = tuple(agent for agent in evidence.present if agent != domain.holder)
    to = next(iter(others), PEOPLE)
    return [passed(domain, to, command.reason)] if to != domain.holder else []


def time_passed(state: Supervision | None, command: SupervisionTimePassed, given: Given) -> list[Draft]:
    """Patience is over: confirmed if it is there after all, else passed on."""
    evidence: SupervisionEvidence = given.evidence
    if state is None or state.ended or not state.until_at or given.at < state.until_at:
        return []
    if state.holder in evidence.present:
        return [Draft(facts=SupervisorConfirmed(agent=state.holder))]
    return [passed(state, next(iter(evidence.present), PEOPLE), state.doubt)]


def passed(state: Supervision, to: int, reason: str) -> Draft:
    facts = SupervisionPassed(
        agent=to, agent_before=state.holder, generation=state.generation + 1, reason=reason
    )
    return Draft(facts=facts)


def end(state: Supervision | None, command: EndSupervision, given: Given) -> list[Draft]:
    """Nobody's any more. Ending twice is no news."""
    check_reason(command.reason)
    if state is not None and state.ended:
        return []
    domain = in_force(state)
    return [Draft(facts=SupervisionEnded(agent=domain.holder, reason=command.reason))]


# What happened ------------------------------------------------------------------------------------------------------


def arranged(state: Supervision | None, event: Event) -> Supervision:
    """The domain begins, or has other agents from now on."""
    facts = event.facts
    assert isinstance(facts, SupervisionArranged)
    if state is not None and (event.seq <= state.seq or state.ended):
        return state
    same = state is not None and state.holder == facts.agent
    return Supervision(
        seq=event.seq,
        nonce=facts.nonce,
        domain=facts.domain,
        primary=facts.primary,
        backups=facts.backups,
        members=facts.members,
        patience_ms=facts.patience_ms,
        tasks_max=facts.tasks_max,
        holder=facts.agent,
        generation=facts.generation,
        until_at=state.until_at if same and state is not None else 0,
        doubt=state.doubt if same and state is not None else "",
    )


def doubted(state: Supervision, facts: SupervisorDoubted, event: Event) -> Changes:
    return {"until_at": facts.until_at, "doubt": facts.reason} if facts.agent == state.holder else {}


def confirmed(state: Supervision, facts: SupervisorConfirmed, event: Event) -> Changes:
    return {"until_at": 0, "doubt": ""} if facts.agent == state.holder else {}


def handed(state: Supervision, facts: SupervisionPassed, event: Event) -> Changes:
    if facts.generation <= state.generation:
        return {}
    return {"holder": facts.agent, "generation": facts.generation, "until_at": 0, "doubt": ""}


def ended(state: Supervision, facts: SupervisionEnded, event: Event) -> Changes:
    return {"ended": True, "until_at": 0, "doubt": ""}


EVOLVE: Mapping[type[Facts], Evolve] = {
    SupervisionArranged: arranged,
    SupervisorDoubted: once(doubted),
    SupervisorConfirmed: once(confirmed),
    SupervisionPassed: once(handed),
    SupervisionEnded: once(ended),
}

SUBJECT = Subject(
    kind="supervision",
    state=Supervision,
    decide={
        ArrangeSupervision: arrange,
        DoubtSupervisor: doubt,
        ConfirmSupervisor: confirm,
        PassSupervision: pass_on,
        EndSupervision: end,
        SupervisionTimePassed: time_passed,
    },
    evolve=EVOLVE,
    live=lambda state: not state.ended,
    due=lambda state: state.until_at,
    overdue=lambda subject, state, at: SupervisionTimePassed(subject=subject),
)
FACTS: tuple[type[Facts], ...] = tuple(EVOLVE)
