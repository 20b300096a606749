"""Evidence for tribunals: who is asked, and what their word weighs (spec 3.2 *Tribunal*; fault F8)."""

# ruff: noqa: ARG001 -- gatherers have one signature, whatever they look at

from __future__ import annotations

from typing import Any

from watchfloor.councils.decision import Decision
from watchfloor.councils.messages import SettleByTribunal
from watchfloor.councils.rules import SettlingEvidence
from watchfloor.councils.tribunal_messages import ConveneTribunal, Validator, VoteInTribunal
from watchfloor.councils.tribunals import (
    ConveningEvidence,
    Tribunal,
    ValidatorEvidence,
    counted,
    may_settle,
)
from watchfloor.engine import rights
from watchfloor.engine.requests import Request
from watchfloor.fleet.agent import available
from watchfloor.kernel.subject import Read
from watchfloor.kernel.tribunal_terms import TribunalTerms
from watchfloor.registers.delivery import session_current
from watchfloor.registers.directory import ActivePolicy
from watchfloor.registers.lineage import containment


def convening(read: Read, command: ConveneTribunal, at: int, request: Request) -> ConveningEvidence:
    active: ActivePolicy = read("active_policy", "active")
    decision: Decision | None = read("decision", command.subject)
    terms = active.document.tribunal
    if decision is None:
        return ConveningEvidence(decision=None, terms=terms)
    return ConveningEvidence(
        decision=decision, members=chosen(read, decision, terms, active, at), terms=terms
    )


def chosen(
    read: Read, decision: Decision, terms: TribunalTerms, active: ActivePolicy, at: int
) -> tuple[Validator, ...]:
    """The validators with the most trust, those who are there first, none too near and few of one owner.

    Fewer than `votes_min` of them are none: they could not come to a ruling.
    """
    near = {decision.owner, *decision.parties}
    kin = _kin(read, decision)
    found: list[tuple[bool, int, int, Validator]] = []
    for number in read("validators", "all") or ():
        agent = read("agent", number)
        if agent is None or agent.owner in near or number in kin or _root(number, agent) in kin:
            continue
        if containment(agent, read):
            continue
        _, score = rights.standing(read, number, active.document, at, active.version)
        if score < terms.score_min:
            continue
        there = available(agent) and session_current(agent, read)
        found.append((not there, -score, number, Validator(number, agent.owner, score)))
    members: list[Validator] = []
    for *_, validator in sorted(found, key=lambda one: one[:3]):
        same = sum(1 for member in members if member.owner == validator.owner)
        if same < terms.per_owner_max and len(members) < terms.size:
            members.append(validator)
    return tuple(members) if len(members) >= max(terms.votes_min, 2) else ()


def _root(number: int, agent: Any) -> int:
    """The agent at the top of whose lineage it is."""
    return int(agent.root or number)


def _kin(read: Read, decision: Decision) -> set[int]:
    """The requester's lineage, and of its task those who handed it on, with their lineages."""
    action = read("action", decision.action)
    task = read("task", action.task) if action is not None and action.task else None
    agents = {decision.agent, *(task.chain if task is not None else ())} - {0}
    kin = set(agents)
    for number in agents:
        agent = read("agent", number)
        if agent is not None:
            kin.add(_root(number, agent))
    return kin


def validator(read: Read, command: VoteInTribunal, at: int, request: Request) -> ValidatorEvidence:
    active: ActivePolicy = read("active_policy", "active")
    agent = read("agent", command.agent)
    if agent is None:
        return ValidatorEvidence(score=0, able=False)
    _, score = rights.standing(read, command.agent, active.document, at, active.version)
    return ValidatorEvidence(score=score, able=not containment(agent, read))


def settling(read: Read, command: SettleByTribunal, at: int, request: Request) -> SettlingEvidence:
    return SettlingEvidence(
        may=stands(read, read("tribunal", command.subject), command.recommendation),
        also=read("demands", command.subject) or (),
    )


def stands(read: Read, tribunal: Tribunal | None, recommendation: str) -> bool:
    """Would it still decide alone: by the policy in force, with the votes of those who may act still?"""
    active: ActivePolicy = read("active_policy", "active")
    if tribunal is None or tribunal.recommendation != recommendation:
        return False
    able = tuple(
        one for one in tribunal.judgements if not _contained(read, one.agent) or one.vote != recommendation
    )
    found = counted(tribunal, able)
    again = found.recommendation == recommendation and found.consensus == tribunal.consensus
    return again and may_settle(tribunal, active.document.tribunal)


def _contained(read: Read, number: int) -> bool:
    agent = read("agent", number)
    return agent is None or bool(containment(agent, read))
