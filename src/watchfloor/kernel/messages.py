"""Commands, facts, events and effects: the four things that move through Watchfloor (DESIGN §1).

Theory of operation
-------------------
A *command* is a wish about one subject. A rule answers it with *drafts*: facts, each with an optional
private part. The engine turns a draft into an *event* by giving it a seq, an instant and an envelope. A process
looks at an event and wishes for more commands, or for an *effect* in the world.
"""

from __future__ import annotations

from typing import ClassVar

import msgspec


class Actor(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Who did it: `kind` is person, agent, process or system; `id` the public id; `credential` the key id used."""

    kind: str
    id: str
    credential: str = ""


SYSTEM = Actor(kind="system", id="system")


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """A wish about one subject. `subject` is the subject's integer id, 0 for a subject that does not exist yet."""

    KIND: ClassVar[str] = ""
    subject: int = 0


class Later(Command, frozen=True, kw_only=True):
    """A wish that a process makes up its mind about when its turn comes, knowing what all wishes before it led to.

    `flow` names the decider among those of `processes`, `about` is what it is asked about.
    """

    flow: str
    about: int


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The hashed, never erasable body of an event. Only integers, ASCII keys and NFC text (DESIGN 2b.1, 2b.2).

    `TYPE` is the ledger name with its version, `KIND` the kind of its subject.
    """

    TYPE: ClassVar[str] = ""
    KIND: ClassVar[str] = ""


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule wants recorded: facts, and canonical bytes of the erasable part when there is one.

    `salt` (32 bytes) is set only where facts already carry a digest made with it (an action's); otherwise the
    engine salts the private part itself.
    """

    facts: Facts
    private: bytes = b""
    salt: bytes = b""


class Event(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of an organisation's ledger, decoded (spec 04).

    `at` is in µs UTC and never decreases with `seq`; `cause` is the seq of the event that led to this one (0: a
    command from outside); `correlation` ties a story together; `of` is the person on whose behalf it was done;
    `private` is the hex commitment SHA-256(salt ‖ private part), empty when there is no private part; `frame` and
    `body` are the agent's request id and the first 16 hex digits of the SHA-256 of its body, on the first event of a
    command that came as a frame (DESIGN 2b.5; 0 and empty otherwise).
    """

    org: str
    seq: int
    at: int
    type: str
    kind: str
    subject: int
    actor: Actor
    of: str = ""
    cause: int = 0
    correlation: str = ""
    policy: int = 0
    rules: int = 0
    private: str = ""
    frame: int = 0
    body: str = ""
    facts: Facts


class Effect(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Something the rim shall do in the world because of an event; `destination` makes one durable row each."""

    destination: str


class Refused(Exception):
    """The command is nonsense in this state; nothing is recorded. `code` is stable, snake_case.

    `field` points at the offending input, `retryable` says whether the same command may succeed later.
    """

    def __init__(
        self, code: str, detail: str, *, field: str = "", retryable: bool = False, status: int = 409
    ) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.field = field
        self.retryable = retryable
        self.status = status
