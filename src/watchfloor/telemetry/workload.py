"""What committed events mean for the figures of tasks, agents and executions (spec 06 *Metrics*).

Given to `engine.follow` beside `Following`. It remembers only what is open in this process: a task that was queued before
the process began is counted, but the time it waited is not observed.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from watchfloor.actions import messages as actions
from watchfloor.fleet import messages as fleet
from watchfloor.kernel.instants import SECOND
from watchfloor.kernel.messages import Event, Facts
from watchfloor.telemetry.metrics import Metrics
from watchfloor.work import messages as work

_log = logging.getLogger(__name__)
OPEN_MAX = 50_000  # tasks whose waiting is measured; the oldest is forgotten and not observed
AGENTS_MAX = 50_000
AGENT_TYPES = ("worker", "planner", "validator", "researcher", "communicator", "orchestrator", "executor")
CRITERION_KINDS = ("command", "file", "git_commit", "tests", "json_schema", "http_response")
REASONS = frozenset(
    (
        "failed", "rejected", "not_accepted", "timed_out", "stuck", "not_verified", "disconnected", "deadline_passed",
        "dependency_failed", work.WORKER_HELD, *work.CALL_FAILURES,
    )
)  # fmt: skip
_PRESENCE: dict[type[Facts], str] = {
    fleet.AgentConnected: "connected",
    fleet.AgentDisconnected: "disconnected",
    fleet.AgentDegraded: "degraded",
    fleet.AgentRecovered: "recovered",
}
_EXECUTIONS: dict[type[Facts], str] = {
    actions.ActionStarted: "started",
    actions.ActionCompleted: "completed",
    actions.ActionFailed: "failed",
    actions.ActionUnknown: "unknown",
}


def reason_of(reason: str) -> str:
    """The reason as a label: one of REASONS, or `other`, since agents' words are no labels."""
    return reason if reason in REASONS else "other"


class Workload:
    """A follower of committed events. `type_of(org, agent)` is the agent's type, empty when it is not known."""

    def __init__(self, metrics: Metrics, type_of: Callable[[int, int], str]) -> None:
        self._metrics = metrics
        self._type_of = type_of
        self._queued: OrderedDict[tuple[int, int], tuple[str, int]] = (
            OrderedDict()
        )  # lane; since when, 0: not
        self._met: OrderedDict[tuple[int, int], None] = OrderedDict()
        self._table: dict[type[Facts], Callable[[int, Event], None]] = {
            work.TaskSubmitted: self._submitted,
            work.TaskReady: self._ready,
            work.TaskAssigned: self._assigned,
            work.TaskSucceeded: self._succeeded,
            work.TaskAttemptFailed: self._failed,
            work.TaskDeadLettered: self._dead,
            work.TaskCancelled: self._cancelled,
        }
        for facts in _PRESENCE:
            self._table[facts] = self._presence
        for facts in _EXECUTIONS:
            self._table[facts] = self._execution

    def __call__(self, org: int, events: list[Event]) -> None:
        """Count one commit. Whatever goes wrong here must not hold up the answers that wait behind it."""
        for event in events:
            count = self._table.get(type(event.facts))
            if count is None:
                continue
            try:
                count(org, event)
            except Exception:  # noqa: BLE001 - a missing number is better than a server that stands
                _log.exception("an event was not counted: %s", event.type)

    # Tasks --------------------------------------------------------------------------------------------------------

    def _submitted(self, org: int, event: Event) -> None:
        facts: Any = event.facts
        waits = facts.unmet or facts.not_before_at > event.at
        self._queued[org, event.subject] = facts.priority, 0 if waits else event.at
        if len(self._queued) > OPEN_MAX:
            self._queued.popitem(last=False)

    def _since(self, org: int, task: int, at: int) -> None:
        known = self._queued.get((org, task))
        if known is not None:
            self._queued[org, task] = known[0], at

    def _ready(self, org: int, event: Event) -> None:
        self._since(org, event.subject, event.at)

    def _assigned(self, org: int, event: Event) -> None:
        lane, since = self._queued.get((org, event.subject), ("", 0))
        if since and lane in work.LANES:
            self._metrics.observe("task_wait_seconds", max(0, event.at - since) / SECOND, lane)
            self._since(org, event.subject, 0)

    def _succeeded(self, org: int, event: Event) -> None:
        self._metrics.count("task_attempts_total", "succeeded")
        self._took(org, event)
        self._queued.pop((org, event.subject), None)

    def _failed(self, org: int, event: Event) -> None:
        facts: Any = event.facts
        self._metrics.count("task_attempts_total", reason_of(facts.reason))
        self._took(org, event)
        self._since(org, event.subject, max(event.at, facts.retry_at))

    def _dead(self, org: int, event: Event) -> None:
        facts: Any = event.facts
        self._metrics.count("tasks_dead_lettered_total", reason_of(facts.reason))
        self._took(org, event)
        self._queued.pop((org, event.subject), None)

    def _cancelled(self, org: int, event: Event) -> None:
        self._took(org, event)
        self._queued.pop((org, event.subject), None)

    def _took(self, org: int, event: Event) -> None:
        facts: Any = event.facts
        if facts.time_ms > 0:
            kind = self._type_of(org, facts.agent)
            label = kind if kind in AGENT_TYPES else "other"
            self._metrics.observe("agent_execution_seconds", facts.time_ms / 1_000, label)

    # Agents and actions -------------------------------------------------------------------------------------------

    def _presence(self, org: int, event: Event) -> None:
        self._metrics.count("agent_presence_changes_total", _PRESENCE[type(event.facts)])
        key = (org, event.subject)
        if isinstance(event.facts, fleet.AgentConnected):
            if key in self._met:
                self._metrics.count("agent_reconnects_total")
            self._met[key] = None
            if len(self._met) > AGENTS_MAX:
                self._met.popitem(last=False)

    def _execution(self, _: int, event: Event) -> None:
        self._metrics.count("executions_total", _EXECUTIONS[type(event.facts)])
