"""One request on its way through a route: who asks, what came, and how it puts a command to the engine.

Commands carry the caller's Idempotency-Key into the same commit (DESIGN 2b.5). An answer is rendered from the first
event alone, so a repeated request gets the same answer, read back from the ledger; secrets are never among it.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from watchfloor.engine.requests import Answer, IdempotencyKey, Lane, Request
from watchfloor.http import naming, problems
from watchfloor.http.correlation import Trace
from watchfloor.http.identity import Principal
from watchfloor.http.operations import Operation
from watchfloor.http.pacing import Pacing
from watchfloor.http.ports import Services
from watchfloor.kernel.ids import parse_id, public_id
from watchfloor.kernel.messages import Command, Event, Refused

_decode_private = msgspec.json.Decoder().decode


class Recorded(msgspec.Struct, frozen=True, kw_only=True):
    """A command's outcome for rendering: its first event (None: nothing had to be recorded) and the seq to wait for."""

    event: Event | None
    seq: int
    replayed: bool
    events: tuple[Event, ...] = ()


class Call:
    """Everything a route function gets."""

    __slots__ = (
        "body",
        "form",
        "headers",
        "key",
        "now",
        "operation",
        "pacing",
        "params",
        "path",
        "principal",
        "services",
        "tls",
        "trace",
    )

    def __init__(
        self,
        services: Services,
        operation: Operation,
        principal: Principal,
        trace: Trace,
        headers: Mapping[str, str],
        path: Mapping[str, Any],
        pacing: Pacing,
        *,
        tls: bool,
    ) -> None:
        self.services = services
        self.operation = operation
        self.principal = principal
        self.trace = trace
        self.headers = headers
        self.path = path
        self.pacing = pacing
        self.tls = tls
        self.now = services.clock()
        self.params: Any = None
        self.body: Any = None
        self.form: dict[str, str] = {}
        self.key: IdempotencyKey | None = None

    # Who and what ---------------------------------------------------------------------------------------------------

    @property
    def org(self) -> int:
        """The organisation everything here is limited to."""
        return self.principal.org

    @property
    def of_agent(self) -> bool:
        """Does an agent ask?"""
        return self.principal.kind == "agent"

    def state(self, kind: str, subject: int) -> Any:
        """Committed state of a subject of this organisation, or None."""
        return self.services.engine.state(self.org, kind, subject)

    def read(self, name: str, key: Any) -> Any:
        """Any committed cell of this organisation, as rules and registers read it."""
        return self.services.engine.cell(self.org, name, key)

    def resolve(self, kind: str, text: str) -> tuple[int, Any]:
        """Integer and state of a public id; an agent is also found by its code or name (http/naming.py).

        404 for what does not exist here, other organisations' included (G13).
        """
        try:
            subject, nonce = parse_id(text, kind)
        except Refused:
            subject = nonce = 0
        state = self.state(kind, subject) if 0 < subject <= self.services.engine.head(self.org) else None
        if state is not None and state.nonce == nonce:
            return subject, state
        if kind == "agent":
            subject = naming.agent_called(self.read, self.state, text)
            state = self.state(kind, subject) if subject else None
            if state is not None:
                return subject, state
        raise problems.not_found(kind)

    def id_of(self, kind: str, subject: int) -> str:
        """Public id of a subject, empty for 0 and for what is unknown."""
        state = self.state(kind, subject) if subject else None
        return "" if state is None else public_id(kind, subject, state.nonce)

    def own_only(self, agent: int, what: str) -> None:
        """An agent sees and moves its own things; others' do not exist for it (fault S8)."""
        if self.of_agent and agent != self.principal.subject:
            raise problems.not_found(what)

    # Reading --------------------------------------------------------------------------------------------------------

    async def rows(self, sql: str, **params: Any) -> list[dict[str, Any]]:
        """Rows of the views. `:org` is always this organisation."""
        return await asyncio.to_thread(self.services.views.rows, sql, {"org": self.org, **params})

    async def privates(self, seqs: Iterable[int]) -> dict[int, dict[str, Any]]:
        """Private parts by seq, decoded; what was erased is missing."""
        wanted = sorted({seq for seq in seqs if seq})
        if not wanted:
            return {}
        found = await asyncio.to_thread(self.services.reads.read_privates, self.org, wanted)
        return {seq: _decode_private(body) for seq, (_, body) in found.items()}

    async def event(self, seq: int) -> Event | None:
        """One event of this organisation."""
        row = await asyncio.to_thread(self.services.reads.read_one, self.org, seq)
        return None if row is None else self.services.decode(row[1])

    @property
    def view_seq(self) -> int:
        """What the views show."""
        return self.services.views.seq(self.org)

    # Commanding -----------------------------------------------------------------------------------------------------

    async def ask(
        self,
        command: Command,
        *,
        lane: Lane | None = None,
        credentials: list[tuple[Any, ...]] | None = None,
        redacts: tuple[int, ...] = (),
        keyed: bool = True,
        salted: bool = False,
    ) -> Recorded:
        """Put a command and wait until it is durable. Raises Refused, Problem 503 when the outcome is not known.

        `salted`: it holds an action, whose digest is made with the command's own entropy.
        """
        request = self.request(command, lane=lane, credentials=credentials, redacts=redacts, keyed=keyed)
        if salted:
            request.command = msgspec.structs.replace(command, salt=request.entropy)
        answer = await self.submit(request)
        event = answer.event
        if answer.replayed:
            event = await self.event(answer.seq)
        return Recorded(
            event=event,
            seq=answer.seq or self.services.engine.head(self.org),
            replayed=answer.replayed,
            events=answer.events,
        )

    def request(
        self,
        command: Command,
        *,
        lane: Lane | None = None,
        credentials: list[tuple[Any, ...]] | None = None,
        redacts: tuple[int, ...] = (),
        keyed: bool = True,
        dry_run: bool = False,
    ) -> Request:
        """The command with who sent it, as the engine takes it."""
        return Request(
            org=self.org,
            command=command,
            actor=self.principal.actor,
            entropy=secrets.token_bytes(32),
            correlation=self.trace.trace_id,
            lane=lane if lane is not None else Lane.REQUESTS if self.of_agent else Lane.PEOPLE,
            agent=self.principal.subject if self.of_agent else 0,
            key=self.key if keyed else None,
            credentials=credentials or [],
            redacts=redacts,
            dry_run=dry_run,
        )

    async def submit(self, request: Request) -> Answer:
        """Queue a request and wait for its answer. Raises Refused, Problem 503."""
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Answer] = loop.create_future()

        def done(answer: Answer) -> None:
            if not future.done():
                future.set_result(answer)

        request.done = done
        self.services.engine.submit(request)
        try:
            async with asyncio.timeout(self.services.config.answer_timeout_s):
                answer = await future
        except TimeoutError:
            raise unknown_outcome("the store did not answer in time") from None
        if answer.refused is not None:
            raise answer.refused
        if answer.failed:
            raise unknown_outcome(answer.failed)
        return answer


def unknown_outcome(detail: str) -> problems.Problem:
    """503: it may or may not have happened; the Idempotency-Key settles it (spec 04 *Durability*)."""
    return problems.Problem(
        503,
        "outcome_unknown",
        f"{detail}; repeat the request with the same Idempotency-Key to learn what happened",
        retryable=True,
        retry_after_ms=1_000,
    )


def encoded(value: Any) -> bytes:
    """Canonical bytes of a private part. The value came through the strict reader, so it is within the subset."""
    return msgspec.json.encode(value, order="sorted")
