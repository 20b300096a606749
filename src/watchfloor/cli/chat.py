"""`watchfloor chat …`: talk with an agent, line by line or with one message (spec 2.6)."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

from cyclopts import App

from watchfloor.cli.client import Client
from watchfloor.cli.output import Failure, Limit, block, instant, show, table, visible

app = App(name="chat", help="Talk with an agent; search what was said.")


@app.command(name="with")
def with_(
    agent: str, *, message: str = "", title: str = "", chat: str = "", wait_s: int = 60, json: bool = False
) -> None:
    """Talk with AGENT (its id): a new chat, or --chat to go on with one. Ends with Ctrl-D or an empty line.

    With --message, say that one thing and print the answer, which is waited for at most --wait-s seconds.
    """
    client = Client()
    if not chat:
        chat = client.post("/api/v1/chat/sessions", {"agent_id": agent, "title": title})["chat_id"]
    if message:
        number = _say(client, chat, message)
        answer = next(_answers(client, chat, number, wait_s), None)
        if answer is None:
            raise Failure(
                f"{chat}: no answer within {wait_s} s; it is waited for: watchfloor chat show {chat}"
            )
        show({"chat_id": chat, **answer}, json=json, text=block(answer["text"] or "(erased)"))
        return
    sys.stderr.write(f"{chat}. An empty line ends it.\n")
    while text := _line():
        number = _say(client, chat, text)
        for answer in _answers(client, chat, number, wait_s):
            sys.stdout.write(f"{visible(answer['author']['name'])}: {block(answer['text'] or '(erased)')}\n")
            sys.stdout.flush()
            break
        else:
            sys.stderr.write(f"(no answer within {wait_s} s)\n")


def _line() -> str:
    sys.stderr.write("> ")
    sys.stderr.flush()
    return sys.stdin.readline().strip()


def _say(client: Client, chat: str, text: str) -> int:
    return int(client.post(f"/api/v1/chat/sessions/{chat}/messages", {"text": text})["number"])


def _answers(client: Client, chat: str, after: int, wait_s: int) -> Iterator[dict[str, Any]]:
    """What the agent says after a message, as it comes."""
    for kind, item in client.events(f"/api/v1/chat/sessions/{chat}/stream", wait_s, after=after):
        if kind == "message" and item["author"]["kind"] == "agent":
            yield item


@app.command(name="list")
def list_(*, agent: str = "", limit: Limit = 50, json: bool = False) -> None:
    """List chats, newest first."""
    items = Client().pages("/api/v1/chat/sessions", limit, agent=agent)
    rows = [
        {**item, "state": "closed" if item["closed_at"] else "open", "at": instant(item["changed_at"])}
        for item in items
    ]
    columns = [
        ("chat_id", "CHAT"),
        ("agent_name", "AGENT"),
        ("state", "STATE"),
        ("messages", "MESSAGES"),
        ("title", "TITLE"),
        ("at", "NEWEST (UTC)"),
    ]
    show(items, json=json, text=table(rows, columns, "There are no chats."))


def show_(chat: str, *, after: int = 0, json: bool = False) -> None:
    """Print a chat from its beginning, or --after a message number."""
    items = conversation(Client(), f"/api/v1/chat/sessions/{chat}/messages", after)
    show(items, json=json, text=spoken(items))


app.command(show_, name="show")


@app.command
def close(chat: str, *, reason: str = "", json: bool = False) -> None:
    """Close a chat; the agent is told."""
    answer = Client().post(f"/api/v1/chat/sessions/{chat}/close", {"reason": reason})
    show(answer, json=json, text=f"{chat} is closed")


@app.command
def task(
    chat: str, number: int, *, title: str = "", needs: list[str] | None = None, json: bool = False
) -> None:
    """Make a task of message NUMBER of a chat."""
    body = {"title": title, "needs": needs or []}
    answer = Client().post(f"/api/v1/chat/sessions/{chat}/messages/{number}/task", body)
    show(answer, json=json, text=str(answer["task_id"]))


@app.command
def search(words: str, *, agent: str = "", limit: Limit = 20, json: bool = False) -> None:
    """Find messages that hold every word, newest first. What was erased is not found."""
    items = Client().pages("/api/v1/chat/search", limit, q=words, agent=agent)
    lines = [
        f"{found['chat_id']} {found['message']['number']}  {visible(found['message']['author']['name'])}:"
        f" {visible(found['message']['text'])}"
        for found in items
    ]
    show(items, json=json, text="\n".join(lines) or "Nothing was found.")


def conversation(client: Client, path: str, after: int) -> list[dict[str, Any]]:
    """Every message after a number."""
    items: list[dict[str, Any]] = []
    while True:
        page = client.get(path, after=after, limit=200)
        items += page["items"]
        if not page["next"]:
            return items
        after = page["next"]


def spoken(items: list[dict[str, Any]]) -> str:
    """Messages for people: control and direction characters are shown, never obeyed (fault I2)."""
    lines = []
    for item in items:
        text = "(erased)" if item["text"] is None else block(item["text"])
        who = item["author"]["name"] or item["author"]["id"]
        lines.append(f"{item['number']:>4}  {instant(item['at'])}  {visible(who)}: {text}")
    return "\n".join(lines) or "Nothing was said."
