"""What changed between two policies and which changes loosen (spec 3.6, DESIGN 2b.15)."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from watchfloor.kernel.terms import Policy
from watchfloor.policy.difference import Difference, differences, loosens
from watchfloor.policy.document import from_plain


def between(before: dict[str, Any], after: dict[str, Any]) -> tuple[Difference, ...]:
    return differences(from_plain(before), from_plain(after))


def test_equal_policies_do_not_differ() -> None:
    assert differences(Policy(), from_plain({})) == ()
    assert not loosens(Policy(), Policy())


FACTOR = {"name": "big", "when": [{"field": "n", "op": "gt", "value": 5}], "points": 10}
LIMIT = {"name": "n", "field": "n", "value_max": 10}
TOOLS = {"tools": {"shell": "execute"}}


@pytest.mark.parametrize(
    ("before", "after", "path", "loosening"),
    [
        ({}, {"name": "b"}, "/name", False),  # no rule reads it
        ({}, {"host_fields": ["url", "host", "to"]}, "/host_fields/to", False),
        ({}, {"classes": {"read": {"base": 1}}}, "/classes/read/base", True),
        ({}, {"classes": {"read": {"base": 9}}}, "/classes/read/base", False),
        ({}, {"classes": {"read": {"rate": "normal"}}}, "/classes/read/rate", True),
        ({}, {"types": {"new.type": "read"}}, "/types/new.type", True),
        ({}, {"types": {"file.read": None}}, "/types/file.read", False),
        ({}, {"types": {"file.read": "write"}}, "/types/file.read", True),
        ({}, TOOLS, "/tools/shell", False),
        (TOOLS, {}, "/tools/shell", True),
        ({"factors": []}, {"factors": [FACTOR]}, "/factors/big", False),
        ({"factors": [FACTOR]}, {"factors": []}, "/factors/big", True),
        ({"factors": [FACTOR]}, {"factors": [{**FACTOR, "points": 5}]}, "/factors/big/points", True),
        ({"factors": [FACTOR]}, {"factors": [{**FACTOR, "points": 15}]}, "/factors/big/points", False),
        (
            {"factors": [FACTOR]},
            {"factors": [{**FACTOR, "when": [{"field": "m", "op": "gt", "value": 5}]}]},
            "/factors/big/when",
            True,
        ),
        (
            {"committees": {"directors": {"seats": [{"role": "director"}], "needed": 0}}},
            {"committees": {"directors": {"seats": [{"role": "director"}], "needed": 1}}},
            "/committees/directors/needed",
            True,
        ),
        (
            {"committees": {"directors": {"seats": [{"role": "director"}], "needed": 0}}},
            {"committees": {"directors": {"seats": [{"role": "director"}], "needed": 3}}},
            "/committees/directors/needed",
            False,
        ),
        (
            {"committees": {"directors": {"seats": [{"role": "director"}], "needed": 2}}},
            {"committees": {"directors": {"seats": [{"role": "director"}], "needed": 0}}},
            "/committees/directors/needed",
            True,
        ),
        ({}, {"envelope": {"forbidden_tools": ["rm"]}}, "/envelope/forbidden_tools/rm", False),
        ({"envelope": {"forbidden_tools": ["rm"]}}, {}, "/envelope/forbidden_tools/rm", True),
        ({}, {"envelope": {"allowed_hosts": ["a.example"]}}, "/envelope/allowed_hosts", False),
        ({"envelope": {"allowed_hosts": ["a.example"]}}, {}, "/envelope/allowed_hosts", True),
        (
            {"envelope": {"allowed_hosts": ["a.example"]}},
            {"envelope": {"allowed_hosts": ["a.example", "b.example"]}},
            "/envelope/allowed_hosts/b.example",
            True,
        ),
        (
            {"envelope": {"allowed_hosts": ["a.example", "b.example"]}},
            {"envelope": {"allowed_hosts": ["a.example"]}},
            "/envelope/allowed_hosts/b.example",
            False,
        ),
        (
            {"envelope": {"parameter_limits": [LIMIT]}},
            {"envelope": {"parameter_limits": [{**LIMIT, "value_max": 20}]}},
            "/envelope/parameter_limits/n/value_max",
            True,
        ),
        ({}, {"auto": {"medium_allowed": True}}, "/auto/medium_allowed", True),
        ({}, {"auto": {"usual_hour_from": 8}}, "/auto/usual_hour_from", True),
        ({}, {"levels": {"medium": 1}}, "/levels/medium", True),
        ({}, {"levels": {"medium": 3}}, "/levels/medium", False),
        ({}, {"routing": {"approve": {"needed": 2}}}, "/routing/approve/needed", False),
        ({}, {"routing": {"approve": {"role": "director"}}}, "/routing/approve/role", True),
        ({}, {"trust": {"tiers": [0, 200, 400, 600, 800, 960]}}, "/trust/tiers/5", False),
        ({}, {"trust": {"tiers": [0, 200, 400, 600, 800, 940]}}, "/trust/tiers/5", True),
    ],
)
def test_each_change_is_one_difference_with_its_direction(
    before: dict[str, Any], after: dict[str, Any], path: str, loosening: bool
) -> None:
    found = between(before, after)
    assert [(difference.path, difference.loosens) for difference in found] == [(path, loosening)]
    assert loosens(from_plain(before), from_plain(after)) is loosening


def test_a_difference_names_both_values() -> None:
    (found,) = between({}, {"rates": {"light": 130}})
    assert found == Difference("/rates/light", 120, 130, True)


def test_a_runaways_own_limit_loosens_where_it_grows_and_where_nobody_can_tell() -> None:
    def own(limit: int) -> dict[str, Any]:
        return {"runaway": {"agent_types": {"crawler": {"requests_per_second": limit}}}}

    loose = {
        (one, two): between(own(one), own(two))[0].loosens for one, two in ((9, 5), (5, 9), (0, 5), (5, 0))
    }
    assert loose == {(9, 5): False, (5, 9): True, (0, 5): True, (5, 0): True}
    assert between({}, own(5))[0].loosens, "limits of its own are new"


def test_the_order_of_a_set_of_texts_is_no_difference() -> None:
    names = Policy().envelope.forbidden_paths
    turned = msgspec.structs.replace(
        Policy(), envelope=msgspec.structs.replace(Policy().envelope, forbidden_paths=tuple(reversed(names)))
    )
    assert differences(Policy(), turned) == ()
