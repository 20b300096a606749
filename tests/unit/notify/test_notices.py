"""What events mean for people: once per rung, not when it is over, all hands at critical risk (spec 3.2 *Routing*)."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from watchfloor.actions.messages import BreakerOpened
from watchfloor.councils.messages import DecisionEscalated, DecisionOpened, DecisionWarned
from watchfloor.fleet.messages import AgentConnected, AgentDisconnected, AgentQuarantined
from watchfloor.fleet.supervision_messages import SupervisionPassed
from watchfloor.kernel.messages import SYSTEM, Event, Facts
from watchfloor.notify.notices import Notice, notice_of
from watchfloor.work.budget_messages import BudgetExhausted, BudgetWarned

AGENT = SimpleNamespace(name="calm-heron", owner="per_own", nonce=2)
ACTION = SimpleNamespace(action_type="db.migrate")


def decision(**fields: Any) -> Any:
    usual: dict[str, Any] = {
        "status": "pending",
        "rung": 0,
        "action": 3,
        "agent": 2,
        "risk": 60,
        "level": 3,
        "nonce": 1,
    }
    return SimpleNamespace(
        **(usual | {"urgency": "normal", "committee": "", "needed": 1, "role": "supervisor"} | fields)
    )


def told(facts: Facts, **known: Any) -> Notice | None:
    event = Event(
        org="org_1", seq=9, at=1, type=facts.TYPE, kind=facts.KIND, subject=4, actor=SYSTEM, facts=facts
    )
    subjects = {"action": ACTION, "agent": AGENT} | known
    return notice_of(event, lambda kind, subject: subjects.get(kind))


def opened() -> DecisionOpened:
    return DecisionOpened(
        action=3,
        agent=2,
        deadline_at=9,
        digest="d",
        execution_ms=1,
        grant_ms=1,
        level=3,
        needed=1,
        nonce=1,
        owner="per_own",
        risk=60,
        role="supervisor",
        unanswered="denied",
        urgency="normal",
        tell=("role:supervisor",),
    )


WARNED = DecisionWarned(action=3, agent=2, rung=0, tell=("role:supervisor",))
ESCALATED = DecisionEscalated(action=3, agent=2, deadline_at=9, rung=1, tell=("role:director",))


def test_a_decision_is_told_once_per_rung_and_once_more_when_time_runs_out() -> None:
    first, warned = told(opened(), decision=decision()), told(WARNED, decision=decision())
    later = told(ESCALATED, decision=decision(rung=1))
    assert first is not None and warned is not None and later is not None
    assert [one.about for one in (first, warned, later)] == [
        "decision:4:0",
        "decision:4:0:warned",
        "decision:4:1",
    ]
    assert [one.severity for one in (first, warned, later)] == ["warning", "warning", "immediate"]
    assert (first.tell, later.tell) == (("role:supervisor",), ("role:director",))
    assert first.title == "Decision needed: db.migrate by calm-heron"
    assert first.path.startswith("/inbox/dec_")


def test_what_is_over_or_has_moved_on_is_not_told() -> None:
    assert told(opened(), decision=decision(status="approved")) is None
    assert told(opened(), decision=decision(rung=1)) is None, "the rung that is reached tells of itself"
    assert told(opened(), decision=None) is None
    assert told(AgentConnected(node="n", session="s")) is None


def test_critical_risk_calls_all_hands() -> None:
    found = told(opened(), decision=decision(risk=75))
    assert found is not None and found.all_hands and found.severity == "immediate"
    assert {"role:supervisor", "schedule:on_call"} <= set(found.tell)
    below = told(opened(), decision=decision(risk=74))
    assert below is not None and not below.all_hands


@pytest.mark.parametrize(
    ("facts", "severity", "title"),
    [
        (AgentQuarantined(reason="runaway"), "immediate", "Agent quarantined: calm-heron"),
        (AgentDisconnected(reason="lost", session="s"), "info", "Agent offline: calm-heron"),
        (
            BreakerOpened(failures=3, scope="agent", target="2", until_at=1),
            "warning",
            "Circuit breaker opened: calm-heron",
        ),
        (
            BreakerOpened(failures=3, scope="tool", target="git", until_at=1),
            "warning",
            "Circuit breaker opened: tool git",
        ),
        (
            BudgetWarned(limit=5, reserved=0, since_at=0, spent=4),
            "info",
            "Budget runs low: money of the agent, per day",
        ),
        (
            BudgetExhausted(asked=2, limit=5, reserved=3, since_at=0, spent=1),
            "warning",
            "Budget has turned something away: money of the agent, per day",
        ),
        (
            BudgetExhausted(asked=0, limit=5, reserved=0, since_at=0, spent=5),
            "warning",
            "Budget used up: money of the agent, per day",
        ),
    ],
)
def test_alerts_have_a_severity_and_say_what_they_are_about(facts: Facts, severity: str, title: str) -> None:
    budget = SimpleNamespace(removed=False, measure="money", scope="agent", period="day")
    found = told(facts, budget=budget)
    assert found is not None and (found.severity, found.title) == (severity, title)
    assert found.about == "event:9"


def passed(agent: int, reason: str, generation: int = 3) -> SupervisionPassed:
    return SupervisionPassed(agent=agent, agent_before=2, generation=generation, reason=reason)


def test_a_domain_that_passes_on_by_itself_is_told_and_to_people_it_is_urgent() -> None:
    domain = SimpleNamespace(domain="night", generation=3)
    found = told(passed(2, "offline"), supervision=domain)
    assert found is not None
    assert (found.severity, found.title) == ("warning", "calm-heron supervises night now")
    assert found.text == "calm-heron is offline. Its open work passes on."
    nobody = told(passed(0, "quarantined"), supervision=domain, agent=None)
    assert nobody is not None
    assert (nobody.severity, nobody.title) == ("immediate", "Nobody supervises night")
    assert told(passed(2, "the night shift ends"), supervision=domain) is None, "a person did it"
    assert told(passed(2, "offline", generation=2), supervision=domain) is None, "it has passed on since"
    assert told(passed(2, "offline"), supervision=None) is None


def test_an_agent_or_budget_that_is_gone_is_not_told_of() -> None:
    assert told(AgentQuarantined(reason="x"), agent=None) is None
    assert told(BudgetWarned(limit=5, reserved=0, since_at=0, spent=4)) is None
