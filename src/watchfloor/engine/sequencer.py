"""The synchronous heart: requests in, one pending batch out (DESIGN §1, §2). The simulation drives this directly.

Theory of operation
-------------------
`step` carries requests out one by one; each merged outcome is appended to the *pending* batch together with the answer
it owes. The shell takes the pending batch, commits it, and gives it back to `committed`, which releases answers and
followers; meanwhile the next batch fills. Only `step` changes state, so memory may be ahead of the store by exactly
the batches that are not yet committed; nothing is answered before its own batch is. When a commit fails or its outcome
is unknown, `reload` throws all memory state away and builds it anew from what the store really holds.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Any, Protocol

import msgspec

from watchfloor.engine.requests import Answer, Request
from watchfloor.engine.step import BoundExceeded, Outcome, Rules, Written, run
from watchfloor.engine.timers import Timers
from watchfloor.engine.world import Wiring, World
from watchfloor.kernel.codec import Catalogue, NotCanonical
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.messages import Event, Refused
from watchfloor.kernel.subject import fold
from watchfloor.ledger.contract import Batch, LedgerReads
from watchfloor.ledger.heads import Head, load_head
from watchfloor.registers import requests as windows

_log = logging.getLogger(__name__)
_READ = 2_000


class Owed(msgspec.Struct, gc=False):
    """An answer that is owed once its batch is durable."""

    request: Request
    answer: Answer


class Pending(msgspec.Struct):
    """One commit: rows, the answers they release, and the events for the followers."""

    batch: Batch = msgspec.field(default_factory=Batch)
    owed: list[Owed] = msgspec.field(default_factory=list)
    events: dict[int, list[Event]] = msgspec.field(default_factory=dict)
    heavy: set[int] = msgspec.field(
        default_factory=set
    )  # organisations with an event that wants a checkpoint at once

    @property
    def empty(self) -> bool:
        return (
            not self.owed
            and not self.batch.events
            and not self.batch.credentials
            and not self.batch.organisations
        )


class Clock(Protocol):
    """Wall time in µs UTC. The shell guards it against jumps; the simulation makes it up."""

    def __call__(self) -> int: ...


class Node:
    """One organisation as this process holds it: world, timers, head of chain and tree."""

    __slots__ = ("committed", "head", "keys", "timers", "world")

    def __init__(self, world: World, head: Head) -> None:
        self.world = world
        self.head = head
        self.timers = Timers(world)
        self.committed = world.seq
        self.keys: dict[tuple[str, str], tuple[bytes, int]] = {}  # REST keys of batches not yet committed


class Sequencer:
    """All organisations of a deployment, and the batch that is being filled."""

    def __init__(
        self,
        wiring: Wiring,
        rules: Rules,
        catalogue: Catalogue,
        ledger: LedgerReads,
        restore: Callable[[World], None] = lambda world: None,
    ) -> None:
        """`restore` fills a world from a snapshot where there is one."""
        self.wiring = wiring
        self.rules = rules
        self.catalogue = catalogue
        self.ledger = ledger
        self.restore = restore
        self.nodes: dict[int, Node] = {}
        self.by_public: dict[str, int] = {}
        self.pending = Pending()

    # -- organisations ------------------------------------------------------------------------------------------

    def load(self, org: int, public: str) -> Node:
        """Build one organisation from the store: a snapshot where there is one, then the tail."""
        world = World(org, public, self.wiring, lambda kind, subject: self._stream(world, kind, subject))
        self.restore(world)
        decode = self.catalogue.decode
        apply = world.apply
        while rows := self.ledger.read(org, world.seq, _READ):
            for _, data, _ in rows:
                apply(decode(data))
        node = Node(world, load_head(self.ledger, org, public))
        node.timers.arm_all()
        self.nodes[org] = node
        self.by_public[public] = org
        return node

    def reload(self) -> None:
        """Forget every state in memory and build it from the store: after a commit that failed or may have."""
        self.pending = Pending()
        for org, node in list(self.nodes.items()):
            self.load(org, node.world.public)

    def found(self, org: int, public: str) -> Node:
        """A new, empty organisation; its first command founds it."""
        return self.load(org, public)

    def _stream(self, world: World, kind: str, subject: int) -> Any:
        """State of a subject that is not in memory, as of what the world has folded: a replay must not see ahead."""
        rows = self.ledger.read_stream(world.org, subject)
        events = (self.catalogue.decode(data) for seq, data, _ in rows if seq <= world.seq)
        return fold(self.wiring.subjects[kind], (event for event in events if event.kind == kind))

    # -- stepping -----------------------------------------------------------------------------------------------

    def step(self, requests: Iterable[Request], now: int) -> None:
        """Carry requests out; whatever they owe is in `pending` afterwards."""
        for request in requests:
            try:
                answer = self._one(request, now)
            except Refused as refused:
                answer = Answer(refused=refused)
            except NotCanonical as error:
                answer = Answer(refused=Refused("not_canonical", str(error), status=422))
            except BoundExceeded as error:
                _log.error("derived commands exceed the bound: %s", error)
                answer = Answer(
                    refused=Refused("too_large", "the command leads to too much at once", status=422)
                )
            except Exception:
                # The overlay is dropped and with it this command alone; the others of the batch stand.
                _log.exception("command %s failed", type(request.command).__name__)
                answer = Answer(failed="internal")
            self.pending.owed.append(Owed(request, answer))

    def _one(self, request: Request, now: int) -> Answer:
        node = self.nodes[request.org]
        known = self._known(node, request)
        if known is not None:
            return known
        outcome = run(node.world, request, now, self.rules)
        if request.dry_run:
            return self._tried(node, request, outcome, now)
        return self._merge(node, request, outcome)

    def _tried(self, node: Node, request: Request, outcome: Outcome, now: int) -> Answer:
        """What the gate would say, and nothing of it kept but the audit line where one was asked for (spec 3.1)."""
        judged_at = node.world.seq
        if not outcome.written:
            return Answer(judged_at=judged_at)
        tried = outcome.written[0]
        noted_seq = 0
        if request.noted is not None:
            command = request.noted(tried.event.facts, judged_at, tried.salt, tried.private)
            line = msgspec.structs.replace(request, command=command, dry_run=False, noted=None, body="")
            noted_seq = self._merge(node, line, run(node.world, line, now, self.rules)).seq
        return Answer(event=tried.event, judged_at=judged_at, noted_seq=noted_seq)

    def _known(self, node: Node, request: Request) -> Answer | None:
        """The first answer to a repeated frame or key (DESIGN 2b.5)."""
        if request.frame and not request.dry_run:
            window = node.world.read("requests", request.actor.id)
            known = windows.find(window, request.frame) if window and request.frame <= window.high else None
            if known is not None:
                if not known.same_body(request.body):
                    raise Refused(
                        "frame_reused", "this id was used for another request", field="/id", status=422
                    )
                return Answer(seq=known.seq, replayed=True)
            if windows.too_old(window, request.frame):
                raise Refused("too_old", "this id is older than everything remembered", field="/id")
        if request.key is not None:
            key = request.key
            first = node.keys.get((key.credential, key.key))
            first = first or self.ledger.find_key(request.org, key.credential, key.key)
            if first is not None:
                if first[0] != key.body_digest:
                    raise Refused(
                        "idempotency_key_reused", "this key was used for another request", status=422
                    )
                return Answer(seq=first[1], replayed=True)
        return None

    def _merge(self, node: Node, request: Request, outcome: Outcome) -> Answer:
        """Take a quiet batch over: rows, chain and tree, state, timers; and what is written beside the events."""
        written = outcome.written
        if written:
            self._append(node, written)
            node.world.merge(outcome.overlay)
            subjects, arm = self.wiring.subjects, node.timers.arm
            for kind, changed in outcome.overlay.tables.items():
                if kind in subjects:
                    for key in changed:
                        arm(kind, key)
        if request.key is not None or request.credentials or request.redacts:
            self._beside(node, request, written)
        if not outcome.own and not outcome.rest:
            return Answer(seq=node.world.seq)
        first = written[0].event
        own = (first,) if outcome.own == 1 else tuple([entry.event for entry in written[: outcome.own]])
        return Answer(seq=first.seq, event=first, events=own + outcome.rest)

    def _append(self, node: Node, written: list[Written]) -> None:
        org, pending = node.world.org, self.pending
        batch, append = pending.batch, node.head.append
        events = pending.events.setdefault(org, [])
        for entry in written:
            event = entry.event
            batch.events.append((org, event.seq, event.subject, entry.data, append(entry.data)))
            if entry.private:
                batch.privates.append((org, event.seq, entry.salt, entry.private))
            events.append(event)
            if event.kind == "decision":
                pending.heavy.add(org)
        for tile in node.head.tree.take_tiles():
            batch.tiles.append((org, tile.level, tile.number, tile.data))
        node.world.seq = event.seq
        node.world.at = event.at

    def _beside(self, node: Node, request: Request, written: list[Written]) -> None:
        """Rows that are no events and belong to the same commit: keys, credentials, erased private parts."""
        org, batch = node.world.org, self.pending.batch
        first = written[0].event if written else None
        if request.key is not None and first is not None:
            key = request.key
            node.keys[(key.credential, key.key)] = (key.body_digest, first.seq)
            day = node.world.at // DAY
            batch.keys.append((day, org, key.credential, key.key, key.body_digest, first.seq))
        # A row without a subject is of the subject that this very command begins: its integer is known only now.
        # An agent that was not to be is on the record and has no state: nothing was begun, so no key is kept.
        began = first is not None and node.world.read(first.kind, first.subject) is not None
        subject = first.subject if first is not None else 0
        batch.credentials.extend(
            row if row[3] else (*row[:3], subject, *row[4:]) for row in request.credentials if row[3] or began
        )
        batch.redactions.extend((org, seq) for seq in request.redacts)

    # -- committing ---------------------------------------------------------------------------------------------

    def take(self) -> Pending:
        """The batch to commit now; a new one begins."""
        pending, self.pending = self.pending, Pending()
        return pending

    def committed(self, pending: Pending) -> None:
        """The batch is durable: what it holds may be seen."""
        for org, events in pending.events.items():
            self.nodes[org].committed = events[-1].seq
        for row in pending.batch.keys:
            self.nodes[row[1]].keys.pop((row[2], row[3]), None)
