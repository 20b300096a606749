"""What was said, on its way between agents and people (spec 2.2, 2.6; DESIGN §2 *Pushes*).

Theory of operation
-------------------
A message for an agent is pushed as it is committed, and again after a reconnect until a heartbeat has acknowledged it;
the register `mail` remembers the last 256 of each agent. Text is large and a socket's outbound buffer is bounded, so
what does not fit at once is *owed*: it goes out in order as the agent reads. Acknowledgements are cursors, not events
(DESIGN 2b.6): the mailroom keeps the highest one of each agent, so that an agent program that begins anew is not told
again what the one before it has heard. After a restart of the server that memory is gone and a program that begins
anew hears the last messages once more; what it has answered already it does not.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from watchfloor.conversations.messages import AgentTold, ChatClosed, MessagePosted, MessageSent
from watchfloor.engine.engine import Engine
from watchfloor.hub import spoken
from watchfloor.hub.buckets import Bucket
from watchfloor.hub.protocol import Frame
from watchfloor.hub.wire import Payload
from watchfloor.kernel.ids import parse_id, public_id
from watchfloor.kernel.limits import (
    CHANNEL_HISTORY_BYTES_MAX,
    CHANNELS_PER_MINUTE,
    CHAT_PER_MINUTE,
    MESSAGES_PER_MINUTE,
    OUTBOX_SEQS,
    PARTS_PER_MINUTE,
)
from watchfloor.kernel.messages import Event, Refused
from watchfloor.registers.directory import find_person

if TYPE_CHECKING:
    from watchfloor.hub.session import Session

_BUFFERED_BYTES = 256 * 1024  # a quarter of what a socket may hold before its peer is too slow
_text_of = msgspec.json.Decoder(dict[str, str]).decode

DELIVERED = frozenset((AgentTold, ChatClosed, MessageSent, MessagePosted))
RATES: dict[type[Payload], tuple[str, int]] = {
    spoken.ChatMessage: ("chat", CHAT_PER_MINUTE),
    spoken.MessageSend: ("messages", MESSAGES_PER_MINUTE),
    spoken.ChannelPost: ("channels", CHANNELS_PER_MINUTE),
    spoken.ChannelJoin: ("channels", CHANNELS_PER_MINUTE),
    spoken.ChannelLeave: ("channels", CHANNELS_PER_MINUTE),
    spoken.ChannelHistory: ("channels", CHANNELS_PER_MINUTE),
}
BETWEEN_AGENTS = (spoken.MessageSend, spoken.ChannelPost)  # a stop that hits the agent silences these

Part = Callable[[int, int, str, str], None]  # (organisation, chat, stream, text)


def wordless(frame: Frame[Payload]) -> bytes:
    """The payload of a frame as sent; of one that says something, its text replaced by its length.

    A digest of this is hashed into the ledger and cannot be erased, as what was said can be.
    """
    payload = frame.payload
    text = getattr(payload, "text", None)
    if type(payload) not in RATES or text is None:
        return bytes(frame.body)
    return msgspec.json.encode(msgspec.structs.replace(payload, text=str(len(text))))


class Mailroom:
    """Pushes of what was said, for the sessions of one hub."""

    def __init__(self, engine: Engine, now: Callable[[], int]) -> None:
        self._engine = engine
        self._now = now
        self._heard: dict[tuple[int, int], int] = {}
        self._owed: dict[tuple[int, int], deque[int]] = {}
        self._unsent: dict[tuple[int, int], int] = {}  # where the last connection of an agent ended
        self.on_part: Part | None = None
        self.dropped = 0

    # To agents -----------------------------------------------------------------------------------------------------

    def heard(self, session: Session, seq: int) -> None:
        """A heartbeat acknowledged everything up to `seq`; there is room for more."""
        key = (session.org, session.agent)
        if seq > self._heard.get(key, 0):
            self._heard[key] = seq
        if key in self._owed:
            self.pump(session)

    def spread(self, sessions: Mapping[tuple[int, int], Session], org: int, event: Event) -> None:
        """Just committed: to those it is for who are connected."""
        for agent in self.addressees(org, event):
            session = sessions.get((org, agent))
            if session is not None and session.welcomed and event.seq > session.sent_seq:
                session.live_from = session.live_from or event.seq
                self.follow(session, event)

    def follow(self, session: Session, event: Event) -> None:
        """Just committed, for this agent: push it, unless older ones have to go first."""
        key = (session.org, session.agent)
        owed = self._owed.get(key)
        if owed is not None:
            owed.append(event.seq)
        elif session.socket is not None and session.socket.buffered < _BUFFERED_BYTES:
            self._push(session, event)
        else:
            self._owed[key] = deque((event.seq,), OUTBOX_SEQS)

    def redeliver(self, session: Session, after: int) -> None:
        """What the agent has not heard, of the last 256."""
        key = (session.org, session.agent)
        after = max(after, self._heard.get(key, 0))
        after = min(after, self._unsent.pop(key, after + 1) - 1)
        owed = self._owed.pop(key, ())
        committed = self._engine.head(session.org)
        mail: tuple[tuple[int, int], ...] = self._engine.cell(session.org, "mail", session.agent) or ()
        missed = [
            seq
            for _, seq in mail
            if after < seq <= committed and (seq > session.sent_seq or seq < session.live_from)
        ]
        if missed or owed:
            self._owed[key] = deque(sorted({*missed, *owed}), OUTBOX_SEQS)
            self.pump(session)

    def left(self, session: Session) -> None:
        """The connection is gone: from what it was still owed on, everything is said again to the next."""
        owed = self._owed.pop((session.org, session.agent), None)
        if owed:
            self._unsent[(session.org, session.agent)] = owed[0]

    def pump(self, session: Session) -> None:
        """Send what is owed, as much as the socket takes."""
        key = (session.org, session.agent)
        owed = self._owed.get(key)
        while owed and session.socket is not None and session.socket.buffered < _BUFFERED_BYTES:
            event = self._engine.event(session.org, owed.popleft())
            if event is not None and not self._settled(session.org, event):
                self._push(session, event)
        if owed is not None and not owed:
            del self._owed[key]

    def _settled(self, org: int, event: Event) -> bool:
        """Has the agent answered since? Then it has heard it, whatever it has acknowledged."""
        facts = event.facts
        if not isinstance(facts, AgentTold):
            return False
        chat = self._engine.state(org, "chat", event.subject)
        return chat is None or bool(chat.closed_at) or chat.answered > facts.number

    def _push(self, session: Session, event: Event) -> None:
        payload = self._payload(session.org, event)
        if payload is not None:
            session.push(payload, event.seq)

    def addressees(self, org: int, event: Event) -> tuple[int, ...]:
        """The agents an event is for."""
        facts = event.facts
        if isinstance(facts, MessagePosted):
            channel = self._engine.state(org, "channel", event.subject)
            members: tuple[int, ...] = channel.members if channel is not None else ()
            return tuple(member for member in members if member != facts.agent)
        return (facts.agent,)  # type: ignore[attr-defined]

    def _payload(self, org: int, event: Event) -> Payload | None:
        facts = event.facts
        state: Any = self._engine.state(org, event.kind, event.subject)
        if state is None:
            return None
        if isinstance(facts, ChatClosed):
            return spoken.ChatClosed(
                chat_id=public_id("chat", event.subject, state.nonce), reason=facts.reason
            )
        if isinstance(facts, MessagePosted):
            return self.posted(org, event, state.name)
        text = self.text(org, event.seq)
        if isinstance(facts, AgentTold):
            return spoken.ChatTold(
                chat_id=public_id("chat", event.subject, state.nonce),
                number=facts.number,
                text=text or "",
                sender=self.sender(org, event),
                at=event.at,
                redacted=text is None,
            )
        assert isinstance(facts, MessageSent)
        return spoken.MessageReceived(
            number=facts.number,
            text=text or "",
            sender=self.sender(org, event),
            at=event.at,
            untrusted=event.actor.kind == "agent",
            reply_to=facts.reply_to,
            redacted=text is None,
        )

    def posted(self, org: int, event: Event, name: str) -> spoken.ChannelPosted:
        """A message of a channel."""
        facts = event.facts
        assert isinstance(facts, MessagePosted)
        text = self.text(org, event.seq)
        return spoken.ChannelPosted(
            channel=name,
            number=facts.number,
            text=text or "",
            sender=self.sender(org, event),
            at=event.at,
            untrusted=event.actor.kind == "agent",
            reply_to=facts.reply_to,
            redacted=text is None,
        )

    def history(self, session: Session, payload: spoken.ChannelHistory) -> spoken.ChannelMessages:
        """Committed messages of a channel the agent is in, in order. Raises Refused; to others it does not exist."""
        subject = self._engine.cell(session.org, "channel_names", payload.channel) or 0
        channel = self._engine.state(session.org, "channel", subject) if subject else None
        if channel is None or session.agent not in channel.members:
            raise Refused("not_a_member", "join the channel first", status=403)
        head = self._engine.head(session.org)
        seqs = tuple(seq for seq in channel.recent if seq <= head)
        number = channel.number - (len(channel.recent) - len(seqs))
        first = number - len(seqs) + 1
        items: list[spoken.ChannelPosted] = []
        size = 0
        for seq in seqs[max(0, payload.after - first + 1) :][: payload.limit]:
            event = self._engine.event(session.org, seq)
            if event is None or size > CHANNEL_HISTORY_BYTES_MAX:
                break
            items.append(self.posted(session.org, event, channel.name))
            size += len(items[-1].text.encode())
        return spoken.ChannelMessages(
            channel=channel.name, number=number, first=first if seqs else 0, items=tuple(items)
        )

    def text(self, org: int, seq: int) -> str | None:
        """What was said, None when it was erased."""
        private = self._engine.ledger.read_private(org, seq)
        return _text_of(private[1]).get("text") if private is not None else None

    def sender(self, org: int, event: Event) -> spoken.Sender:
        """Who said it, from the event's actor."""
        actor, name = event.actor, ""
        if actor.kind == "agent":
            state = self._engine.state(org, "agent", parse_id(actor.id, "agent")[0])
            name = state.name if state is not None else ""
        elif actor.kind == "person":
            person = find_person(self._engine.node(org).world.read, actor.id)
            name = person.handle if person is not None else ""
        return spoken.Sender(kind=actor.kind, id=actor.id, name=name)

    # From agents ---------------------------------------------------------------------------------------------------

    def rate(self, session: Session, payload: Payload) -> tuple[int, str, bool]:
        """Spend a token of the class of what is said: (milliseconds to wait, class, warn). Classes never starve others."""
        rate_class, per_minute = RATES[type(payload)]
        bucket = self._bucket(session, rate_class, per_minute)
        wait = bucket.take(self._now())
        return wait, rate_class, not wait and bucket.low()

    def _bucket(self, session: Session, rate_class: str, per_minute: int) -> Bucket:
        if session.buckets is None:
            session.buckets = {}
        bucket = session.buckets.get(rate_class)
        if bucket is None:
            bucket = session.buckets[rate_class] = Bucket(per_minute, self._now())
        return bucket

    def part(self, session: Session, payload: spoken.ChatPart) -> None:
        """A part of an answer that is being made. Volatile: what is not the agent's own chat, or too much, is dropped."""
        bucket = self._bucket(session, "parts", PARTS_PER_MINUTE)
        try:
            subject, nonce = parse_id(payload.chat_id, "chat")
        except Refused:
            subject, nonce = 0, 0
        chat = self._engine.state(session.org, "chat", subject) if subject else None
        if (
            self.on_part is None
            or chat is None
            or chat.nonce != nonce
            or chat.agent != session.agent
            or chat.closed_at
            or bucket.take(self._now())
        ):
            self.dropped += 1
            return
        self.on_part(session.org, subject, payload.stream, payload.text)
