"""The risk score of an action and every factor that made it (spec 03 §3.1 rule 6).

`score = clamp(base of the class + parameter factors + history factors)`, 0-100; low < 25 <= medium < 50 <= high < 75
<= critical. The factors are shown to people with their contributions, so there is no number in the score that is not
in `factors`.
"""

from __future__ import annotations

from watchfloor.actions.messages import Derived, Evidence
from watchfloor.actions.tables import UNKNOWN, Tables

BANDS = ("low", "medium", "high", "critical")
SCORE_MAX = 100
FIRST_TIME = 10
FAILURE = 5
FAILURES_MAX = 20
TRUSTED_FROM, TRUSTED = 800, -10
DISTRUSTED_BELOW, DISTRUSTED = 400, 10


def score(tables: Tables, derived: Derived, seen: Evidence) -> int:
    """The risk score 0-100. Equals the clamped sum of `factors`."""
    bases = tables.bases
    total = bases.get(derived.cls, bases[UNKNOWN])
    for _, points in derived.factors:
        total += points
    total += history(seen)
    return 0 if total < 0 else SCORE_MAX if total > SCORE_MAX else total


def history(seen: Evidence) -> int:
    """What the agent's history added to the sum or took from it."""
    total = FIRST_TIME if seen.first_time else 0
    if seen.failures_24h:
        total += min(FAILURES_MAX, FAILURE * seen.failures_24h)
    if seen.score >= TRUSTED_FROM:
        return total + TRUSTED
    return total + DISTRUSTED if seen.score < DISTRUSTED_BELOW else total


def band_of(risk: int) -> int:
    """Index into BANDS."""
    return 0 if risk < 25 else 1 if risk < 50 else 2 if risk < 75 else 3


def factors(tables: Tables, derived: Derived, seen: Evidence) -> tuple[tuple[str, int], ...]:
    """Every contribution to the score by name, in the order in which people read them; zero ones only when they say something."""
    found = [(f"class_{derived.cls}", tables.bases.get(derived.cls, tables.bases[UNKNOWN]))]
    found += derived.factors
    if seen.first_time:
        found.append(("first_time", FIRST_TIME))
    if seen.failures_24h:
        found.append(("failures_24h", min(FAILURES_MAX, FAILURE * seen.failures_24h)))
    if seen.score >= TRUSTED_FROM:
        found.append(("trusted", TRUSTED))
    elif seen.score < DISTRUSTED_BELOW:
        found.append(("little_trust", DISTRUSTED))
    return tuple(found)
