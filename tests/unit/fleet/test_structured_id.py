"""TRCCII: published vectors, and a code that never collides (spec 2.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from watchfloor.fleet.structured_id import CATEGORIES, category, instance, role, structured_id


@pytest.mark.parametrize(
    ("tier", "agent_type", "capability", "number", "code"),
    [
        (0, "executor", "development", 0, "013000"),
        (2, "researcher", "research", 7, "241007"),
        (5, "orchestrator", "executive", 99, "569099"),
        (3, "communicator", "support", 100, "3560a0"),
        (3, "communicator", "support", 1_035, "3560zz"),
        (3, "communicator", "support", 1_036, "3560100"),
        (1, "worker", "python", 12, "113912"),
        (1, "validator", "code review", 3, "133603"),
        (4, "planner", "knitting", 0, "427800"),
        (4, "gardener", "operations", 0, "497000"),
    ],
)
def test_vectors(tier: int, agent_type: str, capability: str, number: int, code: str) -> None:
    assert structured_id(tier, agent_type, capability, number) == code


def test_every_decade_has_a_word_of_its_own_and_no_word_has_two() -> None:
    words = [word for group in CATEGORIES.values() for word in group]
    assert len(words) == len(set(words))
    assert {category(group[0]) for group in CATEGORIES.values()} == set(range(10, 100, 10))


@given(st.text(max_size=40), st.text(max_size=40))
def test_role_and_category_have_one_and_two_digits_whatever_an_agent_says(
    agent_type: str, capability: str
) -> None:
    assert role(agent_type) in {1, 2, 3, 4, 5, 6, 9}
    assert 10 <= category(capability) <= 99


def test_instances_never_collide() -> None:
    texts = [instance(number) for number in range(60_000)]
    assert len(set(texts)) == len(texts)
    assert [instance(n) for n in (0, 9, 99, 100, 135, 136)] == ["00", "09", "99", "a0", "az", "b0"]
