"""What a candidate policy would do: backtest over recorded decisions, preview of trust and routing (spec 3.4)."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from watchfloor.http.bodies.fields import Answer, Body, Count, Instant, Seq
from watchfloor.kernel.terms import Policy

_AGENTS_MAX = 1_000
_Agents = Annotated[tuple[str, ...], Meta(max_length=_AGENTS_MAX)]


class BacktestBody(Body, frozen=True, kw_only=True):
    """The candidate: a whole `document`, or an earlier `version`. The newest `last` decisions, or those of `days` days.

    `only` and `excluding` name agents: ids, structured codes or names.
    """

    document: Policy | None = None
    version: Count = 0
    last: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    days: Annotated[int, Meta(ge=0, le=3_650)] = 0
    only: _Agents = ()
    excluding: _Agents = ()


class BacktestOutcome(Answer, frozen=True, kw_only=True):
    verdict: str
    level: int
    risk: int


class BacktestDifference(Answer, frozen=True, kw_only=True):
    """`derivation`: same, anew (from the private parameters) or recorded (they are gone)."""

    seq: Seq
    at: Instant
    action_id: str
    agent_id: str
    type: str
    tool: str
    recorded: BacktestOutcome
    candidate: BacktestOutcome
    stricter: bool
    derivation: str
    why: tuple[str, ...]


class BacktestKind(Answer, frozen=True, kw_only=True):
    """How many rulings went one way and would have gone the other; the same verdict twice is another level."""

    recorded: str
    candidate: str
    stricter: bool
    count: Count


class BacktestReport(Answer, frozen=True, kw_only=True):
    """`decisions` were judged again, `superseded` (by older rules of the gate) left out; `differences` are the first 1,000.

    `ended`: complete, limit, time (60 s) or stopped; `from_record` were judged by the recorded derivation because their
    parameters are gone; `rescored` met another tier or score, because the candidate's terms of trust differ. What was recorded of
    counts and breakers is used as it is; `notes` says what that means.
    """

    decisions: Count
    same: Count
    stricter: Count
    looser: Count
    superseded: Count
    derived_anew: Count
    from_record: Count
    rescored: Count
    kinds: tuple[BacktestKind, ...] = ()
    differences: tuple[BacktestDifference, ...]
    from_seq: Seq
    until_seq: Seq
    ended: str
    took_ms: Count
    notes: tuple[str, ...]


class PreviewBody(Body, frozen=True, kw_only=True):
    """The candidate: a whole `document`, or an earlier `version`."""

    document: Policy | None = None
    version: Count = 0


class TierMove(Answer, frozen=True, kw_only=True):
    agent_id: str
    name: str
    score: int
    score_after: int
    tier: str
    tier_after: str


class WhoDecides(Answer, frozen=True, kw_only=True):
    """Of a level: role or committee, how many must agree, who could (handles), and how many are missing."""

    level: int
    role: str
    committee: str
    needed: int
    people: tuple[str, ...]
    missing: int


class Preview(Answer, frozen=True, kw_only=True):
    """`agents` were looked at, `scores_changed` of them would have another score; `moves` are those of tiers, first 1,000."""

    agents: Count
    scores_changed: Count
    moves: tuple[TierMove, ...]
    now: tuple[WhoDecides, ...]
    then: tuple[WhoDecides, ...]
    seq: Seq


class PackItem(Answer, frozen=True, kw_only=True):
    name: str
    meaning: str


class PackPage(Answer, frozen=True, kw_only=True):
    """Policies for a domain, to begin from; each at `/api/v1/policy/packs/{pack}`."""

    items: tuple[PackItem, ...]


class PackDetail(Answer, frozen=True, kw_only=True):
    """`text` is the YAML as it ships, `document` the whole policy it stands for."""

    name: str
    meaning: str
    text: str
    document: Policy


_DIRECTORS: dict[str, Any] = {
    "level": 4,
    "role": "director",
    "committee": "directors",
    "needed": 2,
    "people": ["ada", "cyd"],
    "missing": 0,
}
EXAMPLES: dict[type, dict[str, Any]] = {
    BacktestBody: {"version": 2, "last": 10_000},
    BacktestReport: {
        "decisions": 10_000,
        "same": 9_999,
        "stricter": 0,
        "looser": 1,
        "superseded": 0,
        "derived_anew": 10_000,
        "from_record": 0,
        "rescored": 0,
        "kinds": [{"recorded": "pending", "candidate": "permitted", "stricter": False, "count": 1}],
        "differences": [
            {
                "seq": 31,
                "at": 1_763_700_000_000_000,
                "action_id": "act_8k2k9d0s7b1",
                "agent_id": "agt_1k2k9d0s7b1",
                "type": "file.write",
                "tool": "editor",
                "recorded": {"verdict": "pending", "level": 2, "risk": 30},
                "candidate": {"verdict": "permitted", "level": 1, "risk": 30},
                "stricter": False,
                "derivation": "same",
                "why": ["Risk 30 is medium."],
            }
        ],
        "from_seq": 1,
        "until_seq": 20_412,
        "ended": "complete",
        "took_ms": 480,
        "notes": [],
    },
    PreviewBody: {"version": 2},
    PackPage: {"items": [{"name": "finance", "meaning": "Finance: market data runs unasked."}]},
    PackDetail: {
        "name": "finance",
        "meaning": "Finance: market data runs unasked.",
        "text": 'name: "finance"\n',
        "document": {"name": "finance"},
    },
    Preview: {
        "agents": 3,
        "scores_changed": 1,
        "moves": [
            {
                "agent_id": "agt_1k2k9d0s7b1",
                "name": "reviewer",
                "score": 410,
                "score_after": 390,
                "tier": "TRUSTED",
                "tier_after": "PROBATIONARY",
            }
        ],
        "now": [_DIRECTORS],
        "then": [_DIRECTORS],
        "seq": 20_412,
    },
}
