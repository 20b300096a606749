"""Rules of messages to one agent (spec 2.2 `message:send`).

Theory of operation
-------------------
An agent has one mailbox; its subject has the agent's own integer, and begins with the first message. Whatever is said
to the agent there, by other agents of its organisation or by people, gets the next number of the mailbox, so that the
agent can see a gap. A quarantined agent may hear and not speak: what it was told to do must not spread. A retired one
does neither. Who speaks comes from the credential.
"""

# ruff: noqa: ARG001 -- rules and folds have one signature each, whatever they look at

from __future__ import annotations

import msgspec

from watchfloor.conversations.messages import MessageSent, SendMessage
from watchfloor.conversations.texts import check_private
from watchfloor.kernel.folds import Changes, once
from watchfloor.kernel.messages import Draft, Event, Refused
from watchfloor.kernel.schema import check_range
from watchfloor.kernel.subject import Given, Subject


class Speaker(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What keeps the one who speaks from it; a person is neither quarantined nor retired here."""

    quarantined: bool = False
    retired: bool = False


class MailEvidence(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Is there such an agent, is it retired; and the one who speaks."""

    known: bool
    retired: bool
    speaker: Speaker


class Mailbox(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What was said to one agent. `number` is that of the last message."""

    seq: int
    number: int


def check_speaker(speaker: Speaker) -> None:
    """Refused `agent_quarantined` or `agent_retired`: it may not speak to other agents."""
    if speaker.retired:
        raise Refused("agent_retired", "a retired agent says nothing", status=403)
    if speaker.quarantined:
        raise Refused("agent_quarantined", "a quarantined agent speaks to people only", status=403)


def send(state: Mailbox | None, command: SendMessage, given: Given) -> list[Draft]:
    """The next message of the mailbox."""
    evidence: MailEvidence = given.evidence
    number = state.number if state is not None else 0
    if not evidence.known:
        raise Refused("not_found", "there is no such agent", field="/to", status=404)
    if evidence.retired:
        raise Refused("agent_retired", "the agent is retired: it neither hears nor speaks", field="/to")
    if command.sender == command.subject:
        raise Refused("own_mailbox", "an agent sends no messages to itself", field="/to", status=422)
    check_speaker(evidence.speaker)
    check_range(command.reply_to, "/reply_to", 0, number)
    check_private(command.private)
    facts = MessageSent(
        agent=command.subject, number=number + 1, reply_to=command.reply_to, sender=command.sender
    )
    return [Draft(facts=facts, private=command.private)]


def sent(mailbox: Mailbox, facts: MessageSent, event: Event) -> Changes:
    return {"number": facts.number}


def taken(state: Mailbox | None, event: Event) -> Mailbox:
    """The first message begins the mailbox, every later one counts on."""
    facts = event.facts
    assert isinstance(facts, MessageSent)
    if state is None:
        return Mailbox(seq=event.seq, number=facts.number)
    mailbox: Mailbox = _counted(state, event)
    return mailbox


_counted = once(sent)

SUBJECT = Subject(kind="mailbox", state=Mailbox, decide={SendMessage: send}, evolve={MessageSent: taken})
FACTS = (MessageSent,)
