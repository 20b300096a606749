"""Heartbeats: who is there, on a socket or by REST (spec 2.3).

Theory of operation
-------------------
Whoever keeps in touch has a *session*, a name under this node's incarnation, and is judged by the same rule: a heartbeat
that is missed, or that says the agent is not healthy, makes it degraded, so that it gets no new work; two healthy ones in a
row make it recovered; three missed, and it is gone. A socket's session ends with the socket. An agent that only sends
requests has a *visit*: its first heartbeat is recorded as its coming, and nothing but silence, a worthless key or a socket
of its own ends it. A restart ends all visits as it ends all sockets; the next heartbeat is then a first one again.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Protocol

import msgspec

from watchfloor.engine.credentials import Credential
from watchfloor.engine.requests import Lane
from watchfloor.fleet.messages import ConnectAgent, DisconnectAgent, MarkDegraded, MarkRecovered
from watchfloor.hub.from_agent import Metrics
from watchfloor.kernel.instants import MILLISECOND
from watchfloor.kernel.messages import Actor, Refused

if TYPE_CHECKING:
    from watchfloor.hub.hub import Hub

HEALTHY = "healthy"
GOOD_BEATS = 2  # after a missed one, until it is taken for well again
MISSED_MAX = 3  # and it is gone


class Seen(msgspec.Struct, frozen=True):
    """When an agent was heard of last (µs, 0: not since this process began), and what it uses; None once it is gone."""

    at: int
    metrics: Metrics | None = None


class Present(Protocol):
    """What a socket's session and a visit have in common."""

    @property
    def org(self) -> int: ...

    @property
    def agent(self) -> int: ...

    @property
    def actor(self) -> Actor | None: ...

    @property
    def name(self) -> str: ...

    beat_at: int
    degraded: bool
    good_beats: int
    metrics: Metrics | None


class Visit:
    """The session of an agent without a socket."""

    __slots__ = (
        "actor",
        "agent",
        "beat_at",
        "credential",
        "degraded",
        "good_beats",
        "metrics",
        "name",
        "org",
    )

    def __init__(self, credential: Credential, actor: Actor, name: str, at: int) -> None:
        self.org = credential.org
        self.agent = credential.subject
        self.credential = credential
        self.actor: Actor | None = actor
        self.name = name
        self.beat_at = at
        self.degraded = False
        self.good_beats = 0
        self.metrics: Metrics | None = None


def heard(hub: Hub, one: Present, status: str, metrics: Metrics | None = None) -> None:
    """A heartbeat, how the agent says it is, and what it uses."""
    one.beat_at = hub.clock()
    one.metrics = metrics
    if status != HEALTHY:
        one.good_beats = 0
        degrade(hub, one)
    elif one.degraded:
        one.good_beats += 1
        if one.good_beats >= GOOD_BEATS:
            one.degraded = False
            hub.tell(one, MarkRecovered(subject=one.agent, session=one.name))


def degrade(hub: Hub, one: Present) -> None:
    """No new work for it, until it is well again."""
    if not one.degraded:
        one.degraded = True
        one.good_beats = 0
        hub.tell(one, MarkDegraded(subject=one.agent, session=one.name))


def missed(hub: Hub, one: Present, now: int) -> int:
    """How many heartbeats in a row; a tenth of the interval is nobody's fault."""
    interval = hub.settings.heartbeat_ms * MILLISECOND
    return max(0, (now - one.beat_at - interval // 10) // interval)


class Visits:
    """Agents that keep in touch by REST."""

    def __init__(self, hub: Hub) -> None:
        self.hub = hub
        self.open: dict[tuple[int, int], Visit] = {}
        self.last: dict[
            tuple[int, int], int
        ] = {}  # of agents that are gone: no event (spec 2.3), one entry each

    def seen(self, org: int, agent: int) -> Seen:
        """When an agent was heard of last, by socket or REST."""
        key = (org, agent)
        one: Present | None = self.hub.sessions.get(key) or self.open.get(key)
        return Seen(self.last.get(key, 0)) if one is None else Seen(one.beat_at, one.metrics)

    def spent(self, org: int, agent: int) -> dict[str, int]:
        """By rate class, what the agent's socket has used up of a minute's requests (spec 3.3)."""
        session = self.hub.sessions.get((org, agent))
        buckets = session.buckets if session is not None else None
        now = self.hub.clock()
        return {name: bucket.spent(now) for name, bucket in (buckets or {}).items()}

    async def beat(
        self, credential_id: str, actor: Actor, status: str, usage: tuple[int, int, int] = (0, 0, 0)
    ) -> str:
        """A heartbeat by REST; returns the session it belongs to. Raises Refused, also for an HTTP worker.

        While the agent has a socket it is there by that, and this says nothing about it. `usage`: as in Metrics.
        """
        hub = self.hub
        credential = hub.engine.credentials.get(credential_id)
        if credential is None:
            raise Refused("unknown_key", "the key is no longer valid", status=401)
        key = (credential.org, credential.subject)
        session = hub.sessions.get(key)
        if session is not None:
            return session.name
        visit = self.open.get(key)
        if visit is None:
            await self._come(key, credential, actor)
            visit = self.open.get(key)
        if visit is None:  # a socket of its own took over meanwhile
            return hub.sessions[key].name if key in hub.sessions else ""
        visit.credential = credential
        cpu, memory, queue = usage
        heard(hub, visit, status, Metrics(cpu_milli=cpu, memory_bytes=memory, queue=queue))
        return visit.name

    async def _come(self, key: tuple[int, int], credential: Credential, actor: Actor) -> None:
        hub = self.hub
        if hub.crowded(credential.org):
            detail = "this organisation has too many connections"
            raise Refused("crowded", detail, retryable=True, status=503)
        name = f"{hub.engine.incarnation}.{secrets.token_hex(4)}"
        visit = self.open[key] = Visit(credential, actor, name, hub.clock())
        hub.per_org[visit.org] = hub.per_org.get(visit.org, 0) + 1
        command = ConnectAgent(subject=visit.agent, node=hub.engine.node_name, session=name)
        try:
            await hub.engine.ask(visit.org, command, actor, lane=Lane.OUTCOMES, agent=visit.agent)
        except Refused:
            self.drop(key, visit)
            raise

    def drop(self, key: tuple[int, int], visit: Visit | None = None) -> None:
        """Forget a visit that is over by itself: a socket took its place, or the agent is retired."""
        if key in self.open and visit in (None, self.open[key]):
            self.last[key] = self.open.pop(key).beat_at
            self.hub.per_org[key[0]] -= 1

    def judge(self, now: int) -> None:
        """Missed heartbeats and worthless keys."""
        over: list[tuple[Visit, str]] = []
        for visit in self.open.values():
            silent = missed(self.hub, visit, now)
            if not visit.credential.valid(now):
                over.append((visit, "the key is no longer valid"))
            elif silent >= MISSED_MAX:
                over.append((visit, "no heartbeat"))
            elif silent:
                degrade(self.hub, visit)
        for visit, reason in over:
            self._end(visit, reason)

    def credential_changed(self, credential: Credential) -> None:
        """A revoked key ends the visit made with it at once (fault S1)."""
        visit = self.open.get((credential.org, credential.subject))
        if visit is not None and visit.credential.id == credential.id:
            visit.credential = credential
            if not credential.valid(self.hub.clock()):
                self._end(visit, "the key was revoked")

    def _end(self, visit: Visit, reason: str) -> None:
        self.drop((visit.org, visit.agent), visit)
        self.hub.gone(visit, DisconnectAgent(subject=visit.agent, session=visit.name, reason=reason))
