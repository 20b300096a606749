"""One command to quiescence: decide, evolve, react, on an overlay (DESIGN §1 *One batch*).

Plain synchronous code: the simulation drives it directly, the commit loop calls it in slices. Only here does state
change.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import Any

import msgspec

from watchfloor.engine.requests import Request
from watchfloor.engine.stories import story
from watchfloor.engine.world import Overlay, World
from watchfloor.kernel.codec import commitment, encode_event
from watchfloor.kernel.limits import DERIVED_COMMANDS_MAX, DERIVED_DEPTH_MAX, FACTS_BYTES_MAX
from watchfloor.kernel.messages import SYSTEM, Actor, Command, Draft, Effect, Event, Facts, Later, Refused
from watchfloor.kernel.subject import Decide, Given, React, Read
from watchfloor.kernel.system import ProcessRefused

Gather = Callable[[Read, Any, int, Request], Any]  # (read, command, at, the root's request) -> evidence


class BoundExceeded(Exception):
    """More derived commands than the law allows: the wiring is at fault, the command is dropped whole."""


class Rules(msgspec.Struct, frozen=True):
    """Everything pure that `step` calls: rules, evidence gatherers, processes."""

    decides: Mapping[type[Command], Decide]
    gathers: Mapping[type[Command], Gather]
    reacts: Mapping[type[Facts], tuple[React, ...]]
    rules_version: int
    later: Mapping[str, Callable[[int, Read, int], list[Command]]] = {}


class Written(msgspec.Struct, gc=False):
    """An event as it goes to the ledger: decoded, its bytes, and its private part with salt."""

    event: Event
    data: bytes
    salt: bytes
    private: bytes


class Outcome(msgspec.Struct):
    """A quiet batch: the overlay to merge, what to write, effects wished for, and how many events were the root's own."""

    overlay: Overlay
    written: list[Written]
    own: int
    rest: tuple[Event, ...] = ()  # the own events of the request's further commands


class _Wish(msgspec.Struct, gc=False):
    command: Command
    actor: Actor
    entropy: bytes
    cause: int
    depth: int
    story: str


def run(world: World, request: Request, now: int, rules: Rules) -> Outcome:
    """Carry one request out on an overlay. Raises Refused (of the root only), BoundExceeded, or whatever a rule raises."""
    overlay = Overlay(world)
    batch = _Batch(world, overlay, request, now if now > world.at else world.at, rules)
    own = batch.carry_out(_Wish(request.command, request.actor, request.entropy, 0, 0, request.correlation))
    if own:
        batch.derive()
    rest = batch.carry_on(request) if request.more else ()
    return Outcome(overlay, batch.written, own, rest)


class _Batch:
    __slots__ = ("at", "derived", "overlay", "policy", "request", "rules", "wishes", "world", "written")

    def __init__(self, world: World, overlay: Overlay, request: Request, at: int, rules: Rules) -> None:
        self.world = world
        self.overlay = overlay
        self.request = request
        self.at = at
        self.rules = rules
        self.written: list[Written] = []
        self.wishes: deque[_Wish] = deque()
        self.derived = 0
        self.policy = world.read("active_policy", "active")

    def carry_on(self, request: Request) -> tuple[Event, ...]:
        """The request's further commands, each to quiescence before the next. A refusal names the one it is about."""
        request.subjects[:] = [self.written[0].event.subject] if self.written else [0]
        own: list[Event] = []
        for place, command in enumerate(request.more, 1):
            entropy = sha256(request.entropy + place.to_bytes(4, "big") + b"more").digest()
            begun = len(self.written)
            try:
                count = self.carry_out(_Wish(command, request.actor, entropy, 0, 0, request.correlation))
            except Refused as refused:
                refused.field = f"/more/{place - 1}{refused.field}"
                raise
            events = [entry.event for entry in self.written[begun : begun + count]]
            request.subjects.append(events[0].subject if events else 0)
            own += events
            self.derived = 0
            self.derive()
        return tuple(own)

    def derive(self) -> None:
        """Work off what processes wish for, breadth first, until nothing is left."""
        while self.wishes:
            wish = self.wishes.popleft()
            if isinstance(wish.command, Later):
                decide = self.rules.later[wish.command.flow]
                for command in decide(wish.command.about, self.overlay.read, self.at):
                    self.attempt(msgspec.structs.replace(wish, command=command))
            else:
                self.attempt(wish)

    def attempt(self, wish: _Wish) -> None:
        """Carry out what a process wished for; a refusal is recorded, and its cause stands."""
        self.derived += 1
        if self.derived > DERIVED_COMMANDS_MAX or wish.depth > DERIVED_DEPTH_MAX:
            raise BoundExceeded(f"{type(wish.command).__name__} at depth {wish.depth}")
        try:
            self.carry_out(wish)
        except Refused as refused:
            facts = ProcessRefused(
                code=refused.code,
                command=type(wish.command).__name__,
                subject_id=wish.command.subject,
                subject_kind=wish.command.KIND,
            )
            self.write(Draft(facts=facts), 1, wish)

    def carry_out(self, wish: _Wish) -> int:
        """Decide one command and write its events; returns how many."""
        command = wish.command
        kind = command.KIND
        subject = command.subject
        decide = self.rules.decides[type(command)]
        read = self.overlay.read
        state = read(kind, subject) if subject else None
        if subject and state is None and kind not in _BESIDE_ANOTHER:
            raise Refused("not_found", f"there is no such {kind}", status=404)
        gather = self.rules.gathers.get(type(command))
        given = Given(
            at=self.at,
            subject=subject or self.world.seq + len(self.written) + 1,
            entropy=wish.entropy,
            actor=wish.actor,
            of=self.request.of,
            evidence=gather(read, command, self.at, self.request) if gather is not None else None,
        )
        drafts = decide(state, command, given)
        for draft in drafts:
            self.write(draft, given.subject, wish)
        return len(drafts)

    def write(self, draft: Draft, subject: int, wish: _Wish) -> None:
        """Make an event of a draft, fold it, and queue what the processes wish for."""
        seq = self.world.seq + len(self.written) + 1
        facts = draft.facts
        request = self.request
        first = not self.written
        salt, committed = draft.salt, ""
        if draft.private:
            if not salt:
                salt = sha256(wish.entropy + seq.to_bytes(8, "big") + b"salt").digest()
            committed = commitment(salt, draft.private).hex()
        policy = self.policy
        if "active_policy" in self.overlay.tables:  # an event of this very batch has changed it
            policy = self.overlay.read("active_policy", "active")
        correlation = story(facts, subject, self.overlay.read) or wish.story
        event = Event(
            org=self.world.public,
            seq=seq,
            at=self.at,
            type=facts.TYPE,
            kind=facts.KIND,
            subject=subject,
            actor=wish.actor,
            of=request.of,
            cause=wish.cause,
            correlation=correlation,
            policy=policy.version if policy is not None else 0,
            rules=self.rules.rules_version,
            private=committed,
            frame=request.frame if first else 0,
            body=request.body if first else "",
            facts=facts,
        )
        data = encode_event(event)
        if len(data) > FACTS_BYTES_MAX:
            raise Refused("too_large", f"{facts.TYPE} would take {len(data)} bytes", status=413)
        self.written.append(Written(event, data, salt, draft.private))
        self.overlay.fold(event)
        for react in self.rules.reacts.get(type(facts), ()):
            for ordinal, wished in enumerate(react(event, self.overlay.read)):
                if isinstance(wished, Effect):
                    continue  # effects are derived again from the committed event by their own follower
                entropy = sha256(wish.entropy + seq.to_bytes(8, "big") + ordinal.to_bytes(2, "big")).digest()
                self.wishes.append(_Wish(wished, _PROCESS, entropy, seq, wish.depth + 1, correlation))


# Subjects that have the integer of another (an agent's, a decision's) and begin with the first thing that happens to them.
_BESIDE_ANOTHER = frozenset(("trust", "mailbox", "tribunal"))
_PROCESS = Actor(kind="process", id=SYSTEM.id)
