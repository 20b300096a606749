"""Who may come in, who is welcomed and who is sent away, on a real port (spec 2.2, 2.3)."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.integration.hub.house import house, reading
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from watchfloor.fleet.messages import RetireAgent
from watchfloor.kernel.ids import parse_id


async def test_welcome_is_the_first_frame_and_says_who_and_where(tmp_path: Path) -> None:
    async with house(tmp_path, heartbeat_ms=700) as here:
        public, key = await here.agent("otto")
        async with here.peer(key, welcome=False) as peer:
            welcome = (await peer.hear())["payload"]
            assert welcome["agent_id"] == public
            assert welcome["heartbeat_interval_ms"] == 700
            assert welcome["seq"] == here.engine.head(here.org)
            assert here.state("agent", public).presence == "online", "recorded before it was said"


async def test_a_key_in_hello_is_as_good_as_one_in_the_header(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        public, key = await here.agent("otto")
        async with here.peer() as peer:
            await peer.say("hello", {"key": key})
            assert (await peer.hear())["payload"]["agent_id"] == public


async def test_without_hello_the_door_closes_with_4001(tmp_path: Path) -> None:
    async with house(tmp_path, hello_timeout_ms=300) as here, here.peer() as peer:
        assert (await peer.ended())[0] == 4001
        assert not here.hub.pending


@pytest.mark.parametrize("frame", [("hello", {"key": "wf_key_x_y"}), ("heartbeat", {}), ("nonsense", {})])
async def test_a_wrong_key_or_another_first_frame_is_4003(
    tmp_path: Path, frame: tuple[str, dict[str, str]]
) -> None:
    async with house(tmp_path) as here, here.peer() as peer:
        await peer.say(*frame)
        assert (await peer.ended())[0] == 4003


async def refused(url: str, **headers: str) -> InvalidStatus:
    with pytest.raises(InvalidStatus) as status:
        async with connect(url, additional_headers=headers, proxy=None):
            pass
    return status.value


async def test_a_wrong_key_in_the_header_is_401_and_a_key_in_the_address_400(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        _, key = await here.agent("otto")
        assert (await refused(here.url, authorization="Bearer wf_key_x_y")).response.status_code == 401
        assert (await refused(here.url, authorization=f"Basic {key}")).response.status_code == 401
        assert (await refused(f"{here.url}?key={key}")).response.status_code == 400


async def test_a_storm_is_met_with_503_and_a_time_to_come_back(tmp_path: Path) -> None:
    async with house(tmp_path, accepts_per_second=3) as here:
        answers = await asyncio.gather(
            *(asyncio.wait_for(_status(here.url), 30) for _ in range(20)), return_exceptions=True
        )
        statuses = [answer for answer in answers if isinstance(answer, tuple)]
        assert len(statuses) == 20
        turned_away = [retry for status, retry in statuses if status == 503]
        assert len(turned_away) >= 8
        assert all(1 <= int(retry) <= 60 for retry in turned_away)


async def _status(url: str) -> tuple[int, str]:
    try:
        async with connect(url, proxy=None):
            return 101, ""
    except InvalidStatus as status:
        return status.response.status_code, status.response.headers["retry-after"]


async def test_an_organisation_with_too_many_connections_is_turned_away_either_way(tmp_path: Path) -> None:
    async with house(tmp_path, per_organisation_max=1) as here:
        _, first = await here.agent("otto")
        _, second = await here.agent("ida")
        async with here.peer(first):
            assert (await refused(here.url, authorization=f"Bearer {second}")).response.status_code == 503
            async with here.peer() as peer:
                await peer.say("hello", {"key": second})
                assert (await peer.ended())[0] == 1013


async def test_the_newest_connection_wins_and_the_old_one_is_told(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        public, key = await here.agent("otto")
        async with here.peer(key) as old, here.peer(key) as new:
            code, heard = await old.ended()
            assert code == 4029
            assert [(frame["type"], frame["payload"]["reason"]) for frame in heard] == [
                ("disconnecting", "replaced")
            ]
            assert (await new.ask("action:request", reading()))["type"] == "action:decided"
            assert here.state("agent", public).presence == "online", "the old one's end is not the new one's"
            assert len(here.hub.sessions) == 1


async def test_a_retired_agent_is_closed_and_stays_out(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        public, key = await here.agent("otto")
        async with here.peer(key) as peer:
            await here.put(RetireAgent(subject=parse_id(public, "agent")[0], reason="old"))
            assert (await peer.ended())[0] == 4003
        async with here.peer(key, welcome=False) as peer:
            assert (await peer.ended())[0] == 4003


async def test_a_graceful_stop_says_when_to_come_back_and_closes_with_1012(tmp_path: Path) -> None:
    async with house(tmp_path) as here:
        _, key = await here.agent("otto")
        async with here.peer(key) as peer:
            stopping = asyncio.get_running_loop().create_task(here.hub.stop())
            code, heard = await peer.ended()
            await stopping
            assert code == 1012
            assert heard[-1]["type"] == "disconnecting"
            assert heard[-1]["payload"]["reason"] == "restart"
            assert 200 <= heard[-1]["payload"]["retry_after_ms"] <= 5_000
        assert (await refused(here.url)).response.status_code == 503


async def test_a_missed_heartbeat_degrades_two_good_ones_recover_and_three_missed_are_the_end(
    tmp_path: Path,
) -> None:
    async with house(tmp_path, heartbeat_ms=1_500) as here:
        public, key = await here.agent("otto")
        async with here.peer(key) as peer:

            def presence() -> str:
                return str(here.state("agent", public).presence)

            await here.until(lambda: presence() == "degraded")
            await peer.say("heartbeat")
            await asyncio.sleep(0.2)
            assert presence() == "degraded", "one good one is not enough"
            await peer.say("heartbeat")
            await here.until(lambda: presence() == "online")
            code, _ = await peer.ended()
            assert code == 1001
            await here.until(lambda: presence() == "offline")
