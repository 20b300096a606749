"""HTTP workers: agents that are called at a url instead of holding a socket, and their circuit breaker (spec 2.4).

Theory of operation
-------------------
A worker has no session, so nobody sees it come and go: what is known of it is how its calls end. Its *presence* is
therefore its breaker's, in the words agents have anyway:

    closed = online ── FAILURES_MAX calls in a row without a valid answer ──► open = offline
       ▲                                                                         │ OPEN_MS later
       └──────── the probe was answered ──── half-open = degraded ◄──────────────┘
                                                │ the probe failed: open again

A *call* is everything that was tried for one assignment, its HTTP attempts included; what it ended with is the task's
own fact, and a process tells the worker of it in the same batch. Any valid answer counts, "I failed" and "I reject it"
too: the breaker is about whether the worker can be reached, not about how well it works. While open, a worker gets no
task; half-open it gets one. How a call of earlier days ends while the breaker is open changes nothing.
"""

# ruff: noqa: ARG001 -- rules and folds have one signature each, whatever they look at

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import msgspec

from watchfloor.fleet import presence
from watchfloor.fleet.messages import (
    MoveWorker,
    RecordCall,
    RotateSecret,
    WorkerAnswered,
    WorkerBreakerClosed,
    WorkerBreakerHalfOpened,
    WorkerBreakerOpened,
    WorkerCallFailed,
    WorkerMoved,
    WorkerSecretRotated,
    WorkerTimePassed,
)
from watchfloor.kernel.folds import Changes
from watchfloor.kernel.instants import MILLISECOND
from watchfloor.kernel.limits import WORKER_FAILURES_MAX, WORKER_OPEN_MS, WORKER_URL_CHARS_MAX
from watchfloor.kernel.messages import Command, Draft, Event, Facts, Refused
from watchfloor.kernel.schema import check_name
from watchfloor.kernel.subject import Decide, Given

if TYPE_CHECKING:
    from watchfloor.fleet.agent import Agent

_URL = re.compile(
    r"https?://(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z_]([0-9A-Za-z._-]*[0-9A-Za-z])?)(:(?P<port>[0-9]{1,5}))?(/[!$-;=A-\[\]-~]*)?"
)
_PORT_MAX = 65_535
CLOSED, OPEN, HALF_OPEN = "closed", "open", "half_open"
BREAKERS = (CLOSED, OPEN, HALF_OPEN)
_PRESENCE: Mapping[str, str] = {
    CLOSED: presence.ONLINE,
    OPEN: presence.OFFLINE,
    HALF_OPEN: presence.DEGRADED,
}


class Worker(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What an agent with a url has besides. `failures` in a row; `open_until_at` (µs) while the breaker is open;
    `secret` the number of the signing secret in force, from 1."""

    url: str
    breaker: str = CLOSED
    failures: int = 0
    open_until_at: int = 0
    secret: int = 1


def check_url(url: str, field: str = "/url") -> None:
    """http or https, a host, and nothing that is a secret: a url is a fact, read by many and never erased.

    Where it leads is judged when it is saved and again at every call (runners), not here. Refused `invalid_url`.
    """
    check_name(url, field, chars_max=WORKER_URL_CHARS_MAX)
    if "@" in url.partition("://")[2].partition("/")[0]:
        raise _invalid("takes no credentials: calls are signed", field)
    if "?" in url or "#" in url:
        raise _invalid(
            "takes neither query nor fragment: calls are signed, and a url is recorded for ever", field
        )
    found = _URL.fullmatch(url)
    if found is None or int(found["port"] or 0) > _PORT_MAX:
        raise _invalid(
            "is http:// or https://, a host, perhaps a port and a path, in ASCII: encode the rest", field
        )


def _invalid(detail: str, field: str) -> Refused:
    return Refused("invalid_url", detail, field=field, status=422)


def waiting_until(agent: Agent) -> int:
    """The instant at which an open breaker lets one task through, 0 when none is open."""
    worker = agent.worker
    return worker.open_until_at if worker is not None and not agent.retired else 0


def reachable(agent: Agent) -> bool:
    """May a task go to this worker, as far as its breaker says? Half-open: one (see `probing`)."""
    return agent.worker is not None and agent.worker.breaker != OPEN


def probing(agent: Agent) -> bool:
    """Is the breaker half-open, so that at most one call is under way?"""
    return agent.worker is not None and agent.worker.breaker == HALF_OPEN


# What is asked for --------------------------------------------------------------------------------------------------


def worker_of(state: Agent | None) -> Worker:
    """The worker while it is in service. Refused `unknown_agent`, `agent_retired`, `no_worker`."""
    if state is None:
        raise Refused("unknown_agent", "no such agent", status=404)
    if state.retired:
        raise Refused("agent_retired", "the agent is retired")
    if state.worker is None:
        raise Refused("no_worker", "the agent has no url: it connects by itself")
    return state.worker


def record_call(state: Agent | None, command: RecordCall, given: Given) -> list[Draft]:
    """How a call ended. Only what changes the count or the breaker is news."""
    if state is None or state.retired or state.worker is None:
        return []  # it was when the call began
    worker = state.worker
    if worker.breaker == OPEN:
        return []
    facts: Facts
    if command.answered:
        if worker.breaker == HALF_OPEN:
            facts = WorkerBreakerClosed()
        elif worker.failures:
            facts = WorkerAnswered()
        else:
            return []
    else:
        failures = worker.failures + 1
        if worker.breaker == HALF_OPEN or failures >= WORKER_FAILURES_MAX:
            until_at = given.at + WORKER_OPEN_MS * MILLISECOND
            facts = WorkerBreakerOpened(failures=failures, reason=command.reason, until_at=until_at)
        else:
            facts = WorkerCallFailed(failures=failures, reason=command.reason)
    return [Draft(facts=facts)]


def time_passed(state: Agent | None, command: WorkerTimePassed, given: Given) -> list[Draft]:
    """The open time is over: the next task is the probe."""
    if state is None or not 0 < waiting_until(state) <= given.at:
        return []
    return [Draft(facts=WorkerBreakerHalfOpened())]


def move(state: Agent | None, command: MoveWorker, given: Given) -> list[Draft]:
    """The worker is reached somewhere else; its breaker begins anew, since nothing is known of that place."""
    worker = worker_of(state)
    check_url(command.url)
    return [] if worker.url == command.url else [Draft(facts=WorkerMoved(url=command.url))]


def rotate_secret(state: Agent | None, command: RotateSecret, given: Given) -> list[Draft]:
    """The next signing secret; the one before signs nothing any more."""
    return [Draft(facts=WorkerSecretRotated(secret=worker_of(state).secret + 1))]


# What happened ------------------------------------------------------------------------------------------------------


def _changed(agent: Agent, event: Event, breaker: str, **changes: Any) -> Changes:
    """The worker's part of the state with its breaker, and the presence that goes with it."""
    if agent.worker is None:
        return {}
    worker = msgspec.structs.replace(agent.worker, **{"breaker": breaker, "open_until_at": 0, **changes})
    now = _PRESENCE[breaker]
    moved = {} if now == agent.presence else {"presence": now, "changed_at": event.at}
    return {"worker": worker, **moved}


def call_failed(agent: Agent, facts: WorkerCallFailed, event: Event) -> Changes:
    return _changed(agent, event, CLOSED, failures=facts.failures)


def answered(agent: Agent, facts: WorkerAnswered, event: Event) -> Changes:
    return _changed(agent, event, CLOSED, failures=0)


def opened(agent: Agent, facts: WorkerBreakerOpened, event: Event) -> Changes:
    return _changed(agent, event, OPEN, failures=facts.failures, open_until_at=facts.until_at)


def half_opened(agent: Agent, facts: WorkerBreakerHalfOpened, event: Event) -> Changes:
    return _changed(agent, event, HALF_OPEN)


def closed(agent: Agent, facts: WorkerBreakerClosed, event: Event) -> Changes:
    return _changed(agent, event, CLOSED, failures=0)


def moved(agent: Agent, facts: WorkerMoved, event: Event) -> Changes:
    return _changed(agent, event, CLOSED, failures=0, url=facts.url)


def secret_rotated(agent: Agent, facts: WorkerSecretRotated, event: Event) -> Changes:
    if agent.worker is None:
        return {}
    return {"worker": msgspec.structs.replace(agent.worker, secret=facts.secret)}


DECIDE: Mapping[type[Command], Decide] = {
    RecordCall: record_call,
    WorkerTimePassed: time_passed,
    MoveWorker: move,
    RotateSecret: rotate_secret,
}
CHANGES: Mapping[type[Facts], Callable[[Any, Any, Event], Changes]] = {
    WorkerCallFailed: call_failed,
    WorkerAnswered: answered,
    WorkerBreakerOpened: opened,
    WorkerBreakerHalfOpened: half_opened,
    WorkerBreakerClosed: closed,
    WorkerMoved: moved,
    WorkerSecretRotated: secret_rotated,
}
