"""The gate's rules as a list: the order of spec 03 §3.1, and what each says to people.

`looks_at` names the numbers (and a few words) a rule looked at; it is asked for the trace only, never on the hot
path. Sentences take them in braces; `{level}` is the level of the answer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import msgspec

from watchfloor.actions import answers
from watchfloor.actions.answers import Answer
from watchfloor.actions.question import Question
from watchfloor.actions.risk import BANDS
from watchfloor.kernel.amounts import UNITS
from watchfloor.kernel.compliance import why
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.instants import SECOND
from watchfloor.kernel.terms import TIERS

Numbers = Mapping[str, int | str]
SOFT_LIMITS = "soft limits"


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """A named rule. `violation`: biting is a security violation (spec 3.4); `runaway`: the runaway detector (spec 3.3).

    `chosen`: asked only under a policy that has rules of its own, or packs.
    """

    name: str
    stage: str
    ask: Callable[[Question], Answer | None]
    looks_at: Callable[[Question], Numbers]
    passes: str
    bites: str
    violation: bool = False
    runaway: bool = False
    chosen: bool = False


def _rule(
    stage: str,
    ask: Callable[[Question], Answer | None],
    looks_at: Callable[[Question], Numbers],
    passes: str,
    bites: str,
    *,
    violation: bool = False,
    runaway: bool = False,
    chosen: bool = False,
) -> Rule:
    return Rule(
        name=ask.__name__,
        stage=stage,
        ask=ask,
        looks_at=looks_at,
        passes=passes,
        bites=bites,
        violation=violation,
        runaway=runaway,
        chosen=chosen,
    )


def _nothing(q: Question) -> Numbers:
    del q
    return {}


def _state(q: Question) -> Numbers:
    names = ("active", "quarantined", "retired")
    state = q.seen.agent_state
    return {"agent_state": state, "state": names[state] if 0 <= state < len(names) else "not active"}


def _task(q: Question) -> Numbers:
    return {"task": q.task, "task_valid": int(q.seen.task_valid)}


def _stops(q: Question) -> Numbers:
    return {"stops": len(q.seen.stops)}


def _violations(q: Question) -> Numbers:
    found = q.derived.violations
    return {"violations": len(found), "named": ", ".join(name.replace("_", " ") for name in found)}


def _wait(until_at: int, at: int) -> Numbers:
    return {"seconds": max(0, -(-(until_at - at) // SECOND))}


def _agents_wait(q: Question) -> Numbers:
    return _wait(q.seen.breaker_agent_until, q.at)


def _tools_wait(q: Question) -> Numbers:
    return _wait(q.seen.breaker_tool_until, q.at)


def _spend(q: Question) -> Numbers:
    return {
        "cost_micro": q.cost_micro,
        "spent_today_micro": q.seen.spent_today_micro,
        "limit_micro": q.tables.spend_micro,
    }


def _unestimated(q: Question) -> Numbers:
    missing = [budget.measure for budget in q.seen.budgets if budget.asked < 0]
    return {"measures": len(missing), "named": " and ".join(missing)}


def _budget(q: Question) -> Numbers:
    budget = answers.spent_budget(q)
    if budget is None:
        return {"budgets": len(q.seen.budgets)}
    return {
        "budget": public_id("budget", budget.budget, budget.nonce),
        "scope": _SCOPES.get(budget.scope, budget.scope),
        "unit": UNITS.get(budget.measure, budget.measure),
        "asked": budget.asked,
        "left": max(0, budget.limit - budget.spent - budget.reserved),
        "limit": budget.limit,
        "reserved": budget.reserved,
    }


_SCOPES = {
    "organisation": "the organisation",
    "lineage": "the task and what belongs to it",
    "spawned": "the agent and all it spawned",
} | {scope: f"the {scope}" for scope in ("agent", "task")}


def _speed(q: Question) -> Numbers:
    return {"in_1s": q.seen.requests_1s, "in_5s": q.seen.requests_5s, "per_second": q.pace.requests_1s}


def _executions(q: Question) -> Numbers:
    return {"in_10s": q.seen.executed_10s, "limit": q.pace.executed_10s}


def _repeats(q: Question) -> Numbers:
    return {"in_60s": q.seen.same_digest_60s, "limit": q.pace.same_60s}


def _throttles(q: Question) -> Numbers:
    return {"in_60s": q.seen.throttles_60s, "limit": q.pace.throttles_60s}


def _tier(q: Question) -> Numbers:
    needed = answers.TIER_NEEDED.get(q.derived.cls, answers.TIER_TO_ACT)
    return {
        "tier": q.seen.tier,
        "tier_needed": needed,
        "is": _tier_name(q.seen.tier),
        "needs": _tier_name(needed),
        "cls": q.derived.cls.replace("_", " "),
    }


def _tier_name(tier: int) -> str:
    return TIERS[max(0, min(tier, len(TIERS) - 1))]


def _tasks(q: Question) -> Numbers:
    tasks = q.tables.tasks
    return {
        "tasks_open": q.seen.tasks_open,
        "allowed": tasks[min(q.seen.tier, len(tasks) - 1)],
        "is": _tier_name(q.seen.tier),
    }


def _risk(q: Question) -> Numbers:
    return {"risk": q.risk, "band": BANDS[q.band]}


def _level_min(q: Question) -> Numbers:
    return {"level_min": q.derived.level_min}


def _trust(q: Question) -> Numbers:
    return {
        "score": q.seen.score,
        "score_min": q.tables.score_min,
        "of_type_before": q.seen.of_type_before,
        "supervised": q.tables.supervised,
    }


def _failures(q: Question) -> Numbers:
    return {"failures_24h": q.seen.failures_24h}


def _auto_hour(q: Question) -> Numbers:
    return {"auto_hour": q.seen.auto_hour, "per_hour": q.tables.auto_hour, "missing": q.soft_missing}


def _first(q: Question) -> Numbers:
    return {"of_type_before": q.seen.of_type_before, "missing": q.soft_missing}


def _hours(q: Question) -> Numbers:
    return {"hour_from": q.tables.hour_from, "hour_to": q.tables.hour_to, "missing": q.soft_missing}


def _novel(q: Question) -> Numbers:
    return {
        "zones_known": q.seen.zones_known,
        "zones_new": q.seen.zones_new,
        "novel_after": q.tables.novel_after,
    }


def _volume(q: Question) -> Numbers:
    return {"requests_hour": q.seen.requests_hour, "usual": q.tables.requests_hour}


def _findings(q: Question, kind: str) -> Numbers:
    found = [(rule, level) for rule, answer, level in q.derived.findings if answer == kind]
    return {
        "findings": len(found),
        "level": max((level for _, level in found), default=0),
        "named": "; ".join(why(rule) for rule, _ in found),
    }


def _denied_by_packs(q: Question) -> Numbers:
    return _findings(q, "deny")


def _raised_by_packs(q: Question) -> Numbers:
    return _findings(q, "raise")


def _own_rules(q: Question, *, deny: bool) -> Numbers:
    found = [rule for rule in q.bites if rule.deny is deny]
    return {
        "rules": len(found),
        "level": max((rule.level for rule in found if not deny), default=0),
        "named": "; ".join(f"{rule.name} ({rule.said})" for rule in found),
    }


def _own_denials(q: Question) -> Numbers:
    return _own_rules(q, deny=True)


def _own_demands(q: Question) -> Numbers:
    return _own_rules(q, deny=False)


RULES: tuple[Rule, ...] = (
    _rule(
        "identity", answers.the_agent_is_not_active, _state, "The agent is active.", "The agent is {state}."
    ),
    _rule(
        "identity",
        answers.the_key_does_not_cover_the_type,
        _nothing,
        "The key covers this type of action.",
        "The key the agent used does not cover this type of action.",
        violation=True,
    ),
    _rule(
        "identity",
        answers.the_tool_is_not_permitted,
        _nothing,
        "The tool is permitted to this version of the agent.",
        "The tool is not among the tools permitted to this version of the agent.",
        violation=True,
    ),
    _rule(
        "identity",
        answers.the_task_is_not_the_agents,
        _task,
        "The action belongs to no task, or to one the agent holds.",
        "The task named is not, or no longer, the agent's.",
    ),
    _rule("stops", answers.a_stop_is_in_force, _stops, "No stop is in force.", "{stops} stop(s) in force."),
    _rule(
        "envelope",
        answers.a_name_is_ambiguous,
        _violations,
        "Type and tool are spelled clearly.",
        "Type or tool could be taken for another name, or holds characters nobody can see.",
        violation=True,
    ),
    _rule(
        "envelope",
        answers.the_envelope_forbids_it,
        _violations,
        "Type, tool, hosts and paths are inside the envelope.",
        "Outside the envelope, which nobody can approve away: {named}.",
        violation=True,
    ),
    _rule(
        "envelope",
        answers.a_target_is_unclear,
        _violations,
        "Every host and path can be read in one way only.",
        "A host or path can be read in more than one way: {named}.",
    ),
    _rule(
        "envelope",
        answers.a_parameter_breaks_its_limit,
        _violations,
        "No parameter breaks a hard limit.",
        "A parameter breaks a hard limit: {named}.",
    ),
    _rule(
        "envelope",
        answers.the_agents_breaker_is_open,
        _agents_wait,
        "The agent's circuit breaker is closed.",
        "The agent failed too often; its circuit breaker is open for another {seconds} s.",
    ),
    _rule(
        "envelope",
        answers.the_tools_breaker_is_open,
        _tools_wait,
        "The tool's circuit breaker is closed.",
        "The tool failed too often; its circuit breaker is open for another {seconds} s.",
    ),
    _rule(
        "envelope",
        answers.the_days_spend_is_used_up,
        _spend,
        "Within the day's spend ({spent_today_micro} + {cost_micro} of {limit_micro} micro units).",
        "{spent_today_micro} micro units are spent or reserved today; {cost_micro} more exceed {limit_micro}.",
    ),
    _rule(
        "envelope",
        answers.the_cost_is_not_estimated,
        _unestimated,
        "What budgets limit is estimated.",
        "A budget of {named} is in force, and the request does not estimate it; what nobody estimated is too much.",
    ),
    _rule(
        "envelope",
        answers.a_budget_is_used_up,
        _budget,
        "Within every budget ({budgets} in force).",
        "Budget {budget} of {scope} has {left} of {limit} {unit} left (and {reserved} reserved); {asked} asked.",
    ),
    _rule(
        "envelope",
        answers.requests_come_too_fast,
        _speed,
        "{in_1s} requests in the last second, {in_5s} in five, at most {per_second} a second.",
        "{in_1s} requests in the last second and {in_5s} in five; more than {per_second} a second is a runaway.",
        runaway=True,
    ),
    _rule(
        "envelope",
        answers.executions_come_too_fast,
        _executions,
        "{in_10s} executions in ten seconds, at most {limit}.",
        "{in_10s} executions in ten seconds; more than {limit} is a runaway.",
        runaway=True,
    ),
    _rule(
        "envelope",
        answers.the_same_action_repeats,
        _repeats,
        "The same action came {in_60s} times in a minute, at most {limit}.",
        "The same action came {in_60s} times in a minute; more than {limit} is a runaway.",
        runaway=True,
    ),
    _rule(
        "envelope",
        answers.it_was_throttled_again_and_again,
        _throttles,
        "Throttled {in_60s} times in a minute, fewer than {limit}.",
        "Throttled {in_60s} times in a minute; {limit} is a runaway.",
        runaway=True,
    ),
    _rule(
        "compliance",
        answers.a_pack_in_force_forbids_it,
        _denied_by_packs,
        "No compliance pack in force forbids it.",
        "Forbidden, which nobody can approve away: {named}.",
        violation=True,
        chosen=True,
    ),
    _rule(
        "compliance",
        answers.a_pack_in_force_demands_people,
        _raised_by_packs,
        "No compliance pack in force demands people.",
        "Level {level} at least: {named}.",
        chosen=True,
    ),
    _rule(
        "compliance",
        answers.a_rule_of_the_policy_forbids_it,
        _own_denials,
        "No rule of the policy forbids it.",
        "Forbidden by the policy: {named}.",
        chosen=True,
    ),
    _rule(
        "tier",
        answers.the_tier_lacks_the_privilege,
        _tier,
        "{is} may take actions of class {cls}.",
        "{is} may not take actions of class {cls}; that needs {needs}.",
    ),
    _rule(
        "tier",
        answers.more_tasks_are_open_than_the_tier_allows,
        _tasks,
        "{tasks_open} tasks open, {is} may hold {allowed}.",
        "{tasks_open} tasks open, {is} may hold {allowed}: people confirm until some are done.",
    ),
    _rule(
        "risk",
        answers.the_risk_demands_people,
        _risk,
        "Risk {risk} is {band}; that alone demands nobody.",
        "Risk {risk} is {band}.",
    ),
    _rule(
        "level",
        answers.a_parameter_demands_people,
        _level_min,
        "No parameter demands a level.",
        "A parameter demands level {level_min}.",
    ),
    _rule(
        "level",
        answers.a_rule_of_the_policy_demands_people,
        _own_demands,
        "No rule of the policy demands people.",
        "The policy demands level {level}: {named}.",
        chosen=True,
    ),
    _rule(
        "auto-approval",
        answers.the_risk_is_too_high_to_run_unasked,
        _risk,
        "Risk {risk} is {band}, low enough to run unasked.",
        "Risk {risk} is {band}, too high to run unasked.",
    ),
    _rule(
        "auto-approval",
        answers.the_trust_is_not_above_the_threshold,
        _trust,
        "Trust {score} is above {score_min}.",
        "Trust {score} is not above {score_min}.",
    ),
    _rule(
        "auto-approval",
        answers.it_failed_lately,
        _failures,
        "No failure in 24 hours.",
        "{failures_24h} failure(s) in 24 hours.",
    ),
    _rule(
        "auto-approval",
        answers.the_hours_automatic_approvals_are_used_up,
        _auto_hour,
        "{auto_hour} of this type ran this hour, fewer than {per_hour}.",
        "{auto_hour} of this type ran this hour; {per_hour} may without being asked about.",
    ),
    _rule(
        "auto-approval",
        answers.it_is_the_first_time_for_this_type,
        _first,
        "The agent has done this type before ({of_type_before} times).",
        "It is the agent's first action of this type.",
    ),
    _rule(
        "auto-approval",
        answers.the_hour_is_outside_the_usual_ones,
        _hours,
        "The hour is a usual one.",
        "The hour lies outside {hour_from}-{hour_to} UTC.",
    ),
    _rule(
        SOFT_LIMITS,
        answers.the_hour_is_unusual,
        _hours,
        "The hour is a usual one.",
        "The hour lies outside {hour_from}-{hour_to} UTC: one level more.",
    ),
    _rule(
        SOFT_LIMITS,
        answers.the_volume_is_unusual,
        _volume,
        "{requests_hour} requests this hour, fewer than {usual}.",
        "{requests_hour} requests this hour, {usual} or more are unusual: one level more.",
    ),
    _rule(
        SOFT_LIMITS,
        answers.the_target_is_novel,
        _novel,
        "No host or folder that is new to an agent with a history.",
        "{zones_new} host(s) or folder(s) the agent never touched, having been in {zones_known}: one level more.",
    ),
)
