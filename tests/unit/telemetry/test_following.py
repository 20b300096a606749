"""Committed events move the counters (spec 6 *Metrics*)."""

from __future__ import annotations

import msgspec
import pytest

from watchfloor.actions.messages import ActionDecided, Derived, Evidence
from watchfloor.councils.messages import DecisionApproved, DecisionExpired, DecisionOpened
from watchfloor.kernel.instants import SECOND
from watchfloor.kernel.messages import SYSTEM, Event, Facts
from watchfloor.telemetry.following import STARTS_MAX, Following, direction
from watchfloor.telemetry.metrics import Metrics
from watchfloor.trust.messages import TrustChanged
from watchfloor.work.messages import TaskDeadLettered, TaskReviewed, TaskSubmitted, TaskSucceeded


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(process=False)


def event(facts: Facts, subject: int = 1, at: int = 0) -> Event:
    return Event(
        org="org_1",
        seq=1,
        at=at,
        type=facts.TYPE,
        kind=facts.KIND,
        subject=subject,
        actor=SYSTEM,
        facts=facts,
    )


SUBMITTED = TaskSubmitted(
    acceptance_ms=1,
    agent=0,
    attempts_max=1,
    backoff_ms=0,
    criteria=0,
    deadline_at=0,
    grace_ms=0,
    needs=(),
    nonce=0,
    priority="normal",
    timeout_ms=1,
)
SUCCEEDED = TaskSucceeded(agent=1, cost_micro=0, generation=1, tokens=0, verified=True)
OPENED = DecisionOpened(
    action=1,
    agent=1,
    deadline_at=9,
    digest="",
    execution_ms=1,
    grant_ms=1,
    level=2,
    needed=1,
    nonce=0,
    owner="",
    risk=1,
    role="operator",
    unanswered="expired",
    urgency="low",
)


def decided(verdict: str) -> ActionDecided:
    seen = msgspec.convert([0, True, True, [], *[0] * 11, True, False, *[0] * 6], Evidence)
    return ActionDecided(
        action_type="x",
        agent=1,
        cost_micro=0,
        derived=Derived(cls="read"),
        digest="",
        evidence=seen,
        failed=(),
        generation=0,
        grant=None,
        level=0,
        nonce=0,
        policy_digest="",
        reserves_micro=0,
        risk=0,
        task=0,
        tool="",
        urgency="low",
        verdict=verdict,
    )


def trust(before: int, after: int, tier_before: int, tier: int) -> TrustChanged:
    return TrustChanged(
        counted=True,
        moves_at=0,
        points=0,
        reason="",
        score=after,
        score_before=before,
        source=1,
        tier=tier,
        tier_before=tier_before,
        what="failed",
    )


def test_commits_are_counted(metrics: Metrics) -> None:
    Following(metrics)(1, [event(SUBMITTED), event(SUCCEEDED)])
    assert metrics.read("ledger_appends_total") == 2


def test_tasks_are_counted_by_status_and_timed_to_success(metrics: Metrics) -> None:
    following = Following(metrics)
    following(1, [event(SUBMITTED, 7, 10 * SECOND)])
    following(1, [event(SUCCEEDED, 7, 52 * SECOND)])
    following(1, [event(SUBMITTED, 8), event(TaskDeadLettered(agent=1, generation=1, reason="failed"), 8)])
    assert metrics.read("tasks_total", "queued") == 2
    assert metrics.read("tasks_total", "succeeded") == 1
    assert metrics.read("tasks_total", "dead_letter") == 1
    text = metrics.exposition().decode()
    assert "task_latency_seconds_sum 42.0" in text
    assert "task_latency_seconds_count 1.0" in text


def test_rulings_and_endings_are_counted_apart_with_bounded_labels(metrics: Metrics) -> None:
    following = Following(metrics)
    following(1, [event(decided(verdict)) for verdict in ("permitted", "permitted", "denied", "<script>")])
    following(1, [event(OPENED, 5, 0), event(OPENED, 6, 0)])
    approved = DecisionApproved(action=1, agent=1, execution_ms=1, grant_ms=1, level=2, voters=())
    following(
        1, [event(approved, 5, 30 * SECOND), event(DecisionExpired(action=1, agent=1), 6, 300 * SECOND)]
    )
    assert metrics.totals("decisions_processed_total") == {
        "gate permitted": 2,
        "gate denied": 1,
        "gate other": 1,
        "people approved": 1,
        "people expired": 1,
    }
    assert 'decision_duration_seconds_sum{outcome="approved"} 30.0' in metrics.exposition().decode()


def test_trust_moves_are_counted_by_direction_and_new_tier(metrics: Metrics) -> None:
    Following(metrics)(
        1,
        [
            event(trust(300, 310, 1, 1)),
            event(trust(395, 405, 1, 2)),
            event(trust(400, 380, 2, 1)),
            event(trust(1, 1, 0, 0)),
        ],
    )
    assert metrics.totals("trust_score_changes_total") == {"up": 2, "down": 1, "same": 1}
    assert metrics.totals("trust_tier_changes_total") == {"up TRUSTED": 1, "down PROBATIONARY": 1}


def test_memory_of_beginnings_is_bounded(metrics: Metrics) -> None:
    following = Following(metrics)
    following(1, [event(SUBMITTED, subject) for subject in range(STARTS_MAX + 10)])
    assert len(following._starts) == STARTS_MAX
    following(1, [event(SUCCEEDED, 0), event(SUCCEEDED, STARTS_MAX)])
    assert "task_latency_seconds_count 1.0" in metrics.exposition().decode()


def test_directions_have_three_words() -> None:
    assert [direction(1, 2), direction(2, 1), direction(1, 1)] == ["up", "down", "same"]


def test_reviews_are_counted_by_verdict(metrics: Metrics) -> None:
    for verdict in ("positive", "positive", "negative"):
        Following(metrics)(1, [event(TaskReviewed(agent=1, owner="per_1", verdict=verdict))])
    read = metrics.read
    assert (read("task_reviews_total", "positive"), read("task_reviews_total", "negative")) == (2, 1)
