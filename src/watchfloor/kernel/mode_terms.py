"""Modes: whether an action that needs people waits for them (spec 03 §3.6 *Modes*).

`enforce` holds it; `observe` judges and records it and lets it run, marked. What is named counts before the organisation's
mode, and where agent and type are both named, enforcing wins. No mode reaches what the platform does itself, nor anything
that the gate denies: envelope, stops, breakers, limits and packs are in force in both.
"""

from __future__ import annotations

from typing import Annotated

import msgspec
from msgspec import Meta

ENFORCE, OBSERVE = "enforce", "observe"
MODES = (ENFORCE, OBSERVE)
NAMED_MAX = 1_000  # agents or types with a mode of their own
TURN_ON_LEVEL = 3  # turning observation on is decided by people at this level, whatever the policy says


Mode = Annotated[str, Meta(extra_json_schema={"enum": list(MODES)})]


class ModeTerms(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`agents` by public id, `types` by action type; both: `enforce` or `observe`."""

    organisation: Mode = ENFORCE
    agents: dict[str, Mode] = {}
    types: dict[str, Mode] = {}


def observing(terms: ModeTerms) -> bool:
    """Is anything observed?"""
    return OBSERVE in (terms.organisation, *terms.agents.values(), *terms.types.values())


def turned_on(before: ModeTerms, after: ModeTerms) -> tuple[str, ...]:
    """What `after` may let run that `before` held, as places in `modes`, sorted; empty when it is nothing.

    With the verifier's own (src/watchfloor_verify.py): newly observed names, and, where anything is observed, names that
    are no longer enforced.
    """
    was, now = _flat(before), _flat(after)
    found = {place for place, mode in now.items() if mode == OBSERVE and was.get(place) != OBSERVE}
    if observing(after):
        found |= {place for place, mode in was.items() if mode == ENFORCE and now.get(place) != ENFORCE}
    return tuple(sorted(found))


def _flat(terms: ModeTerms) -> dict[str, str]:
    found = {"organisation": terms.organisation}
    found |= {f"agents/{name}": mode for name, mode in terms.agents.items()}
    return found | {f"types/{name}": mode for name, mode in terms.types.items()}
