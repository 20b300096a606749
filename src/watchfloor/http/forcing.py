"""Break-glass as the asking person meets it (spec 3.2 *Break-glass*): may they force it, may they review it. The rules judge again."""

from __future__ import annotations

from typing import Any

from watchfloor.councils import forcing
from watchfloor.councils.decision import last_at
from watchfloor.engine import voting
from watchfloor.http.asking import Call


def may_force(call: Call, subject: int, state: Any) -> bool:
    """Could the asking person force it now? At level 4 also as the second of two, not twice."""
    who = call.principal
    if not who.may(forcing.FORCING_ROLE) or state.status != "pending" or call.now >= last_at(state):
        return False
    if state.level >= forcing.COMMITTEE_LEVEL and who.id in state.force_asked:
        return False
    seen = voting.forcing(call.read, subject, who.id, call.now, who.credential, forces=True)
    return not forcing.why_not(state, who.id, seen, forcing.FORCING_ROLE)


def may_review(call: Call, subject: int, state: Any) -> bool:
    """Could the asking person say now whether forcing it was right?"""
    who = call.principal
    if not state.forced_by or state.reviewed or who.id in state.forced_by:
        return False
    seen = voting.forcing(call.read, subject, who.id, call.now, who.credential, forces=False)
    return not forcing.why_not(state, who.id, seen, forcing.REVIEWING_ROLE)
