"""`@agent.guarded("action.type")`: a function that runs only with a grant for exactly this call.

The wrapper asks with the call's arguments as parameters, waits for the decision, checks that the arguments are still
those that were granted, starts, checks again, runs, and reports. A coroutine function stays one; a plain function
stays plain and is called from any thread but the agent's own loop.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from watchfloor_agent.actions import Action, Execution, Grant
from watchfloor_agent.errors import ConfigurationError, GrantRevoked, WatchfloorError

log = logging.getLogger("watchfloor_agent")

P = ParamSpec("P")
R = TypeVar("R")

REVOCATIONS_MAX = 3  # a grant taken back at its start may be given again by people, but not for ever


class Asking(Protocol):
    """What a guard needs of an agent."""

    async def request_action(
        self,
        action_type: str,
        *,
        tool: str,
        params: Any,
        reason: str,
        urgency: str,
        cost_micro: int | None,
        tokens: int | None,
        attempts: int,
    ) -> Grant: ...

    async def retry(self, execution: Execution) -> Grant: ...

    async def decision(self, action_id: str, action: Action) -> Grant: ...

    def execution(
        self, grant: Grant, *, target: str = "", describe: Callable[[], Action] | None = None
    ) -> Execution: ...

    def wait(self, awaitable: Awaitable[R]) -> R: ...


@dataclass(frozen=True)
class Terms:
    """How a function is asked for. Callables get the call's arguments, by name; `outcome` gets what it returned."""

    action_type: str
    tool: str = ""
    params: Callable[..., Mapping[str, Any]] | None = None
    reason: str | Callable[..., str] = ""
    urgency: str = "normal"
    cost_micro: int | Callable[..., int] | None = None
    tokens: int | Callable[..., int] | None = None
    target: str | Callable[..., str] = ""
    outcome: Callable[[Any], Any] | None = None
    attempts: int = 1


class Guard:
    """One guarded function's way of describing its calls."""

    def __init__(self, agent: Asking, function: Callable[..., Any], terms: Terms) -> None:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            name = getattr(function, "__qualname__", repr(function))
            raise ConfigurationError(
                f"{name} is a generator: it runs when it is iterated, so guard what it calls"
            )
        self._agent = agent
        self._function = function
        self._terms = terms
        self._signature = inspect.signature(function)

    def describe(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Action:
        """The call as an action, with its arguments as they are now."""
        terms = self._terms
        if terms.params is not None:
            return Action.of(terms.action_type, terms.tool, dict(terms.params(*args, **kwargs)))
        bound = self._signature.bind(*args, **kwargs)
        bound.apply_defaults()
        params: dict[str, Any] = {}
        for index, (name, value) in enumerate(bound.arguments.items()):
            if index == 0 and name in ("self", "cls"):
                continue
            if self._signature.parameters[name].kind is inspect.Parameter.VAR_KEYWORD:
                params.update(value)
            else:
                params[name] = value
        return Action.of(terms.action_type, terms.tool, params)

    async def ask(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Grant:
        """A grant for this call."""
        terms = self._terms
        action = self.describe(args, kwargs)
        return await self._agent.request_action(
            terms.action_type,
            tool=terms.tool,
            params=action.params,
            reason=terms.reason if isinstance(terms.reason, str) else terms.reason(*args, **kwargs),
            urgency=terms.urgency,
            cost_micro=terms.cost_micro(*args, **kwargs) if callable(terms.cost_micro) else terms.cost_micro,
            tokens=terms.tokens(*args, **kwargs) if callable(terms.tokens) else terms.tokens,
            attempts=terms.attempts,
        )

    async def begin(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Execution:
        """A started execution of exactly this call: when this returns, the function may run."""
        return await self._started(await self.ask(args, kwargs), args, kwargs)

    async def again(
        self, failed: Execution, error: BaseException, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Execution | None:
        """A started execution of the next attempt; None when there is none, and `error` is how it ended."""
        if self._terms.attempts < 2 or not isinstance(error, Exception):
            return None
        try:
            return await self._started(await self._agent.retry(failed), args, kwargs)
        except WatchfloorError as refused:
            log.info("no further attempt: %s", refused)
            return None

    async def _started(self, grant: Grant, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Execution:
        for revocations in range(1, REVOCATIONS_MAX + 1):
            target = self._terms.target
            execution = self._agent.execution(
                grant,
                target=target if isinstance(target, str) else target(*args, **kwargs),
                describe=lambda: self.describe(args, kwargs),
            )
            try:
                await execution.start()
            except GrantRevoked:
                if revocations == REVOCATIONS_MAX:
                    raise
                grant = await self._agent.decision(grant.action_id, grant.action)
            else:
                return execution
        raise AssertionError("unreachable: the loop returns or raises")

    async def end(self, execution: Execution, error: BaseException | None, result: Any) -> None:
        """Report how it went."""
        if error is None and self._terms.outcome is not None:
            execution.outcome = self._terms.outcome(result)
        elif error is None:
            execution.outcome = result
        await execution.__aexit__(type(error) if error else None, error, None)


def guard(agent: Asking, function: Callable[P, R], terms: Terms) -> Callable[P, R]:
    """The function, asking first."""
    asking = Guard(agent, function, terms)
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def asked(*args: P.args, **kwargs: P.kwargs) -> Any:
            execution = await asking.begin(args, kwargs)
            while True:
                try:
                    result = await function(*args, **kwargs)
                except BaseException as error:
                    await asking.end(execution, error, None)
                    following = await asking.again(execution, error, args, kwargs)
                    if following is None:
                        raise
                    execution = following
                else:
                    await asking.end(execution, None, result)
                    return result

        return cast("Callable[P, R]", asked)

    @functools.wraps(function)
    def asked_plainly(*args: P.args, **kwargs: P.kwargs) -> R:
        execution = agent.wait(asking.begin(args, kwargs))
        while True:
            try:
                result = function(*args, **kwargs)
            except BaseException as error:
                agent.wait(asking.end(execution, error, None))
                following = agent.wait(asking.again(execution, error, args, kwargs))
                if following is None:
                    raise
                execution = following
            else:
                agent.wait(asking.end(execution, None, result))
                return result

    return asked_plainly
