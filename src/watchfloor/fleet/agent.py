"""One agent as its events make it, and who it is to those who ask (spec 2.1, 2.3)."""

from __future__ import annotations

import msgspec

from watchfloor.fleet import presence, workers
from watchfloor.fleet.credentials import Key
from watchfloor.fleet.workers import Worker
from watchfloor.kernel.messages import Refused


class Version(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Prompt and tool permissions under a number. Digests are hex SHA-256, empty: nothing is pinned.

    `content` is the seq of the event whose private part holds the texts; `previous` the version in force when this one
    was proposed (0: this is the first); `rollback_to` the version it repeats (0: none). `activated_at` 0: not yet.
    """

    number: int
    label: str
    tools: tuple[str, ...]
    prompt_digest: str
    tools_digest: str
    content: int
    previous: int = 0
    rollback_to: int = 0
    activated_at: int = 0


class Agent(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One agent. `owner` is a person's public id or "system"; `tools` empty means every tool.

    `registrar` is the person who registered it or made the token it enrolled with (empty: the system); `enrolment` the
    subject of that token. `node` and `session` are empty while offline; `changed_at` (µs) is the instant of the last
    change of presence. Metadata and skills are the private part of the agent's first event, whose seq is the agent's
    integer. `active` is the number of the version in force; `activating` the one an action at the gate (`activation`)
    would put in force, 0: none. `certificates` are the pins of client certificates, empty: none is asked for.
    """

    seq: int
    nonce: int
    name: str
    type: str
    owner: str
    version: str
    capabilities: tuple[str, ...]
    tools: tuple[str, ...]
    keys: tuple[Key, ...]
    registered_at: int
    changed_at: int
    registrar: str = ""
    enrolment: int = 0
    presence: str = presence.OFFLINE
    node: str = ""
    session: str = ""
    quarantined: bool = False
    quarantined_reason: str = ""
    retired: bool = False
    parent: int = 0  # lineage of an agent that another one spawned, see AgentRegistered
    root: int = 0
    depth: int = 0
    share_milli: int = 0
    versions: tuple[Version, ...] = ()
    active: int = 1
    activating: int = 0
    activation: int = 0
    presented: tuple[str, str] = ("", "")
    certificates: tuple[str, ...] = ()
    worker: Worker | None = None  # of an agent with a url


def available(agent: Agent) -> bool:
    """May it be given new work? Online with good heartbeats, neither quarantined nor retired (spec 2.4).

    An HTTP worker is there as long as its breaker is not open.
    """
    there = agent.presence == presence.ONLINE if agent.worker is None else workers.reachable(agent)
    return there and not agent.quarantined and not agent.retired


def known(state: Agent | None) -> Agent:
    """The agent, or Refused `unknown_agent`."""
    if state is None:
        raise Refused("unknown_agent", "no such agent", status=404)
    return state


def in_service(state: Agent | None) -> Agent:
    """The agent while it is not retired, or Refused `agent_retired`."""
    agent = known(state)
    if agent.retired:
        raise Refused("agent_retired", "the agent is retired")
    return agent
