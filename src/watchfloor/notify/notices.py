"""What an event means for people: title, severity, whom to tell (spec 3.2 *Routing*, 3.3).

A notice leaves the house by channels of others, so it holds what everybody of the organisation may read and no more: no
parameters, no words of the agent.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec

from watchfloor.actions.bypass_messages import BypassOpened
from watchfloor.actions.messages import BreakerOpened, StopRecorded
from watchfloor.councils.messages import (
    DecisionAlerted,
    DecisionEscalated,
    DecisionOpened,
    DecisionTakenOver,
    DecisionWarned,
)
from watchfloor.fleet.messages import AgentDisconnected, AgentQuarantined
from watchfloor.fleet.supervision_messages import SupervisionPassed
from watchfloor.kernel.anomaly_terms import OF_PEOPLE
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Event
from watchfloor.kernel.terms import TIERS
from watchfloor.situation.kinds import ALERTS
from watchfloor.situation.messages import AlertRaised, AlertWorsened
from watchfloor.trust.anomaly_messages import AnomalyFound
from watchfloor.trust.messages import TrustChanged, TrustReassessed
from watchfloor.work.budget_messages import BudgetExhausted, BudgetWarned

# Kinds of alerts that are told as such; the others are about what another notice tells.
ALERTED = frozenset(
    (
        "worker_unreachable",
        "orphaned",
        "stuck",
        "undecided",
        "ungated_call",
        "identity_changed",
        "outcome_unknown",
        "dead_letter",
        "key_expiring",
        "undelivered",
        "clock",
        "rollback",
    )
)
_OF_THE_SERVER = ("undelivered", "clock", "rollback")
CRITICAL = 75  # risk scores from here on are critical (spec 3.1 rule 6)

State = Callable[[str, int], Any]  # (kind, subject) -> committed state, or None


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """`about` is what is told once per person; `kind` as the policy names it, `tell` targets as there, and `owner:<person>`.

    `all_hands`: everybody who is told hears of it by all their channels at once.
    """

    about: str
    kind: str
    severity: str
    title: str
    text: str
    path: str
    tell: tuple[str, ...]
    all_hands: bool = False
    decision: int = 0  # which one it is about, for as long as people can vote on it


def notice_of(event: Event, state: State) -> Notice | None:
    """What to tell of an event, None when it is over or nobody has to hear of it."""
    make = _MAKES.get(type(event.facts))
    return make(event, state) if make is not None else None


def _decision(event: Event, state: State) -> Notice | None:
    facts: Any = event.facts
    decision = state("decision", event.subject)
    if decision is None or decision.status != "pending":
        return None
    rung = getattr(facts, "rung", 0)
    if rung < decision.rung:
        return None  # whoever is told by the rung that is reached now hears of it there
    action, agent = state("action", decision.action), state("agent", decision.agent)
    name = agent.name if agent is not None else "an agent"
    what = action.action_type if action is not None else "an action"
    kind, begin = _BEGINS[type(facts)]
    all_hands = isinstance(facts, DecisionOpened) and decision.risk >= CRITICAL
    urgent = all_hands or isinstance(facts, DecisionEscalated) or decision.urgency == "immediate"
    needs = (
        f"{decision.needed} of the committee {decision.committee}"
        if decision.committee
        else (f"{decision.needed} of the role {decision.role}")
    )
    suffix, why, tell = "", "", facts.tell
    if isinstance(facts, DecisionWarned):
        suffix = ":warned"
    elif isinstance(facts, DecisionTakenOver):
        suffix, why, tell = f":for:{facts.of}", f" {_why(facts)}", facts.by
    return Notice(
        about=f"decision:{event.subject}:{rung}{suffix}",
        kind=kind,
        severity="immediate" if urgent else "warning",
        title=f"{begin}: {what} by {name}",
        text=f"Risk {decision.risk}, level {decision.level}, {decision.urgency} urgency; it takes {needs}.{why}",
        path=f"/inbox/{public_id('decision', event.subject, decision.nonce)}",
        tell=(*tell, "role:supervisor", "schedule:on_call") if all_hands else tell,
        all_hands=all_hands,
        decision=event.subject,
    )


_BEGINS: dict[Any, tuple[str, str]] = {
    DecisionOpened: ("decision", "Decision needed"),
    DecisionWarned: ("warned", "Time runs out for a decision"),
    DecisionEscalated: ("escalated", "Escalated to you"),
    DecisionTakenOver: ("taken_over", "You take over"),
}


def _why(facts: DecisionTakenOver) -> str:
    of = facts.of.partition(":")[2]
    if facts.reason == "offline":
        return f"{of} was not seen for {facts.measured // 60_000} min."
    if facts.reason == "overloaded":
        return f"{of} has {facts.measured} decisions waiting."
    return f"It is your domain rather than that of {of}."


def _alerted(event: Event, state: State) -> Notice | None:
    """Break-glass, and that nobody has looked at it in time."""
    facts = event.facts
    assert isinstance(facts, DecisionAlerted)
    decision = state("decision", event.subject)
    if decision is None or decision.reviewed:
        return None
    action = state("action", decision.action)
    what = action.action_type if action is not None else "an action"
    forced = facts.alert == "forced"
    return Notice(
        about=f"event:{event.seq}",
        kind="forced",
        severity="immediate",
        title=f"Forced past the people: {what}" if forced else f"Nobody has reviewed what was forced: {what}",
        text=f"Level {decision.level}, risk {decision.risk}. Somebody who did not force it has to review it.",
        path=f"/inbox/{public_id('decision', event.subject, decision.nonce)}",
        tell=facts.tell,
    )


def _of_agent(
    event: Event, state: State, kind: str, agent: int, severity: str, title: str, text: str
) -> Notice | None:
    found = state("agent", agent)
    if found is None:
        return None
    return Notice(
        about=f"event:{event.seq}",
        kind=kind,
        severity=severity,
        title=f"{title}: {found.name}",
        text=text,
        path=f"/agents/{public_id('agent', agent, found.nonce)}",
        tell=(f"owner:{found.owner}", "role:supervisor", "schedule:on_call"),
    )


def _bypass(event: Event, state: State) -> Notice | None:
    """Nobody is asked about level 2 for a time: those who would have been watch all the more."""
    del state
    facts = event.facts
    assert isinstance(facts, BypassOpened)
    what = facts.action_type or "every type of action"
    return Notice(
        about=f"event:{event.seq}",
        kind="forced",
        severity="warning",
        title=f"Bypass opened: nobody confirms {what}",
        text=facts.reason,
        path="/inbox",
        tell=facts.tell,
    )


def _breaker(event: Event, state: State) -> Notice | None:
    facts = event.facts
    assert isinstance(facts, BreakerOpened)
    text = f"{facts.failures} failures; nothing runs there until the breaker lets a probe through."
    if facts.scope == "agent":
        return _of_agent(
            event, state, "breaker", int(facts.target), "warning", "Circuit breaker opened", text
        )
    return Notice(
        about=f"event:{event.seq}",
        kind="breaker",
        severity="warning",
        title=f"Circuit breaker opened: tool {facts.target}",
        text=text,
        path="/stops",
        tell=("role:supervisor", "schedule:on_call"),
    )


def _quarantined(event: Event, state: State) -> Notice | None:
    facts = event.facts
    assert isinstance(facts, AgentQuarantined)
    text = f"Reason: {facts.reason.replace('_', ' ')[:200]}. A supervisor can release it."
    return _of_agent(event, state, "quarantined", event.subject, "immediate", "Agent quarantined", text)


def _anomaly(event: Event, state: State) -> Notice | None:
    facts = event.facts
    assert isinstance(facts, AnomalyFound)
    text = f"{facts.what.replace('_', ' ')}: measured {facts.measured}, the threshold is {facts.threshold}."
    if facts.agent:
        return _of_agent(event, state, "anomaly", facts.agent, "warning", "Anomaly", text)
    of_people = facts.what in OF_PEOPLE or facts.what == "reciprocal_reviews"
    return Notice(
        about=f"event:{event.seq}",
        kind="anomaly",
        severity="warning",
        title=f"Anomaly: {facts.what.replace('_', ' ')}",
        text=text,
        path="/",
        tell=("role:director",) if of_people else ("role:supervisor", "schedule:on_call"),
    )


def _alert(event: Event, state: State) -> Notice | None:
    """Alerts that no other notice tells already; who looks after them is told."""
    facts: Any = event.facts
    if facts.what not in ALERTED:
        return None
    alert = state("alert", event.subject)
    if alert is None or alert.status == "resolved":
        return None
    agent = state("agent", alert.agent)
    name = f": {agent.name}" if agent is not None else ""
    path = f"/agents/{public_id('agent', alert.agent, agent.nonce)}" if agent is not None else "/inbox"
    return Notice(
        about=f"alert:{event.subject}:{facts.severity}",
        kind=facts.what,
        severity={"critical": "immediate"}.get(facts.severity, facts.severity),
        title=f"{ALERTS[facts.what].meaning.rstrip('.')}{name}",
        text="It is an alert until it is over, or until somebody resolves it.",
        path=path,
        tell=("role:admin",) if facts.what in _OF_THE_SERVER else ("role:supervisor", "schedule:on_call"),
    )


def _offline(event: Event, state: State) -> Notice | None:
    text = "The connection ended; its running tasks wait or go to others."
    found = _of_agent(event, state, "offline", event.subject, "info", "Agent offline", text)
    return None if found is None else msgspec.structs.replace(found, tell=found.tell[:1])


def _tier(event: Event, state: State) -> Notice | None:
    """An agent rose or fell (spec 3.4)."""
    facts: Any = event.facts
    fell = facts.tier < facts.tier_before
    before, now = TIERS[facts.tier_before].lower(), TIERS[facts.tier].lower()
    why = f" Last: {facts.what.replace('_', ' ')}." if isinstance(facts, TrustChanged) else ""
    title = "Agent fell to a lower tier" if fell else "Agent rose to a higher tier"
    text = f"From {before} to {now}, score {facts.score_before} to {facts.score}.{why}"
    return _of_agent(event, state, "tier", event.subject, "warning" if fell else "info", title, text)


def _supervision(event: Event, state: State) -> Notice | None:
    """A domain passed on by itself: who has it now, or that nobody has and it is with people."""
    facts = event.facts
    assert isinstance(facts, SupervisionPassed)
    domain = state("supervision", event.subject)
    if domain is None or domain.generation != facts.generation or facts.reason not in _BY_ITSELF:
        return None
    before, now = state("agent", facts.agent_before), state("agent", facts.agent)
    left = f"{before.name} is {facts.reason}." if before is not None else "Nobody was there."
    if now is None:
        title, text = f"Nobody supervises {domain.domain}", f"{left} No backup is there: it is with people."
    else:
        title, text = f"{now.name} supervises {domain.domain} now", f"{left} Its open work passes on."
    return Notice(
        about=f"event:{event.seq}",
        kind="supervision",
        severity="warning" if now is not None else "immediate",
        title=title,
        text=text,
        path="/agents",
        tell=("role:supervisor", "schedule:on_call"),
    )


_BY_ITSELF = frozenset(("offline", "degraded", "quarantined", "retired", "overloaded", "available"))


def _stopped(event: Event, state: State) -> Notice | None:  # noqa: ARG001 -- one signature
    facts = event.facts
    assert isinstance(facts, StopRecorded)
    return Notice(
        about=f"event:{event.seq}",
        kind="stopped",
        severity="immediate",
        title=f"Stopped: {facts.scope.replace('_', ' ')} {facts.target}".rstrip(),
        text="A stop is in force. Another person has to lift it.",
        path="/stops",
        tell=("role:supervisor", "schedule:on_call"),
    )


def _budget(event: Event, state: State) -> Notice | None:
    budget = state("budget", event.subject)
    if budget is None or budget.removed:
        return None
    facts = event.facts
    over = isinstance(facts, BudgetExhausted)
    gone = isinstance(facts, BudgetExhausted) and facts.spent >= facts.limit
    said = "used up" if gone else "has turned something away" if over else "runs low"
    what = f"{budget.measure} of the {budget.scope}, per {budget.period}"
    return Notice(
        about=f"event:{event.seq}",
        kind="budget",
        severity="warning" if over else "info",
        title=f"Budget {said}: {what}",
        text="What has no room is turned away." if over else "Four fifths are spent or reserved.",
        path="/agents",
        tell=("role:director",),
    )


_MAKES: dict[type[Any], Callable[[Event, State], Notice | None]] = {
    DecisionOpened: _decision,
    DecisionWarned: _decision,
    DecisionEscalated: _decision,
    DecisionTakenOver: _decision,
    DecisionAlerted: _alerted,
    BypassOpened: _bypass,
    BreakerOpened: _breaker,
    AgentQuarantined: _quarantined,
    AnomalyFound: _anomaly,
    AgentDisconnected: _offline,
    StopRecorded: _stopped,
    SupervisionPassed: _supervision,
    BudgetWarned: _budget,
    BudgetExhausted: _budget,
    TrustChanged: _tier,
    TrustReassessed: _tier,
    AlertRaised: _alert,
    AlertWorsened: _alert,
}
