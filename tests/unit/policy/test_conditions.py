"""Typed conditions: what is refused and where, how they read, and which change of them loosens (spec 3.6)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from watchfloor.kernel.conditions import CONDITION_DEPTH_MAX, CONDITIONS_MAX, OPERATORS, Condition, sentence
from watchfloor.kernel.ids import public_id
from watchfloor.kernel.mode_terms import ModeTerms, turned_on
from watchfloor.kernel.terms import Policy
from watchfloor.policy.condition_order import all_imply
from watchfloor.policy.difference import differences, loosens
from watchfloor.policy.document import dump, from_plain, load
from watchfloor.policy.faults import PolicyInvalid

AMOUNT = {"field": "amount", "op": "gt", "value": 1000}
WARY = {"of": "agent", "field": "trust", "op": "lt", "value": 400}
PAYS = {"of": "action", "field": "type", "op": "in", "value": ["payment.send", "payment.plan"]}
RULE = {"name": "large", "when": [PAYS, {"any": [AMOUNT, WARY]}], "then": "raise", "level": 4}
AGENT = public_id("agent", 70, 5)


def with_rule(**changes: Any) -> Policy:
    return from_plain({"rules": [{**RULE, **changes}]})


def faults(document: dict[str, Any]) -> list[str]:
    with pytest.raises(PolicyInvalid) as caught:
        from_plain(document)
    return [fault.path for fault in caught.value.faults]


def test_a_rule_survives_its_own_yaml_and_json() -> None:
    policy = with_rule()
    assert load(dump(policy)) == policy
    assert msgspec.json.decode(msgspec.json.encode(policy), type=Policy) == policy


def test_a_condition_reads_as_a_sentence() -> None:
    assert sentence(with_rule().rules[0].when) == (
        "the action's type is one of payment.send, payment.plan and (amount is above 1000 or the agent's trust is below 400)"
    )
    assert sentence((Condition(field="to", value=False), Condition(field="n", op="eq", value=True))) == (
        "to is absent and n is true"
    )
    assert (
        sentence((Condition(all=(Condition(field="a"), Condition(field="b"))),))
        == "(a is given and b is given)"
    )


def test_the_json_schema_names_what_may_be_written() -> None:
    found = msgspec.json.schema(Policy)["$defs"]
    assert found["Condition"]["properties"]["op"]["enum"] == list(OPERATORS)
    assert found["Condition"]["properties"]["all"]["items"] == {"$ref": "#/$defs/Condition"}
    assert found["DomainRule"]["properties"]["then"]["enum"] == ["raise", "deny"]
    assert found["ModeTerms"]["properties"]["agents"]["additionalProperties"]["enum"] == [
        "enforce",
        "observe",
    ]


def nested(depth: int) -> dict[str, Any]:
    return {"all": [nested(depth - 1)]} if depth else AMOUNT


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"name": "Large"}, "name"),
        ({"then": "permit"}, "then"),
        ({"level": 0}, "level"),
        ({"level": 5}, "level"),
        ({"when": []}, "when"),
        ({"when": [nested(CONDITION_DEPTH_MAX + 1)]}, "when"),
        ({"when": [AMOUNT] * (CONDITIONS_MAX + 1)}, "when"),
        ({"when": [{"any": [AMOUNT], "all": [AMOUNT]}]}, "when/0"),
        ({"when": [{"field": "a", "any": [AMOUNT]}]}, "when/0"),
        ({"when": [{}]}, "when/0/field"),
        ({"when": [{"any": [AMOUNT], "op": "gt"}]}, "when/0/op"),
        ({"when": [{"any": [AMOUNT], "value": 3}]}, "when/0/value"),
        ({"when": [{"any": [AMOUNT], "of": "agent"}]}, "when/0/of"),
        ({"when": [{"any": [{"any": [{"field": "a..b"}]}]}]}, "when/0/any/0/any/0/field"),
        ({"when": [{**WARY, "of": "weather"}]}, "when/0/of"),
        ({"when": [{**WARY, "field": "mood"}]}, "when/0/field"),
        ({"when": [{**WARY, "op": "gt"}]}, "when/0/op"),
        ({"when": [{**WARY, "op": "exists", "value": None}]}, "when/0/op"),
        ({"when": [{**WARY, "value": "400"}]}, "when/0/value"),
        ({"when": [{**WARY, "value": True}]}, "when/0/value"),
        ({"when": [{"of": "action", "field": "risk", "op": "lt", "value": 50}]}, "when/0/op"),
        ({"when": [{**PAYS, "op": "gt", "value": 3}]}, "when/0/op"),
        ({"when": [{**PAYS, "op": "eq", "value": 3}]}, "when/0/value"),
        ({"when": [{**PAYS, "value": []}]}, "when/0/value"),
        ({"when": [{**PAYS, "value": [f"t{n}" for n in range(65)]}]}, "when/0/value"),
    ],
)
def test_nonsense_is_refused_with_its_place(change: dict[str, Any], place: str) -> None:
    assert f"/rules/0/{place}" in faults({"rules": [{**RULE, **change}]})


def test_a_factor_does_not_look_at_what_it_makes() -> None:
    factor = {"name": "f", "points": 5, "when": [WARY]}
    assert faults({"factors": [factor]}) == ["/factors/0/when/0/field"]
    assert from_plain({"factors": [{**factor, "when": [PAYS, {"any": [AMOUNT, {"field": "to"}]}]}]}).factors


def test_two_rules_of_one_name_and_too_many_are_refused() -> None:
    assert "/rules/0/name" in faults({"rules": [RULE, RULE]})
    assert faults({"rules": [{**RULE, "name": f"r{n}"} for n in range(65)]}) == ["/rules"]


def test_the_depth_that_is_allowed_is_allowed() -> None:
    assert with_rule(when=[nested(CONDITION_DEPTH_MAX)]).rules
    assert with_rule(when=[AMOUNT] * CONDITIONS_MAX).rules


# Which direction loosens ----------------------------------------------------------------------------------------------


def n(op: str, value: Any, field: str = "n") -> dict[str, Any]:
    return {"field": field, "op": op, "value": value}


@pytest.mark.parametrize(
    ("before", "after", "loosening"),
    [
        ([n("gt", 5)], [n("gt", 4)], False),
        ([n("gt", 5)], [n("gt", 6)], True),
        ([n("gt", 5)], [n("ge", 6)], False),  # the same, written otherwise
        ([n("gt", 5)], [n("ge", 7)], True),
        ([n("lt", 5)], [n("lt", 6)], False),
        ([n("lt", 5)], [n("le", 4)], False),
        ([n("lt", 5)], [n("le", 3)], True),
        ([n("gt", 5)], [n("lt", 5)], True),
        ([n("eq", 5)], [n("ge", 5)], False),
        ([n("ge", 5)], [n("eq", 5)], True),
        ([n("in", ["a"])], [n("in", ["a", "b"])], False),
        ([n("in", ["a", "b"])], [n("in", ["a"])], True),
        ([n("eq", "a")], [n("in", ["a", "b"])], False),
        ([n("prefix", "ab")], [n("prefix", "a")], False),
        ([n("prefix", "a")], [n("prefix", "ab")], True),
        ([n("eq", "abc")], [n("prefix", "ab")], False),
        ([n("ne", "a")], [n("ne", "b")], True),
        ([n("gt", 5)], [n("exists", None)], False),
        ([n("exists", None)], [n("gt", 5)], True),
        ([n("exists", False)], [n("exists", None)], True),
        ([n("gt", 5), n("gt", 5, "m")], [n("gt", 5)], False),  # one condition fewer holds more often
        ([n("gt", 5)], [n("gt", 5), n("gt", 5, "m")], True),
        ([n("gt", 5)], [{"any": [n("gt", 5), n("gt", 5, "m")]}], False),
        ([{"any": [n("gt", 5), n("gt", 5, "m")]}], [n("gt", 5)], True),
        ([{"all": [n("gt", 5), n("gt", 5, "m")]}], [n("gt", 3)], False),
        ([{"any": [n("gt", 5), n("gt", 9)]}], [n("gt", 4)], False),
        ([n("gt", 5)], [{"all": [n("gt", 5), n("gt", 2)]}], False),
        ([{**WARY}], [{**WARY, "value": 500}], False),
        ([{**WARY}], [{**WARY, "value": 300}], True),
        ([{**WARY}], [{**WARY, "field": "tier"}], True),
    ],
)
def test_a_change_of_conditions_loosens_unless_the_old_ones_imply_the_new(
    before: list[Any], after: list[Any], loosening: bool
) -> None:
    old, new = with_rule(when=before), with_rule(when=after)
    assert loosens(old, new) is loosening
    if old != new:
        assert [one.path for one in differences(old, new)] == ["/rules/large/when"]
    assert all_imply(new.rules[0].when, new.rules[0].when)


@pytest.mark.parametrize(
    ("before", "after", "path", "loosening"),
    [
        ({}, {"rules": [RULE]}, "/rules/large", False),
        ({"rules": [RULE]}, {}, "/rules/large", True),
        ({"rules": [{**RULE, "then": "deny"}]}, {"rules": [RULE]}, "/rules/large/then", True),
        ({"rules": [RULE]}, {"rules": [{**RULE, "then": "deny"}]}, "/rules/large/then", False),
        ({"rules": [RULE]}, {"rules": [{**RULE, "level": 3}]}, "/rules/large/level", True),
        ({}, {"compliance": {"packs": ["finance"]}}, "/compliance/packs/finance", False),
        ({"compliance": {"packs": ["finance"]}}, {}, "/compliance/packs/finance", True),
        ({}, {"modes": {"organisation": "observe"}}, "/modes/organisation", True),
        ({"modes": {"organisation": "observe"}}, {}, "/modes/organisation", False),
        ({}, {"modes": {"agents": {AGENT: "observe"}}}, f"/modes/agents/{AGENT}", True),
        ({}, {"modes": {"agents": {AGENT: "enforce"}}}, f"/modes/agents/{AGENT}", False),
        ({"modes": {"types": {"a.b": "enforce"}}}, {}, "/modes/types/a.b", True),
        ({"modes": {"types": {"a.b": "observe"}}}, {}, "/modes/types/a.b", False),
        ({"modes": {"types": {"a.b": "enforce"}}}, {"modes": {"types": {"a.b": "observe"}}}, "/modes/types/a.b", True),
    ],
)  # fmt: skip
def test_rules_packs_and_modes_know_their_direction(
    before: dict[str, Any], after: dict[str, Any], path: str, loosening: bool
) -> None:
    (found,) = differences(from_plain(before), from_plain(after))
    assert (found.path, found.loosens) == (path, loosening)


# Modes and packs --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({"modes": {"organisation": "relaxed"}}, "/modes/organisation"),
        ({"modes": {"agents": {"agt_!": "observe"}}}, "/modes/agents/agt_!"),
        ({"modes": {"agents": {AGENT: "off"}}}, f"/modes/agents/{AGENT}"),
        ({"modes": {"types": {"Payment.Send": "observe"}}}, "/modes/types/Payment.Send"),
        ({"modes": {"types": {"policy.apply": "observe"}}}, "/modes/types/policy.apply"),
        ({"modes": {"types": {f"t.{n}": "observe" for n in range(1001)}}}, "/modes/types"),
        ({"compliance": {"packs": ["hipster"]}}, "/compliance/packs/0"),
        ({"compliance": {"packs": ["finance", "finance"]}}, "/compliance/packs/0"),
        ({"compliance": {"packs": ["finance"]}, "modes": {"organisation": "observe"}}, "/modes"),
    ],
)
def test_modes_and_packs_that_make_no_sense_are_refused_with_their_place(
    document: dict[str, Any], place: str
) -> None:
    assert place in faults(document)


@pytest.mark.parametrize(
    ("before", "after", "found"),
    [
        ({}, {}, ()),
        ({}, {"organisation": "observe"}, ("organisation",)),
        ({"organisation": "observe"}, {"organisation": "observe"}, ()),
        ({"organisation": "observe"}, {}, ()),
        ({}, {"types": {"a": "observe"}}, ("types/a",)),
        ({"organisation": "observe", "types": {"a": "enforce"}}, {"organisation": "observe"}, ("types/a",)),
        ({"agents": {"x": "enforce"}, "types": {"a": "observe"}}, {"types": {"a": "observe"}}, ("agents/x",)),
        ({"types": {"a": "enforce"}}, {}, ()),
    ],
)  # fmt: skip
def test_what_may_newly_be_observed_is_named(
    before: dict[str, Any], after: dict[str, Any], found: tuple[str, ...]
) -> None:
    assert turned_on(ModeTerms(**before), ModeTerms(**after)) == found
