"""Grants and executions: used once, looked at again, ended by an outcome (spec 3.2, DESIGN 2b.8)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.transcripts.world import START, World
from tests.unit.actions.requests import AGENT, policy, request, seen

from watchfloor.actions import life
from watchfloor.actions.grants import StartEvidence, policy_allows
from watchfloor.actions.messages import (
    ActionClosed,
    ActionCompleted,
    ActionFailed,
    ActionGranted,
    ActionSettled,
    ActionStarted,
    ActionTimePassed,
    ActionUnknown,
    CancelAction,
    CloseAction,
    CompleteAction,
    FailAction,
    Grant,
    GrantAction,
    GrantMisused,
    GrantRevoked,
    SettleAction,
    StartAction,
)
from watchfloor.kernel.instants import MINUTE, SECOND
from watchfloor.kernel.messages import Command, Facts
from watchfloor.kernel.terms import Policy
from watchfloor.policy.digest import digest_of

FINE: dict[str, Any] = {
    "stops": (),
    "agent_state": 0,
    "breaker_agent_until": 0,
    "breaker_tool_until": 0,
    "voters_valid": True,
    "policy_allows": True,
}
EXPIRES = START + 900 * SECOND


def begun(**fields: Any) -> World:
    """A world in which action 1 was asked for; permitted unless the fields say otherwise."""
    world = World()
    request(world, **fields)
    return world


def waiting(**fields: Any) -> World:
    """Action 1 waits for people."""
    return begun(evidence=seen(score=100), **fields)


def state(world: World) -> life.ActionState:
    found = world.states["action", 1]
    assert isinstance(found, life.ActionState)
    return found


def facts(world: World, command: Command, **evidence: Any) -> list[Facts]:
    """What the command leads to."""
    return [event.facts for event in world.perform(command, evidence=StartEvidence(**(FINE | evidence)))]


def start(**fields: Any) -> StartAction:
    usual: dict[str, Any] = {"subject": 1, "agent": AGENT, "grant": 1, "execution": "exe_a"}
    return StartAction(**(usual | fields))


def people_grant(**fields: Any) -> GrantAction:
    usual: dict[str, Any] = {
        "subject": 1,
        "decision": 5,
        "basis": "approved",
        "execution_ms": 60_000,
        "expires_at": EXPIRES,
    }
    return GrantAction(**(usual | fields))


def complete(**fields: Any) -> CompleteAction:
    usual: dict[str, Any] = {"subject": 1, "agent": AGENT, "execution": "exe_a"}
    return CompleteAction(**(usual | fields))


def fail(**fields: Any) -> FailAction:
    usual: dict[str, Any] = {"subject": 1, "agent": AGENT, "execution": "exe_a"}
    return FailAction(**(usual | fields))


def settle(**fields: Any) -> SettleAction:
    usual: dict[str, Any] = {"subject": 1, "execution": "exe_a", "outcome": "completed"}
    return SettleAction(**(usual | fields))


def running(**fields: Any) -> World:
    world = begun(**fields)
    facts(world, start())
    return world


def lost(**fields: Any) -> World:
    """The outcome of action 1 is unknown."""
    world = running(**fields)
    world.ring(state(world).until_at)
    return world


# Starting ------------------------------------------------------------------------------------------------------------


def test_a_start_consumes_the_grant_and_sets_the_clock() -> None:
    world = begun(tool="Pager")
    (started,) = facts(world, start(target="/work/README.md"))
    assert started == ActionStarted(
        action_type="file.read",
        agent=AGENT,
        execution="exe_a",
        grant=1,
        target="/work/README.md",
        tool="pager",
        until_at=START + 600 * SECOND,
    )
    assert state(world).status == "executing"
    assert life.due(state(world)) == START + 600 * SECOND


def test_the_same_start_again_is_the_same_start_also_after_the_end() -> None:
    world = running()
    assert facts(world, start()) == []
    facts(world, complete())
    assert facts(world, start()) == []
    assert facts(world, start(), stops=(9,)) == []


@pytest.mark.parametrize(
    ("fields", "misuse"),
    [
        ({"agent": 8}, "other_agent"),
        ({"digest": "0" * 64}, "other_parameters"),
        ({"agent": 8, "digest": "0" * 64}, "other_agent"),
    ],
)
def test_another_agent_or_other_parameters_are_recorded_misuse(fields: dict[str, Any], misuse: str) -> None:
    world = begun()
    before = state(world)
    assert facts(world, start(**fields)) == [GrantMisused(agent=fields.get("agent", AGENT), misuse=misuse)]
    assert msgspec.structs.replace(state(world), seq=before.seq) == before
    assert isinstance(facts(world, start())[0], ActionStarted)


def test_the_digest_of_the_grant_is_accepted() -> None:
    world = begun()
    assert isinstance(facts(world, start(digest=state(world).digest))[0], ActionStarted)


@pytest.mark.parametrize("end", [None, complete(), fail(), "lost"])
def test_a_second_use_is_misuse_whatever_became_of_the_first(end: Any) -> None:
    world = lost() if end == "lost" else running()
    if isinstance(end, Command):
        facts(world, end)
    assert facts(world, start(execution="exe_b")) == [GrantMisused(agent=AGENT, misuse="second_use")]
    assert facts(world, start(execution="exe_b", grant=7)) == [GrantMisused(agent=AGENT, misuse="second_use")]


def test_a_grant_that_was_never_given_starts_nothing() -> None:
    assert begun().refusal(start(grant=2), evidence=StartEvidence(**FINE))[0] == "not_granted"
    assert waiting().refusal(start(), evidence=StartEvidence(**FINE))[0] == "not_granted"
    denied = begun(evidence=seen(stops=(3,)))
    assert denied.refusal(start(), evidence=StartEvidence(**FINE))[0] == "not_granted"
    assert state(denied).status == "denied"


def test_an_expired_grant_starts_nothing() -> None:
    world = begun()
    world.at = EXPIRES
    assert world.refusal(start(), evidence=StartEvidence(**FINE))[0] == "grant_expired"
    world.at = EXPIRES - 1
    assert isinstance(facts(world, start())[0], ActionStarted)


def test_a_grant_closed_by_the_clock_or_by_hand_starts_nothing() -> None:
    world = begun(cost_micro=5)
    world.ring(EXPIRES)
    assert world.refusal(start(), evidence=StartEvidence(**FINE))[0] == "grant_expired"
    world = begun()
    facts(world, CancelAction(subject=1))
    assert world.refusal(start(), evidence=StartEvidence(**FINE))[0] == "not_granted"


@pytest.mark.parametrize(
    ("evidence", "reason"),
    [
        ({"stops": (9,)}, "stopped"),
        ({"agent_state": 1}, "agent_inactive"),
        ({"breaker_agent_until": START + 1}, "agents_breaker_open"),
        ({"breaker_tool_until": START + 1}, "tools_breaker_open"),
        ({"voters_valid": False}, "voters_invalid"),
        ({"policy_allows": False}, "policy_forbids"),
        ({"policy_allows": False, "stops": (9,)}, "stopped"),
    ],
)
def test_a_basis_that_is_gone_revokes_the_grant_and_asks_people(
    evidence: dict[str, Any], reason: str
) -> None:
    world = begun()
    digest = state(world).digest
    assert facts(world, start(), **evidence) == [
        GrantRevoked(agent=AGENT, digest=digest, grant=1, level=2, reason=reason, risk=0, urgency="normal")
    ]
    assert (state(world).status, state(world).grant, state(world).level) == ("pending", None, 2)
    assert world.refusal(start(), evidence=StartEvidence(**FINE))[0] == "grant_revoked"
    (granted,) = facts(world, people_grant())
    assert isinstance(granted, ActionGranted)
    assert granted.grant.number == 2
    assert world.refusal(start(), evidence=StartEvidence(**FINE))[0] == "grant_revoked"
    assert isinstance(facts(world, start(grant=2))[0], ActionStarted)


def test_a_breaker_that_has_closed_again_revokes_nothing() -> None:
    assert isinstance(facts(begun(), start(), breaker_agent_until=START)[0], ActionStarted)


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"execution": ""}, "/execution"),
        ({"execution": "a\nb"}, "/execution"),
        ({"target": "x" * 600}, "/target"),
    ],
)
def test_a_start_names_its_execution(fields: dict[str, Any], field: str) -> None:
    assert begun().refusal(start(**fields), evidence=StartEvidence(**FINE))[1:] == (field, 422)


@pytest.mark.parametrize(
    "command",
    [
        start(),
        people_grant(),
        complete(),
        fail(),
        settle(),
        CancelAction(subject=1),
        ActionTimePassed(subject=1),
    ],
)
def test_what_is_not_there_is_unknown(command: Command) -> None:
    assert World().refusal(command, evidence=StartEvidence(**FINE)) == ("unknown_action", "", 404)


# People's grants ---------------------------------------------------------------------------------------------------------


def test_people_grant_what_waits_for_them_once() -> None:
    world = waiting(cost_micro=9)
    assert state(world).status == "pending"
    assert life.live(state(world))
    (granted,) = facts(world, people_grant())
    assert granted == ActionGranted(
        agent=AGENT,
        decision=5,
        grant=Grant(basis="approved", execution_ms=60_000, expires_at=EXPIRES, number=1),
    )
    assert (state(world).status, state(world).decision) == ("granted", 5)
    assert facts(world, people_grant()) == []
    assert world.refusal(people_grant(decision=6))[0] == "not_pending"


@pytest.mark.parametrize(
    ("fields", "refusal"),
    [
        ({"basis": "auto"}, ("unknown_choice", "/basis", 422)),
        ({"basis": "standing"}, ("unknown_choice", "/basis", 422)),
        ({"basis": "observed"}, ("unknown_choice", "/basis", 422)),
        ({"execution_ms": 0}, ("out_of_range", "/execution_ms", 422)),
        ({"expires_at": START}, ("grant_expired", "/expires_at", 422)),
    ],
)
def test_only_people_give_grants_and_for_a_time(
    fields: dict[str, Any], refusal: tuple[str, str, int]
) -> None:
    assert waiting().refusal(people_grant(**fields)) == refusal


def test_level_four_takes_a_committee() -> None:
    world = begun(type="unheard.of")
    assert state(world).level == 4
    assert world.refusal(people_grant()) == ("unknown_choice", "/basis", 422)
    assert facts(world, people_grant(basis="committee"))


@pytest.mark.parametrize("reason", ["denied", "expired", "cancelled"])
def test_what_people_do_not_grant_is_closed_and_gives_the_money_back(reason: str) -> None:
    world = waiting(cost_micro=9)
    command = CloseAction(subject=1, decision=5, reason=reason)
    assert facts(world, command) == [ActionClosed(agent=AGENT, decision=5, reason=reason, released_micro=9)]
    assert (state(world).status, state(world).reason, state(world).reserved_micro) == ("closed", reason, 0)
    assert not life.live(state(world))
    assert facts(world, command) == []
    assert world.refusal(people_grant(decision=6))[0] == "not_pending"
    assert facts(world, people_grant()) == []  # decided already, by this very decision


def test_closing_takes_a_reason_that_is_one() -> None:
    assert waiting().refusal(CloseAction(subject=1, decision=5, reason="bored"))[0] == "unknown_choice"


def test_an_action_is_withdrawn_until_it_starts() -> None:
    for world in (waiting(cost_micro=9), begun(cost_micro=9)):
        assert facts(world, CancelAction(subject=1)) == [
            ActionClosed(agent=AGENT, decision=0, reason="cancelled", released_micro=9)
        ]
        assert facts(world, CancelAction(subject=1)) == []
    assert running().refusal(CancelAction(subject=1))[0] == "not_cancellable"


# Time --------------------------------------------------------------------------------------------------------------------


def test_a_grant_lapses_with_an_event_where_money_or_people_stand_behind_it() -> None:
    world = begun(cost_micro=9)
    assert life.due(state(world)) == EXPIRES
    (event,) = world.ring(EXPIRES)
    assert event.facts == ActionClosed(agent=AGENT, decision=0, reason="grant_expired", released_micro=9)
    world = waiting()
    facts(world, people_grant())
    (event,) = world.ring(EXPIRES)
    assert event.facts == ActionClosed(agent=AGENT, decision=5, reason="grant_expired", released_micro=0)
    assert state(world).decision == 5


def test_a_machines_grant_without_money_waits_for_nothing_and_leaves_memory() -> None:
    world = begun()
    assert (life.live(state(world)), life.due(state(world))) == (False, 0)
    assert world.ring(EXPIRES + MINUTE) == []
    assert facts(world, ActionTimePassed(subject=1)) == []


def test_a_clock_that_rings_early_or_for_a_finished_action_says_nothing() -> None:
    world = running()
    assert facts(world, ActionTimePassed(subject=1)) == []
    facts(world, complete())
    world.at += 10**12
    assert facts(world, ActionTimePassed(subject=1)) == []
    assert life.overdue(1, state(world), world.at) is None
    assert not life.live(state(world))


def test_no_outcome_in_time_is_unknown_and_keeps_the_money() -> None:
    world = running(cost_micro=9)
    assert life.live(state(world))
    (event,) = world.ring(START + 600 * SECOND)
    assert event.facts == ActionUnknown(action_type="file.read", agent=AGENT, execution="exe_a", tool="")
    assert (state(world).status, state(world).reserved_micro) == ("unknown", 9)
    assert (life.due(state(world)), life.live(state(world))) == (0, False)


# Outcomes ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("begin", [running, lost])
def test_an_outcome_ends_the_execution_also_late(begin: Any) -> None:
    world = begin(cost_micro=9)
    (done,) = facts(world, complete(cost_micro=4, outcome_digest="d"))
    assert done == ActionCompleted(
        action_type="file.read",
        agent=AGENT,
        cost_micro=4,
        execution="exe_a",
        outcome_digest="d",
        released_micro=9,
        tool="",
    )
    assert (state(world).status, state(world).reserved_micro) == ("completed", 0)
    assert facts(world, complete(cost_micro=4)) == []
    assert world.refusal(fail())[0] == "already_over"
    world = begin(cost_micro=9)
    (failed,) = facts(world, fail(code="no_such_file"))
    assert failed == ActionFailed(
        action_type="file.read",
        agent=AGENT,
        code="no_such_file",
        cost_micro=9,
        execution="exe_a",
        released_micro=9,
        tool="",
    )
    assert facts(world, fail()) == []
    assert world.refusal(complete())[0] == "already_over"


def test_whoever_does_not_say_what_it_cost_is_charged_what_was_reserved() -> None:
    (done,) = facts(running(cost_micro=9), complete())
    assert isinstance(done, ActionCompleted)
    assert done.cost_micro == 9


@pytest.mark.parametrize("tell", [complete, fail])
def test_only_the_agent_and_the_execution_that_ran_have_an_outcome(tell: Any) -> None:
    assert running().refusal(tell(agent=8)) == ("not_your_action", "", 403)
    assert running().refusal(tell(execution="exe_b"))[0] == "not_this_execution"
    assert begun().refusal(tell())[0] == "not_this_execution"
    assert begun().refusal(tell(execution=""))[0] == "not_this_execution"
    assert running().refusal(tell(cost_micro=-1))[:2] == ("out_of_range", "/cost_micro")


def test_texts_of_outcomes_are_bounded() -> None:
    assert running().refusal(complete(outcome_digest="x" * 129))[1] == "/outcome_digest"
    assert running().refusal(fail(code=""))[1] == "/code"


@pytest.mark.parametrize("outcome", ["completed", "failed"])
def test_an_unknown_outcome_is_settled_once_and_for_good(outcome: str) -> None:
    world = lost(cost_micro=9)
    (settled,) = facts(world, settle(outcome=outcome, cost_micro=3))
    assert settled == ActionSettled(
        agent=AGENT, cost_micro=3, execution="exe_a", outcome=outcome, released_micro=9
    )
    assert (state(world).status, state(world).reserved_micro) == (outcome, 0)
    assert facts(world, settle(outcome=outcome)) == []
    other = {"completed": fail(), "failed": complete()}[outcome]
    assert world.refusal(other)[0] == "already_over"


def test_only_what_is_unknown_is_settled() -> None:
    assert running().refusal(settle())[0] == "not_unknown"
    assert lost().refusal(settle(execution="exe_b"))[0] == "not_unknown"
    assert lost().refusal(settle(outcome="cancelled"))[0] == "unknown_choice"
    world = running()
    facts(world, complete())
    assert world.refusal(settle(outcome="failed"))[0] == "not_unknown"


# Events that come where they cannot ----------------------------------------------------------------------------------------


def test_events_of_another_life_change_nothing_but_the_seq() -> None:
    grant = Grant(basis="approved", execution_ms=1, expires_at=1)
    over = running()
    facts(over, complete())
    denied = begun(evidence=seen(stops=(1,)))
    late: list[Facts] = [
        ActionGranted(agent=AGENT, decision=1, grant=grant),
        ActionClosed(agent=AGENT, decision=1, reason="denied", released_micro=0),
        GrantRevoked(agent=AGENT, digest="", grant=1, level=2, reason="", risk=0, urgency=""),
        ActionStarted(action_type="", agent=AGENT, execution="exe_z", grant=1, target="", tool="", until_at=1),
        ActionCompleted(action_type="", agent=AGENT, cost_micro=0, execution="exe_z", outcome_digest="", released_micro=0, tool=""),
        ActionFailed(action_type="", agent=AGENT, code="", cost_micro=0, execution="exe_z", released_micro=0, tool=""),
        ActionUnknown(action_type="", agent=AGENT, execution="exe_z", tool=""),
        ActionSettled(agent=AGENT, cost_micro=0, execution="exe_z", outcome="failed", released_micro=0),
    ]  # fmt: skip
    for world in (over, denied):
        before = state(world)
        for said in late:
            event = msgspec.structs.replace(
                world.events[0], seq=100 + len(world.events), type=said.TYPE, facts=said
            )
            world.take_up([event])
        assert msgspec.structs.replace(state(world), seq=before.seq) == before
    executing = running()
    other = msgspec.structs.replace(executing.events[0], seq=100, facts=late[6])
    executing.take_up([other])
    assert state(executing).status == "executing"


# The policy in force ---------------------------------------------------------------------------------------------------------


def still(world: World, rules: Policy, target: str = "") -> bool:
    return policy_allows(rules, digest_of(rules), state(world), target)


def test_an_unchanged_policy_bears_every_grant_it_gave() -> None:
    rules = policy(tools={"shell": "execute"}, hosts={"bank.example": "financial"})
    for fields in (
        {},
        {"type": "file.write"},
        {"evidence": seen(first_time=True)},
        {"evidence": seen(score=100, standing=5, standing_until=EXPIRES)},
    ):
        world = begun(rules=rules, **fields)
        assert state(world).status == "granted"
        assert still(world, rules)
    for fields in (
        {"type": "agent.spawn"},
        {"type": "unheard.of"},
        {"type": "payment.send"},
        {"tool": "shell"},
    ):
        world = begun(rules=rules, **fields)
        facts(world, people_grant(basis="committee"))
        assert still(world, rules), fields


@pytest.mark.parametrize(
    ("sections", "allowed"),
    [
        ({"envelope": {"forbidden_types": ["file.read"]}}, False),
        ({"envelope": {"forbidden_tools": ["pager"]}}, False),
        ({"classes": {"read": {"base": 34}}}, True),  # 24 after all trust: still low
        ({"classes": {"read": {"base": 35}}}, False),
        ({"types": {"file.read": "system_config"}}, False),
        ({"types": {"file.read": None}}, False),
        ({"levels": {"low": 1}}, True),
        ({"levels": {"low": 2}}, False),
    ],
)
def test_a_stricter_policy_takes_back_what_the_machine_gave(sections: dict[str, Any], allowed: bool) -> None:
    assert still(begun(tool="pager"), policy(**sections)) is allowed


def test_a_standing_approval_bears_a_confirmation_and_people_what_they_were_asked() -> None:
    standing = begun(evidence=seen(score=100, standing=5, standing_until=EXPIRES))
    assert still(standing, policy(classes={"read": {"base": 50}}))
    assert not still(standing, policy(classes={"read": {"base": 60}}))
    asked = begun(type="agent.spawn")
    facts(asked, people_grant())
    assert still(asked, policy(classes={"spawn": {"base": 80}}))
    assert not still(asked, policy(classes={"spawn": {"base": 85}}))
    forced = begun(type="agent.spawn")
    facts(forced, people_grant(basis="forced"))
    assert still(forced, policy(classes={"spawn": {"base": 85}}))
    assert not still(forced, policy(envelope={"forbidden_types": ["agent.spawn"]}))


def test_a_class_that_is_no_more_is_unknown() -> None:
    world = begun(rules=policy(classes={"lookup": {"base": 5}}, types={"file.read": "lookup"}))
    assert still(world, policy(classes={"lookup": {"base": 5}}, types={"file.read": "lookup"}))
    assert not still(world, policy())


def test_the_attested_target_must_be_inside_the_envelope() -> None:
    assert still(begun(), policy(), target="/work/README.md")
    assert not still(begun(), policy(), target="/etc/passwd")


def test_a_pending_action_bears_what_its_level_says() -> None:
    """Nobody starts it, but the question has an answer."""
    assert still(waiting(), policy())
