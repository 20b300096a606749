"""How a subject's state takes up an event exactly once (DESIGN §1 law *Redelivery*).

A fold of one type of event is written as the *changes* it makes to a state that exists. Wrapped in `once` it is
total: it ignores what comes before the subject's first event and what the state has already taken up, which it
knows by `seq`, the seq of the last event folded. States that are folded so have a field `seq: int`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Evolve

Changes = Mapping[str, Any]


def once(changes: Callable[[Any, Any, Event], Changes]) -> Evolve:
    """The fold that replaces in the state what `changes(state, facts, event)` names, for events later than the state."""

    def fold(state: Any, event: Event) -> Any:
        if state is None or event.seq <= state.seq:
            return state
        return msgspec.structs.replace(state, seq=event.seq, **changes(state, event.facts, event))

    return fold


def first(begin: Callable[[Any, Event], Any]) -> Evolve:
    """The fold of the event a subject begins with: `begin(facts, event)`, and nothing when it exists already."""

    def fold(state: Any, event: Event) -> Any:
        return begin(event.facts, event) if state is None else state

    return fold
