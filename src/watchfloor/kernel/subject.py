"""What a capability declares about its subjects, and how a subject is folded (DESIGN §1, §2)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from watchfloor.kernel.messages import Actor, Command, Draft, Effect, Event, Facts

Decide = Callable[[Any, Any, Any], "list[Draft]"]
Evolve = Callable[[Any, Event], Any]


class Given(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What a rule is given besides state and command, frozen (law *Evidence*).

    `at` µs UTC; `subject` the subject's integer (for a new subject: the seq its first event will get); `entropy` 32
    random bytes of this command; `actor` who asks; `of` the person on whose behalf; `evidence` what the engine
    gathered for this type of command (the rule records what it looked at).
    """

    at: int
    subject: int
    entropy: bytes
    actor: Actor
    of: str = ""
    evidence: Any = None


class Subject(msgspec.Struct, frozen=True, kw_only=True):
    """One kind of thing with a life: its rules as tables.

    decide:  command type → rule(state | None, command, given) -> drafts; may raise Refused
    evolve:  facts type → fold(state | None, event) -> state; total, never raises
    state:   the frozen Struct type of its state (for snapshots)
    live:    is the subject kept in memory? (finished ones go to an LRU and come back by folding their stream)
    due:     the instant at which `overdue` shall be asked, 0 for none
    overdue: the command that a passed due date leads to (None: nothing any more)
    """

    kind: str
    state: type[Any]
    decide: Mapping[type[Command], Decide]
    evolve: Mapping[type[Facts], Evolve]
    live: Callable[[Any], bool] = lambda state: True
    due: Callable[[Any], int] = lambda state: 0
    overdue: Callable[[int, Any, int], Command | None] = lambda subject, state, at: None


class Register(msgspec.Struct, frozen=True, kw_only=True):
    """A pure fold over all events of an organisation, kept in cells (name, key) of frozen values (DESIGN §2).

    `folds`: facts type → fold(event, read) -> [(cell name, key, new value)]; a value of None drops the cell. `read(name, key)`
    sees any cell with this command's changes applied. `framed` folds every event that carries an agent's frame id.
    `cells`: cell name → type of its values (for snapshots); a register may keep several.
    """

    name: str
    cells: Mapping[str, Any]
    folds: Mapping[type[Facts], Fold]
    framed: Fold | None = None


Read = Callable[[str, Any], Any]
Fold = Callable[[Event, Read], "list[tuple[str, Any, Any]]"]
React = Callable[[Event, Read], "list[Command | Effect]"]


def fold(subject: Subject, events: Iterable[Event], state: Any = None) -> Any:
    """State of one subject from its stream. Events of a type the subject does not fold leave it as it is."""
    for event in events:
        evolve = subject.evolve.get(type(event.facts))
        if evolve is not None:
            state = evolve(state, event)
    return state
