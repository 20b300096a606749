"""Figures of tasks, agents and executions from committed events (spec 6 *Metrics*)."""

from __future__ import annotations

import logging

import msgspec
import pytest
from tests.unit.telemetry.test_following import SUBMITTED, SUCCEEDED, event

from watchfloor.actions.messages import ActionUnknown
from watchfloor.fleet.messages import AgentConnected, AgentDisconnected
from watchfloor.kernel.instants import SECOND
from watchfloor.telemetry import workload
from watchfloor.telemetry.metrics import Metrics
from watchfloor.telemetry.workload import Workload, reason_of
from watchfloor.work.messages import (
    TaskAssigned,
    TaskAttemptFailed,
    TaskCancelled,
    TaskDeadLettered,
    TaskReady,
)

ASSIGNED = TaskAssigned(accept_by_at=9, agent=1, attempt=1, generation=1)


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(process=False)


def waited(metrics: Metrics, lane: str = "normal") -> tuple[float, float]:
    """How many waits were observed, and their sum."""
    values = {
        name: metrics.registry.get_sample_value(f"task_wait_seconds_{name}", {"lane": lane}) or 0.0
        for name in ("count", "sum")
    }
    return values["count"], values["sum"]


def failed(reason: str, retry_at: int = 0, time_ms: int = 0) -> TaskAttemptFailed:
    return TaskAttemptFailed(agent=1, generation=1, reason=reason, retry_at=retry_at, time_ms=time_ms)


def test_a_wait_begins_when_a_task_could_be_given_out_and_again_when_it_is_due(metrics: Metrics) -> None:
    follow = Workload(metrics, lambda org, agent: "worker")
    follow(1, [event(SUBMITTED, at=1 * SECOND), event(ASSIGNED, at=3 * SECOND)])
    assert waited(metrics) == (1, 2)
    follow(1, [event(ASSIGNED, at=4 * SECOND)])
    assert waited(metrics) == (1, 2), "the same assignment again waits for nothing"
    follow(1, [event(failed("failed", 10 * SECOND), at=5 * SECOND), event(ASSIGNED, at=11 * SECOND)])
    assert waited(metrics) == (2, 3)
    held_back = msgspec.structs.replace(SUBMITTED, unmet=(1,), priority="urgent")
    follow(1, [event(held_back, 2, at=0), event(TaskReady(), 2, at=50 * SECOND)])
    follow(1, [event(ASSIGNED, 2, at=51 * SECOND), event(ASSIGNED, 77, at=51 * SECOND)])
    assert waited(metrics, "urgent") == (1, 1)


def test_ends_are_counted_by_bounded_reasons_and_time_in_hand_by_type(metrics: Metrics) -> None:
    follow = Workload(metrics, lambda org, agent: {1: "worker", 2: "of-my-own"}.get(agent, ""))
    dead = TaskDeadLettered(agent=2, generation=1, reason="agents' own words", time_ms=500)
    over = TaskCancelled(agent=1, generation=1, reason="", time_ms=0)
    follow(1, [event(msgspec.structs.replace(SUCCEEDED, time_ms=1_500)), event(failed("stuck")), event(dead)])
    follow(1, [event(over)])
    assert metrics.read("task_attempts_total", "succeeded") == 1
    assert metrics.read("task_attempts_total", "stuck") == 1
    assert metrics.read("tasks_dead_lettered_total", "other") == 1
    sums = {
        kind: metrics.registry.get_sample_value("agent_execution_seconds_sum", {"agent_type": kind})
        for kind in ("worker", "other")
    }
    assert sums == {"worker": 1.5, "other": 0.5}
    assert (reason_of("worker_busy"), reason_of("x")) == ("worker_busy", "other")


def test_presence_and_executions_are_counted(metrics: Metrics, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workload, "AGENTS_MAX", 2)
    follow = Workload(metrics, lambda org, agent: "")
    connected = AgentConnected(node="n", session="s")
    follow(1, [event(connected), event(AgentDisconnected(reason="closed", session="s")), event(connected)])
    assert metrics.read("agent_presence_changes_total", "connected") == 2
    assert metrics.read("agent_presence_changes_total", "disconnected") == 1
    assert metrics.read("agent_reconnects_total") == 1
    follow(1, [event(connected, 2), event(connected, 3), event(connected)])
    assert metrics.read("agent_reconnects_total") == 1, "the agent longest known was forgotten"
    follow(1, [event(ActionUnknown(action_type="x", agent=1, execution="e", tool=""))])
    assert metrics.read("executions_total", "unknown") == 1


def test_what_cannot_be_counted_holds_nothing_up_and_memory_is_bounded(
    metrics: Metrics, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(workload, "OPEN_MAX", 1)

    def unknown(org: int, agent: int) -> str:
        raise KeyError(agent)

    follow = Workload(metrics, unknown)
    with caplog.at_level(logging.ERROR):
        follow(1, [event(failed("failed", time_ms=5)), event(SUBMITTED, 1), event(SUBMITTED, 2, at=SECOND)])
    assert "was not counted" in caplog.text
    follow(1, [event(ASSIGNED, 1, at=SECOND), event(ASSIGNED, 2, at=2 * SECOND)])
    assert waited(metrics) == (1, 1), "the task submitted first was forgotten"
