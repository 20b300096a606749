"""The risk score and its shown factors (spec 3.1 rule 6)."""

from __future__ import annotations

import pytest
from tests.unit.actions.requests import policy, seen

from watchfloor.actions import risk
from watchfloor.actions.messages import Derived
from watchfloor.actions.tables import build

TABLES = build(policy())


@pytest.mark.parametrize(
    ("cls", "base"),
    [
        ("read", 5), ("write", 30), ("execute", 35), ("external_api", 30), ("data_access", 30), ("user_facing", 35),
        ("delegate", 45), ("spawn", 60), ("system_config", 65), ("financial", 80), ("unknown", 90), ("no_such_class", 90),
    ],
)  # fmt: skip
def test_the_base_is_the_classs(cls: str, base: int) -> None:
    evidence = seen(score=500)
    assert risk.score(TABLES, Derived(cls), evidence) == base
    assert risk.factors(TABLES, Derived(cls), evidence) == ((f"class_{cls}", base),)


@pytest.mark.parametrize(
    ("fields", "points"),
    [
        ({"score": 800}, -10),
        ({"score": 799}, 0),
        ({"score": 400}, 0),
        ({"score": 399}, 10),
        ({"first_time": True}, 10),
        ({"failures_24h": 1}, 5),
        ({"failures_24h": 4}, 20),
        ({"failures_24h": 9}, 20),
        ({"failures_24h": 2, "first_time": True, "score": 100}, 30),
    ],
)
def test_history_adds_and_takes_off(fields: dict[str, int], points: int) -> None:
    evidence = seen(**({"score": 500} | fields))
    derived = Derived("write", (("large", 3), ("type_tool_mismatch", 0)))
    assert risk.score(TABLES, derived, evidence) == 33 + points
    assert sum(value for _, value in risk.factors(TABLES, derived, evidence)) == 33 + points


def test_the_score_stays_between_zero_and_a_hundred() -> None:
    assert risk.score(TABLES, Derived("read"), seen(score=900)) == 0
    assert risk.score(TABLES, Derived("unknown", (("large", 90),)), seen()) == 100


@pytest.mark.parametrize(
    ("score", "band"),
    [
        (0, "low"),
        (24, "low"),
        (25, "medium"),
        (49, "medium"),
        (50, "high"),
        (74, "high"),
        (75, "critical"),
        (100, "critical"),
    ],
)
def test_bands_begin_at_25_50_and_75(score: int, band: str) -> None:
    assert risk.BANDS[risk.band_of(score)] == band
