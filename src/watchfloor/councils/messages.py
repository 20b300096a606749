"""Decisions by people: commands and facts (spec 3.2). One decision per action that needs somebody's agreement."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from watchfloor.kernel.messages import Command, Facts


class Member(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Somebody of a committee as of the request: public id, the role the seat is for (empty: this very person),
    weight, and whether their denial alone denies."""

    person: str
    role: str = ""
    weight: int = 1
    veto: bool = False


class Step(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One rung of an escalation: who is told, and for how long."""

    tell: tuple[str, ...]
    wait_ms: int


class Demand(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Who must agree besides, because a policy was applied while the decision was pending (`version` is its number).

    `role` and `needed` persons, or of a committee its members as of that instant and the weight that is needed. `level`
    is what the action has under that policy, 0 where nobody noted it.
    """

    version: int
    role: str
    needed: int
    committee: str = ""
    members: tuple[Member, ...] = ()
    level: int = 0


class OpenDecision(Command, frozen=True, kw_only=True):
    """From the approval process. `owner` is the public id of the agent's owner, who may not decide.

    `parties` are further persons who may not: who registered the agent for somebody else, who asked for the action.
    `committee` names who decides instead of `role` and `needed`; `ladder` are the rungs after the first deadline.
    """

    KIND: ClassVar[str] = "decision"
    action: int
    agent: int
    owner: str
    digest: str
    level: int
    risk: int
    urgency: str
    role: str
    needed: int
    deadline_at: int
    unanswered: str
    grant_ms: int
    execution_ms: int
    parties: tuple[str, ...] = ()
    committee: str = ""
    tell: tuple[str, ...] = ()
    ladder: tuple[Step, ...] = ()
    warn_permille: int = 0


class CastVote(Command, frozen=True, kw_only=True):
    """`vote` approve, deny or abstain; `digest` is the action digest the person saw; `private` canonical JSON {"comment"}.

    `session`: by what the person came, as in VoteCast.
    """

    KIND: ClassVar[str] = "decision"
    person: str
    vote: str
    digest: str = ""
    private: bytes = b""
    session: str = ""


class ForceDecision(Command, frozen=True, kw_only=True):
    """Break-glass. `digest` is the action digest the person saw; `reason` is never erased."""

    KIND: ClassVar[str] = "decision"
    person: str
    digest: str
    reason: str


class ReviewForced(Command, frozen=True, kw_only=True):
    """Another person's word on what was forced: `verdict` justified or unjustified; `private` canonical JSON {"comment"}."""

    KIND: ClassVar[str] = "decision"
    person: str
    verdict: str
    private: bytes = b""


class NoteSeen(Command, frozen=True, kw_only=True):
    """This person has the decision in front of them: from now on counts how long they look at it."""

    KIND: ClassVar[str] = "decision"
    person: str


class TakeOver(Command, frozen=True, kw_only=True):
    """From whoever watches: `by` are told in place of `of` on this rung. `reason` and `measured` as in DecisionTakenOver."""

    KIND: ClassVar[str] = "decision"
    rung: int
    of: str
    by: tuple[str, ...]
    reason: str
    measured: int = 0


class SettleByTribunal(Command, frozen=True, kw_only=True):
    """From the judging process: a tribunal has ruled, and the policy may let it decide level 2 alone."""

    KIND: ClassVar[str] = "decision"
    recommendation: str


class CancelDecision(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "decision"
    reason: str = ""


class RecheckDecision(Command, frozen=True, kw_only=True):
    """People or the policy have changed: can anybody decide still?"""

    KIND: ClassVar[str] = "decision"


class DecisionTimePassed(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "decision"


class DecisionOpened(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "decision.opened/1"
    KIND: ClassVar[str] = "decision"
    action: int
    agent: int
    deadline_at: int
    digest: str
    execution_ms: int
    grant_ms: int
    level: int
    needed: int
    nonce: int
    owner: str
    risk: int
    role: str
    unanswered: str
    urgency: str
    parties: tuple[str, ...] = ()
    # Fields below came later; their defaults are what earlier decisions meant.
    committee: str = ""
    ladder: tuple[Step, ...] = ()
    members: tuple[Member, ...] = ()
    tell: tuple[str, ...] = ()
    warn_permille: int = 0


class DecisionWarned(Facts, frozen=True, kw_only=True):
    """Two thirds of the time are over (spec 3.2). `rung` 0 is the time before the first escalation."""

    TYPE: ClassVar[str] = "decision.warned/1"
    KIND: ClassVar[str] = "decision"
    action: int
    agent: int
    rung: int
    tell: tuple[str, ...]


class DecisionEscalated(Facts, frozen=True, kw_only=True):
    """Nobody decided on the rung before; `tell` is told now, and has until `deadline_at`."""

    TYPE: ClassVar[str] = "decision.escalated/1"
    KIND: ClassVar[str] = "decision"
    action: int
    agent: int
    deadline_at: int
    rung: int
    tell: tuple[str, ...]


class DecisionSeen(Facts, frozen=True, kw_only=True):
    """This person has opened the decision for the first time, before it was over (spec 3.2 *Inbox*: review times)."""

    TYPE: ClassVar[str] = "decision.seen/1"
    KIND: ClassVar[str] = "decision"
    person: str


class DecisionTakenOver(Facts, frozen=True, kw_only=True):
    """A backup decides in place of the target `of`: `tell` is told from now on.

    `reason`: offline (`measured` ms since anybody of them was seen), overloaded (`measured` decisions waiting) or specialist.
    """

    TYPE: ClassVar[str] = "decision.taken_over/1"
    KIND: ClassVar[str] = "decision"
    action: int
    agent: int
    by: tuple[str, ...]
    measured: int
    of: str
    reason: str
    rung: int
    tell: tuple[str, ...]


class VoteCast(Facts, frozen=True, kw_only=True):
    """`late`: the decision was over already; the vote is kept and changes nothing.

    `session`: by what the person came: browser, token, or link (one of a notice); empty where it was not recorded.
    `through`: who made the sign-in link that this session began with, when that was somebody else.
    """

    TYPE: ClassVar[str] = "decision.voted/1"
    KIND: ClassVar[str] = "decision"
    late: bool
    person: str
    vote: str
    session: str = ""
    through: str = ""


class VoteRefused(Facts, frozen=True, kw_only=True):
    """Somebody who may not decide tried to: an owner's own agent, a missing role (fault G1)."""

    TYPE: ClassVar[str] = "decision.vote_refused/1"
    KIND: ClassVar[str] = "decision"
    person: str
    reason: str


class DecisionApproved(Facts, frozen=True, kw_only=True):
    """The quorum is met. `voters` are the persons whose votes made it.

    `also` is the evidence of policies applied meanwhile: what they demanded besides, and these votes satisfy as well.
    `tribunal`: its tribunal decided in place of people, at level 2, where the policy says so.
    """

    TYPE: ClassVar[str] = "decision.approved/1"
    KIND: ClassVar[str] = "decision"
    action: int
    agent: int
    execution_ms: int
    grant_ms: int
    level: int
    voters: tuple[str, ...]
    also: tuple[Demand, ...] = ()
    tribunal: bool = False


class DecisionDenied(Facts, frozen=True, kw_only=True):
    """`reason`: voted, vetoed, tribunal, unanswered or unanswerable: not enough eligible people, `missing` of `lacks`.

    `lacks` is who must be added: `role:<role>` or `committee:<name>`, one for each route that cannot be met.
    """

    TYPE: ClassVar[str] = "decision.denied/1"
    KIND: ClassVar[str] = "decision"
    action: int
    agent: int
    reason: str
    missing: int = 0
    lacks: tuple[str, ...] = ()


class DecisionExpired(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "decision.expired/1"
    KIND: ClassVar[str] = "decision"
    action: int
    agent: int


class DecisionCancelled(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "decision.cancelled/1"
    KIND: ClassVar[str] = "decision"
    action: int
    agent: int
    reason: str


class DecisionForceAsked(Facts, frozen=True, kw_only=True):
    """The first of the two persons whom level 4 takes wants to force it."""

    TYPE: ClassVar[str] = "decision.force_asked/1"
    KIND: ClassVar[str] = "decision"
    action: int
    agent: int
    person: str
    reason: str


class DecisionForced(Facts, frozen=True, kw_only=True):
    """Break-glass: `by` forced the action past the people; another person reviews it by `review_by_at`."""

    TYPE: ClassVar[str] = "decision.forced/1"
    KIND: ClassVar[str] = "decision"
    action: int
    agent: int
    by: tuple[str, ...]
    digest: str
    execution_ms: int
    grant_ms: int
    level: int
    reason: str
    review_by_at: int
    tell: tuple[str, ...]


class DecisionAlerted(Facts, frozen=True, kw_only=True):
    """People have to know at once: `alert` forced or review_overdue."""

    TYPE: ClassVar[str] = "decision.alerted/1"
    KIND: ClassVar[str] = "decision"
    action: int
    agent: int
    alert: str
    tell: tuple[str, ...]


class DecisionReviewed(Facts, frozen=True, kw_only=True):
    """Somebody else has looked at what was forced: `verdict` justified or unjustified; `late`: after its time."""

    TYPE: ClassVar[str] = "decision.reviewed/1"
    KIND: ClassVar[str] = "decision"
    action: int
    agent: int
    late: bool
    person: str
    verdict: str
