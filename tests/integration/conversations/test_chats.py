"""Chats through the running server: a person by REST and SSE, an agent by its socket (spec 2.6)."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from tests.integration.conversations.floor import floor


async def test_what_a_person_says_reaches_the_agent_and_its_answer_comes_back(tmp_path: Path) -> None:
    async with floor(tmp_path) as there:
        ada = await there.person("ada")
        agent, key = await there.agent("scribe")
        opened = await ada.post("/api/v1/chat/sessions", json={"agent_id": agent, "title": "What is left?"})
        assert opened.status_code == 201, opened.text
        chat = opened.json()["chat_id"]
        async with there.voice(key) as scribe:
            said = await ada.post(f"/api/v1/chat/sessions/{chat}/messages", json={"text": "Hello, scribe."})
            assert said.status_code == 201, said.text
            assert said.json()["number"] == 1
            heard = await scribe.hear("chat:message")
            assert heard["seq"] == said.json()["seq"]
            told = heard["payload"]
            assert (told["chat_id"], told["number"], told["text"]) == (chat, 1, "Hello, scribe.")
            assert told["sender"]["kind"] == "person"
            assert told["sender"]["name"] == "ada"
            answer = await scribe.ask("chat:message", {"chat_id": chat, "text": "Nothing is left."})
            assert answer["type"] == "chat:recorded", answer
            assert answer["payload"]["number"] == 2
        page = await ada.get(
            f"/api/v1/chat/sessions/{chat}/messages", params={"min_seq": answer["payload"]["seq"]}
        )
        assert page.status_code == 200, page.text
        items = page.json()["items"]
        assert [(i["number"], i["text"], i["untrusted"]) for i in items] == [
            (1, "Hello, scribe.", False),
            (2, "Nothing is left.", True),
        ]
        assert items[1]["author"] == {"kind": "agent", "id": agent, "name": "scribe"}
        after = await ada.get(f"/api/v1/chat/sessions/{chat}/messages", params={"after": 1})
        assert [i["number"] for i in after.json()["items"]] == [2]


async def following(client: httpx2.AsyncClient, chat: str, after: int) -> AsyncIterator[tuple[str, Any]]:
    """(event, data) of a chat's stream."""
    async with client.stream(
        "GET", f"/api/v1/chat/sessions/{chat}/stream", params={"after": after}, timeout=20
    ) as answer:
        assert answer.status_code == 200
        kind = "message"
        async for line in answer.aiter_lines():
            if line.startswith("event: "):
                kind = line.removeprefix("event: ")
            elif line.startswith("data: "):
                yield kind, json.loads(line.removeprefix("data: "))


async def test_a_client_that_names_the_last_number_it_has_misses_nothing(tmp_path: Path) -> None:
    """Spec 2.6: also what was said while it was away, and the answer as the agent makes it."""
    async with floor(tmp_path) as there:
        ada = await there.person("ada")
        agent, key = await there.agent("scribe")
        chat = await open_chat(ada, agent)
        for text in ("one", "two", "three"):
            await tell(ada, chat, text)
        async with asyncio.timeout(20), there.voice(key) as scribe:
            events = following(ada, chat, after=1)
            heard = [await anext(events), await anext(events)]
            assert [(kind, item["number"], item["text"]) for kind, item in heard] == [
                ("message", 2, "two"),
                ("message", 3, "three"),
            ]
            for said in ("Here ", "it ", "is."):
                await scribe.say("chat:part", {"chat_id": chat, "stream": "s1", "text": said})
            parts = ""
            while parts != "Here it is.":
                kind, part = await anext(events)
                assert kind == "part"
                assert part["stream"] == "s1"
                parts += part["text"]
            head = there.engine.head(there.org)
            await scribe.ask("chat:message", {"chat_id": chat, "text": "Here it is.", "stream": "s1"})
            assert there.engine.head(there.org) == head + 1, "parts are no events"
            kind, item = await anext(events)
            assert (kind, item["number"], item["stream"]) == ("message", 4, "s1")
            await ada.post(f"/api/v1/chat/sessions/{chat}/close", json={"reason": "settled"})
            assert (await anext(events))[0] == "closed"


async def test_an_agent_that_was_away_hears_once_what_it_has_not_answered(tmp_path: Path) -> None:
    async with floor(tmp_path) as there:
        ada = await there.person("ada")
        agent, key = await there.agent("scribe")
        chat = await open_chat(ada, agent)
        await tell(ada, chat, "first")
        async with there.voice(key) as scribe:
            assert (await scribe.hear("chat:message"))["payload"]["number"] == 1
            await scribe.ask("chat:message", {"chat_id": chat, "text": "answered"})
        await tell(ada, chat, "second")
        async with there.voice(key) as scribe:
            pushes = [f for f in await scribe.quiet() if f["type"] == "chat:message"]
            assert [f["payload"]["number"] for f in pushes] == [3], "the answered one is not said again"
            await scribe.say("heartbeat", {"seq": pushes[0]["seq"]})
            await scribe.ask("channel:join", {"channel": "any"})  # a round trip: the heartbeat was read
        async with there.voice(key) as scribe:
            assert [f for f in await scribe.quiet() if f["type"] == "chat:message"] == []


async def test_a_repeated_frame_is_one_message(tmp_path: Path) -> None:
    """DESIGN 2b.5: the same id and body get the first answer, and nothing is said twice."""
    async with floor(tmp_path) as there:
        ada = await there.person("ada")
        agent, key = await there.agent("scribe")
        chat = await open_chat(ada, agent)
        async with there.voice(key) as scribe:
            first = await scribe.ask("chat:message", {"chat_id": chat, "text": "once"}, number=7)
            again = await scribe.ask("chat:message", {"chat_id": chat, "text": "once"}, number=7)
            assert first == again
        repeated = {"idempotency-key": "k1"}
        one = await ada.post(
            f"/api/v1/chat/sessions/{chat}/messages", json={"text": "and once"}, headers=repeated
        )
        two = await ada.post(
            f"/api/v1/chat/sessions/{chat}/messages", json={"text": "and once"}, headers=repeated
        )
        assert one.json() == two.json()
        assert [i["text"] for i in await messages(ada, chat, one.json()["seq"])] == ["once", "and once"]


async def test_what_was_erased_is_gone_from_pages_search_and_pushes(tmp_path: Path) -> None:
    """DESIGN 2b.1: redaction covers memory, views and search at once."""
    async with floor(tmp_path) as there:
        ada = await there.person("ada", "admin")
        agent, key = await there.agent("scribe")
        chat = await open_chat(ada, agent)
        said = await tell(ada, chat, "the password is Canary-77 hunter2")
        await tell(ada, chat, "never mind")
        find = {"q": "canary-77", "min_seq": said["seq"] + 1}
        found = (await ada.get("/api/v1/chat/search", params=find)).json()
        assert [(f["chat_id"], f["message"]["number"]) for f in found["items"]] == [(chat, 1)]
        erased = await ada.post(
            f"/api/v1/ledger/events/{said['seq']}/redact", json={"reason": "a secret was pasted"}
        )
        assert erased.status_code == 200, erased.text
        gone = (await ada.get("/api/v1/chat/search", params={"q": "canary-77"})).json()
        assert gone["items"] == []
        assert [i["text"] for i in await messages(ada, chat, 0)] == [None, "never mind"]
        task = await ada.post(f"/api/v1/chat/sessions/{chat}/messages/1/task", json={})
        assert (task.status_code, task.json()["code"]) == (410, "redacted")
        async with there.voice(key) as scribe:
            told = (await scribe.hear("chat:message"))["payload"]
            assert (told["text"], told["redacted"]) == ("", True)
        for name in ("views.db", "views.db-wal"):
            assert b"Canary-77" not in await asyncio.to_thread((tmp_path / "data" / name).read_bytes)


async def test_a_message_becomes_a_task_whose_story_begins_with_it(tmp_path: Path) -> None:
    async with floor(tmp_path) as there:
        ada = await there.person("ada")
        agent, _ = await there.agent("scribe")
        chat = await open_chat(ada, agent)
        await tell(ada, chat, "Mend the build.\nIt fails on main.")
        made = await ada.post(
            f"/api/v1/chat/sessions/{chat}/messages/1/task", json={"needs": ["work"], "agent_id": agent}
        )
        assert made.status_code == 201, made.text
        task = made.json()["task_id"]
        detail = (await ada.get(f"/api/v1/tasks/{task}", params={"min_seq": made.json()["seq"]})).json()
        assert detail["task"]["title"] == "Mend the build."
        assert detail["description"] == "Mend the build.\nIt fails on main."
        assert detail["metadata"] == {"chat_id": chat, "message": 1}
        assert "Made from message 1 of a chat." in [line["sentence"] for line in detail["timeline"]]
        assert (await messages(ada, chat, made.json()["seq"]))[0]["task_id"] == task
        none = await ada.post(f"/api/v1/chat/sessions/{chat}/messages/9/task", json={})
        assert none.status_code == 404


@pytest.mark.parametrize(
    ("text", "status", "code"),
    [
        ("", 422, "invalid_fields"),
        ("   \n", 422, "empty_message"),
        ("x" * 16_385, 422, "invalid_fields"),
        ("é" * 8_193, 413, "too_large"),
    ],
)
async def test_what_cannot_be_said_is_refused(tmp_path: Path, text: str, status: int, code: str) -> None:
    async with floor(tmp_path) as there:
        ada = await there.person("ada")
        agent, _ = await there.agent("scribe")
        chat = await open_chat(ada, agent)
        said = await ada.post(f"/api/v1/chat/sessions/{chat}/messages", json={"text": text})
        assert said.status_code == status, said.text
        assert said.json()["code"] == code


async def test_a_chat_is_its_own_agents_and_its_own_organisations(tmp_path: Path) -> None:
    """Faults G13 and S8: to everybody else it does not exist."""
    async with floor(tmp_path) as there:
        ada = await there.person("ada")
        agent, key = await there.agent("scribe")
        _, other_key = await there.agent("other")
        chat = await open_chat(ada, agent)
        await tell(ada, chat, "between us")
        async with there.voice(other_key) as other:
            answer = await other.ask("chat:message", {"chat_id": chat, "text": "let me in"})
            assert answer["payload"]["code"] == "not_found"
            await other.say("chat:part", {"chat_id": chat, "stream": "s", "text": "x"})
        assert (await there.client(other_key).get(f"/api/v1/chat/sessions/{chat}")).status_code == 404
        assert (await there.client(key).get(f"/api/v1/chat/sessions/{chat}")).status_code == 200
        second = await there.server.backbone.found("Elsewhere")
        eve = await there.person("eve", "admin", org=second)
        for path in ("", "/messages", "/stream"):
            assert (await eve.get(f"/api/v1/chat/sessions/{chat}{path}")).status_code == 404
        assert (await eve.get("/api/v1/chat/search", params={"q": "between"})).json()["items"] == []


async def test_a_closed_chat_and_a_retired_agent_are_told_nothing(tmp_path: Path) -> None:
    async with floor(tmp_path) as there:
        ada = await there.person("ada", "supervisor")
        agent, key = await there.agent("scribe")
        chat = await open_chat(ada, agent)
        async with there.voice(key) as scribe:
            await ada.post(f"/api/v1/chat/sessions/{chat}/close", json={})
            assert (await scribe.hear("chat:closed"))["payload"]["chat_id"] == chat
            late = await scribe.ask("chat:message", {"chat_id": chat, "text": "but"})
            assert late["payload"]["code"] == "chat_closed"
        said = await ada.post(f"/api/v1/chat/sessions/{chat}/messages", json={"text": "hello?"})
        assert said.json()["code"] == "chat_closed"
        open_one = await open_chat(ada, agent)
        await ada.post(f"/api/v1/agents/{agent}/retire", json={"reason": "done"})
        said = await ada.post(f"/api/v1/chat/sessions/{open_one}/messages", json={"text": "hello?"})
        assert said.json()["code"] == "agent_retired"
        refused = await ada.post("/api/v1/chat/sessions", json={"agent_id": agent})
        assert refused.json()["code"] == "agent_retired"


async def open_chat(client: httpx2.AsyncClient, agent: str) -> str:
    opened = await client.post("/api/v1/chat/sessions", json={"agent_id": agent})
    assert opened.status_code == 201, opened.text
    return str(opened.json()["chat_id"])


async def tell(client: httpx2.AsyncClient, chat: str, text: str) -> dict[str, Any]:
    said = await client.post(f"/api/v1/chat/sessions/{chat}/messages", json={"text": text})
    assert said.status_code == 201, said.text
    answer: dict[str, Any] = said.json()
    return answer


async def messages(client: httpx2.AsyncClient, chat: str, min_seq: int) -> list[dict[str, Any]]:
    page = await client.get(f"/api/v1/chat/sessions/{chat}/messages", params={"min_seq": min_seq})
    assert page.status_code == 200, page.text
    items: list[dict[str, Any]] = page.json()["items"]
    return items


async def test_the_ledger_keeps_no_digest_of_the_words(tmp_path: Path) -> None:
    """Decision 29: an unsalted digest of a short text would betray it after it was erased."""
    async with floor(tmp_path) as there:
        ada = await there.person("ada")
        agent, key = await there.agent("scribe")
        chat = await open_chat(ada, agent)
        async with there.voice(key) as scribe:
            yes = await scribe.ask("chat:message", {"chat_id": chat, "text": "yes"})
            noo = await scribe.ask("chat:message", {"chat_id": chat, "text": "noo"})
        bodies = []
        for answer in (yes, noo):
            event = there.engine.event(there.org, answer["payload"]["seq"])
            assert event is not None
            bodies.append(event.body)
        assert bodies[0] == bodies[1]
        counted = (await ada.get("/metrics")).text
        assert 'conversation_messages_total{author="agent",kind="chat"} 2.0' in counted


async def test_no_input_makes_the_server_stumble(tmp_path: Path) -> None:
    """Faults I2, J, L2: whatever is in a frame, the answer is a frame, and the session lives."""
    async with floor(tmp_path) as there:
        ada = await there.person("ada")
        agent, key = await there.agent("scribe")
        chat = await open_chat(ada, agent)
        texts: tuple[Any, ...] = (
            "\x00\x1b[2J\u202e\u2066",
            "\n" * 10_000,
            "sk_live_canary_4242",
            "\ud800",
            "é" * 16_000,
            "x" * 20_000,
            "",
            7,
            None,
            ["x"],
        )
        async with there.voice(key) as scribe:
            for text in texts:
                for kind, more in (
                    ("chat:message", {"chat_id": chat}),
                    ("message:send", {"to": agent}),
                    ("channel:post", {"channel": "nowhere"}),
                ):
                    if isinstance(text, str) and text not in ("", "x" * 20_000, "\ud800"):
                        answer = await scribe.ask(kind, {**more, "text": text})
                        assert answer["type"] in ("chat:recorded", "error"), answer
                        assert "canary" not in json.dumps(answer)
        page = await ada.get(f"/api/v1/chat/sessions/{chat}/messages")
        assert [item["text"] for item in page.json()["items"]] == [
            "\x00\x1b[2J\u202e\u2066",
            "sk_live_canary_4242",
        ]
        async with there.voice(key) as scribe:
            for text in ("", "x" * 20_000, 7, None, ["x"]):
                answer = await scribe.ask("chat:message", {"chat_id": chat, "text": text})
                assert (answer["type"], answer["payload"]["field"]) == ("error", "/payload/text")
        assert "canary" not in (await ada.get("/metrics")).text
