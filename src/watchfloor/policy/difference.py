"""What changed between two policies, and whether it loosens anything (spec 03 §3.6, DESIGN 2b.15).

Every change counts as loosening unless its field has a declared order that says the opposite; a field nobody has
thought about is therefore loose by default. Lists of named entries (factors, parameter limits) are compared by name,
lists of texts by member.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from watchfloor.kernel.conditions import Condition
from watchfloor.kernel.mode_terms import ENFORCE, OBSERVE
from watchfloor.kernel.strict import pointer_escape
from watchfloor.kernel.terms import Policy
from watchfloor.policy.condition_order import all_imply

Value = Any  # plain data; None: not there


class Difference(msgspec.Struct, frozen=True):
    """One field that differs; `path` a JSON pointer, named entries by their name. None: not there on that side."""

    path: str
    before: Value
    after: Value
    loosens: bool


# Which direction loosens; the first pattern that fits. `up` and `down` are of numbers and booleans (false < true); `adding` and `removing` of
# members of mappings and lists. `never` is text that no rule reads; `implied` conditions, which loosen unless the old ones
# imply the new (condition_order.py); `observed` a mode, which loosens by observing or by no longer enforcing.
_ORDERS: tuple[tuple[str, frozenset[str]], ...] = tuple(
    (pattern, frozenset(loosening.split()))
    for pattern, loosening in (
        ("/name", "never"),
        ("/classes/*/base", "down"),
        ("/classes/*/attempts", "up"),
        ("/classes/*/idempotent", "up"),
        ("/types/*", "adding change"),  # what is not named is `unknown`, the strictest
        ("/tools/*", "removing change"),  # the strictest mapping wins: one more never loosens
        ("/hosts/*", "removing change"),
        ("/host_fields/*", "removing"),
        ("/path_fields/*", "removing"),
        ("/factors/*", "removing"),
        ("/factors/*/when", "implied"),
        ("/factors/*/points", "down"),
        ("/factors/*/level_min", "down"),
        ("/rules/*", "removing"),
        ("/rules/*/when", "implied"),
        ("/rules/*/then", "change"),
        ("/rules/*/level", "down"),
        ("/compliance/packs/*", "removing"),
        ("/modes/organisation", "observed"),
        ("/modes/*/*", "observed"),
        ("/envelope/forbidden_types/*", "removing"),
        ("/envelope/forbidden_tools/*", "removing"),
        ("/envelope/forbidden_hosts/*", "removing"),
        ("/envelope/forbidden_paths/*", "removing"),
        ("/envelope/allowed_hosts/*", "adding"),
        ("/envelope/allowed_paths/*", "adding"),
        ("/envelope/parameter_limits/*", "removing"),
        ("/envelope/parameter_limits/*/value_max", "up"),
        ("/envelope/spend_per_day_micro", "up"),
        ("/breaker/failures", "up"),
        ("/breaker/window_ms", "down"),
        ("/breaker/open_ms", "down"),
        ("/runaway/*/*/*", "up"),
        ("/runaway/*", "up"),
        ("/rates/*", "up"),
        ("/auto/score_min", "down"),
        ("/auto/medium_allowed", "up"),
        ("/auto/per_hour", "up"),  # bootstrap_actions has no order: 0 is never, and fewer is sooner
        ("/levels/*", "down"),
        ("/routing/*/needed", "down"),
        ("/routing/*/tell/*", "removing"),
        ("/routing/warn_permille", "up"),
        ("/routing/loosened_days", "down"),
        ("/routing/editor_level_max", "up"),
        ("/committees/*/needed", "down"),
        ("/committees/*/seats/*/veto", "down"),
        ("/trust/base", "up"),
        ("/trust/kinds/*/points", "up"),
        ("/trust/tiers/*", "down"),
        ("/trust/hysteresis", "up"),
        ("/trust/demotion_grace_ms", "up"),
        ("/trust/successes_per_day", "up"),
        ("/trust/tasks_per_tier/*", "up"),
        ("/delegation/submit_tier_min", "down"),
        ("/delegation/delegate_tier_min", "down"),
        ("/delegation/spawn_tier_min", "down"),
        ("/delegation/*", "up"),
        ("/identity/required", "down"),
        ("/economics/*", "never"),
        ("/anomalies/together_ms", "down"),
        ("/anomalies/review_ms", "down"),  # a shorter review passes
        ("/anomalies/contain/*", "removing"),
        ("/anomalies/*", "up"),  # every threshold: more is needed before it is said
        ("/tribunal/size", "down"),
        ("/tribunal/score_min", "down"),
        ("/tribunal/per_owner_max", "up"),
        ("/tribunal/votes_min", "down"),
        ("/tribunal/confidence_min_milli", "down"),
        ("/tribunal/majority_permille", "down"),
        ("/tribunal/wait_ms", "up"),
        ("/break_glass/grant_ms", "up"),
        ("/break_glass/review_ms", "up"),
        ("/break_glass/tell/*", "removing"),
        ("/notices/links_level_max", "up"),
        ("/notices/links_ms", "up"),
        ("/notices/alerts/*/tell/*", "removing"),
        ("/notices/alerts/*/channels/*", "removing"),
        ("/notices/alerts/*/everywhere", "down"),
        ("/notices/alerts/*/instead", "up"),
        ("/sign_in/totp/*", "removing"),
        ("/sign_in/password_chars_min", "down"),
        ("/sign_in/*", "adding"),  # one more role that may come in by this means
        ("/grant_ms", "up"),
    )
)
_NAMED = ("/factors", "/rules", "/envelope/parameter_limits")
_DENYING = (
    "/rules/*/then",
    "deny",
)  # a rule that denies is stricter than one that raises, whatever its level
_WHEN = ("/factors/*/when", "/rules/*/when")  # compared as wholes: whether one implies the other
_TWO_OR_ALL = "/committees/*/needed"  # where 0 stands for two of them, or all where there are fewer
_OWN_PACE = "/runaway/*/*/*"  # limits of an agent or of a type of agents
_ALLOWING = ("/envelope/allowed_hosts", "/envelope/allowed_paths")


def differences(before: Policy, after: Policy) -> tuple[Difference, ...]:
    """Every field that differs, in the order of the document."""
    return tuple(_compare("", msgspec.to_builtins(before), msgspec.to_builtins(after)))


def loosens(before: Policy, after: Policy) -> bool:
    """Does the change loosen anything? Then it needs other people than a tightening one (spec 3.2, 2b.15)."""
    return any(difference.loosens for difference in differences(before, after))


def _compare(path: str, before: Value, after: Value) -> Iterator[Difference]:
    if before == after:
        return
    if any(_named(pattern, path) for pattern in _WHEN) and before is not None and after is not None:
        yield Difference(path, before, after, not _implied(before, after))
        return
    one, two = _members(path, before), _members(path, after)
    if one is None or two is None:
        yield Difference(path, before, after, _loosens(path, before, after))
        return
    if path in _ALLOWING and bool(one) is not bool(two):
        # An empty allow-list allows everything, so its first member tightens and the loss of its last one loosens.
        yield Difference(path, before, after, not two)
        return
    for key in (*one, *(key for key in two if key not in one)):
        yield from _compare(f"{path}/{pointer_escape(key)}", one.get(key), two.get(key))


def _members(path: str, value: Value) -> dict[str, Value] | None:
    """A collection as a mapping: by name, by text, by place. None for a single value."""
    if isinstance(value, dict):
        return value
    if not isinstance(value, list | tuple):
        return None
    if path in _NAMED:
        return {item["name"]: {key: part for key, part in item.items() if key != "name"} for item in value}
    if all(isinstance(item, str) for item in value):
        return {item: item for item in value}
    return {str(index): item for index, item in enumerate(value)}


def _loosens(path: str, before: Value, after: Value) -> bool:
    loosening = _order(path)
    if loosening is None:
        return True
    if "observed" in loosening:
        return bool(after == OBSERVE or before == ENFORCE)
    if _named(_DENYING[0], path):
        return bool(before == _DENYING[1])
    if before is None or after is None:
        return ("adding" if before is None else "removing") in loosening
    if isinstance(before, int) and isinstance(after, int):
        if _named(_OWN_PACE, path) and 0 in (before, after):
            return True  # 0 is what all agents have: more or less, nobody knows from here
        if _named(_TWO_OR_ALL, path) and (before, after) == (0, 1):
            return True  # the number grows, and one person does what two had to
        return ("up" if after > before else "down") in loosening
    return "change" in loosening


def _implied(before: Value, after: Value) -> bool:
    """Do the conditions of before imply those of after?"""
    old, new = (msgspec.convert(side, tuple[Condition, ...]) for side in (before, after))
    return all_imply(old, new)


def _order(path: str) -> frozenset[str] | None:
    return next((loosening for pattern, loosening in _ORDERS if _named(pattern, path)), None)


def _named(pattern: str, path: str) -> bool:
    parts, steps = pattern.split("/"), path.split("/")
    return len(parts) == len(steps) and all(
        part in ("*", step) for part, step in zip(parts, steps, strict=True)
    )
