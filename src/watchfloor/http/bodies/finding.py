"""Counts for badges, the palette's search, and state as it was."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta

from watchfloor.http.bodies.fields import Answer, Count, Fresh, Id, Instant, Params, Seq
from watchfloor.kernel.limits import INTEGER_MAX


class Badges(Answer, frozen=True, kw_only=True):
    """What waits. `mine` are pending decisions the caller could vote on now; `soon` those with under five minutes left.

    `mine` is counted among the first 200 pending ones by time left.
    """

    decisions: Count
    mine: Count
    soon: Count
    alerts: Count
    critical: Count
    anomalies: Count
    dead_letters: Count
    quarantined: Count
    stops: Count
    seq: Seq


class SearchAllParams(Fresh, frozen=True, kw_only=True):
    q: Annotated[str, Meta(min_length=1, max_length=100, description="a public id, or words")]


class Hit(Answer, frozen=True, kw_only=True):
    """`kind` agent, task, decision, action or person; `title` and `detail` are to be shown as text."""

    kind: str
    id: str
    title: str
    detail: str
    status: str
    at: Instant


class Hits(Answer, frozen=True, kw_only=True):
    """The best of each kind. `cut`: older tasks were not looked at."""

    items: tuple[Hit, ...]
    cut: bool
    seq: Seq


class ReplayParams(Params, frozen=True, kw_only=True):
    """State at `seq`, or at the last event up to the instant `at`; `of`: also of this subject, by its public id."""

    seq: Annotated[int, Meta(ge=0, le=INTEGER_MAX)] = 0
    at: Annotated[int, Meta(ge=0, le=INTEGER_MAX, description="microseconds since 1970, UTC")] = 0
    of: Id | None = None


class Replayed(Answer, frozen=True, kw_only=True):
    """What was so then: how many of everything that is kept, and the states of what was alive.

    `subject` is the folded state of `of`, null when it did not exist yet.
    """

    seq: Seq
    at: Instant
    head: Seq
    counts: dict[str, int]
    agents: dict[str, int]
    tasks: dict[str, int]
    policy_version: int
    stops: int
    subject: Annotated[Any, Meta(extra_json_schema={})] = None


_HIT = {
    "kind": "agent",
    "id": "agt_q0d1k7m9x2v4",
    "title": "lint-fixer",
    "detail": "executor",
    "status": "idle",
    "at": 1_763_700_000_000_000,
}
EXAMPLES: dict[type, dict[str, Any]] = {
    Badges: {
        "decisions": 4,
        "mine": 3,
        "soon": 1,
        "alerts": 2,
        "critical": 0,
        "anomalies": 1,
        "dead_letters": 0,
        "quarantined": 0,
        "stops": 0,
        "seq": 1042,
    },
    Hits: {"items": [_HIT], "cut": False, "seq": 1042},
    Replayed: {
        "seq": 800,
        "at": 1_763_700_000_000_000,
        "head": 1042,
        "counts": {"agent": 3, "task": 5},
        "agents": {"online": 2, "offline": 1},
        "tasks": {"queued": 5},
        "policy_version": 1,
        "stops": 0,
        "subject": None,
    },
}
