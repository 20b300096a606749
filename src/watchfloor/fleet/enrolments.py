"""Enrolment tokens: how a fleet lets itself in, within what an operator allowed (spec 2.1; fault S10).

Theory of operation
-------------------
A token is issued for a number of uses, until an instant, for an owner, and for certain types and capabilities. Its use
is the registration itself: there is no second command that could succeed without the first, so a use is spent exactly
when an agent came of it. How many are spent is folded from registrations (registers/enrolments.py) and is evidence of
the next one; commands of an organisation are carried out one after the other, so of two that race for the last use
exactly one finds it.
"""

# ruff: noqa: ARG001 -- rules and folds have one signature each, whatever they look at

from __future__ import annotations

import msgspec

from watchfloor.fleet.messages import (
    EnrolmentIssued,
    EnrolmentRevoked,
    IssueEnrolment,
    RegisterAgent,
    RevokeEnrolment,
)
from watchfloor.kernel.folds import Changes, first, once
from watchfloor.kernel.ids import nonce_from
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.limits import ENROLMENT_DAYS_MAX, ENROLMENT_USES_MAX
from watchfloor.kernel.messages import Draft, Event, Refused
from watchfloor.kernel.schema import check_name, check_names, check_range, check_reason
from watchfloor.kernel.subject import Given, Subject


class Enrolment(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One token. `issuer` is the public id of the person who made it; empty tuples allow anything."""

    seq: int
    nonce: int
    credential: str
    issuer: str
    owner: str
    uses: int
    types: tuple[str, ...]
    capabilities: tuple[str, ...]
    issued_at: int
    expires_at: int
    revoked: bool = False


def issue(state: Enrolment | None, command: IssueEnrolment, given: Given) -> list[Draft]:
    """A token begins with its terms; they never change."""
    if state is not None:
        raise Refused("already_issued", "the token was issued")
    check_name(command.credential, "/credential")
    check_name(command.owner, "/owner")
    check_names(command.types, "/types")
    check_names(command.capabilities, "/capabilities")
    check_range(command.uses, "/uses", 1, ENROLMENT_USES_MAX)
    check_range(command.expires_at, "/expires_at", given.at + 1, given.at + ENROLMENT_DAYS_MAX * DAY)
    facts = EnrolmentIssued(
        capabilities=command.capabilities,
        credential=command.credential,
        expires_at=command.expires_at,
        nonce=nonce_from(given.entropy),
        owner=command.owner,
        types=command.types,
        uses=command.uses,
    )
    return [Draft(facts=facts)]


def revoke(state: Enrolment | None, command: RevokeEnrolment, given: Given) -> list[Draft]:
    """At once and for good; agents that it let in stay. Revoking twice is no news."""
    if state is None:
        raise Refused("unknown_enrolment", "no such enrolment token", status=404)
    check_reason(command.reason)
    return [] if state.revoked else [Draft(facts=EnrolmentRevoked(reason=command.reason))]


def check_use(enrolment: Enrolment | None, used: int, command: RegisterAgent, at: int) -> Enrolment:
    """The token, if this registration is one it allows. Raises Refused."""
    if enrolment is None:
        raise Refused("unknown_enrolment", "no such enrolment token", status=404)
    if enrolment.revoked or at >= enrolment.expires_at:
        raise Refused("enrolment_over", "the enrolment token is revoked or has expired", status=403)
    if used >= enrolment.uses:
        raise Refused("enrolment_used_up", f"the enrolment token was for {enrolment.uses} registrations")
    if enrolment.types and command.type not in enrolment.types:
        detail = f"the token enrols {', '.join(enrolment.types)}"
        raise Refused("not_enrolled_for", detail, field="/type", status=403)
    for capability in command.capabilities:
        if enrolment.capabilities and capability not in enrolment.capabilities:
            detail = f"the token enrols agents with {', '.join(enrolment.capabilities)}"
            raise Refused("not_enrolled_for", detail, field="/capabilities", status=403)
    return enrolment


def issued(facts: EnrolmentIssued, event: Event) -> Enrolment:
    return Enrolment(
        seq=event.seq,
        nonce=facts.nonce,
        credential=facts.credential,
        issuer=event.of or event.actor.id,
        owner=facts.owner,
        uses=facts.uses,
        types=facts.types,
        capabilities=facts.capabilities,
        issued_at=event.at,
        expires_at=facts.expires_at,
    )


def revoked(enrolment: Enrolment, facts: EnrolmentRevoked, event: Event) -> Changes:
    return {"revoked": True}


SUBJECT = Subject(
    kind="enrolment",
    state=Enrolment,
    decide={IssueEnrolment: issue, RevokeEnrolment: revoke},
    evolve={EnrolmentIssued: first(issued), EnrolmentRevoked: once(revoked)},
    live=lambda enrolment: not enrolment.revoked,
)
FACTS = (EnrolmentIssued, EnrolmentRevoked)
