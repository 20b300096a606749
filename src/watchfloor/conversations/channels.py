"""Rules of channels: what is said to every agent that joined (spec 2.2 `channel:join/leave/post/history`).

Theory of operation
-------------------
A channel has a name that no other open channel of the organisation has (evidence), and at most 100 members, all of them
agents; people read every channel and may post in it without joining. Every message gets the next number of the
channel and is delivered to the members of that moment but the one who said it. Agents post only where they have
joined. A quarantined agent stays a member, so that it goes on when it is released, and neither joins nor posts
meanwhile. An agent that is retired leaves all its channels in the same batch (processes/departure.py).
"""

# ruff: noqa: ARG001 -- rules and folds have one signature each, whatever they look at

from __future__ import annotations

import re

import msgspec

from watchfloor.conversations.mailboxes import Speaker, check_speaker
from watchfloor.conversations.messages import (
    ChannelClosed,
    ChannelJoined,
    ChannelLeft,
    ChannelOpened,
    CloseChannel,
    JoinChannel,
    LeaveChannel,
    MessagePosted,
    OpenChannel,
    PostMessage,
)
from watchfloor.conversations.texts import check_private
from watchfloor.kernel.folds import Changes, first, once
from watchfloor.kernel.ids import nonce_from
from watchfloor.kernel.limits import (
    CHANNEL_MEMBERS_MAX,
    CHANNEL_RECENT_MAX,
    CHANNELS_OPEN_MAX,
    CHANNELS_PER_AGENT_MAX,
)
from watchfloor.kernel.messages import Draft, Event, Refused
from watchfloor.kernel.schema import check_range, check_reason
from watchfloor.kernel.subject import Given, Subject

NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")


class ChannelEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """For opening: who has the name, how many channels are open. Of the agent: how many it is in, may it speak."""

    speaker: Speaker
    taken_by: int = 0
    open: int = 0
    joined: int = 0


class Channel(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One channel. `members` are agents; `recent` the seqs of its last 256 messages, the newest being `number`."""

    seq: int
    nonce: int
    name: str
    opened_at: int
    members: tuple[int, ...] = ()
    number: int = 0
    recent: tuple[int, ...] = ()
    closed_at: int = 0


# What is asked for --------------------------------------------------------------------------------------------------


def open_channel(state: Channel | None, command: OpenChannel, given: Given) -> list[Draft]:
    """Whoever asks first has it; another who wanted the same may simply join."""
    evidence: ChannelEvidence = given.evidence
    if NAME.fullmatch(command.name) is None:
        detail = "takes 1 to 64 of a-z 0-9 . _ - and begins with a letter or digit"
        raise Refused("invalid_name", detail, field="/channel", status=422)
    if evidence.taken_by:
        raise Refused(
            "channel_exists", "there is a channel of this name: join it", field="/channel", retryable=True
        )
    if evidence.open >= CHANNELS_OPEN_MAX:
        raise Refused("too_many_channels", f"at most {CHANNELS_OPEN_MAX} channels are open")
    if command.agent:
        check_room(evidence)
    facts = ChannelOpened(agent=command.agent, name=command.name, nonce=nonce_from(given.entropy))
    return [Draft(facts=facts)]


def check_room(evidence: ChannelEvidence) -> None:
    """Refused when the agent may not join one more."""
    check_speaker(evidence.speaker)
    if evidence.joined >= CHANNELS_PER_AGENT_MAX:
        raise Refused("too_many_channels", f"an agent is in at most {CHANNELS_PER_AGENT_MAX} channels")


def known(state: Channel | None) -> Channel:
    """The channel, or Refused `not_found`."""
    if state is None:
        raise Refused("not_found", "there is no such channel", field="/channel", status=404)
    return state


def opened_one(state: Channel | None) -> Channel:
    """The channel while it is open, or Refused `channel_closed`."""
    channel = known(state)
    if channel.closed_at:
        raise Refused("channel_closed", "the channel is closed")
    return channel


def join(state: Channel | None, command: JoinChannel, given: Given) -> list[Draft]:
    """Joining twice is no news."""
    channel = opened_one(state)
    if command.agent in channel.members:
        return []
    check_room(given.evidence)
    if len(channel.members) >= CHANNEL_MEMBERS_MAX:
        raise Refused("channel_full", f"a channel has at most {CHANNEL_MEMBERS_MAX} members")
    return [Draft(facts=ChannelJoined(agent=command.agent))]


def leave(state: Channel | None, command: LeaveChannel, given: Given) -> list[Draft]:
    """Leaving what one is not in is no news."""
    channel = known(state)
    return [Draft(facts=ChannelLeft(agent=command.agent))] if command.agent in channel.members else []


def post(state: Channel | None, command: PostMessage, given: Given) -> list[Draft]:
    """The next message; an agent that is no member is told only that."""
    evidence: ChannelEvidence = given.evidence
    channel = opened_one(state)
    if command.agent:
        if command.agent not in channel.members:
            raise Refused("not_a_member", "join the channel first", status=403)
        check_speaker(evidence.speaker)
    check_range(command.reply_to, "/reply_to", 0, channel.number)
    check_private(command.private)
    facts = MessagePosted(agent=command.agent, number=channel.number + 1, reply_to=command.reply_to)
    return [Draft(facts=facts, private=command.private)]


def close(state: Channel | None, command: CloseChannel, given: Given) -> list[Draft]:
    """Closing twice is no news."""
    channel = known(state)
    check_reason(command.reason)
    return [] if channel.closed_at else [Draft(facts=ChannelClosed(name=channel.name, reason=command.reason))]


# What happened ------------------------------------------------------------------------------------------------------


def opened(facts: ChannelOpened, event: Event) -> Channel:
    return Channel(
        seq=event.seq,
        nonce=facts.nonce,
        name=facts.name,
        opened_at=event.at,
        members=(facts.agent,) if facts.agent else (),
    )


def joined(channel: Channel, facts: ChannelJoined, event: Event) -> Changes:
    return {"members": (*(m for m in channel.members if m != facts.agent), facts.agent)}


def left(channel: Channel, facts: ChannelLeft, event: Event) -> Changes:
    return {"members": tuple(m for m in channel.members if m != facts.agent)}


def posted(channel: Channel, facts: MessagePosted, event: Event) -> Changes:
    return {"number": facts.number, "recent": (*channel.recent[1 - CHANNEL_RECENT_MAX :], event.seq)}


def closed(channel: Channel, facts: ChannelClosed, event: Event) -> Changes:
    return {"closed_at": event.at}


SUBJECT = Subject(
    kind="channel",
    state=Channel,
    decide={
        OpenChannel: open_channel,
        JoinChannel: join,
        LeaveChannel: leave,
        PostMessage: post,
        CloseChannel: close,
    },
    evolve={
        ChannelOpened: first(opened),
        ChannelJoined: once(joined),
        ChannelLeft: once(left),
        MessagePosted: once(posted),
        ChannelClosed: once(closed),
    },
    live=lambda channel: not channel.closed_at,
)
FACTS = (ChannelOpened, ChannelJoined, ChannelLeft, MessagePosted, ChannelClosed)
