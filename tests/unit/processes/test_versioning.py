"""Versioning: what the platform wishes for when a version is decided on (spec 2.1)."""

from __future__ import annotations

from types import SimpleNamespace

from tests.unit.processes.test_processes import Room
from tests.unit.registers.board import decided

from watchfloor.actions.messages import (
    ActionClosed,
    ActionGranted,
    ActionStarted,
    CompleteAction,
    Grant,
    StartAction,
)
from watchfloor.fleet.messages import ActivateVersion, EndActivation, NoteActivation, VersionActivated
from watchfloor.kernel.messages import Command, Effect
from watchfloor.kernel.terms import ACTIVATE_VERSION

GRANT = Grant(basis="approved", execution_ms=1, expires_at=9)


def room(kind: str = ACTIVATE_VERSION, decision: int = 0) -> Room:
    made = Room()
    made.cells["action", 9] = SimpleNamespace(action_type=kind, digest="d", decision=decision)
    return made


def of(wishes: list[Command | Effect], *kinds: type) -> list[Command | Effect]:
    return [wish for wish in wishes if isinstance(wish, kinds)]


def test_a_ruling_on_a_version_is_noted_unless_it_is_no() -> None:
    wishes = Room().wishes(decided("pending", kind=ACTIVATE_VERSION, level=3))
    assert len(of(wishes, NoteActivation)) == 1
    assert of(wishes, StartAction) == []
    assert of(Room().wishes(decided("denied", kind=ACTIVATE_VERSION)), NoteActivation) == []
    assert of(Room().wishes(decided("pending", level=3)), NoteActivation) == []


def test_what_the_policy_lets_pass_is_started_at_once() -> None:
    wishes = Room().wishes(decided("permitted", kind=ACTIVATE_VERSION))
    assert [type(wish) for wish in of(wishes, NoteActivation, StartAction)] == [NoteActivation, StartAction]


def test_a_grant_for_a_version_is_used_by_the_platform_and_others_are_not() -> None:
    granted = ActionGranted(agent=1, decision=20, grant=GRANT)
    (start,) = of(room().wishes(granted, subject=9), StartAction)
    assert start == StartAction(subject=9, agent=1, grant=1, execution="platform", digest="d")
    assert of(room("file.write").wishes(granted, subject=9), StartAction) == []
    assert of(Room().wishes(granted, subject=9), StartAction) == []


def started(kind: str) -> ActionStarted:
    return ActionStarted(
        action_type=kind, agent=1, execution="platform", grant=1, target="", tool="", until_at=9
    )


def test_the_names_of_those_who_agreed_go_with_the_version() -> None:
    floor = room(decision=20)
    floor.cells["decision", 20] = SimpleNamespace(
        votes=(
            SimpleNamespace(person="per_bo", vote="approve", late=False),
            SimpleNamespace(person="per_al", vote="abstain", late=False),
            SimpleNamespace(person="per_cy", vote="approve", late=True),
        )
    )
    (wish,) = of(floor.wishes(started(ACTIVATE_VERSION), subject=9), ActivateVersion)
    assert wish == ActivateVersion(subject=1, action=9, approved_by=("per_bo",))
    (wish,) = of(room().wishes(started(ACTIVATE_VERSION), subject=9), ActivateVersion)
    assert wish == ActivateVersion(subject=1, action=9, approved_by=())
    assert of(room().wishes(started("file.write"), subject=9), ActivateVersion) == []


def test_in_force_completes_the_action_and_no_frees_the_place() -> None:
    activated = VersionActivated(
        action=9, approved_by=(), label="", number=2, previous=1, rollback=False, tools=()
    )
    (done,) = Room().wishes(activated, subject=1)
    assert done == CompleteAction(subject=9, agent=1, execution="platform")
    closed = ActionClosed(agent=1, decision=20, reason="denied", released_micro=0)
    (ended,) = of(room().wishes(closed, subject=9), EndActivation)
    assert ended == EndActivation(subject=1, action=9, reason="denied")
    assert of(room("file.write").wishes(closed, subject=9), EndActivation) == []
    assert of(Room().wishes(closed, subject=9), EndActivation) == []
