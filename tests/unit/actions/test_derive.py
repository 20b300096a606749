"""What the gate derives from parameters: class, factors, violations; doubt goes to the strict side (spec 3.1)."""

# ruff: noqa: RUF001 -- hostile spellings are what is tested here

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.actions.requests import derived, policy

from watchfloor.actions import tables
from watchfloor.actions.derive import target_allowed
from watchfloor.actions.parameters import VALUES_MAX
from watchfloor.kernel.terms import ClassTerms, Policy
from watchfloor.policy.digest import digest_of

HOSTS = policy(hosts={"bank.example": "financial", "docs.example": "read"})


@pytest.mark.parametrize(
    ("type_name", "tool", "cls"),
    [
        ("file.read", "", "read"),
        ("FILE.READ ", "", "read"),
        ("file.raed", "", "unknown"),
        ("", "", "unknown"),
        ("payment.send", "http", "financial"),  # the type is the stricter one
        ("file.read", "pager", "read"),
        ("http.get", "http", "external_api"),
    ],
)
def test_the_class_is_the_strictest_of_type_and_tool(type_name: str, tool: str, cls: str) -> None:
    rules = policy(tools={"http": "external_api", "pager": "read", "shell": "execute"})
    assert derived(type_name=type_name, tool=tool, rules=rules).cls == cls


def test_a_tool_stricter_than_the_declared_type_is_unknown_and_an_anomaly() -> None:
    found = derived(type_name="file.read", tool="Shell", rules=policy(tools={"shell": "execute"}))
    assert (found.cls, found.factors) == ("unknown", (("type_tool_mismatch", 0),))


def test_a_host_makes_the_class_stricter_and_never_milder() -> None:
    assert (
        derived({"url": "https://api.bank.example/x"}, type_name="http.get", rules=HOSTS).cls == "financial"
    )
    assert derived({"url": "https://docs.example"}, type_name="http.get", rules=HOSTS).cls == "external_api"
    assert (
        derived({"url": "https://evil-bank.example"}, type_name="http.get", rules=HOSTS).cls == "external_api"
    )


@pytest.mark.parametrize("name", ["file\u200b.read", "filе.read", "file.read\u202e", "fílе.read"])
def test_a_name_that_looks_like_a_known_one_is_ambiguous(name: str) -> None:
    assert derived(type_name=name).violations == ("ambiguous_name",)
    assert derived(tool=name, rules=policy(tools={"file.read": "read"})).violations == ("ambiguous_name",)


def test_a_foreign_name_that_looks_like_nothing_known_is_just_unknown() -> None:
    found = derived(type_name="löschen")
    assert (found.cls, found.violations) == ("unknown", ())


def test_forbidden_names_are_found_in_any_spelling() -> None:
    rules = policy(envelope={"forbidden_types": ["Payment.Send"], "forbidden_tools": ["rm"]})
    assert derived(type_name="payment.send", tool=" RM", rules=rules).violations == (
        "forbidden_type",
        "forbidden_tool",
    )


@pytest.mark.parametrize(
    ("params", "violations"),
    [
        ({"url": "http://169.254.169.254/latest"}, ("forbidden_host",)),
        ({"url": "http://[::ffff:169.254.169.254]/"}, ("forbidden_host",)),
        ({"URL": "http://169.254.169.254/"}, ("forbidden_host",)),
        ({"host": "x.metadata.google.internal"}, ("forbidden_host",)),
        ({"url": ["https://a.example", "http://2852039166/"]}, ("ambiguous_host",)),
        ({"url": 5}, ("ambiguous_host",)),
        ({"url": {"href": "x"}}, ("ambiguous_host",)),
        ({"url": None}, ()),
        ({"url": "https://a.example"}, ()),
        ({"path": "/etc/passwd"}, ("forbidden_path",)),
        ({"path": "/ETC/passwd"}, ("forbidden_path",)),
        ({"path": "/work/../etc/passwd"}, ("forbidden_path",)),
        ({"path": "/etcetera"}, ()),
        ({"path": "../x"}, ("ambiguous_path",)),
        ({"path": "src/x", "file": ["/proc/1", "../y"]}, ("forbidden_path", "ambiguous_path")),
        ({"path": ["x"] * (VALUES_MAX + 1)}, ("ambiguous_path",)),
        ({"path": [["x"], ["y", ["/sys/z"]]]}, ("forbidden_path",)),
        ([{"path": "x"}, {"Path": "/root"}, 5], ("forbidden_path",)),
        ("path", ()),
        ({}, ()),
    ],
)
def test_hosts_and_paths_are_held_against_the_envelope(params: Any, violations: tuple[str, ...]) -> None:
    assert derived(params).violations == violations


ALLOWING = policy(envelope={"allowed_hosts": ["ok.example"], "allowed_paths": ["/work", "src"]})


@pytest.mark.parametrize(
    ("params", "violations"),
    [
        ({"url": "https://api.ok.example"}, ()),
        ({"url": "https://notok.example"}, ("host_not_allowed",)),
        ({"path": "/work/a", "url": "ok.example"}, ()),
        ({"path": "/Work/a", "url": "ok.example"}, ("path_not_allowed",)),  # allowing takes the very spelling
        ({"path": "src/x", "url": "ok.example"}, ()),
        ({"path": "srcs", "url": "ok.example"}, ("path_not_allowed",)),
        ({}, ("host_unnamed",)),
        (None, ("host_unnamed",)),
        ({"url": None}, ("host_unnamed",)),
        ({"link": "https://ok.example"}, ("host_unnamed",)),
    ],
)
def test_an_allow_list_must_be_met(params: Any, violations: tuple[str, ...]) -> None:
    assert derived(params, type_name="http.get", rules=ALLOWING).violations == violations


def test_only_calls_abroad_must_name_their_host() -> None:
    assert derived({}, type_name="file.read", rules=ALLOWING).violations == ()


LIMITED = policy(
    envelope={"parameter_limits": [{"name": "amount", "field": "order.amount", "value_max": 100}]}
)


@pytest.mark.parametrize(
    ("value", "violations"),
    [
        (100, ()),
        (101, ("limit:amount",)),
        (-1, ("negative:amount",)),
        ("5", ("unreadable:amount",)),
        (True, ("unreadable:amount",)),
        ({"x": 1}, ("unreadable:amount",)),
        (None, ()),
        ([5, 500, -5], ("limit:amount", "negative:amount")),
        ([1] * (VALUES_MAX + 1), ("limit:amount",)),
    ],
)
def test_hard_limits_take_numbers_only(value: Any, violations: tuple[str, ...]) -> None:
    assert derived({"order": {"amount": value}}, rules=LIMITED).violations == violations
    assert derived({"Order": {"Amount": value}}, rules=LIMITED).violations == violations
    assert derived({"order": [{"amount": value}]}, rules=LIMITED).violations == violations


def test_an_absent_limited_parameter_breaks_nothing() -> None:
    for params in ({}, {"order": 5}, {"order": {"other": 500}}, {"amount": 500}):
        assert derived(params, rules=LIMITED).violations == ()


def factor(op: str, value: Any, field: str = "x", **more: Any) -> Policy:
    return policy(
        factors=[{"name": "f", "points": 7, "when": [{"field": field, "op": op, "value": value}], **more}]
    )


@pytest.mark.parametrize(
    ("op", "value", "given", "holds"),
    [
        ("gt", 5, 6, True), ("gt", 5, 5, False), ("ge", 5, 5, True), ("ge", 5, 4, False),
        ("lt", 5, 4, True), ("lt", 5, 5, False), ("le", 5, 5, True), ("le", 5, 6, False),
        ("gt", 5, "1", True), ("gt", 5, True, True), ("lt", 5, {}, True), ("gt", 5, None, False),
        ("eq", "Prod", "PROD ", True), ("eq", "prod", "dev", False), ("eq", 5, 5, True), ("eq", 5, 6, False),
        ("eq", 5, "6", True), ("eq", True, True, True), ("eq", True, 1, True), ("eq", True, False, False),
        ("ne", "prod", "dev", True), ("ne", "prod", "Prod", False), ("ne", 5, 5, False), ("ne", 5, "5", True),
        ("in", ["eur", "usd"], "EUR", True), ("in", ["eur"], "gbp", False), ("in", ["eur"], 5, True),
        ("prefix", "prod-", "Prod-1", True), ("prefix", "prod-", "dev", False), ("prefix", "prod-", [["prod-2"]], True),
        ("exists", None, 0, True), ("exists", True, None, True), ("exists", False, 0, False),
        ("gt", 5, [1, 2, 9], True), ("gt", 5, [1, 2], False), ("gt", 5, [], False),
        ("gt", 5, [1] * (VALUES_MAX + 1), True),
    ],
)  # fmt: skip
def test_a_condition_holds_when_it_does_or_cannot_be_told(
    op: str, value: Any, given: Any, holds: bool
) -> None:
    assert derived({"x": given}, rules=factor(op, value)).factors == ((("f", 7),) if holds else ())


def test_absence_holds_for_nothing_but_not_exists() -> None:
    assert derived({}, rules=factor("ne", "a")).factors == ()
    assert derived({}, rules=factor("exists", True)).factors == ()
    assert derived(None, rules=factor("exists", False)).factors == (("f", 7),)


def test_every_condition_of_a_factor_must_hold_and_the_highest_level_counts() -> None:
    both = [{"field": "a"}, {"field": "b.c"}]
    rules = policy(
        factors=[
            {"name": "both", "points": 5, "when": both, "level_min": 3},
            {"name": "one", "points": 6, "when": both[:1], "level_min": 2},
        ]
    )
    assert derived({"a": 1}, rules=rules).level_min == 2
    found = derived({"a": 1, "b": {"C": 2}}, rules=rules)
    assert (found.factors, found.level_min) == ((("both", 5), ("one", 6)), 3)


def test_the_cost_of_hostile_lists_is_bounded() -> None:
    wide = {"x": [[{"y": 1}] * 200] * 200}
    assert derived(wide, rules=factor("gt", 5, field="x.y")).factors == (("f", 7),)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("aX/.\u200b", max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["url", "URL", "path", "x", "order", "amount"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(JSON, st.text(max_size=6), st.text(max_size=6))
def test_deriving_is_total_and_says_no_value(params: Any, type_name: str, tool: str) -> None:
    rules = policy(
        factors=[{"name": "f", "points": 1, "when": [{"field": "x.amount", "op": "ge", "value": 3}]}],
        envelope={
            "parameter_limits": [{"name": "n", "field": "order.amount", "value_max": 1}],
            "allowed_paths": ["X"],
        },
    )
    found = derived(params, type_name=type_name, tool=tool, rules=rules)
    assert set(found.violations) <= {
        "ambiguous_name", "ambiguous_host", "ambiguous_path", "path_not_allowed", "limit:n", "negative:n", "unreadable:n",
    }  # fmt: skip
    assert len(set(found.violations)) == len(found.violations)


@pytest.mark.parametrize(
    ("target", "allowed"),
    [
        ("", True),
        ("/work/x", True),
        ("/etc/passwd", False),
        ("/opt/someone", False),
        ("/work/../x", False),
        ("api.ok.example", True),
        ("https://api.ok.example/x", True),
        ("other.example", False),
        ("203.0.113.9", True),  # an address: names are on the list, and nobody here can know which it was
        ("2001:db8::1", False),
        ("[2001:db8::1]", True),
        ("169.254.169.254", False),
        ("a b", False),
        ("src/x", False),  # a resolved path is absolute, and src is no allowed host
    ],
)
def test_an_attested_target_is_held_against_the_envelope(target: str, allowed: bool) -> None:
    assert target_allowed(ALLOWING, digest_of(ALLOWING), target) is allowed
    assert target_allowed(policy(), digest_of(policy()), "/etc/x") is False
    assert target_allowed(policy(), digest_of(policy()), "any.example") is True


def test_a_policy_nobody_checked_is_still_judged_strictly() -> None:
    """Mappings to classes that are not there, no class `unknown`, a factor that would lower: all strict."""
    odd = Policy(classes={"read": ClassTerms(base=5)}, types={"a": "read", "b": "gone"})
    built = tables.build(odd)
    assert built.types == {"a": "read", "b": "unknown"}
    assert built.bases["unknown"] == 100
    assert derived(type_name="c", rules=odd).cls == "unknown"


def test_tables_are_built_once_per_digest_and_only_a_few_are_kept() -> None:
    first = tables.of(policy(), "digest-0")
    assert tables.of(policy(name="ignored"), "digest-0") is first
    for number in range(1, 20):
        tables.of(policy(), f"digest-{number}")
    assert tables.of(policy(), "digest-19") is tables.of(policy(), "digest-19")
    assert tables.of(policy(), "digest-0") is not first
