"""What committed events mean for the counters: one table from facts to metrics (spec 06 *Metrics*).

`Following` is given to `engine.follow`. It only counts; what can be counted at scrape time is left to samplers.
"""

from __future__ import annotations

import logging
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from watchfloor.actions import messages as actions
from watchfloor.conversations import messages as conversations
from watchfloor.councils import messages as councils
from watchfloor.kernel.instants import SECOND
from watchfloor.kernel.messages import Event, Facts
from watchfloor.kernel.terms import TIERS
from watchfloor.people import messages as people
from watchfloor.situation import messages as situation
from watchfloor.telemetry.metrics import Metrics
from watchfloor.trust import anomaly_messages as anomalies
from watchfloor.trust import messages as trust
from watchfloor.work import messages as work

_log = logging.getLogger(__name__)
STARTS_MAX = 50_000  # beginnings remembered for durations; the oldest is forgotten and not observed

_TASK_STATUS: dict[type[Facts], str] = {
    work.TaskSubmitted: "queued",
    work.TaskAssigned: "assigned",
    work.TaskAccepted: "running",
    work.TaskSucceeded: "succeeded",
    work.TaskAttemptFailed: "failed",
    work.TaskDeadLettered: "dead_letter",
    work.TaskOrphaned: "orphaned",
    work.TaskCancelled: "cancelled",
    work.TaskPaused: "paused",
    work.TaskStuck: "stuck",
}
_TIMED: tuple[type[Facts], ...] = (  # with these a task begins or ends
    work.TaskSubmitted,
    work.TaskSucceeded,
    work.TaskDeadLettered,
    work.TaskCancelled,
)
_OUTCOME: dict[type[Facts], str] = {
    councils.DecisionApproved: "approved",
    councils.DecisionForced: "forced",
    councils.DecisionDenied: "denied",
    councils.DecisionExpired: "expired",
    councils.DecisionCancelled: "cancelled",
}
_SAID: tuple[type[Facts], ...] = (
    conversations.AgentTold,
    conversations.ChatAnswered,
    conversations.MessageSent,
    conversations.MessagePosted,
)
_VERDICTS = frozenset(("permitted", "pending", "denied"))


def direction(before: int, after: int) -> str:
    """up, down or same."""
    return "same" if after == before else "up" if after > before else "down"


class Following:
    """A follower of committed events that moves the counters."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics
        self._starts: OrderedDict[tuple[int, str, int], int] = OrderedDict()
        self._table: dict[type[Facts], Callable[[int, Event], None]] = {
            councils.DecisionOpened: self._began,
            councils.DecisionTakenOver: self._taken_over,
            trust.TrustChanged: self._trust,
            trust.TrustReassessed: self._trust,
            anomalies.AnomalyFound: self._anomaly,
            situation.AlertRaised: self._alert,
            work.TaskReviewed: self._reviewed,
        }
        for said in _SAID:
            self._table[said] = self._message
        for facts in _TIMED:
            self._table[facts] = self._task
        for facts in _OUTCOME:
            self._table[facts] = self._decided

    def _taken_over(self, org: int, event: Event) -> None:  # noqa: ARG002 -- one signature
        facts: Any = event.facts
        self._metrics.count("decisions_taken_over_total", facts.reason)

    def __call__(self, org: int, events: list[Event]) -> None:
        """Count one commit."""
        self._metrics.count("ledger_appends_total", by=len(events))
        verdicts: dict[str, int] = {}
        statuses: dict[str, int] = {}
        for event in events:
            facts = event.facts
            if type(facts) in (people.NoticeUndelivered, people.SharedNoticeUndelivered):
                self._metrics.count("notifications_undelivered_total")
            if type(facts) is actions.ActionDecided:
                # Counted once a commit: touching a labelled counter costs 2 µs each time.
                verdict = facts.verdict if facts.verdict in _VERDICTS else "other"
                if facts.level > 1 and facts.grant is not None:  # it ran only because it is observed
                    verdict = "observed"
                verdicts[verdict] = verdicts.get(verdict, 0) + 1
                continue
            if (status := _TASK_STATUS.get(type(facts))) is not None:
                statuses[status] = statuses.get(status, 0) + 1
            if (count := self._table.get(type(facts))) is not None:
                self._try(count, org, event)
        for verdict, number in verdicts.items():
            self._metrics.count("decisions_processed_total", "gate", verdict, by=number)
        for status, number in statuses.items():
            self._metrics.count("tasks_total", status, by=number)

    @staticmethod
    def _try(count: Callable[[int, Event], None], org: int, event: Event) -> None:
        """Whatever goes wrong here must not hold up the answers that wait behind it."""
        try:
            count(org, event)
        except Exception:  # noqa: BLE001 - a missing number is better than a server that stands
            _log.exception("an event was not counted: %s", event.type)

    def _began(self, org: int, event: Event) -> None:
        self._starts[(org, event.kind, event.subject)] = event.at
        if len(self._starts) > STARTS_MAX:
            self._starts.popitem(last=False)

    def _elapsed_s(self, org: int, event: Event) -> float | None:
        begun = self._starts.pop((org, event.kind, event.subject), None)
        return None if begun is None else (event.at - begun) / SECOND

    def _decided(self, org: int, event: Event) -> None:
        outcome = _OUTCOME[type(event.facts)]
        self._metrics.count("decisions_processed_total", "people", outcome)
        elapsed = self._elapsed_s(org, event)
        if elapsed is not None:
            self._metrics.observe("decision_duration_seconds", elapsed, outcome)

    def _task(self, org: int, event: Event) -> None:
        if isinstance(event.facts, work.TaskSubmitted):
            self._began(org, event)
        elif isinstance(event.facts, work.TaskSucceeded):
            elapsed = self._elapsed_s(org, event)
            if elapsed is not None:
                self._metrics.observe("task_latency_seconds", elapsed)
        elif isinstance(event.facts, work.TaskDeadLettered | work.TaskCancelled):
            self._elapsed_s(org, event)

    def _reviewed(self, _: int, event: Event) -> None:
        facts: Any = event.facts
        self._metrics.count("task_reviews_total", facts.verdict)

    def _message(self, _: int, event: Event) -> None:
        author = "agent" if event.actor.kind == "agent" else "person"
        self._metrics.count("conversation_messages_total", event.kind, author)

    def _anomaly(self, _: int, event: Event) -> None:
        facts: Any = event.facts
        self._metrics.count("anomalies_found_total", facts.what)

    def _alert(self, _: int, event: Event) -> None:
        facts: Any = event.facts
        self._metrics.count("alerts_raised_total", facts.what)

    def _trust(self, _: int, event: Event) -> None:
        facts: Any = event.facts
        self._metrics.observe("agent_trust_score", facts.score)
        self._metrics.count("trust_score_changes_total", direction(facts.score_before, facts.score))
        if facts.tier != facts.tier_before:
            self._metrics.count(
                "trust_tier_changes_total", direction(facts.tier_before, facts.tier), TIERS[facts.tier]
            )
