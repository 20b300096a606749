"""Backtest: the recorded rulings of a period judged again under a candidate policy (spec 03 §3.4).

It reads the ledger in slices on the caller's thread, and lets go of the interpreter between slices, so that a server
that is deciding goes on deciding. Bounded in rulings, in time and in the differences it keeps; `stop` ends it early.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Protocol

import msgspec

from watchfloor.actions.messages import ActionDecided
from watchfloor.actions.retrial import Counts, Otherwise, Private, Retrial
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
    """`after` and `until` are seqs; `only` and `excluding` agents (empty: all, none)."""

    candidate: Policy
    after: int
    until: int
    only: frozenset[int] = frozenset()
    excluding: frozenset[int] = frozenset()
    rulings_max: int = RULINGS_MAX


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """`ended`: complete, limit (of rulings), time or stopped. `until` is the last seq looked at."""

    counts: Counts
    differences: tuple[Otherwise, ...]
    until: int
    ended: str
    took_ms: int


def backtest(
    reads: Reads,
    org: int,
    plan: Plan,
    decode: Callable[[bytes], Event],
    policy_of: Callable[[int], tuple[Policy, str]],
    stop: threading.Event,
) -> Report:
    """Judge what the plan names again. `policy_of` gives the document and digest of a version."""
    began = time.monotonic()
    retrial = Retrial(plan.candidate, DIFFERENCES_MAX)
    trust = _Trust(plan.candidate)
    after, ended = plan.after, "complete"
    # Trust began before the period; of what lies before, only its events are decoded, and none where terms are the same.
    if trust.differs(policy_of):
        for events in _before(reads, org, plan.after, decode):
            trust.show(events)
    while after < plan.until:
        rows = reads.read(org, after, SLICE)
        if not rows:
            break
        wanted = [row for row in rows if row[0] <= plan.until and trust.wants(row[1])]
        _slice(reads, org, plan, retrial, trust, [decode(data) for _, data, _ in wanted], policy_of)
        after = min(rows[-1][0], plan.until)
        if retrial.counts.rulings >= plan.rulings_max:
            ended = "limit"
        elif time.monotonic() - began > SECONDS_MAX:
            ended = "time"
        elif stop.is_set():
            ended = "stopped"
        if ended != "complete":
            break
        time.sleep(_PAUSE_S)
    took_ms = int((time.monotonic() - began) * 1000)
    return Report(
        counts=retrial.counts,
        differences=tuple(retrial.differences),
        until=after,
        ended=ended,
        took_ms=took_ms,
    )


class _Trust:
    """Trust under the candidate's terms beside trust under the terms then in force; idle where they are the same."""

    def __init__(self, candidate: Policy) -> None:
        self._candidate = candidate.trust
        self._active = False
        self._then = Replay(candidate.trust, capped=False)
        self._now = Replay(candidate.trust)

    def differs(self, policy_of: Callable[[int], tuple[Policy, str]]) -> bool:
        """Is there a version whose terms are others than the candidate's? From then on trust is played."""
        version = 0
        while not self._active:
            try:
                policy, _ = policy_of(version)
            except KeyError:
                break
            self._active = version > 0 and policy.trust != self._candidate
            version += 1
        return self._active

    def wants(self, data: bytes) -> bool:
        return _RULING in data or (self._active and any(kind in data for kind in _TRUST))

    def show(self, events: Iterable[Event]) -> None:
        for event in events:
            self._then.show(event)
            self._now.show(event)

    def standings(
        self, events: list[Event], policy_of: Callable[[int], tuple[Policy, str]]
    ) -> dict[int, tuple[int, int]]:
        """By seq of a ruling, (tier, score) it would have met. Trust events among the events are taken up in passing."""
        found: dict[int, tuple[int, int]] = {}
        if not self._active:
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


def _before(reads: Reads, org: int, until: int, decode: Callable[[bytes], Event]) -> Iterator[list[Event]]:
    """Trust events up to a seq, slice by slice."""
    after = 0
    while after < until:
        rows = reads.read(org, after, 4 * SLICE)
        if not rows:
            return
        after = rows[-1][0]
        yield [decode(data) for seq, data, _ in rows if seq <= until and any(kind in data for kind in _TRUST)]
        time.sleep(_PAUSE_S)


def _slice(
    reads: Reads,
    org: int,
    plan: Plan,
    retrial: Retrial,
    trust: _Trust,
    events: list[Event],
    policy_of: Callable[[int], tuple[Policy, str]],
) -> None:
    chosen = [
        (event, event.facts)
        for event in events
        if isinstance(event.facts, ActionDecided)
        and (not plan.only or event.facts.agent in plan.only)
        and event.facts.agent not in plan.excluding
    ]
    standings = trust.standings(events, policy_of)
    alike = {event.seq: retrial.derives_alike(*policy_of(event.policy)) for event, _ in chosen}
    anew = [seq for seq, same in alike.items() if not same]
    privates = reads.read_privates(org, anew) if anew else {}
    for event, facts in chosen:
        private = privates.get(event.seq)
        retrial.judge(
            facts,
            event.seq,
            event.at,
            event.rules,
            _decoded(*private) if private is not None else None,
            alike=alike[event.seq],
            standing=standings.get(event.seq),
        )


def _decoded(salt: bytes, body: bytes) -> Private | None:
    try:
        return msgspec.structs.replace(_decode(body), salt=salt)
    except msgspec.MsgspecError:
        return None
