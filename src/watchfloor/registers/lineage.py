"""Who handed what on to whom: the counts that delegation and spawning are capped by (spec 2.2; fault F4).

Cells
  family    by task → its parts and the share of its budget they were given
  trees     by root task → how many tasks were handed on below it, and which of them are open
  handed    by agent → open tasks it has handed on
  bound     by agent → tasks it holds that come with less than its own rights
  offspring by agent → living agents it has spawned, with the share of its budget they were given
  clans     by root agent → living agents below it
  spawned   by action → the agent it has become
"""

from __future__ import annotations

from typing import Any

import msgspec

from watchfloor.fleet.messages import AgentRegistered, AgentRetired
from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Read, Register
from watchfloor.work.life import OVER
from watchfloor.work.messages import (
    TaskAssigned,
    TaskAttemptFailed,
    TaskCancelled,
    TaskDeadLettered,
    TaskHandedOver,
    TaskRetried,
    TaskSubmitted,
    TaskSucceeded,
)

Cells = list[tuple[str, object, object]]


class Family(msgspec.Struct, frozen=True, array_like=True):
    """`share_milli` of the budget above was given to `members`."""

    members: tuple[int, ...]
    share_milli: int = 0


class Tree(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Tasks below one root: all that ever were, and how many are open."""

    total: int = 0
    open: int = 0


def _submitted(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, TaskSubmitted)
    if not facts.chain:
        return []
    task, agent = event.subject, facts.chain[-1]
    handed: tuple[int, ...] = read("handed", agent) or ()
    if task in handed:
        return []
    cells: Cells = [("handed", agent, (*handed, task))]
    if facts.parent:
        family: Family = read("family", facts.parent) or Family(())
        tree: Tree = read("trees", facts.root) or Tree()
        cells += [
            ("family", facts.parent, Family((*family.members, task), family.share_milli + facts.share_milli)),
            ("trees", facts.root, Tree(tree.total + 1, tree.open + 1)),
        ]
    return cells


def _retried(event: Event, read: Read) -> Cells:
    """Out of the dead letter: open again."""
    task = read("task", event.subject)
    if task is None or not task.chain:
        return []
    handed: tuple[int, ...] = read("handed", task.delegator) or ()
    if event.subject in handed:
        return []
    cells: Cells = [("handed", task.delegator, (*handed, event.subject))]
    if task.root:
        tree: Tree = read("trees", task.root) or Tree()
        cells.append(("trees", task.root, Tree(tree.total, tree.open + 1)))
    return cells


def _ended(event: Event, read: Read) -> Cells:
    """No longer open. What is known of a root is forgotten with the last open task below it."""
    cells = _freed(event, read)
    task = read("task", event.subject)
    if task is None:
        return cells
    subject = event.subject
    if task.chain:
        handed: tuple[int, ...] = read("handed", task.delegator) or ()
        if subject in handed:
            cells.append(("handed", task.delegator, tuple(t for t in handed if t != subject) or None))
            if task.root:
                tree: Tree = read("trees", task.root) or Tree(1, 1)
                root = read("task", task.root)
                over = tree.open <= 1 and (root is None or root.stage in OVER)
                cells.append(("trees", task.root, None if over else Tree(tree.total, tree.open - 1)))
    if read("family", subject) is not None:
        cells.append(("family", subject, None))
    below: Tree | None = read("trees", subject)
    if below is not None and below.open == 0:
        cells.append(("trees", subject, None))
    return cells


def _assigned(event: Event, read: Read) -> Cells:
    facts: Any = event.facts
    task = read("task", event.subject)
    if task is None or not task.chain:
        return []
    held: tuple[int, ...] = read("bound", facts.agent) or ()
    return [("bound", facts.agent, (*held, event.subject))] if event.subject not in held else []


def _handed_over(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, TaskHandedOver)
    return _unbound(event.subject, facts.agent_before, read) + _assigned(event, read)


def _freed(event: Event, read: Read) -> Cells:
    facts: Any = event.facts
    return _unbound(event.subject, facts.agent, read)


def _unbound(task: int, agent: int, read: Read) -> Cells:
    held: tuple[int, ...] = read("bound", agent) or ()
    return [("bound", agent, tuple(t for t in held if t != task) or None)] if task in held else []


def _registered(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, AgentRegistered)
    if not facts.parent or read("spawned", facts.action) is not None:
        return []
    offspring: Family = read("offspring", facts.parent) or Family(())
    members = (*offspring.members, event.subject)
    return [
        ("spawned", facts.action, event.subject),
        ("offspring", facts.parent, Family(members, offspring.share_milli + facts.share_milli)),
        ("clans", facts.root, (read("clans", facts.root) or 0) + 1),
    ]


def _retired(event: Event, read: Read) -> Cells:
    agent = read("agent", event.subject)
    if agent is None or not agent.parent:
        return []
    offspring: Family = read("offspring", agent.parent) or Family(())
    if event.subject not in offspring.members:
        return []
    left = tuple(member for member in offspring.members if member != event.subject)
    family = Family(left, offspring.share_milli - agent.share_milli) if left else None
    return [
        ("offspring", agent.parent, family),
        ("clans", agent.root, ((read("clans", agent.root) or 1) - 1) or None),
    ]


REGISTER = Register(
    name="lineage",
    cells={
        "family": Family,
        "trees": Tree,
        "handed": tuple[int, ...],
        "bound": tuple[int, ...],
        "offspring": Family,
        "clans": int,
        "spawned": int,
    },
    folds={
        TaskSubmitted: _submitted,
        TaskRetried: _retried,
        TaskAssigned: _assigned,
        TaskHandedOver: _handed_over,
        TaskAttemptFailed: _freed,
        TaskSucceeded: _ended,
        TaskDeadLettered: _ended,
        TaskCancelled: _ended,
        AgentRegistered: _registered,
        AgentRetired: _retired,
    },
)


def contained(agent: Any, read: Read) -> bool:
    """Is the agent quarantined or retired, or one of those above it? Nobody acts for somebody who may not."""
    return containment(agent, read) > 0


def containment(agent: Any, read: Read) -> int:
    """0 free, 1 quarantined, 2 retired: the strictest of the agent's lineage."""
    state = 0
    while agent is not None:
        state = max(state, 2 if agent.retired else 1 if agent.quarantined else 0)
        agent = read("agent", agent.parent) if agent.parent else None
    return state


def recipient(task: Any, read: Read) -> int:
    """Who gets the result of a task that was handed on: who has its parent now, else its delegator; 0 nobody."""
    if not task.chain:
        return 0
    parent = read("task", task.parent) if task.parent else None
    holder: int = parent.agent if parent is not None and parent.stage not in OVER else 0
    return holder or int(task.delegator)
