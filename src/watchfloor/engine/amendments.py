"""Evidence of changing the policy: an action of the platform that belongs to no agent (spec 3.6)."""

# ruff: noqa: ARG001 -- gatherers have one signature, whatever they look at

from __future__ import annotations

from watchfloor.actions.gate import Gathered
from watchfloor.actions.messages import Evidence, RequestAction
from watchfloor.actions.rules import OBSERVES
from watchfloor.engine.requests import Request
from watchfloor.kernel.messages import Refused
from watchfloor.kernel.mode_terms import turned_on
from watchfloor.kernel.subject import Read
from watchfloor.kernel.terms import APPLY_POLICY, TIERS, holds
from watchfloor.policy.messages import ProposePolicy
from watchfloor.policy.rules import DecidersEvidence, check_proposal
from watchfloor.registers.directory import ActivePolicy, Person
from watchfloor.registers.stops import stops_for

NEUTRAL = 400  # a score that neither adds risk nor takes it away


def request(read: Read, command: RequestAction, request: Request) -> Gathered:
    """No agent acts, so what is counted of agents is nothing here; stops of everything and of this type hold it."""
    active: ActivePolicy = read("active_policy", "active")
    stops = read("stops", "active")
    in_force = stops_for(stops, {"action_type": (APPLY_POLICY,)})
    # fmt: off
    evidence = Evidence(
        0, True, True, in_force, 0, 0, 0, 0, 0, 0, 0, 0, len(TIERS) - 1, NEUTRAL, 0, True, False, 0, 0, 0, 0, 0, 0
    )
    # fmt: on
    return Gathered(
        policy=active.document,
        policy_version=active.version,
        policy_digest=active.digest,
        evidence=evidence,
        unfit=_unfit(read, command, active, request),
    )


def _unfit(read: Read, command: RequestAction, active: ActivePolicy, request: Request) -> Refused | None:
    try:
        by = request.of or request.actor.id
        proposal = check_proposal(read("policy", active.subject), command.generation, by)
    except Refused as refused:
        return refused
    shown = command.params if isinstance(command.params, dict) else {}
    observes = list(turned_on(active.document.modes, proposal.document.modes))
    if command.agent or shown.get("digest") != proposal.digest or shown.get(OBSERVES, []) != observes:
        return Refused("digest_mismatch", "the request shows another document than was proposed", status=409)
    return None


def deciders(read: Read, command: ProposePolicy, at: int, request: Request) -> DecidersEvidence:
    """How many people besides the author could be asked at all."""
    everyone: tuple[Person, ...] = read("people", "all") or ()
    author = request.of or request.actor.id
    return DecidersEvidence(
        others=sum(1 for one in everyone if one.enabled and one.id != author and holds(one.roles, "operator"))
    )
