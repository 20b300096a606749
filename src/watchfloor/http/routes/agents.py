"""Agents: registration, keys, containment, trust (spec 2.1, 2.3, 3.4)."""

from __future__ import annotations

import asyncio
from functools import partial
from hashlib import sha256
from typing import Any

import msgspec

from watchfloor.engine.credentials import Credential, mint
from watchfloor.fleet.messages import (
    AgentRegistered,
    IssueKey,
    KeyIssued,
    MoveWorker,
    QuarantineAgent,
    RegisterAgent,
    ReleaseAgent,
    RetireAgent,
    RevokeKey,
    RotateSecret,
    WorkerSecretRotated,
)
from watchfloor.fleet.structured_id import structured_id
from watchfloor.fleet.workers import check_url
from watchfloor.http import lists, owning, trusting
from watchfloor.http.asking import Call, Recorded, encoded
from watchfloor.http.bodies import agents as wire
from watchfloor.http.bodies import fields
from watchfloor.http.problems import FieldError, Problem
from watchfloor.http.replies import Reply
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.instants import DAY, MILLISECOND
from watchfloor.kernel.subject import fold
from watchfloor.kernel.terms import TIERS, Policy
from watchfloor.registers.directory import number_of
from watchfloor.trust import rules as trust
from watchfloor.trust.messages import AdjustTrust

_SHOWN_ONCE = "The key is shown once."
_BOTH_ONCE = "Key and signing secret are shown once."
_EXISTS = "This agent exists already; its key is not shown again. Rotate or issue a key to get a new one."
_REPEATED = (
    "This is the answer to a repeated request; the key is not shown again. Rotate it to get a new one."
)


def policy_now(call: Call) -> tuple[Policy, int]:
    """The policy in force and its version."""
    active = call.services.engine.cell(call.org, "active_policy", "active")
    return (Policy(), 0) if active is None else (active.document, active.version)


async def find(call: Call) -> tuple[int, Any]:
    """The agent of the path, by id, structured code or name; an agent finds only itself."""
    subject, state = call.resolve("agent", call.path["agent"])
    call.own_only(subject, "agent")
    return subject, state


def code_of(call: Call, subject: int, state: Any) -> str:
    """The structured id of an agent as of now (spec 2.1)."""
    trusted = call.state("trust", subject)
    tier = trusted.tier if trusted is not None else trust.tier_at_birth(policy_now(call)[0].trust)
    number = number_of(partial(call.services.engine.cell, call.org), subject)
    return structured_id(tier, state.type, state.capabilities[0], number)


def item(call: Call, row: dict[str, Any]) -> wire.AgentItem:
    """A row of `agents` as lists show it."""
    policy, version = policy_now(call)
    state = call.state("trust", row["agent"])
    score = trust.score_at(state, policy.trust, call.now, version)
    tier = row["tier"] if row["tier"] is not None else trust.tier_at_birth(policy.trust)
    return wire.AgentItem(
        agent_id=row["id"],
        structured_id=code_of(call, row["agent"], call.state("agent", row["agent"])),
        name=row["name"],
        type=row["type"],
        state=row["state"],
        owner=row["owner"],
        capabilities=lists.listed(row["capabilities"]),
        tools=lists.listed(row["tools"]),
        version=row["version"],
        tier=TIERS[tier],
        score=score,
        registered_at=row["registered_at"],
        tasks_open=row["tasks_open"],
        version_number=row["number"],
        warnings=tuple(notice.code for notice in owning.warnings(call, row["owner"], row["registrar"])),
        url=row["url"],
        breaker=wire.Breaker(
            state=row["breaker"],
            failures=row["breaker_failures"],
            reason=row["breaker_reason"],
            until_at=row["breaker_until_at"],
        )
        if row["breaker"]
        else None,
        last_seen_at=last_seen(call, row["agent"]),
    )


def last_seen(call: Call, subject: int) -> int:
    """When the agent was heard of last: kept aside of the ledger (spec 2.3)."""
    hears = call.services.presence
    at: int = hears.seen(call.org, subject).at if hears is not None else 0
    state = call.state("agent", subject)
    if at or state is None:
        return at
    used = call.services.engine.credentials.used_at
    return max((used.get(key.id, 0) for key in state.keys), default=0) or int(state.changed_at)


def usage(call: Call, subject: int) -> wire.AgentUsage | None:
    """What the agent says that it uses, while it is there."""
    hears = call.services.presence
    said = hears.seen(call.org, subject).metrics if hears is not None else None
    if said is None:
        return None
    return wire.AgentUsage(cpu_milli=said.cpu_milli, memory_bytes=said.memory_bytes, queue=said.queue)


def credential(
    call: Call,
    subject: int,
    kind: str,
    expires_at: int,
    verifier: bytes,
    name: str,
    scopes: tuple[str, ...] = (),
) -> tuple[Any, ...]:
    """The row of a new credential, as the directory keeps it."""
    return Credential(
        id=name,
        org=call.org,
        kind=kind,
        subject=subject,
        verifier=verifier,
        scopes=scopes,
        created_at=call.now,
        expires_at=expires_at,
        revoked_at=0,
        label="",
    ).row()


async def register_agent(call: Call) -> Reply:
    """Register an agent and get its first key: an operator does, or the agent itself with an enrolment token.

    Idempotent by name: a repeat returns the agent without the key. The key is shown once.
    """
    body: wire.RegisterAgentBody = call.body
    enrolling = call.principal.kind == "enrolment"
    known = call.services.engine.cell(call.org, "names", f"agent:{body.name}")
    if known and (not enrolling or call.state("agent", known).enrolment == call.principal.subject):
        return Reply(status=200, body=await _registered_before(call, known))
    if enrolling and body.owner:
        raise Problem(403, "owner_is_set", "whoever made the token said whose agents these are")
    if body.url:
        await check_reach(call, body.url)
    name, key, verifier = mint("agent")
    expires_at = call.now + body.expires_in_days * DAY
    command = RegisterAgent(
        name=body.name,
        type=body.type,
        capabilities=body.capabilities,
        owner=call.state("enrolment", call.principal.subject).owner
        if enrolling
        else owning.owner_of(call, body.owner),
        credential=name,
        expires_at=expires_at,
        tools=body.tools,
        version=body.version,
        url=body.url,
        prompt_digest=body.prompt_digest or (sha256(body.prompt.encode()).hexdigest() if body.prompt else ""),
        tools_digest=body.tools_digest,
        enrolment=call.principal.subject if enrolling else 0,
        private=encoded(
            {
                "metadata": body.metadata,
                "skills": body.skills,
                **({"prompt": body.prompt} if body.prompt else {}),
            }
        ),
    )
    recorded = await call.ask(command, credentials=[credential(call, 0, "agent", expires_at, verifier, name)])
    event = recorded.event
    assert event is not None
    facts = event.facts
    assert isinstance(facts, AgentRegistered)
    agent_id = public_id("agent", event.subject, facts.nonce)
    secret = (
        call.services.worker_secret(call.org, agent_id, 1) if facts.url and not recorded.replayed else None
    )
    answer = wire.AgentRegistered(
        agent_id=agent_id,
        name=facts.name,
        structured_id=code_of(call, event.subject, call.state("agent", event.subject)),
        key_id=facts.credential,
        api_key=None if recorded.replayed else key,
        expires_at=facts.expires_at,
        seq=recorded.seq,
        owner=facts.owner,
        warnings=owning.warnings(call, facts.owner, facts.sponsor or call.principal.id),
        note=_REPEATED if recorded.replayed else _BOTH_ONCE if facts.url else _SHOWN_ONCE,
        url=facts.url,
        signing_secret=secret,
    )
    return Reply(body=answer)


async def check_reach(call: Call, url: str) -> None:
    """422 for a url that leads where this server does not connect to (fault K1); every call is judged anew."""
    check_url(url)
    fault = await call.services.url_fault(url)
    if fault:
        errors = (FieldError(field="/url", code="url_refused", detail=fault),)
        raise Problem(422, "url_refused", f"the worker cannot be called there: {fault}", errors=errors)


async def move_worker(call: Call) -> Reply:
    """An HTTP worker is called at another url from now on."""
    subject, _ = await find(call)
    await check_reach(call, call.body.url)
    return recorded_as(await call.ask(MoveWorker(subject=subject, url=call.body.url)))


async def rotate_secret(call: Call) -> Reply:
    """The next signing secret of an HTTP worker; shown once, and the one before signs nothing any more."""
    subject, _ = await find(call)
    recorded = await call.ask(RotateSecret(subject=subject))
    assert recorded.event is not None
    facts = recorded.event.facts
    assert isinstance(facts, WorkerSecretRotated)
    agent_id = call.id_of("agent", subject)
    secret = None if recorded.replayed else call.services.worker_secret(call.org, agent_id, facts.secret)
    return Reply(body=wire.SecretRotated(agent_id=agent_id, signing_secret=secret, seq=recorded.seq))


async def _registered_before(call: Call, subject: int) -> wire.AgentRegistered:
    """The agent that has this name already; if it is ours, that is no secret."""
    state = call.state("agent", subject)
    newest = state.keys[-1] if state.keys else None
    return wire.AgentRegistered(
        agent_id=public_id("agent", subject, state.nonce),
        name=state.name,
        structured_id=code_of(call, subject, state),
        key_id=newest.id if newest else "",
        api_key=None,
        expires_at=newest.expires_at if newest else 0,
        seq=call.services.engine.head(call.org),
        note=_EXISTS,
        owner=state.owner,
        warnings=owning.warnings(call, state.owner, state.registrar),
        url=state.worker.url if state.worker is not None else "",
    )


async def list_agents(call: Call) -> Reply:
    """Agents, newest first."""
    params: wire.AgentsParams = call.params
    where = {"state": params.state, "type": params.type, "name": params.name}
    rows, following = await lists.page(call, "agents", ("agent",), where)
    items = tuple(item(call, row) for row in rows)
    return Reply(body=wire.AgentPage(items=items, next=following, seq=call.view_seq))


async def get_agent(call: Call) -> Reply:
    """One agent with its keys, skills and metadata."""
    subject, state = await find(call)
    row = await lists.viewed(call, "agents", "agent", subject)
    private = (await call.privates([subject])).get(subject, {})
    return Reply(
        body=wire.AgentDetail(
            agent=item(call, row),
            keys=await keys_of(call, subject),
            skills=tuple(private.get("skills") or ()),
            metadata=private.get("metadata"),
            seq=call.view_seq,
            quarantine_reason=row["quarantine_reason"],
            certificates=state.certificates,
            warnings=owning.warnings(call, state.owner, state.registrar),
            usage=usage(call, subject),
        )
    )


async def keys_of(call: Call, subject: int) -> tuple[wire.KeyItem, ...]:
    """Keys of an agent, newest first, without secrets."""
    state = call.state("agent", subject)
    scopes = {key.id: key.scopes for key in state.keys} if state is not None else {}
    sql = "SELECT * FROM agent_keys WHERE org = :org AND agent = :agent ORDER BY issued_at DESC, credential LIMIT 100"
    return tuple(
        wire.KeyItem(
            key_id=row["credential"],
            created_at=row["issued_at"],
            expires_at=min(row["expires_at"], row["until_at"] or row["expires_at"]),
            revoked_at=row["revoked_at"],
            rotates=row["rotates"],
            last_used_at=call.services.engine.credentials.used_at.get(row["credential"], 0),
            scopes=scopes.get(row["credential"], ()),
        )
        for row in await call.rows(sql, agent=subject)
    )


async def list_keys(call: Call) -> Reply:
    """Keys of an agent, newest first, without secrets."""
    subject, _ = await find(call)
    return Reply(body=wire.KeyPage(items=await keys_of(call, subject), seq=call.view_seq))


async def issue_key(call: Call) -> Reply:
    """A further key for an agent; shown once."""
    body: wire.IssueKeyBody = call.body
    subject, _ = await find(call)
    return await _new_key(call, subject, body, "", 0)


async def rotate_key(call: Call) -> Reply:
    """A new key in place of one that works on for the overlap (spec 2.1). An agent may rotate its own."""
    body: wire.RotateKeyBody = call.body
    subject, _ = await find(call)
    overlap_until_at = call.now + body.overlap_ms * MILLISECOND
    return await _new_key(call, subject, body, call.path["key"], overlap_until_at)


async def _new_key(
    call: Call,
    subject: int,
    body: wire.IssueKeyBody | wire.RotateKeyBody,
    rotates: str,
    overlap_until_at: int,
) -> Reply:
    name, key, verifier = mint("agent")
    expires_at = call.now + body.expires_in_days * DAY
    if body.form == "jwt":
        key, verifier = _signed(call, subject, name, expires_at)
    old = call.services.engine.credentials.get(rotates) if rotates else None
    own = old is not None and old.org == call.org and old.subject == subject
    scopes = body.scopes if isinstance(body, wire.IssueKeyBody) else old.scopes if old is not None else ()
    command = IssueKey(
        subject=subject,
        credential=name,
        expires_at=expires_at,
        rotates=rotates,
        overlap_until_at=overlap_until_at,
        scopes=() if rotates else scopes,
    )
    rows = [credential(call, subject, "agent", expires_at, verifier, name, scopes)]
    if old is not None and own:
        ends_at = min(old.expires_at or overlap_until_at, overlap_until_at)
        rows.append(msgspec.structs.replace(old, expires_at=ends_at).row())
    recorded = await call.ask(command, credentials=rows)
    event = recorded.event
    assert event is not None
    facts = event.facts
    assert isinstance(facts, KeyIssued)
    return Reply(
        body=wire.KeyIssued(
            agent_id=call.id_of("agent", subject),
            key_id=facts.credential,
            api_key=None if recorded.replayed else key,
            expires_at=facts.expires_at,
            seq=recorded.seq,
            scopes=facts.scopes,
        )
    )


def _signed(call: Call, subject: int, name: str, expires_at: int) -> tuple[str, bytes]:
    """The key as a signed token, and what it is recognised by."""
    tokens = call.services.engine.credentials.tokens
    if tokens is None:
        raise Problem(409, "no_signed_keys", "this server has no folder for the keys that sign them")
    token = tokens.issue(
        credential=name,
        agent=call.id_of("agent", subject),
        organisation=call.principal.organisation,
        now=call.now,
        expires_at=expires_at,
    )
    return token, sha256(token.encode()).digest()


async def revoke_key(call: Call) -> Reply:
    """End a key at once, open sockets included (at most 2 s)."""
    subject, _ = await find(call)
    reason: fields.Reason = call.body
    key = call.path["key"]
    known = call.services.engine.credentials.get(key)
    rows = []
    if known is not None and known.org == call.org and known.subject == subject and not known.revoked_at:
        rows.append(msgspec.structs.replace(known, revoked_at=call.now).row())
    command = RevokeKey(subject=subject, credential=key, reason=reason.reason or "revoked")
    return recorded_as(await call.ask(command, credentials=rows))


def recorded_as(recorded: Recorded) -> Reply:
    """The plain answer to a command."""
    return Reply(body=fields.Recorded(seq=recorded.seq))


async def retire_agent(call: Call) -> Reply:
    """Take an agent out of service for good; its keys end."""
    subject, _ = await find(call)
    return recorded_as(await call.ask(RetireAgent(subject=subject, reason=call.body.reason)))


async def quarantine_agent(call: Call) -> Reply:
    """Put an agent into quarantine: it may look, and do nothing."""
    subject, _ = await find(call)
    reason = call.body.reason or "by a person"
    return recorded_as(await call.ask(QuarantineAgent(subject=subject, reason=reason)))


async def release_agent(call: Call) -> Reply:
    """Let an agent out of quarantine."""
    subject, _ = await find(call)
    return recorded_as(await call.ask(ReleaseAgent(subject=subject, reason=call.body.reason)))


async def adjust_trust(call: Call) -> Reply:
    """Move an agent's trust by points, with a reason people will read."""
    body: wire.AdjustTrustBody = call.body
    subject, state = await find(call)
    if state.owner == call.principal.id:
        raise Problem(403, "own_agent", "nobody moves the trust of an agent they own")
    return recorded_as(await call.ask(AdjustTrust(subject=subject, points=body.points, reason=body.reason)))


async def get_trust(call: Call) -> Reply:
    """Score and tier, now or at an instant in the past."""
    params: wire.TrustParams = call.params
    subject, _ = await find(call)
    at = params.at or call.now
    policy, version = policy_now(call)
    state = call.state("trust", subject)
    if state is not None and at < state.at:
        state = await asyncio.to_thread(_trust_until, call, subject, at)
    return Reply(body=trusting.now(call, subject, state, policy.trust, at, version))


def _trust_until(call: Call, subject: int, at: int) -> Any:
    """The trust of an agent as of an instant, folded from its stream."""
    (trust_subject,) = (entry for entry in trust.SUBJECTS if entry.kind == "trust")
    rows = call.services.reads.read_stream(call.org, subject)
    events = (call.services.decode(data) for _, data, _ in rows)
    return fold(trust_subject, (event for event in events if event.kind == "trust" and event.at <= at))


async def list_trust(call: Call) -> Reply:
    """What moved an agent's trust, newest first."""
    subject, _ = await find(call)
    rows, following = await lists.page(call, "trust_history", ("seq",), {"agent": subject})
    items = tuple(
        wire.TrustChange(
            seq=row["seq"],
            at=row["at"],
            what=row["what"],
            points=row["points"],
            reason=row["reason"],
            score_before=row["score_before"],
            score=row["score"],
            tier_before=TIERS[row["tier_before"]],
            tier=TIERS[row["tier"]],
            counted=bool(row["counted"]),
            source_seq=row["source"],
        )
        for row in rows
    )
    return Reply(body=wire.TrustHistory(items=items, next=following, seq=call.view_seq))
