"""What an agent may hand on, and what is left of its rights on the way (spec 2.2 `task:submit`, `task:delegate`; fault F4).

Theory of operation
-------------------
A task that an agent hands on is a part of the task it holds, or the root of a lineage of its own. Either way it comes
with less: no tool and no tier that its delegator has not got, within what the parent's own lineage left of them; at
most what is left of the parent's budget; never to an agent it has come through already. Depth, parts of a task, tasks
of a lineage and open tasks of an agent have caps in the policy.

What is beyond that is no nonsense but a fact about the agent, an *invalid delegation*: recorded, answered, and it costs
trust. What the agent could not know (the task was taken from it meanwhile, the target is retired) is refused.
"""

from __future__ import annotations

import msgspec

from watchfloor.kernel.limits import INTEGER_MAX, SHARE_MILLI
from watchfloor.kernel.messages import Refused
from watchfloor.kernel.schema import check_names, check_range
from watchfloor.kernel.terms import DelegationTerms
from watchfloor.work.matching import eligible
from watchfloor.work.messages import NO_TOOL, TIER_MAX, DelegationRefused, SubmitTask


class Party(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """An agent as of now, its own lineage considered: `contained` is quarantined or retired, itself or above it."""

    capabilities: tuple[str, ...] = ()
    tools: tuple[str, ...] = ()  # empty: every tool
    tier: int = 0
    contained: bool = False
    known: bool = True


class ParentTask(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """The task that gets a part: what its lineage left of it, how many parts it has, what share they were given."""

    held: bool = True  # by the delegator, in the generation it names, accepted
    chain: tuple[int, ...] = ()
    root: int = 0
    tools: tuple[str, ...] = ()
    tier_max: int = TIER_MAX
    parts: int = 0
    share_milli: int = 0
    lineage_tasks: int = 0


class Handover(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For SubmitTask by an agent: everything that decides whether it may."""

    terms: DelegationTerms
    delegator: Party
    parent: ParentTask | None = None
    target: Party | None = None
    open_tasks: int = 0


def lessened(rights: tuple[str, ...], bound: tuple[str, ...]) -> tuple[str, ...]:
    """The tools that are in both lists, where an empty list is every tool and NO_TOOL alone is none."""
    if not rights or not bound:
        return rights or bound
    return tuple(tool for tool in rights if tool in bound and tool != NO_TOOL) or (NO_TOOL,)


def check(command: SubmitTask, evidence: Handover) -> None:
    """What is nonsense, whoever asks: raises Refused."""
    check_range(command.by, "/by", 1, INTEGER_MAX)
    check_range(command.parent, "/parent", 0, INTEGER_MAX)
    check_range(command.share_milli, "/share_milli", 0, SHARE_MILLI)
    check_names(command.tools, "/tools")
    if command.parent and (evidence.parent is None or not evidence.parent.held):
        raise Refused("not_held", "the parent task is not this agent's in that generation", field="/parent")
    if command.delegated and not command.parent:
        raise Refused("no_parent", "delegated is what the agent was given to do", field="/parent", status=422)
    if command.share_milli and not command.parent:
        raise Refused(
            "no_parent", "a share is a share of a parent's budget", field="/share_milli", status=422
        )
    if command.agent and (evidence.target is None or not evidence.target.known):
        raise Refused("unknown_agent", "there is no such agent in service", field="/agent", status=404)


def rights(evidence: Handover) -> tuple[tuple[str, ...], int]:
    """(tools, tier) that the delegator has to give within the parent task."""
    parent = evidence.parent or ParentTask()
    tools = lessened(evidence.delegator.tools, parent.tools)
    return tools, min(evidence.delegator.tier, parent.tier_max)


def objection(command: SubmitTask, evidence: Handover) -> str:
    """Why this delegation is invalid, "" when it is not: the first of the reasons of DelegationRefused."""
    terms, parent = evidence.terms, evidence.parent or ParentTask()
    tools, tier = rights(evidence)
    if evidence.delegator.contained:
        return "contained"
    if tier < (terms.delegate_tier_min if command.delegated else terms.submit_tier_min):
        return "tier_too_low"
    if len(parent.chain) >= terms.depth_max:
        return "too_deep"
    if command.agent and command.agent in (*parent.chain, command.by):
        return "cycle"
    if evidence.target is not None and not eligible(command.needs, evidence.target.capabilities):
        return "target_lacks_capability"
    if command.tools and lessened(command.tools, tools) != command.tools:
        return "more_rights"
    if parent.parts >= terms.fan_out_max:
        return "too_many_parts"
    if parent.lineage_tasks >= terms.tasks_max:
        return "lineage_too_large"
    if evidence.open_tasks >= terms.open_max:
        return "too_many_open"
    if parent.share_milli + command.share_milli > SHARE_MILLI:
        return "budget_exceeded"
    return ""


def refused(command: SubmitTask, evidence: Handover, reason: str) -> DelegationRefused:
    """The fact that is left of an invalid delegation."""
    depth = len(evidence.parent.chain) + 1 if evidence.parent is not None else 1
    return DelegationRefused(
        agent=command.by, depth=depth, parent=command.parent, reason=reason, target=command.agent
    )


class Lineage(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a task takes with it: the fields of TaskSubmitted."""

    chain: tuple[int, ...] = ()
    root: int = 0
    tools: tuple[str, ...] = ()
    tier_max: int = TIER_MAX


def lineage(command: SubmitTask, evidence: Handover) -> Lineage:
    """The lineage of a valid delegation."""
    parent = evidence.parent or ParentTask()
    tools, tier = rights(evidence)
    return Lineage(
        chain=(*parent.chain, command.by),
        root=parent.root or command.parent,
        tools=lessened(command.tools, tools),
        tier_max=tier,
    )
