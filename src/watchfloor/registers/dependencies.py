"""Who waits for which task (spec 2.4): what the end of a task has to be told to.

Cells
  dependents  by (task, chunk) → tasks that wait for it, at most DEPENDENTS_CHUNK of them
  chunks      by task → (first, next): its chunks in use are those from `first` up to, not including, `next`
  settled     by "last" → the task that ended last, if it had few dependents, and them
  undecided   by task → its actions that wait for people

The end of a task hands its dependents over: a few are told in the same batch, of many the delivery register makes a
continuation. Whoever begins to wait afterwards (the task was retried) waits in a new chunk.
"""

from __future__ import annotations

import msgspec

from watchfloor.actions.messages import ActionClosed, ActionDecided, ActionGranted
from watchfloor.kernel.limits import CONTINUATION_SLICE
from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Read, Register
from watchfloor.work.messages import (
    TaskCancelled,
    TaskDeadLettered,
    TaskRetried,
    TaskSubmitted,
    TaskSucceeded,
)

Cells = list[tuple[str, object, object]]

DEPENDENTS_CHUNK = CONTINUATION_SLICE
DIRECT_DEPENDENTS_MAX = 8  # more of them are told by a continuation


class Settled(msgspec.Struct, frozen=True, array_like=True, gc=False):
    task: int
    dependents: tuple[int, ...]


def _waits(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, TaskSubmitted | TaskRetried)
    cells: Cells = []
    for dependency in facts.unmet:
        first, following = read("chunks", dependency) or (0, 0)
        # Chunks before `first` were handed over: a slice of them may still be on its way.
        last: tuple[int, ...] = ()
        if first < following:
            last = read("dependents", (dependency, following - 1)) or ()
        if event.subject in last:
            continue
        if first < following and len(last) < DEPENDENTS_CHUNK:
            cells.append(("dependents", (dependency, following - 1), (*last, event.subject)))
        else:
            cells.append(("dependents", (dependency, following), (event.subject,)))
            cells.append(("chunks", dependency, (first, following + 1)))
    return cells


def few(event: Event, read: Read) -> tuple[int, ...]:
    """The dependents of a task that ended, when they can be told at once; () otherwise.

    One that was lost with its own dependency tells nobody directly: a long chain would be too deep for one batch.
    """
    first, following = read("chunks", event.subject) or (0, 0)
    if following - first != 1 or getattr(event.facts, "dependency", 0):
        return ()
    told: tuple[int, ...] = read("dependents", (event.subject, first)) or ()
    return told if len(told) <= DIRECT_DEPENDENTS_MAX else ()


def _ended(event: Event, read: Read) -> Cells:
    first, following = read("chunks", event.subject) or (0, 0)
    if first == following:
        return []
    told = few(event, read)
    if told:
        return [
            ("settled", "last", Settled(event.subject, told)),
            ("dependents", (event.subject, first), None),
            ("chunks", event.subject, None),
        ]
    return [("chunks", event.subject, (following, following))]


def _decided(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, ActionDecided)
    if facts.verdict != "pending" or not facts.task:
        return []
    held: tuple[int, ...] = read("undecided", facts.task) or ()
    return [] if event.subject in held else [("undecided", facts.task, (*held, event.subject))]


def _answered(event: Event, read: Read) -> Cells:
    action = read("action", event.subject)
    if action is None or not action.task:
        return []
    held: tuple[int, ...] = read("undecided", action.task) or ()
    if event.subject not in held:
        return []
    return [("undecided", action.task, tuple(other for other in held if other != event.subject) or None)]


REGISTER = Register(
    name="dependencies",
    cells={
        "dependents": tuple[int, ...],
        "chunks": tuple[int, int],
        "settled": Settled,
        "undecided": tuple[int, ...],
    },
    folds={
        TaskSubmitted: _waits,
        TaskRetried: _waits,
        TaskSucceeded: _ended,
        TaskDeadLettered: _ended,
        TaskCancelled: _ended,
        ActionDecided: _decided,
        ActionGranted: _answered,
        ActionClosed: _answered,
    },
)
