"""Backtest: the recorded rulings of a period judged again under a candidate policy (spec 03 §3.4).

It reads the ledger in slices on the caller's thread, and lets go of the interpreter between slices, so that a server
that is deciding goes on deciding. Bounded in rulings, in time and in the differences it keeps; `stop` ends it early.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from typing import Protocol

import msgspec

from watchfloor.actions.messages import ActionDecided
from watchfloor.actions.retrial import Counts, Otherwise, Private, Retrial
from watchfloor.kernel.messages import Event
from watchfloor.kernel.terms import Policy

RULINGS_MAX = 1_000_000
DIFFERENCES_MAX = 1_000
SECONDS_MAX = 60
SLICE = 500
_PAUSE_S = 0.001
_decode = msgspec.json.Decoder(Private).decode
_RULING = b'"action.decided/1"'


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
    after, ended = plan.after, "complete"
    while after < plan.until:
        rows = reads.read(org, after, SLICE)
        if not rows:
            break
        wanted = [row for row in rows if _RULING in row[1] and row[0] <= plan.until]
        _slice(reads, org, plan, retrial, [decode(data) for _, data, _ in wanted], policy_of)
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


def _slice(
    reads: Reads,
    org: int,
    plan: Plan,
    retrial: Retrial,
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
        )


def _decoded(salt: bytes, body: bytes) -> Private | None:
    try:
        return msgspec.structs.replace(_decode(body), salt=salt)
    except msgspec.MsgspecError:
        return None
