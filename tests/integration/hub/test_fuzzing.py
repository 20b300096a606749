"""Whatever an agent sends, the hub answers in frames: no 1011, no exception in the log, a ledger that verifies."""

from __future__ import annotations

import asyncio
import copy
import itertools
import json
import logging
import random
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from tests.integration.hub.house import House, house, reading
from websockets.exceptions import ConnectionClosed

from watchfloor.actions.messages import GrantStanding
from watchfloor.engine.replaying import rebuilt
from watchfloor.hub import session as sessions
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.messages import SYSTEM
from watchfloor.ledger.verify import verify_here

GOLDEN: list[dict[str, Any]] = [
    entry["frame"]
    for entry in json.loads(Path("protocol/golden/frames.json").read_text(encoding="utf-8"))
    if entry["from"] == "agent"
]
TYPES = sorted({frame["type"] for frame in GOLDEN})
DECIDED = {"action.decided/1"}
EXPECTED = {1000, 1005, 1006, 1007, 1009, 4003, 4008}

leaves = (
    st.none()
    | st.booleans()
    | st.integers(-(2**65), 2**65)
    | st.floats()
    | st.text(max_size=20)
    | st.sampled_from(["", "tsk_1", "act_zzzzzzzz", "grt_1.1", "\u0000", "\ud800", "e\u0301", "a" * 20_000])
)
anything = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
)
random_frames = st.fixed_dictionaries(
    {"type": st.sampled_from(TYPES) | st.text(max_size=12), "payload": anything},
    optional={"id": st.integers(0, 50) | leaves, "traceparent": leaves, "re": leaves, "seq": leaves},
)


@st.composite
def mutated(draw: st.DrawFn) -> Any:
    """A golden frame with one to three fields changed, dropped or added, anywhere in it."""
    frame = copy.deepcopy(draw(st.sampled_from(GOLDEN)))
    frame["id"] = draw(st.integers(1, 60))
    for _ in range(draw(st.integers(1, 3))):
        place = (
            frame if draw(st.booleans()) or not isinstance(frame.get("payload"), dict) else frame["payload"]
        )
        name = draw(st.sampled_from([*sorted(place), "extra"]))
        if draw(st.booleans()):
            place[name] = draw(anything)
        else:
            place.pop(name, None)
    return frame


def as_text(value: Any) -> bytes:
    return json.dumps(value).encode()


texts = st.one_of(
    random_frames.map(as_text),
    mutated().map(as_text),
    anything.map(as_text),
    st.text(max_size=200).map(lambda text: text.encode("utf-8", "ignore")),
    st.tuples(mutated().map(as_text), st.integers(0, 400)).map(lambda cut: cut[0][: cut[1]]),
    st.integers(1, 5_000).map(lambda depth: b'{"type":"action:request","id":1,"payload":' + b"[" * depth),
)


# Bytes that are not text end the connection (1007): they go last.
conversations = st.tuples(
    st.lists(texts, min_size=8, max_size=40), st.lists(st.binary(max_size=200), max_size=1)
).map(lambda parts: parts[0] + parts[1])


async def things(here: House, key: str) -> dict[bytes, bytes]:
    """Ids of a running task and of a granted action of this agent, by their prefix."""
    async with here.peer(key) as peer:
        credential = here.engine.credentials.find(key, here.engine.clock())
        assert credential is not None
        until = here.engine.clock() + DAY
        standing = GrantStanding(agent=credential.subject, type="file.read", expires_at=until)
        await here.put(standing, SYSTEM)
        await here.task()
        task = (await peer.hear("task:assigned"))["payload"]
        await peer.ask("task:accepted", {"task_id": task["task_id"], "generation": task["generation"]})
        action = (await peer.ask("action:request", reading()))["payload"]
    return {
        b"tsk": task["task_id"].encode(),
        b"act": action["action_id"].encode(),
        b"grt": action["grant"]["grant_id"].encode(),
    }


def with_real_ids(message: bytes, real: dict[bytes, bytes], dice: random.Random, number: int) -> bytes:
    """Most ids of the golden frames become ids of things that are there, and most frames get the next number."""
    if dice.random() < 0.2:
        return message
    message = re.sub(rb'"id": \d+', b'"id": %d' % number, message)
    return re.sub(rb"\b(tsk|act|grt)_[a-z0-9]+(\.[0-9]+)?", lambda found: real[found.group(1)], message)


async def throw(here: House, key: str, messages: list[bytes], as_bytes: random.Random) -> int:
    """Send all of it on one connection; the code with which it ended (1000: it was still open)."""
    async with here.peer(key) as peer:
        reader = asyncio.get_running_loop().create_task(peer.quiet(30))
        try:
            for message in messages:
                if as_bytes.random() < 0.001:
                    await peer.connection.send(message)
                else:
                    await peer.connection.send(message, text=True)
            await asyncio.sleep(0.02)
        except ConnectionClosed:
            pass
        reader.cancel()
        await asyncio.gather(reader, return_exceptions=True)
        close = peer.connection.protocol.close_rcvd
        return close.code if close is not None else 1000


@pytest.mark.parametrize("invalid_max", [sessions.INVALID_PER_MINUTE, 10**6])
async def test_nothing_an_agent_sends_is_an_exception_of_the_server(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, invalid_max: int
) -> None:
    """With the real bound on invalid frames, and without it, so that what comes after the tenth is read as well.

    What Hypothesis draws depends on which modules are loaded, so nothing here counts on particular frames.
    """
    monkeypatch.setattr(sessions, "INVALID_PER_MINUTE", invalid_max)
    drawn: list[list[bytes]] = []

    @settings(
        max_examples=120,
        database=None,
        derandomize=True,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(conversations)
    def draw(messages: list[bytes]) -> None:
        drawn.append(messages)

    draw()
    dice = random.Random(1)
    with caplog.at_level(logging.WARNING):
        async with house(tmp_path) as here:
            public, key = await here.agent("otto")
            real = await things(here, key)
            numbers = itertools.count(1_000)
            codes = []
            for messages in drawn:
                # One whole frame first, so that every conversation gets as far as the rules.
                whole = {"type": "action:request", "id": next(numbers), "payload": reading()}
                sent = [with_real_ids(message, real, dice, next(numbers)) for message in messages]
                codes.append(await throw(here, key, [as_text(whole), *sent], dice))
            assert set(codes) <= EXPECTED | {1003}, sorted(set(codes))
            async with here.peer(key) as peer:
                answer = await peer.ask("action:request", reading())
                assert answer["type"] == "action:decided", "it serves on"
            assert here.hub.messages > 500
            assert here.hub.invalid < here.hub.messages, "some of it is understood"
            decided = [event for event in here.engine.events(here.org, 0, 100_000) if event.type in DECIDED]
            assert len(decided) > len(drawn) // 2, "every conversation gets as far as the rules"
            assert here.state("agent", public) is not None
            await quiet(here)
            check(here)
    faults = [record for record in caplog.records if record.levelno >= logging.ERROR or record.exc_info]
    assert faults == [], [record.getMessage() for record in faults]


async def quiet(here: House) -> None:
    """What the last connection set going is over, and stored."""
    node, seen = here.engine.node(here.org), -1
    while seen != node.world.seq or node.committed != node.world.seq or here.engine.queued():
        seen = node.world.seq
        await asyncio.sleep(0.3)


def check(here: House) -> None:
    """The ledger proves itself, and folded from zero it is the state that the server has."""
    assert [report.problem for report in verify_here(here.backbone.ledger)] == [""]
    row = here.backbone.ledger.organisations()[0]
    replayed = rebuilt(here.engine.core, here.backbone.ledger, row)
    live = here.engine.node(here.org).world
    assert replayed.seq == live.seq
    assert replayed.tables == live.tables
