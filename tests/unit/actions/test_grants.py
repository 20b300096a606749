"""Grants: given by people, used once, looked at again when used (spec 3.2, DESIGN 2b.8)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.transcripts.world import START, World
from tests.unit.actions.lives import (
    EXPIRES,
    FINE,
    begun,
    complete,
    facts,
    fail,
    lost,
    people_grant,
    running,
    settle,
    start,
    state,
    waiting,
)
from tests.unit.actions.requests import AGENT, policy, seen

from watchfloor.actions import life
from watchfloor.actions.grants import StartEvidence, policy_allows
from watchfloor.actions.messages import (
    ActionClosed,
    ActionGranted,
    ActionStarted,
    ActionTimePassed,
    CancelAction,
    CloseAction,
    Grant,
    GrantMisused,
    GrantRevoked,
)
from watchfloor.kernel.instants import SECOND
from watchfloor.kernel.messages import Command
from watchfloor.kernel.terms import Policy
from watchfloor.policy.digest import digest_of

# Starting ------------------------------------------------------------------------------------------------------------


def test_a_start_consumes_the_grant_and_sets_the_clock() -> None:
    world = begun(tool="Pager")
    (started,) = facts(world, start(target="/work/README.md", salt=b"s" * 32))
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


def test_what_the_envelope_forbids_by_now_is_denied_at_once_and_nobody_is_asked() -> None:
    world = begun(cost_micro=9)
    revoked, closed = facts(world, start(), forbidden=True, policy_allows=False)
    assert isinstance(revoked, GrantRevoked)
    assert revoked.reason == "envelope_forbids"
    assert closed == ActionClosed(agent=AGENT, decision=0, reason="denied", released_micro=9)
    assert (state(world).status, state(world).reason, state(world).grant) == ("closed", "denied", None)


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


@pytest.mark.parametrize(
    "target", ["/etc/hostname", "/work/README.md.bak", "198.51.100.7", "example.com", "/a/../../b"]
)
def test_a_start_that_touches_another_target_than_was_asked_for_is_misuse(target: str) -> None:
    """The path leads elsewhere once its links are followed: found when the executor attests (DESIGN 2b.11)."""
    (misused,) = facts(begun(), start(target=target, salt=b"s" * 32))
    assert misused == GrantMisused(agent=AGENT, misuse="other_target")


def test_without_the_salt_nobody_can_tell_that_the_target_is_the_one() -> None:
    (misused,) = facts(begun(), start(target="/work/README.md"))
    assert misused == GrantMisused(agent=AGENT, misuse="other_target")


def test_a_pending_action_bears_what_its_level_says() -> None:
    """Nobody starts it, but the question has an answer."""
    assert still(waiting(), policy())


def ruled_by(*when: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"rules": [{"name": "since", "when": list(when), **more}]}


OF_READING = {"of": "action", "field": "type", "op": "eq", "value": "file.read"}


@pytest.mark.parametrize(
    ("since", "borne"),
    [
        (ruled_by(OF_READING, then="deny"), False),
        (ruled_by(OF_READING, level=3), False),
        (ruled_by(OF_READING, level=1), True),
        (ruled_by({**OF_READING, "value": "file.write"}, then="deny"), True),
        (ruled_by({"of": "action", "field": "risk", "op": "ge", "value": 0}, level=2), False),
        (ruled_by({"any": [OF_READING, {"field": "path"}]}, then="deny"), False),
        (ruled_by(OF_READING, {"field": "path"}, then="deny"), True),  # that depends on what is not at hand
        (ruled_by({"of": "agent", "field": "trust", "op": "lt", "value": 999}, then="deny"), True),
        ({"compliance": {"packs": ["finance"]}}, True),
    ],
)
def test_rules_of_a_policy_made_since_end_a_grant_that_they_bite_in_any_case(
    since: dict[str, Any], borne: bool
) -> None:
    world = begun()
    later = policy(**since)
    assert policy_allows(later, digest_of(later), state(world)) is borne


def test_a_pack_in_force_since_ends_grants_of_its_types() -> None:
    rules = policy(types={"trade.place": "read", "trade.wash": "read"})
    for name in ("trade.place", "trade.wash"):
        world = begun(type=name, rules=rules)
        later = policy(types={"trade.place": "read", "trade.wash": "read"}, compliance={"packs": ["finance"]})
        assert policy_allows(rules, digest_of(rules), state(world))
        assert not policy_allows(later, digest_of(later), state(world))


def test_an_observed_grant_is_borne_as_long_as_the_mode() -> None:
    rules = policy(modes={"types": {"file.write": "observe"}})
    world = begun(type="file.write", rules=rules, evidence=seen(score=500))
    held = state(world).grant
    assert held is not None
    assert held.basis == "observed"
    assert policy_allows(rules, digest_of(rules), state(world))
    assert not policy_allows(policy(), digest_of(policy()), state(world))
    denies = policy(
        modes={"types": {"file.write": "observe"}},
        **ruled_by({**OF_READING, "value": "file.write"}, then="deny"),
    )
    assert not policy_allows(denies, digest_of(denies), state(world))
