"""The situation report: how things stand, what is about to happen, what happened meanwhile (spec 06)."""

from __future__ import annotations

from typing import Any

from watchfloor.http.bodies.alerts import ITEM, AlertItem
from watchfloor.http.bodies.fields import Answer, Count, Fresh, Instant, Millis, Seq


class SituationParams(Fresh, frozen=True, kw_only=True):
    """`since_seq` or `since_at`: also what happened since (neither: `away` is null)."""

    since_seq: Seq = 0
    since_at: Instant = 0


class Mode(Answer, frozen=True, kw_only=True):
    """`name` NORMAL or a mode of degradation. `trouble` names the parts that are not well; `stops` how many are in force."""

    name: str
    trouble: tuple[str, ...]
    stops: Count


class Alerting(Answer, frozen=True, kw_only=True):
    """Alerts that are not over: how many of each severity, how many nobody has acknowledged, and the gravest ones."""

    critical: Count
    warning: Count
    info: Count
    unseen: Count
    items: tuple[AlertItem, ...]


class Waiting(Answer, frozen=True, kw_only=True):
    """A decision that waits. `left_ms` until the next rung, or the end, of its ladder."""

    decision_id: str
    action_id: str
    agent_id: str
    type: str
    level: int
    risk: int
    urgency: str
    role: str
    committee: str
    deadline_at: Instant
    left_ms: Millis


class Deciding(Answer, frozen=True, kw_only=True):
    """Decisions that wait, by time left; the soonest ones in `items`."""

    pending: Count
    under_5_min: Count
    under_1_h: Count
    later: Count
    items: tuple[Waiting, ...]


class Lately(Answer, frozen=True, kw_only=True):
    """How it has been going since `since_at` (24 hours), of at most the newest 500 of each.

    `decided`: decisions that people answered, `decision_ms_mean` from asking to the answer; `ended`: tasks that succeeded or
    went to the dead letter, `success_permille` of them succeeded. Null of none.
    """

    since_at: Instant
    decided: Count
    decision_ms_mean: Millis | None
    ended: Count
    success_permille: Count | None


class BudgetRunsOut(Answer, frozen=True, kw_only=True):
    """At the pace of its present period a budget is used up at `exhausted_at`, before the period ends."""

    budget_id: str
    scope: str
    target_id: str
    measure: str
    period: str
    spent: Count
    limit: Count
    exhausted_at: Instant


class TaskAtRisk(Answer, frozen=True, kw_only=True):
    """By what such tasks took lately it ends at `expected_at`, after its deadline. `why`: waiting, slow or stuck."""

    task_id: str
    status: str
    deadline_at: Instant
    expected_at: Instant
    why: str


class Bottleneck(Answer, frozen=True, kw_only=True):
    """Where work piles up. `kind` capability, lane or approver; `name` which; `waiting` how much, the oldest since
    `oldest_at`; `able` how many agents or people could take it on (of a lane: agents online), `free` how many of them
    have room now (of approvers: the same as able).
    """

    kind: str
    name: str
    waiting: Count
    oldest_at: Instant
    able: Count
    free: Count


class Predictions(Answer, frozen=True, kw_only=True):
    """What the last days suggest, computed when asked; the soonest and the largest first."""

    budgets: tuple[BudgetRunsOut, ...]
    tasks: tuple[TaskAtRisk, ...]
    bottlenecks: tuple[Bottleneck, ...]


class Happened(Answer, frozen=True, kw_only=True):
    """So many of a kind, and the newest ids (up to 20)."""

    what: str
    count: Count
    ids: tuple[str, ...]


class Away(Answer, frozen=True, kw_only=True):
    """What happened after `since_seq` (at `since_at`). `shortened`: longer ago than is looked back."""

    since_seq: Seq
    since_at: Instant
    events: Count
    shortened: bool
    items: tuple[Happened, ...]


class Situation(Answer, frozen=True, kw_only=True):
    """`fleet` counts agents by state (retired ones left out), `tasks` open tasks by status, paused ones apart."""

    at: Instant
    mode: Mode
    fleet: dict[str, int]
    tasks: dict[str, int]
    alerts: Alerting
    decisions: Deciding
    lately: Lately
    predictions: Predictions
    away: Away | None
    seq: Seq


EXAMPLES: dict[type, dict[str, Any]] = {
    Situation: {
        "at": 1_763_700_000_000_000,
        "mode": {"name": "NORMAL", "trouble": [], "stops": 0},
        "fleet": {"working": 7, "blocked": 1, "idle": 4, "offline": 2},
        "tasks": {"queued": 12, "running": 7, "blocked": 1, "paused": 0},
        "alerts": {"critical": 1, "warning": 0, "info": 0, "unseen": 1, "items": [ITEM]},
        "decisions": {
            "pending": 3,
            "under_5_min": 1,
            "under_1_h": 1,
            "later": 1,
            "items": [
                {
                    "decision_id": "dec_q4d1k7m9x2v4",
                    "action_id": "act_q0d1k7m9x2v4",
                    "agent_id": "agt_q0d1k7m9x2v4",
                    "type": "repository.patch",
                    "level": 3,
                    "risk": 60,
                    "urgency": "immediate",
                    "role": "supervisor",
                    "committee": "",
                    "deadline_at": 1_763_700_240_000_000,
                    "left_ms": 240_000,
                }
            ],
        },
        "lately": {
            "since_at": 1_763_613_600_000_000,
            "decided": 41,
            "decision_ms_mean": 73_000,
            "ended": 212,
            "success_permille": 971,
        },
        "predictions": {
            "budgets": [
                {
                    "budget_id": "bud_q0d1k7m9x2v4",
                    "scope": "organisation",
                    "target_id": "",
                    "measure": "money",
                    "period": "day",
                    "spent": 80_000_000,
                    "limit": 100_000_000,
                    "exhausted_at": 1_763_708_000_000_000,
                }
            ],
            "tasks": [
                {
                    "task_id": "tsk_q0d1k7m9x2v4",
                    "status": "queued",
                    "deadline_at": 1_763_701_000_000_000,
                    "expected_at": 1_763_703_000_000_000,
                    "why": "waiting",
                }
            ],
            "bottlenecks": [
                {
                    "kind": "capability",
                    "name": "rust",
                    "waiting": 9,
                    "oldest_at": 1_763_690_000_000_000,
                    "able": 2,
                    "free": 0,
                }
            ],
        },
        "away": {
            "since_seq": 900,
            "since_at": 1_763_690_000_000_000,
            "events": 142,
            "shortened": False,
            "items": [{"what": "decisions_approved", "count": 2, "ids": ["dec_q4d1k7m9x2v4"]}],
        },
        "seq": 1042,
    }
}
