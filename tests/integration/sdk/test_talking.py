"""An agent that talks, against the test double: what its author sees (spec 2.6, 8)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

from watchfloor_agent import Agent, Message
from watchfloor_agent.talking import split
from watchfloor_agent.testing import FakeServer


async def test_what_a_person_says_is_answered_in_order_and_a_repetition_is_not() -> None:
    async with FakeServer() as server:
        agent = Agent(server.url, server.api_key, reconnect_ms=(10, 50))

        @agent.on_chat
        async def talk(message: Message) -> str | None:
            await asyncio.sleep(0.02 if message.number == 1 else 0)
            return None if message.text == "hush" else f"re: {message.text}"

        async with agent:
            await server.tell("one")
            await server.tell("hush")
            await server.tell("two")
            await server.redeliver()
            await server.until(lambda: len(server.said) == 2)
            await server.drop()
            await server.until(lambda: server.connections == 2)
            await server.tell("three")
            await server.until(lambda: len(server.said) == 3)
            await server.until(lambda: server.acknowledged >= 3)  # long before the next heartbeat of 30 s
        assert server.said == ["re: one", "re: two", "re: three"]


async def test_a_function_that_fails_keeps_nobody_from_being_heard() -> None:
    async with FakeServer() as server:
        agent = Agent(server.url, server.api_key)

        @agent.on_message
        def heard(message: Message) -> str:
            if message.text == "bad":
                raise ValueError("not today")
            return message.text.upper()

        async with agent:
            await server.whisper("bad")
            await server.whisper("good")
            await server.until(lambda: server.said == ["GOOD"])
            await agent.join("builds")
            await server.whisper("in there", channel="builds")
            await server.until(lambda: server.said == ["GOOD", "IN THERE"])


async def test_a_stream_is_shown_in_parts_and_recorded_as_a_whole() -> None:
    async with FakeServer() as server:
        agent = Agent(server.url, server.api_key)

        async def parts() -> AsyncIterator[str]:
            for word in ("a ", "b ", "c"):
                yield word
                await asyncio.sleep(0.03)

        async with agent:
            await agent.stream("cht_1", parts())
        shown = [frame["payload"] for frame in server.received("chat:part")]
        assert "".join(part["text"] for part in shown) == "a b c"
        (whole,) = server.received("chat:message")
        assert whole["payload"]["text"] == "a b c"
        assert {part["stream"] for part in shown} == {whole["payload"]["stream"]}


async def test_nobody_listens_and_nothing_breaks() -> None:
    async with FakeServer() as server, Agent(server.url, server.api_key) as agent:
        await server.tell("anybody?")
        assert await agent.say("cht_1", "here") == 2


def test_text_is_cut_between_characters() -> None:
    assert split("") == []
    assert split("abc", 2) == ["ab", "c"]
    assert split("ééé", 3) == ["é", "é", "é"]
    assert split("a" * 5, 5) == ["aaaaa"]
