"""Analytics: how much runs without people, and how they decide (spec 3.5)."""

from __future__ import annotations

from typing import Any, Literal

from watchfloor.http.bodies.fields import Answer, Count, Fresh, Id, Instant, Limit, Seq, Word
from watchfloor.kernel.limits import PAGE_MAX


class _Filters(Fresh, frozen=True, kw_only=True):
    """What came in from `from_at` until before `to_at` (0: until now); of an agent, an action type, agents of an owner."""

    from_at: Instant = 0
    to_at: Instant = 0
    agent: Id | None = None
    type: Word | None = None
    owner: Id | None = None
    limit: Limit = PAGE_MAX


class AutomationParams(_Filters, frozen=True, kw_only=True):
    by: Literal["type", "agent", "class", "day", "organisation"] = "type"


class Automation(Answer, frozen=True, kw_only=True):
    """`low_risk`: actions whose class and parameters alone make less than 25, before the agent's history.

    `automatic` ran on a ruling of the gate alone. `wrong`: of those, what failed, ended unknown, or belongs to a task
    rated negatively. Rates in permille of what is named: of `actions`, of `low_risk`, of `automatic`; null of none.
    `held_ids` and `wrong_ids` are the newest (up to 20) low-risk actions that waited or were denied, and the wrong ones.
    """

    key: str
    actions: Count
    automatic: Count
    held: Count
    denied: Count
    low_risk: Count
    low_risk_automatic: Count
    wrong: Count
    automatic_permille: int | None
    low_risk_automatic_permille: int | None
    wrong_permille: int | None
    held_ids: tuple[str, ...]
    wrong_ids: tuple[str, ...]


class AutomationPage(Answer, frozen=True, kw_only=True):
    """The busiest `limit` keys. `target_permille` of low-risk actions should be automatic."""

    target_permille: int
    items: tuple[Automation, ...]
    seq: Seq


class DecidingParams(_Filters, frozen=True, kw_only=True):
    """By approver, times are from the opening to their vote, and refused and late votes are left out."""

    by: Literal["risk", "type", "agent", "day", "approver", "organisation"] = "risk"


class Deciding(Answer, frozen=True, kw_only=True):
    """Decisions by how they ended; times in milliseconds from the opening to the end, of those approved or denied by people.

    By approver, `approved` and `denied` are their votes, and `approved_permille` can be laid beside the others'.
    """

    key: str
    decisions: Count
    pending: Count
    approved: Count
    denied: Count
    unanswered: Count
    expired: Count
    cancelled: Count
    escalated: Count
    approved_permille: int | None
    mean_ms: Count
    p50_ms: Count
    p95_ms: Count
    ids: tuple[str, ...]


class DecidingPage(Answer, frozen=True, kw_only=True):
    items: tuple[Deciding, ...]
    seq: Seq


EXAMPLES: dict[type, dict[str, Any]] = {
    AutomationPage: {
        "target_permille": 800,
        "items": [
            {
                "key": "file.read",
                "actions": 412,
                "automatic": 391,
                "held": 20,
                "denied": 1,
                "low_risk": 410,
                "low_risk_automatic": 391,
                "wrong": 3,
                "automatic_permille": 949,
                "low_risk_automatic_permille": 953,
                "wrong_permille": 7,
                "held_ids": ["act_q0d1k7m9x2v4"],
                "wrong_ids": ["act_q0d1k7m9x2v5"],
            }
        ],
        "seq": 1042,
    },
    DecidingPage: {
        "items": [
            {
                "key": "high",
                "decisions": 40,
                "pending": 1,
                "approved": 30,
                "denied": 6,
                "unanswered": 1,
                "expired": 2,
                "cancelled": 0,
                "escalated": 4,
                "approved_permille": 833,
                "mean_ms": 41_000,
                "p50_ms": 30_000,
                "p95_ms": 190_000,
                "ids": ["dec_q4d1k7m9x2v4"],
            }
        ],
        "seq": 1042,
    },
}
