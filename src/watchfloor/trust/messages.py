"""Trust: commands and facts (spec 3.4). The subject of an agent's trust has the agent's own integer."""

from __future__ import annotations

from typing import ClassVar

from watchfloor.kernel.messages import Command, Facts


class RecordTrust(Command, frozen=True, kw_only=True):
    """`what` is one of the policy's trust kinds; `source` the seq of the event that shows it."""

    KIND: ClassVar[str] = "trust"
    what: str
    source: int


class AdjustTrust(Command, frozen=True, kw_only=True):
    """A person's manual adjustment by `points`, with a reason."""

    KIND: ClassVar[str] = "trust"
    points: int
    reason: str


class ReassessTrust(Command, frozen=True, kw_only=True):
    """Time alone moved the score: recompute and move the tier where due (daily, spread over the hour)."""

    KIND: ClassVar[str] = "trust"


class TrustChanged(Facts, frozen=True, kw_only=True):
    """`counted` False: a success beyond the day's cap, kept for the record. Tiers are indices 0-5.

    `moves_at` is the instant from which time alone will have moved the score, 0 when it never will. `falls_at`: the
    score is too low for the tier, which is kept until then by the policy's grace (0: it is not).
    """

    TYPE: ClassVar[str] = "trust.changed/1"
    KIND: ClassVar[str] = "trust"
    counted: bool
    moves_at: int
    points: int
    reason: str
    score: int
    score_before: int
    source: int
    tier: int
    tier_before: int
    what: str
    falls_at: int = 0


class TrustReassessed(Facts, frozen=True, kw_only=True):
    TYPE: ClassVar[str] = "trust.reassessed/1"
    KIND: ClassVar[str] = "trust"
    moves_at: int
    score: int
    score_before: int
    tier: int
    tier_before: int
    falls_at: int = 0
