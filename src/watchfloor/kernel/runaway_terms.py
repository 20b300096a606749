"""What counts as a runaway: a section of the policy (spec 3.3 *Runaway*).

One set of limits holds for all agents; an agent, or all agents of a type, may have limits of their own: "agents meant to
be faster get a higher limit by policy". The agent's own come before those of its type.
"""

from __future__ import annotations

import msgspec

LIMITS = ("requests_per_second", "executed_per_10s", "same_digest_per_60s", "throttles_per_minute")
NAMED_MAX = 256  # agents, and types, with limits of their own


class RunawayLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of one agent or type of agents; 0: what all agents have."""

    requests_per_second: int = 0
    executed_per_10s: int = 0
    same_digest_per_60s: int = 0
    throttles_per_minute: int = 0


class RunawayTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`agents` by public id, `agent_types` by the type agents registered with."""

    requests_per_second: int = 20
    executed_per_10s: int = 100
    same_digest_per_60s: int = 20
    throttles_per_minute: int = 3
    agents: dict[str, RunawayLimits] = {}
    agent_types: dict[str, RunawayLimits] = {}


class Pace(msgspec.Struct, frozen=True, gc=False):
    """The limits that hold for one agent, as rules compare with them."""

    requests_1s: int
    requests_5s: int
    executed_10s: int
    same_60s: int
    throttles_60s: int


def pace(terms: RunawayTerms, *own: RunawayLimits | None) -> Pace:
    """The first of `own` that says anything about a limit, else what all agents have."""
    per_second, executed, same, throttles = (
        next((value for limits in own if limits is not None and (value := getattr(limits, name))), 0)
        or getattr(terms, name)
        for name in LIMITS
    )
    return Pace(per_second, 5 * per_second, executed, same, throttles)
