"""How agents behave over time: what the detectors of anomalies read (spec 3.4).

Cells: `conduct` by agent, `hugging` by agent, `praise` by (owner, reviewer), `throng` by trust kind, `anomalies` by the
key of an anomaly. Most of it is folded from trust events, each of which stands for something that somebody other than
the agent vouches for; every list is bounded, the oldest goes first.
"""

from __future__ import annotations

import msgspec

from watchfloor.actions.messages import ActionCompleted, ActionDecided
from watchfloor.kernel.instants import DAY, HOUR
from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Read, Register
from watchfloor.registers.activity import TypeUse
from watchfloor.trust.anomaly_messages import AnomalyFound, AnomalyResolved, key_of
from watchfloor.trust.messages import TrustChanged, TrustReassessed
from watchfloor.work.messages import TaskReviewed

Cells = list[tuple[str, object, object]]
Marks = tuple[tuple[int, int], ...]  # (instant, seq), oldest first
Tally = tuple[tuple[int, int, int], ...]  # (hour or day, worked out, failed), oldest first

KEPT = 16  # marks of one kind: evidence for people, not statistics
BASELINE_DAYS = 30
OK = ("task_succeeded", "action_completed")
FAILED = ("failed", "timed_out")
VOUCHED = ("task_succeeded", "reviewed_positively")  # not to be had by trivial actions alone
_HIGHS = 32
_THRONG = 64
_HUGS = 32
_HOURS = 24


class Conduct(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """`highs`: falling (instant, seq, score) before each event, under one policy; `hours` the last 24, `days` before them.

    `day`, `type`, `mixed`: of the newest day, the one action type that completed and whether anything else did.
    `farmed`: (day, seq) on which the cap on successes was reached by that type alone.
    """

    policy: int = 0
    highs: tuple[tuple[int, int, int], ...] = ()
    losses: Marks = ()
    violations: Marks = ()
    failures: Marks = ()
    hours: Tally = ()
    days: Tally = ()
    day: int = 0
    type: str = ""
    mixed: bool = False
    farmed: Marks = ()


class Throng(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Events of one kind in the organisation: since when, how many a day, the newest as (instant, seq, agent)."""

    since: int
    days: Marks = ()
    recent: tuple[tuple[int, int, int], ...] = ()


class Known(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """The newest anomaly under a key; `resolved_at` 0 while it is open."""

    subject: int
    resolved_at: int = 0


_NEW = Conduct()


def _add(marks: Marks, at: int, seq: int) -> Marks:
    return (*marks[1 - KEPT :], (at, seq))


def _trust(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, TrustChanged)
    agent, at = event.subject, event.at
    seq = facts.source or event.seq
    old: Conduct = read("conduct", agent) or _NEW
    changes: dict[str, object] = {
        "highs": _highs(old, event, facts.score_before),
        "policy": event.policy,
    }
    cells: Cells = []
    if facts.score < facts.score_before:
        changes["losses"] = _add(old.losses, at, seq)
    if facts.what == "security_violation":
        changes["violations"] = _add(old.violations, at, seq)
    if facts.what in FAILED:
        changes["failures"] = _add(old.failures, at, seq)
    if facts.what in OK or facts.what in FAILED:
        changes["hours"], changes["days"] = _tallied(old, at // HOUR, failed=facts.what in FAILED)
    changes |= _farming(old, facts, at // DAY, event.seq)
    if facts.points < 0 and facts.what != "manual":
        cells.append(_thronging(facts.what, agent, at, seq, read))
    return [("conduct", agent, msgspec.structs.replace(old, **changes)), *cells]


def _highs(old: Conduct, event: Event, score_before: int) -> tuple[tuple[int, int, int], ...]:
    """Scores that nothing later exceeded; another policy measures otherwise and begins anew."""
    highs = old.highs if old.policy == event.policy else ()
    while highs and highs[-1][2] <= score_before:
        highs = highs[:-1]
    return (*highs[1 - _HIGHS :], (event.at, event.seq, score_before))


def _tallied(old: Conduct, hour: int, *, failed: bool) -> tuple[Tally, Tally]:
    """(hours, days) with one outcome more; hours that are over a day old are added to their days."""
    hours, days = old.hours, old.days
    while hours and hours[0][0] <= hour - _HOURS:
        (gone, good, bad), hours = hours[0], hours[1:]
        day = gone * HOUR // DAY
        if days and days[-1][0] == day:
            days = (*days[:-1], (day, days[-1][1] + good, days[-1][2] + bad))
        else:
            days = (*days, (day, good, bad))
    days = tuple(entry for entry in days if entry[0] > hour * HOUR // DAY - BASELINE_DAYS)
    last = hours[-1] if hours else (0, 0, 0)
    if last[0] == hour:
        hours = hours[:-1]
        return (*hours, (hour, last[1] + (not failed), last[2] + failed)), days
    return (*hours, (hour, int(not failed), int(failed))), days


def _farming(old: Conduct, facts: TrustChanged, day: int, seq: int) -> dict[str, object]:
    """What this event says of farming: vouched work clears the day, a capped success of the one type marks it."""
    if facts.what in VOUCHED:
        kept = tuple(mark for mark in old.farmed if mark[0] != day)
        return {"day": day, "type": old.type if old.day == day else "", "mixed": True, "farmed": kept}
    marked = bool(old.farmed) and old.farmed[-1][0] == day
    if facts.counted or facts.what != "action_completed" or marked or old.day != day or old.mixed:
        return {}
    return {"farmed": _add(old.farmed, day, seq)}


def _thronging(what: str, agent: int, at: int, seq: int, read: Read) -> tuple[str, object, object]:
    old: Throng = read("throng", what) or Throng(at)
    day = at // DAY
    days = tuple(entry for entry in old.days if entry[0] > day - 8)
    count = 1
    if days and days[-1][0] == day:
        count, days = days[-1][1] + 1, days[:-1]
    recent = (*old.recent[1 - _THRONG :], (at, seq, agent))
    return ("throng", what, Throng(old.since, (*days, (day, count)), recent))


def _reassessed(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, TrustReassessed)
    old: Conduct = read("conduct", event.subject) or _NEW
    highs = _highs(old, event, facts.score_before)
    return [("conduct", event.subject, msgspec.structs.replace(old, highs=highs, policy=event.policy))]


def _completed(event: Event, read: Read) -> Cells:
    """Which types complete on a day; the trust event that follows says whether it counted."""
    facts = event.facts
    assert isinstance(facts, ActionCompleted)
    old: Conduct = read("conduct", facts.agent) or _NEW
    day = event.at // DAY
    if old.day != day:
        new = msgspec.structs.replace(old, day=day, type=facts.action_type, mixed=False)
    elif old.mixed or old.type == facts.action_type:
        return []
    else:
        kept = tuple(mark for mark in old.farmed if mark[0] != day)
        new = msgspec.structs.replace(old, mixed=True, farmed=kept)
    return [("conduct", facts.agent, new)]


def _decided(event: Event, read: Read) -> Cells:
    """An hour's permitted actions of a type reach nine tenths of the limit, or exceed it. Reads `types` before `activity` counts."""
    facts = event.facts
    assert isinstance(facts, ActionDecided)
    if facts.verdict != "permitted":
        return []
    hour = event.at // HOUR
    use: TypeUse | None = read("types", (facts.agent, facts.action_type))
    count = use.in_hour + 1 if use is not None and use.hour == hour else 1
    if count < 9:  # a limit so low that nine tenths of it are fewer says nothing
        return []
    active = read("active_policy", "active")
    limit = active.document.auto.per_hour if active is not None else 0
    if limit < 10 or count not in (-(-limit * 9 // 10), limit + 1):
        return []
    old: tuple[tuple[int, int, str], ...] = read("hugging", facts.agent) or ()
    others = tuple(mark for mark in old if (mark[0], mark[2]) != (hour, facts.action_type))
    if count > limit:
        return [("hugging", facts.agent, others)] if others != old else []
    return [("hugging", facts.agent, (*others[1 - _HUGS :], (hour, event.seq, facts.action_type)))]


def _reviewed(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, TaskReviewed)
    if facts.verdict != "positive" or not facts.owner:
        return []
    key = (facts.owner, event.actor.id)
    old: tuple[tuple[int, int, int], ...] = read("praise", key) or ()
    return [("praise", key, (*old[1 - KEPT :], (event.at, event.seq, facts.agent)))]


def _found(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, AnomalyFound)
    return [("anomalies", key_of(facts.what, facts.agent, facts.about), Known(event.subject))]


def _resolved(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, AnomalyResolved)
    return [("anomalies", key_of(facts.what, facts.agent, facts.about), Known(event.subject, event.at))]


REGISTER = Register(
    name="conduct",
    cells={
        "conduct": Conduct,
        "hugging": tuple[tuple[int, int, str], ...],
        "praise": tuple[tuple[int, int, int], ...],
        "throng": Throng,
        "anomalies": Known,
    },
    folds={
        TrustChanged: _trust,
        TrustReassessed: _reassessed,
        ActionCompleted: _completed,
        ActionDecided: _decided,
        TaskReviewed: _reviewed,
        AnomalyFound: _found,
        AnomalyResolved: _resolved,
    },
)
