"""How fast agents may ask: a section of the policy (spec 3.3 *Rate limits*).

Requests a minute and agent by rate class; ingress buckets are filled from it. A tier may have rates of its own.
"""

from __future__ import annotations

import msgspec

RATE_CLASSES = ("light", "normal", "heavy")


class TierRates(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Requests a minute by rate class for agents of one tier; 0: what all agents have."""

    light: int = 0
    normal: int = 0
    heavy: int = 0


class RateTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Requests a minute by rate class; `tiers` by the name of a tier, in place of them."""

    light: int = 120
    normal: int = 60
    heavy: int = 10
    tiers: dict[str, TierRates] = {}


def rates_of(terms: RateTerms, tier: str) -> dict[str, int]:
    """Requests a minute by rate class for an agent of this tier."""
    own = terms.tiers.get(tier)
    return {
        name: (getattr(own, name) if own is not None else 0) or getattr(terms, name) for name in RATE_CLASSES
    }


def highest(terms: RateTerms) -> int:
    """The largest rate that any agent has in any class."""
    return max(rate for tier in ("", *terms.tiers) for rate in rates_of(terms, tier).values())
