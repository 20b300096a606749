"""Whom a target means, as of now: roles, persons, on-call schedules (spec 3.2 *Routing*).

The audience is who may see it: enabled people of the organisation with a role. Everybody else is left out here, whatever
named them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from watchfloor.councils.schedules import on_duty
from watchfloor.kernel.terms import holds
from watchfloor.registers.directory import Person

Cell = Callable[[str, Any], Any]
State = Callable[[str, int], Any]


def audience(targets: Iterable[str], cell: Cell, state: State, at: int) -> tuple[Person, ...]:
    """The people of these targets, each once, in the order of the targets."""
    everyone: tuple[Person, ...] = cell("people", "all") or ()
    able = tuple(person for person in everyone if person.enabled and person.roles)
    found: dict[str, Person] = {}
    for target in targets:
        for person in _meant(target, able, cell, state, at):
            found.setdefault(person.id, person)
    return tuple(found.values())


def _meant(target: str, able: tuple[Person, ...], cell: Cell, state: State, at: int) -> tuple[Person, ...]:
    kind, _, name = target.partition(":")
    if kind == "person":
        return tuple(person for person in able if person.handle == name)
    if kind == "owner":
        return tuple(person for person in able if person.id == name)
    if kind == "schedule":
        schedule = state("schedule", cell("schedule_names", name) or 0)
        found = on_duty(schedule, at, frozenset(person.id for person in able)) if schedule else None
        if found is not None:
            return tuple(person for person in able if person.id == found.person)
        name = "operator"  # nobody is on call: better all operators than nobody
    return tuple(person for person in able if holds(person.roles, name))
