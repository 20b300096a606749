"""Every kind of alert: what it means to people, and whether they may close it (spec 06)."""

from __future__ import annotations

import msgspec


class Kind(msgspec.Struct, frozen=True):
    """`meaning` as people read it. `by_hand`: people may resolve it; others end when what they are about does."""

    meaning: str
    by_hand: bool = False


ALERTS = {
    "stopped": Kind("A stop is in force."),
    "quarantined": Kind("An agent is in quarantine."),
    "breaker_open": Kind("A circuit breaker is open: nothing of that agent or with that tool."),
    "worker_unreachable": Kind("An HTTP worker gives no valid answers."),
    "orphaned": Kind("An agent left while it had tasks; they wait for it or go to others."),
    "unsupervised": Kind("No agent is there to supervise a domain: it is with people."),
    "stuck": Kind("A task shows no progress."),
    "decision_waiting": Kind("The time for a decision runs out."),
    "undecided": Kind("Nobody decided, or nobody could: what was asked was denied.", by_hand=True),
    "forced": Kind("An action was forced past the people and waits for its review."),
    "anomaly": Kind("Something is out of the ordinary."),
    "ungated_call": Kind("An agent did what no grant had let it start.", by_hand=True),
    "identity_changed": Kind("An agent runs with a prompt or tools that nobody has approved.", by_hand=True),
    "outcome_unknown": Kind("Executions of an agent ended without a word.", by_hand=True),
    "budget": Kind("A budget runs low or is used up."),
    "dead_letter": Kind("Tasks ended in the dead letter.", by_hand=True),
    "key_expiring": Kind("A key of an agent is about to end.", by_hand=True),
    "undelivered": Kind("A notice reached somebody by no channel.", by_hand=True),
    "clock": Kind("The clock of the server jumped.", by_hand=True),
    "rollback": Kind("The ledger was taken back to an earlier state.", by_hand=True),
}
