"""Typed conditions of the policy, and the rules an organisation makes of them (spec 03 §3.6).

A condition is one comparison, (field, operator, value), or a group: `all` or `any` of further conditions. What it looks at
is named by `of`: the request's *parameters* (a dotted path), the *action* as the server sees it, or the *agent* as the
ledger knows it. There is no negation, so whatever makes one comparison hold can only make a whole condition hold; and a
field with an order can be asked in its strict direction alone (`ORDERED`), so that no condition turns the law *Monotone
oversight* around. Both are checked by policy/condition_soundness.py, with the place of the fault.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

CONDITION_DEPTH_MAX = 4  # groups within groups: deeper is not read by people
CONDITIONS_MAX = 16  # comparisons of one rule or factor; each is a bit of what a ruling records
RULES_MAX = 64  # of one policy; each is asked about every request
LIST_MAX = 64  # members of an `in`
OPERATORS = ("eq", "ne", "gt", "ge", "lt", "le", "in", "exists", "prefix")
PARAMETERS, ACTION, AGENT = "parameters", "action", "agent"
SUBJECTS_OF = (PARAMETERS, ACTION, AGENT)
ANSWERS = ("raise", "deny")
# What can be asked of an action before it is judged, as texts.
NAMED = frozenset(("type", "tool", "class"))
# Numbers, and the operators of their strict direction: more of the first kind, less of the second, demands more.
MORE, LESS = ("gt", "ge"), ("lt", "le")
ORDERED: dict[tuple[str, str], tuple[str, ...]] = {
    (ACTION, "risk"): MORE,
    (ACTION, "cost_micro"): MORE,
    (AGENT, "trust"): LESS,
    (AGENT, "tier"): LESS,
    (AGENT, "actions_of_type"): LESS,
    (AGENT, "failures_24h"): MORE,
    (AGENT, "tasks_open"): MORE,
    (AGENT, "requests_hour"): MORE,
}


# Named in the JSON Schema; soundness refuses the rest with its place.
Operator = Annotated[str, Meta(extra_json_schema={"enum": list(OPERATORS)})]
LooksAt = Annotated[str, Meta(extra_json_schema={"enum": list(SUBJECTS_OF)})]
Answered = Annotated[str, Meta(extra_json_schema={"enum": list(ANSWERS)})]


class Condition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """One comparison (`field`, `op`, `value`), or a group: exactly one of `field`, `all` and `any` is there.

    `field` is a dotted path into the parameters, or a name of ORDERED or NAMED where `of` says so. Texts are compared
    folded. A value that cannot be compared makes a comparison hold: doubt is on the strict side.
    """

    field: str = ""
    op: Operator = "exists"
    value: int | str | bool | tuple[str, ...] | None = None
    of: LooksAt = PARAMETERS
    all: tuple[Condition, ...] = ()
    any: tuple[Condition, ...] = ()


class DomainRule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A rule of the organisation: when all of `when` holds, `then` raise (to `level` at least) or deny (spec 3.1 rule 7)."""

    name: str
    when: tuple[Condition, ...]
    then: Answered = "raise"
    level: int = 3


def leaves(conditions: tuple[Condition, ...]) -> list[Condition]:
    """The comparisons in order; their places are the bits of what a ruling records."""
    found = []
    for one in conditions:
        found += leaves(one.all) + leaves(one.any) if one.all or one.any else [one]
    return found


def sentence(conditions: tuple[Condition, ...]) -> str:
    """All of them as people read it: `amount is above 1000 and (url is given or the agent's trust is below 400)`."""
    return " and ".join(_part(one) for one in conditions)


def _part(one: Condition) -> str:
    if one.all:
        return f"({' and '.join(map(_part, one.all))})" if len(one.all) > 1 else _part(one.all[0])
    if one.any:
        return f"({' or '.join(map(_part, one.any))})" if len(one.any) > 1 else _part(one.any[0])
    who = {ACTION: "the action's ", AGENT: "the agent's "}.get(one.of, "")
    name = one.field if one.of == PARAMETERS else one.field.replace("_", " ")
    if one.op == "exists":
        return f"{who}{name} is {'absent' if one.value is False else 'given'}"
    if isinstance(one.value, tuple):
        return f"{who}{name} is one of {', '.join(one.value)}"
    return f"{who}{name} {_WORDS.get(one.op, one.op)} {_said(one.value)}"


_WORDS = {
    "eq": "is",
    "ne": "is not",
    "gt": "is above",
    "ge": "is at least",
    "lt": "is below",
    "le": "is at most",
    "prefix": "begins with",
}


def _said(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
