"""The stricter of two policies: what a pending decision needs besides, since a policy was applied (spec 3.2).

Theory of operation
-------------------
A decision keeps the route it was opened with. Every policy that is applied while it is pending adds its own route as a
*demand*, unless an equal one is there; nothing takes a demand away. An approval satisfies all of them, so a stricter
policy binds what waits already, and a looser one makes nothing easier, in whatever order they came. Votes are counted
for each demand by themselves: only the votes of those who may decide under that demand are votes under it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from watchfloor.councils import quorum
from watchfloor.councils.messages import Demand, Member
from watchfloor.councils.panels import may_still
from watchfloor.councils.quorum import Vote
from watchfloor.kernel.terms import holds

# Distinct routes one decision takes on. Whoever applies more policies than this while it waits has made it impossible.
DEMANDS_MAX = 16
_OUT_OF_REACH = 1_000_000

Roles = Mapping[str, tuple[str, ...]]  # of enabled people who may decide, by public id


def may(demand: Demand, person: str, roles: tuple[str, ...]) -> bool:
    """May somebody with these roles decide under this demand?"""
    if not demand.committee:
        return holds(roles, demand.role)
    member = member_of(demand.members, person)
    return member is not None and may_still(member, {person: roles})


def member_of(members: Iterable[Member], person: str) -> Member | None:
    """The person's membership."""
    return next((member for member in members if member.person == person), None)


def same(one: Demand, two: Demand) -> bool:
    """Do both demand the same of the same people?"""
    return (one.role if not one.committee else "", one.needed, one.committee, one.members, one.level) == (
        two.role if not two.committee else "",
        two.needed,
        two.committee,
        two.members,
        two.level,
    )


def added(own: Demand, also: tuple[Demand, ...], demand: Demand) -> tuple[Demand, ...]:
    """The demands with one more, if it is a new one. `own` is what the decision was opened with."""
    if any(same(demand, known) for known in (own, *also)):
        return also
    if len(also) >= DEMANDS_MAX:
        return (*also[:-1], Demand(demand.version, "admin", _OUT_OF_REACH))
    return (*also, demand)


def outcome(votes: tuple[Vote, ...], demand: Demand, roles: Roles) -> str:
    """What these votes are under one demand. A committee without members has nobody who could approve."""
    if demand.committee and not demand.members:
        return quorum.PENDING
    able = tuple(
        vote for vote in votes if vote.person in roles and may(demand, vote.person, roles[vote.person])
    )
    return quorum.count(able, demand.needed, demand.members)


def missing(votes: tuple[Vote, ...], demand: Demand, people: Roles) -> int:
    """How much is missing for this demand to be met by those who are there: 0 when it can be.

    `people` are all who may decide on it at all, with their roles, whether they have voted or not.
    """
    lost = {vote.person for vote in votes if vote.vote != quorum.APPROVE and not vote.late}
    able = [person for person in people if person not in lost and may(demand, person, people[person])]
    if not demand.committee:
        return max(0, demand.needed - len(able))
    weights = {member.person: member.weight for member in demand.members}
    return max(0, demand.needed - sum(weights[person] for person in able))


def lacking(demand: Demand) -> str:
    """Who would have to be added for it."""
    return f"committee:{demand.committee}" if demand.committee else f"role:{demand.role}"


def strictest(outcomes: Iterable[str]) -> str:
    """Denied by one is denied; approved is approved by all."""
    said = tuple(outcomes)
    if quorum.DENIED in said:
        return quorum.DENIED
    return quorum.APPROVED if all(one == quorum.APPROVED for one in said) else quorum.PENDING
