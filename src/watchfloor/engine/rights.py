"""What an agent may here and now: its own rights within those above it, and within the tasks it does for others.

An agent that was spawned has at most what every agent above it has, looked up at each ruling, so that nothing has to
be passed down when a tier falls or an agent is contained. A task that was handed on binds whoever works on it to what
its lineage left of the rights. An action that names no task is judged by the least rights of all such tasks that its
agent holds: leaving the task out gains nothing (spec 2.2; law *Monotone oversight*).
"""

from __future__ import annotations

from typing import Any

from watchfloor.actions.messages import RequestAction
from watchfloor.actions.names import fold
from watchfloor.engine.requests import Request
from watchfloor.fleet.agent import available
from watchfloor.fleet.spawn_messages import SpawnAgent
from watchfloor.fleet.spawning import SpawnEvidence
from watchfloor.fleet.supervision import SupervisionEvidence
from watchfloor.fleet.supervision_messages import ArrangeSupervision
from watchfloor.kernel.subject import Read
from watchfloor.kernel.terms import Policy
from watchfloor.registers.delivery import session_current
from watchfloor.registers.directory import ActivePolicy
from watchfloor.registers.lineage import Family, Tree, containment
from watchfloor.trust.rules import score_at, tier_at_birth
from watchfloor.work.life import IN_HAND
from watchfloor.work.lineage import Handover, ParentTask, Party, lessened
from watchfloor.work.messages import TIER_MAX, SubmitTask


def standing(read: Read, agent: int, policy: Policy, at: int, version: int) -> tuple[int, int]:
    """(tier, score), the least of the agent's lineage."""
    tier, score = TIER_MAX, 1_000
    while agent:
        trust = read("trust", agent)
        tier = min(tier, trust.tier if trust is not None else tier_at_birth(policy.trust))
        score = min(score, score_at(trust, policy.trust, at, version))
        state = read("agent", agent)
        agent = state.parent if state is not None else 0
    return tier, score


def tools_of(read: Read, agent: Any) -> tuple[str, ...]:
    """What is left of the agent's tools by those above it; empty: every tool."""
    tools: tuple[str, ...] = agent.tools
    while agent.parent:
        agent = read("agent", agent.parent)
        if agent is None:
            break
        tools = lessened(tools, agent.tools)
    return tools


def within_tasks(
    read: Read, command: RequestAction, tools: tuple[str, ...], tier: int, score: int, policy: Policy
) -> tuple[tuple[str, ...], int, int]:
    """(tools, tier, score) that the task at hand leaves, or all of those the agent does for others."""
    bound: tuple[int, ...] | None = read("bound", command.agent)
    if not bound:
        return tools, tier, score
    for number in (command.task,) if command.task in bound else bound:
        task = read("task", number)
        tools = lessened(tools, task.tools)
        tier = min(tier, task.tier_max)
    above = policy.trust.tiers[tier + 1] if tier + 1 < len(policy.trust.tiers) else 1_001
    return tools, tier, min(score, above - 1)


def allows(tools: tuple[str, ...], tool: str) -> bool:
    """Is the folded name of a tool among these? Empty: every tool."""
    return not tools or tool in map(fold, tools)


def party(read: Read, agent: int, at: int) -> Party:
    """An agent as delegations see it."""
    state = read("agent", agent)
    if state is None or state.retired:
        return Party(known=False, contained=True)
    active: ActivePolicy = read("active_policy", "active")
    tier, _ = standing(read, agent, active.document, at, active.version)
    return Party(
        capabilities=state.capabilities,
        tools=tools_of(read, state),
        tier=tier,
        contained=containment(state, read) > 0,
    )


def handover(read: Read, command: SubmitTask, at: int) -> Handover:
    """For SubmitTask by an agent."""
    active: ActivePolicy = read("active_policy", "active")
    parent = read("task", command.parent) if command.parent else None
    held = None
    if parent is not None:
        family: Family = read("family", command.parent) or Family(())
        root = parent.root or command.parent
        tree: Tree = read("trees", root) or Tree()
        held = ParentTask(
            held=parent.agent == command.by
            and parent.generation == command.parent_generation
            and parent.stage in IN_HAND,
            chain=parent.chain,
            root=root,
            tools=parent.tools,
            tier_max=parent.tier_max,
            parts=len(family.members),
            share_milli=family.share_milli,
            lineage_tasks=tree.total,
        )
    return Handover(
        terms=active.document.delegation,
        delegator=party(read, command.by, at),
        parent=held,
        target=party(read, command.agent, at) if command.agent else None,
        open_tasks=len(read("handed", command.by) or ()),
    )


def spawning(read: Read, command: SpawnAgent, at: int, request: Request) -> SpawnEvidence:
    """For SpawnAgent: the parent, the action it has started, the agents there are already."""
    del request
    active: ActivePolicy = read("active_policy", "active")
    policy = active.document
    parent = read("agent", command.by)
    action = read("action", command.action)
    mine = action is not None and action.agent == command.by
    family: Family = read("offspring", command.by) or Family(())
    root = parent.root or command.by
    tier, _ = standing(read, command.by, policy, at, active.version)
    return SpawnEvidence(
        terms=policy.delegation,
        owner=parent.owner,
        sponsor=parent.registrar,
        capabilities=parent.capabilities,
        tools=tools_of(read, parent),
        tier=tier,
        depth=parent.depth,
        root=root,
        contained=containment(parent, read) > 0,
        living=len(family.members),
        lineage=read("clans", root) or 0,
        share_milli=family.share_milli,
        running=action.execution if mine and action.status == "executing" else "",
        digest=action.digest if mine else "",
        spawn_class=mine and action.cls == "spawn",
        used_by=read("spawned", command.action) or 0,
        taken_by=read("names", f"agent:{command.name}") or 0,
    )


def supervising(read: Read, command: Any, at: int, request: Request) -> SupervisionEvidence:
    """For every command about a domain: who of its agents is there and has room, in their order."""
    del at, request
    members: tuple[int, ...] = ()
    taken = 0
    if isinstance(command, ArrangeSupervision):
        candidates = (command.primary, *command.backups)
        members = command.members
        taken = read("domains", command.domain) or 0
    else:
        state = read("supervision", command.subject)
        candidates = (state.primary, *state.backups)
    fit = tuple(agent for agent in candidates if _orchestrates(read("agent", agent)))
    return SupervisionEvidence(
        fit=fit,
        present=tuple(agent for agent in fit if _there(agent, read)),
        known=tuple(agent for agent in members if _serves(read("agent", agent))),
        taken_by=taken,
    )


def _serves(agent: Any) -> bool:
    return agent is not None and not agent.retired


def _orchestrates(agent: Any) -> bool:
    return _serves(agent) and agent.type == "orchestrator" and agent.worker is None


def _there(number: int, read: Read) -> bool:
    agent = read("agent", number)
    return available(agent) and session_current(agent, read) and not containment(agent, read)
