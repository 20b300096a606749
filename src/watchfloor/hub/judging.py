"""What validator agents are asked, and their votes as commands (spec 2.2 `tribunal:vote`, 3.2 *Tribunal*)."""

# ruff: noqa: ARG001 -- builders have one signature each

from __future__ import annotations

from typing import Any

import msgspec

from watchfloor.actions.life import content_of
from watchfloor.actions.risk import BANDS, band_of
from watchfloor.councils.tribunal_messages import TribunalVoted, VoteInTribunal
from watchfloor.engine.engine import Engine
from watchfloor.engine.requests import Answer
from watchfloor.hub.tribunal_frames import TribunalAsked, TribunalRecorded, TribunalVote
from watchfloor.kernel.codec import canonical
from watchfloor.kernel.ids import parse_id, public_id
from watchfloor.kernel.messages import Command, Refused


def vote(engine: Engine, org: int, agent: int, payload: TribunalVote, entropy: bytes) -> Command:
    """`tribunal:vote`."""
    subject, nonce = parse_id(payload.decision_id, "decision")
    decision = engine.state(org, "decision", subject)
    if decision is None or decision.nonce != nonce or engine.state(org, "tribunal", subject) is None:
        raise Refused(
            "unknown_tribunal",
            "no tribunal was convened for it",
            field="/payload/decision_id",
            status=404,
        )
    return VoteInTribunal(
        subject=subject,
        agent=agent,
        vote=payload.vote,
        confidence_milli=payload.confidence_milli,
        private=canonical({"reasoning": payload.reasoning}) if payload.reasoning else b"",
    )


def asked(engine: Engine, org: int, agent: int, decision: int) -> TribunalAsked | None:
    """The push to a validator; None when nobody waits for its vote any more."""
    if decision not in (engine.cell(org, "asked", agent) or ()):
        return None
    tribunal = engine.state(org, "tribunal", decision)
    opened = engine.state(org, "decision", decision)
    action = engine.state(org, "action", tribunal.action)
    requester = engine.state(org, "agent", tribunal.agent) if tribunal.agent else None
    private = engine.ledger.read_private(org, content_of(tribunal.action, action))
    told = msgspec.json.decode(private[1]) if private is not None else {}
    asked = told if not action.content else _told(engine, org, tribunal.action)
    return TribunalAsked(
        decision_id=public_id("decision", decision, opened.nonce),
        action_id=public_id("action", tribunal.action, action.nonce),
        agent_id=public_id("agent", tribunal.agent, requester.nonce) if requester is not None else "",
        type=action.action_type,
        tool=action.tool,
        params=told.get("action", {}).get("params"),
        words=asked.get("reason", ""),
        level=opened.level,
        risk=opened.risk,
        band=BANDS[band_of(opened.risk)],
        digest=opened.digest,
        members=len(tribunal.members),
        deadline_at=tribunal.deadline_at,
    )


def _told(engine: Engine, org: int, seq: int) -> Any:
    """A private part, decoded; empty when it was erased."""
    private = engine.ledger.read_private(org, seq)
    return msgspec.json.decode(private[1]) if private is not None else {}


def recorded(payload: TribunalVote, answer: Answer) -> TribunalRecorded:
    """`tribunal:recorded`."""
    facts = answer.event.facts if answer.event is not None else None
    assert isinstance(facts, TribunalVoted)
    return TribunalRecorded(decision_id=payload.decision_id, seq=answer.seq, late=facts.late)
