"""Amending: what the platform wishes for when a change of the policy is decided on (spec 3.6)."""

from __future__ import annotations

from types import SimpleNamespace

from tests.unit.processes.test_processes import Room
from tests.unit.processes.test_versioning import GRANT, of, started
from tests.unit.registers.board import decided

from watchfloor.actions.messages import (
    ActionClosed,
    ActionGranted,
    CancelAction,
    CompleteAction,
    StartAction,
)
from watchfloor.councils.messages import OpenDecision
from watchfloor.kernel.terms import APPLY_POLICY, Policy
from watchfloor.policy.messages import ActivatePolicy, EndProposal, NoteProposal, PolicyApplied


def room(kind: str = APPLY_POLICY, decision: int = 0, waiting: int = 0) -> Room:
    made = Room()
    made.cells["action", 9] = SimpleNamespace(action_type=kind, digest="d", decision=decision)
    made.cells["policy", 2] = SimpleNamespace(proposal=SimpleNamespace(action=waiting, by="per_eve"))
    return made


def applied(action: int) -> PolicyApplied:
    return PolicyApplied(digest="d", document=Policy(), nonce=1, reason="", version=2, action=action)


def test_a_ruling_on_a_proposal_is_noted_unless_it_is_no() -> None:
    assert of(room().wishes(decided("pending", kind=APPLY_POLICY, level=3)), NoteProposal)
    assert of(room().wishes(decided("denied", kind=APPLY_POLICY)), NoteProposal) == []
    assert of(room().wishes(decided("pending", level=3)), NoteProposal) == []


def test_whoever_proposed_it_does_not_decide_on_it() -> None:
    floor = room()
    del floor.cells["agent", 1]
    (opened,) = of(floor.wishes(decided("pending", kind=APPLY_POLICY, level=3)), OpenDecision)
    assert isinstance(opened, OpenDecision)
    assert (opened.owner, opened.parties) == ("system", ("per_eve",))


def test_a_grant_for_a_policy_is_used_by_the_platform_and_others_are_not() -> None:
    granted = ActionGranted(agent=0, decision=20, grant=GRANT)
    (start,) = of(room().wishes(granted, subject=9), StartAction)
    assert start == StartAction(subject=9, agent=0, grant=1, execution="platform", digest="d")
    assert of(room("file.write").wishes(granted, subject=9), StartAction) == []
    assert of(Room().wishes(granted, subject=9), StartAction) == []


def test_it_comes_into_force_with_the_names_of_those_who_agreed() -> None:
    floor = room(decision=20)
    votes = [SimpleNamespace(person=f"per_{vote}{late}", vote=vote, late=late) for vote in ("approve", "deny") for late in (False, True)]  # fmt: skip
    floor.cells["decision", 20] = SimpleNamespace(votes=votes)
    (wish,) = of(floor.wishes(started(APPLY_POLICY), subject=9), ActivatePolicy)
    assert wish == ActivatePolicy(subject=2, action=9, approved_by=("per_approveFalse",))
    (wish,) = of(room().wishes(started(APPLY_POLICY), subject=9), ActivatePolicy)
    assert wish == ActivatePolicy(subject=2, action=9, approved_by=())
    assert of(room().wishes(started("file.write"), subject=9), ActivatePolicy) == []


def test_in_force_the_action_is_done_and_an_older_proposal_is_withdrawn() -> None:
    assert of(room().wishes(applied(9), subject=2), CompleteAction, CancelAction) == [
        CompleteAction(subject=9, agent=0, execution="platform")
    ]
    assert of(room(waiting=7).wishes(applied(0), subject=2), CompleteAction, CancelAction) == [
        CancelAction(subject=7)
    ]


def test_no_agreement_ends_the_proposal() -> None:
    closed = ActionClosed(agent=0, decision=20, reason="denied", released_micro=0)
    (wish,) = of(room().wishes(closed, subject=9), EndProposal)
    assert wish == EndProposal(subject=2, action=9, reason="denied")
    assert of(room("file.write").wishes(closed, subject=9), EndProposal) == []
