"""`@agent.guarded("action.type")`: a function that runs only with a grant for exactly this call.

The wrapper asks with the call's arguments as parameters, waits for the decision, checks that the arguments are still
those that were granted, starts, checks again, runs, and reports. With `edits` people may have given the call other
arguments: the function then runs with those, says so in the log, and finds `current_execution().grant.edited` true. A coroutine function stays one; a plain function
stays plain and is called from any thread but the agent's own loop.
"""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, ParamSpec, Protocol, TypeVar, cast

from watchfloor_agent.actions import Action, Execution, Grant, running
from watchfloor_agent.errors import ConfigurationError, GrantMismatch, GrantRevoked, WatchfloorError

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
        edits: bool,
    ) -> Grant: ...

    async def retry(self, execution: Execution) -> Grant: ...

    async def decision(self, action_id: str, action: Action, *, edits: bool) -> Grant: ...

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
    edits: bool = False


Call = tuple[tuple[Any, ...], dict[str, Any]]  # the arguments of one call


class Guard:
    """One guarded function's way of describing its calls."""

    def __init__(self, agent: Asking, function: Callable[..., Any], terms: Terms) -> None:
        if inspect.isgeneratorfunction(function) or inspect.isasyncgenfunction(function):
            name = getattr(function, "__qualname__", repr(function))
            raise ConfigurationError(
                f"{name} is a generator: it runs when it is iterated, so guard what it calls"
            )
        if terms.edits and terms.params is not None:
            raise ConfigurationError("edits needs the arguments to be the parameters: leave params away")
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
            edits=terms.edits,
        )

    async def begin(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> tuple[Execution, Call]:
        """A started execution, and the call it is of: when this returns, the function may run with these arguments."""
        return await self._started(await self.ask(args, kwargs), args, kwargs)

    def _edited(self, grant: Grant, args: tuple[Any, ...]) -> Call:
        """The arguments that people gave the call. Raises GrantMismatch where the function does not take them."""
        rest = dict(grant.action.params)
        given: tuple[Any, ...] = ()
        named: dict[str, Any] = {}
        by_name = False
        for index, (name, parameter) in enumerate(self._signature.parameters.items()):
            if index == 0 and name in ("self", "cls"):
                given = args[:1]
            elif parameter.kind is inspect.Parameter.VAR_KEYWORD:
                named |= rest
                rest = {}
            elif parameter.kind is inspect.Parameter.VAR_POSITIONAL:
                given += tuple(rest.pop(name, ()))
            elif name not in rest:
                by_name = True  # it keeps its default, so what follows is named
            elif by_name or parameter.kind is inspect.Parameter.KEYWORD_ONLY:
                named[name] = rest.pop(name)
            else:
                given += (rest.pop(name),)
        try:
            self._signature.bind(*given, **named)
            fits = not rest and grant.allows(self.describe(given, named))
        except TypeError:
            fits = False
        if not fits:
            raise GrantMismatch(
                f"{grant.action.type}: people edited the parameters to what {self._function.__name__} does not take",
                action_id=grant.action_id,
                grant_id=grant.grant_id,
            )
        log.warning("%s runs with parameters that people edited: %s", grant.action.type, grant.action_id)
        return given, named

    async def again(
        self, failed: Execution, error: BaseException, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Execution, Call] | None:
        """A started execution of the next attempt; None when there is none, and `error` is how it ended."""
        if self._terms.attempts < 2 or not isinstance(error, Exception):
            return None
        try:
            return await self._started(await self._agent.retry(failed), args, kwargs)
        except WatchfloorError as refused:
            log.info("no further attempt: %s", refused)
            return None

    async def _started(
        self, grant: Grant, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> tuple[Execution, Call]:
        for revocations in range(1, REVOCATIONS_MAX + 1):
            if grant.edited:
                args, kwargs = self._edited(grant, args)
            target = self._terms.target
            execution = self._agent.execution(
                grant,
                target=target if isinstance(target, str) else target(*args, **kwargs),
                describe=functools.partial(self.describe, args, kwargs),
            )
            try:
                await execution.start()
            except GrantRevoked:
                if revocations == REVOCATIONS_MAX:
                    raise
                grant = await self._agent.decision(grant.action_id, grant.action, edits=self._terms.edits)
            else:
                return execution, (args, kwargs)
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
            execution, call = await asking.begin(args, kwargs)
            while True:
                try:
                    with running(execution):
                        result = await cast("Any", function)(*call[0], **call[1])
                except BaseException as error:
                    await asking.end(execution, error, None)
                    following = await asking.again(execution, error, *call)
                    if following is None:
                        raise
                    execution, call = following
                else:
                    await asking.end(execution, None, result)
                    return result

        return cast("Callable[P, R]", asked)

    @functools.wraps(function)
    def asked_plainly(*args: P.args, **kwargs: P.kwargs) -> R:
        execution, call = agent.wait(asking.begin(args, kwargs))
        while True:
            try:
                with running(execution):
                    result = cast("Callable[..., R]", function)(*call[0], **call[1])
            except BaseException as error:
                agent.wait(asking.end(execution, error, None))
                following = agent.wait(asking.again(execution, error, *call))
                if following is None:
                    raise
                execution, call = following
            else:
                agent.wait(asking.end(execution, None, result))
                return result

    return asked_plainly
