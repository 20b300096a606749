"""What a policy must satisfy, shown by breaking each rule of it once (spec 3.6)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from watchfloor.kernel.terms import Policy
from watchfloor.policy.soundness import DOCUMENT_BYTES_MAX, KINDS_NEEDED, problems


def broken(change: Callable[[dict[str, Any]], Any]) -> list[str]:
    """Paths of the faults of the default policy after a change to its plain data."""
    data = msgspec.to_builtins(Policy())
    change(data)
    return [fault.path for fault in problems(msgspec.convert(data, Policy))]


def put(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    """Set the value at a slash path."""

    def change(data: dict[str, Any]) -> None:
        *steps, last = path.split("/")
        for step in steps:
            data = data[step]
        data[last] = value

    return change


def test_the_defaults_are_sound() -> None:
    assert problems(Policy()) == ()


CONDITION = {"field": "amount", "op": "gt", "value": 5}
FACTOR = {"name": "large", "when": (CONDITION,), "points": 10}
LIMIT = {"name": "amount", "field": "amount", "value_max": 9}


@pytest.mark.parametrize(
    ("path", "value", "fault"),
    [
        ("name", "", "/name"),
        ("name", "a\nb", "/name"),
        ("name", "e\u0301", "/name"),  # not NFC: no canonical bytes
        ("types/ümlaut", "read", "/types"),  # keys are ASCII
        ("classes/unknown/base", 79, "/classes/unknown/base"),
        ("classes/read/base", 101, "/classes/read/base"),
        ("classes/read/base", -1, "/classes/read/base"),
        ("classes/read/rate", "ludicrous", "/classes/read/rate"),
        ("classes/read/execution_timeout_ms", 0, "/classes/read/execution_timeout_ms"),
        ("classes/read/attempts", 0, "/classes/read/attempts"),
        ("classes/Bad Name", {"base": 1}, "/classes/Bad Name"),
        ("types/File.Read", "read", "/types/File.Read"),
        ("types/ x", "read", "/types/ x"),
        ("types/x", "nowhere", "/types/x"),
        ("tools/", "read", "/tools/"),
        ("hosts/a", "nowhere", "/hosts/a"),
        ("host_fields", ("a..b",), "/host_fields/0"),
        ("path_fields", ("a b",), "/path_fields/0"),
        ("factors", (FACTOR, FACTOR), "/factors/0/name"),
        ("factors", ({**FACTOR, "name": "Large"},), "/factors/0/name"),
        ("factors", ({**FACTOR, "points": -1},), "/factors/0/points"),
        ("factors", ({**FACTOR, "level_min": 5},), "/factors/0/level_min"),
        ("factors", ({**FACTOR, "when": ()},), "/factors/0/when"),
        ("factors", ({**FACTOR, "when": ({**CONDITION, "field": ""},)},), "/factors/0/when/0/field"),
        ("factors", ({**FACTOR, "when": ({**CONDITION, "op": "like"},)},), "/factors/0/when/0/op"),
        ("factors", ({**FACTOR, "when": ({**CONDITION, "value": "5"},)},), "/factors/0/when/0/value"),
        ("factors", ({**FACTOR, "when": ({**CONDITION, "value": True},)},), "/factors/0/when/0/value"),
        ("factors", ({**FACTOR, "when": ({**CONDITION, "op": "eq", "value": None},)},), "/factors/0/when/0/value"),
        ("factors", ({**FACTOR, "when": ({**CONDITION, "op": "ne", "value": ("a",)},)},), "/factors/0/when/0/value"),
        ("factors", ({**FACTOR, "when": ({**CONDITION, "op": "in", "value": ()},)},), "/factors/0/when/0/value"),
        ("factors", ({**FACTOR, "when": ({**CONDITION, "op": "exists", "value": 1},)},), "/factors/0/when/0/value"),
        ("factors", ({**FACTOR, "when": ({**CONDITION, "op": "prefix", "value": ""},)},), "/factors/0/when/0/value"),
        ("envelope/forbidden_hosts", ("https://x",), "/envelope/forbidden_hosts/0"),
        ("envelope/allowed_hosts", ("ok.example", ".example"), "/envelope/allowed_hosts/1"),
        ("envelope/forbidden_paths", ("",), "/envelope/forbidden_paths/0"),
        ("envelope/forbidden_paths", ("/a/../b",), "/envelope/forbidden_paths/0"),
        ("envelope/allowed_paths", ("a\\b",), "/envelope/allowed_paths/0"),
        ("envelope/parameter_limits", (LIMIT, LIMIT), "/envelope/parameter_limits/0/name"),
        ("envelope/parameter_limits", ({**LIMIT, "field": "."},), "/envelope/parameter_limits/0/field/0"),
        ("envelope/parameter_limits", ({**LIMIT, "value_max": -1},), "/envelope/parameter_limits/0/value_max"),
        ("envelope/spend_per_day_micro", -1, "/envelope/spend_per_day_micro"),
        ("breaker/failures", 0, "/breaker/failures"),
        ("breaker/window_ms", 0, "/breaker/window_ms"),
        ("breaker/open_ms", 10**9, "/breaker/open_ms"),
        ("runaway/requests_per_second", 0, "/runaway/requests_per_second"),
        ("runaway/executed_per_10s", 0, "/runaway/executed_per_10s"),
        ("runaway/same_digest_per_60s", 0, "/runaway/same_digest_per_60s"),
        ("runaway/throttles_per_minute", 9, "/runaway/throttles_per_minute"),
        ("runaway/agents/builder", {}, "/runaway/agents/builder"),
        ("runaway/agent_types/", {}, "/runaway/agent_types/"),
        ("runaway/agent_types/a", {"requests_per_second": -1}, "/runaway/agent_types/a/requests_per_second"),
        ("runaway/agent_types/a", {"throttles_per_minute": 9}, "/runaway/agent_types/a/throttles_per_minute"),
        ("runaway/agent_types", {f"t{n}": {} for n in range(257)}, "/runaway/agent_types"),
        ("rates/light", 0, "/rates/light"),
        ("grant_ms", 1, "/grant_ms"),
        ("auto/score_min", 1001, "/auto/score_min"),
        ("auto/look_back_ms", 1000, "/auto/look_back_ms"),
        ("auto/per_hour", -1, "/auto/per_hour"),
        ("auto/usual_hour_from", 24, "/auto/usual_hour_from"),
        ("auto/usual_hour_to", 0, "/auto/usual_hour_to"),
        ("auto/bootstrap_actions", -1, "/auto/bootstrap_actions"),
        ("levels/low", 5, "/levels/low"),
        ("levels/high", 1, "/levels"),
        ("routing/confirm/role", "auditor", "/routing/confirm/role"),
        ("routing/confirm/role", "boss", "/routing/confirm/role"),
        ("routing/approve/needed", 0, "/routing/approve/needed"),
        ("routing/committee/deadline_ms", 0, "/routing/committee/deadline_ms"),
        ("routing/committee/unanswered", "approved", "/routing/committee/unanswered"),
        ("trust/base", -1, "/trust/base"),
        ("trust/kinds/Odd", {"points": 1, "decay_days": 1}, "/trust/kinds/Odd"),
        ("trust/kinds/manual", {"points": 1, "decay_days": 1}, "/trust/kinds/manual"),
        ("trust/kinds/failed", {"points": -2000, "decay_days": 1}, "/trust/kinds/failed/points"),
        ("trust/kinds/failed", {"points": 1, "decay_days": 61}, "/trust/kinds/failed/decay_days"),
        ("trust/tiers", (0, 200, 400, 600, 800), "/trust/tiers"),
        ("trust/tiers", (1, 200, 400, 600, 800, 950), "/trust/tiers"),
        ("trust/tiers", (0, 200, 400, 600, 800, 1001), "/trust/tiers"),
        ("trust/tiers", (0, 200, 400, 400, 800, 950), "/trust/tiers"),
        ("trust/hysteresis", -1, "/trust/hysteresis"),
        ("trust/successes_per_day", -1, "/trust/successes_per_day"),
        ("trust/tasks_per_tier", (0, 1, 3, 5, 4, 9), "/trust/tasks_per_tier"),
        ("trust/tasks_per_tier", (-1, 1, 3, 5, 6, 9), "/trust/tasks_per_tier"),
        ("trust/tasks_per_tier", (0, 1), "/trust/tasks_per_tier"),
    ],
)  # fmt: skip
def test_a_broken_rule_is_found_where_it_is_broken(path: str, value: Any, fault: str) -> None:
    assert fault in broken(put(path, value))


def test_equal_hours_are_no_range() -> None:
    def change(data: dict[str, Any]) -> None:
        data["auto"] |= {"usual_hour_from": 9, "usual_hour_to": 9}

    assert broken(change) == ["/auto/usual_hour_to"]


@pytest.mark.parametrize("kind", KINDS_NEEDED)
def test_no_kind_that_learning_records_may_be_forgotten(kind: str) -> None:
    assert broken(lambda data: data["trust"]["kinds"].pop(kind)) == ["/trust/kinds"]


def test_unknown_is_a_class_of_every_policy() -> None:
    assert "/classes" in broken(lambda data: data["classes"].pop("unknown"))


def test_a_document_that_would_not_fit_into_an_event_is_refused() -> None:
    many = {f"type.{n:06}": "read" for n in range(DOCUMENT_BYTES_MAX // 20)}
    assert broken(put("types", many)) == ["/"]


def test_sound_conditions_of_every_operator_pass() -> None:
    values = {
        "eq": 1,
        "ne": "a",
        "gt": 1,
        "ge": 1,
        "lt": 1,
        "le": 1,
        "in": ("a",),
        "exists": False,
        "prefix": "a",
    }
    when = tuple({"field": "a.b", "op": op, "value": value} for op, value in values.items())
    assert broken(put("factors", ({**FACTOR, "when": when},))) == []
