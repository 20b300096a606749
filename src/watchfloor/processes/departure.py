"""Departure: an agent that is retired leaves its channels (spec 2.2)."""

from __future__ import annotations

from watchfloor.conversations.messages import LeaveChannel
from watchfloor.fleet.messages import AgentRetired
from watchfloor.kernel.messages import Command, Effect, Event, Facts
from watchfloor.kernel.subject import React, Read


def retired(event: Event, read: Read) -> list[Command | Effect]:
    """At most CHANNELS_PER_AGENT_MAX: one batch."""
    channels: tuple[int, ...] = read("channels_of", event.subject) or ()
    return [LeaveChannel(subject=channel, agent=event.subject) for channel in channels]


REACTS: tuple[tuple[type[Facts], React], ...] = ((AgentRetired, retired),)
