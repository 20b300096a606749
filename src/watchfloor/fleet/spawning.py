"""Agents that agents make (spec 2.2 `agent:spawn`; fault F4 "agent that spawns agents").

Theory of operation
-------------------
Spawning is an action of class `spawn` first: asked for with exactly the name, type, capabilities and tools the new
agent shall have, granted, started. Only that execution, once, may be turned into an agent. The new agent belongs to
its parent's owner, can and may at most what its parent can and may, and stays so for ever: containment, tier and score
of every agent above it bound it at each ruling, so nothing has to be passed down when they change.

More rights than the parent has, or more agents than the policy allows, is an *invalid delegation*: recorded, and it
costs trust.
"""

from __future__ import annotations

import msgspec

from watchfloor.fleet.messages import AgentRegistered
from watchfloor.fleet.spawn_messages import SpawnAgent, SpawnRefused
from watchfloor.kernel.ids import nonce_from
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.limits import KEY_DAYS_MAX, SHARE_MILLI
from watchfloor.kernel.messages import Draft, Refused
from watchfloor.kernel.schema import check_name, check_names, check_range
from watchfloor.kernel.subject import Given
from watchfloor.kernel.terms import DelegationTerms


class SpawnEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The parent as of now, its own lineage considered, and the action: `running` is its execution, `digest` and
    `spawn_class` are the action's; `used_by` the agent it was turned into already, 0 none."""

    terms: DelegationTerms
    owner: str
    sponsor: str  # the person behind the parent's registration, so that duties stay separate below it too
    capabilities: tuple[str, ...]
    tools: tuple[str, ...]  # empty: every tool
    tier: int
    depth: int
    root: int
    contained: bool
    living: int  # agents it has spawned and that are not retired
    lineage: int  # living agents below its root
    share_milli: int  # given to those
    running: str
    digest: str
    spawn_class: bool
    used_by: int
    taken_by: int  # who has the name


def spawn(state: object, command: SpawnAgent, given: Given) -> list[Draft]:
    """A new agent, with less than its parent has."""
    evidence: SpawnEvidence = given.evidence
    if state is not None:
        raise Refused("already_registered", "the agent exists")
    if not evidence.spawn_class or not evidence.running or command.execution != evidence.running:
        detail = "start a granted action of class spawn first, and name its execution"
        raise Refused("not_granted", detail, field="/execution_id", status=403)
    if command.digest != evidence.digest:
        raise Refused("digest_mismatch", "this is not the agent that was granted", status=403)
    if evidence.used_by:
        raise Refused("already_spawned", "this action has become an agent", field="/action_id")
    if evidence.taken_by:
        raise Refused("already_registered", "an agent of this name is registered", field="/name")
    check_name(command.name, "/name")
    check_name(command.type, "/type")
    check_names(command.capabilities, "/capabilities", least=1)
    check_names(command.tools, "/tools")
    check_name(command.credential, "/credential")
    check_range(command.share_milli, "/share_milli", 0, SHARE_MILLI)
    check_range(command.expires_at, "/expires_at", given.at + 1, given.at + KEY_DAYS_MAX * DAY)
    reason = objection(command, evidence)
    if reason:
        facts = SpawnRefused(action=command.action, agent=command.by, depth=evidence.depth + 1, reason=reason)
        return [Draft(facts=facts)]
    return [
        Draft(
            facts=AgentRegistered(
                capabilities=command.capabilities,
                credential=command.credential,
                expires_at=command.expires_at,
                name=command.name,
                nonce=nonce_from(given.entropy),
                owner=evidence.owner,
                tools=command.tools or evidence.tools,
                type=command.type,
                version="",
                action=command.action,
                depth=evidence.depth + 1,
                parent=command.by,
                root=evidence.root or command.by,
                share_milli=command.share_milli,
                sponsor=evidence.sponsor,
            ),
            private=command.private,
        )
    ]


def objection(command: SpawnAgent, evidence: SpawnEvidence) -> str:
    """Why this agent must not be, "" when it may: the first of the reasons of SpawnRefused."""
    terms = evidence.terms
    if evidence.contained:
        return "contained"
    if evidence.tier < terms.spawn_tier_min:
        return "tier_too_low"
    if evidence.depth >= terms.spawn_depth_max:
        return "too_deep"
    if not set(command.capabilities) <= set(evidence.capabilities):
        return "more_rights"
    if evidence.tools and not set(command.tools) <= set(evidence.tools):
        return "more_rights"
    if evidence.living >= terms.spawn_fan_out_max:
        return "too_many_agents"
    if evidence.lineage >= terms.spawn_agents_max:
        return "lineage_too_large"
    if evidence.share_milli + command.share_milli > SHARE_MILLI:
        return "budget_exceeded"
    return ""
