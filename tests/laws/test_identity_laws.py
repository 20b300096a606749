"""Laws of identity: what is over opens nothing, a token lets in no more than it is for, versions form one chain (spec 2.1)."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from tests.transcripts.world import START, World

from watchfloor.fleet.agent import Agent
from watchfloor.fleet.messages import (
    ActivateVersion,
    AgentRegistered,
    EndActivation,
    IssueEnrolment,
    IssueKey,
    NoteActivation,
    PresentIdentity,
    ProposeVersion,
    RegisterAgent,
    RetireAgent,
    RevokeEnrolment,
    RevokeKey,
    VersionActivated,
)
from watchfloor.fleet.rules import NameEvidence
from watchfloor.kernel.instants import DAY, HOUR
from watchfloor.kernel.messages import Actor, Command, Refused
from watchfloor.registers.enrolments import REGISTER

ADA = Actor(kind="person", id="per_ada")
STEPS = st.lists(
    st.tuples(st.sampled_from(["issue", "rotate", "revoke", "retire", "wait"]), st.integers(0, 9)),
    max_size=25,
)


def registration(name: str = "otto", **more: Any) -> RegisterAgent:
    said: dict[str, Any] = {
        "name": name,
        "type": "worker",
        "capabilities": ("work",),
        "owner": "per_ada",
        "credential": "key_0",
        "expires_at": START + 3 * DAY,
    }
    return RegisterAgent(**(said | more))


def attempt(world: World, command: Command, evidence: Any = None) -> bool:
    try:
        world.perform(command, ADA, evidence)
    except Refused:
        return False
    return True


def agent(world: World) -> Agent:
    found = world.states["agent", 1]
    assert isinstance(found, Agent)
    return found


@given(STEPS)
def test_a_key_that_is_over_never_works_again(steps: list[tuple[str, int]]) -> None:
    world = World()
    world.perform(registration(), ADA, NameEvidence(taken_by=0))
    over: set[str] = set()
    ends = {"key_0": START + 3 * DAY}
    for number, (what, which) in enumerate(steps, 1):
        target = f"key_{which % number}"
        fresh = f"key_{number}"
        if what == "wait":
            world.at += (which + 1) * 5 * HOUR
        elif what == "revoke":
            if attempt(world, RevokeKey(subject=1, credential=target)):
                over.add(target)
        elif what == "retire" and which == 0:
            world.perform(RetireAgent(subject=1), ADA)
            over |= ends.keys()
        else:
            expires_at = world.at + (which + 1) * 6 * HOUR
            until_at = world.at + which * HOUR
            rotates = target if what == "rotate" else ""
            issue = IssueKey(
                subject=1,
                credential=fresh,
                expires_at=expires_at,
                rotates=rotates,
                overlap_until_at=until_at if rotates else 0,
            )
            if attempt(world, issue):
                ends[fresh] = expires_at
                if rotates:
                    ends[rotates] = min(ends[rotates], until_at)
        over |= {key for key, end in ends.items() if world.at >= end}
        working = {key.id for key in agent(world).keys if key.works(world.at)}
        assert not working & over
        assert working == ends.keys() - over, "and what is not over works"


@given(
    st.integers(1, 4),
    st.lists(
        st.tuples(st.sampled_from(["enrol", "again", "wait", "revoke"]), st.integers(0, 3)), max_size=20
    ),
)
def test_a_token_lets_in_no_more_than_it_is_for(uses: int, steps: list[tuple[str, int]]) -> None:
    world = World()
    cells: dict[Any, Any] = {}
    issue = IssueEnrolment(credential="ent_a", expires_at=START + DAY, owner="per_bo", uses=uses)
    world.perform(issue, ADA)
    over = False
    came: list[int] = []
    for number, (what, which) in enumerate(steps):
        if what == "wait":
            world.at += which * 4 * HOUR
        elif what == "revoke":
            over = over or which == 0
            if which == 0:
                world.perform(RevokeEnrolment(subject=1), ADA)
        else:
            use = cells.get(("enrolment_use", 1))
            evidence = NameEvidence(
                taken_by=0, enrolment=world.states["enrolment", 1], enrolment_used=use.count if use else 0
            )
            expires_at = world.at + DAY
            command = registration(f"agent-{number}", enrolment=1, expires_at=expires_at)
            before = len(world.events)
            let_in = attempt(world, command, evidence)
            assert let_in is (not over and world.at < START + DAY and len(came) < uses)
            for event in world.events[before:] * (2 if what == "again" else 1):
                for name, key, value in REGISTER.folds[AgentRegistered](
                    event, lambda n, k: cells.get((n, k))
                ):
                    cells[name, key] = value
            came += [number] if let_in else []
    assert len(came) <= uses


VERSION_STEPS = st.lists(
    st.tuples(st.sampled_from(["propose", "ask", "grant", "deny", "rollback", "present"]), st.integers(1, 6)),
    max_size=30,
)


@given(VERSION_STEPS)
def test_versions_in_force_form_one_chain(steps: list[tuple[str, int]]) -> None:
    world = World()
    world.perform(registration(prompt_digest="0" * 64), ADA, NameEvidence(taken_by=0))
    for action, (what, which) in enumerate(steps, 100):
        state = agent(world)
        if what == "propose":
            world.perform(ProposeVersion(subject=1, reason="r", prompt_digest=f"{which:064x}"), ADA)
        elif what == "ask":
            attempt(world, NoteActivation(subject=1, number=which, action=action, by="per_ada"))
        elif what == "grant":
            attempt(world, ActivateVersion(subject=1, action=state.activation or 7, approved_by=("per_bo",)))
        elif what == "deny":
            attempt(world, EndActivation(subject=1, action=state.activation, reason="denied"))
        elif what == "rollback":
            attempt(world, ProposeVersion(subject=1, reason="r", rollback_to=which))
        else:
            attempt(world, PresentIdentity(subject=1, prompt_digest=f"{which:064x}"))
    now = 1
    seen = {1}
    for event in world.events:
        if isinstance(event.facts, VersionActivated):
            assert event.facts.previous == now
            assert event.facts.number not in seen
            now = event.facts.number
            seen.add(now)
    state = agent(world)
    assert state.active == now
    assert {version.number for version in state.versions if version.activated_at} == seen


@given(VERSION_STEPS, st.integers(1, 6))
def test_what_nobody_approved_is_contained(steps: list[tuple[str, int]], which: int) -> None:
    world = World()
    world.perform(registration(prompt_digest="0" * 64), ADA, NameEvidence(taken_by=0))
    for action, (what, number) in enumerate(steps, 100):
        if what == "propose":
            world.perform(ProposeVersion(subject=1, reason="r", prompt_digest=f"{number:064x}"), ADA)
        elif what == "ask":
            attempt(world, NoteActivation(subject=1, number=number, action=action, by="per_ada"))
        elif what == "grant":
            attempt(world, ActivateVersion(subject=1, action=agent(world).activation or 7, approved_by=()))
    presented = f"{which:064x}"
    world.perform(PresentIdentity(subject=1, prompt_digest=presented), ADA)
    approved = {version.prompt_digest for version in agent(world).versions if version.activated_at}
    assert agent(world).quarantined is (presented not in approved)
