"""The agent as its author sees it: connect, take tasks, ask before acting."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from pathlib import Path
from ssl import SSLContext
from typing import Any, Literal, ParamSpec, TypeVar, overload
from urllib.parse import urlsplit

from watchfloor_agent.actions import Action, Execution, Grant, Ruling
from watchfloor_agent.delegating import Handed, Spawned, described, sendable
from watchfloor_agent.errors import ConfigurationError
from watchfloor_agent.guard import Terms, guard
from watchfloor_agent.lifetime import Lifetime
from watchfloor_agent.link import Settings
from watchfloor_agent.messages import ActionRequest, AgentSpawn, StatusUpdate, TaskDelegate, TaskSubmit
from watchfloor_agent.metering import Meter
from watchfloor_agent.received import TaskRecorded, Welcome
from watchfloor_agent.registration import digest_of, read_key
from watchfloor_agent.speech import Speech
from watchfloor_agent.tasks import Accept, Task, current_task
from watchfloor_agent.version import SDK

P = ParamSpec("P")
R = TypeVar("R")
W = TypeVar("W", bound=Callable[..., Any])

Urgency = Literal["low", "normal", "high", "immediate"]
LOOPBACK = ("127.0.0.1", "::1", "localhost")
RECONNECT_MS = (1_000, 60_000)  # first and longest pause, spec 8


class Agent(Speech):
    """A program that acts, and asks before it does.

    `url` is the server's WebSocket address (`wss://host/ws`; `ws://` only on this machine unless `insecure`). `key_path`
    is the file with the key the registration gave; the agent rotates it there seven days before it expires (with
    `api_key` alone nobody does). `answer_ms` bounds the wait for the *server*; waiting for *people* is bounded by the
    decision's own deadline. `state_path` keeps the newest checkpoint, so that the ledger cannot shrink unnoticed
    between runs. One Agent has one connection at a time; it may be started again after it has stopped.
    """

    def __init__(
        self,
        url: str,
        api_key: str = "",
        *,
        key_path: str | Path | None = None,
        capabilities: Sequence[str] = (),
        name: str = "",
        version: str = "",
        prompt: str = "",
        tools_digest: str = "",
        state_path: str | Path | None = None,
        answer_ms: int = 30_000,
        drain_ms: int = 5_000,
        reconnect_ms: tuple[int, int] = RECONNECT_MS,
        ssl: SSLContext | None = None,
        insecure: bool = False,
        estimate: Meter | None = None,
    ) -> None:
        """`estimate`: what an action is expected to take where the request does not say (Meter(tokens=0, …))."""
        _check_address(url, insecure)
        if not api_key and key_path is not None:
            api_key = read_key(key_path)
        if not api_key:
            raise ConfigurationError(
                "api_key is empty: register the agent, then give its key file as key_path"
            )
        self.url = url
        self.name = name
        self._estimate = estimate or Meter()
        settings = Settings(
            url=url,
            api_key=api_key,
            agent_version=version,
            prompt_digest=digest_of(prompt) if prompt else "",
            tools_digest=tools_digest,
            sdk=SDK,
            ssl=ssl,
            insecure=insecure,
            first_ms=reconnect_ms[0],
            longest_ms=reconnect_ms[1],
        )
        self._life = Lifetime(
            settings,
            capabilities=tuple(capabilities),
            state_path=Path(state_path) if state_path is not None else None,
            key_path=Path(key_path) if key_path is not None else None,
            answer_ms=answer_ms,
            drain_ms=drain_ms,
        )

    def __repr__(self) -> str:
        return f"Agent({self.url!r}, name={self.name!r})"

    # Life --------------------------------------------------------------------------------------------------------

    @property
    def welcome(self) -> Welcome | None:
        """What the server said when the present session, or the last one, began: ids, tier, permissions, limits."""
        return self._life.welcome

    @property
    def connected(self) -> bool:
        """Whether there is a session at this moment."""
        return self._life.connected

    @property
    def health(self) -> Literal["healthy", "degraded", "unhealthy"]:
        """What heartbeats say of this agent."""
        return self._life.health

    @health.setter
    def health(self, health: Literal["healthy", "degraded", "unhealthy"]) -> None:
        self._life.health = health

    async def __aenter__(self) -> Agent:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self, *, wait_ms: int | None = None) -> None:
        """Connect and return when welcomed. Raises Fatal, or Unavailable after `wait_ms` (default: `answer_ms`)."""
        await self._life.start(self._life.answer_ms if wait_ms is None else wait_ms)

    async def stop(self) -> None:
        """Fail unfinished tasks, deliver what is owed (at most `drain_ms`), close."""
        await self._life.stop()

    async def serve(self) -> None:
        """Run until `stop` or a Fatal error, which is raised; connects and reconnects by itself."""
        await self._life.serve()

    def run(self) -> None:
        """`serve` for programs without an event loop: until Ctrl-C, SIGTERM or a Fatal error."""
        with contextlib.suppress(KeyboardInterrupt):
            asyncio.run(self._life.serve_until_signal())

    @contextlib.contextmanager
    def background(self) -> Iterator[Agent]:
        """The agent on a thread of its own, for plain programs: guarded functions and `wait` work inside the block."""
        with self._life.background():
            yield self

    def wait(self, awaitable: Awaitable[R]) -> R:
        """The result of something awaitable of this agent (`agent.wait(agent.request_action(…))`), from a thread."""
        return self._life.wait(awaitable)

    # Tasks -------------------------------------------------------------------------------------------------------

    @overload
    def on_task(self, work: W) -> W: ...

    @overload
    def on_task(self, work: None = None, *, accept: Accept | None = None) -> Callable[[W], W]: ...

    def on_task(self, work: W | None = None, *, accept: Accept | None = None) -> W | Callable[[W], W]:
        """Decorator: this function works on tasks; what it returns is the result, what it raises the failure.

        `async def` runs on the loop and is cancelled when the task is; a plain function runs on a thread and looks at
        `task.cancelled`. `accept(task)` may turn a task down: False, or a sentence that says why.
        """

        def register(function: W) -> W:
            if self._life.work is not None:
                raise ConfigurationError("this agent has its function for tasks already")
            self._life.work, self._life.accept = function, accept
            return function

        return register if work is None else register(work)

    async def progress(self, percent: int, message: str = "", *, blocked: bool = False) -> None:
        """How far the current task is (see Task.progress)."""
        await _current().progress(percent, message, blocked=blocked)

    async def complete(
        self,
        result: Any = None,
        *,
        report: Any = None,
        tokens: int | None = None,
        cost_micro: int | None = None,
    ) -> TaskRecorded:
        """Complete the current task before its function returns (see Task.complete)."""
        return await _current().complete(result, report=report, tokens=tokens, cost_micro=cost_micro)

    def used(self, *, tokens: int | None = None, cost_micro: int | None = None) -> None:
        """Add to what the current task has used (see Task.used)."""
        _current().used(tokens=tokens, cost_micro=cost_micro)

    async def fail(self, reason: str, *, retryable: bool = True) -> TaskRecorded:
        """Fail the current task (see Task.fail)."""
        return await _current().fail(reason, retryable=retryable)

    def update_status(
        self, state: Literal["idle", "working", "blocked"], *, progress: int = 0, message: str = ""
    ) -> None:
        """Tell the people who watch what the agent is doing. Not recorded, and lost when there is no connection."""
        task = current_task.get()
        update = StatusUpdate(
            state=state, progress=progress, task_id=task.id if task is not None else "", message=message
        )
        self._life.link.tell(update)

    # Work for others ---------------------------------------------------------------------------------------------

    async def submit_task(
        self,
        title: str,
        *,
        description: str = "",
        input: Any = None,  # noqa: A002  the word of the protocol
        metadata: Any = None,
        needs: Sequence[str] = (),
        agent_id: str = "",
        priority: Literal["urgent", "high", "normal", "low"] = "normal",
        tools: Sequence[str] = (),
        share_milli: int = 0,
        timeout_ms: int = 1_800_000,
        deadline_at: int = 0,
        max_attempts: int = 3,
        reassignable: bool = True,
    ) -> Handed:
        """Put a new task into the queue; `await handed.result()` waits for it. Inside a task it becomes a part of it.

        It may be done with `tools` at most (default: this agent's own), and `share_milli` thousandths of the task's
        budget. Raises Refused; with the code `invalid_delegation` the attempt is on the record and costs trust.
        """
        task = current_task.get()
        frame = TaskSubmit(
            title=title,
            description=description,
            input=sendable(input),
            metadata=sendable(metadata),
            needs=tuple(needs),
            agent_id=agent_id,
            priority=priority,
            task_id=task.id if task is not None else "",
            generation=task.generation if task is not None else 0,
            tools=tuple(tools),
            share_milli=share_milli,
            timeout_ms=timeout_ms,
            deadline_at=deadline_at,
            max_attempts=max_attempts,
            reassignable=reassignable,
        )
        return await self._life.desk.submit(frame)

    async def delegate(
        self,
        title: str,
        *,
        to: str = "",
        needs: Sequence[str] = (),
        description: str = "",
        input: Any = None,  # noqa: A002  the word of the protocol
        priority: Literal["urgent", "high", "normal", "low"] = "normal",
        tools: Sequence[str] = (),
        share_milli: int = 0,
        timeout_ms: int = 1_800_000,
        task: Task | None = None,
    ) -> Handed:
        """Hand a part of the task at hand to an agent (`to`) or to whoever has what it `needs`; see `submit_task`."""
        task = task or _current()
        frame = TaskDelegate(
            title=title,
            description=description,
            input=sendable(input),
            needs=tuple(needs),
            agent_id=to,
            priority=priority,
            task_id=task.id,
            generation=task.generation,
            tools=tuple(tools),
            share_milli=share_milli,
            timeout_ms=timeout_ms,
        )
        return await self._life.desk.submit(frame)

    async def spawn(
        self,
        name: str,
        *,
        type: str = "worker",  # noqa: A002  the word of the protocol
        capabilities: Sequence[str],
        tools: Sequence[str] = (),
        share_milli: int = 0,
        reason: str = "",
        wait_ms: int | None = None,
    ) -> Spawned:
        """A new agent with at most this one's rights: asked for as an action of class spawn, granted, made, reported.

        Raises as `request_action` and `execution`; Refused with `invalid_delegation` is on the record.
        """
        wanted = described(name, type, tuple(capabilities), tuple(tools))
        grant = await self.request_action("agent.spawn", params=wanted, reason=reason, wait_ms=wait_ms)
        async with self.execution(grant) as execution:
            frame = AgentSpawn(
                action_id=grant.action_id,
                execution_id=execution.execution_id,
                name=name,
                type=type,
                capabilities=tuple(capabilities),
                tools=tuple(tools),
                share_milli=share_milli,
            )
            spawned = await self._life.desk.spawn(frame)
            execution.outcome = {"agent_id": spawned.agent_id}
        return spawned

    @property
    def supervised(self) -> dict[str, tuple[str, ...]]:
        """The domains this agent supervises now, each with the ids of its members."""
        return {name: change.members for name, change in self._life.desk.domains.items()}

    # Actions -----------------------------------------------------------------------------------------------------

    async def request_action(
        self,
        action_type: str,
        *,
        tool: str = "",
        params: Mapping[str, Any] | None = None,
        reason: str = "",
        urgency: Urgency | str = "normal",
        task: Task | None = None,
        value_micro: int = 0,
        cost_micro: int | None = None,
        tokens: int | None = None,
        wait_ms: int | None = None,
        attempts: int = 0,
        edits: bool = False,
    ) -> Grant:
        """Ask before acting, and wait until it is decided. Returns a Grant for exactly this action, or raises.

        Denied (with reasons), Expired, Cancelled: no. Unavailable: no answer, which also means no; with `wait_ms` people
        may still decide later (`decision`). Refused: the request itself is wrong. The task at hand is named by itself.
        With `edits` the grant may be of parameters that people gave it (`grant.edited`: run `grant.action.params`);
        without, that is a GrantMismatch.
        `cost_micro` and `tokens` are estimates: under a budget, what is not estimated is denied. `attempts`: at most so many
        executions for one decision (see `retry`); 0: as many as the policy allows.
        """
        action = Action.of(action_type, tool, dict(params or {}))
        estimate = self._estimate.said(tokens, cost_micro)
        frame = _request(
            action, reason, urgency, task, value_micro, estimate, dry_run=False, attempts=attempts
        )
        return await self._life.actions.request(frame, action, wait_ms, edits=edits)

    async def dry_run(
        self,
        action_type: str,
        *,
        tool: str = "",
        params: Mapping[str, Any] | None = None,
        urgency: Urgency | str = "normal",
        task: Task | None = None,
        value_micro: int = 0,
        cost_micro: int | None = None,
        tokens: int | None = None,
        audit: bool = False,
    ) -> Ruling:
        """What the gate would say now, without asking for it: no grant, nobody is told, no limit is spent.

        With `audit` the ledger keeps one line of who asked what (`Ruling.audit_seq`); else nothing.
        """
        action = Action.of(action_type, tool, dict(params or {}))
        estimate = self._estimate.said(tokens, cost_micro)
        frame = _request(action, "", urgency, task, value_micro, estimate, dry_run=True, audit=audit)
        return await self._life.actions.dry_run(frame)

    async def decision(
        self, action_id: str, action: Action, *, wait_ms: int | None = None, edits: bool = False
    ) -> Grant:
        """Wait for a request that is pending already, after Unavailable or a restart. Raises as `request_action`.

        `action` is what was asked (`Action.of(type, tool, params)`): the grant must be for exactly that.
        """
        return await self._life.actions.decision(action_id, action, wait_ms, edits=edits)

    def execution(
        self, grant: Grant, *, target: str = "", describe: Callable[[], Action] | None = None
    ) -> Execution:
        """The use of a grant: `async with agent.execution(grant) as execution: …; execution.outcome = …`.

        `describe` returns what is about to run, as an Action; without it, what was asked is taken to be what runs.
        `target` is the resolved path or host the action will touch.
        """
        return self._life.actions.execution(grant, describe, target)

    def guarded(
        self,
        action_type: str,
        *,
        tool: str = "",
        params: Callable[..., Mapping[str, Any]] | None = None,
        reason: str | Callable[..., str] = "",
        urgency: Urgency = "normal",
        cost_micro: int | Callable[..., int] | None = None,
        tokens: int | Callable[..., int] | None = None,
        target: str | Callable[..., str] = "",
        outcome: Callable[[Any], Any] | None = None,
        attempts: int = 1,
        edits: bool = False,
    ) -> Callable[[Callable[P, R]], Callable[P, R]]:
        """Decorator: the function runs only with a grant for exactly this call; its arguments are the parameters.

        Callables get the call's arguments: `params` to choose what people see, `reason`, `cost_micro`, `target`.
        `outcome` turns the returned value into what is reported. With `attempts` above 1 a function that raised runs again
        as often as the server grants it, under the same decision. With `edits` people may give the call other arguments:
        the function runs with those (`current_execution().grant.edited`). Raises as `request_action` and `execution`.
        """
        terms = Terms(
            action_type=action_type,
            tool=tool,
            params=params,
            reason=reason,
            urgency=urgency,
            cost_micro=cost_micro,
            tokens=tokens,
            target=target,
            outcome=outcome,
            attempts=attempts,
            edits=edits,
        )
        return lambda function: guard(self, function, terms)

    async def retry(self, execution: Execution) -> Grant:
        """A grant for one more attempt at an action whose execution has failed, under the same decision.

        Only as often as the ruling bears, and while the first grant would still hold. Raises Refused, Unavailable.
        """
        return await self._life.actions.retry(execution)

    async def settle(
        self,
        action_id: str,
        execution_id: str,
        outcome: Literal["completed", "failed"],
        *,
        cost_micro: int | None = None,
        tokens: int | None = None,
    ) -> None:
        """Tell what became of an execution whose outcome the server does not know."""
        await self._life.actions.settle(action_id, execution_id, outcome, cost_micro, tokens)


def _request(
    action: Action,
    reason: str,
    urgency: str,
    task: Task | None,
    value_micro: int,
    estimate: dict[str, int | None],
    *,
    dry_run: bool,
    audit: bool = False,
    attempts: int = 0,
) -> ActionRequest:
    task = task or current_task.get()
    return ActionRequest(
        type=action.type,
        tool=action.tool,
        params=action.params,
        reason=reason,
        urgency=urgency,
        task_id=task.id if task is not None else "",
        generation=task.generation if task is not None else 0,
        value_micro=value_micro,
        dry_run=dry_run,
        audit=audit,
        attempts=attempts,
        **estimate,
    )


def _current() -> Task:
    task = current_task.get()
    if task is None:
        raise ConfigurationError("there is no task at hand: call this inside the function of @agent.on_task")
    return task


def _check_address(url: str, insecure: bool) -> None:
    parts = urlsplit(url)
    if parts.scheme not in ("ws", "wss") or not parts.hostname:
        raise ConfigurationError(f"url is a WebSocket address like wss://host/ws, not {url!r}")
    if parts.username or parts.password or parts.query:
        raise ConfigurationError("url holds the address only; the key goes into api_key")
    if parts.scheme == "ws" and parts.hostname not in LOOPBACK and not insecure:
        raise ConfigurationError(
            f"ws:// would show the key to the network between here and {parts.hostname};"
            " use wss://, or insecure=True inside a trusted network"
        )
