"""The gate, rule by rule: when it bites, what it answers, what it says (spec 3.1, 3.3)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from tests.transcripts.world import START, World
from tests.unit.actions.requests import NEW, names, policy, question, request, ruling, seen

from watchfloor.actions import gate
from watchfloor.actions.catalogue import RULES
from watchfloor.actions.gate import judge
from watchfloor.actions.messages import BudgetSeen
from watchfloor.kernel.codec import canonical
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.instants import HOUR, SECOND
from watchfloor.policy.digest import digest_of

SOON = START + 90 * SECOND
STANDING: dict[str, Any] = {"standing": 55, "standing_until": START + HOUR}


def test_a_trusted_agents_read_runs_at_once_and_every_rule_passes() -> None:
    found = ruling()
    assert (found.verdict, found.level, found.failed) == ("permitted", 0, ())
    assert found.grant is not None
    assert (found.grant.basis, found.grant.number) == ("auto", 1)
    assert found.grant.execution_ms == 600_000
    assert found.grant.expires_at == START + 900 * SECOND


def test_a_runaway_is_judged_by_the_agents_own_limits_then_its_types_then_everybodys() -> None:
    own = policy(
        runaway={
            "agents": {public_id("agent", 7, 1): {"requests_per_second": 100}},
            "agent_types": {
                "crawler": {"requests_per_second": 50, "executed_per_10s": 500, "throttles_per_minute": 5},
                "timid": {"requests_per_second": 2, "same_digest_per_60s": 3},
            },
        }
    )

    def bites(agent: int = 8, kind: str = "", **counts: int) -> set[str]:
        counted: dict[str, Any] = dict(counts)
        found = ruling(rules=own, agent=agent, agent_type=kind, **counted)
        assert (found.verdict == "denied") is bool(found.failed)
        return {name for name, _, _ in found.failed}

    fast = {"requests_come_too_fast"}
    for agent, kind, limit in (
        (8, "", 20),
        (8, "crawler", 50),
        (8, "timid", 2),
        (7, "", 100),
        (7, "crawler", 100),
    ):
        assert bites(agent, kind, requests_1s=limit) == fast, (agent, kind)
        assert not bites(agent, kind, requests_1s=limit - 1), (agent, kind)
        assert bites(agent, kind, requests_5s=5 * limit) == fast, (agent, kind)
    assert not bites(7, "crawler", executed_10s=499), "what its own do not say, its type's do"
    assert bites(7, "crawler", executed_10s=500) == {"executions_come_too_fast"}
    assert bites(7, "", executed_10s=100) == {"executions_come_too_fast"}
    assert not bites(kind="crawler", throttles_60s=4)
    assert bites(kind="timid", same_digest_60s=3) == {"the_same_action_repeats"}


DENY = ("deny", 0)
THROTTLE = ("throttle", 0)


def budget(**fields: Any) -> BudgetSeen:
    """A budget of 1,000 of which nothing is used and nothing asked, with these fields instead."""
    usual: dict[str, Any] = {
        "budget": 5,
        "nonce": 9,
        "scope": "agent",
        "measure": "money",
        "limit": 1_000,
        "spent": 0,
        "reserved": 0,
        "asked": 0,
    }
    return BudgetSeen(**(usual | fields))


CAREFUL = policy(
    rules=[
        {"name": "wary", "when": [{"of": "agent", "field": "trust", "op": "lt", "value": 700}], "level": 3},
        {
            "name": "never",
            "when": [{"field": "n"}, {"of": "action", "field": "risk", "op": "gt", "value": 30}],
            "then": "deny",
        },
    ],
    compliance={"packs": ["finance"]},
)

CASES: list[tuple[str, dict[str, Any], tuple[str, int]]] = [
    ("the_agent_is_not_active", {"agent_state": 1}, DENY),
    ("the_agent_is_not_active", {"agent_state": 2}, DENY),
    ("the_agent_is_not_active", {"agent_state": 9}, DENY),
    ("the_key_does_not_cover_the_type", {"scope_allows": False}, DENY),
    ("the_tool_is_not_permitted", {"tool_permitted": False}, DENY),
    ("the_task_is_not_the_agents", {"task": 4, "task_valid": False}, DENY),
    ("a_stop_is_in_force", {"stops": (11, 12)}, DENY),
    ("a_name_is_ambiguous", {"violations": ("ambiguous_name",)}, DENY),
    ("the_envelope_forbids_it", {"violations": ("forbidden_type",)}, DENY),
    ("the_envelope_forbids_it", {"violations": ("forbidden_tool",)}, DENY),
    ("the_envelope_forbids_it", {"violations": ("forbidden_host",)}, DENY),
    ("the_envelope_forbids_it", {"violations": ("path_not_allowed",)}, DENY),
    ("a_target_is_unclear", {"violations": ("ambiguous_host",)}, DENY),
    ("a_target_is_unclear", {"violations": ("host_unnamed",)}, DENY),
    ("a_parameter_breaks_its_limit", {"violations": ("limit:amount",)}, DENY),
    ("the_agents_breaker_is_open", {"breaker_agent_until": SOON}, THROTTLE),
    ("the_tools_breaker_is_open", {"breaker_tool_until": SOON}, THROTTLE),
    ("the_days_spend_is_used_up", {"cost_micro": 2, "spent_today_micro": 999_999_999}, DENY),
    ("the_cost_is_not_estimated", {"budgets": (budget(asked=-1),)}, DENY),
    ("a_budget_is_used_up", {"budgets": (budget(spent=600, reserved=300, asked=101),)}, DENY),
    ("a_budget_is_used_up", {"budgets": (budget(), budget(spent=1_000))}, DENY),
    ("requests_come_too_fast", {"requests_1s": 20}, DENY),
    ("requests_come_too_fast", {"requests_5s": 100}, DENY),
    ("executions_come_too_fast", {"executed_10s": 100}, DENY),
    ("the_same_action_repeats", {"same_digest_60s": 20}, DENY),
    ("it_was_throttled_again_and_again", {"throttles_60s": 3}, DENY),
    ("the_tier_lacks_the_privilege", {"tier": 0}, DENY),
    ("the_tier_lacks_the_privilege", {"cls": "delegate", "tier": 2}, DENY),
    ("the_tier_lacks_the_privilege", {"cls": "spawn", "tier": 3}, DENY),
    ("more_tasks_are_open_than_the_tier_allows", {"tasks_open": 11}, ("raise", 2)),
    ("more_tasks_are_open_than_the_tier_allows", {"tier": 1, "tasks_open": 2}, ("raise", 2)),
    ("the_risk_demands_people", {"cls": "delegate"}, ("raise", 2)),
    ("the_risk_demands_people", {"cls": "spawn"}, ("raise", 3)),
    ("the_risk_demands_people", {"cls": "unknown"}, ("raise", 4)),
    ("a_parameter_demands_people", {"level_min": 3}, ("raise", 3)),
    (
        "a_pack_in_force_forbids_it",
        {"rules": CAREFUL, "findings": (("finance.prohibited", "deny", 0),)},
        DENY,
    ),
    (
        "a_pack_in_force_demands_people",
        {"rules": CAREFUL, "findings": (("finance.level", "raise", 3),)},
        ("raise", 3),
    ),
    ("a_rule_of_the_policy_forbids_it", {"rules": CAREFUL, "held": (("never", 1),), "cls": "spawn"}, DENY),
    ("a_rule_of_the_policy_demands_people", {"rules": CAREFUL, "score": 699}, ("raise", 3)),
    ("the_risk_is_too_high_to_run_unasked", {"cls": "delegate"}, ("raise", 2)),
    ("the_trust_is_not_above_the_threshold", {"score": 800, "of_type_before": 4}, ("raise", 2)),
    ("the_trust_is_not_above_the_threshold", {"score": 800}, ("raise", 1)),
    ("it_failed_lately", {"failures_24h": 1}, ("raise", 2)),
    ("the_hours_automatic_approvals_are_used_up", {"auto_hour": 30}, ("raise", 1)),
    ("it_is_the_first_time_for_this_type", {"first_time": True}, ("raise", 1)),
    ("it_is_the_first_time_for_this_type", {"first_time": True, "auto_hour": 30}, ("raise", 2)),
    ("the_volume_is_unusual", {"requests_hour": 3_600}, ("raise", 1)),
    ("the_target_is_novel", {"zones_known": 8, "zones_new": 1}, ("raise", 1)),
]


@pytest.mark.parametrize(("rule", "fields", "answer"), CASES)
def test_the_rule_bites(rule: str, fields: dict[str, Any], answer: tuple[str, int]) -> None:
    assert names(ruling(**fields))[rule] == answer


BELOW: list[tuple[str, dict[str, Any]]] = [
    ("the_task_is_not_the_agents", {"task": 0, "task_valid": False}),
    ("the_task_is_not_the_agents", {"task": 4, "task_valid": True}),
    ("the_agents_breaker_is_open", {"breaker_agent_until": START}),
    ("the_tools_breaker_is_open", {"breaker_tool_until": START}),
    ("the_days_spend_is_used_up", {"cost_micro": 1, "spent_today_micro": 999_999_999}),
    ("the_days_spend_is_used_up", {"cost_micro": 0, "spent_today_micro": 2_000_000_000}),
    ("the_cost_is_not_estimated", {"budgets": (budget(),)}),
    ("a_budget_is_used_up", {"budgets": (budget(asked=-1),)}),
    ("a_budget_is_used_up", {"budgets": (budget(spent=600, reserved=300, asked=100),)}),
    ("a_budget_is_used_up", {"budgets": (budget(spent=999, reserved=500),)}),
    ("requests_come_too_fast", {"requests_1s": 19, "requests_5s": 99}),
    ("executions_come_too_fast", {"executed_10s": 99}),
    ("the_same_action_repeats", {"same_digest_60s": 19}),
    ("it_was_throttled_again_and_again", {"throttles_60s": 2}),
    ("the_tier_lacks_the_privilege", {"tier": 1}),
    ("the_tier_lacks_the_privilege", {"cls": "delegate", "tier": 3}),
    ("the_tier_lacks_the_privilege", {"cls": "spawn", "tier": 4}),
    ("more_tasks_are_open_than_the_tier_allows", {"tasks_open": 10}),
    ("more_tasks_are_open_than_the_tier_allows", {"tier": 9, "tasks_open": 1_000}),
    ("the_trust_is_not_above_the_threshold", {"score": 801}),
    ("the_hours_automatic_approvals_are_used_up", {"auto_hour": 29}),
    ("the_volume_is_unusual", {"requests_hour": 3_599}),
    ("the_target_is_novel", {"zones_known": 7, "zones_new": 1}),
    ("the_target_is_novel", {"zones_known": 60, "zones_new": 0}),
    ("a_rule_of_the_policy_forbids_it", {"rules": CAREFUL, "held": (("never", 1),)}),
    ("a_rule_of_the_policy_forbids_it", {"rules": CAREFUL, "cls": "spawn"}),
    ("a_rule_of_the_policy_demands_people", {"rules": CAREFUL, "score": 700}),
    ("a_pack_in_force_forbids_it", {"rules": CAREFUL, "findings": (("finance.level", "raise", 3),)}),
]


@pytest.mark.parametrize(("rule", "fields"), BELOW)
def test_the_rule_passes_just_below_its_limit(rule: str, fields: dict[str, Any]) -> None:
    assert rule not in names(ruling(**fields))


def test_every_rule_is_shown_biting() -> None:
    shown = {rule for rule, _, _ in CASES} | {"the_hour_is_outside_the_usual_ones", "the_hour_is_unusual"}
    assert shown == {rule.name for rule in RULES}


def test_the_strictest_answer_wins_and_all_are_kept() -> None:
    found = ruling("unknown", agent_state=1, breaker_agent_until=SOON, score=100)
    assert (found.verdict, found.level, found.grant) == ("denied", 4, None)
    assert list(names(found)) == [
        "the_agent_is_not_active",
        "the_agents_breaker_is_open",
        "the_risk_demands_people",
        "the_risk_is_too_high_to_run_unasked",
        "the_trust_is_not_above_the_threshold",
    ]


@pytest.mark.parametrize(
    ("fields", "verdict", "level"),
    [
        ({}, "permitted", 0),
        ({"auto_hour": 30}, "permitted", 1),
        ({"auto_hour": 30, "first_time": True}, "pending", 2),
        ({"score": 700, "of_type_before": 4}, "pending", 2),
        ({"score": 700}, "permitted", 1),  # after five supervised ones
        ({"cls": "write"}, "permitted", 0),  # 30 - 10 is low
        ({"cls": "write", "score": 700}, "pending", 2),
        ({"cls": "spawn"}, "pending", 3),
        ({"cls": "financial"}, "pending", 3),  # 80 - 10
        ({"cls": "financial", "score": 700}, "pending", 4),
        (NEW, "pending", 2),
    ],
)
def test_levels_follow_risk_and_trust(fields: dict[str, Any], verdict: str, level: int) -> None:
    found = ruling(**fields)
    assert (found.verdict, found.level) == (verdict, level)
    assert (found.grant is not None) is (verdict == "permitted")


def test_a_policy_may_let_medium_risk_run_and_tell_people() -> None:
    rules = policy(auto={"medium_allowed": True}, levels={"medium": 1})
    found = ruling("execute", rules=rules)  # 35 - 10 = 25
    assert (found.verdict, found.level, names(found)) == (
        "permitted",
        1,
        {"the_risk_demands_people": ("raise", 1)},
    )
    assert ruling("execute", rules=policy(levels={"medium": 1})).level == 2
    assert ruling("execute", rules=policy(auto={"medium_allowed": True})).level == 2


def test_the_usual_hours_may_pass_midnight_and_count_twice() -> None:
    """Spec 3.1 names the hour in rule 8 (a soft condition) and in rule 9 (a soft limit); START is nine o'clock."""
    day = policy(auto={"usual_hour_from": 10, "usual_hour_to": 18})
    found = ruling(rules=day)
    assert names(found) == {
        "the_hour_is_outside_the_usual_ones": ("raise", 1),
        "the_hour_is_unusual": ("raise", 2),
    }
    assert found.level == 2
    assert ruling(rules=day, at=START + HOUR).level == 0
    night = policy(auto={"usual_hour_from": 22, "usual_hour_to": 10})
    assert ruling(rules=night).level == 0
    assert ruling(rules=night, at=START + HOUR).level == 2
    assert ruling(rules=night, at=START + 13 * HOUR).level == 0


def test_soft_limits_add_one_level_together_and_end_at_the_committee() -> None:
    day = policy(auto={"usual_hour_from": 10})
    busy = ruling("spawn", rules=day, requests_hour=5_000)
    assert names(busy)["the_hour_is_unusual"] == names(busy)["the_volume_is_unusual"] == ("raise", 4)
    assert ruling("unknown", rules=day).level == 4


# Standing approvals and bootstrap -------------------------------------------------------------------------------------


def test_a_standing_approval_answers_what_would_be_level_two_and_says_so() -> None:
    found = ruling(**(NEW | STANDING))
    assert (found.verdict, found.level) == ("permitted", 1)
    assert found.grant is not None
    assert found.grant.basis == "standing"
    assert names(found) == {
        "the_risk_demands_people": ("lifted", 1),
        "the_risk_is_too_high_to_run_unasked": ("lifted", 1),
        "the_trust_is_not_above_the_threshold": ("lifted", 0),
        "it_is_the_first_time_for_this_type": ("lifted", 0),
    }


def test_a_standing_approval_that_was_not_needed_is_not_the_basis() -> None:
    found = ruling(**STANDING)
    assert found.grant is not None
    assert (found.grant.basis, found.level) == ("auto", 0)


def test_the_bench_case_runs_at_level_zero_however_fast() -> None:
    """Trust 850 and a standing approval: the hour's automatic approvals are used up, and that is answered."""
    found = ruling(auto_hour=1_000_000, **STANDING)
    assert (found.verdict, found.level) == ("permitted", 0)


@pytest.mark.parametrize(
    ("fields", "level"),
    [
        ({"cls": "spawn"}, 3),  # never above level 2
        ({"cls": "unknown"}, 4),
        ({"failures_24h": 1}, 2),  # news to whoever gave it
        ({"level_min": 2}, 2),  # parameters they had not seen
        ({"tasks_open": 20}, 2),
        ({"score": 100, "standing_until": START}, 2),  # over
        ({"score": 100, "standing": 0}, 2),
    ],
)
def test_a_standing_approval_does_not_answer(fields: dict[str, Any], level: int) -> None:
    found = ruling(**(STANDING | fields))
    assert (found.verdict, found.level) == ("pending", level)


def test_an_envelope_is_not_approved_away() -> None:
    assert ruling(**STANDING, violations=("forbidden_path",)).verdict == "denied"


def test_after_the_first_supervised_actions_a_new_agent_goes_on_and_people_are_told() -> None:
    rules = policy()
    assert rules.auto.bootstrap_actions == 5, "as it ships (decision 36)"
    young: dict[str, Any] = {"tier": 2, "score": 450}
    assert ruling(rules=rules, of_type_before=4, **young).level == 2
    found = ruling(rules=rules, of_type_before=5, **young)
    assert (found.verdict, found.level) == ("permitted", 1)
    assert found.grant is not None
    assert found.grant.basis == "auto"
    assert ruling(rules=policy(auto={"bootstrap_actions": 0}), of_type_before=500, **young).level == 2
    for cls in ("write", "execute", "data_access", "user_facing", "spawn", "financial"):
        assert ruling(cls, rules=rules, of_type_before=500, **young).level >= 2, "of low risk alone"


def test_the_allowance_is_for_the_young_and_not_for_those_who_lost_trust() -> None:
    assert ruling(of_type_before=5, tier=1, score=300).level == 1
    assert ruling(of_type_before=500, tier=1, score=299).level == 2
    assert ruling(of_type_before=500, tier=1, score=300, failures_24h=1).level == 2
    assert ruling(rules=policy(trust={"base": 400}), of_type_before=500, score=399, tier=1).level == 2


# Trace, audit, answers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fields", [fields for _, fields, _ in CASES] + [NEW, NEW | STANDING, {}])
def test_the_trace_is_the_live_ruling_with_a_sentence_for_every_rule(fields: dict[str, Any]) -> None:
    """Recomputed from the event alone; the laws say the same of any input."""
    rules = policy(types={"act.now": fields.get("cls", "read")})
    if "rules" in fields:
        rules = msgspec.structs.replace(
            rules, rules=fields["rules"].rules, compliance=fields["rules"].compliance
        )
    beside = ("cls", "violations", "level_min", "cost_micro", "task", "rules", "held", "findings")
    evidence = {name: value for name, value in fields.items() if name not in beside}
    world = World()
    facts = request(
        world,
        rules,
        seen(**evidence),
        type="act.now",
        cost_micro=fields.get("cost_micro", 0),
        task=fields.get("task", 0),
    )
    lines = gate.trace(rules, facts, START)
    assert [line.rule for line in lines] == [rule.name for rule in RULES]
    assert (
        tuple((line.rule, line.answer, line.level) for line in lines if line.answer != "pass") == facts.failed
    )
    assert gate.reasons(rules, digest_of(rules), facts, START) == tuple(
        line for line in lines if line.answer != "pass"
    )
    for line in lines:
        assert line.sentence
        assert "{" not in line.sentence
        assert line.sentence.endswith(".")
        assert all(isinstance(value, int) for _, value in line.numbers)
    assert gate.audit(rules, facts, START) == "same"


def test_sentences_say_what_was_looked_at() -> None:
    rules = policy()
    facts = request(
        World(), rules, seen(breaker_agent_until=SOON, score=640, auto_hour=44, tier=0, agent_state=1)
    )
    said = {line.rule: line.sentence for line in gate.trace(rules, facts, START)}
    assert said["the_agent_is_not_active"] == "The agent is quarantined."
    assert said["the_agents_breaker_is_open"].endswith("open for another 90 s.")
    assert said["the_trust_is_not_above_the_threshold"] == "Trust 640 is not above 800."
    assert (
        said["the_tier_lacks_the_privilege"]
        == "UNTRUSTED may not take actions of class read; that needs PROBATIONARY."
    )
    assert said["the_hours_automatic_approvals_are_used_up"].startswith("44 of this type")
    standing = request(World(), rules, seen(score=300, standing=5, standing_until=SOON))
    (line,) = [line for line in gate.trace(rules, standing, START) if line.answer == "lifted"][-1:]
    assert line.sentence.endswith("A standing approval answers this.")


def test_an_audit_notices_any_change_of_what_was_ruled() -> None:
    rules = policy()
    facts = request(World(), rules, cost_micro=5)
    assert gate.audit(rules, facts, START) == "same"
    assert gate.audit(rules, facts, START, digest_of(rules)) == "same"
    assert gate.trace(rules, facts, START, digest_of(rules)) == gate.trace(rules, facts, START)
    assert facts.reserves_micro == 5
    forged: list[dict[str, Any]] = [
        {"verdict": "pending", "grant": None},
        {"level": 1},
        {"risk": 9},
        {"failed": (("it_failed_lately", "raise", 2),)},
        {"reserves_micro": 0},
        {"evidence": seen(score=100)},
        {"grant": None},
    ]
    for change in forged:
        assert gate.audit(rules, msgspec.structs.replace(facts, **change), START) == "differs"
    assert gate.audit(policy(auto={"score_min": 900}), facts, START) == "differs"
    risky = request(World(), rules, type="agent.spawn", urgency="low")
    assert (risky.urgency, risky.risk) == ("immediate", 50)
    assert gate.audit(rules, msgspec.structs.replace(risky, urgency="low"), START) == "differs"


def test_violations_and_runaways_are_known_by_their_rules() -> None:
    def facts(**fields: Any) -> Any:
        return request(World(), policy(), seen(**fields))

    assert gate.is_violation(facts(scope_allows=False))
    assert gate.is_violation(facts(tool_permitted=False))
    assert not gate.is_violation(facts(stops=(1,)))
    assert not gate.is_violation(facts())
    assert gate.is_runaway(facts(same_digest_60s=20))
    assert not gate.is_runaway(facts(scope_allows=False))
    later = msgspec.structs.replace(facts(), failed=(("a_rule_of_a_later_version", "deny", 0),))
    assert not gate.is_violation(later)


def test_only_a_breaker_is_worth_waiting_for() -> None:
    def wait(**fields: Any) -> int:
        return gate.retry_after_ms(request(World(), policy(), seen(**fields)), START)

    assert wait(breaker_agent_until=START + 1) == 1
    assert wait(breaker_agent_until=SOON, breaker_tool_until=START + 5 * SECOND) == 90_000
    assert wait(breaker_agent_until=SOON, agent_state=1) == 0
    assert wait() == 0


def test_risk_is_explained_by_factors_that_add_up() -> None:
    rules = policy()
    facts = request(World(), rules, seen(**NEW), type="file.write")
    factors = gate.explain_risk(rules, digest_of(rules), facts)
    assert factors == (("class_write", 30), ("first_time", 10), ("little_trust", 10))
    assert sum(points for _, points in factors) == facts.risk


def test_the_facts_of_a_ruling_are_small() -> None:
    """Level 0: at most 1 KiB of facts, at most 600 bytes of evidence (DESIGN 2b.3)."""
    everything = seen(
        stops=(), breaker_agent_until=START, standing=2**40, standing_until=2**50, spent_today_micro=2**50
    )
    facts = request(World(), policy(), everything)
    assert facts.verdict == "permitted"
    assert len(canonical(msgspec.to_builtins(facts))) <= 1024
    assert len(canonical(msgspec.to_builtins(facts.evidence))) <= 600


def test_the_facts_of_an_event_can_be_asked_for() -> None:
    world = World()
    facts = request(world)
    assert gate.decided(world.events[0]) == facts


def test_judging_a_question_twice_gives_equal_rulings() -> None:
    asked = question("write", **NEW)
    assert judge(asked) == judge(asked)
