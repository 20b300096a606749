"""One decision by people: its state, and what is true of it whoever asks (spec 3.2; rules.py has the theory)."""

from __future__ import annotations

import msgspec

from watchfloor.councils import quorum
from watchfloor.councils.messages import Demand, Member, Step
from watchfloor.councils.quorum import Vote
from watchfloor.kernel.folds import Changes
from watchfloor.kernel.instants import MILLISECOND
from watchfloor.kernel.messages import Event, Refused

PENDING = quorum.PENDING
APPROVED = quorum.APPROVED
OWN_SIGN_IN = "own_sign_in_needed"  # of whoever came by a sign-in link that somebody else made (decision 35)
DENIED = quorum.DENIED
EXPIRED = "expired"
CANCELLED = "cancelled"
STATUSES = (PENDING, APPROVED, DENIED, EXPIRED, CANCELLED)  # spec 01


class Decision(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One decision. `refused` are the (person, reason) pairs already recorded, so that trying again adds nothing."""

    seq: int
    nonce: int
    action: int
    agent: int
    owner: str
    digest: str
    level: int
    risk: int
    urgency: str
    role: str
    needed: int
    opened_at: int
    deadline_at: int
    unanswered: str
    grant_ms: int
    execution_ms: int
    parties: tuple[str, ...] = ()
    committee: str = ""
    members: tuple[Member, ...] = ()
    ladder: tuple[Step, ...] = ()
    tell: tuple[str, ...] = ()  # who was told last
    taken: tuple[str, ...] = ()  # from whom backups have taken over on this rung
    rung: int = 0  # how many rungs of the ladder were climbed
    warn_permille: int = 0
    warn_at: int = 0  # 0: warned, or there is no warning
    status: str = PENDING
    votes: tuple[Vote, ...] = ()
    refused: tuple[tuple[str, str], ...] = ()
    decided_at: int = 0
    also: tuple[Demand, ...] = ()  # what the approval satisfied besides
    force_asked: tuple[str, ...] = ()  # at level 4, who wants to force it until a second person does
    forced_by: tuple[str, ...] = ()
    reviewed: bool = False
    seen: tuple[str, ...] = ()  # who has opened it
    tribunal: bool = False  # its tribunal approved it in place of people
    review_by_at: int = (
        0  # of a forced one: until when another person must have looked at it, 0 when that is settled
    )


def known(state: Decision | None) -> Decision:
    """The decision, or Refused `unknown_decision`."""
    if state is None:
        raise Refused("unknown_decision", "no such decision", status=404)
    return state


def last_at(decision: Decision) -> int:
    """When silence ends it, if every rung that is left is climbed in time."""
    left = sum(step.wait_ms for step in decision.ladder[decision.rung :])
    return decision.deadline_at + left * MILLISECOND


def over(decision: Decision, status: str, event: Event) -> Changes:
    """The first end is the end (law *Monotone oversight*: a decision never flips)."""
    return {"status": status, "decided_at": event.at} if decision.status == PENDING else {}
