"""What people see of agents: `agents`, `agent_keys` and `nodes` (spec 2.1, 2.3; DESIGN 2b.7).

An agent's presence and state depend on several independent facts, so the rows keep the facts and the reader's
database puts them together: a node that started anew (`node.started`) ends every session it had before, in one row.
"""

from __future__ import annotations

import msgspec

from watchfloor.fleet import identity_views, structured_id, supervision_views
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
    IdentityChanged,
    KeyExpiring,
    KeyIssued,
    KeyRevoked,
    NodeStarted,
    VersionActivated,
    WorkerAnswered,
    WorkerBreakerClosed,
    WorkerBreakerHalfOpened,
    WorkerBreakerOpened,
    WorkerCallFailed,
    WorkerMoved,
    WorkerSecretRotated,
)
from watchfloor.fleet.spawn_messages import SpawnRefused
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Event
from watchfloor.kernel.projection import (
    Change,
    Computed,
    Index,
    Projectors,
    Table,
    Value,
    array,
    instant,
    integer,
    text,
)

_json = msgspec.json.Encoder().encode

# The session is over when its node has started again since (DESIGN 2b.7).
_PRESENCE = """CASE WHEN a.link <> 'offline' AND a.connected_seq < coalesce((SELECT n.started_seq FROM nodes n
 WHERE n.org = a.org AND n.node = a.node), 0) THEN 'offline' ELSE a.link END"""
_OPEN = "SELECT 1 FROM tasks t WHERE t.org = a.org AND t.agent = a.agent AND t.finished_at = 0 AND t.status"
_STATE = f"""CASE WHEN a.retired_at > 0 THEN 'retired' WHEN a.quarantined_at > 0 THEN 'quarantined'
 WHEN ({_PRESENCE}) <> 'online' THEN ({_PRESENCE})
 WHEN EXISTS ({_OPEN} = 'running') THEN 'working' WHEN EXISTS ({_OPEN} = 'blocked') THEN 'blocked'
 WHEN EXISTS ({_OPEN} = 'assigned') THEN 'assigned' ELSE 'idle' END"""
_INSTANCE = """(SELECT count(*) FROM @rows b WHERE b.org = a.org AND b.role = a.role
 AND b.category = a.category AND b.agent < a.agent)"""

AGENTS = Table(
    name="agents",
    version=2,
    meaning="Every agent ever registered, as it is now.",
    key=("agent",),
    columns={
        "agent": integer(
            "subject; the seq of agent.registered, whose private part holds metadata and skills"
        ),
        "id": text("public id agt_…"),
        "name": text("unique in the organisation"),
        "type": text("worker, planner, validator, … or a type of one's own"),
        "capabilities": array("JSON array of names"),
        "tools": array("JSON array of permitted tools; empty: every tool"),
        "version": text("the agent's own version"),
        "number": integer("number of the version in force"),
        "owner": text("public id of a person, or system"),
        "registrar": text("public id of the person who registered it or made its enrolment token, or empty"),
        "enrolment": integer("subject of the enrolment token it came with, 0: none"),
        "parent": integer("subject of the agent that spawned it, 0: a person registered it"),
        "root": integer("subject of the first agent of its lineage, 0: itself"),
        "depth": integer("agents between it and the registered one"),
        "role": integer("R of the structured id TRCCII (1 to 6, 9)"),
        "category": integer("CC of the structured id (10 to 99)"),
        "link": text("offline, online or degraded by the last fact of a session or breaker; see presence"),
        "node": text("where the session is or was"),
        "session": text("id of the session"),
        "connected_at": instant("start of the newest session"),
        "connected_seq": integer("seq of that start"),
        "disconnected_at": instant("end of the newest session"),
        "disconnect_reason": text("why it ended"),
        "score": integer(
            "trust 0 to 1000; null before the first trust event: the policy's base", nullable=True
        ),
        "tier": integer("T of the structured id, 0 to 5; null before the first trust event", nullable=True),
        "url": text("where an HTTP worker is called; empty: the agent connects by itself"),
        "breaker": text("of an HTTP worker: closed, open or half_open; empty: it is none"),
        "breaker_failures": integer("calls in a row without a valid answer"),
        "breaker_reason": text("why the last of them had none"),
        "breaker_until_at": instant("an open breaker lets one task through then"),
        "throttled_at": instant("last minute in which ingress refused requests"),
        "throttled_count": integer("requests refused in that window"),
        "quarantined_at": instant("0: not in quarantine"),
        "quarantine_reason": text("why"),
        "certificates": array("JSON array of pins of client certificates; empty: none is asked for"),
        "presented_at": instant("it presented digests that nobody had approved, 0: never"),
        "retired_at": instant("0: not retired"),
        "registered_at": instant("when"),
        "changed_at": instant("newest event about the agent itself or its trust"),
        "changed_seq": integer("its seq"),
    },
    indexes=(
        Index(("name",)),
        Index(("role", "category")),
        Index(("enrolment",), where="enrolment > 0"),
    ),
    computed={
        "presence": Computed(text("offline, online or degraded"), _PRESENCE),
        "state": Computed(
            text("offline, idle, assigned, working, blocked, degraded, quarantined or retired (spec 1)"),
            _STATE,
        ),
        "instance": Computed(
            integer("number behind II of the structured id: earlier agents of this role and category"),
            _INSTANCE,
        ),
        "tasks_open": Computed(
            integer("tasks it has: assigned, running, blocked or orphaned"),
            f"(SELECT count(*) FROM ({_OPEN} IN ('assigned', 'running', 'blocked', 'orphaned')))",  # noqa: S608
        ),
    },
)

AGENT_KEYS = Table(
    name="agent_keys",
    version=2,
    meaning="Keys of agents. Verifiers and last use are not here (DESIGN 2b.6).",
    key=("credential",),
    columns={
        "credential": text("key id key_…"),
        "agent": integer("subject"),
        "issued_at": instant("when"),
        "issued_by": text("public id of who asked for it"),
        "expires_at": instant("end of its life"),
        "rotates": text("the key it replaces"),
        "replaced_by": text("the key that replaces it"),
        "until_at": instant("end of the overlap after rotation, 0: not rotated"),
        "revoked_at": instant("0: in force"),
        "reason": text("why revoked"),
        "warned_at": instant("its end was told, 0: not yet"),
    },
    indexes=(Index(("agent",)),),
)

NODES = Table(
    name="nodes",
    version=1,
    meaning="Server processes as this organisation saw them start.",
    key=("node",),
    columns={
        "node": text("name"),
        "incarnation": text("changes at every start"),
        "version": text("program version"),
        "started_at": instant("when"),
        "started_seq": integer("sessions of this node from before this seq are over"),
    },
)

TABLES = (AGENTS, AGENT_KEYS, NODES, *identity_views.TABLES, *supervision_views.TABLES)


def _touch(event: Event, **values: Value) -> Change:
    return AGENTS.set(event.subject, changed_at=event.at, changed_seq=event.seq, **values)


def _registered(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, AgentRegistered)
    return [
        AGENTS.put(
            event.subject,
            id=public_id("agent", event.subject, facts.nonce),
            name=facts.name,
            type=facts.type,
            capabilities=_json(facts.capabilities).decode(),
            tools=_json(facts.tools).decode(),
            version=facts.version,
            number=1,
            owner=facts.owner,
            registrar=facts.sponsor or (event.actor.id if event.actor.kind == "person" else ""),
            enrolment=facts.enrolment,
            certificates="[]",
            parent=facts.parent,
            root=facts.root,
            depth=facts.depth,
            role=structured_id.role(facts.type),
            category=structured_id.category(facts.capabilities[0] if facts.capabilities else ""),
            link="online" if facts.url else "offline",
            url=facts.url,
            breaker="closed" if facts.url else "",
            registered_at=event.at,
            changed_at=event.at,
            changed_seq=event.seq,
        ),
        AGENT_KEYS.put(
            facts.credential,
            agent=event.subject,
            issued_at=event.at,
            issued_by=event.of or event.actor.id,
            expires_at=facts.expires_at,
        ),
        identity_views.first_version(event),
    ]


def _key_issued(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, KeyIssued)
    issued = AGENT_KEYS.put(
        facts.credential,
        agent=event.subject,
        issued_at=event.at,
        issued_by=event.of or event.actor.id,
        expires_at=facts.expires_at,
        rotates=facts.rotates,
    )
    if not facts.rotates:
        return [issued]
    replaced = AGENT_KEYS.set(facts.rotates, replaced_by=facts.credential, until_at=facts.overlap_until_at)
    return [issued, replaced]


def _key_revoked(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, KeyRevoked)
    return [AGENT_KEYS.set(facts.credential, revoked_at=event.at, reason=facts.reason)]


def _connected(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, AgentConnected)
    return [
        _touch(
            event,
            link="online",
            node=facts.node,
            session=facts.session,
            connected_at=event.at,
            connected_seq=event.seq,
            disconnected_at=0,
            disconnect_reason="",
        )
    ]


def _disconnected(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, AgentDisconnected)
    return [_touch(event, link="offline", disconnected_at=event.at, disconnect_reason=facts.reason)]


def _degraded(event: Event) -> list[Change]:
    return [_touch(event, link="degraded")]


def _recovered(event: Event) -> list[Change]:
    return [_touch(event, link="online")]


def _node_started(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, NodeStarted)
    return [
        NODES.put(
            facts.node,
            incarnation=facts.incarnation,
            version=facts.version,
            started_at=event.at,
            started_seq=event.seq,
        )
    ]


def _throttled(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, AgentThrottled)
    return [_touch(event, throttled_at=event.at, throttled_count=facts.count)]


def _quarantined(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, AgentQuarantined)
    return [_touch(event, quarantined_at=event.at, quarantine_reason=facts.reason)]


def _released(event: Event) -> list[Change]:
    return [_touch(event, quarantined_at=0, quarantine_reason="")]


def _retired(event: Event) -> list[Change]:
    return [_touch(event, retired_at=event.at)]


def _call_failed(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, WorkerCallFailed)
    return [_touch(event, breaker_failures=facts.failures, breaker_reason=facts.reason)]


def _breaker_opened(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, WorkerBreakerOpened)
    return [
        _touch(
            event,
            link="offline",
            breaker="open",
            breaker_failures=facts.failures,
            breaker_reason=facts.reason,
            breaker_until_at=facts.until_at,
        )
    ]


def _breaker_half_opened(event: Event) -> list[Change]:
    return [_touch(event, link="degraded", breaker="half_open", breaker_until_at=0)]


_WHOLE: dict[str, Value] = {
    "link": "online",
    "breaker": "closed",
    "breaker_failures": 0,
    "breaker_reason": "",
    "breaker_until_at": 0,
}


def _answered(event: Event) -> list[Change]:
    return [_touch(event, **_WHOLE)]


def _moved(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, WorkerMoved)
    return [_touch(event, url=facts.url, **_WHOLE)]


def _secret_rotated(event: Event) -> list[Change]:
    return [_touch(event)]


def _never_was(event: Event) -> list[Change]:
    """There is no agent to show; it is on the timeline, and in the trust of who wanted it."""
    assert isinstance(event.facts, SpawnRefused)
    return []


def _key_expiring(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, KeyExpiring)
    return [AGENT_KEYS.set(facts.credential, warned_at=event.at)]


def _certificates(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, CertificatesPinned)
    return [_touch(event, certificates=_json(facts.pins).decode())]


def _changed_behind_backs(event: Event) -> list[Change]:
    return [_touch(event, presented_at=event.at)]


def _versioned(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, VersionActivated)
    changes = _touch(event, number=facts.number, version=facts.label, tools=_json(facts.tools).decode())
    return [changes, *identity_views.PROJECT[VersionActivated](event)]


PROJECT: Projectors = {
    SpawnRefused: _never_was,
    **identity_views.PROJECT,
    **supervision_views.PROJECT,
    VersionActivated: _versioned,
    KeyExpiring: _key_expiring,
    CertificatesPinned: _certificates,
    IdentityChanged: _changed_behind_backs,
    AgentRegistered: _registered,
    KeyIssued: _key_issued,
    KeyRevoked: _key_revoked,
    AgentConnected: _connected,
    AgentDisconnected: _disconnected,
    AgentDegraded: _degraded,
    AgentRecovered: _recovered,
    NodeStarted: _node_started,
    AgentThrottled: _throttled,
    AgentQuarantined: _quarantined,
    AgentReleased: _released,
    AgentRetired: _retired,
    WorkerCallFailed: _call_failed,
    WorkerAnswered: _answered,
    WorkerBreakerOpened: _breaker_opened,
    WorkerBreakerHalfOpened: _breaker_half_opened,
    WorkerBreakerClosed: _answered,
    WorkerMoved: _moved,
    WorkerSecretRotated: _secret_rotated,
}
