"""Watchfloor itself as a process to be measured: the whole server on one CPU, with an organisation and its agents.

    python -m benchmarks.product_server --data FOLDER --agents 1000 [--synchronous FULL|NORMAL] [--policy bench|default|realistic]

Prints one line of JSON with its port, pid and the agents' keys, then obeys orders, one JSON text a line:
`watch` begins to sample the views' lag and the loop's pauses, `figures` tells what was seen since, `snapshot` writes
one and tells how long the loop stood still meanwhile. It ends when its input ends.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import uvloop
from benchmarks.accounting import account, still_open
from benchmarks.containing import Containing
from benchmarks.machine import ROOT, SERVER_CPU, allow_open_files, pin, rss_kib
from benchmarks.policy_gate import realistic
from benchmarks.submitting import Submitting

from watchfloor.actions.messages import GrantStanding
from watchfloor.app import Server, freeze_garbage
from watchfloor.config import Config
from watchfloor.engine.credentials import Credential, mint
from watchfloor.engine.engine import Engine
from watchfloor.fleet.messages import AgentDegraded, RegisterAgent
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.messages import SYSTEM, Actor, Event
from watchfloor.kernel.terms import Policy
from watchfloor.people.messages import AddPerson
from watchfloor.policy.document import load
from watchfloor.telemetry import logs
from watchfloor.trust.messages import AdjustTrust
from watchfloor.trust.rules import score_at
from watchfloor.work.budget_messages import SetBudget

ACTION_TYPE, TOOL = "file.read", "fs"
TRUST_SEEDED = 850
_PERSON = Actor(kind="person", id="per_bench")
_AT_ONCE = 200  # registrations under way together


def bench_policy() -> Policy:
    """The default document but for rates and the runaway window (benchmarks/bench.yaml)."""
    return load((ROOT / "benchmarks" / "bench.yaml").read_text())


def realistic_policy() -> Policy:
    """As long as an organisation's (benchmarks/policy_gate.py), with the rates and windows of the bench; reads are known."""
    bench, found = bench_policy(), realistic()
    return msgspec.structs.replace(
        found,
        types={**found.types, ACTION_TYPE: "class_7"},
        rates=bench.rates,
        runaway=bench.runaway,
        envelope=msgspec.structs.replace(found.envelope, spend_per_day_micro=10**15),
    )


POLICIES: dict[str, Callable[[], Policy]] = {
    "bench": bench_policy,
    "default": Policy,
    "long": realistic_policy,
    "realistic": realistic_policy,
}


async def _governed(engine: Engine, org: int) -> None:
    """Three budgets of the organisation, as in the gate's own benchmark; wide enough for a run."""
    for measure in ("money", "tokens", "actions"):
        await engine.ask(
            org, SetBudget(scope="organisation", measure=measure, period="day", limit=10**15), SYSTEM
        )


async def agent_with_trust(engine: Engine, org: int, number: int) -> tuple[int, str, str]:
    """Register one agent with a key, seed its trust, give it a standing approval: (subject, credential id, key)."""
    name, key, verifier = mint("agent")
    now = engine.clock()
    row = Credential(
        id=name,
        org=org,
        kind="agent",
        subject=0,
        verifier=verifier,
        scopes=("*",),
        created_at=now,
        expires_at=now + 30 * DAY,
        revoked_at=0,
        label=f"bench-{number}",
    ).row()
    command = RegisterAgent(
        name=f"bench-{number}",
        type="worker",
        capabilities=("bench",),
        owner="system",
        credential=name,
        expires_at=now + 30 * DAY,
    )
    subject = (await engine.ask(org, command, SYSTEM, credentials=[row])).seq
    active = engine.cell(org, "active_policy", "active")
    missing = TRUST_SEEDED - score_at(None, active.document.trust, now, active.version)
    await engine.ask(org, AdjustTrust(subject=subject, points=missing, reason="seeded"), _PERSON)
    await engine.ask(org, GrantStanding(agent=subject, type=ACTION_TYPE, expires_at=now + 30 * DAY), _PERSON)
    return subject, name, key


async def fleet(engine: Engine, org: int, agents: int) -> list[tuple[int, str, str]]:
    """That many of them, in order."""
    found: list[tuple[int, str, str]] = []
    for begin in range(0, agents, _AT_ONCE):
        numbers = range(begin, min(agents, begin + _AT_ONCE))
        found += await asyncio.gather(*(agent_with_trust(engine, org, number) for number in numbers))
    return found


class Watch:
    """Samples the views' lag and how late the loop runs, every 20 ms."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.begin()

    def begin(self) -> None:
        self.lags_ms: list[int] = []
        self.late_ms: list[float] = []
        stats = self.server.engine.stats
        self.commits, self.events, self.commit_us = stats.commits, stats.events, stats.commit_us

    async def sample(self) -> None:
        while True:
            due = time.perf_counter() + 0.02
            await asyncio.sleep(0.02)
            self.late_ms.append(max(0.0, time.perf_counter() - due) * 1e3)
            self.lags_ms.append(self.server.backbone.views.lag_ms)

    def figures(self) -> dict[str, Any]:
        lags, late = sorted(self.lags_ms) or [0], sorted(self.late_ms) or [0.0]
        stats = self.server.engine.stats
        commits = stats.commits - self.commits
        return {
            "view_lag_p50_ms": lags[len(lags) // 2],
            "view_lag_p99_ms": lags[len(lags) * 99 // 100],
            "view_lag_max_ms": lags[-1],
            "loop_late_p50_ms": round(late[len(late) // 2], 2),
            "loop_late_p99_ms": round(late[len(late) * 99 // 100], 2),
            "loop_late_max_ms": round(late[-1], 2),
            "commits": commits,
            "events": stats.events - self.events,
            "events_per_commit": round((stats.events - self.events) / max(1, commits), 1),
            "commit_ms": round((stats.commit_us - self.commit_us) / max(1, commits) / 1e3, 2),
            "rss_kib": rss_kib(os.getpid()),
        }


class Presence:
    """Who is there, and how often a heartbeat of somebody connected was missed since the start."""

    def __init__(self, server: Server, org: int) -> None:
        self.server = server
        self.org = org
        self.degraded = 0
        server.engine.follow(self._follow)

    def _follow(self, org: int, events: list[Event]) -> None:
        del org
        self.degraded += sum(isinstance(event.facts, AgentDegraded) for event in events)

    def figures(self) -> dict[str, Any]:
        agents = self.server.engine.node(self.org).world.tables["agent"].values()
        online = sum(agent.presence == "online" for agent in agents)
        return {
            "online": online,
            "sockets": len(self.server.hub.sessions),
            "degraded_events": self.degraded,
        }


async def serve(given: argparse.Namespace) -> None:
    """Until stdin ends."""
    server = Server(
        Config(
            data=str(given.data),
            port=given.port,
            synchronous=given.synchronous,
            heartbeat_ms=given.heartbeat_ms,
            connections_max=20_000,
            snapshot_events=given.snapshot_events,
            backup_hours=0,
        )
    )
    loop = asyncio.get_running_loop()

    async def ready(running: Server) -> None:
        engine = running.engine
        if given.again:
            org, keys, agents = next(iter(engine.core.nodes)), [], []
        else:
            policy = POLICIES[given.policy]()
            org = await running.backbone.found("bench", policy)
            made = await fleet(engine, org, given.agents)
            agents, keys = [agent for agent, _, _ in made], [key for _, _, key in made]
            if given.policy == "realistic":
                await _governed(engine, org)
        presence = Presence(running, org)
        await running.backbone.views.wait(org, engine.head(org), 60_000)
        freeze_garbage()  # as after a restart, when all agents are there before the port opens
        print(
            json.dumps({"port": running.port, "pid": os.getpid(), "keys": keys, "agents": agents}), flush=True
        )
        watch = Watch(running)
        sampling = loop.create_task(watch.sample())
        await obey(running, org, watch, presence, Containing(running, org))
        sampling.cancel()
        os.kill(os.getpid(), 15)

    await server.run(ready)


async def obey(running: Server, org: int, watch: Watch, presence: Presence, containing: Containing) -> None:
    """Orders from stdin, one answer each."""
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), sys.stdin
    )
    while line := await reader.readline():
        order = json.loads(line)
        answer: dict[str, Any] = {}
        if order == "watch":
            watch.begin()
        elif order == "figures":
            answer = watch.figures()
        elif order == "presence":
            answer = presence.figures()
        elif order == "people":  # somebody to decide on what waits
            for handle in ("ada", "grace"):
                await running.engine.ask(org, AddPerson(handle=handle, roles=("director",)), SYSTEM)
        elif order == "open":
            answer = still_open(running.engine, org)
        elif order == "account":
            answer = account(running.engine, org)
        elif order == "snapshot":
            watch.begin()
            began = time.perf_counter()
            await running.engine.snapshot(org)
            answer = {"seconds": round(time.perf_counter() - began, 3), **watch.figures()}
        elif isinstance(order, dict) and order.keys() & {"person", "tally", "ledger"}:
            answer = await containing.obey(order)
        elif isinstance(order, dict):
            answer = await Submitting(running, org).obey(order)
        print(json.dumps(answer), flush=True)


def main() -> None:
    """Command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--agents", type=int, default=1_000)
    parser.add_argument("--synchronous", choices=("FULL", "NORMAL"), default="FULL")
    parser.add_argument("--policy", choices=tuple(POLICIES), default="bench")
    parser.add_argument("--snapshot-events", type=int, default=10**9)
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--heartbeat-ms", type=int, default=3_600_000)  # most simulated agents do not beat
    parser.add_argument("--again", action="store_true", help="on the data of a server before this one")
    parser.add_argument("--unpinned", action="store_true", help="use every CPU, as in production")
    given = parser.parse_args()
    if not given.unpinned:
        pin(SERVER_CPU)
    allow_open_files()
    logs.configure("error", sys.stderr)
    uvloop.run(serve(given))


if __name__ == "__main__":
    main()
