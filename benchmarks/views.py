"""What views cost: projecting, folding and writing, per event, beside the same rows written bare (DESIGN §2).

    python benchmarks/views.py [--quick]

`run(quick)` returns figures as a dict. CPU is that of the whole process. The hot path is a level-0 decision: one event,
one row of `actions` with its index entry. Goal: at most 8 µs of CPU an event in batches of 500.
"""

from __future__ import annotations

import asyncio
import json
import random
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.product import goal

from watchfloor.actions.messages import (
    ActionCompleted,
    ActionDecided,
    ActionStarted,
    Derived,
    Evidence,
    Grant,
)
from watchfloor.actions.views import ACTIONS
from watchfloor.engine.projections import EVERY, PROJECTORS, TABLES
from watchfloor.engine.view_rows import Storage
from watchfloor.engine.view_writer import Writer
from watchfloor.engine.views import ViewStore
from watchfloor.kernel.messages import Actor, Event, Facts

BATCH = 500
AGENTS = 1_000
START_AT = 1_790_000_000_000_000
CPU_US_GOAL = 8.0

_EVIDENCE = Evidence(
    agent_state=0,
    scope_allows=True,
    tool_permitted=True,
    stops=(),
    breaker_agent_until=0,
    breaker_tool_until=0,
    requests_1s=1,
    requests_5s=5,
    executed_10s=5,
    same_digest_60s=0,
    throttles_60s=0,
    spent_today_micro=0,
    tier=4,
    score=850,
    tasks_open=0,
    task_valid=True,
    first_time=False,
    failures_24h=0,
    auto_hour=5,
    requests_hour=5,
    standing=0,
    standing_until=0,
    of_type_before=9,
)


def _event(seq: int, subject: int, facts: Facts, story: str = "") -> Event:
    return Event(
        org="org_1000000000",
        seq=seq,
        at=START_AT + seq * 100,
        type=facts.TYPE,
        kind=facts.KIND,
        subject=subject,
        actor=Actor(kind="agent", id="agt_1000000000", credential="key_1000000000"),
        correlation=story,
        policy=1,
        rules=1,
        facts=facts,
    )


def _decided(seq: int, agent: int, nonce: int, story: str = "") -> Event:
    facts = ActionDecided(
        action_type="file.read",
        agent=agent,
        cost_micro=0,
        derived=Derived(cls="read"),
        digest="0" * 64,
        evidence=_EVIDENCE,
        failed=(),
        generation=0,
        grant=Grant(basis="auto", execution_ms=600_000, expires_at=START_AT + seq * 100 + 900_000_000),
        level=0,
        nonce=nonce,
        policy_digest="0" * 64,
        reserves_micro=0,
        risk=5,
        task=0,
        tool="",
        urgency="normal",
        verdict="permitted",
    )
    return _event(seq, seq, facts, story)


def decisions(count: int, *, stories: bool = False) -> list[Event]:
    """`count` level-0 decisions of 1,000 agents; with `stories` ten of them share a correlation."""
    chance = random.Random(1)
    # As uuid7: the instant first, so that stories that run at the same time lie together.
    names = (
        [f"{i // 4:012x}{chance.getrandbits(80):020x}" for i in range(count // 10 + 1)] if stories else [""]
    )
    return [
        _decided(
            seq,
            chance.randrange(AGENTS) + 1,
            chance.getrandbits(40),
            names[max(0, seq // 10 - chance.randrange(100)) % len(names)],
        )
        for seq in range(1, count + 1)
    ]


def whole_actions(count: int) -> list[Event]:
    """`count` events of whole actions: decided, started, completed, a hundred actions interleaved."""
    chance = random.Random(2)
    events: list[Event] = []
    while len(events) < count:
        block = []
        for _ in range(100):
            agent = chance.randrange(AGENTS) + 1
            block.append((len(events) + 1, agent))
            events.append(_decided(len(events) + 1, agent, chance.getrandbits(40)))
        for action, agent in block:
            started = ActionStarted(
                action_type="file.read", agent=agent, execution="e1", grant=1, target="", tool="", until_at=1
            )
            events.append(_event(len(events) + 1, action, started))
        for action, agent in block:
            completed = ActionCompleted(
                action_type="file.read",
                agent=agent,
                cost_micro=0,
                execution="e1",
                outcome_digest="",
                released_micro=0,
                tool="",
            )
            events.append(_event(len(events) + 1, action, completed))
    return events[:count]


def _cpu_us(work: Callable[[], None], count: int) -> float:
    begin = time.process_time()
    work()
    return round((time.process_time() - begin) / count * 1e6, 2)


def _written(folder: Path, events: Sequence[Event]) -> float:
    """CPU per event of projecting, folding and writing, in transactions of BATCH events."""
    writer = Writer(folder / "views.db", TABLES, PROJECTORS, EVERY)
    writer.open({})

    def work() -> None:
        for begin in range(0, len(events), BATCH):
            writer.add(1, events[begin : begin + BATCH])
            writer.commit()

    cost = _cpu_us(work, len(events))
    writer.close()
    return cost


def _bare(folder: Path, events: Sequence[Event]) -> float:
    """The limit: the same rows, already tuples, into the same table by the same statement, and nothing else."""
    storage = Storage(ACTIONS)
    connection = sqlite3.connect(folder / "bare.db", isolation_level=None)
    for pragma in ("page_size = 16384", "journal_mode = WAL", "synchronous = OFF", "cache_size = -65536"):
        connection.execute(f"PRAGMA {pragma}")
    connection.execute("PRAGMA wal_autocheckpoint = 2500")
    for statement in storage.create():
        connection.execute(statement)
    rows = [
        (1, *change.key, *change.values)
        for event in events
        for change in PROJECTORS[type(event.facts)](event)
    ]

    def work() -> None:
        for begin in range(0, len(rows), BATCH):
            connection.execute("BEGIN")
            connection.executemany(storage.put_sql, rows[begin : begin + BATCH])
            connection.execute("COMMIT")

    cost = _cpu_us(work, len(rows))
    connection.close()
    return cost


def _projected(events: Sequence[Event]) -> float:
    def work() -> None:
        for event in events:
            PROJECTORS[type(event.facts)](event)

    return _cpu_us(work, len(events))


async def _followed(folder: Path, events: Sequence[Event], per_second: int) -> dict[str, float]:
    """A paced stream through the whole store: lag as readers see it, and what the loop's thread feels of it."""
    store = ViewStore(
        folder / "followed.db", read=lambda _, after, limit: list(events[after : after + limit])
    )
    await store.start({1: 0})
    lags: list[int] = []
    pauses: list[float] = []
    slice_events = max(1, per_second // 500)
    applying = 0.0
    due = time.perf_counter()
    for begin in range(0, len(events), slice_events):
        before = time.perf_counter()
        store.apply(1, events[begin : begin + slice_events])
        applying += time.perf_counter() - before
        due += 0.002
        await asyncio.sleep(max(0.0, due - time.perf_counter()))
        pauses.append(max(0.0, time.perf_counter() - due))
        lags.append(store.lag_ms)
    begin_wait = time.perf_counter()
    await store.wait(1, len(events), 60_000)
    drained = time.perf_counter() - begin_wait
    await store.close()
    lags.sort()
    pauses.sort()
    return {
        "events_per_s": per_second,
        "apply_us_per_event": round(applying / len(events) * 1e6, 3),
        "lag_p50_ms": lags[len(lags) // 2],
        "lag_p99_ms": lags[len(lags) * 99 // 100],
        "drain_ms": round(drained * 1e3, 1),
        "loop_late_p50_ms": round(pauses[len(pauses) // 2] * 1e3, 2),
        "loop_late_p99_ms": round(pauses[len(pauses) * 99 // 100] * 1e3, 2),
    }


def run(quick: bool) -> dict[str, Any]:
    """Every figure. `quick`: 50,000 events instead of 500,000."""
    count = 50_000 if quick else 500_000
    figures: dict[str, Any] = {"events": count, "batch": BATCH, "agents": AGENTS}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        events = decisions(count)
        figures["limit_bare_rows_cpu_us"] = _bare(folder, events)
        figures["projecting_cpu_us"] = _projected(events)
        figures["decision_cpu_us"] = _written(_sub(folder, "decisions"), events)
        figures["decision_times_limit"] = round(
            figures["decision_cpu_us"] / figures["limit_bare_rows_cpu_us"], 2
        )
        figures["bytes_per_decision"] = (folder / "decisions" / "views.db").stat().st_size // count
        figures["decision_in_a_story_cpu_us"] = _written(
            _sub(folder, "stories"), decisions(count, stories=True)
        )
        figures["event_of_a_whole_action_cpu_us"] = _written(_sub(folder, "whole"), whole_actions(count))
        paced = events[: 20_000 if quick else 300_000]
        figures["followed"] = asyncio.run(_followed(folder, paced, 10_000))
    cost = figures["decision_cpu_us"]
    figures["goals"] = [goal(f"CPU per decision in the views <= {CPU_US_GOAL} us", cost, cost <= CPU_US_GOAL)]
    return figures


def _sub(folder: Path, name: str) -> Path:
    made = folder / name
    made.mkdir()
    return made


if __name__ == "__main__":
    print(json.dumps(run("--quick" in sys.argv), indent=2))
