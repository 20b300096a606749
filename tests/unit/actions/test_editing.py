"""Edited parameters are judged like a request, and never lower anything (spec 3.2 *Grant*, fault G4)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.transcripts.world import World
from tests.unit.actions.lives import state, waiting
from tests.unit.actions.requests import TRUSTED

from watchfloor.actions import messages as m
from watchfloor.actions.edit_messages import ActionEdited, EditAction
from watchfloor.actions.editing import EditEvidence, edited
from watchfloor.actions.gate import Gathered
from watchfloor.actions.life import content_of
from watchfloor.kernel.limits import EDITS_PER_ACTION_MAX
from watchfloor.kernel.messages import Actor, Event, Refused
from watchfloor.kernel.terms import Policy
from watchfloor.policy.digest import digest_of

SUE = Actor(kind="person", id="per_sue")


def edits(world: World, params: object = None, actor: Actor = SUE, **how: Any) -> list[Event]:
    """Sue gives it other parameters."""
    policy = how.pop("policy", Policy())
    seen = msgspec.convert(list((TRUSTED | how.pop("seen", {})).values()), m.Evidence)
    gathered = Gathered(policy=policy, policy_version=1, policy_digest=digest_of(policy), evidence=seen)
    evidence = EditEvidence(gathered=gathered, obstacle=how.pop("obstacle", ""), open=how.pop("open", True))
    command = EditAction(
        subject=1,
        person="per_sue",
        decision=9,
        digest=how.pop("digest", state(world).digest),
        params=params if params is not None else {"amount": 1},
        action=b"{}",
        salt=b"s" * 32,
        private=b"{}",
    )
    return world.perform(command, actor, evidence)


def test_an_edit_is_another_digest_at_no_lower_level_and_risk() -> None:
    world = waiting()
    before = state(world)
    (event,) = edits(world)
    facts = event.facts
    assert isinstance(facts, ActionEdited)
    after = state(world)
    assert (facts.by, facts.digest_before, facts.decision) == ("per_sue", before.digest, 9)
    assert after.digest == facts.digest != before.digest
    assert (after.status, after.edits, after.edited_by) == ("pending", 1, ("per_sue",))
    assert after.level >= before.level >= 2
    assert after.risk >= before.risk
    assert content_of(1, after) == event.seq
    assert (content_of(1, before), content_of(1, None)) == (1, 1)
    edits(world)
    assert state(world).edited_by == ("per_sue",)


def test_where_it_goes_is_looked_at_again() -> None:
    world = waiting()
    edits(world, {"path": "/srv/new"})
    assert state(world).targets
    assert state(world).zones


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"actor": Actor(kind="person", id="per_eve")}, "not_your_vote"),
        ({"actor": Actor(kind="agent", id="per_sue")}, "not_your_vote"),
        ({"obstacle": "own_agent"}, "own_agent"),
        ({"open": False}, "decision_over"),
        ({"digest": "ffff"}, "digest_mismatch"),
        ({"params": {"path": "/etc/passwd"}}, "edit_denied"),
        ({"seen": {"agent_state": 1}}, "edit_denied"),
    ],
)
def test_what_may_not_be_edited_is_refused_and_nothing_changes(how: dict[str, Any], code: str) -> None:
    world = waiting()
    before = state(world)

    with pytest.raises(Refused) as refused:
        edits(world, **how)
    assert refused.value.code == code
    assert state(world) == before


def test_edits_are_bounded_and_what_is_no_longer_pending_is_left_alone() -> None:
    world = waiting()
    for _ in range(EDITS_PER_ACTION_MAX):
        (event,) = edits(world)

    with pytest.raises(Refused, match="deny it"):
        edits(world)
    over = msgspec.structs.replace(state(world), status="granted")
    assert edited(over, msgspec.structs.replace(event, seq=event.seq + 1)).digest == over.digest
