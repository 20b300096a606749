"""Which actions a loosened policy affects, and whom that bars (spec 3.2)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.transcripts.world import World

from watchfloor.kernel.council_terms import RouteTerms, RoutingTerms
from watchfloor.kernel.instants import DAY
from watchfloor.kernel.messages import SYSTEM, Actor
from watchfloor.kernel.mode_terms import ModeTerms
from watchfloor.kernel.terms import LevelTerms, Policy, RateTerms
from watchfloor.policy.affected import affected
from watchfloor.policy.messages import ApplyPolicy, PolicyApplied, ProposePolicy
from watchfloor.policy.rules import DecidersEvidence

BASE = Policy()
LOWER = msgspec.structs.replace(BASE.classes["write"], base=1)


@pytest.mark.parametrize(
    ("changes", "selectors"),
    [
        ({"types": {**BASE.types, "x.y": "read"}}, ("type:x.y",)),
        ({"types": {**BASE.types, "tell": "read", "ladder": "read"}}, ("type:ladder", "type:tell")),
        ({"types": {**BASE.types, "X.Y": "read"}}, ("*",)),
        ({"classes": {**BASE.classes, "write": LOWER}}, ("class:write",)),
        ({"routing": RoutingTerms(confirm=RouteTerms(role="auditor", tell=BASE.routing.confirm.tell))}, ("level:2",)),
        ({"levels": LevelTerms(high=2)}, ("*",)),
        ({"modes": ModeTerms(organisation="observe")}, ("*",)),
        ({"modes": ModeTerms(types={"x.y": "observe"})}, ("type:x.y",)),
        ({"modes": ModeTerms(types={"x.y": "enforce"})}, ()),
        ({"levels": LevelTerms(medium=3)}, ()),
        ({"rates": RateTerms(light=999)}, ()),
        ({"routing": RoutingTerms(loosened_days=0)}, ("*",)),
        ({"types": {**BASE.types, **{f"t{number}": "read" for number in range(40)}}}, ("*",)),
    ],
)  # fmt: skip
def test_a_loosened_field_affects_the_actions_it_is_about(
    changes: dict[str, Any], selectors: tuple[str, ...]
) -> None:
    assert affected(BASE, msgspec.structs.replace(BASE, **changes)) == selectors


@pytest.mark.parametrize(
    ("actor", "by"), [(Actor(kind="person", id="per_ada"), "per_ada"), (SYSTEM, "")], ids=["person", "system"]
)
def test_whoever_loosened_it_is_barred_for_the_longer_of_both_times(actor: Actor, by: str) -> None:
    world = World()
    world.perform(ApplyPolicy(document=BASE), SYSTEM)
    looser = Policy(levels=LevelTerms(high=2), routing=RoutingTerms(loosened_days=0))
    change = ProposePolicy(subject=1, document=looser)
    (event,) = world.perform(change, actor, DecidersEvidence(others=0))
    facts = event.facts
    assert isinstance(facts, PolicyApplied)
    assert (facts.by, facts.loosens) == (by, ("*",))
    assert facts.barred_until_at == (event.at + 7 * DAY if by else 0)
