"""Backtest: the recorded rulings of a period judged again under a candidate policy (spec 03 §3.4).

It reads the ledger in slices on the caller's thread, and lets go of the interpreter between slices, so that a server
that is deciding goes on deciding. Bounded in rulings, in time and in the differences it keeps; `Progress` says how far it
is and stops it early. A `Pass` can go on later where it ended, which is how shadow policies are compared (shadowing.py).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

import msgspec

from watchfloor.actions.messages import ActionDecided
from watchfloor.actions.retrial import Counts, Kind, Otherwise, Private, Retrial
from watchfloor.kernel.messages import Event
from watchfloor.kernel.terms import Policy
from watchfloor.trust.replay import Replay

RULINGS_MAX = 1_000_000
DIFFERENCES_MAX = 1_000
SECONDS_MAX = 60
SLICE = 500
_PAUSE_S = 0.001
_decode = msgspec.json.Decoder(Private).decode
_RULING = b'"action.decided/1"'
_TRUST = (b'"trust.changed/1"', b'"trust.reassessed/1"')


class Reads(Protocol):
    """What is read of a ledger."""

    def read(self, org: int, after: int, limit: int) -> list[tuple[int, bytes, bytes]]: ...

    def read_privates(self, org: int, seqs: Iterable[int]) -> Mapping[int, tuple[bytes, bytes]]: ...


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """`after` and `until` are seqs; `only` and `excluding` agents (empty: all, none); `digest` is the candidate's."""

    candidate: Policy
    after: int
    until: int
    digest: str = ""
    only: frozenset[int] = frozenset()
    excluding: frozenset[int] = frozenset()
    rulings_max: int = RULINGS_MAX


class Progress(msgspec.Struct):
    """How far a backtest is, for other threads to read; `stop` set by one of them ends it at the next slice."""

    after: int = 0
    until: int = 0
    seq: int = 0
    rulings: int = 0
    stop: bool = False


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """`ended`: complete, limit (of rulings), time or stopped. `until` is the last seq looked at."""

    counts: Counts
    kinds: tuple[tuple[Kind, int], ...]
    differences: tuple[Otherwise, ...]
    until: int
    ended: str
    took_ms: int


class Source(msgspec.Struct, frozen=True):
    """Where rulings come from: the ledger of an organisation, its decoder, and (document, digest) of each policy version."""

    reads: Reads
    org: int
    decode: Callable[[bytes], Event]
    policy_of: Callable[[int], tuple[Policy, str]]


class Pass:
    """One candidate over recorded rulings, going on where it ended. Not for several threads at once."""

    def __init__(self, source: Source, plan: Plan, *, newest: bool = False) -> None:
        self.source = source
        self.plan = plan
        self.retrial = Retrial(plan.candidate, DIFFERENCES_MAX, digest=plan.digest, newest=newest)
        self.trust = Trust(plan.candidate, source.policy_of)
        self.after = plan.after
        self._begun = False

    def run(self, until: int, progress: Progress, seconds_max: float) -> str:
        """Go on to the seq `until`. complete, limit, time or stopped."""
        began = time.monotonic()
        progress.until = until
        self._begin()
        while self.after < until:
            rows = self.source.reads.read(self.source.org, self.after, SLICE)
            if not rows:
                break
            self._slice([row for row in rows if row[0] <= until])
            self.after = min(rows[-1][0], until)
            progress.seq, progress.rulings = self.after, self.retrial.counts.rulings
            if self.retrial.counts.rulings >= self.plan.rulings_max:
                return "limit"
            if time.monotonic() - began > seconds_max:
                return "time"
            if progress.stop:
                return "stopped"
            time.sleep(_PAUSE_S)
        return "complete"

    def _begin(self) -> None:
        """Trust began before the period; of what lies before, only its events are decoded, and none where terms are the same."""
        if not self._begun and self.trust.plays:
            for events in _before(self.source, self.plan.after):
                self.trust.show(events)
        self._begun = True

    def _slice(self, rows: list[tuple[int, bytes, bytes]]) -> None:
        source, retrial = self.source, self.retrial
        events = [source.decode(row[1]) for row in rows if self.trust.wants(row[1])]
        chosen = [event for event in events if self._chosen(event)]
        standings = self.trust.standings(events, source.policy_of)
        alike = {event.seq: retrial.derives_alike(*source.policy_of(event.policy)) for event in chosen}
        anew = [seq for seq, same in alike.items() if not same]
        privates = source.reads.read_privates(source.org, anew) if anew else {}
        for event in chosen:
            facts, private = event.facts, privates.get(event.seq)
            assert isinstance(facts, ActionDecided)
            retrial.judge(
                facts,
                event.seq,
                event.at,
                event.rules,
                _decoded(*private) if private is not None else None,
                alike=alike[event.seq],
                standing=standings.get(event.seq),
            )

    def _chosen(self, event: Event) -> bool:
        facts, plan = event.facts, self.plan
        return (
            isinstance(facts, ActionDecided)
            and (not plan.only or facts.agent in plan.only)
            and facts.agent not in plan.excluding
        )


class Trust:
    """Trust under the candidate's terms beside trust under the terms then in force; idle where they are the same."""

    def __init__(self, candidate: Policy, policy_of: Callable[[int], tuple[Policy, str]]) -> None:
        self._candidate = candidate.trust
        self.plays = differs(candidate, policy_of)
        self._then = Replay(candidate.trust, capped=False)
        self._now = Replay(candidate.trust)

    def wants(self, data: bytes) -> bool:
        return _RULING in data or (self.plays and any(kind in data for kind in _TRUST))

    def show(self, events: Iterable[Event]) -> None:
        for event in events:
            self._then.show(event)
            self._now.show(event)

    def standings(
        self, events: list[Event], policy_of: Callable[[int], tuple[Policy, str]]
    ) -> dict[int, tuple[int, int]]:
        """By seq of a ruling, (tier, score) it would have met. Trust events among the events are taken up in passing."""
        found: dict[int, tuple[int, int]] = {}
        if not self.plays:
            return found
        for event in events:
            facts = event.facts
            if not isinstance(facts, ActionDecided):
                self.show((event,))
                continue
            terms = policy_of(event.policy)[0].trust
            if terms == self._candidate:
                continue
            if terms != self._then.terms:
                self._then.terms = terms
            then = self._then.standing(facts.agent, event.at)
            now = self._now.standing(facts.agent, event.at)
            seen = facts.evidence
            # Less than the agent's own was recorded where it worked for others: that bound stays.
            tier = now[0] if seen.tier == then[0] else min(seen.tier, now[0])
            score = now[1] if seen.score == then[1] else min(seen.score, now[1])
            found[event.seq] = (tier, score)
        return found


def differs(candidate: Policy, policy_of: Callable[[int], tuple[Policy, str]]) -> bool:
    """Is there a version whose terms of trust are others than the candidate's?"""
    version = 1
    while True:
        try:
            policy, _ = policy_of(version)
        except KeyError:
            return False
        if policy.trust != candidate.trust:
            return True
        version += 1


def _before(source: Source, until: int) -> Iterator[list[Event]]:
    """Trust events up to a seq, slice by slice."""
    after = 0
    while after < until:
        rows = source.reads.read(source.org, after, 4 * SLICE)
        if not rows:
            return
        after = rows[-1][0]
        wanted = [row for row in rows if row[0] <= until and any(kind in row[1] for kind in _TRUST)]
        yield [source.decode(data) for _, data, _ in wanted]
        time.sleep(_PAUSE_S)


def _decoded(salt: bytes, body: bytes) -> Private | None:
    try:
        return msgspec.structs.replace(_decode(body), salt=salt)
    except msgspec.MsgspecError:
        return None


def backtest(source: Source, plan: Plan, progress: Progress) -> Report:
    """Judge what the plan names again."""
    began = time.monotonic()
    one = Pass(source, plan)
    progress.after = plan.after
    ended = one.run(plan.until, progress, SECONDS_MAX)
    return Report(
        counts=one.retrial.counts,
        kinds=tuple(sorted(one.retrial.kinds.items())),
        differences=tuple(one.retrial.differences),
        until=one.after,
        ended=ended,
        took_ms=int((time.monotonic() - began) * 1000),
    )
