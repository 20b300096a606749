"""Bypass: for some hours nobody is asked about what takes one person's confirmation (spec 3.2 *Inbox*).

A director opens it, for one agent or all, for one type of action or all, with a reason that is never erased. The gate
sees it like a standing approval, so it answers at most level 2 and never the envelope, a breaker, a stop or containment;
what the platform itself carries out is never bypassed. Anybody who decides may end it. It counts only as long as
whoever opened it is enabled and a director still, and never for agents they own (engine/voting.py).
"""

from __future__ import annotations

import msgspec

from watchfloor.actions.bypass_messages import BypassEnded, BypassOpened, EndBypass, OpenBypass
from watchfloor.actions.names import fold
from watchfloor.kernel.folds import first, once
from watchfloor.kernel.ids import nonce_from
from watchfloor.kernel.instants import HOUR
from watchfloor.kernel.limits import BYPASS_HOURS_MAX, INTEGER_MAX
from watchfloor.kernel.messages import Draft, Event, Facts, Refused
from watchfloor.kernel.schema import check_name, check_range, check_reason
from watchfloor.kernel.subject import Given, Subject
from watchfloor.kernel.terms import PLATFORM_TYPES


class BypassState(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    seq: int
    agent: int
    action_type: str
    expires_at: int
    nonce: int
    ended: bool = False


def open_bypass(state: BypassState | None, command: OpenBypass, given: Given) -> list[Draft]:
    """For at most BYPASS_HOURS_MAX hours, by a person who says why."""
    if state is not None:
        return []
    if given.actor.kind != "person":
        raise Refused("not_your_vote", "a person answers for it", status=403)
    check_reason(command.reason)
    if not command.reason.strip():
        raise Refused("reason_missing", "say why nobody needs to look", field="/reason", status=422)
    check_range(command.agent, "/agent", 0, INTEGER_MAX)
    if command.type:
        check_name(command.type, "/type")
    if fold(command.type) in PLATFORM_TYPES:
        raise Refused("reserved_type", "what the platform does is never bypassed", field="/type", status=403)
    check_range(command.expires_at, "/expires_at", given.at + 1, given.at + BYPASS_HOURS_MAX * HOUR)
    facts = BypassOpened(
        action_type=fold(command.type),
        agent=command.agent,
        expires_at=command.expires_at,
        nonce=nonce_from(given.entropy),
        reason=command.reason,
        tell=command.tell,
    )
    return [Draft(facts=facts)]


def end_bypass(state: BypassState | None, command: EndBypass, given: Given) -> list[Draft]:
    """Take it back. Grants already given stand or fall at their start."""
    del command, given
    if state is None:
        raise Refused("unknown_bypass", "there is no such bypass", status=404)
    return [] if state.ended else [Draft(facts=BypassEnded())]


def _opened(facts: Facts, event: Event) -> BypassState:
    assert isinstance(facts, BypassOpened)
    return BypassState(
        seq=event.seq,
        agent=facts.agent,
        action_type=facts.action_type,
        expires_at=facts.expires_at,
        nonce=facts.nonce,
    )


def _ended(state: BypassState, facts: BypassEnded, event: Event) -> dict[str, object]:
    del state, facts, event
    return {"ended": True}


BYPASS = Subject(
    kind="bypass",
    state=BypassState,
    decide={OpenBypass: open_bypass, EndBypass: end_bypass},
    evolve={BypassOpened: first(_opened), BypassEnded: once(_ended)},
    live=lambda state: False,  # noqa: ARG005 - what is in force is known to a register
)
BYPASS_FACTS: tuple[type[Facts], ...] = (BypassOpened, BypassEnded)
