"""Work for others and new agents, by an agent: handed on with at most its own rights, waited for when wanted."""

from __future__ import annotations

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

from watchfloor_agent.canonical import plain
from watchfloor_agent.errors import ProtocolError, Unavailable
from watchfloor_agent.link import Link
from watchfloor_agent.messages import AgentSpawn, TaskDelegate, TaskSubmit
from watchfloor_agent.received import AgentSpawned, SupervisionChanged, TaskResult, TaskSubmitted

log = logging.getLogger("watchfloor_agent")

RESULTS_KEPT = 256  # results that came before anybody waited for them


@dataclass(frozen=True)
class Outcome:
    """What became of a task that was handed on. `result` is another agent's words: do not trust them as your own.

    `status` is succeeded, dead_letter or cancelled; `verified`: the platform's own checks held.
    """

    task_id: str
    status: str
    result: Any
    reason: str
    agent_id: str
    parent_id: str
    verified: bool
    cost_micro: int
    tokens: int


@dataclass(frozen=True)
class Spawned:
    """A new agent. `api_key` is shown once, and is empty when the answer had to be repeated: rotate it then."""

    agent_id: str
    name: str
    structured_id: str
    expires_at: int
    depth: int
    api_key: str = field(repr=False)


class Handed:
    """A task that was handed on."""

    def __init__(self, desk: Desk, task_id: str, depth: int) -> None:
        self._desk = desk
        self.id = task_id
        self.depth = depth

    def __repr__(self) -> str:
        return f"Handed({self.id!r})"

    async def result(self, *, wait_ms: int | None = None) -> Outcome:
        """Wait until it is over. Raises Unavailable after `wait_ms`, and when the agent stops."""
        return await self._desk.outcome(self.id, wait_ms)


class Desk:
    """What one agent has handed on."""

    def __init__(self, link: Link, answer_ms: int) -> None:
        self._link = link
        self._answer_ms = answer_ms
        self._waiting: dict[str, asyncio.Future[Outcome]] = {}
        self._kept: OrderedDict[str, Outcome] = OrderedDict()
        self.domains: dict[str, SupervisionChanged] = {}

    async def submit(self, frame: TaskSubmit | TaskDelegate) -> Handed:
        """Put it into the queue. Raises Refused (`invalid_delegation` says that it is on the record), Unavailable."""
        answer = await self._link.ask(frame, patience_ms=self._answer_ms)
        if not isinstance(answer, TaskSubmitted):
            raise ProtocolError(f"{frame.FRAME} was answered by {answer.FRAME}")
        return Handed(self, answer.task_id, answer.depth)

    async def spawn(self, frame: AgentSpawn) -> Spawned:
        """Turn a started execution into an agent. Raises Refused, Unavailable."""
        answer = await self._link.ask(frame, patience_ms=self._answer_ms)
        if not isinstance(answer, AgentSpawned):
            raise ProtocolError(f"{frame.FRAME} was answered by {answer.FRAME}")
        return Spawned(
            agent_id=answer.agent_id,
            name=answer.name,
            structured_id=answer.structured_id,
            expires_at=answer.expires_at,
            depth=answer.depth,
            api_key=answer.api_key,
        )

    async def outcome(self, task_id: str, wait_ms: int | None) -> Outcome:
        """What became of a task: from memory, or when it comes."""
        kept = self._kept.pop(task_id, None)
        if kept is not None:
            return kept
        future = self._waiting.get(task_id)
        if future is None:
            future = self._waiting[task_id] = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(None if wait_ms is None else wait_ms / 1000):
                return await asyncio.shield(future)
        except TimeoutError:
            raise Unavailable(f"{task_id} was not over within {wait_ms} ms") from None

    def told(self, payload: TaskResult) -> None:
        """A result was pushed."""
        outcome = Outcome(
            task_id=payload.task_id,
            status=payload.status,
            result=payload.result,
            reason=payload.reason,
            agent_id=payload.agent_id,
            parent_id=payload.parent_id,
            verified=payload.verified,
            cost_micro=payload.cost_micro,
            tokens=payload.tokens,
        )
        future = self._waiting.pop(payload.task_id, None)
        if future is not None and not future.done():
            future.set_result(outcome)
            return
        self._kept[payload.task_id] = outcome
        if len(self._kept) > RESULTS_KEPT:
            forgotten, _ = self._kept.popitem(last=False)
            log.warning("nobody asked what became of %s", forgotten)

    def supervises(self, payload: SupervisionChanged) -> None:
        """A domain came or went; an older generation is no news."""
        before = self.domains.get(payload.domain)
        if before is not None and before.generation > payload.generation:
            return
        log.info("%s: %s", payload.domain, "supervised by us" if payload.held else "no longer ours")
        if payload.held:
            self.domains[payload.domain] = payload
        else:
            self.domains.pop(payload.domain, None)

    def abandon(self, error: Exception) -> None:
        """The agent ends: whoever waits gets `error`."""
        for future in self._waiting.values():
            if not future.done():
                future.set_exception(error)
                future.exception()  # looked at here: perhaps nobody waits any more
        self._waiting.clear()


def described(name: str, type_: str, capabilities: tuple[str, ...], tools: tuple[str, ...]) -> dict[str, Any]:
    """The parameters of the action an agent is spawned with: exactly these are granted, and only these count."""
    return {"capabilities": list(capabilities), "name": name, "tools": list(tools), "type": type_}


def sendable(value: Any) -> Any:
    """An input or metadata in the form that is sent. Raises NotCanonical."""
    return None if value is None else plain(value)
