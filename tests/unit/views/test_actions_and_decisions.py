"""What people see of actions, decisions and stops after what happened (spec 3.1 to 3.3)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.unit.views.floor import PERSON, Floor
from tests.unit.views.history import START, decided

from watchfloor.actions import messages as actions
from watchfloor.actions.views import ACTIONS
from watchfloor.councils import messages as councils
from watchfloor.engine.projections import PROJECTORS


@pytest.fixture
def floor() -> Floor:
    return Floor()


# Actions, decisions --------------------------------------------------------------------------------------------------


def test_a_permitted_action_is_one_row_with_its_grant_and_then_its_outcome(floor: Floor) -> None:
    agent = floor.agent()
    grant = actions.Grant(basis="auto", execution_ms=5, expires_at=START * 2)
    action = floor.add(decided(agent, grant=grant), private=True)
    row = floor.one("SELECT * FROM actions")
    assert (row["status"], row["verdict"], row["basis"]) == ("granted", "permitted", "auto")
    assert (row["granted_at"], row["expires_at"], row["finished_at"]) == (action.at, START * 2, 0)
    assert (row["rules"], row["class"], row["tool"], row["policy"]) == ("[]", "read", "disk", 3)
    started = actions.ActionStarted(
        action_type="file.read", agent=agent, execution="e1", grant=1, target="/x", tool="disk", until_at=9
    )
    floor.add(started, action.subject)
    assert floor.one("SELECT status, execution FROM actions") == {"status": "executing", "execution": "e1"}
    floor.add(
        actions.ActionUnknown(action_type="file.read", agent=agent, execution="e1", tool="disk"),
        action.subject,
    )
    assert floor.one("SELECT status FROM actions")["status"] == "unknown"
    settled = actions.ActionSettled(
        agent=agent, cost_micro=3, execution="e1", outcome="completed", released_micro=0
    )
    end = floor.add(settled, action.subject)
    row = floor.one("SELECT * FROM actions")
    assert (row["status"], row["cost_micro"], row["finished_at"], row["seq"]) == (
        "completed",
        3,
        end.at,
        end.seq,
    )


def test_the_hot_row_is_what_a_named_put_would_make(floor: Floor) -> None:
    grant = actions.Grant(basis="auto", execution_ms=5, expires_at=99)
    event = floor.add(decided(4, grant=grant, failed=(("rate", "raise", 1),)), story="act_s")
    (change,) = PROJECTORS[actions.ActionDecided](event)
    named = ACTIONS.put(
        event.subject,
        id=change.values[0],
        type="file.read",
        tool="disk",
        agent=4,
        risk=5,
        urgency="normal",
        verdict="permitted",
        status="granted",
        basis="auto",
        rules='["rate"]',
        policy=3,
        cost_micro=7,
        decided_at=event.at,
        granted_at=event.at,
        expires_at=99,
        story="act_s",
        seq=event.seq,
        risk_before=-5,  # 5, less the 10 of its history
        **{"class": "read"},
    )
    assert change == named


def test_a_pending_action_shows_its_decision_its_votes_and_its_grant(floor: Floor) -> None:
    agent = floor.agent()
    action = floor.add(
        decided(agent, verdict="pending", level=3, failed=(("risk_is_high", "raise", 3),)), story="act_1"
    ).subject
    opened = councils.DecisionOpened(
        action=action,
        agent=agent,
        deadline_at=99,
        digest="d",
        execution_ms=1,
        grant_ms=2,
        level=3,
        needed=2,
        nonce=8,
        owner="per_1",
        risk=60,
        role="supervisor",
        unanswered="denied",
        urgency="high",
    )
    decision = floor.add(opened, story="act_1").subject
    assert floor.one("SELECT status, decision, rules FROM actions") == {
        "status": "pending",
        "decision": decision,
        "rules": '["risk_is_high"]',
    }
    floor.add(councils.VoteRefused(person="per_1", reason="own_agent"), decision)
    floor.add(councils.VoteCast(late=False, person="per_2", vote="approve"), decision, private=True)
    assert floor.one("SELECT approvals, denials, status FROM decisions") == {
        "approvals": 1,
        "denials": 0,
        "status": "pending",
    }
    floor.add(councils.VoteCast(late=False, person="per_3", vote="approve"), decision)
    approved = councils.DecisionApproved(
        action=action, agent=agent, execution_ms=1, grant_ms=2, level=3, voters=("per_2", "per_3")
    )
    floor.add(approved, decision)
    floor.add(councils.VoteCast(late=True, person="per_4", vote="deny"), decision)
    row = floor.one("SELECT * FROM decisions")
    assert (row["status"], row["approvals"], row["denials"]) == ("approved", 2, 0)
    assert row["voters"] == '["per_2","per_3"]'
    assert [vote["refused"] for vote in floor.rows("SELECT * FROM votes ORDER BY seq")] == [
        "own_agent",
        "",
        "",
        "",
    ]
    grant = actions.Grant(basis="approved", execution_ms=1, expires_at=123)
    floor.add(actions.ActionGranted(agent=agent, decision=decision, grant=grant), action)
    assert floor.one("SELECT status, basis, expires_at FROM actions") == {
        "status": "granted",
        "basis": "approved",
        "expires_at": 123,
    }
    revoked = actions.GrantRevoked(
        agent=agent, digest="d", grant=1, level=4, reason="stopped", risk=70, urgency="high"
    )
    floor.add(revoked, action)
    assert floor.one("SELECT status, basis, level, reason FROM actions") == {
        "status": "pending",
        "basis": "",
        "level": 4,
        "reason": "stopped",
    }


@pytest.mark.parametrize(
    ("facts", "status", "reason"),
    [
        (councils.DecisionDenied(action=1, agent=1, reason="unanswered"), "denied", "unanswered"),
        (councils.DecisionExpired(action=1, agent=1), "expired", "unanswered"),
        (councils.DecisionCancelled(action=1, agent=1, reason="withdrawn"), "cancelled", "withdrawn"),
    ],
)
def test_a_decision_that_grants_nothing_says_why(floor: Floor, facts: Any, status: str, reason: str) -> None:
    opened = councils.DecisionOpened(
        action=1,
        agent=1,
        deadline_at=99,
        digest="d",
        execution_ms=1,
        grant_ms=2,
        level=3,
        needed=1,
        nonce=8,
        owner="per_1",
        risk=60,
        role="supervisor",
        unanswered="denied",
        urgency="high",
    )
    decision = floor.add(opened).subject
    end = floor.add(facts, decision)
    row = floor.one("SELECT * FROM decisions")
    assert (row["status"], row["reason"], row["decided_at"]) == (status, reason, end.at)


@pytest.mark.parametrize(
    ("reason", "status"),
    [("denied", "denied"), ("expired", "expired"), ("cancelled", "cancelled"), ("grant_expired", "expired")],
)
def test_a_closed_action_has_a_status_of_the_vocabulary(floor: Floor, reason: str, status: str) -> None:
    action = floor.add(decided(1, verdict="pending", level=2)).subject
    floor.add(actions.ActionClosed(agent=1, decision=0, reason=reason, released_micro=0), action)
    assert floor.one("SELECT status, reason FROM actions") == {"status": status, "reason": reason}


def test_a_denied_action_is_finished_and_a_failed_one_has_its_code(floor: Floor) -> None:
    denied = floor.add(decided(1, verdict="denied", failed=(("forbidden_path", "deny", 0),)))
    failed = floor.add(decided(1)).subject
    outcome = actions.ActionFailed(
        action_type="file.read",
        agent=1,
        code="not_found",
        cost_micro=0,
        execution="e",
        released_micro=0,
        tool="",
    )
    floor.add(outcome, failed)
    misuse = floor.add(actions.GrantMisused(agent=2, misuse="used_twice"), failed)
    first, second = floor.rows("SELECT * FROM actions ORDER BY action")
    assert (first["status"], first["finished_at"]) == ("denied", denied.at)
    assert (second["status"], second["reason"], second["seq"]) == ("failed", "not_found", misuse.seq)


def test_stops_standing_approvals_and_breakers_show_who_and_until_when(floor: Floor) -> None:
    stop = actions.StopRecorded(
        effective_at=5, journal="j", nonce=1, reason="smoke", scope="tool", target="shell"
    )
    stopped = floor.add(stop, actor=PERSON).subject
    standing = floor.add(
        actions.StandingGranted(action_type="file.read", agent=1, expires_at=50, nonce=1), actor=PERSON
    ).subject
    floor.add(actions.BreakerOpened(failures=3, scope="agent", target="1", until_at=40), 90)
    floor.add(actions.BreakerOpened(failures=4, scope="agent", target="1", until_at=60), 90)
    assert floor.one("SELECT lifted_at, recorded_by, effective_at FROM stops") == {
        "lifted_at": 0,
        "recorded_by": "per_1",
        "effective_at": 5,
    }
    assert floor.one("SELECT until_at, failures FROM breakers") == {"until_at": 60, "failures": 4}
    lifted = floor.add(actions.StopLifted(reason="false alarm"), stopped, of="per_2")
    revoked = floor.add(actions.StandingRevoked(action_type="file.read", agent=1), standing, of="per_2")
    row = floor.one("SELECT * FROM stops")
    assert (row["lifted_at"], row["lifted_by"], row["lift_reason"]) == (lifted.at, "per_2", "false alarm")
    row = floor.one("SELECT * FROM standing_approvals")
    assert (row["granted_by"], row["revoked_by"], row["revoked_at"]) == ("per_1", "per_2", revoked.at)
