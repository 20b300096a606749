"""When validator agents are asked, and what becomes of their word (spec 3.2 *Tribunal*)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.laws.any_facts import as_event
from tests.unit.councils.test_tribunals import convened, says, tribunal

from watchfloor.councils.messages import DecisionExpired, DecisionOpened, SettleByTribunal
from watchfloor.councils.tribunal_messages import ConveneTribunal, DissolveTribunal
from watchfloor.kernel.messages import Command, Effect, Facts
from watchfloor.kernel.terms import Policy
from watchfloor.kernel.tribunal_terms import TribunalTerms
from watchfloor.processes.judging import REACTS
from watchfloor.registers.directory import ActivePolicy


class Action(msgspec.Struct):
    cls: str = "write"


def wishes(facts: Facts, terms: TribunalTerms | None = None, **cells: Any) -> list[Command | Effect]:
    """What the process wishes for; `terms` of the policy in force, cells by name."""
    policy = ActivePolicy(1, 1, "", Policy(tribunal=terms or TribunalTerms()))
    react = dict(REACTS)[type(facts)]
    return react(
        as_event(facts, seq=9, at=1),
        lambda name, key: policy if name == "active_policy" else cells.get(name),
    )


def opened(level: int) -> DecisionOpened:
    return DecisionOpened(
        action=41,
        agent=7,
        deadline_at=9,
        digest="9f2c",
        execution_ms=1,
        grant_ms=1,
        level=level,
        needed=1,
        nonce=1,
        owner="system",
        risk=60,
        role="supervisor",
        unanswered="denied",
        urgency="high",
    )


@pytest.mark.parametrize(
    ("level", "terms", "asked"),
    [
        (4, TribunalTerms(), False),
        (3, TribunalTerms(level_min=3), True),
        (2, TribunalTerms(level_min=3), False),
        (3, TribunalTerms(level_min=3, classes=("write",)), True),
        (3, TribunalTerms(level_min=3, classes=("financial",)), False),
    ],
)
def test_a_tribunal_is_asked_where_the_policy_wants_one(
    level: int, terms: TribunalTerms, asked: bool
) -> None:
    wished = wishes(opened(level), terms, action=Action())
    assert wished == ([ConveneTribunal(subject=1)] if asked else [])
    if terms.classes:
        assert wishes(opened(level), terms) == [], "of what is not known no class is known"


@pytest.mark.parametrize(("level", "vote", "settles"), [(2, "approve", True), (3, "approve", False)])
def test_a_recommendation_may_settle_level_2_only(level: int, vote: str, settles: bool) -> None:
    world = convened(level)
    for number in (11, 12, 13):
        says(world, number, vote)
    ruling = world.events[-1].facts
    wished = wishes(ruling, tribunal=tribunal(world))
    assert wished == ([SettleByTribunal(subject=1, recommendation=vote)] if settles else [])
    assert wishes(ruling) == []
    assert wishes(msgspec.structs.replace(ruling, recommendation=""), tribunal=tribunal(world)) == []


def test_when_the_decision_is_over_nobody_waits_for_the_tribunal() -> None:
    over = DecisionExpired(action=41, agent=7)
    assert wishes(over) == []
    assert wishes(over, convened=True) == [DissolveTribunal(subject=1)]
