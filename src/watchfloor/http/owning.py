"""Whose agent is it, and is there anybody else who could decide on its actions? (spec 2.1, 3.2; fault G1)"""

from __future__ import annotations

from watchfloor.councils.panels import Candidate, seated
from watchfloor.councils.panels import route as route_of
from watchfloor.http.asking import Call
from watchfloor.http.bodies.agents import Notice
from watchfloor.http.problems import FieldError, Problem
from watchfloor.kernel.terms import Policy, holds
from watchfloor.registers.directory import Person


def everyone(call: Call) -> tuple[Person, ...]:
    """The people of the organisation."""
    found: tuple[Person, ...] = call.services.engine.cell(call.org, "people", "all") or ()
    return found


def owner_of(call: Call, text: str) -> str:
    """The public id of the enabled person of this id or handle, the caller when nobody is named. Raises Problem 422."""
    if not text:
        return call.principal.id
    for person in everyone(call):
        if person.enabled and text in (person.id, person.handle):
            return person.id
    wrong = FieldError(field="/owner", code="unknown_person", detail="id or handle of an enabled person")
    raise Problem(422, "invalid_fields", "/owner: nobody here is called so", errors=(wrong,))


def warnings(call: Call, owner: str, registrar: str = "") -> tuple[Notice, ...]:
    """`nobody_else_can_decide` when some level of the policy can never be answered for this agent's actions.

    Nobody decides on the actions of an agent they own or registered, so an organisation of one person cannot let its
    own agents do anything that people have to agree to.
    """
    active = call.services.engine.cell(call.org, "active_policy", "active")
    document = Policy() if active is None else active.document
    people = [p for p in everyone(call) if p.enabled and p.id not in (owner, registrar)]
    lacking = []
    for level in (2, 3, 4):
        route = route_of(document.routing, level)
        if route.committee:
            candidates = (Candidate(one.id, one.handle, one.roles) for one in people)
            missing = seated(document.committees[route.committee], candidates).missing
            if missing:
                lacking.append(f"level {level} needs {missing} more for the committee {route.committee}")
            continue
        able = sum(1 for person in people if holds(person.roles, route.role))
        if able < route.needed:
            lacking.append(f"level {level} needs {route.needed} of the role {route.role} and finds {able}")
    if not lacking:
        return ()
    detail = (
        f"nobody decides on the actions of an agent they own or registered: {'; '.join(lacking)}."
        " Such actions are denied at once. Add people who may, or let somebody else own the agent."
    )
    return (Notice(code="nobody_else_can_decide", detail=detail),)
