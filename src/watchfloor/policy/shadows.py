"""Rules of shadow policies: a few candidates by name, beside the policy in force (spec 03 §3.1).

They judge nothing and change nothing, so nobody is asked about them; what they would have said is worked out from recorded
evidence when somebody looks (engine/shadowing.py), never while an action waits.
"""

from __future__ import annotations

import re

import msgspec

from watchfloor.kernel.folds import Changes
from watchfloor.kernel.messages import Draft, Event, Refused
from watchfloor.kernel.schema import check_reason
from watchfloor.kernel.subject import Given
from watchfloor.kernel.terms import Policy
from watchfloor.policy.digest import digest_of
from watchfloor.policy.shadow_messages import RemoveShadow, SetShadow, ShadowRemoved, ShadowSet
from watchfloor.policy.soundness import check_sound

SHADOWS_MAX = 4  # each judges every decision again when somebody looks
_NAME = re.compile(r"[a-z][a-z0-9_]{0,63}")


class Shadow(msgspec.Struct, frozen=True, kw_only=True):
    """A candidate that is kept; `since` is the seq of the event that set it."""

    number: int
    name: str
    digest: str
    document: Policy
    since: int


def find(shadows: tuple[Shadow, ...], name: str) -> Shadow | None:
    """The one of that name."""
    return next((one for one in shadows if one.name == name), None)


def set_shadow(shadows: tuple[Shadow, ...], counted: int, command: SetShadow, given: Given) -> list[Draft]:
    """Keep it. Refused: `invalid_policy`, `invalid_name` (422), `too_many_shadows`; the same document again is no news."""
    del given
    if not _NAME.fullmatch(command.name):
        raise Refused("invalid_name", "takes small letters, digits and _", field="/name", status=422)
    check_reason(command.reason)
    check_sound(command.document)
    digest = digest_of(command.document)
    before = find(shadows, command.name)
    if before is not None and before.digest == digest:
        return []
    if before is None and len(shadows) >= SHADOWS_MAX:
        raise Refused("too_many_shadows", f"at most {SHADOWS_MAX}: remove one first")
    facts = ShadowSet(
        digest=digest,
        document=command.document,
        name=command.name,
        number=counted + 1,
        reason=command.reason,
        replaces=before.number if before is not None else 0,
    )
    return [Draft(facts=facts)]


def remove_shadow(shadows: tuple[Shadow, ...], command: RemoveShadow, given: Given) -> list[Draft]:
    """Keep it no longer. Refused: `unknown_shadow` (404)."""
    del given
    check_reason(command.reason)
    shadow = find(shadows, command.name)
    if shadow is None:
        raise Refused("unknown_shadow", "no shadow policy has this name", status=404)
    return [Draft(facts=ShadowRemoved(name=shadow.name, number=shadow.number, reason=command.reason))]


def was_set(shadows: tuple[Shadow, ...], facts: ShadowSet, event: Event) -> Changes:
    shadow = Shadow(
        number=facts.number,
        name=facts.name,
        digest=facts.digest,
        document=facts.document,
        since=event.seq,
    )
    others = tuple(one for one in shadows if one.name != facts.name)
    return {"shadows": (*others, shadow), "shadows_set": facts.number}


def was_removed(shadows: tuple[Shadow, ...], facts: ShadowRemoved) -> Changes:
    return {"shadows": tuple(one for one in shadows if one.number != facts.number)}
