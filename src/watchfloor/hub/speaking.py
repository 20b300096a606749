"""What agents say, as commands, and the frames that answer them (spec 2.2, 2.6; DESIGN 2b.5)."""

# ruff: noqa: ARG001 -- builders have one signature each

from __future__ import annotations

from watchfloor.conversations import messages as conversations
from watchfloor.conversations.texts import said
from watchfloor.engine.engine import Engine
from watchfloor.engine.requests import Answer
from watchfloor.hub import spoken
from watchfloor.hub.wire import Payload
from watchfloor.kernel.ids import parse_id, public_id
from watchfloor.kernel.messages import Command, Refused


def _of(engine: Engine, org: int, kind: str, text: str, field: str) -> int:
    subject, nonce = parse_id(text, kind)
    state = engine.state(org, kind, subject)
    if state is None or state.nonce != nonce:
        raise Refused("not_found", f"there is no such {kind}", field=f"/payload/{field}", status=404)
    return subject


def _channel(engine: Engine, org: int, name: str) -> int:
    """The open channel of a name, 0 when there is none."""
    return int(engine.cell(org, "channel_names", name) or 0)


def _known(engine: Engine, org: int, name: str) -> int:
    subject = _channel(engine, org, name)
    if not subject:
        raise Refused("not_found", "there is no such channel", field="/payload/channel", status=404)
    return subject


def answer_chat(engine: Engine, org: int, agent: int, payload: spoken.ChatMessage, entropy: bytes) -> Command:
    """`chat:message`."""
    return conversations.AnswerChat(
        subject=_of(engine, org, "chat", payload.chat_id, "chat_id"),
        agent=agent,
        stream=payload.stream,
        private=said(payload.text, "/payload/text"),
    )


def send(engine: Engine, org: int, agent: int, payload: spoken.MessageSend, entropy: bytes) -> Command:
    """`message:send`."""
    return conversations.SendMessage(
        subject=_of(engine, org, "agent", payload.to, "to"),
        sender=agent,
        reply_to=payload.reply_to,
        private=said(payload.text, "/payload/text"),
    )


def join(engine: Engine, org: int, agent: int, payload: spoken.ChannelJoin, entropy: bytes) -> Command:
    """`channel:join`: opens the channel when there is none."""
    subject = _channel(engine, org, payload.channel)
    if not subject:
        return conversations.OpenChannel(name=payload.channel, agent=agent)
    return conversations.JoinChannel(subject=subject, agent=agent)


def leave(engine: Engine, org: int, agent: int, payload: spoken.ChannelLeave, entropy: bytes) -> Command:
    """`channel:leave`."""
    return conversations.LeaveChannel(subject=_known(engine, org, payload.channel), agent=agent)


def post(engine: Engine, org: int, agent: int, payload: spoken.ChannelPost, entropy: bytes) -> Command:
    """`channel:post`."""
    return conversations.PostMessage(
        subject=_known(engine, org, payload.channel),
        agent=agent,
        reply_to=payload.reply_to,
        private=said(payload.text, "/payload/text"),
    )


def recorded(engine: Engine, org: int, payload: Payload, answer: Answer) -> Payload | None:
    """The answer to what an agent said, None when the frame is of another kind."""
    facts = answer.event.facts if answer.event is not None else None
    match payload:
        case spoken.ChatMessage():
            assert isinstance(facts, conversations.ChatAnswered)
            return spoken.ChatRecorded(chat_id=payload.chat_id, number=facts.number, seq=answer.seq)
        case spoken.MessageSend():
            assert isinstance(facts, conversations.MessageSent)
            return spoken.MessageRecorded(to=payload.to, number=facts.number, seq=answer.seq)
        case spoken.ChannelPost():
            assert isinstance(facts, conversations.MessagePosted)
            return spoken.ChannelRecorded(channel=payload.channel, number=facts.number, seq=answer.seq)
        case spoken.ChannelLeave():
            return spoken.ChannelLeft(channel=payload.channel)
        case spoken.ChannelJoin():
            return _joined(engine, org, payload, answer)
    return None


def _joined(engine: Engine, org: int, payload: spoken.ChannelJoin, answer: Answer) -> spoken.ChannelJoined:
    event = answer.event
    subject = event.subject if event is not None else _known(engine, org, payload.channel)
    state = engine.state(org, "channel", subject)
    return spoken.ChannelJoined(
        channel=state.name,
        channel_id=public_id("channel", subject, state.nonce),
        members=len(state.members),
        number=state.number,
    )
