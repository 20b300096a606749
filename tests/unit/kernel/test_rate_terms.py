"""Rates by class and tier (spec 3.3 *Rate limits*)."""

from __future__ import annotations

import msgspec
import pytest

from watchfloor.kernel.rate_terms import RateTerms, TierRates, highest, rates_of
from watchfloor.kernel.terms import Policy
from watchfloor.policy.difference import differences
from watchfloor.policy.soundness import problems


def test_a_tier_has_its_own_rates_where_the_policy_says_so_and_else_what_all_have() -> None:
    terms = RateTerms(
        tiers={"ELITE": TierRates(heavy=60), "UNTRUSTED": TierRates(light=5, normal=5, heavy=1)}
    )
    assert rates_of(terms, "ELITE") == {"light": 120, "normal": 60, "heavy": 60}
    assert rates_of(terms, "UNTRUSTED") == {"light": 5, "normal": 5, "heavy": 1}
    assert (
        rates_of(terms, "TRUSTED") == rates_of(RateTerms(), "") == {"light": 120, "normal": 60, "heavy": 10}
    )
    assert highest(terms) == 120
    assert highest(RateTerms(tiers={"ELITE": TierRates(light=500)})) == 500


@pytest.mark.parametrize(
    ("tiers", "path"),
    [
        ({"BEST": TierRates()}, "/rates/tiers/BEST"),
        ({"ELITE": TierRates(light=-1)}, "/rates/tiers/ELITE/light"),
    ],
)
def test_a_tier_that_is_none_and_a_rate_below_nothing_are_unsound(
    tiers: dict[str, TierRates], path: str
) -> None:
    policy = msgspec.structs.replace(Policy(), rates=RateTerms(tiers=tiers))
    assert [fault.path for fault in problems(policy)] == [path]


def test_rates_of_a_tier_count_as_loosening_in_either_direction() -> None:
    """A tier's 0 means what all have, so its numbers have no order."""
    before = msgspec.structs.replace(Policy(), rates=RateTerms(tiers={"ELITE": TierRates(heavy=20)}))
    for heavy in (0, 5, 90):
        after = msgspec.structs.replace(Policy(), rates=RateTerms(tiers={"ELITE": TierRates(heavy=heavy)}))
        assert [found.loosens for found in differences(before, after)] == [True]
