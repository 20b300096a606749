"""What a stop hits, asked alike by the gate, the scheduler, the sockets and the journal (spec 3.3 *Kill switch*).

A stop names a scope and a target; what somebody does has *names* in each scope: an action its type and tool, an agent
itself, its type and those it descends from, a task itself and those it is part of. A stop that is lifted in stages
hits no longer what has one of the names it was eased for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from watchfloor.actions.messages import ActionFailed, ActionUnknown
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.limits import BUDGETED_ANCESTORS_MAX
from watchfloor.kernel.subject import Read

Names = Mapping[str, tuple[str, ...]]
Eased = tuple[tuple[str, str], ...]  # (scope, target) of every stage so far
STOPPED = "stopped"  # the code of a failure that obeys a stop
NOBODY: Names = {}
# A stop holds what may be of the workflow; easing lets go on what says that it is.
_NAMED = {"workflow": "named_workflow"}


class Stop(msgspec.Struct, frozen=True, array_like=True, gc=False):
    subject: int
    scope: str
    target: str
    journal: str
    eased: Eased = ()


def hit(scope: str, target: str, eased: Eased, names: Names) -> bool:
    """Does a stop of this scope and target hit what has these names?"""
    if scope != "organisation" and (not target or target not in names.get(scope, ())):
        return False
    return not any(name in names.get(_NAMED.get(of, of), ()) for of, name in eased)


def stops_for(active: Iterable[Stop] | None, names: Names) -> tuple[int, ...]:
    """Subjects of the stops that hit it."""
    return tuple(stop.subject for stop in active or () if hit(stop.scope, stop.target, stop.eased, names))


def names_of(agent: int, read: Read, *, action_type: str = "", tool: str = "", task: int = 0) -> Names:
    """The names in all scopes. `action_type` and `tool` are folded. 0 for the agent: the platform acts.

    Work that names no task has the names of all tasks the agent holds: leaving the task out gains nothing.
    """
    names: dict[str, tuple[str, ...]] = {}
    if action_type:
        names["action_type"] = (action_type,)
    if tool:
        names["tool"] = (tool,)
    state = read("agent", agent) if agent else None
    if state is not None:
        names["agent"] = (public_id("agent", agent, state.nonce),)
        names["agent_type"] = (state.type,)
        names["lineage"] = _upwards("agent", agent, read)
    tasks = (task,) if task else (read("load", agent) or ()) if agent else ()
    if tasks:
        names["workflow"] = tuple(name for one in tasks for name in _upwards("task", one, read))
        if task:
            names["named_workflow"] = names["workflow"]
    return names


def _upwards(kind: str, subject: int, read: Read) -> tuple[str, ...]:
    """Public ids of an agent or a task, and of all above it."""
    found: list[str] = []
    while subject and len(found) <= BUDGETED_ANCESTORS_MAX:
        state: Any = read(kind, subject)
        if state is None:
            break
        found.append(public_id(kind, subject, state.nonce))
        subject = state.parent
    return tuple(found)


def obeyed(facts: ActionFailed | ActionUnknown, read: Read) -> bool:
    """Did it end because a stop in force hits it? Obeying is no failure: no penalty, no breaker (spec 3.3)."""
    active: tuple[Stop, ...] | None = read("stops", "active")
    if not active or not isinstance(facts, ActionFailed) or facts.code != STOPPED:
        return False
    names = names_of(facts.agent, read, action_type=facts.action_type, tool=facts.tool)
    return bool(stops_for(active, names))


def held_back(agent: int, task: int, read: Read) -> bool:
    """Does a stop keep the agent from working on this task (0: on any)?"""
    active: tuple[Stop, ...] | None = read("stops", "active")
    if not active:
        return False
    names = dict(names_of(agent, read, task=task))
    if not task:
        names.pop("workflow", None)  # what it holds already says nothing about what it may be given
    return bool(stops_for(active, names))
