"""Chats of people with agents (spec 2.6). What agents say comes by the agent protocol's `chat:message` or by REST."""

from __future__ import annotations

import asyncio
from typing import Any

from watchfloor.conversations import messages as conversations
from watchfloor.conversations.texts import said, titled
from watchfloor.engine.views import ViewBehind
from watchfloor.http import lists, replies, searching, talk
from watchfloor.http.asking import Call, encoded
from watchfloor.http.bodies import chat as wire
from watchfloor.http.bodies import fields
from watchfloor.http.bodies.tasks import TaskSubmitted
from watchfloor.http.problems import Problem
from watchfloor.http.replies import Reply
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.limits import NAME_CHARS_MAX
from watchfloor.kernel.messages import Command
from watchfloor.work import messages as work


async def open_chat(call: Call) -> Reply:
    """Begin to talk with an agent."""
    body: wire.OpenChatBody = call.body
    agent, _ = call.resolve("agent", body.agent_id)
    recorded = await call.ask(conversations.OpenChat(agent=agent, private=titled(body.title)))
    event = recorded.event
    assert event is not None
    assert isinstance(event.facts, conversations.ChatOpened)
    chat_id = public_id("chat", event.subject, event.facts.nonce)
    return Reply(body=wire.ChatOpened(chat_id=chat_id, seq=recorded.seq))


def item(call: Call, row: dict[str, Any], private: dict[str, Any]) -> wire.ChatItem:
    """A row of `chats` as lists show it."""
    agent = call.state("agent", row["agent"])
    return wire.ChatItem(
        chat_id=row["id"],
        agent_id=call.id_of("agent", row["agent"]),
        agent_name=agent.name if agent is not None else "",
        title=private.get("title", ""),
        opened_by=row["opened_by"],
        opened_at=row["opened_at"],
        changed_at=row["changed_at"],
        closed_at=row["closed_at"],
        messages=row["messages"],
    )


async def list_chats(call: Call) -> Reply:
    """Chats, newest first. An agent sees its own."""
    params: wire.ChatsParams = call.params
    agent = call.resolve("agent", params.agent)[0] if params.agent else None
    if call.of_agent:
        agent = call.principal.subject
    also = () if params.open is None else ("closed_at = 0",) if params.open else ("closed_at > 0",)
    rows, following = await lists.page(call, "chats", ("chat",), {"agent": agent}, also=also)
    privates = await call.privates(row["chat"] for row in rows)
    items = tuple(item(call, row, privates.get(row["chat"], {})) for row in rows)
    return Reply(body=wire.ChatPage(items=items, next=following, seq=call.view_seq))


def _chat(call: Call) -> tuple[int, Any]:
    """The chat of the path; an agent's only if it is its own."""
    subject, state = call.resolve("chat", call.path["chat"])
    call.own_only(state.agent, "chat")
    return subject, state


async def get_chat(call: Call) -> Reply:
    """One chat."""
    subject, _ = _chat(call)
    row = await lists.viewed(call, "chats", "chat", subject)
    privates = await call.privates([subject])
    return Reply(body=wire.ChatDetail(chat=item(call, row, privates.get(subject, {})), seq=call.view_seq))


async def close_chat(call: Call) -> Reply:
    """Nothing more is said in it; the agent is told."""
    subject, _ = _chat(call)
    recorded = await call.ask(conversations.CloseChat(subject=subject, reason=call.body.reason))
    return Reply(body=fields.Recorded(seq=recorded.seq))


async def say(call: Call) -> Reply:
    """Say something: a person to the agent, the agent to people. It gets the next number of the chat."""
    subject, _ = _chat(call)
    private = said(call.body.text)
    command: Command
    if call.of_agent:
        command = conversations.AnswerChat(subject=subject, agent=call.principal.subject, private=private)
    else:
        command = conversations.TellAgent(subject=subject, private=private)
    recorded = await call.ask(command)
    assert recorded.event is not None
    facts = recorded.event.facts
    assert isinstance(facts, conversations.AgentTold | conversations.ChatAnswered)
    return Reply(body=wire.MessageRecorded(number=facts.number, seq=recorded.seq))


async def _shown(call: Call, state: Any) -> None:
    """Wait until the views show everything that was said in a conversation. Raises Problem 503 `view_behind`."""
    if state is not None:
        try:
            await call.services.views.wait(call.org, state.seq)
        except ViewBehind as behind:
            raise lists.view_behind(behind.visible) from None


async def messages_of(call: Call, conversation: int, state: Any) -> Reply:
    """One page of a conversation, in order, once the views show everything that was said in it."""
    params: wire.MessagesParams = call.params
    await _shown(call, state)
    last = state.number if state is not None else 0

    def read() -> tuple[list[dict[str, Any]], dict[int, str]]:
        rows = talk.read(call.services, call.org, conversation, params.after, params.limit + 1)
        return rows, talk.texts(call.services, call.org, rows[: params.limit])

    rows, told = await asyncio.to_thread(read)
    items = tuple(talk.shown(call.services, call.org, rows[: params.limit], told))
    following = items[-1].number if len(rows) > params.limit else None
    return Reply(body=wire.MessagePage(items=items, next=following, last=last, seq=call.view_seq))


async def list_chat_messages(call: Call) -> Reply:
    """Messages of a chat after a number, in order: a client that names the last one it has misses nothing."""
    subject, state = _chat(call)
    return await messages_of(call, subject, state)


async def follow_chat(call: Call) -> Reply:
    """A chat as server-sent events.

    `event: message` has the message's number as id: come back with Last-Event-ID, or `after`, and nothing is missed.
    `event: part` is text of an answer that is still being made, kept nowhere. `event: closed` ends it.
    """
    subject, _ = _chat(call)
    asked = call.headers.get("last-event-id", "")
    after = call.params.after
    if asked:
        if not asked.isascii() or not asked.isdigit() or len(asked) > 15:
            raise Problem(
                400, "invalid_last_event_id", "Last-Event-ID is the number of the last message seen"
            )
        after = int(asked)
    stream = call.services.chats.open(call.principal, subject, after)
    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return Reply(stream=stream, media_type=replies.EVENTS, headers=headers)


def _number(call: Call) -> int:
    """The number of the path. Raises Problem 404."""
    text = call.path["number"]
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise Problem(404, "not_found", "there is no such message")
    return int(text)


async def make_task(call: Call) -> Reply:
    """Make a task of a message: what was said is its description, and the chat remembers it.

    Repeating the request with the same Idempotency-Key gives the same task, and mends a link that was lost between.
    """
    subject, state = _chat(call)
    number = _number(call)
    body: wire.TaskOfMessageBody = call.body
    if not 1 <= number <= state.number:
        raise Problem(404, "not_found", "the chat has no such message")
    await _shown(call, state)
    rows = await asyncio.to_thread(talk.read, call.services, call.org, subject, number - 1, 1)
    told = await asyncio.to_thread(talk.texts, call.services, call.org, rows)
    if not rows:
        raise lists.view_behind(call.view_seq)
    text = told.get(rows[0]["seq"])
    if text is None:
        raise Problem(410, "redacted", "what was said has been erased")
    title = body.title or text.strip().splitlines()[0][:NAME_CHARS_MAX]
    private: dict[str, Any] = {
        "criteria": [],
        "description": text,
        "input": None,
        "metadata": {"chat_id": call.path["chat"], "message": number},
        "title": title,
    }
    agent = call.resolve("agent", body.agent_id)[0] if body.agent_id else 0
    submitted = await call.ask(
        work.SubmitTask(priority=body.priority, needs=body.needs, agent=agent, private=encoded(private))
    )
    event = submitted.event
    assert event is not None
    assert isinstance(event.facts, work.TaskSubmitted)
    link = conversations.LinkTask(subject=subject, number=number, task=event.subject)
    linked = await call.ask(link, keyed=False)
    task_id = public_id("task", event.subject, event.facts.nonce)
    return Reply(body=TaskSubmitted(task_id=task_id, seq=linked.seq))


async def search_chat(call: Call) -> Reply:
    """Messages of chats that hold every word, newest first. What was erased is never found."""
    params: wire.SearchParams = call.params
    agent = call.resolve("agent", params.agent)[0] if params.agent else None
    before = lists.read_cursor(params.cursor, 1)[0] if params.cursor else 0
    words = searching.words_of(params.q)
    result = await asyncio.to_thread(
        searching.search, call.services, call.org, words, agent, before, params.limit
    )
    items = talk.shown(call.services, call.org, result.rows, result.texts)
    found = tuple(
        wire.Found(
            chat_id=call.id_of("chat", row["conversation"]),
            agent_id=call.id_of("agent", row["agent"]),
            message=message,
        )
        for row, message in zip(result.rows, items, strict=True)
    )
    following = lists.cursor_of(result.before) if result.before else None
    return Reply(
        body=wire.FoundPage(items=found, looked_at=result.looked_at, next=following, seq=call.view_seq)
    )
