"""Who is who and what is in force: unique names, people and their roles, the active policy (spec 1, 2.1, 3.6).

Cells: `names` by "agent:<name>", "person:<handle>" or "display:<code>" → subject (and the counts behind the codes); `people` by "all" → every person, `person_roles` by
public id; `active_policy` by "active"; `waiting` by action → the open decision on it.
"""

from __future__ import annotations

import msgspec

from watchfloor.councils.messages import (
    DecisionApproved,
    DecisionCancelled,
    DecisionDenied,
    DecisionExpired,
    DecisionForced,
    DecisionOpened,
)
from watchfloor.fleet.messages import AgentRegistered
from watchfloor.fleet.structured_id import category, instance, role
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.messages import Event
from watchfloor.kernel.subject import Read, Register
from watchfloor.kernel.terms import Policy
from watchfloor.people.messages import OrganisationFounded, PersonDisabled, PersonJoined, RolesChanged
from watchfloor.policy.messages import PolicyApplied

Cells = list[tuple[str, object, object]]


class Person(msgspec.Struct, frozen=True, array_like=True, gc=False):
    id: str
    subject: int
    handle: str
    roles: tuple[str, ...]
    enabled: bool = True


class ActivePolicy(msgspec.Struct, frozen=True, array_like=True):
    subject: int
    version: int
    digest: str
    document: Policy


def _founded(event: Event, read: Read) -> Cells:
    return [("names", "organisation", event.subject)]


def _registered(event: Event, read: Read) -> Cells:
    """The name, and the place among the agents of the same role and category that the display code needs (spec 2.1)."""
    facts = event.facts
    assert isinstance(facts, AgentRegistered)
    if read("names", f"number:{event.subject}") is not None:
        return []
    series = f"{role(facts.type)}{category(facts.capabilities[0])}"
    number: int = read("names", f"count:{series}") or 0
    return [
        ("names", f"agent:{facts.name}", event.subject),
        ("names", f"count:{series}", number + 1),
        ("names", f"number:{event.subject}", number),
        ("names", f"display:{series}{instance(number)}", event.subject),
    ]


def find_display(read: Read, code: str) -> int:
    """The agent of a structured id (its tier digit is ignored: it changes), 0 when there is none."""
    return int(read("names", f"display:{code[1:]}") or 0)


def number_of(read: Read, agent: int) -> int:
    """The agent's place among those of the same role and category."""
    return int(read("names", f"number:{agent}") or 0)


def _joined(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, PersonJoined)
    person = Person(public_id("person", event.subject, facts.nonce), event.subject, facts.handle, facts.roles)
    everyone: tuple[Person, ...] = read("people", "all") or ()
    others = tuple(other for other in everyone if other.subject != event.subject)
    return [("names", f"person:{facts.handle}", event.subject), ("people", "all", (*others, person))]


def _roles(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, RolesChanged)
    return [("people", "all", _changed(event.subject, read, roles=facts.roles))]


def _disabled(event: Event, read: Read) -> Cells:
    return [("people", "all", _changed(event.subject, read, enabled=False))]


def _changed(subject: int, read: Read, **changes: object) -> tuple[Person, ...]:
    everyone: tuple[Person, ...] = read("people", "all") or ()
    return tuple(
        msgspec.structs.replace(person, **changes) if person.subject == subject else person
        for person in everyone
    )


def find_person(read: Read, person: str) -> Person | None:
    """The person of a public id."""
    everyone: tuple[Person, ...] = read("people", "all") or ()
    return next((one for one in everyone if one.id == person), None)


def _applied(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, PolicyApplied)
    return [
        ("active_policy", "active", ActivePolicy(event.subject, facts.version, facts.digest, facts.document))
    ]


def _waiting(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(facts, DecisionOpened)
    return [("waiting", facts.action, event.subject)]


def _answered(event: Event, read: Read) -> Cells:
    facts = event.facts
    assert isinstance(
        facts, DecisionApproved | DecisionDenied | DecisionExpired | DecisionCancelled | DecisionForced
    )
    return [("waiting", facts.action, None)] if read("waiting", facts.action) == event.subject else []


REGISTER = Register(
    name="directory",
    cells={"names": int, "people": tuple[Person, ...], "active_policy": ActivePolicy, "waiting": int},
    folds={
        OrganisationFounded: _founded,
        AgentRegistered: _registered,
        PersonJoined: _joined,
        RolesChanged: _roles,
        PersonDisabled: _disabled,
        PolicyApplied: _applied,
        DecisionOpened: _waiting,
        DecisionApproved: _answered,
        DecisionDenied: _answered,
        DecisionExpired: _answered,
        DecisionCancelled: _answered,
        DecisionForced: _answered,
    },
)
