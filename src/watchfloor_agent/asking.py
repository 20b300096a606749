"""What an agent has asked and not been told yet, and what it has been told without asking.

Requests wait in a queue, get a number when there is room in flight, and stay with their exact bytes until they are
answered. A request that was refused for now (rate, overload) was not executed: it is asked again under a new number,
because the server may already have seen a later one.
"""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass

from watchfloor_agent import framing
from watchfloor_agent.errors import Refused
from watchfloor_agent.messages import Payload
from watchfloor_agent.received import ErrorFrame, RateLimited

log = logging.getLogger("watchfloor_agent")

SEQS_REMEMBERED = 1_024  # pushes a server may repeat; it keeps 256
RETRY_MS = 1_000  # when a refusal for now names no time


@dataclass(eq=False)
class Asked:
    """One request; `keep`: it is repeated until answered, whoever still waits."""

    payload: Payload
    answer: asyncio.Future[Payload]
    keep: bool
    data: bytes = b""


class Requests:
    """Requests of one agent in the order of their numbers. `send` puts bytes on the present socket."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._waiting: deque[Asked] = deque()
        self._sent: dict[int, Asked] = {}
        self._open: set[Asked] = set()
        self._number = 0
        self._room = 0

    def add(self, payload: Payload, *, keep: bool) -> Asked:
        """Queue a request; its answer comes as the result of the future, or as an exception."""
        asked = Asked(payload, asyncio.get_running_loop().create_future(), keep)
        self._open.add(asked)
        asked.answer.add_done_callback(lambda _: self._done(asked))
        self._waiting.append(asked)
        self._pump()
        return asked

    def forget(self, asked: Asked) -> None:
        """Nobody waits any more: it is not sent, or not repeated; a late answer is ignored."""
        asked.answer.cancel()
        self._sent = {number: other for number, other in self._sent.items() if other is not asked}
        self._pump()

    def connected(self, last_number: int, room: int) -> None:
        """A session began: repeat what is unanswered, in order, then go on above what the server has seen."""
        self._number = max(self._number, last_number)
        for asked in self._sent.values():
            self._send(asked.data)
        self.resize(room)

    def resize(self, room: int) -> None:
        """How many may be in flight from now on; 0 while there is no connection."""
        self._room = room
        self._pump()

    def answered(self, number: int, payload: Payload) -> None:
        """The server's answer to request `number`; the second one and those nobody waits for are ignored."""
        asked = self._sent.pop(number, None)
        if asked is None:
            return
        if isinstance(payload, RateLimited) or (isinstance(payload, ErrorFrame) and payload.retryable):
            delay_ms = payload.retry_after_ms or RETRY_MS
            log.info("%s is to be asked again in %d ms", asked.payload.FRAME, delay_ms)
            asyncio.get_running_loop().call_later(delay_ms / 1000, self._again, asked)
        elif not asked.answer.done():
            if isinstance(payload, ErrorFrame):
                asked.answer.set_exception(Refused(payload.code, payload.detail, field=payload.field))
            else:
                asked.answer.set_result(payload)
        self._pump()

    def owed(self) -> list[asyncio.Future[Payload]]:
        """The answers to kept reports that have not come yet."""
        return [asked.answer for asked in self._open if asked.keep]

    def abandon(self, error: Exception) -> None:
        """The agent ends: whoever waits gets `error`."""
        self._waiting.clear()
        self._sent.clear()
        for asked in self._open.copy():
            if not asked.answer.done():
                asked.answer.set_exception(error)

    def _done(self, asked: Asked) -> None:
        self._open.discard(asked)
        if not asked.answer.cancelled() and asked.answer.exception() is not None:
            # A kept report may be refused after its asker has gone: looked at here, so that asyncio need not warn.
            log.debug("%s ended with %s", asked.payload.FRAME, asked.answer.exception())

    def _again(self, asked: Asked) -> None:
        self._waiting.append(asked)
        self._pump()

    def _pump(self) -> None:
        while self._waiting and len(self._sent) < self._room:
            asked = self._waiting.popleft()
            if asked.answer.done():
                continue
            self._number += 1
            asked.data = framing.encode(asked.payload, self._number)
            self._sent[self._number] = asked
            self._send(asked.data)


class Deliveries:
    """Pushes by their seq: each is handled once. `seq` is the newest handled, to be acknowledged."""

    def __init__(self) -> None:
        self._seen: OrderedDict[int, None] = OrderedDict()
        self._forgotten = 0
        self.seq = 0
        self.unacknowledged = 0

    def is_new(self, seq: int) -> bool:
        """Whether this push has not been handled yet."""
        return seq > self._forgotten and seq not in self._seen

    def handled(self, seq: int) -> None:
        """Remember it, to ignore its repetition."""
        self._seen[seq] = None
        if len(self._seen) > SEQS_REMEMBERED:
            forgotten, _ = self._seen.popitem(last=False)
            self._forgotten = max(self._forgotten, forgotten)
        self.seq = max(self.seq, seq)
        self.unacknowledged += 1
