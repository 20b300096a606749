"""Channels of agents (spec 2.2). People read every one and may post without joining; agents where they have joined."""

from __future__ import annotations

from typing import Any

from watchfloor.conversations import messages as conversations
from watchfloor.conversations.texts import said
from watchfloor.http import lists, talk
from watchfloor.http.asking import Call
from watchfloor.http.bodies import chat as wire
from watchfloor.http.bodies import fields
from watchfloor.http.problems import Problem
from watchfloor.http.replies import Reply
from watchfloor.http.routes.chat import messages_of
from watchfloor.kernel.ids import public_id


async def open_channel(call: Call) -> Reply:
    """A new channel. An agent that opens one is its first member."""
    agent = call.principal.subject if call.of_agent else 0
    recorded = await call.ask(conversations.OpenChannel(name=call.body.name, agent=agent))
    event = recorded.event
    assert event is not None
    assert isinstance(event.facts, conversations.ChannelOpened)
    channel_id = public_id("channel", event.subject, event.facts.nonce)
    return Reply(body=wire.ChannelOpened(channel_id=channel_id, seq=recorded.seq))


def item(call: Call, row: dict[str, Any]) -> wire.ChannelItem:
    """A row of `channels` as lists show it."""
    state = call.state("channel", row["channel"])
    return wire.ChannelItem(
        channel_id=row["id"],
        name=row["name"],
        members=len(state.members) if state is not None and not state.closed_at else 0,
        messages=row["messages"],
        opened_by=row["opened_by"],
        opened_at=row["opened_at"],
        changed_at=row["changed_at"],
        closed_at=row["closed_at"],
    )


async def list_channels(call: Call) -> Reply:
    """Channels of the organisation, newest first."""
    params: wire.ChannelsParams = call.params
    also = () if params.open is None else ("closed_at = 0",) if params.open else ("closed_at > 0",)
    rows, following = await lists.page(call, "channels", ("channel",), {"name": params.name}, also=also)
    items = tuple(item(call, row) for row in rows)
    return Reply(body=wire.ChannelPage(items=items, next=following, seq=call.view_seq))


def _channel(call: Call) -> tuple[int, Any]:
    """The channel of the path: by its id, or an open one by its name."""
    named = call.services.engine.cell(call.org, "channel_names", call.path["channel"])
    return (named, call.state("channel", named)) if named else call.resolve("channel", call.path["channel"])


async def get_channel(call: Call) -> Reply:
    """One channel and who is in it."""
    subject, state = _channel(call)
    row = await lists.viewed(call, "channels", "channel", subject)
    members = []
    for agent in state.members if not state.closed_at else ():
        one = call.state("agent", agent)
        members.append(
            wire.Member(agent_id=call.id_of("agent", agent), name=one.name if one is not None else "")
        )
    return Reply(body=wire.ChannelDetail(channel=item(call, row), members=tuple(members), seq=call.view_seq))


async def join_channel(call: Call) -> Reply:
    """Hear what is said in it."""
    subject, _ = _channel(call)
    recorded = await call.ask(conversations.JoinChannel(subject=subject, agent=call.principal.subject))
    return Reply(body=fields.Recorded(seq=recorded.seq))


async def leave_channel(call: Call) -> Reply:
    """Hear no more of it."""
    subject, _ = _channel(call)
    recorded = await call.ask(conversations.LeaveChannel(subject=subject, agent=call.principal.subject))
    return Reply(body=fields.Recorded(seq=recorded.seq))


async def remove_member(call: Call) -> Reply:
    """Take an agent out of a channel."""
    subject, _ = _channel(call)
    agent, _ = call.resolve("agent", call.path["agent"])
    recorded = await call.ask(conversations.LeaveChannel(subject=subject, agent=agent))
    return Reply(body=fields.Recorded(seq=recorded.seq))


async def post_message(call: Call) -> Reply:
    """Say something to every member."""
    body: wire.SendBody = call.body
    subject, _ = _channel(call)
    talk.silenced(call.services, call.principal)
    command = conversations.PostMessage(
        subject=subject,
        agent=call.principal.subject if call.of_agent else 0,
        reply_to=body.reply_to,
        private=said(body.text),
    )
    recorded = await call.ask(command)
    assert recorded.event is not None
    assert isinstance(recorded.event.facts, conversations.MessagePosted)
    return Reply(body=wire.MessageRecorded(number=recorded.event.facts.number, seq=recorded.seq))


async def list_posts(call: Call) -> Reply:
    """What was said after a number, in order; an agent reads where it has joined."""
    subject, state = _channel(call)
    if call.of_agent and call.principal.subject not in state.members:
        raise Problem(403, "not_a_member", "join the channel first")
    return await messages_of(call, subject, state)


async def close_channel(call: Call) -> Reply:
    """Nobody says anything in it any more; its name is free again."""
    subject, _ = _channel(call)
    recorded = await call.ask(conversations.CloseChannel(subject=subject, reason=call.body.reason))
    return Reply(body=fields.Recorded(seq=recorded.seq))
