"""Retries: a new grant under the same decision, a bounded number of times (DESIGN 2b.8)."""

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
from tests.unit.actions.requests import AGENT, policy

from watchfloor.actions.grants import StartEvidence
from watchfloor.actions.messages import BudgetSeen, CancelAction, GrantRevoked
from watchfloor.actions.retries import RetryEvidence, borne, class_terms
from watchfloor.actions.retry_messages import ActionRetried, RetryAction
from watchfloor.kernel.instants import SECOND
from watchfloor.kernel.messages import Event, Refused
from watchfloor.kernel.terms import ACTIVATE_VERSION, Policy

THRICE = policy(classes={"read": {"base": 5, "attempts": 3, "idempotent": True}})
ONCE_SURE = policy(classes={"read": {"base": 5, "attempts": 3, "idempotent": False}})


def looks(*, start: dict[str, Any] | None = None, **fields: Any) -> RetryEvidence:
    usual: dict[str, Any] = {
        "attempts": 3,
        "idempotent": True,
        "permitted": True,
        "task_valid": True,
        "spend_left_micro": 1_000,
    }
    return RetryEvidence(start=StartEvidence(**(FINE | (start or {}))), **(usual | fields))


def again(**fields: Any) -> RetryAction:
    usual: dict[str, Any] = {"subject": 1, "agent": AGENT, "execution": "exe_a"}
    return RetryAction(**(usual | fields))


def retried(world: World, command: RetryAction | None = None, **fields: Any) -> list[Event]:
    return world.perform(command or again(), evidence=looks(**fields))


def refusal(world: World, command: RetryAction | None = None, **fields: Any) -> str:
    return world.refusal(command or again(), evidence=looks(**fields))[0]


def failed(rules: Policy = THRICE, **fields: Any) -> World:
    world = running(rules=rules, **fields)
    facts(world, fail())
    return world


def test_what_failed_is_granted_again_on_the_same_terms() -> None:
    world = failed(cost_micro=9, tokens=4)
    (event,) = retried(world)
    assert isinstance(event.facts, ActionRetried)
    assert (event.facts.attempt, event.facts.execution) == (2, "exe_a")
    assert (event.facts.reserves_micro, event.facts.reserves_tokens, event.facts.charged_micro) == (9, 4, 0)
    grant = event.facts.grant
    assert (grant.number, grant.basis, grant.expires_at) == (2, "auto", EXPIRES)
    now = state(world)
    assert (now.status, now.attempt, now.executions) == ("granted", 2, ("exe_a",))
    assert (now.reserved_micro, now.reserved_tokens) == (9, 4)
    facts(world, start(grant=2, execution="exe_b"))
    assert (state(world).status, state(world).execution) == ("executing", "exe_b")


def test_asking_twice_for_the_same_retry_gives_one_grant() -> None:
    world = failed()
    assert len(retried(world)) == 1
    assert retried(world) == []
    facts(world, start(grant=2, execution="exe_b"))
    assert refusal(world) == "not_this_execution"


def test_no_more_attempts_than_the_ruling_bears() -> None:
    world = failed()
    for number, (before, execution) in enumerate((("exe_a", "exe_b"), ("exe_b", "exe_c")), 2):
        assert len(retried(world, again(execution=before))) == 1
        facts(world, start(grant=number, execution=execution))
        facts(world, fail(execution=execution))
    assert refusal(world, again(execution="exe_c")) == "attempts_used_up"
    assert state(world).executions == ("exe_a", "exe_b")


def test_one_attempt_is_the_default_and_a_request_may_want_fewer_but_not_more() -> None:
    assert refusal(failed(policy())) == "attempts_used_up"
    assert refusal(failed(THRICE, attempts=1)) == "attempts_used_up"
    assert state(begun(rules=THRICE, attempts=2)).attempts == 2
    assert state(begun(rules=THRICE, attempts=10)).attempts == 3
    assert borne(THRICE, "no_such_class", 0) == (1, False)
    assert class_terms(THRICE, "no_such_class") == THRICE.classes["unknown"]


def test_a_request_for_more_attempts_than_any_policy_may_bear_is_nonsense() -> None:
    with pytest.raises(Refused) as refused:
        begun(attempts=11)
    assert (refused.value.code, refused.value.field) == ("out_of_range", "/attempts")


def test_a_policy_that_bears_less_by_now_is_heeded() -> None:
    assert refusal(failed(), attempts=1) == "attempts_used_up"


def test_an_unknown_outcome_is_repeated_only_where_it_does_no_harm() -> None:
    assert refusal(lost(rules=ONCE_SURE)) == "outcome_unknown"
    assert refusal(lost(rules=THRICE), idempotent=False) == "outcome_unknown"
    world = lost(rules=THRICE, cost_micro=9, tokens=4)
    (event,) = retried(world)
    assert isinstance(event.facts, ActionRetried)
    assert (event.facts.charged_micro, event.facts.charged_tokens) == (9, 4)
    assert state(world).reserved_micro == 9


def test_a_settled_failure_is_a_failure() -> None:
    world = lost(rules=ONCE_SURE)
    facts(world, settle(outcome="failed"))
    assert len(retried(world)) == 1


def test_what_runs_succeeded_or_never_started_is_not_repeated() -> None:
    assert refusal(running(rules=THRICE)) == "not_retryable"
    world = running(rules=THRICE)
    facts(world, complete())
    assert refusal(world) == "not_retryable"
    assert refusal(begun(rules=THRICE)) == "not_this_execution"
    assert refusal(begun(rules=THRICE), again(execution="")) == "invalid_name"
    assert World().refusal(again(), evidence=looks()) == ("unknown_action", "", 404)


def test_a_retry_does_not_outlive_the_grant_it_repeats() -> None:
    world = failed()
    world.at = EXPIRES - 1
    (event,) = retried(world)
    assert isinstance(event.facts, ActionRetried)
    assert event.facts.grant.expires_at == EXPIRES
    world = failed()
    world.at = EXPIRES
    assert refusal(world) == "grant_expired"


@pytest.mark.parametrize(
    ("gone", "retryable"),
    [
        ({"stops": (9,)}, True),
        ({"agent_state": 1}, False),
        ({"breaker_agent_until": START + 1}, True),
        ({"breaker_tool_until": START + 1}, True),
        ({"voters_valid": False}, False),
        ({"policy_allows": False}, False),
    ],
)
def test_the_basis_is_looked_at_again(gone: dict[str, Any], retryable: bool) -> None:
    world = failed()
    with pytest.raises(Refused) as refused:
        world.perform(again(), evidence=looks(start=gone))
    assert (refused.value.code, refused.value.retryable) == ("basis_gone", retryable)
    assert state(world).status == "failed"


@pytest.mark.parametrize("fields", [{"permitted": False}, {"task_valid": False}])
def test_rights_and_task_are_looked_at_again(fields: dict[str, Any]) -> None:
    assert refusal(failed(), **fields) == "basis_gone"


def test_money_must_be_there_again() -> None:
    assert refusal(failed(cost_micro=9), spend_left_micro=8) == "budget_used_up"
    assert len(retried(failed(), spend_left_micro=-5)) == 1, "what costs nothing needs none"
    for asked, left in ((5, False), (3, True), (-1, False)):
        row = BudgetSeen(4, 1, "agent", "money", 10, 7, 0, asked)
        world = failed(cost_micro=5)
        assert (refusal(world, budgets=(row,)) == "budget_used_up") if not left else True
        if left:
            assert len(retried(world, budgets=(row,))) == 1


def test_another_agents_action_and_the_platforms_own_are_not_repeated() -> None:
    assert refusal(failed(), again(agent=8)) == "not_your_action"
    world = failed()
    world.states["action", 1] = msgspec.structs.replace(state(world), action_type=ACTIVATE_VERSION)
    assert refusal(world) == "reserved_type"


def test_an_earlier_execution_is_over_for_good() -> None:
    world = failed()
    retried(world)
    assert world.refusal(complete(), evidence=None)[0] == "already_over"
    facts(world, start(grant=2, execution="exe_b"))
    assert world.refusal(fail(), evidence=None)[0] == "already_over"


def test_an_execution_id_is_used_once_also_by_the_next_attempt() -> None:
    world = failed()
    retried(world)
    used = world.refusal(start(grant=2), evidence=StartEvidence(**FINE))
    assert used[:2] == ("execution_used", "/execution")
    assert (
        world.refusal(start(grant=1, execution="exe_b"), evidence=StartEvidence(**FINE))[0] == "grant_revoked"
    )


def test_a_new_decision_counts_its_attempts_anew() -> None:
    world = failed()
    retried(world)
    (revoked,) = facts(world, start(grant=2, execution="exe_b"), voters_valid=False)
    assert isinstance(revoked, GrantRevoked)
    facts(world, people_grant())
    assert (state(world).attempt, state(world).grants) == (1, 3)
    facts(world, start(grant=3, execution="exe_c"))
    facts(world, fail(execution="exe_c"))
    assert len(retried(world, again(execution="exe_c"))) == 1


def test_people_approve_the_attempts_too() -> None:
    world = waiting(rules=THRICE)
    facts(world, people_grant())
    facts(world, start())
    facts(world, fail())
    (event,) = retried(world)
    assert isinstance(event.facts, ActionRetried)
    assert event.facts.grant.basis == "approved"


def test_an_unused_retry_lapses_or_is_withdrawn_like_any_grant() -> None:
    world = failed(cost_micro=9)
    retried(world)
    world.ring(EXPIRES + SECOND)
    assert (state(world).status, state(world).reason, state(world).reserved_micro) == (
        "closed",
        "grant_expired",
        0,
    )
    world = failed()
    retried(world)
    facts(world, CancelAction(subject=1))
    assert refusal(world) == "not_retryable"


def test_a_retry_that_does_not_fit_the_state_folds_to_nothing() -> None:
    world = failed()
    (event,) = retried(world)
    before = state(world)
    world.take_up([event])
    later = msgspec.structs.replace(event, seq=event.seq + 1)  # in a ledger that is not ours
    world.take_up([later])
    assert msgspec.structs.replace(state(world), seq=before.seq) == before
