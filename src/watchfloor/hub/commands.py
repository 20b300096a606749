"""An agent's frame as a command, and a command's outcome as the frame that answers it (spec 2.2, DESIGN 2b.5).

An answer is a function of the command's first event, so a repeated frame is answered from the ledger with the same
words; only the action's salt is fetched from the private part.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from watchfloor.actions import messages as actions
from watchfloor.actions.gate import explain_risk, retry_after_ms
from watchfloor.actions.gate import reasons as gate_reasons
from watchfloor.actions.life import content_of
from watchfloor.actions.retry_messages import ActionRetried, RetryAction
from watchfloor.actions.risk import BANDS, band_of
from watchfloor.engine.engine import Engine
from watchfloor.engine.requests import Answer, Lane
from watchfloor.hub import delegations, judging, speaking, spoken
from watchfloor.hub import protocol as wire
from watchfloor.hub.tribunal_frames import TribunalVote
from watchfloor.kernel.amounts import said
from watchfloor.kernel.codec import canonical
from watchfloor.kernel.ids import parse_id, public_id
from watchfloor.kernel.messages import Command, Event, Refused
from watchfloor.kernel.terms import Policy
from watchfloor.registers.delivery import TAKEN_AWAY
from watchfloor.work import messages as work

Build = Callable[[Engine, int, int, Any, bytes], Command]


def grant_id(action: int, nonce: int, number: int) -> str:
    """`grt_….<number>`: the action's own digits and the number of the grant."""
    return f"{public_id('grant', action, nonce)}.{number}"


def _find(engine: Engine, org: int, kind: str, text: str) -> tuple[int, Any]:
    """(integer, state) of a public id. Raises Refused 404."""
    subject, nonce = parse_id(text, kind)
    state = engine.state(org, kind, subject)
    if state is None or state.nonce != nonce:
        raise Refused("not_found", f"there is no such {kind}", status=404)
    return subject, state


def _mine(engine: Engine, org: int, agent: int, text: str) -> int:
    subject, state = _find(engine, org, "action", text)
    if state.agent != agent:
        raise Refused("not_found", "there is no such action", status=404)
    return subject


def request_action(
    engine: Engine, org: int, agent: int, payload: wire.ActionRequest, entropy: bytes
) -> Command:
    """Parameters are made canonical once, here (DESIGN 2b.2)."""
    params = wire.read_params(payload)
    action = wire.canonical_action(payload.type, payload.tool, params)
    salt = entropy
    private = b'{"action":' + action + b',"reason":' + canonical(payload.reason) + b"}"
    task = _find(engine, org, "task", payload.task_id)[0] if payload.task_id else 0
    return actions.RequestAction(
        agent=agent,
        type=payload.type,
        tool=payload.tool,
        params=params,
        action=action,
        salt=salt,
        private=private,
        urgency=payload.urgency,
        task=task,
        generation=payload.generation,
        cost_micro=said(payload.cost_micro),
        tokens=said(payload.tokens),
        dry_run=payload.dry_run,
        attempts=payload.attempts,
    )


def _start(engine: Engine, org: int, agent: int, payload: wire.ActionStarted, entropy: bytes) -> Command:
    subject, state = _find(engine, org, "action", payload.action_id)
    base, _, number = payload.grant_id.rpartition(".")
    if not number.isdigit() or parse_id(base, "grant") != parse_id(payload.action_id, "action"):
        raise Refused(
            "unknown_grant", "this grant is not of this action", field="/payload/grant_id", status=404
        )
    return actions.StartAction(
        subject=subject,
        agent=agent,
        grant=int(number),
        execution=payload.execution_id,
        digest=payload.digest,
        target=payload.target,
        salt=_salt(engine, org, content_of(subject, state)) if payload.target and state.targets else b"",
    )


def _salt(engine: Engine, org: int, action: int) -> bytes:
    """The salt an action's digests were made with; none when its private part is erased."""
    private = engine.ledger.read_private(org, action)
    return private[0] if private is not None else b""


def _complete(engine: Engine, org: int, agent: int, payload: wire.ActionCompleted, entropy: bytes) -> Command:
    outcome = wire.read_subtree(payload.outcome, "outcome")
    return actions.CompleteAction(
        subject=_mine(engine, org, agent, payload.action_id),
        agent=agent,
        execution=payload.execution_id,
        outcome_digest=payload.outcome_digest,
        cost_micro=said(payload.cost_micro),
        tokens=said(payload.tokens),
        private=canonical({"outcome": outcome}) if outcome is not None else b"",
    )


def _fail(engine: Engine, org: int, agent: int, payload: wire.ActionFailed, entropy: bytes) -> Command:
    return actions.FailAction(
        subject=_mine(engine, org, agent, payload.action_id),
        agent=agent,
        execution=payload.execution_id,
        code=payload.code,
        cost_micro=said(payload.cost_micro),
        tokens=said(payload.tokens),
        private=canonical({"reason": payload.reason}) if payload.reason else b"",
    )


def _settle(engine: Engine, org: int, agent: int, payload: wire.ActionSettled, entropy: bytes) -> Command:
    return actions.SettleAction(
        subject=_mine(engine, org, agent, payload.action_id),
        execution=payload.execution_id,
        outcome=payload.outcome,
        cost_micro=said(payload.cost_micro),
        tokens=said(payload.tokens),
    )


def _retry(engine: Engine, org: int, agent: int, payload: wire.ActionRetry, entropy: bytes) -> Command:
    return RetryAction(
        subject=_mine(engine, org, agent, payload.action_id), agent=agent, execution=payload.execution_id
    )


def _accept(engine: Engine, org: int, agent: int, payload: wire.TaskAccepted, entropy: bytes) -> Command:
    task, _ = _find(engine, org, "task", payload.task_id)
    return work.AcceptTask(subject=task, agent=agent, generation=payload.generation)


def _reject(engine: Engine, org: int, agent: int, payload: wire.TaskRejected, entropy: bytes) -> Command:
    task, _ = _find(engine, org, "task", payload.task_id)
    return work.RejectTask(subject=task, agent=agent, generation=payload.generation, reason=payload.reason)


def _progress(engine: Engine, org: int, agent: int, payload: wire.TaskProgress, entropy: bytes) -> Command:
    task, _ = _find(engine, org, "task", payload.task_id)
    return work.ReportProgress(
        subject=task,
        agent=agent,
        generation=payload.generation,
        percent=payload.percent,
        status=payload.status,
    )


def _completed(engine: Engine, org: int, agent: int, payload: wire.TaskCompleted, entropy: bytes) -> Command:
    task, _ = _find(engine, org, "task", payload.task_id)
    private = {
        "report": wire.read_subtree(payload.report, "report"),
        "result": wire.read_subtree(payload.result, "result"),
    }
    return work.CompleteTask(
        subject=task,
        agent=agent,
        generation=payload.generation,
        cost_micro=said(payload.cost_micro),
        tokens=said(payload.tokens),
        private=canonical(private),
    )


def _failed(engine: Engine, org: int, agent: int, payload: wire.TaskFailed, entropy: bytes) -> Command:
    task, _ = _find(engine, org, "task", payload.task_id)
    return work.FailTask(
        subject=task,
        agent=agent,
        generation=payload.generation,
        retryable=payload.retryable,
        private=canonical({"reason": payload.reason}),
        cost_micro=said(payload.cost_micro),
        tokens=said(payload.tokens),
    )


def _resume(engine: Engine, org: int, agent: int, payload: wire.TaskResume, entropy: bytes) -> Command:
    task, _ = _find(engine, org, "task", payload.task_id)
    return work.ResumeTask(subject=task, agent=agent, generation=payload.generation)


BUILDS: dict[type[wire.Payload], tuple[Build, Lane]] = {
    wire.ActionRequest: (request_action, Lane.REQUESTS),
    wire.ActionStarted: (_start, Lane.OUTCOMES),
    wire.ActionCompleted: (_complete, Lane.OUTCOMES),
    wire.ActionFailed: (_fail, Lane.OUTCOMES),
    wire.ActionSettled: (_settle, Lane.OUTCOMES),
    wire.ActionRetry: (_retry, Lane.REQUESTS),
    wire.TaskAccepted: (_accept, Lane.OUTCOMES),
    wire.TaskRejected: (_reject, Lane.OUTCOMES),
    wire.TaskProgress: (_progress, Lane.OUTCOMES),
    wire.TaskCompleted: (_completed, Lane.OUTCOMES),
    wire.TaskFailed: (_failed, Lane.OUTCOMES),
    wire.TaskResume: (_resume, Lane.OUTCOMES),
    spoken.ChatMessage: (speaking.answer_chat, Lane.REQUESTS),
    spoken.MessageSend: (speaking.send, Lane.REQUESTS),
    spoken.ChannelJoin: (speaking.join, Lane.REQUESTS),
    spoken.ChannelLeave: (speaking.leave, Lane.REQUESTS),
    spoken.ChannelPost: (speaking.post, Lane.REQUESTS),
    TribunalVote: (judging.vote, Lane.OUTCOMES),
    wire.TaskSubmit: (delegations.submit, Lane.REQUESTS),
    wire.TaskDelegate: (delegations.submit, Lane.REQUESTS),
}


# Answers --------------------------------------------------------------------------------------------------------------


def policy_of(engine: Engine, org: int) -> Policy:
    """The document in force."""
    document: Policy = engine.cell(org, "active_policy", "active").document
    return document


def decided(
    engine: Engine, org: int, event: Event, salt: bytes, *, dry_run: bool = False, seq: int = 0
) -> wire.Payload:
    """`action:decided` for an action.decided/1 event."""
    facts = event.facts
    assert isinstance(facts, actions.ActionDecided)
    terms = facts.grant
    grant = None
    if terms is not None and not dry_run:
        grant = wire.Grant(
            grant_id=grant_id(event.subject, facts.nonce, terms.number),
            basis=terms.basis,
            expires_at=terms.expires_at,
            execution_ms=terms.execution_ms,
            digest=facts.digest,
            salt=salt.hex(),
        )
    if not facts.failed:
        return wire.ActionDecided(
            action_id=public_id("action", event.subject, facts.nonce),
            verdict=facts.verdict,  # type: ignore[arg-type]
            level=facts.level,
            digest=facts.digest,
            risk=wire.Risk(score=facts.risk, band=BANDS[band_of(facts.risk)]),
            grant=grant,
            dry_run=dry_run,
            judged_at_seq=seq,
        )
    return _explained(engine, org, event, facts, grant, dry_run=dry_run, seq=seq)


def _explained(
    engine: Engine,
    org: int,
    event: Event,
    facts: actions.ActionDecided,
    grant: wire.Grant | None,
    *,
    dry_run: bool,
    seq: int,
) -> wire.Payload:
    """With reasons. Sentences are worked out only where somebody is held or refused; a permit names its rules."""
    active = engine.cell(org, "active_policy", "active")
    reasons: tuple[wire.Reason, ...] = ()
    factors: tuple[wire.RiskFactor, ...] = ()
    if facts.verdict == "permitted" or active.digest != facts.policy_digest:
        reasons = tuple(
            wire.Reason(rule=rule, answer=answer, level=level) for rule, answer, level in facts.failed
        )
    else:
        reasons = tuple(
            wire.Reason(rule=line.rule, answer=line.answer, level=line.level, text=line.sentence)
            for line in gate_reasons(active.document, active.digest, facts, event.at)
        )
        factors = tuple(
            wire.RiskFactor(name=name, points=points)
            for name, points in explain_risk(active.document, active.digest, facts)
        )
    decision, deadline = "", 0
    if facts.verdict == "pending" and not dry_run:
        # One that was denied in the same breath, because nobody could ever approve it, waits no more.
        waiting = engine.cell(org, "waiting", event.subject) or _ended(engine, org, event.subject)
        opened = engine.state(org, "decision", waiting) if waiting else None
        if opened is not None:
            decision = public_id("decision", waiting, opened.nonce)
            deadline = opened.deadline_at
    return wire.ActionDecided(
        action_id=public_id("action", event.subject, facts.nonce),
        verdict=facts.verdict,  # type: ignore[arg-type]
        level=facts.level,
        digest=facts.digest,
        decision_id=decision,
        risk=wire.Risk(score=facts.risk, band=BANDS[band_of(facts.risk)], factors=factors),
        reasons=reasons,
        grant=grant,
        deadline_at=deadline,
        retry_after_ms=retry_after_ms(facts, event.at),
        dry_run=dry_run,
        judged_at_seq=seq,
    )


def _ended(engine: Engine, org: int, action: int) -> int:
    """The decision that has ended on an action, 0 when there is none."""
    state = engine.state(org, "action", action)
    return 0 if state is None else int(state.decision)


def granted(engine: Engine, org: int, event: Event) -> wire.Payload | None:
    """The push that follows people's yes."""
    facts = event.facts
    assert isinstance(facts, actions.ActionGranted)
    state = engine.state(org, "action", event.subject)
    return (
        None if state is None else _permitted(engine, org, event.subject, state, facts.grant, facts.decision)
    )


def _permitted(
    engine: Engine,
    org: int,
    action: int,
    state: Any,
    grant: actions.Grant,
    decision: int,
    status: str = "approved",
) -> wire.ActionDecided:
    private = engine.ledger.read_private(org, content_of(action, state))
    opened = engine.state(org, "decision", decision) if decision else None
    return wire.ActionDecided(
        action_id=public_id("action", action, state.nonce),
        decision_id=public_id("decision", decision, opened.nonce) if opened is not None else "",
        verdict="permitted",
        status=status,
        level=state.level,
        digest=state.digest,
        params=_edited(private) if state.content else None,
        grant=wire.Grant(
            grant_id=grant_id(action, state.nonce, grant.number),
            basis=grant.basis,
            expires_at=grant.expires_at,
            execution_ms=grant.execution_ms,
            digest=state.digest,
            salt=private[0].hex() if private is not None else "",
        ),
    )


def retried(engine: Engine, org: int, payload: wire.ActionRetry, answer: Answer) -> wire.Payload:
    """`action:decided` with the grant of the next attempt; what it has become where another grant followed since."""
    action = parse_id(payload.action_id, "action")[0]
    state = engine.state(org, "action", action)
    facts = answer.event.facts if answer.event is not None else None
    given = facts.grant if isinstance(facts, ActionRetried) else state.grant
    if given is None:
        return wire.Error(code="grant_revoked", detail=f"the action is {state.status}")
    return _permitted(engine, org, action, state, given, state.decision, status="retried")


def _edited(private: tuple[bytes, bytes] | None) -> Any:
    """The parameters that people gave it, for the agent to run with; None when they were erased."""
    return msgspec.json.decode(private[1])["action"]["params"] if private is not None else None


def standing(engine: Engine, org: int, action: int, state: Any) -> wire.ActionDecided:
    """Where an action stands now, for a resync."""
    if state.grant is not None and state.status == "granted":
        return _permitted(engine, org, action, state, state.grant, state.decision)
    waiting = engine.cell(org, "waiting", action)
    opened = engine.state(org, "decision", waiting) if waiting else None
    return wire.ActionDecided(
        action_id=public_id("action", action, state.nonce),
        decision_id=public_id("decision", waiting, opened.nonce) if opened is not None else "",
        verdict="pending",
        level=state.level,
        digest=state.digest,
        deadline_at=opened.deadline_at if opened is not None else 0,
    )


def closed(engine: Engine, org: int, event: Event) -> wire.Payload | None:
    """The push that follows people's no, or their silence."""
    facts = event.facts
    assert isinstance(facts, actions.ActionClosed)
    state = engine.state(org, "action", event.subject)
    if state is None or not facts.decision:
        return None
    decision = engine.state(org, "decision", facts.decision)
    return wire.ActionDecided(
        action_id=public_id("action", event.subject, state.nonce),
        decision_id=public_id("decision", facts.decision, decision.nonce) if decision is not None else "",
        verdict="denied",
        status=facts.reason,
        level=state.level,
        digest=state.digest,
        reasons=_why_not(decision),
    )


def _why_not(decision: Any) -> tuple[wire.Reason, ...]:
    """What people's no, or their silence, was: an agent that hears only "denied" cannot tell anybody what to mend."""
    if decision is None or decision.status not in ("denied", "expired"):
        return ()
    if any(vote.vote == "deny" and not vote.late for vote in decision.votes):
        rule, text = "somebody_said_no", "Somebody who may decide said no."
    elif decision.decided_at < decision.deadline_at:
        needed = (
            f"the committee {decision.committee}"
            if decision.committee
            else f"{decision.needed} with the role {decision.role}"
        )
        rule = "too_few_people_may_decide"
        text = f"Too few people may decide: it takes {needed}, and the agent's owner does not count."
    else:
        rule, text = "nobody_decided_in_time", "Nobody decided in time."
    return (wire.Reason(rule=rule, answer="deny", level=decision.level, text=text),)


def task_news(engine: Engine, org: int, event: Event) -> wire.Payload | None:
    """The push about a task an agent has or had; None where the agent said so itself."""
    facts: Any = event.facts
    state = engine.state(org, "task", event.subject)
    told = {"task_id": public_id("task", event.subject, state.nonce), "generation": facts.generation}
    match facts:
        case work.TaskCancelled():
            return wire.TaskCancelled(**told, reason=facts.reason)
        case work.TaskPaused():
            return wire.TaskPaused(**told, reason=facts.reason)
        case work.TaskUnpaused():
            return wire.TaskUnpaused(**told)
        case _ if facts.reason in TAKEN_AWAY:
            return wire.TaskReassigned(**told, reason=facts.reason)
    return None


def recorded(engine: Engine, org: int, payload: wire.Payload, answer: Answer) -> wire.Payload:
    """`action:recorded` or `task:recorded`: what the subject has become."""
    event = answer.event
    speech = speaking.recorded(engine, org, payload, answer)
    if speech is not None:
        return speech
    if isinstance(payload, TribunalVote):
        return judging.recorded(payload, answer)
    if isinstance(payload, wire.TaskResume):
        return _resumed(engine, org, payload, event)
    if isinstance(
        payload, wire.ActionStarted | wire.ActionCompleted | wire.ActionFailed | wire.ActionSettled
    ):
        return _action_recorded(engine, org, payload, answer)
    task_id: str = payload.task_id  # type: ignore[attr-defined]
    state = engine.state(org, "task", parse_id(task_id, "task")[0])
    return wire.TaskRecorded(
        task_id=task_id,
        status=state.status,
        generation=state.generation,
        seq=answer.seq,
        late=event is not None and isinstance(event.facts, work.TaskReportedLate),
    )


def _action_recorded(engine: Engine, org: int, payload: Any, answer: Answer) -> wire.Payload:
    event = answer.event
    facts = event.facts if event is not None else None
    if isinstance(facts, actions.GrantMisused):
        return wire.Error(code="grant_misused", detail=f"the grant was not given for this: {facts.misuse}")
    if isinstance(facts, actions.UngatedCall):
        return wire.Error(code="ungated_call", detail="no grant was used for this; it is recorded")
    state = engine.state(org, "action", parse_id(payload.action_id, "action")[0])
    if isinstance(facts, actions.GrantRevoked):
        return wire.ActionRecorded(
            action_id=payload.action_id,
            status="grant_revoked",
            seq=answer.seq,
            execution_id=payload.execution_id,
            reason=facts.reason,
        )
    return wire.ActionRecorded(
        action_id=payload.action_id,
        status=state.status,
        seq=answer.seq,
        execution_id=payload.execution_id,
        until_at=facts.until_at if isinstance(facts, actions.ActionStarted) else 0,
    )


def refusal(engine: Engine, org: int, payload: wire.Payload, refused: Refused) -> wire.Payload:
    """The frame that says no: `error`, and to a resume that comes too late `task:reassigned` (spec 2.2)."""
    if isinstance(payload, wire.TaskResume) and refused.code == "task_reassigned":
        _, state = _find(engine, org, "task", payload.task_id)
        return wire.TaskReassigned(task_id=payload.task_id, generation=state.generation, reason=state.status)
    return wire.Error(
        code=refused.code, detail=refused.detail, field=refused.field, retryable=refused.retryable
    )


def _resumed(engine: Engine, org: int, payload: wire.TaskResume, event: Event | None) -> wire.Payload:
    state = engine.state(org, "task", parse_id(payload.task_id, "task")[0])
    if (event is not None and isinstance(event.facts, work.TaskResumed)) or (
        state.generation == payload.generation and state.stage in ("running", "blocked", "reported")
    ):
        return wire.TaskContinue(task_id=payload.task_id, generation=state.generation, status=state.status)
    return wire.TaskReassigned(task_id=payload.task_id, generation=state.generation, reason=state.status)
