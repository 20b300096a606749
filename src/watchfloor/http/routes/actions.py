"""Actions over HTTP: the gate's ruling, the trace, grants and outcomes (spec 3.1 to 3.3). Same commands as the frames."""

from __future__ import annotations

import asyncio
from hashlib import sha256
from typing import Any

import msgspec

from watchfloor.actions import gate
from watchfloor.actions import messages as actions
from watchfloor.actions.dry_runs import noted
from watchfloor.actions.life import content_of
from watchfloor.actions.names import fold
from watchfloor.actions.retry_messages import ActionRetried, RetryAction
from watchfloor.actions.risk import BANDS, band_of
from watchfloor.engine.requests import Lane
from watchfloor.engine.rights import standing
from watchfloor.http import acted, lists, problems, telling
from watchfloor.http.asking import Call, Recorded, encoded
from watchfloor.http.bodies import actions as wire
from watchfloor.http.bodies import fields
from watchfloor.http.floods import turned_away
from watchfloor.http.pacing import Rate
from watchfloor.http.problems import Problem
from watchfloor.http.replies import Reply
from watchfloor.http.routes.policy import of_version
from watchfloor.kernel.amounts import said
from watchfloor.kernel.ids import parse_id, public_id
from watchfloor.kernel.messages import Event, Refused
from watchfloor.kernel.rate_terms import rates_of
from watchfloor.kernel.terms import TIERS
from watchfloor.registers.stops import names_of

_GRANTED = frozenset(("granted",))


def grant_id(action: int, nonce: int, number: int) -> str:
    """`grt_….<number>`: the action's own digits and the number of the grant, as in the agent protocol."""
    return f"{public_id('grant', action, nonce)}.{number}"


# Asking --------------------------------------------------------------------------------------------------------------


async def request_action(call: Call) -> Reply:
    """Ask before acting. The answer is the ruling, and the grant when it is permitted.

    The same as the frame `action:request`; a pending one is followed up at `GET /api/v1/actions/{action}`.
    """
    body: wire.RequestActionBody = call.body
    return await _judged(call, call.principal.subject, body, dry_run=body.dry_run)


async def dry_run_action(call: Call) -> Reply:
    """What would the gate say? Judges committed state, spends no limit; records nothing but the line that `audit` asks for."""
    body: wire.DryRunBody = call.body
    if call.of_agent:
        if body.agent_id and body.agent_id != call.principal.id:
            raise problems.not_found("agent")
        return await _judged(call, call.principal.subject, body, dry_run=True)
    if not body.agent_id:
        raise Problem(422, "invalid_fields", "/agent_id: say for which agent")
    return await _judged(call, call.resolve("agent", body.agent_id)[0], body, dry_run=True)


async def _judged(call: Call, agent: int, body: wire.RequestActionBody, *, dry_run: bool) -> Reply:
    params: dict[str, Any] = body.params
    action = encoded({"params": params, "tool": body.tool, "type": body.type})
    task = call.resolve("task", body.task_id)[0] if body.task_id else 0
    if not dry_run:
        refuse_stopped(call, body.type, body.tool, task)
        paced(call, body.type)
    command = actions.RequestAction(
        agent=agent,
        type=body.type,
        tool=body.tool,
        params=params,
        action=action,
        private=encoded({"action": msgspec.Raw(action), "reason": body.reason}),
        urgency=body.urgency,
        task=task,
        generation=body.generation,
        cost_micro=said(body.cost_micro),
        tokens=said(body.tokens),
        dry_run=dry_run,
        attempts=body.attempts,
    )
    request = call.request(command, lane=Lane.REQUESTS, keyed=not dry_run, dry_run=dry_run)
    request.noted = noted if dry_run and body.audit else None
    request.command = msgspec.structs.replace(command, salt=request.entropy)
    request.body = sha256(action).hexdigest()[:16]
    answer = await call.submit(request)
    salt = request.entropy
    event = answer.event
    if answer.replayed:
        event = await call.event(answer.seq)
        salt = await _salt(call, answer.seq)
    assert event is not None
    if not dry_run:
        refuse_stopped(call, body.type, body.tool, task)
    ruling = await decided(call, event, salt, dry_run=dry_run)
    seq = answer.judged_at if dry_run else answer.seq
    return Reply(body=msgspec.structs.replace(ruling, seq=seq, audit_seq=answer.noted_seq))


def refuse_stopped(call: Call, action_type: str, tool: str, task: int = 0) -> None:
    """No grant leaves under a stop, whatever the ledger knows of it yet: checked before and after (DESIGN 2b.9)."""
    if _stopped(call, action_type, tool, task):
        raise Refused("stopped", "a stop is in force", status=403)


def _stopped(call: Call, action_type: str, tool: str, task: int) -> bool:
    stops = call.services.engine.stops
    if not stops.any:
        return False
    names = names_of(
        call.principal.subject, call.read, action_type=fold(action_type), tool=fold(tool), task=task
    )
    return bool(stops.hits(call.org, names))


def paced(call: Call, action_type: str) -> None:
    """The agent's bucket for this class of action (spec 3.3), as on the socket. Raises Problem 429."""
    active = call.services.engine.cell(call.org, "active_policy", "active")
    if active is None:
        return
    document = active.document
    cls = document.classes.get(document.types.get(fold(action_type), "unknown"))
    rate_class = cls.rate if cls is not None else "heavy"
    tier = ""
    if document.rates.tiers:
        tier = TIERS[standing(call.read, call.principal.subject, document, call.now, active.version)[0]]
    rates = rates_of(document.rates, tier)
    per_minute = rates.get(rate_class, rates["heavy"])
    rate = Rate(per_minute=per_minute, burst=per_minute)
    wait_ms = call.pacing.take(f"action {rate_class}", call.principal.id, rate)
    if wait_ms:
        call.services.metrics.count("rate_limited_total", rate_class)
        turned_away(call)
        raise Problem(
            429,
            "rate_limited",
            f"too many actions of class {rate_class}",
            retryable=True,
            retry_after_ms=wait_ms,
            rate_class=rate_class,
        )


async def _salt(call: Call, seq: int) -> bytes:
    """The salt of an action's digest, empty when its private part was erased."""
    found = await asyncio.to_thread(call.services.reads.read_private, call.org, seq)
    return found[0] if found is not None else b""


async def decided(call: Call, event: Event, salt: bytes, *, dry_run: bool = False) -> wire.ActionDecided:
    """The ruling of an action.decided/1 event. With `salt` (for the agent alone) the grant can be checked."""
    facts = gate.decided(event)
    # Denied in the same breath (nobody could ever approve it): the decision that says so, not the one that waits.
    waiting = 0 if dry_run else call.read("waiting", event.subject) or _ended(call, event.subject)
    terms = facts.grant if not dry_run else None
    lines = await trace(call, event)
    return wire.ActionDecided(
        action_id="" if dry_run else public_id("action", event.subject, facts.nonce),
        decision_id=call.id_of("decision", waiting),
        verdict=facts.verdict,
        level=facts.level,
        digest=facts.digest,
        risk=await risk(call, event),
        reasons=tuple(line for line in lines if line.answer != "pass"),
        grant=None if terms is None else _grant(event.subject, facts.nonce, terms, facts.digest, salt),
        dry_run=dry_run,
        retry_after_ms=gate.retry_after_ms(facts, event.at),
        seq=event.seq,
    )


def _ended(call: Call, action: int) -> int:
    """The decision that has ended on an action, 0 when there is none."""
    state = call.state("action", action)
    return 0 if state is None else int(state.decision)


def _grant(action: int, nonce: int, terms: Any, digest: str, salt: bytes) -> wire.GrantItem:
    return wire.GrantItem(
        grant_id=grant_id(action, nonce, terms.number),
        basis=terms.basis,
        expires_at=terms.expires_at,
        execution_ms=terms.execution_ms,
        digest=digest,
        salt=salt.hex(),
    )


async def ruling(call: Call, subject: int, state: Any) -> Event:
    """What the gate said of the action as it is now: of its request, or of its parameters since they were edited."""
    event = await call.event(subject)
    assert event is not None
    if state is None or not state.content:
        return event
    edited = await call.event(state.content)
    assert edited is not None
    said: Any = edited.facts
    facts = msgspec.structs.replace(
        gate.decided(event),
        derived=said.derived,
        digest=said.digest,
        evidence=said.evidence,
        failed=said.failed,
        level=said.level,
        policy_digest=said.policy_digest,
        risk=said.risk,
    )
    return msgspec.structs.replace(edited, subject=subject, facts=facts)


async def trace(call: Call, event: Event) -> tuple[wire.RuleReason, ...]:
    """Every rule's answer as a sentence, recomputed from the recorded evidence and the policy it was judged by."""
    policy = await of_version(call, event.policy)
    return tuple(
        wire.RuleReason(rule=line.rule, answer=line.answer, level=line.level, text=line.sentence)
        for line in gate.trace(policy, gate.decided(event), event.at)
    )


async def risk(call: Call, event: Event) -> wire.Risk:
    """The risk score with its factors."""
    facts = gate.decided(event)
    policy = await of_version(call, event.policy)
    factors = gate.explain_risk(policy, facts.policy_digest, facts)
    return wire.Risk(
        score=facts.risk,
        band=BANDS[band_of(facts.risk)],
        factors=tuple(wire.RiskFactor(name=name, points=points) for name, points in factors),
    )


UNHELD_FROM = 3  # level from which an observed action is marked `unheld` (spec 3.6)

# Looking -------------------------------------------------------------------------------------------------------------


def item(call: Call, row: dict[str, Any]) -> wire.ActionItem:
    """A row of `actions` as lists show it."""
    agent = call.state("agent", row["agent"])
    return wire.ActionItem(
        action_id=row["id"],
        decision_id=call.id_of("decision", row["decision"]),
        agent_id=call.id_of("agent", row["agent"]),
        type=row["type"],
        tool=row["tool"],
        verdict=row["verdict"],
        status=row["status"],
        level=row["level"],
        risk=row["risk"],
        urgency=row["urgency"],
        task_id=call.id_of("task", row["task"]),
        decided_at=row["decided_at"],
        changed_at=max(row["decided_at"], row["granted_at"], row["started_at"], row["finished_at"]),
        reason=row["reason"],
        observed=row["observed"],
        unheld=row["observed"] >= UNHELD_FROM,
        agent_name=agent.name if agent is not None else "",
        basis=row["basis"],
    )


async def list_actions(call: Call) -> Reply:
    """Actions, newest first; of a status, verdict, level, agent, type or span of time, automatic or by people. An agent sees its own."""
    params: wire.ActionsParams = call.params
    agent = call.resolve("agent", params.agent)[0] if params.agent else None
    if call.of_agent:
        agent = call.principal.subject
    rows, following = await acted.page(call, params, agent)
    items = tuple(item(call, row) for row in rows)
    return Reply(body=wire.ActionPage(items=items, next=following, seq=call.view_seq))


async def get_action(call: Call) -> Reply:
    """One action: canonical parameters, the agent's own words apart, the gate's trace, its story."""
    return Reply(body=await detail(call, call.path["action"]))


async def detail(call: Call, text: str) -> wire.ActionDetail:
    """The action of a public id."""
    subject, state = call.resolve("action", text)
    call.own_only(state.agent, "action")
    row = await lists.viewed(call, "actions", "action", subject)
    event = await ruling(call, subject, state)
    content = content_of(subject, state)
    told = await call.privates([subject, content])
    asked, private = told.get(subject), told.get(content)
    lines, _ = await telling.of_story(call, row["story"], subject)
    grant = None
    # Memory may be ahead of the store: a grant is shown when the view has it, and under no stop.
    shown = row["status"] in _GRANTED and not (
        call.of_agent and _stopped(call, state.action_type, state.tool, state.task)
    )
    if shown and state.status in _GRANTED and state.grant is not None:
        salt = await _salt(call, content) if call.of_agent else b""
        grant = _grant(subject, state.nonce, state.grant, state.digest, salt)
    return wire.ActionDetail(
        action=item(call, row),
        digest=state.digest,
        params=None if private is None else private["action"]["params"],
        words=None if asked is None else asked.get("reason", ""),
        risk=await risk(call, event),
        trace=await trace(call, event),
        grant=grant,
        executions=(*(one for one in state.executions if one != state.execution), state.execution)
        if state.execution
        else (),
        attempt=state.attempt,
        attempts=state.attempts,
        timeline=lines,
        seq=call.view_seq,
    )


# Doing ---------------------------------------------------------------------------------------------------------------


async def start_action(call: Call) -> Reply:
    """Use the grant and begin. Idempotent by grant and execution; only `executing` allows to run."""
    body: wire.StartActionBody = call.body
    subject, state = call.resolve("action", call.path["action"])
    base, _, number = body.grant_id.rpartition(".")
    if parse_id(base, "grant") != (subject, state.nonce):
        raise Refused("unknown_grant", "this grant is not of this action", field="/grant_id", status=404)
    command = actions.StartAction(
        subject=subject,
        agent=call.principal.subject,
        grant=int(number),
        execution=body.execution_id,
        digest=body.digest,
        target=body.target,
        salt=await _salt(call, content_of(subject, state)) if body.target and state.targets else b"",
    )
    recorded = await call.ask(command, lane=Lane.OUTCOMES)
    facts = recorded.event.facts if recorded.event is not None else None
    if isinstance(facts, actions.GrantMisused):
        raise Problem(
            403, "grant_misused", f"the grant was not given for this: {facts.misuse}", seq=recorded.seq
        )
    return _recorded(call, subject, body.execution_id, recorded)


_BECAME: dict[type[Any], str] = {
    actions.GrantRevoked: "grant_revoked",
    actions.ActionStarted: "executing",
    actions.ActionCompleted: "completed",
    actions.ActionFailed: "failed",
}


def _recorded(call: Call, subject: int, execution: str, recorded: Recorded) -> Reply:
    """What the action has become: of the event this led to, or its state when nothing new had to be recorded."""
    facts: Any = recorded.event.facts if recorded.event is not None else None
    status = _BECAME.get(type(facts)) or getattr(facts, "outcome", None)
    return Reply(
        body=wire.ActionRecorded(
            action_id=call.path["action"],
            status=status or call.state("action", subject).status,
            seq=recorded.seq,
            execution_id=execution,
            reason=getattr(facts, "reason", ""),
            until_at=getattr(facts, "until_at", 0),
        )
    )


def _mine(call: Call) -> int:
    """The agent's own action of the path."""
    subject, state = call.resolve("action", call.path["action"])
    call.own_only(state.agent, "action")
    return subject


async def complete_action(call: Call) -> Reply:
    """It ran."""
    body: wire.CompleteActionBody = call.body
    subject = _mine(call)
    command = actions.CompleteAction(
        subject=subject,
        agent=call.principal.subject,
        execution=body.execution_id,
        outcome_digest=body.outcome_digest,
        cost_micro=said(body.cost_micro),
        tokens=said(body.tokens),
        private=encoded({"outcome": body.outcome}) if body.outcome is not None else b"",
    )
    recorded = await call.ask(command, lane=Lane.OUTCOMES)
    if recorded.event is not None and isinstance(recorded.event.facts, actions.UngatedCall):
        raise Problem(403, "ungated_call", "no grant was used for this", seq=recorded.seq)
    return _recorded(call, subject, body.execution_id, recorded)


async def fail_action(call: Call) -> Reply:
    """It did not run to its end."""
    body: wire.FailActionBody = call.body
    subject = _mine(call)
    command = actions.FailAction(
        subject=subject,
        agent=call.principal.subject,
        execution=body.execution_id,
        code=body.code,
        cost_micro=said(body.cost_micro),
        tokens=said(body.tokens),
        private=encoded({"reason": body.reason}) if body.reason else b"",
    )
    return _recorded(call, subject, body.execution_id, await call.ask(command, lane=Lane.OUTCOMES))


async def retry_action(call: Call) -> Reply:
    """It failed: a grant once more, under the same decision, as often as the ruling bears (DESIGN 2b.8).

    The same as the frame `action:retry`. Saying the same execution twice gives the same grant.
    """
    body: wire.RetryActionBody = call.body
    subject, state = call.resolve("action", call.path["action"])
    call.own_only(state.agent, "action")
    refuse_stopped(call, state.action_type, state.tool, state.task)
    paced(call, state.action_type)
    command = RetryAction(subject=subject, agent=call.principal.subject, execution=body.execution_id)
    recorded = await call.ask(command, lane=Lane.REQUESTS)
    refuse_stopped(call, state.action_type, state.tool, state.task)
    facts = recorded.event.facts if recorded.event is not None else None
    now = call.state("action", subject)
    terms = facts.grant if isinstance(facts, ActionRetried) else now.grant
    if terms is None:
        raise Refused("grant_revoked", f"the action is {now.status}")
    return Reply(
        body=wire.ActionRetried(
            action_id=call.path["action"],
            attempt=facts.attempt if isinstance(facts, ActionRetried) else now.attempt,
            attempts=now.attempts,
            grant=_grant(subject, now.nonce, terms, now.digest, await _salt(call, content_of(subject, now))),
            seq=recorded.seq,
        )
    )


async def settle_action(call: Call) -> Reply:
    """Say what became of an execution whose outcome is unknown."""
    body: wire.SettleActionBody = call.body
    subject = _mine(call)
    command = actions.SettleAction(
        subject=subject,
        execution=body.execution_id,
        outcome=body.outcome,
        cost_micro=said(body.cost_micro),
        tokens=said(body.tokens),
    )
    return _recorded(call, subject, body.execution_id, await call.ask(command, lane=Lane.OUTCOMES))


async def cancel_action(call: Call) -> Reply:
    """Withdraw an action that has not started; a decision that waits on it ends."""
    recorded = await call.ask(actions.CancelAction(subject=_mine(call), reason=call.body.reason))
    return Reply(body=fields.Recorded(seq=recorded.seq))
