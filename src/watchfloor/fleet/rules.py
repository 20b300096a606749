"""Rules of agents: registration, keys, presence, containment (spec 2.1 and 2.3; DESIGN 2b.6, 2b.7, 2b.12).

Theory of operation
-------------------
An agent begins with its registration, under a name that nobody else in the organisation has (evidence: who has it
now), with its first key. From then on four things about it change independently of each other:

- its *keys* (`credentials.py`): issued, rotated with an overlap, revoked;
- its *presence* (`presence.py`): offline, online, degraded, always of its newest session. What is said of an older
  session, or is no news, records nothing, so that a node which is late does no harm; an agent that is called at a
  url has no session, its presence is that of its breaker (`workers.py`);
- its *versions* (`versions.py`): prompt and tool permissions, proposed, put in force through the gate, presented;
- its *containment*: quarantined by a breaker, the runaway detector or a person, and released again by a person.

Retirement ends all of it: the session is closed, every working key is revoked, and nothing else happens to the agent
ever again, except that throttling of its last requests may still be reported. A restart of a node
(`node.started/1`) is an event of the organisation: the engine asks for the disconnection of each session it held.
"""

# ruff: noqa: ARG001 -- rules and folds have one signature each, whatever they look at

from __future__ import annotations

import msgspec

from watchfloor.fleet import certificates, credentials, enrolments, presence, supervision, versions, workers
from watchfloor.fleet.agent import Agent, Version, in_service, known
from watchfloor.fleet.credentials import Key
from watchfloor.fleet.messages import (
    AgentConnected,
    AgentDegraded,
    AgentDisconnected,
    AgentQuarantined,
    AgentRecovered,
    AgentRegistered,
    AgentReleased,
    AgentRetired,
    AgentThrottled,
    CertificatesPinned,
    ConnectAgent,
    DisconnectAgent,
    IssueKey,
    KeyExpiring,
    KeyIssued,
    KeyRevoked,
    KeyTimePassed,
    MarkDegraded,
    MarkRecovered,
    NodeStarted,
    PinCertificates,
    QuarantineAgent,
    RegisterAgent,
    ReleaseAgent,
    ReportThrottled,
    RetireAgent,
    RevokeKey,
    WorkerTimePassed,
)
from watchfloor.fleet.spawn_messages import SpawnAgent, SpawnRefused
from watchfloor.fleet.spawning import spawn
from watchfloor.fleet.workers import Worker
from watchfloor.kernel.folds import Changes, first, once
from watchfloor.kernel.ids import nonce_from
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.limits import INTEGER_MAX, KEY_DAYS_MAX, KEYS_PER_AGENT_MAX, SCOPES_PER_KEY_MAX
from watchfloor.kernel.messages import Command, Draft, Event, Facts, Refused
from watchfloor.kernel.schema import check_name, check_names, check_range, check_reason
from watchfloor.kernel.subject import Given, Subject


class NameEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For RegisterAgent: the subject of the agent that has this name already, 0 when nobody has.

    `enrolment` is the token that was presented as its state says it, `enrolment_used` how many agents came of it.
    """

    taken_by: int
    enrolment: enrolments.Enrolment | None = None
    enrolment_used: int = 0


# What is asked for --------------------------------------------------------------------------------------------------


def check_expiry(expires_at: int, at: int) -> None:
    """All agent keys expire, within KEY_DAYS_MAX (spec 2.1)."""
    check_range(expires_at, "/expires_at", at + 1, at + KEY_DAYS_MAX * DAY)


def register(state: Agent | None, command: RegisterAgent, given: Given) -> list[Draft]:
    """A name is registered once; a repeat is answered by the rim with the agent that has it."""
    evidence: NameEvidence = given.evidence
    if state is not None or evidence.taken_by:
        raise Refused("already_registered", "an agent of this name is registered", field="/name")
    check_name(command.name, "/name")
    check_name(command.type, "/type")
    check_names(command.capabilities, "/capabilities", least=1)
    check_names(command.tools, "/tools")
    check_name(command.owner, "/owner")
    check_name(command.credential, "/credential")
    if command.version:
        check_name(command.version, "/version")
    if command.url:
        workers.check_url(command.url)
    versions.check_digest(command.prompt_digest, "/prompt_digest")
    versions.check_digest(command.tools_digest, "/tools_digest")
    check_expiry(command.expires_at, given.at)
    token = None
    if command.enrolment:
        token = enrolments.check_use(evidence.enrolment, evidence.enrolment_used, command, given.at)
    facts = AgentRegistered(
        capabilities=command.capabilities,
        credential=command.credential,
        enrolment=command.enrolment,
        expires_at=command.expires_at,
        name=command.name,
        nonce=nonce_from(given.entropy),
        owner=command.owner if token is None else token.owner,
        prompt_digest=command.prompt_digest,
        sponsor="" if token is None else token.issuer,
        tools_digest=command.tools_digest,
        tools=command.tools,
        type=command.type,
        version=command.version,
        url=command.url,
    )
    return [Draft(facts=facts, private=command.private)]


def issue_key(state: Agent | None, command: IssueKey, given: Given) -> list[Draft]:
    """A further key; the key it rotates must still work, so that a revoked one does not come back."""
    agent = in_service(state)
    check_name(command.credential, "/credential")
    check_expiry(command.expires_at, given.at)
    if credentials.find(agent.keys, command.credential) is not None:
        raise Refused("already_issued", "a key of this id was issued", field="/credential")
    scopes = command.scopes
    if len(scopes) > SCOPES_PER_KEY_MAX:
        detail = f"a key has at most {SCOPES_PER_KEY_MAX} scopes"
        raise Refused("too_many_scopes", detail, field="/scopes", status=422)
    check_names(scopes, "/scopes")
    if command.rotates:
        rotated = credentials.find(agent.keys, command.rotates)
        if rotated is None or not rotated.works(given.at):
            raise Refused("unknown_key", "the key to rotate does not work", field="/rotates", status=404)
        check_range(command.overlap_until_at, "/overlap_until_at", given.at, INTEGER_MAX)
        scopes = rotated.scopes  # whoever rotates a key, the agent itself for one, does not widen it
    if len(credentials.working(agent.keys, given.at)) >= KEYS_PER_AGENT_MAX:
        raise Refused("too_many_keys", f"an agent has at most {KEYS_PER_AGENT_MAX} working keys")
    facts = KeyIssued(
        credential=command.credential,
        expires_at=command.expires_at,
        overlap_until_at=command.overlap_until_at if command.rotates else 0,
        rotates=command.rotates,
        scopes=scopes,
    )
    return [Draft(facts=facts)]


def revoke_key(state: Agent | None, command: RevokeKey, given: Given) -> list[Draft]:
    """At once and for good. Revoking twice is no news."""
    agent = known(state)
    check_reason(command.reason)
    key = credentials.find(agent.keys, command.credential)
    if key is None:
        raise Refused("unknown_key", "no such key of this agent", field="/credential", status=404)
    if key.revoked_at:
        return []
    return [Draft(facts=KeyRevoked(credential=key.id, reason=command.reason))]


def connect(state: Agent | None, command: ConnectAgent, given: Given) -> list[Draft]:
    """The newest session wins. A quarantined agent may connect: it has to hear that it is."""
    agent = in_service(state)
    check_name(command.session, "/session")
    check_name(command.node, "/node")
    if agent.worker is not None:
        raise Refused("http_worker", "the agent is called at its url and has no socket")
    if command.session == agent.session:
        return []
    return [Draft(facts=AgentConnected(node=command.node, session=command.session))]


def disconnect(state: Agent | None, command: DisconnectAgent, given: Given) -> list[Draft]:
    """Only of the present session; `reason` says why the socket is gone (spec 2.3)."""
    agent = known(state)
    check_reason(command.reason)
    if not news(agent, command.session, presence.DISCONNECTED):
        return []
    return [Draft(facts=AgentDisconnected(reason=command.reason, session=command.session))]


def mark_degraded(state: Agent | None, command: MarkDegraded, given: Given) -> list[Draft]:
    """A heartbeat was missed."""
    if not news(known(state), command.session, presence.MISSED):
        return []
    return [Draft(facts=AgentDegraded(session=command.session))]


def mark_recovered(state: Agent | None, command: MarkRecovered, given: Given) -> list[Draft]:
    """Two good heartbeats after a missed one."""
    if not news(known(state), command.session, presence.RECOVERED):
        return []
    return [Draft(facts=AgentRecovered(session=command.session))]


def news(agent: Agent, session: str, signal: str) -> bool:
    """Does this signal about this session change anything?"""
    return session == agent.session and presence.after(agent.presence, signal) is not None


def report_throttled(state: Agent | None, command: ReportThrottled, given: Given) -> list[Draft]:
    """One event for many requests that ingress refused (DESIGN 2b.6), of a retired agent's last minute too."""
    known(state)
    check_range(command.count, "/count", 1, INTEGER_MAX)
    check_range(command.window_ms, "/window_ms", 1, INTEGER_MAX)
    check_range(command.exhausted, "/exhausted", 0, INTEGER_MAX)
    facts = AgentThrottled(count=command.count, exhausted=command.exhausted, window_ms=command.window_ms)
    return [Draft(facts=facts)]


def quarantine(state: Agent | None, command: QuarantineAgent, given: Given) -> list[Draft]:
    """Contained from now on; the first reason stands, since several guards may bite for one cause."""
    agent = in_service(state)
    check_reason(command.reason)
    return [] if agent.quarantined else [Draft(facts=AgentQuarantined(reason=command.reason))]


def release(state: Agent | None, command: ReleaseAgent, given: Given) -> list[Draft]:
    """Out of quarantine again."""
    agent = in_service(state)
    check_reason(command.reason)
    if not agent.quarantined:
        raise Refused("not_quarantined", "the agent is not in quarantine")
    return [Draft(facts=AgentReleased(reason=command.reason))]


def retire(state: Agent | None, command: RetireAgent, given: Given) -> list[Draft]:
    """The end: the session is closed, so that its tasks are reclaimed, and every working key is revoked."""
    agent = known(state)
    check_reason(command.reason)
    if agent.retired:
        return []
    closing: list[Facts] = []
    if agent.session:
        closing.append(AgentDisconnected(reason="retired", session=agent.session))
    working = credentials.working(agent.keys, given.at)
    closing.extend(KeyRevoked(credential=key.id, reason="retired") for key in working)
    return [Draft(facts=facts) for facts in (*closing, AgentRetired(reason=command.reason))]


def key_time_passed(state: Agent | None, command: KeyTimePassed, given: Given) -> list[Draft]:
    """Every key that is about to end and was not rotated is told of once."""
    agent = known(state)
    soon = (
        key for key in credentials.working(agent.keys, given.at) if 0 < credentials.warned_at(key) <= given.at
    )
    return [
        Draft(facts=KeyExpiring(credential=key.id, expires_at=key.expires_at))
        for key in (() if agent.retired else soon)
    ]


def key_due(agent: Agent) -> int:
    """The instant of the next warning, 0 for none."""
    return min((at for key in agent.keys if (at := credentials.warned_at(key))), default=0)


def due(agent: Agent) -> int:
    """The nearer of the end of a breaker's open time and the next warning; 0: neither."""
    instants = (workers.waiting_until(agent), 0 if agent.retired else key_due(agent))
    return min((at for at in instants if at), default=0)


def overdue(subject: int, agent: Agent, at: int) -> Command:
    """Whichever it is."""
    worker = workers.waiting_until(agent)
    return WorkerTimePassed(subject=subject) if worker and worker <= at else KeyTimePassed(subject=subject)


# What happened ------------------------------------------------------------------------------------------------------


def registered(facts: AgentRegistered, event: Event) -> Agent:
    return Agent(
        seq=event.seq,
        nonce=facts.nonce,
        name=facts.name,
        type=facts.type,
        owner=facts.owner,
        version=facts.version,
        capabilities=facts.capabilities,
        tools=facts.tools,
        registrar=facts.sponsor or (event.actor.id if event.actor.kind == "person" else ""),
        enrolment=facts.enrolment,
        versions=(
            Version(
                number=1,
                label=facts.version,
                tools=facts.tools,
                prompt_digest=facts.prompt_digest,
                tools_digest=facts.tools_digest,
                content=event.seq,
                activated_at=event.at,
            ),
        ),
        keys=(Key(id=facts.credential, issued_at=event.at, expires_at=facts.expires_at),),
        registered_at=event.at,
        changed_at=event.at,
        presence=presence.ONLINE if facts.url else presence.OFFLINE,
        worker=Worker(url=facts.url) if facts.url else None,
        parent=facts.parent,
        root=facts.root,
        depth=facts.depth,
        share_milli=facts.share_milli,
    )


def key_issued(agent: Agent, facts: KeyIssued, event: Event) -> Changes:
    return {
        "keys": credentials.issued(
            agent.keys,
            facts.credential,
            facts.expires_at,
            event.at,
            rotates=facts.rotates,
            overlap_until_at=facts.overlap_until_at,
            scopes=facts.scopes,
        )
    }


def key_revoked(agent: Agent, facts: KeyRevoked, event: Event) -> Changes:
    return {"keys": credentials.revoked(agent.keys, facts.credential, event.at)}


def key_expiring(agent: Agent, facts: KeyExpiring, event: Event) -> Changes:
    return {"keys": credentials.warned(agent.keys, facts.credential)}


def connected(agent: Agent, facts: AgentConnected, event: Event) -> Changes:
    return {
        "presence": presence.ONLINE,
        "node": facts.node,
        "session": facts.session,
        "changed_at": event.at,
    }


def disconnected(agent: Agent, facts: AgentDisconnected, event: Event) -> Changes:
    if facts.session != agent.session:
        return {}
    return {"presence": presence.OFFLINE, "node": "", "session": "", "changed_at": event.at}


def degraded(agent: Agent, facts: AgentDegraded, event: Event) -> Changes:
    if not news(agent, facts.session, presence.MISSED):
        return {}
    return {"presence": presence.DEGRADED, "changed_at": event.at}


def recovered(agent: Agent, facts: AgentRecovered, event: Event) -> Changes:
    if not news(agent, facts.session, presence.RECOVERED):
        return {}
    return {"presence": presence.ONLINE, "changed_at": event.at}


def quarantined(agent: Agent, facts: AgentQuarantined, event: Event) -> Changes:
    return {"quarantined": True, "quarantined_reason": facts.reason}


def released(agent: Agent, facts: AgentReleased, event: Event) -> Changes:
    return {"quarantined": False, "quarantined_reason": ""}


def retired(agent: Agent, facts: AgentRetired, event: Event) -> Changes:
    return {"retired": True}


def throttled(agent: Agent, facts: AgentThrottled, event: Event) -> Changes:
    """Counted by the runaway register, not here."""
    return {}


SUBJECTS: tuple[Subject, ...] = (
    Subject(
        kind="agent",
        state=Agent,
        decide={
            RegisterAgent: register,
            SpawnAgent: spawn,
            IssueKey: issue_key,
            RevokeKey: revoke_key,
            ConnectAgent: connect,
            DisconnectAgent: disconnect,
            MarkDegraded: mark_degraded,
            MarkRecovered: mark_recovered,
            ReportThrottled: report_throttled,
            QuarantineAgent: quarantine,
            ReleaseAgent: release,
            RetireAgent: retire,
            **workers.DECIDE,
            KeyTimePassed: key_time_passed,
            PinCertificates: certificates.pin,
            **versions.DECIDE,
        },
        evolve={
            AgentRegistered: first(registered),
            KeyIssued: once(key_issued),
            KeyRevoked: once(key_revoked),
            AgentConnected: once(connected),
            AgentDisconnected: once(disconnected),
            AgentDegraded: once(degraded),
            AgentRecovered: once(recovered),
            AgentThrottled: once(throttled),
            AgentQuarantined: once(quarantined),
            AgentReleased: once(released),
            AgentRetired: once(retired),
            **{facts: once(changes) for facts, changes in workers.CHANGES.items()},
            KeyExpiring: once(key_expiring),
            CertificatesPinned: once(certificates.pinned),
            **versions.EVOLVE,
        },
        live=lambda agent: not agent.retired,
        due=due,
        overdue=overdue,
    ),
    enrolments.SUBJECT,
    supervision.SUBJECT,
)

FACTS: tuple[type[Facts], ...] = (
    AgentRegistered,
    KeyIssued,
    KeyRevoked,
    AgentConnected,
    AgentDisconnected,
    AgentDegraded,
    AgentRecovered,
    NodeStarted,
    AgentThrottled,
    AgentQuarantined,
    AgentReleased,
    AgentRetired,
    *workers.CHANGES,
    KeyExpiring,
    CertificatesPinned,
    *versions.FACTS,
    *enrolments.FACTS,
    SpawnRefused,
    *supervision.FACTS,
)
