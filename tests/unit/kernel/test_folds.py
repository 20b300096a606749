"""A state takes up an event exactly once (DESIGN §1 law *Redelivery*)."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from watchfloor.kernel.folds import Changes, first, once
from watchfloor.kernel.messages import SYSTEM, Event, Facts


class Counted(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "test.counted/1"
    KIND: ClassVar[str] = "counter"
    by: int


class Counter(msgspec.Struct, frozen=True, kw_only=True):
    seq: int
    total: int


def event(seq: int, by: int) -> Event:
    """Something to count."""
    facts = Counted(by=by)
    return Event(
        org="o", seq=seq, at=0, type=facts.TYPE, kind="counter", subject=1, actor=SYSTEM, facts=facts
    )


def begin(facts: Counted, event: Event) -> Counter:
    return Counter(seq=event.seq, total=facts.by)


def add(counter: Counter, facts: Counted, event: Event) -> Changes:
    return {"total": counter.total + facts.by}


def test_a_subject_begins_with_its_first_event_and_only_once() -> None:
    state = first(begin)(None, event(1, 5))
    assert state == Counter(seq=1, total=5)
    assert first(begin)(state, event(2, 7)) is state


def test_an_event_changes_a_state_once_and_moves_its_seq() -> None:
    state = once(add)(Counter(seq=1, total=5), event(2, 3))
    assert state == Counter(seq=2, total=8)
    assert once(add)(state, event(2, 3)) is state
    assert once(add)(state, event(1, 3)) is state


def test_what_has_not_begun_takes_up_nothing() -> None:
    assert once(add)(None, event(1, 3)) is None
