"""Who sits on a committee when it is asked (spec 3.2 *Committees*): counted once, over the people of that instant."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from watchfloor.councils.messages import Member
from watchfloor.kernel.council_terms import Assignment, CommitteeTerms, RouteTerms, RoutingTerms
from watchfloor.kernel.terms import holds


class Candidate(msgspec.Struct, frozen=True, gc=False):
    """An enabled person who does not own the agent and did not ask for the action."""

    person: str
    handle: str
    roles: tuple[str, ...]


class Panel(msgspec.Struct, frozen=True, gc=False):
    """The members, the weight that must agree, and how much weight is missing for it to be possible at all."""

    members: tuple[Member, ...]
    needed: int
    missing: int


def route(routing: RoutingTerms, level: int) -> RouteTerms:
    """Who decides an action of this level (2, 3 or 4)."""
    return {2: routing.confirm, 3: routing.approve}.get(level, routing.committee)


def committee_for(routing: RoutingTerms, level: int, action_type: str, cls: str) -> str:
    """The committee that decides, empty where the level's role does: the first assignment that fits, else the route's."""
    for assignment in routing.assignments:
        if _fits(assignment, level, action_type, cls):
            return assignment.committee
    return route(routing, level).committee


def _fits(assignment: Assignment, level: int, action_type: str, cls: str) -> bool:
    return (
        level >= assignment.level_min
        and (not assignment.types or action_type in assignment.types)
        and (not assignment.classes or cls in assignment.classes)
    )


def seated(committee: CommitteeTerms, candidates: Iterable[Candidate]) -> Panel:
    """The committee over these people. Who fits several seats has the heaviest, and the veto of any.

    `missing` is above 0 when those who are there cannot reach what is needed; of a committee of all, every seat for a
    named person must be filled.
    """
    found: dict[str, Member] = {}
    empty = 0
    people = tuple(candidates)
    for seat in committee.seats:
        sitting = [one for one in people if _sits(seat.person, seat.role, one)]
        if seat.person and not sitting:
            empty += 1
        for one in sitting:
            before = found.get(one.person)
            member = Member(one.person, "" if seat.person else seat.role, max(seat.weight, 1), seat.veto)
            found[one.person] = member if before is None else _both(before, member)
    members = tuple(found.values())
    if committee.rule == "weight":
        return _panel(members, max(committee.needed, 1))
    members = tuple(msgspec.structs.replace(member, weight=1) for member in members)
    if committee.rule == "all":
        return Panel(members, len(members) + empty, max(empty, 0 if members else 1))
    return _panel(members, committee.needed or max(1, min(2, len(members))))


def _panel(members: tuple[Member, ...], needed: int) -> Panel:
    return Panel(members, needed, max(0, needed - sum(member.weight for member in members)))


def _sits(person: str, role: str, one: Candidate) -> bool:
    return one.handle == person if person else holds(one.roles, role)


def _both(one: Member, two: Member) -> Member:
    heavier = one if one.weight >= two.weight else two
    return msgspec.structs.replace(heavier, veto=one.veto or two.veto)


def may_still(member: Member, roles: Mapping[str, tuple[str, ...]]) -> bool:
    """May the member decide now? `roles` of enabled people by id; a seat for a role needs it still (fault G5)."""
    held = roles.get(member.person)
    return held is not None and (not member.role or holds(held, member.role))
