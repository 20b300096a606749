"""The rules of the gate, one function each, in the order of spec 03 §3.1; a name is true when its rule bites.

A rule answers None (*pass*) or (answer, level): *deny* and *throttle* (deny for now) have no level, *raise* demands
one, *lifted* would have demanded at most level 2 and is answered by a person's standing approval; its level is what
is left. The soft limits (9) alone answer relatively: one level more than all rules before came to.
"""

from __future__ import annotations

from watchfloor.actions.messages import BudgetSeen
from watchfloor.actions.question import Question
from watchfloor.kernel.amounts import turned_away

Answer = tuple[str, int]

CONFIRM = 2
# The tier a class of action needs; the others need PROBATIONARY (spec 3.1 rule 5).
TIER_NEEDED = {"delegate": 3, "spawn": 4}
TIER_TO_ACT = 1
_TIER_TO_ALL = max(TIER_NEEDED.values())

_DENY: Answer = ("deny", 0)
_THROTTLE: Answer = ("throttle", 0)
_RAISE: tuple[Answer, ...] = tuple(("raise", level) for level in range(5))
_LIFTED: tuple[Answer, ...] = (("lifted", 0), ("lifted", 1))
_ONE_MORE: Answer = ("raise", 1)


# 1 Identity ----------------------------------------------------------------------------------------------------------


def the_agent_is_not_active(q: Question) -> Answer | None:
    return _DENY if q.seen.agent_state else None


def the_key_does_not_cover_the_type(q: Question) -> Answer | None:
    return None if q.seen.scope_allows else _DENY


def the_tool_is_not_permitted(q: Question) -> Answer | None:
    return None if q.seen.tool_permitted else _DENY


def the_task_is_not_the_agents(q: Question) -> Answer | None:
    return _DENY if q.task and not q.seen.task_valid else None


# 2 Stops -------------------------------------------------------------------------------------------------------------


def a_stop_is_in_force(q: Question) -> Answer | None:
    return _DENY if q.seen.stops else None


# 3 Safety envelope: cannot be approved away ----------------------------------------------------------------------------


FORBIDDEN = (
    "forbidden_type",
    "forbidden_tool",
    "forbidden_host",
    "forbidden_path",
    "host_not_allowed",
    "path_not_allowed",
)
UNCLEAR = ("ambiguous_host", "ambiguous_path", "host_unnamed")


def a_name_is_ambiguous(q: Question) -> Answer | None:
    return _DENY if "ambiguous_name" in q.derived.violations else None


def the_envelope_forbids_it(q: Question) -> Answer | None:
    found = q.derived.violations
    return _DENY if found and any(name in FORBIDDEN for name in found) else None


def a_target_is_unclear(q: Question) -> Answer | None:
    found = q.derived.violations
    return _DENY if found and any(name in UNCLEAR for name in found) else None


def a_parameter_breaks_its_limit(q: Question) -> Answer | None:
    found = q.derived.violations
    return _DENY if found and any(":" in name for name in found) else None


def the_agents_breaker_is_open(q: Question) -> Answer | None:
    return _THROTTLE if q.seen.breaker_agent_until > q.at else None


def the_tools_breaker_is_open(q: Question) -> Answer | None:
    return _THROTTLE if q.seen.breaker_tool_until > q.at else None


def the_days_spend_is_used_up(q: Question) -> Answer | None:
    return _DENY if q.cost_micro and q.seen.spent_today_micro + q.cost_micro > q.tables.spend_micro else None


def the_cost_is_not_estimated(q: Question) -> Answer | None:
    """What nobody estimated is too much, not nothing (fault F12)."""
    budgets = q.seen.budgets
    return _DENY if budgets and any(budget.asked < 0 for budget in budgets) else None


def a_budget_is_used_up(q: Question) -> Answer | None:
    budgets = q.seen.budgets
    return _DENY if budgets and spent_budget(q) is not None else None


def spent_budget(q: Question) -> BudgetSeen | None:
    """The first budget that turns this action away although it says what it takes."""
    for budget in q.seen.budgets:
        if budget.asked >= 0 and turned_away(budget.limit, budget.spent, budget.reserved, budget.asked):
            return budget
    return None


# Counts are of requests before this one, so a count at the limit means that this one is above it (spec 3.3 *Runaway*).


def requests_come_too_fast(q: Question) -> Answer | None:
    seen, pace = q.seen, q.pace
    return _DENY if seen.requests_1s >= pace.requests_1s or seen.requests_5s >= pace.requests_5s else None


def executions_come_too_fast(q: Question) -> Answer | None:
    return _DENY if q.seen.executed_10s >= q.pace.executed_10s else None


def the_same_action_repeats(q: Question) -> Answer | None:
    return _DENY if q.seen.same_digest_60s >= q.pace.same_60s else None


def it_was_throttled_again_and_again(q: Question) -> Answer | None:
    return _DENY if q.seen.throttles_60s >= q.pace.throttles_60s else None


# 4 Compliance packs, and what the organisation's own rules deny ----------------------------------------------------------


def a_pack_in_force_forbids_it(q: Question) -> Answer | None:
    found = q.derived.findings if q.tables.packs else ()
    return _DENY if found and any(answer == "deny" for _, answer, _ in found) else None


def a_rule_of_the_policy_forbids_it(q: Question) -> Answer | None:
    return _DENY if q.bites and any(rule.deny for rule in q.bites) else None


def a_pack_in_force_demands_people(q: Question) -> Answer | None:
    """Never lifted, like everything a pack says."""
    found = q.derived.findings if q.tables.packs else ()
    level = max((level for _, answer, level in found if answer == "raise"), default=0) if found else 0
    return _RAISE[level] if level else None


# 5 Capability and tier -------------------------------------------------------------------------------------------------


def the_tier_lacks_the_privilege(q: Question) -> Answer | None:
    tier = q.seen.tier
    if tier >= _TIER_TO_ALL:
        return None
    return _DENY if tier < TIER_NEEDED.get(q.derived.cls, TIER_TO_ACT) else None


def more_tasks_are_open_than_the_tier_allows(q: Question) -> Answer | None:
    """A demotion leaves tasks running; they go on under supervision instead of being cut off."""
    allowed = q.tables.tasks
    return _RAISE[CONFIRM] if q.seen.tasks_open > allowed[min(q.seen.tier, len(allowed) - 1)] else None


# 6 and 7 Risk, and the level it demands --------------------------------------------------------------------------------


def the_risk_demands_people(q: Question) -> Answer | None:
    demanded = q.tables.levels[q.band]
    if not demanded:
        return None
    # "Trust this type" answers a confirmation; people are still told (level 1), and above level 2 it says nothing.
    return _LIFTED[1] if demanded == CONFIRM and q.standing else _RAISE[demanded]


def a_parameter_demands_people(q: Question) -> Answer | None:
    """Never lifted: whoever gave the standing approval had not seen these parameters."""
    return _RAISE[q.derived.level_min] if q.derived.level_min else None


def a_rule_of_the_policy_demands_people(q: Question) -> Answer | None:
    """Never lifted: whoever gave the standing approval had not seen this request."""
    level = max((rule.level for rule in q.bites if not rule.deny), default=0) if q.bites else 0
    return _RAISE[level] if level else None


# 8 Auto-approval: hard conditions, else at least level 2 -------------------------------------------------------------


def the_risk_is_too_high_to_run_unasked(q: Question) -> Answer | None:
    if q.band <= q.tables.band_max:
        return None
    return _LIFTED[1] if q.band == 1 and q.standing else _RAISE[CONFIRM]


def the_trust_is_not_above_the_threshold(q: Question) -> Answer | None:
    if q.seen.score > q.tables.score_min:
        return None
    if q.standing:
        return _LIFTED[0]
    # Bootstrap: the first N actions of a type were supervised, so a new agent goes on while people are told. It is for the
    # young, not for the fallen: below the score that everybody begins with, people are asked again (decision 36).
    known = 0 < q.tables.supervised <= q.seen.of_type_before and q.seen.score >= q.tables.score_base
    return _RAISE[1 if known else CONFIRM]


def it_failed_lately(q: Question) -> Answer | None:
    """Never lifted: the failure is news to whoever gave the standing approval."""
    return _RAISE[CONFIRM] if q.seen.failures_24h else None


# Soft conditions: one missing is level 1, two or more are level 2.


def _soft(q: Question) -> Answer:
    return _LIFTED[0] if q.standing else _RAISE[1 if q.soft_missing == 1 else CONFIRM]


def the_hours_automatic_approvals_are_used_up(q: Question) -> Answer | None:
    return _soft(q) if q.seen.auto_hour >= q.tables.auto_hour else None


def it_is_the_first_time_for_this_type(q: Question) -> Answer | None:
    return _soft(q) if q.seen.first_time else None


def the_hour_is_outside_the_usual_ones(q: Question) -> Answer | None:
    return None if q.hour_usual else _soft(q)


# 9 Soft limits -----------------------------------------------------------------------------------------------------------


def the_hour_is_unusual(q: Question) -> Answer | None:
    return None if q.hour_usual else _ONE_MORE


def the_target_is_novel(q: Question) -> Answer | None:
    """Says something of an agent with a history alone: at first every place is new."""
    seen = q.seen
    return _ONE_MORE if seen.zones_new and 0 < q.tables.novel_after <= seen.zones_known else None


def the_volume_is_unusual(q: Question) -> Answer | None:
    return _ONE_MORE if q.seen.requests_hour >= q.tables.requests_hour else None
