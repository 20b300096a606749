"""Actions, stops and standing approvals."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from watchfloor.http.bodies.fields import (
    AgentName,
    Answer,
    Body,
    Code,
    Count,
    ExecutionId,
    Free,
    Hex,
    Instant,
    Millis,
    Money,
    Name,
    NeededReason,
    NoAgentName,
    NoId,
    Paged,
    Seq,
    Text,
    Word,
)
from watchfloor.http.bodies.timeline import TimelineItem
from watchfloor.kernel.limits import ATTEMPTS_PER_DECISION_MAX

GrantId = Annotated[str, Meta(max_length=40, pattern=r"^grt_[0-9a-z]{1,24}\.[1-9][0-9]{0,5}\Z")]
Urgency = Literal["low", "normal", "high", "immediate"]
Verdict = Literal["permitted", "pending", "denied"]
ActionStatus = Literal[
    "pending", "granted", "executing", "completed", "failed", "unknown", "denied", "expired", "cancelled"
]


class RequestActionBody(Body, frozen=True, kw_only=True):
    """The same fields as the frame `action:request`."""

    type: Name
    tool: Word = ""
    params: Annotated[
        dict[str, Free], Meta(description="what would be done; approvals bind to exactly this")
    ] = msgspec.field(default_factory=dict)
    reason: Text = ""
    urgency: Urgency = "normal"
    task_id: NoId = ""
    generation: Count = 0
    cost_micro: Money | None = None
    tokens: Count | None = None
    dry_run: bool = False
    audit: Annotated[bool, Meta(description="a dry run leaves one line in the ledger, `audit_seq`")] = False
    attempts: Annotated[int, Meta(ge=0, le=ATTEMPTS_PER_DECISION_MAX)] = 0


class DryRunBody(RequestActionBody, frozen=True, kw_only=True):
    """Judge this as if `agent_id` asked; an agent leaves it empty."""

    agent_id: NoAgentName = ""


class RiskFactor(Answer, frozen=True, kw_only=True):
    name: str
    points: int


class Risk(Answer, frozen=True, kw_only=True):
    score: int
    band: str
    factors: tuple[RiskFactor, ...] = ()


class RuleReason(Answer, frozen=True, kw_only=True):
    """One rule's answer: pass, raise, deny or throttle; `text` says it as a sentence."""

    rule: str
    answer: str
    level: int
    text: str


class GrantItem(Answer, frozen=True, kw_only=True):
    """Single-use permission. `salt` is given to the agent alone; with it `digest` can be recomputed."""

    grant_id: str
    basis: str
    expires_at: Instant
    execution_ms: Millis
    digest: str
    salt: str = ""


class ActionDecided(Answer, frozen=True, kw_only=True):
    """The ruling. A pending one is followed up at `GET /api/v1/actions/{action}`; a dry run has no `action_id`."""

    action_id: str
    decision_id: str
    verdict: str
    level: int
    digest: str
    risk: Risk
    reasons: tuple[RuleReason, ...]
    grant: GrantItem | None
    dry_run: bool
    retry_after_ms: Millis
    seq: Seq
    audit_seq: Annotated[int, Meta(description="of a dry run with `audit`: where its line is, else 0")] = 0


class ActionsParams(Paged, frozen=True, kw_only=True):
    status: ActionStatus | None = None
    verdict: Verdict | None = None
    agent: AgentName | None = None
    type: Word | None = None
    level: Annotated[int, Meta(ge=0, le=4)] | None = None
    by: Annotated[
        Literal["automatic", "people"] | None,
        Meta(description="automatic: permitted without being observed; people: somebody was asked"),
    ] = None
    from_at: Annotated[Instant, Meta(description="ruled on at this instant or later")] = 0
    to_at: Annotated[Instant, Meta(description="ruled on before this instant, 0: until now")] = 0


class ActionItem(Answer, frozen=True, kw_only=True):
    """An action as lists show it. `status` follows its life: pending, granted, executing, completed, …

    `basis` is that of the grant: auto, approved, committee, standing, forced or observed; empty: there is none.
    `observed`: people would have been asked at this level, had the mode not been `observe`, 0 otherwise; `unheld` from 3 on.
    """

    action_id: str
    decision_id: str
    agent_id: str
    type: str
    tool: str
    verdict: str
    status: str
    level: int
    risk: int
    urgency: str
    task_id: str
    decided_at: Instant
    changed_at: Instant
    reason: str = ""
    observed: int = 0
    unheld: bool = False
    agent_name: str = ""
    basis: str = ""


class ActionPage(Answer, frozen=True, kw_only=True):
    items: tuple[ActionItem, ...]
    next: str | None = None
    seq: Seq


class ActionDetail(Answer, frozen=True, kw_only=True):
    """`params` are canonical, as the server renders them; `words` are the agent's own, not to be trusted.

    Both are null when they were redacted. `trace` is recomputed from the recorded evidence.
    """

    action: ActionItem
    digest: str
    params: Any
    words: str | None
    risk: Risk
    trace: tuple[RuleReason, ...]
    grant: GrantItem | None
    executions: tuple[str, ...]
    attempt: int
    attempts: int
    timeline: tuple[TimelineItem, ...]
    seq: Seq


class StartActionBody(Body, frozen=True, kw_only=True):
    """Consumes the grant; idempotent by (grant, execution). `digest` is of what is about to run."""

    grant_id: GrantId
    execution_id: ExecutionId
    digest: Hex = ""
    target: Text = ""


class CompleteActionBody(Body, frozen=True, kw_only=True):
    execution_id: ExecutionId
    outcome_digest: Hex = ""
    outcome: Free = None
    cost_micro: Money | None = None
    tokens: Count | None = None


class FailActionBody(Body, frozen=True, kw_only=True):
    execution_id: ExecutionId
    code: Code = "failed"
    reason: Text = ""
    cost_micro: Money | None = None
    tokens: Count | None = None


class SettleActionBody(Body, frozen=True, kw_only=True):
    execution_id: ExecutionId
    outcome: Literal["completed", "failed"]
    cost_micro: Money | None = None
    tokens: Count | None = None


class RetryActionBody(Body, frozen=True, kw_only=True):
    """This execution failed: once more, under the same decision."""

    execution_id: ExecutionId


class ActionRetried(Answer, frozen=True, kw_only=True):
    """A new grant under the same decision; `attempt` counts from 1, `attempts` is how many the ruling bears."""

    action_id: str
    attempt: int
    attempts: int
    grant: GrantItem
    seq: Seq


class ActionRecorded(Answer, frozen=True, kw_only=True):
    """Only `executing` allows the executor to run. `grant_revoked`: its basis is gone (see `reason`)."""

    action_id: str
    status: str
    seq: Seq
    execution_id: str = ""
    reason: str = ""
    until_at: Instant = 0


Scope = Literal["organisation", "agent", "lineage", "agent_type", "action_type", "tool", "workflow"]
PartScope = Literal["agent", "lineage", "agent_type", "action_type", "tool", "workflow"]


class RecordStopBody(Body, frozen=True, kw_only=True):
    """`target`: the id of an agent, of the agent a lineage begins with, or of the task a workflow begins with; the name of a
    type or tool; empty for the organisation.
    """

    scope: Scope
    target: Word = ""
    reason: NeededReason


class EaseStopBody(Body, frozen=True, kw_only=True):
    """A stage: what has this name in this scope may go on, all else stays stopped."""

    scope: PartScope
    target: Name
    reason: NeededReason


class StopRecorded(Answer, frozen=True, kw_only=True):
    """In force. `recorded` false (status 202, no id yet): the ledger cannot be written now and gets it later."""

    stop_id: str
    effective_at: Instant
    seq: Seq
    recorded: bool = True


class StopStage(Answer, frozen=True, kw_only=True):
    """What a stop was lifted for; the view `stop_stages` has who, when and why."""

    scope: str
    target: str


class StopItem(Answer, frozen=True, kw_only=True):
    stop_id: str
    scope: str
    target: str
    reason: str
    person: str
    effective_at: Instant
    lifted_at: Instant
    lifted_by: str
    eased: tuple[StopStage, ...] = ()


class StopPage(Answer, frozen=True, kw_only=True):
    items: tuple[StopItem, ...]
    next: str | None = None
    seq: Seq


class StopsParams(Paged, frozen=True, kw_only=True):
    """`state` in_force or lifted; absent: both."""

    state: Literal["in_force", "lifted"] | None = None


class GrantStandingBody(Body, frozen=True, kw_only=True):
    """Trust this type for this agent until `expires_at`; never reaches above level 2 (spec 3.2)."""

    agent_id: AgentName
    type: Name
    expires_at: Instant


class StandingGranted(Answer, frozen=True, kw_only=True):
    standing_id: str
    seq: Seq


class StandingItem(Answer, frozen=True, kw_only=True):
    standing_id: str
    agent_id: str
    type: str
    person: str
    granted_at: Instant
    expires_at: Instant
    revoked_at: Instant


class StandingPage(Answer, frozen=True, kw_only=True):
    items: tuple[StandingItem, ...]
    next: str | None = None
    seq: Seq


_ACTION = "act_q0d1k7m9x2v4"
_AGENT = "agt_q0d1k7m9x2v4"
_RISK = {
    "score": 75,
    "band": "critical",
    "factors": [{"name": "system_config", "points": 65}, {"name": "first_time", "points": 10}],
}
_REASON = {
    "rule": "risk_needs_level",
    "answer": "raise",
    "level": 3,
    "text": "The risk is high, so a supervisor has to approve.",
}
_ITEM = {
    "action_id": _ACTION,
    "decision_id": "dec_q4d1k7m9x2v4",
    "agent_id": _AGENT,
    "type": "repository.patch",
    "tool": "git",
    "verdict": "pending",
    "status": "pending",
    "level": 3,
    "risk": 75,
    "urgency": "high",
    "task_id": "tsk_q0d1k7m9x2v4",
    "decided_at": 1_763_700_000_000_000,
    "changed_at": 1_763_700_000_000_000,
    "reason": "",
}
EXAMPLES: dict[type, dict[str, Any]] = {
    RequestActionBody: {
        "type": "repository.patch",
        "tool": "git",
        "params": {
            "path": "demo",
            "diff": "--- a/app.py\n+++ b/app.py\n@@ -1 +1 @@\n-import os\n+import sys\n",
        },
        "reason": "ruff reports an unused import",
        "urgency": "normal",
    },
    DryRunBody: {"agent_id": _AGENT, "type": "payment.send", "params": {"amount_micro": 5_000_000}},
    ActionDecided: {
        "action_id": _ACTION,
        "decision_id": "dec_q4d1k7m9x2v4",
        "verdict": "pending",
        "level": 3,
        "digest": "6f" * 32,
        "risk": _RISK,
        "reasons": [_REASON],
        "grant": None,
        "dry_run": False,
        "retry_after_ms": 0,
        "seq": 31,
    },
    ActionPage: {"items": [_ITEM], "next": None, "seq": 1042},
    ActionDetail: {
        "action": _ITEM,
        "digest": "6f" * 32,
        "params": {"path": "demo"},
        "words": "ruff reports an unused import",
        "risk": _RISK,
        "trace": [_REASON],
        "grant": None,
        "executions": [],
        "attempt": 1,
        "attempts": 3,
        "timeline": [],
        "seq": 1042,
    },
    StartActionBody: {
        "grant_id": "grt_q0d1k7m9x2v4.1",
        "execution_id": "run-1",
        "digest": "6f" * 32,
        "target": "demo",
    },
    CompleteActionBody: {
        "execution_id": "run-1",
        "outcome_digest": "ab" * 32,
        "outcome": {"commit": "1f2e3d"},
    },
    FailActionBody: {"execution_id": "run-1", "code": "patch_does_not_apply", "reason": "hunk 1 failed"},
    RetryActionBody: {"execution_id": "run-1"},
    ActionRetried: {
        "action_id": _ACTION,
        "attempt": 2,
        "attempts": 3,
        "grant": {
            "grant_id": "grt_q0d1k7m9x2v4.2",
            "basis": "approved",
            "expires_at": 1_763_700_900_000_000,
            "execution_ms": 600_000,
            "digest": "6f" * 32,
            "salt": "a1" * 32,
        },
        "seq": 37,
    },
    SettleActionBody: {"execution_id": "run-1", "outcome": "completed"},
    ActionRecorded: {
        "action_id": _ACTION,
        "status": "executing",
        "seq": 35,
        "execution_id": "run-1",
        "reason": "",
        "until_at": 1_763_700_600_000_000,
    },
    RecordStopBody: {"scope": "agent", "target": _AGENT, "reason": "writes to the wrong branch"},
    EaseStopBody: {"scope": "action_type", "target": "file.read", "reason": "reading does no harm"},
    StopRecorded: {
        "stop_id": "stp_q0d1k7m9x2v4",
        "effective_at": 1_763_700_000_000_000,
        "seq": 40,
        "recorded": True,
    },
    StopPage: {
        "items": [
            {
                "stop_id": "stp_q0d1k7m9x2v4",
                "scope": "agent",
                "target": _AGENT,
                "reason": "writes to the wrong branch",
                "person": "per_4h2k9d0s7b1",
                "effective_at": 1_763_700_000_000_000,
                "lifted_at": 0,
                "lifted_by": "",
                "eased": [{"scope": "action_type", "target": "file.read"}],
            }
        ],
        "next": None,
        "seq": 1042,
    },
    GrantStandingBody: {"agent_id": _AGENT, "type": "file.write", "expires_at": 1_763_786_400_000_000},
    StandingGranted: {"standing_id": "std_q0d1k7m9x2v4", "seq": 41},
    StandingPage: {
        "items": [
            {
                "standing_id": "std_q0d1k7m9x2v4",
                "agent_id": _AGENT,
                "type": "file.write",
                "person": "per_4h2k9d0s7b1",
                "granted_at": 1_763_700_000_000_000,
                "expires_at": 1_763_786_400_000_000,
                "revoked_at": 0,
            }
        ],
        "next": None,
        "seq": 1042,
    },
}
