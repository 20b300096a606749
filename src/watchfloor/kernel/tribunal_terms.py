"""Tribunals: which decisions validator agents advise on, who they are, what counts: a section of the policy (spec 3.2)."""

from __future__ import annotations

import msgspec

NEVER, UNANIMOUS, MAJORITY = "never", "unanimous", "majority"


class TribunalTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`level_min` 0: no tribunal is asked; else for decisions of that level and above, of these `classes` (none: all).

    `size` validators with trust of at least `score_min`, at most `per_owner_max` of one owner. A vote of less than
    `confidence_min_milli` (thousandths) says nothing; with fewer than `votes_min` that say something there is no quorum.
    A side of at least `majority_permille` of the weight is a majority. `decides`: may it decide level 2 alone, and when:
    never, unanimous, or majority (or better).
    """

    level_min: int = 0
    classes: tuple[str, ...] = ()
    size: int = 3
    score_min: int = 600
    per_owner_max: int = 1
    votes_min: int = 2
    confidence_min_milli: int = 300
    majority_permille: int = 667
    wait_ms: int = 60_000
    decides: str = NEVER
