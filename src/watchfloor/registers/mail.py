"""What was said to agents and may not have been heard: the outbox of messages, apart from that of work (spec 2.2).

Cells: `mail` by agent → at most 256 (conversation, seq), oldest first; `chats_open` by agent → how many of its chats
are open. Messages have an outbox of their own, so that however much is said, no task assignment and no grant is pushed
out. When it is full, the oldest message of the *longest* conversation goes: who floods loses its own messages first and
nobody else's. What went is still in the history, and the gap in its numbers shows it.
"""

from __future__ import annotations

from collections import Counter

from watchfloor.conversations.messages import AgentTold, ChatClosed, ChatOpened
from watchfloor.kernel.limits import OUTBOX_SEQS
from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Read, Register

Cells = list[tuple[str, object, object]]
Mail = tuple[tuple[int, int], ...]


def put(mail: Mail, source: int, seq: int) -> Mail:
    """The outbox with one more. Putting the same again changes nothing (law *Redelivery*)."""
    if mail and mail[-1][1] >= seq:
        return mail
    if len(mail) >= OUTBOX_SEQS:
        counts = Counter(of for of, _ in mail)
        counts[source] += 1
        longest = max(counts.values())
        place = next(index for index, (of, _) in enumerate(mail) if counts[of] == longest)
        mail = mail[:place] + mail[place + 1 :]
    return (*mail, (source, seq))


def _told(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, AgentTold | ChatClosed)
    return [("mail", facts.agent, put(read("mail", facts.agent) or (), event.subject, event.seq))]


def _opened(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, ChatOpened)
    chats: tuple[int, ...] = read("chats_open", facts.agent) or ()
    return [] if event.subject in chats else [("chats_open", facts.agent, (*chats, event.subject))]


def _closed(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, ChatClosed)
    chats: tuple[int, ...] = read("chats_open", facts.agent) or ()
    left = tuple(chat for chat in chats if chat != event.subject)
    return [*_told(event, read), ("chats_open", facts.agent, left or None)]


REGISTER = Register(
    name="mail",
    cells={"mail": Mail, "chats_open": tuple[int, ...]},
    folds={AgentTold: _told, ChatOpened: _opened, ChatClosed: _closed},
)
