"""The limits in force for an agent and what of them is used up, read from the registers the gate reads (spec 3.3)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any

from watchfloor.engine.rights import standing
from watchfloor.http.asking import Call
from watchfloor.http.bodies import limits as wire
from watchfloor.http.pacing import Rate
from watchfloor.http.replies import Reply
from watchfloor.http.routes import agents, economics
from watchfloor.kernel.instants import DAY, HOUR, MILLISECOND, MINUTE
from watchfloor.kernel.rate_terms import rates_of
from watchfloor.kernel.runaway_terms import pace
from watchfloor.kernel.terms import TIERS, Policy
from watchfloor.registers import activity as counters
from watchfloor.registers import budgets
from watchfloor.registers.capacity import tasks_max
from watchfloor.registers.containment import Breaker, shut_until
from watchfloor.registers.stops import names_of, stops_for

_NEWEST_MAX = 200  # of the agent's newest actions, those of this hour say which types it uses


async def get_limits(call: Call) -> Reply:
    """What limits the agent now, and how much of each is used up."""
    subject, _ = await agents.find(call)
    policy, version = agents.policy_now(call)
    tier = TIERS[standing(call.read, subject, policy, call.now, version)[0]]
    items = (
        wire.LimitNow(
            kind="tasks",
            name="",
            used=len(call.read("load", subject) or ()),
            limit=tasks_max(subject, call.read),
            window_ms=0,
        ),
        *_rates(call, subject, rates_of(policy.rates, tier)),
        *_runaway(call, subject, policy),
        wire.LimitNow(
            kind="money",
            name="",
            used=counters.spent_today(call.read("spend", subject), call.now),
            limit=policy.envelope.spend_per_day_micro,
            window_ms=DAY // MILLISECOND,
            unit="micro",
        ),
        await _automatic(call, subject, policy.auto.per_hour),
    )
    active = call.read("stops", "active")
    hits = stops_for(active, names_of(subject, call.read)) if active else ()
    return Reply(
        body=wire.AgentLimits(
            agent_id=call.id_of("agent", subject),
            tier=tier,
            items=items,
            breaker=_breaker(call, subject, policy),
            budgets=await _budgets(call, subject),
            stops=tuple(call.id_of("stop", stop) for stop in hits),
            seq=call.view_seq,
        )
    )


def _rates(call: Call, subject: int, rates: dict[str, int]) -> Iterator[wire.LimitNow]:
    """What is missing from the fuller of the agent's two buckets of a class: that of its socket, that of REST."""
    hears = call.services.presence
    sockets: dict[str, int] = hears.spent(call.org, subject) if hears is not None else {}
    agent = call.id_of("agent", subject)
    for name, per_minute in rates.items():
        rest = call.pacing.spent(f"action {name}", agent, Rate(per_minute=per_minute, burst=per_minute))
        used = max(sockets.get(name, 0), rest)
        yield wire.LimitNow(
            kind="rate", name=name, used=used, limit=per_minute, window_ms=MINUTE // MILLISECOND
        )


def _runaway(call: Call, subject: int, policy: Policy) -> Iterator[wire.LimitNow]:
    activity: counters.Activity | None = call.read("activity", subject)
    terms, agent = policy.runaway, call.state("agent", subject)
    most = pace(terms, terms.agents.get(call.id_of("agent", subject)), terms.agent_types.get(agent.type))
    repeated = max((count for _, count, since in _repeats(activity) if call.now - since <= MINUTE), default=0)
    throttled = counters.recent(activity.throttles, call.now, MINUTE) if activity is not None else 0
    for name, used, limit, window_ms in (
        ("requests", counters.requests_within(activity, call.now, 2), most.requests_1s, 1_000),
        ("executed", counters.executed_within(activity, call.now, 10), most.executed_10s, 10_000),
        ("repeated", repeated, most.same_60s, 60_000),
        ("throttled", throttled, most.throttles_60s, 60_000),
    ):
        yield wire.LimitNow(kind="runaway", name=name, used=used, limit=limit, window_ms=window_ms)


def _repeats(activity: counters.Activity | None) -> tuple[tuple[str, int, int], ...]:
    return activity.repeats if activity is not None else ()


async def _automatic(call: Call, subject: int, per_hour: int) -> wire.LimitNow:
    """The type of action of which most ran this clock hour (UTC): the rate that the gate asks about (spec 3.1 rule 8)."""
    hour_began = call.now - call.now % HOUR
    newest = await asyncio.to_thread(call.services.views.newest_of_agent, call.org, subject, _NEWEST_MAX)
    types = {row["type"] for row in newest if row["decided_at"] >= hour_began}
    used = [(_in_hour(call.read("types", (subject, one)), call.now), one) for one in types]
    most, name = max(used, default=(0, ""))
    return wire.LimitNow(
        kind="automatic",
        name=name if most else "",
        used=most,
        limit=per_hour,
        window_ms=HOUR // MILLISECOND,
    )


def _in_hour(use: counters.TypeUse | None, now: int) -> int:
    return use.in_hour if use is not None and use.hour == now // HOUR else 0


def _breaker(call: Call, subject: int, policy: Policy) -> wire.BreakerNow:
    breaker: Breaker | None = call.read("breakers", f"agent:{subject}")
    failures = breaker.failures if breaker is not None else ()
    return wire.BreakerNow(
        failures=counters.recent(failures, call.now, policy.breaker.window_ms * MILLISECOND),
        failures_max=policy.breaker.failures,
        window_ms=policy.breaker.window_ms,
        open_until_at=shut_until(breaker, call.now),
    )


async def _budgets(call: Call, subject: int) -> tuple[Any, ...]:
    """Budgets that count what the agent does outside of tasks: its own, of those it descends from, of all."""
    wanted = {one.budget for one in budgets.in_force(subject, 0, call.read)}
    if not wanted:
        return ()
    rows = await call.rows("SELECT * FROM budgets WHERE org = :org AND removed_at = 0 ORDER BY budget")
    return tuple(economics.item(call, row) for row in rows if row["budget"] in wanted)
