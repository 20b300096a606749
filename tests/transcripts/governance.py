"""How transcripts tell of the gate, trust and policies: what is gathered for their commands, what their events say.

Evidence of a request is that of an agent everybody trusts; a line says after `given` what is otherwise. A start finds
everything in order. Policies are the default document with the sections a line lays over it: `given policy={…}`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
from tests.unit.actions.requests import TRUSTED

from watchfloor.actions import gate
from watchfloor.actions import messages as m
from watchfloor.actions.containment import BreakerState, StandingState, StopState
from watchfloor.actions.edit_messages import ActionEdited, EditAction
from watchfloor.actions.editing import EditEvidence
from watchfloor.actions.grants import StartEvidence
from watchfloor.actions.life import ActionState
from watchfloor.actions.retries import RetryEvidence
from watchfloor.actions.retry_messages import ActionRetried, RetryAction
from watchfloor.kernel.messages import Command, Facts
from watchfloor.kernel.terms import TIERS, Policy
from watchfloor.policy.digest import digest_of
from watchfloor.policy.document import from_plain
from watchfloor.policy.messages import PolicyApplied, PolicyProposed, ProposePolicy
from watchfloor.policy.rules import DecidersEvidence, PolicyState
from watchfloor.policy.shadow_messages import ShadowSet
from watchfloor.situation.messages import RaiseAlert, ResolveAlert
from watchfloor.situation.rules import Alert, OpenEvidence, OwnerEvidence
from watchfloor.trust.anomalies import Anomaly, KnownEvidence, OwnersEvidence
from watchfloor.trust.anomaly_messages import ReportAnomaly, ResolveAnomaly
from watchfloor.trust.messages import AdjustTrust, ReassessTrust, RecordTrust
from watchfloor.trust.rules import TermsEvidence, TrustState

Said = dict[str, Any]
FINE: Said = {
    "stops": (),
    "agent_state": 0,
    "breaker_agent_until": 0,
    "breaker_tool_until": 0,
    "voters_valid": True,
    "policy_allows": True,
}


def _policy(said: Said) -> Policy:
    return from_plain(said.pop("policy", {}))


def _request(said: Said) -> gate.Gathered:
    policy = _policy(said)
    evidence = msgspec.convert(list((TRUSTED | said).values()), m.Evidence)
    return gate.Gathered(policy=policy, policy_version=1, policy_digest=digest_of(policy), evidence=evidence)


def _start(said: Said) -> StartEvidence:
    return msgspec.convert(FINE | said, StartEvidence)


def _retry(said: Said) -> RetryEvidence:
    start = {name: said.pop(name, usual) for name, usual in FINE.items()}
    usual = {
        "attempts": 3,
        "idempotent": False,
        "permitted": True,
        "task_valid": True,
        "spend_left_micro": 1_000,
    }
    return msgspec.convert(usual | said | {"start": start}, RetryEvidence)


def _edit(said: Said) -> EditEvidence:
    how = {"obstacle": said.pop("obstacle", ""), "open": said.pop("open", True)}
    return EditEvidence(gathered=_request(said), **how)


def _terms(said: Said) -> TermsEvidence:
    return TermsEvidence(terms=_policy(said).trust)


GATHER: dict[type[Command], Callable[[Said], Any]] = {
    m.RequestAction: _request,
    EditAction: _edit,
    m.StartAction: _start,
    RetryAction: _retry,
    RecordTrust: _terms,
    AdjustTrust: _terms,
    ReassessTrust: _terms,
    ReportAnomaly: lambda said: KnownEvidence(**({"known": False} | said)),
    ResolveAnomaly: lambda said: OwnersEvidence(owners=tuple(said.get("owners", ()))),
    RaiseAlert: lambda said: OpenEvidence(**({"known": False, "full": False} | said)),
    ResolveAlert: lambda said: OwnerEvidence(**({"owner": ""} | said)),
    ProposePolicy: lambda said: DecidersEvidence(**({"others": 1} | said)),
}


def told(facts: Facts) -> Said | None:
    """What an event of the gate says to a reader, digests and evidence left out; None: all its fields as they are."""
    if isinstance(facts, m.ActionDecided):
        factors = "".join(f", {name} {points:+}" for name, points in facts.derived.factors)
        return {
            "type": facts.action_type,
            "verdict": facts.verdict,
            "level": facts.level,
            "risk": f"{facts.risk} ({facts.derived.cls}{factors})",
            "rules": "; ".join(f"{name} ({_answer(kind, level)})" for name, kind, level in facts.failed)
            or "all pass",
            **({"grant": _grant(facts.grant)} if facts.grant is not None else {}),
            **({"reserves_micro": facts.reserves_micro} if facts.reserves_micro else {}),
        }
    if isinstance(facts, ActionEdited):
        return {
            "by": facts.by,
            "level": facts.level,
            "risk": facts.risk,
            "rules": "; ".join(f"{name} ({_answer(kind, level)})" for name, kind, level in facts.failed)
            or "all pass",
            "digest": f"{facts.digest_before[:4]} becomes {facts.digest[:4]}",
        }
    if isinstance(facts, m.ActionGranted):
        return {"decision": facts.decision, "grant": _grant(facts.grant)}
    if isinstance(facts, ActionRetried):
        return {
            "attempt": facts.attempt,
            "execution": facts.execution,
            "grant": _grant(facts.grant),
            **({"reserves_micro": facts.reserves_micro} if facts.reserves_micro else {}),
            **({"charged_micro": facts.charged_micro} if facts.charged_micro else {}),
        }
    if isinstance(facts, PolicyApplied):
        return {"version": facts.version, "basis": facts.basis, "reason": facts.reason}
    if isinstance(facts, PolicyProposed):
        return {
            "number": facts.number,
            "to version": facts.version,
            "loosens": facts.loosened,
            "by": facts.by,
        }
    if isinstance(facts, ShadowSet):
        replaces = {"replaces": facts.replaces} if facts.replaces else {}
        return {"number": facts.number, "name": facts.name, **replaces, "reason": facts.reason}
    if isinstance(facts, m.GrantRevoked):
        return {"grant": facts.grant, "reason": facts.reason, "level": facts.level}
    return None


def _answer(kind: str, level: int) -> str:
    return kind if kind in ("deny", "throttle") else f"{kind} {level}"


def _grant(grant: m.Grant) -> str:
    return f"{grant.number} {grant.basis}"


def _action(action: ActionState) -> str:
    held = f"; reserves {action.reserved_micro}" if action.reserved_micro else ""
    return f"{action.status}{f' ({action.reason})' if action.reason else ''}, level {action.level}{held}"


def _trust(trust: TrustState) -> str:
    return f"at {trust.score}, {TIERS[trust.tier]}"


def _stop(stop: StopState) -> str:
    return "lifted" if stop.lifted else "in force"


def _standing(standing: StandingState) -> str:
    return "revoked" if standing.revoked else "in force"


def _breaker(breaker: BreakerState) -> str:
    return f"open for {breaker.scope} {breaker.target}"


def _policy_state(policy: PolicyState) -> str:
    waits = f"; proposal {policy.proposal.number} on its way" if policy.proposal is not None else ""
    return f"version {policy.version}, {policy.document.name}{waits}"


def _anomaly(anomaly: Anomaly) -> str:
    return anomaly.status


def _alert(alert: Alert) -> str:
    return f"{alert.status}, {alert.severity}"


STATES: dict[str, Callable[[Any], str]] = {
    "action": _action,
    "trust": _trust,
    "stop": _stop,
    "standing": _standing,
    "breaker": _breaker,
    "policy": _policy_state,
    "anomaly": _anomaly,
    "alert": _alert,
}
