"""A runaway: a thousand actions as fast as the socket takes them, beside honest agents (spec 3.3; fault F3)."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from tests.integration.hub.house import GENEROUS, Frame, Peer, house
from websockets.exceptions import ConnectionClosed

from watchfloor.actions.messages import ActionStarted, GrantStanding
from watchfloor.engine.setup import register_agent
from watchfloor.fleet.messages import AgentQuarantined
from watchfloor.kernel.ids import parse_id
from watchfloor.kernel.instants import DAY, SECOND
from watchfloor.kernel.messages import Event
from watchfloor.kernel.rate_terms import TierRates
from watchfloor.kernel.runaway_terms import RunawayLimits
from watchfloor.kernel.terms import Policy, RateTerms

pytestmark = pytest.mark.timeout(60)
FLOOD = 1_000
# Buckets that hold nobody back: the detector alone has to stop it. And the buckets as they ship.
OPEN = msgspec.structs.replace(Policy(), rates=RateTerms(light=100_000, normal=100_000, heavy=100_000))


async def flood(peer: Peer) -> None:
    """Ask, and start and complete at once whatever is permitted; answers are heard beside."""

    async def asking() -> None:
        with contextlib.suppress(ConnectionClosed):
            for number in range(FLOOD):
                await peer.say(
                    "action:request",
                    {"type": "file.read", "params": {"path": f"/srv/data/{number}"}},
                    number=next(peer.numbers),
                )

    async def doing() -> None:
        with contextlib.suppress(ConnectionClosed):
            async for text in peer.connection:
                grant = _grant(json.loads(text))
                if grant:
                    action = grant["action_id"]
                    start = {
                        "action_id": action,
                        "grant_id": grant["grant"]["grant_id"],
                        "execution_id": "exe",
                    }
                    await peer.say("action:started", start, number=next(peer.numbers))

    hearing = asyncio.create_task(doing())
    await asking()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(hearing, 2)


def _grant(frame: Frame) -> Frame | None:
    payload: Frame = frame["payload"]
    return payload if frame["type"] == "action:decided" and payload.get("grant") else None


@pytest.mark.parametrize("policy", [Policy(), OPEN], ids=["with buckets", "by the detector alone"])
async def test_a_runaway_is_quarantined_within_five_seconds_having_done_little_and_told_of_once(
    tmp_path: Path, policy: Policy
) -> None:
    async with house(tmp_path, policy=policy) as floor:
        wild_id, wild_key = await floor.agent("wild")
        _, honest_key = await floor.agent("honest")
        wild = parse_id(wild_id, "agent")[0]
        until = floor.engine.clock() + DAY
        await floor.put(GrantStanding(agent=wild, type="file.read", expires_at=until))
        seen: list[Event] = []
        quarantined_at: list[float] = []

        def follow(org: int, events: list[Event]) -> None:
            del org
            seen.extend(events)
            if any(isinstance(event.facts, AgentQuarantined) for event in events):
                quarantined_at.append(time.monotonic())

        floor.engine.follow(follow)
        async with floor.peer(wild_key) as peer, floor.peer(honest_key) as honest:
            peer.numbers = itertools.count(1)
            began = time.monotonic()
            flooding = asyncio.create_task(flood(peer))
            answer = await honest.ask("action:request", {"type": "file.read", "params": {}})
            assert answer["type"] == "action:decided"
            await flooding
            await floor.until(lambda: bool(quarantined_at))
        assert quarantined_at[0] - began < 10, "five seconds, and a slow machine"
        assert _count(seen, lambda event: isinstance(event.facts, ActionStarted)) <= 100
        assert _count(seen, lambda event: isinstance(event.facts, AgentQuarantined)) == 1
        assert floor.engine.state(floor.org, "agent", wild).quarantined


async def test_an_agent_whose_type_is_meant_to_be_faster_is_no_runaway_where_others_are(
    tmp_path: Path,
) -> None:
    runaway = msgspec.structs.replace(
        OPEN.runaway, agent_types={"worker": RunawayLimits(requests_per_second=1_000)}
    )
    async with house(tmp_path, policy=msgspec.structs.replace(OPEN, runaway=runaway)) as floor:
        for kind in ("worker", "reader"):
            public, key = await register_agent(floor.engine, floor.org, kind, kind, ("work",))
            async with floor.peer(key) as peer:
                for number in range(60):
                    asked = {"type": "file.read", "params": {"path": f"/srv/data/{number}"}}
                    await peer.say("action:request", asked, number=next(peer.numbers))
                if kind == "reader":
                    await floor.until(lambda public=public: floor.state("agent", public).quarantined)
                    continue
                for _ in range(60):
                    await peer.hear(
                        "action:decided", "error"
                    )  # those beyond what may be in flight count, too
            assert not floor.state("agent", public).quarantined


def _count(events: list[Event], what: Callable[[Event], bool]) -> int:
    return sum(1 for event in events if what(event))


async def test_a_bucket_used_up_three_times_in_a_minute_is_a_runaway_and_each_tier_has_its_own_bucket(
    tmp_path: Path,
) -> None:
    rates = RateTerms(light=100, tiers={"PROBATIONARY": TierRates(light=10)})
    policy = msgspec.structs.replace(
        GENEROUS, rates=rates, runaway=msgspec.structs.replace(GENEROUS.runaway, throttles_per_minute=3)
    )
    async with house(tmp_path, policy=policy) as floor:
        public, key = await floor.agent("eager")
        number = parse_id(public, "agent")[0]
        async with floor.peer(key) as peer:
            later = 0
            clock = floor.hub.clock
            floor.hub.clock = lambda: clock() + later
            taken = []
            for burst in range(3):
                assert floor.engine.state(floor.org, "agent", number).quarantined is False, burst
                asked = 0
                while (await peer.ask("action:request", {"type": "file.read", "params": {}}))[
                    "type"
                ] != "rate:limited":
                    asked += 1
                taken.append(asked)
                later += 15 * SECOND
            assert taken[0] == 10, "the tier's, not the class's"
            await floor.until(lambda: floor.engine.state(floor.org, "agent", number).quarantined)
