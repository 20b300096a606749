"""What comes into the engine and what goes back: requests, lanes, answers (DESIGN §2, 2b.5)."""

from __future__ import annotations

from collections.abc import Callable
from enum import IntEnum
from typing import Any

import msgspec

from watchfloor.kernel.messages import Actor, Command, Event, Facts, Refused


class Lane(IntEnum):
    """Inbox lanes of an organisation: the first is strict, the others are weighted."""

    STOPS = 0
    PEOPLE = 1
    OUTCOMES = 2
    REQUESTS = 3


class IdempotencyKey(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A client-chosen key (REST only): the credential that sent it, the key, and the SHA-256 of the request."""

    credential: str
    key: str
    body_digest: bytes


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a request, given out only after fsync.

    `seq` and `event` are of the command's first event (0 and None: nothing had to be recorded). `events` are all of the
    command's own events. `replayed`: an earlier request with the same frame id or key was answered again; then only
    `seq` is set. `refused`: nonsense, nothing recorded. `failed`: the outcome is unknown or the store refused.
    """

    seq: int = 0
    event: Event | None = None
    events: tuple[Event, ...] = ()
    replayed: bool = False
    refused: Refused | None = None
    failed: str = ""
    noted_seq: int = 0  # a dry run: where its audit line is, 0 when none was asked for
    judged_at: int = 0  # a dry run: the seq of the state it was judged on


Done = Callable[[Answer], None]
# The command that writes a dry run down: of the facts that were not recorded, the seq they were judged at, salt, private part.
Noted = Callable[[Facts, int, bytes, bytes], Command]


def nobody_waits(answer: Answer) -> None:
    """For requests nobody waits for."""


class Request(msgspec.Struct, kw_only=True, gc=False):
    """One command from outside, with who sent it and whom to tell.

    `entropy` 32 random bytes; `frame`/`body` when it came as an agent's frame; `agent` the sender's integer, for
    fairness inside a lane; `credentials` rows to write in the same commit; `redacts` seqs whose private part goes.
    `more` are further commands that are carried out with the first, in one batch, all or none; `subjects` is what each of
    them was about, for those after it.
    """

    org: int
    command: Command
    actor: Actor
    entropy: bytes
    of: str = ""
    correlation: str = ""
    lane: Lane = Lane.PEOPLE
    agent: int = 0
    frame: int = 0
    body: str = ""
    key: IdempotencyKey | None = None
    credentials: list[tuple[Any, ...]] = msgspec.field(default_factory=list)
    redacts: tuple[int, ...] = ()
    dry_run: bool = False
    noted: Noted | None = None  # of a dry run: the audit line that was asked for
    more: tuple[Command, ...] = ()
    subjects: list[int] = msgspec.field(default_factory=list)
    done: Done = nobody_waits


class Overloaded(Refused):
    """The organisation's inbox is full."""

    def __init__(self) -> None:
        super().__init__("overloaded", "too many requests are waiting", retryable=True, status=503)
