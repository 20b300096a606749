"""Analytics: how much runs without people, and how they decide (spec 3.5)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta

from watchfloor.http.bodies.fields import (
    AgentName,
    Answer,
    Count,
    Fresh,
    Id,
    Instant,
    Limit,
    Paged,
    Seq,
    Word,
)
from watchfloor.kernel.limits import PAGE_MAX


class _Filters(Fresh, frozen=True, kw_only=True):
    """What came in from `from_at` until before `to_at` (0: until now); of an agent, an action type, agents of an owner."""

    from_at: Instant = 0
    to_at: Instant = 0
    agent: AgentName | None = None
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


class OverridesParams(_Filters, frozen=True, kw_only=True):
    by: Literal["risk", "type", "agent", "day", "organisation"] = "organisation"


class Overrides(Answer, frozen=True, kw_only=True):
    """How often people decided against advice, of what they `answered`.

    The gate's advice on what it held below high risk is to let it through once somebody has looked: a *no* is against it,
    and so is forcing (`forced`). Above it leaves the question to people. The tribunal's advice is its recommendation.
    Rates in permille of `gate_advised` and `tribunal_advised`, null of none; the ids are the newest (up to 20).
    """

    key: str
    answered: Count
    gate_advised: Count
    gate_overridden: Count
    forced: Count
    tribunal_advised: Count
    tribunal_overridden: Count
    gate_permille: int | None
    tribunal_permille: int | None
    gate_ids: tuple[str, ...]
    tribunal_ids: tuple[str, ...]


class OverridesPage(Answer, frozen=True, kw_only=True):
    """`target_permille`: the rate should stay below it."""

    target_permille: int
    items: tuple[Overrides, ...]
    seq: Seq


class ReviewersParams(_Filters, frozen=True, kw_only=True):
    by: Literal["person", "type", "day", "organisation"] = "person"


class Reviewers(Answer, frozen=True, kw_only=True):
    """Votes and how long people looked: from having a decision in front of them to voting, of the `measured` ones.

    `quick`: below three seconds; `quick_ids` the newest of these decisions (up to 20). `days` on which somebody voted,
    `busiest_day` how many votes the busiest had; `pending` decisions wait for this person's role now (by person only).
    """

    key: str
    votes: Count
    approved: Count
    denied: Count
    abstained: Count
    late: Count
    refused: Count
    measured: Count
    quick: Count
    approved_permille: int | None
    mean_ms: Count
    p50_ms: Count
    p95_ms: Count
    days: Count
    busiest_day: Count
    pending: Count
    quick_ids: tuple[str, ...]


class ReviewersPage(Answer, frozen=True, kw_only=True):
    items: tuple[Reviewers, ...]
    seq: Seq


class BehindParams(Paged, frozen=True, kw_only=True):
    """Which number: `figure` of the line `of` of `report` by `by`, with the filters it was asked with."""

    report: Literal["automation", "decisions", "approvers", "overrides", "reviewers"]
    figure: Word
    by: Word = "organisation"
    of: Word = ""
    from_at: Instant = 0
    to_at: Instant = 0
    agent: AgentName | None = None
    type: Word | None = None
    owner: Id | None = None


class BehindItem(Answer, frozen=True, kw_only=True):
    """One of them as a list shows it. `decision_id` empty: it ran, or was denied, without people. `at` when it was asked."""

    id: str
    decision_id: str
    agent_id: str
    type: str
    risk: Count
    status: str
    at: Instant


class BehindPage(Answer, frozen=True, kw_only=True):
    """The actions (of automation) or decisions that the number counts, newest first, each once; `items` in the same order."""

    ids: tuple[str, ...]
    items: tuple[BehindItem, ...] = ()
    next: str | None = None
    seq: Seq


class TrendsParams(Fresh, frozen=True, kw_only=True):
    """The last `days`, beside as many before them."""

    days: Annotated[int, Meta(ge=1, le=366)] = 7


class Trend(Answer, frozen=True, kw_only=True):
    """A rate (permille of `whole`) or a time (ms) now and before; null of none. `target` null: there is none."""

    name: str
    unit: str
    now: int | None
    before: int | None
    part: Count
    whole: Count
    target: int | None


class Trends(Answer, frozen=True, kw_only=True):
    from_at: Instant
    to_at: Instant
    items: tuple[Trend, ...]
    seq: Seq


class SuggestionsParams(Fresh, frozen=True, kw_only=True):
    days: Annotated[int, Meta(ge=1, le=366)] = 30


class Suggestion(Answer, frozen=True, kw_only=True):
    """`path` of the policy, what it is `now` and what would do (`suggested`, empty where numbers do not say).

    `direction` loosen, tighten or either; `answers` it is founded on, `agreed_permille` of them spoke for how things went;
    `ids` the newest of them (up to 20). Never applied by itself: try it with a backtest.
    """

    path: str
    direction: str
    now: str
    suggested: str
    text: str
    answers: Count
    agreed_permille: Count
    ids: tuple[str, ...]


class Suggestions(Answer, frozen=True, kw_only=True):
    items: tuple[Suggestion, ...]
    seq: Seq


EXAMPLES: dict[type, dict[str, Any]] = {
    OverridesPage: {
        "target_permille": 50,
        "items": [
            {
                "key": "",
                "answered": 120,
                "gate_advised": 90,
                "gate_overridden": 3,
                "forced": 1,
                "tribunal_advised": 20,
                "tribunal_overridden": 1,
                "gate_permille": 33,
                "tribunal_permille": 50,
                "gate_ids": ["dec_q4d1k7m9x2v4"],
                "tribunal_ids": [],
            }
        ],
        "seq": 1042,
    },
    ReviewersPage: {
        "items": [
            {
                "key": "per_4h2k9d0s7b1",
                "votes": 60,
                "approved": 50,
                "denied": 9,
                "abstained": 1,
                "late": 0,
                "refused": 0,
                "measured": 55,
                "quick": 2,
                "approved_permille": 847,
                "mean_ms": 41_000,
                "p50_ms": 30_000,
                "p95_ms": 190_000,
                "days": 5,
                "busiest_day": 20,
                "pending": 2,
                "quick_ids": ["dec_q4d1k7m9x2v4"],
            }
        ],
        "seq": 1042,
    },
    BehindPage: {
        "ids": ["dec_q4d1k7m9x2v4"],
        "items": [
            {
                "id": "dec_q4d1k7m9x2v4",
                "decision_id": "dec_q4d1k7m9x2v4",
                "agent_id": "agt_q0d1k7m9x2v4",
                "type": "repository.patch",
                "risk": 60,
                "status": "approved",
                "at": 1_763_700_000_000_000,
            }
        ],
        "next": None,
        "seq": 1042,
    },
    Trends: {
        "from_at": 1_763_100_000_000_000,
        "to_at": 1_763_700_000_000_000,
        "items": [
            {
                "name": "low_risk_automatic",
                "unit": "permille",
                "now": 871,
                "before": 640,
                "part": 871,
                "whole": 1_000,
                "target": 800,
            }
        ],
        "seq": 1042,
    },
    Suggestions: {
        "items": [
            {
                "path": "/auto/score_min",
                "direction": "loosen",
                "now": "800",
                "suggested": "640",
                "text": "People agreed to what only the agents' trust kept from running at once: a lower score would do.",
                "answers": 140,
                "agreed_permille": 993,
                "ids": ["act_q0d1k7m9x2v4"],
            }
        ],
        "seq": 1042,
    },
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
