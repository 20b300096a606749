"""What the mode `observe` let run: what people would have been asked about, and which thresholds fit (spec 03 §3.6 *Modes*).

Theory of operation
-------------------
The rulings of a period are read with their outcomes. Each is judged again as if the mode were `enforce`, which gives what
would have been held; then again under a policy that differs in one threshold, which gives what that threshold would change.
Proposals come from what was recorded and name their evidence; nobody's policy is changed by them.
"""

from __future__ import annotations

import time
from collections import Counter

import msgspec

from watchfloor.actions.gate import RULES_VERSION, judge, question_of
from watchfloor.actions.messages import ActionCompleted, ActionDecided, ActionFailed, ActionUnknown
from watchfloor.actions.tables import Tables, build
from watchfloor.councils.panels import committee_for, route
from watchfloor.engine.backtesting import SLICE, Source
from watchfloor.kernel.mode_terms import ModeTerms
from watchfloor.kernel.terms import PLATFORM_TYPES, Policy

RULINGS_MAX = 50_000
SECONDS_MAX = 20
ROWS_MAX = 500  # groups that are listed, the most frequent first
ENOUGH = 20  # outcomes, or rulings, without which nothing is proposed
FAILED_PERMILLE_MAX = 20  # of what would have run unasked
UNHELD_FROM = 3  # level from which an observed action is marked (spec 3.6)
NEWEST = 10  # actions of a group that are named
_STEP = 50  # of a score
_OBSERVED = "observed"
_WANTED = (b'"action.decided/1"', b'"action.completed/1"', b'"action.failed/1"', b'"action.unknown/1"')
_PAUSE_S = 0.001


class Group(msgspec.Struct, frozen=True):
    """Alike actions: type, level, and who would have decided (`committee` empty: the role)."""

    type: str
    level: int
    role: str
    committee: str
    needed: int


class Sum(msgspec.Struct):
    """Of a group: how many ran, what became of them, and some of them (seqs, newest last)."""

    actions: int = 0
    completed: int = 0
    failed: int = 0
    newest: list[int] = msgspec.field(default_factory=list)


class Proposal(msgspec.Struct, frozen=True, kw_only=True):
    """A threshold that fits what was recorded; `held_now` and `held_then` of the period's actions would wait for people."""

    path: str
    now: int
    proposed: int
    held_now: int
    held_then: int
    because: str
    loosens: bool


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """`judged` rulings of agents, `observed` that ran although people would have been asked, `unheld` of level 3 and more."""

    judged: int
    observed: int
    unheld: int
    groups: tuple[tuple[Group, Sum], ...]
    rules: tuple[tuple[str, int], ...]
    proposals: tuple[Proposal, ...]
    until: int
    ended: str


class _Seen(msgspec.Struct, frozen=True):
    """A ruling; `group` where it ran only because it was observed."""

    facts: ActionDecided
    at: int
    seq: int
    group: Group | None


class _Period:
    """What was read of a period."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.seen: list[_Seen] = []
        self.completed: dict[int, bool] = {}  # by action

    def take(self, data: bytes) -> None:
        event = self._source.decode(data)
        facts = event.facts
        if isinstance(facts, ActionCompleted | ActionFailed | ActionUnknown):
            self.completed[event.subject] = isinstance(facts, ActionCompleted)
        elif isinstance(facts, ActionDecided) and facts.agent and facts.action_type not in PLATFORM_TYPES:
            if event.rules != RULES_VERSION:
                return
            unheld = facts.grant is not None and facts.grant.basis == _OBSERVED
            policy = self._source.policy_of(event.policy)[0]
            self.seen.append(_Seen(facts, event.at, event.seq, _group(facts, policy) if unheld else None))

    def groups(self) -> dict[Group, Sum]:
        found: dict[Group, Sum] = {}
        for one in self.seen:
            if one.group is None:
                continue
            total = found.setdefault(one.group, Sum())
            total.actions += 1
            total.newest = [*total.newest[1 - NEWEST :], one.seq]
            done = self.completed.get(one.seq)
            total.completed += done is True
            total.failed += done is False
        return found


def observe(source: Source, active: Policy, after: int, until: int) -> Found:
    """Look at the rulings in (after, until]. Bounded in rulings and time; on the caller's thread."""
    began, ended = time.monotonic(), "complete"
    period = _Period(source)
    while after < until:
        rows = [row for row in source.reads.read(source.org, after, SLICE) if row[0] <= until]
        if not rows:
            break
        for _, data, _ in rows:
            if any(kind in data for kind in _WANTED):
                period.take(data)
        after = rows[-1][0]
        if len(period.seen) >= RULINGS_MAX or time.monotonic() - began > SECONDS_MAX:
            ended = "limit" if len(period.seen) >= RULINGS_MAX else "time"
            break
        time.sleep(_PAUSE_S)
    groups = period.groups()
    ranked = sorted(groups.items(), key=lambda pair: (-pair[1].actions, pair[0].type, pair[0].level))
    unheld = [one for one in period.seen if one.group is not None]
    rules = Counter(name for one in unheld for name, _, level in one.facts.failed if level > 1)
    return Found(
        judged=len(period.seen),
        observed=len(unheld),
        unheld=sum(one.facts.level >= UNHELD_FROM for one in unheld),
        groups=tuple(ranked[:ROWS_MAX]),
        rules=tuple(rules.most_common()),
        proposals=_proposals(active, period.seen, period.completed),
        until=after,
        ended=ended,
    )


def _group(facts: ActionDecided, policy: Policy) -> Group:
    terms = route(policy.routing, facts.level)
    cls = policy.types.get(facts.action_type, "unknown")
    committee = committee_for(policy.routing, facts.level, facts.action_type, cls)
    return Group(facts.action_type, facts.level, terms.role, committee, terms.needed)


# Proposals ------------------------------------------------------------------------------------------------------------


def _proposals(active: Policy, seen: list[_Seen], outcomes: dict[int, bool]) -> tuple[Proposal, ...]:
    enforced = msgspec.structs.replace(active, modes=ModeTerms())
    tables = build(enforced)
    same = [one for one in seen if not one.facts.evidence.stops]
    if len(same) < ENOUGH:
        return ()
    held_now = _held(tables, same)
    found = []
    for propose in (_score_min, _per_hour, _requests_per_second, _spend):
        said = propose(enforced, same, outcomes)
        if said is None:
            continue
        path, now, proposed, because, candidate, loosens = said
        then = _held(build(candidate), same)
        found.append(
            Proposal(
                path=path,
                now=now,
                proposed=proposed,
                held_now=held_now,
                held_then=then,
                because=because,
                loosens=loosens,
            )
        )
    return tuple(found)


def _held(tables: Tables, seen: list[_Seen]) -> int:
    return sum(judge(question_of(tables, one.facts, one.at)).verdict == "pending" for one in seen)


_Said = tuple[str, int, int, str, Policy, bool] | None


def _with(policy: Policy, section: str, **values: int) -> Policy:
    return msgspec.structs.replace(
        policy, **{section: msgspec.structs.replace(getattr(policy, section), **values)}
    )


def _score_min(policy: Policy, seen: list[_Seen], outcomes: dict[int, bool]) -> _Said:
    """The lowest threshold above which low-risk actions went well."""
    now = best = policy.auto.score_min
    low = [
        (one.facts.evidence.score, outcomes[one.seq])
        for one in seen
        if one.facts.risk < 25 and one.seq in outcomes
    ]
    for candidate in range((now - 1) // _STEP * _STEP, -1, -_STEP):
        above = [done for score, done in low if score > candidate]
        if above.count(False) * 1000 > FAILED_PERMILLE_MAX * len(above):
            break
        best = candidate
        if all(score > candidate for score, _ in low):
            break
    above = [done for score, done in low if score > best]
    if best >= now or len(above) < ENOUGH:
        return None
    because = f"of {len(above)} low-risk actions by agents above {best}, {above.count(False)} failed"
    return "/auto/score_min", now, best, because, _with(policy, "auto", score_min=best), True


def _per_hour(policy: Policy, seen: list[_Seen], outcomes: dict[int, bool]) -> _Said:
    """Nineteen of twenty busy hours would fit."""
    del outcomes
    counts = sorted(one.facts.evidence.auto_hour for one in seen)
    now, usual = policy.auto.per_hour, counts[len(counts) * 95 // 100] + 1
    if usual <= now:
        return None
    proposed = -(-usual // 10) * 10
    because = f"19 of 20 actions were among the first {usual} of their type in the hour"
    return "/auto/per_hour", now, proposed, because, _with(policy, "auto", per_hour=proposed), True


def _requests_per_second(policy: Policy, seen: list[_Seen], outcomes: dict[int, bool]) -> _Said:
    """Twice what any agent ever did is fast enough; less than now is a runaway sooner noticed."""
    del outcomes
    most = (
        max(max(one.facts.evidence.requests_1s, -(-one.facts.evidence.requests_5s // 5)) for one in seen) + 1
    )
    now, proposed = policy.runaway.requests_per_second, max(5, 2 * most)
    if proposed >= now:
        return None
    because = f"no agent asked more than {most} times in a second"
    path, candidate = "/runaway/requests_per_second", _with(policy, "runaway", requests_per_second=proposed)
    return path, now, proposed, because, candidate, False


def _spend(policy: Policy, seen: list[_Seen], outcomes: dict[int, bool]) -> _Said:
    """Twice the dearest day of any agent."""
    del outcomes
    most = max(one.facts.evidence.spent_today_micro + one.facts.cost_micro for one in seen)
    now, proposed = policy.envelope.spend_per_day_micro, 2 * most
    if not most or proposed >= now:
        return None
    because = f"no agent's day came to more than {most} micro units"
    candidate = _with(policy, "envelope", spend_per_day_micro=proposed)
    return "/envelope/spend_per_day_micro", now, proposed, because, candidate, False
