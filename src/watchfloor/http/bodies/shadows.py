"""Shadow policies, the report of the mode `observe`, and how far a backtest is (spec 3.1, 3.4, 3.6)."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from watchfloor.http.bodies.backtests import BacktestDifference, BacktestKind
from watchfloor.http.bodies.fields import Answer, Body, Count, Fresh, Instant, Paged, Seq, ShortReason
from watchfloor.kernel.terms import Policy

_Name = Annotated[str, Meta(min_length=1, max_length=64)]


class SetShadowBody(Body, frozen=True, kw_only=True):
    """The candidate: a whole `document`, or an earlier `version`. A name that is taken gets another candidate."""

    name: _Name
    document: Policy | None = None
    version: Count = 0
    reason: ShortReason = ""


class ShadowItem(Answer, frozen=True, kw_only=True):
    """`ended_at` 0: it is kept."""

    number: Count
    name: str
    digest: str
    set_at: Instant
    set_by: str
    reason: str
    ended_at: Instant
    ended_by: str
    seq: Seq


class ShadowsParams(Paged, frozen=True, kw_only=True):
    pass


class ShadowPage(Answer, frozen=True, kw_only=True):
    """Newest first; those that were removed or replaced too."""

    items: tuple[ShadowItem, ...]
    next: str | None = None
    seq: Seq


class ShadowComparison(Answer, frozen=True, kw_only=True):
    """What it would have said since it was set. `behind`: seqs that were not compared yet; ask again.

    `ended`: complete, time (there is more) or limit (of rulings, a million).
    """

    name: str
    digest: str
    document: Policy
    decisions: Count
    same: Count
    stricter: Count
    looser: Count
    from_record: Count
    kinds: tuple[BacktestKind, ...]
    since_seq: Seq
    compared_seq: Seq
    behind: Count
    ended: str


class ShadowDifferences(Answer, frozen=True, kw_only=True):
    """Newest first, of the newest 1,000."""

    items: tuple[BacktestDifference, ...]
    next: str | None = None
    behind: Count


class BacktestProgress(Answer, frozen=True, kw_only=True):
    """`running` false: none is under way. `cancelled`: it ends within a slice of 500 events."""

    running: bool
    from_seq: Seq = 0
    seq: Seq = 0
    until_seq: Seq = 0
    decisions: Count = 0
    permille: Count = 0
    cancelled: bool = False


class ObservedParams(Fresh, frozen=True, kw_only=True):
    days: Annotated[int, Meta(ge=1, le=366)] = 30


class ObservedGroup(Answer, frozen=True, kw_only=True):
    """Alike actions that ran although people would have been asked: at which level, and who would have decided.

    `people`: who could have, as of now (handles). `actions` are the newest of them.
    """

    type: str
    level: int
    unheld: bool
    count: Count
    completed: Count
    failed: Count
    role: str
    committee: str
    needed: int
    people: tuple[str, ...]
    actions: tuple[str, ...]


class ObservedRule(Answer, frozen=True, kw_only=True):
    rule: str
    count: Count


class ThresholdProposal(Answer, frozen=True, kw_only=True):
    """A threshold that fits what was recorded. Of the period's actions `held_now` would wait for people, or `held_then`."""

    path: str
    now: int
    proposed: int
    held_now: Count
    held_then: Count
    because: str
    loosens: bool


class ObservedReport(Answer, frozen=True, kw_only=True):
    """`decisions` of agents were looked at; `observed` of them ran unasked, `unheld` at level 3 or more.

    `ended`: complete, limit (50,000 rulings) or time (20 s).
    """

    modes: dict[str, Any]
    decisions: Count
    observed: Count
    unheld: Count
    groups: tuple[ObservedGroup, ...]
    rules: tuple[ObservedRule, ...]
    proposals: tuple[ThresholdProposal, ...]
    from_seq: Seq
    until_seq: Seq
    ended: str


_SHADOW = {
    "number": 1,
    "name": "fewer_questions",
    "digest": "3d" * 32,
    "set_at": 1_763_700_000_000_000,
    "set_by": "per_4h2k9d0s7b1",
    "reason": "before we apply it",
    "ended_at": 0,
    "ended_by": "",
    "seq": 1043,
}
EXAMPLES: dict[type, dict[str, Any]] = {
    SetShadowBody: {"name": "fewer_questions", "version": 2, "reason": "before we apply it"},
    ShadowPage: {"items": [_SHADOW], "next": None, "seq": 1043},
    ShadowComparison: {
        "name": "fewer_questions",
        "digest": "3d" * 32,
        "document": {"name": "default"},
        "decisions": 412,
        "same": 380,
        "stricter": 0,
        "looser": 32,
        "from_record": 0,
        "kinds": [{"recorded": "pending", "candidate": "permitted", "stricter": False, "count": 32}],
        "since_seq": 1043,
        "compared_seq": 2210,
        "behind": 0,
        "ended": "complete",
    },
    ShadowDifferences: {"items": [], "next": None, "behind": 0},
    BacktestProgress: {
        "running": True,
        "from_seq": 1,
        "seq": 5_000,
        "until_seq": 20_412,
        "decisions": 2_400,
        "permille": 244,
        "cancelled": False,
    },
    ObservedReport: {
        "modes": {"organisation": "observe", "agents": {}, "types": {}},
        "decisions": 900,
        "observed": 120,
        "unheld": 9,
        "groups": [
            {
                "type": "repository.patch",
                "level": 3,
                "unheld": True,
                "count": 9,
                "completed": 9,
                "failed": 0,
                "role": "supervisor",
                "committee": "",
                "needed": 1,
                "people": ["ada"],
                "actions": ["act_8k2k9d0s7b1"],
            }
        ],
        "rules": [{"rule": "the_trust_is_not_above_the_threshold", "count": 111}],
        "proposals": [
            {
                "path": "/auto/score_min",
                "now": 800,
                "proposed": 550,
                "held_now": 120,
                "held_then": 20,
                "because": "of 111 low-risk actions by agents above 550, 0 failed",
                "loosens": True,
            }
        ],
        "from_seq": 1,
        "until_seq": 2_210,
        "ended": "complete",
    },
}
