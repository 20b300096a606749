"""An agent written with the SDK talks with people at the command line, and with other agents (spec 2.6, 8)."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.conversations.floor import Floor, floor

from watchfloor.cli import channel as channel_command
from watchfloor.cli import chat as chat_command
from watchfloor.cli.client import Client, Profile
from watchfloor.cli.output import Failure
from watchfloor_agent import Agent, ConfigurationError, Message, Refused


def agent_of(there: Floor, key: str) -> Agent:
    return Agent(there.url.replace("http", "ws") + "/ws", key, reconnect_ms=(50, 200))


def at_the_terminal(there: Floor, who: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands run for this person, with one client that is closed in the end."""
    client = Client(Profile(there.url, who.headers["authorization"].removeprefix("Bearer ")))
    there.at_end.append(client._http.close)
    for module in (chat_command, channel_command):
        monkeypatch.setattr(module, "Client", lambda: client)


def printed(capsys: pytest.CaptureFixture[str]) -> str:
    """What the command printed, without what the server in the same process logs."""
    lines = capsys.readouterr().out.splitlines(keepends=True)
    return "".join(line for line in lines if not re.match(r"\d{4}-\d\d-\d\d .* \[", line))


async def test_a_person_at_the_command_line_gets_a_streamed_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with floor(tmp_path) as there:
        ada = await there.person("ada")
        at_the_terminal(there, ada, monkeypatch)
        public, key = await there.agent("scribe")
        scribe = agent_of(there, key)

        @scribe.on_chat
        async def talk(message: Message) -> AsyncIterator[str]:
            assert message.sender.name == "ada"
            assert not message.untrusted
            yield "You said: "
            yield message.text

        with pytest.raises(ConfigurationError):
            scribe.on_chat(talk)
        async with scribe:
            await asyncio.to_thread(
                chat_command.with_, public, message="hi \x1b[31m\u202e", wait_s=10, json=True
            )
            said = json.loads(printed(capsys))
            assert said["text"] == "You said: hi \x1b[31m\u202e"
            assert said["stream"].startswith("str_")
            chat = said["chat_id"]
            await asyncio.to_thread(chat_command.show_, chat)
            shown = printed(capsys)
            assert "\x1b" not in shown
            assert "\u202e" not in shown
            assert "You said: hi \\u001b[31m\\u202e" in shown
            await asyncio.to_thread(chat_command.search, "you SAID")
            assert f"{chat} 2  scribe: You said" in printed(capsys)
            await asyncio.to_thread(chat_command.task, chat, 1, title="Do it", needs=["work"])
            assert printed(capsys).startswith("tsk_")
            await asyncio.to_thread(chat_command.list_)
            assert chat in printed(capsys)
            await asyncio.to_thread(chat_command.close, chat)
            with pytest.raises(Failure, match="chat_closed"):
                await asyncio.to_thread(chat_command.with_, public, chat=chat, message="more")


async def test_nobody_answers_and_the_command_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with floor(tmp_path) as there:
        ada = await there.person("ada")
        at_the_terminal(there, ada, monkeypatch)
        public, _ = await there.agent("away")
        with pytest.raises(Failure, match="no answer within 1 s"):
            await asyncio.to_thread(chat_command.with_, public, message="hello?", wait_s=1)


async def test_two_agents_talk_and_a_channel_carries_what_is_posted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    async with floor(tmp_path) as there:
        ada = await there.person("ada")
        at_the_terminal(there, ada, monkeypatch)
        one_id, one_key = await there.agent("one")
        two_id, two_key = await there.agent("two")
        one, two = agent_of(there, one_key), agent_of(there, two_key)
        heard: asyncio.Queue[tuple[str, Message]] = asyncio.Queue()

        @one.on_message
        def at_one(message: Message) -> None:
            asyncio.run_coroutine_threadsafe(heard.put(("one", message)), loop)

        @two.on_message
        async def at_two(message: Message) -> str | None:
            await heard.put(("two", message))
            return "heard you" if not message.channel else None

        loop = asyncio.get_running_loop()
        async with one, two, asyncio.timeout(20):
            assert await one.send_message(two_id, "ready?") == 1
            who, message = await heard.get()
            assert (who, message.text, message.sender.id, message.untrusted) == (
                "two",
                "ready?",
                one_id,
                True,
            )
            who, message = await heard.get()
            assert (who, message.text, message.sender.name) == ("one", "heard you", "two")
            assert await one.join("builds") == 0
            with pytest.raises(Refused, match="not_a_member"):
                await two.post("builds", "x")
            await two.join("builds")
            assert await one.post("builds", "green") == 1
            who, message = await heard.get()
            assert (who, message.channel, message.number, message.text) == ("two", "builds", 1, "green")
            assert await message.reply("good") == 2
            assert [m.text for m in await one.history("builds", after=1)] == ["good"]
            await asyncio.to_thread(channel_command.post, "builds", "from a person")
            while (await heard.get())[1].number != 3:
                pass
            await two.leave("builds")
            printed(capsys)
            await asyncio.to_thread(channel_command.show_, "builds")
            shown = printed(capsys)
            assert [line.split(": ")[-1] for line in shown.splitlines()] == ["green", "good", "from a person"]
            await asyncio.to_thread(channel_command.list_, json=True)
            listed: list[dict[str, Any]] = json.loads(printed(capsys))
            assert [(c["name"], c["members"], c["messages"]) for c in listed] == [("builds", 1, 3)]


async def test_an_agent_that_begins_anew_is_not_told_what_it_has_heard(tmp_path: Path) -> None:
    async with floor(tmp_path) as there:
        _, one_key = await there.agent("one")
        two_id, two_key = await there.agent("two")
        heard: asyncio.Queue[str] = asyncio.Queue()

        def program() -> Agent:
            agent = agent_of(there, two_key)
            agent.on_message(lambda message: heard.put_nowait(message.text))
            return agent

        async with agent_of(there, one_key) as one, asyncio.timeout(20):
            async with program():
                await one.send_message(two_id, "first")
                assert await heard.get() == "first"
                await asyncio.sleep(1.2)  # the acknowledgement is sent within half a second
            await one.send_message(two_id, "second")
            async with program():
                assert await heard.get() == "second"


async def test_what_is_longer_than_a_message_is_streamed_as_several(tmp_path: Path) -> None:
    async with floor(tmp_path) as there:
        ada = await there.person("ada")
        public, key = await there.agent("scribe")
        chat = (await ada.post("/api/v1/chat/sessions", json={"agent_id": public})).json()["chat_id"]

        async def parts() -> AsyncIterator[str]:
            for _ in range(5):
                yield "é" * 3_000

        async with agent_of(there, key) as scribe:
            assert await scribe.stream(chat, parts()) == 2
        page = (await ada.get(f"/api/v1/chat/sessions/{chat}/messages")).json()["items"]
        assert "".join(item["text"] for item in page) == "é" * 15_000
        assert len({item["stream"] for item in page}) == 1
