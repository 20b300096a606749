"""Rules of telling people: their channels as far as the ledger knows them, and notices that reached nobody (fault F10)."""

# ruff: noqa: ARG001 -- rules and folds have one signature each, whatever they look at

from __future__ import annotations

import re
from typing import Any

from watchfloor.kernel.folds import Changes
from watchfloor.kernel.messages import Draft, Event, Refused
from watchfloor.kernel.schema import check_choice, check_name
from watchfloor.kernel.subject import Given
from watchfloor.people.messages import (
    ChannelNoted,
    NoteChannel,
    NoteSharedChannel,
    NoticeUndelivered,
    RecordSharedUndelivered,
    RecordUndelivered,
    SharedChannelNoted,
    SharedNoticeUndelivered,
)

CHANGES = ("set", "removed")
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,31}")


def note_channel(state: Any, command: NoteChannel, given: Given) -> list[Draft]:
    """A person is told by another way from now on. Every time it is said: the address may be another one."""
    if state is None:
        raise Refused("unknown_person", "no such person", status=404)
    _check(command)
    return [Draft(facts=ChannelNoted(change=command.change, means=command.means, name=command.name))]


def note_shared(state: Any, command: NoteSharedChannel, given: Given) -> list[Draft]:
    """The organisation is told by another way from now on."""
    _organisation(state)
    _check(command)
    facts = SharedChannelNoted(change=command.change, means=command.means, name=command.name)
    return [Draft(facts=facts)]


def _check(command: NoteChannel | NoteSharedChannel) -> None:
    check_choice(command.change, "/change", CHANGES)
    if not _NAME.fullmatch(command.name):
        raise Refused("invalid_name", "takes small letters, digits, - and _", field="/name", status=422)
    check_name(command.means, "/means")


def _organisation(state: Any) -> None:
    if state is None:
        raise Refused("unknown_organisation", "no such organisation", status=404)


def record_shared_undelivered(state: Any, command: RecordSharedUndelivered, given: Given) -> list[Draft]:
    """Nobody may think that it was read there."""
    _organisation(state)
    facts = SharedNoticeUndelivered(about=command.about, event=command.event, names=command.names)
    return [Draft(facts=facts)]


def record_undelivered(state: Any, command: RecordUndelivered, given: Given) -> list[Draft]:
    """Nobody may think that this person knew."""
    if state is None:
        raise Refused("unknown_person", "no such person", status=404)
    facts = NoticeUndelivered(about=command.about, channels=command.channels, event=command.event)
    return [Draft(facts=facts)]


def noted(person: Any, facts: Any, event: Event) -> Changes:
    """Nothing that a person may or may not do depends on it."""
    return {}
