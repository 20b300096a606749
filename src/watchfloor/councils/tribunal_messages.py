"""Tribunals of validator agents: commands and facts (spec 3.2 *Tribunal*). One per decision, with
its integer; it advises."""

from __future__ import annotations

from typing import ClassVar

import msgspec

from watchfloor.kernel.messages import Command, Facts


class Validator(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A member as of the convening: the agent's integer, its owner, its trust."""

    agent: int
    owner: str
    score: int


class ConveneTribunal(Command, frozen=True, kw_only=True):
    """From the judging process: ask validators about the decision, whose integer is the tribunal's too."""

    KIND: ClassVar[str] = "tribunal"


class VoteInTribunal(Command, frozen=True, kw_only=True):
    """A validator's say: approve, deny or abstain, `confidence_milli` 0 to 1000; `private` canonical JSON {"reasoning"}."""

    KIND: ClassVar[str] = "tribunal"
    agent: int
    vote: str
    confidence_milli: int
    private: bytes = b""


class DissolveTribunal(Command, frozen=True, kw_only=True):
    """People were faster, or nobody has to decide any more."""

    KIND: ClassVar[str] = "tribunal"


class TribunalTimePassed(Command, frozen=True, kw_only=True):
    KIND: ClassVar[str] = "tribunal"


class TribunalConvened(Facts, frozen=True, kw_only=True):
    """`members` are asked until `deadline_at`. Terms of counting are those of the policy at this instant.

    Without members there were too few validators, and there is no ruling but *no quorum*.
    """

    TYPE: ClassVar[str] = "tribunal.convened/1"
    KIND: ClassVar[str] = "tribunal"
    action: int
    agent: int
    confidence_min_milli: int
    deadline_at: int
    decides: str
    level: int
    majority_permille: int
    members: tuple[Validator, ...]
    votes_min: int


class TribunalVoted(Facts, frozen=True, kw_only=True):
    """`weight` = trust at this instant times confidence, in thousandths. `late`: kept, and changes nothing."""

    TYPE: ClassVar[str] = "tribunal.voted/1"
    KIND: ClassVar[str] = "tribunal"
    agent: int
    confidence_milli: int
    late: bool
    score: int
    vote: str
    weight: int


class TribunalRuled(Facts, frozen=True, kw_only=True):
    """`consensus` unanimous, majority, split or no_quorum; `recommendation` approve, deny or empty; weights of each side.

    `complete`: every member has voted; otherwise the time was over.
    """

    TYPE: ClassVar[str] = "tribunal.ruled/1"
    KIND: ClassVar[str] = "tribunal"
    action: int
    against: int
    agent: int
    complete: bool
    consensus: str
    recommendation: str
    weight: int


class TribunalDissolved(Facts, frozen=True, kw_only=True):
    """The decision was over before the tribunal had ruled."""

    TYPE: ClassVar[str] = "tribunal.dissolved/1"
    KIND: ClassVar[str] = "tribunal"
    agent: int
