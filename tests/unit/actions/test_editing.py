"""Edited parameters are judged like a request, and never lower anything (spec 3.2 *Grant*, fault G4)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.transcripts.world import World
from tests.unit.actions.lives import state, waiting
from tests.unit.actions.requests import TRUSTED, seen

from watchfloor.actions import messages as m
from watchfloor.actions.edit_messages import ActionEdited, EditAction
from watchfloor.actions.editing import EditEvidence, edited
from watchfloor.actions.gate import RULES_VERSION, Gathered
from watchfloor.actions.life import content_of
from watchfloor.engine.auditing import audit_one
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.limits import EDITS_PER_ACTION_MAX
from watchfloor.kernel.messages import Actor, Event, Refused
from watchfloor.kernel.terms import Policy
from watchfloor.policy.digest import digest_of
from watchfloor.policy.document import from_plain

CLOSED = m.ActionClosed(agent=7, decision=9, reason="denied", released_micro=0)
REVOKED = m.GrantRevoked(agent=7, digest="d", grant=1, level=3, reason="policy", risk=0, urgency="normal")
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


FORGED: list[dict[str, Any]] = [
    {"level": 1},
    {"level": 4},
    {"risk": 0},
    {"failed": ()},
    {"digest_before": "ff"},
    {"urgency": "low"},
    {"agent": 8},
    {"evidence": seen(agent_state=1)},
]


def audited(events: list[Event], seq: int) -> str:
    rules = [msgspec.structs.replace(event, rules=RULES_VERSION, policy=1) for event in events]
    return audit_one(rules, seq, {1: SLOW})


SLOW = from_plain({"runaway": {"agents": {public_id("agent", 8, 1): {"requests_per_second": 1}}}})


def test_an_edit_is_judged_again_like_a_ruling_and_what_was_forged_differs() -> None:
    world = waiting()
    (first,) = edits(world, {"amount": 5}, policy=SLOW, seen={"requests_1s": 5, "score": 100})
    (second,) = edits(world, {"path": "/srv/new"}, policy=SLOW)
    for event in (first, second):
        assert audited(world.events, event.seq) == "same"
    facts = first.facts
    assert isinstance(facts, ActionEdited)
    assert facts.urgency != "low"
    for changes in FORGED:
        forged = msgspec.structs.replace(first, facts=msgspec.structs.replace(facts, **changes))
        events = [forged if event.seq == first.seq else event for event in world.events]
        assert audited(events, first.seq) == "differs", changes
    assert audited([first], first.seq) == "differs", "nothing of it waited"
    over = [event for event in world.events if event.seq < first.seq]
    assert audited([*over, msgspec.structs.replace(first, facts=CLOSED), first], first.seq) == "differs"
    stricter = [*over, msgspec.structs.replace(first, facts=REVOKED), first]
    assert audited(stricter, first.seq) == "differs", "below what was asked for after the revocation"
    assert audit_one(world.events, first.seq, {0: SLOW}) == "superseded", "by other rules of the gate"
