"""How many may come in at once, whoever they are; and what a restart leaves of work in hand (spec 2.3; faults D4, D6, D7)."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.integration.hub.house import house
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from watchfloor.kernel.ids import parse_id
from watchfloor.work.messages import SubmitTask

pytestmark = pytest.mark.timeout(60)


async def refused(url: str, key: str = "") -> int:
    """Retry-After in seconds of a handshake that is sent away with 503."""
    headers = {"authorization": f"Bearer {key}"} if key else {}
    with pytest.raises(InvalidStatus) as sent:
        async with connect(url, additional_headers=headers, proxy=None):
            pass
    assert sent.value.response.status_code == 503
    return int(sent.value.response.headers["retry-after"])


async def test_sockets_that_have_not_said_hello_count(tmp_path: Path) -> None:
    async with house(tmp_path, connections_max=3) as floor:
        _, key = await floor.agent("a")
        async with floor.peer(), floor.peer(), floor.peer():
            await floor.until(lambda: floor.hub.open == 3)
            assert 1 <= await refused(floor.url, key) <= 60
        await floor.until(lambda: floor.hub.open == 0)
        async with floor.peer(key):
            assert floor.hub.open == 1
            assert floor.hub.unknown == 0


async def test_nameless_sockets_leave_room_for_those_with_a_key(tmp_path: Path) -> None:
    async with house(tmp_path, unknown_max=2) as floor:
        _, key = await floor.agent("a")
        async with floor.peer() as one, floor.peer():
            await floor.until(lambda: floor.hub.unknown == 2)
            await refused(floor.url)
            async with floor.peer(key):  # who has a key comes in
                assert floor.hub.unknown == 2
            await one.say("hello", {"key": key})
            assert (await one.hear())["type"] == "welcome"
            assert floor.hub.unknown == 1
        await floor.until(lambda: floor.hub.unknown == 0 and floor.hub.open == 0)


async def test_in_a_storm_the_hint_is_spread_the_wider_the_more_are_sent_away(tmp_path: Path) -> None:
    async with house(tmp_path, accepts_per_second=1) as floor:
        hints = []
        for _ in range(40):
            try:
                async with connect(floor.url, proxy=None):
                    pass
            except InvalidStatus as sent:
                hints.append(int(sent.response.headers["retry-after"]))
        assert hints
        assert all(1 <= hint <= 60 for hint in hints)
        assert max(hints) > 5


async def test_a_task_in_hand_is_resumed_after_a_restart_of_the_server(tmp_path: Path) -> None:
    async with house(tmp_path) as floor:
        public, key = await floor.agent("a")
        async with floor.peer(key) as peer:
            task = await floor.task()
            offered = (await peer.hear("task:assigned"))["payload"]
            held = {"task_id": offered["task_id"], "generation": 1}
            await peer.ask("task:accepted", held)
    async with house(tmp_path) as floor:
        agent = parse_id(public, "agent")[0]
        await floor.until(lambda: floor.engine.state(floor.org, "task", task).stage == "orphaned")
        async with floor.peer(key) as peer:
            answer = await peer.ask("task:resume", held)
            assert (answer["type"], answer["payload"]["generation"]) == ("task:continue", 1)
            done = await peer.ask("task:completed", held)
            assert (done["payload"]["status"], done["payload"].get("late", False)) == ("succeeded", False)
        assert floor.engine.state(floor.org, "task", task).agent == agent


@pytest.mark.parametrize(("reassignable", "ends"), [(True, "failed"), (False, "dead_letter")])
async def test_after_the_grace_only_a_reassignable_task_goes_on(
    tmp_path: Path, reassignable: bool, ends: str
) -> None:
    async with house(tmp_path) as floor:
        _, key = await floor.agent("a")
        command = SubmitTask(
            needs=("work",),
            grace_ms=100,
            backoff_ms=60_000,
            reassignable=reassignable,
            private=b'{"title":"t"}',
        )
        async with floor.peer(key) as peer:
            task = await floor.put(command)
            offered = (await peer.hear("task:assigned"))["payload"]
            await peer.ask("task:accepted", {"task_id": offered["task_id"], "generation": 1})
        await floor.until(lambda: floor.engine.state(floor.org, "task", task).stage == ends)
