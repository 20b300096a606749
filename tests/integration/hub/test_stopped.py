"""A stop reaches what is executing: its agent is told within two seconds, whatever the database does (spec 3.3)."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from tests.integration.hub.house import Frame, House, Peer, house

from watchfloor.actions.messages import GrantStanding, RecordStop
from watchfloor.engine.stops import JournalStop
from watchfloor.kernel.ids import parse_id
from watchfloor.kernel.instants import DAY

pytestmark = pytest.mark.timeout(60)


async def executing(floor: House, peer: Peer, public: str, path: str) -> Frame:
    """Asked, permitted by a standing approval, started."""
    agent = parse_id(public, "agent")[0]
    until = floor.engine.clock() + DAY
    await floor.put(GrantStanding(agent=agent, type="file.read", expires_at=until))
    ruled = (await peer.ask("action:request", {"type": "file.read", "params": {"path": path}}))["payload"]
    start = {
        "action_id": ruled["action_id"],
        "grant_id": ruled["grant"]["grant_id"],
        "execution_id": f"exe_{ruled['action_id'][4:]}",
    }
    answer = await peer.ask("action:started", start)
    assert answer["payload"]["status"] == "executing", answer
    return start


def thrown(floor: House, scope: str, target: str) -> JournalStop:
    stop = JournalStop(
        id=f"stop-{scope}",
        org=floor.org,
        scope=scope,
        target=target,
        reason="r",
        by="per_x",
        at=floor.engine.clock(),
    )
    floor.engine.stops.add(stop)
    return stop


async def test_whoever_executes_what_a_stop_holds_is_told_within_two_seconds_even_with_the_database_away(
    tmp_path: Path,
) -> None:
    async with house(tmp_path) as floor:
        held_id, held_key = await floor.agent("held")
        free_id, free_key = await floor.agent("free")
        async with floor.peer(held_key) as held, floor.peer(free_key) as free:
            mine = await executing(floor, held, held_id, "/srv/a")
            await executing(floor, free, free_id, "/srv/b")
            floor.engine.read_only = "the disk is gone"
            began = time.monotonic()
            thrown(floor, "agent", held_id)
            told = await held.hear("action:stopped")
            assert time.monotonic() - began < 8, "two seconds, and a slow machine"
            assert told["payload"] == {
                "action_id": mine["action_id"], "execution_id": mine["execution_id"], "scope": "agent",
            }  # fmt: skip
            floor.engine.read_only = ""
            thrown(floor, "organisation", "")
            assert (await free.hear("action:stopped"))["payload"]["scope"] == "organisation"
            heard = [frame["type"] for frame in await free.quiet(1.3)]
            assert "action:stopped" not in heard, "a stop is told of once"
        async with floor.peer(held_key) as back:
            assert (await back.hear("action:stopped"))["payload"]["action_id"] == mine["action_id"]


async def test_obeying_a_stop_is_no_failure_and_pretending_to_is_one(tmp_path: Path) -> None:
    async with house(tmp_path) as floor:
        public, key = await floor.agent("obedient")
        agent = parse_id(public, "agent")[0]
        async with floor.peer(key) as peer:
            said = {"code": "stopped", "reason": "as told"}
            true = await executing(floor, peer, public, "/srv/b")
            lied = await executing(floor, peer, public, "/srv/a")
            await peer.ask(
                "action:failed",
                {"action_id": lied["action_id"], "execution_id": lied["execution_id"], **said},
            )
            failures = floor.engine.cell(floor.org, "activity", agent).failures
            assert len(failures) == 1, "there was no stop"
            await floor.put(RecordStop(scope="agent", target=public, reason="r", journal="j", effective_at=1))
            await peer.ask(
                "action:failed",
                {"action_id": true["action_id"], "execution_id": true["execution_id"], **said},
            )
            assert floor.engine.cell(floor.org, "activity", agent).failures == failures
            assert len(floor.engine.cell(floor.org, "breakers", f"agent:{agent}").failures) == 1
            assert floor.state("action", true["action_id"]).status == "failed"
