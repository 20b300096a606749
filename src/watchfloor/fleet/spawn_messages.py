"""Agents that agents make: command and fact (spec 2.2 `agent:spawn`). The agent itself begins with AgentRegistered."""

from __future__ import annotations

from typing import ClassVar

from watchfloor.kernel.messages import Command, Facts


class SpawnAgent(Command, frozen=True, kw_only=True):
    """`by` makes a new agent with the running execution of its granted action. `digest` is of what is asked for here,
    in the form of that action; `share_milli` its share of the parent's budget."""

    KIND: ClassVar[str] = "agent"
    by: int
    action: int
    execution: str
    digest: str
    name: str
    type: str
    capabilities: tuple[str, ...]
    credential: str
    expires_at: int
    tools: tuple[str, ...] = ()
    share_milli: int = 0
    private: bytes = b""


class SpawnRefused(Facts, frozen=True, kw_only=True):
    """An agent wanted to spawn what it must not; a trust event. `reason`: contained, tier_too_low, too_deep,
    more_rights, too_many_agents, lineage_too_large, budget_exceeded."""

    TYPE: ClassVar[str] = "agent.spawn_refused/1"
    KIND: ClassVar[str] = "agent"
    action: int
    agent: int
    depth: int
    reason: str
