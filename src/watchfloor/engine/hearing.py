"""Evidence for what is said: who is there to hear it, and whether the one who speaks may (law *Evidence*)."""

# ruff: noqa: ARG001 -- gatherers have one signature, whatever they look at

from __future__ import annotations

from watchfloor.conversations.channels import ChannelEvidence
from watchfloor.conversations.chats import ChatEvidence
from watchfloor.conversations.mailboxes import MailEvidence, Speaker
from watchfloor.conversations.messages import (
    JoinChannel,
    OpenChannel,
    OpenChat,
    PostMessage,
    SendMessage,
    TellAgent,
)
from watchfloor.engine.requests import Request
from watchfloor.kernel.subject import Read


def open_chat(read: Read, command: OpenChat, at: int, request: Request) -> ChatEvidence:
    """The agent, and how many of its chats are open."""
    agent = read("agent", command.agent)
    held: tuple[int, ...] = read("chats_open", command.agent) or ()
    return ChatEvidence(known=agent is not None, retired=agent is not None and agent.retired, open=len(held))


def tell_agent(read: Read, command: TellAgent, at: int, request: Request) -> ChatEvidence:
    """The agent of the chat."""
    agent = read("agent", read("chat", command.subject).agent)
    return ChatEvidence(known=True, retired=agent.retired)


def speaker(read: Read, agent: int) -> Speaker:
    """An agent as one who speaks; 0 is a person."""
    state = read("agent", agent) if agent else None
    return Speaker() if state is None else Speaker(quarantined=state.quarantined, retired=state.retired)


def send_message(read: Read, command: SendMessage, at: int, request: Request) -> MailEvidence:
    """Both ends."""
    agent = read("agent", command.subject)
    return MailEvidence(
        known=agent is not None,
        retired=agent is not None and agent.retired,
        speaker=speaker(read, command.sender),
    )


def channel(
    read: Read, command: OpenChannel | JoinChannel | PostMessage, at: int, request: Request
) -> ChannelEvidence:
    """The one who speaks or joins; for a new channel the names and channels there are."""
    taken = read("channel_names", command.name) if isinstance(command, OpenChannel) else None
    return ChannelEvidence(
        speaker=speaker(read, command.agent),
        taken_by=taken or 0,
        open=len(read("channels_open", "all") or ()),
        joined=len(read("channels_of", command.agent) or ()) if command.agent else 0,
    )
