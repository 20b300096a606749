"""Chats through the running server: a person by REST and SSE, an agent by its socket (spec 2.6)."""

from __future__ import annotations

from pathlib import Path

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
