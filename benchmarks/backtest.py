"""Recorded decisions judged again under another policy, per second, in process.

    python -m benchmarks.backtest [--quick]

Events are bytes as a ledger holds them; decoding them, reading the private parameters and deriving from these anew are
part of what is timed. Goal: at least 20,000 recorded decisions a second. `anew` derives again (the candidate has another
factor), `as_recorded` does not have to.
"""

# ruff: noqa: ARG002 -- a stand-in for the ledger takes what the ledger takes

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import Any

import msgspec
from benchmarks.gate import NEW, TRUSTED
from benchmarks.product import goal

from watchfloor.actions import rules
from watchfloor.actions.gate import RULES_VERSION, Gathered
from watchfloor.actions.messages import ActionDecided, Evidence, RequestAction
from watchfloor.engine import backtesting
from watchfloor.engine.wiring import wire
from watchfloor.kernel.codec import encode_event
from watchfloor.kernel.conditions import Condition
from watchfloor.kernel.messages import Actor, Event
from watchfloor.kernel.subject import Given
from watchfloor.kernel.terms import AutoTerms, Factor, Policy
from watchfloor.policy.digest import digest_of

GOAL = 20_000
AT = 1_790_000_000_000_000
TYPES = ("file.read", "file.write", "repository.patch", "payment.send", "http.get")


class Recorded:
    """A ledger in memory: rulings of two kinds of agents on five types, with their private parts."""

    def __init__(self, rulings: int) -> None:
        policy = Policy()
        digest = digest_of(policy)
        self.rows: list[tuple[int, bytes, bytes]] = []
        self.privates: dict[int, tuple[bytes, bytes]] = {}
        for seq in range(1, rulings + 1):
            type_ = TYPES[seq % len(TYPES)]
            params = {
                "amount": seq % 9_000,
                "path": f"src/{seq % 50}.py",
                "note": "as agreed",
                "to": ["a", "b"],
            }
            action = msgspec.json.encode({"params": params, "tool": "", "type": type_}, order="sorted")
            evidence = msgspec.convert(list((TRUSTED if seq % 3 else NEW).values()), Evidence)
            given = Given(
                at=AT + seq * 1000,
                subject=seq,
                entropy=sha256(b"%d" % seq).digest(),
                actor=Actor(kind="agent", id="agt_1"),
                evidence=Gathered(policy=policy, policy_version=1, policy_digest=digest, evidence=evidence),
            )
            command = RequestAction(agent=1, type=type_, params=params, action=action, private=action)
            (draft,) = rules.request(None, command, given)
            event = Event(
                org="org_bench", seq=seq, at=given.at, type=ActionDecided.TYPE, kind="action", subject=seq,
                actor=given.actor, policy=1, rules=RULES_VERSION, facts=draft.facts,
            )  # fmt: skip
            self.rows.append((seq, encode_event(event), b""))
            body = msgspec.json.encode({"action": msgspec.Raw(action), "reason": "because"})
            self.privates[seq] = (b"", body)

    def read(self, org: int, after: int, limit: int) -> list[tuple[int, bytes, bytes]]:
        return self.rows[after : after + limit]

    def read_privates(self, org: int, seqs: Iterable[int]) -> Mapping[int, tuple[bytes, bytes]]:
        return {seq: self.privates[seq] for seq in seqs}


def run(quick: bool) -> dict[str, Any]:
    rulings = 10_000 if quick else 60_000
    ledger = Recorded(rulings)
    _, _, catalogue = wire()
    factor = Factor(name="large", points=10, when=(Condition(field="amount", op="gt", value=8_990),))
    candidates = {
        "as_recorded": Policy(auto=AutoTerms(score_min=840)),
        "anew": Policy(factors=(*Policy().factors, factor)),
    }
    figures: dict[str, Any] = {"rulings": rulings}
    versions = {1: (Policy(), digest_of(Policy()))}
    for name, candidate in candidates.items():
        best = 0.0
        for _ in range(3):
            plan = backtesting.Plan(candidate=candidate, digest=digest_of(candidate), after=0, until=rulings)
            began = time.perf_counter()
            source = backtesting.Source(ledger, 1, catalogue.decode, versions.__getitem__)
            report = backtesting.backtest(source, plan, backtesting.Progress())
            best = max(best, rulings / (time.perf_counter() - began))
            assert report.counts.rulings == rulings
        figures[name] = {
            "per_second": round(best),
            "otherwise": report.counts.stricter + report.counts.looser,
            "derived_anew": report.counts.derived_anew,
        }
    figures["goals"] = [
        goal(
            f"at least {GOAL:,} recorded decisions judged again a second, {name}",
            figures[name]["per_second"],
            figures[name]["per_second"] >= GOAL,
        )
        for name in candidates
    ]
    return figures


if __name__ == "__main__":
    sys.stdout.write(json.dumps(run("--quick" in sys.argv), indent=2) + "\n")
