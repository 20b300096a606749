"""Evidence about those who decide: who may vote as of now, and whether the votes behind a grant still stand (spec 3.2)."""

# ruff: noqa: ARG001 -- gatherers have one signature, whatever they look at

from __future__ import annotations

from typing import Any

from watchfloor.councils import demands
from watchfloor.councils.decision import PENDING, Decision
from watchfloor.councils.forcing import FORCING_ROLE, ForceEvidence
from watchfloor.councils.messages import (
    CastVote,
    DecisionTimePassed,
    Demand,
    ForceDecision,
    OpenDecision,
    RecheckDecision,
    ReviewForced,
    TakeOver,
)
from watchfloor.councils.panels import Candidate, seated
from watchfloor.councils.quorum import APPROVE, APPROVED, DENY, Vote, count
from watchfloor.councils.rules import (
    PoolEvidence,
    ReachEvidence,
    VoterEvidence,
    demand_of,
    may_by_route,
)
from watchfloor.councils.standing_in import BackupEvidence
from watchfloor.engine import tribunals
from watchfloor.engine.requests import Request
from watchfloor.kernel.sign_in_terms import permits
from watchfloor.kernel.subject import Read
from watchfloor.kernel.terms import PLATFORM_TYPES, Policy, holds
from watchfloor.registers.containment import Bypass, Standing
from watchfloor.registers.directory import ActivePolicy, Person, find_person
from watchfloor.registers.overtaken import loosened_by

BYPASSING_ROLE = "director"
GIVING_ROLE = "supervisor"  # who may give a standing approval, as the table of operations has it


def vote(read: Read, command: CastVote, at: int, request: Request) -> VoterEvidence:
    return voter(read, command.subject, command.person, at, request.actor.credential)


def through(read: Read, person: Person, credential: str) -> str:
    """Who made the sign-in link that the session with this credential began with, when that was somebody else."""
    state = read("person", person.subject)
    known = () if state is None else state.credentials
    return next((str(one.made_by) for one in known if one.id == credential), "")


def voter(read: Read, subject: int, person_id: str, at: int, credential: str = "") -> VoterEvidence:
    """Somebody as a voter on a decision, with those who voted before; `credential` is what they came with."""
    person = find_person(read, person_id)
    if person is None:
        return VoterEvidence(roles=(), enabled=False, handle="")
    decision: Decision = read("decision", subject)
    also: tuple[Demand, ...] = read("demands", subject) or ()
    able = able_voters(read, decision, at)
    own = demand_of(decision)
    return VoterEvidence(
        roles=person.roles,
        enabled=person.enabled,
        handle=person.handle,
        void=tuple(
            vote.person
            for vote in decision.votes
            if vote.person not in able or not may_by_route(own, vote, able)
        ),
        loosened=loosened_by(read, person_id, decision, at),
        also=also,
        able=tuple(able.items()) if also else (),
        links_level_max=links_level_max(read, person.roles),
        through=through(read, person, credential),
    )


def links_level_max(read: Read, roles: tuple[str, ...]) -> int:
    """Up to which level somebody with these roles votes by the link of a notice; 0 for whom one factor is not enough."""
    policy: Policy = read("active_policy", "active").document
    one_is_enough = permits(roles, policy.sign_in.link) and not set(roles) & set(policy.sign_in.totp)
    return policy.notices.links_level_max if one_is_enough else 0


def backups(read: Read, command: TakeOver, at: int, request: Request) -> BackupEvidence:
    """Who may stand in, and what the decision is about."""
    policy = read("active_policy", "active").document
    decision: Decision | None = read("decision", command.subject)
    action = read("action", decision.action) if decision is not None else None
    if action is None:
        return BackupEvidence(backups=policy.routing.backups)
    return BackupEvidence(
        backups=policy.routing.backups,
        action_type=action.action_type,
        cls=policy.types.get(action.action_type, "unknown"),
    )


def reach(
    read: Read, command: DecisionTimePassed | RecheckDecision, at: int, request: Request
) -> ReachEvidence | None:
    """Who could decide on it as of now; None when it is over, and nobody has to."""
    decision: Decision | None = read("decision", command.subject)
    if decision is None or decision.status != PENDING:
        return None
    everyone: tuple[Person, ...] = read("people", "all") or ()
    return ReachEvidence(
        people=tuple(
            (one.id, one.roles)
            for one in everyone
            if one.enabled
            and one.id != decision.owner
            and one.id not in decision.parties
            and not loosened_by(read, one.id, decision, at)
        ),
        also=read("demands", command.subject) or (),
    )


def forcer(read: Read, command: ForceDecision | ReviewForced, at: int, request: Request) -> ForceEvidence:
    """Who forces a decision, or reviews that it was forced."""
    forces = isinstance(command, ForceDecision)
    return forcing(read, command.subject, command.person, at, request.actor.credential, forces=forces)


def forcing(
    read: Read, subject: int, person_id: str, at: int, credential: str, *, forces: bool
) -> ForceEvidence:
    """Somebody as one who forces a decision, or else reviews it; a policy they loosened bars them from forcing alone."""
    person = find_person(read, person_id)
    decision: Decision | None = read("decision", subject)
    active: ActivePolicy = read("active_policy", "active")
    terms = active.document.break_glass
    if person is None or decision is None:
        return ForceEvidence(roles=(), enabled=False, terms=terms)
    return ForceEvidence(
        roles=person.roles,
        enabled=person.enabled,
        terms=terms,
        loosened=forces and loosened_by(read, person.id, decision, at),
        able=tuple(other for other in decision.force_asked if _may_force(read, other, decision, at)),
        through=through(read, person, credential),
    )


def _may_force(read: Read, person_id: str, decision: Decision, at: int) -> bool:
    person = find_person(read, person_id)
    return (
        person is not None
        and person.enabled
        and holds(person.roles, FORCING_ROLE)
        and not loosened_by(read, person_id, decision, at)
    )


def able_voters(read: Read, decision: Decision, at: int) -> dict[str, tuple[str, ...]]:
    """Those who have voted and may decide still, whatever their role: enabled, and not barred by a policy they loosened."""
    found = {}
    for vote in decision.votes:
        person = find_person(read, vote.person)
        if person is not None and person.enabled and not loosened_by(read, person.id, decision, at):
            found[person.id] = person.roles
    return found


def borne(read: Read, agent: int, action_type: str) -> Standing | None:
    """The standing approval or bypass in force that ends last, while who answers for it may still give it (spec 3.2)."""
    standing: Standing | None = read("standing_in_force", (agent, action_type))
    if standing is not None and standing.by and not _may_give(read, standing.by, GIVING_ROLE):
        standing = None
    for one in read("bypasses", "all") or ():
        longer = standing is None or one.expires_at > standing.expires_at
        if longer and _bypasses(read, one, agent, action_type):
            standing = Standing(one.subject, one.expires_at, one.by)
    return standing


def _bypasses(read: Read, one: Bypass, agent: int, action_type: str) -> bool:
    """Is it for this agent and type, and may whoever opened it answer for them?"""
    if one.agent not in (0, agent) or one.action_type not in ("", action_type):
        return False
    state = read("agent", agent)
    near = () if state is None else (state.owner, state.registrar)
    return (
        action_type not in PLATFORM_TYPES and one.by not in near and _may_give(read, one.by, BYPASSING_ROLE)
    )


def _may_give(read: Read, person: str, role: str) -> bool:
    giver = find_person(read, person)
    return giver is not None and giver.enabled and holds(giver.roles, role)


def voters_valid(read: Read, action: Any, at: int) -> bool:
    """Would the votes that made the grant still make it? A vote of somebody who lost the role is void (spec 3.2).

    A machine's grant under a standing approval stands as long as that approval does.
    """
    if action.grant is not None and action.grant.basis == "standing":
        in_force = borne(read, action.agent, action.action_type)
        return in_force is not None and at < in_force.expires_at
    decision: Decision | None = read("decision", action.decision) if action.decision else None
    if decision is None:
        return True
    if decision.tribunal:
        return tribunals.stands(read, read("tribunal", action.decision), APPROVE)
    owner = read("agent", action.agent).owner if action.agent else decision.owner
    if decision.forced_by:
        near = (owner, *decision.parties)
        return all(who not in near and _may_force(read, who, decision, at) for who in decision.forced_by)
    able = able_voters(read, decision, at)
    own = demand_of(decision)
    standing = tuple(
        vote
        for vote in decision.votes
        if _stands(vote, decision, owner) and (vote.vote == DENY or vote.person in able)
    )
    mine = tuple(vote for vote in standing if vote.vote == DENY or may_by_route(own, vote, able))
    if decision.also:  # who decided under another route only says nothing under this one
        mine = tuple(vote for vote in mine if vote.person in able and may_by_route(own, vote, able))
    if count(mine, decision.needed, decision.members) != APPROVED:
        return False
    return all(demands.outcome(standing, demand, able) == APPROVED for demand in decision.also)


def _stands(vote: Vote, decision: Decision, owner: str) -> bool:
    """Nobody approves what is their own; a denial stands."""
    return vote.vote == DENY or (vote.person != owner and vote.person not in decision.parties)


def pool(read: Read, command: OpenDecision, at: int, request: Request) -> PoolEvidence:
    active: ActivePolicy = read("active_policy", "active")
    everyone: tuple[Person, ...] = read("people", "all") or ()
    if command.committee:
        terms = active.document.committees.get(command.committee)
        if terms is None:  # a sound policy names none that is not there; nobody can decide in its place
            return PoolEvidence(eligible=0, needed=1, missing=1)
        candidates = (
            Candidate(one.id, one.handle, one.roles)
            for one in everyone
            if one.enabled and one.id != command.owner and one.id not in command.parties
        )
        panel = seated(terms, candidates)
        return PoolEvidence(
            eligible=len(panel.members), members=panel.members, needed=panel.needed, missing=panel.missing
        )
    eligible = sum(
        1
        for person in everyone
        if person.enabled
        and person.id != command.owner
        and person.id not in command.parties
        and holds(person.roles, command.role)
    )
    return PoolEvidence(eligible=eligible)
