"""What is recorded of targets, and whether an attested one was asked for (DESIGN 2b.8, 2b.11)."""

from __future__ import annotations

import pytest
from tests.transcripts.world import World
from tests.unit.actions.requests import policy, request

from watchfloor.actions.derive import derive
from watchfloor.actions.messages import Derived
from watchfloor.actions.tables import build
from watchfloor.actions.targets import TARGETS_MAX, digests, host, inside, path, zones_of

SALT = b"s" * 32


def asked(**params: object) -> Derived:
    return derive(build(policy()), "http.get", "", params, SALT, 7)


@pytest.mark.parametrize(
    ("params", "attested"),
    [
        ({"path": "/srv/data"}, "/srv/data"),
        ({"path": "/srv/data"}, "/srv/data/2026/a.csv"),
        ({"path": "src/a.py"}, "/work/repository/src/a.py"),
        ({"path": "."}, "/anywhere"),
        ({"url": "https://api.example.com/v1"}, "api.example.com"),
        ({"host": "example.com"}, "https://eu.example.com:443/x"),
        ({"url": "https://api.example.com"}, "203.0.113.9"),
        ({"url": "https://api.example.com"}, "[2001:db8::1]"),
        ({}, "/anywhere"),
        ({"path": "/srv/data"}, ""),
    ],
)
def test_what_was_asked_for_may_be_touched(params: dict[str, object], attested: str) -> None:
    assert inside(asked(**params).targets, SALT, attested)


@pytest.mark.parametrize(
    ("params", "attested"),
    [
        ({"path": "/srv/data"}, "/srv"),
        ({"path": "/srv/data"}, "/srv/database"),
        ({"path": "/srv/data"}, "/etc/srv/data"),
        ({"path": "src/a.py"}, "/work/src/b.py"),
        ({"path": "src/a.py"}, "/" + "x/" * 80 + "src/a.py"),
        ({"url": "https://api.example.com"}, "example.com"),
        ({"url": "https://api.example.com"}, "api.example.com.evil.net"),
        ({"url": "https://api.example.com"}, "not a host"),
        ({"path": "/srv/data"}, "203.0.113.9"),
        ({"url": "https://api.example.com"}, "/srv"),
        ({"path": "/srv/data"}, "/srv/*"),
    ],
)
def test_what_was_not_asked_for_may_not_be_touched(params: dict[str, object], attested: str) -> None:
    assert not inside(asked(**params).targets, SALT, attested)


def test_digests_tell_nothing_without_the_salt() -> None:
    one, other = digests([path("/srv/data")], SALT), digests([path("/srv/data")], b"t" * 32)
    assert one != other
    assert not inside(one, b"t" * 32, "/srv/data")


def test_at_most_eight_targets_are_recorded() -> None:
    assert len(digests([path(f"/srv/{n}") for n in range(40)], SALT)) == TARGETS_MAX
    assert len(asked(path=[f"/srv/{n}/{n}/a" for n in range(40)]).zones) == TARGETS_MAX


def test_a_zone_is_a_domain_or_two_folders_of_one_agent() -> None:
    same = zones_of([host("a.example.com"), host("b.example.com"), host("example.com")], 7)
    assert len(same) == 1
    assert same != zones_of([host("example.com")], 8)
    assert len(zones_of([path("/srv/data/a"), path("/srv/data/b/c"), path("/srv/data/x/y")], 7)) == 1
    assert len(zones_of([path("/srv/data/a"), path("/srv/logs/a"), path("data/a")], 7)) == 3
    assert len(zones_of([host("203.0.113.9"), host("203.0.114.9"), host("2001:db8::1")], 7)) == 3


def test_the_ruling_counts_the_zones_that_are_new_to_the_agent() -> None:
    zones = derive(build(policy()), "file.read", "", {"path": ["/srv/a/x", "/opt/b/x"]}, b"s" * 32, 7).zones
    params = {"path": ["/srv/a/x", "/opt/b/x"]}
    facts = request(World(), touched=(zones[0], 1, 2), params=params)
    assert (facts.evidence.zones_known, facts.evidence.zones_new) == (3, 1)
