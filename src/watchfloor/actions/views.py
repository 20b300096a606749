"""What people see of actions: `actions`, `stops`, `standing_approvals` and `breakers` (spec 3.1 to 3.3).

A level-0 decision is one row of `actions` and nothing else: `_decided` is the hot path of all views (≤ 8 µs with its
share of the write, benchmarks/views.py), so it spells its tuple out where the others name their columns.
"""

from __future__ import annotations

import msgspec

from watchfloor.actions.bypass_messages import BypassEnded, BypassOpened
from watchfloor.actions.edit_messages import ActionEdited
from watchfloor.actions.messages import (
    ActionClosed,
    ActionCompleted,
    ActionDecided,
    ActionFailed,
    ActionGranted,
    ActionSettled,
    ActionStarted,
    ActionUnknown,
    BreakerOpened,
    GrantMisused,
    GrantRevoked,
    StandingGranted,
    StandingRevoked,
    StopEased,
    StopLifted,
    StopRecorded,
    UngatedCall,
)
from watchfloor.actions.retry_messages import ActionRetried
from watchfloor.actions.risk import history
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

# Entries of an index by agent alone are spread over as many pages as there are busy agents, and each write touches
# most of them: half of what a decision costs, and growing with the table. A slab of 4,096 seqs ahead of the agent keeps
# writes within a few pages; a reader walks the slabs backwards (engine/view_reads.py, `newest_of_agent`).
SLAB = "action >> 12"
SLAB_BITS = 12

# What is rarer has an index that a level-0 decision never touches; a query says the condition in these very words. There is
# one for all of it: each partial index costs every decision 0.7 µs, whether its row is in it or not.
ABOVE_0 = "level > 0"

ACTIONS = Table(
    name="actions",
    version=5,
    meaning="Every action that was judged, as it is now.",
    key=("action",),
    columns={
        "action": integer(
            "subject; the seq of action.decided, whose private part holds parameters and reason"
        ),
        "id": text("public id act_…"),
        "type": text("as the agent named it"),
        "tool": text("or empty"),
        "class": text("action class the server derived"),
        "agent": integer("subject"),
        "task": integer("subject, 0: none"),
        "level": integer("authorization level 0 to 4"),
        "risk": integer("score 0 to 100"),
        "urgency": text("low, normal, high or immediate"),
        "verdict": text("the gate's: permitted, pending or denied"),
        "status": text(
            "pending, granted, executing, completed, failed, unknown, denied, expired or cancelled"
        ),
        "basis": text(
            "of the grant: auto, approved, committee, standing, forced or observed; empty: no grant"
        ),
        "rules": array("JSON array of the rules that did not pass"),
        "decision": integer("subject of the newest decision by people, 0: none"),
        "reason": text("why it was closed, failed or lost its grant"),
        "policy": integer("version of the policy it was judged by"),
        "cost_micro": integer("estimated, after the end what was spent; micro units of money"),
        "execution": text("id of the newest execution"),
        "decided_at": instant("the gate's ruling"),
        "granted_at": instant("newest grant"),
        "expires_at": instant("of the newest grant, unused"),
        "started_at": instant("newest execution"),
        "finished_at": instant("completed, failed, closed or settled; 0: not finished"),
        "story": text("correlation; key of timeline"),
        "seq": integer("newest event"),
        "tokens": integer("estimated, after the end what was used"),
        "risk_before": integer(
            "risk less what the agent's history contributed: below 25 is a low-risk action"
        ),
        "observed": integer(
            "level it would have been held at, had the mode not been `observe`; 0: not observed"
        ),
    },
    indexes=(
        Index(("finished_at",), where="cost_micro > 0 OR tokens > 0"),
        Index(("agent",), ahead=SLAB),
        Index(("task",), where="task > 0"),
        Index(("status",), where="status IN ('pending', 'unknown')"),
        Index(("action",), where="observed > 0"),
        Index(("action",), where=ABOVE_0),
    ),
    computed={"slab": Computed(integer("seqs in slabs of 4,096, for the index by agent"), f"a.{SLAB}")},
)

STOPS = Table(
    name="stops",
    version=2,
    meaning="Stops, in force while lifted_at is 0.",
    key=("stop",),
    columns={
        "stop": integer("subject"),
        "id": text("public id stp_…"),
        "scope": text("organisation, agent, lineage, agent_type, action_type, tool or workflow"),
        "target": text("empty for the organisation"),
        "reason": text("why"),
        "effective_at": instant("when it took effect on this node's journal"),
        "recorded_at": instant("when the ledger had it"),
        "recorded_by": text("public id"),
        "lifted_at": instant("0: in force"),
        "lifted_by": text("public id"),
        "lift_reason": text("why it was lifted"),
    },
)

STOP_STAGES = Table(
    name="stop_stages",
    version=1,
    meaning="Stages of lifting a stop: what it was lifted for while all else stayed stopped.",
    key=("stage",),
    columns={
        "stage": integer("seq of stop.eased"),
        "stop": integer("subject"),
        "scope": text("agent, lineage, agent_type, action_type, tool or workflow"),
        "target": text("name or public id"),
        "reason": text("why"),
        "eased_at": instant("when"),
        "eased_by": text("public id"),
    },
    indexes=(Index(("stop",)),),
)

STANDING_APPROVALS = Table(
    name="standing_approvals",
    version=1,
    meaning="'This type, this agent, until …' (spec 3.1 rule 8).",
    key=("standing",),
    columns={
        "standing": integer("subject"),
        "id": text("public id std_…"),
        "agent": integer("subject"),
        "type": text("action type"),
        "expires_at": instant("end of its life"),
        "granted_at": instant("when"),
        "granted_by": text("public id"),
        "revoked_at": instant("0: not revoked"),
        "revoked_by": text("public id"),
    },
    indexes=(Index(("agent",)),),
)

BREAKERS = Table(
    name="breakers",
    version=1,
    meaning="The newest opening of each circuit breaker; open while until_at lies ahead.",
    key=("scope", "target"),
    columns={
        "scope": text("agent or tool"),
        "target": text("which"),
        "until_at": instant("open until"),
        "failures": integer("how many opened it"),
        "opened_at": instant("when"),
        "seq": integer("of breaker.opened"),
    },
)

BYPASSES = Table(
    name="bypasses",
    version=1,
    meaning="Time-boxed bypasses of level 2 (spec 3.2 *Inbox*).",
    key=("bypass",),
    columns={
        "bypass": integer("subject"),
        "id": text("public id byp_…"),
        "agent": integer("subject, 0: every agent"),
        "type": text("action type, empty: every type"),
        "reason": text("why nobody needs to look"),
        "opened_at": instant("when"),
        "opened_by": text("public id of who answers for it"),
        "expires_at": instant("end of its life"),
        "ended_at": instant("0: not taken back"),
        "ended_by": text("public id"),
    },
    indexes=(Index(("expires_at",)),),
)

TABLES = (BYPASSES, ACTIONS, STOPS, STOP_STAGES, STANDING_APPROVALS, BREAKERS)
_STATUS = {"permitted": "granted", "pending": "pending", "denied": "denied"}
_CLOSED = {"grant_expired": "expired"}


def _decided(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, ActionDecided)
    at = event.at
    seq = event.seq
    subject = event.subject
    grant = facts.grant
    verdict = facts.verdict
    return [
        Change(
            "actions",
            "put",
            (subject,),
            (
                public_id("action", subject, facts.nonce),
                facts.action_type,
                facts.tool,
                facts.derived.cls,
                facts.agent,
                facts.task,
                facts.level,
                facts.risk,
                facts.urgency,
                verdict,
                _STATUS.get(verdict, verdict),
                "" if grant is None else grant.basis,
                _json([rule[0] for rule in facts.failed]).decode() if facts.failed else "[]",
                0,
                "",
                event.policy,
                facts.cost_micro,
                "",
                at,
                0 if grant is None else at,
                0 if grant is None else grant.expires_at,
                0,
                at if verdict == "denied" else 0,
                event.correlation,
                seq,
                facts.reserves_tokens,
                facts.risk - history(facts.evidence),
                0 if grant is None or grant.basis != "observed" else facts.level,
            ),
        )
    ]


def _set(event: Event, **values: Value) -> list[Change]:
    values["seq"] = event.seq
    return [Change("actions", "set", (event.subject,), values)]


def _granted(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, ActionGranted)
    grant = facts.grant
    return _set(
        event,
        status="granted",
        basis=grant.basis,
        granted_at=event.at,
        expires_at=grant.expires_at,
        decision=facts.decision,
        reason="",
        finished_at=0,
    )


def _retried(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, ActionRetried)
    return _set(
        event,
        status="granted",
        granted_at=event.at,
        expires_at=facts.grant.expires_at,
        reason="",
        finished_at=0,
    )


def _closed(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, ActionClosed)
    status = _CLOSED.get(facts.reason, facts.reason)
    return _set(event, status=status, reason=facts.reason, finished_at=event.at)


def _edited(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, ActionEdited)
    return [
        ACTIONS.set(
            event.subject,
            level=facts.level,
            risk=facts.risk,
            urgency=facts.urgency,
            rules=_json([name for name, _, _ in facts.failed]).decode(),
            seq=event.seq,
            **{"class": facts.derived.cls},
        )
    ]


def _grant_revoked(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, GrantRevoked)
    return _set(
        event,
        status="pending",
        basis="",
        level=facts.level,
        risk=facts.risk,
        reason=facts.reason,
        expires_at=0,
        finished_at=0,
    )


def _grant_misused(event: Event) -> list[Change]:
    return _set(event)


def _started(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, ActionStarted)
    return _set(event, status="executing", execution=facts.execution, started_at=event.at, finished_at=0)


def _completed(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, ActionCompleted)
    return _set(event, status="completed", finished_at=event.at, **_took(facts))


def _took(facts: ActionCompleted | ActionFailed | ActionSettled) -> dict[str, Value]:
    return {"cost_micro": facts.cost_micro, "tokens": facts.tokens}


def _failed(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, ActionFailed)
    return _set(event, status="failed", reason=facts.code, finished_at=event.at, **_took(facts))


def _unknown(event: Event) -> list[Change]:
    return _set(event, status="unknown")


def _settled(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, ActionSettled)
    return _set(event, status=facts.outcome, finished_at=event.at, **_took(facts))


def _stop_recorded(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, StopRecorded)
    return [
        STOPS.put(
            event.subject,
            id=public_id("stop", event.subject, facts.nonce),
            scope=facts.scope,
            target=facts.target,
            reason=facts.reason,
            effective_at=facts.effective_at,
            recorded_at=event.at,
            recorded_by=event.of or event.actor.id,
        )
    ]


def _stop_lifted(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, StopLifted)
    lifted_by = event.of or event.actor.id
    return [STOPS.set(event.subject, lifted_at=event.at, lifted_by=lifted_by, lift_reason=facts.reason)]


def _stop_eased(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, StopEased)
    return [
        STOP_STAGES.put(
            event.seq,
            stop=event.subject,
            scope=facts.scope,
            target=facts.target,
            reason=facts.reason,
            eased_at=event.at,
            eased_by=event.of or event.actor.id,
        )
    ]


def _standing_granted(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, StandingGranted)
    return [
        STANDING_APPROVALS.put(
            event.subject,
            id=public_id("standing", event.subject, facts.nonce),
            agent=facts.agent,
            type=facts.action_type,
            expires_at=facts.expires_at,
            granted_at=event.at,
            granted_by=event.of or event.actor.id,
        )
    ]


def _bypass_opened(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, BypassOpened)
    return [
        BYPASSES.put(
            event.subject,
            id=public_id("bypass", event.subject, facts.nonce),
            agent=facts.agent,
            type=facts.action_type,
            reason=facts.reason,
            opened_at=event.at,
            opened_by=event.of or event.actor.id,
            expires_at=facts.expires_at,
        )
    ]


def _bypass_ended(event: Event) -> list[Change]:
    return [BYPASSES.set(event.subject, ended_at=event.at, ended_by=event.of or event.actor.id)]


def _standing_revoked(event: Event) -> list[Change]:
    revoked_by = event.of or event.actor.id
    return [STANDING_APPROVALS.set(event.subject, revoked_at=event.at, revoked_by=revoked_by)]


def _breaker_opened(event: Event) -> list[Change]:
    facts = event.facts
    assert isinstance(facts, BreakerOpened)
    return [
        BREAKERS.put(
            facts.scope,
            facts.target,
            until_at=facts.until_at,
            failures=facts.failures,
            opened_at=event.at,
            seq=event.seq,
        )
    ]


PROJECT: Projectors = {
    ActionDecided: _decided,
    ActionGranted: _granted,
    ActionClosed: _closed,
    GrantRevoked: _grant_revoked,
    ActionEdited: _edited,
    GrantMisused: _grant_misused,
    UngatedCall: _grant_misused,
    ActionStarted: _started,
    ActionCompleted: _completed,
    ActionFailed: _failed,
    ActionUnknown: _unknown,
    ActionSettled: _settled,
    ActionRetried: _retried,
    StopRecorded: _stop_recorded,
    StopEased: _stop_eased,
    StopLifted: _stop_lifted,
    StandingGranted: _standing_granted,
    StandingRevoked: _standing_revoked,
    BypassOpened: _bypass_opened,
    BypassEnded: _bypass_ended,
    BreakerOpened: _breaker_opened,
}
